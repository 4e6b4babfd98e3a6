/* Being called: answer.h, incoming.h and busy.h over a phone whose stream is the test's. The caller is played by text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "phone_rig.h"

static struct phone_rig rig;

static int set_up(void **state)
{
	rig_open(&rig, NULL);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	return 0;
}

static void answer_manually(guint max_calls)
{
	struct answer_options options = rig_answer_options(&rig);

	options.max_calls = max_calls;
	rig_answer(&rig, &options);
}

/* One call, and another of its caller's is another. */
static void answer_one_that_stays(void)
{
	struct answer_options options = rig_answer_options(&rig);

	options.migrate = FALSE;
	rig_answer(&rig, &options);
}

/* Whoever is named by ALLOW, or sees our presence, is taken at once. */
static void answer_by_list(const char *allow, gboolean contacts)
{
	struct answer_options options = rig_answer_options(&rig);

	options.auto_accept = TRUE;
	options.allow_contacts = contacts;
	if (allow)
		g_ptr_array_add(rig.allow, g_strdup(allow));
	rig_answer(&rig, &options);
}

/* FROM, who may know that we are here, rings with ID. */
static void ring(const char *from, const char *id)
{
	g_autofree char *propose = g_strdup_printf(PROPOSE("%s"), id);

	rig_message(&rig, from, propose);
	rig_expect_jmi(&rig, from, "ringing", id);
}

/* Our user takes call NUMBER (0: the one there is), which FROM has proposed as ID. */
static void take(guint number, const char *from, const char *id)
{
	assert_true(rig_request(&rig, VERB_ANSWER, number, NULL));
	rig_expect_jmi(&rig, US_BARE, "accept", id);
	rig_expect_jmi(&rig, from, "proceed", id);
}

/* And the session follows. */
static void connect(const char *from, const char *id)
{
	g_autofree char *offer = g_strdup_printf(OFFER("%s"), id);

	assert_int_equal(rig_iq(&rig, from, "set", offer), COND_OK);
	rig_expect_jingle(&rig, from, "session-accept");
}

static guint count(const char *text, const char *word)
{
	guint n = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
		n++;
	return n;
}

/* ---- ringing ---- */

static void a_proposal_of_a_contact_rings_and_says_so(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	rig_expect_nothing(&rig);
	assert_string_equal(rig.told->str, "incoming " ROMEO "; ");
	assert_string_equal(rig.kept->str, "p1 ok; ");
}

/* Rule R8: who does not see our presence learns nothing before our user has decided. */
static void a_stranger_rings_and_hears_nothing_of_it(void **state)
{
	answer_manually(1);
	rig_message(&rig, PARIS, PROPOSE("p1"));
	rig_expect_nothing(&rig);
	assert_string_equal(rig.told->str, "incoming " PARIS "; ");
}

/* By a carbon, or since the caller's client sends it to each device by itself, too. */
static void the_same_proposal_again_rings_once(void **state)
{
	answer_manually(3);
	ring(ROMEO, "p1");
	rig_message(&rig, ROMEO, PROPOSE("p1"));
	rig_message(&rig, ROMEO, PROPOSE("p1"));
	rig_expect_nothing(&rig);
	assert_int_equal(count(rig.told->str, "incoming"), 1);
	assert_string_equal(rig.kept->str, "p1 ok; ");
}

static void a_proposal_without_sound_or_device_or_of_our_own_does_not_ring(void **state)
{
	answer_manually(1);
	rig_message(&rig, ROMEO, JMI_WITH("propose", "p1", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>"));
	rig_message(&rig, ROMEO_BARE, PROPOSE("p2"));
	rig_carbon_sent(&rig, ROMEO_BARE, PROPOSE("p3"));
	rig_message(&rig, US_BARE "/chamber", PROPOSE("p4"));
	rig_message(&rig, ROMEO, PROPOSE("p5") "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>");
	rig_expect_nothing(&rig);
	assert_string_equal(rig.told->str, "");
	assert_true(answer_is_idle(rig.answer));
}

static void the_caller_gives_up_and_the_call_is_missed(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	rig_message(&rig, PARIS, JMI("retract", "p1"));		/* not his to take back */
	rig_message(&rig, ROMEO, JMI("retract", "other"));
	assert_false(answer_is_idle(rig.answer));
	loop_for_ms(50);
	assert_int_equal(rig.done, 0);
	rig_message(&rig, ROMEO, JMI("retract", "p1"));
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_NO_ANSWER);
	assert_string_equal(rig.peer, ROMEO);
	assert_string_equal(rig.kept->str, "p1 ok; p1 no-answer over; ");
	rig_expect_nothing(&rig);
}

static void another_device_of_ours_takes_or_declines_the_call(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	rig_carbon_sent(&rig, US_BARE, JMI("accept", "p1"));
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_ELSEWHERE);
	ring(ROMEO, "p2");
	rig_carbon_sent(&rig, ROMEO, JMI("reject", "p2"));
	loop_until(rig.done == 2);
	assert_int_equal(rig.err, JC_DECLINED);
	rig_expect_nothing(&rig);
}

