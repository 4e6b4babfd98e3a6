#include "session.h"

#include <string.h>

#include "session_priv.h"

enum { ANSWER_LIMIT_MS = 20000, MAX_TEXT = 500 };

static void out_free(gpointer data)
{
	struct jingle_out *out = data;

	if (!out)
		return;
	elem_free(out->jingle);
	g_free((char *)out->text);
	g_free(out);
}

static struct jingle_session *new_session(const char *sid, const char *us, const char *peer, gboolean initiator,
					  const struct jingle_plugs *plugs)
{
	struct jingle_session *s = g_new0(struct jingle_session, 1);

	s->sid = g_strdup(sid);
	s->us = g_strdup(us);
	s->peer = g_strdup(peer);
	s->initiator = initiator;
	s->plugs = *plugs;
	s->deadline_ms = G_MAXINT64;
	s->refused = g_ptr_array_new_with_free_func(g_free);
	g_queue_init(&s->out);
	return s;
}

struct jingle_session *jingle_dial(const char *sid, const char *us, const char *peer, const struct jingle_plugs *plugs)
{
	struct jingle_session *s = new_session(sid, us, peer, TRUE, plugs);

	s->name = g_strdup("audio");		/* rule R17: at most 16 characters, no spaces */
	return s;
}

struct jingle_session *jingle_incoming(const char *sid, const char *us, const char *peer,
				       const struct jingle_plugs *plugs)
{
	return new_session(sid, us, peer, FALSE, plugs);
}

void jingle_free(struct jingle_session *s)
{
	if (!s)
		return;
	out_free(s->taken);
	g_queue_clear_full(&s->out, out_free);
	g_ptr_array_unref(s->refused);
	g_free(s->name);
	g_free(s->sid);
	g_free(s->us);
	g_free(s->peer);
	g_free(s);
}

/* ---- outputs ---- */

guint session_send(struct jingle_session *s, struct jingle_msg *m)
{
	struct jingle_out *out = g_new0(struct jingle_out, 1);

	m->sid = s->sid;
	out->kind = JINGLE_OUT_SEND;
	out->jingle = jingle_msg_write(m);
	out->tag = ++s->last_tag;
	g_queue_push_tail(&s->out, out);
	return out->tag;
}

guint session_send_content(struct jingle_session *s, enum jingle_action action, struct elem *description,
			   struct elem *transport)
{
	struct jingle_msg m = {.action = action, .ncontents = 1};
	struct jingle_content *c = &m.contents[0];

	c->name = s->name;
	c->creator = s->creator;
	c->senders = s->senders;
	c->senders_given = action == JINGLE_SESSION_INITIATE || action == JINGLE_SESSION_ACCEPT;
	c->description = description;
	c->transport = transport;
	if (action == JINGLE_SESSION_INITIATE)
		m.initiator = s->us;
	if (action == JINGLE_SESSION_ACCEPT)
		m.responder = s->us;
	return session_send(s, &m);
}

void session_event(struct jingle_session *s, enum jingle_event event)
{
	struct jingle_out *out = g_new0(struct jingle_out, 1);

	out->kind = JINGLE_OUT_EVENT;
	out->event = event;
	g_queue_push_tail(&s->out, out);
}

void session_over(struct jingle_session *s, enum jc_err err, enum jingle_reason reason, const char *text,
		  gboolean by_peer)
{
	struct jingle_out *out;

	if (s->state == JINGLE_ENDED)
		return;
	s->state = JINGLE_ENDED;
	s->deadline_ms = G_MAXINT64;
	session_event(s, JINGLE_EV_ENDED);
	out = g_queue_peek_tail(&s->out);
	out->err = err;
	out->reason = reason;
	out->text = text ? g_strndup(text, MAX_TEXT) : NULL;
	out->by_peer = by_peer;
}

