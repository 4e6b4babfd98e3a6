/* The codecs of the telephone: G.711 and G.722 bit by bit against other implementations, concealment, comfort noise. The hashes
 * are those of spandsp 0.0.6; the decoding of G.711 is also that of Python's audioop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_audio.h"
#include "media/codec.h"
#include "media/g711.h"
#include "media/g722.h"
#include "media/plc.h"

enum { FRAME = AUDIO_RATE / 50, SECONDS = 4, FRAMES = SECONDS * 50, SAMPLES = SECONDS * AUDIO_RATE };

static guint32 hash(const void *data, size_t n)
{
	const uint8_t *b = data;
	guint32 h = 2166136261u;

	while (n--)
		h = (h ^ *b++) * 16777619u;
	return h;
}

/* ---- G.711 ---- */

static void g711_codes_every_sample_as_others_do(void **state)
{
	static uint8_t mu[65536], a[65536];

	for (int i = 0; i < 65536; i++) {
		mu[i] = g711_to_mu((int16_t)(i - 32768));
		a[i] = g711_to_a((int16_t)(i - 32768));
	}
	assert_int_equal(hash(mu, sizeof(mu)), 0xce4a6812);
	assert_int_equal(hash(a, sizeof(a)), 0x826fe2c5);
}

static void g711_decodes_every_code_as_others_do(void **state)
{
	int16_t mu[256], a[256];

	for (int i = 0; i < 256; i++) {
		mu[i] = g711_from_mu((uint8_t)i);
		a[i] = g711_from_a((uint8_t)i);
	}
	assert_int_equal(hash(mu, sizeof(mu)), 0x715d95a8);
	assert_int_equal(hash(a, sizeof(a)), 0x12fb6645);
}

/* ---- G.722 ---- */

enum { G722_N = 64000 };

static void hard_signal(int kind, int16_t *pcm)
{
	guint32 r = (guint32)kind + 1;

	for (int i = 0; i < G722_N; i++) {
		int noise, triangle = abs((i * (kind + 3)) % 400 - 200) * 160 - 16000;

		r = r * 1664525u + 1013904223u;
		noise = (int)(r >> 16) - 32768;
		pcm[i] = (int16_t)(kind == 0 ? triangle : kind == 1 ? noise / 2 :
				   kind == 2 ? ((i / 4000) % 2 ? noise / 2 : noise / 4096) : ((i / 200) % 2 ? 8000 : -8000));
	}
}

static void g722_is_bit_exact(void **state)
{
	static const struct { guint32 coded, decoded; } want[] = {{0xd1d3faa3, 0xc4297ab1}, {0x44df00ae, 0xc5d6043d},
		{0x1c462c4c, 0xa9f417d4}, {0x5c050fa5, 0x2cb458a2}};
	static int16_t in[G722_N], out[G722_N];
	static uint8_t coded[G722_N / 2];

	for (int kind = 0; kind < 4; kind++) {
		struct g722 e, d;

		g722_init(&e);
		g722_init(&d);
		hard_signal(kind, in);
		g722_encode(&e, in, G722_N, coded);
		g722_decode(&d, coded, sizeof(coded), out);
		assert_int_equal(hash(coded, sizeof(coded)), want[kind].coded);
		assert_int_equal(hash(out, sizeof(out)), want[kind].decoded);
	}
}

/* ---- whole codecs ---- */

static const enum media_codec waves[] = {CODEC_G722, CODEC_PCMU, CODEC_PCMA};

struct line {
	struct encoder *e;
	struct decoder *d;
	gint16 *in, *out;
};

static struct line *line_new(enum media_codec codec)
{
	struct media_params params = {.codec = codec, .ptime_ms = 20};
	struct line *l = g_new0(struct line, 1);

	l->e = encoder_new(&params, NULL);
	l->d = decoder_new(codec, NULL);
	l->in = fake_speech(SAMPLES, 3);
	l->out = g_new0(gint16, SAMPLES + CODEC_MAX_FRAME);
	assert_true(l->e && l->d);
	return l;
}

static void line_free(struct line *l)
{
	encoder_free(l->e);
	decoder_free(l->d);
	g_free(l->in);
	g_free(l->out);
	g_free(l);
}

