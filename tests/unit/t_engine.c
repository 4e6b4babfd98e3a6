/* The engine as a sender: what goes out when, and what it makes of the moods of its source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "err.h"

/* ---- before and at the start ---- */

static void before_the_start_nothing_is_touched_or_sent(void **state)
{
	struct rig *f = *state;

	rig_create(f);
	assert_true(engine_deadline(f->e) == G_MAXINT64);
	engine_tick(f->e, START + S);
	engine_mute(f->e, TRUE);
	engine_mute(f->e, FALSE);
	assert_int_equal(f->in.calls + f->in.starts + f->out.calls + f->out.starts, 0);
	assert_int_equal(f->rtps + f->rtcps, 0);
	engine_bye(f->e, START);
	assert_int_equal(f->rtps + f->rtcps, 0);
}

static void it_starts_both_ends_once_and_reports_at_once(void **state)
{
	struct rig *f = *state;

	rig_start(f);
	engine_start(f->e, f->now + 5000);
	assert_int_equal(f->in.starts, 1);
	assert_int_equal(f->out.starts, 1);
	assert_int_equal(f->rtcps, 1);
	assert_int_equal(f->rtps, 0);
}

static void packets_before_the_start_are_not_played(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	rig_create(f);
	rig_hear(f, peer, 1, 1, 96);
	assert_int_equal(rig_stats(f).rx_packets, 0);
	encoder_free(peer);
}

/* ---- sending ---- */

static void frames_go_out_in_order_and_on_time(void **state)
{
	struct rig *f = *state;

	rig_start(f);
	rig_run(f, 2 * S);
	assert_int_equal(f->rtps, 100);
	assert_int_equal(f->rtp[0].h.seq, 0x5678);
	for (unsigned i = 0; i < f->rtps; i++) {
		const struct rtp_header *h = &f->rtp[i].h;

		assert_int_equal(h->pt, 111);
		assert_int_equal(h->ssrc, 0xabcd);
		assert_int_equal(h->marker, i == 0);
		assert_int_equal((uint16_t)(h->seq - f->rtp[0].h.seq), i);
		assert_int_equal(h->ts - f->rtp[0].h.ts, i * FRAME);
		assert_in_range(f->rtp[i].at_us - START, (i + 1) * FRAME_US, (i + 1) * FRAME_US + 1500);
	}
	assert_int_equal(rig_stats(f).tx_packets, 100);
}

static void it_wakes_no_more_than_a_hundred_times_a_second(void **state)
{
	struct rig *f = *state;

	rig_start(f);
	rig_run(f, 10 * S);
	assert_true(f->ticks <= 1010);
	assert_in_range(f->rtcps, 3, 9);
}

static void a_microphone_waits_a_little_to_share_a_wake_up(void **state)
{
	struct rig *f = *state;

	f->in.chunk = f->out.chunk = AUDIO_RATE / 100;
	rig_start(f);
	f->out.start_us += 1000;			/* the loudspeaker's clock is that much behind */
	rig_run(f, 10 * S);
	assert_true(f->ticks <= 1010);
	assert_in_range(f->rtps, 499, 500);
}

static void mute_fades_to_silence_and_back(void **state)
{
	struct rig *f = *state;

	f->in.endless = FALSE;
	rig_start(f);
	rig_run(f, S);
	assert_true(rig_stats(f).tx_level_db > -40);
	engine_mute(f->e, TRUE);
	rig_run(f, 300000);
	assert_true(rig_stats(f).tx_level_db == -127);
	assert_int_equal(f->rtps, 65);					/* silence is sent */
	engine_mute(f->e, FALSE);
	rig_run(f, 500000);
	assert_true(rig_stats(f).tx_level_db > -60);
}

