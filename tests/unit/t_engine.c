/* The engine at its edges: what it sends when, what it makes of each end's moods, and what a peer can do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "err.h"
#include "fake_audio.h"
#include "media/codec.h"
#include "media/engine.h"
#include "media/rtp.h"

enum { FRAME = AUDIO_RATE / 50, FRAME_US = 20000, KEPT = 2000 };
#define START 7000000ll
#define S 1000000ll

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

struct packet {
	struct rtp_header h;
	size_t len;
	gint64 at_us;
};

struct fixture {
	struct media_params params;
	struct fake_in in;
	struct fake_out out;
	gboolean no_in, no_out, blocked;
	struct engine *e;
	gint64 now;
	gint16 *speech;
	/* what it sent */
	struct packet rtp[KEPT];
	unsigned rtps, rtcps, ticks;
	uint8_t last_rtcp[256], last_rtp[1500];
	size_t last_rtcp_len, last_rtp_len;
	gint64 first_rtcp_us;
};

static gboolean got_rtp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct fixture *f = self;
	const uint8_t *payload;
	size_t payload_len;

	assert_true(cap >= len + 32);
	assert_true(f->rtps < KEPT);
	if (f->blocked)
		return FALSE;
	assert_true(rtp_read(pkt, len, &f->rtp[f->rtps].h, &payload, &payload_len));
	memcpy(f->last_rtp, pkt, len);
	f->last_rtp_len = len;
	f->rtp[f->rtps].len = len;
	f->rtp[f->rtps++].at_us = f->now;
	return TRUE;
}

static gboolean got_rtcp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct fixture *f = self;

	assert_true(cap >= len + 32);
	assert_true(len <= sizeof(f->last_rtcp));
	memcpy(f->last_rtcp, pkt, len);
	f->last_rtcp_len = len;
	if (!f->rtcps++)
		f->first_rtcp_us = f->now;
	return TRUE;
}

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->params = (struct media_params){.tx_pt = 111, .rx_pt = 96, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 0,
					  .fec = true, .tx_ssrc = 0xabcd, .cname = "name"};
	f->speech = fake_speech(4 * AUDIO_RATE, 5);
	f->in = (struct fake_in){.pcm = f->speech, .len = 4 * AUDIO_RATE, .endless = TRUE, .live = TRUE};
	f->out.room = 20 * AUDIO_RATE;
	f->now = START;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	engine_free(f->e);
	fake_out_clear(&f->out);
	g_free(f->speech);
	g_free(f);
	return 0;
}

static void create(struct fixture *f)
{
	struct media_out net = {.rtp = got_rtp, .rtcp = got_rtcp, .self = f};

	fake_in_init(&f->in);
	fake_out_init(&f->out);
	f->e = engine_new(&f->params, f->no_in ? NULL : &f->in.end, f->no_out ? NULL : &f->out.end, &net, 0x12345678, NULL);
	assert_non_null(f->e);
}

static void start(struct fixture *f)
{
	create(f);
	engine_start(f->e, f->now);
}

static void run(struct fixture *f, gint64 us)
{
	gint64 end = f->now + us;

	while (engine_deadline(f->e) <= end) {
		f->now = MAX(f->now, engine_deadline(f->e));
		engine_tick(f->e, f->now);
		assert_true(engine_deadline(f->e) > f->now);		/* it never spins */
		f->ticks++;
	}
	f->now = end;
}

static struct media_stats stats(struct fixture *f)
{
	struct media_stats s;

	engine_stats(f->e, &s);
	return s;
}

/* A packet of the peer: speech of another encoder. */
static void hear(struct fixture *f, struct encoder *e, uint32_t ssrc, uint16_t seq, uint8_t pt)
{
	uint8_t pkt[RTP_HEADER + CODEC_MAX_PAYLOAD];
	struct rtp_header h = {.pt = pt, .seq = seq, .ts = (uint32_t)seq * FRAME, .ssrc = ssrc};
	int len = encoder_encode(e, f->speech + (seq % 150) * FRAME, FRAME, pkt + RTP_HEADER, CODEC_MAX_PAYLOAD);

	rtp_write(pkt, &h);
	engine_rtp(f->e, pkt, RTP_HEADER + (size_t)len, f->now);
}

