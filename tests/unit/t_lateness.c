/* media/lateness.h: what delay a network is worth, by its numbers; the jitter buffer that obeys it is tested elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/lateness.h"

enum { DURATION = 20000, MARGIN = 200 };	/* [us] a packet's time; how long it must be here before its own */

/* N packets, of which every EVERY-th (0: none) takes LATE_US longer than the others. Returns when the last came. */
static int64_t feed(struct lateness *l, unsigned n, unsigned every, int64_t late_us, int64_t step)
{
	int64_t now = 1000000;

	for (unsigned i = 0; i < n; i++) {
		int64_t late = every && i % every == every / 2 ? late_us : 0;

		now = 1000000 + (int64_t)i * DURATION + late;
		lateness_add(l, 5000 + late, now, DURATION, step, 0, true);
	}
	return now;
}

static int choose(const struct lateness *l, int64_t now, int64_t allowed, int64_t step, double *gain_us)
{
	return lateness_choose(l, now, allowed + MARGIN, step, DURATION, 0, gain_us);
}

static void on_an_even_line_all_delay_is_too_much(void **state)
{
	struct lateness l = {0};
	int64_t now = feed(&l, 300, 0, 0, 500);
	double gain;

	assert_int_equal(lateness_target(&l, now), MARGIN);
	assert_int_equal(choose(&l, now, 10000, 500, &gain), -20);
	assert_in_range((int64_t)gain, 9900, 10000);
}

/* Each change of the delay is heard, so it must be worth it: more than 1 ms down, more than 2 ms up. */
static void what_saves_little_is_not_done(void **state)
{
	struct lateness l = {0};
	int64_t now = feed(&l, 300, 0, 0, 500);
	double gain = 7;

	assert_int_equal(choose(&l, now, 0, 500, &gain), 0);
	assert_int_equal(choose(&l, now, 500, 500, &gain), 0);
	assert_int_equal(choose(&l, now, 1000, 500, &gain), 0);
	assert_true(gain == 0);
	assert_int_equal(choose(&l, now, 1500, 500, &gain), -3);
	assert_true(gain > 1000);
}

static void rare_lateness_is_borne_and_frequent_is_waited_for(void **state)
{
	static const struct { unsigned every; int steps; } table[] = {{0, 0}, {250, 0}, {20, 5}, {5, 5}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct lateness l = {0};
		int64_t now = feed(&l, 1000, table[i].every, 4500, 1000);
		double gain;
		int steps = choose(&l, now, 0, 1000, &gain);

		if (steps != table[i].steps)
			fail_msg("one in %u: %d steps", table[i].every, steps);
		assert_true(steps ? gain > 2000 : gain == 0);
	}
}

/* 345 ms of delay for all packets are as bad as inventing all of them, and what is later weighs more: so the price of one in 100
 * that is 1 ms late is 3.6 ms, and waiting for it pays; of one in 200 it is 1.8 ms less than the 1 ms of waiting. */
static void a_saving_up_must_be_of_two_milliseconds(void **state)
{
	static const struct { unsigned every; int steps; } table[] = {{200, 0}, {25, 1}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct lateness l = {0};
		int64_t now = feed(&l, 1000, table[i].every, 900, DURATION);
		double gain;

		assert_int_equal(lateness_choose(&l, now, MARGIN, 1000, 1000, 0, &gain), table[i].steps);
	}
}

/* The least of ten seconds is the origin: a clock that drifts, or a way that has become longer, is no lateness. */
static void a_way_that_becomes_longer_is_no_lateness_after_ten_seconds(void **state)
{
	struct lateness l = {0};
	int64_t now = 0;
	double gain;

	for (int i = 0; i < 1500; i++) {
		now = 1000000 + i * DURATION + (i < 500 ? 0 : 30000);
		lateness_add(&l, i < 500 ? 5000 : 35000, now, DURATION, DURATION, 0, true);
	}
	assert_int_equal(lateness_least(&l, now, 0), 35000);
	assert_int_equal(choose(&l, now, 0, DURATION, &gain), 0);
	assert_in_range(lateness_target(&l, now), 0, 2000);
}

static void before_the_first_packet_nothing_is_known(void **state)
{
	struct lateness l = {0};
	double gain = 7;

	assert_int_equal(choose(&l, 1000000, 50000, 1000, &gain), 0);
	assert_true(gain == 0);
	assert_int_equal(lateness_target(&l, 1000000), 0);
	assert_int_equal(lateness_least(&l, 1000000, 4711), 4711);
}

static void a_clock_that_begins_anew_forgets_transits_and_keeps_lateness(void **state)
{
	struct lateness l = {0};
	int64_t now = feed(&l, 1000, 5, 4500, 1000), at;
	double gain;

	lateness_forget_clock(&l);
	assert_int_equal(lateness_least(&l, now, 4711), 4711);
	at = now + DURATION;
	lateness_add(&l, -900000000, at, DURATION, 1000, 0, true);
	assert_int_equal(lateness_least(&l, at, 0), -900000000);
	assert_int_equal(choose(&l, at, 0, 1000, &gain), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_an_even_line_all_delay_is_too_much),
		cmocka_unit_test(what_saves_little_is_not_done),
		cmocka_unit_test(rare_lateness_is_borne_and_frequent_is_waited_for),
		cmocka_unit_test(a_saving_up_must_be_of_two_milliseconds),
		cmocka_unit_test(a_way_that_becomes_longer_is_no_lateness_after_ten_seconds),
		cmocka_unit_test(before_the_first_packet_nothing_is_known),
		cmocka_unit_test(a_clock_that_begins_anew_forgets_transits_and_keeps_lateness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
