#include "tsm.h"

#include <math.h>
#include <string.h>

enum {
	EDGE = 120,			/* 2.5 ms at either end that stay */
	OVERLAP = 240,			/* 5 ms of cross-fade */
	MIN_LAG = 120, MAX_LAG = 600,	/* periods of 2.5 to 12.5 ms: pitches of 80 to 400 Hz */
	COARSE = 6,			/* the first search is at 8 kHz */
	LEAST = 24,			/* less is not worth it */
	MIN_N = 480,
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

/* The same at 8 kHz, low-passed: the lag in COARSE steps. D holds the samples from the earlier of the two ends on. */
static int coarse_lag(const int16_t *p, int direction, int max_lag)
{
	float d[(MAX_LAG + OVERLAP) / COARSE], best_score = -2;
	int most = max_lag / COARSE, best = MIN_LAG / COARSE;
	const int16_t *from = direction > 0 ? p : p - most * COARSE;
	const float *here = direction > 0 ? d : d + most;

	for (int i = 0; i < most + OVERLAP / COARSE; i++) {
		d[i] = 0;
		for (int k = 0; k < COARSE; k++)
			d[i] += from[i * COARSE + k];
	}
	for (int lag = MIN_LAG / COARSE; lag <= most; lag++) {
		const float *there = here + direction * lag;
		float ab = 0, aa = 1, bb = 1, score;

		for (int i = 0; i < OVERLAP / COARSE; i++) {
			ab += here[i] * there[i];
			aa += here[i] * here[i];
			bb += there[i] * there[i];
		}
		score = ab / sqrtf(aa * bb);
		if (score > best_score) {
			best_score = score;
			best = lag;
		}
	}
	return best * COARSE;
}

/* The lag at which the OVERLAP samples at P (forwards or backwards) look most like themselves. */
static int best_lag(const int16_t *p, int direction, int max_lag, double *score)
{
	int coarse = coarse_lag(p, direction, max_lag), best = coarse;
	int first = coarse - COARSE < MIN_LAG ? MIN_LAG : coarse - COARSE;
	int last = coarse + COARSE > max_lag ? max_lag : coarse + COARSE;

	*score = -2;
	for (int lag = first; lag <= last; lag++) {
		double s = similarity(p, p + direction * lag, OVERLAP, 2);

		if (s > *score) {
			*score = s;
			best = lag;
		}
	}
	return best;
}

/* How much to take out or put in: any length where nothing is heard, else a period. 0: not here. */
static int choose_lag(const int16_t *pcm, size_t n, const int16_t *p, int direction, int max_lag, int wanted, double enough)
{
	double score;
	int lag;

	if (max_lag > MAX_LAG)
		max_lag = MAX_LAG;
	if (max_lag > 0 && is_silent(pcm, n))
		return wanted < max_lag ? wanted : max_lag;
	if (max_lag < MIN_LAG || wanted < MIN_LAG / 2)
		return 0;
	lag = best_lag(p, direction, max_lag, &score);
	return score < enough ? 0 : lag;
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

	max_lag = max_lag > wanted ? wanted : max_lag;	/* too much would starve the player */
	lag = choose_lag(pcm, n, p, 1, max_lag, wanted, enough);
	if (!lag)
		return 0;
	cross_fade(faded, p, p + lag);
	memcpy(p, faded, sizeof(faded));
	memmove(p + OVERLAP, p + lag + OVERLAP, (n - (size_t)(EDGE + lag + OVERLAP)) * sizeof(*pcm));
	return -lag;
}

static int lengthen(int16_t *pcm, size_t n, size_t cap, int wanted, double enough)
{
	int16_t faded[OVERLAP], *p = pcm + n - EDGE - OVERLAP;
	int lag = choose_lag(pcm, n, p, -1, (int)(p - pcm) - EDGE, wanted, enough);

	if (!lag || cap < n + (size_t)lag)
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

	if (n < MIN_N || (wanted < LEAST && wanted > -LEAST))
		return 0;
	return wanted < 0 ? shorten(pcm, n, -wanted, enough) : lengthen(pcm, n, cap, wanted, enough);
}
