/* wan.h - what the parts of the test network share: wan.c (devices, the queue of what is on its way, the loop), wan_pipe.c (what
 * becomes of a packet) and wan_command.c (routes, commands). One thread. */
#ifndef JCALL_TESTS_WAN_H
#define JCALL_TESTS_WAN_H

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000.0

enum { WAN_PORTS = 40, WAN_ROUTES = 128, WAN_OUTAGES = 4 };

/* What a pipe does. Shares are of 1, times in milliseconds. All zero: nothing but carry. */
struct treatment {
	double delay;
	double jitter;		/* standard deviation of the delay; it does not change the order */
	double loss;		/* of each packet by itself */
	double burst;		/* lost in bursts (Gilbert), as a share of all ... */
	double burst_len;	/* ... and the mean length of a burst, in packets */
	double stun_loss;	/* of STUN packets alone */
	double reorder;		/* held back by reorder_by, while later ones pass */
	double reorder_by;
	double dup;
	double rate;		/* kbit/s of IP packets; 0: without bound */
	double queue;		/* what would wait longer for its turn is dropped */
	double down;		/* not 0: nothing passes */
};

struct pipe_count {
	guint64 in, loss, burst, stun, queue, down, dup, reordered, delivered;
};

struct pipe {
	struct treatment set;
	struct pipe_count count;
	struct { gint64 from, to; } outage[WAN_OUTAGES];	/* monotonic ns; to 0: none */
	guint64 n;		/* packets since the seed was set */
	gboolean bad;		/* in a burst */
	gint64 last_due;	/* of what is not reordered */
	gint64 free_at;		/* when the bottleneck has sent what waits */
};

struct packet {
	gint64 due;
	guint64 order;
	unsigned from, to;
	size_t len;
	uint8_t data[];
};

struct route {
	uint8_t addr[16];
	unsigned bytes, bits, port;	/* 4 or 16 bytes of addr */
};

struct wan {
	struct { int fd; char name[16]; } port[WAN_PORTS];	/* fd -1: closed */
	unsigned ports, routes;
	struct route route[WAN_ROUTES];
	struct pipe pipe[WAN_PORTS][WAN_PORTS];
	guint64 seed, order, unrouted;
	GPtrArray *heap;	/* of struct packet, owned */
	FILE *capture;		/* all that comes from any port, pcap; NULL: no */
};

gint64   wan_now(void);			/* monotonic ns */
double   wan_wall_clock(void);		/* seconds since 1970 */
gboolean wan_open_port(struct wan *w, const char *name, const char *netns, const char *device, char **why);
void     wan_close_port(struct wan *w, unsigned port);
/* The port a packet is to leave by; -1: no way. */
int      wan_route(const struct wan *w, const uint8_t *data, size_t len);
/* The answer, to be freed. */
char    *wan_command(struct wan *w, const char *line);

/* When the packet arrives: 0, 1 or 2 times are filled in. ID tells pipes of one seed apart. */
unsigned pipe_treat(struct pipe *p, guint64 seed, unsigned id, const uint8_t *data, size_t len, gint64 now, gint64 due[2]);
void     pipe_restart(struct pipe *p);	/* counts from 0 again: its luck begins anew */
gboolean packet_is_stun(const uint8_t *data, size_t len);

#endif