/* A tone that is cut off leaves a click behind; what comes out of the receiving fade shows the ramp itself. */
static void holding_fades_and_does_not_click(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	size_t cut, quiet;

	for (size_t i = 0; i < 4 * AUDIO_RATE; i++)
		f->speech[i] = i / 48 % 2 ? 8000 : -8000;
	rig_start(f);
	rig_hear_for(f, peer, 1, 1, 50);
	cut = f->out.len;
	engine_hold(f->e, TRUE, FALSE);
	rig_hear_for(f, peer, 1, 51, 5);
	quiet = cut + AUDIO_RATE / 200;
	assert_true(fake_rms(f->out.pcm + cut, 60) > 4 * fake_rms(f->out.pcm + quiet - 60, 60));
	assert_true(fake_rms(f->out.pcm + quiet - 120, 60) > 0);
	assert_true(fake_rms(f->out.pcm + quiet, 1000) == 0);
	encoder_free(peer);
}

static void on_hold_only_reports_go_out_and_time_goes_on(void **state)
{
	struct rig *f = *state;
	unsigned before, reports;

	rig_start(f);
	rig_run(f, S);
	before = f->rtps;
	reports = f->rtcps;
	engine_hold(f->e, FALSE, TRUE);
	rig_run(f, 8 * S);
	assert_int_equal(f->rtps, before);
	assert_true(f->rtcps >= reports + 2);
	assert_true(rig_stats(f).tx_level_db == -127);
	engine_hold(f->e, TRUE, TRUE);
	rig_run(f, 100000);
	assert_in_range(f->rtps, before + 5, before + 6);
	assert_true(f->rtp[before].h.marker);
	assert_int_equal((uint16_t)(f->rtp[before].h.seq - f->rtp[before - 1].h.seq), 1);
	assert_in_range(f->rtp[before].h.ts - f->rtp[before - 1].h.ts, 400 * FRAME, 401 * FRAME);
}

static void a_side_that_does_not_receive_plays_silence(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	rig_start(f);
	engine_hold(f->e, TRUE, FALSE);
	rig_hear_for(f, peer, 1, 1, 50);
	assert_true(fake_rms(f->out.pcm + AUDIO_RATE / 10, f->out.len - AUDIO_RATE / 10) == 0);
	assert_int_equal(rig_stats(f).first_heard_us, 0);
	assert_int_equal(rig_stats(f).rx_packets, 50);
	engine_hold(f->e, TRUE, TRUE);
	rig_hear_for(f, peer, 1, 51, 50);
	assert_true(fake_rms(f->out.pcm + AUDIO_RATE, f->out.len - AUDIO_RATE) > 50);
	encoder_free(peer);
}

static void silence_under_dtx_is_left_out_and_speech_after_it_marked(void **state)
{
	struct rig *f = *state;
	unsigned gaps = 0;

	f->params.dtx = true;
	memset(f->speech, 0, 3 * AUDIO_RATE * sizeof(*f->speech));
	rig_start(f);
	rig_run(f, 4 * S);
	assert_true(f->rtps < 130);
	for (unsigned i = 1; i < f->rtps; i++) {
		uint32_t step_ts = f->rtp[i].h.ts - f->rtp[i - 1].h.ts;

		assert_int_equal((uint16_t)(f->rtp[i].h.seq - f->rtp[i - 1].h.seq), 1);
		assert_int_equal(f->rtp[i].h.marker, step_ts > FRAME);
		gaps += step_ts > FRAME;
		assert_int_equal(f->rtp[i].h.ts - f->rtp[0].h.ts,
				 (uint32_t)((f->rtp[i].at_us - f->rtp[0].at_us + 1500) / FRAME_US * FRAME));
	}
	assert_true(gaps > 0);
}

static void a_device_that_piled_up_loses_the_oldest_and_keeps_time(void **state)
{
	struct rig *f = *state;
	unsigned before;

	rig_start(f);
	rig_run(f, S);
	before = f->rtps;
	f->now += 200000;				/* nobody ticked for 200 ms */
	engine_tick(f->e, f->now);
	assert_int_equal(f->rtps, before + 1);
	assert_in_range((f->rtp[before].h.ts - f->rtp[before - 1].h.ts) / 48, 195, 205);
	rig_run(f, S);
	assert_in_range(f->rtps, before + 50, before + 52);
}

