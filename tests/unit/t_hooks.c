#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "script/hooks.h"
#include "loop.h"

static struct events *events;
static struct hooks *hooks;
static char *folder, *out;		/* what the hooks write to */
static guint finished;

static int set_up(void **state)
{
	events = events_new();
	hooks = hooks_new(events);
	folder = g_dir_make_tmp("jcall-XXXXXX", NULL);
	out = g_build_filename(folder, "out", NULL);
	finished = 0;
	return folder ? 0 : -1;
}

static int tear_down(void **state)
{
	hooks_free(hooks);
	events_free(events);
	g_unlink(out);
	g_rmdir(folder);
	g_clear_pointer(&folder, g_free);
	g_clear_pointer(&out, g_free);
	return 0;
}

static void tell(const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	events_tell(events, 1, 2.5, name, &ap);
	va_end(ap);
}

/* A hook of shell that appends to OUT. */
static void add(const char *name, const char *script)
{
	g_autofree char *all = g_strdup_printf("{ %s; } >>'%s'", script, out), *quoted = g_shell_quote(all);
	g_autofree char *command = g_strconcat("sh -c ", quoted, NULL);

	assert_true(hooks_add(hooks, name, command, NULL));
}

static void on_done(void *ctx)
{
	finished++;
}

static char *written(void)
{
	char *text = NULL;

	return g_file_get_contents(out, &text, NULL, NULL) ? text : g_strdup("");
}

static void finish(void)
{
	hooks_finish(hooks, on_done, NULL);
	loop_until(finished == 1);
}

static void they_run_in_the_order_of_the_events(void **state)
{
	g_autofree char *text = NULL;

	add(NULL, "sleep 0.0$JCALL_N; echo all $JCALL_EVENT $JCALL_N");
	add("b", "echo b $JCALL_N");
	for (gint64 i = 0; i < 4; i++)
		tell(i % 2 ? "b" : "a", "n", "i", 9 - i, NULL);
	finish();
	text = written();
	assert_string_equal(text, "all a 9\nall b 8\nb 8\nall a 7\nall b 6\nb 6\n");
}

static void they_read_the_event_and_its_end(void **state)
{
	g_autofree char *text = NULL;

	add(NULL, "cat; echo end");
	tell("x", "text", "s", "a b", NULL);
	finish();
	text = written();
	assert_string_equal(text, "{\"event\":\"x\",\"time\":2.5,\"call\":1,\"text\":\"a b\"}\nend\n");
}

static void one_that_takes_too_long_holds_up_nobody(void **state)
{
	g_autofree char *text = NULL;

	hooks_set_turn(hooks, 300);
	add("slow", "cat >/dev/null; sleep 60 <&- & echo $! ; wait");
	add("fast", "echo fast");
	tell("slow", NULL);
	tell("fast", NULL);
	loop_until((g_free(text), text = written(), strstr(text, "fast")));
	kill((pid_t)g_ascii_strtoll(text, NULL, 10), SIGKILL);		/* the sleep, and so its shell ends, late */
	tell("fast", NULL);
	loop_until((g_free(text), text = written(), g_str_has_suffix(text, "fast\nfast\n")));
	finish();
}

static void no_more_wait_than_there_is_room_for(void **state)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	add(NULL, "echo $JCALL_N");
	for (gint64 i = 0; i < HOOKS_WAITING + 50; i++)
		tell("x", "n", "i", i, NULL);
	finish();
	text = written();
	lines = g_strsplit(text, "\n", -1);
	assert_int_equal(g_strv_length(lines) - 1, HOOKS_WAITING + 1);		/* and the one that had its turn */
	for (gint64 i = 0; i < HOOKS_WAITING + 1; i++)
		assert_int_equal(g_ascii_strtoll(lines[i], NULL, 10), i);
}

static void without_any_it_is_finished_at_once(void **state)
{
	hooks_finish(hooks, on_done, NULL);
	assert_int_equal(finished, 1);
}

static void what_happens_after_the_end_starts_nothing(void **state)
{
	g_autofree char *text = NULL;

	add(NULL, "echo $JCALL_EVENT");
	tell("a", NULL);
	hooks_finish(hooks, on_done, NULL);
	assert_int_equal(finished, 0);
	tell("b", NULL);
	loop_until(finished == 1);
	text = written();
	assert_string_equal(text, "a\n");
}

static void one_that_cannot_be_started_is_passed_over(void **state)
{
	g_autofree char *text = NULL;

	assert_true(hooks_add(hooks, NULL, "/does/not/exist", NULL));
	add(NULL, "echo $JCALL_EVENT; exit 1");
	tell("a", NULL);
	tell("b", NULL);
	finish();
	text = written();
	assert_string_equal(text, "a\nb\n");
}

static void what_is_no_command_is_refused(void **state)
{
	static const char *const wrong[] = {"", "  ", "'", "a \\"};

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;

		assert_false(hooks_add(hooks, NULL, wrong[i], &error));
		assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
	}
}

