/* Two whole calls: <redirect/> (RFC 6120 8.3.3.14) in answer to any IQ. Only the answer to an offer
 * that still waits sends the caller elsewhere; in answer to all the rest it is one refusal among
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call_pair.h"
#include "call_priv.h"

#define NS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define ERROR(inside) "<error type='modify'>" inside "</error>"
#define REDIRECT(to) "<redirect xmlns='" NS "'>" to "</redirect>"
#define OTHER_REDIRECT "<redirect xmlns='urn:example:other'>xmpp:a@b/c</redirect>"

static const char *const redirects[] = {
	ERROR(REDIRECT("xmpp:juliet@capulet.lit/chamber")),
	ERROR(REDIRECT("")),
	ERROR("<redirect xmlns='" NS "'/>"),
	ERROR(REDIRECT("<jid xmlns='urn:example:odd'>juliet@capulet.lit/chamber</jid>")),
	ERROR(REDIRECT("\xe2\x80\xae%s%n/\x7f")),
	ERROR(OTHER_REDIRECT REDIRECT("xmpp:juliet@capulet.lit/chamber")),
	ERROR(OTHER_REDIRECT),
	"<query xmlns='urn:example:odd'/>",
	NULL,						/* an error without anything in it */
};

/* At least one redirection was answered, and it sent nobody elsewhere. */
static void assert_nobody_was_sent_elsewhere(const struct pair *p)
{
	assert_true(p->redirections > 0);
	assert_int_equal(p->romeo.redirected, 0);
	assert_int_equal(p->juliet.redirected, 0);
}

static struct pair *start_answered(const char *action, const char *redirect)
{
	struct pair *p = new_keyed_pair((struct transport_list)BOTH, (struct transport_list)BOTH, FALSE,
					(struct keying_list)DTLS, (struct keying_list)DTLS);

	p->redirect_action = action;
	p->redirect = redirect;
	return p;
}

static void ringing_answered_with_a_redirect_leaves_the_call_ringing(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(redirects); i++) {
		struct pair *p = start_answered("session-info", redirects[i]);

		p->undecided = TRUE;
		dial(p, NULL);
		wait_for(&p->juliet.incoming);
		call_ring(p->juliet.call);
		carry_all();
		assert_nobody_was_sent_elsewhere(p);
		assert_int_equal(p->juliet.ended, 0);
		close_pair(p);
	}
}

static void what_follows_an_offer_may_be_redirected_and_the_call_stays(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(redirects); i++) {
		struct pair *p = start_answered("transport-info", redirects[i]);
		struct ice_cand late = {.component = 1, .foundation = "f9", .ip = "127.0.0.9", .port = 9};

		p->undecided = TRUE;
		dial(p, NULL);
		wait_for(&p->juliet.incoming);
		call_path_events(p->romeo.call).candidate(p->romeo.call, &late);
		carry_all();
		assert_nobody_was_sent_elsewhere(p);
		assert_int_equal(p->romeo.ended, 0);
		close_pair(p);
	}
}

static void a_content_added_while_it_rings_is_rejected_whatever_the_answer_to_that(void **state)
{
	static const char *const add = "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='content-add'>"
		"<content creator='initiator' name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>"
		"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content></jingle>";

	for (size_t i = 0; i < G_N_ELEMENTS(redirects); i++) {
		struct pair *p = start_answered("content-reject", redirects[i]);

		p->undecided = TRUE;
		dial(p, NULL);
		wait_for(&p->juliet.incoming);
		say(&p->juliet, add);
		say(&p->romeo, add);
		carry_all();
		assert_int_equal(p->redirections, 2);
		assert_nobody_was_sent_elsewhere(p);
		assert_int_equal(p->romeo.ended + p->juliet.ended, 0);
		close_pair(p);
	}
}

