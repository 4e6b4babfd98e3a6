/* Calling: dial.h, with the search for a device and calls that cross ours, over a phone whose stream is the test's. The callee is
 * played by text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "phone_rig.h"

#define JINGLE_NS "urn:xmpp:jingle:1"
#define ACCEPT(sid) JINGLE("session-accept", sid, CONTENT("active"))
/* Ids are compared byte by byte: these are lower and higher than any of ours. */
#define LOWEST "-"
#define HIGHEST "zzz"

static struct phone_rig rig;
static char *sid;			/* of the call we make */

static int set_up(void **state)
{
	rig_open(&rig, NULL);
	sid = NULL;
	return 0;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	g_free(sid);
	return 0;
}

static const struct elem *last_sent(void)
{
	return rig.x->sent->pdata[rig.seen - 1];
}

/* Until the proposal has left. */
static void propose(guint ring_timeout_s)
{
	rig_dial(&rig, ROMEO_BARE, ring_timeout_s);
	rig_expect(&rig, "<presence xmlns='jabber:client'>*</presence>");
	rig_expect(&rig, "<presence xmlns='jabber:client' to='" ROMEO_BARE "'>*</presence>");
	rig_expect_jmi(&rig, ROMEO_BARE, "propose", NULL);
	sid = g_strdup(elem_attr(elem_child(last_sent(), "propose", NULL), "id"));
}

static void say(const char *from, const char *kind, const char *inside)
{
	g_autofree char *text = g_strdup_printf("<%s xmlns='urn:xmpp:jingle-message:0' id='%s'>%s</%s>", kind, sid, inside, kind);

	rig_message(&rig, from, text);
}

/* The device FROM takes it, and tells what it can do. */
static void proceed(const char *from)
{
	say(from, "proceed", "");
	rig_reply(&rig, from, DISCO, NULL, COND_OK, FEATURES(CALLABLE));
	assert_string_equal(elem_attr(rig_expect_jingle(&rig, from, "session-initiate"), "sid"), sid);
}

static void connect(const char *from)
{
	g_autofree char *accept = g_strdup_printf(ACCEPT("%s"), sid);

	rig_reply(&rig, from, JINGLE_NS, "session-initiate", COND_OK, NULL);
	assert_int_equal(rig_iq(&rig, from, "set", accept), COND_OK);
	assert_true(dial_is_talking(rig.dial));
}

static void assert_over(enum jc_err err)
{
	loop_until(rig.done);
	assert_int_equal(rig.done, 1);
	assert_string_equal(jc_symbol(rig.err), jc_symbol(err));
}

/* ---- the proposal ---- */

static void all_devices_are_proposed_to_and_may_see_what_we_can_do(void **state)
{
	const struct elem *propose_elem;

	propose(45);
	propose_elem = elem_child(last_sent(), "propose", NULL);
	assert_elem_equal("<propose xmlns='urn:xmpp:jingle-message:0' id='*'>" SOUND "</propose>", propose_elem);
	assert_string_equal(rig.told->str, "calling " ROMEO_BARE "; ");
	rig_expect_nothing(&rig);
	assert_false(dial_is_talking(rig.dial));
}

static void on_nothing_kept(void *ctx, const struct call_entry *e)
{
	fail();
}

static void on_early_end(void *ctx, enum jc_err err, const char *text)
{
	*(gboolean *)ctx = TRUE;
}

static void nothing_leaves_before_the_login(void **state)
{
	gboolean ended = FALSE;
	struct dial_options options = {.callee = ROMEO_BARE, .ring_timeout_s = 45, .keep = on_nothing_kept,
				       .talk = {.in = "null", .out = "null"}};

	rig.dial = dial_new(rig.phone, rig.ui, &options, on_early_end, &ended);
	loop_for_ms(100);
	rig_expect_nothing(&rig);
	dial_hangup(rig.dial, JC_OK, NULL);
	loop_until(ended);
	dial_free(g_steal_pointer(&rig.dial));
}

static void ringing_is_told_once(void **state)
{
	propose(45);
	say(ROMEO, "ringing", "");
	say(ROMEO_2, "ringing", "");
	assert_string_equal(rig.told->str, "calling " ROMEO_BARE "; ringing " ROMEO_BARE "; ");
	rig_expect_nothing(&rig);
}

