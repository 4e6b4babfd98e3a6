#include "jitter_priv.h"

#include <string.h>

/* How it decides. What the network does to the packets' times is media/lateness.c's business; it says which deadline is
 * worth its delay. A deadline is the moment the player asks and the next packet must be here; it asks in chunks, so
 * deadlines lie on a grid, and sound that is still queued when the next packet is asked for is delay that buys nothing
 * (waste). Both are steered by time scaling alone; only what was invented for a packet that came too late takes its place. */

struct jitter *jitter_new(unsigned clock_hz)
{
	struct jitter *j = g_new0(struct jitter, 1);

	j->hz = clock_hz;
	j->duration = j->ask = clock_hz / 50;
	return j;
}

void jitter_free(struct jitter *j)
{
	g_free(j);
}

static void drop_packets(struct jitter *j)
{
	for (int i = 0; i < SLOTS; i++)
		j->slots[i].used = j->slots[i].seen = false;
	j->held = 0;
	j->have_any = j->started = false;
	j->starved = 0;
	lateness_forget_clock(&j->lateness);
}

void jitter_reset(struct jitter *j)
{
	drop_packets(j);
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
	j->have_any = j->fresh = true;
	j->odd = false;
	j->top_seq = j->next_seq = ((int64_t)1 << 32) + seq;
	j->top_ts = j->next_ts = ((int64_t)1 << 40) + ts;
}

/* Unwraps both numbers; false: they fit nothing we know. Two packets in a row that do are a new beginning. */
static bool place(struct jitter *j, uint16_t seq, uint32_t ts, int64_t *full_seq, int64_t *full_ts)
{
	int16_t dseq = (int16_t)(uint16_t)(seq - (uint16_t)j->top_seq);
	int32_t dts = (int32_t)(ts - (uint32_t)j->top_ts);

	if (j->have_any && ABS((int)dseq) < JUMP_SEQ && ABS((int64_t)dts) < (int64_t)j->hz * JUMP_MS / 1000) {
		*full_seq = j->top_seq + dseq;
		*full_ts = j->top_ts + dts;
		j->odd = false;
		return true;
	}
	if (!j->have_any || (j->odd && seq == (uint16_t)(j->odd_seq + 1))) {
		begin_at(j, seq, ts);
		*full_seq = j->top_seq;
		*full_ts = j->top_ts;
		return true;
	}
	j->odd = true;
	j->odd_seq = seq;
	return false;
}

static void release(struct jitter *j, struct slot *s)
{
	s->used = false;
	j->held--;
}

static void make_room(struct jitter *j)
{
	while (j->held >= MAX_HELD) {			/* the oldest goes, and the player with it */
		struct slot *s = find(j, j->next_seq);

		if (s) {
			j->next_ts = s->ts + s->duration;
			release(j, s);
		}
		j->next_seq++;
	}
}

static void keep(struct jitter *j, struct slot *s, int64_t seq, int64_t ts, const struct jitter_packet *packet)
{
	if (s->used)
		release(j, s);
	s->used = s->seen = true;
	s->empty = false;
	s->seq = seq;
	s->ts = ts;
	s->duration = j->duration = packet->duration_ts;
	s->kind = packet->kind;
	s->len = packet->len;
	memcpy(s->payload, packet->payload, packet->len);
	j->held++;
}

enum jitter_put jitter_put(struct jitter *j, const struct jitter_packet *packet, int64_t now_us)
{
	int64_t s64, t64;
	struct slot *s;
	bool newest;

	if (packet->len > MAX_PAYLOAD || packet->duration_ts == 0 || packet->duration_ts > j->hz)
		return JITTER_OVERFLOW;
	if (!place(j, packet->seq, packet->ts, &s64, &t64))
		return JITTER_LATE;
	s = at(j, s64);
	if (s->seen && s->seq == s64)
		return JITTER_DUPLICATE;
	newest = s64 >= j->top_seq;
	lateness_add(&j->lateness, now_us - to_us(j, t64), now_us, to_us(j, packet->duration_ts), step_us(j),
		     j->allowed_us, newest);
	if (newest) {
		j->top_seq = s64;
		j->top_ts = t64;
	}
	if (s64 < j->next_seq) {
		if (!s->used) {
			s->seen = true;
			s->seq = s64;
		}
		return JITTER_LATE;
	}
	make_room(j);
	keep(j, s, s64, t64, packet);
	return JITTER_KEPT;
}

