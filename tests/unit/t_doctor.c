/* The findings of the doctor: in which order they are told, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "doctor.h"

struct fixture {
	struct ui *ui;
	struct findings *f;
	unsigned done;
	int saved;			/* the real standard output */
	FILE *said;
};

static void on_done(void *ctx)
{
	((struct fixture *)ctx)->done++;
}

static int setup(void **state)
{
	struct fixture *x = g_new0(struct fixture, 1);
	struct ui_options options = {.json = FALSE};

	x->ui = ui_new(&options);
	x->f = findings_new(x->ui, FALSE, FALSE, on_done, x);
	fflush(stdout);
	x->saved = dup(STDOUT_FILENO);
	x->said = tmpfile();
	dup2(fileno(x->said), STDOUT_FILENO);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	fflush(stdout);
	dup2(x->saved, STDOUT_FILENO);
	close(x->saved);
	fclose(x->said);
	findings_free(x->f);
	ui_free(x->ui);
	g_free(x);
	return 0;
}

/* What was said since the last time; caller frees. */
static char *said(struct fixture *x)
{
	char text[4000];
	ssize_t n;

	fflush(stdout);
	n = pread(fileno(x->said), text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(fileno(x->said), 0), 0);
	lseek(STDOUT_FILENO, 0, SEEK_SET);
	return g_strdup(text);
}

static void assert_said(struct fixture *x, const char *wanted)
{
	g_autofree char *text = said(x);

	assert_string_equal(text, wanted);
}

static void spin(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void what_is_found_first_waits_for_what_is_told_first(void **state)
{
	struct fixture *x = *state;
	struct finding *sound = finding_open(x->f, CHECK_MICROPHONE), *login = finding_open(x->f, CHECK_LOGIN);

	finding_ok(sound, "it hears");
	assert_said(x, "");
	finding_ok(login, "logged in as %s", "romeo");
	assert_said(x, "ok       login              logged in as romeo\nok       microphone         it hears\n");
	assert_int_equal(x->done, 0);
	spin();
	assert_int_equal(x->done, 1);
}

static void the_end_is_not_told_while_anything_is_open(void **state)
{
	struct fixture *x = *state;

	finding_ok(finding_open(x->f, CHECK_CONFIGURATION), "there");
	finding_open(x->f, CHECK_TURN);
	spin();
	assert_int_equal(x->done, 0);
	findings_give_up(x->f);
	spin();
	assert_int_equal(x->done, 1);
	assert_int_equal(findings_conclude(x->f), jc_exit_status(JC_SERVER));
}

static void what_is_closed_stays_as_it_is(void **state)
{
	struct fixture *x = *state;
	struct finding *g = finding_open(x->f, CHECK_LOGIN);

	finding_ok(g, "yes");
	finding_fail(g, JC_LOGIN, NULL, "no");
	assert_false(finding_is_open(g));
	assert_int_equal(findings_conclude(x->f), 0);
}

static void a_warning_is_no_failure_and_tells_what_to_do(void **state)
{
	struct fixture *x = *state;

	finding_warn(finding_open(x->f, CHECK_ARCHIVE), "switch it on", "no archive");
	assert_said(x, "warning  message archive    no archive\n                            -> switch it on\n");
	assert_int_equal(findings_conclude(x->f), 0);
	assert_said(x, "\nCalls can be made; 1 of 1 checks have a warning\n");
}

static void the_status_is_that_of_the_first_failure_in_the_order(void **state)
{
	struct fixture *x = *state;

	finding_fail(finding_open(x->f, CHECK_TURN), JC_NO_PATH, NULL, "no relay");
	finding_fail(finding_open(x->f, CHECK_MICROPHONE), JC_AUDIO_DEVICE, NULL, "no sound");
	assert_int_equal(findings_conclude(x->f), 20);
}

static void the_end_of_a_certificate_is_read(void **state)
{
	gint64 at;

	assert_true(certificate_time("Jan 15 08:00:00 2027 GMT", &at));
	assert_int_equal(at, 1800000000);
	assert_true(certificate_time("Feb  1 00:00:00 2030 GMT", &at));
	assert_false(certificate_time("anF 15 08:00:00 2027 GMT", &at));
	assert_false(certificate_time("Feb 30 08:00:00 2027 GMT", &at));
	assert_false(certificate_time("Bad time value", &at));
	assert_false(certificate_time("", &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_found_first_waits_for_what_is_told_first, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_is_not_told_while_anything_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_closed_stays_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(a_warning_is_no_failure_and_tells_what_to_do, setup, teardown),
		cmocka_unit_test_setup_teardown(the_status_is_that_of_the_first_failure_in_the_order, setup, teardown),
		cmocka_unit_test(the_end_of_a_certificate_is_read)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
