#include "talk_sound_priv.h"

#include "log.h"
#include "text.h"

enum { RETRY_MS = 500, RETRIES = 20 };		/* a device that is lost has 10 s to come back */

static const struct audio_in *current_in(const struct talk_sound *s)
{
	if (s->play.ends)
		return &s->play.ends->in;
	return s->in.ends && !s->in_over ? &s->in.ends->in : NULL;
}

static const struct audio_out *current_out(const struct talk_sound *s)
{
	return s->out.ends ? &s->out.ends->out : NULL;
}

/* ---- closing ---- */

static void finish_closing(struct talk_sound *s)
{
	if (s->closing || !s->closed)
		return;
	s->closed(s->closed_ctx, s->incomplete);
	g_clear_error(&s->incomplete);
	g_ptr_array_unref(s->parked);
	g_free(s->in.spec);
	g_free(s->out.spec);
	g_free(s->play.file);
	g_free(s);
}

static void on_end_closed(void *ctx, const GError *error)
{
	struct talk_sound *s = ctx;

	if (error && !s->incomplete)
		s->incomplete = g_error_copy(error);
	s->closing--;
	finish_closing(s);
}

static void close_end(struct talk_sound *s, struct ends *ends)
{
	if (!ends)
		return;
	s->closing++;
	ends_close_later(ends, on_end_closed, s);
}

/* An end that was replaced; the media thread may use it until released. */
struct old {
	struct talk_sound *sound;
	struct ends *ends;
};

static struct old *old_new(struct talk_sound *s, struct ends *ends)
{
	struct old *o = g_new(struct old, 1);

	*o = (struct old){.sound = s, .ends = ends};
	s->closing++;
	return o;
}

static void on_released(void *ctx)
{
	struct old *o = ctx;
	struct talk_sound *s = o->sound;

	close_end(s, o->ends);
	s->closing--;
	g_free(o);
}

void talk_sound_close(struct talk_sound *s, void (*done)(void *ctx, const GError *error), void *ctx)
{
	if (!s) {
		done(ctx, NULL);
		return;
	}
	talk_sound_abandon(s);
	close_end(s, g_steal_pointer(&s->ring));
	close_end(s, g_steal_pointer(&s->in.ends));
	close_end(s, g_steal_pointer(&s->out.ends));
	close_end(s, g_steal_pointer(&s->play.ends));
	for (guint i = 0; i < s->parked->len; i++)
		close_end(s, s->parked->pdata[i]);
	s->closed = done;
	s->closed_ctx = ctx;
	finish_closing(s);
}

/* ---- the ring tone ---- */

