/* dtls_attempt.c - one handshake of OpenSSL's, and the records that go into it and come out of it. */
#include "dtls_priv.h"

#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/time.h>

#define LABEL "EXTRACTOR-dtls_srtp"		/* RFC 5764 4.2 */

enum {
	HELLO_TIMEOUT_US = 100000,
	FLIGHT_TIMEOUT_US = 300000,
	LAST_TIMEOUT_US = 3000000,
	GCM_LEAST = 8 + 16,		/* [bytes] RFC 5288 3: explicit nonce and tag */
	CHACHA_LEAST = 16,		/* [bytes] RFC 7905: the tag */
	CLOSE_NOTIFY = 0,
};

/* ---- records out ---- */

/* The hash over the handshake, which the peer signs, covers messages as if they had never been fragmented. */
static void note_transcript(struct attempt *a, const struct dtls_record *r)
{
	const uint8_t *at = r->body;
	size_t left = r->len;
	struct dtls_piece piece;

	while (!a->transcript_ends && left && dtls_next_piece(&at, &left, &piece)) {
		if (piece.offset == 0) {
			struct dtls_piece empty = {.type = piece.type, .seq = piece.seq, .body = piece.body};
			guint head = a->transcript->len;

			dtls_put_message(a->transcript, &empty);
			for (unsigned i = 0; i < 3; i++)	/* its length, in both places */
				a->transcript->data[head + 1 + i] = a->transcript->data[head + 9 + i] =
					(uint8_t)(piece.total >> (16 - 8 * i));
		}
		g_byte_array_append(a->transcript, piece.body, (guint)piece.len);
		a->transcript_ends = piece.type == DTLS_SERVER_DONE;
	}
}

/* OpenSSL answers what it cannot read by an alert, which the peer would believe although whatever came may have been
 * forged. Only our goodbye is one. */
static int bio_write(BIO *bio, const char *data, int len)
{
	struct attempt *a = BIO_get_data(bio);
	const uint8_t *at = (const uint8_t *)data;
	size_t left = (size_t)len;
	struct dtls_record r;

	while (left && dtls_next_record(&at, &left, &r)) {
		if (a->mute || (r.type == DTLS_ALERT && !a->leaving))
			continue;
		if (a->transcript && r.type == DTLS_HANDSHAKE && r.epoch == 0)
			note_transcript(a, &r);
		a->out(a->self, r.whole, r.whole_len);
	}
	return len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MTU;
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method(void)
{
	static gsize method;

	if (g_once_init_enter(&method)) {
		BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "jcall datagrams");

		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
		g_once_init_leave(&method, (gsize)m);
	}
	return (BIO_METHOD *)method;
}

/* ---- making one ---- */

/* A hello is one message, repeated soon at little cost. A flight of five takes Dino's GnuTLS 204 ms, and each message of it
 * that is repeated meanwhile 50 ms more: sound began 0.25 s later when all was repeated after 100 ms. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	if (last_us > 0)
		return MIN(last_us * 2, LAST_TIMEOUT_US);
	return SSL_get_state(ssl) == TLS_ST_CW_CLNT_HELLO ? HELLO_TIMEOUT_US : FLIGHT_TIMEOUT_US;
}

/* OpenSSL tells of alerts behind their decryption; those in the clear are never handed to it. */
static void on_info(const SSL *ssl, int where, int value)
{
	struct attempt *a = SSL_get_app_data(ssl);

	if (where != SSL_CB_READ_ALERT)
		return;
	if ((value & 0xff) == CLOSE_NOTIFY)
		a->closed = TRUE;
	else if (value >> 8 == SSL3_AL_FATAL)
		a->alert = value & 0xff;
}

static int give_cookie(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	const struct attempt *a = SSL_get_app_data(ssl);

	memcpy(cookie, a->cookie, DTLS_COOKIE);
	*len = DTLS_COOKIE;
	return 1;
}

/* dtls.c has done so. */
static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	return 1;
}

static void ask_for_cookie(struct attempt *a, SSL_CTX *ctx, const uint8_t *cookie)
{
	a->cookie = cookie;
	SSL_CTX_set_cookie_generate_cb(ctx, give_cookie);
	SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
	SSL_set_options(a->ssl, SSL_OP_COOKIE_EXCHANGE);
}

