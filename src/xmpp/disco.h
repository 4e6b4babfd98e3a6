/* disco.h - who can take a call: XEP-0030 service discovery, XEP-0115 entity capabilities, XEP-0280 and presence.
 *
 * Main thread. Answers disco#info for us, keeps the presence of other people's resources (bounded: 50,000 of contacts;
 * 500 of others, who never push out those), and finds out their features: by the verified cache of capability hashes (a hash that does not match what its
 * owner lists is used for that one JID only), else by asking. */
#ifndef JCALL_XMPP_DISCO_H
#define JCALL_XMPP_DISCO_H

#include "stream.h"

struct disco;

enum disco_can {			/* what a resource says it can do; flags */
	CAN_JINGLE     = 1 << 0,	/* urn:xmpp:jingle:1 */
	CAN_RTP_AUDIO  = 1 << 1,	/* urn:xmpp:jingle:apps:rtp:1 and :audio */
	CAN_ICE_UDP    = 1 << 2,	/* urn:xmpp:jingle:transports:ice-udp:1 */
	CAN_DTLS       = 1 << 3,	/* urn:xmpp:jingle:apps:dtls:0 */
	CAN_JMI        = 1 << 4,	/* urn:xmpp:jingle-message:0 */
	CAN_RAW_UDP    = 1 << 5,	/* urn:xmpp:jingle:transports:raw-udp:1 */
	CAN_FULL_OFFER = 1 << 6,	/* urn:ietf:rfc:3264: wants all candidates in the offer (rule R2) */
	CAN_CALL       = CAN_JINGLE | CAN_RTP_AUDIO | CAN_DTLS,	/* what a call needs, besides one of our transports */
	CAN_CALL_SDES  = CAN_JINGLE | CAN_RTP_AUDIO,	/* what it needs where our user allows SDES, which has no name here and can
							 * only be tried */
};

struct disco *disco_new(struct stream *x);			/* borrows X */
/* Which of CAN_ICE_UDP and CAN_RAW_UDP we have: these are announced, and one of them is needed of a peer. Both by default; to
 * be set before anybody is told. */
void          disco_set_transports(struct disco *d, unsigned transports);
/* Is DTLS announced? By default it is. As above. */
void          disco_set_dtls(struct disco *d, gboolean dtls);
void          disco_free(struct disco *d);			/* open questions are not answered any more */

/* Our <c xmlns='http://jabber.org/protocol/caps'/> for a presence; caller owns. */
struct elem *disco_caps_elem(struct disco *d);
/* Our XEP-0115 verification string (base64 SHA-1). Borrowed. */
const char  *disco_caps_hash(struct disco *d);

gboolean disco_iq(struct disco *d, struct iq *iq);	/* TRUE: it was a disco query and is answered */
/* Presence of somebody else, OF_CONTACT: on our contact list, or ourselves. */
void     disco_presence(struct disco *d, const struct elem *presence, gboolean of_contact);
void     disco_reset(struct disco *d);				/* fresh stream: nobody's presence is known */

/* Asks what FULL_JID can do: once, even if several want to know (a done that asks again gets the same answer). Done is called
 * once, possibly later, in the main loop. COND_OK with flags of enum disco_can, else the error (flags 0). Returns a handle for
 * disco_cancel. */
guint disco_query(struct disco *d, const char *full_jid,
		  void (*done)(void *ctx, enum iq_cond cond, unsigned can), void *ctx);
/* What FULL_JID is known to be able to do, without asking now; 0: not known. */
unsigned disco_known(const struct disco *d, const char *full_jid);
/* Can who CAN do this take a call of ours that needs all of NEEDED (CAN_CALL, CAN_CALL_SDES)? */
gboolean disco_fits(const struct disco *d, unsigned can, unsigned needed);
/* Asks the resources of BARE_JID seen online (at most the ten likeliest) and reports the best one: disco_fits, then highest
 * priority, then latest seen; NULL when none can take a call. can is what the best one can, without one the union of
 * what all can; online tells how many resources are there. */
guint disco_best(struct disco *d, const char *bare_jid, unsigned needed,
		 void (*done)(void *ctx, const char *full_jid, unsigned can, unsigned online), void *ctx);
void  disco_cancel(struct disco *d, guint handle);

/* How many resources of BARE_JID are online as far as we may see. */
unsigned disco_online(struct disco *d, const char *bare_jid);
unsigned disco_siblings(const struct disco *d);		/* the other resources of our own account */

/* caps.c: the XEP-0115 5.1 verification string hash of a disco#info <query/>; NULL when ill-formed (5.4: duplicate
 * identities, features or forms; also a '<' in any of them, for then one hash would fit several lists). Caller frees. */
char *disco_hash(const struct elem *query);
/* May that hash speak for everybody who shows it? Not with forms of unusual types: somebody could publish another
 * client's hash with its features hidden in a form. */
gboolean disco_is_unambiguous(const struct elem *query);

#endif
