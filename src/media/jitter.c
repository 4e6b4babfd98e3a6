#include "jitter.h"

#include <glib.h>
#include <string.h>

/* How it decides. Each packet has a transit = arrival - timestamp; the least of the last ten seconds is the best the
 * network can do, and a packet's lateness is what it took beyond that. A histogram of lateness that forgets gives the
 * target: the delay at which so few packets would be late that waiting longer costs more than it saves. The delay in
 * force, of the packet that is next to be played, is steered to the target by time scaling alone. */
enum {
	SLOTS = 256, MAX_HELD = 200, MAX_PAYLOAD = 1275,
	BIN_US = 2000, BINS = 500,		/* the histogram reaches to one second */
	LEAST_SLOTS = 64, LEAST_SLOT_US = 160000,
	JUMP_SEQ = 1000, JUMP_MS = 10000,	/* beyond that the peer has begun anew */
	STARVE_STEP_MS = 10,
	EASE_US = 4000,				/* near enough: shortening stops here above the target */
	SLACK_US = 13000,			/* and begins here: a player's phase of 10 ms is no delay to be mended */
	LOW_US = 3000,
};
#define FORGET 0.9985				/* per packet: a memory of about 13 s */
#define FORGET_FIRST 60				/* packets in which the memory grows to that */
#define LATE_PRICE_US 2500000.0			/* what all packets being late would be worth: 25 ms for one in a hundred */

struct slot {
	bool used;
	int64_t seq, ts;
	uint32_t duration;
	size_t len;
	uint8_t payload[MAX_PAYLOAD];
};

struct jitter {
	unsigned hz;
	bool started, have_any;
	int64_t top_seq, top_ts;		/* of the newest packet, unwrapped */
	int64_t next_seq, next_ts;		/* the one to be played */
	uint32_t duration;			/* of the last packet */
	int64_t starved;			/* [samples] invented while nothing was here */
	unsigned held, odd;			/* odd: packets in a row that fit nothing */
	uint16_t odd_seq;
	bool easing, fresh;
	int64_t least[LEAST_SLOTS], least_at[LEAST_SLOTS];
	double bins[BINS], loss;		/* loss: share of packets missing when due, forgetting */
	unsigned counted;
	int64_t target_us;
	struct slot slots[SLOTS];
};

struct jitter *jitter_new(unsigned clock_hz)
{
	struct jitter *j = g_new0(struct jitter, 1);

	j->hz = clock_hz;
	j->duration = clock_hz / 50;
	return j;
}

void jitter_free(struct jitter *j)
{
	g_free(j);
}

static void drop_packets(struct jitter *j)
{
	for (int i = 0; i < SLOTS; i++)
		j->slots[i].used = false;
	j->held = 0;
	j->have_any = j->started = false;
	j->starved = 0;
}

static void forget_clock(struct jitter *j)
{
	for (int i = 0; i < LEAST_SLOTS; i++)
		j->least_at[i] = 0;
}

void jitter_reset(struct jitter *j)
{
	drop_packets(j);
	forget_clock(j);
}

static int64_t to_us(const struct jitter *j, int64_t samples)
{
	return samples * 1000000 / j->hz;
}

static struct slot *at(struct jitter *j, int64_t seq)
{
	return &j->slots[seq & (SLOTS - 1)];
}

static struct slot *find(struct jitter *j, int64_t seq)
{
	struct slot *s = at(j, seq);

	return s->used && s->seq == seq ? s : NULL;
}

/* ---- what the network does ---- */

static void note_least(struct jitter *j, int64_t transit, int64_t now_us)
{
	int64_t epoch = now_us / LEAST_SLOT_US + 1;
	int i = (int)(epoch % LEAST_SLOTS);

	if (j->least_at[i] != epoch || transit < j->least[i])
		j->least[i] = transit;
	j->least_at[i] = epoch;
}

static int64_t least(const struct jitter *j, int64_t now_us, int64_t otherwise)
{
	int64_t oldest = now_us / LEAST_SLOT_US + 1 - LEAST_SLOTS, best = INT64_MAX;

	for (int i = 0; i < LEAST_SLOTS; i++)
		if (j->least_at[i] > oldest && j->least[i] < best)
			best = j->least[i];
	return best == INT64_MAX ? otherwise : best;
}

