/* Two whole calls: which transport and which condition they take, and what follows when it fails. Where ICE has to fail, libnice
 * takes 7 s to give up: those pairs are started together, before the first test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call_pair.h"

/* ---- tests ---- */

static void ice_is_taken_where_both_have_it(void **state)
{
	struct pair *p = start_pair((struct transport_list)BOTH, (struct transport_list)BOTH, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	close_pair(p);
}

static void raw_udp_is_offered_to_one_who_has_nothing_else(void **state)
{
	struct pair *p = start_pair((struct transport_list)RAW, (struct transport_list)BOTH, FALSE);

	assert_heard_by(p, TRANSPORT_RAW_UDP);
	assert_string_equal(p->romeo.actions->str, "session-initiate ");
	close_pair(p);
}

/* XEP-0166 7.4.2 "unsupported-transports" */
static void an_offer_by_a_transport_that_is_switched_off_is_refused(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)RAW, FALSE);

	assert_ended(p, JC_UNSUPPORTED_TRANSPORT, JC_UNSUPPORTED_TRANSPORT);
	assert_int_equal(p->romeo.reason, REASON_UNSUPPORTED_TRANSPORTS);
	close_pair(p);
}

/* The call rings, and the caller asks for another transport: he does not get an address by that. */
static void no_address_leaves_before_the_accept_by_a_replacement(void **state)
{
	struct pair *p = start_pair((struct transport_list)BOTH, (struct transport_list)BOTH, FALSE);
	struct side *juliet = &p->juliet;

	p->undecided = TRUE;
	wait_for(&juliet->incoming);
	say(juliet, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='transport-replace'><content creator='initiator' "
	    "name='audio'><transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' "
	    "id='a' ip='127.0.0.1' port='9'/></transport></content></jingle>");
	assert_elem_equal("<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'>*</transport>",
			  sent_transport(juliet, "transport-accept"));
	assert_null(elem_child(sent_transport(juliet, "transport-accept"), "candidate", NULL));
	call_accept(juliet->call);
	while (!sent_transport(juliet, "session-accept"))
		g_main_context_iteration(NULL, TRUE);
	assert_elem_equal("<candidate xmlns='urn:xmpp:jingle:transports:raw-udp:1' component='1' generation='0' id='*' ip='*' "
			  "port='*' type='host'/>",
			  elem_child(sent_transport(juliet, "session-accept"), "candidate", NULL));
	close_pair(p);
}

/* Both find out at about the same time; the initiator's transport-replace overrules (XEP-0166 "Tie Breaking"). */
static void when_ice_fails_both_agree_on_raw_udp_and_hear_each_other(void **state)
{
	struct pair *p = ((struct pair **)*state)[0];

	assert_heard_by(p, TRANSPORT_RAW_UDP);
	assert_true(strstr(p->romeo.actions->str, "transport-replace") || strstr(p->juliet.actions->str, "transport-replace"));
	assert_true(strstr(p->romeo.actions->str, "transport-accept") || strstr(p->juliet.actions->str, "transport-accept"));
}

/* XEP-0166 "failed-transport" */
static void when_ice_fails_and_the_peer_rejects_raw_udp_the_call_ends(void **state)
{
	struct pair *p = ((struct pair **)*state)[1];

	assert_ended(p, JC_FAILED_TRANSPORT, JC_FAILED_TRANSPORT);
}

static void when_ice_fails_and_there_is_nothing_else_the_call_ends(void **state)
{
	struct pair *p = ((struct pair **)*state)[2];

	assert_ended(p, JC_FAILED_TRANSPORT, JC_FAILED_TRANSPORT);
	assert_null(strstr(p->romeo.actions->str, "transport-replace"));
	assert_null(strstr(p->juliet.actions->str, "transport-replace"));
}

/* ---- conditions ---- */

/* Somebody sits between them, whose certificate is another. */
static void when_the_certificate_is_not_the_one_announced_the_call_ends(void **state)
{
	struct pair *p = new_keyed_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE, (struct keying_list)DTLS,
					(struct keying_list)DTLS);

	p->forged = TRUE;
	dial(p, NULL);
	assert_ended(p, JC_SECURITY, JC_SECURITY);
}

