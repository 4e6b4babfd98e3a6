/* What comes in once it is authenticated: RTP headers, RTCP, payloads, the jitter buffer. Packets of the input are cut by a
 * length byte; the first byte of each says how far the clock goes on. */
#include <glib.h>
#include <stdint.h>

#include "media/playout.h"
#include "media/rtcp.h"
#include "media/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtcp *rtcp = rtcp_new(1, "fuzz", 48000);
	struct media_params params = {.rx = {{0, CODEC_OPUS}, {1, CODEC_G722}, {2, CODEC_PCMU}, {3, CODEC_PCMA}, {4, CODEC_CN}},
				      .rx_count = CODEC_SOUNDS};
	struct playout *playout = playout_new(&params, NULL);
	gint64 now = 1000000;
	gint16 pcm[480];
	uint8_t out[300];

	for (size_t at = 0; at + 2 <= size;) {
		size_t len = MIN((size_t)data[at + 1], size - at - 2);
		const uint8_t *pkt = data + at + 2, *payload;
		struct rtp_header h;
		size_t n;
		bool bye;

		now += data[at] * 500;
		if (rtp_read(pkt, len, &h, &payload, &n)) {
			struct playout_packet packet = {.codec = h.pt < CODEC_SOUNDS ? h.pt : CODEC_OPUS, .seq = h.seq, .ts = h.ts,
							.payload = payload, .len = n};

			rtcp_received(rtcp, h.ssrc, h.seq, h.ts, h.pt % 2 ? 48000 : 8000, now);
			playout_put(playout, &packet, now);
		}
		rtcp_input(rtcp, pkt, len, now, &bye);
		playout_get(playout, pcm, G_N_ELEMENTS(pcm), now);
		at += 2 + len;
	}
	rtcp_report(rtcp, out, sizeof(out), true, now);
	rtcp_free(rtcp);
	playout_free(playout);
	return 0;
}
