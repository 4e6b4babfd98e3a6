#include "sdes.h"

#include <string.h>

#include "../log.h"
#include "../text.h"

enum {
	MAX_LINES = 16,			/* of an offer that are looked at */
	MAX_PARAMS = 512,		/* [bytes] of a crypto's attribute */
	MASTER_MAX = 46,		/* [bytes] key and salt */
	BASE64_MAX = 64,		/* [characters] MASTER_MAX bytes in Base64 */
};

static const struct suite {		/* in the order of our offer: RFC 7714 13, RFC 4568 6.2 */
	enum srtp_suite suite;
	const char *name;
	size_t key_len, salt_len;
} suites[] = {
	{SRTP_AEAD_AES_256_GCM, "AEAD_AES_256_GCM", 32, 12},
	{SRTP_AEAD_AES_128_GCM, "AEAD_AES_128_GCM", 16, 12},
	{SRTP_AES128_CM_SHA1_80, "AES_CM_128_HMAC_SHA1_80", 16, 14},
	{SRTP_AES128_CM_SHA1_32, "AES_CM_128_HMAC_SHA1_32", 16, 14},
};

struct line {				/* a <crypto/> */
	guint64 tag;
	const struct suite *suite;
	struct srtp_keys keys;
};

struct sdes {
	void (*random)(uint8_t *out, size_t len);
	struct line ours[G_N_ELEMENTS(suites)];	/* of our offer, or the one of our accept */
	size_t nours;
	struct line theirs;		/* that is agreed upon; no suite: none yet */
	gboolean offered;		/* by us */
	const struct line *tx;		/* NULL: not agreed yet */
};

struct sdes *sdes_new(void (*random)(uint8_t *out, size_t len))
{
	struct sdes *s = g_new0(struct sdes, 1);

	s->random = random;
	return s;
}

void sdes_free(struct sdes *s)
{
	if (!s)
		return;
	explicit_bzero(s, sizeof(*s));
	g_free(s);
}

gboolean sdes_keys(const struct sdes *s, struct srtp_keys *tx, struct srtp_keys *rx)
{
	if (!s->tx)
		return FALSE;
	*tx = s->tx->keys;
	*rx = s->theirs.keys;
	return TRUE;
}

/* ---- ours ---- */

static void write_key(struct elem *crypto, const struct line *l)
{
	char text[sizeof("inline:") + BASE64_MAX] = "inline:";
	size_t len = strlen(text);
	uint8_t master[MASTER_MAX];
	int state = 0, save = 0;

	memcpy(master, l->keys.key, l->suite->key_len);
	memcpy(master + l->suite->key_len, l->keys.salt, l->suite->salt_len);
	len += g_base64_encode_step(master, l->suite->key_len + l->suite->salt_len, FALSE, text + len, &state, &save);
	len += g_base64_encode_close(FALSE, text + len, &state, &save);
	text[len] = '\0';
	elem_set(crypto, "key-params", text);
	explicit_bzero(master, sizeof(master));
	explicit_bzero(text, sizeof(text));
	explicit_bzero(&save, sizeof(save));
}

static void write_line(struct sdes *s, struct elem *encryption, const struct suite *suite, guint64 tag)
{
	struct line *l = &s->ours[s->nours++];
	struct elem *crypto = elem_add(encryption, "crypto", NULL);

	l->tag = tag;
	l->suite = suite;
	l->keys.suite = suite->suite;
	s->random(l->keys.key, suite->key_len);
	s->random(l->keys.salt, suite->salt_len);
	elem_set(crypto, "crypto-suite", suite->name);
	write_key(crypto, l);
	elem_setf(crypto, "tag", "%u", (unsigned)tag);
}

static void write_sdes(void *self, enum jingle_action action, struct elem *description, struct elem *transport)
{
	struct sdes *s = self;
	struct elem *encryption;

	if (!description || s->nours)
		return;
	if (action == JINGLE_SESSION_INITIATE) {
		s->offered = TRUE;
		encryption = elem_add(description, "encryption", NS_RTP);
		elem_set(encryption, "required", "1");
		for (size_t i = 0; i < G_N_ELEMENTS(suites); i++)
			write_line(s, encryption, &suites[i], i + 1);
	} else if (action == JINGLE_SESSION_ACCEPT && s->theirs.suite) {
		write_line(s, elem_add(description, "encryption", NS_RTP), s->theirs.suite, s->theirs.tag);
		s->tx = &s->ours[0];
	}
}

/* ---- theirs: one line ---- */