/* Rule R6: to the caller, and to our own devices, which stop ringing. */
static void a_call_that_is_declined_is_rejected_to_all(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	assert_true(rig_request(&rig, VERB_REJECT, 0, NULL));
	rig_expect_jmi(&rig, ROMEO, "reject", "p1");
	rig_expect_jmi(&rig, US_BARE, "reject", "p1");
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_DECLINED);
	rig_expect_nothing(&rig);
	assert_string_equal(rig.kept->str, "p1 ok; p1 declined over; ");
}

static void who_does_not_decide_in_time_has_missed_the_call_and_nobody_is_told(void **state)
{
	struct answer_options options = rig_answer_options(&rig);

	options.ring_timeout_s = 1;
	rig_answer(&rig, &options);
	ring(ROMEO, "p1");
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_NO_ANSWER);
	rig_expect_nothing(&rig);
}

/* ---- taking ---- */

static void a_call_that_is_taken_goes_on_with_the_session_of_that_device(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	assert_int_equal(rig_iq(&rig, ROMEO, "set", JINGLE("transport-info", "p1", "")), COND_BAD_REQUEST);
	connect(ROMEO, "p1");
	assert_non_null(strstr(rig.told->str, "accepted " ROMEO "; "));
	assert_int_equal(rig.done, 0);
}

/* Neither another id nor another device is what was accepted. */
static void no_other_session_follows_a_call_that_was_taken(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	assert_int_equal(rig_iq(&rig, ROMEO_2, "set", OFFER("p1")), COND_OK);
	rig_expect_jingle(&rig, ROMEO_2, "session-terminate");		/* another device did not propose it */
	rig_expect_nothing(&rig);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", OFFER("p2")), COND_OK);
	assert_string_equal(elem_attr(rig_expect_jingle(&rig, ROMEO, "session-terminate"), "sid"), "p2");
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_PROTOCOL);
}

static void a_direct_offer_rings_and_is_accepted_when_the_user_takes_it(void **state)
{
	answer_manually(1);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", OFFER("s1")), COND_OK);
	assert_non_null(elem_child(rig_expect_jingle(&rig, ROMEO, "session-info"), "ringing", NULL));
	rig_expect_nothing(&rig);
	assert_string_equal(rig.told->str, "incoming " ROMEO "; ");
	assert_true(rig_request(&rig, VERB_ANSWER, 0, NULL));
	rig_expect_jingle(&rig, ROMEO, "session-accept");
}

/* By message a stranger may ring; the answer to an offer would tell that we are here. */
static void a_stranger_who_offers_directly_hears_what_nobody_would_say(void **state)
{
	answer_manually(1);
	assert_int_equal(rig_iq(&rig, NURSE, "set", OFFER("s1")), COND_SERVICE_UNAVAILABLE);
	rig_expect_nothing(&rig);
	assert_string_equal(rig.told->str, "");
	assert_true(answer_is_idle(rig.answer));
}

/* A friend's call finds nobody busy for a stranger who rings. */
static void a_stranger_who_rings_makes_way_for_a_friend(void **state)
{
	answer_manually(1);
	rig_message(&rig, NURSE, PROPOSE("p1"));
	rig_message(&rig, PARIS, PROPOSE("p2"));		/* one stranger at a time */
	assert_string_equal(rig.told->str, "incoming " NURSE "; ");
	ring(ROMEO, "p3");
	loop_until(rig.done == 1);
	assert_string_equal(rig.peer, NURSE);
	rig_expect_nothing(&rig);
	take(0, ROMEO, "p3");
}

static void strangers_who_are_to_be_ignored_do_not_ring(void **state)
{
	struct answer_options options = rig_answer_options(&rig);

	options.ignore_strangers = TRUE;
	rig_answer(&rig, &options);
	rig_message(&rig, NURSE, PROPOSE("p1"));
	assert_string_equal(rig.told->str, "");
	ring(ROMEO, "p2");
}

