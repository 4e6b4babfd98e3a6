/* A call as its user has it: talk.h and what can be done in it, through the answering side over a phone whose stream is the test's.
 * The peer is played by text, so no sound flows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "phone_rig.h"

#define EVENTS "<payload-type id='101' name='telephone-event' clockrate='48000'/>"
#define INFO(word) JINGLE("session-info", "s1", "<" word " xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>")

static struct phone_rig rig;
static struct answer_options options;

static int set_up(void **state)
{
	rig_open(&rig, NULL);
	options = rig_answer_options(&rig);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	return 0;
}

/* A call of Romeo's rings. His client takes touch tones where TONES. */
static void ring(gboolean tones)
{
	g_autoptr(GString) offer = g_string_new(OFFER("s1"));

	if (tones)
		g_string_replace(offer, "<rtcp-mux/>", EVENTS "<rtcp-mux/>", 1);
	rig_answer(&rig, &options);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", offer->str), COND_OK);
	rig_expect_jingle(&rig, ROMEO, "session-info");
}

static void talk(gboolean tones)
{
	ring(tones);
	assert_true(rig_request(&rig, VERB_ANSWER, 0, NULL));
	rig_expect_jingle(&rig, ROMEO, "session-accept");
	rig_reply(&rig, ROMEO, "urn:xmpp:jingle:1", "session-accept", COND_OK, NULL);
	assert_non_null(strstr(rig.told->str, "accepted " ROMEO "; "));
	g_string_truncate(rig.told, 0);
}

/* FALSE: WORDS says why not. */
static gboolean ask(struct request request, char **words)
{
	struct fields *reply = fields_new();
	g_autoptr(GError) error = NULL;
	gboolean done = answer_request(rig.answer, &request, reply, &error);

	if (words)
		*words = error ? g_strdup(error->message) : NULL;
	assert_true(done || error);
	fields_free(reply);
	return done;
}

#define ASK(...) ask((struct request){__VA_ARGS__}, NULL)

static void before_the_accept_only_muting_can_be_wished(void **state)
{
	static const enum verb later[] = {VERB_HOLD, VERB_RESUME, VERB_DTMF, VERB_PLAY, VERB_STOP, VERB_DEVICE, VERB_STATS,
					  VERB_RECORD, VERB_VOLUME};

	ring(FALSE);
	for (size_t i = 0; i < G_N_ELEMENTS(later); i++) {
		g_autofree char *words = NULL;

		assert_false(ask((struct request){.verb = later[i], .text = (char *)"1"}, &words));
		assert_string_equal(words, "this call has not been accepted yet");
	}
	g_string_truncate(rig.told, 0);
	assert_true(ASK(.verb = VERB_MUTE));
	assert_true(ASK(.verb = VERB_MUTE));			/* it is so already */
	assert_string_equal(rig.told->str, "mute; ");
	answer_key(rig.answer, 'h');
	answer_key(rig.answer, '5');
	assert_string_equal(rig.told->str, "mute; ");
	rig_expect_nothing(&rig);			/* nor is a stranger told of it */
	assert_true(ASK(.verb = VERB_ANSWER));
	rig_expect_jingle(&rig, ROMEO, "session-accept");
	assert_non_null(elem_child(rig_expect_jingle(&rig, ROMEO, "session-info"), "mute", NULL));
}

static void muting_is_told_to_the_peer_and_once(void **state)
{
	talk(FALSE);
	assert_true(ASK(.verb = VERB_MUTE));
	assert_non_null(elem_child(rig_expect_jingle(&rig, ROMEO, "session-info"), "mute", NULL));
	assert_true(ASK(.verb = VERB_MUTE));
	rig_expect_nothing(&rig);
	answer_key(rig.answer, 'm');
	assert_non_null(elem_child(rig_expect_jingle(&rig, ROMEO, "session-info"), "unmute", NULL));
	answer_mute(rig.answer, TRUE);
	rig_expect_jingle(&rig, ROMEO, "session-info");
	assert_string_equal(rig.told->str, "mute; mute; mute; ");
}

static void holding_is_told_to_the_peer_and_is_the_state(void **state)
{
	g_autofree char *status = NULL;

	talk(FALSE);
	assert_true(ASK(.verb = VERB_HOLD));
	assert_non_null(elem_child(rig_expect_jingle(&rig, ROMEO, "session-info"), "hold", NULL));
	assert_true(rig_request(&rig, VERB_STATUS, 0, &status));
	assert_non_null(strstr(status, "\"state\":\"held\""));
	assert_true(ASK(.verb = VERB_RESUME));
	rig_expect_jingle(&rig, ROMEO, "session-info");
	assert_string_equal(rig.told->str, "hold; hold; ");
}

static void what_the_peer_says_of_itself_is_told(void **state)
{
	talk(FALSE);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", INFO("hold")), COND_OK);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", INFO("mute")), COND_OK);
	assert_string_equal(rig.told->str, "peer; peer; ");
	assert_int_equal(rig_iq(&rig, ROMEO, "set", JINGLE("session-info", "s1", "<juggling xmlns='urn:example'/>")),
			 COND_UNSUPPORTED_INFO);
	assert_int_equal(rig_iq(&rig, ROMEO_2, "set", INFO("mute")), COND_UNKNOWN_SESSION);
	assert_string_equal(rig.told->str, "peer; peer; ");
}

