#include "talk_priv.h"

#include <string.h>

#include "media/volume.h"

#define KEY_RECORDING "jcall-%t-%p.opus"	/* in the working directory */

enum { VOLUME_STEP = 10 };			/* [%] */

/* ---- for keys, signals, and requests alike ---- */

void talk_mute(struct talk *t, gboolean muted)
{
	if (t->ending || t->muted == muted)
		return;
	t->muted = muted;
	if (t->call)
		call_mute(t->call, muted);
	ui_event(t->ui, "mute", "muted", "b", muted, NULL);
	ui_say(t->ui, muted ? "Muted" : "No longer muted");
}

void talk_hold(struct talk *t, gboolean held)
{
	if (!t->accepted || t->ending || t->held == held)
		return;
	t->held = held;
	call_hold(t->call, held);
	ui_event(t->ui, "hold", "held", "b", held, NULL);
	ui_say(t->ui, held ? "On hold: neither side hears the other" : "No longer on hold");
}

void talk_device(struct talk *t, gboolean output, const char *spec)
{
	if (!t->ending)
		talk_sound_device(t->sound, output, spec);
}

void talk_play(struct talk *t, const char *file)
{
	if (!t->ending)
		talk_sound_play(t->sound, file);
}

gboolean talk_play_stop(struct talk *t)
{
	return !t->ending && talk_sound_play_stop(t->sound);
}

static gboolean send_digits(struct talk *t, const char *digits, GError **error)
{
	if (call_dtmf(t->call, digits))
		return TRUE;
	g_set_error(error, JC_ERROR, JC_REFUSED, "touch tones were not sent: %s", call_takes_dtmf(t->call) ?
		    "too many are still waiting for their turn" : "the other side's client takes none");
	return FALSE;
}

void talk_send_digits(struct talk *t, const char *digits)
{
	g_autoptr(GError) error = NULL;

	if (!send_digits(t, digits, &error))
		ui_error(t->ui, "%s", error->message);
}

gboolean talk_record(struct talk *t, const char *file, GError **error)
{
	if (!t->ending) {
		t->names.at_s = g_get_real_time() / G_USEC_PER_SEC;	/* or a second one would replace the first */
		return talk_recording_start(t->recording, file, error);
	}
	g_set_error(error, JC_ERROR, JC_USAGE, "the call is over");
	return FALSE;
}

gboolean talk_record_stop(struct talk *t)
{
	return !t->ending && talk_recording_stop(t->recording);
}

void talk_volume(struct talk *t, guint percent)
{
	t->volume = MIN(percent, VOLUME_MOST);
	if (t->call)
		call_volume(t->call, t->volume);
	ui_event(t->ui, "volume", "percent", "i", (gint64)t->volume, NULL);
	ui_say(t->ui, "Volume %u %%", t->volume);
}

/* ---- keys ---- */

static void key_mute(struct talk *t)
{
	talk_mute(t, !t->muted);
}

static void key_hold(struct talk *t)
{
	talk_hold(t, !t->held);
}

static void key_louder(struct talk *t)
{
	talk_volume(t, MIN(t->volume + VOLUME_STEP, VOLUME_MOST));
}

static void key_softer(struct talk *t)
{
	talk_volume(t, t->volume - MIN(t->volume, VOLUME_STEP));
}

static void key_record(struct talk *t)
{
	g_autoptr(GError) error = NULL;

	if (!talk_record_stop(t) && !talk_record(t, KEY_RECORDING, &error))
		ui_error(t->ui, "%s", error->message);
}

static void key_stats(struct talk *t)
{
	talk_report_say(t->report, t->call);
}

static const struct {
	char key;
	gboolean early;			/* before it is accepted, too */
	void (*press)(struct talk *t);
	const char *what;
} keys[] = {
	{'m', TRUE, key_mute, "mutes and unmutes"}, {'h', FALSE, key_hold, "holds the call, and goes on"},
	{'+', FALSE, key_louder, "makes the other side louder,"}, {'-', FALSE, key_softer, "or softer"},
	{'r', FALSE, key_record, "records to " KEY_RECORDING ", and stops"}, {'s', FALSE, key_stats, "tells how the sound is"},
};