/* On SIGTERM: a friend hears a rejection, a stranger nothing at all. */
static void who_rings_when_we_leave_hears_of_it_unless_a_stranger(void **state)
{
	answer_manually(3);
	rig_message(&rig, NURSE, PROPOSE("p1"));
	ring(ROMEO, "p2");
	assert_true(answer_leave(rig.answer));
	rig_expect_jmi(&rig, ROMEO, "reject", "p2");
	rig_expect_jmi(&rig, US_BARE, "reject", "p2");
	rig_expect_nothing(&rig);
	loop_until(rig.done == 2);
	rig_expect_nothing(&rig);
}

/* A message of type error counts only from where ours went. */
static void a_proceed_that_comes_back_ends_the_call_and_from_others_does_not(void **state)
{
	g_autofree char *id = NULL;

	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	id = g_strdup(elem_attr(rig.x->sent->pdata[rig.seen - 1], "id"));
	rig_bounce(&rig, NURSE, id);
	rig_bounce(&rig, ROMEO_2, id);
	rig_bounce(&rig, ROMEO, "another");
	loop_for_ms(50);
	assert_int_equal(rig.done, 0);
	rig_bounce(&rig, ROMEO, id);
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_NO_ANSWER);
}

static void a_direct_offer_that_is_declined_is_terminated(void **state)
{
	answer_manually(1);
	rig_iq(&rig, ROMEO, "set", OFFER("s1"));
	rig_expect_jingle(&rig, ROMEO, "session-info");
	assert_true(rig_request(&rig, VERB_REJECT, 0, NULL));
	assert_non_null(elem_child(elem_child(rig_expect_jingle(&rig, ROMEO, "session-terminate"), "reason", NULL), "decline", NULL));
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_DECLINED);
}

/* XEP-0353 "Finishing a Started Session": the session ends, and so does the call by messages. */
static void a_call_that_was_taken_is_hung_up_by_both_ways(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	connect(ROMEO, "p1");
	assert_true(rig_request(&rig, VERB_HANGUP, 0, NULL));
	rig_expect_jingle(&rig, ROMEO, "session-terminate");
	rig_expect_jmi(&rig, ROMEO, "finish", "p1");
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_CANCELLED);		/* no sound has a way here */
	assert_string_equal(rig.kept->str, "p1 ok; p1 cancelled over; ");
}

/* Movim and Monal end a call by this alone (rule R12). */
static void a_finish_of_the_callers_device_ends_the_call_and_of_another_does_not(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	connect(ROMEO, "p1");
	rig_message(&rig, ROMEO_2, JMI("finish", "p1"));
	rig_message(&rig, NURSE, JMI("finish", "p1"));
	rig_message(&rig, ROMEO, JMI("finish", "other"));
	loop_for_ms(50);
	assert_int_equal(rig.done, 0);
	rig_message(&rig, ROMEO, JMI_WITH("finish", "p1", REASON("success")));
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_NO_PATH);		/* no sound has a way here */
}

/* Until the offer comes the caller may change his mind. */
static void a_caller_who_takes_back_what_we_took_ends_the_call(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	rig_message(&rig, PARIS, JMI("retract", "p1"));
	rig_message(&rig, ROMEO, JMI("retract", "p2"));
	loop_for_ms(50);
	assert_int_equal(rig.done, 0);
	rig_message(&rig, ROMEO, JMI("retract", "p1"));
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_NO_ANSWER);
}

/* Two devices of ours have accepted in one moment: the caller goes on with one, which may be this. */
static void a_call_that_two_devices_took_goes_on_where_the_session_comes(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	rig_carbon_sent(&rig, US_BARE, JMI("accept", "p1"));
	loop_for_ms(50);
	assert_int_equal(rig.done, 0);
	connect(ROMEO, "p1");
	assert_int_equal(rig.done, 0);
}

static void a_call_that_two_devices_took_is_over_here_when_the_session_does_not_come(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	rig_carbon_sent(&rig, US_BARE, JMI("accept", "p1"));
	rig_message(&rig, ROMEO, JMI("finish", "p1"));
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_ELSEWHERE);
	rig_expect_nothing(&rig);		/* the other device finishes it */
}

