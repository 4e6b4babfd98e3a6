#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "exec.h"
#include "loop.h"

static struct ui *ui;
static struct exec *one;
static struct ends *ends;
static char *folder, *out;
static GString *told;			/* the events, by name and status */
static guint asked;

static void on_event(void *ctx, const struct event *e)
{
	gint64 status;

	g_string_append_printf(told, "%s", e->name);
	if (fields_int(e->fields, "status", &status))
		g_string_append_printf(told, "=%d", (int)status);
	g_string_append_c(told, ' ');
}

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	assert_int_equal(r->call, 4);
	asked++;
	return TRUE;
}

static int set_up(void **state)
{
	struct ui_options options = {.quiet = TRUE};

	ui = ui_new(&options);
	told = g_string_new(NULL);
	events_listen(ui_events(ui), on_event, NULL);
	folder = g_dir_make_tmp("jcall-XXXXXX", NULL);
	out = g_build_filename(folder, "out", NULL);
	asked = 0;
	return 0;
}

static int tear_down(void **state)
{
	ui_free(ui);
	g_string_free(told, TRUE);
	g_unlink(out);
	g_rmdir(folder);
	g_free(folder);
	g_free(out);
	return 0;
}

static gboolean start(const char *const *argv, GError **error)
{
	struct exec_options options = {.argv = (char *const *)argv, .peer = "romeo@montague.lit/a b", .name = NULL, .call = 4, .ui = ui,
				       .handler = {.request = on_request}, .grace_ms = 200, .kill_ms = 200};

	one = exec_new(&options, &ends, error);
	assert_non_null(one);
	return exec_start(one, error);
}

/* SCRIPT, whose $out is the file OUT. */
static void start_script(const char *script)
{
	g_autofree char *all = g_strdup_printf("out='%s'; %s", out, script);
	const char *argv[] = {"sh", "-c", all, NULL};

	assert_true(start(argv, NULL));
}

/* The call ends. */
static void end(void)
{
	ends_close(g_steal_pointer(&ends), NULL);
	exec_free(g_steal_pointer(&one));
}

static char *written(void)
{
	char *text = NULL;

	return g_file_get_contents(out, &text, NULL, NULL) ? text : g_strdup("");
}

static void its_end_comes_with_the_ends_of_its_descriptors(void **state)
{
	g_autofree char *text = NULL;

	start_script("cat >/dev/null; cat <&3 >/dev/null; echo done >$out; exit 3");
	assert_string_equal(told->str, "exec ");
	end();
	loop_until(strstr(told->str, "exec-ended"));
	assert_string_equal(told->str, "exec exec-ended=3 ");
	text = written();
	assert_string_equal(text, "done\n");
}

static void one_that_heeds_no_end_is_told_to_end(void **state)
{
	start_script("sleep 60; true");				/* its own shell, and what that has started */
	end();
	loop_until(strstr(told->str, "exec-ended"));
	assert_string_equal(told->str, "exec exec-ended=143 ");
}

static void one_that_heeds_nothing_is_killed(void **state)
{
	g_autofree char *text = NULL;

	start_script("trap '' TERM; echo ready >$out; while :; do sleep 1; done");
	loop_until((g_free(text), text = written(), *text));
	end();
	loop_until(strstr(told->str, "exec-ended"));
	assert_string_equal(told->str, "exec exec-ended=137 ");
}

static void one_that_ends_before_the_call_is_known_as_such(void **state)
{
	/* So quick that it may be over before we have asked its number. */
	for (int i = 0; i < 20; i++) {
		const char *argv[] = {"true", NULL};

		g_string_truncate(told, 0);
		assert_true(start(argv, NULL));
		loop_until(strstr(told->str, "exec-ended"));
		assert_string_equal(told->str, "exec exec-ended=0 ");
		end();
	}
}