/* Every LOST-th frame, if that is not 0, is concealed. */
static void line_run(struct line *l, int lost)
{
	for (int i = 0; i < FRAMES; i++) {
		uint8_t payload[CODEC_MAX_PAYLOAD];
		gint16 *out = l->out + i * FRAME;

		assert_int_equal(encoder_encode(l->e, l->in + i * FRAME, FRAME, payload, sizeof(payload)), 160);
		assert_int_equal(decoder_duration(l->d, payload, 160), FRAME);
		if (lost && i % lost == lost - 1)
			assert_int_equal(decoder_conceal(l->d, FRAME, out), FRAME);
		else
			assert_int_equal(decoder_decode(l->d, payload, 160, out), FRAME);
	}
}

static void speech_comes_through_after_8_ms(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(waves); i++) {
		struct line *l = line_new(waves[i]);
		double match;
		long lag;

		line_run(l, 0);
		match = fake_match(l->in, SAMPLES, l->out, AUDIO_RATE / 2, 2 * AUDIO_RATE, 0, AUDIO_RATE / 20, &lag);
		if (match < 0.97 || lag > 9 * AUDIO_RATE / 1000)
			fail_msg("%s: %.3f at %ld", codec_name(waves[i]), match, lag);
		line_free(l);
	}
}

static void frames_of_each_length_are_coded_and_no_others(void **state)
{
	static const size_t good[] = {10, 20, 40, 60}, bad[] = {0, 1, 30 * 48 + 1, 61 * 48, 479};

	for (size_t i = 0; i < G_N_ELEMENTS(waves); i++) {
		struct line *l = line_new(waves[i]);
		uint8_t payload[CODEC_MAX_PAYLOAD];

		for (size_t k = 0; k < G_N_ELEMENTS(good); k++)
			assert_int_equal(encoder_encode(l->e, l->in, good[k] * 48, payload, sizeof(payload)), good[k] * 8);
		for (size_t k = 0; k < G_N_ELEMENTS(bad); k++)
			assert_true(encoder_encode(l->e, l->in, bad[k], payload, sizeof(payload)) < 0);
		assert_true(encoder_encode(l->e, l->in, 960, payload, 159) < 0);
		line_free(l);
	}
}

static void payloads_of_any_length_up_to_120_ms_are_taken(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(waves); i++) {
		struct line *l = line_new(waves[i]);
		uint8_t payload[CODEC_MAX_PAYLOAD + 1];

		memset(payload, 0x5a, sizeof(payload));
		for (size_t len = 1; len <= 960; len++)
			assert_int_equal(decoder_decode(l->d, payload, len, l->out), len * 6);
		assert_int_equal(decoder_duration(l->d, payload, 0), 0);
		assert_int_equal(decoder_duration(l->d, payload, 961), 0);
		assert_int_equal(decoder_decode(l->d, payload, 961, l->out), 0);
		assert_int_equal(decoder_decode(l->d, payload, sizeof(payload), l->out), 0);
		line_free(l);
	}
}

static void they_carry_no_fec(void **state)
{
	struct line *l = line_new(CODEC_PCMU);
	uint8_t payload[160] = {0};

	assert_false(decoder_has_fec(l->d, payload, sizeof(payload)));
	assert_int_equal(decoder_fec(l->d, payload, sizeof(payload), FRAME, l->out), 0);
	encoder_loss(l->e, 0.2);
	line_free(l);
}

/* ---- concealment ---- */

static void a_lost_frame_sounds_like_those_around_it(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(waves); i++) {
		struct line *whole = line_new(waves[i]), *torn = line_new(waves[i]);
		double match = 0, silence = 0;
		int n = 0;

		line_run(whole, 0);
		line_run(torn, 10);
		for (int k = 19; k < FRAMES - 1; k += 10) {
			const gint16 *truth = whole->out + k * FRAME, *got = torn->out + k * FRAME;
			long lag;

			if (fake_rms(truth, FRAME) < 300)
				continue;
			match += fake_match(truth, FRAME, got, 0, FRAME, 0, 0, &lag);
			silence += fake_rms(got, FRAME) < fake_rms(truth, FRAME) / 4;
			n++;
		}
		/* Measured: 0.56 to 0.59; 0.10 where the period is not looked for. One is the beginning of a syllable: silent. */
		if (n < 5 || match / n < 0.5 || silence > 1)
			fail_msg("%s: %.2f of %d, %d silent", codec_name(waves[i]), match / n, n, (int)silence);
		line_free(whole);
		line_free(torn);
	}
}