static void the_device_that_proceeds_gets_the_offer_and_no_other(void **state)
{
	propose(45);
	proceed(ROMEO);
	say(ROMEO_2, "proceed", "");
	rig_expect_nothing(&rig);
	connect(ROMEO);
	rig_expect_nothing(&rig);
	assert_int_equal(rig.done, 0);
}

static void nobody_but_the_callee_takes_or_declines_the_call(void **state)
{
	propose(45);
	say(PARIS, "proceed", "");
	say(NURSE, "ringing", "");
	say(NURSE, "reject", REASON("decline"));
	say("romeo@montague.lit.evil.test/orchard", "reject", REASON("busy"));
	loop_for_ms(50);
	rig_expect_nothing(&rig);
	assert_int_equal(rig.done, 0);
	assert_string_equal(rig.told->str, "calling " ROMEO_BARE "; ");
}

/* The person there waits already: what the device likes of an offer is asked, but not waited for. */
static void a_device_that_does_not_tell_what_it_can_do_is_called_all_the_same(void **state)
{
	propose(45);
	say(ROMEO, "proceed", "");
	assert_true(rig_is_asked(&rig, ROMEO, DISCO));
	rig_expect_nothing(&rig);
	rig_expect_jingle(&rig, ROMEO, "session-initiate");		/* after half a second */
	assert_int_equal(rig.done, 0);
}

static void a_rejection_says_what_it_means(void **state)
{
	static const struct { const char *inside; enum jc_err err; } table[] = {
		{REASON("decline"), JC_DECLINED}, {REASON("busy"), JC_BUSY}, {"", JC_DECLINED}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		propose(45);
		say(ROMEO, "reject", table[i].inside);
		assert_over(table[i].err);
		rig_expect_nothing(&rig);
		tear_down(NULL);
		set_up(NULL);
	}
}

static void our_user_gives_up_and_the_proposal_is_taken_back(void **state)
{
	g_autofree char *kept = NULL;

	propose(45);
	dial_hangup(rig.dial, JC_OK, NULL);
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);
	assert_over(JC_CANCELLED);
	rig_expect_nothing(&rig);
	kept = g_strdup_printf("%s cancelled over; ", sid);
	assert_string_equal(rig.kept->str, kept);
	dial_hangup(rig.dial, JC_OK, NULL);
	loop_for_ms(20);
	assert_int_equal(rig.done, 1);
}

/* Conversations heeds no <finish/> before the session, and others no <retract/> after the proceed. */
static void between_proceed_and_offer_both_ways_of_ending_are_told(void **state)
{
	propose(45);
	say(ROMEO, "proceed", "");
	dial_hangup(rig.dial, JC_OK, NULL);
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);
	rig_expect_jmi(&rig, ROMEO, "finish", sid);
	assert_over(JC_CANCELLED);
	rig_expect_nothing(&rig);
}

static void nobody_takes_it_in_time(void **state)
{
	propose(1);
	say(ROMEO, "ringing", "");
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);
	assert_over(JC_NO_ANSWER);
	rig_expect_nothing(&rig);
}

/* Rule R30: no device was there, or one that does not ring for strangers. */
static void nobody_was_there_at_all(void **state)
{
	rig_dial(&rig, NURSE, 1);
	rig_reply(&rig, NURSE, DISCO, NULL, COND_SERVICE_UNAVAILABLE, NULL);
	assert_over(JC_UNAVAILABLE);
	assert_non_null(strstr(rig.text, "not among its contacts"));
}

/* ---- a message that comes back ---- */

static void a_proposal_that_comes_back_finds_nobody(void **state)
{
	propose(45);
	rig_bounce(&rig, ROMEO_BARE, elem_attr(last_sent(), "id"));
	assert_int_equal(rig.done, 0);			/* who is just coming online shows up by presence */
	assert_over(JC_UNAVAILABLE);
	rig_expect_nothing(&rig);
}

static void another_message_that_comes_back_is_none_of_the_calls(void **state)
{
	propose(45);
	rig_bounce(&rig, ROMEO_BARE, "some-other-message");
	loop_for_ms(1300);
	assert_int_equal(rig.done, 0);
}

/* Anybody can send an error with an id he has guessed or seen. */
static void a_proposal_comes_back_from_where_it_went_or_not_at_all(void **state)
{
	const char *id;

	propose(45);
	id = elem_attr(last_sent(), "id");
	rig_bounce(&rig, NURSE, id);
	rig_bounce(&rig, PARIS, id);
	loop_for_ms(1300);
	assert_int_equal(rig.done, 0);
}

