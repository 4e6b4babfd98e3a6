/* The table of actions and states, and sessions that the peer offers: XEP-0166, and the ways of deployed clients. */
#include "jworld.h"

#include <string.h>

/* ---- the table: every action in every state ---- */

static void every_action_has_its_answer_in_every_state(void **state)
{
	enum { OO = COND_OUT_OF_ORDER, UI = COND_UNSUPPORTED_INFO };
	static const struct {
		const char *text;
		int answer[NSTATES];		/* dialled, ringing here, active as dialer, active as called */
	} rows[] = {
		{J("content-accept", VIDEO),                           {OO, OO, OO, OO}},
		{J("content-add", VIDEO),                              {0, 0, 0, 0}},
		{J("content-modify", "<content creator='initiator' name='audio' senders='none'/>"), {0, 0, 0, 0}},
		{J("content-reject", VIDEO),                           {OO, OO, OO, OO}},
		{J("content-remove", AUDIO("")),                       {0, 0, 0, 0}},
		{J("description-info", AUDIO(DESCRIPTION)),            {0, 0, 0, 0}},
		{J("security-info", AUDIO("<security xmlns='x'/>")),   {UI, UI, UI, UI}},
		{J("session-accept", AUDIO(DESCRIPTION TRANSPORT)),    {0, OO, OO, OO}},
		{J("session-info", ""),                                {0, 0, 0, 0}},
		{J("session-initiate", AUDIO(DESCRIPTION TRANSPORT)),  {OO, OO, OO, OO}},
		{TERMINATE("success"),                                 {0, 0, 0, 0}},
		{J("transport-accept", AUDIO(TRANSPORT)),              {OO, OO, OO, OO}},
		{J("transport-info", AUDIO(TRANSPORT)),                {0, 0, 0, 0}},
		{J("transport-reject", AUDIO(TRANSPORT)),              {OO, OO, OO, OO}},
		{J("transport-replace", AUDIO("<transport xmlns='x'/>")), {0, 0, 0, 0}},
	};

	assert_int_equal(G_N_ELEMENTS(rows), JINGLE_ACTION_COUNT - 1);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		for (int where = 0; where < NSTATES; where++) {
			void *w = world_in(where);
			enum iq_cond cond = recv_text(w, rows[i].text);

			if ((int)cond != rows[i].answer[where])
				fail_msg("in state %d %s was answered %s", where, rows[i].text, cond_words(cond));
			if (cond != COND_OK)
				expect_nothing(w);
			teardown(&w);
		}
}

static void after_the_end_every_action_is_of_an_unknown_session(void **state)
{
	for (int a = 1; a < JINGLE_ACTION_COUNT; a++) {
		void *w = world_in(UP_CALLED);
		struct jingle_msg m = {.action = (enum jingle_action)a, .sid = "s1"};

		recv_text(w, TERMINATE("success"));
		assert_int_equal(jingle_recv(((struct world *)w)->s, &m, 0), COND_UNKNOWN_SESSION);
		expect_ended(w, JC_OK, TRUE);
		teardown(&w);
	}
}

/* ---- the offer ---- */

static void a_sound_offer_is_incoming(void **state)
{
	struct world *w = *state;

	offer_theirs(w);
	assert_int_equal(w->fake.answers, 1);
	assert_int_equal(w->fake.keying_reads[JINGLE_SESSION_INITIATE], 1);
	assert_int_equal(jingle_state(w->s), JINGLE_PENDING);
}

static void refused_offer(struct world *w, const char *offer, const char *reason, enum jc_err err)
{
	g_autofree char *terminate = g_strdup_printf(J("session-terminate", "<reason><%s/></reason>"), reason);

	assert_int_equal(recv_text(w, offer), COND_OK);
	expect_send(w, terminate);
	expect_ended(w, err, FALSE);
}

static void an_offer_without_audio_is_acknowledged_and_ended(void **state)
{
	refused_offer(*state, J("session-initiate", VIDEO), "unsupported-applications", JC_UNSUPPORTED_APP);
}

static void an_offer_of_files_is_acknowledged_and_ended(void **state)
{
	refused_offer(*state, J("session-initiate", AUDIO("<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'/>" TRANSPORT)),
		      "unsupported-applications", JC_UNSUPPORTED_APP);
}

static void an_offer_over_another_transport_is_acknowledged_and_ended(void **state)
{
	refused_offer(*state, J("session-initiate", AUDIO(DESCRIPTION "<transport xmlns='urn:xmpp:jingle:transports:ibb:1'/>")),
		      "unsupported-transports", JC_UNSUPPORTED_TRANSPORT);
}