static void a_short_hiccup_of_a_device_loses_nothing(void **state)
{
	struct rig *f = *state;

	f->params.ptime_ms = 10;
	rig_start(f);
	rig_run(f, S);
	f->now += 55000;
	rig_run(f, S - 55000);
	assert_in_range(f->rtps, 198, 200);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_int_equal(f->rtp[i].h.ts - f->rtp[i - 1].h.ts, FRAME / 2);
}

static void a_file_that_piled_up_is_sent_whole(void **state)
{
	struct rig *f = *state;

	f->in.live = FALSE;
	rig_start(f);
	rig_run(f, S);
	f->now += 200000;
	rig_run(f, 800000);
	assert_int_equal(f->rtps, 100);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_int_equal(f->rtp[i].h.ts - f->rtp[i - 1].h.ts, FRAME);
}

/* A stop of 8 s: the file goes on from where it was, a frame each 20 ms, and the stream's time has gone on as the clock has. */
static void after_a_stop_a_source_goes_on_from_where_it_was_and_nothing_comes_in_a_rush(void **state)
{
	struct rig *f = *state;
	unsigned before;

	f->in.live = FALSE;
	rig_start(f);
	rig_run(f, S);
	before = f->rtps;
	f->now += 8 * S;
	engine_wake(f->e, 8 * S, 0, f->now);
	rig_run(f, S);
	assert_in_range(f->rtps - before, 49, 52);
	assert_int_equal(f->in.starts, 2);				/* by which it goes on */
	assert_in_range(f->in.taken, 49 * FRAME, 52 * FRAME);
	assert_int_equal((uint16_t)(f->rtp[before].h.seq - f->rtp[before - 1].h.seq), 1);
	assert_true(f->rtp[before].h.marker);
	assert_in_range((f->rtp[before].h.ts - f->rtp[before - 1].h.ts) / 48, 7980, 8040);
	assert_in_range((f->rtp[f->rtps - 1].h.ts - f->rtp[0].h.ts) / 48, 9940, 10020);
}

/* Of 8 s the socket kept 5, which come at once; what comes after them is played with no more delay than before. */
static void what_came_during_a_stop_is_passed_over_and_the_delay_is_as_before(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	double before;

	rig_start(f);
	rig_hear_for(f, peer, 1, 1, 150);
	before = rig_stats(f).buffer_ms;
	f->now += 8 * S;
	engine_wake(f->e, 8 * S, 0, f->now);
	for (uint16_t i = 0; i < 250; i++)
		rig_hear(f, peer, 1, (uint16_t)(151 + i), 96);
	rig_hear_for(f, peer, 1, 551, 50);
	assert_true(rig_stats(f).buffer_ms < before + 20);
	assert_int_equal(rig_stats(f).rx_packets, 150 + 250 + 50);
	encoder_free(peer);
}

static void an_ended_source_is_told_after_its_last_frame_and_silence_follows(void **state)
{
	struct rig *f = *state;
	GError *fault = NULL;

	f->in.endless = FALSE;
	f->in.len = 10 * FRAME + 100;
	rig_start(f);
	rig_run(f, 215000);
	assert_int_equal(f->rtps, 10);
	assert_false(engine_in_ended(f->e, &fault));
	rig_run(f, 10000);
	assert_int_equal(f->rtps, 11);					/* filled up with silence */
	assert_true(engine_in_ended(f->e, &fault));
	assert_null(fault);
	rig_run(f, 775000);
	assert_in_range(f->rtps, 49, 50);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_in_range(f->rtp[i].at_us - f->rtp[i - 1].at_us, FRAME_US - 2000, FRAME_US + 2000);
}

