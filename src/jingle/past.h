/* past.h - what became of the calls of the past: which incoming ones nobody took, by the messages of XEP-0353 that an archive,
 * or a server that kept them for us, gives in whatever order. Pure: values in, values out, time as an argument.
 *
 * An incoming call was missed when it was proposed to us, none of our devices took it or declined it, and its caller gave up or
 * PAST_RINGS_S have gone by. One that a device of ours refused as busy was missed as well: nobody was asked. */
#ifndef JCALL_JINGLE_PAST_H
#define JCALL_JINGLE_PAST_H

#include "jmi.h"

enum {
	PAST_RINGS_S = 120,		/* [s] no proposal rings for longer */
	PAST_NOTES = 2000,		/* messages that are held; those after them are passed over */
};

struct past;

struct past_call {			/* one that was missed; borrowed during the report */
	const char *peer, *id;		/* bare JID in lower case, raw */
	gint64 at_s;			/* when it was proposed [seconds since 1970] */
	gboolean busy;			/* a device of ours was in another call */
};

struct past *past_new(const char *our_bare_jid);
void         past_free(struct past *p);
/* The message M went from FROM to TO (NULL: our account) at AT_S. */
void         past_note(struct past *p, const char *from, const char *to, const struct jmi_msg *m, gint64 at_s);
/* Is there a call ID of which is not known yet what became of it? */
gboolean     past_is_open(const struct past *p, const char *id);
/* Reports the missed calls, oldest first; all that is decided is forgotten. Returns when the earliest of the calls that are
 * still open was proposed; G_MAXINT64: none is. It will be decided PAST_RINGS_S later. */
gint64       past_settle(struct past *p, gint64 now_s, void (*missed)(void *ctx, const struct past_call *call), void *ctx);

#endif
