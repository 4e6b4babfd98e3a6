/* answer.h - being called: who may ring, and which stanza is for which call (incoming.h). So many calls at once as the
 * options say; whoever else calls finds us busy.
 *
 * Main thread. With auto_accept only callers on the list are taken, and nobody else rings. Without it whoever calls rings, and
 * the user decides. Strangers (standing.h) ring by a proposal only (XEP-0353), are told nothing until the user has taken the
 * call (rule R8), ring one at a time and not too often (strangers.h), and make way for everybody else's calls. */
#ifndef JCALL_ANSWER_H
#define JCALL_ANSWER_H

#include "calllog.h"
#include "talk.h"

struct answer;

struct answer_options {
	gboolean auto_accept, allow_contacts;
	gboolean ignore_strangers;	/* they do not even ring */
	const GPtrArray *allow;		/* char *: bare JIDs and domains; borrowed */
	guint ring_timeout_s;
	gboolean migrate;		/* another call of one who talks with us goes on with that call (XEP-0353) */
	guint max_calls;		/* 1..CONFIG_MAX_CALLS */
	char *const *exec;		/* the command of each call, which has its sound; NULL: none. Borrowed */
	struct talk_options talk;
	/* For the list of calls, with the ctx of done: a call that we deal with, and, when it is OVER, what became of it. */
	void (*keep)(void *ctx, const struct call_entry *e, gboolean over);
};

/* DONE: a call is over; it is not counted any more. */
struct answer *answer_new(struct phone *phone, struct ui *ui, const struct answer_options *options,
			  void (*done)(void *ctx, const char *peer, enum jc_err err, const char *text), void *ctx);
void           answer_free(struct answer *a);		/* when idle only, and after the phone */
void           answer_jmi(struct answer *a, const struct elem *message, const char *from, const struct jmi_msg *m,
			  gboolean ours);
void           answer_offer(struct answer *a, struct iq *iq, const struct jingle_msg *m);
/* The message MESSAGE_ID came back as an error from FROM, who may be anybody. */
void           answer_spoilt(struct answer *a, const char *from);	/* an offer of FROM's was refused: it was malformed */
void           answer_bounced(struct answer *a, const char *from, const char *message_id);
void           answer_blocked(struct answer *a);	/* the block list has changed: whoever is on it does not ring any more */
void           answer_gone(struct answer *a, const char *full_jid);
void           answer_key(struct answer *a, int c);	/* for the call that rings, or the one taken last */
/* Ends what is there: declines, hangs up. FALSE: nothing was. */
gboolean       answer_hangup(struct answer *a);
/* The same for a process that is told to end: a stranger who rings hears nothing of it. */
gboolean       answer_leave(struct answer *a);
void           answer_mute(struct answer *a, gboolean muted);	/* in all calls */
gboolean       answer_is_idle(const struct answer *a);
/* What is asked of a call or of all. Adds to REPLY; FALSE with JC_REFUSED. */
gboolean       answer_request(struct answer *a, const struct request *r, struct fields *reply, GError **error);

#endif
