#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "audio/ring.h"

static void write_run(struct ring *r, int16_t from, size_t n)
{
	int16_t pcm[64];

	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)(from + (int16_t)i);
	assert_int_equal(ring_write(r, pcm, n), n);
}

static void assert_reads_run(struct ring *r, int16_t from, size_t n)
{
	int16_t pcm[64] = {0};

	assert_int_equal(ring_read(r, pcm, n), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pcm[i], from + (int)i);
}

static void capacity_is_rounded_up_to_a_power_of_two(void **state)
{
	static const size_t asked[] = {1, 2, 3, 480, 512, 48000}, given[] = {1, 2, 4, 512, 512, 65536};

	for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
		struct ring *r = ring_new(asked[i]);

		assert_int_equal(ring_capacity(r), given[i]);
		assert_int_equal(ring_fill(r), 0);
		ring_free(r);
	}
	ring_free(NULL);
}

static void what_was_written_is_read_once_and_in_order(void **state)
{
	struct ring *r = ring_new(16);
	int16_t x;

	write_run(r, 1, 5);
	write_run(r, 6, 3);
	assert_int_equal(ring_fill(r), 8);
	assert_reads_run(r, 1, 7);
	assert_reads_run(r, 8, 1);
	assert_int_equal(ring_read(r, &x, 1), 0);
	ring_free(r);
}

static void a_full_ring_takes_what_fits_and_keeps_the_oldest(void **state)
{
	struct ring *r = ring_new(8);
	int16_t more[4] = {7, 8, 9, 10};

	write_run(r, 1, 6);
	assert_int_equal(ring_write(r, more, 4), 2);
	assert_int_equal(ring_write(r, more, 4), 0);
	assert_int_equal(ring_fill(r), 8);
	assert_reads_run(r, 1, 8);
	ring_free(r);
}

static void a_reader_gets_no_more_than_there_is(void **state)
{
	struct ring *r = ring_new(8);
	int16_t pcm[8] = {0};

	write_run(r, 1, 3);
	assert_int_equal(ring_read(r, pcm, 8), 3);
	assert_int_equal(pcm[2], 3);
	assert_int_equal(pcm[3], 0);
	ring_free(r);
}

static void samples_cross_the_end_of_the_memory_unharmed(void **state)
{
	struct ring *r = ring_new(8);

	for (int16_t i = 0; i < 1000; i = (int16_t)(i + 5)) {
		write_run(r, i, 5);
		assert_reads_run(r, i, 5);
	}
	ring_free(r);
}

static void skipping_drops_the_oldest_and_never_more_than_there_is(void **state)
{
	struct ring *r = ring_new(8);

	write_run(r, 1, 6);
	assert_int_equal(ring_skip(r, 4), 4);
	assert_reads_run(r, 5, 1);
	assert_int_equal(ring_skip(r, 100), 1);
	assert_int_equal(ring_fill(r), 0);
	ring_free(r);
}

/* ---- two threads ---- */

enum { TOTAL = 400000 };

static void *produce(void *arg)
{
	struct ring *r = arg;
	int16_t pcm[97];
	uint32_t next = 0;

	while (next < TOTAL) {
		size_t n = MIN(1 + next % G_N_ELEMENTS(pcm), TOTAL - next), done = 0;

		for (size_t i = 0; i < n; i++)
			pcm[i] = (int16_t)(uint16_t)(next + i);
		while (done < n) {
			size_t took = ring_write(r, pcm + done, n - done);

			done += took;
			if (!took)
				sched_yield();
		}
		next += (uint32_t)n;
	}
	return NULL;
}

static void two_threads_lose_and_double_nothing(void **state)
{
	struct ring *r = ring_new(256);
	pthread_t writer;
	uint32_t next = 0, wrong = 0, overfull = 0;

	assert_int_equal(pthread_create(&writer, NULL, produce, r), 0);
	while (next < TOTAL) {
		int16_t pcm[131];
		size_t n = ring_read(r, pcm, 1 + next % G_N_ELEMENTS(pcm));

		for (size_t i = 0; i < n; i++)
			wrong += pcm[i] != (int16_t)(uint16_t)(next + i);
		next += (uint32_t)n;
		overfull += ring_fill(r) > ring_capacity(r);
		if (!n)
			sched_yield();
	}
	pthread_join(writer, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(overfull, 0);
	assert_int_equal(next, TOTAL);
	assert_int_equal(ring_fill(r), 0);
	ring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity_is_rounded_up_to_a_power_of_two),
		cmocka_unit_test(what_was_written_is_read_once_and_in_order),
		cmocka_unit_test(a_full_ring_takes_what_fits_and_keeps_the_oldest),
		cmocka_unit_test(a_reader_gets_no_more_than_there_is),
		cmocka_unit_test(samples_cross_the_end_of_the_memory_unharmed),
		cmocka_unit_test(skipping_drops_the_oldest_and_never_more_than_there_is),
		cmocka_unit_test(two_threads_lose_and_double_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
