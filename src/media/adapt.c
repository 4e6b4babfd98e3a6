#include "adapt.h"

#include <glib.h>

#define S 1000000ll
#define HALF_US (30 * S)
#define AFTER_CUT_US (2 * S)			/* what a cut does is seen in the second report after it */
#define REST_US (5 * S)			/* after a cut, before the rate grows again */
#define ACQUITTED_US (60 * S)
#define FIRST_REST_US (60 * S)		/* between trials, doubled each time */
#define LAST_REST_US (480 * S)
#define OURS_US (30 * S)
#define MOST_GAP_US (5 * S)			/* growth for no more than that at a time, however seldom reports come */

#define MUCH_LOSS 0.04
#define HEAVY_LOSS 0.08
#define VERY_HEAVY_LOSS 0.25
#define TRIAL_HELPS 0.6				/* so much of the loss that should go goes, if it was ours */
#define LEAST_FOR_FEC_BPS 24000.0
#define HEADERS_BPS 22000.0			/* about, beside the rate: 56 bytes on each of 50 packets a second */
#define QUEUE_MS 60.0				/* with loss: somewhere a queue is full */
#define LONG_QUEUE_MS 70.0			/* without, twice in a row */
#define VERY_LONG_MS 140.0
#define NO_QUEUE_MS 40.0			/* more, and the rate does not grow */
#define JITTER_WEIGHT 3.0			/* what jitter says of a queue where there is no round trip */
#define GENTLER 0.93
#define GENTLE 0.85
#define HARD 0.7
#define HARDER 0.5
#define PER_SECOND 800.0			/* [bit/s] of growth, */
#define PER_SECOND_HIGH 400.0		/* and where it went wrong last, or beyond what it began with */
#define KNEE 0.85				/* from there on it is near, */
#define PAST_KNEE 1.1				/* and from there on forgotten */
#define SMOOTH 0.3

enum { LASTING = 2, USELESS = 3, TRIAL_REPORTS = 2 };		/* reports with a queue; cuts that did not shorten it */

static double floor_bps(const struct adapt *a)
{
	return MIN(a->most_bps, ADAPT_LEAST_BPS);
}

void adapt_init(struct adapt *a, unsigned most_bps)
{
	*a = (struct adapt){.most_bps = most_bps, .bps = MIN(most_bps, ADAPT_FIRST_BPS)};
}

void adapt_most(struct adapt *a, unsigned most_bps)
{
	bool full = a->bps >= a->most_bps;

	a->most_bps = most_bps;
	a->bps = full ? MIN(MAX(a->bps, ADAPT_FIRST_BPS), most_bps) : CLAMP(a->bps, floor_bps(a), most_bps);
}

unsigned adapt_bps(const struct adapt *a)
{
	return (unsigned)(a->bps + 0.5);
}

/* How far VALUE is above the least of the last half to whole minute. */
static double above(struct adapt_least *l, double value, bool fresh, bool turn)
{
	if (fresh) {
		l->now = l->before = value;
	} else if (turn) {
		l->before = l->now;
		l->now = value;
	}
	l->now = MIN(l->now, value);
	return value - MIN(l->now, l->before);
}

/* A round trip that is seen for the first time says nothing of a queue. */
static double queue_ms(struct adapt *a, const struct adapt_report *r, int64_t now_us)
{
	bool turn = now_us - a->half_us >= HALF_US;
	double by_jitter = JITTER_WEIGHT * above(&a->jitter, MAX(r->jitter_ms, 0), !a->any, turn);

	return r->rtt_ms < 0 ? by_jitter : above(&a->rtt, r->rtt_ms, a->rtt.now <= 0, turn);
}

static void cut(struct adapt *a, double factor, int64_t now_us)
{
	a->knee_bps = a->bps;
	a->bps = MAX(a->bps * factor, floor_bps(a));
	a->cut_us = now_us;
}

/* FALSE: what queues there is not ours. */
static bool blame(struct adapt *a, double queue, int64_t now_us)
{
	if (a->cuts == 0)
		a->blamed_ms = queue;
	if (a->cuts >= USELESS && queue > 0.75 * a->blamed_ms) {
		a->acquitted_us = now_us + ACQUITTED_US;
		a->cuts = 0;
		a->knee_bps = 0;
		return false;
	}
	a->cuts++;
	return true;
}

