/* STUN and TURN servers as our own server names them: what is taken, what is not, what is asked for, and when again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_stream.h"
#include "xmpp/extdisco.h"

#define NS "urn:xmpp:extdisco:2"
#define SERVICES(inside) "<services xmlns='" NS "'>" inside "</services>"
#define CREDENTIALS(inside) "<credentials xmlns='" NS "'>" inside "</credentials>"
#define TURN(more) "<service type='turn' transport='udp' host='turn.x' port='3479' username='u' password='p'" more "/>"

enum { NOW_S = 1800000000 };		/* 2027-01-15T08:00:00Z */

struct fixture {
	struct stream stream;
	struct extdisco *e;
	unsigned known;
};

static gint64 now_s(void)
{
	return NOW_S;
}

static void on_known(void *ctx)
{
	((struct fixture *)ctx)->known++;
}

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	fake_stream_init(&f->stream, "romeo@montague.lit/orchard");
	f->e = extdisco_new(&f->stream, now_s, on_known, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	extdisco_free(f->e);
	fake_stream_clear(&f->stream);
	g_free(f);
	return 0;
}

static const struct server_list *servers(struct fixture *f)
{
	return extdisco_servers(f->e);
}

static void given(struct fixture *f, const char *reply)
{
	extdisco_fetch(f->e);
	fake_stream_reply(&f->stream, 0, COND_OK, reply);
}

static void assert_server(const struct ice_server *s, enum server_kind kind, const char *host, unsigned port)
{
	assert_int_equal(s->kind, kind);
	assert_string_equal(s->host, host);
	assert_int_equal(s->port, port);
}

static void our_own_server_is_asked_and_its_order_is_kept(void **state)
{
	struct fixture *f = *state;

	extdisco_fetch(f->e);
	assert_false(extdisco_is_known(f->e));
	assert_string_equal(fake_stream_query(&f->stream, 0)->to, "montague.lit");
	fake_stream_reply(&f->stream, 0, COND_OK, SERVICES("<service type='stun' host='192.0.2.1' port='9998' transport='udp'/>"
		TURN("") "<service type='turn' transport='tcp' host='2001:db8::1' username='u' password='p'/>"
		"<service type='turns' host='turn.x' username='u' password='p'/>"));
	assert_true(extdisco_is_known(f->e));
	assert_int_equal(f->known, 1);
	assert_int_equal(servers(f)->count, 4);
	assert_server(&servers(f)->server[0], SERVER_STUN, "192.0.2.1", 9998);
	assert_server(&servers(f)->server[1], SERVER_TURN_UDP, "turn.x", 3479);
	assert_string_equal(servers(f)->server[1].user, "u");
	assert_string_equal(servers(f)->server[1].password, "p");
	assert_server(&servers(f)->server[2], SERVER_TURN_TCP, "2001:db8::1", 3478);
	assert_server(&servers(f)->server[3], SERVER_TURN_TLS, "turn.x", 5349);
}

static void what_cannot_be_used_is_left_out_rule_r26(void **state)
{
	struct fixture *f = *state;

	given(f, SERVICES("<service type='ftp' host='x' port='20'/><service host='x'/><service type='stun'/><service type='stun' host=''/>"
		"<service type='stun' host='a b'/><service type='stun' host='x' port='0'/><service type='stun' host='x' port='65536'/>"
		"<service type='stun' host='x' transport='tcp'/><service type='turns' transport='udp' host='x' username='u' password='p'/>"
		"<service type='turn' host='x'/><service type='turn' host='x' username='u'/>"
		"<service type='turn' host='x' username='u' password=''/>"));
	assert_int_equal(servers(f)->count, 0);
	assert_true(extdisco_is_known(f->e));
}

static void too_many_or_too_long_are_left_out(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GString) many = g_string_new("<services xmlns='" NS "'>");
	g_autofree char *longest = g_strnfill(300, 'a');

	g_string_append_printf(many, "<service type='stun' host='%s'/><service type='turn' host='x' username='%s' password='p'/>",
			       longest, longest);
	for (int i = 0; i < 200; i++)
		g_string_append_printf(many, "<service type='stun' host='h%d'/>", i);
	g_string_append(many, "</services>");
	given(f, many->str);
	assert_int_equal(servers(f)->count, MAX_SERVERS);
	assert_string_equal(servers(f)->server[0].host, "h0");
}

static void a_server_without_the_service_is_known_to_name_none(void **state)
{
	struct fixture *f = *state;

	extdisco_fetch(f->e);
	fake_stream_reply(&f->stream, 0, COND_SERVICE_UNAVAILABLE, NULL);
	assert_true(extdisco_is_known(f->e));
	assert_int_equal(servers(f)->count, 0);
	assert_int_equal(f->known, 1);
}