static void hear_for(struct fixture *f, struct encoder *e, uint32_t ssrc, uint16_t seq, int packets)
{
	for (int i = 0; i < packets; i++) {
		hear(f, e, ssrc, (uint16_t)(seq + i), 96);
		run(f, FRAME_US);
	}
}

/* ---- before and at the start ---- */

static void before_the_start_nothing_is_touched_or_sent(void **state)
{
	struct fixture *f = *state;

	create(f);
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
	struct fixture *f = *state;

	start(f);
	engine_start(f->e, f->now + 5000);
	assert_int_equal(f->in.starts, 1);
	assert_int_equal(f->out.starts, 1);
	assert_int_equal(f->rtcps, 1);
	assert_int_equal(f->rtps, 0);
}

static void packets_before_the_start_are_not_played(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	create(f);
	hear(f, peer, 1, 1, 96);
	assert_int_equal(stats(f).rx_packets, 0);
	encoder_free(peer);
}

/* ---- sending ---- */

static void frames_go_out_in_order_and_on_time(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f, 2 * S);
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
	assert_int_equal(stats(f).tx_packets, 100);
}

static void it_wakes_no_more_than_a_hundred_times_a_second(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f, 10 * S);
	assert_true(f->ticks <= 1010);
	assert_in_range(f->rtcps, 3, 9);
}

static void a_microphone_waits_a_little_to_share_a_wake_up(void **state)
{
	struct fixture *f = *state;

	f->in.chunk = f->out.chunk = AUDIO_RATE / 100;
	start(f);
	f->out.start_us += 1000;			/* the loudspeaker's clock is that much behind */
	run(f, 10 * S);
	assert_true(f->ticks <= 1010);
	assert_in_range(f->rtps, 499, 500);
}

static void mute_fades_to_silence_and_back(void **state)
{
	struct fixture *f = *state;

	f->in.endless = FALSE;
	start(f);
	run(f, S);
	assert_true(stats(f).tx_level_db > -40);
	engine_mute(f->e, TRUE);
	run(f, 300000);
	assert_true(stats(f).tx_level_db == -127);
	assert_int_equal(f->rtps, 65);					/* silence is sent */
	engine_mute(f->e, FALSE);
	run(f, 500000);
	assert_true(stats(f).tx_level_db > -60);
}

/* A tone that is cut off leaves a click behind; what comes out of the receiving fade shows the ramp itself. */
static void holding_fades_and_does_not_click(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	size_t cut, quiet;

	for (size_t i = 0; i < 4 * AUDIO_RATE; i++)
		f->speech[i] = i / 48 % 2 ? 8000 : -8000;
	start(f);
	hear_for(f, peer, 1, 1, 50);
	cut = f->out.len;
	engine_hold(f->e, TRUE, FALSE);
	hear_for(f, peer, 1, 51, 5);
	quiet = cut + AUDIO_RATE / 200;
	assert_true(fake_rms(f->out.pcm + cut, 60) > 4 * fake_rms(f->out.pcm + quiet - 60, 60));
	assert_true(fake_rms(f->out.pcm + quiet - 120, 60) > 0);
	assert_true(fake_rms(f->out.pcm + quiet, 1000) == 0);
	encoder_free(peer);
}

static void on_hold_only_reports_go_out_and_time_goes_on(void **state)
{
	struct fixture *f = *state;
	unsigned before, reports;

	start(f);
	run(f, S);
	before = f->rtps;
	reports = f->rtcps;
	engine_hold(f->e, FALSE, TRUE);
	run(f, 8 * S);
	assert_int_equal(f->rtps, before);
	assert_true(f->rtcps >= reports + 2);
	assert_true(stats(f).tx_level_db == -127);
	engine_hold(f->e, TRUE, TRUE);
	run(f, 100000);
	assert_in_range(f->rtps, before + 5, before + 6);
	assert_true(f->rtp[before].h.marker);
	assert_int_equal((uint16_t)(f->rtp[before].h.seq - f->rtp[before - 1].h.seq), 1);
	assert_in_range(f->rtp[before].h.ts - f->rtp[before - 1].h.ts, 400 * FRAME, 401 * FRAME);
}

