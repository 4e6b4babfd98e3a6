#include <math.h>

#include "../audio/resample.h"
#include "../err.h"
#include "codec_priv.h"

/* RFC 3389: noise of a level, and of a colour by up to 12 reflection coefficients; it goes on until something else comes. */
enum { ORDER = 12, RATE = 8000, CHUNK = RATE / 50, LASTS = AUDIO_RATE / 50, RATIO = AUDIO_RATE / RATE };
#define GLIDE 0.02			/* from one level to the next within about 20 ms */

struct comfort {
	struct decoder base;
	struct resampler *up;
	double k[ORDER], past[ORDER + 1], gain, wanted;
	uint32_t random;
	float in[CHUNK];
};

/* A lattice of reflections, as it is to be played backwards through the analysis. */
static double next(struct comfort *c)
{
	double v;

	c->random = c->random * 1664525u + 1013904223u;
	c->gain += (c->wanted - c->gain) * GLIDE;
	v = c->gain * ((double)c->random / 2147483648.0 - 1);
	for (int i = ORDER - 1; i >= 0; i--) {
		v -= c->k[i] * c->past[i];
		c->past[i + 1] = c->past[i] + c->k[i] * v;
	}
	c->past[0] = v;
	return CLAMP(v, -1, 1);
}

static size_t make(struct comfort *c, size_t n, gint16 *pcm)
{
	size_t made = 0;

	while (made < n) {
		unsigned in = (unsigned)MIN(CHUNK, (n - made) / RATIO), out = in * RATIO;

		for (unsigned i = 0; i < in; i++)
			c->in[i] = (float)next(c);
		resampler_run(c->up, c->in, &in, pcm + made, &out);
		if (!out)
			break;
		made += out;
	}
	return made;
}

static size_t duration(const uint8_t *payload, size_t len)
{
	return LASTS;
}

/* Section 3: the level in -dBov, then a coefficient a byte, 127 being zero and 255 reserved. */
static size_t decode(struct decoder *base, const uint8_t *payload, size_t len, gint16 *pcm)
{
	struct comfort *c = (struct comfort *)base;
	double power = 3;			/* of noise that is even in -1..1: a third */

	for (size_t i = 0; i < ORDER; i++) {
		uint8_t n = i + 1 < len ? payload[i + 1] : 127;

		c->k[i] = n == 255 ? 0 : (n - 127) * 258.0 / 32768;
		power *= 1 - c->k[i] * c->k[i];
	}
	c->wanted = pow(10, -(payload[0] & 127) / 20.0) * sqrt(power);
	return make(c, LASTS, pcm);
}

static size_t conceal(struct decoder *base, size_t n, gint16 *pcm)
{
	return make((struct comfort *)base, n, pcm);
}

static void comfort_free(struct decoder *base)
{
	struct comfort *c = (struct comfort *)base;

	resampler_free(c->up);
	g_free(c);
}

struct decoder *comfort_start(GError **error)
{
	static const struct decoder_ops ops = {.free = comfort_free, .duration = duration, .decode = decode, .conceal = conceal};
	struct comfort *c = g_new0(struct comfort, 1);

	c->base.ops = &ops;
	c->up = resampler_new_live(RATE, AUDIO_RATE);
	if (c->up)
		return &c->base;
	g_set_error(error, JC_ERROR, JC_INTERNAL, "the decoder of comfort noise does not start");
	g_free(c);
	return NULL;
}
