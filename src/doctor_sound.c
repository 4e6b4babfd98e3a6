#include "doctor.h"

#include "audio/audio.h"
#include "ends.h"
#include "phone.h"

enum { LOOK_MS = 40, LIMIT_MS = 9000 };	/* PortAudio's own watchdog gives a device 5 s to start */

struct side {				/* one direction */
	struct sound_check *owner;
	struct finding *g;
	gboolean output;
	struct ends_opening *opening;
	struct ends *ends;
	GError *error;			/* why it cannot be opened; NULL: nothing so far */
	guint timer, limit, filled;
};

struct sound_check {
	struct side sides[2];
	gboolean stuck;			/* a device never let go: PortAudio is not to be touched any more, until the process ends */
};

/* ---- does it call back? ---- */

/* Is PortAudio free? What closes a device, or lists them, waits for whoever opens one, and that may take for ever. */
static gboolean is_free(const struct sound_check *c)
{
	return !c->stuck && !c->sides[FALSE].opening && !c->sides[TRUE].opening;
}

static void close_done(struct sound_check *c)
{
	for (size_t i = 0; is_free(c) && i < G_N_ELEMENTS(c->sides); i++)
		if (!c->sides[i].timer)
			ends_close(g_steal_pointer(&c->sides[i].ends), NULL);
}

static void stop(struct side *s)
{
	g_clear_handle_id(&s->timer, g_source_remove);
	g_clear_handle_id(&s->limit, g_source_remove);
	close_done(s->owner);
}

/* An input that calls back has samples for us; an output wants some again, after it was filled. */
static gboolean has_called_back(struct side *s, size_t ready)
{
	static const gint16 silence[4800];

	if (!s->output || !ready || ready == AUDIO_END)
		return ready && ready != AUDIO_END;
	s->ends->out.write(s->ends->out.self, silence, MIN(ready, G_N_ELEMENTS(silence)));
	return ++s->filled > 2;
}

static gboolean on_look(gpointer data)
{
	struct side *s = data;
	gint64 now_us = clock_ms() * 1000;
	size_t ready = s->output ? s->ends->out.ready(s->ends->out.self, now_us) : s->ends->in.ready(s->ends->in.self, now_us);
	g_autoptr(GError) fault = NULL;

	if (ready == AUDIO_END) {
		fault = s->output ? s->ends->out.fault(s->ends->out.self) : s->ends->in.fault(s->ends->in.self);
		finding_fail(s->g, JC_AUDIO_DEVICE, "restart the sound server, or choose another device; 'jcall devices' lists them", "%s",
			     fault ? fault->message : "the sound device has stopped");
	} else if (has_called_back(s, ready)) {
		finding_ok(s->g, s->output ? "a sound output opens and plays" : "a sound input opens and hears");
	} else {
		return G_SOURCE_CONTINUE;
	}
	s->timer = 0;
	stop(s);
	return G_SOURCE_REMOVE;
}

/* ---- opening ---- */

struct tally {
	gboolean output;
	unsigned count;
};

static void count_one(void *ctx, int number, const char *name, gboolean in, gboolean out, gboolean is_default_in,
		      gboolean is_default_out)
{
	struct tally *t = ctx;

	t->count += t->output ? out : in;
}

/* A machine without any is meant to be one, most often. */
static void tell_failure(struct side *s)
{
	struct tally t = {.output = s->output, .count = s->owner->stuck};

	if (is_free(s->owner))
		audio_device.list(count_one, &t, NULL);
	if (!t.count)
		finding_warn(s->g, "none is needed for calls with files and pipes (--in, --out); otherwise see whether a sound server runs",
			     "there is no sound %s on this machine", s->output ? "output" : "input");
	else
		finding_fail(s->g, (enum jc_err)s->error->code, "choose another device; 'jcall devices' lists them", "%s", s->error->message);
}

/* One has opened, or never will. */
static void go_on(struct sound_check *c)
{
	close_done(c);
	for (size_t i = 0; (c->stuck || is_free(c)) && i < G_N_ELEMENTS(c->sides); i++)
		if (c->sides[i].error && finding_is_open(c->sides[i].g))
			tell_failure(&c->sides[i]);
}

static void on_open(void *ctx, struct ends *ends, GError *error)
{
	struct side *s = ctx;

	s->opening = NULL;
	s->ends = ends;
	if (!ends) {
		s->error = g_error_copy(error);
		stop(s);
	} else {
		if (s->output)
			ends->out.start(ends->out.self, clock_ms() * 1000);
		else
			ends->in.start(ends->in.self, clock_ms() * 1000);
		s->timer = g_timeout_add(LOOK_MS, on_look, s);
	}
	go_on(s->owner);
}

static gboolean on_limit(gpointer data)
{
	struct side *s = data;

	s->limit = 0;
	s->owner->stuck |= s->opening != NULL;
	ends_abandon(g_steal_pointer(&s->opening));
	finding_fail(s->g, JC_AUDIO_DEVICE, "restart the sound server", "the sound device does not start within %d s", LIMIT_MS / 1000);
	stop(s);
	go_on(s->owner);
	return G_SOURCE_REMOVE;
}

static void begin(struct sound_check *c, struct findings *f, gboolean output, const char *spec)
{
	struct side *s = &c->sides[output];

	*s = (struct side){.owner = c, .output = output, .g = finding_open(f, output ? CHECK_LOUDSPEAKER : CHECK_MICROPHONE)};
	if (!audio_is_device(spec)) {
		finding_skipped(s->g, "the configuration has '%s' instead of a sound device", spec);
		return;
	}
	s->limit = g_timeout_add(LIMIT_MS, on_limit, s);
	s->opening = ends_open(output ? NULL : spec, output ? spec : NULL, on_open, s);
}

struct sound_check *sound_check_begin(struct findings *f, const char *in_spec, const char *out_spec)
{
	struct sound_check *c = g_new0(struct sound_check, 1);

	begin(c, f, FALSE, in_spec);
	begin(c, f, TRUE, out_spec);
	return c;
}

void sound_check_free(struct sound_check *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(c->sides); i++) {
		c->stuck |= c->sides[i].opening != NULL;
		ends_abandon(c->sides[i].opening);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(c->sides); i++) {
		stop(&c->sides[i]);
		g_clear_error(&c->sides[i].error);
	}
	g_free(c);
}
