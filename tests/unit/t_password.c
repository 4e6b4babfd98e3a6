#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "err.h"

enum { LONG_MS = 20000 };

static struct account person = {.name = (char *)"home", .jid = (char *)"romeo@montague.lit"};
static struct config config = {.path = (char *)"/etc/x/conf"};

static int no_environment(void **state)
{
	unsetenv("JCALL_PASSWORD");
	person.password = person.password_command = NULL;
	return 0;
}

/* ---- where it comes from ---- */

static void assert_password(const char *expected)
{
	g_autoptr(GError) error = NULL;
	char *password = account_password(&person, &config, &error);

	if (!password)
		fail_msg("%s", error->message);
	assert_string_equal(password, expected);
	password_free(password);
}

static void the_environment_goes_before_the_file_and_the_file_before_the_command(void **state)
{
	person.password_command = (char *)"printf 'of the command'";
	assert_password("of the command");
	person.password = (char *)"of the file";
	assert_password("of the file");
	setenv("JCALL_PASSWORD", "of the environment", 1);
	assert_password("of the environment");
}

static void the_environment_forgets_the_password_once_it_is_taken(void **state)
{
	const char *place;

	setenv("JCALL_PASSWORD", "s3cret", 1);
	place = getenv("JCALL_PASSWORD");
	assert_password("s3cret");
	assert_null(getenv("JCALL_PASSWORD"));
	assert_string_equal(place, "");		/* wiped where it stood, too: others can list an environment */
}

static void an_empty_variable_counts_for_nothing(void **state)
{
	setenv("JCALL_PASSWORD", "", 1);
	person.password = (char *)"of the file";
	assert_password("of the file");
}

/* ---- commands ---- */

static void assert_command(const char *command, const char *expected)
{
	g_autoptr(GError) error = NULL;
	char *password = password_by_command(command, LONG_MS, &error);

	if (!password)
		fail_msg("%s", error->message);
	assert_string_equal(password, expected);
	password_free(password);
}

static void assert_command_fails(const char *command, guint timeout_ms, const char *words)
{
	g_autoptr(GError) error = NULL;

	assert_null(password_by_command(command, timeout_ms, &error));
	assert_int_equal(error->code, JC_CONFIG);
	if (!strstr(error->message, words))
		fail_msg("'%s' does not say '%s'", error->message, words);
}

static void the_first_line_of_a_command_is_the_password(void **state)
{
	assert_command("printf 'one\\ntwo\\n'", "one");
	assert_command("printf 'one\\r\\n'", "one");
	assert_command("printf ' with blanks '", " with blanks ");
	assert_command("echo 'quoted word' $HOME", "quoted word $HOME");	/* no shell */
}

static void a_command_reads_nothing_of_ours(void **state)
{
	assert_command("sh -c 'cat; echo end'", "end");
}

static void what_went_wrong_with_a_command_is_told(void **state)
{
	assert_command_fails("sh -c 'echo x; exit 3'", LONG_MS, "failed with status 3");
	assert_command_fails("sh -c 'kill -9 $$'", LONG_MS, "signal 9");
	assert_command_fails("true", LONG_MS, "printed no password");
	assert_command_fails("printf '\\nsecond'", LONG_MS, "printed no password");
	assert_command_fails("/nonexistent/command", LONG_MS, "cannot be started");
	assert_command_fails("'open quote", LONG_MS, "cannot be started");
	assert_command_fails("yes", LONG_MS, "1024 bytes or more");
}

static void a_command_that_does_not_end_is_stopped(void **state)
{
	assert_command_fails("sleep 60", 30, "took longer than");
	assert_command_fails("sh -c 'sleep 1 & echo x'", 30, "took longer than");	/* a grandchild holds the pipe */
}

/* ---- the prompt, on a terminal of its own ---- */

struct terminal {
	int fd;
	pid_t child;
	int result;			/* what the child got, to be read here */
};

/* A child asks for the password and writes it, or the code of the error, into a pipe. */
static struct terminal start_asking(void)
{
	struct terminal t;
	int pipe_ends[2];

	assert_int_equal(pipe(pipe_ends), 0);
	t.child = forkpty(&t.fd, NULL, NULL, NULL);
	assert_true(t.child >= 0);
	if (t.child == 0) {
		g_autoptr(GError) error = NULL;
		char *password = account_password(&person, &config, &error);
		g_autofree char *told = password ? g_strdup(password) : g_strdup_printf("error %d", error->code);
		ssize_t n = write(pipe_ends[1], told, strlen(told));

		_exit(n > 0 ? 0 : 1);
	}
	close(pipe_ends[1]);
	t.result = pipe_ends[0];
	return t;
}

