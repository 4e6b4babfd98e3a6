/* What we send by what is reported of it: scripted reports, and a narrow line in the small that answers to the rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "media/adapt.h"

#define S 1000000ll
enum { EVERY_MS = 2500, HEADERS_BPS = 22000 };	/* 56 bytes on each of 50 packets a second */

struct line {
	struct adapt a;
	int64_t now;
	double capacity_bps;		/* 0: endless */
	double base_ms, most_ms;	/* round trip without a queue; the longest queue */
	double queue_ms, loss;		/* LOSS: of packets that no queue dropped */
	double foreign_bps;		/* what others send by it */
	bool no_rtt;
	double seen_loss, low, high, sum;	/* of the rate, since watch() */
	int n;
};

static void watch(struct line *l)
{
	l->low = 1e9;
	l->high = l->sum = 0;
	l->n = 0;
}

static struct line line(unsigned most, double capacity)
{
	struct line l = {.now = 100 * S, .capacity_bps = capacity, .base_ms = 60, .most_ms = 250};

	adapt_init(&l.a, most);
	watch(&l);
	return l;
}

static void report(struct line *l)
{
	double load = l->a.bps + HEADERS_BPS + l->foreign_bps, over = 0;
	struct adapt_report r;

	if (l->capacity_bps > 0) {
		l->queue_ms += (load - l->capacity_bps) / l->capacity_bps * EVERY_MS;
		over = l->queue_ms - l->most_ms;
		l->queue_ms = fmin(fmax(l->queue_ms, 0), l->most_ms);
		over = over > 0 ? over / EVERY_MS * l->capacity_bps / load : 0;
	}
	l->now += EVERY_MS * 1000;
	l->seen_loss = 1 - (1 - over) * (1 - l->loss);
	r = (struct adapt_report){.loss = l->seen_loss, .rtt_ms = l->no_rtt ? -1 : l->base_ms + l->queue_ms,
				  .jitter_ms = 2 + l->queue_ms / 20};
	adapt_report(&l->a, &r, l->now);
	l->low = fmin(l->low, l->a.bps);
	l->high = fmax(l->high, l->a.bps);
	l->sum += l->a.bps;
	l->n++;
	if (getenv("ADAPT_TRACE"))
		print_message("%6.1f s  %5.0f bit/s  queue %3.0f ms  loss %4.1f %%\n", (double)(l->now - 100 * S) / S, l->a.bps,
			      l->queue_ms, l->seen_loss * 100);
}

static void run(struct line *l, double seconds)
{
	for (double t = 0; t < seconds; t += EVERY_MS / 1000.0)
		report(l);
}

static void nothing_changes_on_a_good_line(void **state)
{
	struct line l = line(32000, 0);

	run(&l, 600);
	assert_true(l.low == 32000 && l.high == 32000 && l.a.loss == 0);
	assert_int_equal(adapt_bps(&l.a), 32000);
}

static void a_bottleneck_of_64_kbit_is_found_without_collapse(void **state)
{
	struct line l = line(64000, 64000);
	double lost = 0;

	run(&l, 30);
	watch(&l);
	for (int i = 0; i < 200; i++) {
		report(&l);
		lost += l.seen_loss;
	}
	assert_true(l.low > 24000 && l.high < 52000);		/* the line has room for 42000 */
	assert_true(l.sum / l.n > 34000 && l.sum / l.n < 43000);
	assert_true(lost / 200 < 0.01);
}

/* It was full before the first report, so no report ever told of a round trip without it. */
static void a_queue_that_was_there_first_is_found_by_trying(void **state)
{
	struct line l = line(64000, 64000);

	l.queue_ms = l.most_ms;
	run(&l, 40);
	watch(&l);
	run(&l, 300);
	assert_true(l.low > 20000 && l.high < 52000 && l.sum / l.n > 32000);
}

static void a_line_for_less_than_the_least_gets_the_least(void **state)
{
	struct line l = line(32000, 30000);

	run(&l, 60);
	watch(&l);
	run(&l, 300);
	assert_true(l.low == ADAPT_LEAST_BPS && l.sum / l.n < 14000);
}

