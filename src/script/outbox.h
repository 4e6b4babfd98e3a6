/* outbox.h - lines for a reader who may be slow: a pipe, a socket, a file. Main thread; never blocks but in outbox_flush.
 *
 * What cannot be written at once waits in memory, ROOM bytes at most, and is written when the main loop finds the reader
 * ready. The descriptor may be shared with other processes: its flags are left alone. */
#ifndef JCALL_OUTBOX_H
#define JCALL_OUTBOX_H

#include <glib.h>

struct outbox;

/* Borrows FD until freed. */
struct outbox *outbox_new(int fd, gsize room);
void           outbox_free(struct outbox *o);		/* what waits is lost; outbox_flush first */
/* Sends LINE and a line's end. FALSE: there was no room, or nobody reads any more; it is lost. */
gboolean       outbox_put(struct outbox *o, const char *line);
gboolean       outbox_is_broken(const struct outbox *o);	/* the reader is gone, or nothing can be written */
int            outbox_fault(const struct outbox *o);		/* errno of what cannot be written (a full disk); 0: no such fault */
gsize          outbox_waiting(const struct outbox *o);		/* [bytes] */
/* Blocks until all is written, the reader is gone, or LIMIT_MS is over (-1: no limit). */
void           outbox_flush(struct outbox *o, int limit_ms);

#endif