/* Waiting for a share of the packets has a price, and so has inventing them: the cheapest sum is the target. */
static int64_t cheapest(const struct jitter *j)
{
	double late = 0, total = 0, best_cost = 1e18;
	int64_t best = 0;
	int top = BINS - 1;

	while (top > 0 && j->bins[top] < 1e-6)
		top--;
	for (int i = 0; i <= top; i++)
		total += j->bins[i];
	for (int i = top; i >= 0; i--) {
		double cost = (double)(i + 1) * BIN_US + LATE_PRICE_US * late / (total > 0 ? total : 1);

		if (cost < best_cost) {
			best_cost = cost;
			best = (int64_t)(i + 1) * BIN_US;
		}
		late += j->bins[i];
	}
	return best;
}

static void note_lateness(struct jitter *j, int64_t lateness_us)
{
	int64_t bin = CLAMP(lateness_us / BIN_US, 0, BINS - 1);
	double forget = j->counted < FORGET_FIRST ? 1 - 1.0 / (j->counted + 2) : FORGET;

	j->counted++;
	for (int i = 0; i < BINS; i++)
		j->bins[i] *= forget;
	j->bins[bin] += 1 - forget;
	if (j->counted < 50 || j->counted % 5 == 0)
		j->target_us = cheapest(j);
}

/* ---- packets in ---- */

static void begin_at(struct jitter *j, uint16_t seq, uint32_t ts)
{
	drop_packets(j);
	forget_clock(j);
	j->have_any = j->fresh = true;
	j->odd = 0;
	j->top_seq = j->next_seq = ((int64_t)1 << 32) + seq;
	j->top_ts = j->next_ts = ((int64_t)1 << 40) + ts;
}

/* Unwraps both numbers; false: they fit nothing we know. Two packets in a row that do are a new beginning. */
static bool place(struct jitter *j, uint16_t seq, uint32_t ts, int64_t *full_seq, int64_t *full_ts)
{
	int16_t dseq = (int16_t)(uint16_t)(seq - (uint16_t)j->top_seq);
	int32_t dts = (int32_t)(ts - (uint32_t)j->top_ts);

	if (j->have_any && ABS(dseq) < JUMP_SEQ && ABS((int64_t)dts) < (int64_t)j->hz * JUMP_MS / 1000) {
		*full_seq = j->top_seq + dseq;
		*full_ts = j->top_ts + dts;
		j->odd = 0;
		return true;
	}
	if (!j->have_any || (j->odd && seq == (uint16_t)(j->odd_seq + 1))) {
		begin_at(j, seq, ts);
		*full_seq = j->top_seq;
		*full_ts = j->top_ts;
		return true;
	}
	j->odd = 1;
	j->odd_seq = seq;
	return false;
}

static void make_room(struct jitter *j)
{
	while (j->held >= MAX_HELD) {			/* the oldest goes, and the player with it */
		struct slot *s = find(j, j->next_seq);

		if (s) {
			j->next_ts = s->ts + s->duration;
			s->used = false;
			j->held--;
		}
		j->next_seq++;
	}
}

enum jitter_put jitter_put(struct jitter *j, uint16_t seq, uint32_t ts, uint32_t duration_ts, const uint8_t *payload,
			   size_t len, int64_t now_us)
{
	int64_t s64, t64, transit;
	struct slot *s;

	if (len > MAX_PAYLOAD || duration_ts == 0)
		return JITTER_OVERFLOW;
	if (!place(j, seq, ts, &s64, &t64))
		return JITTER_LATE;
	if (find(j, s64))
		return JITTER_DUPLICATE;
	transit = now_us - to_us(j, t64);
	note_least(j, transit, now_us);
	note_lateness(j, transit - least(j, now_us, transit));
	if (s64 > j->top_seq) {
		j->top_seq = s64;
		j->top_ts = t64;
	}
	if (s64 < j->next_seq)
		return JITTER_LATE;
	make_room(j);
	s = at(j, s64);
	if (s->used)
		j->held--;
	s->used = true;
	s->seq = s64;
	s->ts = t64;
	s->duration = duration_ts;
	s->len = len;
	memcpy(s->payload, payload, len);
	j->duration = duration_ts;
	j->held++;
	return JITTER_KEPT;
}

/* ---- packets out ---- */