static void loss_at_random_leaves_the_rate_and_is_told_to_the_encoder(void **state)
{
	struct line l = line(32000, 0);
	int full = 0;

	l.loss = 0.10;
	for (int i = 0; i < 240; i++) {
		report(&l);
		full += l.a.bps == 32000;
	}
	assert_true(full > 225);				/* all but a few short trials */
	assert_true(l.low >= 0.69 * 32000);
	assert_true(fabs(l.a.loss - 0.10) < 0.001);
	l.loss = 0.03;
	watch(&l);
	run(&l, 60);
	assert_true(l.low == 32000 && fabs(l.a.loss - 0.03) < 0.001);
	l.loss = 0;
	run(&l, 60);
	assert_true(l.a.loss < 0.001);
}

static void a_round_trip_that_wavers_beside_some_loss_is_no_queue(void **state)
{
	struct line l = line(32000, 0);
	uint32_t random = 1;

	l.loss = 0.05;
	for (int i = 0; i < 240; i++) {
		random = random * 1664525u + 1013904223u;
		l.base_ms = 60 + (random >> 16) % 50;
		report(&l);
	}
	assert_true(l.low == 32000);
}

static void the_rate_is_back_within_forty_seconds_of_the_lines_return(void **state)
{
	struct line l = line(32000, 40000);

	run(&l, 60);
	assert_true(l.a.bps < 20000);
	l.capacity_bps = 0;
	l.queue_ms = 0;
	run(&l, 40);
	assert_int_equal(adapt_bps(&l.a), 32000);
}

static void somebody_elses_queue_is_left_to_him(void **state)
{
	struct line l = line(32000, 0);

	run(&l, 30);
	l.base_ms = 260;			/* 200 ms more, whatever we send */
	run(&l, 30);
	assert_true(l.low < 32000);		/* it was tried */
	run(&l, 30);
	watch(&l);
	run(&l, 120);
	assert_true(l.sum / l.n > 31000);
}

static void jitter_has_to_do_where_there_is_no_round_trip(void **state)
{
	struct line l = line(64000, 64000);

	l.no_rtt = true;
	l.most_ms = 600;
	run(&l, 60);
	watch(&l);
	run(&l, 300);
	assert_true(l.low > 18000 && l.high < 55000);
}

static void the_bound_is_kept_and_may_move(void **state)
{
	struct line l = line(32000, 0);

	adapt_most(&l.a, 20000);
	assert_int_equal(adapt_bps(&l.a), 20000);
	run(&l, 60);
	assert_true(l.high <= 20000);
	adapt_most(&l.a, 40000);			/* grown into */
	assert_int_equal(adapt_bps(&l.a), 32000);
	run(&l, 25);
	assert_int_equal(adapt_bps(&l.a), 40000);
	adapt_most(&l.a, 8000);			/* below the least: then that is all there is */
	l.capacity_bps = 20000;
	run(&l, 60);
	assert_int_equal(adapt_bps(&l.a), 8000);
}

static void reports_without_sense_do_no_harm(void **state)
{
	struct adapt a;
	struct adapt_report r[] = {{.loss = 7, .rtt_ms = 1e9, .jitter_ms = 1e9}, {.loss = -3, .rtt_ms = -1e9, .jitter_ms = -5},
				   {.loss = 0, .rtt_ms = 0, .jitter_ms = 0}};

	adapt_init(&a, 32000);
	for (int i = 0; i < 1000; i++) {	/* in one moment, and an hour apart */
		adapt_report(&a, &r[i % 3], i < 500 ? S : i * 3600 * S);
		assert_true(a.bps >= ADAPT_LEAST_BPS && a.bps <= 32000 && a.loss >= 0 && a.loss <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes_on_a_good_line),
		cmocka_unit_test(a_bottleneck_of_64_kbit_is_found_without_collapse),
		cmocka_unit_test(a_queue_that_was_there_first_is_found_by_trying),
		cmocka_unit_test(a_line_for_less_than_the_least_gets_the_least),
		cmocka_unit_test(loss_at_random_leaves_the_rate_and_is_told_to_the_encoder),
		cmocka_unit_test(a_round_trip_that_wavers_beside_some_loss_is_no_queue),
		cmocka_unit_test(the_rate_is_back_within_forty_seconds_of_the_lines_return),
		cmocka_unit_test(somebody_elses_queue_is_left_to_him),
		cmocka_unit_test(jitter_has_to_do_where_there_is_no_round_trip),
		cmocka_unit_test(the_bound_is_kept_and_may_move),
		cmocka_unit_test(reports_without_sense_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