static void a_side_that_does_not_receive_plays_silence(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	start(f);
	engine_hold(f->e, TRUE, FALSE);
	hear_for(f, peer, 1, 1, 50);
	assert_true(fake_rms(f->out.pcm + AUDIO_RATE / 10, f->out.len - AUDIO_RATE / 10) == 0);
	assert_int_equal(stats(f).first_heard_us, 0);
	assert_int_equal(stats(f).rx_packets, 50);
	engine_hold(f->e, TRUE, TRUE);
	hear_for(f, peer, 1, 51, 50);
	assert_true(fake_rms(f->out.pcm + AUDIO_RATE, f->out.len - AUDIO_RATE) > 50);
	encoder_free(peer);
}

static void silence_under_dtx_is_left_out_and_speech_after_it_marked(void **state)
{
	struct fixture *f = *state;
	unsigned gaps = 0;

	f->params.dtx = true;
	memset(f->speech, 0, 3 * AUDIO_RATE * sizeof(*f->speech));
	start(f);
	run(f, 4 * S);
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
	struct fixture *f = *state;
	unsigned before;

	start(f);
	run(f, S);
	before = f->rtps;
	f->now += 200000;				/* nobody ticked for 200 ms */
	engine_tick(f->e, f->now);
	assert_int_equal(f->rtps, before + 1);
	assert_in_range((f->rtp[before].h.ts - f->rtp[before - 1].h.ts) / 48, 195, 205);
	run(f, S);
	assert_in_range(f->rtps, before + 50, before + 52);
}

static void a_short_hiccup_of_a_device_loses_nothing(void **state)
{
	struct fixture *f = *state;

	f->params.ptime_ms = 10;
	start(f);
	run(f, S);
	f->now += 55000;
	run(f, S - 55000);
	assert_in_range(f->rtps, 198, 200);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_int_equal(f->rtp[i].h.ts - f->rtp[i - 1].h.ts, FRAME / 2);
}

static void a_file_that_piled_up_is_sent_whole(void **state)
{
	struct fixture *f = *state;

	f->in.live = FALSE;
	start(f);
	run(f, S);
	f->now += 200000;
	run(f, 800000);
	assert_int_equal(f->rtps, 100);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_int_equal(f->rtp[i].h.ts - f->rtp[i - 1].h.ts, FRAME);
}

static void an_ended_source_is_told_after_its_last_frame_and_silence_follows(void **state)
{
	struct fixture *f = *state;
	GError *fault = NULL;

	f->in.endless = FALSE;
	f->in.len = 10 * FRAME + 100;
	start(f);
	run(f, 215000);
	assert_int_equal(f->rtps, 10);
	assert_false(engine_in_ended(f->e, &fault));
	run(f, 10000);
	assert_int_equal(f->rtps, 11);					/* filled up with silence */
	assert_true(engine_in_ended(f->e, &fault));
	assert_null(fault);
	run(f, 775000);
	assert_in_range(f->rtps, 49, 50);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_in_range(f->rtp[i].at_us - f->rtp[i - 1].at_us, FRAME_US - 2000, FRAME_US + 2000);
}

static void a_broken_source_hands_over_its_reason_once(void **state)
{
	struct fixture *f = *state;
	GError *fault = NULL;

	f->in.endless = FALSE;
	f->in.len = FRAME;
	f->in.fault = g_error_new(JC_ERROR, JC_FILE, "it broke");
	start(f);
	run(f, 100000);
	assert_true(engine_in_ended(f->e, &fault));
	assert_non_null(fault);
	g_clear_error(&fault);
	assert_true(engine_in_ended(f->e, &fault));
	assert_null(fault);
}

static void without_a_source_silence_is_sent_and_a_stall_makes_no_burst(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	f->no_in = TRUE;
	start(f);
	run(f, S);
	assert_in_range(f->rtps, 50, 51);
	before = f->rtps;
	f->now += 60 * S;
	run(f, 100000);
	assert_in_range(f->rtps - before, 1, 7);
	assert_in_range((f->rtp[f->rtps - 1].h.ts - f->rtp[0].h.ts) / 48, 61050, 61110);
}

