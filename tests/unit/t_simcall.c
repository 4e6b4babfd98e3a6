/* Whole calls in memory: two engines, a network between them, ends with clocks of their own, and time that is injected.
 * Juliet speaks, Romeo's ear is judged against what she said. Takes some seconds of CPU for some minutes of call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim.h"

enum { WINDOW = AUDIO_RATE / 10, NOWHERE = -AUDIO_RATE };
#define START SIM_START
#define S 1000000ll

struct call {
	struct sim_side juliet, romeo;
	struct media_params params;
	gint16 *speech;
	double seconds;
	guint32 seed;
	/* what was heard of it */
	double median_ms, p95_ms, end_ms;	/* mouth to ear */
	double bad;				/* share of the windows with speech that cannot be recognised */
	double weak;				/* share of them where it can, but is not whole */
	double mean;				/* correlation */
	struct media_stats stats;		/* of Romeo */
};

static struct call *call_new(double seconds)
{
	struct call *c = g_new0(struct call, 1);

	c->seconds = seconds;
	c->seed = 65500 + (4000u << 16);		/* the sequence number wraps in the first second */
	c->params = (struct media_params){.tx_pt = 111, .rx = {{111, CODEC_OPUS}}, .rx_count = 1, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 3,
					  .fec = true, .tx_ssrc = 0x1000, .cname = "sim"};
	for (struct sim_side *s = &c->juliet; s; s = s == &c->juliet ? &c->romeo : NULL) {
		s->net.delay_us = 20000;
		s->net.seed = 7;
		s->in.live = s->in.endless = TRUE;
		s->in.chunk = s->out.chunk = AUDIO_RATE / 100;
		s->out.room = (size_t)((seconds + 1) * AUDIO_RATE);
	}
	return c;
}

static void run_until(struct call *c, gint64 end)
{
	sim_run(&c->juliet, &c->romeo, end);
}

