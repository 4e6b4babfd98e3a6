/* talk_sound.h - what a talk speaks and hears through: its audio ends, opened in the background, others in their place in
 * mid-call, files played to the peer, the ring tone, and what speaks once the input has ended. Main thread.
 *
 * Every end has one owner, this module: what was replaced is closed when the media thread has let go of it, the rest by
 * talk_sound_close. A sound device that breaks is looked for again: the call goes on in silence meanwhile, for 10 s at most. */
#ifndef JCALL_TALK_SOUND_H
#define JCALL_TALK_SOUND_H

#include "talk.h"

struct talk_sound;

struct talk_sound_events {
	void (*opened)(void *self);		/* both ends are there */
	void (*failed)(void *self, enum jc_err err, const char *text);	/* one cannot be opened, or broke for good */
	void (*over)(void *self);		/* the input has ended, and with it the talk shall */
	void *self;
};

/* Begins to open the ends; with late_in of OPTIONS only the output, so that no microphone is open before the user has accepted.
 * OPTIONS are borrowed. */
struct talk_sound *talk_sound_new(struct media_thread *media, struct ui *ui, const struct talk_options *options,
				  const struct talk_sound_events *events);
void     talk_sound_open_in(struct talk_sound *s);	/* and now the input */
/* C uses the ends from now on, as soon as they are there; NULL: there is no call. */
void     talk_sound_use(struct talk_sound *s, struct call *c);
/* So the call says: */
void     talk_sound_in_ended(struct talk_sound *s, const struct audio_in *in, const GError *fault);
void     talk_sound_out_ended(struct talk_sound *s, const struct audio_out *out, const GError *fault);
/* As talk_device (not before that end is there; an input that is opened later only is another one then), talk_play,
 * talk_play_stop. */
void     talk_sound_device(struct talk_sound *s, gboolean output, const char *spec);
void     talk_sound_play(struct talk_sound *s, const char *file);
gboolean talk_sound_play_stop(struct talk_sound *s);
gboolean talk_sound_plays(const struct talk_sound *s);	/* a file is played, or about to be; over comes, or comes again, after it */
void     talk_sound_tone(struct talk_sound *s);		/* rings, if there is something to be heard by */
/* Silences the tone. TRUE: DONE(ctx), if there is one, comes when it uses no end any more; FALSE: there was none. */
gboolean talk_sound_hush(struct talk_sound *s, void (*done)(void *ctx), void *ctx);
void     talk_sound_abandon(struct talk_sound *s);	/* what is being opened is not wanted any more; no events follow */
/* No path and no tone uses the ends any more. Closes all and frees S, then calls done(ctx, error) once: ERROR (lent) is there
 * when a file is not complete. */
void     talk_sound_close(struct talk_sound *s, void (*done)(void *ctx, const GError *error), void *ctx);
gboolean talk_sound_is_open(const struct talk_sound *s);	/* NULL: no */

#endif