static void passwords_that_are_restricted_are_asked_for(void **state)
{
	struct fixture *f = *state;
	const struct elem *which;

	given(f, SERVICES("<service type='turn' host='turn.x' port='3479' restricted='true'/><service type='turn' host='other.x' restricted='1'/>"));
	assert_int_equal(servers(f)->count, 0);
	which = elem_child(fake_stream_query(&f->stream, 0)->payload, "service", NULL);
	assert_true(elem_is(fake_stream_query(&f->stream, 0)->payload, "credentials", NS));
	assert_string_equal(elem_attr(which, "host"), "turn.x");
	assert_string_equal(elem_attr(which, "type"), "turn");
	assert_string_equal(elem_attr(which, "port"), "3479");
	fake_stream_reply(&f->stream, 0, COND_OK, CREDENTIALS("<service type='turn' host='turn.x' username='u' password='p'/>"));
	fake_stream_reply(&f->stream, 0, COND_FORBIDDEN, NULL);
	assert_int_equal(servers(f)->count, 1);
	assert_string_equal(servers(f)->server[0].password, "p");
	assert_int_equal(f->known, 3);
}

static void a_push_of_our_server_adds_modifies_and_removes(void **state)
{
	struct fixture *f = *state;
	struct iq iq;

	given(f, SERVICES(TURN("")));
	fake_iq_init(&iq, "montague.lit", "set", "<services xmlns='" NS "'><service action='add' type='stun' host='s.x'/>"
		     "<service action='modify' type='turn' transport='udp' host='turn.x' port='3479' username='u' password='new'/></services>");
	assert_true(extdisco_iq(f->e, &iq));
	assert_int_equal(iq.cond, COND_OK);
	fake_iq_clear(&iq);
	assert_int_equal(servers(f)->count, 2);
	assert_string_equal(servers(f)->server[1].password, "new");
	fake_iq_init(&iq, "montague.lit", "set", "<services xmlns='" NS "'><service action='remove' type='stun' host='s.x'/></services>");
	assert_true(extdisco_iq(f->e, &iq));
	fake_iq_clear(&iq);
	assert_int_equal(servers(f)->count, 1);
	assert_int_equal(f->known, 3);
}

static void a_push_of_anybody_else_changes_nothing(void **state)
{
	static const char *const others[] = {"evil.lit", "juliet@montague.lit", "montague.lit/x", "romeo@montague.lit", "sub.montague.lit"};
	struct fixture *f = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		struct iq iq;

		fake_iq_init(&iq, others[i], "set", "<services xmlns='" NS "'>" TURN("") "</services>");
		assert_true(extdisco_iq(f->e, &iq));
		assert_int_equal(iq.cond, COND_SERVICE_UNAVAILABLE);
		fake_iq_clear(&iq);
	}
	assert_int_equal(servers(f)->count, 0);
	assert_int_equal(f->known, 0);
}

static void it_is_asked_again_before_the_first_of_them_expires(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(extdisco_due_s(f->e), 0);
	given(f, SERVICES(TURN("") "<service type='turn' host='b.x' username='u' password='p' expires='2027-01-15T10:00:00Z'/>"
			  "<service type='turn' host='c.x' username='u' password='p' expires='2027-01-15T09:00:00Z'/>"));
	assert_int_equal(extdisco_due_s(f->e), NOW_S + 3600 - 60);
}

static void it_is_asked_again_neither_at_once_nor_never(void **state)
{
	static const struct { const char *expires; gint64 due_s; } table[] = {{"1999-01-01T00:00:00Z", 60}, {"2027-01-15T08:00:01Z", 60},
		{"2999-01-01T00:00:00Z", 12 * 3600}, {"tomorrow", 12 * 3600}, {"", 12 * 3600}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *reply = g_strdup_printf(SERVICES(TURN(" expires='%s'")), table[i].expires);
		void *f;

		setup(&f);
		given(f, reply);
		assert_int_equal(extdisco_due_s(((struct fixture *)f)->e), NOW_S + table[i].due_s);
		teardown(&f);
	}
}

/* A refresh goes on beside calls, which have the old list meanwhile. */
static void a_new_login_asks_anew_and_is_not_known_until_then(void **state)
{
	struct fixture *f = *state;

	given(f, SERVICES(TURN("")));
	extdisco_fetch(f->e);
	assert_false(extdisco_is_known(f->e));
	fake_stream_reply(&f->stream, 0, COND_OK, SERVICES("<service type='stun' host='s.x'/>"));
	assert_int_equal(servers(f)->count, 1);
	assert_int_equal(servers(f)->server[0].kind, SERVER_STUN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(our_own_server_is_asked_and_its_order_is_kept),
		T(what_cannot_be_used_is_left_out_rule_r26),
		T(too_many_or_too_long_are_left_out),
		T(a_server_without_the_service_is_known_to_name_none),
		T(passwords_that_are_restricted_are_asked_for),
		T(a_push_of_our_server_adds_modifies_and_removes),
		T(a_push_of_anybody_else_changes_nothing),
		T(it_is_asked_again_before_the_first_of_them_expires),
		T(it_is_asked_again_neither_at_once_nor_never),
		T(a_new_login_asks_anew_and_is_not_known_until_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
