/* Offering a Jingle session and what becomes of the offer: XEP-0166, and the ways of deployed clients. */
#include "jworld.h"

#include <string.h>

static void candidates_follow_the_offer_without_waiting(void **state)
{
	struct world *w = *state;

	w->fake.news = 1;
	jingle_trickle(w->s, 0);
	expect_nothing(w);
	offer_ours(w);
	expect_send(w, J("transport-info", AUDIO(TRANSPORT)));
	expect_nothing(w);
	assert_int_equal(w->fake.keying_writes, 1);
}

static void an_offer_goes_out_once(void **state)
{
	struct world *w = *state;

	offer_ours(w);
	jingle_start(w->s, 0);
	expect_nothing(w);
}

static void a_call_ended_before_its_offer_says_nothing_to_the_peer(void **state)
{
	struct world *w = *state;

	jingle_end(w->s, JC_CANCELLED, NULL, 0);
	expect_ended(w, JC_CANCELLED, FALSE);
	jingle_start(w->s, 0);
	expect_nothing(w);
}

static void errors_to_the_offer_are_outcomes(void **state)
{
	static const struct {
		enum iq_cond cond;
		enum jc_err err;
	} rows[] = {
		{COND_SERVICE_UNAVAILABLE, JC_UNAVAILABLE}, {COND_RECIPIENT_UNAVAILABLE, JC_UNAVAILABLE},
		{COND_REMOTE_SERVER_NOT_FOUND, JC_UNAVAILABLE}, {COND_ITEM_NOT_FOUND, JC_UNAVAILABLE},
		{COND_REDIRECT, JC_UNAVAILABLE}, {COND_TIE_BREAK, JC_UNAVAILABLE}, {COND_CONFLICT, JC_UNAVAILABLE},
		{COND_RESOURCE_CONSTRAINT, JC_BUSY}, {COND_BAD_REQUEST, JC_PROTOCOL}, {COND_OUT_OF_ORDER, JC_PROTOCOL},
		{COND_SECURITY_REQUIRED, JC_SECURITY}, {COND_UNDEFINED, JC_PROTOCOL}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		void *state_of_row = new_world(TRUE);
		struct world *w = state_of_row;
		struct jingle_out out;

		jingle_acked(w->s, offer_ours(w), rows[i].cond, 0);
		assert_true(jingle_next(w->s, &out));
		assert_int_equal(out.event, JINGLE_EV_ENDED);
		assert_string_equal(jc_symbol(out.err), jc_symbol(rows[i].err));
		assert_int_equal(out.cond, rows[i].cond);	/* so that the owner can tell a tie-break */
		assert_non_null(strstr(out.text, cond_words(rows[i].cond)));
		expect_nothing(w);
		teardown(&state_of_row);
	}
}

static void an_offer_unanswered_is_taken_back_after_its_time(void **state)
{
	struct world *w = *state;

	offer_ours(w);
	assert_true(jingle_deadline(w->s) == 1000 + JINGLE_ANSWER_MS);
	jingle_expire(w->s, 1000 + JINGLE_ANSWER_MS - 1);
	expect_nothing(w);
	jingle_expire(w->s, 1000 + JINGLE_ANSWER_MS);
	expect_send(w, TERMINATE("timeout"));
	expect_ended(w, JC_UNAVAILABLE, FALSE);
}

static void an_offer_whose_query_times_out_is_taken_back(void **state)
{
	struct world *w = *state;

	jingle_acked(w->s, offer_ours(w), COND_TIMEOUT, 0);
	expect_send(w, TERMINATE("timeout"));
	expect_ended(w, JC_UNAVAILABLE, FALSE);
}

static void a_peer_that_rings_without_acknowledging_is_there(void **state)
{
	struct world *w = *state;
	guint tag = offer_ours(w);

	assert_int_equal(recv_text(w, J("session-info", "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>")), COND_OK);
	expect_event(w, JINGLE_EV_RINGING);
	assert_true(jingle_deadline(w->s) == G_MAXINT64);
	jingle_acked(w->s, tag, COND_TIMEOUT, 0);
	expect_nothing(w);
}

