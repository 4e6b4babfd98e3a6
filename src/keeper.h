/* keeper.h - what waits for the disk, done by a thread of its own: lists of calls and contacts are read and written there, one
 * job after the other, in the order in which they were given, while the main thread goes on. Main thread, but for the jobs. */
#ifndef JCALL_KEEPER_H
#define JCALL_KEEPER_H

#include <glib.h>

struct keeper;

enum { KEEPER_FLUSH_MS = 5000 };	/* [ms] a disk that takes longer for a few kilobytes is out of order */

typedef void keeper_fn(void *job);

struct keeper *keeper_new(void);
/* Has RUN(JOB) called in the thread, then DONE(JOB) from the main loop; without a DONE, RUN is the last to use JOB. WHAT (static)
 * is the name of what is read or written ("list of calls"). */
void           keeper_do(struct keeper *k, const char *what, keeper_fn *run, keeper_fn *done, void *job);
/* Waits LIMIT_MS at most until all that was given has been done, and frees K; NULL is fine. FALSE: the disk holds the thread, which
 * is left behind with what it has; that is told in the log. A DONE that the main loop has not called by then is never called. */
gboolean       keeper_free(struct keeper *k, guint limit_ms);

#endif
