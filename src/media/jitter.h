/* jitter.h - the adaptive jitter buffer: decides WHEN which packet is played. Pure decisions, no sound in here.
 *
 * put() takes packets as they arrive; get() is asked each time the player needs sound and says what to do. The wanted
 * delay follows the network up and down (relative-delay statistics with forgetting); the player steers there by time
 * scaling (media/tsm.h), so nothing is cut or repeated in whole frames, but that a lost one is left out on the way down.
 * Handles loss, reordering, duplicates, bursts after a stall, wrap of sequence numbers and timestamps, DTX pauses (a gap in
 * timestamps without one in sequence numbers), and a restart of the peer's encoder (a jump of either). Bounded: 200
 * packets. Time is an argument. One thread. */
#ifndef JCALL_MEDIA_JITTER_H
#define JCALL_MEDIA_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jitter;

struct jitter *jitter_new(unsigned clock_hz);
void           jitter_free(struct jitter *j);
void           jitter_reset(struct jitter *j);		/* a new SSRC: forget packets, keep what is known of the network */

enum jitter_put { JITTER_KEPT, JITTER_DUPLICATE, JITTER_LATE, JITTER_OVERFLOW };
struct jitter_packet {
	uint16_t seq;
	uint32_t ts, duration_ts;	/* [samples of clock_hz] duration: by its codec */
	unsigned kind;			/* which codec: nothing to us, comes out as it went in */
	const uint8_t *payload;		/* copied */
	size_t len;
};
enum jitter_put jitter_put(struct jitter *j, const struct jitter_packet *packet, int64_t now_us);

/* A packet of the stream that is no sound: its number is not lost, and takes no time. */
void           jitter_void(struct jitter *j, uint16_t seq);

enum jitter_do {
	JITTER_WAIT,		/* nothing has come yet: play silence */
	JITTER_PLAY,		/* decode this packet */
	JITTER_LOST,		/* conceal one packet's duration; payload is the NEXT packet (for in-band FEC) or NULL */
	JITTER_STARVED,		/* nothing here, nothing known lost: conceal, the clock of the stream waits */
	JITTER_PAUSE,		/* the peer's DTX: comfort noise */
};
struct jitter_step {
	enum jitter_do act;
	const uint8_t *payload;	/* borrowed until the next call */
	size_t len;
	unsigned kind;		/* of PAYLOAD */
	uint32_t duration_ts;
	bool fresh;		/* first packet of a beginning */
	unsigned dropped;	/* packets here, but passed over: what was invented in their place stands */
	uint32_t skipped_ts;	/* time of lost packets left out before this step, as the delay is to be shorter anyway */
};
/* The player is going to take N samples now. Before any jitter_get for them. */
void   jitter_ask(struct jitter *j, int64_t now_us, uint32_t n_ts);
/* QUEUED_TS: decoded samples the player still holds, before this step's. */
void   jitter_get(struct jitter *j, int64_t now_us, uint32_t queued_ts, struct jitter_step *step);
bool   jitter_ready(const struct jitter *j);		/* is the very next packet here? */
/* Whether the packet played carried FEC for the one before: what waiting for the one after a lost one is worth. */
void   jitter_fec(struct jitter *j, bool carried);
/* How much the player should lengthen (> 0) or shorten (< 0) what it is going to play, in samples; 0: as it is. Asked
 * after each jitter_get that was not for a loss; patience is in here. Shortening more than this would make the next packets
 * late. */
int    jitter_steer(struct jitter *j, int64_t now_us);
void   jitter_scaled(struct jitter *j, int done);	/* the player did, by DONE samples */

double jitter_delay_ms(const struct jitter *j, int64_t now_us, uint32_t queued_ts);	/* now, from the best arrival to play */
double jitter_target_ms(const struct jitter *j, int64_t now_us);			/* the delay wanted */

#endif
