/* dtls_priv.h - what dtls.c is made of, in OpenSSL's terms: certificates and what they prove (dtls_cert.c), and one
 * handshake of OpenSSL's (dtls_attempt.c). Media thread, but for dtls_cert_new. */
#ifndef JCALL_NET_DTLS_PRIV_H
#define JCALL_NET_DTLS_PRIV_H

#include "dtls.h"
#include "dtls_messages.h"

#include <openssl/ssl.h>	/* behind types.h, whose names for SRTP suites are macros in here */

enum {
	DTLS_MTU = 1200,		/* [bytes] largest datagram we send */
	DTLS_COOKIE = 16,		/* [bytes] of ours */
};

/* ---- dtls_cert.c ---- */

struct dtls_cert {
	EVP_PKEY *key;
	X509 *cert;
	struct dtls_fingerprint fingerprint;
};

/* A context for handshakes with CERT, which is borrowed. NULL: OpenSSL cannot do DTLS-SRTP here. */
SSL_CTX *dtls_ctx_new(const struct dtls_cert *cert);
gboolean dtls_leaf_matches(const struct dtls_fingerprint *announced, const uint8_t *der, size_t len);
/* The public key of a certificate, whoever's that is; NULL: it has none that can be used. */
EVP_PKEY *dtls_leaf_key(const uint8_t *der, size_t len);
/* Did the owner of KEY sign CONTENT so? The schemes are those that dtls_ctx_new offers. */
gboolean dtls_is_signed(EVP_PKEY *key, const struct dtls_signed *s, const uint8_t *content, size_t len);

/* ---- dtls_attempt.c ---- */

enum attempt_state {
	ATTEMPT_OPEN,			/* no flight of the peer's has been proven */
	ATTEMPT_SEALED,			/* it was; now the peer's Finished is awaited, which is encrypted */
	ATTEMPT_FINISHED,
	ATTEMPT_BROKEN,			/* OpenSSL has given up: TROUBLE says why */
};

/* One handshake of OpenSSL's. It is told nothing but whole messages, after dtls.c has proven whose they are, and records
 * that only the peer can have encrypted are all it believes. It never answers by an alert. */
struct attempt {
	SSL *ssl;
	BIO *in;			/* borrowed from ssl */
	enum attempt_state state;
	unsigned first;			/* number of the first message that is to be proven */
	uint8_t random[32];		/* of the ClientHello */
	GByteArray *transcript;		/* as server: the messages up to our ServerHelloDone */
	gboolean transcript_ends;
	gboolean mute, leaving;
	gboolean closed;		/* the peer sent close_notify, encrypted */
	int alert;			/* the fatal one that the peer sent, encrypted; -1: none */
	const char *trouble;		/* static; NULL: none */
	const uint8_t *cookie;		/* DTLS_COOKIE bytes, borrowed: what a ClientHello must repeat; NULL: nothing */
	uint64_t records;		/* that were made for OpenSSL */
	gint64 sealed_us;
	void (*out)(void *self, const uint8_t *record, size_t len);
	void *self;
};

/* OUT is called from inside all of these with one record each. */
struct attempt *attempt_new(SSL_CTX *ctx, gboolean client, const uint8_t *cookie,
			    void (*out)(void *self, const uint8_t *record, size_t len), void *self);
void            attempt_free(struct attempt *a);
void            attempt_begin(struct attempt *a);			/* the client's hello */
void            attempt_hear_hello(struct attempt *a, const struct dtls_piece *m, const struct dtls_hello *hello);
void            attempt_hear(struct attempt *a, const struct dtls_piece *m);
void            attempt_seal(struct attempt *a, gint64 now_us);		/* all messages of the peer's flight were heard */
void            attempt_hear_sealed(struct attempt *a, const uint8_t *record, size_t len);
void            attempt_expire(struct attempt *a);			/* repeats a flight, if it is time */
gint64          attempt_wait_us(const struct attempt *a);		/* until then; G_MAXINT64: nothing is awaited */
/* Of one that is FINISHED. */
gboolean        attempt_is_with(const struct attempt *a, const struct dtls_fingerprint *announced);
gboolean        attempt_keys(const struct attempt *a, struct srtp_keys *tx, struct srtp_keys *rx);	/* FALSE: no profile */
void            attempt_bye(struct attempt *a);

/* ---- dtls_flight.c: which of all that came in the clear the peer has signed ---- */

/* What strangers can make us do: PER_S times a second, MOST times at once. */
struct allowance { unsigned per_s, most; double left; gint64 at_us; };

gboolean dtls_allow(struct allowance *a, gint64 now_us);		/* FALSE: it has been used up */

enum { FLIGHT_MAX = 5 };

struct flight {
	const struct dtls_version *m[FLIGHT_MAX];	/* owned by the flights, until the next flights_keep */
	unsigned count;
};

enum flight_result {
	FLIGHT_NONE,
	FLIGHT_FOUND,
	FLIGHT_OF_ANOTHER,		/* the owner of a certificate that nobody announced has signed for this handshake */
};

struct flights;

struct flights    *flights_new(const struct dtls_fingerprint *announced, gboolean client);
void               flights_free(struct flights *f);
gboolean           flights_keep(struct flights *f, const struct dtls_piece *m, unsigned datagram);
/* After each datagram of which something was kept. More signatures than the allowance are not checked: flights are repeated. */
enum flight_result flights_find(struct flights *f, const struct attempt *a, gint64 now_us, struct flight *out);

#endif
