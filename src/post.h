/* post.h - a call carried from one thread to another: the only way in which jcall's threads talk, besides rings.
 *
 * post_to copies ARG (SIZE bytes) and has FN(SELF, copy) called in the thread that runs CTX (NULL: the main thread), in
 * the order of posting, never at once: not even from that thread itself. Any thread may post. What SELF is must live
 * until then: owners end with a last message that passes every earlier one. */
#ifndef JCALL_POST_H
#define JCALL_POST_H

#include <glib.h>

typedef void post_fn(void *self, void *arg);

void post_to(GMainContext *ctx, post_fn *fn, void *self, const void *arg, gsize size);

/* The twin of g_clear_handle_id for a source of another context than the main one: *SOURCE (NULL: none) is removed, its
 * reference given back, and it is NULL. In the thread that runs its context, also from inside the source itself. */
void source_drop(GSource **source);

#endif