static void an_offer_without_a_common_codec_is_acknowledged_and_ended(void **state)
{
	struct world *w = *state;

	w->fake.answer = JC_NO_CODEC;
	refused_offer(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT)), "incompatible-parameters", JC_NO_CODEC);
}

static void an_offer_without_encryption_is_acknowledged_and_ended(void **state)
{
	struct world *w = *state;

	w->fake.keying_read = JC_SECURITY;
	refused_offer(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT)), "security-error", JC_SECURITY);
}

static void a_malformed_offer_gets_an_error_and_nothing_else(void **state)
{
	static const char *const bad[] = {
		J("session-initiate", AUDIO(DESCRIPTION)),
		J("session-initiate", AUDIO(TRANSPORT)),
		J("session-initiate", "<content creator='responder' name='audio'>" DESCRIPTION TRANSPORT "</content>"),
		J("session-initiate", "<content creator='initiator' name='a' disposition='early-session'>" DESCRIPTION TRANSPORT
		  "</content>")};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		void *w = new_world(FALSE);

		assert_int_equal(recv_text(w, bad[i]), COND_BAD_REQUEST);
		expect_ended(w, JC_PROTOCOL, FALSE);
		teardown(&w);
	}
}

static void one_content_of_the_session_is_enough(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", "<content creator='initiator' name='early' disposition='early-session'>"
					DESCRIPTION TRANSPORT "</content>" AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	accept_ours(w);		/* with "audio", not with "early" */
}

static void nothing_but_an_offer_opens_a_session(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("transport-info", AUDIO(TRANSPORT))), COND_UNKNOWN_SESSION);
	assert_int_equal(recv_text(w, TERMINATE("cancel")), COND_UNKNOWN_SESSION);
	jingle_accept(w->s, 0);
	jingle_ring(w->s, 0);
	expect_nothing(w);
	assert_int_equal(w->fake.transport_reads[JINGLE_TRANSPORT_INFO], 0);
}

static void of_audio_and_video_audio_is_accepted_and_video_removed(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", VIDEO AUDIO(DESCRIPTION TRANSPORT)
					"<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='video'/>"
					"<content name='audio'/></group>")), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	accept_with(w, BUNDLE);
	expect_send(w, J("content-remove", CONTENT("video", "")));
	expect_event(w, JINGLE_EV_ACCEPTED);
	/* Its candidates may be on their way. */
	assert_int_equal(recv_text(w, J("transport-info", CONTENT("video", TRANSPORT))), COND_OK);
	assert_int_equal(recv_text(w, J("transport-info", CONTENT("nonsense", TRANSPORT))), COND_BAD_REQUEST);
	assert_int_equal(w->fake.transport_reads[JINGLE_TRANSPORT_INFO], 0);
	expect_nothing(w);
}

/* XEP-0338: of an offered BUNDLE the answer has what we take. */
static void a_bundle_that_our_content_is_in_is_answered_with_that_alone(void **state)
{
	static const struct {
		const char *offer, *answer;
	} table[] = {{GROUP("BUNDLE", "<content name='video'/><content name='audio'/>"), BUNDLE}, {GROUP("BUNDLE", "<content name='video'/>"), ""},
		     {GROUP("LS", "<content name='audio'/>"), ""}, {GROUP("BUNDLE", ""), ""}, {"", ""},
		     {GROUP("LS", "<content name='video'/>") BUNDLE, BUNDLE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *offer = g_strdup_printf(J("session-initiate", "%s" VIDEO AUDIO(DESCRIPTION TRANSPORT)), table[i].offer);
		void *w = new_world(FALSE);

		assert_int_equal(recv_text(w, offer), COND_OK);
		expect_event(w, JINGLE_EV_INCOMING);
		accept_with(w, table[i].answer);
		teardown(&w);
	}
}

static void what_the_peer_took_back_itself_is_not_removed_again(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT) VIDEO)), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	assert_int_equal(recv_text(w, J("content-remove", CONTENT("video", ""))), COND_OK);
	accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	expect_nothing(w);
}

