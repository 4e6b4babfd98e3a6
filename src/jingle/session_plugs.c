#include <string.h>

#include "session_priv.h"

/* ---- which plug-in an element belongs to ---- */

static gboolean is_of(const struct elem *e, const char *ns)
{
	return e && g_strcmp0(elem_ns(e), ns) == 0;
}

static gboolean app_fits(const struct jingle_app *plug, const struct elem *d)
{
	return is_of(d, plug->ns) && plug->match(d);
}

gboolean session_is_app(const struct jingle_session *s, const struct elem *d)
{
	return app_fits(s->app.plug, d);
}

gboolean session_is_transport(const struct jingle_session *s, const struct elem *t)
{
	return is_of(t, s->how.plug->ns);
}

gboolean session_use_app(struct jingle_session *s, const struct elem *d)
{
	for (size_t i = 0; i < s->plugs.napps; i++)
		if (app_fits(s->plugs.apps[i].plug, d)) {
			s->app = s->plugs.apps[i];
			return TRUE;
		}
	return FALSE;
}

static gboolean find_transport(const struct jingle_session *s, const struct elem *t, size_t *index)
{
	for (*index = 0; *index < s->plugs.ntransports; (*index)++)
		if (is_of(t, s->plugs.transports[*index].plug->ns))
			return TRUE;
	return FALSE;
}

gboolean session_use_transport(struct jingle_session *s, const struct elem *t)
{
	size_t i;

	if (!find_transport(s, t, &i))
		return FALSE;
	s->how = s->plugs.transports[i];
	s->tried = 1u << i;
	return TRUE;
}

/* ---- the security condition ---- */

void session_write_keying(struct jingle_session *s, enum jingle_action a, struct elem *d, struct elem *t)
{
	if (s->keying.plug) {
		s->keying.plug->write(s->keying.self, a, d, t);
		return;
	}
	for (size_t i = 0; i < s->plugs.nkeyings; i++)
		s->plugs.keyings[i].plug->write(s->plugs.keyings[i].self, a, d, t);
}

/* An offer may hold several: the first of ours that it meets counts. An answer holds one, and a fault in it ends the call.
 * Early news (a fingerprint in a transport-info) choose as an answer does. */
static enum jc_err choose_keying(struct jingle_session *s, enum jingle_action a, const struct elem *d,
				 const struct elem *t)
{
	enum jc_err err = JC_OK;

	for (size_t i = 0; i < s->plugs.nkeyings; i++) {
		const struct jingle_condition *k = &s->plugs.keyings[i];

		if (!k->plug->in(d, t))
			continue;
		err = k->plug->read(k->self, a, d, t);
		if (err == JC_OK) {
			s->keying = *k;
			return JC_OK;
		}
		if (k->plug->why)
			session_explain(s, k->plug->why(k->self));
		if (s->initiator)
			return err;
	}
	return err;
}

static unsigned count_keyings(const struct jingle_session *s, const struct elem *d, const struct elem *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->plugs.nkeyings; i++)
		n += s->plugs.keyings[i].plug->in(d, t) ? 1 : 0;
	return n;
}

enum jc_err session_need_keying(struct jingle_session *s, const struct elem *d, const struct elem *t)
{
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *why = NULL;

	if (s->keying.plug || count_keyings(s, d, t))
		return JC_OK;
	for (size_t i = 0; i < s->plugs.nkeyings; i++)
		g_string_append_printf(names, "%s%s", i ? " or " : "", s->plugs.keyings[i].plug->name);
	why = g_strdup_printf("its client cannot encrypt calls (%s)", names->str);
	session_explain(s, why);
	s->flaw = s->app.plug->keys_missing;
	return JC_SECURITY;
}

enum jc_err session_read_keying(struct jingle_session *s, enum jingle_action a, const struct elem *d,
				const struct elem *t)
{
	gboolean must = a == JINGLE_SESSION_INITIATE || a == JINGLE_SESSION_ACCEPT;
	unsigned said = count_keyings(s, d, t);
	enum jc_err err;

	if (s->keying.plug)
		err = s->keying.plug->read(s->keying.self, a, d, t);
	else if (s->initiator && said > 1)	/* Dino would encrypt twice (rule R14) */
		err = JC_SECURITY;
	else
		err = choose_keying(s, a, d, t);
	if (err == JC_OK && must && !s->keying.plug)
		err = JC_SECURITY;
	if (err != JC_OK)
		s->flaw = said ? s->app.plug->keys_invalid : s->app.plug->keys_missing;
	return err;
}

/* ---- one transport after another: XEP-0166 "transport-replace" ---- */

