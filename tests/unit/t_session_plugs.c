/* Which plug-ins are in force, and one transport after another: XEP-0166 "transport-replace", "Tie Breaking". */
#include "jworld.h"

#include <string.h>

#define RAW       "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'/>"
#define RAW_KEYED "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'>" \
		  "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'/></transport>"
#define REPLACE J("transport-replace", AUDIO(RAW_KEYED))
#define ACCEPT  J("transport-accept", AUDIO(RAW_KEYED))
#define ENCRYPTED "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><encryption/></description>"

static guint replace_ours(struct world *w)
{
	jingle_replace(w->s, 0);
	return expect_send(w, REPLACE);
}

static const char *how(const struct world *w)
{
	return jingle_current_transport(w->s)->ns;
}

/* ---- our wish ---- */

static void when_ours_is_taken_the_other_transport_is_in_force(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	jingle_acked(w->s, replace_ours(w), COND_OK, 1);
	expect_nothing(w);
	assert_string_equal(how(w), NS_ICE_UDP);
	assert_int_equal(recv_text(w, ACCEPT), COND_OK);
	expect_event(w, JINGLE_EV_REPLACED);
	expect_nothing(w);
	assert_string_equal(how(w), NS_RAW_UDP);
	assert_int_equal(w->fake.transport_reads[JINGLE_TRANSPORT_ACCEPT], 1);
	assert_int_equal(w->fake.keying_reads[JINGLE_TRANSPORT_ACCEPT], 1);
	assert_true(jingle_deadline(w->s) == G_MAXINT64);
	assert_int_equal(recv_text(w, ACCEPT), COND_OUT_OF_ORDER);
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(TRANSPORT))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(RAW))), COND_OK);
}

static void when_ours_is_rejected_the_session_ends_with_failed_transport(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	jingle_acked(w->s, replace_ours(w), COND_OK, 1);
	assert_int_equal(recv_text(w, J("transport-reject", AUDIO(RAW))), COND_OK);
	expect_send(w, TERMINATE("failed-transport"));
	expect_ended(w, JC_FAILED_TRANSPORT, FALSE);
}

static void an_error_to_our_wish_is_a_rejection(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	jingle_acked(w->s, replace_ours(w), COND_FEATURE_NOT_IMPLEMENTED, 1);
	expect_send(w, TERMINATE("failed-transport"));
	expect_ended(w, JC_FAILED_TRANSPORT, FALSE);
}

static void no_answer_to_our_wish_ends_the_session(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	jingle_acked(w->s, replace_ours(w), COND_OK, 1);
	assert_int_equal(jingle_deadline(w->s), JINGLE_ANSWER_MS);
	jingle_expire(w->s, JINGLE_ANSWER_MS - 1);
	expect_nothing(w);
	jingle_expire(w->s, JINGLE_ANSWER_MS);
	expect_send(w, TERMINATE("failed-transport"));
	expect_ended(w, JC_FAILED_TRANSPORT, FALSE);
}

static void when_all_transports_are_exhausted_the_session_ends(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	replace_ours(w);
	recv_text(w, ACCEPT);
	expect_event(w, JINGLE_EV_REPLACED);
	jingle_replace(w->s, 1);
	expect_send(w, TERMINATE("failed-transport"));
	expect_ended(w, JC_FAILED_TRANSPORT, FALSE);
}

static void an_answer_by_another_transport_than_asked_for_is_malformed(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	replace_ours(w);
	assert_int_equal(recv_text(w, J("transport-accept", AUDIO(TRANSPORT))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, J("transport-accept", AUDIO(""))), COND_BAD_REQUEST);
	assert_int_equal(recv_text(w, ACCEPT), COND_OK);
	expect_event(w, JINGLE_EV_REPLACED);
}

static void a_forged_fingerprint_in_the_answer_ends_the_session(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	replace_ours(w);
	w->fake.keying_read = JC_SECURITY;
	assert_int_equal(recv_text(w, ACCEPT), COND_OK);
	expect_send(w, TERMINATE("security-error"));
	expect_ended(w, JC_SECURITY, FALSE);
}