/* Our own words for the peer: why, but nothing about this machine. Only what a person wrote is passed on elsewhere. */
void session_fail(struct jingle_session *s, enum jc_err err, const char *text)
{
	struct jingle_msg m = {.action = JINGLE_SESSION_TERMINATE, .reason = jingle_reason_of(err)};

	if (s->state == JINGLE_ENDED)
		return;
	if (err == JC_OK && s->state == JINGLE_PENDING)		/* rule R12 */
		m.reason = s->initiator ? REASON_CANCEL : REASON_DECLINE;
	if (s->offered)
		session_send(s, &m);
	session_over(s, err, m.reason, text, FALSE);
}

gboolean jingle_next(struct jingle_session *s, struct jingle_out *out)
{
	struct jingle_out *next = g_queue_pop_head(&s->out);

	out_free(s->taken);
	s->taken = next;
	if (!next)
		return FALSE;
	*out = *next;
	next->jingle = NULL;			/* taken */
	return TRUE;
}

/* ---- what we do ---- */

void jingle_start(struct jingle_session *s, gint64 now_ms)
{
	struct elem *description, *transport;

	if (!s->initiator || s->offered || s->state != JINGLE_PENDING)
		return;
	description = s->plugs.app->offer(s->plugs.app_self);
	transport = s->plugs.transport->write(s->plugs.transport_self, JINGLE_SESSION_INITIATE);
	s->plugs.keying->write(s->plugs.keying_self, JINGLE_SESSION_INITIATE, description, transport);
	s->initiate_tag = session_send_content(s, JINGLE_SESSION_INITIATE, description, transport);
	s->offered = TRUE;
	s->deadline_ms = now_ms + ANSWER_LIMIT_MS;
	jingle_trickle(s, now_ms);
}

void jingle_ring(struct jingle_session *s, gint64 now_ms)
{
	if (s->initiator || s->state != JINGLE_PENDING || !s->offered || s->ringing_told)
		return;
	s->ringing_told = TRUE;
	jingle_info(s, elem_new("ringing", NS_RTP_INFO), now_ms);
}

/* Contents of the offer that we do not take are removed one by one after the accept: an accept that leaves one out means
 * the same, but not every client reads it so (XEP-0166 "content-remove"). */
static void remove_refused(struct jingle_session *s)
{
	for (guint i = 0; i < s->refused->len; i++) {
		const char *key = s->refused->pdata[i];
		struct jingle_msg m = {.action = JINGLE_CONTENT_REMOVE, .ncontents = 1};

		m.contents[0].creator = key[0] == 'r' ? CREATOR_RESPONDER : CREATOR_INITIATOR;
		m.contents[0].name = key + 2;
		session_send(s, &m);
	}
	g_ptr_array_set_size(s->refused, 0);
}

void jingle_accept(struct jingle_session *s, gint64 now_ms)
{
	struct elem *description, *transport;

	if (s->initiator || s->state != JINGLE_PENDING || !s->offered)
		return;
	description = s->plugs.app->reply(s->plugs.app_self);
	transport = s->plugs.transport->write(s->plugs.transport_self, JINGLE_SESSION_ACCEPT);
	s->plugs.keying->write(s->plugs.keying_self, JINGLE_SESSION_ACCEPT, description, transport);
	s->accept_tag = session_send_content(s, JINGLE_SESSION_ACCEPT, description, transport);
	s->accept_sent = TRUE;
	s->state = JINGLE_ACTIVE;
	s->deadline_ms = now_ms + ANSWER_LIMIT_MS;
	remove_refused(s);
	session_event(s, JINGLE_EV_ACCEPTED);
	jingle_trickle(s, now_ms);
}

/* Candidates may follow the offer at once, without waiting for its acknowledgement; the responder's come after its accept,
 * so that no address of ours is revealed before the user accepts. */
void jingle_trickle(struct jingle_session *s, gint64 now_ms)
{
	struct elem *transport;

	if (s->state == JINGLE_ENDED || !s->offered || (!s->initiator && !s->accept_sent))
		return;
	while ((transport = s->plugs.transport->write(s->plugs.transport_self, JINGLE_TRANSPORT_INFO)) != NULL)
		session_send_content(s, JINGLE_TRANSPORT_INFO, NULL, transport);
}

void jingle_info(struct jingle_session *s, struct elem *payload, gint64 now_ms)
{
	struct jingle_msg m = {.action = JINGLE_SESSION_INFO, .info = payload};

	if (s->state == JINGLE_ENDED || !s->offered) {
		elem_free(payload);
		return;
	}
	session_send(s, &m);
}

