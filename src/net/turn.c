#include "turn.h"

#include <string.h>

#include "../text.h"

enum {
	HEADER = 20,
	ALLOCATE = 0x0003, ALLOCATED = 0x0103, NOT_ALLOCATED = 0x0113, REFRESH = 0x0004,
	USERNAME = 0x0006, MESSAGE_INTEGRITY = 0x0008, ERROR_CODE = 0x0009, LIFETIME = 0x000d, REALM = 0x0014, NONCE = 0x0015,
	XOR_RELAYED_ADDRESS = 0x0016, REQUESTED_TRANSPORT = 0x0019,
	UNAUTHENTICATED = 401, STALE_NONCE = 438,
	SHA1_SIZE = 20, MD5_SIZE = 16,
};

/* ---- writing ---- */

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static size_t add(uint8_t *out, size_t at, unsigned type, const void *value, size_t size)
{
	put16(out + at, type);
	put16(out + at + 2, size);
	memset(out + at + 4, 0, (size + 3) & ~(size_t)3);
	memcpy(out + at + 4, value, size);
	return at + 4 + ((size + 3) & ~(size_t)3);
}

static size_t add_text(uint8_t *out, size_t at, unsigned type, const char *text)
{
	return add(out, at, type, text, MIN(strlen(text), TURN_TEXT - 1));
}

/* RFC 8489 9.2.2: the key of long-term credentials. */
static void make_key(const struct turn_login *login, uint8_t key[MD5_SIZE])
{
	g_autoptr(GChecksum) md5 = g_checksum_new(G_CHECKSUM_MD5);
	gsize size = MD5_SIZE;

	g_checksum_update(md5, (const guchar *)login->user, -1);
	g_checksum_update(md5, (const guchar *)":", 1);
	g_checksum_update(md5, (const guchar *)login->realm, -1);
	g_checksum_update(md5, (const guchar *)":", 1);
	g_checksum_update(md5, (const guchar *)login->password, -1);
	g_checksum_get_digest(md5, key, &size);
}

/* RFC 8489 14.5: over all before it, with a length as if it were there already. */
static size_t sign(uint8_t *out, size_t len, const struct turn_login *login)
{
	uint8_t key[MD5_SIZE], digest[SHA1_SIZE];
	gsize size = sizeof(digest);
	GHmac *hmac;

	make_key(login, key);
	put16(out + 2, len + 4 + SHA1_SIZE - HEADER);
	hmac = g_hmac_new(G_CHECKSUM_SHA1, key, sizeof(key));
	g_hmac_update(hmac, out, (gssize)len);
	g_hmac_get_digest(hmac, digest, &size);
	g_hmac_unref(hmac);
	explicit_bzero(key, sizeof(key));
	return add(out, len, MESSAGE_INTEGRITY, digest, sizeof(digest));
}

static size_t finish(uint8_t *out, size_t len, const struct turn_login *login)
{
	if (login->nonce[0]) {
		len = add_text(out, len, USERNAME, login->user);
		len = add_text(out, len, REALM, login->realm);
		len = add_text(out, len, NONCE, login->nonce);
		return sign(out, len, login);
	}
	put16(out + 2, len - HEADER);
	return len;
}

size_t turn_allocate(uint8_t out[TURN_REQUEST_MAX], const uint8_t id[STUN_ID_SIZE], const struct turn_login *login)
{
	static const uint8_t udp[4] = {17};

	stun_request(out, id);
	put16(out, ALLOCATE);
	return finish(out, add(out, HEADER, REQUESTED_TRANSPORT, udp, sizeof(udp)), login);
}

size_t turn_release(uint8_t out[TURN_REQUEST_MAX], const uint8_t id[STUN_ID_SIZE], const struct turn_login *login)
{
	static const uint8_t now[4];

	stun_request(out, id);
	put16(out, REFRESH);
	return finish(out, add(out, HEADER, LIFETIME, now, sizeof(now)), login);
}

/* ---- reading ---- */

static gboolean take_text(const uint8_t *data, size_t len, unsigned type, char out[TURN_TEXT])
{
	size_t size;
	const uint8_t *value = stun_attribute(data, len, type, &size);

	if (!value || size == 0 || size >= TURN_TEXT || memchr(value, '\0', size))
		return FALSE;
	memcpy(out, value, size);
	out[size] = '\0';
	return TRUE;
}

/* A server that does not like who we are asks again, too: only the first time, or when the nonce is old, is it a question. */
static enum turn_verdict read_refusal(const uint8_t *data, size_t len, struct turn_login *login, struct turn_answer *out)
{
	size_t size;
	const uint8_t *value = stun_attribute(data, len, ERROR_CODE, &size);
	g_autofree char *raw = NULL, *clean = NULL;
	gboolean asks;

	if (!value || size < 4 || (value[2] & 7) < 3 || (value[2] & 7) > 6 || value[3] > 99)
		return TURN_NOTHING;
	out->code = (value[2] & 7u) * 100 + value[3];
	asks = out->code == STALE_NONCE || (out->code == UNAUTHENTICATED && !login->nonce[0]);
	if (asks && take_text(data, len, REALM, login->realm) && take_text(data, len, NONCE, login->nonce))
		return TURN_WHO;
	raw = g_strndup((const char *)value + 4, size - 4);
	clean = text_clean(raw, TURN_WORDS);
	g_strlcpy(out->words, clean, sizeof(out->words));
	return TURN_REFUSED;
}

enum turn_verdict turn_read(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE], struct turn_login *login,
			    struct turn_answer *out)
{
	unsigned type = stun_answer_type(data, len, id);
	const uint8_t *value;
	size_t size;

	if (type == NOT_ALLOCATED)
		return read_refusal(data, len, login, out);
	value = type == ALLOCATED ? stun_attribute(data, len, XOR_RELAYED_ADDRESS, &size) : NULL;
	return value && stun_address(value, size, data, out->ip, &out->port) ? TURN_GRANTED : TURN_NOTHING;
}
