/* jmi.h - Jingle Message Initiation, XEP-0353 0.8.0 as deployed (rules R4-R12): its messages, and the two small state
 * machines of calling and being called. Pure: elements in, elements out, time as an argument; nothing calls back. */
#ifndef JCALL_JINGLE_JMI_H
#define JCALL_JINGLE_JMI_H

#include "../elem.h"
#include "../err.h"
#include "msg.h"
#include "vocab.h"

enum jmi_kind { JMI_NONE, JMI_PROPOSE, JMI_RINGING, JMI_PROCEED, JMI_REJECT, JMI_RETRACT, JMI_FINISH, JMI_ACCEPT };

struct jmi_msg {			/* borrows from the message it was read from */
	enum jmi_kind kind;
	const char *id;
	gboolean audio, other_media;	/* PROPOSE: what the descriptions ask for */
	enum jingle_reason reason;	/* REJECT, RETRACT, FINISH */
	const char *text;		/* of the reason; may be NULL */
	gboolean tie_break;
	const char *migrated_to;	/* FINISH; NULL: none */
};

/* Reads the JMI child of MESSAGE (type chat or normal). FALSE: there is none, or it is malformed. */
gboolean     jmi_read(const struct elem *message, struct jmi_msg *out);
/* A whole <message type='chat'> to TO with a <store/> hint and rule R7's stanza id; caller owns. REASON and TEXT only
 * where the kind has one. */
struct elem *jmi_write(enum jmi_kind kind, const char *to, const char *id, enum jingle_reason reason, const char *text);

/* The <finish/> of session ID, which goes on as session NEW_ID from another device of the peer's ("Existing session"). */
struct elem *jmi_write_migrated(const char *to, const char *id, const char *new_id);

/* ---- calling ---- */
enum jmi_call_event {
	JMI_CALL_RINGING,	/* the first device rings */
	JMI_CALL_PROCEED,	/* PEER (full JID) takes it: send session-initiate there, with the sid */
	JMI_CALL_FALLBACK,	/* nobody reacted: try a direct session-initiate (the proposal stays open) */
	JMI_CALL_TIE_LOST,	/* the callee calls us at the same time and his id is lower: take his call instead */
	JMI_CALL_ENDED,		/* err: declined, busy, no answer, unavailable, … */
};
struct jmi_out {
	enum { JMI_OUT_SEND, JMI_OUT_EVENT } kind;
	struct elem *message;	/* SEND; the taker owns it */
	enum jmi_call_event event;
	enum jc_err err;
	const char *peer, *text;	/* as the peer wrote them; borrowed until the next call */
};

struct jmi_call;
/* FALLBACK_MS without ringing or proceed yields one JMI_CALL_FALLBACK (G_MAXINT64: never); RING_TIMEOUT_MS without
 * proceed ends it. Both counted from jmi_call_start. */
struct jmi_call *jmi_call_new(const char *id, const char *our_full_jid, const char *callee_bare, gint64 fallback_ms,
			      gint64 ring_timeout_ms);
void     jmi_call_free(struct jmi_call *c);
void     jmi_call_start(struct jmi_call *c, gint64 now_ms);
/* A JMI message from FROM (full or bare), already known to be of the callee's bare JID or, for carbons of our other
 * devices, ours. TRUE: it concerned this call. */
gboolean jmi_call_recv(struct jmi_call *c, const char *from, const struct jmi_msg *m, gint64 now_ms);
gboolean jmi_call_is_propose(const struct jmi_call *c, const char *message_id);	/* the id of its proposal? */
void     jmi_call_bounced(struct jmi_call *c, const char *message_id, const char *condition, gint64 now_ms);	/* message of type error */
/* The user, or the direct fallback that succeeded, ends the proposal: a <retract/> for "cancel", then JMI_CALL_ENDED with
 * ERR. Nothing where no proposal is open: after a proceed it is the Jingle session that ends. */
void     jmi_call_retract(struct jmi_call *c, enum jc_err err, gint64 now_ms);
/* The proposal once more, for a device that may not have got the first: it came late, or is of negative priority. Nothing
 * where none is open. */
void     jmi_call_tell(struct jmi_call *c, const char *full_jid);
gboolean jmi_call_next(struct jmi_call *c, struct jmi_out *out);
gint64   jmi_call_deadline(const struct jmi_call *c);
void     jmi_call_expire(struct jmi_call *c, gint64 now_ms);
gboolean jmi_call_ringing(const struct jmi_call *c);	/* some device said it rings */
/* The callee proposes a call of his own, THEIR_ID, to us while ours is open (XEP-0353 "Tie Breaking"): the lower id wins
 * (i;octet), of equal ones the lower JID's. TRUE: ours goes on and theirs is rejected; FALSE: ours is retracted and has
 * yielded JMI_CALL_TIE_LOST: theirs is to be taken. After a proceed there is no tie: his is
 * rejected as busy. */
gboolean jmi_call_tie(struct jmi_call *c, const char *their_id, const char *from, gint64 now_ms);

/* ---- being called ---- */
struct jmi_ring;
/* A proposal of FROM (full JID) with ID is here. TELL: the caller may know that we are here, so he is told that we ring. */
struct jmi_ring *jmi_ring_new(const char *id, const char *our_full_jid, const char *from, gboolean tell);
void     jmi_ring_free(struct jmi_ring *r);
const char *jmi_ring_id(const struct jmi_ring *r);
const char *jmi_ring_caller(const struct jmi_ring *r);		/* full JID */
/* Messages to send, in order; the array and its struct elem * are the caller's. */
GPtrArray *jmi_ring_begin(struct jmi_ring *r);			/* <ringing/>, if he may know */
GPtrArray *jmi_ring_accept(struct jmi_ring *r);			/* rule R5: <accept/> to our own devices, then <proceed/> */
GPtrArray *jmi_ring_reject(struct jmi_ring *r, enum jc_err err);	/* rule R6: to the caller and to our own devices */
/* A JMI message from FROM with this id. TRUE: ringing is over, *ERR says why: JC_ELSEWHERE (another device of ours took
 * it), JC_DECLINED (or declined it), JC_NO_ANSWER (the caller gave up). OURS: FROM is our own account. */
gboolean jmi_ring_recv(struct jmi_ring *r, const char *from, const struct jmi_msg *m, gboolean ours, enum jc_err *err);
/* Is the message of that id, which came back as an error, the <proceed/> to R's caller? Then the call is off: Conversations
 * answers so where it has given it up meanwhile (rule R7). */
gboolean jmi_ring_bounced(const struct jmi_ring *r, const char *message_id);

/* ---- wrapping ---- */
/* The message inside a carbon (XEP-0280), *SENT: one that another device of ours sent. NULL: MESSAGE is no carbon, or one
 * that did not come from our own account (CVE-2017-5589 and its kin). Borrowed. */
const struct elem *jmi_unwrap_carbon(const struct elem *message, const char *our_bare_jid, gboolean *sent);
/* Is MESSAGE an old one, delivered late (XEP-0203) by more than 60 s before NOW_S (seconds since 1970)? */
gboolean jmi_is_old(const struct elem *message, gint64 now_s);
/* When MESSAGE was sent, as far as is known: of the moments it says it was delayed since the latest, since anybody may have
 * added an earlier one; NOW_S at most, and NOW_S when it says nothing. */
gint64   jmi_sent_at(const struct elem *message, gint64 now_s);

#endif