/* XEP-0353 3.4: whose call was taken may see what our client can do; before that nothing. */
static void whose_call_was_taken_is_no_stranger_any_more(void **state)
{
	static const char ping[] = "<ping xmlns='urn:xmpp:ping'/>";

	answer_manually(1);
	rig_message(&rig, PARIS, PROPOSE("p1"));
	assert_int_equal(rig_iq(&rig, PARIS, "get", ping), COND_SERVICE_UNAVAILABLE);
	assert_true(rig_request(&rig, VERB_ANSWER, 0, NULL));
	assert_int_equal(rig_iq(&rig, PARIS, "get", ping), COND_OK);
	assert_int_equal(rig_iq(&rig, NURSE, "get", ping), COND_SERVICE_UNAVAILABLE);
}

/* To our user it is the same whether a message or the end of the session says so. */
static void a_caller_who_cancels_his_session_has_given_up(void **state)
{
	answer_manually(1);
	rig_iq(&rig, ROMEO, "set", OFFER("s1"));
	assert_int_equal(rig_iq(&rig, ROMEO, "set", JINGLE("session-terminate", "s1", "<reason><cancel/></reason>")), COND_OK);
	loop_until(rig.done == 1);
	assert_int_equal(rig.err, JC_NO_ANSWER);
}

/* ---- by a list ---- */

static void who_is_on_the_list_is_taken_at_once(void **state)
{
	answer_by_list("verona.lit", FALSE);
	ring(PARIS, "p1");				/* they may know that we are here */
	rig_expect(&rig, "<presence xmlns='jabber:client' to='paris@verona.lit'>*</presence>");
	rig_expect_jmi(&rig, US_BARE, "accept", "p1");
	rig_expect_jmi(&rig, PARIS, "proceed", "p1");
}

static void who_is_not_on_the_list_learns_nothing_and_is_not_kept(void **state)
{
	answer_by_list("verona.lit", FALSE);
	rig_message(&rig, ROMEO, PROPOSE("p1"));
	rig_message(&rig, "paris@verona.lit.evil.test/court", PROPOSE("p2"));
	assert_int_equal(rig_iq(&rig, NURSE, "set", OFFER("s1")), COND_SERVICE_UNAVAILABLE);
	rig_expect_nothing(&rig);
	assert_true(answer_is_idle(rig.answer));
	assert_string_equal(rig.kept->str, "");
	assert_string_equal(rig.told->str, "");
}

static void contacts_are_taken_where_the_list_says_so_but_only_who_sees_us(void **state)
{
	answer_by_list(NULL, TRUE);
	rig_message(&rig, PARIS, PROPOSE("p1"));
	rig_expect_nothing(&rig);
	ring(ROMEO, "p2");
	rig_expect_jmi(&rig, US_BARE, "accept", "p2");
	rig_expect_jmi(&rig, ROMEO, "proceed", "p2");
}

/* ---- several calls ---- */

static void a_request_without_a_number_is_for_the_only_call_it_can_mean(void **state)
{
	g_autofree char *none = NULL, *two = NULL, *seven = NULL, *talking = NULL;

	answer_manually(3);
	assert_false(rig_request(&rig, VERB_ANSWER, 0, &none));
	assert_string_equal(none, "no call rings");
	ring(ROMEO, "p1");
	rig_message(&rig, NURSE, PROPOSE("p2"));
	assert_false(rig_request(&rig, VERB_ANSWER, 0, &two));
	assert_string_equal(two, "there are 2 calls: say which one");
	assert_false(rig_request(&rig, VERB_ANSWER, 7, &seven));
	assert_string_equal(seven, "there is no call 7");
	rig_expect_nothing(&rig);
	take(1, ROMEO, "p1");
	assert_false(rig_request(&rig, VERB_ANSWER, 1, &talking));
	assert_string_equal(talking, "no call rings");
	assert_true(rig_request(&rig, VERB_REJECT, 0, NULL));		/* only one rings any more */
	rig_expect_jmi(&rig, NURSE, "reject", "p2");
}

static void the_status_names_every_call(void **state)
{
	g_autofree char *status = NULL;

	answer_manually(3);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	rig_message(&rig, NURSE, PROPOSE("p2"));
	assert_true(rig_request(&rig, VERB_STATUS, 0, &status));
	assert_int_equal(count(status, "\"direction\":\"in\""), 2);
	assert_non_null(strstr(status, "\"call\":1"));
	assert_non_null(strstr(status, "\"call\":2"));
	assert_int_equal(count(status, "\"state\":\"connecting\""), 1);
	assert_int_equal(count(status, "\"state\":\"ringing\""), 1);
}