/* Reads from the terminal until WORDS came; gives all that came. */
static char *wait_for(const struct terminal *t, const char *words)
{
	GString *seen = g_string_new(NULL);
	char buffer[256];
	ssize_t n;

	while (!strstr(seen->str, words) && (n = read(t->fd, buffer, sizeof(buffer))) > 0)
		g_string_append_len(seen, buffer, n);
	return g_string_free(seen, FALSE);
}

static gboolean echoes(const struct terminal *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->fd, &now), 0);
	return (now.c_lflag & ECHO) != 0;
}

/* The prompt is written just before the echo goes off: that must come, so it is waited for. */
static void wait_for_quiet(const struct terminal *t)
{
	for (int i = 0; i < 5000 && echoes(t); i++)
		g_usleep(1000);
	assert_false(echoes(t));
}

static int finish(const struct terminal *t, char *result, size_t size)
{
	ssize_t n = read(t->result, result, size - 1);
	int status = 0;

	result[MAX(n, 0)] = '\0';
	assert_int_equal(waitpid(t->child, &status, 0), t->child);
	close(t->result);
	return status;
}

static void the_prompt_names_the_account_and_does_not_echo(void **state)
{
	struct terminal t = start_asking();
	g_autofree char *prompt = wait_for(&t, ": "), *rest = NULL;
	char result[64];

	assert_string_equal(prompt, "Password of romeo@montague.lit: ");
	wait_for_quiet(&t);
	assert_int_equal(write(t.fd, "s3cret\n", 7), 7);
	assert_int_equal(finish(&t, result, sizeof(result)), 0);
	assert_string_equal(result, "s3cret");
	rest = wait_for(&t, "\n");
	assert_null(strstr(rest, "s3cret"));
	close(t.fd);
}

static void an_empty_line_and_end_of_input_are_errors(void **state)
{
	static const char *const typed[] = {"\n", "\x04"};

	for (size_t i = 0; i < G_N_ELEMENTS(typed); i++) {
		struct terminal t = start_asking();
		g_autofree char *prompt = wait_for(&t, ": "), *expected = g_strdup_printf("error %d", JC_CONFIG);
		char result[64];

		wait_for_quiet(&t);
		assert_int_equal(write(t.fd, typed[i], 1), 1);
		assert_int_equal(finish(&t, result, sizeof(result)), 0);
		assert_string_equal(result, expected);
		close(t.fd);
	}
}

/* A signal ends the process as if nothing had been asked, and the terminal echoes again. */
static void a_signal_gives_the_terminal_back_before_it_ends_us(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM};

	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
		struct terminal t = start_asking();
		g_autofree char *prompt = wait_for(&t, ": "), *name = g_strdup(ptsname(t.fd));
		char result[64];
		int status, keep = open(name, O_RDWR | O_NOCTTY);

		assert_true(keep >= 0);			/* or its settings would go with the child */
		wait_for_quiet(&t);
		if (signals[i] == SIGINT)
			assert_int_equal(write(t.fd, "\x03", 1), 1);
		else
			assert_int_equal(kill(t.child, signals[i]), 0);
		status = finish(&t, result, sizeof(result));
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 128 + signals[i]);	/* by process_catch_signals */
		assert_true(echoes(&t));
		close(keep);
		close(t.fd);
	}
}

static void without_a_terminal_the_other_ways_are_listed(void **state)
{
	g_autoptr(GError) error = NULL;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {			/* in a session of its own it has no terminal */
		setsid();
		_exit(!account_password(&person, &config, &error) && error->code == JC_CONFIG &&
		      strstr(error->message, "JCALL_PASSWORD") && strstr(error->message, "password_command") &&
		      strstr(error->message, "/etc/x/conf") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, no_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_prompt_names_the_account_and_does_not_echo),	/* these fork, so they go before any thread is started */
		TEST(an_empty_line_and_end_of_input_are_errors),
		TEST(a_signal_gives_the_terminal_back_before_it_ends_us),
		TEST(without_a_terminal_the_other_ways_are_listed),
		TEST(the_environment_goes_before_the_file_and_the_file_before_the_command),
		TEST(the_environment_forgets_the_password_once_it_is_taken),
		TEST(an_empty_variable_counts_for_nothing),
		TEST(the_first_line_of_a_command_is_the_password),
		TEST(a_command_reads_nothing_of_ours),
		TEST(what_went_wrong_with_a_command_is_told),
		TEST(a_command_that_does_not_end_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
