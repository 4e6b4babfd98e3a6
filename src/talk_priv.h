/* talk_priv.h - the inside of a talk: talk.c is its life, talk_do.c what its user and his scripts can do in it. */
#ifndef JCALL_TALK_PRIV_H
#define JCALL_TALK_PRIV_H

#include "talk.h"
#include "talk_record.h"
#include "talk_report.h"
#include "talk_sound.h"

struct talk {
	struct phone *phone;
	struct ui *ui;
	struct talk_options options;
	struct talk_events ev;
	char *peer;			/* clean, for messages */
	char *called, *out;		/* PEER of talk_new; options.out, the placeholders replaced */
	struct filename_values names;
	struct talk_sound *sound;
	struct talk_recording *recording;
	guint volume;			/* [%] */
	struct call *call;
	struct call_ahead *ahead;	/* of a call that is not there yet */
	guint for_source, drain_source, gone_source;
	guint end_source;		/* the deadline of its end */
	enum { END_OF_CALL, END_OF_MEDIA, END_OF_RECORDING, END_OF_SOUND } end_stage;	/* what the end waits for */
	unsigned peer_flags;		/* enum rtp_flag, as last told */
	const char *suite;		/* static; NULL: not encrypted yet */
	gboolean accepted, reached, heard, muted, held, silent, ending, dialled;
	gboolean moving, closing;	/* the call at hand is to end for another; its media do not use the ends much longer */
	gint64 accepted_us, talk_us;
	enum jc_err err;
	char *text;
	struct talk_report *report;
};

void talk_send_digits(struct talk *t, const char *digits);	/* or says why not */

#endif
