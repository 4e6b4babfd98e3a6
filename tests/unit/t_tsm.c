/* Time scaling: the sound keeps its pitch and its smoothness, the books of its length are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/tsm.h"

enum { N = 1440, CAP = 4096, RATE = 48000, EDGE = 120, GUARD = 0x5a5a };

static void sine(int16_t *pcm, size_t n, double hz, double amplitude)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(amplitude * sin(2 * 3.14159265358979 * hz * (double)i / RATE));
}

/* A buzz through two resonances, as a vowel is. */
static void vowel(int16_t *pcm, size_t n, double pitch_hz)
{
	for (size_t i = 0; i < n; i++) {
		double t = fmod((double)i / RATE, 1 / pitch_hz), x;

		x = exp(-t * 400) * sin(2 * 3.14159265358979 * 700 * t) + 0.4 * exp(-t * 600) * sin(2 * 3.14159265358979 * 1200 * t);
		pcm[i] = (int16_t)(9000 * x);
	}
}

static void noise(int16_t *pcm, size_t n, int amplitude, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		pcm[i] = (int16_t)((int)(seed >> 16) % (2 * amplitude + 1) - amplitude);
	}
}

static int largest_jump(const int16_t *pcm, size_t n)
{
	int most = 0;

	for (size_t i = 1; i < n; i++)
		if (abs(pcm[i] - pcm[i - 1]) > most)
			most = abs(pcm[i] - pcm[i - 1]);
	return most;
}

static double crossings_hz(const int16_t *pcm, size_t n)
{
	size_t count = 0;

	for (size_t i = 1; i < n; i++)
		count += pcm[i - 1] < 0 && pcm[i] >= 0;
	return (double)count * RATE / (double)n;
}

static double rms(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sqrt(sum / (double)n);
}

/* Changes a copy; checks the bounds every change must keep. */
static int change(const int16_t *was, size_t n, int wanted, int16_t *pcm)
{
	int done;

	for (size_t i = 0; i < CAP; i++)
		pcm[i] = GUARD;
	memcpy(pcm, was, n * sizeof(*pcm));
	done = tsm_change(pcm, n, CAP, wanted);
	assert_true(wanted < 0 ? done <= 0 && done >= wanted : done >= 0 && done <= wanted + 600);
	for (size_t i = n + (size_t)(done > 0 ? done : 0); i < CAP; i++)
		assert_int_equal(pcm[i], GUARD);
	if (n >= 2 * EDGE) {
		assert_memory_equal(pcm, was, EDGE * sizeof(*pcm));
		assert_memory_equal(pcm + (int)n + done - EDGE, was + n - EDGE, EDGE * sizeof(*pcm));
	}
	return done;
}

static void a_sine_stays_a_sine_without_clicks(void **state)
{
	static const double pitches[] = {90, 120, 157, 220, 311, 400, 1000, 3000};
	static const int wants[] = {-600, -480, -360, 240, 360, 600};
	int16_t was[N], pcm[CAP];

	for (size_t k = 0; k < sizeof(pitches) / sizeof(*pitches); k++) {
		sine(was, N, pitches[k], 10000);
		for (size_t w = 0; w < sizeof(wants) / sizeof(*wants); w++) {
			int done = change(was, N, wants[w], pcm);
			size_t n = (size_t)(N + done);

			if (abs(wants[w]) >= (int)(RATE / pitches[k]) + 6)
				assert_true(done != 0);
			assert_true(largest_jump(pcm, n) <= largest_jump(was, N) * 1.1 + 2);
			assert_true(fabs(rms(pcm, n) - rms(was, N)) < 0.06 * rms(was, N));
			assert_true(fabs(crossings_hz(pcm, n) - crossings_hz(was, N)) <= 2.0 * RATE / N);
		}
	}
}

static void a_vowel_changes_by_whole_periods(void **state)
{
	int16_t was[N], pcm[CAP];

	for (int hz = 90; hz <= 300; hz += 15) {
		int period = RATE / hz;

		vowel(was, N, hz);
		for (int sign = -1; sign <= 1; sign += 2) {
			int done = abs(change(was, N, sign * 600, pcm)), rest;

			assert_true(done > 0);
			rest = done % period;
			assert_true(rest <= 4 || rest >= period - 4);
		}
	}
}

static void noise_is_left_alone(void **state)
{
	int16_t was[N], pcm[CAP];

	for (unsigned seed = 1; seed < 20; seed++) {
		noise(was, N, 8000, seed);
		assert_int_equal(change(was, N, -600, pcm), 0);
		assert_int_equal(change(was, N, 600, pcm), 0);
	}
}

static void silence_changes_by_exactly_what_is_wanted(void **state)
{
	int16_t was[N], pcm[CAP];

	noise(was, N, 40, 7);
	for (int wanted = 24; wanted <= 600; wanted += 36) {
		assert_int_equal(change(was, N, wanted, pcm), wanted);
		assert_int_equal(change(was, N, -wanted, pcm), -wanted);
	}
	assert_int_equal(change(was, N, 10, pcm), 0);
	assert_int_equal(change(was, N, -10, pcm), 0);
	assert_int_equal(change(was, N, 0, pcm), 0);
}

static void short_pieces_and_full_buffers_are_left_alone(void **state)
{
	int16_t was[N], pcm[CAP];

	sine(was, N, 200, 10000);
	for (size_t n = 0; n < 480; n += 7)
		assert_int_equal(change(was, n, -300, pcm), 0);
	memcpy(pcm, was, sizeof(was));
	assert_int_equal(tsm_change(pcm, N, N, 300), 0);
	assert_memory_equal(pcm, was, sizeof(was));
}

/* The shortest period is 2.5 ms: of sound nothing shorter than half of that can be taken out or put in. */
static void less_than_half_a_period_is_not_worth_a_change_of_sound(void **state)
{
	int16_t was[N], pcm[CAP];

	sine(was, N, 400, 10000);
	assert_int_equal(change(was, N, 59, pcm), 0);
	assert_int_equal(change(was, N, 60, pcm), 120);
	assert_int_equal(change(was, N, -119, pcm), 0);		/* and a period is not shortened by a part of itself */
	assert_int_equal(change(was, N, -120, pcm), -120);
	assert_int_equal(change(was, 480 + 110, 300, pcm), 0);	/* too short to hold a period beside its edges and its fade */
}

static void nothing_at_all_makes_it_leave_its_bounds(void **state)
{
	int16_t was[N], pcm[CAP];

	for (unsigned seed = 1; seed < 400; seed++) {
		size_t n = 240 + seed * 97 % (N - 240);

		noise(was, n, seed % 3 ? 32767 : 50, seed);
		if (seed % 4 == 0)
			memset(was, seed % 8 ? 0x7f : 0x80, n * sizeof(*was));
		change(was, n, (int)(seed * 7919 % 6000) - 3000, pcm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sine_stays_a_sine_without_clicks),
		cmocka_unit_test(a_vowel_changes_by_whole_periods),
		cmocka_unit_test(noise_is_left_alone),
		cmocka_unit_test(silence_changes_by_exactly_what_is_wanted),
		cmocka_unit_test(short_pieces_and_full_buffers_are_left_alone),
		cmocka_unit_test(less_than_half_a_period_is_not_worth_a_change_of_sound),
		cmocka_unit_test(nothing_at_all_makes_it_leave_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
