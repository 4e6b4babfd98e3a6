#include "fake_net.h"

#include <string.h>

#include "fake_audio.h"

struct fake_packet {
	struct fake_packet *next;
	gint64 at_us;
	gboolean rtcp;
	size_t len;
	guint8 bytes[DATAGRAM_MAX];
};

static double chance(struct fake_net *n)
{
	return fake_random(&n->seed) / 4294967296.0;
}

static void queue(struct fake_net *n, const guint8 *pkt, size_t len, gboolean rtcp, gint64 at_us)
{
	struct fake_packet *p = g_new(struct fake_packet, 1), **where = &n->first;

	g_assert(len <= sizeof(p->bytes));
	if (at_us >= n->jam_from_us && at_us < n->jam_until_us)
		at_us = n->jam_until_us;
	p->at_us = at_us;
	p->rtcp = rtcp;
	p->len = len;
	memcpy(p->bytes, pkt, len);
	while (*where && (*where)->at_us <= at_us)
		where = &(*where)->next;
	p->next = *where;
	*where = p;
}

enum { HEADERS = 20 + 8 + 10 };		/* IP, UDP, and what SRTP adds */

/* Through the narrow place: when it has left it; < 0: its queue is full. */
static gint64 squeeze(struct fake_net *n, size_t len, gint64 now_us)
{
	gint64 start = MAX(now_us, n->busy_us);

	if (!n->rate_bps)
		return now_us;
	if (start - now_us > n->queue_us)
		return -1;
	n->busy_us = start + (gint64)(len + HEADERS) * 8000000 / n->rate_bps;
	return n->busy_us;
}

/* When it arrives; < 0: never. */
static gint64 arrival(struct fake_net *n, size_t len, gboolean rtcp, gint64 now_us)
{
	gint64 left = squeeze(n, len, now_us), fate;

	if (left < 0)
		return -1;
	if (n->fates && !rtcp) {
		fate = n->fates[n->sounds % n->nfates];
		return fate < 0 ? -1 : left + fate;
	}
	left += n->delay_us + (n->jitter_us ? (gint64)(chance(n) * (double)n->jitter_us) : 0);
	if (chance(n) < n->loss)
		return -1;
	return n->last_us = MAX(left, n->last_us);
}

void fake_net_send(struct fake_net *n, const guint8 *pkt, size_t len, gboolean rtcp, gint64 now_us)
{
	gint64 at = arrival(n, len, rtcp, now_us);

	n->sent++;
	if (!rtcp) {
		n->sounds++;
		if (n->tap)
			n->tap(n->ctx, pkt, len, at >= 0);
	}
	if (at < 0) {
		n->lost++;
		return;
	}
	if (chance(n) < n->reorder) {
		n->swapped++;
		at += 25000;
	}
	queue(n, pkt, len, rtcp, at);
	if (chance(n) < n->duplicates) {
		n->doubled++;
		queue(n, pkt, len, rtcp, at + 3000);
	}
}

gint64 fake_net_next(const struct fake_net *n)
{
	return n->first ? n->first->at_us : G_MAXINT64;
}

gboolean fake_net_take(struct fake_net *n, guint8 *pkt, size_t *len, gboolean *rtcp, gint64 now_us)
{
	struct fake_packet *p = n->first;

	if (!p || p->at_us > now_us)
		return FALSE;
	memcpy(pkt, p->bytes, p->len);
	*len = p->len;
	*rtcp = p->rtcp;
	n->first = p->next;
	g_free(p);
	return TRUE;
}

void fake_net_clear(struct fake_net *n)
{
	while (n->first) {
		struct fake_packet *p = n->first;

		n->first = p->next;
		g_free(p);
	}
}