static void start_tone(struct talk_sound *s)
{
	const struct audio_out *out = NULL;

	if (!s->want_tone || s->ringer)
		return;
	if (s->ring)
		out = &s->ring->out;
	else if (!s->options->ring && s->person)
		out = current_out(s);
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

/* ---- replacing ---- */

void talk_sound_speak(struct talk_sound *s, struct ends *old)
{
	if (s->call && s->opened)
		call_set_in(s->call, current_in(s), old ? on_released : NULL, old ? old_new(s, old) : NULL);
	else if (old)
		g_ptr_array_add(s->parked, old);
}

/* The tone may be in the old one, too. The media thread lets go of both in the order in which it is told. */
static void hear(struct talk_sound *s, struct ends *old)
{
	gboolean ringing = s->ringer && !s->ring;
	struct call *user = s->opened ? s->call : NULL;	/* before, it has not got the ends */
	struct old *o = old && (user || ringing) ? old_new(s, old) : NULL;

	if (old && !o)
		g_ptr_array_add(s->parked, old);
	if (user)
		call_set_out(user, current_out(s), o && !ringing ? on_released : NULL, o);
	if (ringing)
		ringer_stop(g_steal_pointer(&s->ringer), o ? on_released : NULL, o);
	start_tone(s);
}

static void put_in_place(struct side *side, struct ends *ends)
{
	struct talk_sound *s = side->sound;
	struct ends *old = side->ends;

	side->ends = ends;
	if (side->output) {
		hear(s, old);
		return;
	}
	s->in_over = FALSE;
	talk_sound_speak(s, old);
}

static void tell(const struct side *side, const char *device, const GError *error)
{
	const char *text = error ? error->message : NULL;

	if (side->output)
		ui_event(side->sound->ui, "output", "device", "u", device, "text", "s", text, NULL);
	else
		ui_event(side->sound->ui, "input", "device", "u", device, "text", "s", text, NULL);
}

static void begin(struct side *side, const char *spec, enum why why);

static gboolean on_retry(gpointer data)
{
	struct side *side = data;

	side->retry_source = 0;
	begin(side, side->spec, WHY_LOST);
	return G_SOURCE_REMOVE;
}

static void try_again(struct side *side)
{
	if (side->tries++ < RETRIES)
		side->retry_source = g_timeout_add(RETRY_MS, on_retry, side);
	else
		side->sound->ev.failed(side->sound->ev.self, JC_AUDIO_DEVICE, "the sound device is gone, and none has come in its place");
}

static void on_failed_to_open(struct side *side, const char *wanted, const GError *error)
{
	struct talk_sound *s = side->sound;

	if (side->why == WHY_AT_END) {
		s->ev.failed(s->ev.self, (enum jc_err)error->code, error->message);
		return;
	}
	if (side->why == WHY_ASKED) {
		tell(side, wanted, error);
		ui_error(s->ui, "the sound %s stays as it was: %s", side->output ? "output" : "input", error->message);
	}
	if (side->tries)
		try_again(side);
}

static void on_side_opened(void *ctx, struct ends *ends, GError *error)
{
	struct side *side = ctx;
	g_autofree char *wanted = g_steal_pointer(&side->wanted), *shown = text_clean(wanted, TEXT_LONG);

	side->opening = NULL;
	if (error) {
		on_failed_to_open(side, wanted, error);
		return;
	}
	side->tries = 0;
	g_free(side->spec);
	side->spec = g_steal_pointer(&wanted);
	put_in_place(side, ends);
	tell(side, side->spec, NULL);
	ui_say(side->sound->ui, side->output ? "You hear through %s now" : "You speak through %s now", shown);
}

static void give_up(struct side *side)
{
	g_clear_handle_id(&side->retry_source, g_source_remove);
	ends_abandon(g_steal_pointer(&side->opening));
	g_clear_pointer(&side->wanted, g_free);
}

/* The newest wish is the one that counts. */
static void begin(struct side *side, const char *spec, enum why why)
{
	give_up(side);
	side->wanted = g_strdup(spec);
	side->why = why;
	side->opening = ends_open(side->output ? NULL : spec, side->output ? spec : NULL, on_side_opened, side);
}

void talk_sound_device(struct talk_sound *s, gboolean output, const char *spec)
{
	struct side *side = output ? &s->out : &s->in;

	if (s->abandoned)
		return;
	if (!output && s->in_waits) {
		g_free(s->in.spec);
		s->in.spec = g_strdup(spec);
	} else if (s->opened || (output && s->out.ends)) {
		begin(side, spec, WHY_ASKED);
	}
}

/* TRUE: it is looked for again. */
static gboolean lost(struct side *side, const GError *fault)
{
	if (!fault || fault->code != JC_AUDIO_DEVICE || !side->spec)
		return FALSE;
	tell(side, side->spec, fault);
	ui_say(side->sound->ui, "A sound %s is gone: looking for it, or for another", side->output ? "output" : "input");
	put_in_place(side, NULL);
	if (side->opening)
		side->tries++;
	else
		try_again(side);
	return TRUE;
}

/* ---- the ends ---- */

static void give_ends(struct talk_sound *s)
{
	if (s->call && s->opened)
		call_ends(s->call, current_in(s), current_out(s));
}

static void settle(struct talk_sound *s)
{
	if (s->opening || s->in_opening || s->in_waits)
		return;
	s->opened = TRUE;
	give_ends(s);
	start_tone(s);
	s->ev.opened(s->ev.self);
}

static void on_both_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;

	s->opening = NULL;
	if (error) {
		s->ev.failed(s->ev.self, (enum jc_err)error->code, error->message);
		return;
	}
	ends_part(ends, &s->in.ends, &s->out.ends);
	settle(s);
}

