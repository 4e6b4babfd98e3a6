#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "calllog.h"
#include "state.h"
#include "missed.h"

struct fixture {
	char *folder, *path;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->folder = g_dir_make_tmp("jcall-calls-XXXXXX", NULL);
	assert_non_null(f->folder);
	f->path = g_build_filename(f->folder, "state", "x.calls", NULL);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	g_autofree char *inner = g_path_get_dirname(f->path);

	g_unlink(f->path);
	g_rmdir(inner);
	g_rmdir(f->folder);
	g_free(f->path);
	g_free(f->folder);
	g_free(f);
	return 0;
}

static struct calllog *open_list(struct fixture *f)
{
	g_autoptr(GError) error = NULL;
	struct calllog *l = calllog_open(f->path, &error);

	assert_null(error);
	assert_non_null(l);
	return l;
}

static void close_list(struct calllog *l)
{
	g_autoptr(GError) error = NULL;

	assert_true(calllog_close(l, &error));
	assert_null(error);
}

static struct call_entry call_of(const char *peer, const char *id, gint64 at_s)
{
	return (struct call_entry){.at_s = at_s, .incoming = TRUE, .outcome = JC_NO_ANSWER, .peer = (char *)peer, .id = (char *)id};
}

static const struct call_entry *entry(struct calllog *l, guint n)
{
	assert_true(n < calllog_entries(l)->len);
	return calllog_entries(l)->pdata[n];
}

static void what_was_written_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct call_entry in = call_of("Romeo@Montague.lit/orchard", "a", 2000), out = call_of("nurse@capulet.lit", "b", 1000);
	struct calllog *l = open_list(f);

	out.incoming = FALSE;
	out.outcome = JC_OK;
	out.duration_s = 61;
	out.shown = TRUE;
	assert_int_equal(calllog_until(l), 0);
	assert_true(calllog_add(l, &in));
	assert_true(calllog_add(l, &out));
	calllog_set_until(l, 1763719200);
	close_list(l);

	l = open_list(f);
	assert_int_equal(calllog_until(l), 1763719200);
	assert_int_equal(calllog_entries(l)->len, 2);
	assert_string_equal(entry(l, 0)->peer, "nurse@capulet.lit");
	assert_false(entry(l, 0)->incoming);
	assert_int_equal(entry(l, 0)->outcome, JC_OK);
	assert_int_equal(entry(l, 0)->duration_s, 61);
	assert_true(entry(l, 0)->shown);
	assert_false(call_entry_is_missed(entry(l, 0)));
	assert_string_equal(entry(l, 1)->peer, "romeo@montague.lit");
	assert_string_equal(entry(l, 1)->id, "a");
	assert_int_equal(entry(l, 1)->at_s, 2000);
	assert_false(entry(l, 1)->shown);
	assert_true(call_entry_is_missed(entry(l, 1)));
	calllog_show(l, calllog_entries(l)->pdata[1]);
	close_list(l);

	l = open_list(f);
	assert_true(entry(l, 1)->shown);
	close_list(l);
}

