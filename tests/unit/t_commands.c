/* The commands answer and dial as their user starts them, up to the login, which is the test's (fake_stream.h): what options go
 * together, keys, and the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "cmd.h"
#include "fake_stream.h"
#include "loop.h"

enum { LEAVE_MS = 300, PATIENCE_MS = 30000 };

static char *dir, *config, *wave;

static int set_up(void **state)
{
	static const char text[] = "[account capulet]\njid = juliet@capulet.lit\npassword = secret\n";

	dir = g_dir_make_tmp("jcall-test-XXXXXX", NULL);
	config = g_build_filename(dir, "config", NULL);
	wave = g_build_filename(dir, "a.wav", NULL);
	assert_true(g_file_set_contents(config, text, -1, NULL));
	assert_int_equal(g_chmod(config, 0600), 0);
	g_setenv("XDG_RUNTIME_DIR", dir, TRUE);
	g_setenv("XDG_STATE_HOME", dir, TRUE);
	return 0;
}

static int tear_down(void **state)
{
	g_autofree char *rm = g_strdup_printf("rm -rf '%s'", dir);

	assert_int_equal(system(rm), 0);
	g_free(dir);
	g_free(config);
	g_free(wave);
	return 0;
}

static gboolean interrupt(gpointer data)
{
	assert_int_equal(write(GPOINTER_TO_INT(data), "!", 1), 1);
	raise(SIGTERM);
	return G_SOURCE_REMOVE;
}

static gboolean type_q(gpointer data)
{
	assert_int_equal(write(GPOINTER_TO_INT(data), "q", 1), 1);
	return G_SOURCE_REMOVE;
}

struct run {
	int status;
	char *said;			/* on standard error */
	gboolean interrupted;		/* it had to be, after AFTER_MS */
};

/* A command is the last thing a process does (process_settle), so each has one of its own. */
static void run_in_child(const struct command *command, const char *words, guint after_ms, int told, int keyboard)
{
	g_autofree char *line = g_strdup_printf("%s -c %s %s", command->name, config, words);
	char **argv = g_strsplit(line, " ", -1);

	g_timeout_add(after_ms, interrupt, GINT_TO_POINTER(told));
	if (keyboard >= 0)
		g_timeout_add(LEAVE_MS, type_q, GINT_TO_POINTER(keyboard));
	_exit(command->run((int)g_strv_length(argv), argv));
}

/* Starts COMMAND with WORDS, separated by blanks. KEYBOARD: where a q is typed after a while; -1: nowhere. */
static struct run run(const struct command *command, const char *words, guint after_ms, int keyboard)
{
	struct run r = {0};
	struct capture c = capture_begin();
	int told[2], status = 0;
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_in_child(command, words, after_ms, told[1], keyboard);
	assert_true(pid > 0);
	close(told[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	r.said = capture_end(&c);
	r.interrupted = read(told[0], &byte, 1) == 1;
	close(told[0]);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	return r;
}

static void assert_refused(const struct command *command, const char *words, const char *reason)
{
	struct run r = run(command, words, PATIENCE_MS, -1);

	if (r.interrupted || r.status != jc_exit_status(JC_USAGE) || !strstr(r.said, reason))
		fail_msg("%s %s: %d, %s", command->name, words, r.status, r.said);
	g_free(r.said);
}

static void assert_runs(const struct command *command, const char *words, int status)
{
	struct run r = run(command, words, LEAVE_MS, -1);

	if (!r.interrupted || r.status != status)
		fail_msg("%s %s: %d, %s", command->name, words, r.status, r.said);
	g_free(r.said);
}

static void calls_at_the_same_time_need_ends_of_their_own(void **state)
{
	g_autofree char *one = g_strdup_printf("--max-calls 2 --out %s/a.wav", dir), *each = g_strdup_printf("--max-calls 2 --out %s/%%n.wav", dir);
	g_autofree char *record = g_strdup_printf("--max-calls 2 --out null --record %s/r.wav", dir);
	g_autofree char *records = g_strdup_printf("--max-calls 2 --out null --in null --record %s/%%n.wav", dir);
	g_autofree char *exec_record = g_strdup_printf("--max-calls 2 --exec cat --record %s/r.wav", dir);

	assert_refused(&cmd_answer, one, "each needs its own --out");
	assert_refused(&cmd_answer, "--max-calls 2 --out -", "each needs its own --out");
	assert_refused(&cmd_answer, record, "each needs its own --record");
	assert_refused(&cmd_answer, exec_record, "each needs its own --record");
	assert_refused(&cmd_answer, "--max-calls 2 --out null --in -", "they cannot share standard input");
	assert_runs(&cmd_answer, each, 0);
	assert_runs(&cmd_answer, records, 0);
	assert_runs(&cmd_answer, "--max-calls 2 --out null", 0);
	assert_runs(&cmd_answer, "--max-calls 2 --exec cat", 0);
	assert_runs(&cmd_answer, "--max-calls 1 --out -", 0);
}

static void what_does_not_go_together_is_told_before_the_login(void **state)
{
	static const char sound[52] = "RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\xbb\0\0\0\x77\1\0\2\0\x10\0data\x08\0\0";
	g_autofree char *same = g_strdup_printf("--in %s --out %s", wave, wave);
	g_autofree char *same_dial = g_strdup_printf("romeo@montague.lit --in %s --out %s", wave, wave);

	assert_true(g_file_set_contents(wave, sound, sizeof(sound), NULL));
	assert_refused(&cmd_answer, same, "the same file");
	assert_refused(&cmd_dial, same_dial, "the same file");
	assert_refused(&cmd_answer, "--once --max-calls 2", "which is it?");
	assert_refused(&cmd_answer, "--max-calls 0", "--max-calls takes a number");
	assert_refused(&cmd_answer, "--exec cat --in null", "make no sense beside it");
	assert_refused(&cmd_answer, "--exec /does/not/exist", "there is no program");
	assert_refused(&cmd_answer, "--auto", "there is neither");
	assert_refused(&cmd_answer, "--auto --allow a@b/c", "--allow takes an address or a domain");
	assert_refused(&cmd_answer, "romeo@montague.lit", "is not understood");
}

static void who_leaves_before_a_call_has_a_status_that_says_so(void **state)
{
	assert_runs(&cmd_answer, "--in null --out null", 0);
	assert_runs(&cmd_answer, "--in null --out null --once", jc_exit_status(JC_CANCELLED));
	assert_runs(&cmd_dial, "romeo@montague.lit --in null --out null", jc_exit_status(JC_CANCELLED));
}

/* On a terminal of its own. */
static void assert_q_ends(const struct command *command, const char *words, int status)
{
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), master, slave;
	struct run r;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_true(dup2(slave, STDIN_FILENO) >= 0);
	r = run(command, words, PATIENCE_MS, master);
	if (saved >= 0)
		dup2(saved, STDIN_FILENO);
	close(saved);
	close(slave);
	close(master);
	if (r.interrupted || r.status != status)
		fail_msg("%s %s: %d, %s", command->name, words, r.status, r.said);
	g_free(r.said);
}

static void the_key_q_ends_it(void **state)
{
	assert_q_ends(&cmd_answer, "--in null --out null", 0);
	assert_q_ends(&cmd_dial, "romeo@montague.lit --in null --out null", jc_exit_status(JC_CANCELLED));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(calls_at_the_same_time_need_ends_of_their_own),
		T(what_does_not_go_together_is_told_before_the_login),
		T(who_leaves_before_a_call_has_a_status_that_says_so),
		T(the_key_q_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
