/* wire.h - the one socket of a call taken apart (RFC 7983) and protected (SRTP, RFC 3711/7714). Only net/wire.c
 * includes <srtp2/srtp.h>.
 *
 * Without keys nothing passes in either direction: "unencrypted by accident" cannot be expressed. Packets are worked
 * on in place. One thread. Events come from inside wire_input only. */
#ifndef JCALL_NET_WIRE_H
#define JCALL_NET_WIRE_H

#include <glib.h>
#include "../types.h"

struct wire;

struct wire_events {
	void (*rtp)(void *self, uint8_t *pkt, size_t len);		/* authenticated and decrypted */
	void (*rtcp)(void *self, uint8_t *pkt, size_t len);
	void (*handshake)(void *self, const uint8_t *rec, size_t len);	/* DTLS: first byte 20..63 */
	void *self;
};

struct wire_counts { uint64_t early, auth_failed, replayed, malformed, other; };

void         wire_warm_up(void);	/* pays libsrtp's start-up ahead of the first call; any thread */
struct wire *wire_new(const struct wire_events *events);
void         wire_free(struct wire *w);
gboolean     wire_set_keys(struct wire *w, const struct srtp_keys *tx, const struct srtp_keys *rx, GError **error);
/* A datagram from the network. Up to 8 SRTP packets that come before the keys are kept and delivered with them. */
void         wire_input(struct wire *w, uint8_t *pkt, size_t len);
/* Protects PKT (a whole RTP or RTCP packet) in place; CAP must leave WIRE_OVERHEAD bytes. Returns the new length, 0:
 * no keys or refused, the packet must not be sent. */
enum { WIRE_OVERHEAD = 32 };
size_t       wire_protect_rtp(struct wire *w, uint8_t *pkt, size_t len, size_t cap);
size_t       wire_protect_rtcp(struct wire *w, uint8_t *pkt, size_t len, size_t cap);
const struct wire_counts *wire_counts(const struct wire *w);
const char  *wire_suite_name(enum srtp_suite suite);		/* "AEAD_AES_128_GCM", … */

#endif
