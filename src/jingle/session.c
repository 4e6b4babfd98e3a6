#include "session.h"

#include <string.h>

#include "session_priv.h"

enum { MAX_TEXT = 500 };	/* bytes of a peer's free words that are kept */

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
	s->initiator = s->bundled = initiator;
	s->plugs = *plugs;
	s->app = plugs->apps[0];
	s->how = plugs->transports[0];
	s->tried = initiator ? 1 : 0;
	s->deadline_ms = s->replace_by_ms = G_MAXINT64;
	s->refused = g_ptr_array_new_with_free_func(g_free);
	s->rejected = g_ptr_array_new_with_free_func(g_free);
	g_queue_init(&s->out);
	return s;
}

struct jingle_session *jingle_dial(const char *sid, const char *us, const char *peer, const struct jingle_plugs *plugs)
{
	struct jingle_session *s = new_session(sid, us, peer, TRUE, plugs);

	s->name = g_strdup(s->app.plug->name);
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
	g_ptr_array_unref(s->rejected);
	g_free(s->name);
	g_free(s->why);
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
	c->bundled = c->senders_given && s->bundled;
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

/* Cut between characters, if characters they are. */
static char *cut(const char *text)
{
	size_t len = strlen(text);
	const char *end = text + MAX_TEXT;

	if (len <= MAX_TEXT)
		return g_strdup(text);
	while (end > text + MAX_TEXT - 4 && (*end & 0xc0) == 0x80)
		end--;
	return g_strndup(text, (gsize)(end - text));
}

void session_over(struct jingle_session *s, enum jc_err err, enum jingle_reason reason, const char *text,
		  gboolean by_peer)
{
	struct jingle_out *out;

	if (s->state == JINGLE_ENDED)
		return;
	s->state = JINGLE_ENDED;
	s->deadline_ms = s->replace_by_ms = G_MAXINT64;
	session_event(s, JINGLE_EV_ENDED);
	out = g_queue_peek_tail(&s->out);
	out->err = err;
	out->reason = reason;
	out->text = text ? cut(text) : NULL;
	out->by_peer = by_peer;
}

/* What ERR means depends on who says it when: XEP-0166 "Reason Element", cancel is the initiator's word before the accept,
 * decline the responder's; after it all that is no failure is success. */
static enum jingle_reason parting_reason(const struct jingle_session *s, enum jc_err err)
{
	enum jingle_reason of_err = jingle_reason_of(err);

