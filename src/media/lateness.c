#include "lateness.h"

#include <math.h>

enum {
	LEAST_SLOT_US = 160000,
	MARGIN_US = 500,			/* a packet must be here this long before its time */
	DOWN_GAIN_US = 2000, UP_GAIN_US = 1000,	/* what a move must save */
	MAX_STEPS_UP = 10, MAX_STEPS_DOWN = 40,	/* looked at in one go */
	AIM_EVERY = 8,				/* packets, where the memory is much longer */
	SETTLED = 50,				/* packets before the books say anything */
};
#define PRICE_US 450000.0			/* of inventing everything: 4.5 ms of delay for one packet in a hundred, if alone */
#define GAP_US 10000.0				/* each of a longer gap is worth as much again for every so much that it is late */
#define REPAIR_US 3000000.0			/* of rebuilding every packet from FEC: 30 ms for one in a hundred */
#define BOOKS 0.999				/* memory of the books: 1000 packets */
#define SLEW 0.25				/* of the time that passes, by time scaling */
#define HEAVY 1e6
#define FORGOTTEN 1e-6				/* a share */

static const double memories[LATENESS_EXPERTS] = {8, 64, 400, 1200};	/* [packets] */

void lateness_forget_clock(struct lateness *l)
{
	for (int i = 0; i < LATENESS_LEAST; i++)
		l->least_at[i] = 0;
	l->best_at = 0;
	l->have_origin = false;
}

/* ---- the least ---- */

static void note_least(struct lateness *l, int64_t transit, int64_t now_us)
{
	int64_t epoch = now_us / LEAST_SLOT_US + 1;
	int i = (int)(epoch % LATENESS_LEAST);

	if (l->least_at[i] != epoch || transit < l->least[i])
		l->least[i] = transit;
	l->least_at[i] = epoch;
	if (l->best_at != epoch || transit < l->best) {
		l->best_at = 0;
		l->best = lateness_least(l, now_us, transit);
		l->best_at = epoch;
	}
}

int64_t lateness_least(const struct lateness *l, int64_t now_us, int64_t otherwise)
{
	int64_t epoch = now_us / LEAST_SLOT_US + 1, oldest = epoch - LATENESS_LEAST, best = INT64_MAX;

	if (l->best_at == epoch)
		return l->best;
	for (int i = 0; i < LATENESS_LEAST; i++)
		if (l->least_at[i] > oldest && l->least[i] < best)
			best = l->least[i];
	return best == INT64_MAX ? otherwise : best;
}

/* All that is remembered moves by N bins, because the least did. */
static void shift(struct lateness_expert *e, int64_t n)
{
	float moved[LATENESS_BINS] = {0};

	for (int i = 0; i < LATENESS_BINS; i++) {
		int64_t to = i + n;

		moved[to < 0 ? 0 : to >= LATENESS_BINS ? LATENESS_BINS - 1 : to] += e->bins[i];
	}
	for (int i = 0; i < LATENESS_BINS; i++)
		e->bins[i] = moved[i];
	e->top = LATENESS_BINS - 1;
	e->at_us = fmax(0, e->at_us + (double)n * LATENESS_BIN_US);
	e->aim_us = fmax(0, e->aim_us + (double)n * LATENESS_BIN_US);
}

/* The origin follows the least: down at once, up by whole bins. */
static void follow_least(struct lateness *l, int64_t now_us)
{
	int64_t best = lateness_least(l, now_us, l->origin), n;

	if (!l->have_origin) {
		l->origin = best;
		l->have_origin = true;
		return;
	}
	if (best < l->origin) {
		n = (l->origin - best + LATENESS_BIN_US / 2) / LATENESS_BIN_US;
		l->origin = best;
	} else {
		n = -((best - l->origin) / LATENESS_BIN_US);
		l->origin -= n * LATENESS_BIN_US;
	}
	for (int i = 0; n != 0 && i < LATENESS_EXPERTS; i++)
		shift(&l->experts[i], n);
}

/* ---- the experts ---- */

static void remember(struct lateness_expert *e, int bin, double memory, unsigned counted)
{
	double forget = 1 - 1 / fmin(memory, counted + 2);

	e->weight = e->weight > 0 ? e->weight / forget : 1;
	if (e->weight > HEAVY) {
		for (int i = 0; i < LATENESS_BINS; i++)
			e->bins[i] = (float)(e->bins[i] / e->weight);
		e->total /= e->weight;
		e->weight = 1;
	}
	e->bins[bin] += (float)e->weight;
	e->total += e->weight;
	e->top = bin > e->top ? bin : e->top;
	while (e->top > 0 && e->bins[e->top] < FORGOTTEN * e->total)
		e->bins[e->top--] = 0;
}

/* What waiting AT would cost in packets invented. The price of each grows with the gap, so what is LATE (the share of
 * packets beyond AT) weighs as much more as it is later (EXCESS: mean time beyond AT, of all packets). */
static double cost_of(double at_us, double late, double excess_us)
{
	return at_us + PRICE_US * (late + excess_us / GAP_US);
}

