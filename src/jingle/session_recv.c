#include <string.h>

#include "session_priv.h"

/* ---- one handler per action; the return is the answer to the IQ, what follows it is queued ---- */

static const struct jingle_content *our_content(const struct jingle_session *s, const struct jingle_msg *m)
{
	for (size_t i = 0; i < m->ncontents; i++) {
		const struct jingle_content *c = &m->contents[i];

		if (s->name && strcmp(c->name, s->name) == 0 && c->creator == s->creator)
			return c;
	}
	return NULL;
}

static char *content_key(const struct jingle_content *c)
{
	return g_strdup_printf("%c/%s", c->creator == CREATOR_RESPONDER ? 'r' : 'i', c->name);
}

static gboolean forget(GPtrArray *keys, const struct jingle_content *c)
{
	g_autofree char *key = content_key(c);
	guint index;

	if (!g_ptr_array_find_with_equal_func(keys, key, g_str_equal, &index))
		return FALSE;
	g_ptr_array_remove_index(keys, index);
	return TRUE;
}

static gboolean is_in(GPtrArray *keys, const struct jingle_content *c)
{
	g_autofree char *key = content_key(c);

	return g_ptr_array_find_with_equal_func(keys, key, g_str_equal, NULL);
}

/* What is said of a content that we do not take is no mistake: the peer may not know yet. */
static enum iq_cond not_of_ours(const struct jingle_session *s, const struct jingle_msg *m)
{
	for (size_t i = 0; i < m->ncontents; i++)
		if (is_in(s->refused, &m->contents[i]) || is_in(s->rejected, &m->contents[i]))
			return COND_OK;
	return COND_BAD_REQUEST;
}

/* An alternative to what was chosen is gone by that; it could not be named, either. */
static void refuse_others(struct jingle_session *s, const struct jingle_msg *m, const struct jingle_content *chosen)
{
	for (size_t i = 0; i < m->ncontents; i++) {
		const struct jingle_content *c = &m->contents[i];

		if (strcmp(c->name, chosen->name) != 0 && !is_in(s->refused, c))
			g_ptr_array_add(s->refused, content_key(c));
	}
}

/* By the application's ANSWER or AGREE. */
static enum jc_err judge(struct jingle_session *s, enum jc_err (*by)(void *self, const struct elem *theirs),
			 const struct jingle_content *c)
{
	enum jc_err err = by(s->app.self, c->description);

	session_explain(s, err != JC_OK && s->app.plug->why ? s->app.plug->why(s->app.self) : NULL);
	return err;
}

/* The first content that is ours by application and transport and whose parameters suit; the others are to be refused. The
 * outcome is that of the offer which came nearest. */
static const struct jingle_content *choose(struct jingle_session *s, const struct jingle_msg *m, enum jc_err *err)
{
	const struct jingle_content *chosen = NULL;

	*err = JC_UNSUPPORTED_APP;
	for (size_t i = 0; i < m->ncontents && !chosen; i++) {
		const struct jingle_content *c = &m->contents[i];

		if (strcmp(c->disposition, "session") != 0 || !session_use_app(s, c->description))
			continue;
		if (!session_use_transport(s, c->transport)) {
			*err = *err == JC_UNSUPPORTED_APP ? JC_UNSUPPORTED_TRANSPORT : *err;
			continue;
		}
		*err = session_need_keying(s, c->description, c->transport);
		if (*err == JC_OK)
			*err = judge(s, s->app.plug->answer, c);
		if (*err == JC_OK)
			chosen = c;
	}
	if (chosen)
		refuse_others(s, m, chosen);
	return chosen;
}

static enum jc_err read_path(struct jingle_session *s, const struct jingle_msg *m, const struct jingle_content *c)
{
	enum jc_err err = s->how.plug->read(s->how.self, m->action, c->transport);

	return err == JC_OK ? session_read_keying(s, m->action, c->description, c->transport) : err;
}

