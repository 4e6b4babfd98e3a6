/* dial_priv.h - the inside of a dial: dial.c calls; dial_find.c knows what the callee's devices can do; dial_cross.c is about the callee's own calls meanwhile - both call each other
 * (XEP-0166 and XEP-0353 "Tie Breaking"), or the call that is up goes on with another of his devices (XEP-0353 "Existing
 * session"). Main thread. */
#ifndef JCALL_DIAL_PRIV_H
#define JCALL_DIAL_PRIV_H

#include "dial.h"

struct dial {
	struct phone *phone;
	struct ui *ui;
	struct dial_options options;
	void (*done)(void *ctx, enum jc_err err, const char *text);
	void *ctx;
	struct talk *talk;
	struct jmi_call *jmi;		/* the open proposal; NULL: none */
	char *sid, *bare, *shown;
	char *proceeded;		/* the full JID that took the proposal, or whose we took: it is owed a <finish/> */
	gboolean crossed;		/* it is the callee's own call that goes on (XEP-0166 and XEP-0353 "Tie Breaking") */
	guint timer, ring_timer, bounce_timer, unsafe_timer, ask_timer, disco_handle;
	unsigned asked;			/* so many devices ahead of their answer */
	char *bounced_id, *bounced_with;
	char *next_id, *next_from;	/* the session as which the call goes on, from another device of his */
	GPtrArray *told;		/* char *: full JIDs that got the proposal by themselves */
	unsigned redirections;
	gint64 began_s, accepted_ms;	/* accepted_ms 0: not */
	gboolean online, begun, told_ringing, falling_back;
};

/* ---- dial.c ---- */
void     dial_pump(struct dial *d);			/* sends what the proposal has to say */
void     dial_close_proposal(struct dial *d);
gboolean dial_on_ring_timeout(gpointer data);		/* nobody has taken the call, or gone on with it */
void     dial_end(struct dial *d, enum jc_err err, const char *text);

/* ---- dial_find.c: disco, then session-initiate ---- */
void     dial_full_jid(struct dial *d);			/* the callee is one device: can it be called? */
void     dial_look_for_other(struct dial *d);		/* nobody reacts to the proposal: one that does not know what that is? */
void     dial_offer_to(struct dial *d, const char *sid, const char *full_jid);
void     dial_ask_ahead(struct dial *d, const char *full_jid);	/* while it rings there is time to ask what it can do */
void     dial_offer_informed(struct dial *d);		/* to d->proceeded, once that is known or has taken too long */

/* ---- dial_cross.c; dial_offer is there, too ---- */
void     dial_cross_proposal(struct dial *d, const char *from, const struct jmi_msg *m);	/* the callee's */
void     dial_cross_refuse(struct dial *d, const char *from, const char *id);			/* anybody else's */
void     dial_cross_moved(void *self);			/* the event of the talk */

#endif
