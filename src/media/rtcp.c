#include "rtcp.h"

#include <glib.h>
#include <string.h>

enum { SR = 200, RR = 201, SDES = 202, BYE = 203, INTERVAL_US = 2500000, EARLY = 2, HALF_US = 30000000, FRESH_US = 500000, REPORT_BLOCK = 24,
       MAX_DROPOUT = 3000, MAX_MISORDER = 100, NO_BAD_SEQ = 65536 };
#define NTP_EPOCH 2208988800u		/* seconds from 1900 to 1970 */

struct rtcp {
	uint32_t ssrc, clock_hz, remote_hz, rng;
	unsigned early;			/* so many intervals are shorter yet, by a half each */
	char cname[64];
	/* what we send */
	uint32_t sent_packets, sent_octets, last_ts;
	int64_t last_sent_us;
	bool sent_since_report;
	/* what we receive; RFC 3550 A.1 */
	bool have_remote;
	uint32_t remote_ssrc, cycles, base_seq, received, expected_prior, received_prior, last_rtp_ts;
	uint16_t max_seq;
	uint32_t bad_seq;		/* the number that would confirm a restart */
	uint64_t lost_before;		/* [packets] of streams that are over */
	int64_t last_arrival_us;
	double jitter;			/* [clock units] */
	double transit, least, least_before;	/* [clock units] from the first packet's on; in the half minute that runs, and before */
	int64_t half_us;
	/* reports of the peer */
	uint32_t last_sr_mid;		/* middle 32 bits of its last SR's NTP time */
	int64_t last_sr_us;
	double rtt_ms, peer_loss;
	struct rtcp_about about;
	int64_t due_us;
};

struct rtcp *rtcp_new(uint32_t ssrc, const char *cname, unsigned clock_hz)
{
	struct rtcp *r = g_new0(struct rtcp, 1);

	r->ssrc = ssrc;
	r->clock_hz = r->remote_hz = clock_hz;
	r->rng = ssrc | 1;
	r->early = EARLY;
	r->rtt_ms = -1;
	g_strlcpy(r->cname, cname, sizeof(r->cname));
	return r;
}

