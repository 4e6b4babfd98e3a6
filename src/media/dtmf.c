#include "dtmf.h"

#include <string.h>

enum {
	TONE_MS = 100,
	GAP_MS = 80,			/* at least, to the next */
	ENDS = 3,
	SHORT_PAUSE_MS = 500, LONG_PAUSE_MS = 2000,
	VOLUME = 10,			/* [-dBm0] */
	END_BIT = 0x80,
	SEGMENT = 0xffff,		/* the longest duration there is: after it a long event begins anew */
	TOUCH_HZ = 25,			/* two packets of one event, one of them lost, are no 1/25 s apart; two digits are more */
	OLD = 1 << 20,			/* a timestamp that lies further back is a restart of the peer's, no late packet */
};

static const char events[] = "0123456789*#ABCD";	/* 3.2, table 3 */

static char upper(char c)
{
	return c >= 'a' && c <= 'd' ? (char)(c - 'a' + 'A') : c;
}

static int event_of(char c)
{
	const char *at = c ? strchr(events, upper(c)) : NULL;

	return at ? (int)(at - events) : -1;
}

bool dtmf_is_digit(char c)
{
	return event_of(c) >= 0;
}

bool dtmf_queue(struct dtmf_tx *t, const char *digits)
{
	size_t n = strlen(digits);

	if (n > DTMF_QUEUE - t->count)
		return false;
	for (size_t i = 0; i < n; i++)
		if (event_of(digits[i]) < 0 && digits[i] != 'w' && digits[i] != ',')
			return false;
	memcpy(t->queue + t->count, digits, n);
	t->count += n;
	return true;
}

bool dtmf_is_idle(const struct dtmf_tx *t)
{
	return t->state == DTMF_IDLE && t->count == 0;
}

static void enter(struct dtmf_tx *t, int state, unsigned length_ms)
{
	t->state = state;
	t->length_ms = length_ms;
	t->ms = t->ends = 0;
}

static void take_next(struct dtmf_tx *t)
{
	char c = t->queue[0];

	memmove(t->queue, t->queue + 1, --t->count);
	t->taken++;
	if (event_of(c) < 0) {
		enter(t, DTMF_PAUSE, c == 'w' ? SHORT_PAUSE_MS : LONG_PAUSE_MS);
		return;
	}
	t->event = (uint8_t)event_of(c);
	enter(t, DTMF_TONE, 0);
}

static void write_event(const struct dtmf_tx *t, bool end, unsigned ms, unsigned hz, uint8_t payload[DTMF_PAYLOAD])
{
	unsigned duration = ms * (hz / 1000);

	payload[0] = t->event;
	payload[1] = (uint8_t)((end ? END_BIT : 0) | VOLUME);
	payload[2] = (uint8_t)(duration >> 8);
	payload[3] = (uint8_t)duration;
}

static enum dtmf_step sound(struct dtmf_tx *t, unsigned frame_ms, unsigned hz, uint8_t payload[DTMF_PAYLOAD])
{
	enum dtmf_step step = t->state == DTMF_TONE && t->ms == 0 ? DTMF_BEGINS : DTMF_GOES_ON;

	t->ms += frame_ms;
	if (t->state == DTMF_TONE && t->ms >= TONE_MS)
		enter(t, DTMF_END, t->ms);
	write_event(t, t->state == DTMF_END, t->state == DTMF_END ? t->length_ms : t->ms, hz, payload);
	if (t->state == DTMF_END && ++t->ends == ENDS)
		enter(t, DTMF_PAUSE, GAP_MS);
	return step;
}

enum dtmf_step dtmf_step(struct dtmf_tx *t, unsigned frame_ms, unsigned hz, uint8_t payload[DTMF_PAYLOAD])
{
	if (t->state == DTMF_PAUSE && t->ms >= t->length_ms)
		enter(t, DTMF_IDLE, 0);
	if (t->state == DTMF_IDLE && t->count)
		take_next(t);
	if (t->state == DTMF_TONE || t->state == DTMF_END)
		return sound(t, frame_ms, hz, payload);
	t->ms += frame_ms;
	return DTMF_NOTHING;
}

/* AHEAD: of the latest timestamp. */
static bool goes_on(const struct dtmf_rx *r, const struct dtmf_packet *p, uint32_t ahead)
{
	int32_t reach = (int32_t)(r->first + r->duration - r->ts);	/* from there, as far as was told */
	uint32_t limit = reach > 0 ? (uint32_t)reach : 0;

	if (p->payload[0] != r->event || (r->ended && !(p->payload[1] & END_BIT)))
		return false;
	if (p->marker)				/* a new one, unless it would begin within the last */
		return ahead < limit;
	return ahead <= limit + p->hz / TOUCH_HZ || (!r->ended && ahead == SEGMENT);
}

static void note(struct dtmf_rx *r, const struct dtmf_packet *p, bool same)
{
	uint16_t duration = (uint16_t)(p->payload[2] << 8 | p->payload[3]);
	bool end = p->payload[1] & END_BIT;

	if (!same || (p->ts != r->ts && duration < r->duration)) {
		r->first = p->ts;
		r->duration = 0;
	}
	r->any = true;
	r->event = p->payload[0];
	r->ended = end || (same && r->ended);
	r->ts = p->ts;
	r->duration = duration > r->duration ? duration : r->duration;
}

char dtmf_hear(struct dtmf_rx *r, const struct dtmf_packet *p)
{
	int32_t ahead = (int32_t)(p->ts - r->ts);
	bool same;

	if (p->len < DTMF_PAYLOAD || p->payload[0] >= sizeof(events) - 1)
		return 0;
	if (r->any && ahead < 0 && ahead > -OLD)
		return 0;
	same = r->any && ahead >= 0 && (ahead == 0 || goes_on(r, p, (uint32_t)ahead));
	if (ahead == 0 && same && p->payload[0] != r->event)
		return 0;
	note(r, p, same);
	return same ? 0 : events[p->payload[0]];
}
