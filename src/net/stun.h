/* stun.h - the one question jcall itself asks a STUN server (RFC 5389 binding): from which address do you see me? For a plain
 * link (net/udp.c); ICE has libnice for it. Pure: no socket, no clock; any thread. */
#ifndef JCALL_NET_STUN_H
#define JCALL_NET_STUN_H

#include <glib.h>
#include "../types.h"

enum { STUN_ID_SIZE = 12, STUN_REQUEST_SIZE = 20 };

void     stun_request(uint8_t out[STUN_REQUEST_SIZE], const uint8_t id[STUN_ID_SIZE]);
/* The address in a success response to the request of that ID; FALSE: it is none, or malformed. */
gboolean stun_mapped(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE], char ip[46], uint16_t *port);

#endif
