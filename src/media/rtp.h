/* rtp.h - RTP headers and the arithmetic of wrapping numbers. RFC 3550 5.1, RFC 8285 for extensions. Pure. */
#ifndef JCALL_MEDIA_RTP_H
#define JCALL_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTP_HEADER = 12, RTP_LEVEL = 8, RTP_HEADER_MAX = RTP_HEADER + RTP_LEVEL };	/* [bytes] RTP_LEVEL: more, with a level */

struct rtp_header {
	bool marker;
	uint8_t pt;
	uint16_t seq;
	uint32_t ts, ssrc;
	/* For writing: the extension of RFC 6464 by that number (1..14; 0: none), and its octet. */
	uint8_t level_id, level;
	/* As read: the extensions, borrowed from the packet; NULL: none of a kind that is known. */
	const uint8_t *ext;
	size_t ext_len;
	bool two_bytes;			/* their headers have two bytes (RFC 8285 4.3), not one */
};

/* Writes a header without CSRC: RTP_HEADER bytes, and RTP_LEVEL more where there is a level. Returns how many. */
size_t rtp_write(uint8_t *out, const struct rtp_header *h);
/* Reads a whole packet; checks version, CSRC count, extension and padding against LEN. FALSE: malformed. PAYLOAD points
 * into PKT. */
bool rtp_read(const uint8_t *pkt, size_t len, struct rtp_header *h, const uint8_t **payload, size_t *payload_len);

/* The extension with that number in a header that was read: its first byte, *LEN bytes; NULL: it is not there, or empty. */
const uint8_t *rtp_extension(const struct rtp_header *h, unsigned id, size_t *len);

/* How far A is after B, negative: before (modulo 2^16 and 2^32). */
static inline int16_t rtp_seq_after(uint16_t a, uint16_t b) { return (int16_t)(uint16_t)(a - b); }
static inline int32_t rtp_ts_after(uint32_t a, uint32_t b)  { return (int32_t)(a - b); }

#endif
