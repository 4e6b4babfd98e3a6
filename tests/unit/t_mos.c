/* The E-model against values that are published: G.107's own default and its table of R and MOS, G.108's and G.114's delay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "media/mos.h"

static struct mos_path path(enum media_codec codec, double loss, double delay_ms)
{
	return (struct mos_path){.codec = codec, .loss = loss, .burst = 1, .delay_ms = delay_ms};
}

static double rating(enum media_codec codec, double loss, double delay_ms)
{
	struct mos_path p = path(codec, loss, delay_ms);

	return mos_rating(&p);
}

#define NEAR(a, b, by) do { double a_ = (a); if (fabs(a_ - (b)) > (by)) { print_message("%f is not %f\n", a_, (double)(b)); fail(); } } while (0)

static void the_defaults_rate_93_2_and_a_mos_of_4_41(void **state)
{
	NEAR(rating(CODEC_PCMA, 0, 0), 93.2, 0.05);
	NEAR(mos_cqe(93.2), 4.41, 0.005);
}

/* G.107 table B.1: the bounds of its five classes. */
static void ratings_become_opinions_as_in_annex_b(void **state)
{
	NEAR(mos_cqe(90), 4.34, 0.007);
	NEAR(mos_cqe(80), 4.03, 0.007);
	NEAR(mos_cqe(70), 3.60, 0.007);
	NEAR(mos_cqe(60), 3.10, 0.007);
	NEAR(mos_cqe(50), 2.58, 0.007);
	assert_true(mos_cqe(100) == 4.5 && mos_cqe(140) == 4.5);
	assert_true(mos_cqe(0) == 1 && mos_cqe(-30) == 1 && mos_cqe(3) == 1);
}

static void more_delay_never_rates_higher(void **state)
{
	double last = 100;

	for (double ms = 0; ms <= 2000; ms += 10) {
		double r = rating(CODEC_OPUS, 0, ms);

		assert_true(r <= last + 1e-9);
		last = r;
	}
	assert_true(rating(CODEC_OPUS, 0, 100) > 90);			/* G.114: below 150 ms nearly nothing */
	assert_true(rating(CODEC_OPUS, 0, 400) < 75 && rating(CODEC_OPUS, 0, 400) > 50);
	assert_true(rating(CODEC_OPUS, 0, -1) == rating(CODEC_OPUS, 0, 0));
}

static void more_loss_never_rates_higher(void **state)
{
	static const enum media_codec codecs[] = {CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA};

	for (size_t i = 0; i < 4; i++) {
		double last = 100;

		for (double loss = 0; loss <= 1.2; loss += 0.005) {
			double r = rating(codecs[i], loss, 50);

			assert_true(r <= last + 1e-9);
			last = r;
		}
	}
}

/* Ie,eff = 95 * 5 / (5 + 25.1) by G.113's value for G.711 with concealment. */
static void loss_costs_what_the_robustness_of_the_codec_says(void **state)
{
	NEAR(rating(CODEC_PCMU, 0, 20) - rating(CODEC_PCMU, 0.05, 20), 15.78, 0.01);
	assert_true(rating(CODEC_OPUS, 0.05, 20) < rating(CODEC_PCMU, 0.05, 20));
}

static void bursts_cost_more_than_random_loss(void **state)
{
	struct mos_path p = path(CODEC_PCMA, 0.05, 50);
	double random = mos_rating(&p), bursts;

	p.burst = 3;
	bursts = mos_rating(&p);
	assert_true(bursts < random);
	p.burst = 0;
	assert_true(mos_rating(&p) == random);
}

static void what_fec_rebuilt_costs_little(void **state)
{
	struct mos_path p = path(CODEC_OPUS, 0.10, 50);
	double all = mos_estimate(&p), clean;

	p.rebuilt = 0.09;
	assert_true(mos_estimate(&p) > all + 0.8);
	p.loss = p.rebuilt = 0;
	clean = mos_estimate(&p);
	p.loss = p.rebuilt = 0.05;
	assert_true(mos_estimate(&p) < clean && mos_estimate(&p) > clean - 0.2);
}

static void a_calls_counters_are_rated_from_a_moment_on(void **state)
{
	struct media_stats before = {.rx_packets = 1000, .rx_lost = 500, .rtt_ms = 40, .buffer_ms = 20}, now = before;
	double bad = mos_here(&now, NULL, CODEC_OPUS, 20);

	now.rx_packets += 500;
	assert_true(mos_here(&now, &before, CODEC_OPUS, 20) > 4.3 && bad < 2);
	now.rx_late += 50;
	assert_true(mos_here(&now, &before, CODEC_OPUS, 20) < 3.5);
	now.fec_frames += 50;
	assert_true(mos_here(&now, &before, CODEC_OPUS, 20) > 4.1);
}

static void what_the_peer_hears_follows_its_reports(void **state)
{
	struct media_stats s = {.rtt_ms = -1, .buffer_ms = 20};
	double clean = mos_there(&s, CODEC_OPUS, 20), lossy;

	s.peer_loss = 0.1;
	lossy = mos_there(&s, CODEC_OPUS, 20);
	s.tx_fec = true;
	assert_true(clean > 4.3 && lossy < 3.2 && mos_there(&s, CODEC_OPUS, 20) > lossy + 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_rate_93_2_and_a_mos_of_4_41),
		cmocka_unit_test(ratings_become_opinions_as_in_annex_b),
		cmocka_unit_test(more_delay_never_rates_higher),
		cmocka_unit_test(more_loss_never_rates_higher),
		cmocka_unit_test(loss_costs_what_the_robustness_of_the_codec_says),
		cmocka_unit_test(bursts_cost_more_than_random_loss),
		cmocka_unit_test(what_fec_rebuilt_costs_little),
		cmocka_unit_test(a_calls_counters_are_rated_from_a_moment_on),
		cmocka_unit_test(what_the_peer_hears_follows_its_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
