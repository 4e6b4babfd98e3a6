#include "jitter.h"

#include <glib.h>
#include <string.h>

#include "lateness.h"

/* How it decides. What the network does to the packets' times is media/lateness.c's business; it says which deadline is
 * worth its delay. A deadline is the moment the player asks and the next packet must be here; it asks in chunks, so
 * deadlines lie on a grid, and sound that is still queued when the next packet is asked for is delay that buys nothing
 * (waste). Both are steered by time scaling alone; only what was invented for a packet that came too late takes its place. */
enum {
	SLOTS = 256, MAX_HELD = 200, MAX_PAYLOAD = 1275,
	JUMP_SEQ = 1000, JUMP_MS = 10000,	/* beyond that the peer has begun anew */
	STARVE_STEPS = 400,			/* invention comes in steps of 2.5 ms */
	ASK_WINDOW = 50, ASK_SHIFT_US = 40000,	/* asks; a player this much later has stalled, not jittered */
	WASTE_WINDOW = 8, WASTE_US = 3000,	/* asks; what is not worth mending */
	MERGE_MS = 60,				/* invention up to that stands for its packets when they come late */
};
#define LOSS_MEMORY 0.005

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
	double floor_us;			/* learnt by starving: what the player's own unevenness needs */
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

void jitter_reset(struct jitter *j)
{
	drop_packets(j);
	lateness_forget_clock(&j->lateness);
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

/* ---- packets in ---- */

static void begin_at(struct jitter *j, uint16_t seq, uint32_t ts)
{
	drop_packets(j);
	lateness_forget_clock(&j->lateness);
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
	if (j->starved)				/* it was only late: next time wait a little longer */
		j->floor_us = MIN(j->floor_us + FLOOR_STEP_US, FLOOR_LAST_US);
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
	return j->target_us + (int64_t)j->floor_us + (j->loss > 0.01 ? to_us(j, j->duration) : 0);
}

/* The player asks on a grid of QUANTUM. What matters is the margin: how long before the ask that needs it a packet of
 * the best transit is here. It changes in whole quanta only; between them shortening costs no margin, and lengthening
 * gains none. */
int jitter_steer(struct jitter *j, int64_t now_us, uint32_t queued_ts, uint32_t left_ts, uint32_t quantum_ts)
{
	int64_t quantum = to_us(j, quantum_ts), left = to_us(j, left_ts), excess, room;

	if (!j->started || j->counted < 3 || quantum <= 0)
		return 0;
	excess = delay_us(j, now_us, queued_ts) - left - wanted_us(j);
	if (excess < -LOW_US)
		return (int)(((-excess + quantum - 1) / quantum * quantum - left) * j->hz / 1000000);
	room = excess < 0 ? 0 : left + excess / quantum * quantum;
	if (room > SLACK_US)
		j->easing = true;
	else if (room < EASE_US)
		j->easing = false;
	return j->easing ? -(int)(room * j->hz / 1000000) : 0;
}

double jitter_delay_ms(const struct jitter *j, int64_t now_us, uint32_t queued_ts)
{
	return j->started ? (double)delay_us(j, now_us, queued_ts) / 1000 : 0;
}

double jitter_target_ms(const struct jitter *j)
{
	return (double)wanted_us(j) / 1000;
}
