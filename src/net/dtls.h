/* dtls.h - the DTLS 1.2 handshake that makes SRTP keys. RFC 6347, RFC 5764. Only net/dtls*.c include <openssl/…>.
 *
 * The peer's certificate must match the signalled fingerprint, or no key is ever exported. Nothing that may be forged ends
 * a handshake or what came of it, or is answered by an alert (dtls.c says how): a handshake that fails begins anew, for
 * as long as the caller likes. One thread (the media thread) per struct dtls; dtls_cert_new in any. Nothing calls back:
 * results are asked for. Time is an argument. */
#ifndef JCALL_NET_DTLS_H
#define JCALL_NET_DTLS_H

#include <glib.h>
#include "../types.h"

struct dtls_cert;			/* our self-signed P-256 certificate of one call; immutable, shareable */
struct dtls;

struct dtls_cert *dtls_cert_new(GError **error);	/* 0.3 ms; the first in a process about 25 ms: do it early */
void              dtls_cert_free(struct dtls_cert *c);
void              dtls_cert_fingerprint(const struct dtls_cert *c, struct dtls_fingerprint *out);	/* sha-256 */

enum dtls_status { DTLS_HANDSHAKING, DTLS_DONE, DTLS_FAILED };

/* SEND hands one datagram to the network (one call per record flight datagram, at most 1200 bytes); its result is
 * ignored: lost flights are repeated: a hello after 100 ms, others after 300 ms, then doubling. Borrows CERT. */
struct dtls *dtls_new(const struct dtls_cert *cert, gboolean client, const struct dtls_fingerprint *peer,
		      void (*send)(void *self, const uint8_t *data, size_t len), void *self, GError **error);
void         dtls_free(struct dtls *d);
/* For tests, before dtls_start: another list of SRTP profiles, in OpenSSL's notation. */
void         dtls_set_profiles(struct dtls *d, const char *profiles);

/* Before there is a struct dtls: is there anything in this datagram that a handshake can begin with? */
gboolean         dtls_may_begin(const uint8_t *data, size_t len);
enum dtls_status dtls_start(struct dtls *d, gint64 now_us);				/* the client sends its first flight */
enum dtls_status dtls_input(struct dtls *d, const uint8_t *data, size_t len, gint64 now_us);	/* also after DONE: repeats, alerts */
enum dtls_status dtls_expire(struct dtls *d, gint64 now_us);
gint64           dtls_deadline(const struct dtls *d);					/* absolute us; G_MAXINT64: none */
/* After DTLS_FAILED; JC_SECURITY: another certificate than the announced one has signed, there is no common SRTP profile, or
 * the peer sent a fatal alert, encrypted, which may be long after DTLS_DONE. */
const GError    *dtls_error(const struct dtls *d);
/* What OpenSSL or an alert said last of a handshake that does not come to its end: a hint, since it may be forged. Static;
 * NULL: nothing. */
const char      *dtls_trouble(const struct dtls *d);
gboolean         dtls_closed(const struct dtls *d);					/* the peer sent close_notify, encrypted */
/* After DTLS_DONE: the keys for both directions. Never with a fingerprint that did not match, nor without a profile. */
gboolean         dtls_keys(const struct dtls *d, struct srtp_keys *tx, struct srtp_keys *rx);
void             dtls_bye(struct dtls *d);						/* close_notify */

#endif