static void of_two_audio_contents_the_first_that_suits_is_taken(void **state)
{
	struct world *w = *state;

	w->fake.only = "good";
	assert_int_equal(recv_text(w, J("session-initiate", CONTENT("legacy", DESCRIPTION TRANSPORT)
		CONTENT("audio", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' id='good'/>" TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	accept_ours(w);
	expect_send(w, J("content-remove", CONTENT("legacy", "")));
}

static void of_two_contents_of_one_name_the_first_that_suits_is_taken(void **state)
{
	struct world *w = *state;

	w->fake.only = "good";
	assert_int_equal(recv_text(w, J("session-initiate", CONTENT("audio", DESCRIPTION TRANSPORT)
		CONTENT("audio", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' id='good'/>" TRANSPORT)
		CONTENT("video", "<description xmlns='urn:example:video'/>" TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	accept_ours(w);
	expect_send(w, J("content-remove", CONTENT("video", "")));
	expect_event(w, JINGLE_EV_ACCEPTED);
	expect_nothing(w);
}

static void contents_of_one_name_that_do_not_suit_are_no_offer(void **state)
{
	struct world *w = *state;

	w->fake.only = "good";
	assert_int_equal(recv_text(w, J("session-initiate", CONTENT("audio", DESCRIPTION TRANSPORT)
		CONTENT("audio", DESCRIPTION TRANSPORT))), COND_OK);
	assert_int_equal(jingle_state(w->s), JINGLE_ENDED);
}

/* ---- ringing, accepting, refusing ---- */

static void ringing_is_told_once_and_only_before_the_accept(void **state)
{
	struct world *w = *state;

	offer_theirs(w);
	jingle_ring(w->s, 0);
	expect_send(w, J("session-info", "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"));
	jingle_ring(w->s, 0);
	expect_nothing(w);
}

static void no_candidate_leaves_before_the_accept(void **state)
{
	struct world *w = *state;

	offer_theirs(w);
	w->fake.news = 2;
	jingle_trickle(w->s, 0);
	expect_nothing(w);
	accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	expect_send(w, J("transport-info", AUDIO(TRANSPORT)));
	expect_send(w, J("transport-info", AUDIO(TRANSPORT)));
	expect_nothing(w);
	assert_int_equal(w->fake.keying_writes, 1);	/* the fingerprint goes into the accept only, rule R13 */
}

static void accepting_twice_is_accepting_once(void **state)
{
	struct world *w = *state;

	accepted_by_us(w);
	jingle_accept(w->s, 0);
	expect_nothing(w);
}

static void the_reason_fits_role_and_state(void **state)
{
	static const struct {
		int where;
		enum jc_err err;
		const char *reason;
	} rows[] = {
		{RINGING, JC_DECLINED, "decline"}, {RINGING, JC_BUSY, "busy"}, {RINGING, JC_NO_ANSWER, "timeout"},
		{RINGING, JC_OK, "decline"}, {RINGING, JC_CANCELLED, "decline"}, {RINGING, JC_AUDIO_DEVICE, "failed-application"},
		{RINGING, JC_SERVER, "gone"}, {RINGING, JC_UNAVAILABLE, "gone"},
		{DIALLED, JC_CANCELLED, "cancel"}, {DIALLED, JC_OK, "cancel"}, {DIALLED, JC_NO_ANSWER, "timeout"},
		{DIALLED, JC_UNAVAILABLE, "timeout"}, {DIALLED, JC_ELSEWHERE, "cancel"}, {DIALLED, JC_NO_PATH, "connectivity-error"},
		{DIALLED, JC_INTERNAL, "general-error"},
		{UP_DIALER, JC_OK, "success"}, {UP_CALLED, JC_OK, "success"}, {UP_DIALER, JC_CANCELLED, "success"},
		{UP_CALLED, JC_DECLINED, "success"}, {UP_DIALER, JC_LOST, "connectivity-error"},
		{UP_CALLED, JC_SECURITY, "security-error"}, {UP_CALLED, JC_FAILED_TRANSPORT, "failed-transport"},
		{UP_CALLED, JC_FILE, "media-error"},
		{UP_CALLED, JC_READER_GONE, "success"}, {RINGING, JC_READER_GONE, "decline"}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		void *state_of_row = world_in(rows[i].where);
		struct world *w = state_of_row;
		g_autofree char *expected = g_strdup_printf(J("session-terminate", "<reason><%s/></reason>"), rows[i].reason);

		jingle_end(w->s, rows[i].err, "words of ours", 0);
		expect_send(w, expected);
		expect_ended(w, rows[i].err, FALSE);
		assert_string_equal(w->text, "words of ours");
		teardown(&state_of_row);
	}
}

static void every_outcome_can_end_a_session_in_every_state(void **state)
{
	for (int err = 0; err < JC_ERR_COUNT; err++)
		for (int where = 0; where < NSTATES; where++) {
			void *w = world_in(where);

			jingle_end(((struct world *)w)->s, (enum jc_err)err, NULL, 0);
			expect_send(w, J("session-terminate", "<reason>*</reason>"));
			expect_ended(w, (enum jc_err)err, FALSE);
			teardown(&w);
		}
}

static void an_accept_that_nobody_acknowledges_ends_nothing(void **state)
{
	struct world *w = *state;
	guint tag;

	offer_theirs(w);
	tag = accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	assert_true(jingle_deadline(w->s) == G_MAXINT64);
	jingle_acked(w->s, tag, COND_TIMEOUT, 20000);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

/* The peer's sound came before its acknowledgement, which got lost: nobody has given that call up. */
static void an_accept_that_the_media_have_proven_needs_no_acknowledgement(void **state)
{
	struct world *w = *state;

	offer_theirs(w);
	accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	jingle_proven(w->s);
	assert_int_equal(recv_text(w, TERMINATE("success")), COND_OK);
	expect_ended(w, JC_OK, TRUE);
}

static void an_accept_of_a_session_gone_is_a_call_given_up(void **state)
{
	struct world *w = *state;
	guint tag;

	offer_theirs(w);
	tag = accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	jingle_acked(w->s, tag, COND_UNKNOWN_SESSION, 0);
	expect_ended(w, JC_CANCELLED, FALSE);
	assert_int_equal(w->out.kind, JINGLE_OUT_EVENT);
}

static void an_accept_refused_ends_the_call_on_both_sides(void **state)
{
	struct world *w = *state;
	guint tag;

	offer_theirs(w);
	tag = accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	jingle_acked(w->s, tag, COND_UNDEFINED, 0);	/* Chromium with stanza.js says no more than that */
	expect_send(w, TERMINATE("general-error"));
	expect_ended(w, JC_PROTOCOL, FALSE);
}

static void a_cancel_that_crosses_the_accept_is_a_call_given_up(void **state)
{
	struct world *w = *state;
	guint tag;

	offer_theirs(w);
	tag = accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	assert_int_equal(recv_text(w, TERMINATE("cancel")), COND_OK);
	expect_ended(w, JC_CANCELLED, TRUE);
	jingle_acked(w->s, tag, COND_UNKNOWN_SESSION, 0);
	expect_nothing(w);
}

static void the_caller_gives_up_in_many_words(void **state)
{
	static const struct {
		const char *reason;
		enum jc_err err;
	} rows[] = {{"cancel", JC_CANCELLED}, {"success", JC_CANCELLED}, {"decline", JC_CANCELLED}, {"gone", JC_CANCELLED},
		    {"timeout", JC_NO_ANSWER}, {"alternative-session", JC_ELSEWHERE}, {"security-error", JC_SECURITY}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		void *w = world_in(RINGING);
		g_autofree char *text = g_strdup_printf(J("session-terminate", "<reason><%s/></reason>"), rows[i].reason);

		assert_int_equal(recv_text(w, text), COND_OK);
		expect_ended(w, rows[i].err, TRUE);
		teardown(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_has_its_answer_in_every_state),
		cmocka_unit_test(after_the_end_every_action_is_of_an_unknown_session),
		CALLED(a_sound_offer_is_incoming),
		CALLED(an_offer_without_audio_is_acknowledged_and_ended),
		CALLED(an_offer_of_files_is_acknowledged_and_ended),
		CALLED(an_offer_over_another_transport_is_acknowledged_and_ended),
		CALLED(an_offer_without_a_common_codec_is_acknowledged_and_ended),
		CALLED(an_offer_without_encryption_is_acknowledged_and_ended),
		cmocka_unit_test(a_malformed_offer_gets_an_error_and_nothing_else),
		CALLED(one_content_of_the_session_is_enough),
		CALLED(nothing_but_an_offer_opens_a_session),
		CALLED(of_audio_and_video_audio_is_accepted_and_video_removed),
		cmocka_unit_test(a_bundle_that_our_content_is_in_is_answered_with_that_alone),
		CALLED(what_the_peer_took_back_itself_is_not_removed_again),
		CALLED(of_two_audio_contents_the_first_that_suits_is_taken),
		CALLED(of_two_contents_of_one_name_the_first_that_suits_is_taken),
		CALLED(contents_of_one_name_that_do_not_suit_are_no_offer),
		CALLED(ringing_is_told_once_and_only_before_the_accept),
		CALLED(no_candidate_leaves_before_the_accept),
		CALLED(accepting_twice_is_accepting_once),
		cmocka_unit_test(the_reason_fits_role_and_state),
		cmocka_unit_test(every_outcome_can_end_a_session_in_every_state),
		CALLED(an_accept_that_nobody_acknowledges_ends_nothing),
		CALLED(an_accept_that_the_media_have_proven_needs_no_acknowledgement),
		CALLED(an_accept_of_a_session_gone_is_a_call_given_up),
		CALLED(an_accept_refused_ends_the_call_on_both_sides),
		CALLED(a_cancel_that_crosses_the_accept_is_a_call_given_up),
		cmocka_unit_test(the_caller_gives_up_in_many_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
