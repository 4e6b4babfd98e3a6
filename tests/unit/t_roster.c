#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_stream.h"
#include "xml.h"
#include "xmpp/roster.h"

#define ROSTER "<query xmlns='jabber:iq:roster'>"

struct fixture {
	struct stream stream;
	struct roster *roster;
	unsigned done;
};

static void on_done(void *ctx)
{
	((struct fixture *)ctx)->done++;
}

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	fake_stream_init(&f->stream, "romeo@montague.lit/orchard");
	f->roster = roster_new(&f->stream);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	roster_free(f->roster);
	fake_stream_clear(&f->stream);
	g_free(f);
	return 0;
}

static void fetch(struct fixture *f, const char *reply)
{
	roster_fetch(f->roster, on_done, f);
	fake_stream_reply(&f->stream, 0, COND_OK, reply);
}

static enum iq_cond push(struct fixture *f, const char *from, const char *query)
{
	struct iq iq;
	enum iq_cond cond;

	fake_iq_init(&iq, from, "set", query);
	assert_true(roster_iq(f->roster, &iq));
	assert_int_equal(iq.answers, 1);
	cond = iq.cond;
	fake_iq_clear(&iq);
	return cond;
}

static void the_list_is_asked_of_our_own_server_and_then_known(void **state)
{
	struct fixture *f = *state;

	roster_fetch(f->roster, on_done, f);
	assert_int_equal(f->stream.queries->len, 1);
	assert_null(fake_stream_query(&f->stream, 0)->to);
	assert_elem_equal("<query xmlns='jabber:iq:roster'/>", fake_stream_query(&f->stream, 0)->payload);
	assert_false(roster_ready(f->roster));
	fake_stream_reply(&f->stream, 0, COND_OK, ROSTER "<item jid='juliet@capulet.lit' name='Juliet' subscription='both'/>"
			  "<item jid='nurse@capulet.lit' subscription='to'/></query>");
	assert_int_equal(f->done, 1);
	assert_true(roster_ready(f->roster));
	assert_true(roster_has(f->roster, "Juliet@Capulet.lit/balcony"));
	assert_string_equal(roster_name(f->roster, "juliet@capulet.lit"), "Juliet");
	assert_true(roster_has(f->roster, "nurse@capulet.lit"));
	assert_null(roster_name(f->roster, "nurse@capulet.lit"));
	assert_false(roster_has(f->roster, "paris@verona.lit"));
	assert_null(roster_name(f->roster, "paris@verona.lit"));
}

static void only_who_is_subscribed_to_us_sees_us(void **state)
{
	struct fixture *f = *state;

	fetch(f, ROSTER "<item jid='a@x' subscription='both'/><item jid='b@x' subscription='from'/>"
	      "<item jid='c@x' subscription='to'/><item jid='d@x' subscription='none' ask='subscribe'/><item jid='e@x'/></query>");
	assert_true(roster_sees_us(f->roster, "a@x/r"));
	assert_true(roster_sees_us(f->roster, "b@x"));
	assert_false(roster_sees_us(f->roster, "c@x"));
	assert_false(roster_sees_us(f->roster, "d@x"));
	assert_false(roster_sees_us(f->roster, "e@x"));
	assert_false(roster_sees_us(f->roster, "f@x"));
}

static void a_list_that_cannot_be_had_is_empty_and_told(void **state)
{
	struct fixture *f = *state;

	roster_fetch(f->roster, on_done, f);
	fake_stream_reply(&f->stream, 0, COND_TIMEOUT, NULL);
	assert_int_equal(f->done, 1);
	assert_true(roster_ready(f->roster));
	assert_false(roster_has(f->roster, "a@x"));
}

static void a_new_list_replaces_the_old_one(void **state)
{
	struct fixture *f = *state;

	fetch(f, ROSTER "<item jid='a@x' subscription='both'/></query>");
	fetch(f, ROSTER "<item jid='b@x' subscription='both'/></query>");
	assert_int_equal(f->done, 2);
	assert_false(roster_has(f->roster, "a@x"));
	assert_true(roster_has(f->roster, "b@x"));
}

static void pushes_from_our_account_add_change_and_remove(void **state)
{
	struct fixture *f = *state;

	fetch(f, ROSTER "</query>");
	assert_int_equal(push(f, "romeo@montague.lit", ROSTER "<item jid='a@x' subscription='both'/></query>"), COND_OK);
	assert_true(roster_sees_us(f->roster, "a@x"));
	assert_int_equal(push(f, "romeo@montague.lit", ROSTER "<item jid='A@X' subscription='to'/></query>"), COND_OK);
	assert_false(roster_sees_us(f->roster, "a@x"));
	assert_true(roster_has(f->roster, "a@x"));
	assert_int_equal(push(f, "romeo@montague.lit", ROSTER "<item jid='a@x' subscription='remove'/></query>"), COND_OK);
	assert_false(roster_has(f->roster, "a@x"));
}

