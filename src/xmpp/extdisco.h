/* extdisco.h - the STUN and TURN servers of our own server: XEP-0215. Main thread.
 *
 * Asked for after each login, again before what was given expires, and followed when the server pushes changes. What cannot be
 * used is left out: other services, TURN without a password, hosts that are none, TLS over UDP (rule R26). */
#ifndef JCALL_XMPP_EXTDISCO_H
#define JCALL_XMPP_EXTDISCO_H

#include "../types.h"
#include "stream.h"

struct extdisco;

/* Borrows X. NOW_S: seconds since 1970. KNOWN(ctx) comes whenever the list is there, or is not to be had, or has changed; at the latest 2 s after a fetch. */
struct extdisco *extdisco_new(struct stream *x, gint64 (*now_s)(void), void (*known)(void *ctx), void *ctx);
gint64           extdisco_due_s(const struct extdisco *e);	/* when it will ask again by itself; 0: not */
void             extdisco_free(struct extdisco *e);
void             extdisco_fetch(struct extdisco *e);		/* after a login */
gboolean         extdisco_iq(struct extdisco *e, struct iq *iq);	/* TRUE: it was a push, and is answered */
gboolean         extdisco_is_known(const struct extdisco *e);	/* FALSE from a fetch on until KNOWN */
const struct server_list *extdisco_servers(const struct extdisco *e);
/* What calls use: OURS, of the configuration, goes before what the server names, each of its kind (STUN, TURN). */
void             extdisco_merge(const struct extdisco *e, const struct server_list *ours, struct server_list *out);
gboolean         extdisco_has_relay(const struct server_list *list);	/* names it a TURN server, of whatever kind? */
gint64           extdisco_expires_s(const struct extdisco *e);	/* the first password to end, seconds since 1970; 0: none does */

#endif
