/* rawudp.h - the HOW: Raw UDP, XEP-0177, one address on each side and nothing checked; no sockets here, only elements.
 *
 * Only component 1 is written and taken, since RTCP goes with RTP through one port (RFC 5761). Each side has one candidate,
 * the one most likely to succeed; a redefined one has a higher generation and is told by transport-info. The first usable
 * candidate of the peer's highest generation counts; those without all REQUIRED attributes (but component, which is 1 then),
 * of other components, and addresses that addr.h refuses are skipped and counted. */
#ifndef JCALL_JINGLE_RAWUDP_H
#define JCALL_JINGLE_RAWUDP_H

#include "../types.h"
#include "plug.h"

extern const struct jingle_transport jingle_rawudp;	/* its self: struct rawudp */

struct rawudp;
struct rawudp *rawudp_new(void);
void           rawudp_free(struct rawudp *t);
/* As iceudp_allow_loopback. */
void           rawudp_allow_loopback(struct rawudp *t, gboolean allow);

/* Our side: id, ip, port and type of OURS are used. Another address than before is a new generation. */
void     rawudp_local(struct rawudp *t, const struct ice_cand *ours);
gboolean rawudp_has_local(const struct rawudp *t);		/* nothing should be sent before */
gboolean rawudp_has_news(const struct rawudp *t);		/* is there anything for a transport-info? */

/* The peer's side, for net/udp: TRUE once per news. */
gboolean rawudp_remote(struct rawudp *t, struct ice_cand *out);
unsigned rawudp_skipped(const struct rawudp *t);

#endif