/* A decoder that went on from what it last heard, as if nothing had been lost, could burst. */
static void what_comes_after_a_loss_is_no_louder_than_without_it(void **state)
{
	enum { PART = AUDIO_RATE / 100 };

	for (size_t i = 0; i < G_N_ELEMENTS(waves); i++) {
		struct line *whole = line_new(waves[i]), *torn = line_new(waves[i]);

		line_run(whole, 0);
		line_run(torn, 10);
		for (int k = 20; k < FRAMES - 4; k += 10)
			for (int at = k * FRAME; at < (k + 3) * FRAME; at += PART) {
				double want = fake_rms(whole->out + at, PART), got = fake_rms(torn->out + at, PART);

				if (got > 300 && got > 2 * want)
					fail_msg("%s: %.0f, not %.0f", codec_name(waves[i]), got, want);
			}
		if (waves[i] != CODEC_G722)		/* a sample of G.711 knows nothing of others */
			assert_memory_equal(whole->out + 21 * FRAME, torn->out + 21 * FRAME, 8 * FRAME * sizeof(gint16));
		line_free(whole);
		line_free(torn);
	}
}

static void the_voices_period_goes_on_and_dies_down(void **state)
{
	struct plc plc;
	int16_t voice[800], more[800];
	double jump = 0, step = 0;

	plc_init(&plc, 8000);
	for (int i = 0; i < 800; i++)
		voice[i] = (int16_t)(8000 * sin(2 * 3.14159265358979 * i / 61.3) + 3000 * sin(4 * 3.14159265358979 * i / 61.3 + 1));
	plc_hear(&plc, voice, 800);
	plc_invent(&plc, more, 800);
	for (int i = 1; i < 160; i++)
		step = MAX(step, abs(voice[i] - voice[i - 1]));
	jump = abs(more[0] - voice[799]);
	for (int i = 1; i < 800; i++)
		jump = MAX(jump, abs(more[i] - more[i - 1]));
	assert_true(jump < step * 1.5);
	assert_true(fake_rms(more, 160) > fake_rms(voice, 160) * 0.9);
	assert_true(fake_rms(more + 640, 160) < fake_rms(voice, 160) * 0.25);
	plc_invent(&plc, more, 800);
	assert_true(fake_rms(more, 800) == 0);
}

static void silence_goes_on_as_silence(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(waves); i++) {
		struct line *l = line_new(waves[i]);

		for (int k = 0; k < 50; k++)
			assert_int_equal(decoder_conceal(l->d, FRAME, l->out + k * FRAME), FRAME);
		assert_true(fake_rms(l->out, 50 * FRAME) < 20);
		assert_int_equal(decoder_conceal(l->d, 119, l->out), 0);
		assert_int_equal(decoder_conceal(l->d, 500, l->out), 480);
		line_free(l);
	}
}

/* ---- comfort noise ---- */

/* A second of it. */
static void noise(const uint8_t *payload, size_t len, gint16 *out)
{
	struct decoder *d = decoder_new(CODEC_CN, NULL);

	assert_int_equal(decoder_duration(d, payload, len), FRAME);
	assert_int_equal(decoder_decode(d, payload, len, out), FRAME);
	for (int i = 1; i < 50; i++)
		assert_int_equal(decoder_conceal(d, FRAME, out + i * FRAME), FRAME);
	decoder_free(d);
}

static void comfort_noise_has_the_level_it_names(void **state)
{
	gint16 out[50 * FRAME];

	for (uint8_t level = 20; level <= 70; level += 10) {
		uint8_t flat = level, coloured[] = {level, 30, 160};
		double want = 32768 * pow(10, -level / 20.0);

		noise(&flat, 1, out);
		assert_true(fabs(20 * log10(fake_rms(out + 10 * FRAME, 40 * FRAME) / want)) < 1.5);
		noise(coloured, sizeof(coloured), out);
		assert_true(fabs(20 * log10(fake_rms(out + 10 * FRAME, 40 * FRAME) / want)) < 1.5);
	}
}