/* RFC 4568 4: values are case-insensitive, unless otherwise noted. */
static const struct suite *find_suite(const char *name)
{
	for (size_t i = 0; name && i < G_N_ELEMENTS(suites); i++)
		if (g_ascii_strcasecmp(name, suites[i].name) == 0)
			return &suites[i];
	return NULL;
}

/* The LEN characters of TEXT are the one Base64 spelling of exactly N bytes. */
static gboolean read_base64(const char *text, size_t len, uint8_t *out, size_t n)
{
	uint8_t bytes[BASE64_MAX];
	char again[BASE64_MAX + 4];
	gint state = 0, out_state = 0, out_save = 0;
	guint save = 0;
	gboolean good = len == (n + 2) / 3 * 4 && g_base64_decode_step(text, len, bytes, &state, &save) == n;
	size_t size;

	if (good) {
		size = g_base64_encode_step(bytes, n, FALSE, again, &out_state, &out_save);
		size += g_base64_encode_close(FALSE, again + size, &out_state, &out_save);
		good = size == len && memcmp(again, text, len) == 0;
	}
	if (good)
		memcpy(out, bytes, n);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(again, sizeof(again));
	explicit_bzero(&save, sizeof(save));
	explicit_bzero(&out_save, sizeof(out_save));
	return good;
}

/* "2^20" or "1048576"; empty is none of both. */
static gboolean is_lifetime(const char *text)
{
	gboolean power = g_str_has_prefix(text, "2^");
	guint64 n;

	return text_uint(power ? text + 2 : text, 1, power ? 48 : G_GUINT64_CONSTANT(1) << 48, &n);
}

/* "inline:" key||salt ["|" lifetime] ["|" MKI ":" length] [";" another], RFC 4568 6.1 */
static gboolean read_key(const char *params, const struct suite *suite, struct srtp_keys *out)
{
	uint8_t master[MASTER_MAX];
	const char *text = params + strlen("inline:");
	size_t len;

	if (g_ascii_strncasecmp(params, "inline:", strlen("inline:")) != 0 || strchr(params, ';'))
		return FALSE;
	len = strcspn(text, "|");
	if (text[len] && !is_lifetime(text + len + 1))	/* an MKI, or nonsense */
		return FALSE;
	if (!read_base64(text, len, master, suite->key_len + suite->salt_len))
		return FALSE;
	out->suite = suite->suite;
	memcpy(out->key, master, suite->key_len);
	memcpy(out->salt, master + suite->key_len, suite->salt_len);
	explicit_bzero(master, sizeof(master));
	return TRUE;
}

/* RFC 4568 6.3: one that we do not know may be passed over if a '-' says so; one that changes what goes over the wire may not,
 * however it is written. WSH hints at a replay window, and ours is wider than most. */
static gboolean is_harmless(const char *param)
{
	static const char *const harmful[] = {"UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP"};
	const char *name = *param == '-' ? param + 1 : param;
	guint64 n;

	for (size_t i = 0; i < G_N_ELEMENTS(harmful); i++)
		if (g_ascii_strcasecmp(name, harmful[i]) == 0)
			return FALSE;
	if (g_ascii_strncasecmp(name, "KDR=", 4) == 0)
		return text_uint(name + 4, 0, 0, &n);
	if (g_ascii_strncasecmp(name, "FEC_ORDER=", 10) == 0 || g_ascii_strncasecmp(name, "FEC_KEY=", 8) == 0)
		return FALSE;
	if (g_ascii_strncasecmp(name, "WSH=", 4) == 0)
		return text_uint(name + 4, 64, G_MAXUINT32, &n);
	return *param == '-' && *name;
}

static gboolean are_harmless(const char *params)
{
	g_auto(GStrv) words = g_strsplit_set(params, " \t\r\n", -1);

	for (char **w = words; *w; w++)
		if (**w && !is_harmless(*w))
			return FALSE;
	return TRUE;
}

static gboolean read_line(const struct elem *crypto, struct line *out)
{
	const char *key = elem_attr(crypto, "key-params"), *session = elem_attr(crypto, "session-params");
	const char *tag = elem_attr(crypto, "tag");

	memset(out, 0, sizeof(*out));
	if (!tag || strlen(tag) > 9 || !text_uint(tag, 0, 999999999, &out->tag))
		return FALSE;
	out->suite = find_suite(elem_attr(crypto, "crypto-suite"));
	if (!out->suite || !key || strlen(key) > MAX_PARAMS || !read_key(key, out->suite, &out->keys))
		return FALSE;
	return !session || (strlen(session) <= MAX_PARAMS && are_harmless(session));
}

