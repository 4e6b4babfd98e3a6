#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_stream.h"
#include "standing.h"

#define NS_BLOCKING "urn:xmpp:blocking"
#define ROSTER "<query xmlns='jabber:iq:roster'><item jid='friend@x.lit' subscription='both'/>" \
	"<item jid='seen@x.lit' subscription='to'/><item jid='room@rooms.lit' subscription='both'/></query>"

struct fixture {
	struct stream stream;
	struct roster *roster;
	struct blocklist *blocklist;
	struct standings *standings;
	guint changes;
};

static void on_roster(void *ctx)
{
}

static void on_blocked(void *ctx)
{
	((struct fixture *)ctx)->changes++;
}

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	fake_stream_init(&f->stream, "juliet@capulet.lit/balcony");
	f->roster = roster_new(&f->stream);
	f->blocklist = blocklist_new(&f->stream);
	f->standings = standings_new("juliet@capulet.lit", f->roster, f->blocklist);
	roster_fetch(f->roster, on_roster, f);
	fake_stream_reply(&f->stream, 0, COND_OK, ROSTER);
	blocklist_fetch(f->blocklist, on_blocked, f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	standings_free(f->standings);
	blocklist_free(f->blocklist);
	roster_free(f->roster);
	fake_stream_clear(&f->stream);
	g_free(f);
	return 0;
}

static void block(struct fixture *f, const char *items)
{
	g_autofree char *list = g_strdup_printf("<blocklist xmlns='" NS_BLOCKING "'>%s</blocklist>", items);

	fake_stream_reply(&f->stream, 0, COND_OK, list);
}

static gboolean push(struct fixture *f, const char *from, const char *payload, enum iq_cond *cond)
{
	struct iq iq;
	gboolean taken;

	fake_iq_init(&iq, from, "set", payload);
	taken = blocklist_iq(f->blocklist, &iq);
	*cond = iq.cond;
	fake_iq_clear(&iq);
	return taken;
}

static enum standing of(const struct fixture *f, const char *jid)
{
	return standings_of(f->standings, jid);
}

static void everybody_is_one_thing_to_us(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) allow = g_ptr_array_new();

	g_ptr_array_add(allow, (char *)"aunt@y.lit");
	g_ptr_array_add(allow, (char *)"family.lit");
	block(f, "");
	standings_allow(f->standings, allow, FALSE);
	standings_know(f->standings, "known@z.lit/phone");
	assert_int_equal(of(f, "juliet@capulet.lit"), STANDING_SELF);
	assert_int_equal(of(f, "Juliet@Capulet.lit/other"), STANDING_SELF);
	assert_int_equal(of(f, "capulet.lit"), STANDING_SERVER);
	assert_int_equal(of(f, "friend@x.lit/a"), STANDING_CONTACT);
	assert_int_equal(of(f, "aunt@y.lit/a"), STANDING_ALLOWED);
	assert_int_equal(of(f, "anybody@family.lit/a"), STANDING_ALLOWED);
	assert_int_equal(of(f, "known@z.lit/tablet"), STANDING_KNOWN);
	assert_int_equal(of(f, "seen@x.lit"), STANDING_STRANGER);	/* we see them, they do not see us */
	assert_int_equal(of(f, "mallory@evil.lit/a"), STANDING_STRANGER);
	assert_int_equal(of(f, "evil.lit"), STANDING_STRANGER);
	assert_int_equal(of(f, "capulet.lit/x"), STANDING_STRANGER);
	assert_int_equal(of(f, "evil.lit/juliet@capulet.lit"), STANDING_STRANGER);
	assert_int_equal(of(f, "evil.lit/anybody@family.lit"), STANDING_STRANGER);
	assert_int_equal(of(f, "evil.lit/x@capulet.lit"), STANDING_STRANGER);
}