/* In as large a piece as the player may ask for: noise from end to end, and nothing before or behind it. */
static void comfort_noise_fills_long_pieces_too(void **state)
{
	enum { GUARD = 960, PIECE = 5 * FRAME };
	gint16 room[GUARD + PIECE + GUARD], *out = room + GUARD, first[FRAME];
	struct decoder *d = decoder_new(CODEC_CN, NULL);
	uint8_t flat = 30;
	double want = 32768 * pow(10, -30 / 20.0);

	for (size_t i = 0; i < G_N_ELEMENTS(room); i++)
		room[i] = 0x5a5a;
	for (int i = 0; i < 10; i++)
		decoder_decode(d, &flat, 1, first);
	assert_int_equal(decoder_conceal(d, PIECE, out), PIECE);
	for (size_t i = 0; i < GUARD; i++)
		assert_true(room[i] == 0x5a5a && out[PIECE + i] == 0x5a5a);
	for (int i = 0; i < 5; i++)
		assert_true(fabs(20 * log10(fake_rms(out + i * FRAME, FRAME) / want)) < 3);
	decoder_free(d);
}

/* The mean product of neighbours at 8 kHz, of power 1: > 0 where low tones prevail. */
static double colour(const gint16 *pcm, size_t n)
{
	double sum = 0, power = 1;

	for (size_t i = 6; i < n; i += 6) {
		sum += (double)pcm[i] * pcm[i - 6];
		power += (double)pcm[i] * pcm[i];
	}
	return sum / power;
}

static void comfort_noise_has_the_colour_it_names(void **state)
{
	gint16 out[50 * FRAME];
	uint8_t low[] = {40, 27}, high[] = {40, 227}, reserved[] = {40, 255};

	noise(low, sizeof(low), out);
	assert_true(colour(out, 50 * FRAME) > 0.5);
	noise(high, sizeof(high), out);
	assert_true(colour(out, 50 * FRAME) < -0.5);
	noise(reserved, sizeof(reserved), out);
	assert_true(fabs(colour(out, 50 * FRAME)) < 0.1);
}

static void comfort_noise_of_any_bytes_stays_in_range(void **state)
{
	guint32 r = 1;
	gint16 out[CODEC_MAX_FRAME];
	struct decoder *d = decoder_new(CODEC_CN, NULL);
	uint8_t payload[40];

	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(payload); k++)
			payload[k] = (uint8_t)fake_random(&r);
		assert_int_equal(decoder_decode(d, payload, 1 + (size_t)i % sizeof(payload), out), FRAME);
	}
	memset(payload, 127, sizeof(payload));
	payload[0] = 127;
	decoder_decode(d, payload, sizeof(payload), out);
	for (int i = 0; i < 20; i++)
		decoder_conceal(d, FRAME, out);
	assert_true(fake_rms(out, FRAME) < 5);			/* and nothing of it lives on */
	decoder_free(d);
}

static void comfort_noise_cannot_be_sent(void **state)
{
	struct media_params params = {.codec = CODEC_CN, .ptime_ms = 20};

	assert_null(encoder_new(&params, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g711_codes_every_sample_as_others_do),
		cmocka_unit_test(g711_decodes_every_code_as_others_do),
		cmocka_unit_test(g722_is_bit_exact),
		cmocka_unit_test(speech_comes_through_after_8_ms),
		cmocka_unit_test(frames_of_each_length_are_coded_and_no_others),
		cmocka_unit_test(payloads_of_any_length_up_to_120_ms_are_taken),
		cmocka_unit_test(they_carry_no_fec),
		cmocka_unit_test(a_lost_frame_sounds_like_those_around_it),
		cmocka_unit_test(what_comes_after_a_loss_is_no_louder_than_without_it),
		cmocka_unit_test(the_voices_period_goes_on_and_dies_down),
		cmocka_unit_test(silence_goes_on_as_silence),
		cmocka_unit_test(comfort_noise_has_the_level_it_names),
		cmocka_unit_test(comfort_noise_fills_long_pieces_too),
		cmocka_unit_test(comfort_noise_has_the_colour_it_names),
		cmocka_unit_test(comfort_noise_of_any_bytes_stays_in_range),
		cmocka_unit_test(comfort_noise_cannot_be_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