static void grow(struct adapt *a, int64_t now_us)
{
	double seconds = (double)MIN(now_us - a->last_us, MOST_GAP_US) / S;
	bool high = a->bps >= ADAPT_FIRST_BPS || (a->knee_bps > 0 && a->bps >= KNEE * a->knee_bps);

	if (a->cut_us && now_us - a->cut_us < REST_US)
		return;
	a->bps = MIN(a->bps + seconds * (high ? PER_SECOND_HIGH : PER_SECOND), a->most_bps);
	if (a->bps > a->knee_bps * PAST_KNEE || a->bps >= a->most_bps)	/* it went well where it went wrong */
		a->knee_bps = 0;
}

/* ---- loss without a queue ---- */

static void begin_trial(struct adapt *a, double loss, int64_t now_us)
{
	a->trial = (struct adapt_trial){.reports = TRIAL_REPORTS, .bps = a->bps, .loss = loss};
	cut(a, loss > VERY_HEAVY_LOSS ? HARDER : a->ours ? GENTLE : HARD, now_us);
	if (a->trial.bps > LEAST_FOR_FEC_BPS)		/* it may be for nothing: FEC, which needs so much, is not given up for it */
		a->bps = MAX(a->bps, LEAST_FOR_FEC_BPS);
}

/* What a line for less than we send lets through stays the same: the loss that a lower rate ends follows. */
static void end_trial(struct adapt *a, int64_t now_us)
{
	const struct adapt_trial *t = &a->trial;
	double less = (t->bps + HEADERS_BPS) / (a->bps + HEADERS_BPS), ends = MIN(t->loss, (1 - t->loss) * (less - 1));

	a->ours = t->loss - t->sum / TRIAL_REPORTS > ends * TRIAL_HELPS;
	if (a->ours) {
		a->ours_us = now_us;
		return;
	}
	a->bps = MIN(MAX(a->bps, t->bps), a->most_bps);
	a->knee_bps = 0;
	a->rest_us = a->rest_us ? MIN(2 * a->rest_us, LAST_REST_US) : FIRST_REST_US;
	a->next_trial_us = now_us + a->rest_us;
}

/* TRUE: the rate is on trial, nothing else is to be decided. */
static bool on_trial(struct adapt *a, double loss, bool settled, int64_t now_us)
{
	bool suspect;

	if (a->trial.reports) {
		if (!settled)
			return true;
		a->trial.sum += loss;
		if (--a->trial.reports == 0)
			end_trial(a, now_us);
		return true;
	}
	if (a->ours && loss >= MUCH_LOSS)
		a->ours_us = now_us;
	if (a->ours && now_us - a->ours_us > OURS_US)
		a->ours = false;
	a->lossy = loss >= HEAVY_LOSS ? a->lossy + 1 : 0;
	suspect = a->ours ? loss >= MUCH_LOSS : a->lossy >= LASTING && a->loss >= HEAVY_LOSS && now_us >= a->next_trial_us;
	if (!suspect || !settled || a->bps <= floor_bps(a))
		return false;
	begin_trial(a, a->ours ? loss : a->loss, now_us);
	return true;
}

/* ---- all ---- */

/* A report within two seconds of a cut tells of what was before it. */
static void decide(struct adapt *a, double loss, double queue, int64_t now_us)
{
	bool settled = !a->cut_us || now_us - a->cut_us >= AFTER_CUT_US;

	a->queued = queue >= LONG_QUEUE_MS ? a->queued + 1 : 0;
	if (queue < LONG_QUEUE_MS / 2)
		a->cuts = 0;
	if (loss >= MUCH_LOSS && queue >= QUEUE_MS) {
		a->trial.reports = 0;
		if (settled)
			cut(a, CLAMP(1 - loss, HARD, GENTLE), now_us);
	} else if (on_trial(a, loss, settled, now_us)) {
		return;
	} else if (a->queued >= LASTING && now_us >= a->acquitted_us) {
		if (settled && blame(a, queue, now_us))
			cut(a, queue >= VERY_LONG_MS ? GENTLE : GENTLER, now_us);
	} else if ((queue < NO_QUEUE_MS || now_us < a->acquitted_us) && !(a->ours && loss >= MUCH_LOSS)) {
		grow(a, now_us);
	}
}

void adapt_report(struct adapt *a, const struct adapt_report *r, int64_t now_us)
{
	double loss = CLAMP(r->loss, 0, 1), queue = queue_ms(a, r, now_us);

	if (!a->any || now_us - a->half_us >= HALF_US)
		a->half_us = now_us;
	a->loss = a->any ? a->loss * (1 - SMOOTH) + loss * SMOOTH : loss;
	if (a->any)
		decide(a, loss, queue, now_us);
	a->any = true;
	a->last_us = now_us;
}
