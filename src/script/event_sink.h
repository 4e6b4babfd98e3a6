/* event_sink.h - events written to a file descriptor, a line each: --json, --events. Main thread.
 *
 * A reader who stalls does not hold up the calls: SINK_ROOM bytes wait for him, what comes beyond that is lost, and he is told
 * of it by the event lost once he reads again. */
#ifndef JCALL_EVENT_SINK_H
#define JCALL_EVENT_SINK_H

#include "events.h"

struct event_sink;

enum { SINK_ROOM = 1 << 20 };

/* FD is borrowed, and stays open. */
struct event_sink *event_sink_new(struct events *e, int fd);
/* WHERE: the number of a file descriptor that we were started with, or a path, which is appended to; a new file
 * is its user's alone, 0600. NULL with JC_USAGE or
 * JC_FILE. Our children do not get it. */
struct event_sink *event_sink_open(struct events *e, const char *where, GError **error);
/* DEAD(ctx) is called, once, from within an event, if not even the first can be written (a full disk). NULL: nobody asks. */
void               event_sink_on_dead(struct event_sink *s, void (*dead)(void *ctx), void *ctx);
/* Waits LIMIT_MS at most for the reader to take what is there (-1: as long as it takes). FALSE: something could not be written,
 * which the log has told; that the reader has gone is no such fault. NULL is fine. */
gboolean           event_sink_free(struct event_sink *s, int limit_ms);

#endif
