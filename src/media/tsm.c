#include "tsm.h"

#include <math.h>
#include <string.h>

enum {
	EDGE = 120,			/* 2.5 ms at either end that stay */
	OVERLAP = 240,			/* 5 ms of cross-fade */
	MIN_LAG = 120, MAX_LAG = 600,	/* periods of 2.5 to 12.5 ms: pitches of 80 to 400 Hz */
	COARSE = 6,			/* the first search is at 8 kHz */
};
#define SIMILAR 0.85
#define SIMILAR_ENOUGH 0.5		/* when much is wanted */
#define SILENCE 60.0			/* mean amplitude under which nothing can be heard of it */

static double similarity(const int16_t *a, const int16_t *b, int n, int step)
{
	double ab = 0, aa = 1, bb = 1;

	for (int i = 0; i < n; i += step) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

static int is_silent(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i += 4)
		sum += pcm[i] < 0 ? -pcm[i] : pcm[i];
	return sum / ((double)n / 4) < SILENCE;
}

/* The lag at which the OVERLAP samples at P (forwards or backwards) look most like themselves. */
static int best_lag(const int16_t *p, int direction, int max_lag, double *score)
{
	int best = MIN_LAG;

	*score = -1;
	for (int lag = MIN_LAG; lag <= max_lag; lag += COARSE) {
		double s = similarity(p, p + direction * lag, OVERLAP, COARSE);

		if (s > *score) {
			*score = s;
			best = lag;
		}
	}
	*score = -1;
	for (int lag = best - COARSE < MIN_LAG ? MIN_LAG : best - COARSE, end = best + COARSE; lag <= end && lag <= max_lag; lag++) {
		double s = similarity(p, p + direction * lag, OVERLAP, 2);

		if (s > *score) {
			*score = s;
			best = lag;
		}
	}
	return best;
}

static void cross_fade(int16_t *out, const int16_t *from, const int16_t *to)
{
	for (int i = 0; i < OVERLAP; i++)
		out[i] = (int16_t)((from[i] * (OVERLAP - i) + to[i] * i) / OVERLAP);
}

static int shorten(int16_t *pcm, size_t n, int wanted, double enough)
{
	int16_t faded[OVERLAP], *p = pcm + EDGE;
	int max_lag = (int)n - 2 * EDGE - OVERLAP, lag;
	double score;

	max_lag = max_lag > MAX_LAG ? MAX_LAG : max_lag;
	max_lag = max_lag > wanted ? wanted : max_lag;	/* too much would starve the player */
	if (max_lag < MIN_LAG)
		return 0;
	lag = best_lag(p, 1, max_lag, &score);
	if (is_silent(pcm, n))
		lag = wanted < MIN_LAG ? MIN_LAG : wanted > max_lag ? max_lag : wanted;
	else if (score < enough)
		return 0;
	cross_fade(faded, p, p + lag);
	memcpy(p, faded, sizeof(faded));
	memmove(p + OVERLAP, p + lag + OVERLAP, (n - (size_t)(EDGE + lag + OVERLAP)) * sizeof(*pcm));
	return -lag;
}

static int lengthen(int16_t *pcm, size_t n, size_t cap, int wanted, double enough)
{
	int16_t faded[OVERLAP], *p = pcm + n - EDGE - OVERLAP;
	int max_lag = (int)(p - pcm) - EDGE, lag;
	double score;

	max_lag = max_lag > MAX_LAG ? MAX_LAG : max_lag;
	if (max_lag < MIN_LAG)
		return 0;
	lag = best_lag(p, -1, max_lag, &score);
	if (is_silent(pcm, n))
		lag = wanted < MIN_LAG ? MIN_LAG : wanted > max_lag ? max_lag : wanted;
	else if (score < enough)
		return 0;
	if (cap < n + (size_t)lag)
		return 0;
	cross_fade(faded, p, p - lag);			/* go on from one period earlier: it is heard twice */
	memmove(p + lag + OVERLAP, p + OVERLAP, EDGE * sizeof(*pcm));
	memmove(p + OVERLAP, p - lag + OVERLAP, (size_t)lag * sizeof(*pcm));
	memcpy(p, faded, sizeof(faded));
	return lag;
}

int tsm_change(int16_t *pcm, size_t n, size_t cap, int wanted)
{
	double enough = wanted > 2 * MAX_LAG || wanted < -2 * MAX_LAG ? SIMILAR_ENOUGH : SIMILAR;

	if (n < 2 * EDGE + OVERLAP + MIN_LAG || (wanted < MIN_LAG / 2 && wanted > -MIN_LAG / 2))
		return 0;
	return wanted < 0 ? shorten(pcm, n, -wanted, enough) : lengthen(pcm, n, cap, wanted, enough);
}
