#include "resample.h"

#include <math.h>
#include <speex/speex_resampler.h>

enum { QUALITY = 7, QUALITY_LIVE = 4, PIECE = 6144 };

struct resampler {
	SpeexResamplerState *state;
	float out[PIECE];
};

static struct resampler *open_with(unsigned from_hz, unsigned to_hz, int quality)
{
	struct resampler *r = g_new0(struct resampler, 1);
	int err = 0;

	r->state = speex_resampler_init(1, from_hz, to_hz, quality, &err);
	if (r->state)
		return r;
	g_free(r);
	return NULL;
}

struct resampler *resampler_new(unsigned from_hz, unsigned to_hz)
{
	struct resampler *r = open_with(from_hz, to_hz, QUALITY);

	if (r)
		speex_resampler_skip_zeros(r->state);
	return r;
}

struct resampler *resampler_new_live(unsigned from_hz, unsigned to_hz)
{
	return open_with(from_hz, to_hz, QUALITY_LIVE);
}

void resampler_free(struct resampler *r)
{
	if (!r)
		return;
	speex_resampler_destroy(r->state);
	g_free(r);
}

unsigned resampler_holds(struct resampler *r)
{
	return (unsigned)speex_resampler_get_input_latency(r->state);
}

void resampler_run(struct resampler *r, const float *in, unsigned *in_len, gint16 *out, unsigned *out_len)
{
	spx_uint32_t taken = *in_len, made = MIN(*out_len, PIECE);

	speex_resampler_process_float(r->state, 0, in, &taken, r->out, &made);
	for (unsigned i = 0; i < made; i++) {
		long x = lrintf(r->out[i] * 32768);

		out[i] = (gint16)CLAMP(x, -32768, 32767);
	}
	*in_len = taken;
	*out_len = made;
}
