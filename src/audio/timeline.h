/* timeline.h - two streams of sound, each with a clock of its own, laid side by side on one line of time. Pure: no thread, no
 * clock, no file; the time is CLOCK_MONOTONIC in us, passed in. One thread.
 *
 * The line begins with the first block of either side. Blocks come late, never early: where several of them agree that a
 * side is TIMELINE_STEP_MS behind, sound is missing there, and silence takes its place; where it is too far ahead, what came
 * too late is left out. Less than that is what clocks drift apart: beyond TIMELINE_SLACK_MS it is made good again by 2 ms in
 * each second, sample by sample. Otherwise the samples stay as they are. */
#ifndef JCALL_AUDIO_TIMELINE_H
#define JCALL_AUDIO_TIMELINE_H

#include <glib.h>

enum { TIMELINE_SENT, TIMELINE_HEARD, TIMELINE_SIDES };
enum {
	TIMELINE_SLACK_MS = 5, TIMELINE_STEP_MS = 40,
	TIMELINE_PATIENCE_MS = 700,		/* a side from which nothing came for so long is silent */
};

struct timeline;

struct timeline *timeline_new(void);
void             timeline_free(struct timeline *t);
/* The first of the N samples of SIDE belongs to the moment AT_US. Copies them. */
void             timeline_put(struct timeline *t, unsigned side, const gint16 *pcm, size_t n, gint64 at_us);
/* Up to ROOM samples of each side, which belong together; 0: nothing more is settled as of NOW_US. */
size_t           timeline_get(struct timeline *t, gint64 now_us, gint16 *sent, gint16 *heard, size_t room);
/* Nothing more will be put: what is there is settled now, and the shorter side is filled up. */
void             timeline_end(struct timeline *t);

#endif
