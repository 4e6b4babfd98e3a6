/* talk_sound_priv.h - the inside of a talk's sound: talk_sound.c opens, closes and replaces the ends, talk_play.c plays files. */
#ifndef JCALL_TALK_SOUND_PRIV_H
#define JCALL_TALK_SOUND_PRIV_H

#include "ringer.h"
#include "talk_sound.h"

enum why { WHY_ASKED, WHY_AT_END, WHY_LOST };	/* another end is opened: what to do if that fails depends on it */

struct side {				/* the input, or the output */
	struct talk_sound *sound;
	gboolean output;
	struct ends *ends;		/* one end; NULL: none is wanted, or it is lost */
	char *spec;			/* of ENDS, or of what is lost; NULL: they came ready made */
	struct ends_opening *opening;
	char *wanted;			/* the SPEC of OPENING */
	enum why why;
	guint retry_source, tries;	/* while it is lost */
};

struct play {				/* a file, in the place of the input */
	struct ends *ends;		/* NULL: none is played */
	char *file;			/* clean, for messages */
	struct ends_opening *opening;
	char *wanted;			/* the FILE of OPENING */
};

struct talk_sound {
	struct media_thread *media;
	struct ui *ui;
	const struct talk_options *options;
	struct talk_sound_events ev;
	struct call *call;
	struct ends_opening *opening, *in_opening, *ring_opening;	/* in_opening: the input by itself */
	struct side in, out;
	struct play play;
	gboolean in_waits;		/* the input is opened when the user accepts */
	gboolean opened, abandoned;
	gboolean in_over;		/* the input has ended */
	GPtrArray *parked;		/* struct ends *, replaced while there was no call to let go of them */
	/* ring: an output of its own; person: what comes from the output is heard by one */
	struct ends *ring;
	struct ringer *ringer;
	gboolean person, want_tone;
	/* the end */
	guint closing;			/* ends that are not closed yet, but will be */
	GError *incomplete;
	void (*closed)(void *ctx, const GError *error);
	void *closed_ctx;
};

/* The call speaks through what it shall speak through now; OLD (NULL: none), which it spoke through before, is closed. */
void talk_sound_speak(struct talk_sound *s, struct ends *old);
void talk_sound_at_end(struct talk_sound *s);	/* the input is over, and no file is played: what now? */
/* talk_play.c: the file has come to its end, or to that. */
void talk_play_ended(struct talk_sound *s, const GError *fault);
void talk_play_abandon(struct talk_sound *s);

#endif
