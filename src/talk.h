/* talk.h - a call as its user has it (it may be several one after the other, when the peer changes devices): the audio ends, what is told on the way, and an orderly end. Shared by dialling
 * (dial.h) and answering (answer.h). Main thread.
 *
 * A talk exists from the user's wish until everything is closed: ends opened, call made or taken, sound, hang-up, files
 * finished, statistics told. Its last event is ended, exactly once; then talk_free. */
#ifndef JCALL_TALK_H
#define JCALL_TALK_H

#include "ends.h"
#include "phone.h"
#include "script/request.h"

struct talk;

enum talk_at_end { AT_END_HANGUP, AT_END_SILENCE, AT_END_DEVICE };	/* when a file or pipe has been played */

enum { TALK_END_S = 20 };		/* [s] a machine that is busy ends a call in less; what takes longer hangs */

struct talk_options {			/* strings are borrowed until ended */
	const char *in, *out;		/* SPECs of audio/audio.h; the file of OUT with placeholders (filename.h) */
	gboolean late_in;		/* IN is opened by talk_open_in only, for the user has not accepted yet; but READY is there */
	struct ends *ready;		/* instead of these, taken over by talk_new; NULL: there are none */
	const char *record;		/* file, with placeholders, that both sides are recorded to (talk_record.h); NULL: none */
	gboolean split;			/* every recording is two files, one for each side */
	guint number;			/* of the call in this process, for the placeholders; 0 is 1 */
	enum talk_at_end at_end;
	const char *ring;		/* SPEC where the ring tone is heard; NULL: on OUT, if that is a device */
	const char *dtmf;		/* digits to be sent once sound flows; NULL: none */
	guint for_s;			/* hang up after so many seconds of talk; 0: never */
	/* The end of the call takes longer than TALK_END_S: the log says what it waits for. ERR is how the call ended, or, where it
	 * ended well, what hangs. Called once at most; what hangs may still end. Optional. */
	void (*held_up)(void *ctx, enum jc_err err);
	void *held_up_ctx;
	guint stats_s;			/* tell figures of the sound so often, and at the end; 0: nobody asked */
};

struct talk_events {
	void (*opened)(void *self);		/* the audio ends are there */
	void (*incoming)(void *self);		/* a taken call has a sound offer */
	void (*ringing)(void *self);		/* the peer's device rings (session-info) */
	void (*delivered)(void *self);		/* the peer's client has our offer */
	void (*redirected)(void *self, const char *to);	/* our offer was refused with another address, raw; talk_drop_call */
	void (*accepted)(void *self);
	void (*moved)(void *self);		/* after talk_move: the ends are free for the next call */
	/* All is closed. TEXT: one clean sentence or NULL. */
	void (*ended)(void *self, enum jc_err err, const char *text);
	void *self;
};

/* Begins to open the ends. PEER: for messages, bare or full. */
struct talk *talk_new(struct phone *phone, struct ui *ui, const struct talk_options *options, const char *peer,
		      const struct talk_events *events);
void         talk_free(struct talk *t);			/* after ended only */
void         talk_open_in(struct talk *t);		/* the user has accepted: the input of late_in is opened */

/* The user has made up his mind, the call itself (talk_dial, talk_take) has to wait for PEER (bare or full): addresses are
 * gathered meanwhile. */
void         talk_prepare(struct talk *t, const char *peer, gboolean we_call);
void         talk_dial(struct talk *t, const char *sid, const char *peer);	/* needs the ends opened */
void         talk_take(struct talk *t, struct iq *iq, const struct jingle_msg *m);	/* answers IQ */
void         talk_ring(struct talk *t);			/* tell the peer that we ring (session-info) */
void         talk_accept(struct talk *t);
void         talk_tone(struct talk *t);			/* a ring tone until the call is accepted or over */
/* Ends it in whatever state it is; ended follows. Harmless when it is ending already. */
void         talk_end(struct talk *t, enum jc_err err, const char *text);
void         talk_end_by_peer(struct talk *t);	/* of an accepted call, by a <finish/>: regularly, or JC_NO_PATH */
/* The call goes on with NEXT, another client of the peer's: this one ends, the ends stay, so that a file played or recorded goes
 * on where it is. moved follows, or ended; then the next call comes by talk_take. */
void         talk_move(struct talk *t, const char *next);
/* Gives the call up without a trace to the user (a direct attempt beside a proposal failed); the talk goes on. */
void         talk_drop_call(struct talk *t);
void         talk_mute(struct talk *t, gboolean muted);	/* in whatever state; what is so already stays so */
void         talk_hold(struct talk *t, gboolean held);	/* once accepted; it stays so across talk_move */
gboolean     talk_key(struct talk *t, int c);		/* TRUE: it was one of ours */
void         talk_say_keys(struct talk *t);		/* what they do, a line each */
/* Once the ends are open: SPEC (audio/audio.h) is opened in the background, and takes the place of the input or output, whose file
 * is finished then; event input or output. If it cannot be opened that is said, and what was there stays. */
void         talk_device(struct talk *t, gboolean output, const char *spec);
/* Plays the sound file FILE to the peer in the place of the input, and goes back to that: a file or pipe goes on from where it
 * was, what a microphone heard meanwhile is dropped. A second one takes the place of the first. What is muted stays so. Events:
 * playing, once it is open, and for every call of this function played, but for what the end of the talk cuts off. */
void         talk_play(struct talk *t, const char *file);
gboolean     talk_play_stop(struct talk *t);		/* FALSE: none is played */
/* What can be done in a call. Adds to REPLY; FALSE with JC_REFUSED. */
gboolean     talk_request(struct talk *t, const struct request *r, struct fields *reply, GError **error);
/* For the request status; STATE: before it is accepted. */
void         talk_status(const struct talk *t, const char *state, struct fields *out);
/* Records to FILE, a name with placeholders, from the accept on; what ran before is finished. FALSE with JC_USAGE or JC_FILE. */
gboolean     talk_record(struct talk *t, const char *file, GError **error);
gboolean     talk_record_stop(struct talk *t);		/* FALSE: nothing is recorded */
void         talk_volume(struct talk *t, guint percent);	/* of what we hear: 0 to VOLUME_MOST (media/volume.h), 100 at first */
void         talk_peer_gone(struct talk *t);		/* its presence went unavailable: end unless sound still comes */

gboolean     talk_is_open(const struct talk *t);	/* the audio ends are there */
gboolean     talk_is_accepted(const struct talk *t);
gboolean     talk_is_ending(const struct talk *t);
struct call *talk_call(const struct talk *t);		/* NULL: none (yet, or any more) */

#endif
