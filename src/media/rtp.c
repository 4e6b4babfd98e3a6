#include "rtp.h"

#include <string.h>

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

enum { ONE_BYTE = 0xbede, TWO_BYTES = 0x1000 };		/* RFC 8285 4.2, 4.3: the last four bits of the latter are free */

/* One extension of one byte, and the padding to whole words. */
static void write_level(uint8_t *out, const struct rtp_header *h)
{
	const uint8_t ext[RTP_LEVEL] = {ONE_BYTE >> 8, ONE_BYTE & 0xff, 0, 1, (uint8_t)(h->level_id << 4), h->level, 0, 0};

	memcpy(out, ext, sizeof(ext));
}

size_t rtp_write(uint8_t *out, const struct rtp_header *h)
{
	out[0] = h->level_id ? 0x90 : 0x80;
	out[1] = (uint8_t)((h->marker ? 0x80 : 0) | (h->pt & 0x7f));
	out[2] = (uint8_t)(h->seq >> 8);
	out[3] = (uint8_t)h->seq;
	put32(out + 4, h->ts);
	put32(out + 8, h->ssrc);
	if (!h->level_id)
		return RTP_HEADER;
	write_level(out + RTP_HEADER, h);
	return RTP_HEADER_MAX;
}

static void note_extensions(struct rtp_header *h, const uint8_t *ext, size_t len)
{
	unsigned profile = get16(ext);

	if (profile != ONE_BYTE && (profile & 0xfff0) != TWO_BYTES)
		return;
	h->two_bytes = profile != ONE_BYTE;
	h->ext = ext + 4;
	h->ext_len = len - 4;
}

bool rtp_read(const uint8_t *pkt, size_t len, struct rtp_header *h, const uint8_t **payload, size_t *payload_len)
{
	size_t head, fixed, padding = 0;

	if (len < RTP_HEADER || pkt[0] >> 6 != 2)
		return false;
	fixed = head = RTP_HEADER + 4u * (pkt[0] & 0x0f);
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
	*h = (struct rtp_header){.marker = (pkt[1] & 0x80) != 0};
	if (head > fixed)
		note_extensions(h, pkt + fixed, head - fixed);
	h->pt = pkt[1] & 0x7f;
	h->seq = get16(pkt + 2);
	h->ts = get32(pkt + 4);
	h->ssrc = get32(pkt + 8);
	*payload = pkt + head;
	*payload_len = len - head - padding;
	return true;
}

const uint8_t *rtp_extension(const struct rtp_header *h, unsigned id, size_t *len)
{
	size_t at = 0;

	while (h->ext && at < h->ext_len) {
		unsigned number = h->two_bytes ? h->ext[at] : h->ext[at] >> 4;
		size_t head = h->two_bytes ? 2 : 1, size;

		if (number == 0) {		/* padding, of one byte whichever the form */
			at++;
			continue;
		}
		if (at + head > h->ext_len || (!h->two_bytes && number == 15))
			return NULL;
		size = h->two_bytes ? h->ext[at + 1] : (h->ext[at] & 0x0fu) + 1;
		if (size > h->ext_len - at - head)
			return NULL;
		*len = size;
		if (number == id)
			return size ? h->ext + at + head : NULL;
		at += head + size;
	}
	return NULL;
}