static void touch_tones_need_a_client_that_takes_them(void **state)
{
	g_autofree char *words = NULL;

	talk(FALSE);
	assert_false(ask((struct request){.verb = VERB_DTMF, .text = (char *)"12"}, &words));
	assert_string_equal(words, "touch tones were not sent: the other side's client takes none");
	answer_key(rig.answer, '5');
	rig_expect_nothing(&rig);
	assert_int_equal(rig.done, 0);
}

static void no_more_touch_tones_wait_than_there_is_room_for(void **state)
{
	g_autofree char *all = g_strnfill(256, '1'), *words = NULL;

	talk(TRUE);
	assert_true(ask((struct request){.verb = VERB_DTMF, .text = (char *)"12"}, NULL));
	assert_false(ask((struct request){.verb = VERB_DTMF, .text = all}, &words));
	assert_string_equal(words, "touch tones were not sent: too many are still waiting for their turn");
}

static void volume_has_its_bounds_whoever_asks(void **state)
{
	talk(FALSE);
	assert_true(ASK(.verb = VERB_VOLUME, .percent = 4000));
	answer_key(rig.answer, '+');
	assert_true(ASK(.verb = VERB_VOLUME, .percent = 5));
	answer_key(rig.answer, '-');
	answer_key(rig.answer, '-');
	assert_string_equal(rig.told->str, "volume 200; volume 200; volume 5; volume 0; volume 0; ");
}

static void stopping_what_does_not_run_is_refused(void **state)
{
	static const char *const what[] = {NULL, "play", "record"};

	talk(FALSE);
	for (size_t i = 0; i < G_N_ELEMENTS(what); i++) {
		g_autofree char *words = NULL;

		assert_false(ask((struct request){.verb = VERB_STOP, .text = (char *)what[i]}, &words));
		assert_string_equal(words, "nothing of the kind goes on");
	}
}

static void a_call_for_so_long_ends_by_itself(void **state)
{
	options.talk.for_s = 1;
	talk(FALSE);
	loop_until(rig.done);
	assert_int_equal(rig.err, JC_NO_PATH);
	assert_non_null(strstr(rig.text, "before its time was up"));
	rig_expect_jingle(&rig, ROMEO, "session-terminate");
}

/* Without sound from it; and not of another of its clients. */
static void a_peer_that_goes_offline_is_lost(void **state)
{
	talk(FALSE);
	rig_presence(&rig, ROMEO_2, "unavailable");
	loop_for_ms(1300);
	assert_int_equal(rig.done, 0);
	rig_presence(&rig, ROMEO, "unavailable");
	loop_until(rig.done);
	assert_int_equal(rig.err, JC_LOST);
	assert_string_equal(rig.text, "the peer went offline");
}

static void a_peer_that_goes_offline_while_it_rings_is_unavailable(void **state)
{
	ring(FALSE);
	rig_presence(&rig, ROMEO, "unavailable");
	loop_until(rig.done);
	assert_int_equal(rig.err, JC_UNAVAILABLE);
}

/* What the peer says of the end is shown as its words, made harmless. */
static void the_last_words_of_the_peer_are_shown_as_its_own(void **state)
{
	talk(FALSE);
	assert_int_equal(rig_iq(&rig, ROMEO, "set", JINGLE("session-terminate", "s1",
		"<reason><general-error/><text>out\xc2\x9b of order</text></reason>")), COND_OK);
	loop_until(rig.done);
	assert_string_equal(rig.text, ROMEO " says: out\\u{009b} of order");
}

static void an_ending_call_does_nothing_more(void **state)
{
	g_autofree char *words = NULL, *status = NULL;

	talk(FALSE);
	assert_true(ASK(.verb = VERB_HANGUP));
	rig_expect_jingle(&rig, ROMEO, "session-terminate");
	assert_true(rig_request(&rig, VERB_STATUS, 0, &status));
	assert_non_null(strstr(status, "\"state\":\"ending\""));
	assert_false(ask((struct request){.verb = VERB_MUTE}, &words));
	assert_string_equal(words, "this call is ending");
	answer_mute(rig.answer, TRUE);
	answer_key(rig.answer, 'm');
	answer_key(rig.answer, 'h');
	assert_null(strstr(rig.told->str, "mute"));
	loop_until(rig.done);
	assert_int_equal(rig.done, 1);
	rig_expect_nothing(&rig);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(before_the_accept_only_muting_can_be_wished),
		T(muting_is_told_to_the_peer_and_once),
		T(holding_is_told_to_the_peer_and_is_the_state),
		T(what_the_peer_says_of_itself_is_told),
		T(touch_tones_need_a_client_that_takes_them),
		T(no_more_touch_tones_wait_than_there_is_room_for),
		T(volume_has_its_bounds_whoever_asks),
		T(stopping_what_does_not_run_is_refused),
		T(a_call_for_so_long_ends_by_itself),
		T(a_peer_that_goes_offline_is_lost),
		T(a_peer_that_goes_offline_while_it_rings_is_unavailable),
		T(the_last_words_of_the_peer_are_shown_as_its_own),
		T(an_ending_call_does_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