/* A server gives messages to the bare address to no device of negative priority. */
static void a_device_of_negative_priority_is_proposed_to_by_itself_and_once(void **state)
{
	elem_auto presence = xml("<presence xmlns='jabber:client' from='" ROMEO "'><priority>-1</priority></presence>");
	elem_auto others = xml("<presence xmlns='jabber:client' from='" NURSE "'><priority>-1</priority></presence>");

	propose(45);
	rig_bounce(&rig, ROMEO_BARE, elem_attr(last_sent(), "id"));
	fake_stream_hear(rig.x, others);
	rig_presence(&rig, ROMEO_2, NULL);				/* of priority 0: it has got the first */
	rig_expect_nothing(&rig);
	fake_stream_hear(rig.x, presence);
	rig_expect_jmi(&rig, ROMEO, "propose", sid);
	fake_stream_hear(rig.x, presence);
	loop_for_ms(1300);
	rig_expect_nothing(&rig);
	assert_int_equal(rig.done, 0);
}

/* ---- the call itself ---- */

static void the_end_of_a_call_is_told_by_both_ways_and_its_length_kept(void **state)
{
	gint64 before, begun, ended, after;

	propose(45);
	proceed(ROMEO);
	before = g_get_monotonic_time();
	connect(ROMEO);
	begun = g_get_monotonic_time();
	assert_non_null(strstr(rig.told->str, "accepted "));
	loop_for_ms(700);
	ended = g_get_monotonic_time();
	dial_hangup(rig.dial, JC_OK, NULL);
	assert_non_null(elem_child(elem_child(rig_expect_jingle(&rig, ROMEO, "session-terminate"), "reason", NULL), "success", NULL));
	rig_expect_jmi(&rig, ROMEO, "finish", sid);
	assert_over(JC_CANCELLED);		/* no sound has a way here */
	after = g_get_monotonic_time();
	/* To the nearest second. */
	assert_in_range(rig.durations_s, (guint)((ended - begun + 498000) / 1000000), (guint)((after - before + 502000) / 1000000));
}

static void a_call_that_nobody_answered_has_no_length(void **state)
{
	propose(45);
	proceed(ROMEO);
	loop_for_ms(600);
	dial_hangup(rig.dial, JC_OK, NULL);
	rig_expect_jingle(&rig, ROMEO, "session-terminate");
	assert_over(JC_CANCELLED);
	assert_int_equal(rig.durations_s, 0);
}

/* Rule R12: Movim and Monal end a call by this alone. */
static void a_finish_of_the_device_that_has_the_call_ends_it_and_of_another_does_not(void **state)
{
	propose(45);
	proceed(ROMEO);
	connect(ROMEO);
	say(ROMEO_2, "finish", REASON("success"));
	say(NURSE, "finish", REASON("success"));
	rig_message(&rig, ROMEO, JMI("finish", "other"));
	loop_for_ms(50);
	assert_int_equal(rig.done, 0);
	say(ROMEO, "finish", REASON("success"));
	assert_over(JC_NO_PATH);
}

static void the_callee_terminates_the_session(void **state)
{
	static const struct { const char *reason; gboolean talked; enum jc_err err; } table[] = {
		{"decline", FALSE, JC_DECLINED}, {"busy", FALSE, JC_BUSY}, {"success", TRUE, JC_NO_PATH},
		{"security-error", FALSE, JC_SECURITY}, {"connectivity-error", FALSE, JC_NO_PATH},
		{"connectivity-error", TRUE, JC_LOST}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *inside = NULL;

		propose(45);
		proceed(ROMEO);
		if (table[i].talked)
			connect(ROMEO);
		inside = g_strdup_printf(JINGLE("session-terminate", "%s", "<reason><%s/></reason>"), sid, table[i].reason);
		assert_int_equal(rig_iq(&rig, ROMEO_2, "set", inside), COND_UNKNOWN_SESSION);		/* not its session */
		assert_int_equal(rig.done, 0);
		assert_int_equal(rig_iq(&rig, ROMEO, "set", inside), COND_OK);
		assert_over(table[i].err);
		tear_down(NULL);
		set_up(NULL);
	}
}

