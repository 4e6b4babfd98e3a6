/* adapt.h - what we send, by what the peer's receiver reports (RFC 3550 6.4) say of it: bit rate, and the loss that the encoder
 * is told.
 *
 * Loss while packets queue up, or a queue alone that lasts, is ours: the rate falls by a factor, down to 12 kbit/s, and comes
 * back evenly once that is over, more slowly where it went wrong last. A queue which does not care for what we send is somebody
 * else's, and is left to him. Loss alone is the network's: the rate stays, and the encoder protects itself by FEC. Only when it
 * is much a lower rate is tried for some seconds, seldom: a queue that was full from the first packet on shows in no other way.
 * Pure; time is an argument; one thread. */
#ifndef JCALL_MEDIA_ADAPT_H
#define JCALL_MEDIA_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

/* More than the second is grown into: nobody knows what the line holds before the first reports. */
enum { ADAPT_LEAST_BPS = 12000, ADAPT_FIRST_BPS = 32000 };

struct adapt_report {
	double loss;			/* 0..1 of what we sent since the last report */
	double rtt_ms;			/* < 0: not known */
	double jitter_ms;		/* of arrivals there */
};

struct adapt {
	unsigned most_bps;		/* configured, and what the peer announced */
	double bps;			/* now */
	double loss;			/* 0..1, smoothed: what the encoder is to reckon with */
	bool any;			/* a report came */
	int64_t last_us, cut_us;	/* of the last report; of the last cut, 0: none */
	double knee_bps;		/* where it went wrong last, 0: nowhere */
	struct adapt_least {		/* the least of the half minute that runs, and of the one before */
		double now, before;
	} rtt, jitter;
	int64_t half_us;		/* when that began */
	unsigned queued;		/* reports in a row with a queue and no loss */
	unsigned cuts;			/* for such a queue, which was so long at first, */
	double blamed_ms;
	int64_t acquitted_us;		/* and until then is not ours */
	/* ---- whether loss without a queue is ours ---- */
	struct adapt_trial {
		unsigned reports;	/* to come before it is judged; 0: there is none */
		double bps, loss;	/* before it */
		double sum;		/* of the loss since */
	} trial;
	unsigned lossy;			/* reports in a row */
	bool ours;			/* by the last trial */
	int64_t ours_us;		/* when loss was last seen while it was */
	int64_t next_trial_us, rest_us;	/* not before; between the last and that */
};

void adapt_init(struct adapt *a, unsigned most_bps);
void adapt_most(struct adapt *a, unsigned most_bps);		/* another bound from now on */
void adapt_report(struct adapt *a, const struct adapt_report *r, int64_t now_us);
unsigned adapt_bps(const struct adapt *a);			/* for the encoder, 12000 (or less, where the bound is) to the bound */

#endif
