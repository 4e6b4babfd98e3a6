/* standing.h - what somebody is to us: the one answer to who may know that we are here, and who is a stranger. Main thread.
 *
 * Everything that treats people differently asks here: which requests are answered and which calls ring (phone.h, answer.h),
 * who hears that we are busy (busy.h), whose calls the list of calls keeps how long (calllog.h). The answer comes from the
 * account's contact list and block list (RFC 6121 2, XEP-0191), from the list that the user allows (--allow), and from whom
 * this process has called or whose call it has taken. */
#ifndef JCALL_STANDING_H
#define JCALL_STANDING_H

#include "xmpp/blocklist.h"
#include "xmpp/roster.h"

enum standing {				/* the highest that is true; but whoever is blocked is nothing else */
	STANDING_BLOCKED,		/* on the block list of the account */
	STANDING_STRANGER,
	STANDING_KNOWN,			/* we have called them, or have taken their call */
	STANDING_ALLOWED,		/* named by --allow or [answer] allow */
	STANDING_CONTACT,		/* on the contact list, and may see our presence */
	STANDING_SERVER,		/* the server of our account, which is nobody who calls */
	STANDING_SELF,			/* our account, by whichever device */
};

struct standings;

/* ACCOUNT is our address, of which the bare part counts. Borrows ROSTER and BLOCKLIST. */
struct standings *standings_new(const char *account, const struct roster *roster, const struct blocklist *blocklist);
void              standings_free(struct standings *s);

/* The people whom the user lets in: ALLOW (char *: bare addresses and domains; borrowed), and with CONTACTS all contacts who may
 * see our presence. */
void          standings_allow(struct standings *s, const GPtrArray *allow, gboolean contacts);
/* We call JID, or have taken its call. The latest 32 are remembered. */
void          standings_know(struct standings *s, const char *jid);
/* JID belongs to a room (XEP-0045). What stands behind its slash are other people then, none of whom is a contact because
 * the room is one. The latest 64 rooms are remembered. */
void          standings_note_room(struct standings *s, const char *jid);

/* JID is bare or full, and comes from the network. */
enum standing standings_of(const struct standings *s, const char *jid);
/* Is JID let in by the list of the user (standings_allow)? */
gboolean      standings_is_allowed(const struct standings *s, const char *jid);
/* May somebody of that standing learn that we are here? */
gboolean      standing_may_know(enum standing standing);

#endif
