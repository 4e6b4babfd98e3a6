/* What happens within a Jingle session: XEP-0166, and the ways of deployed clients. */
#include "jworld.h"

static void an_added_content_is_rejected_and_the_call_goes_on(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("content-add", VIDEO)), COND_OK);
	expect_send(w, J("content-reject", CONTENT("video", "") "<reason><unsupported-applications/></reason>"));
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
	assert_int_equal(recv_text(w, J("transport-info", CONTENT("video", TRANSPORT))), COND_OK);
	assert_int_equal(recv_text(w, J("content-add", AUDIO(DESCRIPTION TRANSPORT))), COND_BAD_REQUEST);
}

static void contents_rejected_while_ringing_are_not_removed_again(void **state)
{
	struct world *w = *state;

	offer_theirs(w);
	assert_int_equal(recv_text(w, J("content-add", VIDEO)), COND_OK);
	expect_send(w, J("content-reject", CONTENT("video", "") "<reason>*</reason>"));
	accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	expect_nothing(w);
}

static void a_peer_that_adds_for_ever_costs_nothing(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	for (int i = 0; i < 1000; i++) {
		g_autofree char *text = g_strdup_printf(J("content-add", "<content creator='responder' name='v%d'/>"), i);
		struct jingle_out out;

		assert_int_equal(recv_text(w, text), COND_OK);
		assert_true(jingle_next(w->s, &out));
		elem_free(out.jingle);
		expect_nothing(w);
	}
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(TRANSPORT))), COND_OK);
}

/* One entry of the books for each content, so the last one that has room is known, too. */
static void as_many_rejected_contents_are_known_as_there_is_room_for(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	for (int i = 0; i < 16; i++) {
		g_autofree char *add = g_strdup_printf(J("content-add", "<content creator='responder' name='v%d'/>"), i);
		g_autofree char *reject = g_strdup_printf(J("content-reject", "<content creator='responder' name='v%d'/>"
							    "<reason><unsupported-applications/></reason>"), i);

		assert_int_equal(recv_text(w, add), COND_OK);
		expect_send(w, reject);
	}
	assert_int_equal(recv_text(w, J("transport-info", "<content creator='responder' name='v15'>" TRANSPORT "</content>")), COND_OK);
	assert_int_equal(recv_text(w, J("transport-info", "<content creator='responder' name='v16'>" TRANSPORT "</content>")),
			 COND_BAD_REQUEST);
	expect_nothing(w);
}

/* XEP-0167 "description-info": what the peer says of its decoder changes what we send, but not before there is a call. */
static void news_of_the_description_are_told_once_the_call_is_up(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("description-info", AUDIO(DESCRIPTION))), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
	expect_nothing(w);
	assert_int_equal(w->fake.description_infos, 1);
}

static void news_of_the_description_are_kept_until_the_call_is_up(void **state)
{
	struct world *w = *state;

	offer_delivered(w);
	assert_int_equal(recv_text(w, J("description-info", AUDIO(DESCRIPTION))), COND_OK);
	expect_nothing(w);
	assert_int_equal(w->fake.description_infos, 1);
}

static void the_direction_is_the_peers_to_change(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, MODIFY("responder")), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
	expect_nothing(w);			/* never a content-accept */
	assert_int_equal(jingle_current_senders(w->s), SENDERS_RESPONDER);
	assert_int_equal(recv_text(w, J("content-modify", AUDIO(""))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, J("content-modify", "<content creator='responder' name='audio' senders='none'/>")),
			 COND_BAD_REQUEST);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_RESPONDER);
}

static void a_direction_of_ours_counts_when_it_is_acknowledged(void **state)
{
	struct world *w = *state;
	guint tag;

	accepted_by_peer(w);
	jingle_senders(w->s, SENDERS_INITIATOR, 0);
	tag = expect_send(w, MODIFY("initiator"));
	assert_int_equal(jingle_current_senders(w->s), SENDERS_BOTH);
	jingle_acked(w->s, tag, COND_OK, 0);
	expect_event(w, JINGLE_EV_CHANGED);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_INITIATOR);
}

static void the_latest_wish_follows_the_one_on_its_way(void **state)
{
	struct world *w = *state;
	guint tag;

	accepted_by_peer(w);
	jingle_senders(w->s, SENDERS_INITIATOR, 0);
	tag = expect_send(w, MODIFY("initiator"));
	jingle_senders(w->s, SENDERS_NONE, 0);
	jingle_senders(w->s, SENDERS_BOTH, 0);
	expect_nothing(w);
	jingle_acked(w->s, tag, COND_OK, 0);
	expect_event(w, JINGLE_EV_CHANGED);
	tag = expect_send(w, MODIFY("both"));
	jingle_acked(w->s, tag, COND_OK, 0);
	expect_event(w, JINGLE_EV_CHANGED);
	expect_nothing(w);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_BOTH);
}

static void a_direction_refused_is_given_up_and_the_call_goes_on(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	jingle_senders(w->s, SENDERS_NONE, 0);
	jingle_acked(w->s, expect_send(w, MODIFY("none")), COND_FEATURE_NOT_IMPLEMENTED, 0);
	expect_nothing(w);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_BOTH);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

