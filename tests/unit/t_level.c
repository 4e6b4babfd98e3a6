/* How loud it is, and who speaks: levels of known sounds, voice against noise, clicks and pauses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "media/level.h"

enum { FRAME = 960, FRAME_US = 20000 };

static double level_of_sine(double amplitude)
{
	int16_t pcm[FRAME];

	for (int i = 0; i < FRAME; i++)
		pcm[i] = (int16_t)(amplitude * sin(i * 2 * M_PI / 48));
	return level_db(pcm, FRAME);
}

static void a_sine_is_three_decibels_below_its_peak(void **state)
{
	assert_true(fabs(level_of_sine(32767) + 3.01) < 0.1);
	assert_true(fabs(level_of_sine(3277) + 23.01) < 0.1);
}

static void silence_is_minus_127_and_the_loudest_is_0(void **state)
{
	int16_t pcm[FRAME] = {0};

	assert_true(level_db(pcm, FRAME) == -127);
	assert_true(level_db(pcm, 0) == -127);
	for (int i = 0; i < FRAME; i++)
		pcm[i] = INT16_MIN;
	assert_true(level_db(pcm, FRAME) == 0);
}

static void octets_hold_levels_to_half_a_decibel_rfc6464_3(void **state)
{
	assert_int_equal(level_octet(0, true), 0x80);
	assert_int_equal(level_octet(-127, false), 127);
	for (double db = -127; db <= 0; db += 0.3)
		assert_true(fabs(level_of_octet(level_octet(db, db > -50)) - db) <= 0.51);
}

/* FRAMES frames of DB. Returns how many had voice. */
static int feed(struct voice *v, int64_t *now, double db, int frames)
{
	int with = 0;

	while (frames-- > 0) {
		with += voice_feed(v, db, *now);
		*now += FRAME_US;
	}
	return with;
}

static void speech_begins_after_three_frames_and_ends_after_a_pause(void **state)
{
	struct voice v = {0};
	int64_t now = 5000000;

	feed(&v, &now, -70, 50);
	assert_false(voice_is_speaking(&v, now));
	feed(&v, &now, -25, 2);
	assert_false(voice_is_speaking(&v, now));
	feed(&v, &now, -25, 1);
	assert_true(voice_is_speaking(&v, now));
	feed(&v, &now, -70, 25);			/* between two words */
	assert_true(voice_is_speaking(&v, now));
	feed(&v, &now, -70, 10);
	assert_false(voice_is_speaking(&v, now));
}

static void speech_ends_when_nothing_comes_any_more(void **state)
{
	struct voice v = {0};
	int64_t now = 5000000;

	feed(&v, &now, -25, 10);
	assert_true(voice_is_speaking(&v, now));
	assert_false(voice_is_speaking(&v, now + 700000));
}

static void clicks_far_apart_are_no_speech(void **state)
{
	struct voice v = {0};
	int64_t now = 5000000;

	for (int i = 0; i < 20; i++) {
		feed(&v, &now, -20, 1);
		feed(&v, &now, -75, 20);
		assert_false(voice_is_speaking(&v, now));
	}
}

static void noise_that_stays_is_soon_no_voice_and_speech_over_it_is(void **state)
{
	struct voice v = {0};
	int64_t now = 5000000;

	feed(&v, &now, -50, 50 * 20);
	assert_int_equal(feed(&v, &now, -50, 50), 0);
	assert_int_equal(feed(&v, &now, -25, 50), 50);
	assert_true(voice_is_speaking(&v, now));
}

static void the_softest_sound_is_no_voice_in_any_silence(void **state)
{
	struct voice v = {0};
	int64_t now = 5000000;

	feed(&v, &now, -127, 500);
	assert_int_equal(feed(&v, &now, -60, 10), 0);
	assert_int_equal(feed(&v, &now, -45, 10), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sine_is_three_decibels_below_its_peak),
		cmocka_unit_test(silence_is_minus_127_and_the_loudest_is_0),
		cmocka_unit_test(octets_hold_levels_to_half_a_decibel_rfc6464_3),
		cmocka_unit_test(speech_begins_after_three_frames_and_ends_after_a_pause),
		cmocka_unit_test(speech_ends_when_nothing_comes_any_more),
		cmocka_unit_test(clicks_far_apart_are_no_speech),
		cmocka_unit_test(noise_that_stays_is_soon_no_voice_and_speech_over_it_is),
		cmocka_unit_test(the_softest_sound_is_no_voice_in_any_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
