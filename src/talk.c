#include "talk_priv.h"

#include <string.h>

#include "filename.h"
#include "log.h"
#include "media/volume.h"
#include "text.h"

enum {
	DRAIN_MS = 300,			/* after the last sound was sent: let the peer's buffer play it */
	GONE_SILENCE_US = 10 * G_USEC_PER_SEC,
	GONE_CHECK_MS = 1000,
};

static const char MUTE_WORDS[] = "the other side hung up before there was a way for the sound";

static void finish(struct talk *t);

/* ---- the end ---- */

static void fail(struct talk *t, const GError *error)
{
	if (!error || t->err != JC_OK)
		return;
	t->err = (enum jc_err)error->code;
	g_free(t->text);
	t->text = g_strdup(error->message);
}

/* ---- its end has a deadline ---- */

static gboolean on_end_late(gpointer data)
{
	static const struct { const char *words; enum jc_err err; } hangs[] = {
		[END_OF_CALL] = {"the other side, or the server, does not confirm it", JC_LOST},
		[END_OF_MEDIA] = {"its sound cannot be stopped (a disk, or a sound device, does not answer)", JC_INTERNAL},
		[END_OF_RECORDING] = {"its recording is not complete: the disk does not answer", JC_FILE},
		[END_OF_SOUND] = {"its sound is not closed: a disk, or a sound device, does not answer", JC_INTERNAL}};
	struct talk *t = data;

	t->end_source = 0;
	log_warn("talk", "the end of the call with %s takes longer than %d s: %s", t->peer, TALK_END_S, hangs[t->end_stage].words);
	if (t->options.held_up)
		t->options.held_up(t->options.held_up_ctx, t->err != JC_OK ? t->err : hangs[t->end_stage].err);
	return G_SOURCE_REMOVE;
}

static void begin_end(struct talk *t)
{
	if (!t->end_source)
		t->end_source = g_timeout_add_seconds(TALK_END_S, on_end_late, t);
}

static void on_sound_closed(void *ctx, const GError *error)
{
	struct talk *t = ctx;

	g_clear_handle_id(&t->end_source, g_source_remove);
	fail(t, error);
	talk_report_end(t->report, &(struct talk_end){.peer = t->peer, .text = t->text, .err = t->err,
		.talked = t->accepted_us != 0 && t->reached, .talk_us = t->talk_us});
	t->ev.ended(t->ev.self, t->err, t->text);
}

static void on_recorded(void *ctx, const GError *fault)
{
	struct talk *t = ctx;

	fail(t, fault);
	t->end_stage = END_OF_SOUND;
	talk_sound_close(g_steal_pointer(&t->sound), on_sound_closed, t);
}

static void finish(struct talk *t)
{
	t->end_stage = END_OF_RECORDING;
	talk_recording_close(g_steal_pointer(&t->recording), on_recorded, t);
}

static gboolean finish_idle(gpointer data)
{
	finish(data);
	return G_SOURCE_REMOVE;
}

static void on_tone_stopped(void *ctx)
{
	finish(ctx);
}

static void on_media_closed(void *ctx, const struct media_stats *stats)
{
	struct talk *t = ctx;

	talk_report_add(t->report, stats);
	if (t->ending) {
		finish(t);
		return;
	}
	t->closing = FALSE;
	talk_recording_unused(t->recording);
	t->ev.moved(t->ev.self);
}

static void on_ahead_closed(void *ctx, const struct media_stats *stats)
{
	finish(ctx);
}

/* The call is over; its media may still use the ends until DONE. */
static void drop_call(struct talk *t, void (*done)(void *ctx, const struct media_stats *stats))
{
	talk_sound_use(t->sound, NULL);
	talk_recording_off(t->recording);
	phone_drop(t->phone, g_steal_pointer(&t->call), done, t);
}

static void close_all(struct talk *t, enum jc_err err, const char *text)
{
	if (t->ending)
		return;
	t->ending = TRUE;
	t->end_stage = END_OF_MEDIA;
	begin_end(t);
	t->err = err;
	t->text = text ? g_strdup(text) : NULL;
	if (t->accepted_us)
		t->talk_us = g_get_monotonic_time() - t->accepted_us;
	g_clear_handle_id(&t->for_source, g_source_remove);
	g_clear_handle_id(&t->drain_source, g_source_remove);
	g_clear_handle_id(&t->gone_source, g_source_remove);
	talk_report_rest(t->report);
	talk_sound_abandon(t->sound);
	/* Whatever still uses the ends is told to stop first; finish comes behind it. */
	if (t->closing)
		return;
	if (t->call) {
		talk_sound_hush(t->sound, NULL, NULL);
		drop_call(t, on_media_closed);
	} else if (t->ahead) {
		talk_sound_hush(t->sound, NULL, NULL);
		call_ahead_free(g_steal_pointer(&t->ahead), on_ahead_closed, t);
	} else if (!talk_sound_hush(t->sound, on_tone_stopped, t)) {
		g_idle_add(finish_idle, t);
	}
}