void rtcp_free(struct rtcp *r)
{
	g_free(r);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void rtcp_sent(struct rtcp *r, uint32_t ts, size_t payload_bytes, int64_t now_us)
{
	r->sent_packets++;
	r->sent_octets += (uint32_t)payload_bytes;
	r->last_ts = ts;
	r->last_sent_us = now_us;
	r->sent_since_report = true;
}

/* ---- reception ---- */

static uint32_t expected(const struct rtcp *r)
{
	return r->cycles + r->max_seq - r->base_seq + 1;
}

static uint32_t lost_now(const struct rtcp *r)
{
	return r->have_remote && expected(r) > r->received ? expected(r) - r->received : 0;
}

static void first_packet(struct rtcp *r, uint32_t ssrc, uint16_t seq)
{
	r->lost_before += lost_now(r);
	r->have_remote = true;
	r->remote_ssrc = ssrc;
	r->cycles = r->received = r->expected_prior = r->received_prior = 0;
	r->base_seq = seq;
	r->max_seq = seq;
	r->bad_seq = NO_BAD_SEQ;
	r->jitter = r->transit = r->least = r->least_before = 0;
	r->half_us = r->last_arrival_us = 0;
	r->last_sr_mid = 0;
}

/* The least of the last half to whole minute is what the way takes without a queue. */
static void note_transit(struct rtcp *r, double change, int64_t now_us)
{
	r->transit += change;
	if (now_us - r->half_us >= HALF_US) {
		r->least_before = r->half_us ? r->least : r->transit;
		r->least = r->transit;
		r->half_us = now_us;
	}
	r->least = MIN(r->least, r->transit);
}

/* A.8: the change of the transit time, smoothed by 1/16. */
static void update_jitter(struct rtcp *r, uint32_t ts, unsigned clock_hz, int64_t now_us)
{
	if (clock_hz == 0) {
		r->last_arrival_us = 0;
		return;
	}
	if (clock_hz != r->remote_hz) {			/* another codec (RFC 7160 3.1) */
		r->jitter *= (double)clock_hz / r->remote_hz;
		r->transit = r->least = r->least_before = 0;
		r->remote_hz = clock_hz;
	} else if (r->last_arrival_us) {
		double arrived = (double)(now_us - r->last_arrival_us) * clock_hz / 1e6;
		double d = arrived - (double)(int32_t)(ts - r->last_rtp_ts);

		r->jitter += ((d < 0 ? -d : d) - r->jitter) / 16;
		note_transit(r, d, now_us);
	}
	r->last_arrival_us = now_us;
	r->last_rtp_ts = ts;
}

void rtcp_received(struct rtcp *r, uint32_t ssrc, uint16_t seq, uint32_t ts, unsigned clock_hz, int64_t now_us)
{
	uint16_t ahead = (uint16_t)(seq - r->max_seq);

	if (!r->have_remote || ssrc != r->remote_ssrc) {
		first_packet(r, ssrc, seq);
	} else if (ahead < MAX_DROPOUT) {
		if (seq < r->max_seq)
			r->cycles += 65536;
		r->max_seq = seq;
	} else if (ahead <= 65536 - MAX_MISORDER) {	/* A.1: two in a row, and the peer has restarted its numbers */
		if (seq != r->bad_seq) {
			r->bad_seq = (seq + 1u) & 0xffff;
			return;
		}
		first_packet(r, ssrc, seq);
	}
	r->received++;
	update_jitter(r, ts, clock_hz, now_us);
}

uint64_t rtcp_lost(const struct rtcp *r)
{
	return r->lost_before + lost_now(r);
}

double rtcp_jitter_ms(const struct rtcp *r)
{
	return r->jitter * 1000 / r->remote_hz;
}

double rtcp_queue_ms(const struct rtcp *r, int64_t now_us)
{
	if (now_us - r->last_arrival_us > FRESH_US)
		return 0;
	return (r->transit - MIN(r->least, r->least_before)) * 1000 / r->remote_hz;
}

double rtcp_rtt_ms(const struct rtcp *r)
{
	return r->rtt_ms;
}

struct rtcp_about rtcp_about_us(const struct rtcp *r)
{
	return r->about;
}

double rtcp_peer_loss(const struct rtcp *r)
{
	return r->peer_loss;
}

int64_t rtcp_deadline(const struct rtcp *r)
{
	return r->due_us;
}

/* ---- what the peer reports ---- */

static uint32_t ntp_mid(int64_t wall_us)
{
	uint64_t seconds = (uint64_t)wall_us / 1000000 + NTP_EPOCH;
	uint64_t fraction = ((uint64_t)wall_us % 1000000 << 32) / 1000000;

	return (uint32_t)(seconds << 16 | fraction >> 16);
}

/* Round trip = now - LSR - DLSR. Our reports carry monotonic time as if it were NTP's, so no clock step can disturb it. */
static void read_block(struct rtcp *r, const uint8_t *b, int64_t now_us)
{
	uint32_t lsr = get32(b + 16), dlsr = get32(b + 20);
	double fraction = b[4] / 256.0;

	if (get32(b) != r->ssrc)
		return;
	r->peer_loss = r->about.count ? r->peer_loss * 0.7 + fraction * 0.3 : fraction;
	r->about = (struct rtcp_about){.count = r->about.count + 1, .loss = fraction,
				       .jitter_ms = (double)get32(b + 12) * 1000 / r->clock_hz};
	if (lsr) {
		double ms = (double)(int32_t)(ntp_mid(now_us) - lsr - dlsr) * 1000 / 65536;

		if (ms >= -5 && ms < 60000)
			r->rtt_ms = ms < 0 ? 0 : ms;
	}
}

static void read_report(struct rtcp *r, const uint8_t *p, size_t len, unsigned count, size_t head, int64_t now_us)
{
	for (unsigned i = 0; i < count && len >= head + REPORT_BLOCK * (i + 1); i++)
		read_block(r, p + head + REPORT_BLOCK * i, now_us);
}

static bool is_bye_of_peer(const struct rtcp *r, const uint8_t *p, size_t len, unsigned count)
{
	for (unsigned i = 0; i < count && len >= 8 + 4u * i; i++)
		if (r->have_remote && get32(p + 4 + 4u * i) == r->remote_ssrc)
			return true;
	return false;
}

bool rtcp_input(struct rtcp *r, const uint8_t *pkt, size_t len, int64_t now_us, bool *bye)
{
	*bye = false;
	if (len < 8)
		return false;
	while (len >= 4) {
		size_t size = 4 * (((size_t)pkt[2] << 8 | pkt[3]) + 1);
		unsigned count = pkt[0] & 0x1f;

		if (pkt[0] >> 6 != 2 || size > len)
			return false;
		if (pkt[1] == SR && size >= 28) {
			if (r->have_remote && get32(pkt + 4) == r->remote_ssrc) {
				r->last_sr_mid = get32(pkt + 8) << 16 | get32(pkt + 12) >> 16;
				r->last_sr_us = now_us;
			}
			read_report(r, pkt, size, count, 28, now_us);
		} else if (pkt[1] == RR && size >= 8) {
			read_report(r, pkt, size, count, 8, now_us);
		} else if (pkt[1] == BYE) {
			*bye = *bye || is_bye_of_peer(r, pkt, size, count);
		}
		pkt += size;
		len -= size;
	}
	return len == 0;
}

/* ---- what we report ---- */

static size_t write_block(struct rtcp *r, uint8_t *b, int64_t now_us)
{
	uint32_t want = expected(r), lost = lost_now(r);
	uint32_t want_now = want - r->expected_prior, got_now = r->received - r->received_prior;
	uint32_t fraction = want_now > got_now ? ((want_now - got_now) << 8) / want_now : 0;

	r->expected_prior = want;
	r->received_prior = r->received;
	put32(b, r->remote_ssrc);
	put32(b + 4, MIN(lost, 0x7fffff));
	b[4] = (uint8_t)MIN(fraction, 255);
	put32(b + 8, r->cycles + r->max_seq);
	put32(b + 12, (uint32_t)r->jitter);
	put32(b + 16, r->last_sr_mid);
	put32(b + 20, r->last_sr_mid ? (uint32_t)((uint64_t)(now_us - r->last_sr_us) * 65536 / 1000000) : 0);
	return REPORT_BLOCK;
}

static size_t write_sender_info(struct rtcp *r, uint8_t *p, int64_t now_us)
{
	uint64_t seconds = (uint64_t)now_us / 1000000 + NTP_EPOCH;
	uint64_t fraction = ((uint64_t)now_us % 1000000 << 32) / 1000000;

	put32(p, (uint32_t)seconds);
	put32(p + 4, (uint32_t)fraction);
	put32(p + 8, r->last_ts + (uint32_t)((uint64_t)(now_us - r->last_sent_us) * r->clock_hz / 1000000));
	put32(p + 12, r->sent_packets);
	put32(p + 16, r->sent_octets);
	return 20;
}

static void write_head(uint8_t *p, unsigned count, unsigned type, size_t size)
{
	p[0] = (uint8_t)(0x80 | count);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)((size / 4 - 1) >> 8);
	p[3] = (uint8_t)(size / 4 - 1);
}

