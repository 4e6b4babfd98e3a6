#include "talk_sound.h"

#include "log.h"
#include "ringer.h"

struct talk_sound {
	struct media_thread *media;
	struct ui *ui;
	const struct talk_options *options;
	struct talk_sound_events ev;
	struct ends_opening *opening, *device_opening, *ring_opening;
	struct ends *ends, *device, *ring;	/* device: the second source of --at-end device; ring: an output of its own */
	struct ringer *ringer;
	struct call *call;
	gboolean is_device;			/* what is heard is heard by a person */
	gboolean want_tone, abandoned;
};

/* ---- the ring tone ---- */

static void start_tone(struct talk_sound *s)
{
	const struct audio_out *out = NULL;

	if (!s->want_tone || s->ringer)
		return;
	if (s->ring)
		out = &s->ring->out;
	else if (!s->options->ring && s->ends && s->is_device)
		out = &s->ends->out;
	if (out)
		s->ringer = ringer_start(s->media, out);
}

static void on_ring_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;

	s->ring_opening = NULL;
	if (error)
		log_warn("talk", "no ring tone: %s", error->message);
	s->ring = ends;
	start_tone(s);
}

void talk_sound_tone(struct talk_sound *s)
{
	if (s->want_tone || s->abandoned)
		return;
	s->want_tone = TRUE;
	if (s->options->ring)
		s->ring_opening = ends_open(NULL, s->options->ring, on_ring_opened, s);
	else
		start_tone(s);
}

gboolean talk_sound_hush(struct talk_sound *s, void (*done)(void *ctx), void *ctx)
{
	s->want_tone = FALSE;
	if (!s->ringer)
		return FALSE;
	ringer_stop(g_steal_pointer(&s->ringer), done, ctx);
	return TRUE;
}

/* ---- the ends ---- */

static void give_ends(struct talk_sound *s)
{
	if (s->call && s->ends)
		call_ends(s->call, s->ends->have_in ? &s->ends->in : NULL, s->ends->have_out ? &s->ends->out : NULL);
}

static void on_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;

	s->opening = NULL;
	if (error) {
		s->ev.failed(s->ev.self, (enum jc_err)error->code, error->message);
		return;
	}
	s->ends = ends;
	give_ends(s);
	start_tone(s);
	s->ev.opened(s->ev.self);
}

struct talk_sound *talk_sound_new(struct media_thread *media, struct ui *ui, const struct talk_options *options,
				  const struct talk_sound_events *events)
{
	struct talk_sound *s = g_new0(struct talk_sound, 1);

	s->media = media;
	s->ui = ui;
	s->options = options;
	s->ev = *events;
	s->is_device = !options->ready && audio_is_device(options->out);
	s->opening = options->ready ? ends_open_ready(options->ready, on_opened, s) :
		ends_open(options->in, options->out, on_opened, s);
	return s;
}

void talk_sound_use(struct talk_sound *s, struct call *c)
{
	s->call = c;
	give_ends(s);
}

gboolean talk_sound_is_open(const struct talk_sound *s)
{
	return s->ends != NULL;
}

void talk_sound_abandon(struct talk_sound *s)
{
	s->abandoned = TRUE;
	ends_abandon(g_steal_pointer(&s->opening));
	ends_abandon(g_steal_pointer(&s->device_opening));
	ends_abandon(g_steal_pointer(&s->ring_opening));
}

gboolean talk_sound_close(struct talk_sound *s, GError **error)
{
	gboolean complete;

	if (!s)
		return TRUE;
	ends_close(s->device, NULL);
	ends_close(s->ring, NULL);
	complete = ends_close(s->ends, error);
	g_free(s);
	return complete;
}

/* ---- the end of the input ---- */

static void on_device_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;

	s->device_opening = NULL;
	if (error) {
		s->ev.failed(s->ev.self, (enum jc_err)error->code, error->message);
		return;
	}
	s->device = ends;
	if (s->call)
		call_set_in(s->call, &s->device->in, NULL, NULL);
}

void talk_sound_in_ended(struct talk_sound *s, const GError *fault)
{
	if (s->abandoned)
		return;
	ui_event(s->ui, "input-ended", "text", "s", fault ? fault->message : NULL, NULL);
	if (fault)
		s->ev.failed(s->ev.self, (enum jc_err)fault->code, fault->message);
	else if (s->options->at_end == AT_END_HANGUP)
		s->ev.over(s->ev.self);
	else if (s->options->at_end == AT_END_DEVICE && !s->device && !s->device_opening)
		s->device_opening = ends_open("default", NULL, on_device_opened, s);
}
