#include "rtp.h"

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void rtp_write(uint8_t out[RTP_HEADER], const struct rtp_header *h)
{
	out[0] = 0x80;
	out[1] = (uint8_t)((h->marker ? 0x80 : 0) | (h->pt & 0x7f));
	out[2] = (uint8_t)(h->seq >> 8);
	out[3] = (uint8_t)h->seq;
	put32(out + 4, h->ts);
	put32(out + 8, h->ssrc);
}

bool rtp_read(const uint8_t *pkt, size_t len, struct rtp_header *h, const uint8_t **payload, size_t *payload_len)
{
	size_t head, padding = 0;

	if (len < RTP_HEADER || pkt[0] >> 6 != 2)
		return false;
	head = RTP_HEADER + 4u * (pkt[0] & 0x0f);
	if (pkt[0] & 0x10) {			/* one extension, RFC 3550 5.3.1 */
		if (len < head + 4)
			return false;
		head += 4 + 4u * get16(pkt + head + 2);
	}
	if (len < head)
		return false;
	if (pkt[0] & 0x20) {
		padding = pkt[len - 1];
		if (padding == 0 || padding > len - head)
			return false;
	}
	h->marker = (pkt[1] & 0x80) != 0;
	h->pt = pkt[1] & 0x7f;
	h->seq = get16(pkt + 2);
	h->ts = get32(pkt + 4);
	h->ssrc = get32(pkt + 8);
	*payload = pkt + head;
	*payload_len = len - head - padding;
	return true;
}