static void keys_are_for_the_call_that_rings_else_for_the_last_that_was_taken(void **state)
{
	answer_manually(3);
	ring(ROMEO, "p1");
	answer_key(rig.answer, 'y');
	rig_expect_jmi(&rig, US_BARE, "accept", "p1");
	rig_expect_jmi(&rig, ROMEO, "proceed", "p1");
	rig_message(&rig, NURSE, PROPOSE("p2"));
	answer_key(rig.answer, 'n');
	rig_expect_jmi(&rig, NURSE, "reject", "p2");
	rig_expect_jmi(&rig, US_BARE, "reject", "p2");
	loop_until(rig.done == 1);
	answer_key(rig.answer, 'y');			/* none rings */
	answer_key(rig.answer, 'n');
	answer_key(rig.answer, 'm');
	assert_non_null(strstr(rig.told->str, "mute; "));
	rig_expect_nothing(&rig);
	assert_int_equal(rig.done, 1);
}

static void who_calls_beyond_the_limit_hears_that_we_are_busy(void **state)
{
	answer_one_that_stays();
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	rig_message(&rig, ROMEO_2, PROPOSE("p2"));
	rig_expect_jmi(&rig, ROMEO_2, "reject", "p2");
	rig_expect_jmi(&rig, US_BARE, "reject", "p2");
	assert_non_null(strstr(rig.told->str, "refused " ROMEO_2 "; "));
	assert_non_null(strstr(rig.kept->str, "p2 busy over; "));
	rig_message(&rig, NURSE, PROPOSE("p3"));		/* and who may not know that we are here nothing */
	rig_expect_nothing(&rig);
	assert_int_equal(rig_iq(&rig, ROMEO_2, "set", OFFER("s4")), COND_OK);
	assert_non_null(elem_child(elem_child(rig_expect_jingle(&rig, ROMEO_2, "session-terminate"), "reason", NULL), "busy", NULL));
	assert_int_equal(rig_iq(&rig, NURSE, "set", OFFER("s5")), COND_SERVICE_UNAVAILABLE);
	rig_expect_nothing(&rig);
}

/* Another device of ours may ring for them: one rejection would speak for all (XEP-0353). */
static void beside_another_device_of_ours_a_rejection_waits_for_its_word(void **state)
{
	answer_one_that_stays();
	rig_presence(&rig, US_BARE "/chamber", NULL);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	rig_message(&rig, ROMEO_2, PROPOSE("p2"));
	rig_carbon_sent(&rig, ROMEO_2, JMI("ringing", "p2"));
	rig_message(&rig, ROMEO_2, PROPOSE("p3"));
	rig_message(&rig, ROMEO_2, JMI("retract", "p3"));
	rig_message(&rig, ROMEO_2, PROPOSE("p4"));
	rig_message(&rig, NURSE, JMI("retract", "p4"));		/* not hers */
	rig_expect_nothing(&rig);
	rig_expect_jmi(&rig, ROMEO_2, "reject", "p4");		/* after a second */
	rig_expect_jmi(&rig, US_BARE, "reject", "p4");
	loop_for_ms(300);
	rig_expect_nothing(&rig);
}

static void of_a_flood_of_callers_only_some_hear_that_we_are_busy(void **state)
{
	answer_manually(1);
	ring(ROMEO, "p0");
	for (int i = 1; i <= 20; i++) {
		g_autofree char *propose = g_strdup_printf(PROPOSE("p%d"), i);

		rig_message(&rig, ROMEO_2, propose);
	}
	for (int i = 1; i <= 8; i++) {
		g_autofree char *id = g_strdup_printf("p%d", i);

		rig_expect_jmi(&rig, ROMEO_2, "reject", id);
		rig_expect_jmi(&rig, US_BARE, "reject", id);
	}
	rig_expect_nothing(&rig);
	assert_int_equal(rig_iq(&rig, ROMEO_2, "set", OFFER("s1")), COND_RESOURCE_CONSTRAINT);
	rig_expect_nothing(&rig);
}

static void without_a_connection_a_rejection_is_not_left_for_later(void **state)
{
	answer_manually(1);
	rig_presence(&rig, US_BARE "/chamber", NULL);
	ring(ROMEO, "p1");
	rig_message(&rig, ROMEO_2, PROPOSE("p2"));
	fake_stream_offline(rig.x, JC_LOST, FALSE);
	loop_for_ms(1300);
	rig_expect_nothing(&rig);
	fake_stream_online(rig.x, US, TRUE);
	rig_expect_nothing(&rig);
}

/* ---- the caller changes devices: XEP-0353 "Existing session" ---- */

