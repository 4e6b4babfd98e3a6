/* strangers.h - how often people who are strangers to us (standing.h) may ring, so that nobody is rung up without end: each of
 * them three times an hour, all together ten times. Pure: the time is an argument. */
#ifndef JCALL_STRANGERS_H
#define JCALL_STRANGERS_H

#include <glib.h>

enum {
	STRANGERS_PER_HOUR = 10,	/* [rings] of all together */
	STRANGER_PER_HOUR = 3,		/* [rings] of one bare address */
};

struct strangers;

struct strangers *strangers_new(void);
void              strangers_free(struct strangers *s);
/* May JID (bare or full) ring at NOW_MS? Then this ring is counted. */
gboolean          strangers_may_ring(struct strangers *s, const char *jid, gint64 now_ms);

#endif