static void the_file_is_for_its_owner_only(void **state)
{
	struct fixture *f = *state;
	struct call_entry e = call_of("romeo@montague.lit", "a", 1);
	g_autofree char *folder = g_path_get_dirname(f->path);
	struct stat st;

	assert_true(calllog_keep(f->path, &e, NULL));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void nothing_is_written_when_nothing_changed(void **state)
{
	struct fixture *f = *state;
	struct calllog *l = open_list(f);

	calllog_set_until(l, 0);
	close_list(l);
	assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

static void a_call_is_there_once(void **state)
{
	struct fixture *f = *state;
	struct call_entry e = call_of("romeo@montague.lit", "a", 1), again = call_of("ROMEO@montague.lit/x", "a", 5);
	struct calllog *l = open_list(f);

	assert_true(calllog_add(l, &e));
	assert_false(calllog_add(l, &again));
	again.incoming = FALSE;
	assert_true(calllog_add(l, &again));
	close_list(l);
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
	struct fixture *f = *state;
	struct calllog *l = open_list(f);

	for (int i = 0; i < CALLLOG_MAX + 10; i++) {
		g_autofree char *id = g_strdup_printf("id%d", i);
		struct call_entry e = call_of("romeo@montague.lit", id, i);

		assert_true(calllog_add(l, &e));
	}
	close_list(l);
	l = open_list(f);
	assert_int_equal(calllog_entries(l)->len, CALLLOG_MAX);
	assert_int_equal(entry(l, 0)->at_s, 10);
	close_list(l);
}

static void calls_of_strangers_push_out_no_other_call(void **state)
{
	struct fixture *f = *state;
	struct calllog *l;
	guint strangers = 0;

	for (int i = 0; i < 1000; i++) {
		g_autofree char *peer = g_strdup_printf("m%d@evil.test", i), *id = g_strdup_printf("s%d", i);
		struct call_entry e = call_of(peer, id, 2000 + i), mine = call_of("romeo@montague.lit", id, 1000 + i);

		e.stranger = TRUE;
		assert_true(calllog_keep(f->path, &e, NULL));
		if (i < 3)
			assert_true(calllog_keep(f->path, &mine, NULL));
	}
	l = open_list(f);
	for (guint i = 0; i < calllog_entries(l)->len; i++)
		strangers += entry(l, i)->stranger;
	assert_int_equal(strangers, CALLLOG_STRANGERS);
	assert_int_equal(calllog_entries(l)->len, CALLLOG_STRANGERS + 3);
	assert_string_equal(entry(l, 0)->peer, "romeo@montague.lit");
	assert_string_equal(entry(l, CALLLOG_STRANGERS + 2)->peer, "m999@evil.test");
	close_list(l);
}

static void a_list_that_grows_line_by_line_is_trimmed(void **state)
{
	struct fixture *f = *state;
	g_autofree char *long_id = g_strnfill(100, 'x');
	struct call_entry again = call_of("romeo@montague.lit", "again", 1);
	struct calllog *l;
	struct stat st;

	l = open_list(f);
	calllog_set_until(l, 77);
	close_list(l);
	for (int i = 0; i < 2000; i++) {
		g_autofree char *id = g_strdup_printf("%d%s", i, long_id);
		struct call_entry e = call_of("romeo@montague.lit", id, 1000 + i);

		assert_true(calllog_keep(f->path, &e, NULL));
		assert_int_equal(stat(f->path, &st), 0);
		assert_true(st.st_size < 100 * 1024);
	}
	l = open_list(f);
	assert_int_equal(calllog_entries(l)->len, CALLLOG_MAX);
	assert_int_equal(entry(l, CALLLOG_MAX - 1)->at_s, 2999);
	assert_int_equal(calllog_until(l), 77);
	close_list(l);
	g_unlink(f->path);
	assert_true(calllog_keep(f->path, &again, NULL));
	assert_true(calllog_keep(f->path, &again, NULL));
	l = open_list(f);
	assert_int_equal(calllog_entries(l)->len, 1);
	close_list(l);
}

static void what_a_caller_puts_into_an_id_stays_in_its_column(void **state)
{
	struct fixture *f = *state;
	struct call_entry e = call_of("romeo@montague.lit", "a\n9\tin\tok\t0\tnew\tevil@example.org\tz\x1b[2J", 1);
	struct call_entry empty = call_of("romeo@montague.lit", "", 1), nobody = call_of("ro meo@x\n", "q", 1);
	struct calllog *l = open_list(f);

	assert_true(calllog_add(l, &e));
	assert_false(calllog_add(l, &e));
	assert_false(calllog_add(l, &empty));
	assert_false(calllog_add(l, &nobody));
	close_list(l);
	l = open_list(f);
	assert_int_equal(calllog_entries(l)->len, 1);
	assert_false(calllog_add(l, &e));
	close_list(l);
}

static void lines_that_are_not_understood_are_left_out(void **state)
{
	static const char text[] = "until\t12x\n\nnonsense\nuntil\t50\nuntil\t-1\n"
		"1\tin\tno-answer\t0\tnew\tromeo@montague.lit\tgood\n"
		"1\tin\tno-answer\t0\tnew\tromeo@montague.lit\tgood\textra\n"
		"x\tin\tno-answer\t0\tnew\tromeo@montague.lit\t1\n"
		"1\tup\tno-answer\t0\tnew\tromeo@montague.lit\t2\n"
		"1\tin\tperhaps\t0\tnew\tromeo@montague.lit\t3\n"
		"1\tin\tok\t99999999999\tnew\tromeo@montague.lit\t4\n"
		"1\tin\tok\t0\told\tromeo@montague.lit\t5\n"
		"1\tin\tok\t0\tnew\tro meo\t6\n"
		"999999999999999\tin\tok\t0\tnew\tromeo@montague.lit\t7\n"
		"1\tin\tok\t0\tnew\tromeo@montague.lit\t\n"
		"1\tin\tok\t0\tnew\tromeo@montague.lit";
	struct fixture *f = *state;
	struct calllog *l = open_list(f);

	close_list(l);
	assert_true(g_file_set_contents(f->path, text, -1, NULL));
	l = open_list(f);
	assert_int_equal(calllog_until(l), 50);
	assert_int_equal(calllog_entries(l)->len, 1);
	assert_string_equal(entry(l, 0)->id, "good");
	close_list(l);
}

static void what_is_no_list_of_ours_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	g_autofree char *huge = g_strnfill(STATE_MAX_BYTES + 1, 'x');
	g_autoptr(GError) error = NULL;
	struct stat st;

	close_list(open_list(f));
	assert_true(g_file_set_contents(f->path, huge, -1, NULL));
	assert_null(calllog_open(f->path, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, STATE_MAX_BYTES + 1);
	g_unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);	/* nor is it waited for */
	g_clear_error(&error);
	assert_null(calllog_open(f->path, &error));
	assert_non_null(error);
	g_clear_error(&error);
	assert_null(calllog_open("/dev/null/x/y.calls", &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
}

static void each_account_has_a_name_of_its_own_inside_the_folder(void **state)
{
	g_autofree char *a = calllog_path("Romeo@Montague.lit/orchard"), *b = calllog_path("ro%2fmeo@montague.lit");
	g_autofree char *local = g_strnfill(1000, 'x'), *jid = g_strconcat(local, "@montague.lit", NULL);
	g_autofree char *c = calllog_path(jid), *name = g_path_get_basename(c), *folder = g_path_get_dirname(a);

	assert_true(g_str_has_suffix(a, "/jcall/romeo@montague.lit.calls"));
	assert_true(g_str_has_suffix(b, "/jcall/ro%252fmeo@montague.lit.calls"));
	assert_true(g_str_has_prefix(b, folder));
	assert_true(strlen(name) < 100);
}

/* ---- the words for it ---- */

static void words_say_who_when_and_how_long_ago(void **state)
{
	static const struct {
		const char *peer;
		guint count;
		gint64 at_s, now_s;
		const char *words;
	} table[] = {
		{"romeo@montague.lit", 1, 1763719380, 1763726580, "Missed a call from romeo@montague.lit at 10:03 (2 h ago)"},
		{"romeo@montague.lit", 1, 1763719380, 1763719390, "Missed a call from romeo@montague.lit at 10:03 (just now)"},
		{"romeo@montague.lit", 1, 1763719380, 1763719300, "Missed a call from romeo@montague.lit at 10:03 (just now)"},
		{"romeo@montague.lit", 3, 1763719380, 1763719980, "Missed 3 calls from romeo@montague.lit, the last at 10:03 (10 min ago)"},
		{"romeo@montague.lit", 1, 1763719380, 1763805780, "Missed a call from romeo@montague.lit on 2025-11-21 at 10:03 (24 h ago)"},
		{"romeo@montague.lit", 1, 1763719380, 1764324180, "Missed a call from romeo@montague.lit on 2025-11-21 at 10:03 (7 days ago)"},
		{"ro\x1b[2Jmeo@x.y", 1, 1763719380, 1763719380, "Missed a call from ro\\x1b[2Jmeo@x.y at 10:03 (just now)"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *words = missed_words(table[i].peer, table[i].count, table[i].at_s, table[i].now_s);

		assert_string_equal(words, table[i].words);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_written_is_read_again),
		T(the_file_is_for_its_owner_only),
		T(nothing_is_written_when_nothing_changed),
		T(a_call_is_there_once),
		T(the_oldest_go_when_there_are_too_many),
		T(calls_of_strangers_push_out_no_other_call),
		T(a_list_that_grows_line_by_line_is_trimmed),
		T(what_a_caller_puts_into_an_id_stays_in_its_column),
		T(lines_that_are_not_understood_are_left_out),
		T(what_is_no_list_of_ours_is_refused_and_left_alone),
		cmocka_unit_test(each_account_has_a_name_of_its_own_inside_the_folder),
		cmocka_unit_test(words_say_who_when_and_how_long_ago),
	};

	g_setenv("TZ", "UTC", TRUE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
