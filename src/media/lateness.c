#include "lateness.h"

#include <math.h>

enum {
	LEAST_SLOT_US = 160000,
	MARGIN_US = 200,			/* a packet must be here this long before its time */
	DOWN_GAIN_US = 1000, UP_GAIN_US = 2000,	/* what a move must save */
	CHANGE_GAIN_US = 1000,			/* what another expert must save */
	MAX_STEPS_UP = 10, MAX_STEPS_DOWN = 40,	/* looked at in one go */
	SETTLED = 50,				/* packets before the books say anything */
	GAP_MOST_US = 90000,			/* a gap longer than that is no worse */
};
#define PRICE_US 345000.0			/* of inventing everything: 3.5 ms of delay for one packet in a hundred, if alone */
#define GAP_US 6000.0				/* each of a longer gap is worth as much again for every so much that it is late */
#define REPAIR_US 3000000.0			/* of rebuilding every packet from FEC: 30 ms for one in a hundred */
#define MANY 0.12				/* where more than that share could be rebuilt, often the one before is lost for good: */
#define MANY_US 100000000.0			/* what is beyond that is worth so much, else speech falls to pieces */
#define MOVE_US 1000000.0			/* of one change of mind, which is heard: 1 ms of delay for each thousand packets */
#define BOOKS 0.9985				/* memory of the books: 700 packets */
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
	int64_t epoch = now_us / LEAST_SLOT_US + 1, best = INT64_MAX;
	int64_t oldest = epoch > LATENESS_LEAST ? epoch - LATENESS_LEAST : 0;	/* 0: never */

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

/* Per bin: the share of packets later than it, and how much later, GAP_MOST_US at most: mean of all packets. */
struct beyond {
	int top;
	double move_us;				/* what a late packet costs by the moves that follow, see moves_us() */
	double late[LATENESS_BINS], excess_us[LATENESS_BINS];
};

/* Where the steps are as long as packets a late one is passed over, as its place is taken. Where they are shorter it is
 * played, one step later, and the step is won back, two changes that are heard; but not when others came before it. */
static double moves_us(double step, double duration)
{
	return step < duration ? MOVE_US / 2 : 0;
}

static void sum_up(const struct lateness_expert *e, double move_us, struct beyond *b)
{
	const int gap_bins = GAP_MOST_US / LATENESS_BIN_US;
	double late = 0, excess = 0;

	b->top = e->top;
	b->move_us = move_us;
	for (int i = e->top; i >= 0; i--) {
		b->late[i] = late / e->total;
		b->excess_us[i] = excess * LATENESS_BIN_US;
		late += e->bins[i];
		excess += late / e->total;
		if (i + gap_bins <= e->top + 1)
			excess -= b->late[i + gap_bins - 1];
	}
}

static double share_late(const struct beyond *b, double at_us)
{
	int64_t bin = (int64_t)at_us / LATENESS_BIN_US;

	return at_us < 0 ? 1 : bin > b->top ? 0 : b->late[bin];
}

static double excess_us(const struct beyond *b, double at_us)
{
	int64_t bin = (int64_t)at_us / LATENESS_BIN_US;

	return at_us < 0 ? b->excess_us[0] - at_us : bin > b->top ? 0 : b->excess_us[bin];
}

/* Waiting has a price and so has inventing what came too late. The price of each grows with the gap, so what is late
 * weighs as much more as it is later. */
static double cost_at(const struct beyond *b, double at_us)
{
	return at_us + (PRICE_US + b->move_us) * share_late(b, at_us) + PRICE_US / GAP_US * excess_us(b, at_us);
}

static double cheapest(const struct beyond *b, double grid, double step)
{
	double best = grid, best_cost = INFINITY;

	for (double at = grid; at < (double)(b->top + 1) * LATENESS_BIN_US + step; at += step) {
		double cost = cost_at(b, at);

		if (cost < best_cost) {
			best_cost = cost;
			best = at;
		}
	}
	return best;
}

/* ---- the books ---- */

struct deadlines {				/* of the player: on a grid from GRID on, for packets of DURATION */
	double grid, step, duration;
};

/* Which of the deadlines an expert that is at its aim should be at. */
static double best_deadline(const struct lateness_expert *e, const struct deadlines *d)
{
	double stay = d->grid + fmax(0, round((e->aim_us - d->grid) / d->step)) * d->step, best;
	struct beyond b;

	sum_up(e, moves_us(d->step, d->duration), &b);
	best = cheapest(&b, d->grid, d->step);
	return cost_at(&b, stay) - cost_at(&b, best) > (best < stay ? DOWN_GAIN_US : UP_GAIN_US) ? best : stay;
}

/* The expert meets a packet at the delay it has come to. Returns by how much it is later from now on, since the packet was
 * not here in time. */
