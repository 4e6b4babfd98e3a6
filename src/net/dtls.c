#include "dtls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/time.h>

#include "../err.h"

enum { MTU = 1200, VALID_DAYS = 30, HELLO_TIMEOUT_US = 100000, FLIGHT_TIMEOUT_US = 300000, LAST_TIMEOUT_US = 3000000 };
#define PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"

struct dtls_cert {
	EVP_PKEY *key;
	X509 *cert;
	struct dtls_fingerprint fingerprint;
};

struct dtls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in;			/* borrowed from ssl */
	struct dtls_fingerprint peer;
	void (*send)(void *self, const uint8_t *data, size_t len);
	void *self;
	uint8_t out[MTU];		/* a datagram that is being filled */
	size_t out_len;
	enum dtls_status status;
	gboolean closed;
	gint64 deadline_us;
	GError *error;
};

/* ---- our certificate ---- */

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name;
	guint64 serial = 0;

	if (!cert)
		return NULL;
	RAND_bytes((unsigned char *)&serial, sizeof(serial));
	X509_set_version(cert, 2);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -24 * 3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), VALID_DAYS * 24 * 3600);
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"jcall", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	if (X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static const EVP_MD *digest_of(enum dtls_hash hash)
{
	return hash == DTLS_SHA512 ? EVP_sha512() : hash == DTLS_SHA384 ? EVP_sha384() : EVP_sha256();
}

struct dtls_cert *dtls_cert_new(GError **error)
{
	struct dtls_cert *c = g_new0(struct dtls_cert, 1);
	unsigned len = 0;

	c->key = EVP_EC_gen("P-256");
	c->cert = c->key ? self_signed(c->key) : NULL;
	if (!c->cert || !X509_digest(c->cert, EVP_sha256(), c->fingerprint.value, &len)) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "OpenSSL made no certificate");
		dtls_cert_free(c);
		return NULL;
	}
	c->fingerprint.hash = DTLS_SHA256;
	c->fingerprint.len = len;
	return c;
}

void dtls_cert_free(struct dtls_cert *c)
{
	if (!c)
		return;
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	g_free(c);
}

void dtls_cert_fingerprint(const struct dtls_cert *c, struct dtls_fingerprint *out)
{
	*out = c->fingerprint;
}

/* ---- datagrams out: OpenSSL writes whole records. It repeats a flight a record at a time, of which five would have to arrive on
 * a line that loses packets: what it writes in one go leaves in one datagram, as the first time ---- */

static void flush(struct dtls *d)
{
	if (d->out_len)
		d->send(d->self, d->out, d->out_len);
	d->out_len = 0;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct dtls *d = BIO_get_data(bio);

	if ((size_t)len > sizeof(d->out) - d->out_len)
		flush(d);
	if ((size_t)len > sizeof(d->out))
		return len;			/* no record is larger than the MTU that OpenSSL was told */
	memcpy(d->out + d->out_len, data, (size_t)len);
	d->out_len += (size_t)len;
	return len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return MTU;
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

/* ---- the handshake ---- */

/* A hello is one message, repeated soon at little cost. A flight of five takes Dino's GnuTLS 204 ms, and each message of it
 * that is repeated meanwhile 50 ms more: sound began 0.25 s later when all was repeated after 100 ms. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	if (last_us > 0)
		return MIN(last_us * 2, LAST_TIMEOUT_US);
	return SSL_get_state(ssl) == TLS_ST_CW_CLNT_HELLO ? HELLO_TIMEOUT_US : FLIGHT_TIMEOUT_US;
}

/* The chain says nothing: what counts is the fingerprint, compared after the handshake and before any key is used. Dates
 * are not looked at either: Dino's certificate is valid from tomorrow on. */
static int accept_any(int preverified, X509_STORE_CTX *store)
{
	return 1;
}

static void set_error(struct dtls *d, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	d->status = DTLS_FAILED;
	d->deadline_us = G_MAXINT64;
	if (!d->error)
		d->error = g_error_new(JC_ERROR, JC_SECURITY, "%s%s%s%s", what, reason ? " (" : "", reason ? reason : "",
				       reason ? ")" : "");
}

static SSL_CTX *make_ctx(const struct dtls_cert *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (SSL_CTX_use_certificate(ctx, cert->cert) == 1 && SSL_CTX_use_PrivateKey(ctx, cert->key) == 1 &&
	    SSL_CTX_set_tlsext_use_srtp(ctx, PROFILES) == 0)	/* 0 is success */
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct dtls *dtls_new(const struct dtls_cert *cert, gboolean client, const struct dtls_fingerprint *peer,
		      void (*send)(void *self, const uint8_t *data, size_t len), void *self, GError **error)
{
	struct dtls *d = g_new0(struct dtls, 1);
	BIO *out;

	d->peer = *peer;
	d->send = send;
	d->self = self;
	d->deadline_us = G_MAXINT64;
	d->ctx = make_ctx(cert);
	d->ssl = d->ctx ? SSL_new(d->ctx) : NULL;
	if (!d->ssl) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "OpenSSL cannot do DTLS-SRTP here");
		dtls_free(d);
		return NULL;
	}
	d->in = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(d->in, -1);
	out = BIO_new(bio_method());
	BIO_set_data(out, d);
	BIO_set_init(out, 1);
	SSL_set_bio(d->ssl, d->in, out);
	SSL_set_mtu(d->ssl, MTU);
	DTLS_set_link_mtu(d->ssl, MTU);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	if (client)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	return d;
}