void jitter_void(struct jitter *j, uint16_t seq)
{
	int16_t ahead = (int16_t)(uint16_t)(seq - (uint16_t)j->top_seq);
	int64_t s64 = j->top_seq + ahead;
	struct slot *s = at(j, s64);

	if (!j->have_any || ABS((int)ahead) >= JUMP_SEQ || s64 < j->next_seq || (s->seen && s->seq == s64))
		return;
	if (s->used)
		release(j, s);
	make_room(j);
	*s = (struct slot){.used = true, .seen = true, .empty = true, .seq = s64};
	j->held++;
	j->top_seq = MAX(j->top_seq, s64);
}

/* ---- waste ---- */

static void note_waste(struct jitter *j, uint32_t queued_ts)
{
	int64_t change = (int64_t)queued_ts - j->last_waste;

	if (j->wastes == 0)
		forget_waste(j);
	j->evens = to_us(j, ABS(change)) < WASTE_US ? j->evens + 1 : 0;
	j->last_waste = queued_ts;
	if (++j->wastes % WASTE_WINDOW == 0) {
		j->wasted[1] = j->wasted[0];
		j->wasted[0] = queued_ts;
	}
	j->wasted[0] = MIN(j->wasted[0], queued_ts);
}

/* ---- packets out ---- */

static int64_t allowed(const struct jitter *j, int64_t now_us, int64_t ts)
{
	int64_t transit = now_us - to_us(j, ts);

	return transit - lateness_least(&j->lateness, now_us, transit) - j->early_us;
}

static void play(struct jitter *j, struct slot *s, struct jitter_step *step)
{
	step->act = JITTER_PLAY;
	step->payload = s->payload;
	step->len = s->len;
	step->kind = s->kind;
	step->duration_ts = s->duration;
	step->fresh = j->fresh;
	j->fresh = false;
	j->next_ts = s->ts + s->duration;
	j->next_seq++;
	j->starved = 0;
	j->started = true;
	release(j, s);
	j->loss -= j->loss * LOSS_MEMORY;
}

/* A gap in the timestamps without one in the sequence numbers: the peer was silent (DTX). The next packet is due when it
 * has the time that its predecessors had, or what is worth it by now. */
static bool pause_first(struct jitter *j, const struct slot *s, int64_t now_us, struct jitter_step *step)
{
	int64_t gap = s->ts - j->next_ts, target = lateness_target(&j->lateness, now_us);

	if (!j->started || gap < j->hz / 200)
		return false;
	if (allowed(j, now_us, s->ts) >= CLAMP(j->allowed_us, target, target + step_us(j)))
		return false;
	step->act = JITTER_PAUSE;
	step->duration_ts = (uint32_t)MIN(gap, MAX(j->hz / STARVE_STEPS, j->hz / 100));
	j->next_ts += step->duration_ts;
	return true;
}

static void pass_lost(struct jitter *j)
{
	j->next_seq++;
	j->next_ts += j->duration;
	j->loss += (1 - j->loss) * LOSS_MEMORY;
}

static void lose(struct jitter *j, struct jitter_step *step)
{
	struct slot *after = find(j, j->next_seq + 1);

	step->act = JITTER_LOST;
	step->duration_ts = j->duration;
	if (after && !after->empty) {
		step->payload = after->payload;
		step->len = after->len;
		step->kind = after->kind;
	}
	pass_lost(j);
}

