/* The engine as a receiver: what it hears, what a peer can do to it, its reports, and that it allocates nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine_rig.h"

/* ---- no allocation once it runs: every malloc of the process is counted ---- */

#if !defined(__SANITIZE_ADDRESS__)
static unsigned long allocations;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n) { allocations++; return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { allocations++; return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { allocations++; return __libc_realloc(p, n); }
#endif

/* ---- receiving ---- */

static void other_payload_types_and_malformed_packets_are_bad(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	uint8_t junk[40] = {0x80, 96};

	rig_start(f);
	rig_hear(f, peer, 1, 1, 111);
	assert_int_equal(rig_stats(f).rx_bad, 1);
	assert_false(engine_rtp(f->e, junk, 5, f->now));
	assert_false(engine_rtp(f->e, junk, 12, f->now));		/* no payload */
	junk[0] = 0x40;
	assert_false(engine_rtp(f->e, junk, sizeof(junk), f->now));
	assert_int_equal(rig_stats(f).rx_bad, 4);
	assert_int_equal(rig_stats(f).first_heard_us, 0);
	encoder_free(peer);
}

static void what_the_peer_says_is_heard_and_measured(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	rig_start(f);
	rig_run(f, 100000);
	rig_hear_for(f, peer, 1, 65530, 100);				/* the numbers wrap */
	assert_true(rig_stats(f).first_heard_us > START && rig_stats(f).first_heard_us < START + 400000);
	assert_int_equal(rig_stats(f).first_rx_us, START + 100000);
	assert_int_equal(rig_stats(f).rx_packets, 100);
	assert_int_equal(rig_stats(f).rx_lost + rig_stats(f).rx_bad, 0);
	assert_true(rig_stats(f).rx_level_db > -60);
	assert_true(fake_rms(f->out.pcm + AUDIO_RATE, AUDIO_RATE) > 50);
	assert_int_equal(f->out.overruns, 0);
	encoder_free(peer);
}

static void two_sources_in_turn_do_not_thrash_the_buffer(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	rig_start(f);
	rig_hear_for(f, peer, 1, 100, 60);
	for (int i = 0; i < 100; i++) {
		rig_hear(f, peer, 2, (uint16_t)(9000 + i), 96);
		rig_hear(f, peer, 1, (uint16_t)(160 + i), 96);
		rig_run(f, FRAME_US);
	}
	assert_in_range(rig_stats(f).rx_bad, 95, 105);			/* one of each pair */
	assert_true(rig_stats(f).concealed_ms < 400);
	encoder_free(peer);
}

static void without_an_output_packets_are_played_to_nowhere(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	f->no_out = TRUE;
	rig_start(f);
	rig_hear_for(f, peer, 1, 1, 250);
	assert_in_range(rig_stats(f).played_ms, 4800, 5020);
	assert_true(rig_stats(f).buffer_ms < 100);
	assert_true(rig_stats(f).concealed_ms < 100);
	assert_true(rig_stats(f).rx_level_db > -127);
	assert_true(f->ticks <= 55 * 5);
	encoder_free(peer);
}

static void an_output_that_goes_away_is_told_and_the_call_goes_on(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	GError *fault = NULL;

	f->out.ends_us = START + 500000;
	rig_start(f);
	rig_hear_for(f, peer, 1, 1, 20);
	assert_false(engine_out_ended(f->e, &fault));
	rig_hear_for(f, peer, 1, 21, 30);
	assert_true(engine_out_ended(f->e, &fault));
	assert_null(fault);
	assert_true(rig_stats(f).played_ms > 900);
	assert_in_range(f->rtps, 49, 50);
	encoder_free(peer);
}

/* ---- reports ---- */

static void of_a_line_that_is_silent_now_there_is_no_rating_now(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	rig_start(f);
	assert_true(rig_stats(f).mos_now == 0 && rig_stats(f).mos == 0);
	rig_hear_for(f, peer, 1, 1, 250);
	assert_true(rig_stats(f).mos_now > 4);
	rig_run(f, 16 * S);
	assert_true(rig_stats(f).mos_now == 0 && rig_stats(f).mos > 4);
	rig_hear_for(f, peer, 1, 251, 50);
	assert_true(rig_stats(f).mos_now > 4);
	encoder_free(peer);
}

static void goodbye_is_said_once_and_nothing_after_it(void **state)
{
	struct rig *f = *state;
	unsigned packets, reports;

	rig_start(f);
	rig_run(f, S);
	packets = f->rtps;
	reports = f->rtcps;
	engine_bye(f->e, f->now);
	engine_bye(f->e, f->now);
	assert_int_equal(f->rtcps, reports + 1);
	assert_int_equal(f->last_rtcp[f->last_rtcp_len - 7], 203);
	assert_true(engine_deadline(f->e) == G_MAXINT64);
	engine_tick(f->e, f->now + S);
	assert_int_equal(f->rtps, packets);
	assert_int_equal(f->rtcps, reports + 1);
}

static void the_peers_goodbye_is_noticed(void **state)
{
	static const uint8_t bye[] = {0x81, 203, 0, 1, 0, 0, 0, 1};
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	rig_start(f);
	assert_true(engine_rtcp(f->e, bye, sizeof(bye), f->now));
	assert_false(engine_peer_left(f->e));				/* of whom? */
	rig_hear(f, peer, 1, 1, 96);
	assert_true(engine_rtcp(f->e, bye, sizeof(bye), f->now));
	assert_true(engine_peer_left(f->e));
	encoder_free(peer);
}

static void reported_loss_reaches_encoder_and_figures(void **state)
{
	struct rig *f = *state;
	uint8_t rr[32] = {0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0xab, 0xcd, 51};	/* 20 % of ours */
	struct decoder *d = decoder_new(CODEC_OPUS, NULL);
	gint16 pcm[CODEC_MAX_FRAME];
	unsigned with_fec = 0;

	f->params.bitrate_bps = 40000;
	rig_start(f);
	for (int i = 0; i < 100; i++) {
		engine_rtcp(f->e, rr, sizeof(rr), f->now);
		rig_run(f, FRAME_US);
		with_fec += i > 0 && decoder_fec(d, f->last_rtp + RTP_HEADER, f->last_rtp_len - RTP_HEADER, FRAME, pcm) > 0;
	}
	assert_true(with_fec > 20);
	assert_true(rig_stats(f).peer_loss > 0.19 && rig_stats(f).peer_loss < 0.21);
	decoder_free(d);
}

static void what_the_peer_can_take_bounds_what_is_sent(void **state)
{
	struct rig *f = *state;
	struct media_params params;

	rig_start(f);
	assert_int_equal(rig_stats(f).tx_target_bps, f->params.bitrate_bps);
	params = f->params;
	params.bitrate_bps = 20000;
	engine_params(f->e, &params);
	assert_int_equal(rig_stats(f).tx_target_bps, 20000);
	rig_run(f, 4 * S);
	assert_int_equal(rig_stats(f).tx_target_bps, 20000);
	assert_true(rig_stats(f).tx_bps > 0 && rig_stats(f).tx_bps < 25000);
}

static void nothing_is_allocated_while_it_runs(void **state)
{
#if defined(__SANITIZE_ADDRESS__)
	skip();
#else
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	unsigned long before;

	rig_start(f);
	rig_hear_for(f, peer, 1, 1, 50);
	before = allocations;
	for (int i = 0; i < 200; i++) {
		if (i % 7)
			rig_hear(f, peer, i < 150 ? 1 : 2, (uint16_t)(51 + i), 96);
		rig_run(f, FRAME_US);
	}
	assert_int_equal(allocations - before, 0);
	g_free(g_malloc(1));
	assert_true(allocations > before);				/* it does count */
	encoder_free(peer);
#endif
}

#define with(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(other_payload_types_and_malformed_packets_are_bad),
		with(what_the_peer_says_is_heard_and_measured),
		with(two_sources_in_turn_do_not_thrash_the_buffer),
		with(without_an_output_packets_are_played_to_nowhere),
		with(an_output_that_goes_away_is_told_and_the_call_goes_on),
		with(of_a_line_that_is_silent_now_there_is_no_rating_now),
		with(goodbye_is_said_once_and_nothing_after_it),
		with(the_peers_goodbye_is_noticed),
		with(reported_loss_reaches_encoder_and_figures),
		with(what_the_peer_can_take_bounds_what_is_sent),
		with(nothing_is_allocated_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