void dtls_set_profiles(struct dtls *d, const char *profiles)
{
	SSL_set_tlsext_use_srtp(d->ssl, profiles);
}

void dtls_free(struct dtls *d)
{
	if (!d)
		return;
	SSL_free(d->ssl);
	SSL_CTX_free(d->ctx);
	g_clear_error(&d->error);
	g_free(d);
}

/* OpenSSL keeps its own clock: only how long it wants to wait is asked of it. */
static void update_deadline(struct dtls *d, gint64 now_us)
{
	struct timeval left;

	d->deadline_us = G_MAXINT64;
	if (d->status == DTLS_HANDSHAKING && DTLSv1_get_timeout(d->ssl, &left))
		d->deadline_us = now_us + (gint64)left.tv_sec * G_USEC_PER_SEC + left.tv_usec;
}

static gboolean fingerprint_matches(struct dtls *d)
{
	X509 *cert = SSL_get1_peer_certificate(d->ssl);
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	gboolean same = FALSE;

	if (cert && X509_digest(cert, digest_of(d->peer.hash), value, &len))
		same = len == d->peer.len && CRYPTO_memcmp(value, d->peer.value, len) == 0;
	X509_free(cert);
	return same;
}

static void judge(struct dtls *d)
{
	if (!fingerprint_matches(d))
		set_error(d, "the peer's certificate is not the one it announced: somebody may be listening in");
	else if (!SSL_get_selected_srtp_profile(d->ssl))	/* the handshake succeeds all the same without one */
		set_error(d, "the peer's client knows no common way of media encryption");
	else
		d->status = DTLS_DONE;
}

static void step(struct dtls *d)
{
	int result, why;

	if (d->status != DTLS_HANDSHAKING)
		return;
	ERR_clear_error();
	result = SSL_do_handshake(d->ssl);
	if (result == 1) {
		judge(d);
		return;
	}
	why = SSL_get_error(d->ssl, result);
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		set_error(d, "the encryption handshake failed");
}

/* OpenSSL would do so from inside SSL_do_handshake, and what it repeats would share a datagram with what it says next. OpenSSL itself
 * drops what follows a message that it had before. */
static void repeat_if_due(struct dtls *d)
{
	if (DTLSv1_handle_timeout(d->ssl) < 0)
		set_error(d, "the encryption handshake got no answer");
	flush(d);
}

enum dtls_status dtls_start(struct dtls *d, gint64 now_us)
{
	step(d);
	flush(d);
	update_deadline(d, now_us);
	return d->status;
}

enum dtls_status dtls_input(struct dtls *d, const uint8_t *data, size_t len, gint64 now_us)
{
	char sink[256];

	if (d->status == DTLS_FAILED || len > G_MAXINT)
		return d->status;
	BIO_write(d->in, data, (int)len);
	if (d->status == DTLS_HANDSHAKING) {
		repeat_if_due(d);
		step(d);
	} else {
		/* A repeated last flight of the peer makes OpenSSL repeat ours; application data is nobody's. */
		while (SSL_read(d->ssl, sink, sizeof(sink)) > 0)
			;
		ERR_clear_error();
		if (SSL_get_shutdown(d->ssl) & SSL_RECEIVED_SHUTDOWN)
			d->closed = TRUE;
	}
	flush(d);
	(void)BIO_reset(d->in);			/* one datagram at a time: a rest of it is garbage */
	update_deadline(d, now_us);
	return d->status;
}

enum dtls_status dtls_expire(struct dtls *d, gint64 now_us)
{
	if (d->status == DTLS_HANDSHAKING && now_us >= d->deadline_us)
		repeat_if_due(d);
	update_deadline(d, now_us);
	/* OpenSSL's clock may be a little behind ours: never ask for the same moment again. */
	if (d->deadline_us <= now_us)
		d->deadline_us = now_us + 5000;
	return d->status;
}

gint64 dtls_deadline(const struct dtls *d)
{
	return d->deadline_us;
}

const GError *dtls_error(const struct dtls *d)
{
	return d->error;
}

gboolean dtls_closed(const struct dtls *d)
{
	return d->closed;
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
gboolean dtls_keys(const struct dtls *d, struct srtp_keys *tx, struct srtp_keys *rx)
{
	SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
	struct srtp_keys client = {0}, server = {0};
	uint8_t material[2 * (32 + 14)], *p = material;
	size_t key_len, salt_len;

	if (d->status != DTLS_DONE || !profile)
		return FALSE;
	client.suite = server.suite = (enum srtp_suite)profile->id;
	key_len = profile->id == SRTP_AEAD_AES_256_GCM ? 32 : 16;
	salt_len = profile->id == SRTP_AEAD_AES_128_GCM || profile->id == SRTP_AEAD_AES_256_GCM ? 12 : 14;
	if (SSL_export_keying_material(d->ssl, material, 2 * (key_len + salt_len), "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1)
		return FALSE;
	memcpy(client.key, p, key_len);
	memcpy(server.key, p += key_len, key_len);
	memcpy(client.salt, p += key_len, salt_len);
	memcpy(server.salt, p + salt_len, salt_len);
	*tx = SSL_is_server(d->ssl) ? server : client;
	*rx = SSL_is_server(d->ssl) ? client : server;
	explicit_bzero(material, sizeof(material));
	explicit_bzero(&client, sizeof(client));
	explicit_bzero(&server, sizeof(server));
	return TRUE;
}

void dtls_bye(struct dtls *d)
{
	if (d->status == DTLS_DONE)
		SSL_shutdown(d->ssl);
	flush(d);
	ERR_clear_error();
}