static void the_called_side_may_wish_too_but_only_after_its_accept(void **state)
{
	struct world *w = *state;

	offer_theirs(w);
	jingle_replace(w->s, 0);
	expect_nothing(w);
	accept_ours(w);
	expect_event(w, JINGLE_EV_ACCEPTED);
	replace_ours(w);
	assert_int_equal(recv_text(w, ACCEPT), COND_OK);
	expect_event(w, JINGLE_EV_REPLACED);
}

/* ---- the peer's wish ---- */

static void the_peers_wish_is_asked_about_and_accepted(void **state)
{
	struct world *w = *state;

	accepted_by_us(w);
	assert_int_equal(recv_text(w, REPLACE), COND_OK);
	expect_event(w, JINGLE_EV_REPLACE_ASKED);
	expect_nothing(w);
	assert_string_equal(jingle_asked_transport(w->s)->ns, NS_RAW_UDP);
	assert_string_equal(how(w), NS_ICE_UDP);
	assert_int_equal(recv_text(w, REPLACE), COND_OUT_OF_ORDER);
	jingle_replace_accept(w->s, 1);
	expect_send(w, ACCEPT);
	expect_event(w, JINGLE_EV_REPLACED);
	assert_string_equal(how(w), NS_RAW_UDP);
	assert_null(jingle_asked_transport(w->s));
	jingle_replace_accept(w->s, 1);
	expect_nothing(w);
}

static void a_transport_we_lack_is_rejected_and_the_call_goes_on(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("transport-replace", AUDIO("<transport xmlns='x'/>"))), COND_OK);
	expect_send(w, J("transport-reject", AUDIO("<transport xmlns='x'/>")));
	expect_nothing(w);
	assert_int_equal(recv_text(w, J("transport-replace", AUDIO(""))), COND_BAD_REQUEST);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

static void a_forged_fingerprint_in_the_wish_ends_the_session(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	w->fake.keying_read = JC_SECURITY;
	assert_int_equal(recv_text(w, REPLACE), COND_OK);
	expect_send(w, TERMINATE("security-error"));
	expect_ended(w, JC_SECURITY, FALSE);
}

/* ---- both wish ---- */

static void of_two_wishes_the_initiators_counts_seen_from_the_initiator(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	replace_ours(w);
	assert_int_equal(recv_text(w, REPLACE), COND_TIE_BREAK);
	expect_nothing(w);
	assert_int_equal(recv_text(w, ACCEPT), COND_OK);
	expect_event(w, JINGLE_EV_REPLACED);
}

static void of_two_wishes_the_initiators_counts_seen_from_the_responder(void **state)
{
	struct world *w = *state;
	guint tag;

	accepted_by_us(w);
	tag = replace_ours(w);
	assert_int_equal(recv_text(w, REPLACE), COND_OK);
	expect_event(w, JINGLE_EV_REPLACE_ASKED);
	jingle_acked(w->s, tag, COND_TIE_BREAK, 1);
	jingle_replace_accept(w->s, 1);
	expect_send(w, ACCEPT);
	expect_event(w, JINGLE_EV_REPLACED);
	expect_nothing(w);
	assert_true(jingle_deadline(w->s) == G_MAXINT64);
}

static void the_responder_waits_for_the_wish_that_beat_its_own(void **state)
{
	struct world *w = *state;

	accepted_by_us(w);
	jingle_acked(w->s, replace_ours(w), COND_TIE_BREAK, 1);
	expect_nothing(w);
	assert_int_equal(recv_text(w, REPLACE), COND_OK);
	expect_event(w, JINGLE_EV_REPLACE_ASKED);
}

/* ---- which transport, which condition ---- */

static void an_offer_by_our_second_transport_is_taken(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(DESCRIPTION RAW_KEYED))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	assert_string_equal(how(w), NS_RAW_UDP);
}

static int setup_picky(void **state, gboolean initiator)
{
	struct world *w = g_new0(struct world, 1);
	struct jingle_plugs plugs;

	w->fake.picky = TRUE;
	plugs = jfake_plugs(&w->fake);
	w->s = (initiator ? jingle_dial : jingle_incoming)("s1", US, PEER, &plugs);
	*state = w;
	return 0;
}

static int setup_picky_dialer(void **state)
{
	return setup_picky(state, TRUE);
}

static int setup_picky_called(void **state)
{
	return setup_picky(state, FALSE);
}

