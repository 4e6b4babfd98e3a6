/* nat.h - how STUN servers see us, and what that tells of the NAT before us: for `jcall doctor`.
 *
 * Main thread; name look-ups and sockets do not block. All servers are asked from one port, since only then do their answers
 * compare. In the words of RFC 5780 section 4.3 the question is whether the mapping is endpoint-independent. */
#ifndef JCALL_NET_NAT_H
#define JCALL_NET_NAT_H

#include <glib.h>
#include "../types.h"

struct nat_answer {
	enum { NAT_NO_NAME, NAT_NO_ANSWER, NAT_ANSWER } how;	/* its name has no address; silence; these are set: */
	char server_ip[46];		/* also with NAT_NO_ANSWER */
	char ip[46];			/* where the server sees us */
	uint16_t port;
	char own_ip[46];		/* where we are */
	uint16_t own_port;
};

enum nat_kind {
	NAT_UNKNOWN,			/* nobody has answered */
	NAT_NONE,
	NAT_SOME,			/* there is one; what it does toward other addresses cannot be told from one server */
	NAT_INDEPENDENT,		/* endpoint-independent mapping: the address that STUN tells holds for everybody */
	NAT_DEPENDENT,			/* address-dependent, or address- and port-dependent ("symmetric"): it holds for nobody else */
};

enum { NAT_MAX_ANSWERS = 2 * MAX_SERVERS };

struct nat_events {
	/* Once for each of the servers, by its index. A server that names another address of its own (OTHER-ADDRESS, RFC 5780 7.4) is
	 * asked there as well: those come with an INDEX, below NAT_MAX_ANSWERS, behind those of the servers. */
	void (*answer)(void *ctx, size_t index, const struct nat_answer *a);
	void (*done)(void *ctx);	/* after all of them */
	void *ctx;
};

struct nat_probe;
/* Asks each of SERVERS (one at least; their kind does not matter, the port is asked by UDP). The events come from the main loop,
 * within LIMIT_MS. */
struct nat_probe *nat_ask(const struct server_list *servers, guint limit_ms, const struct nat_events *events);
void              nat_probe_free(struct nat_probe *p);		/* not from inside an event; nothing comes any more */

/* What N answers tell together. Pure. Those of different families do not compare; a server on this side of the NAT, which sees
 * us where we are, says nothing about it. */
enum nat_kind nat_judge(const struct nat_answer *answers, size_t n);

#endif