static void an_accept_answered_with_a_redirect_ends_the_call_as_every_refusal_does(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(redirects); i++) {
		struct pair *p = start_answered("session-accept", redirects[i]);

		dial(p, NULL);
		wait_for(&p->juliet.ended);
		assert_nobody_was_sent_elsewhere(p);
		assert_int_equal(p->juliet.err, JC_UNAVAILABLE);
		close_pair(p);
	}
}

static void a_wish_in_the_call_may_be_redirected_and_the_call_goes_on(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(redirects); i++) {
		struct pair *p = start_answered("content-modify", redirects[i]);

		dial(p, NULL);
		wait_for(&p->romeo.accepted);
		wait_for(&p->juliet.accepted);
		call_hold(p->romeo.call, TRUE);
		call_hold(p->juliet.call, TRUE);
		carry_all();
		p->redirect_action = "session-info";
		call_mute(p->romeo.call, TRUE);
		call_mute(p->juliet.call, TRUE);
		carry_all();
		assert_nobody_was_sent_elsewhere(p);
		assert_int_equal(p->romeo.ended + p->juliet.ended, 0);
		close_pair(p);
	}
}

static void an_end_answered_with_a_redirect_is_an_end(void **state)
{
	struct pair *p = start_answered("session-terminate", redirects[0]);

	p->undecided = TRUE;
	dial(p, NULL);
	wait_for(&p->juliet.incoming);
	call_hangup(p->romeo.call, JC_CANCELLED, NULL);
	carry_all();
	assert_nobody_was_sent_elsewhere(p);
	assert_int_equal(p->romeo.ended, 1);
	close_pair(p);
}

/* The peer's client accepts first and answers the offer later. */
static void a_redirect_that_comes_behind_the_accept_sends_nobody_elsewhere(void **state)
{
	struct pair *p = start_answered(NULL, NULL);
	elem_auto reply = elem_new("iq", "jabber:client");
	struct fake_query *offer;

	elem_adopt(reply, xml(redirects[0]));
	p->offer_unanswered = TRUE;
	dial(p, NULL);
	wait_for(&p->romeo.accepted);
	offer = p->romeo.stream.queries->pdata[0];
	assert_string_equal(elem_attr(offer->payload, "action"), "session-initiate");
	offer->done(offer->ctx, COND_REDIRECT, reply);
	carry_all();
	assert_int_equal(p->romeo.redirected + p->romeo.ended, 0);
	close_pair(p);
}

static void an_offer_answered_with_an_address_sends_the_caller_there_and_only_once(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(redirects); i++) {
		struct pair *p = start_answered("session-initiate", redirects[i]);
		elem_auto reply = redirects[i] ? xml(redirects[i]) : NULL;
		gboolean named = elem_child(reply, "redirect", NS) != NULL;

		p->undecided = TRUE;
		dial(p, NULL);
		wait_for(named ? &p->romeo.redirected : &p->romeo.ended);
		assert_int_equal(p->romeo.redirected, named ? 1 : 0);
		assert_int_equal(p->romeo.ended, named ? 0 : 1);
		assert_int_equal(p->juliet.redirected, 0);
		close_pair(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ringing_answered_with_a_redirect_leaves_the_call_ringing),
		cmocka_unit_test(what_follows_an_offer_may_be_redirected_and_the_call_stays),
		cmocka_unit_test(a_content_added_while_it_rings_is_rejected_whatever_the_answer_to_that),
		cmocka_unit_test(an_accept_answered_with_a_redirect_ends_the_call_as_every_refusal_does),
		cmocka_unit_test(a_wish_in_the_call_may_be_redirected_and_the_call_goes_on),
		cmocka_unit_test(an_end_answered_with_a_redirect_is_an_end),
		cmocka_unit_test(a_redirect_that_comes_behind_the_accept_sends_nobody_elsewhere),
		cmocka_unit_test(an_offer_answered_with_an_address_sends_the_caller_there_and_only_once),
	};

	return cmocka_run_group_tests(tests, open_all, stop_all);
}
