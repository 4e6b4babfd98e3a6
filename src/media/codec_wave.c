#include <string.h>

#include "../audio/resample.h"
#include "../err.h"
#include "codec_priv.h"
#include "g711.h"
#include "g722.h"
#include "plc.h"

/* G.711 and G.722 code the wave itself, sample by sample, at a lower rate than ours: one byte is 1/8000 s with all of them. */
enum {
	BYTE = AUDIO_RATE / 8000,		/* [samples] of ours in it */
	MAX_BYTES = CODEC_MAX_FRAME / BYTE,
	MAX_LOW = 2 * MAX_BYTES,		/* [samples] at their rate */
};

static unsigned rate_of(enum media_codec codec)
{
	return codec == CODEC_G722 ? G722_RATE : 8000;
}

/* ---- encoder ---- */

struct wave_enc {
	struct encoder base;
	enum media_codec codec;
	struct resampler *down;
	struct g722 g722;
	float in[CODEC_MAX_FRAME];
	int16_t low[MAX_LOW];
};

static void downsample(struct wave_enc *e, const gint16 *pcm, unsigned n, unsigned low)
{
	unsigned in = n, out = low;

	for (unsigned i = 0; i < n; i++)
		e->in[i] = pcm[i] / 32768.0f;
	resampler_run(e->down, e->in, &in, e->low, &out);
	if (out < low)					/* which an even ratio rules out */
		memset(e->low + out, 0, (low - out) * sizeof(*e->low));
}

static int encode(struct encoder *base, const gint16 *pcm, size_t n, uint8_t *out, size_t cap)
{
	struct wave_enc *e = (struct wave_enc *)base;
	size_t bytes = n / BYTE, low = n * rate_of(e->codec) / AUDIO_RATE;

	if (n == 0 || n > CODEC_MAX_FRAME / 2 || n % (AUDIO_RATE / 100) != 0 || bytes > cap)
		return -1;
	downsample(e, pcm, (unsigned)n, (unsigned)low);
	if (e->codec == CODEC_G722)
		g722_encode(&e->g722, e->low, low, out);
	else
		for (size_t i = 0; i < bytes; i++)
			out[i] = e->codec == CODEC_PCMU ? g711_to_mu(e->low[i]) : g711_to_a(e->low[i]);
	return (int)bytes;
}

static void enc_free(struct encoder *base)
{
	struct wave_enc *e = (struct wave_enc *)base;

	resampler_free(e->down);
	g_free(e);
}

struct encoder *wave_encoder_start(const struct media_params *params, GError **error)
{
	static const struct encoder_ops ops = {.free = enc_free, .encode = encode};
	struct wave_enc *e = g_new0(struct wave_enc, 1);

	e->base.ops = &ops;
	e->codec = params->codec;
	g722_init(&e->g722);
	e->down = resampler_new_live(AUDIO_RATE, rate_of(e->codec));
	if (e->down)
		return &e->base;
	g_set_error(error, JC_ERROR, JC_INTERNAL, "the %s encoder does not start", codec_name(e->codec));
	g_free(e);
	return NULL;
}

/* ---- decoder ---- */

struct wave_dec {
	struct decoder base;
	enum media_codec codec;
	struct resampler *up;
	struct g722 g722, shadow;		/* shadow: the filter by which the bands follow what is invented */
	struct plc plc;
	float in[MAX_LOW];
	int16_t low[MAX_LOW];
};

static size_t duration(const uint8_t *payload, size_t len)
{
	return len * BYTE;
}

static size_t upsample(struct wave_dec *d, unsigned n, gint16 *pcm)
{
	unsigned in = n, out = CODEC_MAX_FRAME;

	for (unsigned i = 0; i < n; i++)
		d->in[i] = d->low[i] / 32768.0f;
	resampler_run(d->up, d->in, &in, pcm, &out);
	return out;
}

static size_t decode(struct decoder *base, const uint8_t *payload, size_t len, gint16 *pcm)
{
	struct wave_dec *d = (struct wave_dec *)base;
	size_t n = d->codec == CODEC_G722 ? 2 * len : len;

	if (d->codec == CODEC_G722)
		g722_decode(&d->g722, payload, len, d->low);
	else
		for (size_t i = 0; i < len; i++)
			d->low[i] = d->codec == CODEC_PCMU ? g711_from_mu(payload[i]) : g711_from_a(payload[i]);
	plc_hear(&d->plc, d->low, n);
	return upsample(d, (unsigned)n, pcm);
}

static size_t conceal(struct decoder *base, size_t n, gint16 *pcm)
{
	struct wave_dec *d = (struct wave_dec *)base;
	size_t low = n * rate_of(d->codec) / AUDIO_RATE;

	plc_invent(&d->plc, d->low, low);
	if (d->codec == CODEC_G722)
		g722_follow(&d->g722, &d->shadow, d->low, low);
	return upsample(d, (unsigned)low, pcm);
}

static void dec_free(struct decoder *base)
{
	struct wave_dec *d = (struct wave_dec *)base;

	resampler_free(d->up);
	g_free(d);
}

struct decoder *wave_decoder_start(enum media_codec codec, GError **error)
{
	static const struct decoder_ops ops = {.free = dec_free, .duration = duration, .decode = decode, .conceal = conceal};
	struct wave_dec *d = g_new0(struct wave_dec, 1);

	d->base.ops = &ops;
	d->codec = codec;
	g722_init(&d->g722);
	g722_init(&d->shadow);
	plc_init(&d->plc, rate_of(codec));
	d->up = resampler_new_live(rate_of(codec), AUDIO_RATE);
	if (d->up)
		return &d->base;
	g_set_error(error, JC_ERROR, JC_INTERNAL, "the %s decoder does not start", codec_name(codec));
	g_free(d);
	return NULL;
}
