#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture.h"
#include "log.h"

static int back_to_default(void **state)
{
	g_unsetenv("JOURNAL_STREAM");
	log_init(LOG_WARN);
	return 0;
}

static void errors_and_warnings_are_told_without_an_area(void **state)
{
	struct capture c = capture_begin();
	g_autofree char *text = NULL;

	log_error("ice", "no %s", "path");
	log_warn("ice", "slow");
	text = capture_end(&c);
	assert_string_equal(text, "jcall: no path\njcall: slow\n");
}

static void what_is_below_the_level_is_neither_written_nor_evaluated(void **state)
{
	struct capture c = capture_begin();
	g_autofree char *text = NULL;
	int evaluated = 0;

	log_info("ice", "%d", ++evaluated);
	log_debug("ice", "%d", ++evaluated);
	text = capture_end(&c);
	assert_string_equal(text, "");
	assert_int_equal(evaluated, 0);
}

static void information_names_its_area(void **state)
{
	struct capture c;
	g_autofree char *text = NULL;

	log_threshold = LOG_DEBUG;
	c = capture_begin();
	log_info("phone", "online");
	log_debug("ice", "a pair");
	text = capture_end(&c);
	assert_string_equal(text, "jcall: phone: online\njcall: ice: a pair\n");
}

static void text_from_outside_cannot_forge_a_line_or_touch_the_terminal(void **state)
{
	struct capture c = capture_begin();
	g_autofree char *text = NULL;

	log_warn("x", "peer says '%s'", "hi\njcall: all is well\x1b[2J\xff");
	text = capture_end(&c);
	assert_string_equal(text, "jcall: peer says 'hi\\x0ajcall: all is well\\x1b[2J\\xff'\n");
}

static void a_very_long_line_is_cut(void **state)
{
	struct capture c = capture_begin();
	g_autofree char *text = NULL, *flood = g_strnfill(100000, 'x');

	log_warn("x", "%s", flood);
	text = capture_end(&c);
	assert_true(strlen(text) < 17000);
	assert_true(g_str_has_suffix(text, "…\n"));
}

static void what_libraries_say_through_glib_is_debugging_output(void **state)
{
	struct capture c;
	g_autofree char *quiet = NULL, *debug = NULL;

	log_init(LOG_WARN);
	c = capture_begin();
	g_log("libnice", G_LOG_LEVEL_WARNING, "chatter");
	g_log("libnice", G_LOG_LEVEL_MESSAGE, "more chatter");
	quiet = capture_end(&c);
	assert_string_equal(quiet, "");
	log_init(LOG_DEBUG);
	c = capture_begin();
	g_log("libnice", G_LOG_LEVEL_WARNING, "chatter\x1b");
	debug = capture_end(&c);
	assert_string_equal(debug, "jcall: glib: chatter\\x1b\n");
}

enum { THREADS = 4, LINES = 300 };

static gpointer write_lines(gpointer data)
{
	for (int i = 0; i < LINES; i++)
		log_warn("x", "%s", (const char *)data);
	return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
	GThread *threads[THREADS];
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct capture c = capture_begin();

	for (int i = 0; i < THREADS; i++)
		threads[i] = g_thread_new(NULL, write_lines, (gpointer)(i % 2 ? "abcdefghijklmnopqrstuvwxyz" : "0123456789"));
	for (int i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	text = capture_end(&c);
	lines = g_strsplit(text, "\n", -1);
	assert_int_equal(g_strv_length(lines), THREADS * LINES + 1);
	for (int i = 0; i < THREADS * LINES; i++)
		assert_true(strcmp(lines[i], "jcall: 0123456789") == 0 ||
			    strcmp(lines[i], "jcall: abcdefghijklmnopqrstuvwxyz") == 0);
}

/* JOURNAL_STREAM as it is for a service whose standard error is the file of C, with INODE_OFF added. */
static void set_journal(const struct capture *c, unsigned inode_off)
{
	g_autofree char *stream = NULL;
	struct stat st;

	assert_int_equal(fstat(fileno(c->file), &st), 0);
	stream = g_strdup_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + inode_off);
	g_setenv("JOURNAL_STREAM", stream, TRUE);
	log_init(LOG_DEBUG);
}

static void the_journal_gets_priorities_instead_of_our_name(void **state)
{
	struct capture c = capture_begin();
	g_autofree char *text = NULL;

	set_journal(&c, 0);
	log_error("x", "error");
	log_warn("x", "warning\n<0>forged");
	log_info("phone", "online");
	log_debug("ice", "a pair");
	text = capture_end(&c);
	assert_string_equal(text, "<3>error\n<4>warning\\x0a<0>forged\n<6>phone: online\n<7>ice: a pair\n");
}

static void a_standard_error_that_is_not_the_journal_gets_no_priorities(void **state)
{
	struct capture c = capture_begin();
	g_autofree char *text = NULL;

	set_journal(&c, 1);
	log_error("x", "error");
	text = capture_end(&c);
	assert_string_equal(text, "jcall: error\n");
	assert_string_equal(log_prefix(JOURNAL_NOTICE, "as it was"), "as it was");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(errors_and_warnings_are_told_without_an_area, back_to_default),
		cmocka_unit_test_teardown(what_is_below_the_level_is_neither_written_nor_evaluated, back_to_default),
		cmocka_unit_test_teardown(information_names_its_area, back_to_default),
		cmocka_unit_test_teardown(text_from_outside_cannot_forge_a_line_or_touch_the_terminal, back_to_default),
		cmocka_unit_test_teardown(a_very_long_line_is_cut, back_to_default),
		cmocka_unit_test_teardown(what_libraries_say_through_glib_is_debugging_output, back_to_default),
		cmocka_unit_test_teardown(the_journal_gets_priorities_instead_of_our_name, back_to_default),
		cmocka_unit_test_teardown(a_standard_error_that_is_not_the_journal_gets_no_priorities, back_to_default),
		cmocka_unit_test_teardown(lines_of_several_threads_stay_whole, back_to_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
