/* turn.h - just enough of TURN (RFC 8656) to ask a relay for an address and to understand its refusal: for `jcall doctor`,
 * since libnice does not tell why a relay gave nothing. Calls use libnice. Pure: no socket, no clock; any thread.
 *
 * The integrity of the answers is not checked: nothing is sent by this relay, and a forged answer needs our 96 random bits. */
#ifndef JCALL_NET_TURN_H
#define JCALL_NET_TURN_H

#include <glib.h>
#include "stun.h"

enum { TURN_TEXT = 764, TURN_REQUEST_MAX = 2400 };	/* [bytes] a realm or nonce (RFC 8489 14.9) and a '\0'; a request */
enum { TURN_WORDS = 100 };	/* [characters] of what a server says to a refusal, and "…" */

struct turn_login {
	const char *user, *password;	/* borrowed */
	char realm[TURN_TEXT], nonce[TURN_TEXT];	/* the server's; "": it has not asked yet */
};

enum turn_verdict {
	TURN_NOTHING,			/* it is no answer to that request, or malformed */
	TURN_GRANTED,
	TURN_WHO,			/* it wants to know who asks: LOGIN has its realm and a fresh nonce now */
	TURN_REFUSED,			/* with a code */
};

struct turn_answer {
	char ip[46];			/* GRANTED: the address at the relay */
	uint16_t port;
	unsigned code;			/* REFUSED: 300..699, RFC 8656 19 */
	char words[4 * (TURN_WORDS + 1) + 1];	/* and what the server says to it, cleaned (text.h) */
};

/* A request for an address that takes UDP; and one to give it back. Return the size. */
size_t turn_allocate(uint8_t out[TURN_REQUEST_MAX], const uint8_t id[STUN_ID_SIZE], const struct turn_login *login);
size_t turn_release(uint8_t out[TURN_REQUEST_MAX], const uint8_t id[STUN_ID_SIZE], const struct turn_login *login);
/* What DATA answers to turn_allocate. Only what the verdict names is set in OUT. */
enum turn_verdict turn_read(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE], struct turn_login *login,
			    struct turn_answer *out);

#endif
