/* jitter_priv.h - the inside of the jitter buffer, for jitter.c and jitter_steer.c alone. */
#ifndef JCALL_MEDIA_JITTER_PRIV_H
#define JCALL_MEDIA_JITTER_PRIV_H

#include <glib.h>

#include "jitter.h"
#include "lateness.h"

enum {
	SLOTS = 256, MAX_HELD = 200, MAX_PAYLOAD = 1275,
	JUMP_SEQ = 1000, JUMP_MS = 10000,	/* beyond that the peer has begun anew */
	STARVE_STEPS = 400,			/* invention comes in steps of 2.5 ms */
	WASTE_WINDOW = 25, WASTE_US = 500,	/* packets; what is not worth mending */
	WASTE_EVEN = 3,				/* packets asked for with the same waste in a row: no chance, but regular */
};
#define LOSS_MEMORY 0.005			/* per packet */
#define FEC_MEMORY 0.005			/* per packet: speech has it, pauses do not */
#define FEC_IS_RARE 0.1				/* share of the packets that carry it */

struct slot {
	bool used, seen;			/* here; or has been here (with this SEQ) */
	bool empty;				/* here, and no sound */
	int64_t seq, ts;
	uint32_t duration;
	unsigned kind;
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
	unsigned held;
	bool odd;				/* the last packet fitted nothing */
	uint16_t odd_seq;
	bool fresh;
	double loss, rebuilt;			/* shares, forgetting: packets that never came; packets with FEC for another */
	struct lateness lateness;

	int64_t played, early_us;		/* [samples] the player has had; how much later than its earliest it asked */
	uint32_t ask;				/* [samples] its chunk */
	int64_t earliest[2];			/* [us] least of time - samples played, in this window of asks and the last */
	unsigned asks;
	int64_t allowed_us;			/* what the last packet asked for could have been late */
	uint32_t wasted[2];			/* [samples] least queued when a packet was asked for, likewise */
	unsigned wastes, evens;
	uint32_t last_waste;
	int wish, moving;			/* 1 lengthen, -1 shorten: what is wanted, and what was begun */
	int64_t owed;				/* [samples] what is missing of a lengthening begun */
	double regret;				/* gain missed so far by not obeying the wish */
	int64_t steered_us;
	struct slot slots[SLOTS];
};

static inline int64_t to_us(const struct jitter *j, int64_t samples)
{
	return samples * 1000000 / j->hz;
}

static inline int64_t to_samples(const struct jitter *j, int64_t us)
{
	return us * j->hz / 1000000;
}

/* The player's deadlines lie this far apart. */
static inline int64_t step_us(const struct jitter *j)
{
	return to_us(j, MIN(j->ask, j->duration));
}

/* What has been wasted so far says nothing any more. */
static inline void forget_waste(struct jitter *j)
{
	j->wastes = j->evens = 0;
	j->wasted[0] = j->wasted[1] = UINT32_MAX;
}

/* lateness_choose() with what the buffer knows of itself. */
int jitter_choose(const struct jitter *j, int64_t now_us, int64_t allowed_us, double *gain_us);

#endif