static void a_broken_source_hands_over_its_reason_once(void **state)
{
	struct rig *f = *state;
	GError *fault = NULL;

	f->in.endless = FALSE;
	f->in.len = FRAME;
	f->in.fault = g_error_new(JC_ERROR, JC_FILE, "it broke");
	rig_start(f);
	rig_run(f, 100000);
	assert_true(engine_in_ended(f->e, &fault));
	assert_non_null(fault);
	g_clear_error(&fault);
	assert_true(engine_in_ended(f->e, &fault));
	assert_null(fault);
}

static void without_a_source_silence_is_sent_and_a_stall_makes_no_burst(void **state)
{
	struct rig *f = *state;
	unsigned before;

	f->no_in = TRUE;
	rig_start(f);
	rig_run(f, S);
	assert_in_range(f->rtps, 50, 51);
	before = f->rtps;
	f->now += 60 * S;
	rig_run(f, 100000);
	assert_in_range(f->rtps - before, 1, 7);
	assert_in_range((f->rtp[f->rtps - 1].h.ts - f->rtp[0].h.ts) / 48, 61050, 61110);
}

static void another_source_goes_on_in_the_same_stream(void **state)
{
	struct rig *f = *state;
	struct fake_in next = {.pcm = f->speech, .len = 4 * AUDIO_RATE};
	GError *fault = NULL;

	fake_in_init(&next);
	f->in.endless = FALSE;
	f->in.len = 25 * FRAME;
	rig_start(f);
	rig_run(f, 30 * S);
	assert_true(engine_in_ended(f->e, &fault));
	engine_set_in(f->e, &next.end, f->now);
	assert_int_equal(next.starts, 1);
	assert_false(engine_in_ended(f->e, &fault));
	rig_run(f, 5 * S);
	assert_true(engine_in_ended(f->e, &fault));			/* and its end makes no burst either */
	assert_in_range(f->rtps, 1745, 1752);
	engine_set_in(f->e, NULL, f->now);
	rig_run(f, S);
	assert_in_range(f->rtps, 1795, 1802);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_int_equal((uint16_t)(f->rtp[i].h.seq - f->rtp[i - 1].h.seq), 1);
}

static void another_output_gets_what_comes_from_then_on_and_the_jitter_buffer_goes_on(void **state)
{
	struct rig *f = *state;
	struct fake_out next = {.room = 10 * AUDIO_RATE};
	struct encoder *encoder = encoder_new(&f->params, NULL);
	size_t before;

	fake_out_init(&next);
	rig_start(f);
	rig_hear_for(f, encoder, 7, 100, 100);
	before = f->out.len;
	engine_set_out(f->e, &next.end, f->now);
	assert_int_equal(next.starts, 1);
	rig_hear_for(f, encoder, 7, 200, 100);
	assert_int_equal(f->out.len, before);
	assert_in_range(next.len, 2 * AUDIO_RATE - 2 * FRAME, 2 * AUDIO_RATE + FRAME);
	assert_int_equal(rig_stats(f).concealed_ms, 0);
	assert_true(fake_rms(next.pcm, FRAME) > 0 || fake_rms(next.pcm, next.len) > 100);
	engine_set_out(f->e, NULL, f->now);
	rig_hear_for(f, encoder, 7, 300, 50);
	assert_in_range(rig_stats(f).rx_packets, 250, 250);
	fake_out_clear(&next);
	encoder_free(encoder);
}

/* audio.h: to a patient end 60 ms of delay are less harm than a change of its sound. */
static void each_output_gets_the_patience_it_asks_for(void **state)
{
	static const gboolean patient[] = {FALSE, TRUE};
	gint64 heard_us[2];

	for (size_t i = 0; i < G_N_ELEMENTS(patient); i++) {
		struct rig *f;
		struct fake_out next = {.room = 10 * AUDIO_RATE};
		struct encoder *encoder;
		void *one = NULL;
		size_t at = 0;

		rig_setup(&one);
		f = one;
		fake_out_init(&next);
		next.end.patient = patient[i];
		rig_start(f);
		engine_set_out(f->e, &next.end, f->now);
		encoder = encoder_new(&f->params, NULL);
		rig_hear_for(f, encoder, 7, 100, 50);
		while (at < next.len && !next.pcm[at])
			at++;
		assert_true(at < next.len);
		heard_us[i] = (gint64)at * 1000000 / AUDIO_RATE;
		encoder_free(encoder);
		fake_out_clear(&next);
		rig_teardown(&one);
	}
	assert_in_range(heard_us[1] - heard_us[0], 50000, 80000);
}

