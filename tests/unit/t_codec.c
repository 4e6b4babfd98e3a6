/* Opus as we use it: rate, DTX, FEC that is really there, concealment, and payloads nobody should send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake_audio.h"
#include "media/codec.h"

enum { FRAME = AUDIO_RATE / 50, SECONDS = 3, FRAMES = SECONDS * 50 };

struct fixture {
	struct media_params params;
	struct encoder *e;
	struct decoder *d;
	gint16 *speech;
	uint8_t packets[FRAMES][CODEC_MAX_PAYLOAD];
	int lens[FRAMES];
};

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->params = (struct media_params){.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 10, .fec = true};
	f->speech = fake_speech(SECONDS * AUDIO_RATE, 3);
	f->d = decoder_new(CODEC_OPUS, NULL);
	assert_non_null(f->d);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	encoder_free(f->e);
	decoder_free(f->d);
	g_free(f->speech);
	g_free(f);
	return 0;
}

static void encode(struct fixture *f)
{
	if (!f->e)
		f->e = encoder_new(&f->params, NULL);
	assert_non_null(f->e);
	for (int i = 0; i < FRAMES; i++)
		f->lens[i] = encoder_encode(f->e, f->speech + i * FRAME, FRAME, f->packets[i], CODEC_MAX_PAYLOAD);
}

static int with_fec(struct fixture *f, int from)
{
	gint16 pcm[CODEC_MAX_FRAME];
	int n = 0;

	for (int i = from; i < FRAMES; i++) {
		gboolean there = decoder_has_fec(f->d, f->packets[i], (size_t)f->lens[i]);

		assert_int_equal(decoder_fec(f->d, f->packets[i], (size_t)f->lens[i], FRAME, pcm), there ? FRAME : 0);
		n += there;
	}
	return n;
}

static void freeing_nothing_is_fine(void **state)
{
	encoder_free(NULL);
	decoder_free(NULL);
}

static void speech_comes_back_with_the_look_ahead_of_opus_alone(void **state)
{
	struct fixture *f = *state;
	gint16 *out = g_new0(gint16, SECONDS * AUDIO_RATE + CODEC_MAX_FRAME);
	long lag;

	encode(f);
	for (int i = 0; i < FRAMES; i++) {
		assert_int_equal(decoder_duration(f->d, f->packets[i], (size_t)f->lens[i]), FRAME);
		assert_int_equal(decoder_decode(f->d, f->packets[i], (size_t)f->lens[i], out + i * FRAME), FRAME);
	}
	assert_true(fake_match(f->speech, SECONDS * AUDIO_RATE, out, AUDIO_RATE, AUDIO_RATE, 0, 2400, &lag) > 0.95);
	assert_in_range(lag, 306, 318);					/* 6.5 ms */
	g_free(out);
}

static void the_bit_rate_is_what_was_asked_for_and_may_change(void **state)
{
	struct fixture *f = *state;

	for (unsigned rate = 16000; rate <= 64000; rate *= 2) {
		unsigned bits = 0;

		f->params.bitrate_bps = rate;
		if (f->e)
			encoder_params(f->e, &f->params);
		encode(f);
		for (int i = 0; i < FRAMES; i++)
			bits += (unsigned)f->lens[i] * 8 / SECONDS;
		assert_in_range(bits, rate * 7 / 10, rate * 11 / 10);
	}
}

static void frames_of_10_to_60_ms_work_in_one_stream(void **state)
{
	static const unsigned ptimes[] = {10, 20, 40, 60};
	struct fixture *f = *state;
	gint16 pcm[CODEC_MAX_FRAME];

	f->e = encoder_new(&f->params, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(ptimes); i++) {
		size_t n = ptimes[i] * AUDIO_RATE / 1000;
		int len = encoder_encode(f->e, f->speech, n, f->packets[0], CODEC_MAX_PAYLOAD);

		assert_true(len > 2);
		assert_int_equal(decoder_duration(f->d, f->packets[0], (size_t)len), n);
		assert_int_equal(decoder_decode(f->d, f->packets[0], (size_t)len, pcm), n);
	}
	assert_true(encoder_encode(f->e, f->speech, 123, f->packets[0], CODEC_MAX_PAYLOAD) < 0);
}

