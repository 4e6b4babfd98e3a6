#include "echo.h"

#include <math.h>

enum { FLOOR = 100 };			/* [int16] rms of what counts as sound: -50 dBov */
#define SHARE 0.5			/* of the energy is at that frequency, or it is something else */

/* Goertzel's: how much of the frame's energy is at HZ. */
static gboolean is_tone(const gint16 *pcm, unsigned hz)
{
	double c = 2 * cos(2 * G_PI * hz / AUDIO_RATE), a = 0, b = 0, next, energy = 0;

	for (size_t i = 0; i < ECHO_FRAME; i++) {
		next = pcm[i] + c * a - b;
		b = a;
		a = next;
		energy += (double)pcm[i] * pcm[i];
	}
	return energy > (double)FLOOR * FLOOR * ECHO_FRAME && (a * a + b * b - c * a * b) * 2 / ECHO_FRAME > SHARE * energy;
}

void echo_hear(struct echo_ear *e, const gint16 pcm[ECHO_FRAME])
{
	if (is_tone(pcm, e->hz)) {
		if (!e->tones++)
			e->first = e->frames;
		e->last = e->frames;
	}
	e->frames++;
}

void echo_judge(const struct echo_ear *e, struct echo_result *out)
{
	guint span = e->tones ? e->last - e->first + 1 : 0;

	out->heard = e->tones > 0;
	out->delay_ms = e->first * 10;
	out->missing = span ? (span - e->tones) * 100 / span : 0;
}