/* Waiting has a price and so has inventing what came too late: the cheapest sum. */
static double cheapest(const struct lateness_expert *e)
{
	double late = 0, excess = 0, best_cost = INFINITY, best = 0;

	for (int i = e->top; i >= 0; i--) {
		double cost = cost_of((double)i * LATENESS_BIN_US, late / e->total, excess / e->total);

		if (cost < best_cost) {
			best_cost = cost;
			best = (double)i * LATENESS_BIN_US;
		}
		late += e->bins[i];
		excess += late * LATENESS_BIN_US;
	}
	return best + MARGIN_US;
}

/* The books of one expert: it meets the packet at the delay it has come to, then goes on towards its aim. */
static void keep_books(struct lateness_expert *e, double late_us, double duration, double step, bool newest)
{
	double over = late_us - e->at_us, cost = e->at_us, slew = SLEW * duration;

	if (over > 0) {
		double invented = ceil(over / step) * step;

		cost += PRICE_US * (newest ? invented / duration * (1 + over / GAP_US / 2) : 1);
		if (newest)
			e->at_us += invented;
	}
	e->cost = BOOKS * e->cost + (1 - BOOKS) * cost;
	e->at_us += fmax(-slew, fmin(e->aim_us - e->at_us, slew));
}

void lateness_add(struct lateness *l, int64_t transit, int64_t now_us, int64_t duration, int64_t step, bool newest)
{
	int64_t late, bin;

	note_least(l, transit, now_us);
	follow_least(l, now_us);
	late = transit - l->origin;
	bin = (late + LATENESS_BIN_US - 1) / LATENESS_BIN_US;
	bin = bin < 0 ? 0 : bin >= LATENESS_BINS ? LATENESS_BINS - 1 : bin;
	for (int i = 0; i < LATENESS_EXPERTS; i++) {
		struct lateness_expert *e = &l->experts[i];

		if (l->counted > 0)
			keep_books(e, (double)late, (double)duration, (double)(step > 0 ? step : duration), newest);
		remember(e, (int)bin, memories[i], l->counted);
		if (l->counted < SETTLED || memories[i] < AIM_EVERY * AIM_EVERY || l->counted % AIM_EVERY == (unsigned)i)
			e->aim_us = cheapest(e);
	}
	l->counted++;
	if (l->counted < SETTLED) {
		l->chosen = LATENESS_EXPERTS - 1;
		return;
	}
	for (unsigned i = 0; i < LATENESS_EXPERTS; i++)
		if (l->experts[i].cost < l->experts[l->chosen].cost - DOWN_GAIN_US / 4)
			l->chosen = i;
}

/* Per bin: what is later than it. */
struct beyond {
	int top;
	double late[LATENESS_BINS], excess_us[LATENESS_BINS];
};

static void sum_up(const struct lateness_expert *e, struct beyond *b)
{
	double late = 0, excess = 0;

	b->top = e->top;
	for (int i = e->top; i >= 0; i--) {
		b->late[i] = late / e->total;
		b->excess_us[i] = excess / e->total;
		late += e->bins[i];
		excess += late * LATENESS_BIN_US;
	}
}

static double share_late(const struct beyond *b, int64_t allowed)
{
	int64_t bin = allowed / LATENESS_BIN_US;

	return allowed < 0 ? 1 : bin > b->top ? 0 : b->late[bin];
}

static double excess_us(const struct beyond *b, int64_t allowed)
{
	int64_t bin = allowed / LATENESS_BIN_US;

	return allowed < 0 ? b->excess_us[0] - (double)allowed : bin > b->top ? 0 : b->excess_us[bin];
}

static double cost_at(const struct beyond *b, int64_t allowed, int64_t duration, double repair)
{
	return cost_of((double)allowed, share_late(b, allowed), excess_us(b, allowed)) +
		REPAIR_US * repair * share_late(b, allowed - duration);
}

int lateness_choose(const struct lateness *l, int64_t now_us, int64_t allowed, int64_t step, int64_t duration, double repair)
{
	const struct lateness_expert *e = &l->experts[l->chosen];
	struct beyond beyond;
	double best_cost, stay;
	int64_t down;
	int best = 0;

	if (e->total <= 0 || step <= 0)
		return 0;
	sum_up(e, &beyond);
	allowed += lateness_least(l, now_us, l->origin) - l->origin - MARGIN_US;
	best_cost = stay = cost_at(&beyond, allowed, duration, repair);
	down = allowed > 0 ? allowed / step : 0;
	for (int k = down < MAX_STEPS_DOWN ? -(int)down : -MAX_STEPS_DOWN; k <= MAX_STEPS_UP; k++) {
		double cost = cost_at(&beyond, allowed + k * step, duration, repair);

		if (cost < best_cost) {
			best_cost = cost;
			best = k;
		}
	}
	return stay - best_cost > (best < 0 ? DOWN_GAIN_US : UP_GAIN_US) ? best : 0;
}

int64_t lateness_target(const struct lateness *l, int64_t now_us)
{
	const struct lateness_expert *e = &l->experts[l->chosen];

	return e->total > 0 ? (int64_t)cheapest(e) - (lateness_least(l, now_us, l->origin) - l->origin) : 0;
}
