#include <string.h>

#include "../text.h"
#include "jmi.h"

enum call_state { CALL_NEW, CALL_OPEN, CALL_PROCEEDED, CALL_OVER };

struct jmi_call {
	char *id, *us, *callee;
	gint64 fallback_ms, ring_timeout_ms, fallback_at, timeout_at;
	enum call_state state;
	gboolean ringing;
	GQueue out;			/* struct jmi_out *, strings owned */
	struct jmi_out *taken;
};

static void out_free(gpointer data)
{
	struct jmi_out *out = data;

	if (!out)
		return;
	elem_free(out->message);
	g_free((char *)out->peer);
	g_free((char *)out->text);
	g_free(out);
}

struct jmi_call *jmi_call_new(const char *id, const char *our_full_jid, const char *callee_bare, gint64 fallback_ms,
			      gint64 ring_timeout_ms)
{
	struct jmi_call *c = g_new0(struct jmi_call, 1);

	c->id = g_strdup(id);
	c->us = g_strdup(our_full_jid);
	c->callee = g_strdup(callee_bare);
	c->fallback_ms = fallback_ms;
	c->ring_timeout_ms = ring_timeout_ms;
	c->fallback_at = c->timeout_at = G_MAXINT64;
	g_queue_init(&c->out);
	return c;
}

void jmi_call_free(struct jmi_call *c)
{
	if (!c)
		return;
	out_free(c->taken);
	g_queue_clear_full(&c->out, out_free);
	g_free(c->id);
	g_free(c->us);
	g_free(c->callee);
	g_free(c);
}

static void send(struct jmi_call *c, struct elem *message)
{
	struct jmi_out *out = g_new0(struct jmi_out, 1);

	out->kind = JMI_OUT_SEND;
	out->message = message;
	g_queue_push_tail(&c->out, out);
}

static void event(struct jmi_call *c, enum jmi_call_event ev, enum jc_err err, const char *peer, const char *text)
{
	struct jmi_out *out = g_new0(struct jmi_out, 1);

	out->kind = JMI_OUT_EVENT;
	out->event = ev;
	out->err = err;
	out->peer = g_strdup(peer);
	out->text = text ? g_strndup(text, 500) : NULL;
	g_queue_push_tail(&c->out, out);
}

static void over(struct jmi_call *c)
{
	c->state = CALL_OVER;
	c->fallback_at = c->timeout_at = G_MAXINT64;
}

void jmi_call_start(struct jmi_call *c, gint64 now_ms)
{
	if (c->state != CALL_NEW)
		return;
	c->state = CALL_OPEN;
	c->fallback_at = c->fallback_ms == G_MAXINT64 ? G_MAXINT64 : now_ms + c->fallback_ms;
	c->timeout_at = now_ms + c->ring_timeout_ms;
	send(c, jmi_write(JMI_PROPOSE, c->callee, c->id, REASON_NONE, NULL));
}

/* One device has ended it for all. "cancel" and "success" are no words of a callee; he who uses them does not want the
 * call. Of a crossing call in which ours lost, the callee is busy with his own. */
static void on_end(struct jmi_call *c, const struct jmi_msg *m)
{
	enum jc_err err = m->reason == REASON_CANCEL ? JC_DECLINED : jingle_outcome(m->reason, FALSE);

	over(c);
	if (m->tie_break)
		event(c, JMI_CALL_ENDED, JC_BUSY, NULL, "is calling you at this very moment");
	else
		event(c, JMI_CALL_ENDED, err, NULL, m->text);
}

static void on_proceed(struct jmi_call *c, const char *from)
{
	if (!jid_resource(from))
		return;			/* nobody there to send a session-initiate to */
	c->state = CALL_PROCEEDED;
	c->fallback_at = c->timeout_at = G_MAXINT64;
	event(c, JMI_CALL_PROCEED, JC_OK, from, NULL);
}

