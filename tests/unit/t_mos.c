/* The E-model against values that are published: G.107's own default and its table of R and MOS, G.113's of codecs, what another
 * program makes of the same equations, and the approximation of their delay that is used most. */
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

static void another_program_comes_to_the_same_ratings(void **state)
{
	/* The tests of github.com/bgrewell/loom, core/quality/emodel, worked out term by term there. */
	static const struct { double delay_ms, loss, burst, r, mos; } table[] = {
		{0, 0, 1, 93.206208, 4.409406}, {100, 0, 1, 90.663730, 4.354920}, {150, 0, 1, 89.539132, 4.327546},
		{250, 0, 1, 79.177101, 3.992519}, {0, 0.01, 1, 89.566361, 4.328232}, {0, 0.05, 1, 77.425477, 3.923091},
		{0, 0.05, 2, 93.206208 - 17.210145, 0}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct mos_path p = path(CODEC_PCMU, table[i].loss, table[i].delay_ms);

		p.burst = table[i].burst;
		NEAR(mos_rating(&p), table[i].r, 2e-6);
		if (table[i].mos > 0)
			NEAR(mos_estimate(&p), table[i].mos, 2e-6);
	}
}

/* Cole and Rosenbluth, "Voice over IP performance monitoring", 2001: d is the way from mouth to ear. */
static void delay_costs_what_its_usual_approximation_says(void **state)
{
	for (double d = 0; d <= 300; d += 5)
		NEAR(rating(CODEC_PCMU, 0, 0) - rating(CODEC_PCMU, 0, d), 0.024 * d + (d > 177.3 ? 0.11 * (d - 177.3) : 0), 0.9);
}

/* G.113 appendix I, table I.4: "G.711, with PLC", random loss. */
static void g711_is_as_in_g113(void **state)
{
	assert_true(mos_codec(CODEC_PCMU).ie == 0 && mos_codec(CODEC_PCMU).bpl == 25.1);
	assert_true(mos_codec(CODEC_PCMA).ie == 0 && mos_codec(CODEC_PCMA).bpl == 25.1);
}

/* G.107.2: R = 148 - Ie, whose MOS is that of R / 1.48. */
static void opus_without_loss_rates_as_in_the_full_band_model(void **state)
{
	NEAR(rating(CODEC_OPUS, 0, 0), (148 - 10.2) / 1.48, 0.2);
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
		cmocka_unit_test(another_program_comes_to_the_same_ratings),
		cmocka_unit_test(delay_costs_what_its_usual_approximation_says),
		cmocka_unit_test(g711_is_as_in_g113),
		cmocka_unit_test(opus_without_loss_rates_as_in_the_full_band_model),
		cmocka_unit_test(bursts_cost_more_than_random_loss),
		cmocka_unit_test(what_fec_rebuilt_costs_little),
		cmocka_unit_test(a_calls_counters_are_rated_from_a_moment_on),
		cmocka_unit_test(what_the_peer_hears_follows_its_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
