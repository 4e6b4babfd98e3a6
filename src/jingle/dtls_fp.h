/* dtls_fp.h - the CONDITION: DTLS-SRTP, XEP-0320: fingerprint and setup inside <transport/>.
 *
 * Ours go into session-initiate (actpass) and session-accept (active, or passive against an active offer), and with the
 * same roles into what replaces a transport; into no transport-info (rule R13). The peer's may come early, in a transport-info (R15), and be repeated unchanged at any time. A side
 * without fingerprint, with a hash weaker than sha-256, one that changes, or a setup that does not fit is JC_SECURITY.
 * SDES beside it is ignored (R14). */
#ifndef JCALL_JINGLE_DTLS_FP_H
#define JCALL_JINGLE_DTLS_FP_H

#include "../types.h"
#include "plug.h"

extern const struct jingle_keying jingle_dtls_fp;	/* its self: struct dtls_fp */

struct dtls_fp;
struct dtls_fp *dtls_fp_new(const struct dtls_fingerprint *ours);	/* copies; its setup is ignored */
void            dtls_fp_free(struct dtls_fp *k);
gboolean        dtls_fp_remote(const struct dtls_fp *k, struct dtls_fingerprint *out);	/* FALSE: it, or its role, is not known yet */
/* Valid once dtls_fp_remote() is TRUE and, on the responder's side, the accept has been written. */
gboolean        dtls_fp_we_are_client(const struct dtls_fp *k);

#endif