/* Nobody has talked in a call that never had a way for the sound, whoever hangs it up. */
static gboolean was_mute(const struct talk *t, enum jc_err err)
{
	return err == JC_OK && t->accepted_us && !t->reached;
}

void talk_end(struct talk *t, enum jc_err err, const char *text)
{
	if (t->ending)
		return;
	if (was_mute(t, err))
		err = JC_CANCELLED;
	begin_end(t);
	if (t->call)
		call_hangup(t->call, err, text);	/* its last event, ended, closes all */
	else
		close_all(t, err, text);
}

void talk_end_by_peer(struct talk *t)
{
	if (was_mute(t, JC_OK))
		talk_end(t, JC_NO_PATH, MUTE_WORDS);
	else
		talk_end(t, JC_OK, NULL);
}

void talk_move(struct talk *t, const char *next)
{
	if (t->ending || t->moving)
		return;
	g_free(t->peer);
	t->peer = text_clean(next, TEXT_SHORT);
	if (t->call) {
		t->moving = TRUE;
		call_hangup(t->call, JC_OK, NULL);
	} else if (!t->closing) {
		t->ev.moved(t->ev.self);
	}
}

/* ---- events of the call ---- */

static void on_ended(void *self, enum jc_err err, enum jingle_reason reason, const char *text, gboolean by_peer)
{
	struct talk *t = self;
	g_autofree char *clean = text_clean(text, TEXT_SHORT);
	g_autofree char *words = NULL;

	if (t->moving) {
		t->moving = t->accepted = t->heard = FALSE;
		t->suite = NULL;
		t->closing = TRUE;
		t->peer_flags = 0;
		t->silent = FALSE;
		g_clear_handle_id(&t->gone_source, g_source_remove);
		talk_report_rest(t->report);
		drop_call(t, on_media_closed);
		return;
	}
	if (by_peer && err == JC_CANCELLED)	/* the caller gave up: the same to us whether a retract or an end says so */
		err = JC_NO_ANSWER;
	if (by_peer && was_mute(t, err)) {
		close_all(t, JC_NO_PATH, MUTE_WORDS);
		return;
	}
	if (by_peer && *clean)
		words = g_strdup_printf("%s says: %s", t->peer, clean);
	close_all(t, err, words ? words : *clean ? clean : NULL);
}

static void on_incoming(void *self)
{
	struct talk *t = self;

	t->ev.incoming(t->ev.self);
}

static void on_delivered(void *self)
{
	struct talk *t = self;

	t->ev.delivered(t->ev.self);
}

static void on_ringing(void *self)
{
	struct talk *t = self;

	t->ev.ringing(t->ev.self);
}

static void on_redirected(void *self, const char *to)
{
	struct talk *t = self;

	t->ev.redirected(t->ev.self, to);
}

static gboolean on_time_up(gpointer data)
{
	struct talk *t = data;

	t->for_source = 0;
	if (t->reached)
		talk_end(t, JC_OK, NULL);
	else
		talk_end(t, JC_NO_PATH, "no way for the sound was found before its time was up");
	return G_SOURCE_REMOVE;
}

static void on_accepted(void *self)
{
	struct talk *t = self;

	t->accepted = TRUE;
	talk_sound_hush(t->sound, NULL, NULL);
	ui_event(t->ui, "accepted", "peer", "s", t->peer, NULL);
	talk_recording_on(t->recording, t->call);
	if (!t->accepted_us && t->options.for_s)
		t->for_source = g_timeout_add(MIN(t->options.for_s, G_MAXUINT / 1000) * 1000, on_time_up, t);
	if (!t->accepted_us)
		t->accepted_us = g_get_monotonic_time();
	t->ev.accepted(t->ev.self);
}

static void on_connected(void *self, const struct ice_cand *local, const struct ice_cand *remote)
{
	struct talk *t = self;

	talk_report_path(t->report, call_transport(t->call), local, remote);
}

static void on_secured(void *self, const char *suite)
{
	struct talk *t = self;
	gboolean sdes = call_keying(t->call) == KEYING_SDES;

	t->suite = suite;
	/* By plain UDP keys that are given prove nothing. */
	t->reached = t->reached || !sdes || call_transport(t->call) != TRANSPORT_RAW_UDP;
	ui_event(t->ui, "secured", "keying", "s", sdes ? "sdes" : "dtls", "suite", "s", suite, NULL);
	log_info("talk", "encrypted: %s, %s", sdes ? "SDES-SRTP" : "DTLS-SRTP", suite);
}

