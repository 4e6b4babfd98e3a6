/* fake_net.h - one direction of a network in memory: delay, jitter, loss, duplicates, reordering, a narrow line, by seed. */
#ifndef TEST_FAKE_NET_H
#define TEST_FAKE_NET_H

#include <glib.h>
#include "types.h"

struct fake_net {
	gint64 delay_us;
	gint64 jitter_us;		/* up to so much more, evenly; order is kept */
	double loss, duplicates, reorder;	/* 0..1 of the packets; a reordered one comes 25 ms later than it would */
	gint64 rate_bps, queue_us;	/* a line for so much, headers included, and the longest queue before it; 0: endless */
	const gint64 *fates;		/* what becomes of each packet that is no RTCP: its delay [us], < 0: lost; NULL: by the above */
	size_t nfates;			/* over and over */
	/* Each packet of sound, and whether it will arrive. NULL: nobody looks. */
	void (*tap)(void *ctx, const guint8 *pkt, size_t len, gboolean arrives);
	void *ctx;
	guint32 seed;
	gint64 jam_from_us, jam_until_us;	/* what would arrive in between arrives at its end */

	guint sent, sounds, lost, doubled, swapped;
	gint64 last_us, busy_us;
	struct fake_packet *first;	/* in order of arrival */
};

void fake_net_send(struct fake_net *n, const guint8 *pkt, size_t len, gboolean rtcp, gint64 now_us);
gint64 fake_net_next(const struct fake_net *n);		/* when the next packet arrives; G_MAXINT64: none is under way */
/* The packet that has arrived by NOW; FALSE: none. PKT has DATAGRAM_MAX bytes. */
gboolean fake_net_take(struct fake_net *n, guint8 *pkt, size_t *len, gboolean *rtcp, gint64 now_us);
void fake_net_clear(struct fake_net *n);

#endif
