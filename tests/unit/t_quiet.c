#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib.h>

#include "audio/quiet.h"
#include "log.h"

#define CHATTER "Expression 'ret' failed in 'src/hostapi/alsa/pa_linux_alsa.c', line: 1736\n"

/* Standard error is a file of ours between setup and teardown. */
struct caught { int saved, file; };

static int begin(void **state)
{
	struct caught *c = g_new0(struct caught, 1);

	c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	c->file = memfd_create("caught", MFD_CLOEXEC);
	*state = c;
	return c->saved >= 0 && dup2(c->file, STDERR_FILENO) == STDERR_FILENO ? 0 : -1;
}

static int finish(void **state)
{
	struct caught *c = *state;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->file);
	g_free(c);
	log_init(LOG_WARN);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(STDERR_FILENO, text, strlen(text)), strlen(text));
}

static char *heard(const struct caught *c)
{
	off_t size = lseek(c->file, 0, SEEK_END);
	char *text = g_malloc0((gsize)size + 1);

	assert_int_equal(pread(c->file, text, (size_t)size, 0), size);
	return text;
}

static void what_portaudio_says_does_not_reach_the_terminal(void **state)
{
	struct quiet q = quiet_begin();
	g_autofree char *text = NULL;

	say(CHATTER CHATTER);
	quiet_end(q);
	text = heard(*state);
	assert_string_equal(text, "");
}

static void what_others_say_meanwhile_is_not_lost(void **state)
{
	struct quiet q = quiet_begin();
	g_autofree char *text = NULL;

	say("ringing juliet@capulet.lit\n" CHATTER "no line end");
	quiet_end(q);
	say(" after\n");
	text = heard(*state);
	assert_string_equal(text, "ringing juliet@capulet.lit\nno line end after\n");
}

static void with_debugging_it_goes_to_the_log(void **state)
{
	struct quiet q;
	g_autofree char *text = NULL;

	log_init(LOG_DEBUG);
	q = quiet_begin();
	say(CHATTER);
	quiet_end(q);
	text = heard(*state);
	assert_non_null(strstr(text, "portaudio"));
	assert_non_null(strstr(text, "line: 1736"));
}

static void it_works_a_thousand_times_without_running_out_of_descriptors(void **state)
{
	int before = dup(STDERR_FILENO), after;

	close(before);
	for (int i = 0; i < 1000; i++)
		quiet_end(quiet_begin());
	after = dup(STDERR_FILENO);
	close(after);
	assert_int_equal(after, before);
}

static void libraries_that_are_not_there_are_no_harm(void **state)
{
	g_autofree char *text = NULL;

	quiet_libraries();
	quiet_libraries();
	text = heard(*state);
	assert_string_equal(text, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_portaudio_says_does_not_reach_the_terminal),
		TEST(what_others_say_meanwhile_is_not_lost),
		TEST(with_debugging_it_goes_to_the_log),
		TEST(it_works_a_thousand_times_without_running_out_of_descriptors),
		TEST(libraries_that_are_not_there_are_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