/* XEP-0166 "Acknowledgement": a sound request is acknowledged first; what we cannot do is said by a session-terminate. */
static enum iq_cond on_initiate(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c;
	enum jc_err err;

	if (s->offered)
		return COND_OUT_OF_ORDER;
	if (!jingle_offer_is_sound(m)) {
		session_over(s, JC_PROTOCOL, REASON_NONE, "the offer was malformed", FALSE);
		return COND_BAD_REQUEST;
	}
	s->offered = TRUE;
	c = choose(s, m, &err);
	if (c) {
		s->name = g_strdup(c->name);
		s->creator = c->creator;
		s->senders = c->senders;
		s->bundled = c->bundled;
		err = read_path(s, m, c);
	}
	if (err == JC_OK)
		session_event(s, JINGLE_EV_INCOMING);
	else
		session_fail(s, err, NULL);
	return COND_OK;
}

static enum jc_err judge_accept(struct jingle_session *s, const struct jingle_msg *m, const struct jingle_content *c)
{
	enum jc_err err;

	if (!session_is_transport(s, c->transport))
		return JC_UNSUPPORTED_TRANSPORT;
	if (!session_is_app(s, c->description))
		return JC_UNSUPPORTED_APP;
	err = session_need_keying(s, c->description, c->transport);
	if (err == JC_OK)
		err = judge(s, s->app.plug->agree, c);
	return err == JC_OK ? read_path(s, m, c) : err;
}

static enum iq_cond on_accept(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);
	enum jc_err err;

	if (!c || !c->description || !c->transport) {
		session_fail(s, JC_PROTOCOL, "the answer left out what we offered");
		return COND_BAD_REQUEST;
	}
	err = judge_accept(s, m, c);
	if (err != JC_OK) {
		session_fail(s, err, NULL);
		return COND_OK;
	}
	s->initiate_tag = 0;			/* an accept says as much as an acknowledgement */
	s->deadline_ms = G_MAXINT64;
	s->state = JINGLE_ACTIVE;
	if (c->senders_given)
		s->senders = c->senders;
	s->wanted_senders = s->senders;
	session_event(s, JINGLE_EV_ACCEPTED);
	if (s->senders != SENDERS_BOTH)
		session_event(s, JINGLE_EV_CHANGED);
	return COND_OK;
}

/* An accept of ours that is not acknowledged yet has crossed what the caller says now: it gave up before it knew of it, unless
 * its media have come.
 * Before the accept a reason means for the callee that the call is off, whatever a caller chose to call it. */
static enum jc_err outcome_of_terminate(const struct jingle_session *s, enum jingle_reason reason)
{
	gboolean accepted = s->state == JINGLE_ACTIVE && (!s->accept_tag || s->proven);

	if (accepted)
		return jingle_outcome(reason, TRUE);
	if (s->initiator)		/* "cancel" is not the responder's word; who uses it does not want the call */
		return reason == REASON_CANCEL ? JC_DECLINED : jingle_outcome(reason, FALSE);
	switch (reason) {
	case REASON_NONE:
	case REASON_SUCCESS:
	case REASON_DECLINE:
	case REASON_BUSY:
	case REASON_GONE:
		return JC_CANCELLED;
	default:
		return jingle_outcome(reason, FALSE);
	}
}

static enum iq_cond on_terminate(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	session_over(s, outcome_of_terminate(s, m->reason), m->reason, m->reason_text, TRUE);
	return COND_OK;
}

/* "Tie Breaking": both have begun the transport anew at once if the peer's wish comes before it has acknowledged ours. The
 * initiator's counts; what the peer answers to it is still to come. */
static gboolean crosses_ours(const struct jingle_session *s, const struct elem *t)
{
	return s->initiator && s->anew_tag && s->how.plug->crosses && s->how.plug->crosses(s->how.self, t);
}

