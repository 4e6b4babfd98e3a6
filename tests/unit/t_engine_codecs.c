/* The pump with the other codecs: what goes out is counted by the codec's clock; what comes in is told apart by its number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_rig.h"

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const enum media_codec waves[] = {CODEC_G722, CODEC_PCMU, CODEC_PCMA};

static void frames_are_counted_by_the_clock_of_the_codec(void **state)
{
	for (size_t c = 0; c < G_N_ELEMENTS(waves); c++) {
		struct rig *f;

		rig_setup((void **)&f);
		f->params.codec = waves[c];
		f->params.tx_pt = 8;
		rig_start(f);
		rig_run(f, 2 * S);
		assert_int_equal(f->rtps, 100);
		for (unsigned i = 0; i < f->rtps; i++) {
			assert_int_equal(f->rtp[i].h.pt, 8);
			assert_int_equal(f->rtp[i].h.ts - f->rtp[0].h.ts, i * 160);
			assert_int_equal(f->rtp[i].len, RTP_HEADER + 160);
		}
		rig_teardown((void **)&f);
	}
}

static void the_report_extrapolates_by_the_same_clock(void **state)
{
	struct rig *f = *state;
	unsigned before;

	f->params.codec = CODEC_PCMU;
	rig_start(f);
	before = f->rtcps;
	while (f->rtcps == before)
		rig_run(f, 1000);
	/* a sender report: version and type, then SSRC, NTP time, RTP time */
	assert_int_equal(f->last_rtcp[1], 200);
	assert_in_range(get32(f->last_rtcp + 16) - f->rtp[f->rtps - 1].h.ts, 0, 160);
}

static void what_is_left_out_of_a_devices_pile_counts_in_the_codecs_clock(void **state)
{
	struct rig *f = *state;
	unsigned at;

	f->params.codec = CODEC_PCMA;
	f->in.chunk = 1001;			/* no multiple of the 6 samples that are one of theirs */
	rig_start(f);
	rig_run(f, S);
	at = f->rtps - 1;
	f->now += 3 * S;			/* the machine stalls */
	rig_run(f, S);
	assert_true(f->rtps > at + 10);
	assert_in_range(f->rtp[f->rtps - 1].h.ts - f->rtp[at].h.ts, 8000 * 4 - 400, 8000 * 4 + 400);
}

static void the_peer_may_send_any_of_what_we_announced(void **state)
{
	struct rig *f = *state;
	struct encoder *peers[CODEC_CN];
	uint8_t pkt[RTP_HEADER + CODEC_MAX_PAYLOAD];
	struct rtp_header h = {.ssrc = 7, .ts = 0xffff0000};
	unsigned frame = 0;

	f->params.rx[0] = (struct payload_type){96, CODEC_OPUS};
	f->params.rx[1] = (struct payload_type){97, CODEC_PCMU};
	f->params.rx_count = 2;
	rig_start(f);
	for (unsigned c = 0; c < CODEC_CN; c++) {
		struct media_params params = {.codec = c, .ptime_ms = 20, .bitrate_bps = 32000};

		peers[c] = encoder_new(&params, NULL);
	}
	for (unsigned i = 0; i < 300; i++, frame++) {
		enum media_codec codec = i / 100 == 1 ? CODEC_PCMU : CODEC_OPUS;
		int len = encoder_encode(peers[codec], f->speech + (frame % 150) * FRAME, FRAME, pkt + RTP_HEADER, CODEC_MAX_PAYLOAD);

		h.pt = codec == CODEC_PCMU ? 97 : 96;
		rtp_write(pkt, &h);
		assert_true(engine_rtp(f->e, pkt, RTP_HEADER + (size_t)len, f->now));
		h.seq++;
		h.ts += codec_clock_hz(codec) / 50;
		rig_run(f, FRAME_US);
	}
	for (size_t at = AUDIO_RATE / 2; at < 5 * AUDIO_RATE; at += AUDIO_RATE)
		assert_true(fake_rms(f->out.pcm + at, AUDIO_RATE) > 50);
	assert_int_equal(rig_stats(f).rx_bad, 0);
	assert_true(rig_stats(f).rx_jitter_ms < 1);
	h.pt = 8;
	rtp_write(pkt, &h);
	assert_false(engine_rtp(f->e, pkt, RTP_HEADER + 160, f->now));
	assert_int_equal(rig_stats(f).rx_bad, 1);
	for (unsigned c = 0; c < CODEC_CN; c++)
		encoder_free(peers[c]);
}

#define with(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_counted_by_the_clock_of_the_codec),
		with(the_report_extrapolates_by_the_same_clock),
		with(what_is_left_out_of_a_devices_pile_counts_in_the_codecs_clock),
		with(the_peer_may_send_any_of_what_we_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
