#include "audio.h"
#include "pacer.h"

#include <math.h>

#include "../err.h"
#include "../text.h"

enum { DEFAULT_HZ = 440, PEAK = 8192 };

struct tone {
	struct pacer pacer;
	guint hz;
};

static void start(void *self, gint64 now_us)
{
	struct tone *t = self;

	pacer_resume(&t->pacer, now_us - PACER_HEAD_START_US);
}

static size_t ready(void *self, gint64 now_us)
{
	struct tone *t = self;

	return pacer_due(&t->pacer, now_us);
}

static size_t read_tone(void *self, gint16 *pcm, size_t n)
{
	struct tone *t = self;

	/* The phase repeats each second, since the frequency is a whole number. */
	for (size_t i = 0; i < n; i++)
		pcm[i] = (gint16)(PEAK * sin(2 * G_PI * t->hz * (double)((t->pacer.done + i) % AUDIO_RATE) / AUDIO_RATE));
	t->pacer.done += n;
	return n;
}

static gint64 when(void *self, gint64 now_us, size_t n)
{
	struct tone *t = self;

	return pacer_when(&t->pacer, now_us, n);
}

static GError *no_fault(void *self)
{
	return NULL;
}

static void close_in(void *self)
{
	g_free(self);
}

static gboolean open_in(struct audio_in *in, const char *arg, GError **error)
{
	struct tone *t;
	guint64 hz = DEFAULT_HZ;

	if (arg && !text_uint(arg, 20, 20000, &hz)) {
		g_autofree char *shown = text_clean(arg, TEXT_SHORT);

		g_set_error(error, JC_ERROR, JC_USAGE, "a tone has 20 to 20000 Hz, as in tone:440, not '%s'", shown);
		return FALSE;
	}
	t = g_new0(struct tone, 1);
	t->hz = (guint)hz;
	*in = (struct audio_in){
		.start = start,
		.ready = ready,
		.read = read_tone,
		.when = when,
		.fault = no_fault,
		.close = close_in,
		.self = t,
	};
	return TRUE;
}

const struct audio_driver audio_tone = {.name = "tone", .open_in = open_in};
