/* A tone that was sent, found again in what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "echo.h"

/* FRAMES frames of a sine of HZ; 0: of silence. */
static void hear(struct echo_ear *e, unsigned frames, double hz, double level)
{
	gint16 pcm[ECHO_FRAME];

	for (unsigned f = 0; f < frames; f++) {
		for (unsigned i = 0; i < ECHO_FRAME; i++)
			pcm[i] = (gint16)(level * sin(2 * G_PI * hz * (f * ECHO_FRAME + i) / AUDIO_RATE));
		echo_hear(e, pcm);
	}
}

static struct echo_result judge(const struct echo_ear *e)
{
	struct echo_result r;

	echo_judge(e, &r);
	return r;
}

static void silence_is_no_echo(void **state)
{
	struct echo_ear e = {.hz = 440};

	hear(&e, 500, 0, 0);
	assert_false(judge(&e).heard);
	memset(&e, 0, sizeof(e));
	e.hz = 440;
	assert_false(judge(&e).heard);
}

static void the_delay_is_that_of_the_first_frame_with_the_tone(void **state)
{
	struct echo_ear e = {.hz = 440};

	hear(&e, 23, 0, 0);
	hear(&e, 400, 440, 8000);
	assert_true(judge(&e).heard);
	assert_int_equal(judge(&e).delay_ms, 230);
	assert_int_equal(judge(&e).missing, 0);
}

static void another_tone_or_a_faint_one_is_none(void **state)
{
	struct echo_ear e = {.hz = 440};

	hear(&e, 100, 1000, 8000);
	hear(&e, 100, 440, 20);
	assert_false(judge(&e).heard);
}

static void holes_count_but_what_comes_after_the_end_does_not(void **state)
{
	struct echo_ear e = {.hz = 440};

	hear(&e, 60, 440, 8000);
	hear(&e, 20, 0, 0);
	hear(&e, 20, 440, 8000);
	hear(&e, 100, 0, 0);
	assert_int_equal(judge(&e).delay_ms, 0);
	assert_int_equal(judge(&e).missing, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_no_echo), cmocka_unit_test(the_delay_is_that_of_the_first_frame_with_the_tone),
		cmocka_unit_test(another_tone_or_a_faint_one_is_none),
		cmocka_unit_test(holes_count_but_what_comes_after_the_end_does_not)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
