/* playout.h - the receiving half of the pump: jitter buffer + decoder + concealment + time scaling -> even sound.
 *
 * The player asks for any number of samples at any time; it gets sound, concealment or comfort noise, never nothing.
 * Pure; time is an argument; one thread; bounded. */
#ifndef JCALL_MEDIA_PLAYOUT_H
#define JCALL_MEDIA_PLAYOUT_H

#include <glib.h>
#include "../types.h"
#include "jitter.h"

struct playout;

struct playout *playout_new(const struct media_params *params, GError **error);	/* plays what their rx names: one at least */
void            playout_free(struct playout *p);
/* What is heard shall keep its length: it begins 60 ms later than it could, so that the delay need not grow in the call, and up to
 * 80 ms that could be saved are not. Set before the first packet. */
void            playout_patient(struct playout *p, gboolean patient);
void            playout_reset(struct playout *p);		/* the peer's SSRC changed */
struct playout_packet {
	enum media_codec codec;		/* one of rx */
	uint16_t seq;
	uint32_t ts;			/* of the codec's own clock */
	const uint8_t *payload;		/* authenticated; copied */
	size_t len;
};
/* FALSE: not decodable, dropped. */
gboolean        playout_put(struct playout *p, const struct playout_packet *packet, gint64 now_us);
/* A packet that is an event: it takes the place of sound in the sequence. */
void            playout_event(struct playout *p, uint16_t seq);
/* Fills PCM with exactly N samples (N <= 2880). TRUE: at least some of them come from the peer's packets. */
gboolean        playout_get(struct playout *p, gint16 *pcm, size_t n, gint64 now_us);
void            playout_stats(const struct playout *p, struct media_stats *out);	/* fills rx_late, concealed_ms,
								* stretched_ms, fec_frames, played_ms, buffer_ms; leaves the rest */

#endif
