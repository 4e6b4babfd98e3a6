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

static gboolean is_app(const struct jingle_session *s, const struct jingle_content *c)
{
	const char *media = elem_attr(c->description, "media");

	return c->description && strcmp(elem_ns(c->description), s->plugs.app->ns) == 0 &&
		(!media || strcmp(media, "audio") == 0);
}

static gboolean is_transport(const struct jingle_session *s, const struct jingle_content *c)
{
	return c->transport && strcmp(elem_ns(c->transport), s->plugs.transport->ns) == 0;
}

/* Takes the first content that is ours by application and transport; the others are to be refused. */
static const struct jingle_content *choose(struct jingle_session *s, const struct jingle_msg *m, enum jc_err *err)
{
	const struct jingle_content *chosen = NULL;

	*err = JC_UNSUPPORTED_APP;
	for (size_t i = 0; i < m->ncontents && !chosen; i++) {
		if (!is_app(s, &m->contents[i]))
			continue;
		*err = JC_UNSUPPORTED_TRANSPORT;
		if (is_transport(s, &m->contents[i]))
			chosen = &m->contents[i];
	}
	for (size_t i = 0; i < m->ncontents && chosen; i++)
		if (&m->contents[i] != chosen)
			g_ptr_array_add(s->refused, g_strdup_printf("%c/%s",
				m->contents[i].creator == CREATOR_RESPONDER ? 'r' : 'i', m->contents[i].name));
	return chosen;
}

static enum jc_err read_slots(struct jingle_session *s, const struct jingle_msg *m, const struct jingle_content *c,
			      enum jc_err (*judge)(void *self, const struct elem *theirs))
{
	enum jc_err err = judge(s->plugs.app_self, c->description);

	if (err == JC_OK)
		err = s->plugs.transport->read(s->plugs.transport_self, m->action, c->transport);
	if (err == JC_OK)
		err = s->plugs.keying->read(s->plugs.keying_self, m->action, c->description, c->transport);
	return err;
}

/* XEP-0166 "Acknowledgement": a sound request is acknowledged first; what we cannot do is said by a session-terminate. */
static enum iq_cond on_initiate(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c;
	enum jc_err err;

	if (s->offered)
		return COND_OUT_OF_ORDER;
	for (size_t i = 0; i < m->ncontents; i++)
		if (!m->contents[i].description || !m->contents[i].transport ||
		    m->contents[i].creator != CREATOR_INITIATOR) {
			session_over(s, JC_PROTOCOL, REASON_NONE, "the offer was malformed", FALSE);
			return COND_BAD_REQUEST;
		}
	/* "Disposition": a session begins with a content of disposition session, or it is malformed. */
	if (strcmp(m->contents[0].disposition, "session") != 0) {
		session_over(s, JC_PROTOCOL, REASON_NONE, "the offer's first content was not of the session", FALSE);
		return COND_BAD_REQUEST;
	}
	s->offered = TRUE;
	c = choose(s, m, &err);
	if (c) {
		s->name = g_strdup(c->name);
		s->creator = c->creator;
		s->senders = c->senders;
		err = read_slots(s, m, c, s->plugs.app->answer);
	}
	if (err == JC_OK && c)
		session_event(s, JINGLE_EV_INCOMING);
	else
		session_fail(s, err, NULL);
	return COND_OK;
}

static enum iq_cond on_accept(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);
	enum jc_err err;

	if (!c || !c->description || !c->transport) {
		session_fail(s, JC_PROTOCOL, "the answer left our audio out");
		return COND_BAD_REQUEST;
	}
	if (!is_transport(s, c))
		err = JC_UNSUPPORTED_TRANSPORT;
	else if (!is_app(s, c))
		err = JC_UNSUPPORTED_APP;
	else
		err = read_slots(s, m, c, s->plugs.app->agree);
	if (err != JC_OK) {
		session_fail(s, err, NULL);
		return COND_OK;
	}
	s->initiate_tag = 0;			/* an accept says as much as an acknowledgement */
	s->deadline_ms = G_MAXINT64;
	s->state = JINGLE_ACTIVE;
	if (c->senders_given)
		s->senders = c->senders;
	session_event(s, JINGLE_EV_ACCEPTED);
	return COND_OK;
}

