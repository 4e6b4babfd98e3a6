#include "fake_audio.h"

#include <math.h>
#include <string.h>

guint32 fake_random(guint32 *state)
{
	guint32 x = *state ? *state : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

static double noise(guint32 *state)
{
	return fake_random(state) / 2147483648.0 - 1;
}

/* ---- speech ---- */

struct formant { double a, b, y1, y2; };

static void tune(struct formant *f, double hz, double width_hz)
{
	double r = exp(-G_PI * width_hz / AUDIO_RATE);

	f->a = 2 * r * cos(2 * G_PI * hz / AUDIO_RATE);
	f->b = -r * r;
}

static double resonate(struct formant *f, double x)
{
	double y = x + f->a * f->y1 + f->b * f->y2;

	f->y2 = f->y1;
	f->y1 = y;
	return y;
}

gint16 *fake_speech(size_t n, guint32 seed)
{
	gint16 *pcm = g_new(gint16, n);
	struct formant f[3] = {{0}};
	double phase = 0, hz = 120, glide = 0, gain = 0;
	size_t left = 0, length = 1;

	for (size_t i = 0; i < n; i++) {
		double x, envelope;

		if (left == 0) {				/* a new syllable, or a pause */
			length = left = AUDIO_RATE / 10 + fake_random(&seed) % (AUDIO_RATE / 5);
			gain = fake_random(&seed) % 8 == 0 ? 0 : 0.5 + fake_random(&seed) % 50 / 100.0;
			glide = noise(&seed) * 40 / AUDIO_RATE * 4;
			hz = 110 + fake_random(&seed) % 80;
			tune(&f[0], 300 + fake_random(&seed) % 500, 80);
			tune(&f[1], 900 + fake_random(&seed) % 1300, 120);
			tune(&f[2], 2400 + fake_random(&seed) % 900, 200);
		}
		envelope = gain * sin(G_PI * (double)left / (double)length);
		left--;
		hz += glide;
		phase += hz / AUDIO_RATE;
		x = noise(&seed) * 0.02;
		if (phase >= 1) {
			phase -= 1;
			x += 1;
		}
		x = resonate(&f[0], x) + 0.5 * resonate(&f[1], x) + 0.25 * resonate(&f[2], x);
		x = x * envelope * 6000 + noise(&seed) * 8;
		pcm[i] = (gint16)CLAMP(x, -30000, 30000);
	}
	return pcm;
}

/* ---- in ---- */

static size_t ticks(gint64 start_us, gint64 now_us, double ppm, size_t chunk)
{
	size_t all = now_us <= start_us ? 0 : (size_t)((double)(now_us - start_us) * (1 + ppm * 1e-6) * AUDIO_RATE / 1e6 + 1e-6);

	return chunk ? all - all % chunk : all;
}

/* The first microsecond at which ALL samples have passed. */
static gint64 when_ticks(gint64 start_us, double ppm, size_t chunk, size_t all)
{
	if (chunk)
		all = (all + chunk - 1) / chunk * chunk;
	return start_us + (gint64)ceil((double)all * 1e6 / AUDIO_RATE / (1 + ppm * 1e-6) - 1e-3);
}

static void in_start(void *self, gint64 now_us)
{
	struct fake_in *f = self;

	f->start_us = now_us;
	f->starts++;
	f->taken = 0;
}

static size_t in_ready(void *self, gint64 now_us)
{
	struct fake_in *f = self;
	size_t have = ticks(f->start_us, now_us, f->ppm, f->chunk);

	f->calls++;
	if (f->taken >= f->len && !f->endless && !f->loop)
		return AUDIO_END;
	return have - MIN(have, f->taken);
}

static size_t in_read(void *self, gint16 *pcm, size_t n)
{
	struct fake_in *f = self;
	size_t got;

	f->calls++;
	if (f->loop) {
		for (size_t i = 0; i < n; i++)
			pcm[i] = f->pcm[f->taken++ % f->loop];
		return n;
	}
	got = f->taken < f->len ? MIN(n, f->len - f->taken) : 0;
	if (got)
		memcpy(pcm, f->pcm + f->taken, got * sizeof(*pcm));
	if (f->endless) {
		memset(pcm + got, 0, (n - got) * sizeof(*pcm));
		got = n;
	}
	f->taken += n;
	return got;
}

static gint64 in_when(void *self, gint64 now_us, size_t n)
{
	struct fake_in *f = self;

	return MAX(now_us, when_ticks(f->start_us, f->ppm, f->chunk, f->taken + n));
}

static GError *in_fault(void *self)
{
	struct fake_in *f = self;

	return g_steal_pointer(&f->fault);
}

/* The test owns the struct. */
static void in_close(void *self)
{
}

void fake_in_init(struct fake_in *f)
{
	f->end = (struct audio_in){.start = in_start, .ready = in_ready, .read = in_read, .when = in_when, .fault = in_fault,
				   .close = in_close, .live = f->live, .self = f};
}

/* ---- out ---- */

static void out_start(void *self, gint64 now_us)
{
	struct fake_out *f = self;

	f->start_us = now_us;
	f->starts++;
}

static size_t out_ready(void *self, gint64 now_us)
{
	struct fake_out *f = self;
	size_t want = f->prefill + ticks(f->start_us, now_us, f->ppm, f->chunk);

	f->calls++;
	if (f->ends_us && now_us >= f->ends_us)
		return AUDIO_END;
	f->asked = want - MIN(want, f->len);
	return f->asked;
}

static void out_write(void *self, const gint16 *pcm, size_t n)
{
	struct fake_out *f = self;

	f->calls++;
	if (n > f->asked)
		f->overruns++;
	f->asked -= MIN(n, f->asked);
	if (f->len - f->from + n <= f->room)
		memcpy(f->pcm + f->len - f->from, pcm, n * sizeof(*pcm));
	f->len += n;
}

static gint64 out_when(void *self, gint64 now_us, size_t n)
{
	struct fake_out *f = self;
	size_t all = f->len + n;

	return MAX(now_us, when_ticks(f->start_us, f->ppm, f->chunk, all - MIN(all, f->prefill)));
}

static GError *out_fault(void *self)
{
	return NULL;
}

static gboolean out_close(void *self, GError **error)
{
	return TRUE;
}

void fake_out_init(struct fake_out *f)
{
	f->pcm = g_new0(gint16, f->room);
	f->end = (struct audio_out){.start = out_start, .ready = out_ready, .write = out_write, .when = out_when,
				    .fault = out_fault, .close = out_close, .self = f};
}

void fake_out_clear(struct fake_out *f)
{
	g_clear_pointer(&f->pcm, g_free);
}

/* ---- judging ---- */

static double correlate(const gint16 *a, const gint16 *b, size_t n)
{
	double ab = 0, aa = 1, bb = 1;

	for (size_t i = 0; i < n; i += 6) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

double fake_match(const gint16 *in, size_t in_len, const gint16 *out, size_t at, size_t n, long least, long most, long *lag)
{
	double best = -1;

	*lag = least;
	for (long l = least; l <= most; l += 6) {
		long from = (long)at - l;
		double s;

		if (from < 0 || (size_t)from + n > in_len)
			continue;
		s = correlate(in + from, out + at, n);
		if (s > best) {
			best = s;
			*lag = l;
		}
	}
	return best;
}

double fake_rms(const gint16 *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return n ? sqrt(sum / (double)n) : 0;
}
