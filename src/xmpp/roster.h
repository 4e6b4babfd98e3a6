/* roster.h - the account's contact list, RFC 6121 2. Main thread. Read-only: jcall never edits a roster. */
#ifndef JCALL_XMPP_ROSTER_H
#define JCALL_XMPP_ROSTER_H

#include "stream.h"

enum { ROSTER_MAX = 50000 };		/* contacts */

struct roster;

struct roster *roster_new(struct stream *x);			/* borrows X */
void           roster_free(struct roster *r);
/* Asks the server; done is called once when the roster is there or cannot be had (then it is what it was, at first empty).
 * Bounded: ROSTER_MAX; who comes after them is left out, which is warned of once. */
void           roster_fetch(struct roster *r, void (*done)(void *ctx), void *ctx);
gboolean       roster_iq(struct roster *r, struct iq *iq);	/* TRUE: a push, answered; refused unless from ourselves */
gboolean       roster_has(const struct roster *r, const char *jid);		/* listed at all */
/* May JID see our presence (subscription from or both)? Then a call from it reveals nothing new. */
gboolean       roster_sees_us(const struct roster *r, const char *jid);
const char    *roster_name(const struct roster *r, const char *jid);		/* borrowed; NULL: none */
/* May we see the presence of JID (subscription to or both)? */
gboolean       roster_shows(const struct roster *r, const char *jid);
gboolean       roster_ready(const struct roster *r);
gboolean       roster_has_come(const struct roster *r);	/* the server has told it, at least once */
/* Every item, in no order: JID is bare and in lower case; NAME, raw, may be NULL. R must not be changed meanwhile. */
void           roster_each(const struct roster *r, void (*item)(void *ctx, const char *jid, const char *name), void *ctx);

#endif