static size_t write_sdes(struct rtcp *r, uint8_t *p)
{
	size_t n = strlen(r->cname), size = (8 + 2 + n + 1 + 3) & ~(size_t)3;

	memset(p, 0, size);
	write_head(p, 1, SDES, size);
	put32(p + 4, r->ssrc);
	p[8] = 1;
	p[9] = (uint8_t)n;
	memcpy(p + 10, r->cname, n);
	return size;
}

/* RFC 3550 6.3: half to one and a half times the interval, so that reports of many calls do not fall together. The first ones come
 * sooner: until it hears of a loss the peer sends nothing against it. */
static void plan_next(struct rtcp *r, int64_t now_us)
{
	int64_t interval = INTERVAL_US >> r->early;

	if (r->early)
		r->early--;
	r->rng = r->rng * 1664525u + 1013904223u;
	r->due_us = now_us + interval / 2 + (int64_t)(r->rng >> 8) * interval / (1 << 24);
}

size_t rtcp_report(struct rtcp *r, uint8_t *out, size_t cap, bool bye, int64_t now_us)
{
	bool sender = r->sent_since_report;
	size_t n = 8;

	plan_next(r, now_us);
	if (cap < 8 + 20 + REPORT_BLOCK + 80 + 8)
		return 0;
	put32(out + 4, r->ssrc);
	if (sender)
		n += write_sender_info(r, out + n, now_us);
	if (r->have_remote)
		n += write_block(r, out + n, now_us);
	write_head(out, r->have_remote ? 1 : 0, sender ? SR : RR, n);
	n += write_sdes(r, out + n);
	if (bye) {
		write_head(out + n, 1, BYE, 8);
		put32(out + n + 4, r->ssrc);
		n += 8;
	}
	r->sent_since_report = false;
	return n;
}