struct attempt *attempt_new(SSL_CTX *ctx, gboolean client, const uint8_t *cookie,
			    void (*out)(void *self, const uint8_t *record, size_t len), void *self)
{
	SSL *ssl = SSL_new(ctx);
	struct attempt *a;
	BIO *bio;

	if (!ssl)
		return NULL;
	a = g_new0(struct attempt, 1);
	a->ssl = ssl;
	a->out = out;
	a->self = self;
	a->alert = -1;
	a->first = client ? 0 : 1;
	if (!client)
		a->transcript = g_byte_array_new();
	a->in = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(a->in, -1);
	bio = BIO_new(bio_method());
	BIO_set_data(bio, a);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, a->in, bio);
	SSL_set_mtu(ssl, DTLS_MTU);
	DTLS_set_link_mtu(ssl, DTLS_MTU);
	DTLS_set_timer_cb(ssl, next_timeout);
	SSL_set_app_data(ssl, a);
	SSL_set_info_callback(ssl, on_info);
	if (cookie)
		ask_for_cookie(a, ctx, cookie);
	if (client)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	return a;
}

void attempt_free(struct attempt *a)
{
	if (!a)
		return;
	SSL_free(a->ssl);
	if (a->transcript)
		g_byte_array_unref(a->transcript);
	g_free(a);
}

/* ---- the handshake ---- */

static void break_off(struct attempt *a)
{
	unsigned long code = ERR_get_error();

	ERR_clear_error();
	a->state = ATTEMPT_BROKEN;
	a->trouble = code ? ERR_reason_error_string(code) : NULL;
}

static void step(struct attempt *a)
{
	int result, why;

	if (a->state == ATTEMPT_BROKEN)
		return;
	ERR_clear_error();
	result = SSL_do_handshake(a->ssl);
	why = SSL_get_error(a->ssl, result);
	if (result == 1)
		a->state = ATTEMPT_FINISHED;
	else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		break_off(a);
}

void attempt_begin(struct attempt *a)
{
	step(a);
	SSL_get_client_random(a->ssl, a->random, sizeof(a->random));
}

/* The record is one that we make up: in the clear its head proves nothing, and OpenSSL judges repetitions by it. */
static void put_record(struct attempt *a, enum dtls_content type, const uint8_t *body, size_t len)
{
	const uint8_t head[DTLS_RECORD_HEAD] = {
		(uint8_t)type, 0xfe, 0xfd, 0, 0, 0, 0, (uint8_t)(a->records >> 24), (uint8_t)(a->records >> 16),
		(uint8_t)(a->records >> 8), (uint8_t)a->records, (uint8_t)(len >> 8), (uint8_t)len};
	g_autoptr(GByteArray) record = g_byte_array_sized_new((guint)(sizeof(head) + len));

	a->records++;
	g_byte_array_append(record, head, sizeof(head));
	g_byte_array_append(record, body, (guint)len);
	BIO_write(a->in, record->data, (int)record->len);
}

void attempt_hear(struct attempt *a, const struct dtls_piece *m)
{
	g_autoptr(GByteArray) message = g_byte_array_new();

	if (a->state == ATTEMPT_BROKEN)
		return;
	dtls_put_message(message, m);
	put_record(a, DTLS_HANDSHAKE, message->data, message->len);
	step(a);
	(void)BIO_reset(a->in);
}

/* OpenSSL counts messages from its own HelloVerifyRequest on, which dtls.c has sent without it: it is told the hello without the
 * cookie first, and not heard. */
static void hear_hello_before_cookie(struct attempt *a, const struct dtls_piece *m, const struct dtls_hello *hello)
{
	size_t rest = m->total - hello->cookie_at - hello->cookie_len;
	g_autofree uint8_t *body = g_malloc(m->total);
	struct dtls_piece bare = *m;

	memcpy(body, m->body, hello->cookie_at);
	body[hello->cookie_at - 1] = 0;
	memcpy(body + hello->cookie_at, m->body + hello->cookie_at + hello->cookie_len, rest);
	bare.seq = 0;
	bare.body = body;
	bare.total = bare.len = hello->cookie_at + rest;
	a->mute = TRUE;
	attempt_hear(a, &bare);
	a->mute = FALSE;
}

void attempt_hear_hello(struct attempt *a, const struct dtls_piece *m, const struct dtls_hello *hello)
{
	memcpy(a->random, hello->random, sizeof(a->random));
	a->first = m->seq + 1u;
	if (a->cookie)
		hear_hello_before_cookie(a, m, hello);
	dtls_put_message(a->transcript, m);
	attempt_hear(a, m);
}

/* A ChangeCipherSpec says nothing that is not known here, and has no number: the peer's own may be forged or early, and is
 * not looked at. */