static void call_start(struct call *c)
{
	size_t n = (size_t)(c->seconds * AUDIO_RATE);

	c->speech = fake_speech(n, 11);
	c->juliet.in.pcm = c->speech;
	c->juliet.in.len = n;
	sim_open(&c->juliet, &c->params, c->seed);
	c->params.tx_ssrc = 0x2000;
	sim_open(&c->romeo, &c->params, c->seed);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Near where the last window was found first: voices repeat themselves from pitch to pitch. */
static double find(const struct call *c, size_t at, long near, long *lag)
{
	double match = near == NOWHERE ? 0 : fake_match(c->speech, c->juliet.in.len, c->romeo.out.pcm, at, WINDOW, near - 240, near + 240, lag);

	if (match > 0.9)
		return match;
	return fake_match(c->speech, c->juliet.in.len, c->romeo.out.pcm, at, WINDOW, -AUDIO_RATE / 4, AUDIO_RATE / 2, lag);
}

/* Mouth to ear, each by its own clock: when it was heard less when it was said. */
static double delay_ms(const struct call *c, size_t at, long lag)
{
	return (double)at / (AUDIO_RATE / 1000) / (1 + c->romeo.out.ppm * 1e-6) -
		((double)at - (double)lag) / (AUDIO_RATE / 1000) / (1 + c->juliet.in.ppm * 1e-6);
}

/* Compares, from the second second on, each 100 ms of what came out with what went in. */
static void judge(struct call *c)
{
	size_t n = MIN(c->juliet.in.taken, c->romeo.out.len), windows = 0, bad = 0, weak = 0, good = 0;
	double *delays = g_new(double, n / WINDOW + 1), sum = 0;
	long near = NOWHERE, lag;

	for (size_t at = 2 * AUDIO_RATE; at + 2 * WINDOW <= MIN(n, c->juliet.in.len); at += WINDOW) {
		double match;

		if (fake_rms(c->speech + (long)at - (near == NOWHERE ? 2000 : near), WINDOW) < 300)	/* nothing to be recognised by */
			continue;
		match = find(c, at, near, &lag);
		windows++;
		sum += match;
		bad += match < 0.5;
		weak += match < 0.8;
		if (match >= 0.9) {
			near = lag;
			c->end_ms = delays[good++] = delay_ms(c, at, lag);
		}
		if (getenv("SIM_TRACE"))
			print_message("%6.1f s  match %.2f  delay %5.1f ms\n", (double)at / AUDIO_RATE, match, delay_ms(c, at, lag));
	}
	assert_true(windows > 20 && good > 10);
	qsort(delays, good, sizeof(*delays), by_size);
	c->median_ms = delays[good / 2];
	c->p95_ms = delays[good * 95 / 100];
	c->bad = (double)bad / (double)windows;
	c->weak = (double)weak / (double)windows;
	c->mean = sum / (double)windows;
	g_free(delays);
}

static void call_end(struct call *c)
{
	run_until(c, START + (gint64)(c->seconds * 1e6));
	engine_stats(c->romeo.engine, &c->stats);
	judge(c);
	print_message("  mouth to ear %.1f ms, p95 %.1f, at the end %.1f; match %.3f, weak %.1f %%, bad %.1f %%;\n"
		      "  concealed %d ms, stretched %d ms, late %d, lost %d, fec %d; %.0f ticks/s\n", c->median_ms, c->p95_ms,
		      c->end_ms, c->mean, c->weak * 100, c->bad * 100, (int)c->stats.concealed_ms, (int)c->stats.stretched_ms,
		      (int)c->stats.rx_late, (int)c->stats.rx_lost, (int)c->stats.fec_frames, c->romeo.ticks / c->seconds);
	assert_int_equal(c->romeo.out.overruns, 0);
	assert_int_equal(c->juliet.out.overruns, 0);
}

static void call_free(struct call *c)
{
	for (struct sim_side *s = &c->juliet; s; s = s == &c->juliet ? &c->romeo : NULL) {
		sim_close(s);
	}
	g_free(c->speech);
	g_free(c);
}

static void a_minute_on_a_perfect_network_is_whole_and_early(void **state)
{
	struct call *c = call_new(60);

	call_start(c);
	call_end(c);
	/* 20 ms of network, 20 of frame, 6.5 of Opus */
	assert_true(c->median_ms > 30 && c->p95_ms < 50);
	assert_true(c->weak == 0 && c->mean > 0.95);
	assert_true(c->stats.concealed_ms <= 40);
	assert_int_equal(c->stats.rx_lost + c->stats.rx_late + c->stats.rx_bad, 0);
	assert_true(c->stats.rtt_ms > 39 && c->stats.rtt_ms < 41);
	assert_true(c->romeo.ticks / c->seconds < 102);
	assert_true(c->stats.mos > 4.35 && c->stats.mos_now > 4.35 && c->stats.peer_mos > 4.35);
	assert_true(c->stats.rx_bps > 20000 && c->stats.rx_bps < 40000 && c->stats.tx_bps > 1000);
	call_free(c);
}

static void files_on_both_ends_keep_every_sample(void **state)
{
	struct call *c = call_new(20);

	c->juliet.in.live = FALSE;
	c->juliet.in.chunk = c->romeo.out.chunk = 0;
	call_start(c);
	call_end(c);
	/* 60 ms are asked for through files. Here the network has 20, a frame 20, Opus 6.5; what else there is at first goes
	 * soon. */
	assert_true(c->bad == 0 && c->weak < 0.02 && c->p95_ms < 50);
	assert_true(c->romeo.ticks / c->seconds < 105);
	call_free(c);
}

static void five_percent_loss_is_repaired_by_fec_in_the_main(void **state)
{
	struct call *c = call_new(40);

	c->juliet.net.loss = 0.05;
	call_start(c);
	call_end(c);
	assert_in_range(c->stats.rx_lost, 60, 140);
	assert_true(c->stats.fec_frames * 2 > c->stats.rx_lost);
	assert_true(c->stats.mos > 3.6 && c->stats.mos < 4.35 && !c->stats.tx_fec);
	assert_true(c->bad < 0.02 && c->weak < 0.2 && c->p95_ms < 90);
	call_free(c);
}

static void jitter_costs_delay_but_not_sound(void **state)
{
	struct call *c = call_new(40);

	c->juliet.net.jitter_us = 40000;
	call_start(c);
	call_end(c);
	assert_true(c->median_ms < 110 && c->bad < 0.03 && c->mean > 0.88);
	assert_true(c->stats.concealed_ms < 800);
	call_free(c);
}

static void reordered_packets_are_put_right(void **state)
{
	struct call *c = call_new(30);

	c->juliet.net.reorder = 0.05;
	call_start(c);
	call_end(c);
	assert_true(c->juliet.net.swapped > 50);
	assert_int_equal(c->stats.rx_lost, 0);
	assert_true(c->bad < 0.02 && c->p95_ms < 100);
	call_free(c);
}

static void duplicates_change_nothing(void **state)
{
	struct call *c = call_new(15);

	c->juliet.net.duplicates = 0.5;
	call_start(c);
	call_end(c);
	assert_true(c->juliet.net.doubled > 300);
	assert_true(c->weak == 0 && c->p95_ms < 50);
	call_free(c);
}

/* Two good sound cards differ by less, a bad one from a good one by this much. */
static void clocks_200_ppm_apart_do_not_drift_away(void **state)
{
	struct call *c = call_new(60);

	c->juliet.in.ppm = 100;
	c->romeo.out.ppm = -100;
	call_start(c);
	call_end(c);
	assert_true(c->bad < 0.01 && c->weak < 0.03 && c->end_ms < 65);
	call_free(c);
}

/* Twenty times that, to see in half a minute what would take ten: 120 ms either way. */
static void a_fast_sender_piles_nothing_up(void **state)
{
	struct call *c = call_new(30);

	c->juliet.in.ppm = 4000;
	call_start(c);
	call_end(c);
	assert_true(c->bad < 0.02 && c->p95_ms < 80);
	call_free(c);
}

static void a_slow_sender_starves_nobody(void **state)
{
	struct call *c = call_new(30);

	c->juliet.in.ppm = -4000;
	call_start(c);
	call_end(c);
	assert_true(c->bad < 0.02 && c->p95_ms < 80);
	call_free(c);
}

/* The delay in the last third, when what happened in the first is long over. */
static void assert_recovered(struct call *c)
{
	call_end(c);
	assert_true(c->end_ms < 75);
	assert_true(c->bad < 0.05);
}

static void a_microphones_backlog_after_a_stall_is_not_kept_as_delay(void **state)
{
	struct call *c = call_new(15);

	c->juliet.frozen_from = START + 5 * S + 3000;
	c->juliet.frozen_until = c->juliet.frozen_from + 200000;
	call_start(c);
	assert_recovered(c);
	call_free(c);
}

static void a_file_loses_nothing_by_a_stall(void **state)
{
	struct call *c = call_new(15);
	struct media_stats sent;

	c->juliet.in.live = FALSE;
	c->juliet.frozen_from = START + 5 * S + 3000;
	c->juliet.frozen_until = c->juliet.frozen_from + 200000;
	call_start(c);
	call_end(c);
	engine_stats(c->juliet.engine, &sent);
	assert_in_range(sent.tx_packets, 748, 750);
	assert_int_equal(c->stats.rx_lost + c->stats.rx_late, 0);
	assert_true(c->bad < 0.05);
	call_free(c);
}

static void a_listener_that_stalls_catches_up(void **state)
{
	struct call *c = call_new(15);

	c->romeo.frozen_from = START + 5 * S + 3000;
	c->romeo.frozen_until = c->romeo.frozen_from + 200000;
	call_start(c);
	assert_recovered(c);
	call_free(c);
}

static void a_network_that_jams_for_200_ms_is_got_over(void **state)
{
	struct call *c = call_new(30);

	c->juliet.net.jam_from_us = START + 5 * S;
	c->juliet.net.jam_until_us = START + 5 * S + 200000;
	call_start(c);
	assert_recovered(c);
	call_free(c);
}

/* The peer's client starts its media anew: another SSRC, other numbers; nothing of it is lost but a moment. */
static void a_new_source_takes_over(void **state)
{
	struct call *c = call_new(20);

	call_start(c);
	run_until(c, START + 8 * S);
	c->params.tx_ssrc = 0x3000;
	sim_renew(&c->juliet, &c->params, 12345, START + 8 * S);
	call_end(c);
	assert_true(c->bad < 0.03 && c->p95_ms < 90 && c->end_ms < 60);
	assert_int_equal(c->stats.rx_bad, 0);
	assert_true(c->stats.concealed_ms < 200);
	call_free(c);
}

static void all_at_once_on_a_bad_wireless_network(void **state)
{
	struct call *c = call_new(40);

	c->juliet.net.jitter_us = 30000;
	c->juliet.net.loss = 0.02;
	c->juliet.net.reorder = 0.01;
	c->juliet.net.duplicates = 0.01;
	c->juliet.in.ppm = 100;
	c->juliet.net.jam_from_us = START + 15 * S;
	c->juliet.net.jam_until_us = START + 15 * S + 120000;
	call_start(c);
	call_end(c);
	assert_true(c->bad < 0.05 && c->median_ms < 120 && c->end_ms < 120);
	call_free(c);
}

/* 64 kbit/s that are too many for the line with their headers: they become fewer, and the queue that they made goes. */
static void a_narrow_line_is_sent_less(void **state)
{
	struct call *c = call_new(90);
	struct media_stats sent;
	guint lost;

	c->params.bitrate_bps = 64000;
	c->juliet.net.rate_bps = 64000;
	c->juliet.net.queue_us = 250000;
	call_start(c);
	run_until(c, START + 40 * S);
	lost = c->juliet.net.lost;
	call_end(c);
	engine_stats(c->juliet.engine, &sent);
	assert_in_range(sent.tx_target_bps, 24000, 50000);
	assert_true(c->median_ms < 100);	/* not at the end, when it may be trying for more again */
	assert_true(c->juliet.net.lost - lost < 50);		/* of 2500 */
	engine_stats(c->romeo.engine, &sent);
	assert_true(sent.tx_target_bps > 60000);		/* his line is wide, though her queue is in his round trips, too */
	call_free(c);
}

static void loss_at_random_does_not_lower_the_rate(void **state)
{
	struct call *c = call_new(60);
	struct media_stats sent;

	c->juliet.net.loss = 0.05;
	call_start(c);
	call_end(c);
	engine_stats(c->juliet.engine, &sent);
	assert_int_equal(sent.tx_target_bps, 32000);
	assert_true(sent.tx_fec && sent.peer_loss > 0.02 && sent.peer_loss < 0.09);
	call_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_on_a_perfect_network_is_whole_and_early),
		cmocka_unit_test(files_on_both_ends_keep_every_sample),
		cmocka_unit_test(five_percent_loss_is_repaired_by_fec_in_the_main),
		cmocka_unit_test(jitter_costs_delay_but_not_sound),
		cmocka_unit_test(reordered_packets_are_put_right),
		cmocka_unit_test(duplicates_change_nothing),
		cmocka_unit_test(clocks_200_ppm_apart_do_not_drift_away),
		cmocka_unit_test(a_fast_sender_piles_nothing_up),
		cmocka_unit_test(a_slow_sender_starves_nobody),
		cmocka_unit_test(a_microphones_backlog_after_a_stall_is_not_kept_as_delay),
		cmocka_unit_test(a_file_loses_nothing_by_a_stall),
		cmocka_unit_test(a_listener_that_stalls_catches_up),
		cmocka_unit_test(a_network_that_jams_for_200_ms_is_got_over),
		cmocka_unit_test(a_new_source_takes_over),
		cmocka_unit_test(all_at_once_on_a_bad_wireless_network),
		cmocka_unit_test(a_narrow_line_is_sent_less),
		cmocka_unit_test(loss_at_random_does_not_lower_the_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