static void of_two_directions_that_cross_the_initiators_counts(void **state)
{
	struct world *dialer = world_in(UP_DIALER), *called = world_in(UP_CALLED);
	void *both[] = {dialer, called};
	guint tag, called_tag;

	jingle_senders(dialer->s, SENDERS_INITIATOR, 0);
	tag = expect_send(dialer, MODIFY("initiator"));
	jingle_senders(called->s, SENDERS_RESPONDER, 0);
	called_tag = expect_send(called, MODIFY("responder"));
	assert_int_equal(recv_text(dialer, MODIFY("responder")), COND_TIE_BREAK);
	assert_int_equal(recv_text(called, MODIFY("initiator")), COND_OK);
	jingle_acked(called->s, called_tag, COND_TIE_BREAK, 0);
	jingle_acked(dialer->s, tag, COND_OK, 0);
	expect_event(called, JINGLE_EV_CHANGED);
	expect_event(dialer, JINGLE_EV_CHANGED);
	expect_nothing(called);
	expect_nothing(dialer);
	assert_int_equal(jingle_current_senders(dialer->s), SENDERS_INITIATOR);
	assert_int_equal(jingle_current_senders(called->s), SENDERS_INITIATOR);
	teardown(&both[0]);
	teardown(&both[1]);
}

/* XEP-0166 "Tie Breaking": until the peer has acknowledged ours, its own has crossed it. */
static void of_two_restarts_that_cross_the_initiators_counts(void **state)
{
	struct world *dialer = world_in(UP_DIALER), *called = world_in(UP_CALLED);
	void *both[] = {dialer, called};
	guint tag;

	dialer->fake.asks = dialer->fake.crosses = called->fake.asks = called->fake.crosses = TRUE;
	dialer->fake.news = called->fake.news = 1;
	jingle_trickle(dialer->s, 0);
	tag = expect_send(dialer, J("transport-info", AUDIO("*")));
	jingle_trickle(called->s, 0);
	expect_send(called, J("transport-info", AUDIO("*")));
	assert_int_equal(recv_text(dialer, J("transport-info", AUDIO(TRANSPORT))), COND_TIE_BREAK);
	assert_int_equal(recv_text(called, J("transport-info", AUDIO(TRANSPORT))), COND_OK);
	expect_event(called, JINGLE_EV_TRANSPORT);
	jingle_acked(dialer->s, tag, COND_OK, 0);
	assert_int_equal(recv_text(dialer, J("transport-info", AUDIO(TRANSPORT))), COND_OK);	/* the answer */
	expect_event(dialer, JINGLE_EV_TRANSPORT);
	teardown(&both[0]);
	teardown(&both[1]);
}

static void the_called_gives_its_wishes_up_to_those_of_the_dialer(void **state)
{
	struct world *w = *state;
	guint tag;

	accepted_by_us(w);
	jingle_senders(w->s, SENDERS_RESPONDER, 0);
	tag = expect_send(w, MODIFY("responder"));
	jingle_senders(w->s, SENDERS_NONE, 0);		/* waits for the answer */
	assert_int_equal(recv_text(w, MODIFY("initiator")), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
	jingle_acked(w->s, tag, COND_TIE_BREAK, 0);
	expect_nothing(w);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_INITIATOR);
}

static void an_accept_with_another_direction_says_so(void **state)
{
	struct world *w = *state;

	offer_delivered(w);
	assert_int_equal(recv_text(w, J("session-accept", "<content creator='initiator' name='audio' senders='none'>" DESCRIPTION
					TRANSPORT "</content>")), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
	expect_event(w, JINGLE_EV_CHANGED);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_NONE);
}

static void the_removal_of_the_only_content_ends_the_session(void **state)
{
	static const struct {
		int where;
		const char *reason;
		enum jc_err err;
	} rows[] = {{UP_DIALER, "success", JC_OK}, {UP_CALLED, "success", JC_OK}, {DIALLED, "cancel", JC_DECLINED},
		    {RINGING, "decline", JC_CANCELLED}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		void *w = world_in(rows[i].where);
		g_autofree char *end = g_strdup_printf(J("session-terminate", "<reason><%s/></reason>"), rows[i].reason);

		assert_int_equal(recv_text(w, J("content-remove", AUDIO(""))), COND_OK);
		expect_send(w, end);
		expect_ended(w, rows[i].err, FALSE);
		teardown(&w);
	}
}

