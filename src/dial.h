/* dial.h - calling someone: XEP-0353 to all devices of a bare JID, or straight to a full JID; one call, start to end.
 *
 * Main thread. The owner feeds it the phone's events and learns the outcome once, by done; then dial_free. */
#ifndef JCALL_DIAL_H
#define JCALL_DIAL_H

#include "calllog.h"
#include "talk.h"

struct dial;

struct dial_options {
	const char *callee;		/* bare or full JID; borrowed */
	guint ring_timeout_s;
	struct talk_options talk;
	void (*keep)(void *ctx, const struct call_entry *e);	/* for the list of calls, with the ctx of done, before it */
};

struct dial *dial_new(struct phone *phone, struct ui *ui, const struct dial_options *options,
		      void (*done)(void *ctx, enum jc_err err, const char *text), void *ctx);
void         dial_free(struct dial *d);				/* after done */
void         dial_online(struct dial *d);			/* logged in: calls as soon as the audio ends are there too */
/* TO_US: addressed to this very device. */
void         dial_jmi(struct dial *d, const char *from, const struct jmi_msg *m, gboolean ours, gboolean to_us);
/* A session-initiate that belongs to no call: the callee's own crosses ours, all others find us busy. Answers IQ. */
void         dial_offer(struct dial *d, struct iq *iq, const struct jingle_msg *m);
/* The message MESSAGE_ID came back as an error from FROM, who may be anybody. */
void         dial_bounced(struct dial *d, const char *from, const char *message_id, const char *condition);
/* A device of somebody is online. The callee's one that messages to his bare JID do not reach is proposed to by itself. */
void         dial_here(struct dial *d, const char *full_jid, int priority);
void         dial_spoilt(struct dial *d, const char *from);	/* an offer of FROM's was refused: it was malformed */
void         dial_gone(struct dial *d, const char *full_jid);
void         dial_hangup(struct dial *d, enum jc_err err, const char *text);	/* JC_OK: by the user; before the answer that
									 * is JC_CANCELLED */
void         dial_key(struct dial *d, int c);
void         dial_mute(struct dial *d, gboolean muted);
/* What is asked of the call. Adds to REPLY; FALSE with JC_REFUSED. */
gboolean     dial_request(struct dial *d, const struct request *r, struct fields *reply, GError **error);
gboolean     dial_is_talking(const struct dial *d);		/* both sides have accepted */

#endif
