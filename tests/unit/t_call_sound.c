/* Two whole calls: who sends and who is heard, by hold and by the directions of a content (XEP-0167 "Hold", "senders"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call_pair.h"
#include "media/dtmf.h"

/* Of the packets of sound in 300 ms: does S send any, does it get any? What was under way is waited for. */
static void assert_flow(struct side *s, gboolean sends, gboolean gets)
{
	struct media_stats before, after;
	gboolean sent = !sends, got = !gets;

	for (int i = 0; i < 20 && (sent != sends || got != gets); i++) {
		call_stats(s->call, &before);
		let_pass(300);
		call_stats(s->call, &after);
		sent = after.tx_packets > before.tx_packets;
		got = after.rx_packets > before.rx_packets + 5;		/* more than reports */
	}
	assert_int_equal(sent, sends);
	assert_int_equal(got, gets);
}

#define INFO(name) "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-info'><" name \
	" xmlns='urn:xmpp:jingle:apps:rtp:info:1'/></jingle>"
#define DIRECTION(senders) "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='content-modify'><content creator='initiator' " \
	"name='audio' senders='" senders "'/></jingle>"

static void who_is_held_stops_sending_and_keeps_listening(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, INFO("hold"));
	assert_flow(&p->juliet, FALSE, TRUE);		/* the holder may go on sending: music */
	say(&p->juliet, INFO("unhold"));
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, INFO("hold"));
	assert_flow(&p->juliet, FALSE, TRUE);
	say(&p->juliet, INFO("active"));
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, INFO("mute"));
	assert_flow(&p->juliet, TRUE, TRUE);		/* he who mutes goes on listening */
	close_pair(p);
}

static void whom_we_hold_is_told_and_nothing_is_said_or_heard_meanwhile(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	call_hold(p->romeo.call, TRUE);
	assert_flow(&p->juliet, FALSE, FALSE);		/* she obeys, and hears nothing of him */
	assert_int_equal(call_peer_flags(p->juliet.call), RTP_HELD_BY_PEER);
	call_hold(p->romeo.call, TRUE);
	call_hold(p->romeo.call, FALSE);
	assert_flow(&p->juliet, TRUE, TRUE);
	assert_int_equal(call_peer_flags(p->juliet.call), 0);
	close_pair(p);
}

static void what_was_wished_before_the_accept_is_told_after_it(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	call_mute(p->romeo.call, TRUE);
	call_hold(p->romeo.call, TRUE);
	wait_for(&p->romeo.accepted);
	carry_all();
	assert_flow(&p->juliet, FALSE, FALSE);
	assert_int_equal(call_peer_flags(p->juliet.call), RTP_HELD_BY_PEER | RTP_MUTED_BY_PEER);
	call_hold(p->romeo.call, FALSE);
	assert_flow(&p->juliet, TRUE, TRUE);
	assert_int_equal(call_peer_flags(p->juliet.call), RTP_MUTED_BY_PEER);
	close_pair(p);
}

static void each_side_sends_in_the_directions_that_were_agreed(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	say(&p->juliet, DIRECTION("initiator"));
	assert_flow(&p->juliet, FALSE, TRUE);
	say(&p->juliet, DIRECTION("responder"));
	say(&p->romeo, DIRECTION("responder"));
	assert_flow(&p->juliet, TRUE, FALSE);
	say(&p->juliet, DIRECTION("both"));
	say(&p->romeo, DIRECTION("both"));
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, DIRECTION("none"));
	say(&p->romeo, DIRECTION("none"));
	assert_flow(&p->juliet, FALSE, FALSE);
	close_pair(p);
}

static void let_come(struct side *s, size_t digits)
{
	for (int i = 0; i < 10 * PATIENCE_S && strlen(s->digits) < digits; i++)
		let_pass(100);
}

static void touch_tones_are_told_once(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_false(call_dtmf(p->romeo.call, "0"));
	wait_for(&p->romeo.accepted);
	assert_true(call_dtmf(p->romeo.call, "1"));		/* before anything flows: it waits */
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_true(call_dtmf(p->romeo.call, "2"));
	let_come(&p->juliet, 2);
	assert_string_equal(p->juliet.digits, "12");
	assert_true(call_dtmf(p->romeo.call, "#3"));
	let_come(&p->juliet, 4);
	assert_string_equal(p->juliet.digits, "12#3");
	close_pair(p);
}

static void more_touch_tones_than_can_wait_are_refused_whole(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);
	g_autofree char *many = g_strnfill(DTMF_QUEUE - 1, 'w');

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_true(call_dtmf(p->romeo.call, many));
	assert_false(call_dtmf(p->romeo.call, "12"));
	assert_true(call_takes_dtmf(p->romeo.call));
	assert_true(call_dtmf(p->romeo.call, "1"));
	assert_false(call_dtmf(p->romeo.call, "2"));
	let_pass(1500);						/* two pauses have passed: there is room again */
	assert_true(call_dtmf(p->romeo.call, "3"));
	close_pair(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_held_stops_sending_and_keeps_listening),
		cmocka_unit_test(whom_we_hold_is_told_and_nothing_is_said_or_heard_meanwhile),
		cmocka_unit_test(what_was_wished_before_the_accept_is_told_after_it),
		cmocka_unit_test(touch_tones_are_told_once),
		cmocka_unit_test(more_touch_tones_than_can_wait_are_refused_whole),
		cmocka_unit_test(each_side_sends_in_the_directions_that_were_agreed),
	};

	return cmocka_run_group_tests(tests, open_all, stop_all);
}