/* Bad transport news never ends a call that is up (rule R22); a forged fingerprint does. */
static enum iq_cond on_transport_info(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);
	enum jc_err err;

	if (!c)
		return not_of_ours(s, m);
	if (!session_is_transport(s, c->transport))
		return COND_BAD_REQUEST;
	if (crosses_ours(s, c->transport))
		return COND_TIE_BREAK;
	if (s->how.plug->read(s->how.self, m->action, c->transport) != JC_OK)
		return COND_BAD_REQUEST;
	err = session_read_keying(s, m->action, NULL, c->transport);
	if (err != JC_OK)
		session_fail(s, err, NULL);
	else
		session_event(s, JINGLE_EV_TRANSPORT);
	return COND_OK;
}

/* XEP-0167 "Mute": one may name the content it is about. */
static gboolean of_another_content(const struct jingle_session *s, const struct elem *info)
{
	const char *name = elem_attr(info, "name");

	return name && g_strcmp0(name, s->name) != 0 && (elem_is(info, "mute", NULL) || elem_is(info, "unmute", NULL));
}

static enum iq_cond on_session_info(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	enum iq_cond cond;

	if (!m->info)
		return COND_OK;			/* "Session Pings" */
	if (of_another_content(s, m->info))
		return COND_OK;
	cond = s->app.plug->session_info(s->app.self, m->info);
	if (cond != COND_OK)
		return cond;
	if (s->app.plug->ringing_ns && elem_is(m->info, "ringing", s->app.plug->ringing_ns)) {
		if (s->initiator && s->state == JINGLE_PENDING)
			session_event(s, JINGLE_EV_RINGING);
	} else {
		session_event(s, JINGLE_EV_CHANGED);
	}
	return COND_OK;
}

static enum iq_cond on_description_info(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);
	enum iq_cond cond;

	if (!c)
		return not_of_ours(s, m);
	if (!session_is_app(s, c->description))
		return COND_BAD_REQUEST;
	if (s->keying.plug && session_read_keying(s, m->action, c->description, NULL) != JC_OK) {
		session_fail(s, JC_SECURITY, NULL);
		return COND_OK;
	}
	cond = s->app.plug->description_info(s->app.self, c->description);
	if (cond == COND_OK && s->state == JINGLE_ACTIVE)
		session_event(s, JINGLE_EV_CHANGED);
	return cond;
}

/* "Tie Breaking": of two simultaneous changes the initiator's goes through; the responder gives its own up. */
static enum iq_cond on_content_modify(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);

	if (!c)
		return not_of_ours(s, m);
	if (!c->senders_given)
		return COND_BAD_REQUEST;
	if (s->modify_tag && s->initiator)
		return COND_TIE_BREAK;
	s->senders = s->wanted_senders = c->senders;
	session_event(s, JINGLE_EV_CHANGED);
	return COND_OK;
}

static enum iq_cond on_content_add(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	struct jingle_msg reject = {.action = JINGLE_CONTENT_REJECT, .reason = REASON_UNSUPPORTED_APPLICATIONS};

	if (our_content(s, m))
		return COND_BAD_REQUEST;
	for (size_t i = 0; i < m->ncontents; i++) {
		reject.contents[i].name = m->contents[i].name;
		reject.contents[i].creator = m->contents[i].creator;
		if (s->rejected->len < MAX_REJECTED && !is_in(s->rejected, &m->contents[i]))
			g_ptr_array_add(s->rejected, content_key(&m->contents[i]));
	}
	reject.ncontents = m->ncontents;
	session_send(s, &reject);		/* the audio goes on */
	return COND_OK;
}

/* "content-remove": a session without contents is ended by the side that receives the removal of the last one. Of what the
 * peer has removed itself nothing more is to be said. */
static enum iq_cond on_content_remove(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	if (our_content(s, m)) {
		session_fail(s, s->state == JINGLE_ACTIVE ? JC_OK : s->initiator ? JC_DECLINED : JC_CANCELLED, NULL);
		return COND_OK;
	}
	for (size_t i = 0; i < m->ncontents; i++)
		if (!forget(s->refused, &m->contents[i]))
			forget(s->rejected, &m->contents[i]);
	return COND_OK;
}

