/* rtcp.h - RTCP sender and receiver reports, SDES CNAME, BYE; reception statistics. RFC 3550 6, A.1, A.3, A.8.
 * Pure: no sockets; time is an argument. One thread. */
#ifndef JCALL_MEDIA_RTCP_H
#define JCALL_MEDIA_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtcp;

struct rtcp *rtcp_new(uint32_t ssrc, const char *cname, unsigned clock_hz);	/* of the timestamps we send */
void         rtcp_free(struct rtcp *r);

void rtcp_sent(struct rtcp *r, uint32_t ts, size_t payload_bytes, int64_t now_us);		/* an RTP packet went out */
/* An authenticated RTP packet came in, its timestamp of such a clock (0: it says nothing of when it was sent). A new SSRC starts the statistics again. */
void rtcp_received(struct rtcp *r, uint32_t ssrc, uint16_t seq, uint32_t ts, unsigned clock_hz, int64_t now_us);
/* An authenticated compound packet came in. FALSE: malformed (counted as nothing). *BYE: the peer's source said goodbye. */
bool rtcp_input(struct rtcp *r, const uint8_t *pkt, size_t len, int64_t now_us, bool *bye);
/* Writes a compound report (SR or RR + SDES, BYE when asked) of at most CAP bytes; returns its length. The NTP field carries
 * NOW_US: only differences of it are ever used, and no clock step can disturb them (RFC 3550 4 allows any such clock). */
size_t  rtcp_report(struct rtcp *r, uint8_t *out, size_t cap, bool bye, int64_t now_us);
int64_t rtcp_deadline(const struct rtcp *r);		/* [us] when the next report is due: after 0.6 s, 1.3 s, then
							 * every 2.5 s, each +-50 % */

uint64_t rtcp_lost(const struct rtcp *r);		/* [packets] over all streams of the call, never negative */
double   rtcp_jitter_ms(const struct rtcp *r);
/* How much longer the last packet took than the least of the last half to whole minute: the peer's share of a round trip's queues. */
double   rtcp_queue_ms(const struct rtcp *r, int64_t now_us);
double   rtcp_rtt_ms(const struct rtcp *r);		/* < 0: unknown */
/* What the peer's last report says of what we send. COUNT: so many came; the rest is 0 before the first. */
struct rtcp_about { unsigned count; double loss /* 0..1 since its last but one */, jitter_ms; };
struct rtcp_about rtcp_about_us(const struct rtcp *r);
double   rtcp_peer_loss(const struct rtcp *r);		/* 0..1, smoothed over reports; 0 before the first */

#endif
