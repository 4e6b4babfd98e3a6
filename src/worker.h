/* worker.h - threads of ours, which are counted while they run.
 *
 * A thread can hang where nothing can end it: in a name look-up, in a device, on a disk that is gone. At the end of the process
 * it is left behind. exit() would then tear the libraries down that it still uses, so main asks workers_running and, where one
 * is left, ends with _exit (process_end). Any thread. */
#ifndef JCALL_WORKER_H
#define JCALL_WORKER_H

#include <glib.h>
#include <pthread.h>

typedef pthread_t worker_id;

/* Starts RUN(DATA). NAME: static, at most 15 bytes. STACK: [bytes]; 0: as the system likes. FALSE: the system has no thread
 * left. Every thread that was started is given to worker_join or worker_leave, once. */
gboolean worker_start(worker_id *id, const char *name, gsize stack, gpointer (*run)(gpointer), gpointer data);

/* Waits MS milliseconds at most for its end. FALSE: it has not ended, and is left behind with all that it uses. */
gboolean worker_join(worker_id id, guint ms);

/* Nobody waits for it. */
void     worker_leave(worker_id id);

/* For a thread of somebody else's (of GLib's pool) while it works for us: once before, with TRUE, and once as the last thing
 * that it does, with FALSE. */
void     worker_count(gboolean begins);

/* How many threads run that were started or counted here. */
guint    workers_running(void);

#endif
