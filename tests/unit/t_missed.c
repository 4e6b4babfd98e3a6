/* The calls that came while nobody was there: missed.h over a phone whose stream, and so whose archive, is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "missed.h"
#include "phone_rig.h"
#include "temp_dir.h"

#define MAM "urn:xmpp:mam:2"

static struct phone_rig rig;
static struct missed *missed;
static struct keeper *keeper;
static GString *calls;			/* "PEER ID OUTCOME; " of what was told */
static guint told, batches, done;
static int done_code;			/* of its error; JC_OK: none */

static void on_calls(void *ctx, const GPtrArray *list)
{
	batches++;
	for (guint i = 0; i < list->len; i++) {
		const struct call_entry *e = list->pdata[i];

		told++;
		g_string_append_printf(calls, "%s %s %s; ", e->peer, e->id, jc_symbol(e->outcome));
	}
}

static void on_done(void *ctx, const GError *error)
{
	done++;
	done_code = error ? error->code : JC_OK;
}

static int set_up(void **state)
{
	struct missed_events events = {.calls = on_calls, .done = on_done};

	g_setenv("XDG_STATE_HOME", dir, TRUE);
	rig_open(&rig, NULL);
	calls = g_string_new(NULL);
	told = batches = done = 0;
	keeper = keeper_new();
	missed = missed_new(rig.phone, keeper, US, FALSE, &events);
	return 0;
}

static int tear_down(void **state)
{
	g_autofree char *path = calllog_path(US), *folder = g_path_get_dirname(path);

	missed_free(missed);
	assert_true(keeper_free(keeper, 30000));
	rig_close(&rig);
	g_string_free(calls, TRUE);
	g_unlink(path);
	g_rmdir(folder);
	return 0;
}

static void nothing(void *job)
{
}

static void set(void *job)
{
	*(gboolean *)job = TRUE;
}

/* Until the keeper has looked up where the reading of the archive begins, and the archive is asked. */
static void catch_up(void)
{
	gboolean looked_up = FALSE;

	missed_catch_up(missed);
	keeper_do(keeper, "nothing", nothing, set, &looked_up);
	loop_until(looked_up);
}

/* INSIDE came from FROM, SECONDS after it was sent; 0: at once. */
static void hear(const char *from, const char *inside, gint64 seconds)
{
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(clock_s() - seconds);
	g_autofree char *stamp = g_date_time_format(at, "%Y-%m-%dT%H:%M:%SZ");
	g_autofree char *delay = g_strdup_printf("<delay xmlns='urn:xmpp:delay' stamp='%s'/>", stamp);
	g_autofree char *text = g_strdup_printf("<message xmlns='jabber:client' type='chat' from='%s' to='" US_BARE "'>%s%s</message>", from,
						inside, seconds ? delay : "");
	elem_auto message = xml(text);
	struct jmi_msg m;

	assert_true(jmi_read(message, &m));
	missed_hear(missed, message, from, &m);
}

static void a_call_that_the_server_kept_for_us_was_missed_and_is_told_once(void **state)
{
	hear(ROMEO, PROPOSE("p1"), 600);
	assert_int_equal(told, 0);
	loop_until(told);
	assert_string_equal(calls->str, ROMEO_BARE " p1 no-answer; ");
	hear(ROMEO, PROPOSE("p1"), 600);		/* once more, by the archive of another login */
	loop_for_ms(2500);
	assert_int_equal(told, 1);
}

static void a_call_that_rings_now_is_not_missed(void **state)
{
	hear(ROMEO, PROPOSE("p1"), 0);
	hear(ROMEO, PROPOSE("p2"), 600);
	hear(US_BARE "/chamber", JMI("accept", "p2"), 590);
	hear(ROMEO, PROPOSE("p3"), 600);
	hear(US_BARE "/chamber", JMI_WITH("reject", "p3", REASON("busy")), 599);
	loop_until(told);
	assert_string_equal(calls->str, ROMEO_BARE " p3 busy; ");
}