static void on_flowing(void *self, gint64 at_us)
{
	struct talk *t = self;

	t->reached = TRUE;
	ui_event_at(t->ui, at_us, "media", "codec", "s", call_codec(t->call), NULL);
	log_info("talk", "media flow; we send %s", call_codec(t->call));
	talk_report_live(t->report, t->call);
	if (t->options.dtmf && !t->dialled) {
		t->dialled = TRUE;
		talk_send_digits(t, t->options.dtmf);
	}
}

static void on_heard(void *self, gint64 at_us)
{
	struct talk *t = self;

	t->heard = TRUE;
	ui_event_at(t->ui, at_us, "heard", NULL);
	ui_say(t->ui, "Talking with %s (%s)%s", t->peer,
	       call_keying(t->call) == KEYING_SDES ? "encrypted, with keys that the servers could read" : "encrypted", ui_has_keys(t->ui) ? "; q hangs up, ? lists the keys" : "");
}

static void on_unstable(void *self, gboolean silent)
{
	struct talk *t = self;

	t->silent = silent;
	ui_event(t->ui, silent ? "unstable" : "recovered", NULL);
	ui_say(t->ui, silent ? "Nothing comes from %s, waiting" : "%s is back", t->peer);
}

static void on_digit(void *self, char digit)
{
	struct talk *t = self;
	char text[] = {digit, '\0'};

	ui_event(t->ui, "dtmf", "digit", "s", text, "peer", "s", t->peer, NULL);
	ui_say(t->ui, "%s has pressed %s", t->peer, text);
}

static void on_voice(void *self, gboolean speaking)
{
	struct talk *t = self;

	ui_event(t->ui, "voice", "speaking", "b", speaking, NULL);
}

static void on_changed(void *self)
{
	struct talk *t = self;
	unsigned flags = call_peer_flags(t->call), news = flags ^ t->peer_flags;

	ui_event(t->ui, "peer", "held", "b", (flags & RTP_HELD_BY_PEER) != 0, "muted", "b", (flags & RTP_MUTED_BY_PEER) != 0, NULL);
	t->peer_flags = flags;
	if (news & RTP_HELD_BY_PEER)
		ui_say(t->ui, flags & RTP_HELD_BY_PEER ? "%s has put the call on hold" : "%s goes on with the call", t->peer);
	if (news & RTP_MUTED_BY_PEER)
		ui_say(t->ui, flags & RTP_MUTED_BY_PEER ? "%s has muted the microphone" : "%s has unmuted the microphone", t->peer);
}

static void on_measured(void *self)
{
	struct talk *t = self;
	struct talk_state state = {.lasted_us = g_get_monotonic_time() - t->accepted_us, .muted = t->muted, .held = t->held,
		.peer_muted = (t->peer_flags & RTP_MUTED_BY_PEER) != 0, .peer_held = (t->peer_flags & RTP_HELD_BY_PEER) != 0,
		.silent = t->silent, .keying = call_keying(t->call), .suite = t->suite};

	if (t->accepted && !t->ending && !t->moving)
		talk_report_show(t->report, t->call, &state);
}

static gboolean on_drained(gpointer data)
{
	struct talk *t = data;

	t->drain_source = 0;
	if (!talk_sound_plays(t->sound))	/* that was asked for meanwhile: it is heard first */
		talk_end(t, JC_OK, NULL);
	return G_SOURCE_REMOVE;
}

static void on_in_ended(void *self, const struct audio_in *in, const GError *fault)
{
	struct talk *t = self;

	talk_sound_in_ended(t->sound, in, fault);
}

static void on_out_ended(void *self, const struct audio_out *out, const GError *fault)
{
	struct talk *t = self;

	talk_sound_out_ended(t->sound, out, fault);
}

static struct call_events call_events(struct talk *t)
{
	return (struct call_events){
		.incoming = on_incoming, .delivered = on_delivered, .redirected = on_redirected, .ringing = on_ringing, .accepted = on_accepted,
		.connected = on_connected, .secured = on_secured, .flowing = on_flowing, .heard = on_heard,
		.unstable = on_unstable, .digit = on_digit, .voice = on_voice, .changed = on_changed, .in_ended = on_in_ended, .out_ended = on_out_ended, .measured = on_measured,
		.ended = on_ended, .self = t};
}

/* ---- events of the sound ---- */

static void on_opened(void *self)
{
	struct talk *t = self;

	t->ev.opened(t->ev.self);
}

