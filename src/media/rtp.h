/* rtp.h - RTP headers and the arithmetic of wrapping numbers. RFC 3550 5.1, RFC 8285 for extensions. Pure. */
#ifndef JCALL_MEDIA_RTP_H
#define JCALL_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTP_HEADER = 12 };

struct rtp_header {
	bool marker;
	uint8_t pt;
	uint16_t seq;
	uint32_t ts, ssrc;
};

/* Writes the 12 bytes of a header without extension or CSRC. */
void rtp_write(uint8_t out[RTP_HEADER], const struct rtp_header *h);
/* Reads a whole packet; checks version, CSRC count, extension and padding against LEN. FALSE: malformed. PAYLOAD points
 * into PKT. */
bool rtp_read(const uint8_t *pkt, size_t len, struct rtp_header *h, const uint8_t **payload, size_t *payload_len);

/* How far A is after B, negative: before (modulo 2^16 and 2^32). */
static inline int16_t rtp_seq_after(uint16_t a, uint16_t b) { return (int16_t)(uint16_t)(a - b); }
static inline int32_t rtp_ts_after(uint32_t a, uint32_t b)  { return (int32_t)(a - b); }

#endif
