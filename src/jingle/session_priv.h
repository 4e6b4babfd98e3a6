/* session_priv.h - the inside of a Jingle session: session.c has what we do, session_recv.c what the peer does,
 * session_plugs.c which plug-ins are in force, and how one transport follows another. */
#ifndef JCALL_JINGLE_SESSION_PRIV_H
#define JCALL_JINGLE_SESSION_PRIV_H

#include "session.h"

enum { MAX_REJECTED = 16 };		/* that are remembered; one more is rejected all the same */

struct jingle_session {
	char *sid, *us, *peer;
	gboolean initiator;
	enum jingle_state state;
	struct jingle_plugs plugs;
	struct jingle_what app;			/* in force */
	struct jingle_how how;
	struct jingle_condition keying;		/* its plug is NULL until the peer has chosen */
	const char *flaw;			/* the application's word for what is wrong with the keys; NULL: nothing is */
	char *why;				/* words for our user on what was not to be taken; NULL: none */
	/* transport-replace (session_plugs.c) */
	struct jingle_how next;			/* asked for by us or by the peer */
	enum { SETTLED, WE_ASKED, PEER_ASKED } replacing;
	unsigned tried;				/* 1 << index in plugs.transports */
	guint replace_tag;
	gint64 replace_by_ms;
	char *name;				/* of our one content */
	enum jingle_creator creator;
	/* As agreed, as in our content-modify that is not answered yet (modify_tag), as the user wants it. */
	enum jingle_senders senders, asked_senders, wanted_senders;
	GQueue out;				/* struct jingle_out *, text owned */
	struct jingle_out *taken;		/* the last one taken out: its text lives until the next call */
	guint last_tag, initiate_tag, accept_tag, modify_tag, ping_tag, anew_tag;	/* 0: none outstanding */
	gboolean offered;			/* the session-initiate is out, or was received */
	gboolean proven;			/* by the media: the peer has accepted, or taken our accept */
	gboolean accept_sent, ringing_told;
	gboolean bundled;			/* our content is in a group BUNDLE; as an initiator we always put it there */
	gboolean heard;				/* initiator: the peer has said something in this session */
	gint64 deadline_ms;
	/* "i/name" or "r/name": contents that we do not take, of the offer (removed with our accept), or added later. */
	GPtrArray *refused, *rejected;
};

/* Queues <jingle/> of M (whose sid is filled in); returns the tag. */
guint session_send(struct jingle_session *s, struct jingle_msg *m);
/* Queues M with our content and SLOTS in it. */
guint session_send_content(struct jingle_session *s, enum jingle_action action, struct elem *description,
			   struct elem *transport);
void  session_event(struct jingle_session *s, enum jingle_event event);
/* ENDED, once. REASON as sent or received. */
void  session_over(struct jingle_session *s, enum jc_err err, enum jingle_reason reason, const char *text,
		   gboolean by_peer);
/* Sends a session-terminate that says ERR and is over. */
void  session_fail(struct jingle_session *s, enum jc_err err, const char *text);
/* ---- session_plugs.c ---- */
/* The first application, and the first transport, that D or T belongs to; FALSE: none. */
gboolean session_use_app(struct jingle_session *s, const struct elem *d);
gboolean session_use_transport(struct jingle_session *s, const struct elem *t);
gboolean session_is_app(const struct jingle_session *s, const struct elem *d);		/* of the one in force */
gboolean session_is_transport(const struct jingle_session *s, const struct elem *t);
void     session_write_keying(struct jingle_session *s, enum jingle_action a, struct elem *d, struct elem *t);
enum jc_err session_read_keying(struct jingle_session *s, enum jingle_action a, const struct elem *d, const struct elem *t);
/* Is there a condition of ours in it, or one in force already? If not, nothing else matters: JC_SECURITY, with words. */
enum jc_err session_need_keying(struct jingle_session *s, const struct elem *d, const struct elem *t);
void     session_explain(struct jingle_session *s, const char *why);		/* NULL: no words */
void     session_replace_answered(struct jingle_session *s, enum iq_cond cond);
enum iq_cond session_replace_asked(struct jingle_session *s, const struct jingle_content *c);
enum iq_cond session_replace_taken(struct jingle_session *s, const struct jingle_content *c);
enum iq_cond session_replace_refused(struct jingle_session *s);

/* Sends a content-modify when the user's wish differs from what is agreed and no other is outstanding. */
void  session_modify(struct jingle_session *s);

#endif
