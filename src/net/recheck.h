/* recheck.h - connectivity checks (RFC 8445 7.2) beside libnice's, for lines that lose packets: libnice sends three in two seconds and
 * then gives a pair up. Each that arrives has the peer's agent check us in turn (7.3.1.4, triggered checks), and has ours ask once
 * more, so nothing but libnice needs to hear the answers.
 *
 * They begin when an undisturbed line would have worked long ago, and end when the peer has proven by his keys that his side works;
 * bounded, since the addresses are the peer's word: about so many packets per restart, whatever he names. Everything happens in the
 * thread that runs CTX. */
#ifndef JCALL_NET_RECHECK_H
#define JCALL_NET_RECHECK_H

#include <glib.h>
#include "../types.h"

enum { RECHECK_MOST = 120 };		/* packets per beginning */

struct recheck;
/* SEND(self, ip, port, data, len) sends a check from every socket that may be used, and returns from how many. */
struct recheck *recheck_new(GMainContext *ctx, gboolean controlling,
			    unsigned (*send)(void *self, const char *ip, uint16_t port, const uint8_t *data, size_t len), void *self);
void            recheck_free(struct recheck *r);
/* From now on, with those credentials; what was added before is forgotten. */
void            recheck_begin(struct recheck *r, const struct ice_creds *local, const struct ice_creds *remote);
void            recheck_add(struct recheck *r, const char *ip, uint16_t port);	/* an address of the peer's */
void            recheck_works(struct recheck *r, const char *ip, uint16_t port);	/* for us, by that one; is it so for him? */
void            recheck_end(struct recheck *r);

#endif