static void a_second_proposal_is_a_call_of_its_own_where_none_moves(void **state)
{
	answer_manually(3);
	ring(ROMEO, "p1");
	ring(ROMEO_2, "p2");
	assert_string_equal(rig.told->str, "incoming " ROMEO "; incoming " ROMEO_2 "; ");
	rig_expect_nothing(&rig);
}

static void a_proposal_of_somebody_else_is_a_call_of_its_own(void **state)
{
	answer_manually(3);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	connect(ROMEO, "p1");
	rig_message(&rig, NURSE, PROPOSE("p2"));
	rig_expect_nothing(&rig);
	assert_null(strstr(rig.told->str, "migrated"));
	assert_non_null(strstr(rig.told->str, "incoming " NURSE "; "));
}

static void whom_we_talk_with_goes_on_from_another_device_and_is_not_asked_again(void **state)
{
	const struct elem *e;

	answer_manually(1);
	ring(ROMEO, "p1");
	take(0, ROMEO, "p1");
	connect(ROMEO, "p1");
	rig_message(&rig, ROMEO_2, PROPOSE("p2"));
	e = rig_expect(&rig, "<message xmlns='jabber:client' to='" ROMEO "'>*</message>");
	assert_elem_equal("<finish xmlns='urn:xmpp:jingle-message:0' id='p1'><reason xmlns='urn:xmpp:jingle:1'>*</reason>"
			  "<migrated to='p2'/></finish>", elem_child(e, "finish", NULL));
	rig_expect_jingle(&rig, ROMEO, "session-terminate");
	rig_expect_jmi(&rig, US_BARE, "accept", "p2");
	rig_expect_jmi(&rig, ROMEO_2, "proceed", "p2");
	connect(ROMEO_2, "p2");
	assert_int_equal(rig.done, 0);
	assert_int_equal(count(rig.told->str, "incoming"), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_proposal_of_a_contact_rings_and_says_so),
		T(a_stranger_rings_and_hears_nothing_of_it),
		T(the_same_proposal_again_rings_once),
		T(a_proposal_without_sound_or_device_or_of_our_own_does_not_ring),
		T(the_caller_gives_up_and_the_call_is_missed),
		T(another_device_of_ours_takes_or_declines_the_call),
		T(a_call_that_is_declined_is_rejected_to_all),
		T(who_does_not_decide_in_time_has_missed_the_call_and_nobody_is_told),
		T(a_call_that_is_taken_goes_on_with_the_session_of_that_device),
		T(no_other_session_follows_a_call_that_was_taken),
		T(a_direct_offer_rings_and_is_accepted_when_the_user_takes_it),
		T(a_stranger_who_offers_directly_hears_what_nobody_would_say),
		T(a_stranger_who_rings_makes_way_for_a_friend),
		T(strangers_who_are_to_be_ignored_do_not_ring),
		T(who_rings_when_we_leave_hears_of_it_unless_a_stranger),
		T(a_proceed_that_comes_back_ends_the_call_and_from_others_does_not),
		T(a_direct_offer_that_is_declined_is_terminated),
		T(a_call_that_was_taken_is_hung_up_by_both_ways),
		T(a_finish_of_the_callers_device_ends_the_call_and_of_another_does_not),
		T(a_caller_who_takes_back_what_we_took_ends_the_call),
		T(a_call_that_two_devices_took_goes_on_where_the_session_comes),
		T(a_call_that_two_devices_took_is_over_here_when_the_session_does_not_come),
		T(whose_call_was_taken_is_no_stranger_any_more),
		T(a_caller_who_cancels_his_session_has_given_up),
		T(who_is_on_the_list_is_taken_at_once),
		T(who_is_not_on_the_list_learns_nothing_and_is_not_kept),
		T(contacts_are_taken_where_the_list_says_so_but_only_who_sees_us),
		T(a_request_without_a_number_is_for_the_only_call_it_can_mean),
		T(the_status_names_every_call),
		T(keys_are_for_the_call_that_rings_else_for_the_last_that_was_taken),
		T(who_calls_beyond_the_limit_hears_that_we_are_busy),
		T(beside_another_device_of_ours_a_rejection_waits_for_its_word),
		T(of_a_flood_of_callers_only_some_hear_that_we_are_busy),
		T(without_a_connection_a_rejection_is_not_left_for_later),
		T(a_second_proposal_is_a_call_of_its_own_where_none_moves),
		T(a_proposal_of_somebody_else_is_a_call_of_its_own),
		T(whom_we_talk_with_goes_on_from_another_device_and_is_not_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
