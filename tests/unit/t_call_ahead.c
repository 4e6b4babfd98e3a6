/* Addresses that are gathered before the call is there. Whether a call uses those is seen by 127.0.0.1, which is among them alone:
 * loopback is out of bounds by the time of the call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call_pair.h"

static gint64 passed_ms;

static gint64 later(void)
{
	return clock_now() + passed_ms;
}

static struct call_ahead *gather(struct side *s, gboolean we_call)
{
	struct call_ahead *ahead = call_ahead_new(&s->env, &s->terms, we_call);

	assert_non_null(ahead);
	let_pass(200);
	s->env.ice.loopback = FALSE;
	return ahead;
}

static struct pair *ice_pair(void)
{
	struct pair *p = new_keyed_pair((struct transport_list)BOTH, (struct transport_list)BOTH, FALSE, (struct keying_list)DTLS,
					(struct keying_list)DTLS);

	passed_ms = 0;
	p->romeo.env.now_ms = p->juliet.env.now_ms = later;
	return p;
}

static void wait_for_transport(struct side *s, const char *action)
{
	while (!sent_transport(s, action)) {
		carry_all();
		g_main_context_iteration(NULL, TRUE);
	}
}

/* Does the message name that address? */
static gboolean names_loopback(struct side *s, const char *action)
{
	const struct elem *transport;

	wait_for_transport(s, action);
	transport = sent_transport(s, action);
	for (const struct elem *e = elem_child(transport, "candidate", NULL); e; e = elem_next(e, "candidate", NULL))
		if (strcmp(elem_attr(e, "ip"), "127.0.0.1") == 0)
			return TRUE;
	return FALSE;
}

static void the_offer_has_what_was_found_while_it_rang(void **state)
{
	struct pair *p = ice_pair();

	dial(p, gather(&p->romeo, TRUE));
	assert_true(names_loopback(&p->romeo, "session-initiate"));
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	close_pair(p);
}

static void the_accept_has_what_was_found_while_the_offer_was_under_way(void **state)
{
	struct pair *p = ice_pair();

	p->juliet.ahead = gather(&p->juliet, FALSE);
	dial(p, NULL);
	assert_true(names_loopback(&p->juliet, "session-accept"));
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	close_pair(p);
}

/* A router may have forgotten them. */
static void addresses_of_long_ago_are_gathered_anew(void **state)
{
	struct pair *p = ice_pair();
	struct call_ahead *ahead = gather(&p->romeo, TRUE);

	passed_ms = 25000;
	dial(p, ahead);
	assert_false(names_loopback(&p->romeo, "session-initiate"));
	close_pair(p);
}

/* Both have called each other: ICE's roles are the other way round. */
static void what_the_caller_has_found_is_not_used_for_being_called(void **state)
{
	struct pair *p = ice_pair();

	p->juliet.ahead = gather(&p->juliet, TRUE);
	dial(p, NULL);
	assert_false(names_loopback(&p->juliet, "session-accept"));
	close_pair(p);
}

static void who_is_to_hide_by_now_does_not_use_open_addresses(void **state)
{
	static const struct ice_server relay = {.kind = SERVER_TURN_UDP, .host = "127.0.0.1", .port = 9, .user = "u", .password = "p"};
	struct pair *p = ice_pair();
	struct call_ahead *ahead = gather(&p->romeo, TRUE);

	p->romeo.env.ice.servers = (struct server_list){.server = {relay}, .count = 1};
	p->romeo.terms.relay = RELAY_ONLY;
	dial(p, ahead);
	assert_false(names_loopback(&p->romeo, "session-initiate"));
	close_pair(p);
}

static void another_transport_goes_its_own_way(void **state)
{
	struct pair *p = new_keyed_pair((struct transport_list)RAW, (struct transport_list)BOTH, FALSE, (struct keying_list)DTLS,
					(struct keying_list)DTLS);

	p->juliet.ahead = call_ahead_new(&p->juliet.env, &p->juliet.terms, FALSE);
	assert_non_null(p->juliet.ahead);
	let_pass(200);
	dial(p, NULL);
	assert_heard_by(p, TRANSPORT_RAW_UDP);
	close_pair(p);
}

static void nothing_is_gathered_where_that_is_too_early_or_no_use(void **state)
{
	struct pair *p = ice_pair();
	struct side *romeo = &p->romeo;

	romeo->env.awaits_servers = TRUE;
	assert_null(call_ahead_new(&romeo->env, &romeo->terms, TRUE));
	romeo->env.awaits_servers = FALSE;
	romeo->terms.relay = RELAY_ONLY;		/* and there is none */
	assert_null(call_ahead_new(&romeo->env, &romeo->terms, TRUE));
	romeo->terms.relay = RELAY_FREE;
	romeo->terms.transports = (struct transport_list)RAW;
	assert_null(call_ahead_new(&romeo->env, &romeo->terms, TRUE));
	close_pair(p);
}

static void on_freed(void *ctx, const struct media_stats *stats)
{
	*(unsigned *)ctx += 1;
}

static void what_was_not_wanted_after_all_is_closed_and_that_is_told(void **state)
{
	struct pair *p = ice_pair();
	unsigned freed = 0;

	call_ahead_free(gather(&p->romeo, TRUE), on_freed, &freed);
	wait_for(&freed);
	assert_int_equal(freed, 1);
	close_pair(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_offer_has_what_was_found_while_it_rang),
		cmocka_unit_test(the_accept_has_what_was_found_while_the_offer_was_under_way),
		cmocka_unit_test(addresses_of_long_ago_are_gathered_anew),
		cmocka_unit_test(what_the_caller_has_found_is_not_used_for_being_called),
		cmocka_unit_test(who_is_to_hide_by_now_does_not_use_open_addresses),
		cmocka_unit_test(another_transport_goes_its_own_way),
		cmocka_unit_test(nothing_is_gathered_where_that_is_too_early_or_no_use),
		cmocka_unit_test(what_was_not_wanted_after_all_is_closed_and_that_is_told),
	};

	return cmocka_run_group_tests(tests, open_all, stop_all);
}
