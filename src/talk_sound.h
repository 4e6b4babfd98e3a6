/* talk_sound.h - what a talk speaks and hears through: its audio ends, opened in the background, the ring tone, and what
 * speaks once the input has ended. Main thread.
 *
 * The ends outlive the calls that use them: talk_sound_close is for when no path and no tone uses them any more. */
#ifndef JCALL_TALK_SOUND_H
#define JCALL_TALK_SOUND_H

#include "talk.h"

struct talk_sound;

struct talk_sound_events {
	void (*opened)(void *self);		/* both ends are there */
	void (*failed)(void *self, enum jc_err err, const char *text);	/* one cannot be opened, or broke */
	void (*over)(void *self);		/* the input has ended, and with it the talk shall */
	void *self;
};

/* Begins to open the ends. OPTIONS are borrowed. */
struct talk_sound *talk_sound_new(struct media_thread *media, struct ui *ui, const struct talk_options *options,
				  const struct talk_sound_events *events);
/* C uses the ends from now on, as soon as they are there; NULL: there is no call. */
void     talk_sound_use(struct talk_sound *s, struct call *c);
void     talk_sound_in_ended(struct talk_sound *s, const GError *fault);	/* so the call says */
void     talk_sound_tone(struct talk_sound *s);		/* rings, if there is something to be heard by */
/* Silences the tone. TRUE: DONE(ctx), if there is one, comes when it uses no end any more; FALSE: there was none. */
gboolean talk_sound_hush(struct talk_sound *s, void (*done)(void *ctx), void *ctx);
void     talk_sound_abandon(struct talk_sound *s);	/* what is being opened is not wanted any more; no events follow */
/* Closes all and frees S. FALSE with ERROR when a file is not complete. */
gboolean talk_sound_close(struct talk_sound *s, GError **error);
gboolean talk_sound_is_open(const struct talk_sound *s);

#endif
