/* incoming.h - one call of somebody who calls us, from the first ring to its end: asking, taking, XEP-0353 as the one called.
 * Main thread. Which stanza is for which call, and who may ring at all, is answer.c's. */
#ifndef JCALL_INCOMING_H
#define JCALL_INCOMING_H

#include "answer.h"
#include "script/client.h"

struct incoming;

struct incoming_env {			/* borrowed, but for itself, which is copied */
	struct phone *phone;
	struct ui *ui;
	const struct answer_options *options;
	struct request_handler handler;		/* for the command of the call */
	void (*keep)(void *ctx, const struct call_entry *e, gboolean over);	/* as in answer_options */
	/* All of it is over; the last event. incoming_free is the next thing to do. PEER and TEXT are clean. */
	void (*over)(void *ctx, struct incoming *c, const char *peer, enum jc_err err, const char *text);
	void *ctx;
};

/* PEER (full JID) proposes call ID; NUMBER: its own in this process. */
struct incoming *incoming_propose(const struct incoming_env *env, guint number, const char *peer, const char *id);
/* PEER offers a session without proposing; answers IQ. */
struct incoming *incoming_offer(const struct incoming_env *env, guint number, struct iq *iq, const struct jingle_msg *m);
void             incoming_free(struct incoming *c);

/* Any JMI message but a proposal. */
void     incoming_jmi(struct incoming *c, const char *from, const struct jmi_msg *m, gboolean ours);
/* The offer of a call that was taken by JMI? Then IQ is answered. */
/* FROM has made an offer that was refused. A call of FROM's that was taken, and waits for its offer, is over then. */
void     incoming_spoilt(struct incoming *c, const char *from);
gboolean incoming_follow_up(struct incoming *c, struct iq *iq, const struct jingle_msg *m);
void     incoming_bounced(struct incoming *c, const char *from, const char *message_id);
void     incoming_blocked(struct incoming *c);			/* the block list has changed: it rings on, or does not */
void     incoming_gone(struct incoming *c, const char *full_jid);
gboolean incoming_is(const struct incoming *c, const char *peer, const char *id);	/* the same proposal once more? */
/* FROM goes on from another device of his with call ID: this call follows. FALSE: it is no such call. */
gboolean incoming_migrate(struct incoming *c, const char *id, const char *from);
/* The same for a call with a command, whose process does not go on with another caller: this call ends, and the new one is to be
 * taken as a call of its own. */
gboolean incoming_displace(struct incoming *c, const char *id, const char *from);
gboolean incoming_was_displaced(const struct incoming *c);

gboolean incoming_is_ringing(const struct incoming *c);		/* our user has not decided yet */
/* Was the caller a stranger when the call came, and has the call not been taken? Also while it is ending. */
gboolean incoming_is_from_stranger(const struct incoming *c);
void     incoming_take(struct incoming *c);
void     incoming_end(struct incoming *c);			/* declines, or hangs up */
/* The same without our user's wish: to a stranger who rings that is as if nobody had heard it. */
void     incoming_leave(struct incoming *c);
struct talk *incoming_talk(const struct incoming *c);
guint    incoming_number(const struct incoming *c);
void     incoming_status(const struct incoming *c, struct fields *out);

#endif