	switch (err) {
	case JC_OK:
	case JC_CANCELLED:
	case JC_DECLINED:
	case JC_BUSY:
	case JC_ELSEWHERE:
	case JC_MOVED:
	case JC_READER_GONE:		/* whoever listens here has hung up */
		if (s->state == JINGLE_ACTIVE)
			return REASON_SUCCESS;
		if (s->initiator)
			return REASON_CANCEL;
		return of_err == REASON_SUCCESS || err == JC_CANCELLED ? REASON_DECLINE : of_err;
	case JC_AUDIO_DEVICE:		/* what never began has failed to be set up, XEP-0166 "Termination" */
	case JC_FILE:
		return s->state == JINGLE_PENDING ? REASON_FAILED_APPLICATION : of_err;
	case JC_UNAVAILABLE:		/* err.def: "gone" are we, but here it is the peer who did not answer */
		return s->initiator && s->state == JINGLE_PENDING ? REASON_TIMEOUT : of_err;
	default:			/* outcomes without a reason are of our own server: we are leaving */
		return of_err == REASON_NONE ? REASON_GONE : of_err;
	}
}

/* Our words stay here: they may tell of this machine. */
void session_fail(struct jingle_session *s, enum jc_err err, const char *text)
{
	struct jingle_msg m = {.action = JINGLE_SESSION_TERMINATE};

	if (s->state == JINGLE_ENDED)
		return;
	m.reason = parting_reason(s, err);
	if (m.reason == REASON_SECURITY_ERROR && s->flaw) {
		m.reason_detail = s->flaw;
		m.reason_detail_ns = s->app.plug->errors_ns;
	}
	if (s->offered)
		session_send(s, &m);
	session_over(s, err, m.reason, text ? text : s->why, FALSE);
}

void session_explain(struct jingle_session *s, const char *why)
{
	g_free(s->why);
	s->why = g_strdup(why);
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
	description = s->app.plug->offer(s->app.self);
	transport = s->how.plug->write(s->how.self, JINGLE_SESSION_INITIATE);
	session_write_keying(s, JINGLE_SESSION_INITIATE, description, transport);
	s->initiate_tag = session_send_content(s, JINGLE_SESSION_INITIATE, description, transport);
	s->offered = TRUE;
	s->deadline_ms = now_ms + JINGLE_ANSWER_MS;
	jingle_trickle(s, now_ms);
}

void jingle_proven(struct jingle_session *s)
{
	s->proven = TRUE;
}

void jingle_ring(struct jingle_session *s, gint64 now_ms)
{
	const char *ns = s->app.plug->ringing_ns;

	if (!ns || s->initiator || s->state != JINGLE_PENDING || !s->offered || s->ringing_told)
		return;
	s->ringing_told = TRUE;
	jingle_info(s, elem_new("ringing", ns), now_ms);
}

/* Contents of the offer that we do not take are left out of the accept, and removed one by one after it: the text does not
 * say what leaving out means, but allows removal at any time. Dino goes on without a video left out, refuses the removal
 * (an error that harms nobody) and reads one content per message. Conversations ends a video call that is answered with
 * audio only whatever follows, so nothing is lost there. */
static void remove_refused(struct jingle_session *s)
{
	for (guint i = 0; i < s->refused->len; i++) {
		const char *key = s->refused->pdata[i];
		struct jingle_msg m = {.action = JINGLE_CONTENT_REMOVE, .ncontents = 1};

		m.contents[0].creator = key[0] == 'r' ? CREATOR_RESPONDER : CREATOR_INITIATOR;
		m.contents[0].name = key + 2;
		session_send(s, &m);
	}
}

void jingle_accept(struct jingle_session *s, gint64 now_ms)
{
	struct elem *description, *transport;

	if (s->initiator || s->state != JINGLE_PENDING || !s->offered)
		return;
	description = s->app.plug->reply(s->app.self);
	transport = s->how.plug->write(s->how.self, JINGLE_SESSION_ACCEPT);
	session_write_keying(s, JINGLE_SESSION_ACCEPT, description, transport);
	s->accept_tag = session_send_content(s, JINGLE_SESSION_ACCEPT, description, transport);
	s->accept_sent = TRUE;
	s->state = JINGLE_ACTIVE;
	s->wanted_senders = s->senders;
	remove_refused(s);
	session_event(s, JINGLE_EV_ACCEPTED);
	if (s->senders != SENDERS_BOTH)
		session_event(s, JINGLE_EV_CHANGED);
	jingle_trickle(s, now_ms);
}

/* Candidates may follow the offer at once, without waiting for its acknowledgement; the responder's come after its accept,
 * so that no address of ours is revealed before the user accepts. */
void jingle_trickle(struct jingle_session *s, gint64 now_ms)
{
	struct elem *transport;
	guint tag;

	if (s->state == JINGLE_ENDED || !s->offered || (!s->initiator && !s->accept_sent))
		return;
	while ((transport = s->how.plug->write(s->how.self, JINGLE_TRANSPORT_INFO)) != NULL) {
		tag = session_send_content(s, JINGLE_TRANSPORT_INFO, NULL, transport);
		if (s->how.plug->asks && s->how.plug->asks(s->how.self))
			s->anew_tag = tag;
	}
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

void jingle_info_of_content(struct jingle_session *s, struct elem *payload, gint64 now_ms)
{
	elem_set(payload, "creator", s->creator == CREATOR_INITIATOR ? "initiator" : "responder");
	elem_set(payload, "name", s->name);
	jingle_info(s, payload, now_ms);
}

void jingle_ping(struct jingle_session *s, gint64 now_ms)
{
	struct jingle_msg m = {.action = JINGLE_SESSION_INFO};

	if (s->state == JINGLE_ACTIVE && !s->ping_tag)
		s->ping_tag = session_send(s, &m);
}

void session_modify(struct jingle_session *s)
{
	struct jingle_msg m = {.action = JINGLE_CONTENT_MODIFY, .ncontents = 1};

	if (s->modify_tag || s->wanted_senders == s->senders)
		return;
	m.contents[0].name = s->name;
	m.contents[0].creator = s->creator;
	m.contents[0].senders = s->wanted_senders;
	m.contents[0].senders_given = TRUE;
	s->asked_senders = s->wanted_senders;
	s->modify_tag = session_send(s, &m);
}

void jingle_senders(struct jingle_session *s, enum jingle_senders senders, gint64 now_ms)
{
	if (s->state != JINGLE_ACTIVE)
		return;
	s->wanted_senders = senders;
	session_modify(s);
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

/* An error ends the session, with ERR for us. TELL: the peer may still think that there is one. */
static void answered_with(struct jingle_session *s, const char *what, enum iq_cond cond, enum jc_err err, gboolean tell)
{
	g_autofree char *text = g_strdup_printf("the answer to our %s was %s", what, cond_words(cond));
	struct jingle_out *out;

	if (tell)
		session_fail(s, err, text);
	else
		session_over(s, err, REASON_NONE, text, FALSE);
	out = g_queue_peek_tail(&s->out);
	out->cond = cond;
}

/* Without a connection the answer can no longer come, but the offer may have arrived: the owner's limit decides. */
static void initiate_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->initiate_tag = 0;
	s->deadline_ms = G_MAXINT64;
	if (cond == COND_OK)
		session_event(s, JINGLE_EV_DELIVERED);
	else if (cond == COND_TIMEOUT && !s->heard)	/* it may ring there yet */
		session_fail(s, JC_UNAVAILABLE, "its client did not answer");
	else if (cond != COND_TIMEOUT && cond != COND_DISCONNECTED)
		answered_with(s, "offer", cond, outcome_of_refusal(cond), FALSE);
}

static void accept_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->accept_tag = 0;
	switch (cond) {
	case COND_OK:
	case COND_TIMEOUT:		/* see JINGLE_ANSWER_MS */
	case COND_DISCONNECTED:
		break;
	case COND_UNKNOWN_SESSION:	/* the caller has given up, and its session-terminate was lost */
	case COND_ITEM_NOT_FOUND:
		answered_with(s, "accept", cond, s->proven ? JC_LOST : JC_CANCELLED, FALSE);
		break;
	default:
		answered_with(s, "accept", cond, outcome_of_refusal(cond), TRUE);
	}
}

/* Of two content-modify that crossed the initiator's counts, so a refusal is the end of the wish. */
static void modify_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->modify_tag = 0;
	if (cond != COND_OK) {
		if (s->wanted_senders == s->asked_senders)
			s->wanted_senders = s->senders;
	} else if (s->senders != s->asked_senders) {
		s->senders = s->asked_senders;
		session_event(s, JINGLE_EV_CHANGED);
	}
	session_modify(s);
}

