/* client.h - one who asks and hears (request.h, events.h) over a channel: somebody at the control socket, or the command of a
 * call at its file descriptor 3. Main thread. */
#ifndef JCALL_CLIENT_H
#define JCALL_CLIENT_H

#include "events.h"
#include "request.h"

struct client;

/* Who can do what is asked. Adds to REPLY what the asker wants to know; FALSE with an error that says why not. */
struct request_handler {
	gboolean (*request)(void *self, const struct request *r, struct fields *reply, GError **error);
	void *self;
};

struct client_options {
	struct events *events;
	struct request_handler handler;
	guint call;			/* it asks for this call and hears of it alone, from the beginning, and, since it has not asked for
					 * that, need not read it; 0: for all, once it asks for events */
	void (*gone)(void *ctx, struct client *c);	/* the last event; client_free is the next thing to do */
	void *ctx;
};

/* Takes FD, a connected stream socket. */
struct client *client_new(int fd, const struct client_options *options);
/* Waits LIMIT_MS at most for what was told to be read. */
void           client_free(struct client *c, int limit_ms);

#endif
