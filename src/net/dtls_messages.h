/* dtls_messages.h - what the peer says in the clear of a DTLS 1.2 handshake (RFC 6347 4.1, 4.2): records and fragments
 * taken apart, messages put together, and several versions of one message kept beside each other.
 *
 * Nothing here is authentic. Anybody who can send from the peer's address may forge any of it, so every size is checked,
 * everything kept is bounded, and a forged fragment or message never displaces the true one for good: which version is
 * the peer's is found out by dtls.c. Pure: no library, clock or thread. Pieces borrow from the datagram they came in. */
#ifndef JCALL_NET_DTLS_MESSAGES_H
#define JCALL_NET_DTLS_MESSAGES_H

#include <glib.h>
#include <stdint.h>

enum {
	DTLS_RECORD_HEAD = 13,		/* [bytes] */
	DTLS_MESSAGE_HEAD = 12,		/* [bytes] */
	DTLS_MESSAGE_MAX = 8192,	/* [bytes] without its head; certificates of calls have 300 to 2000 */
	DTLS_VERSIONS = 4,		/* of one message; the oldest gives way */
	DTLS_PARTS = 8,			/* messages of which a part has come; the oldest gives way */
	DTLS_SEQS = 8,			/* message numbers of a handshake: 6 messages, a hello more for a cookie */
	DTLS_COOKIE_MAX = 255,		/* [bytes] RFC 6347 4.2.1 */
};

enum dtls_content { DTLS_CCS = 20, DTLS_ALERT = 21, DTLS_HANDSHAKE = 22, DTLS_DATA = 23 };

enum dtls_type {
	DTLS_CLIENT_HELLO = 1,
	DTLS_SERVER_HELLO = 2,
	DTLS_HELLO_VERIFY = 3,
	DTLS_CERTIFICATE = 11,
	DTLS_SERVER_KEY = 12,
	DTLS_CERTIFICATE_REQUEST = 13,
	DTLS_SERVER_DONE = 14,
	DTLS_CERTIFICATE_VERIFY = 15,
	DTLS_CLIENT_KEY = 16,
};

struct dtls_record {
	uint8_t type;
	uint16_t epoch;
	const uint8_t *whole, *body;
	size_t whole_len, len;		/* [bytes] with and without the head */
};

/* A fragment, or a whole message: OFFSET 0 and LEN == TOTAL. */
struct dtls_piece {
	uint8_t type;
	uint16_t seq;
	size_t total, offset, len;	/* [bytes] */
	const uint8_t *body;
};

/* Takes the next record off a datagram, or the next piece off the body of a handshake record. FALSE: nothing is left, or
 * the rest is malformed. */
gboolean dtls_next_record(const uint8_t **at, size_t *left, struct dtls_record *out);
gboolean dtls_next_piece(const uint8_t **at, size_t *left, struct dtls_piece *out);

/* ---- messages ---- */

struct dtls_hello {
	const uint8_t *random;		/* 32 bytes */
	size_t cookie_at, cookie_len;	/* [bytes] where the cookie begins in the body */
};

/* FALSE: not what its type says, to the byte. The extensions of a hello are left to OpenSSL. */
gboolean dtls_read_client_hello(const struct dtls_piece *m, struct dtls_hello *out);
gboolean dtls_read_server_hello(const struct dtls_piece *m, const uint8_t **random);
/* Without its list of extra certificates: LEAF is the certificate (DER). */
gboolean dtls_read_certificate(const struct dtls_piece *m, const uint8_t **leaf, size_t *len);

gboolean dtls_read_hello_verify(const struct dtls_piece *m);	/* there is a cookie in it */

struct dtls_signed {
	const uint8_t *content, *signature;
	size_t content_len, signature_len;
	uint16_t scheme;		/* RFC 5246 7.4.1.4.1 and RFC 8446 4.2.3 */
};

gboolean dtls_read_server_key(const struct dtls_piece *m, struct dtls_signed *out);	/* ECDHE, RFC 8422 5.4 */
gboolean dtls_read_certificate_verify(const struct dtls_piece *m, struct dtls_signed *out);	/* its content is elsewhere */

/* Has M the form that its type demands? FALSE, too, for types that belong to neither side's proven flight. */
gboolean dtls_is_sound(const struct dtls_piece *m);

/* Writes the whole message M behind what OUT holds, with the head that it has unfragmented. */
void     dtls_put_message(GByteArray *out, const struct dtls_piece *m);

/* ---- fragments -> whole messages ---- */

struct dtls_parts;

/* WHOLE is called from inside dtls_parts_add, once for every message that the new piece completes: several where forged
 * fragments fit, too. Its argument lives until it returns. */
struct dtls_parts *dtls_parts_new(void (*whole)(void *self, const struct dtls_piece *m), void *self);
void               dtls_parts_free(struct dtls_parts *p);
void               dtls_parts_add(struct dtls_parts *p, const struct dtls_piece *piece);

/* ---- versions of the messages of a flight ---- */

struct dtls_version {
	struct dtls_piece m;		/* its body is owned by the shelf */
	unsigned datagram;		/* the last one that it came in */
	gboolean expected;		/* a certificate that matches the fingerprint: others do not displace it */
};

struct dtls_shelf;

struct dtls_shelf         *dtls_shelf_new(void);
void                       dtls_shelf_free(struct dtls_shelf *s);
/* TRUE: this version was not there. */
gboolean                   dtls_shelf_keep(struct dtls_shelf *s, const struct dtls_piece *m, unsigned datagram,
					   gboolean expected);
/* The I-th version of message SEQ, the newest first, if it is of TYPE; NULL where it is not. I < DTLS_VERSIONS. */
const struct dtls_version *dtls_shelf_get(const struct dtls_shelf *s, unsigned seq, enum dtls_type type, unsigned i);

#endif
