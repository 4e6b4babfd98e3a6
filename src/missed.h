/* missed.h - the calls that came while nobody was there: found in the account's archive, and among messages that the server
 * kept for us; each is told once on this machine. Main thread.
 *
 * It joins xmpp/archive.h (what the server has), jingle/past.h (what it means) and calllog.h (what was told before). */
#ifndef JCALL_MISSED_H
#define JCALL_MISSED_H

#include "calllog.h"
#include "jingle/past.h"
#include "phone.h"

enum { MISSED_FIRST_S = 7 * 24 * 3600 };	/* so far back goes the first look into an archive */

struct missed;

struct missed_events {
	/* struct call_entry *, oldest first, at least one: calls to be told now; they count as told from now on. */
	void (*calls)(void *ctx, const GPtrArray *calls);
	/* The archive has been read, or cannot be; after the calls found in it. ERROR: JC_NO_ARCHIVE, JC_SERVER or JC_FILE (the
	 * calls could not be marked as told). */
	void (*done)(void *ctx, const GError *error);
	void *ctx;
};

/* For the account JID. KEEPER reads and writes the list. ALL: also those told before. */
struct missed *missed_new(struct phone *phone, struct keeper *keeper, const char *jid, gboolean all, const struct missed_events *events);
void           missed_free(struct missed *m);		/* before the phone, and the keeper */
/* Freshly logged in: reads the archive. A server may keep back messages for us when it is asked before our presence has
 * been sent: who takes calls sends that first. */
void           missed_catch_up(struct missed *m);
/* A JMI message that came in. Counts what the server had kept for us and came late, and what decides about calls whose
 * end is not known yet. */
void           missed_hear(struct missed *m, const struct elem *message, const char *from, const struct jmi_msg *jmi);
/* This process deals with the call ID of PEER itself: the archive has nothing to say about it. */
void           missed_leave(struct missed *m, const char *peer, const char *id);
/* A call that this process has had; it is told like one of the archive when it is a missed one and not shown. */
void           missed_keep(struct missed *m, const struct call_entry *e);

/* "Missed a call from juliet@capulet.lit at 14:03 (2 h ago)"; of COUNT calls AT_S is when the last came. PEER, who it was, is made
 * harmless; local time. Caller frees. */
char          *missed_words(const char *peer, guint count, gint64 at_s, gint64 now_s);
/* The event "missed" for each of CALLS, and a line for each caller. */
void           missed_tell(struct ui *ui, const struct roster *roster, const GPtrArray *calls);

#endif
