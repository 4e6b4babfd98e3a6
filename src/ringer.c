#include "ringer.h"

#include <math.h>

#include "post.h"

enum { CHUNK = AUDIO_RATE / 100, TONE_HZ = 425, ON_SAMPLES = AUDIO_RATE, PERIOD_SAMPLES = 5 * AUDIO_RATE,
       FADE_SAMPLES = AUDIO_RATE / 50, PEAK = 6000 };

struct ringer {
	struct media_thread *media;
	const struct audio_out *out;
	GSource *timer;
	gint64 position;		/* [samples] since the start */
	void (*done)(void *ctx);
	void *ctx;
};

static gint16 sample_at(gint64 position)
{
	gint64 p = position % PERIOD_SAMPLES;
	double gain;

	if (p >= ON_SAMPLES)
		return 0;
	gain = MIN(1.0, (double)MIN(p, ON_SAMPLES - p) / FADE_SAMPLES);
	return (gint16)(gain * PEAK * sin(2 * G_PI * TONE_HZ * (double)p / AUDIO_RATE));
}

static gboolean on_timer(GSource *source, GSourceFunc callback, gpointer data)
{
	struct ringer *r = data;
	gint64 now = g_get_monotonic_time();
	gint16 pcm[CHUNK];
	size_t wanted;

	while ((wanted = r->out->ready(r->out->self, now)) >= CHUNK && wanted != AUDIO_END) {
		for (int i = 0; i < CHUNK; i++)
			pcm[i] = sample_at(r->position++);
		r->out->write(r->out->self, pcm, CHUNK);
	}
	if (wanted == AUDIO_END)
		g_source_set_ready_time(source, -1);
	else
		g_source_set_ready_time(source, r->out->when(r->out->self, now, CHUNK));
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = {.dispatch = on_timer};

static void begin(void *self, void *arg)
{
	struct ringer *r = self;

	r->out->start(r->out->self, g_get_monotonic_time());
	r->timer = g_source_new(&timer_funcs, sizeof(GSource));
	g_source_set_callback(r->timer, NULL, r, NULL);
	g_source_set_ready_time(r->timer, 0);
	g_source_attach(r->timer, media_thread_context(r->media));
}

static void finish(void *self, void *arg)
{
	struct ringer *r = self;

	if (r->done)
		r->done(r->ctx);
	g_free(r);
}

static void end(void *self, void *arg)
{
	struct ringer *r = self;

	g_source_destroy(r->timer);
	g_source_unref(r->timer);
	post_to(NULL, finish, r, NULL, 0);
}

struct ringer *ringer_start(struct media_thread *media, const struct audio_out *out)
{
	struct ringer *r = g_new0(struct ringer, 1);

	r->media = media;
	r->out = out;
	post_to(media_thread_context(media), begin, r, NULL, 0);
	return r;
}

void ringer_stop(struct ringer *r, void (*done)(void *ctx), void *ctx)
{
	r->done = done;
	r->ctx = ctx;
	post_to(media_thread_context(r->media), end, r, NULL, 0);
}
