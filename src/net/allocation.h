/* allocation.h - one address asked of one relay, given back at once, and why it was not given: for `jcall doctor`.
 *
 * Main thread; nothing blocks. By UDP, TCP, or TLS through net/tunnel.c, as the server's kind says. */
#ifndef JCALL_NET_ALLOCATION_H
#define JCALL_NET_ALLOCATION_H

#include <glib.h>
#include "turn.h"

enum allocation_end {
	ALLOCATION_GRANTED,		/* ANSWER has the address */
	ALLOCATION_REFUSED,		/* ANSWER has code and words */
	ALLOCATION_INSECURE,		/* no TLS, or no good certificate: WORDS */
	ALLOCATION_UNREACHABLE,		/* it cannot be connected to: WORDS */
	ALLOCATION_SILENT,		/* no answer within the limit */
};

struct allocation;
/* CA_FILE: PEM, trusted besides the system store by TLS; NULL: none. done(ctx, end, answer, words) comes once, from the main loop, within LIMIT_MS. WORDS is NULL where not said otherwise. */
struct allocation *allocation_try(const struct ice_server *server, const char *ca_file, guint limit_ms,
				  void (*done)(void *ctx, enum allocation_end end, const struct turn_answer *answer, const char *words),
				  void *ctx);
void               allocation_free(struct allocation *a);	/* not from inside done, which does not come any more */

#endif