static void on_failed(void *self, enum jc_err err, const char *text)
{
	talk_end(self, err, text);
}

/* What was sent last shall still be heard. */
static void on_over(void *self)
{
	struct talk *t = self;

	if (!t->drain_source)
		t->drain_source = g_timeout_add(DRAIN_MS, on_drained, t);
}

/* ---- wishes ---- */

void talk_tone(struct talk *t)
{
	if (!t->accepted && !t->ending)
		talk_sound_tone(t->sound);
}

/* The names of its files. */
static void name_files(struct talk *t, const char *peer)
{
	t->called = g_strdup(peer);
	t->names = (struct filename_values){.number = MAX(t->options.number, 1), .peer = t->called,
		.at_s = g_get_real_time() / G_USEC_PER_SEC};
	t->out = filename_expand_spec(t->options.out, &t->names, NULL);
	if (t->out)
		t->options.out = t->out;
}

static void begin_recording(struct talk *t)
{
	g_autoptr(GError) error = NULL;

	t->recording = talk_recording_new(t->ui, &t->options, &t->names);
	if (t->options.record && !talk_recording_start(t->recording, t->options.record, &error))
		ui_error(t->ui, "the call is not recorded: %s", error->message);
}

struct talk *talk_new(struct phone *phone, struct ui *ui, const struct talk_options *options, const char *peer,
		      const struct talk_events *events)
{
	struct talk *t = g_new0(struct talk, 1);
	struct talk_sound_events sound = {.opened = on_opened, .failed = on_failed, .over = on_over, .self = t};

	t->phone = phone;
	t->ui = ui;
	t->options = *options;
	t->report = talk_report_new(ui, options->stats_s);
	t->ev = *events;
	t->peer = text_clean(peer, TEXT_SHORT);
	t->volume = 100;
	name_files(t, peer);
	begin_recording(t);
	t->sound = talk_sound_new(phone_media(phone), ui, &t->options, &sound);
	return t;
}

void talk_free(struct talk *t)
{
	if (!t)
		return;
	g_clear_handle_id(&t->end_source, g_source_remove);
	talk_report_free(t->report);
	g_free(t->peer);
	g_free(t->called);
	g_free(t->out);
	g_free(t->text);
	g_free(t);
}

void talk_prepare(struct talk *t, const char *peer, gboolean we_call)
{
	if (!t->ahead && !t->call && !t->ending && !t->closing)
		t->ahead = phone_prepare(t->phone, peer, we_call);
}

static void use_call(struct talk *t)
{
	call_use_ahead(t->call, g_steal_pointer(&t->ahead));
	if (t->muted)
		call_mute(t->call, TRUE);
	if (t->held)
		call_hold(t->call, TRUE);
	call_volume(t->call, t->volume);
	talk_sound_use(t->sound, t->call);
}

void talk_dial(struct talk *t, const char *sid, const char *peer)
{
	struct call_events events = call_events(t);

	t->call = phone_dial(t->phone, sid, peer, &events);
	use_call(t);
	call_offer(t->call);
}

void talk_take(struct talk *t, struct iq *iq, const struct jingle_msg *m)
{
	struct call_events events = call_events(t);

	t->call = phone_take(t->phone, iq, m, &events);
	use_call(t);
	call_pump(t->call);
}

void talk_ring(struct talk *t)
{
	call_ring(t->call);
}

void talk_accept(struct talk *t)
{
	call_accept(t->call);
}

void talk_drop_call(struct talk *t)
{
	talk_report_rest(t->report);
	if (t->call)
		drop_call(t, NULL);
}

/* The peer's client went offline. Sound may go on all the same (its server is restarting); only silence ends the call. */
static gboolean check_gone(gpointer data)
{
	struct talk *t = data;

	if (call_silent_us(t->call) < GONE_SILENCE_US)
		return G_SOURCE_CONTINUE;
	t->gone_source = 0;
	talk_end(t, t->accepted ? JC_LOST : JC_UNAVAILABLE, "the peer went offline");
	return G_SOURCE_REMOVE;
}

void talk_peer_gone(struct talk *t)
{
	if (t->call && !t->ending && !t->gone_source)
		t->gone_source = g_timeout_add(GONE_CHECK_MS, check_gone, t);
}

void talk_open_in(struct talk *t)
{
	if (!t->ending)
		talk_sound_open_in(t->sound);
}

gboolean talk_is_open(const struct talk *t)
{
	return talk_sound_is_open(t->sound);
}

gboolean talk_is_accepted(const struct talk *t)
{
	return t->accepted;
}

gboolean talk_is_ending(const struct talk *t)
{
	return t->ending;
}

struct call *talk_call(const struct talk *t)
{
	return t->call;
}
