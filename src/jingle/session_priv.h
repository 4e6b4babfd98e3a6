/* session_priv.h - the inside of a Jingle session, shared by session.c (what we do) and session_recv.c (what the peer does). */
#ifndef JCALL_JINGLE_SESSION_PRIV_H
#define JCALL_JINGLE_SESSION_PRIV_H

#include "session.h"

enum tag_kind { TAG_OTHER, TAG_INITIATE, TAG_ACCEPT, TAG_MODIFY };

struct jingle_session {
	char *sid, *us, *peer;
	gboolean initiator;
	enum jingle_state state;
	struct jingle_plugs plugs;
	char *name;				/* of our one content */
	enum jingle_creator creator;
	enum jingle_senders senders, wanted_senders;
	GQueue out;				/* struct jingle_out *, text owned */
	struct jingle_out *taken;		/* the last one taken out: its text lives until the next call */
	guint last_tag, initiate_tag, accept_tag, modify_tag;	/* 0: none outstanding */
	gboolean offered;			/* the session-initiate is out, or was received */
	gboolean accept_sent, ringing_told;
	gint64 deadline_ms;
	GPtrArray *refused;			/* "creator/name" of contents of the offer that we do not take */
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
/* Sends a session-terminate with the reason of ERR and is over. */
void  session_fail(struct jingle_session *s, enum jc_err err, const char *text);

#endif