/* CVE-2015-8688: who can push can make himself a contact. */
static void pushes_from_anybody_else_are_refused_and_change_nothing(void **state)
{
	static const char *const others[] = {"mallory@evil.lit", "mallory@evil.lit/x", "montague.lit", "romeo@montague.lit/other",
		"romeo@montague.lit.evil.lit", "juliet@montague.lit"};
	struct fixture *f = *state;

	fetch(f, ROSTER "</query>");
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		assert_int_equal(push(f, others[i], ROSTER "<item jid='mallory@evil.lit' subscription='both'/></query>"),
				 COND_SERVICE_UNAVAILABLE);
		assert_false(roster_has(f->roster, "mallory@evil.lit"));
	}
}

static void what_is_no_push_is_left_to_others(void **state)
{
	struct fixture *f = *state;
	struct iq iq;

	fake_iq_init(&iq, "romeo@montague.lit", "get", ROSTER "</query>");
	assert_false(roster_iq(f->roster, &iq));
	assert_int_equal(iq.answers, 0);
	fake_iq_clear(&iq);
	fake_iq_init(&iq, "romeo@montague.lit", "set", "<ping xmlns='urn:xmpp:ping'/>");
	assert_false(roster_iq(f->roster, &iq));
	assert_int_equal(iq.answers, 0);
	fake_iq_clear(&iq);
}

static void fetch_many(struct fixture *f, int n)
{
	g_autoptr(GString) xml = g_string_new(ROSTER);

	for (int i = 0; i < n; i++)
		g_string_append_printf(xml, "<item jid='c%d@x' subscription='both'/>", i);
	g_string_append(xml, "</query>");
	fetch(f, xml->str);
}

static void every_contact_of_a_list_of_50000_is_known_and_none_beyond(void **state)
{
	struct fixture *f = *state;

	fetch_many(f, ROSTER_MAX + 1);
	assert_true(roster_sees_us(f->roster, "c0@x"));
	assert_true(roster_sees_us(f->roster, "c49999@x"));
	assert_false(roster_has(f->roster, "c50000@x"));
	assert_int_equal(push(f, "romeo@montague.lit", ROSTER "<item jid='c7@x' subscription='to'/></query>"), COND_OK);
	assert_false(roster_sees_us(f->roster, "c7@x"));		/* who is there can change */
}

static void items_without_a_usable_address_are_skipped(void **state)
{
	struct fixture *f = *state;

	fetch(f, ROSTER "<item/><item jid=''/><item jid='a b@x' subscription='both'/><item jid='good@x' subscription='both'/></query>");
	assert_true(roster_has(f->roster, "good@x"));
	assert_false(roster_has(f->roster, "a b@x"));
	assert_false(roster_has(f->roster, ""));
}

static void an_unanswered_question_is_withdrawn_when_freed(void **state)
{
	struct fixture *f = *state;

	roster_fetch(f->roster, on_done, f);
	roster_free(f->roster);
	f->roster = NULL;
	assert_true(fake_stream_query(&f->stream, 0)->cancelled);
	assert_int_equal(f->done, 0);
}

static void count_item(void *ctx, const char *jid, const char *name)
{
	GString *told = ctx;

	g_string_append_printf(told, "%s=%s;", jid, name ? name : "");
}

static void items_tell_whether_we_see_them_and_can_be_gone_through(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GString) told = g_string_new(NULL);

	roster_each(f->roster, count_item, told);
	assert_int_equal(told->len, 0);
	assert_false(roster_has_come(f->roster));
	fetch(f, ROSTER "<item jid='Juliet@capulet.lit' name='Juliet' subscription='to'/></query>");
	assert_true(roster_has_come(f->roster));
	assert_true(roster_shows(f->roster, "juliet@capulet.lit/balcony"));
	assert_false(roster_sees_us(f->roster, "juliet@capulet.lit"));
	roster_each(f->roster, count_item, told);
	assert_string_equal(told->str, "juliet@capulet.lit=Juliet;");
	fetch(f, ROSTER "<item jid='a@x' subscription='both'/><item jid='b@x' subscription='from'/><item jid='c@x' "
	      "subscription='none' ask='subscribe'/><item jid='d@x'/></query>");
	assert_true(roster_shows(f->roster, "a@x"));
	assert_false(roster_shows(f->roster, "b@x") || roster_shows(f->roster, "c@x") || roster_shows(f->roster, "d@x"));
	assert_false(roster_shows(f->roster, "juliet@capulet.lit"));
}

static void a_list_that_is_refused_has_not_come(void **state)
{
	struct fixture *f = *state;

	roster_fetch(f->roster, on_done, f);
	fake_stream_reply(&f->stream, 0, COND_SERVICE_UNAVAILABLE, NULL);
	assert_true(roster_ready(f->roster));
	assert_false(roster_has_come(f->roster));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_list_is_asked_of_our_own_server_and_then_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_who_is_subscribed_to_us_sees_us, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_that_cannot_be_had_is_empty_and_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_list_replaces_the_old_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pushes_from_our_account_add_change_and_remove, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pushes_from_anybody_else_are_refused_and_change_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_push_is_left_to_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(items_without_a_usable_address_are_skipped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_contact_of_a_list_of_50000_is_known_and_none_beyond, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unanswered_question_is_withdrawn_when_freed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(items_tell_whether_we_see_them_and_can_be_gone_through, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_that_is_refused_has_not_come, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