static void offer_both(struct world *w)
{
	jingle_start(w->s, 0);
	expect_send(w, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-initiate' initiator='" US "'>"
		    "<content creator='initiator' name='audio' senders='both'>" ENCRYPTED KEYED "</content>" BUNDLE "</jingle>");
}

static void an_offer_with_both_conditions_is_met_by_the_first_of_ours(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(ENCRYPTED KEYED))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	assert_ptr_equal(jingle_current_keying(w->s), &jfake_first);
	accept_ours(w);			/* and only that one is written */
}

static void an_offer_with_the_second_condition_alone_is_met_by_that(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(ENCRYPTED TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	assert_ptr_equal(jingle_current_keying(w->s), &jfake_second);
}

static void an_offer_without_any_condition_of_ours_is_a_security_error(void **state)
{
	struct world *w = *state;

	w->fake.answer = JC_NO_CODEC;		/* whatever else is missing */
	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_send(w, TERMINATE("security-error"));
	expect_ended(w, JC_SECURITY, FALSE);
	assert_string_equal(w->text, "its client cannot encrypt calls (first or second)");
}

static void the_answer_chooses_among_the_conditions_offered(void **state)
{
	struct world *w = *state;

	offer_both(w);
	assert_int_equal(recv_text(w, J("session-accept", AUDIO(ENCRYPTED TRANSPORT))), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
	assert_ptr_equal(jingle_current_keying(w->s), &jfake_second);
}

static void an_answer_without_any_condition_is_a_downgrade(void **state)
{
	struct world *w = *state;

	offer_both(w);
	w->fake.agree = JC_NO_CODEC;		/* whatever else is missing */
	assert_int_equal(recv_text(w, J("session-accept", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	expect_send(w, TERMINATE("security-error"));
	expect_ended(w, JC_SECURITY, FALSE);
	assert_non_null(strstr(w->text, "cannot encrypt"));
}

static void an_early_fingerprint_chooses_for_the_whole_session(void **state)
{
	struct world *w = *state;

	offer_both(w);
	assert_int_equal(recv_text(w, J("transport-info", AUDIO(KEYED))), COND_OK);
	expect_event(w, JINGLE_EV_TRANSPORT);
	assert_ptr_equal(jingle_current_keying(w->s), &jfake_first);
	w->fake.keying_read = JC_SECURITY;	/* what is said later is judged by that one */
	assert_int_equal(recv_text(w, J("session-accept", AUDIO(ENCRYPTED TRANSPORT))), COND_OK);
	expect_send(w, TERMINATE("security-error"));
}

#define PICKY(test, who) cmocka_unit_test_setup_teardown(test, setup_picky_##who, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIALER(when_ours_is_taken_the_other_transport_is_in_force),
		DIALER(when_ours_is_rejected_the_session_ends_with_failed_transport),
		DIALER(an_error_to_our_wish_is_a_rejection),
		DIALER(no_answer_to_our_wish_ends_the_session),
		DIALER(when_all_transports_are_exhausted_the_session_ends),
		DIALER(an_answer_by_another_transport_than_asked_for_is_malformed),
		DIALER(a_forged_fingerprint_in_the_answer_ends_the_session),
		CALLED(the_called_side_may_wish_too_but_only_after_its_accept),
		CALLED(the_peers_wish_is_asked_about_and_accepted),
		DIALER(a_transport_we_lack_is_rejected_and_the_call_goes_on),
		DIALER(a_forged_fingerprint_in_the_wish_ends_the_session),
		DIALER(of_two_wishes_the_initiators_counts_seen_from_the_initiator),
		CALLED(of_two_wishes_the_initiators_counts_seen_from_the_responder),
		CALLED(the_responder_waits_for_the_wish_that_beat_its_own),
		CALLED(an_offer_by_our_second_transport_is_taken),
		PICKY(an_offer_with_both_conditions_is_met_by_the_first_of_ours, called),
		PICKY(an_offer_with_the_second_condition_alone_is_met_by_that, called),
		PICKY(an_offer_without_any_condition_of_ours_is_a_security_error, called),
		PICKY(the_answer_chooses_among_the_conditions_offered, dialer),
		PICKY(an_answer_without_any_condition_is_a_downgrade, dialer),
		PICKY(an_early_fingerprint_chooses_for_the_whole_session, dialer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
