/* recorder.h - a call recorded: both sides of an audio_tap, aligned in time (timeline.h), written by a thread of its own.
 *
 * Main thread, but for the tap, which one media thread at a time calls. The tap never blocks: each side has a ring with room
 * for ten seconds, so that a disk may be slow for so long. What finds no room is silence in the recording. */
#ifndef JCALL_AUDIO_RECORDER_H
#define JCALL_AUDIO_RECORDER_H

#include "audio.h"

struct recorder;

struct recorder_events {			/* in the main loop */
	void (*failed)(void *self);		/* once, at most: nothing is written any more; finish it */
	void (*done)(void *self, const GError *error);	/* after recorder_finish: all is closed, it is gone. JC_FILE: what is
							 * wrong with the recording */
	void *self;
};

/* The files it will be: PATH itself, stereo (left: sent, right: heard), or NAME-us.EXT and NAME-them.EXT. Caller frees
 * (g_strfreev). */
char **recorder_files(const char *path, gboolean split);
/* Begins; the files are replaced by its thread. Copies PATH and EVENTS. */
struct recorder *recorder_new(const char *path, gboolean split, const struct recorder_events *events);
const struct audio_tap *recorder_tap(struct recorder *r);	/* valid until recorder_finish */
void             recorder_finish(struct recorder *r);		/* when nobody calls the tap any more; done follows */

#endif