static void values_hold_nothing_that_a_shell_could_take_for_more(void **state)
{
	g_autofree char *text = NULL;

	add(NULL, "echo \"$JCALL_TEXT|$JCALL_MUTED|$JCALL_D\"");
	tell("x", "text", "s", "$(id) `x`\n; é '\"", "muted", "b", TRUE, "d", "d", 0.5, NULL);
	finish();
	text = written();
	assert_string_equal(text, "__id___x_________|true|0.5\n");
}

static void what_others_say_leads_out_of_no_folder(void **state)
{
	static const char *const said[][2] = {{"x@evil.test/../../../tmp/a", "x@evil.test/_________tmp_a"}, {"/etc/passwd", "_etc_passwd"},
		{"..", "__"}, {"x@../..", "x@__/__"}, {".x", "_x"}, {"-rf", "_rf"}, {"a@b/c", "a@b/c"}, {"a@b/c/d", "a@b/c_d"},
		{"a....b", "a____b"}, {"a...b", "a__.b"}, {"/../x", "____x"}};
	g_autoptr(GString) wanted = g_string_new(NULL);
	g_autofree char *text = NULL;

	add(NULL, "echo \"$JCALL_PEER\"");
	for (gsize i = 0; i < G_N_ELEMENTS(said); i++) {
		tell("x", "peer", "s", said[i][0], NULL);
		g_string_append_printf(wanted, "%s\n", said[i][1]);
	}
	finish();
	text = written();
	assert_string_equal(text, wanted->str);
}

static void the_users_own_words_come_unchanged(void **state)
{
	static const char *const own[] = {"My Calls/x.wav", "../../up.wav", "/tmp/$(id) `x` '\"", "-rf", "latin \xe9.wav", ""};
	g_autoptr(GString) wanted = g_string_new(NULL);
	g_autofree char *text = NULL, *last = g_strnfill(900, 'x');

	add(NULL, "printf \"%s|%s;\" \"$JCALL_FILE\" \"$JCALL_PEER\"");
	for (gsize i = 0; i <= G_N_ELEMENTS(own); i++) {
		const char *file = i < G_N_ELEMENTS(own) ? own[i] : last;

		tell("x", "file", "u", file, "peer", "s", "a b", NULL);
		g_string_append_printf(wanted, "%s|a_b;", file);
	}
	finish();
	text = written();
	assert_string_equal(text, wanted->str);
}

/* A hook of a jcall that was itself started by one hears of its own events only. */
static void what_another_jcall_has_told_is_not_passed_on(void **state)
{
	g_autofree char *text = NULL;

	g_setenv("JCALL_STATUS", "31", TRUE);
	g_setenv("JCALLX", "mine", TRUE);
	add(NULL, "echo \"${JCALL_STATUS-none} $JCALLX $JCALL_EVENT\"");
	tell("x", NULL);
	finish();
	g_unsetenv("JCALL_STATUS");
	text = written();
	assert_string_equal(text, "none mine x\n");
}

/* Neither what is marked close-on-exec nor what a library forgot to mark so. */
static void nothing_of_ours_is_open_in_it(void **state)
{
	g_autofree char *text = NULL;
	int fds[2], plain = open("/dev/null", O_RDONLY);

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	add(NULL, "ls /proc/self/fd; grep -h 'Sig[IB]' /proc/self/status");
	tell("x", NULL);
	finish();
	text = written();
	/* 3 is where ls reads from */
	assert_true(g_str_has_prefix(text, "0\n1\n2\n3\n"));
	assert_usual_signals(text);
	close(plain);
	close(fds[0]);
	close(fds[1]);
}

static void none_of_its_descriptors_remain_ours(void **state)
{
	guint before;

	add(NULL, "true");
	tell("warm up", NULL);
	loop_for_ms(300);
	before = open_fds();
	for (int i = 0; i < 20; i++)
		tell("x", NULL);
	finish();
	loop_until(open_fds() <= before);
}

/* What still runs goes on, and is of no interest. */
static void it_may_be_freed_while_one_runs(void **state)
{
	g_autofree char *text = NULL;

	add(NULL, "sleep 0.2; echo $JCALL_EVENT");
	tell("a", NULL);
	tell("b", NULL);
	hooks_free(g_steal_pointer(&hooks));
	loop_until((g_free(text), text = written(), *text));
	loop_for_ms(100);
	g_free(text);
	text = written();
	assert_string_equal(text, "a\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_run_in_the_order_of_the_events),
		TEST(they_read_the_event_and_its_end),
		TEST(one_that_takes_too_long_holds_up_nobody),
		TEST(no_more_wait_than_there_is_room_for),
		TEST(without_any_it_is_finished_at_once),
		TEST(what_happens_after_the_end_starts_nothing),
		TEST(one_that_cannot_be_started_is_passed_over),
		TEST(what_is_no_command_is_refused),
		TEST(values_hold_nothing_that_a_shell_could_take_for_more),
		TEST(what_others_say_leads_out_of_no_folder),
		TEST(the_users_own_words_come_unchanged),
		TEST(what_another_jcall_has_told_is_not_passed_on),
		TEST(nothing_of_ours_is_open_in_it),
		TEST(none_of_its_descriptors_remain_ours),
		TEST(it_may_be_freed_while_one_runs),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