void jingle_senders(struct jingle_session *s, enum jingle_senders senders, gint64 now_ms)
{
	struct jingle_msg m = {.action = JINGLE_CONTENT_MODIFY, .ncontents = 1};

	if (s->state != JINGLE_ACTIVE || s->modify_tag || senders == s->senders)
		return;
	m.contents[0].name = s->name;
	m.contents[0].creator = s->creator;
	m.contents[0].senders = senders;
	m.contents[0].senders_given = TRUE;
	s->wanted_senders = senders;
	s->modify_tag = session_send(s, &m);
}

void jingle_end(struct jingle_session *s, enum jc_err err, const char *text, gint64 now_ms)
{
	session_fail(s, err, text);
}

/* ---- answers to our IQs ---- */

static enum jc_err outcome_of_refusal(enum iq_cond cond)
{
	switch (cond) {
	case COND_RESOURCE_CONSTRAINT:
		return JC_BUSY;
	case COND_SECURITY_REQUIRED:
		return JC_SECURITY;
	case COND_BAD_REQUEST:
	case COND_OUT_OF_ORDER:
	case COND_UNEXPECTED_REQUEST:
	case COND_NOT_ACCEPTABLE:
	case COND_UNDEFINED:		/* Chromium with stanza.js: an error without any condition, and nothing after it */
		return JC_PROTOCOL;
	default:
		return JC_UNAVAILABLE;
	}
}

static void initiate_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->initiate_tag = 0;
	if (s->state == JINGLE_PENDING)
		s->deadline_ms = G_MAXINT64;
	if (cond == COND_OK)
		session_event(s, JINGLE_EV_DELIVERED);
	else if (cond != COND_DISCONNECTED)
		session_over(s, outcome_of_refusal(cond), REASON_NONE, cond_words(cond), TRUE);
}

static void accept_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->accept_tag = 0;
	s->deadline_ms = G_MAXINT64;
	if (cond == COND_OK || cond == COND_DISCONNECTED)
		return;
	if (cond == COND_TIMEOUT)
		session_fail(s, JC_LOST, cond_words(cond));
	else
		session_over(s, cond == COND_UNKNOWN_SESSION || cond == COND_ITEM_NOT_FOUND ? JC_NO_ANSWER :
			     outcome_of_refusal(cond), REASON_NONE, cond_words(cond), TRUE);
}

/* Errors to transport-info and session-info never end a call: Monal answers neither (rule R22). */
void jingle_acked(struct jingle_session *s, guint tag, enum iq_cond cond, gint64 now_ms)
{
	if (s->state == JINGLE_ENDED || tag == 0)
		return;
	if (tag == s->initiate_tag) {
		initiate_answered(s, cond);
	} else if (tag == s->accept_tag) {
		accept_answered(s, cond);
	} else if (tag == s->modify_tag) {
		s->modify_tag = 0;
		if (cond == COND_OK) {
			s->senders = s->wanted_senders;
			session_event(s, JINGLE_EV_CHANGED);
		}
	}
}

gint64 jingle_deadline(const struct jingle_session *s)
{
	return s->deadline_ms;
}

void jingle_expire(struct jingle_session *s, gint64 now_ms)
{
	if (now_ms < s->deadline_ms)
		return;
	s->deadline_ms = G_MAXINT64;
	if (s->initiate_tag)
		session_fail(s, JC_UNAVAILABLE, "its client did not answer");
	else if (s->accept_tag)
		session_fail(s, JC_LOST, "its client did not answer");
}

/* ---- questions ---- */

enum jingle_state jingle_state(const struct jingle_session *s)
{
	return s->state;
}

gboolean jingle_is_initiator(const struct jingle_session *s)
{
	return s->initiator;
}

const char *jingle_sid(const struct jingle_session *s)
{
	return s->sid;
}

const char *jingle_peer(const struct jingle_session *s)
{
	return s->peer;
}

enum jingle_senders jingle_current_senders(const struct jingle_session *s)
{
	return s->senders;
}