static void another_source_goes_on_in_the_same_stream(void **state)
{
	struct fixture *f = *state;
	struct fake_in next = {.pcm = f->speech, .len = 4 * AUDIO_RATE};
	GError *fault = NULL;

	fake_in_init(&next);
	f->in.endless = FALSE;
	f->in.len = 25 * FRAME;
	start(f);
	run(f, 30 * S);
	assert_true(engine_in_ended(f->e, &fault));
	engine_set_in(f->e, &next.end, f->now);
	assert_int_equal(next.starts, 1);
	assert_false(engine_in_ended(f->e, &fault));
	run(f, 5 * S);
	assert_true(engine_in_ended(f->e, &fault));			/* and its end makes no burst either */
	assert_in_range(f->rtps, 1745, 1752);
	engine_set_in(f->e, NULL, f->now);
	run(f, S);
	assert_in_range(f->rtps, 1795, 1802);
	for (unsigned i = 1; i < f->rtps; i++)
		assert_int_equal((uint16_t)(f->rtp[i].h.seq - f->rtp[i - 1].h.seq), 1);
}

static void a_socket_that_takes_nothing_is_counted(void **state)
{
	struct fixture *f = *state;

	f->blocked = TRUE;
	start(f);
	run(f, S);
	assert_int_equal(stats(f).tx_packets, 0);
	assert_int_equal(stats(f).tx_dropped, 50);
	f->blocked = FALSE;
	run(f, 100000);
	assert_true(f->rtp[0].h.marker);
	assert_int_equal((uint16_t)(f->rtp[0].h.seq - 0x5678), 50);	/* the peer sees that they are lost */
}

static void ptime_may_change_in_a_call(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f, S);
	f->params.ptime_ms = 60;
	engine_params(f->e, &f->params);
	run(f, 1200000);
	assert_in_range(f->rtps, 69, 70);
	assert_int_equal(f->rtp[65].h.ts - f->rtp[64].h.ts, 3 * FRAME);
}

/* ---- receiving ---- */

static void other_payload_types_and_malformed_packets_are_bad(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	uint8_t junk[40] = {0x80, 96};

	start(f);
	hear(f, peer, 1, 1, 111);
	assert_int_equal(stats(f).rx_bad, 1);
	assert_false(engine_rtp(f->e, junk, 5, f->now));
	assert_false(engine_rtp(f->e, junk, 12, f->now));		/* no payload */
	junk[0] = 0x40;
	assert_false(engine_rtp(f->e, junk, sizeof(junk), f->now));
	assert_int_equal(stats(f).rx_bad, 4);
	assert_int_equal(stats(f).first_heard_us, 0);
	encoder_free(peer);
}

static void what_the_peer_says_is_heard_and_measured(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	start(f);
	run(f, 100000);
	hear_for(f, peer, 1, 65530, 100);				/* the numbers wrap */
	assert_true(stats(f).first_heard_us > START && stats(f).first_heard_us < START + 400000);
	assert_int_equal(stats(f).first_rx_us, START + 100000);
	assert_int_equal(stats(f).rx_packets, 100);
	assert_int_equal(stats(f).rx_lost + stats(f).rx_bad, 0);
	assert_true(stats(f).rx_level_db > -60);
	assert_true(fake_rms(f->out.pcm + AUDIO_RATE, AUDIO_RATE) > 50);
	assert_int_equal(f->out.overruns, 0);
	encoder_free(peer);
}

static void two_sources_in_turn_do_not_thrash_the_buffer(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	start(f);
	hear_for(f, peer, 1, 100, 60);
	for (int i = 0; i < 100; i++) {
		hear(f, peer, 2, (uint16_t)(9000 + i), 96);
		hear(f, peer, 1, (uint16_t)(160 + i), 96);
		run(f, FRAME_US);
	}
	assert_in_range(stats(f).rx_bad, 95, 105);			/* one of each pair */
	assert_true(stats(f).concealed_ms < 400);
	encoder_free(peer);
}