static enum iq_cond on_terminate(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	session_over(s, jingle_outcome(m->reason, s->state == JINGLE_ACTIVE), m->reason, m->reason_text, TRUE);
	return COND_OK;
}

/* Bad transport news never ends a call that is up (rule R22); a forged fingerprint does. */
static enum iq_cond on_transport_info(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);
	enum jc_err err;

	if (!c)
		return s->refused->len ? COND_OK : COND_BAD_REQUEST;
	if (!is_transport(s, c))
		return COND_BAD_REQUEST;
	if (s->plugs.transport->read(s->plugs.transport_self, m->action, c->transport) != JC_OK)
		return COND_BAD_REQUEST;
	err = s->plugs.keying->read(s->plugs.keying_self, m->action, NULL, c->transport);
	if (err != JC_OK)
		session_fail(s, err, NULL);
	else
		session_event(s, JINGLE_EV_TRANSPORT);
	return COND_OK;
}

static enum iq_cond on_session_info(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	enum iq_cond cond;

	if (!m->info)
		return COND_OK;			/* "Session Pings" */
	cond = s->plugs.app->session_info(s->plugs.app_self, m->info);
	if (cond != COND_OK)
		return cond;
	if (elem_is(m->info, "ringing", NULL)) {
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

	if (!c || !c->description || !is_app(s, c))
		return COND_BAD_REQUEST;
	cond = s->plugs.app->description_info(s->plugs.app_self, c->description);
	if (cond == COND_OK && s->state == JINGLE_ACTIVE)
		session_event(s, JINGLE_EV_CHANGED);
	return cond;
}

/* "Tie Breaking": of two simultaneous changes the initiator's goes through. */
static enum iq_cond on_content_modify(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);

	if (!c || !c->senders_given)
		return COND_BAD_REQUEST;
	if (s->modify_tag && s->initiator)
		return COND_TIE_BREAK;
	s->senders = c->senders;
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
	}
	reject.ncontents = m->ncontents;
	session_send(s, &reject);		/* the audio goes on */
	return COND_OK;
}

/* "content-remove": a session without contents is ended by the side that receives the removal of the last one. */
static enum iq_cond on_content_remove(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	if (our_content(s, m))
		session_fail(s, s->state == JINGLE_ACTIVE ? JC_OK : JC_CANCELLED, NULL);
	return COND_OK;
}

static enum iq_cond on_transport_replace(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	const struct jingle_content *c = our_content(s, m);

	if (!c || !c->transport)
		return COND_BAD_REQUEST;
	session_send_content(s, JINGLE_TRANSPORT_REJECT, NULL, elem_copy(c->transport));
	return COND_OK;
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
	[JINGLE_TRANSPORT_ACCEPT]  = {NULL,                  NULL,                  NULL},
	[JINGLE_TRANSPORT_INFO]    = {on_transport_info,     on_transport_info,     on_transport_info},
	[JINGLE_TRANSPORT_REJECT]  = {NULL,                  NULL,                  NULL},
	[JINGLE_TRANSPORT_REPLACE] = {on_transport_replace,  on_transport_replace,  on_transport_replace},
};

enum iq_cond jingle_recv(struct jingle_session *s, const struct jingle_msg *m, gint64 now_ms)
{
	enum iq_cond (*handler)(struct jingle_session *, const struct jingle_msg *, gint64);

	if (s->state == JINGLE_ENDED)
		return COND_UNKNOWN_SESSION;
	if (!s->offered && m->action != JINGLE_SESSION_INITIATE)
		return COND_UNKNOWN_SESSION;
	if (s->state == JINGLE_ACTIVE)
		handler = table[m->action].active;
	else
		handler = s->initiator ? table[m->action].pending_initiator : table[m->action].pending_responder;
	return handler ? handler(s, m, now_ms) : COND_OUT_OF_ORDER;
}