static guint send_next(struct jingle_session *s, enum jingle_action a)
{
	struct elem *t = s->next.plug->write(s->next.self, a);

	session_write_keying(s, a, NULL, t);
	return session_send_content(s, a, NULL, t);
}

static gboolean take_untried(struct jingle_session *s)
{
	for (size_t i = 0; i < s->plugs.ntransports; i++)
		if (!(s->tried & 1u << i)) {
			s->tried |= 1u << i;
			s->next = s->plugs.transports[i];
			return TRUE;
		}
	return FALSE;
}

void jingle_replace(struct jingle_session *s, gint64 now_ms)
{
	if (s->state == JINGLE_ENDED || !s->offered || s->replacing != SETTLED || (!s->initiator && !s->accept_sent))
		return;
	if (!take_untried(s)) {
		session_fail(s, JC_FAILED_TRANSPORT, NULL);
		return;
	}
	s->replacing = WE_ASKED;
	s->replace_by_ms = now_ms + JINGLE_ANSWER_MS;
	s->replace_tag = send_next(s, JINGLE_TRANSPORT_REPLACE);
}

static void settle(struct jingle_session *s)
{
	s->replacing = SETTLED;
	s->replace_tag = 0;
	s->replace_by_ms = G_MAXINT64;
}

static void switch_over(struct jingle_session *s)
{
	settle(s);
	s->how = s->next;
	session_event(s, JINGLE_EV_REPLACED);
}

enum iq_cond session_replace_refused(struct jingle_session *s)
{
	settle(s);
	session_fail(s, JC_FAILED_TRANSPORT, "the other side does not want another transport");
	return COND_OK;
}

/* "Tie Breaking": the initiator's wish counts, ours is given up; the peer's own is on its way, or here already. */
void session_replace_answered(struct jingle_session *s, enum iq_cond cond)
{
	s->replace_tag = 0;
	if (cond == COND_OK || cond == COND_TIMEOUT || cond == COND_DISCONNECTED)
		return;
	if (!s->initiator && (cond == COND_TIE_BREAK || cond == COND_CONFLICT))
		settle(s);
	else
		session_replace_refused(s);
}

static void refuse(struct jingle_session *s, const struct jingle_content *c)
{
	session_send_content(s, JINGLE_TRANSPORT_REJECT, NULL, elem_copy(c->transport));
}

/* Before our user has accepted a wish is kept like the offer itself: the owner answers it without an address of ours. */
enum iq_cond session_replace_asked(struct jingle_session *s, const struct jingle_content *c)
{
	size_t i;
	enum jc_err err;

	if (s->replacing == WE_ASKED && s->initiator)
		return COND_TIE_BREAK;
	if (s->replacing == PEER_ASKED)
		return COND_OUT_OF_ORDER;
	if (!find_transport(s, c->transport, &i)) {
		refuse(s, c);
		return COND_OK;
	}
	if (s->plugs.transports[i].plug->read(s->plugs.transports[i].self, JINGLE_TRANSPORT_REPLACE, c->transport) != JC_OK)
		return COND_BAD_REQUEST;
	err = session_read_keying(s, JINGLE_TRANSPORT_REPLACE, NULL, c->transport);
	if (err != JC_OK) {
		session_fail(s, err, NULL);
		return COND_OK;
	}
	settle(s);
	s->next = s->plugs.transports[i];
	s->tried |= 1u << i;
	s->replacing = PEER_ASKED;
	session_event(s, JINGLE_EV_REPLACE_ASKED);
	return COND_OK;
}

void jingle_replace_accept(struct jingle_session *s, gint64 now_ms)
{
	if (s->state == JINGLE_ENDED || s->replacing != PEER_ASKED)
		return;
	send_next(s, JINGLE_TRANSPORT_ACCEPT);
	switch_over(s);
}

enum iq_cond session_replace_taken(struct jingle_session *s, const struct jingle_content *c)
{
	enum jc_err err;

	if (!is_of(c->transport, s->next.plug->ns) ||
	    s->next.plug->read(s->next.self, JINGLE_TRANSPORT_ACCEPT, c->transport) != JC_OK)
		return COND_BAD_REQUEST;
	err = session_read_keying(s, JINGLE_TRANSPORT_ACCEPT, NULL, c->transport);
	if (err != JC_OK)
		session_fail(s, err, NULL);
	else
		switch_over(s);
	return COND_OK;
}

/* ---- questions ---- */

const struct jingle_transport *jingle_current_transport(const struct jingle_session *s)
{
	return s->how.plug;
}

const struct jingle_transport *jingle_asked_transport(const struct jingle_session *s)
{
	return s->replacing == PEER_ASKED ? s->next.plug : NULL;
}

const struct jingle_keying *jingle_current_keying(const struct jingle_session *s)
{
	return s->keying.plug;
}