static void what_cannot_be_started_is_told(void **state)
{
	const char *argv[] = {"/does/not/exist", NULL};
	g_autoptr(GError) error = NULL;

	assert_false(start(argv, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
	assert_non_null(strstr(error->message, "/does/not/exist"));
	end();
	loop_for_ms(50);
	assert_string_equal(told->str, "");
}

static void one_that_was_never_started_leaves_nothing(void **state)
{
	struct exec_options options = {.peer = "a@b", .call = 4, .ui = ui};
	guint before = open_fds();

	for (int i = 0; i < 3; i++) {
		one = exec_new(&options, &ends, NULL);
		assert_non_null(one);
		end();
	}
	exec_free(NULL);
	assert_int_equal(open_fds(), before);
}

static void all_descriptors_are_closed_with_it(void **state)
{
	const char *argv[] = {"cat", NULL}, *wrong[] = {"/does/not/exist", NULL};
	guint before;

	start(argv, NULL);
	end();
	loop_until(strstr(told->str, "exec-ended"));
	before = open_fds();
	for (int i = 0; i < 10; i++) {
		g_string_truncate(told, 0);
		start(i % 2 ? argv : wrong, NULL);
		end();
		if (i % 2)
			loop_until(strstr(told->str, "exec-ended"));
	}
	assert_int_equal(open_fds(), before);
}

static void without_descriptors_there_is_none_and_nothing_leaks(void **state)
{
	struct exec_options options = {.peer = "a@b", .call = 4, .ui = ui};
	struct rlimit limit, few;
	guint before = open_fds();
	int next = dup(0);

	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	for (rlim_t more = 0; more < 6; more++) {
		g_autoptr(GError) error = NULL;

		few = (struct rlimit){.rlim_cur = (rlim_t)next + more, .rlim_max = limit.rlim_max};
		setrlimit(RLIMIT_NOFILE, &few);
		one = exec_new(&options, &ends, &error);
		setrlimit(RLIMIT_NOFILE, &limit);
		assert_null(one);
		assert_null(ends);
		assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
		assert_int_equal(open_fds(), before);
	}
}

static void nothing_else_of_ours_is_open_in_it(void **state)
{
	g_autofree char *text = NULL;
	int fds[2], plain = open("/dev/null", O_RDONLY);

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	start_script("ls /proc/self/fd >$out; grep -h 'Sig[IB]' /proc/self/status >>$out");
	loop_until(strstr(told->str, "exec-ended"));
	end();
	text = written();
	/* 4 is where ls reads from */
	assert_true(g_str_has_prefix(text, "0\n1\n2\n3\n4\n"));
	assert_usual_signals(text);
	close(plain);
	close(fds[0]);
	close(fds[1]);
}

/* Not even its own ends: else it would never see the end of its input. */
static void one_does_not_hold_the_ends_of_another(void **state)
{
	struct exec *first;
	struct ends *first_ends;

	start_script("cat >/dev/null");
	first = g_steal_pointer(&one);
	first_ends = g_steal_pointer(&ends);
	start_script("sleep 60");
	ends_close(first_ends, NULL);
	exec_free(first);
	loop_until(strstr(told->str, "exec-ended=0"));
	end();
	loop_until(strstr(told->str, "exec-ended=143"));
}

static void its_environment_tells_of_the_call_and_of_no_other(void **state)
{
	g_autofree char *text = NULL;

	g_setenv("JCALL_STATUS", "31", TRUE);
	start_script("env | grep ^JCALL_ | sort >$out");
	loop_until(strstr(told->str, "exec-ended"));
	end();
	g_unsetenv("JCALL_STATUS");
	text = written();
	assert_string_equal(text, "JCALL_CALL=4\nJCALL_CHANNELS=1\nJCALL_CONTROL_FD=3\nJCALL_FORMAT=s16le\nJCALL_NAME=\n"
			    "JCALL_PEER=romeo@montague.lit/a_b\nJCALL_RATE=48000\n");
}

static void it_asks_and_is_answered(void **state)
{
	g_autofree char *text = NULL;

	start_script("echo mute >&3; read -r a <&3; echo \"$a\" >$out");
	loop_until(strstr(told->str, "exec-ended"));
	end();
	text = written();
	assert_int_equal(asked, 1);
	/* It hears its own start first, or not, as it comes. */
	assert_true(strstr(text, "\"ok\":true") || strstr(text, "\"exec\""));
}

/* It may close descriptor 3 and go on; our end of it goes, too. */
static void one_that_asks_nothing_may_close_it(void **state)
{
	guint before;

	start_script("exec 3>&-; cat >/dev/null; exit 5");
	before = open_fds();
	loop_until(open_fds() == before - 1);
	ends_close(g_steal_pointer(&ends), NULL);
	loop_until(strstr(told->str, "exec-ended"));
	assert_string_equal(told->str, "exec exec-ended=5 ");
	end();
}

/* The end of a call must not wait for a command that reads nothing of the 10 s that are kept for it. */
static void the_end_does_not_wait_for_what_it_does_not_read(void **state)
{
	static gint16 second[AUDIO_RATE];
	gint64 before;

	start_script("sleep 60");
	ends->out.start(ends->out.self, 0);
	for (int i = 0; i < 9; i++)
		ends->out.write(ends->out.self, second, AUDIO_RATE);
	before = g_get_monotonic_time();
	end();
	assert_true(g_get_monotonic_time() - before < 1500000);
	loop_until(strstr(told->str, "exec-ended"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_end_comes_with_the_ends_of_its_descriptors),
		TEST(one_that_heeds_no_end_is_told_to_end),
		TEST(one_that_heeds_nothing_is_killed),
		TEST(one_that_ends_before_the_call_is_known_as_such),
		TEST(what_cannot_be_started_is_told),
		TEST(one_that_was_never_started_leaves_nothing),
		TEST(all_descriptors_are_closed_with_it),
		TEST(without_descriptors_there_is_none_and_nothing_leaks),
		TEST(nothing_else_of_ours_is_open_in_it),
		TEST(one_does_not_hold_the_ends_of_another),
		TEST(its_environment_tells_of_the_call_and_of_no_other),
		TEST(it_asks_and_is_answered),
		TEST(one_that_asks_nothing_may_close_it),
		TEST(the_end_does_not_wait_for_what_it_does_not_read),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
