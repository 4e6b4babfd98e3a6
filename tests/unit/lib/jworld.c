#include "jworld.h"

#include <string.h>

struct world *new_world(gboolean initiator)
{
	struct world *w = g_new0(struct world, 1);
	struct jingle_plugs plugs = jfake_plugs(&w->fake);

	w->s = (initiator ? jingle_dial : jingle_incoming)("s1", US, PEER, &plugs);
	return w;
}

int setup_dialer(void **state)
{
	*state = new_world(TRUE);
	return 0;
}

int setup_called(void **state)
{
	*state = new_world(FALSE);
	return 0;
}

int teardown(void **state)
{
	struct world *w = *state;

	jingle_free(w->s);
	g_free(w->text);
	g_free(w);
	return 0;
}

enum iq_cond recv_text(struct world *w, const char *text)
{
	elem_auto e = xml(text);
	struct jingle_msg m;

	assert_int_equal(jingle_msg_read(&m, e), COND_OK);
	return jingle_recv(w->s, &m, 0);
}

guint expect_send(struct world *w, const char *text)
{
	struct jingle_out out;

	assert_true(jingle_next(w->s, &out));
	assert_int_equal(out.kind, JINGLE_OUT_SEND);
	assert_elem_equal(text, out.jingle);
	elem_free(out.jingle);
	return out.tag;
}

void expect_event(struct world *w, enum jingle_event event)
{
	assert_true(jingle_next(w->s, &w->out));
	assert_int_equal(w->out.kind, JINGLE_OUT_EVENT);
	assert_int_equal(w->out.event, event);
}

void expect_nothing(struct world *w)
{
	struct jingle_out out;

	assert_false(jingle_next(w->s, &out));
}

void expect_ended(struct world *w, enum jc_err err, gboolean by_peer)
{
	expect_event(w, JINGLE_EV_ENDED);
	assert_string_equal(jc_symbol(w->out.err), jc_symbol(err));
	assert_int_equal(w->out.by_peer, by_peer);
	g_free(w->text);
	w->text = g_strdup(w->out.text);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ENDED);
	assert_true(jingle_deadline(w->s) == G_MAXINT64);
	assert_int_equal(recv_text(w, J("session-info", "")), COND_UNKNOWN_SESSION);
	jingle_end(w->s, JC_OK, NULL, 0);
	expect_nothing(w);
}

guint offer_ours(struct world *w)
{
	jingle_start(w->s, 1000);
	return expect_send(w, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-initiate' initiator='" US "'>"
			   "<content creator='initiator' name='audio' senders='both'>" DESCRIPTION KEYED "</content>" BUNDLE "</jingle>");
}

void offer_delivered(struct world *w)
{
	jingle_acked(w->s, offer_ours(w), COND_OK, 1000);
	expect_event(w, JINGLE_EV_DELIVERED);
}

void accepted_by_peer(struct world *w)
{
	offer_delivered(w);
	assert_int_equal(recv_text(w, J("session-accept", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
	expect_nothing(w);
}

void offer_theirs(struct world *w)
{
	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	expect_nothing(w);
}

guint accept_with(struct world *w, const char *group)
{
	g_autofree char *text = g_strdup_printf("<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-accept' responder='" US "'>"
						"<content creator='initiator' name='audio' senders='both'>" DESCRIPTION KEYED
						"</content>%s</jingle>", group);

	jingle_accept(w->s, 0);
	return expect_send(w, text);
}

guint accept_ours(struct world *w)
{
	return accept_with(w, "");
}

void accepted_by_us(struct world *w)
{
	guint tag;

	offer_theirs(w);
	tag = accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	jingle_acked(w->s, tag, COND_OK, 0);
	expect_nothing(w);
}

struct world *world_in(int where)
{
	struct world *w = new_world(where == DIALLED || where == UP_DIALER);

	switch (where) {
	case DIALLED:
		offer_delivered(w);
		break;
	case RINGING:
		offer_theirs(w);
		break;
	case UP_DIALER:
		accepted_by_peer(w);
		break;
	default:
		accepted_by_us(w);
	}
	return w;
}
