/* ends.h - the two audio ends of a call, opened without keeping the main loop waiting.
 *
 * Main thread. Opening a device takes up to 150 ms, so it is done in a worker thread; done comes in the main loop. The
 * ends may be closed only when no path uses them any more (path_close's done). Closing finishes files. */
#ifndef JCALL_ENDS_H
#define JCALL_ENDS_H

#include "audio/audio.h"

struct ends {
	struct audio_in in;
	struct audio_out out;
	gboolean have_in, have_out;
};

/* Opens IN_SPEC and OUT_SPEC (either may be NULL: not wanted) and calls done(ctx, ends, error) once, from the main
 * loop; ENDS is the callee's, NULL on error. After ends_abandon done is not called, and what was opened
 * is closed in the background. */
struct ends_opening;
struct ends_opening *ends_open(const char *in_spec, const char *out_spec,
			       void (*done)(void *ctx, struct ends *ends, GError *error), void *ctx);
void ends_abandon(struct ends_opening *o);

/* The same for ENDS that are there already; they are taken over. */
struct ends_opening *ends_open_ready(struct ends *ends, void (*done)(void *ctx, struct ends *ends, GError *error), void *ctx);

/* ENDS as two that can be closed apart; either may be NULL. Takes ENDS. */
void     ends_part(struct ends *ends, struct ends **in, struct ends **out);

/* FALSE with ERROR when a file is not complete. Takes ENDS; NULL is fine. It may wait, for a device or a reader, up to 2 s: */
gboolean ends_close(struct ends *ends, GError **error);
/* so this does it in a worker thread, and calls done(ctx, error) once from the main loop; ERROR is lent. Takes ENDS, not NULL. */
void     ends_close_later(struct ends *ends, void (*done)(void *ctx, const GError *error), void *ctx);

#endif