static enum iq_cond on_transport_replace(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);

	if (!c)
		return not_of_ours(s, m);
	return c->transport ? session_replace_asked(s, c) : COND_BAD_REQUEST;
}

static enum iq_cond on_transport_accept(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);

	if (s->replacing != WE_ASKED)
		return COND_OUT_OF_ORDER;
	return c && c->transport ? session_replace_taken(s, c) : COND_BAD_REQUEST;
}

static enum iq_cond on_transport_reject(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	if (s->replacing != WE_ASKED)
		return COND_OUT_OF_ORDER;
	return our_content(s, m) ? session_replace_refused(s) : COND_BAD_REQUEST;
}

static enum iq_cond on_security_info(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	return COND_UNSUPPORTED_INFO;		/* no precondition of ours has anything to say there */
}

/* THE table, XEP-0166 6: what each action of the peer means in each state. NULL: out of order there. An action for which
 * nothing of ours is outstanding (an accept or reject of something we never asked for) is out of order too. ENDED is not
 * in it: all is unknown-session then. */
static const struct {
	enum iq_cond (*pending_initiator)(struct jingle_session *, const struct jingle_msg *, gint64);
	enum iq_cond (*pending_responder)(struct jingle_session *, const struct jingle_msg *, gint64);
	enum iq_cond (*active)(struct jingle_session *, const struct jingle_msg *, gint64);
} table[JINGLE_ACTION_COUNT] = {
	/*                             we dialled, pending    they dialled, pending  active */
	[JINGLE_CONTENT_ACCEPT]    = {NULL,                  NULL,                  NULL},
	[JINGLE_CONTENT_ADD]       = {on_content_add,        on_content_add,        on_content_add},
	[JINGLE_CONTENT_MODIFY]    = {on_content_modify,     on_content_modify,     on_content_modify},
	[JINGLE_CONTENT_REJECT]    = {NULL,                  NULL,                  NULL},
	[JINGLE_CONTENT_REMOVE]    = {on_content_remove,     on_content_remove,     on_content_remove},
	[JINGLE_DESCRIPTION_INFO]  = {on_description_info,   on_description_info,   on_description_info},
	[JINGLE_SECURITY_INFO]     = {on_security_info,      on_security_info,      on_security_info},
	[JINGLE_SESSION_ACCEPT]    = {on_accept,             NULL,                  NULL},
	[JINGLE_SESSION_INFO]      = {on_session_info,       on_session_info,       on_session_info},
	[JINGLE_SESSION_INITIATE]  = {NULL,                  on_initiate,           NULL},
	[JINGLE_SESSION_TERMINATE] = {on_terminate,          on_terminate,          on_terminate},
	[JINGLE_TRANSPORT_ACCEPT]  = {on_transport_accept,   on_transport_accept,   on_transport_accept},
	[JINGLE_TRANSPORT_INFO]    = {on_transport_info,     on_transport_info,     on_transport_info},
	[JINGLE_TRANSPORT_REJECT]  = {on_transport_reject,   on_transport_reject,   on_transport_reject},
	[JINGLE_TRANSPORT_REPLACE] = {on_transport_replace,  on_transport_replace,  on_transport_replace},
};

enum iq_cond jingle_recv(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	enum iq_cond (*handler)(struct jingle_session *, const struct jingle_msg *, gint64);

	if (s->state == JINGLE_ENDED)
		return COND_UNKNOWN_SESSION;
	if (s->initiator && s->offered) {	/* whatever it says, the offer has arrived */
		s->heard = TRUE;
		s->deadline_ms = G_MAXINT64;
	}
	if (!s->offered && m->action != JINGLE_SESSION_INITIATE)
		return COND_UNKNOWN_SESSION;
	if (s->state == JINGLE_ACTIVE)
		handler = table[m->action].active;
	else
		handler = s->initiator ? table[m->action].pending_initiator : table[m->action].pending_responder;
	return handler ? handler(s, m, now_ms) : COND_OUT_OF_ORDER;
}