static void play(struct jitter *j, struct slot *s, struct jitter_step *step)
{
	step->act = JITTER_PLAY;
	step->payload = s->payload;
	step->len = s->len;
	step->duration_ts = s->duration;
	step->fresh = j->fresh;
	j->fresh = false;
	j->next_ts = s->ts + s->duration;
	j->next_seq++;
	j->starved = 0;
	j->started = true;
	s->used = false;
	j->held--;
	j->loss += (0 - j->loss) * 0.005;
}

/* A gap in the timestamps without one in the sequence numbers: the peer was silent (DTX). The next packet is due when its
 * time has come, at the target's delay. */
static bool pause_first(struct jitter *j, const struct slot *s, int64_t now_us, uint32_t queued_ts, struct jitter_step *step)
{
	int64_t gap = s->ts - j->next_ts, due;

	if (!j->started || gap < j->hz / 200)
		return false;
	due = least(j, now_us, now_us) + to_us(j, s->ts) + j->target_us - to_us(j, queued_ts);
	if (now_us >= due)
		return false;
	step->act = JITTER_PAUSE;
	step->duration_ts = (uint32_t)MIN(gap, j->hz / 100);
	j->next_ts += step->duration_ts;
	return true;
}

static void lose(struct jitter *j, struct jitter_step *step)
{
	struct slot *after = find(j, j->next_seq + 1);

	step->act = JITTER_LOST;
	step->duration_ts = j->duration;
	if (after) {
		step->payload = after->payload;
		step->len = after->len;
	}
	j->next_seq++;
	j->next_ts += j->duration;
	j->loss += (1 - j->loss) * 0.005;
}

static void starve(struct jitter *j, struct jitter_step *step)
{
	step->act = JITTER_STARVED;
	step->duration_ts = j->hz * STARVE_STEP_MS / 1000;
	j->starved += step->duration_ts;
}

void jitter_get(struct jitter *j, int64_t now_us, uint32_t queued_ts, struct jitter_step *step)
{
	struct slot *s;

	memset(step, 0, sizeof(*step));
	if (!j->have_any) {
		step->act = JITTER_WAIT;
		return;
	}
	for (;;) {
		s = find(j, j->next_seq);
		if (s) {
			if (!pause_first(j, s, now_us, queued_ts, step))
				play(j, s, step);
			return;
		}
		if (j->top_seq <= j->next_seq || j->held == 0) {
			starve(j, step);
			return;
		}
		/* What was invented while nothing was here has filled the place of the lost packet already. */
		if (j->starved < (int64_t)j->duration / 2) {
			lose(j, step);
			return;
		}
		j->starved -= MIN(j->starved, (int64_t)j->duration);
		j->next_seq++;
		j->next_ts += j->duration;
		j->loss += (1 - j->loss) * 0.005;
	}
}

bool jitter_ready(const struct jitter *j)
{
	const struct slot *s = &j->slots[j->next_seq & (SLOTS - 1)];

	return j->have_any && s->used && s->seq == j->next_seq;
}

/* ---- steering ---- */

static int64_t delay_us(const struct jitter *j, int64_t now_us, uint32_t queued_ts)
{
	int64_t transit = now_us + to_us(j, queued_ts) - to_us(j, j->next_ts);

	return transit - least(j, now_us, transit);
}

/* Where packets get lost the one after must be here in time for its FEC, so the buffer holds one more then. */
static int64_t wanted_us(const struct jitter *j)
{
	return j->target_us + (j->loss > 0.01 ? to_us(j, j->duration) : 0);
}

int jitter_steer(struct jitter *j, int64_t now_us, uint32_t queued_ts)
{
	int64_t over;

	if (!j->started || j->counted < 3)
		return 0;
	over = delay_us(j, now_us, queued_ts) - wanted_us(j);
	if (over > SLACK_US)
		j->easing = true;
	else if (over < EASE_US)
		j->easing = false;
	if (j->easing)
		return -(int)((over - EASE_US / 2) * j->hz / 1000000);
	if (over < -LOW_US)
		return (int)(-over * j->hz / 1000000);
	return 0;
}

double jitter_delay_ms(const struct jitter *j, int64_t now_us, uint32_t queued_ts)
{
	return j->started ? (double)delay_us(j, now_us, queued_ts) / 1000 : 0;
}

double jitter_target_ms(const struct jitter *j)
{
	return (double)wanted_us(j) / 1000;
}