static void the_end_of_an_output_is_told_until_there_is_another(void **state)
{
	struct rig *f = *state;
	struct fake_out next = {.room = 10 * AUDIO_RATE};
	GError *fault = NULL;

	fake_out_init(&next);
	f->out.ends_us = START + S;
	rig_start(f);
	rig_run(f, 2 * S);
	assert_true(engine_out_ended(f->e, &fault));
	engine_set_out(f->e, &next.end, f->now);
	assert_false(engine_out_ended(f->e, &fault));
	rig_run(f, S);
	assert_in_range(next.len, AUDIO_RATE - FRAME, AUDIO_RATE + FRAME);
	fake_out_clear(&next);
}

static void a_socket_that_takes_nothing_is_counted(void **state)
{
	struct rig *f = *state;

	f->blocked = TRUE;
	rig_start(f);
	rig_run(f, S);
	assert_int_equal(rig_stats(f).tx_packets, 0);
	assert_int_equal(rig_stats(f).tx_dropped, 50);
	f->blocked = FALSE;
	rig_run(f, 100000);
	assert_true(f->rtp[0].h.marker);
	assert_int_equal((uint16_t)(f->rtp[0].h.seq - 0x5678), 50);	/* the peer sees that they are lost */
}

static void ptime_may_change_in_a_call(void **state)
{
	struct rig *f = *state;

	rig_start(f);
	rig_run(f, S);
	f->params.ptime_ms = 60;
	engine_params(f->e, &f->params);
	rig_run(f, 1200000);
	assert_in_range(f->rtps, 69, 70);
	assert_int_equal(f->rtp[65].h.ts - f->rtp[64].h.ts, 3 * FRAME);
}

#define with(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(before_the_start_nothing_is_touched_or_sent),
		with(it_starts_both_ends_once_and_reports_at_once),
		with(packets_before_the_start_are_not_played),
		with(frames_go_out_in_order_and_on_time),
		with(it_wakes_no_more_than_a_hundred_times_a_second),
		with(a_microphone_waits_a_little_to_share_a_wake_up),
		with(mute_fades_to_silence_and_back),
		with(holding_fades_and_does_not_click),
		with(on_hold_only_reports_go_out_and_time_goes_on),
		with(a_side_that_does_not_receive_plays_silence),
		with(silence_under_dtx_is_left_out_and_speech_after_it_marked),
		with(a_device_that_piled_up_loses_the_oldest_and_keeps_time),
		with(a_short_hiccup_of_a_device_loses_nothing),
		with(a_file_that_piled_up_is_sent_whole),
		with(after_a_stop_a_source_goes_on_from_where_it_was_and_nothing_comes_in_a_rush),
		with(what_came_during_a_stop_is_passed_over_and_the_delay_is_as_before),
		with(an_ended_source_is_told_after_its_last_frame_and_silence_follows),
		with(a_broken_source_hands_over_its_reason_once),
		with(without_a_source_silence_is_sent_and_a_stall_makes_no_burst),
		with(another_source_goes_on_in_the_same_stream),
		with(another_output_gets_what_comes_from_then_on_and_the_jitter_buffer_goes_on),
		cmocka_unit_test(each_output_gets_the_patience_it_asks_for),
		with(the_end_of_an_output_is_told_until_there_is_another),
		with(a_socket_that_takes_nothing_is_counted),
		with(ptime_may_change_in_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