static void silence_with_dtx_need_not_be_sent_and_without_it_is(void **state)
{
	struct fixture *f = *state;
	int unsent[2];

	memset(f->speech, 0, SECONDS * AUDIO_RATE * sizeof(*f->speech));
	for (int dtx = 0; dtx < 2; dtx++) {
		f->params.dtx = dtx;
		if (f->e)
			encoder_params(f->e, &f->params);
		encode(f);
		unsent[dtx] = 0;
		for (int i = 0; i < FRAMES; i++)
			unsent[dtx] += f->lens[i] == 0;
	}
	assert_int_equal(unsent[0], 0);
	assert_true(unsent[1] > FRAMES * 3 / 4);
	assert_true(unsent[1] < FRAMES);				/* a sign of life now and then */
}

static void there_is_no_fec_before_a_loss_is_told(void **state)
{
	struct fixture *f = *state;

	encode(f);
	assert_int_equal(with_fec(f, 0), 0);
	encoder_loss(f->e, 0.012);
	encode(f);
	assert_int_equal(with_fec(f, 0), 0);
}

static void told_loss_brings_fec_and_its_end_takes_it_away(void **state)
{
	struct fixture *f = *state;

	encode(f);
	encoder_loss(f->e, 0.05);
	encode(f);
	assert_true(with_fec(f, 5) > FRAMES / 3);
	encoder_loss(f->e, 0.01);					/* it does not flutter */
	encode(f);
	assert_true(with_fec(f, 5) > 0);
	encoder_loss(f->e, 0);
	encode(f);
	assert_int_equal(with_fec(f, 5), 0);
}

static void fec_needs_the_peer_and_the_bit_rate(void **state)
{
	struct fixture *f = *state;

	f->params.bitrate_bps = 23000;
	encode(f);
	encoder_loss(f->e, 0.10);
	encode(f);
	assert_int_equal(with_fec(f, 5), 0);
	f->params.bitrate_bps = 32000;
	f->params.fec = false;
	encoder_params(f->e, &f->params);
	encode(f);
	assert_int_equal(with_fec(f, 5), 0);
	f->params.fec = true;						/* the loss is still known */
	encoder_params(f->e, &f->params);
	encode(f);
	assert_true(with_fec(f, 5) > 0);
}

static void at_24_kbit_fec_is_for_heavy_loss_only(void **state)
{
	struct fixture *f = *state;

	f->params.bitrate_bps = 24000;
	encode(f);
	encoder_loss(f->e, 0.05);
	encode(f);
	assert_int_equal(with_fec(f, 5), 0);
	encoder_loss(f->e, 0.10);
	encode(f);
	assert_true(with_fec(f, 5) > FRAMES / 3);
}

static void nonsense_as_loss_is_harmless(void **state)
{
	struct fixture *f = *state;

	encode(f);
	encoder_loss(f->e, 7);
	encoder_loss(f->e, -1);
	encode(f);
	assert_int_equal(with_fec(f, 5), 0);
}

static void fec_brings_the_lost_frame_back(void **state)
{
	struct fixture *f = *state;
	gint16 *out = g_new0(gint16, SECONDS * AUDIO_RATE + CODEC_MAX_FRAME);
	struct decoder *whole = decoder_new(CODEC_OPUS, NULL);
	double rebuilt = 0;
	int n = 0;

	f->params.bitrate_bps = 40000;
	encode(f);
	encoder_loss(f->e, 0.20);
	encode(f);
	for (int i = 0; i < FRAMES; i++) {
		gint16 truth[CODEC_MAX_FRAME], *got = out + i * FRAME;
		long lag;

		decoder_decode(whole, f->packets[i], (size_t)f->lens[i], truth);
		if (i % 10 != 9 || i + 1 == FRAMES) {
			decoder_decode(f->d, f->packets[i], (size_t)f->lens[i], got);
		} else if (!decoder_fec(f->d, f->packets[i + 1], (size_t)f->lens[i + 1], FRAME, got)) {
			decoder_conceal(f->d, FRAME, got);
		} else if (fake_rms(truth, FRAME) > 300) {
			rebuilt += fake_match(truth, FRAME, got, 0, FRAME, 0, 0, &lag);
			n++;
		}
	}
	assert_true(n >= 5 && rebuilt / n > 0.8);
	decoder_free(whole);
	g_free(out);
}