static void a_ping_ends_the_session_only_when_the_peer_knows_of_none(void **state)
{
	static const enum iq_cond harmless[] = {COND_OK, COND_TIMEOUT, COND_SERVICE_UNAVAILABLE, COND_ITEM_NOT_FOUND,
						COND_FEATURE_NOT_IMPLEMENTED, COND_DISCONNECTED};
	struct world *w = *state;

	accepted_by_peer(w);
	for (size_t i = 0; i < G_N_ELEMENTS(harmless); i++) {
		guint tag;

		jingle_ping(w->s, 0);
		tag = expect_send(w, J("session-info", ""));
		jingle_ping(w->s, 1);		/* one at a time */
		expect_nothing(w);
		jingle_acked(w->s, tag, harmless[i], 2);
		expect_nothing(w);
	}
	jingle_ping(w->s, 3);
	jingle_acked(w->s, expect_send(w, J("session-info", "")), COND_UNKNOWN_SESSION, 4);
	expect_ended(w, JC_LOST, FALSE);
}

static void before_the_accept_nobody_is_pinged(void **state)
{
	struct world *w = *state;

	offer_delivered(w);
	jingle_ping(w->s, 0);
	expect_nothing(w);
}

static void session_infos_are_answered_as_the_text_says(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("session-info", "")), COND_OK);
	assert_int_equal(w->fake.session_infos, 0);
	expect_nothing(w);
	assert_int_equal(recv_text(w, J("session-info", "<hold xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>")), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
	assert_int_equal(recv_text(w, J("session-info", "<dance xmlns='x'/>")), COND_UNSUPPORTED_INFO);
	assert_int_equal(recv_text(w, J("session-info", "<dance/>")), COND_UNSUPPORTED_INFO);
	expect_nothing(w);
}

static void ringing_counts_for_the_dialer_before_the_accept_only(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("session-info", "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>")), COND_OK);
	expect_nothing(w);
}

static void transport_news_are_for_the_plug_and_a_fingerprint_is_read(void **state)
{
	struct world *w = *state;

	offer_delivered(w);
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(KEYED))), COND_OK);	/* before the accept, rule R15 */
	expect_event(w, JINGLE_EV_TRANSPORT);
	assert_int_equal(w->fake.transport_reads[JINGLE_TRANSPORT_INFO], 1);
	assert_int_equal(w->fake.keying_reads[JINGLE_TRANSPORT_INFO], 1);
}

static void bad_transport_news_end_nothing(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	w->fake.transport_read = JC_PROTOCOL;
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(TRANSPORT))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, J("transport-info", AUDIO("<transport xmlns='x'/>"))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(""))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, J("transport-info", "<content creator='responder' name='audio'>" TRANSPORT "</content>")),
			 COND_BAD_REQUEST);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

static void a_forged_fingerprint_ends_the_call(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	w->fake.keying_read = JC_SECURITY;
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(KEYED))), COND_OK);
	expect_send(w, TERMINATE("security-error"));
	expect_ended(w, JC_SECURITY, FALSE);
}

static void errors_to_news_of_ours_end_nothing(void **state)
{
	struct world *w = *state;
	guint tag;

	accepted_by_peer(w);
	w->fake.news = 1;
	jingle_trickle(w->s, 0);
	tag = expect_send(w, J("transport-info", AUDIO(TRANSPORT)));
	jingle_acked(w->s, tag, COND_NOT_AUTHORIZED, 0);
	jingle_info(w->s, NULL, 0);
	tag = expect_send(w, J("session-info", ""));
	jingle_acked(w->s, tag, COND_UNSUPPORTED_INFO, 0);
	jingle_acked(w->s, tag, COND_TIMEOUT, 0);
	jingle_acked(w->s, 0, COND_BAD_REQUEST, 0);
	jingle_acked(w->s, 4711, COND_BAD_REQUEST, 0);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIALER(an_added_content_is_rejected_and_the_call_goes_on),
		CALLED(contents_rejected_while_ringing_are_not_removed_again),
		DIALER(a_peer_that_adds_for_ever_costs_nothing),
		DIALER(as_many_rejected_contents_are_known_as_there_is_room_for),
		DIALER(news_of_the_description_are_told_once_the_call_is_up),
		DIALER(news_of_the_description_are_kept_until_the_call_is_up),
		DIALER(the_direction_is_the_peers_to_change),
		DIALER(a_direction_of_ours_counts_when_it_is_acknowledged),
		DIALER(the_latest_wish_follows_the_one_on_its_way),
		DIALER(a_direction_refused_is_given_up_and_the_call_goes_on),
		cmocka_unit_test(of_two_directions_that_cross_the_initiators_counts),
		cmocka_unit_test(of_two_restarts_that_cross_the_initiators_counts),
		CALLED(the_called_gives_its_wishes_up_to_those_of_the_dialer),
		DIALER(an_accept_with_another_direction_says_so),
		cmocka_unit_test(the_removal_of_the_only_content_ends_the_session),
		DIALER(a_ping_ends_the_session_only_when_the_peer_knows_of_none),
		DIALER(before_the_accept_nobody_is_pinged),
		DIALER(session_infos_are_answered_as_the_text_says),
		DIALER(ringing_counts_for_the_dialer_before_the_accept_only),
		DIALER(transport_news_are_for_the_plug_and_a_fingerprint_is_read),
		DIALER(bad_transport_news_end_nothing),
		DIALER(a_forged_fingerprint_ends_the_call),
		DIALER(errors_to_news_of_ours_end_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
