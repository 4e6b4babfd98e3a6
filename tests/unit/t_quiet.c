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

static char *heard(const struct caught *c)
{
	off_t size = lseek(c->file, 0, SEEK_END);
	char *text = g_malloc0((gsize)size + 1);

	assert_int_equal(pread(c->file, text, (size_t)size, 0), size);
	return text;
}

static void what_portaudio_says_does_not_reach_the_terminal(void **state)
{
	g_autofree char *text = NULL;

	quiet_libraries();
	fprintf(stderr, "Expression '%s' failed in '%s', line: %d\n", "ret", "src/hostapi/alsa/pa_linux_alsa.c", 1736);
	fputs(CHATTER, stderr);
	text = heard(*state);
	assert_string_equal(text, "");
}

static void what_others_say_comes_through_at_once(void **state)
{
	g_autofree char *text = NULL;

	quiet_libraries();
	fprintf(stderr, "ringing %s\n", "juliet@capulet.lit");
	fputs(CHATTER, stderr);
	fputc('\a', stderr);
	fprintf(stderr, "Expression of joy\n");
	text = heard(*state);
	assert_string_equal(text, "ringing juliet@capulet.lit\n\aExpression of joy\n");
}

static void with_debugging_it_goes_to_the_log(void **state)
{
	g_autofree char *text = NULL;

	log_init(LOG_DEBUG);
	quiet_libraries();
	fputs(CHATTER, stderr);
	text = heard(*state);
	assert_string_equal(text, "jcall: portaudio: Expression 'ret' failed in 'src/hostapi/alsa/pa_linux_alsa.c', line: 1736\n");
}

static void alsa_and_jack_are_told_and_may_be_missing(void **state)
{
	g_autofree char *text = NULL;

	for (int i = 0; i < 3; i++)
		quiet_libraries();
	text = heard(*state);
	assert_string_equal(text, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_portaudio_says_does_not_reach_the_terminal),
		TEST(what_others_say_comes_through_at_once),
		TEST(with_debugging_it_goes_to_the_log),
		TEST(alsa_and_jack_are_told_and_may_be_missing),
	};

	quiet_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