/* ---- theirs: all of them ---- */

/* The first usable one. Two with the same tag: an answer could not tell which is meant. */
static enum jc_err read_offer(struct sdes *s, const struct elem *encryption)
{
	struct line found[MAX_LINES];
	const struct elem *e;
	enum jc_err err = JC_OK;
	size_t n = 0;

	for (e = elem_child(encryption, "crypto", NS_RTP); e && n < MAX_LINES && err == JC_OK; e = elem_next(e, "crypto", NS_RTP)) {
		if (!read_line(e, &found[n]))
			continue;
		for (size_t i = 0; i < n; i++)
			if (found[i].tag == found[n].tag)
				err = JC_SECURITY;
		n++;
	}
	if (!n) {
		log_info("sdes", "none of the keys that the peer's client offers (SDES) is usable");
		err = JC_SECURITY;
	}
	if (err == JC_OK)
		s->theirs = found[0];
	explicit_bzero(found, sizeof(found));
	return err;
}

static const struct line *find_ours(const struct sdes *s, const struct line *theirs)
{
	for (size_t i = 0; i < s->nours; i++)
		if (s->ours[i].tag == theirs->tag && s->ours[i].suite == theirs->suite)
			return &s->ours[i];
	return NULL;
}

/* With one key for both directions an attacker could send us our own words, and cancel the cipher out (RFC 3711 9.1). */
static gboolean is_echo(const struct sdes *s, const struct line *theirs)
{
	for (size_t i = 0; i < s->nours; i++)
		if (memcmp(s->ours[i].keys.key, theirs->keys.key, 16) == 0)
			return TRUE;
	return FALSE;
}

/* RFC 4568 5.1.2: exactly one, with tag and suite of one that was offered. */
static enum jc_err read_answer(struct sdes *s, const struct elem *encryption)
{
	const struct elem *e = elem_child(encryption, "crypto", NS_RTP);
	struct line l;
	const struct line *ours;
	enum jc_err err = JC_SECURITY;

	if (e && !elem_next(e, "crypto", NS_RTP) && read_line(e, &l)) {
		ours = find_ours(s, &l);
		if (ours && !is_echo(s, &l)) {
			s->theirs = l;
			s->tx = ours;
			err = JC_OK;
		}
	}
	explicit_bzero(&l, sizeof(l));
	return err;
}

static gboolean is_same(const struct line *a, const struct line *b)
{
	return a->tag == b->tag && a->suite == b->suite && memcmp(a->keys.key, b->keys.key, a->suite->key_len) == 0 &&
		memcmp(a->keys.salt, b->keys.salt, a->suite->salt_len) == 0;
}

/* What was agreed may be said again, among the rest of an offer too; anything else is a change. */
static enum jc_err read_again(const struct sdes *s, const struct elem *encryption)
{
	struct line l;
	enum jc_err err = JC_SECURITY;
	unsigned n = 0;

	for (const struct elem *e = elem_child(encryption, "crypto", NS_RTP); e && n < MAX_LINES && err != JC_OK;
	     e = elem_next(e, "crypto", NS_RTP), n++)
		if (read_line(e, &l) && is_same(&l, &s->theirs))
			err = JC_OK;
	explicit_bzero(&l, sizeof(l));
	return err;
}

static enum jc_err read_sdes(void *self, enum jingle_action action, const struct elem *description,
			     const struct elem *transport)
{
	struct sdes *s = self;
	const struct elem *encryption = elem_child(description, "encryption", NS_RTP);
	gboolean must = action == JINGLE_SESSION_INITIATE || action == JINGLE_SESSION_ACCEPT;

	if (!encryption)
		return must ? JC_SECURITY : JC_OK;
	if (elem_next(encryption, "encryption", NS_RTP))
		return JC_SECURITY;			/* which of them counts? */
	if (s->theirs.suite)
		return read_again(s, encryption);
	if (action == JINGLE_SESSION_INITIATE && !s->offered)
		return read_offer(s, encryption);
	if (action == JINGLE_SESSION_ACCEPT && s->offered)
		return read_answer(s, encryption);
	return must ? JC_SECURITY : JC_OK;		/* too early to mean anything */
}

static gboolean is_in(const struct elem *description, const struct elem *transport)
{
	return elem_child(elem_child(description, "encryption", NS_RTP), "crypto", NS_RTP) != NULL;
}

const struct jingle_keying jingle_sdes = {.name = "SDES-SRTP", .in = is_in, .write = write_sdes, .read = read_sdes};
