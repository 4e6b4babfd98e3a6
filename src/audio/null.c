#include "audio.h"
#include "pacer.h"

#include <string.h>

struct null_end {
	struct pacer pacer;
};

static void start(void *self, gint64 now_us)
{
	struct null_end *n = self;

	pacer_resume(&n->pacer, now_us);
}

static size_t ready(void *self, gint64 now_us)
{
	struct null_end *n = self;

	return pacer_due(&n->pacer, now_us);
}

static size_t read_silence(void *self, gint16 *pcm, size_t n)
{
	struct null_end *end = self;

	memset(pcm, 0, n * sizeof(*pcm));
	end->pacer.done += n;
	return n;
}

static void write_nowhere(void *self, const gint16 *pcm, size_t n)
{
	struct null_end *end = self;

	end->pacer.done += n;
}

static gint64 when(void *self, gint64 now_us, size_t n)
{
	struct null_end *end = self;

	return pacer_when(&end->pacer, now_us, n);
}

static gint64 when_chunk(void *self, gint64 now_us, size_t n)
{
	return when(self, now_us, MAX(n, AUDIO_RATE / 100));
}

static GError *no_fault(void *self)
{
	return NULL;
}

static void close_in(void *self)
{
	g_free(self);
}

static gboolean close_out(void *self, GError **error)
{
	g_free(self);
	return TRUE;
}

static gboolean open_in(struct audio_in *in, const char *arg, GError **error)
{
	*in = (struct audio_in){
		.start = start,
		.ready = ready,
		.read = read_silence,
		.when = when,
		.fault = no_fault,
		.close = close_in,
		.self = g_new0(struct null_end, 1),
	};
	return TRUE;
}

static gboolean open_out(struct audio_out *out, const char *arg, GError **error)
{
	*out = (struct audio_out){
		.start = start,
		.ready = ready,
		.write = write_nowhere,
		.when = when_chunk,
		.fault = no_fault,
		.close = close_out,
		.self = g_new0(struct null_end, 1),
	};
	return TRUE;
}

const struct audio_driver audio_null = {.name = "null", .open_in = open_in, .open_out = open_out};
