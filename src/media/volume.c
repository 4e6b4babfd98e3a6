#include "volume.h"

#include <math.h>

#include "../types.h"

static const float STEP = 2.0f / (AUDIO_RATE / 50);		/* of the gain, per sample: from nothing to the most in 20 ms */
static const float KNEE = 16384;

void volume_init(struct volume *v)
{
	v->gain = v->wanted = 1;
}

void volume_set(struct volume *v, unsigned percent)
{
	v->wanted = (float)MIN(percent, (unsigned)VOLUME_MOST) / 100;
}

/* Bends LOUD, from the knee on, so that what full scale has become is full scale again. */
static float bend(float loud, float gain)
{
	float range = 32767 - KNEE, u = (loud - KNEE) / range, most = (32767 * gain - KNEE) / range;

	return KNEE + range * u / (1 + u * (most - 1) / most);
}

static gint16 amplify(gint16 x, float gain)
{
	float loud = fabsf((float)x) * gain;

	if (gain > 1 && loud > KNEE)
		loud = bend(loud, gain);
	return (gint16)lrintf(x < 0 ? -MIN(loud, 32768.0f) : MIN(loud, 32767.0f));
}

void volume_apply(struct volume *v, gint16 *pcm, size_t n)
{
	if (v->gain == 1 && v->wanted == 1)
		return;
	for (size_t i = 0; i < n; i++) {
		v->gain += CLAMP(v->wanted - v->gain, -STEP, STEP);
		pcm[i] = amplify(pcm[i], v->gain);
	}
}