/* XEP-0166 "Redirection", within the same account only. */
static void a_redirection_is_followed_to_another_device_of_the_callee(void **state)
{
	propose(45);
	proceed(ROMEO);
	rig_reply(&rig, ROMEO, JINGLE_NS, "session-initiate", COND_REDIRECT, "<error xmlns='jabber:client' type='modify'>"
		  "<redirect xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:" ROMEO_2 "</redirect></error>");
	assert_string_not_equal(elem_attr(rig_expect_jingle(&rig, ROMEO_2, "session-initiate"), "sid"), sid);
	assert_int_equal(rig.done, 0);
}

static void a_redirection_to_somebody_else_or_for_ever_is_not_followed(void **state)
{
	static const char *const to[] = {"xmpp:" NURSE, ROMEO_BARE, "", "xmpp:mallory@evil.test/" ROMEO_BARE};

	for (size_t i = 0; i < G_N_ELEMENTS(to); i++) {
		g_autofree char *error = g_strdup_printf("<error xmlns='jabber:client' type='modify'>"
			"<redirect xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>%s</redirect></error>", to[i]);

		propose(45);
		proceed(ROMEO);
		rig_reply(&rig, ROMEO, JINGLE_NS, "session-initiate", COND_REDIRECT, error);
		assert_over(JC_UNAVAILABLE);
		tear_down(NULL);
		set_up(NULL);
	}
	propose(45);
	proceed(ROMEO);
	for (int i = 0; !rig.done && i < 10; i++) {
		const char *now = i % 2 ? ROMEO_2 : ROMEO;
		g_autofree char *error = g_strdup_printf("<error xmlns='jabber:client' type='modify'>"
			"<redirect xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>%s</redirect></error>", i % 2 ? ROMEO : ROMEO_2);

		rig_reply(&rig, now, JINGLE_NS, "session-initiate", COND_REDIRECT, error);
		loop_for_ms(20);
	}
	assert_over(JC_UNAVAILABLE);
}

/* ---- one device, by its full address ---- */

static void a_device_that_is_named_is_asked_first_and_then_called(void **state)
{
	rig_dial(&rig, ROMEO, 45);
	rig_expect(&rig, "<presence xmlns='jabber:client'>*</presence>");
	rig_expect(&rig, "<presence xmlns='jabber:client' to='" ROMEO_BARE "'>*</presence>");
	rig_expect_nothing(&rig);			/* no proposal to the others */
	rig_reply(&rig, ROMEO, DISCO, NULL, COND_OK, FEATURES(CALLABLE));
	sid = g_strdup(elem_attr(rig_expect_jingle(&rig, ROMEO, "session-initiate"), "sid"));
	connect(ROMEO);
}

static void a_device_that_cannot_be_called_safely_is_not_called(void **state)
{
	static const struct { enum iq_cond cond; const char *features; enum jc_err err; } table[] = {
		{COND_OK, FEATURES(FEATURE("urn:xmpp:jingle:1") FEATURE("urn:xmpp:jingle:apps:rtp:1")
				   FEATURE("urn:xmpp:jingle:apps:rtp:audio") FEATURE("urn:xmpp:jingle:transports:ice-udp:1")), JC_SECURITY},
		{COND_OK, FEATURES(FEATURE("urn:xmpp:jingle:1") FEATURE("urn:xmpp:jingle:apps:rtp:1")
				   FEATURE("urn:xmpp:jingle:apps:rtp:audio") FEATURE("urn:xmpp:jingle:apps:dtls:0")),
		 JC_UNSUPPORTED_TRANSPORT},
		{COND_OK, FEATURES(FEATURE("urn:xmpp:ping")), JC_UNAVAILABLE},
		{COND_SERVICE_UNAVAILABLE, NULL, JC_UNAVAILABLE}, {COND_TIMEOUT, NULL, JC_UNAVAILABLE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		rig_dial(&rig, ROMEO, 45);
		rig_reply(&rig, ROMEO, DISCO, NULL, table[i].cond, table[i].features);
		assert_over(table[i].err);
		rig_expect(&rig, "<presence xmlns='jabber:client'>*</presence>");
		rig_expect(&rig, "<presence xmlns='jabber:client' to='" ROMEO_BARE "'>*</presence>");
		rig_expect_nothing(&rig);
		tear_down(NULL);
		set_up(NULL);
	}
}

/* ---- nobody reacts to the proposal ---- */

static void after_three_seconds_a_device_that_knows_no_proposals_is_called_directly(void **state)
{
	gint64 began = g_get_monotonic_time();

	propose(45);
	rig_presence(&rig, ROMEO, NULL);
	rig_reply(&rig, ROMEO, DISCO, NULL, COND_OK, FEATURES(CALLABLE));	/* asked ahead of its answer, */
	rig_expect_nothing(&rig);
	rig_reply(&rig, ROMEO, DISCO, NULL, COND_OK, FEATURES(CALLABLE));	/* and once more */
	assert_string_not_equal(elem_attr(rig_expect_jingle(&rig, ROMEO, "session-initiate"), "sid"), sid);
	assert_true(g_get_monotonic_time() - began >= 2900000);
	rig_reply(&rig, ROMEO, JINGLE_NS, "session-initiate", COND_OK, NULL);
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);		/* it has arrived: the others may stop */
	assert_int_equal(rig.done, 0);
}

