/* netwatch.h - tells when the addresses of this machine change: rtnetlink. Everything happens in the thread that runs CTX. */
#ifndef JCALL_NET_NETWATCH_H
#define JCALL_NET_NETWATCH_H

#include <glib.h>

struct netwatch;
/* CHANGED(ctx) comes 100 ms after the last of several changes; never from inside a function of this file. NULL: the system does
 * not tell such things. */
struct netwatch *netwatch_new(GMainContext *ctx, void (*changed)(void *self), void *self);
void             netwatch_free(struct netwatch *w);		/* NULL is fine */

/* Has this machine the address IP now, on an interface that is up? NULL: any but those of loopback and of a link alone. */
gboolean netwatch_has(const char *ip);

#endif