static void concealment_goes_on_as_before_and_dies_down(void **state)
{
	struct fixture *f = *state;
	gint16 pcm[CODEC_MAX_FRAME];
	double before;

	memset(pcm, 0, sizeof(pcm));
	encode(f);
	for (int i = 0; i < FRAMES / 2; i++)
		decoder_decode(f->d, f->packets[i], (size_t)f->lens[i], pcm);
	before = fake_rms(pcm, FRAME);
	assert_true(before > 100);
	assert_int_equal(decoder_conceal(f->d, FRAME, pcm), FRAME);
	assert_true(fake_rms(pcm, FRAME) > before / 4);
	for (int i = 0; i < 50; i++)
		decoder_conceal(f->d, FRAME, pcm);
	assert_true(fake_rms(pcm, FRAME) < before / 4);
}

static void odd_lengths_of_concealment_are_cut_to_what_opus_can(void **state)
{
	struct fixture *f = *state;
	gint16 pcm[CODEC_MAX_FRAME];

	assert_int_equal(decoder_conceal(f->d, 500, pcm), 480);
	assert_int_equal(decoder_conceal(f->d, 119, pcm), 0);
	assert_int_equal(decoder_conceal(f->d, 0, pcm), 0);
	assert_int_equal(decoder_conceal(f->d, 1000000, pcm), CODEC_MAX_FRAME);
}

static void broken_payloads_are_told_from_good_ones(void **state)
{
	static const uint8_t code3_without_count[] = {0x03}, two_equal_of_odd_length[] = {0x01, 1, 2, 3}, too_long[] = {0x1b, 0x07, 0};
	struct fixture *f = *state;
	gint16 pcm[CODEC_MAX_FRAME];
	uint8_t big[CODEC_MAX_PAYLOAD + 1] = {0};

	assert_int_equal(decoder_duration(f->d, NULL, 0), 0);
	assert_int_equal(decoder_duration(f->d, code3_without_count, 1), 0);
	assert_int_equal(decoder_duration(f->d, too_long, 3), 0);	/* 7 frames of 60 ms */
	assert_int_equal(decoder_duration(f->d, big, sizeof(big)), 0);
	assert_int_equal(decoder_decode(f->d, two_equal_of_odd_length, 4, pcm), 0);
	assert_int_equal(decoder_fec(f->d, two_equal_of_odd_length, 4, FRAME, pcm), 0);
	assert_int_equal(decoder_fec(f->d, code3_without_count, 1, FRAME, pcm), 0);
	assert_int_equal(decoder_fec(f->d, big, 40, FRAME + 1, pcm), 0);
	assert_int_equal(decoder_fec(f->d, big, 40, 1000000, pcm), 0);
}

static void any_bytes_at_all_stay_inside_the_frame(void **state)
{
	struct fixture *f = *state;
	guint32 seed = 99;
	gint16 *pcm = g_new(gint16, CODEC_MAX_FRAME);

	for (int i = 0; i < 3000; i++) {
		size_t len = 1 + fake_random(&seed) % 60, duration;
		uint8_t *payload = g_malloc(len);

		for (size_t k = 0; k < len; k++)
			payload[k] = (uint8_t)(fake_random(&seed) >> 11);
		duration = decoder_duration(f->d, payload, len);
		assert_true(duration <= CODEC_MAX_FRAME);
		if (duration) {
			size_t n = decoder_decode(f->d, payload, len, pcm);

			assert_true(n == 0 || n == duration);
			decoder_fec(f->d, payload, len, FRAME, pcm);
		}
		g_free(payload);
	}
	g_free(pcm);
}

#define with(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(freeing_nothing_is_fine),
		with(speech_comes_back_with_the_look_ahead_of_opus_alone),
		with(the_bit_rate_is_what_was_asked_for_and_may_change),
		with(frames_of_10_to_60_ms_work_in_one_stream),
		with(silence_with_dtx_need_not_be_sent_and_without_it_is),
		with(there_is_no_fec_before_a_loss_is_told),
		with(told_loss_brings_fec_and_its_end_takes_it_away),
		with(fec_needs_the_peer_and_the_bit_rate),
		with(at_24_kbit_fec_is_for_heavy_loss_only),
		with(nonsense_as_loss_is_harmless),
		with(fec_brings_the_lost_frame_back),
		with(concealment_goes_on_as_before_and_dies_down),
		with(odd_lengths_of_concealment_are_cut_to_what_opus_can),
		with(broken_payloads_are_told_from_good_ones),
		with(any_bytes_at_all_stay_inside_the_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