static void strangers_and_the_blocked_may_not_know_and_all_others_may(void **state)
{
	assert_false(standing_may_know(STANDING_BLOCKED));
	assert_false(standing_may_know(STANDING_STRANGER));
	for (int s = STANDING_KNOWN; s <= STANDING_SELF; s++)
		assert_true(standing_may_know((enum standing)s));
}

static void who_is_let_in_is_what_the_list_says(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) allow = g_ptr_array_new();

	g_ptr_array_add(allow, (char *)"aunt@y.lit");
	block(f, "<item jid='cousin@y.lit'/>");
	assert_false(standings_is_allowed(f->standings, "aunt@y.lit/a"));
	standings_allow(f->standings, allow, FALSE);
	assert_true(standings_is_allowed(f->standings, "aunt@y.lit/a"));
	assert_false(standings_is_allowed(f->standings, "friend@x.lit/a"));
	standings_allow(f->standings, allow, TRUE);
	assert_true(standings_is_allowed(f->standings, "friend@x.lit/a"));
	assert_false(standings_is_allowed(f->standings, "seen@x.lit/a"));
	standings_know(f->standings, "known@z.lit");
	assert_false(standings_is_allowed(f->standings, "known@z.lit/a"));
	g_ptr_array_add(allow, (char *)"y.lit");
	assert_true(standings_is_allowed(f->standings, "uncle@y.lit/a"));
	assert_false(standings_is_allowed(f->standings, "cousin@y.lit/a"));
}

static void whoever_is_blocked_is_nothing_else(void **state)
{
	struct fixture *f = *state;

	standings_know(f->standings, "known@z.lit");
	block(f, "<item jid='friend@x.lit'/><item jid='Known@z.lit/phone'/><item jid='evil.lit'/><item jid='half.lit/res'/>"
		 "<item jid='juliet@capulet.lit'/><item jid='capulet.lit'/><item/><item jid='not an address'/>");
	assert_int_equal(of(f, "friend@x.lit"), STANDING_BLOCKED);
	assert_int_equal(of(f, "Friend@X.lit/any"), STANDING_BLOCKED);
	assert_int_equal(of(f, "known@Z.lit/phone"), STANDING_BLOCKED);	/* one device, */
	assert_int_equal(of(f, "known@z.lit/Phone"), STANDING_KNOWN);	/* and no other */
	assert_int_equal(of(f, "known@z.lit"), STANDING_KNOWN);
	assert_int_equal(of(f, "a@evil.lit/b"), STANDING_BLOCKED);
	assert_int_equal(of(f, "evil.lit"), STANDING_BLOCKED);
	assert_int_equal(of(f, "a@sub.evil.lit"), STANDING_STRANGER);
	assert_int_equal(of(f, "half.lit/res"), STANDING_BLOCKED);
	assert_int_equal(of(f, "a@half.lit/res"), STANDING_BLOCKED);
	assert_int_equal(of(f, "half.lit"), STANDING_STRANGER);
	assert_int_equal(of(f, "juliet@capulet.lit/other"), STANDING_SELF);	/* whatever the list says */
	assert_int_equal(of(f, "capulet.lit"), STANDING_SERVER);
}