static double meet(struct lateness_expert *e, double late_us, const struct deadlines *d, bool newest)
{
	double over = late_us - e->at_us, cost = e->at_us, invented = 0, slew = SLEW * d->duration;

	if (over > 0) {
		invented = ceil(over / d->step) * d->step;
		cost += PRICE_US * (newest ? invented / d->duration : 1) *
			(1 + fmin(over, GAP_MOST_US) / GAP_US / 2);
	}
	if (!newest)
		invented = 0;
	if (invented > 0)
		e->aim_us = e->at_us += invented;
	e->cost = BOOKS * e->cost + (1 - BOOKS) * cost;
	e->at_us += fmax(-slew, fmin(e->aim_us - e->at_us, slew));
	return invented;
}

/* Then it goes on to where it wants to be, on the grid as the player must: what can only be had between two deadlines is
 * no merit. A change of mind costs, but that a short invention stands for its packet does not. */
static void aim(struct lateness_expert *e, double invented, const struct deadlines *d)
{
	double to = best_deadline(e, d), change = to - e->aim_us;

	if (invented >= d->duration / 2 && invented <= LATENESS_MERGE_US && change <= -d->duration + 1)
		e->at_us -= fmin(invented, d->duration);
	else if (fabs(change) > d->step * 0.75)
		e->cost += (1 - BOOKS) * MOVE_US;
	e->aim_us = to;
}

void lateness_add(struct lateness *l, int64_t transit, int64_t now_us, int64_t duration, int64_t step, int64_t allowed,
		  bool newest)
{
	struct deadlines d = {.step = (double)(step > 0 ? step : duration), .duration = (double)duration};
	int64_t late, bin;

	note_least(l, transit, now_us);
	follow_least(l, now_us);
	late = transit - l->origin;
	bin = (late + LATENESS_BIN_US - 1) / LATENESS_BIN_US;
	bin = bin < 0 ? 0 : bin >= LATENESS_BINS ? LATENESS_BINS - 1 : bin;
	d.grid = fmod((double)(allowed + lateness_least(l, now_us, l->origin) - l->origin - MARGIN_US), d.step);
	if (d.grid < 0)
		d.grid += d.step;
	for (int i = 0; i < LATENESS_EXPERTS; i++) {
		struct lateness_expert *e = &l->experts[i];
		double invented = l->counted > 0 ? meet(e, (double)late, &d, newest) : 0;

		remember(e, (int)bin, memories[i], l->counted);
		aim(e, invented, &d);
	}
	l->counted++;
	if (l->counted < SETTLED) {
		l->chosen = LATENESS_EXPERTS - 1;
		return;
	}
	for (unsigned i = 0; i < LATENESS_EXPERTS; i++)
		if (l->experts[i].cost < l->experts[l->chosen].cost - CHANGE_GAIN_US)
			l->chosen = i;
}

/* ---- questions ---- */

static double cost_with_repair(const struct beyond *b, int64_t allowed, int64_t duration, double repair)
{
	double price = REPAIR_US * repair + MANY_US * fmax(0, repair - MANY);

	return cost_at(b, (double)allowed) + price * share_late(b, (double)(allowed - duration));
}

int lateness_choose(const struct lateness *l, int64_t now_us, int64_t allowed, int64_t step, int64_t duration, double repair,
		    double *gain_us)
{
	const struct lateness_expert *e = &l->experts[l->chosen];
	struct beyond beyond;
	double best_cost, stay;
	int64_t down;
	int best = 0;

	*gain_us = 0;
	if (e->total <= 0 || step <= 0)
		return 0;
	sum_up(e, moves_us((double)step, (double)duration), &beyond);
	allowed += lateness_least(l, now_us, l->origin) - l->origin - MARGIN_US;
	best_cost = stay = cost_with_repair(&beyond, allowed, duration, repair);
	down = allowed > 0 ? allowed / step : 0;
	for (int k = down < MAX_STEPS_DOWN ? -(int)down : -MAX_STEPS_DOWN; k <= MAX_STEPS_UP; k++) {
		double cost = cost_with_repair(&beyond, allowed + k * step, duration, repair);

		if (cost < best_cost) {
			best_cost = cost;
			best = k;
		}
	}
	if (stay - best_cost <= (best < 0 ? DOWN_GAIN_US : UP_GAIN_US))
		return 0;
	*gain_us = stay - best_cost;
	return best;
}

int64_t lateness_target(const struct lateness *l, int64_t now_us)
{
	const struct lateness_expert *e = &l->experts[l->chosen];
	struct beyond beyond;

	if (e->total <= 0)
		return 0;
	sum_up(e, 0, &beyond);
	return (int64_t)cheapest(&beyond, 0, LATENESS_BIN_US) + MARGIN_US - (lateness_least(l, now_us, l->origin) - l->origin);
}