/* Anybody can say that his message is late, so nobody fills the list by that. */
static void of_a_flood_of_late_calls_so_many_are_looked_at(void **state)
{
	for (int i = 0; i < 300; i++) {
		g_autofree char *propose = g_strdup_printf(PROPOSE("p%d"), i);

		hear(NURSE, propose, 600);
	}
	loop_until(told);
	loop_for_ms(100);
	assert_in_range(told, 1, 200);
	assert_int_equal(batches, 1);
}

static void a_call_that_this_process_deals_with_is_left_to_it(void **state)
{
	missed_leave(missed, ROMEO, "p1");
	hear(ROMEO, PROPOSE("p1"), 600);
	hear(PARIS, PROPOSE("p2"), 600);
	loop_until(told);
	assert_string_equal(calls->str, "paris@verona.lit p2 no-answer; ");
}

static void a_server_without_an_archive_is_named(void **state)
{
	catch_up();
	rig_reply(&rig, US_BARE, DISCO, NULL, COND_OK, "<query xmlns='" DISCO "'/>");
	loop_until(done);
	assert_int_equal(done_code, JC_NO_ARCHIVE);
	catch_up();
	rig_reply(&rig, US_BARE, DISCO, NULL, COND_FORBIDDEN, NULL);
	loop_until(done == 2);
	assert_int_equal(done_code, JC_SERVER);
	assert_int_equal(told, 0);
}

static void what_the_archive_holds_is_told_before_the_end_of_reading(void **state)
{
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(clock_s() - 3600);
	g_autofree char *stamp = g_date_time_format(at, "%Y-%m-%dT%H:%M:%SZ"), *text = NULL;
	const char *id;

	catch_up();
	rig_reply(&rig, US_BARE, DISCO, NULL, COND_OK, "<query xmlns='" DISCO "'><feature var='" MAM "'/></query>");
	id = elem_attr(fake_stream_query(rig.x, 0)->payload, "queryid");
	text = g_strdup_printf("<message xmlns='jabber:client' from='" US_BARE "' to='" US "'><result xmlns='" MAM "' id='a1' queryid='%s'>"
			       "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='%s'/>"
			       "<message xmlns='jabber:client' type='chat' from='" ROMEO "' to='" US_BARE "'>" PROPOSE("p1")
			       "</message></forwarded></result></message>", id, stamp);
	{
		elem_auto message = xml(text);

		fake_stream_hear(rig.x, message);
	}
	assert_int_equal(told, 0);
	rig_reply(&rig, NULL, MAM, NULL, COND_OK, "<fin xmlns='" MAM "' complete='true'>"
		  "<set xmlns='http://jabber.org/protocol/rsm'><first>a1</first><last>a1</last></set></fin>");
	loop_until(done);
	assert_string_equal(calls->str, ROMEO_BARE " p1 no-answer; ");
	assert_int_equal(done, 1);
	assert_int_equal(done_code, JC_OK);
}

static void words_name_the_caller_and_the_moment(void **state)
{
	static const struct { guint count; gint64 ago_s; const char *end; } table[] = {
		{1, 0, "(just now)"}, {1, 59, "(just now)"}, {1, 60, "(1 min ago)"}, {1, 3599, "(59 min ago)"}, {1, 3600, "(1 h ago)"},
		{1, 2 * 86400 - 1, "(47 h ago)"}, {1, 2 * 86400, "(2 days ago)"}, {3, -5, "(just now)"}};
	gint64 now = 1763719200;

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *words = missed_words("a\x1b@b", table[i].count, now - table[i].ago_s, now);

		assert_true(g_str_has_suffix(words, table[i].end));
		assert_true(g_str_has_prefix(words, table[i].count == 1 ? "Missed a call from a\\x1b@b " :
					     "Missed 3 calls from a\\x1b@b, the last "));
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_that_the_server_kept_for_us_was_missed_and_is_told_once),
		T(a_call_that_rings_now_is_not_missed),
		T(of_a_flood_of_late_calls_so_many_are_looked_at),
		T(a_call_that_this_process_deals_with_is_left_to_it),
		T(a_server_without_an_archive_is_named),
		T(what_the_archive_holds_is_told_before_the_end_of_reading),
		T(words_name_the_caller_and_the_moment),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
