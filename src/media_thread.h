/* media_thread.h - the thread in which all media of the process lives: ICE, DTLS, SRTP, codecs. One per process, for all
 * calls. Main thread, except that its context may be posted to (post.h) from anywhere. */
#ifndef JCALL_MEDIA_THREAD_H
#define JCALL_MEDIA_THREAD_H

#include <glib.h>

struct media_thread;

struct media_thread *media_thread_new(void);
void                 media_thread_free(struct media_thread *t);	/* after every path and ringer has ended */
GMainContext        *media_thread_context(struct media_thread *t);	/* borrowed */

#endif
