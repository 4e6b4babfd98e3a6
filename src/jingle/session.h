/* session.h - the state machine of ONE Jingle session (XEP-0166 6), without I/O, threads or a clock.
 *
 * Events go in (a message of the peer, a wish of the user, the answer to an IQ of ours, a deadline), outputs are
 * collected and taken out by jingle_next: first the IQ to send, then what has happened. The caller answers the peer's IQ
 * with what jingle_recv returned BEFORE it takes the outputs, so an acknowledgement always goes first and no function
 * here ever calls back. Time is an argument in ms of any monotonic clock.
 *
 * The caller has matched (peer's full JID, sid) already and refuses everything else with unknown-session. One thread. */
#ifndef JCALL_JINGLE_SESSION_H
#define JCALL_JINGLE_SESSION_H

#include "msg.h"
#include "plug.h"

struct jingle_session;

/* How long an offer may stay without any answer. An accept that stays without one ends nothing: if it did not arrive there
 * will be no media path either, and the owner finds that out. */
enum { JINGLE_ANSWER_MS = 20000 };

enum jingle_state { JINGLE_PENDING, JINGLE_ACTIVE, JINGLE_ENDED };

enum jingle_event {
	JINGLE_EV_INCOMING,	/* responder: a sound offer is here and acknowledged: ring, then accept or end */
	JINGLE_EV_DELIVERED,	/* initiator: our session-initiate was acknowledged */
	JINGLE_EV_RINGING,	/* initiator: the peer's device rings */
	JINGLE_EV_ACCEPTED,	/* the session is ACTIVE; app, transport and keying have all they need */
	JINGLE_EV_TRANSPORT,	/* the transport plug-in took news: credentials or candidates */
	JINGLE_EV_REPLACE_ASKED,/* the peer wants jingle_asked_transport: jingle_replace_accept once our side of it is known */
	JINGLE_EV_REPLACED,	/* it is in force: jingle_current_transport has what the peer said of it */
	JINGLE_EV_CHANGED,	/* senders, hold, mute or parameters changed: ask the session and the app */
	JINGLE_EV_ENDED,	/* last of all outputs, exactly once: err, reason, text, by_peer */
};

struct jingle_out {
	enum { JINGLE_OUT_SEND, JINGLE_OUT_EVENT } kind;
	/* SEND: the <jingle/> to put into an iq of type set to the peer; the taker owns it. Its answer is reported by
	 * jingle_acked with TAG. */
	struct elem *jingle;
	guint tag;
	/* EVENT */
	enum jingle_event event;
	enum jc_err err;		/* ENDED: the outcome for us */
	enum jingle_reason reason;	/* ENDED: as sent or received */
	const char *text;		/* ENDED: the peer's free words, raw and cut at 500 bytes, or ours; borrowed until the
					 * next call; NULL: none */
	gboolean by_peer;		/* ENDED: by its session-terminate, of which TEXT is then */
	/* ENDED: the error which our offer or accept was answered with, if that is what ended it, else OK. TIE_BREAK and
	 * CONFLICT say that both called each other and the peer's call is to be taken (XEP-0166 "Tie Breaking"). */
	enum iq_cond cond;
};

/* Both copy the JIDs (full) and the sid, and borrow the plugs' selves. */
struct jingle_session *jingle_dial(const char *sid, const char *us, const char *peer, const struct jingle_plugs *plugs);
struct jingle_session *jingle_incoming(const char *sid, const char *us, const char *peer,
				       const struct jingle_plugs *plugs);
void jingle_free(struct jingle_session *s);

void         jingle_start(struct jingle_session *s, gint64 now_ms);			/* initiator: send the offer */
enum iq_cond jingle_recv(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms);
void         jingle_acked(struct jingle_session *s, guint tag, enum iq_cond cond, gint64 now_ms);
/* The media have shown that the peer took our accept: its handshake or its sound came. An accept that was not acknowledged
 * counts as one that was. */
void         jingle_proven(struct jingle_session *s);
void         jingle_ring(struct jingle_session *s, gint64 now_ms);			/* responder: session-info ringing */
void         jingle_accept(struct jingle_session *s, gint64 now_ms);			/* responder */
/* The transport in force has led nowhere: asks the peer for the next of ours that was not tried yet (transport-replace),
 * what our side of it is being known. When there is none left, or the peer refuses or does not answer, the session ends with
 * failed-transport. */
void         jingle_replace(struct jingle_session *s, gint64 now_ms);
void         jingle_replace_accept(struct jingle_session *s, gint64 now_ms);	/* after JINGLE_EV_REPLACE_ASKED */
void         jingle_trickle(struct jingle_session *s, gint64 now_ms);			/* the transport has news to send */
/* session-info; takes PAYLOAD; NULL: a ping */
void         jingle_info(struct jingle_session *s, struct elem *payload, gint64 now_ms);
/* The same, with the name and creator of our content as attributes of PAYLOAD (XEP-0167 "mute" and "unmute"). */
void         jingle_info_of_content(struct jingle_session *s, struct elem *payload, gint64 now_ms);
/* Asks by an empty session-info whether the peer still has the session ("Session Pings"), one at a time. That it knows
 * of none ends it; that nobody answers, or that there is no such client, ends nothing: sound may come all the same. */
void         jingle_ping(struct jingle_session *s, gint64 now_ms);
/* content-modify; one at a time is outstanding, the latest wish follows. EV_CHANGED when the peer took it. ACTIVE only. */
void         jingle_senders(struct jingle_session *s, enum jingle_senders senders, gint64 now_ms);
/* Ends the session from our side. The peer is told the reason of ERR (err.def), made to fit the state: cancel or decline
 * before the accept, success after it. TEXT (NULL: none) comes back in ENDED; it is not sent. No-op once ENDED. */
void         jingle_end(struct jingle_session *s, enum jc_err err, const char *text, gint64 now_ms);

gboolean     jingle_next(struct jingle_session *s, struct jingle_out *out);		/* FALSE: nothing left */
gint64       jingle_deadline(const struct jingle_session *s);				/* absolute ms; G_MAXINT64: none */
void         jingle_expire(struct jingle_session *s, gint64 now_ms);

enum jingle_state   jingle_state(const struct jingle_session *s);
/* In force; the last two NULL: nobody has asked, not chosen yet. Of the transport the responder knows it from
 * JINGLE_EV_INCOMING on. */
const struct jingle_transport *jingle_current_transport(const struct jingle_session *s);
const struct jingle_transport *jingle_asked_transport(const struct jingle_session *s);
const struct jingle_keying    *jingle_current_keying(const struct jingle_session *s);
gboolean            jingle_is_initiator(const struct jingle_session *s);
/* Is TAG that of our session-initiate, and has the peer neither answered nor accepted it yet? Only
 * then can the answer to TAG send us elsewhere (RFC 6120 8.3.3.14). */
gboolean            jingle_offer_waits(const struct jingle_session *s, guint tag);
const char         *jingle_sid(const struct jingle_session *s);
const char         *jingle_peer(const struct jingle_session *s);
enum jingle_senders jingle_current_senders(const struct jingle_session *s);

#endif
