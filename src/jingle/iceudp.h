/* iceudp.h - the HOW: ICE-UDP, XEP-0176, candidates trickled in both directions; no sockets here, only elements.
 *
 * Rules R21-R25 of the interoperability list: full candidates, one per transport-info, each with the same ufrag and
 * pwd; missing credentials mean unchanged; rel_port is taken for rel-port; component 2, tcp, fe80::, names but those of
 * addr_is_mdns, and addresses nobody can be reached at (multicast, broadcast, 0.0.0.0, port 0) are skipped and counted. */
#ifndef JCALL_JINGLE_ICEUDP_H
#define JCALL_JINGLE_ICEUDP_H

#include "../types.h"
#include "plug.h"

extern const struct jingle_transport jingle_iceudp;	/* its self: struct iceudp */

struct iceudp;
struct iceudp *iceudp_new(void);
void           iceudp_free(struct iceudp *t);
/* Take the peer's loopback addresses too: tests, and two jcalls on one machine. Otherwise they are skipped. */
void           iceudp_allow_loopback(struct iceudp *t, gboolean allow);

/* Our side, as net/ice gathers it. A new set of credentials is an ICE restart: candidates known so far are dropped. Unless
 * the peer has restarted before, it is a restart of our own, and the next transport-info has the credentials alone
 * (rule R23); as the answer to his, they go with the first candidate. */
void     iceudp_local_creds(struct iceudp *t, const struct ice_creds *creds);
void     iceudp_local_cand(struct iceudp *t, const struct ice_cand *cand);
gboolean iceudp_owes_answer(const struct iceudp *t);	/* he has restarted, and our new credentials are not known yet */
gboolean iceudp_has_news(const struct iceudp *t);	/* is there anything for a transport-info? */

/* The peer's side, to be handed to net/ice. */
gboolean iceudp_remote_creds(struct iceudp *t, struct ice_creds *out);	/* TRUE once per new set; the second: he restarts */
gboolean iceudp_remote_cand(struct iceudp *t, struct ice_cand *out);	/* TRUE once per candidate, in order; its ip may be a
								 * name (addr_is_mdns) */
gboolean iceudp_remote_done(struct iceudp *t);				/* TRUE once: the peer said it has no more */
unsigned iceudp_skipped(const struct iceudp *t);

/* For tests and fuzzers: one <candidate/> read; FALSE: unusable. Writing is its inverse. */
gboolean     iceudp_cand_read(const struct elem *candidate, struct ice_cand *out);
struct elem *iceudp_cand_write(const struct ice_cand *cand);

#endif
