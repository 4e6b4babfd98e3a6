#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audio/audio.h"
#include "err.h"

enum { FRAME = 960, FRAME_US = 20000, PEAK = 8192 };

static struct audio_in open_in(const char *spec)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;

	if (!audio_open_in(spec, &in, &error))
		fail_msg("%s", error->message);
	return in;
}

/* The power of HZ in a second of sound, as an amplitude. */
static double amplitude(const gint16 *pcm, double hz)
{
	double s = 0, c = 0;

	for (size_t i = 0; i < AUDIO_RATE; i++) {
		s += pcm[i] * sin(2 * G_PI * hz * (double)i / AUDIO_RATE);
		c += pcm[i] * cos(2 * G_PI * hz * (double)i / AUDIO_RATE);
	}
	return 2 * sqrt(s * s + c * c) / AUDIO_RATE;
}

static void assert_tone(const char *spec, double hz)
{
	struct audio_in in = open_in(spec);
	static gint16 pcm[AUDIO_RATE];

	in.start(in.self, 0);
	for (size_t at = 0; at < AUDIO_RATE; at += FRAME)
		assert_int_equal(in.read(in.self, pcm + at, FRAME), FRAME);
	assert_true(fabs(amplitude(pcm, hz) - PEAK) < 2);
	assert_true(amplitude(pcm, hz * 1.1) < PEAK / 20.0);
	in.close(in.self);
}

static void a_tone_has_the_frequency_that_was_asked_for(void **state)
{
	assert_tone("tone", 440);
	assert_tone("tone:20", 20);
	assert_tone("tone:1000", 1000);
	assert_tone("tone:20000", 20000);
}

static void a_tone_goes_on_without_a_click_over_the_second(void **state)
{
	struct audio_in in = open_in("tone:441");
	gint16 last = 0, pcm[FRAME];
	int steepest = (int)ceil(2 * G_PI * 441 * PEAK / AUDIO_RATE) + 1;

	in.start(in.self, 0);
	for (int frame = 0; frame < 120; frame++) {
		in.read(in.self, pcm, FRAME);
		for (size_t i = 0; i < FRAME; i++) {
			assert_true(ABS(pcm[i] - last) <= steepest);
			last = pcm[i];
		}
	}
	in.close(in.self);
}

static void a_tone_is_20_to_20000_hz_in_digits(void **state)
{
	static const char *const bad[] = {"tone:19", "tone:20001", "tone:-440", "tone:440.5", "tone:a", "tone:440Hz",
		"tone:99999999999999999999"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		struct audio_in in;

		assert_false(audio_open_in(bad[i], &in, &error));
		assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
		assert_non_null(strstr(error->message, "20 to 20000 Hz"));
	}
}

/* ---- the clock of ends that have none ---- */

static void nothing_is_ready_before_the_start(void **state)
{
	static const char *const specs[] = {"tone", "null"};

	for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
		struct audio_in in = open_in(specs[i]);

		assert_int_equal(in.ready(in.self, 0), 0);
		assert_int_equal(in.ready(in.self, 3600 * (gint64)G_USEC_PER_SEC), 0);
		assert_int_equal(in.when(in.self, 5, FRAME), G_MAXINT64);
		assert_false(in.live);
		in.close(in.self);
	}
}

static void the_first_frame_of_a_tone_need_not_be_waited_for(void **state)
{
	struct audio_in in = open_in("tone");

	in.start(in.self, 1000000);
	assert_int_equal(in.ready(in.self, 1000000), FRAME);
	in.close(in.self);
}

static void silence_comes_at_the_rate_of_time(void **state)
{
	struct audio_in in = open_in("null");
	gint16 pcm[FRAME], zero[FRAME] = {0};
	const gint64 start = 12345678;

	in.start(in.self, start);
	for (int frame = 0; frame < 1000; frame++) {
		gint64 at = in.when(in.self, start, FRAME);

		assert_int_equal(at, start + (frame + 1) * (gint64)FRAME_US);
		assert_int_equal(in.ready(in.self, at - 21), FRAME - 2);
		assert_int_equal(in.ready(in.self, at), FRAME);
		memset(pcm, 1, sizeof(pcm));
		assert_int_equal(in.read(in.self, pcm, FRAME), FRAME);
		assert_memory_equal(pcm, zero, sizeof(pcm));
	}
	in.close(in.self);
}

static void when_is_never_in_the_past(void **state)
{
	struct audio_in in = open_in("null");

	in.start(in.self, 0);
	assert_int_equal(in.when(in.self, 5 * G_USEC_PER_SEC, FRAME), 5 * G_USEC_PER_SEC);
	in.close(in.self);
}

static void after_a_pause_a_source_goes_on_without_a_rush(void **state)
{
	static const char *const specs[] = {"null", "tone"};

	for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
		struct audio_in in = open_in(specs[i]);
		gint16 pcm[FRAME];

		in.start(in.self, 0);
		assert_true(in.ready(in.self, FRAME_US) >= FRAME);
		assert_int_equal(in.read(in.self, pcm, FRAME), FRAME);
		in.start(in.self, 60 * (gint64)G_USEC_PER_SEC);
		assert_in_range(in.ready(in.self, 60 * (gint64)G_USEC_PER_SEC + FRAME_US), FRAME, 2 * FRAME);
		in.close(in.self);
	}
}

static void a_hundred_days_do_not_upset_the_clock(void **state)
{
	struct audio_in in = open_in("null");
	const gint64 day = 24 * 3600 * (gint64)G_USEC_PER_SEC;

	in.start(in.self, day);
	assert_int_equal(in.ready(in.self, 101 * day), (size_t)100 * 24 * 3600 * AUDIO_RATE);
	in.close(in.self);
}

static void the_null_output_wants_what_time_demands(void **state)
{
	g_autoptr(GError) error = NULL;
	struct audio_out out;
	gint16 pcm[FRAME] = {0};

	assert_true(audio_open_out("null", &out, &error));
	assert_int_equal(out.ready(out.self, 99), 0);
	out.start(out.self, 1000);
	assert_int_equal(out.ready(out.self, 1000 + FRAME_US), FRAME);
	out.write(out.self, pcm, FRAME / 2);
	assert_int_equal(out.ready(out.self, 1000 + FRAME_US), FRAME / 2);
	assert_int_equal(out.when(out.self, 1000, FRAME), 1000 + FRAME_US + FRAME_US / 2);
	assert_true(out.close(out.self, &error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tone_has_the_frequency_that_was_asked_for),
		cmocka_unit_test(a_tone_goes_on_without_a_click_over_the_second),
		cmocka_unit_test(a_tone_is_20_to_20000_hz_in_digits),
		cmocka_unit_test(nothing_is_ready_before_the_start),
		cmocka_unit_test(the_first_frame_of_a_tone_need_not_be_waited_for),
		cmocka_unit_test(silence_comes_at_the_rate_of_time),
		cmocka_unit_test(when_is_never_in_the_past),
		cmocka_unit_test(after_a_pause_a_source_goes_on_without_a_rush),
		cmocka_unit_test(a_hundred_days_do_not_upset_the_clock),
		cmocka_unit_test(the_null_output_wants_what_time_demands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