static void ping_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->ping_tag = 0;
	if (cond == COND_UNKNOWN_SESSION)
		session_over(s, JC_LOST, REASON_NONE, "the other side no longer knows of the call", FALSE);
}

/* Errors to transport-info and session-info never end a call: Monal answers neither (rule R22). */
void jingle_acked(struct jingle_session *s, guint tag, enum iq_cond cond, gint64 now_ms)
{
	if (s->state == JINGLE_ENDED || tag == 0)
		return;
	if (tag == s->initiate_tag)
		initiate_answered(s, cond);
	else if (tag == s->accept_tag)
		accept_answered(s, cond);
	else if (tag == s->modify_tag)
		modify_answered(s, cond);
	else if (tag == s->ping_tag)
		ping_answered(s, cond);
	else if (tag == s->replace_tag)
		session_replace_answered(s, cond);
	else if (tag == s->anew_tag)		/* refused with tie-break: the peer's own wish is on its way, and ours its answer */
		s->anew_tag = 0;
}

gint64 jingle_deadline(const struct jingle_session *s)
{
	return MIN(s->deadline_ms, s->replace_by_ms);
}

void jingle_expire(struct jingle_session *s, gint64 now_ms)
{
	if (now_ms >= s->deadline_ms)
		session_fail(s, JC_UNAVAILABLE, "its client did not answer");
	else if (now_ms >= s->replace_by_ms)
		session_fail(s, JC_FAILED_TRANSPORT, "its client did not answer the wish for another transport");
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

gboolean jingle_offer_waits(const struct jingle_session *s, guint tag)
{
	return s->state == JINGLE_PENDING && tag != 0 && tag == s->initiate_tag;
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
