/* wan_pipe.c - what becomes of one packet in one pipe: lost, late, doubled. */
#include "wan.h"
#include <math.h>
#include <string.h>

enum { PROTO_UDP = 17, UDP_HEADER = 8, STUN_HEADER = 20, IP6_HEADER = 40 };

/* The kinds of luck of a packet, drawn each by itself: that one is changed leaves the others as they were. */
enum luck { LUCK_LOSS, LUCK_BURST, LUCK_STUN, LUCK_REORDER, LUCK_DUP, LUCK_JITTER };

/* SplitMix64 (Steele, Lea, Flood 2014), used as a hash of a counter. */
static guint64 mix(guint64 x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* In [0, 1). netlab.py has the same function. */
static double draw(guint64 seed, unsigned id, enum luck what, guint64 n)
{
	return (double)(mix(mix(mix(seed) ^ (id * 64u + what)) ^ n) >> 11) / 9007199254740992.0;
}

/* Near enough to a normal distribution of deviation 1, and never beyond 3.5. */
static double draw_normal(guint64 seed, unsigned id, guint64 n)
{
	double sum = 0;
	for (unsigned i = 0; i < 4; i++)
		sum += draw(seed, id, LUCK_JITTER + i, n) - 0.5;
	return sum * sqrt(3);
}

gboolean packet_is_stun(const uint8_t *data, size_t len)
{
	size_t header = 0;
	if (len >= 20 && data[0] >> 4 == 4 && data[9] == PROTO_UDP)
		header = (data[0] & 15u) * 4u;
	else if (len >= IP6_HEADER && data[0] >> 4 == 6 && data[6] == PROTO_UDP)
		header = IP6_HEADER;
	static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};
	return header && len >= header + UDP_HEADER + STUN_HEADER && data[header + UDP_HEADER] < 64 &&
	       !memcmp(data + header + UDP_HEADER + 4, cookie, sizeof(cookie));
}

static gboolean is_out(const struct pipe *p, gint64 now)
{
	for (unsigned i = 0; i < WAN_OUTAGES; i++)
		if (now >= p->outage[i].from && now < p->outage[i].to)
			return TRUE;
	return p->set.down != 0;
}

/* Gilbert: all is lost in the bad state, nothing in the good one. */
static gboolean in_burst(struct pipe *p, guint64 seed, unsigned id, guint64 n)
{
	double leave = 1 / MAX(p->set.burst_len, 1), enter = p->set.burst >= 1 ? 1 : p->set.burst / (1 - p->set.burst) * leave;
	double u = draw(seed, id, LUCK_BURST, n);
	p->bad = p->set.burst > 0 && (p->bad ? u >= leave : u < enter);
	return p->bad;
}

static gboolean is_lost(struct pipe *p, guint64 seed, unsigned id, guint64 n, const uint8_t *data, size_t len, gint64 now)
{
	gboolean burst = in_burst(p, seed, id, n);	/* goes on while other things happen */
	guint64 *why = NULL;
	if (is_out(p, now))
		why = &p->count.down;
	else if (draw(seed, id, LUCK_LOSS, n) < p->set.loss)
		why = &p->count.loss;
	else if (burst)
		why = &p->count.burst;
	else if (p->set.stun_loss > 0 && packet_is_stun(data, len) && draw(seed, id, LUCK_STUN, n) < p->set.stun_loss)
		why = &p->count.stun;
	if (why)
		++*why;
	return why != NULL;
}

unsigned pipe_treat(struct pipe *p, guint64 seed, unsigned id, const uint8_t *data, size_t len, gint64 now, gint64 due[2])
{
	guint64 n = p->n++;
	p->count.in++;
	if (is_lost(p, seed, id, n, data, len, now))
		return 0;
	gint64 t = now;
	if (p->set.rate > 0) {
		gint64 begin = MAX(now, p->free_at);
		if ((double)(begin - now) > p->set.queue * NS_PER_MS) {
			p->count.queue++;
			return 0;
		}
		t = p->free_at = begin + (gint64)((double)len * 8 / p->set.rate * NS_PER_MS);
	}
	t += (gint64)(MAX(p->set.delay + p->set.jitter * draw_normal(seed, id, n), 0) * NS_PER_MS);
	if (draw(seed, id, LUCK_REORDER, n) < p->set.reorder) {
		t += (gint64)(p->set.reorder_by * NS_PER_MS);
		p->count.reordered++;
	} else {
		p->last_due = t = p->set.delay > 0 || p->set.jitter > 0 ? MAX(t, p->last_due) : t;
	}
	due[0] = due[1] = t;
	if (draw(seed, id, LUCK_DUP, n) >= p->set.dup)
		return 1;
	p->count.dup++;
	return 2;
}

void pipe_restart(struct pipe *p)
{
	p->n = 0;
	p->bad = FALSE;
	memset(&p->count, 0, sizeof(p->count));
}
