/* dtls_cert.c - certificates: ours, and what the peer's proves. */
#include "dtls_priv.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>
#include <string.h>

#include "../err.h"

enum { VALID_DAYS = 30 };
#define PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
/* AEAD alone: a forged record of another kind can make OpenSSL fail before it has checked who sent it. */
#define CIPHERS  "ECDHE+AESGCM:ECDHE+CHACHA20"

/* What a peer may sign with. */
static const struct scheme {
	uint16_t id;
	const char *name, *digest;	/* NAME in OpenSSL's notation; DIGEST NULL: the scheme has its own */
	int type, padding;
} schemes[] = {
	{0x0403, "ecdsa_secp256r1_sha256", "SHA256", EVP_PKEY_EC, 0},
	{0x0503, "ecdsa_secp384r1_sha384", "SHA384", EVP_PKEY_EC, 0},
	{0x0603, "ecdsa_secp521r1_sha512", "SHA512", EVP_PKEY_EC, 0},
	{0x0807, "ed25519", NULL, EVP_PKEY_ED25519, 0},
	{0x0804, "rsa_pss_rsae_sha256", "SHA256", EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING},
	{0x0805, "rsa_pss_rsae_sha384", "SHA384", EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING},
	{0x0806, "rsa_pss_rsae_sha512", "SHA512", EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING},
	{0x0401, "rsa_pkcs1_sha256", "SHA256", EVP_PKEY_RSA, RSA_PKCS1_PADDING},
	{0x0501, "rsa_pkcs1_sha384", "SHA384", EVP_PKEY_RSA, RSA_PKCS1_PADDING},
	{0x0601, "rsa_pkcs1_sha512", "SHA512", EVP_PKEY_RSA, RSA_PKCS1_PADDING},
};

/* ---- ours ---- */

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

/* The chain says nothing: what counts is the fingerprint, compared before the peer is believed and again before any key is
 * used. Dates are not looked at either: Dino's certificate is valid from tomorrow on. */
static int accept_any(int preverified, X509_STORE_CTX *store)
{
	return 1;
}

static gboolean offer_schemes(SSL_CTX *ctx)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
		g_string_append_printf(list, "%s%s", i ? ":" : "", schemes[i].name);
	return SSL_CTX_set1_sigalgs_list(ctx, list->str) == 1;
}

SSL_CTX *dtls_ctx_new(const struct dtls_cert *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 && offer_schemes(ctx) &&
	    SSL_CTX_use_certificate(ctx, cert->cert) == 1 && SSL_CTX_use_PrivateKey(ctx, cert->key) == 1 &&
	    SSL_CTX_set_tlsext_use_srtp(ctx, PROFILES) == 0)	/* 0 is success */
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- the peer's ---- */

static const EVP_MD *digest_of(enum dtls_hash hash)
{
	return hash == DTLS_SHA512 ? EVP_sha512() : hash == DTLS_SHA384 ? EVP_sha384() : EVP_sha256();
}

gboolean dtls_leaf_matches(const struct dtls_fingerprint *announced, const uint8_t *der, size_t len)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	return EVP_Digest(der, len, value, &n, digest_of(announced->hash), NULL) == 1 && n == announced->len &&
	       CRYPTO_memcmp(value, announced->value, n) == 0;
}

EVP_PKEY *dtls_leaf_key(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	X509 *cert = d2i_X509(NULL, &p, (long)len);
	EVP_PKEY *key = cert ? X509_get_pubkey(cert) : NULL;

	X509_free(cert);
	return key;
}

static const struct scheme *find_scheme(EVP_PKEY *key, uint16_t id)
{
	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (schemes[i].id == id && EVP_PKEY_get_base_id(key) == schemes[i].type)
			return &schemes[i];
	return NULL;
}

gboolean dtls_is_signed(EVP_PKEY *key, const struct dtls_signed *s, const uint8_t *content, size_t len)
{
	const struct scheme *scheme = find_scheme(key, s->scheme);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	gboolean good = scheme &&
		EVP_DigestVerifyInit_ex(ctx, &how, scheme->digest, NULL, NULL, key, NULL) == 1;

	if (good && scheme->padding == RSA_PKCS1_PSS_PADDING)
		good = EVP_PKEY_CTX_set_rsa_padding(how, scheme->padding) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && EVP_DigestVerify(ctx, s->signature, s->signature_len, content, len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}