static void a_lost_connection_leaves_the_offer_standing(void **state)
{
	struct world *w = *state;

	jingle_acked(w->s, offer_ours(w), COND_DISCONNECTED, 0);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_PENDING);
	assert_true(jingle_deadline(w->s) == G_MAXINT64);
	assert_int_equal(recv_text(w, J("session-accept", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
}

static void an_accept_before_the_acknowledgement_counts(void **state)
{
	struct world *w = *state;
	guint tag = offer_ours(w);

	assert_int_equal(recv_text(w, J("session-accept", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
	jingle_acked(w->s, tag, COND_UNDEFINED, 0);
	expect_nothing(w);
	assert_int_equal(w->fake.keying_reads[JINGLE_SESSION_ACCEPT], 1);
}

static void an_accept_without_our_content_ends_the_session(void **state)
{
	static const char *const bad[] = {
		J("session-accept", CONTENT("video", DESCRIPTION TRANSPORT)),
		J("session-accept", "<content creator='responder' name='audio'>" DESCRIPTION TRANSPORT "</content>"),
		J("session-accept", AUDIO(TRANSPORT)), J("session-accept", AUDIO(DESCRIPTION))};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		void *w = world_in(DIALLED);

		assert_int_equal(recv_text(w, bad[i]), COND_BAD_REQUEST);
		expect_send(w, TERMINATE("general-error"));
		expect_ended(w, JC_PROTOCOL, FALSE);
		teardown(&w);
	}
}

static void an_accept_that_does_not_fit_is_acknowledged_and_ended(void **state)
{
	static const struct {
		enum jc_err agree, keying;
		const char *content, *reason;
		enum jc_err err;
	} rows[] = {
		{JC_NO_CODEC, JC_OK, AUDIO(DESCRIPTION TRANSPORT), "incompatible-parameters", JC_NO_CODEC},
		{JC_OK, JC_SECURITY, AUDIO(DESCRIPTION TRANSPORT), "security-error", JC_SECURITY},
		{JC_OK, JC_OK, AUDIO(DESCRIPTION "<transport xmlns='x'/>"), "unsupported-transports", JC_UNSUPPORTED_TRANSPORT},
		{JC_OK, JC_OK, AUDIO("<description xmlns='x'/>" TRANSPORT), "unsupported-applications", JC_UNSUPPORTED_APP}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		void *state_of_row = world_in(DIALLED);
		struct world *w = state_of_row;
		g_autofree char *accept = g_strdup_printf(J("session-accept", "%s"), rows[i].content);
		g_autofree char *end = g_strdup_printf(J("session-terminate", "<reason><%s/></reason>"), rows[i].reason);

		w->fake.agree = rows[i].agree;
		w->fake.keying_read = rows[i].keying;
		assert_int_equal(recv_text(w, accept), COND_OK);
		expect_send(w, end);
		expect_ended(w, rows[i].err, FALSE);
		teardown(&state_of_row);
	}
}

static void the_callee_refuses_in_many_words(void **state)
{
	static const struct {
		const char *inside;
		enum jc_err err;
	} rows[] = {{"<reason><decline/></reason>", JC_DECLINED}, {"<reason><busy/></reason>", JC_BUSY},
		    {"", JC_DECLINED}, {"<reason><bored/></reason>", JC_DECLINED}, {"<reason><success/></reason>", JC_DECLINED},
		    {"<reason><cancel/></reason>", JC_DECLINED}, {"<reason><timeout/></reason>", JC_NO_ANSWER},
		    {"<reason><unsupported-applications/></reason>", JC_UNSUPPORTED_APP}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		void *w = world_in(DIALLED);
		g_autofree char *text = g_strdup_printf(J("session-terminate", "%s"), rows[i].inside);

		assert_int_equal(recv_text(w, text), COND_OK);
		expect_ended(w, rows[i].err, TRUE);
		teardown(&w);
	}
}

static void words_of_the_peer_come_with_the_end_and_are_cut(void **state)
{
	struct world *w = *state;
	g_autofree char *ash = g_strnfill(497, 'a');
	g_autofree char *text = g_strdup_printf(J("session-terminate", "<reason><busy/><text>%s%s</text></reason>"), ash,
						"\xe2\x82\xac\xe2\x82\xac");

	offer_delivered(w);
	assert_int_equal(recv_text(w, text), COND_OK);
	expect_ended(w, JC_BUSY, TRUE);
	assert_int_equal(strlen(w->text), 500);
	assert_true(g_utf8_validate(w->text, -1, NULL));
}

static void words_are_not_cut_within_a_character(void **state)
{
	struct world *w = *state;
	g_autofree char *ash = g_strnfill(499, 'a');
	g_autofree char *text = g_strdup_printf(J("session-terminate", "<reason><busy/><text>%s\xe2\x82\xac</text></reason>"), ash);

	offer_delivered(w);
	assert_int_equal(recv_text(w, text), COND_OK);
	expect_ended(w, JC_BUSY, TRUE);
	assert_string_equal(w->text, ash);
}

static void attributes_of_initiator_and_responder_are_not_judged(void **state)
{
	struct world *w = *state;

	offer_delivered(w);
	assert_int_equal(recv_text(w, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-accept' initiator='x' "
				   "responder='y'>" AUDIO(DESCRIPTION TRANSPORT) "</jingle>"), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIALER(candidates_follow_the_offer_without_waiting),
		DIALER(an_offer_goes_out_once),
		DIALER(a_call_ended_before_its_offer_says_nothing_to_the_peer),
		cmocka_unit_test(errors_to_the_offer_are_outcomes),
		DIALER(an_offer_unanswered_is_taken_back_after_its_time),
		DIALER(an_offer_whose_query_times_out_is_taken_back),
		DIALER(a_peer_that_rings_without_acknowledging_is_there),
		DIALER(a_lost_connection_leaves_the_offer_standing),
		DIALER(an_accept_before_the_acknowledgement_counts),
		cmocka_unit_test(an_accept_without_our_content_ends_the_session),
		cmocka_unit_test(an_accept_that_does_not_fit_is_acknowledged_and_ended),
		cmocka_unit_test(the_callee_refuses_in_many_words),
		DIALER(words_of_the_peer_come_with_the_end_and_are_cut),
		DIALER(words_are_not_cut_within_a_character),
		DIALER(attributes_of_initiator_and_responder_are_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
