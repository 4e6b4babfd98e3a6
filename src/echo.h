/* echo.h - a tone that was sent, found again in what came back: how late, and how much of it is missing. Pure; any thread. */
#ifndef JCALL_ECHO_H
#define JCALL_ECHO_H

#include <glib.h>
#include "types.h"

enum { ECHO_FRAME = AUDIO_RATE / 100 };	/* [samples] 10 ms */

struct echo_ear {
	unsigned hz;			/* of the tone; to be set, all else zero */
	guint frames, first, last, tones;	/* heard so far; numbers of the first and last with the tone, and how many have it */
};

struct echo_result {
	gboolean heard;
	unsigned delay_ms;		/* [ms] until the tone was there */
	unsigned missing;		/* [percent] of the time from then until it was there last */
};

/* The next frame since the tone began to be sent. */
void echo_hear(struct echo_ear *e, const gint16 pcm[ECHO_FRAME]);
void echo_judge(const struct echo_ear *e, struct echo_result *out);

#endif
