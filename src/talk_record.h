/* talk_record.h - the recordings of a talk: which file, from when to when, and what is told of them. Main thread.
 *
 * Nothing is recorded before both sides have accepted. A recording goes on across the calls of a talk (talk_move), with silence
 * in between, and is complete once talk_recording_close has said so. One that fails ends alone: the talk goes on. */
#ifndef JCALL_TALK_RECORD_H
#define JCALL_TALK_RECORD_H

#include "filename.h"
#include "talk.h"

struct talk_recording;

/* Could FILE (filename.h) be recorded in a talk with OPTIONS, as far as can be known without writing it? It has an ending that we
 * write, a folder that can be written, and is no file of the call itself. FALSE with JC_USAGE or JC_FILE. */
gboolean talk_recording_check(const struct talk_options *options, const char *file, const struct filename_values *names,
			      GError **error);

/* Borrows UI, OPTIONS and NAMES. */
struct talk_recording *talk_recording_new(struct ui *ui, const struct talk_options *options, const struct filename_values *names);
/* Records to FILE from now on, or from the accept on; what ran before is finished. */
gboolean talk_recording_start(struct talk_recording *r, const char *file, GError **error);
gboolean talk_recording_stop(struct talk_recording *r);			/* FALSE: nothing is recorded */
void     talk_recording_on(struct talk_recording *r, struct call *c);	/* both sides have accepted C */
void     talk_recording_off(struct talk_recording *r);			/* it is over; its media still run */
void     talk_recording_unused(struct talk_recording *r);		/* no more */
/* No media run any more, and none will: finishes all and frees R, then DONE(ctx, error), maybe at once. ERROR: why a recording is
 * not complete. */
void     talk_recording_close(struct talk_recording *r, void (*done)(void *ctx, const GError *error), void *ctx);

#endif
