/* relays.h - when relays are asked for an address of ours, and under which addresses of theirs. libnice 0.1.21 does either badly: of
 * a name with several addresses it uses but the first (it forgets the port of the others), so names are looked up here. And what
 * comes from an address that is a relay's it takes for TURN, so that the answer of a STUN server there is lost: relays come after
 * that, or after 250 ms.
 *
 * Everything happens in the thread that runs CTX. */
#ifndef JCALL_NET_RELAYS_H
#define JCALL_NET_RELAYS_H

#include <glib.h>
#include "../types.h"

struct relays;
/* ADD(self, server) comes for the first address of each family of each TURN server among SERVERS, with a number for a host (but SERVER_TURN_TLS as it
 * is): from inside a function, or later. SETTLED(self): all names are looked up; only where there were any. */
struct relays *relays_new(GMainContext *ctx, const struct server_list *servers,
			  void (*add)(void *self, const struct ice_server *server), void (*settled)(void *self), void *self);
void           relays_free(struct relays *r);		/* nothing comes any more; NULL is fine */
void           relays_begin(struct relays *r);		/* now, unless that was before */
void           relays_begin_soon(struct relays *r);	/* in 250 ms at most; those by TLS now */
/* How the relays at PORT are reached, but those by TLS; SERVER_STUN: by none, or not always by the same. */
enum server_kind relays_kind(const struct relays *r, guint port);
gboolean       relays_are_settled(const struct relays *r);	/* begun, and no name is being looked up */

#endif