static void assert_keyed(struct pair *p, enum keying_kind kind)
{
	assert_heard_by(p, TRANSPORT_RAW_UDP);
	assert_int_equal(p->romeo.keyed_by, kind);
	assert_int_equal(p->juliet.keyed_by, kind);
	assert_string_equal(p->romeo.suite, p->juliet.suite);
	assert_int_equal(p->romeo.secured + p->juliet.secured, 2);
	close_pair(p);
}

static struct pair *raw_pair(struct keying_list his, struct keying_list hers)
{
	return start_keyed_pair((struct transport_list)RAW, (struct transport_list)RAW, FALSE, his, hers);
}

static void sdes_is_taken_where_both_have_switched_it_on(void **state)
{
	struct pair *p = raw_pair((struct keying_list)SDES, (struct keying_list)SDES);

	wait_for(&p->romeo.secured);
	assert_string_equal(p->romeo.suite, "AEAD_AES_256_GCM");
	assert_keyed(p, KEYING_SDES);
}

static void sdes_goes_by_ice_too(void **state)
{
	struct pair *p = start_keyed_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE, (struct keying_list)SDES,
					  (struct keying_list)DTLS_SDES);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_int_equal(p->romeo.keyed_by, KEYING_SDES);
	assert_int_equal(p->juliet.keyed_by, KEYING_SDES);
	close_pair(p);
}

static void dtls_is_preferred_where_both_have_both(void **state)
{
	assert_keyed(raw_pair((struct keying_list)DTLS_SDES, (struct keying_list)DTLS_SDES), KEYING_DTLS);
}

static void whoever_has_both_meets_one_who_has_one(void **state)
{
	assert_keyed(raw_pair((struct keying_list)DTLS_SDES, (struct keying_list)SDES), KEYING_SDES);
	assert_keyed(raw_pair((struct keying_list)SDES, (struct keying_list)DTLS_SDES), KEYING_SDES);
	assert_keyed(raw_pair((struct keying_list)DTLS_SDES, (struct keying_list)DTLS), KEYING_DTLS);
	assert_keyed(raw_pair((struct keying_list)DTLS, (struct keying_list)DTLS_SDES), KEYING_DTLS);
}

static void sdes_on_one_side_only_is_a_security_error(void **state)
{
	struct pair *p = raw_pair((struct keying_list)SDES, (struct keying_list)DTLS);

	assert_ended(p, JC_SECURITY, JC_SECURITY);
	assert_int_equal(p->romeo.reason, REASON_SECURITY_ERROR);
	close_pair(p);
	p = raw_pair((struct keying_list)DTLS, (struct keying_list)SDES);
	assert_ended(p, JC_SECURITY, JC_SECURITY);
	close_pair(p);
}

static int start_all(void **state)
{
	static struct pair *failing[3];

	open_all(state);
	failing[0] = start_pair((struct transport_list)BOTH, (struct transport_list)BOTH, TRUE);
	failing[1] = start_pair((struct transport_list)BOTH, (struct transport_list)ICE, TRUE);
	failing[2] = start_pair((struct transport_list)ICE, (struct transport_list)ICE, TRUE);
	*state = failing;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ice_is_taken_where_both_have_it),
		cmocka_unit_test(raw_udp_is_offered_to_one_who_has_nothing_else),
		cmocka_unit_test(an_offer_by_a_transport_that_is_switched_off_is_refused),
		cmocka_unit_test(sdes_is_taken_where_both_have_switched_it_on),
		cmocka_unit_test(sdes_goes_by_ice_too),
		cmocka_unit_test(dtls_is_preferred_where_both_have_both),
		cmocka_unit_test(whoever_has_both_meets_one_who_has_one),
		cmocka_unit_test(sdes_on_one_side_only_is_a_security_error),
		cmocka_unit_test(no_address_leaves_before_the_accept_by_a_replacement),
		cmocka_unit_test(when_ice_fails_both_agree_on_raw_udp_and_hear_each_other),
		cmocka_unit_test(when_ice_fails_and_the_peer_rejects_raw_udp_the_call_ends),
		cmocka_unit_test(when_ice_fails_and_there_is_nothing_else_the_call_ends),
		cmocka_unit_test(when_the_certificate_is_not_the_one_announced_the_call_ends),
	};

	return cmocka_run_group_tests(tests, start_all, stop_all);
}
