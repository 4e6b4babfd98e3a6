/* lateness.h - what the network does to the packets' times, and which delay that is worth: the memory of the jitter buffer.
 *
 * A packet's transit is arrival - timestamp. The least of the last ten seconds is the best the network can do; what a
 * packet took beyond that is its lateness. Several experts remember lateness for different times, each keeps the books of
 * what following it would have cost (delay, sound invented for packets that came too late for it, and changes of mind, all
 * on the grid of deadlines that the player can keep), and the cheapest of late is obeyed: long memory wins where jitter is
 * noise, short memory where the delay wanders. Pure, bounded, one thread; all times in microseconds. */
#ifndef JCALL_MEDIA_LATENESS_H
#define JCALL_MEDIA_LATENESS_H

#include <stdbool.h>
#include <stdint.h>

enum { LATENESS_BINS = 800, LATENESS_BIN_US = 1000, LATENESS_EXPERTS = 4, LATENESS_LEAST = 64 };
enum { LATENESS_MERGE_US = 60000 };	/* invention up to that may stand for its packets when they come late */

struct lateness_expert {
	float bins[LATENESS_BINS];
	int top;			/* no bin above it that counts */
	double weight, total;		/* of the next packet, and of all so far: older ones count for less by comparison */
	double at_us, aim_us, cost;	/* the delay it would be at, and wants; what that cost of late */
};

struct lateness {			/* zeroed at birth; lateness_forget_clock() keeps what is known of the network */
	int64_t least[LATENESS_LEAST], least_at[LATENESS_LEAST];
	int64_t best, best_at;		/* of them, as they were at that time */
	int64_t origin;			/* the transit of bin 0 */
	bool have_origin;
	unsigned counted, chosen;
	struct lateness_expert experts[LATENESS_EXPERTS];
};

void    lateness_forget_clock(struct lateness *l);	/* the timestamps begin anew */
/* A packet of DURATION arrived. NEWEST: nothing sent after it is here yet. The player's deadlines lie STEP apart, and one
 * of them ALLOWED beyond the least now. */
void    lateness_add(struct lateness *l, int64_t transit, int64_t now_us, int64_t duration, int64_t step, int64_t allowed,
		     bool newest);
int64_t lateness_least(const struct lateness *l, int64_t now_us, int64_t otherwise);
/* Packets may be ALLOWED beyond the least now before they are too late; other deadlines lie whole STEPs from there (of
 * DURATION, a packet's time, for a lost one's FEC). REPAIR: share of packets that are lost and could be rebuilt if the one
 * after were here. Returns how many steps up (> 0) or down it should move and what that is worth in delay
 * (*GAIN_US); 0: as it is. */
int     lateness_choose(const struct lateness *l, int64_t now_us, int64_t allowed, int64_t step, int64_t duration,
			double repair, double *gain_us);
int64_t lateness_target(const struct lateness *l, int64_t now_us);	/* the delay wanted if any were possible */

#endif