gboolean jmi_call_recv(struct jmi_call *c, const char *from, const struct jmi_msg *m, gint64 now_ms)
{
	if (strcmp(m->id, c->id) != 0 || !jid_same_bare(from, c->callee) || strcmp(from, c->us) == 0)
		return FALSE;		/* who calls another device of his own account hears himself */
	if (c->state != CALL_OPEN)
		return TRUE;		/* the first device that takes it has it */
	switch (m->kind) {
	case JMI_RINGING:
		c->fallback_at = G_MAXINT64;
		if (!c->ringing)
			event(c, JMI_CALL_RINGING, JC_OK, from, NULL);
		c->ringing = TRUE;
		break;
	case JMI_PROCEED:
		on_proceed(c, from);
		break;
	case JMI_REJECT:
	case JMI_FINISH:
	case JMI_RETRACT:
		on_end(c, m);
		break;
	default:
		break;
	}
	return TRUE;
}

gboolean jmi_call_is_propose(const struct jmi_call *c, const char *message_id)
{
	g_autofree char *ours = g_strdup_printf("jm-propose-%s", c->id);

	return strcmp(message_id, ours) == 0;
}

void jmi_call_bounced(struct jmi_call *c, const char *message_id, const char *condition, gint64 now_ms)
{
	if (c->state != CALL_OPEN || !jmi_call_is_propose(c, message_id) || c->ringing)
		return;			/* one device that does not understand does not speak for one that rings */
	over(c);
	event(c, JMI_CALL_ENDED, JC_UNAVAILABLE, NULL, condition);
}

void jmi_call_retract(struct jmi_call *c, enum jc_err err, gint64 now_ms)
{
	if (c->state != CALL_OPEN)
		return;
	over(c);
	send(c, jmi_write(JMI_RETRACT, c->callee, c->id, REASON_CANCEL, NULL));
	event(c, JMI_CALL_ENDED, err, NULL, NULL);
}

void jmi_call_tell(struct jmi_call *c, const char *full_jid)
{
	if (c->state == CALL_OPEN)
		send(c, jmi_write(JMI_PROPOSE, full_jid, c->id, REASON_NONE, NULL));
}

static struct elem *tie_message(enum jmi_kind kind, const char *to, const char *id)
{
	struct elem *message = jmi_write(kind, to, id, REASON_EXPIRED, "Tie-Break");

	elem_add((struct elem *)elem_child(message, NULL, NS_JMI), "tie-break", NULL);
	return message;
}

gboolean jmi_call_tie(struct jmi_call *c, const char *their_id, const char *from, gint64 now_ms)
{
	int order = strcmp(c->id, their_id);	/* i;octet (RFC 4790 9.3) */

	if (strcmp(from, c->us) == 0)		/* our own proposal, come back */
		return TRUE;
	if (order == 0)
		order = strcmp(c->us, from);
	if (c->state == CALL_PROCEEDED) {	/* no tie any more: he has taken ours */
		send(c, jmi_write(JMI_REJECT, from, their_id, REASON_BUSY, NULL));
		return TRUE;
	}
	if (c->state != CALL_OPEN)
		return FALSE;
	if (order < 0) {
		send(c, tie_message(JMI_REJECT, from, their_id));
		return TRUE;
	}
	over(c);
	send(c, tie_message(JMI_RETRACT, c->callee, c->id));
	event(c, JMI_CALL_TIE_LOST, JC_OK, from, NULL);
	return FALSE;
}

gboolean jmi_call_next(struct jmi_call *c, struct jmi_out *out)
{
	struct jmi_out *next = g_queue_pop_head(&c->out);

	out_free(c->taken);
	c->taken = next;
	if (!next)
		return FALSE;
	*out = *next;
	next->message = NULL;		/* taken */
	return TRUE;
}

gint64 jmi_call_deadline(const struct jmi_call *c)
{
	return MIN(c->fallback_at, c->timeout_at);
}

void jmi_call_expire(struct jmi_call *c, gint64 now_ms)
{
	if (now_ms >= c->timeout_at) {
		jmi_call_retract(c, JC_NO_ANSWER, now_ms);
	} else if (now_ms >= c->fallback_at) {
		c->fallback_at = G_MAXINT64;
		event(c, JMI_CALL_FALLBACK, JC_OK, NULL, NULL);
	}
}

gboolean jmi_call_ringing(const struct jmi_call *c)
{
	return c->ringing;
}
