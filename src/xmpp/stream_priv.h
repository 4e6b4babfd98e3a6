/* stream_priv.h - the inside of a stream: stream.c is its main-thread half, stream_thread.c the half that blocks.
 *
 * The halves share nothing but struct stream_link's atomics; all else goes by post_to. The thread half is created and
 * used in the xmpp thread only. */
#ifndef JCALL_XMPP_STREAM_PRIV_H
#define JCALL_XMPP_STREAM_PRIV_H

#include "../worker.h"
#include "stream.h"

enum {
	PHASE_LIMIT_MS = 10000,
	STREAM_MAX_SENT = 60 * 1024,	/* of one stanza as written, in bytes; the usual limits of servers begin at 64 KiB */
};

/* For tests: how long one phase of a login may last before the watchdog ends it. Before stream_connect. */
void stream_set_phase_limit(struct stream *x, guint ms);

/* What the thread reports, in the main thread; SELF is the struct stream. */
struct stream_reports {
	void (*phase)(void *self, const char *phase, gint64 now_us);
	void (*certificate)(void *self, const char *expires);
	void (*online)(void *self, const char *full_jid, gboolean resumed);
	void (*sm)(void *self);						/* XEP-0198 is on; after online */
	void (*offline)(void *self, GError *error, gboolean final);	/* takes ERROR */
	void (*stanza)(void *self, struct elem *stanza);		/* takes STANZA */
	void (*refused)(void *self, struct elem *head);			/* takes HEAD: of an answer beyond our bounds */
	void (*unsent)(void *self, struct elem *stanza);		/* takes STANZA: it never left */
	void (*closed)(void *self);
	void (*trace)(void *self, gboolean out, char *xml);		/* takes XML; optional */
};

struct stream_link {
	worker_id thread;
	GMainContext *ctx;
	GMainLoop *loop;
	GPtrArray *outbox;		/* main thread: struct elem *, to be sent together */
	guint flush;
	/* Atomic: a duplicate of the socket, -1 for none, to end a blocking call by. Whoever exchanges it for -1 owns it: so
	 * nobody shuts down a number that belongs to another file by then. */
	gint fd;
	gint stuck;			/* atomic: the thread will never come back from libstrophe */
	gint overdue;			/* atomic: the watchdog has ended the phase the thread is in */
	gint abandoned;			/* atomic: the main half is gone, nothing is to be reported any more */
};

struct stream_thread;

/* Starts the thread. Copies all of OPTIONS. */
struct stream_link *link_start(const struct stream_options *options, const struct stream_reports *reports, void *self);
/* Ends it; at most 1 s. A thread stuck in a name look-up cannot be ended: it is left behind, its memory with it. */
void link_stop(struct stream_link *link);
void link_connect(struct stream_link *link);
void     link_network(struct stream_link *link);		/* as stream_network_changed */
/* Takes STANZA. What the main loop sends before it has nothing else to do leaves together: a server with Nagle's algorithm
 * (prosody, by default) passes a small stanza on at once, and what follows it a round trip later. */
void link_send(struct stream_link *link, struct elem *stanza);
void link_close(struct stream_link *link);
gboolean link_cut(struct stream_link *link);			/* shuts the socket down; FALSE: there is none */

#endif
