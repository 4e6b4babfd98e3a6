/* pacer.h - the clock of ends that have none: how many samples are due by now since a start. Pure, inline. */
#ifndef JCALL_AUDIO_PACER_H
#define JCALL_AUDIO_PACER_H

#include <glib.h>
#include "../types.h"

struct pacer {
	gboolean started;
	gint64 start_us;
	guint64 done;			/* [samples] taken or given since the start */
};

static inline void pacer_start(struct pacer *p, gint64 now_us)
{
	if (p->started)
		return;
	p->started = TRUE;
	p->start_us = now_us;
}

/* Of a source: what was not asked for in a pause, while another one was played, does not come in a rush after it. */
static inline void pacer_resume(struct pacer *p, gint64 now_us)
{
	p->started = TRUE;
	p->start_us = now_us - (gint64)(p->done * G_USEC_PER_SEC / AUDIO_RATE);
}

/* For what is there beforehand, like a file: its first frame need not be waited for. */
enum { PACER_HEAD_START_US = 20000 };

static inline size_t pacer_due(const struct pacer *p, gint64 now_us)
{
	guint64 all;

	if (!p->started || now_us < p->start_us)
		return 0;
	all = (guint64)(now_us - p->start_us) * AUDIO_RATE / G_USEC_PER_SEC;
	return all > p->done ? (size_t)(all - p->done) : 0;
}

/* When N more samples will be due. */
static inline gint64 pacer_when(const struct pacer *p, gint64 now_us, size_t n)
{
	gint64 at = p->start_us + (gint64)((p->done + n) * G_USEC_PER_SEC + AUDIO_RATE - 1) / AUDIO_RATE;

	return !p->started ? G_MAXINT64 : MAX(at, now_us);
}

#endif