void attempt_seal(struct attempt *a, gint64 now_us)
{
	static const uint8_t change[1] = {1};
	OSSL_HANDSHAKE_STATE at;

	if (a->state != ATTEMPT_OPEN)
		return;
	put_record(a, DTLS_CCS, change, sizeof(change));
	step(a);
	(void)BIO_reset(a->in);
	at = SSL_get_state(a->ssl);
	a->sealed_us = now_us;
	if (a->state == ATTEMPT_OPEN && (at == TLS_ST_CR_CHANGE || at == TLS_ST_SR_CHANGE))
		a->state = ATTEMPT_SEALED;
	else
		break_off(a);
}

/* RFC 6347 4.1.2.7: what cannot be authentic is dropped in silence. OpenSSL drops what does not decrypt, but takes a record
 * that is too short for its cipher for a fault of its own. */
static size_t least_sealed(const struct attempt *a)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(a->ssl);
	int kind = cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef;

	return kind == NID_chacha20_poly1305 ? CHACHA_LEAST : GCM_LEAST;
}

/* Behind the handshake a repeated last flight of the peer makes OpenSSL repeat ours; application data is nobody's. */
void attempt_hear_sealed(struct attempt *a, const uint8_t *record, size_t len)
{
	char sink[256];

	if ((a->state != ATTEMPT_SEALED && a->state != ATTEMPT_FINISHED) ||
	    len < DTLS_RECORD_HEAD + least_sealed(a))
		return;
	BIO_write(a->in, record, (int)len);
	if (a->state == ATTEMPT_SEALED)
		step(a);
	else
		while (SSL_read(a->ssl, sink, sizeof(sink)) > 0)
			;
	ERR_clear_error();
	(void)BIO_reset(a->in);
}

void attempt_expire(struct attempt *a)
{
	if (a->state == ATTEMPT_BROKEN || a->state == ATTEMPT_FINISHED)
		return;
	if (DTLSv1_handle_timeout(a->ssl) < 0) {
		break_off(a);
		a->trouble = "no answer";
	}
}

/* OpenSSL keeps its own clock: only how long it wants to wait is asked of it. */
gint64 attempt_wait_us(const struct attempt *a)
{
	struct timeval left;

	if (a->state == ATTEMPT_BROKEN || a->state == ATTEMPT_FINISHED || !DTLSv1_get_timeout(a->ssl, &left))
		return G_MAXINT64;
	return (gint64)left.tv_sec * G_USEC_PER_SEC + left.tv_usec;
}

/* ---- what came of it ---- */

gboolean attempt_is_with(const struct attempt *a, const struct dtls_fingerprint *announced)
{
	X509 *cert = SSL_get1_peer_certificate(a->ssl);
	unsigned char *der = NULL;
	int len = cert ? i2d_X509(cert, &der) : -1;
	gboolean same = len > 0 && dtls_leaf_matches(announced, der, (size_t)len);

	OPENSSL_free(der);
	X509_free(cert);
	return same;
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
gboolean attempt_keys(const struct attempt *a, struct srtp_keys *tx, struct srtp_keys *rx)
{
	SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(a->ssl);
	struct srtp_keys client = {0}, server = {0};
	uint8_t material[2 * (32 + 14)], *p = material;
	size_t key_len, salt_len;

	if (a->state != ATTEMPT_FINISHED || !profile)
		return FALSE;
	client.suite = server.suite = (enum srtp_suite)profile->id;
	key_len = profile->id == SRTP_AEAD_AES_256_GCM ? 32 : 16;
	salt_len = profile->id == SRTP_AEAD_AES_128_GCM || profile->id == SRTP_AEAD_AES_256_GCM ? 12 : 14;
	if (SSL_export_keying_material(a->ssl, material, 2 * (key_len + salt_len), LABEL, strlen(LABEL), NULL, 0, 0) != 1)
		return FALSE;
	memcpy(client.key, p, key_len);
	memcpy(server.key, p += key_len, key_len);
	memcpy(client.salt, p += key_len, salt_len);
	memcpy(server.salt, p + salt_len, salt_len);
	*tx = SSL_is_server(a->ssl) ? server : client;
	*rx = SSL_is_server(a->ssl) ? client : server;
	explicit_bzero(material, sizeof(material));
	explicit_bzero(&client, sizeof(client));
	explicit_bzero(&server, sizeof(server));
	return TRUE;
}

void attempt_bye(struct attempt *a)
{
	a->leaving = TRUE;
	if (a->state == ATTEMPT_FINISHED)
		SSL_shutdown(a->ssl);
	ERR_clear_error();
}
