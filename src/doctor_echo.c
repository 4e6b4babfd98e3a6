#include "doctor.h"

#include <unistd.h>

#include "audio/audio.h"
#include "dial.h"
#include "echo.h"
#include "text.h"

enum { RING_S = 10, TALK_S = 5, TONE_HZ = 440, STEP_US = 10000, MUCH_MISSING = 5 };

struct echo_check {
	struct finding *g;
	const struct config *config;
	const struct account *account;
	const char *peer;
	char *password, *folder, *heard;
	gboolean hide;
	struct ui *mute;
	struct phone *phone;
	struct dial *dial;
	gboolean over;
	void (*closed)(void *ctx);		/* optional: set when it shall close */
	void *ctx;
};

/* ---- what came back ---- */

/* Time runs as fast as the file can be read. FALSE: it cannot be. */
static gboolean measure(const char *path, struct echo_result *out)
{
	g_autofree char *spec = g_strconcat("file:", path, NULL);
	struct echo_ear ear = {.hz = TONE_HZ};
	gint16 pcm[ECHO_FRAME];
	struct audio_in in;
	gint64 now_us = 1;
	size_t ready;

	if (!audio_open_in(spec, &in, NULL))
		return FALSE;
	in.start(in.self, now_us);
	while ((ready = in.ready(in.self, now_us)) != AUDIO_END) {
		for (; ready >= ECHO_FRAME; ready -= ECHO_FRAME) {
			in.read(in.self, pcm, ECHO_FRAME);
			echo_hear(&ear, pcm);
		}
		now_us += STEP_US;
	}
	in.close(in.self);
	echo_judge(&ear, out);
	return TRUE;
}

static void tell_echo(struct echo_check *e)
{
	struct echo_result r;

	if (!measure(e->heard, &r))
		finding_fail(e->g, JC_FILE, NULL, "what was heard cannot be read from %s", e->heard);
	else if (!r.heard)
		finding_fail(e->g, JC_NO_PATH, "see whether the other side sends back what it hears, and is not muted",
			     "the call was up for %d s, but our tone did not come back", TALK_S);
	else if (r.missing > MUCH_MISSING)
		finding_warn(e->g, "see whether this network, or that of the other side, is busy or weak",
			     "our tone came back after %u ms, but %u %% of it is missing", r.delay_ms, r.missing);
	else
		finding_ok(e->g, "our tone came back after %u ms, there and back; %u %% of it is missing", r.delay_ms, r.missing);
}

/* ---- the call ---- */

static void on_closed(void *ctx)
{
	struct echo_check *e = ctx;

	if (e->closed)
		e->closed(e->ctx);
}

static void on_done(void *ctx, enum jc_err err, const char *text)
{
	struct echo_check *e = ctx;

	e->over = TRUE;
	if (err == JC_OK)
		tell_echo(e);
	else
		finding_fail(e->g, err, "the other side must take calls by itself and send back what it hears", "the call did not succeed: %s%s%s",
			     jc_words(err), text ? ": " : "", text ? text : "");
	if (e->closed)
		phone_close(e->phone, on_closed, e);
}

/* It is no call of anybody's: the list of calls does not show it. */
static void on_keep(void *ctx, const struct call_entry *entry)
{
}

static void on_online(void *self, gboolean resumed)
{
	dial_online(((struct echo_check *)self)->dial);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct echo_check *e = self;

	if (!e->over && (!dial_is_talking(e->dial) || final))
		dial_hangup(e->dial, (enum jc_err)error->code, error->message);
}

static void on_roster(void *self)
{
}

static void on_jmi(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	struct echo_check *e = self;

	dial_jmi(e->dial, from, m, ours, g_strcmp0(elem_attr(message, "to"), phone_jid(e->phone)) == 0);
}

static void on_bounced(void *self, const char *from, const char *message_id, const char *condition)
{
	dial_bounced(((struct echo_check *)self)->dial, from, message_id, condition);
}

/* Nobody can call the doctor. */
static void on_offer(void *self, struct iq *iq, const struct jingle_msg *m)
{
}

static void on_here(void *self, const char *full_jid, int priority)
{
	dial_here(((struct echo_check *)self)->dial, full_jid, priority);
}

static void on_gone(void *self, const char *full_jid)
{
	dial_gone(((struct echo_check *)self)->dial, full_jid);
}

/* ---- for the owner ---- */

struct echo_check *echo_check_new(struct findings *f, const struct config *config, const struct account *account, const char *password,
				  const char *peer, gboolean hide)
{
	struct echo_check *e = g_new0(struct echo_check, 1);

	*e = (struct echo_check){.g = finding_open(f, CHECK_ECHO), .config = config, .account = account, .peer = peer,
		.hide = hide, .password = g_strdup(password)};
	return e;
}

void echo_check_begin(struct echo_check *e, gboolean possible)
{
	struct phone_events events = {.online = on_online, .offline = on_offline, .roster = on_roster, .jmi = on_jmi, .bounced = on_bounced,
		.offer = on_offer, .here = on_here, .gone = on_gone, .self = e};
	struct ui_options silent = {.quiet = TRUE, .stdin_is_audio = TRUE};
	struct dial_options options = {.callee = e->peer, .ring_timeout_s = RING_S, .keep = on_keep,
		.talk = {.in = "tone", .at_end = AT_END_SILENCE, .for_s = TALK_S}};

	finding_restart(e->g);
	e->folder = possible ? g_dir_make_tmp("jcall-XXXXXX", NULL) : NULL;
	if (!e->folder) {
		finding_skipped(e->g, possible ? "there is no room for temporary files" : "there is no login");
		return;
	}
	e->heard = g_build_filename(e->folder, "heard.wav", NULL);
	options.talk.out = e->heard;
	e->mute = ui_new(&silent);
	e->phone = phone_new(e->config, e->account, e->password, e->mute, FALSE, &events);
	if (e->hide)
		phone_hide(e->phone);
	e->dial = dial_new(e->phone, e->mute, &options, on_done, e);
	phone_connect(e->phone);
}

void echo_check_close(struct echo_check *e, void (*done)(void *ctx), void *ctx)
{
	e->closed = done;
	e->ctx = ctx;
	if (!e->phone)
		done(ctx);
	else if (e->over)
		phone_close(e->phone, on_closed, e);
	else
		dial_hangup(e->dial, JC_OK, NULL);
}

void echo_check_free(struct echo_check *e)
{
	if (!e)
		return;
	dial_free(e->dial);
	phone_free(e->phone);
	ui_free(e->mute);
	if (e->heard)
		unlink(e->heard);
	if (e->folder)
		rmdir(e->folder);
	password_free(e->password);
	g_free(e->heard);
	g_free(e->folder);
	g_free(e);
}