/* Dino says nothing while it rings. */
static void a_device_that_knows_proposals_is_not_called_directly(void **state)
{
	propose(45);
	rig_presence(&rig, ROMEO, NULL);
	rig_reply(&rig, ROMEO, DISCO, NULL, COND_OK, FEATURES(CALLABLE FEATURE("urn:xmpp:jingle-message:0")));
	rig_reply(&rig, ROMEO, DISCO, NULL, COND_OK, FEATURES(CALLABLE FEATURE("urn:xmpp:jingle-message:0")));
	loop_for_ms(200);
	rig_expect_nothing(&rig);
	assert_int_equal(rig.done, 0);
}

/* ---- both call each other ---- */

static void of_two_proposals_the_lower_id_wins_theirs(void **state)
{
	propose(45);
	rig_message(&rig, ROMEO, PROPOSE(LOWEST));
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);
	rig_expect_jmi(&rig, US_BARE, "accept", LOWEST);		/* nobody need be asked */
	rig_expect_jmi(&rig, ROMEO, "proceed", LOWEST);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", OFFER(LOWEST)), COND_OK);
	rig_expect_jingle(&rig, ROMEO, "session-accept");
	assert_int_equal(rig.done, 0);
}

static void of_two_proposals_the_lower_id_wins_ours(void **state)
{
	propose(45);
	rig_message(&rig, ROMEO, PROPOSE(HIGHEST));
	rig_expect_jmi(&rig, ROMEO, "reject", HIGHEST);
	assert_non_null(elem_child(elem_child(last_sent(), "reject", NULL), "tie-break", NULL));
	rig_expect_nothing(&rig);
	proceed(ROMEO);
}

static void an_offer_that_crosses_ours_loses_or_wins_by_its_id(void **state)
{
	propose(45);
	proceed(ROMEO);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", OFFER(HIGHEST)), COND_TIE_BREAK);
	rig_expect_nothing(&rig);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", OFFER(LOWEST)), COND_OK);
	rig_expect_jingle(&rig, ROMEO, "session-accept");
	assert_int_equal(rig.done, 0);
}

static void whoever_else_calls_meanwhile_hears_that_we_are_busy_if_he_may_know(void **state)
{
	propose(45);
	rig_message(&rig, PARIS, PROPOSE("p1"));			/* does not see our presence */
	rig_expect_nothing(&rig);
	assert_int_equal(rig_iq(&rig, US_BARE "/chamber", "set", OFFER("s1")), COND_OK);
	rig_expect_jingle(&rig, US_BARE "/chamber", "session-terminate");
	assert_int_equal(rig.done, 0);
	proceed(ROMEO);
	connect(ROMEO);
	assert_int_equal(rig_iq(&rig, ROMEO_2, "set", OFFER("s2")), COND_OK);
	assert_non_null(elem_child(elem_child(rig_expect_jingle(&rig, ROMEO_2, "session-terminate"), "reason", NULL), "busy", NULL));
	/* That very client is told which session it has with us. */
	assert_int_equal(rig_iq(&rig, ROMEO, "set", OFFER("s3")), COND_OK);
	assert_non_null(elem_child(elem_child(rig_expect_jingle(&rig, ROMEO, "session-terminate"), "reason", NULL),
				   "alternative-session", NULL));
	assert_int_equal(rig.done, 0);
}

