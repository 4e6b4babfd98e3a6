/* dtmf.h - touch tones as named events in RTP, RFC 4733: what goes into each frame while digits are sent, and which digits come
 * in. Pure: counts frames, knows no clock. One thread. */
#ifndef JCALL_MEDIA_DTMF_H
#define JCALL_MEDIA_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DTMF_PAYLOAD = 4, DTMF_QUEUE = 256 };

/* ---- sending ---- */

struct dtmf_tx {			/* zeroed at birth */
	char queue[DTMF_QUEUE];
	size_t count;
	uint64_t taken;			/* characters that are no longer in the queue */
	enum { DTMF_IDLE, DTMF_TONE, DTMF_END, DTMF_PAUSE } state;
	unsigned ms;			/* in this state */
	unsigned ends;			/* packets that said so */
	uint8_t event;
	unsigned length_ms;		/* of the tone, once it has ended; of a pause */
};

enum dtmf_step { DTMF_NOTHING, DTMF_BEGINS, DTMF_GOES_ON };

/* 0-9 * # A-D (or a-d), w: half a second, a comma: two seconds. FALSE, and none is taken: another character, or too many. */
bool dtmf_queue(struct dtmf_tx *t, const char *digits);
bool dtmf_is_digit(char c);			/* a tone */
/* What the next FRAME_MS of sound are: nothing of ours (sound goes out), or an event, whose packet has PAYLOAD and the timestamp
 * of where it began. HZ: of the clock its duration counts in. The end is said three times (2.5.1.4). A tone lasts 100 ms (120
 * by frames of 40 or 60 ms), so none outgrows its duration (2.5.1.3), and of a digit 12, 7, 5 or 4 packets go out by frames of 10,
 * 20, 40 or 60 ms: where a tenth is lost at random, at most one digit in 10 000 is. */
enum dtmf_step dtmf_step(struct dtmf_tx *t, unsigned frame_ms, unsigned hz, uint8_t payload[DTMF_PAYLOAD]);
bool dtmf_is_idle(const struct dtmf_tx *t);	/* nothing is left to be sent */

/* ---- receiving ---- */

/* Of one payload type; zeroed at birth. */
struct dtmf_rx {
	bool any, ended;		/* ended: a packet has said so */
	uint8_t event;			/* the one heard last: */
	uint32_t first, ts;		/* its first timestamp, and its latest (they are one, but see dtmf_hear) */
	uint16_t duration;		/* as far as it was told */
};

struct dtmf_packet {
	uint32_t ts;
	bool marker;
	unsigned hz;			/* of the clock */
	const uint8_t *payload;
	size_t len;
};

/* The digit of a packet of an event that was not heard of before, by any of its packets; else 0. An event is its timestamp, so
 * none is taken twice, and one is lost only with all its packets. What takes up at once where the last has not ended is the same
 * event: a segment of a long one (2.5.1.3), or of a client that gives each packet a time of its own. Flash (16) and what is
 * no digit is 0. */
char dtmf_hear(struct dtmf_rx *r, const struct dtmf_packet *p);

#endif