static void starve(struct jitter *j, uint32_t queued_ts, struct jitter_step *step)
{
	uint32_t unit = j->hz / STARVE_STEPS, need = j->ask > queued_ts ? j->ask - queued_ts : 0;

	step->act = JITTER_STARVED;
	step->duration_ts = MAX((need + unit - 1) / unit, 1) * unit;
	j->starved += step->duration_ts;
	j->wastes = 0;
}

/* The packet came, but only after its place was filled. A short filling stands for it when the delay that playing it would
 * leave is not wanted; of a long one everything is played, for the words' sake, and the time is won back by scaling. */
static bool stands_for(struct jitter *j, const struct slot *s, int64_t now_us)
{
	int64_t more = j->ask > s->duration ? to_us(j, j->ask - s->duration) : 0;	/* wanted after it, in the same ask */
	double gain;

	return j->starved >= (int64_t)s->duration / 2 && to_us(j, j->starved) <= LATENESS_MERGE_US &&
		find(j, j->next_seq + 1) &&
		jitter_choose(j, now_us, allowed(j, now_us, s->ts) - more, &gain) * step_us(j) <= -to_us(j, s->duration);
}

/* A packet is lost whose time is not wanted anyway: to invent it now and to shorten later were to change the sound twice. But
 * what the next one rebuilds is sound. */
static bool not_wanted(const struct jitter *j, int64_t now_us)
{
	double gain;

	return j->started && j->rebuilt < FEC_IS_RARE &&
		jitter_choose(j, now_us, allowed(j, now_us, j->next_ts), &gain) * step_us(j) <= -to_us(j, j->duration);
}

static void pass_over(struct jitter *j, struct slot *s, struct jitter_step *step)
{
	j->starved -= MIN(j->starved, (int64_t)s->duration);
	j->next_ts = s->ts + s->duration;
	j->next_seq++;
	release(j, s);
	step->dropped++;
}

static void pass_empty(struct jitter *j)
{
	struct slot *s;

	while ((s = find(j, j->next_seq)) != NULL && s->empty) {
		release(j, s);
		j->next_seq++;
	}
}

void jitter_get(struct jitter *j, int64_t now_us, uint32_t queued_ts, struct jitter_step *step)
{
	struct slot *s;

	memset(step, 0, sizeof(*step));
	if (!j->have_any) {
		step->act = JITTER_WAIT;
		return;
	}
	note_waste(j, queued_ts);
	for (;;) {
		pass_empty(j);
		s = find(j, j->next_seq);
		if (s && stands_for(j, s, now_us)) {
			pass_over(j, s, step);
		} else if (s) {
			if (pause_first(j, s, now_us, step))
				return;
			j->allowed_us = allowed(j, now_us, s->ts);
			play(j, s, step);
			return;
		} else if (j->top_seq <= j->next_seq || j->held == 0) {
			starve(j, queued_ts, step);
			return;
		} else if (j->starved >= (int64_t)j->duration / 2) {	/* its place is filled */
			j->starved -= MIN(j->starved, (int64_t)j->duration);
			pass_lost(j);
		} else if (not_wanted(j, now_us)) {
			step->skipped_ts += j->duration;
			pass_lost(j);
		} else {
			j->allowed_us = allowed(j, now_us, j->next_ts);
			lose(j, step);
			return;
		}
	}
}

bool jitter_ready(const struct jitter *j)
{
	const struct slot *s = &j->slots[j->next_seq & (SLOTS - 1)];

	return j->have_any && s->used && s->seq == j->next_seq;
}

void jitter_fec(struct jitter *j, bool carried)
{
	j->rebuilt += ((carried ? 1 : 0) - j->rebuilt) * FEC_MEMORY;
}

double jitter_delay_ms(const struct jitter *j, int64_t now_us, uint32_t queued_ts)
{
	int64_t transit = now_us + to_us(j, queued_ts) - to_us(j, j->next_ts);

	return j->started ? (double)(transit - lateness_least(&j->lateness, now_us, transit)) / 1000 : 0;
}

double jitter_target_ms(const struct jitter *j, int64_t now_us)
{
	return (double)lateness_target(&j->lateness, now_us) / 1000;
}
