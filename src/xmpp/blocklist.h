/* blocklist.h - whom the account has blocked, XEP-0191. Main thread. Read-only: jcall never edits the list.
 *
 * A server that enforces the list keeps these people away from us. This is for servers that only store it, and for ways around
 * it: jcall treats whoever is on it as a stranger who cannot even ring. */
#ifndef JCALL_XMPP_BLOCKLIST_H
#define JCALL_XMPP_BLOCKLIST_H

#include "stream.h"

struct blocklist;

struct blocklist *blocklist_new(struct stream *x);		/* borrows X */
void              blocklist_free(struct blocklist *b);
/* Asks our account for it. CHANGED is called once when it is there or cannot be had (then it is what it was, at first empty),
 * and again whenever somebody is blocked or unblocked by another client. Bounded: 10,000 items, of which a warning tells. */
void              blocklist_fetch(struct blocklist *b, void (*changed)(void *ctx), void *ctx);
/* TRUE: IQ is a push (XEP-0191 3.3), and is answered; refused unless it comes from our own account. */
gboolean          blocklist_iq(struct blocklist *b, struct iq *iq);
/* Is JID blocked: itself, its bare part, its domain with this resource, or its domain (XEP-0191 3.2)? */
gboolean          blocklist_has(const struct blocklist *b, const char *jid);
gboolean          blocklist_ready(const struct blocklist *b);	/* it has come, or cannot be had */

#endif