static void on_out_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;

	s->opening = NULL;
	if (error) {
		s->ev.failed(s->ev.self, (enum jc_err)error->code, error->message);
		return;
	}
	s->out.ends = ends;
	start_tone(s);
	settle(s);
}

static void on_in_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;

	s->in_opening = NULL;
	if (error) {
		s->ev.failed(s->ev.self, (enum jc_err)error->code, error->message);
		return;
	}
	s->in.ends = ends;
	settle(s);
}

void talk_sound_open_in(struct talk_sound *s)
{
	if (!s->in_waits || s->abandoned)
		return;
	s->in_waits = FALSE;
	s->in_opening = ends_open(s->in.spec, NULL, on_in_opened, s);
}

struct talk_sound *talk_sound_new(struct media_thread *media, struct ui *ui, const struct talk_options *options,
				  const struct talk_sound_events *events)
{
	struct talk_sound *s = g_new0(struct talk_sound, 1);

	s->media = media;
	s->ui = ui;
	s->options = options;
	s->ev = *events;
	s->in.sound = s->out.sound = s;
	s->out.output = TRUE;
	s->parked = g_ptr_array_new();
	if (options->ready) {
		s->opening = ends_open_ready(options->ready, on_both_opened, s);
		return s;
	}
	s->person = audio_is_device(options->out);
	s->in.spec = g_strdup(options->in);
	s->out.spec = g_strdup(options->out);
	s->in_waits = options->late_in;
	if (s->in_waits)
		s->opening = ends_open(NULL, options->out, on_out_opened, s);
	else
		s->opening = ends_open(options->in, options->out, on_both_opened, s);
	return s;
}

void talk_sound_use(struct talk_sound *s, struct call *c)
{
	s->call = c;
	give_ends(s);
}

gboolean talk_sound_is_open(const struct talk_sound *s)
{
	return s && s->opened;
}

void talk_sound_abandon(struct talk_sound *s)
{
	if (s->abandoned)
		return;
	s->abandoned = TRUE;
	give_up(&s->in);
	give_up(&s->out);
	talk_play_abandon(s);
	ends_abandon(g_steal_pointer(&s->opening));
	ends_abandon(g_steal_pointer(&s->in_opening));
	ends_abandon(g_steal_pointer(&s->ring_opening));
}

/* ---- their end ---- */

void talk_sound_at_end(struct talk_sound *s)
{
	if (s->options->at_end == AT_END_HANGUP)
		s->ev.over(s->ev.self);
	else if (s->options->at_end == AT_END_DEVICE && !s->in.opening)
		begin(&s->in, "default", WHY_AT_END);
}

void talk_sound_in_ended(struct talk_sound *s, const struct audio_in *in, const GError *fault)
{
	if (s->abandoned)
		return;
	if (s->play.ends && in == &s->play.ends->in) {
		talk_play_ended(s, fault);
		return;
	}
	if (!s->in.ends || in != &s->in.ends->in || lost(&s->in, fault))
		return;
	s->in_over = TRUE;
	ui_event(s->ui, "input-ended", "text", "s", fault ? fault->message : NULL, NULL);
	if (fault)
		s->ev.failed(s->ev.self, (enum jc_err)fault->code, fault->message);
	else if (!talk_sound_plays(s))
		talk_sound_at_end(s);
}

void talk_sound_out_ended(struct talk_sound *s, const struct audio_out *out, const GError *fault)
{
	if (s->abandoned || out != current_out(s) || lost(&s->out, fault))
		return;
	if (fault)
		s->ev.failed(s->ev.self, (enum jc_err)fault->code, fault->message);
	else
		s->ev.failed(s->ev.self, JC_FILE, "the output has ended");
}