static void the_block_list_changes_only_by_our_own_account(void **state)
{
	static const char more[] = "<block xmlns='" NS_BLOCKING "'><item jid='friend@x.lit'/><item jid='b@x.lit'/></block>",
		less[] = "<unblock xmlns='" NS_BLOCKING "'><item jid='friend@x.lit'/></unblock>", none[] = "<unblock xmlns='" NS_BLOCKING "'/>";
	static const char *const others[] = {"mallory@evil.lit/a", "friend@x.lit/a", "capulet.lit", "juliet@capulet.lit/other"};
	struct fixture *f = *state;
	enum iq_cond cond;

	assert_false(blocklist_ready(f->blocklist));
	block(f, "");
	assert_true(blocklist_ready(f->blocklist));
	assert_int_equal(f->changes, 1);
	for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
		assert_true(push(f, others[i], more, &cond));
		assert_int_equal(cond, COND_SERVICE_UNAVAILABLE);
	}
	assert_int_equal(f->changes, 1);
	assert_int_equal(of(f, "friend@x.lit"), STANDING_CONTACT);
	assert_true(push(f, "juliet@capulet.lit", more, &cond));
	assert_int_equal(cond, COND_OK);
	assert_int_equal(f->changes, 2);
	assert_int_equal(of(f, "friend@x.lit"), STANDING_BLOCKED);
	assert_int_equal(of(f, "b@x.lit"), STANDING_BLOCKED);
	assert_true(push(f, "juliet@capulet.lit/balcony", less, &cond));
	assert_int_equal(of(f, "friend@x.lit"), STANDING_CONTACT);
	assert_int_equal(of(f, "b@x.lit"), STANDING_BLOCKED);
	assert_true(push(f, "juliet@capulet.lit", none, &cond));
	assert_int_equal(of(f, "b@x.lit"), STANDING_STRANGER);
	assert_false(push(f, "juliet@capulet.lit", "<query xmlns='jabber:iq:roster'/>", &cond));
}

static void a_server_without_a_block_list_blocks_nobody(void **state)
{
	struct fixture *f = *state;

	fake_stream_reply(&f->stream, 0, COND_SERVICE_UNAVAILABLE, NULL);
	assert_true(blocklist_ready(f->blocklist));
	assert_int_equal(f->changes, 1);
	assert_int_equal(of(f, "friend@x.lit"), STANDING_CONTACT);
}

static void those_behind_a_room_are_no_contacts_because_the_room_is(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) allow = g_ptr_array_new();

	g_ptr_array_add(allow, (char *)"rooms.lit");
	block(f, "");
	standings_allow(f->standings, allow, TRUE);
	standings_note_room(f->standings, "Room@rooms.lit/somebody");
	assert_int_equal(of(f, "room@rooms.lit"), STANDING_CONTACT);
	assert_int_equal(of(f, "room@rooms.lit/mallory"), STANDING_STRANGER);
	assert_false(standings_is_allowed(f->standings, "room@rooms.lit/mallory"));
	standings_know(f->standings, "room@rooms.lit/romeo");		/* whom we called there */
	assert_int_equal(of(f, "room@rooms.lit/romeo"), STANDING_KNOWN);
	assert_int_equal(of(f, "room@rooms.lit/mallory"), STANDING_STRANGER);
	standings_note_room(f->standings, "juliet@capulet.lit/x");	/* our account is none, whoever says so */
	assert_int_equal(of(f, "juliet@capulet.lit/x"), STANDING_SELF);
}

static void the_latest_whom_we_have_talked_with_are_known(void **state)
{
	struct fixture *f = *state;

	block(f, "");
	for (int i = 0; i < 40; i++) {
		g_autofree char *jid = g_strdup_printf("k%d@z.lit/a", i);

		standings_know(f->standings, jid);
		standings_know(f->standings, "always@z.lit/a");
	}
	assert_int_equal(of(f, "k0@z.lit"), STANDING_STRANGER);
	assert_int_equal(of(f, "k39@z.lit"), STANDING_KNOWN);
	assert_int_equal(of(f, "k9@z.lit"), STANDING_KNOWN);
	assert_int_equal(of(f, "always@z.lit"), STANDING_KNOWN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(everybody_is_one_thing_to_us),
		T(strangers_and_the_blocked_may_not_know_and_all_others_may),
		T(who_is_let_in_is_what_the_list_says),
		T(whoever_is_blocked_is_nothing_else),
		T(the_block_list_changes_only_by_our_own_account),
		T(a_server_without_a_block_list_blocks_nobody),
		T(those_behind_a_room_are_no_contacts_because_the_room_is),
		T(the_latest_whom_we_have_talked_with_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