static void whom_we_talk_with_goes_on_from_another_device(void **state)
{
	propose(45);
	proceed(ROMEO);
	connect(ROMEO);
	rig_message(&rig, NURSE, PROPOSE("p1"));
	rig_expect_nothing(&rig);
	rig_message(&rig, ROMEO_2, PROPOSE("p2"));
	rig_expect_jmi(&rig, ROMEO, "finish", sid);
	rig_expect_jingle(&rig, ROMEO, "session-terminate");
	rig_expect_jmi(&rig, US_BARE, "accept", "p2");
	rig_expect_jmi(&rig, ROMEO_2, "proceed", "p2");
	assert_int_equal(rig_iq(&rig, ROMEO_2, "set", OFFER("p2")), COND_OK);
	rig_expect_jingle(&rig, ROMEO_2, "session-accept");
	assert_int_equal(rig.done, 0);
	dial_hangup(rig.dial, JC_OK, NULL);
	rig_expect_jingle(&rig, ROMEO_2, "session-terminate");
	rig_expect_jmi(&rig, ROMEO_2, "finish", "p2");
	assert_over(JC_CANCELLED);
}

/* ---- what is asked ---- */

static void requests_are_for_the_call_there_is(void **state)
{
	g_autofree char *second = NULL, *answer = NULL, *status = NULL, *ringing = NULL;

	propose(45);
	assert_false(rig_request(&rig, VERB_STATUS, 2, &second));
	assert_string_equal(second, "there is no call 2");
	assert_false(rig_request(&rig, VERB_ANSWER, 1, &answer));
	assert_non_null(strstr(answer, "no call rings"));
	assert_true(rig_request(&rig, VERB_STATUS, 1, &status));
	assert_non_null(strstr(status, "\"direction\":\"out\""));
	assert_non_null(strstr(status, "\"state\":\"calling\""));
	say(ROMEO, "ringing", "");
	assert_true(rig_request(&rig, VERB_STATUS, 0, &ringing));
	assert_non_null(strstr(ringing, "\"state\":\"ringing\""));
	assert_true(rig_request(&rig, VERB_HANGUP, 0, NULL));
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);
	assert_over(JC_CANCELLED);
}

static void q_hangs_up_and_other_keys_are_for_the_talk(void **state)
{
	propose(45);
	dial_key(rig.dial, 'm');
	assert_non_null(strstr(rig.told->str, "mute; "));
	dial_key(rig.dial, '?');
	dial_key(rig.dial, 'x');
	rig_expect_nothing(&rig);
	dial_key(rig.dial, 'q');
	rig_expect_jmi(&rig, ROMEO_BARE, "retract", sid);
	assert_over(JC_CANCELLED);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_devices_are_proposed_to_and_may_see_what_we_can_do),
		T(nothing_leaves_before_the_login),
		T(ringing_is_told_once),
		T(the_device_that_proceeds_gets_the_offer_and_no_other),
		T(nobody_but_the_callee_takes_or_declines_the_call),
		T(a_device_that_does_not_tell_what_it_can_do_is_called_all_the_same),
		T(a_rejection_says_what_it_means),
		T(our_user_gives_up_and_the_proposal_is_taken_back),
		T(between_proceed_and_offer_both_ways_of_ending_are_told),
		T(nobody_takes_it_in_time),
		T(nobody_was_there_at_all),
		T(a_proposal_that_comes_back_finds_nobody),
		T(another_message_that_comes_back_is_none_of_the_calls),
		T(a_proposal_comes_back_from_where_it_went_or_not_at_all),
		T(a_device_of_negative_priority_is_proposed_to_by_itself_and_once),
		T(the_end_of_a_call_is_told_by_both_ways_and_its_length_kept),
		T(a_call_that_nobody_answered_has_no_length),
		T(a_finish_of_the_device_that_has_the_call_ends_it_and_of_another_does_not),
		T(the_callee_terminates_the_session),
		T(a_redirection_is_followed_to_another_device_of_the_callee),
		T(a_redirection_to_somebody_else_or_for_ever_is_not_followed),
		T(a_device_that_is_named_is_asked_first_and_then_called),
		T(a_device_that_cannot_be_called_safely_is_not_called),
		T(after_three_seconds_a_device_that_knows_no_proposals_is_called_directly),
		T(a_device_that_knows_proposals_is_not_called_directly),
		T(of_two_proposals_the_lower_id_wins_theirs),
		T(of_two_proposals_the_lower_id_wins_ours),
		T(an_offer_that_crosses_ours_loses_or_wins_by_its_id),
		T(whoever_else_calls_meanwhile_hears_that_we_are_busy_if_he_may_know),
		T(whom_we_talk_with_goes_on_from_another_device),
		T(requests_are_for_the_call_there_is),
		T(q_hangs_up_and_other_keys_are_for_the_talk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