void talk_say_keys(struct talk *t)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		ui_say(t->ui, "  %c         %s", keys[i].key, keys[i].what);
	ui_say(t->ui, "  0-9 * #   send touch tones");
}

gboolean talk_key(struct talk *t, int c)
{
	char digit[] = {(char)c, '\0'};

	if (t->ending || !c)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i].key == c) {
			if (t->accepted || keys[i].early)
				keys[i].press(t);
			return TRUE;
		}
	if (!strchr("0123456789*#", c))
		return FALSE;
	if (t->accepted)
		talk_send_digits(t, digit);
	return TRUE;
}

/* ---- requests ---- */

void talk_status(const struct talk *t, const char *state, struct fields *out)
{
	gint64 us = t->accepted_us ? g_get_monotonic_time() - t->accepted_us : 0;

	fields_add_string(out, "peer", t->peer);
	fields_add_string(out, "state", t->ending ? "ending" : t->held ? "held" : t->heard ? "talking" : t->accepted ? "connecting" : state);
	fields_add_bool(out, "muted", t->muted);
	fields_add_double(out, "duration_s", (double)us / G_USEC_PER_SEC);
}

static void copy_figure(void *ctx, const struct event *e)
{
	fields_add_fields(ctx, e->fields, "event");
}

/* Everybody else who listens is told likewise. */
static void tell_stats(struct talk *t, struct fields *reply)
{
	guint id = events_listen(ui_events(t->ui), copy_figure, reply);

	talk_report_now(t->report, t->call);
	events_unlisten(ui_events(t->ui), id);
}

/* A device may be named as `jcall devices` does; else it is a SPEC, of which a path has a slash in it. */
static void use_device(struct talk *t, gboolean output, const char *name)
{
	g_autofree char *spec = NULL;
	const char *arg;
	const struct audio_driver *driver = audio_find(name, output, &arg, NULL);

	if (driver == &audio_file && arg == name && !strchr(name, '/'))
		spec = g_strconcat("device:", name, NULL);
	talk_device(t, output, spec ? spec : name);
}

/* FALSE: nothing of the kind goes on. */
static gboolean stop(struct talk *t, const char *what, GError **error)
{
	gboolean played = g_strcmp0(what, "record") != 0 && talk_play_stop(t);
	gboolean recorded = g_strcmp0(what, "play") != 0 && talk_record_stop(t);

	if (played || recorded)
		return TRUE;
	g_set_error(error, JC_ERROR, JC_REFUSED, "nothing of the kind goes on");
	return FALSE;
}

static gboolean not_yet(const struct talk *t, const struct request *r, GError **error)
{
	gboolean soon = r->verb == VERB_MUTE || r->verb == VERB_UNMUTE;

	if (!t->ending && (t->accepted || soon))
		return FALSE;
	g_set_error(error, JC_ERROR, JC_REFUSED, t->ending ? "this call is ending" : "this call has not been accepted yet");
	return TRUE;
}

gboolean talk_request(struct talk *t, const struct request *r, struct fields *reply, GError **error)
{
	if (not_yet(t, r, error))
		return FALSE;
	switch (r->verb) {
	case VERB_MUTE:
	case VERB_UNMUTE:
		talk_mute(t, r->verb == VERB_MUTE);
		return TRUE;
	case VERB_HOLD:
	case VERB_RESUME:
		talk_hold(t, r->verb == VERB_HOLD);
		return TRUE;
	case VERB_DTMF:
		return send_digits(t, r->text, error);
	case VERB_PLAY:
		talk_play(t, r->text);
		return TRUE;
	case VERB_STOP:
		return stop(t, r->text, error);
	case VERB_DEVICE:
		use_device(t, r->output, r->text);
		return TRUE;
	case VERB_STATS:
		tell_stats(t, reply);
		return TRUE;
	case VERB_RECORD:
		return talk_record(t, r->text, error);
	case VERB_VOLUME:
		talk_volume(t, r->percent);
		return TRUE;
	default:
		g_set_error(error, JC_ERROR, JC_REFUSED, "a call cannot do that");
		return FALSE;
	}
}