static void without_an_output_packets_are_played_to_nowhere(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	f->no_out = TRUE;
	start(f);
	hear_for(f, peer, 1, 1, 250);
	assert_in_range(stats(f).played_ms, 4800, 5020);
	assert_true(stats(f).buffer_ms < 100);
	assert_true(stats(f).concealed_ms < 100);
	assert_true(stats(f).rx_level_db > -127);
	assert_true(f->ticks <= 55 * 5);
	encoder_free(peer);
}

static void an_output_that_goes_away_is_told_and_the_call_goes_on(void **state)
{
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	GError *fault = NULL;

	f->out.ends_us = START + 500000;
	start(f);
	hear_for(f, peer, 1, 1, 20);
	assert_false(engine_out_ended(f->e, &fault));
	hear_for(f, peer, 1, 21, 30);
	assert_true(engine_out_ended(f->e, &fault));
	assert_null(fault);
	assert_true(stats(f).played_ms > 900);
	assert_in_range(f->rtps, 49, 50);
	encoder_free(peer);
}

/* ---- reports ---- */

static void goodbye_is_said_once_and_nothing_after_it(void **state)
{
	struct fixture *f = *state;
	unsigned packets, reports;

	start(f);
	run(f, S);
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
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);

	start(f);
	assert_true(engine_rtcp(f->e, bye, sizeof(bye), f->now));
	assert_false(engine_peer_left(f->e));				/* of whom? */
	hear(f, peer, 1, 1, 96);
	assert_true(engine_rtcp(f->e, bye, sizeof(bye), f->now));
	assert_true(engine_peer_left(f->e));
	encoder_free(peer);
}

static void reported_loss_reaches_encoder_and_figures(void **state)
{
	struct fixture *f = *state;
	uint8_t rr[32] = {0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0xab, 0xcd, 51};	/* 20 % of ours */
	struct decoder *d = decoder_new(CODEC_OPUS, NULL);
	gint16 pcm[CODEC_MAX_FRAME];
	unsigned with_fec = 0;

	f->params.bitrate_bps = 40000;
	start(f);
	for (int i = 0; i < 100; i++) {
		engine_rtcp(f->e, rr, sizeof(rr), f->now);
		run(f, FRAME_US);
		with_fec += i > 0 && decoder_fec(d, f->last_rtp + RTP_HEADER, f->last_rtp_len - RTP_HEADER, FRAME, pcm) > 0;
	}
	assert_true(with_fec > 20);
	assert_true(stats(f).peer_loss > 0.19 && stats(f).peer_loss < 0.21);
	decoder_free(d);
}

static void nothing_is_allocated_while_it_runs(void **state)
{
#if defined(__SANITIZE_ADDRESS__)
	skip();
#else
	struct fixture *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	unsigned long before;

	start(f);
	hear_for(f, peer, 1, 1, 50);
	before = allocations;
	for (int i = 0; i < 200; i++) {
		if (i % 7)
			hear(f, peer, i < 150 ? 1 : 2, (uint16_t)(51 + i), 96);
		run(f, FRAME_US);
	}
	assert_int_equal(allocations - before, 0);
	g_free(g_malloc(1));
	assert_true(allocations > before);				/* it does count */
	encoder_free(peer);
#endif
}

#define with(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
		with(an_ended_source_is_told_after_its_last_frame_and_silence_follows),
		with(a_broken_source_hands_over_its_reason_once),
		with(without_a_source_silence_is_sent_and_a_stall_makes_no_burst),
		with(another_source_goes_on_in_the_same_stream),
		with(a_socket_that_takes_nothing_is_counted),
		with(ptime_may_change_in_a_call),
		with(other_payload_types_and_malformed_packets_are_bad),
		with(what_the_peer_says_is_heard_and_measured),
		with(two_sources_in_turn_do_not_thrash_the_buffer),
		with(without_an_output_packets_are_played_to_nowhere),
		with(an_output_that_goes_away_is_told_and_the_call_goes_on),
		with(goodbye_is_said_once_and_nothing_after_it),
		with(the_peers_goodbye_is_noticed),
		with(reported_loss_reaches_encoder_and_figures),
		with(nothing_is_allocated_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
