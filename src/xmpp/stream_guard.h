/* stream_guard.h - what a server may ask of us in the login, judged before libstrophe acts on it.
 *
 * libstrophe 0.12 would answer DIGEST-MD5 and PLAIN, crashes when there is nothing to bind, and hashes a password as
 * often as it is told. Its log shows each element of the server before it is handled; these functions judge such a line.
 * Pure; any thread. Every GError is new and the caller's; NULL means go on. ACCOUNT is the bare JID, for the words. */
#ifndef JCALL_XMPP_STREAM_GUARD_H
#define JCALL_XMPP_STREAM_GUARD_H

#include <glib.h>

enum guard_stage { GUARD_OPEN, GUARD_SECURED, GUARD_LOGGED_IN };	/* before TLS; before SASL; before the binding */

/* The XML of a log line "RECV: <NAME …", borrowed; NULL when it is another line or element. */
const char *guard_received(const char *line, const char *name);

GError *guard_features(const char *xml, enum guard_stage stage, const char *account);
/* SCRAM: at most a million rounds, one second of work (servers ask for 4,096 to 100,000). */
GError *guard_challenge(const char *xml, const char *account);
GError *guard_failure(const char *xml, enum guard_stage stage, const char *account);	/* never NULL */
/* Is the JID that the server bound ours? */
gboolean guard_is_account(const char *bound, const char *account);
/* "sha256:" and lower-case hexadecimal digits of RAW (colons and case as they may be; NULL: none). Caller frees. */
char *guard_pin(const char *raw);

#endif
