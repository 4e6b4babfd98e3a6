#include "jitter_priv.h"

enum {
	ASK_WINDOW = 200, ASK_SHIFT_US = 40000,	/* asks; a player this much later has stalled, not jittered */
	STEER_US = 100000,			/* no single look counts for more */
};
#define SHORTEN_REGRET 2e9			/* [us us] a gain of 20 ms is taken after 100 ms, one of 2 after a second */
#define LENGTHEN_REGRET 1.5e9
#define UNKNOWN INT64_MAX

/* ---- the player's ways ---- */

void jitter_ask(struct jitter *j, int64_t now_us, uint32_t n_ts)
{
	int64_t late = now_us - to_us(j, j->played);

	if (j->asks == 0 || late - MIN(j->earliest[0], j->earliest[1]) > ASK_SHIFT_US) {
		j->earliest[0] = j->earliest[1] = late;
		j->asks = 0;
	}
	if (++j->asks % ASK_WINDOW == 0) {
		j->earliest[1] = j->earliest[0];
		j->earliest[0] = late;
	}
	j->earliest[0] = MIN(j->earliest[0], late);
	j->early_us = late - MIN(j->earliest[0], j->earliest[1]);
	j->played += n_ts;
	j->ask = CLAMP(n_ts, j->hz / 1000, j->hz / 10);
}

void jitter_scaled(struct jitter *j, int done)
{
	forget_waste(j);
	j->owed = done > 0 ? MAX(j->owed - done, 0) : 0;
}

int jitter_choose(const struct jitter *j, int64_t now_us, int64_t allowed_us, double *gain_us)
{
	return lateness_choose(&j->lateness, now_us, allowed_us, step_us(j), to_us(j, j->duration), j->loss * j->rebuilt,
			       gain_us);
}

/* ---- steering ---- */

static bool waste_known(const struct jitter *j)
{
	return j->evens >= WASTE_EVEN || j->wastes >= WASTE_WINDOW;
}

/* What would be best now, in samples, and by how much (*GAIN_US). UNKNOWN: ask again. */
static int64_t best_change(const struct jitter *j, int64_t now_us, double *gain_us)
{
	uint32_t waste = MIN(j->wasted[0], j->wasted[1]);
	int steps = jitter_choose(j, now_us, j->allowed_us, gain_us);
	int64_t samples = to_samples(j, steps * step_us(j));

	if (steps > 0)
		return MAX(samples - waste, 0);
	if (to_us(j, waste) < WASTE_US)
		return samples;
	if (samples == 0 && j->moving > 0 && to_us(j, j->owed) >= WASTE_US)	/* half a step has bought nothing yet: finish it */
		return j->owed;
	if (waste_known(j)) {
		samples -= waste;
		*gain_us += (double)to_us(j, waste);
	} else if (samples == 0) {
		return UNKNOWN;
	}
	return samples;
}

/* Each change is heard, so it must be worth it: it is made when what was lost by not making it has come to a sum. What is
 * much is done at once; what is little, or changes its mind, is left. */
int jitter_steer(struct jitter *j, int64_t now_us)
{
	int64_t passed_us = MIN(now_us - j->steered_us, STEER_US), samples;
	double gain_us;
	int wish;

	j->steered_us = now_us;
	if (!j->started || j->wastes == 0)
		return 0;
	samples = best_change(j, now_us, &gain_us);
	if (samples == UNKNOWN)				/* no other mind yet: it keeps its patience */
		return 0;
	wish = (samples > 0) - (samples < 0);
	if (wish != j->wish)
		j->regret = 0;
	if (wish != j->wish && wish != j->moving)
		j->moving = 0;
	j->wish = wish;
	j->regret += gain_us * (double)passed_us;
	if (j->moving != wish && j->regret < (wish < 0 ? SHORTEN_REGRET : LENGTHEN_REGRET))
		return 0;
	j->moving = wish;
	j->owed = MAX(samples, 0);
	return (int)samples;
}
