/* stun.h - the one question jcall itself asks a STUN server (RFC 5389 binding): from which address do you see me? For a plain
 * link (net/udp.c) and for `jcall doctor`; ICE has libnice for it. And the shape that all STUN messages have, for net/turn.c.
 * Pure but for stun_new_id: no socket, no clock; any thread. */
#ifndef JCALL_NET_STUN_H
#define JCALL_NET_STUN_H

#include <glib.h>
#include "../types.h"

enum { STUN_ID_SIZE = 12, STUN_REQUEST_SIZE = 20 };
enum { STUN_MAPPED_ADDRESS = 0x0001, STUN_XOR_MAPPED_ADDRESS = 0x0020 };	/* attributes */

gboolean stun_new_id(uint8_t id[STUN_ID_SIZE]);	/* random; FALSE: the system has none to give */
void     stun_request(uint8_t out[STUN_REQUEST_SIZE], const uint8_t id[STUN_ID_SIZE]);
/* The address in a success response to the request of that ID; FALSE: it is none, or malformed. */
gboolean stun_mapped(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE], char ip[46], uint16_t *port);

/* The message type (method and class) of what answers the request of that ID; 0: it is no such thing. */
unsigned stun_answer_type(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE]);
/* In a message for which that is not 0: the value of the first attribute of that type, borrowed, and its SIZE; NULL: there is
 * none, or the message is malformed before it. */
const uint8_t *stun_attribute(const uint8_t *data, size_t len, unsigned wanted, size_t *size);
/* The address in VALUE, which is xored with the head of MESSAGE, or plain where that is NULL. FALSE: malformed. */
gboolean stun_address(const uint8_t *value, size_t len, const uint8_t *message, char ip[46], uint16_t *port);

#endif
