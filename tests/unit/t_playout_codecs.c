/* The receiving half with the other codecs: their slower clocks, a change of codec in the call, comfort noise in the pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake_audio.h"
#include "media/codec.h"
#include "media/playout.h"

enum { FRAME = AUDIO_RATE / 50, FRAME_US = 20000, SECONDS = 12, SAMPLES = SECONDS * AUDIO_RATE };

struct talk {
	struct playout *p;
	struct encoder *encoders[CODEC_CN];
	gint16 *speech, *heard;
	size_t n;
	gint64 now;
	uint16_t seq;
	uint32_t ts;			/* of whatever clock runs */
	unsigned refused;
};

static int setup(void **state)
{
	struct talk *t = g_new0(struct talk, 1);
	struct media_params params = {.rx = {{111, CODEC_OPUS}, {9, CODEC_G722}, {0, CODEC_PCMU}, {8, CODEC_PCMA}, {13, CODEC_CN}},
				      .rx_count = 5, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 3};

	t->p = playout_new(&params, NULL);
	for (unsigned c = 0; c < CODEC_CN; c++) {
		params.codec = c;
		t->encoders[c] = encoder_new(&params, NULL);
	}
	t->speech = fake_speech(SAMPLES, 7);
	t->heard = g_new0(gint16, SAMPLES + FRAME);
	t->seq = 65500;
	t->ts = UINT32_MAX - 40000;	/* all wrap soon */
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct talk *t = *state;

	for (unsigned c = 0; c < CODEC_CN; c++)
		encoder_free(t->encoders[c]);
	playout_free(t->p);
	g_free(t->speech);
	g_free(t->heard);
	g_free(t);
	return 0;
}

static void put(struct talk *t, enum media_codec codec, const uint8_t *payload, size_t len)
{
	struct playout_packet packet = {.codec = codec, .seq = t->seq++, .ts = t->ts, .payload = payload, .len = len};

	t->refused += !playout_put(t->p, &packet, t->now);
}

/* 20 ms pass, and the player takes them. */
static void pass(struct talk *t, enum media_codec codec)
{
	playout_get(t->p, t->heard + t->n, FRAME / 2, t->now + 2000);
	playout_get(t->p, t->heard + t->n + FRAME / 2, FRAME / 2, t->now + 12000);
	t->n += FRAME;
	t->now += FRAME_US;
	t->ts += codec_clock_hz(codec) / 50;
}

static void say(struct talk *t, enum media_codec codec, int frames, int lost_every)
{
	for (int i = 0; i < frames; i++) {
		uint8_t payload[CODEC_MAX_PAYLOAD];
		int len = encoder_encode(t->encoders[codec], t->speech + t->n, FRAME, payload, sizeof(payload));

		assert_true(len > 0);
		if (lost_every && i % lost_every == lost_every - 1)
			t->seq++;
		else
			put(t, codec, payload, (size_t)len);
		pass(t, codec);
	}
}

static double heard_well(struct talk *t, size_t from, size_t n)
{
	long lag;

	return fake_match(t->speech, SAMPLES, t->heard, from, n, 0, AUDIO_RATE / 10, &lag);
}

static struct media_stats stats(struct talk *t)
{
	struct media_stats s = {0};

	playout_stats(t->p, &s);
	return s;
}

static void each_codec_is_played_by_its_own_clock(void **state)
{
	for (unsigned codec = 0; codec < CODEC_CN; codec++) {
		struct talk *t;

		setup((void **)&t);
		say(t, codec, 300, 0);
		assert_int_equal(t->refused, 0);
		if (heard_well(t, AUDIO_RATE, 4 * AUDIO_RATE) < 0.93)
			fail_msg("%s: %.3f", codec_name(codec), heard_well(t, AUDIO_RATE, 4 * AUDIO_RATE));
		assert_int_equal(stats(t).concealed_ms + stats(t).stretched_ms + stats(t).rx_late, 0);
		teardown((void **)&t);
	}
}

static void what_is_lost_is_concealed(void **state)
{
	struct talk *t = *state;

	say(t, CODEC_PCMA, 300, 10);
	assert_in_range(stats(t).concealed_ms, 560, 640);
	assert_true(heard_well(t, AUDIO_RATE, 4 * AUDIO_RATE) > 0.9);
}

static void the_peer_may_change_the_codec_in_the_call(void **state)
{
	struct talk *t = *state;
	size_t n[6];

	for (int i = 0; i < 5; i++) {
		n[i] = t->n;
		if (i)
			t->ts = fake_random(&(guint32){(guint32)i});		/* another clock: no common count */
		say(t, (enum media_codec[]){CODEC_OPUS, CODEC_PCMU, CODEC_G722, CODEC_PCMA, CODEC_OPUS}[i], 100, 0);
	}
	assert_int_equal(t->refused, 0);
	for (int i = 0; i < 5; i++)
		if (heard_well(t, n[i] + AUDIO_RATE / 2, AUDIO_RATE) < 0.9)
fail_msg("%d: %.3f", i, heard_well(t, n[i] + AUDIO_RATE / 2, AUDIO_RATE));
	assert_true(stats(t).concealed_ms < 400);
}

/* G.711 with a voice detector: the noise is said once and again from time to time, and in between there are no packets. */
static void comfort_noise_fills_the_pauses_and_counts_as_no_loss(void **state)
{
	struct talk *t = *state;
	uint8_t noise = 45;
	size_t pause;
	uint64_t concealed;

	say(t, CODEC_PCMU, 100, 0);
	concealed = stats(t).concealed_ms;
	pause = t->n;
	put(t, CODEC_CN, &noise, 1);
	for (int i = 0; i < 150; i++) {
		if (i == 75)
			put(t, CODEC_CN, &noise, 1);
		pass(t, CODEC_PCMU);
	}
	for (size_t at = pause + AUDIO_RATE / 2; at < t->n; at += AUDIO_RATE / 4) {
		double level = fake_rms(t->heard + at, AUDIO_RATE / 4);		/* -45 dBov: 184 */

		if (level < 140 || level > 240)
			fail_msg("%.0f at %zu ms", level, (at - pause) / 48);
	}
	assert_true(stats(t).concealed_ms - concealed <= 40);
	pause = t->n;
	say(t, CODEC_PCMU, 150, 0);
	assert_true(heard_well(t, pause + AUDIO_RATE / 2, 2 * AUDIO_RATE) > 0.93);
	assert_int_equal(stats(t).rx_late, 0);
}

static void a_codec_we_did_not_announce_is_refused(void **state)
{
	struct talk *t = *state;
	struct media_params params = {.rx = {{111, CODEC_OPUS}}, .rx_count = 1};
	struct playout *only = playout_new(&params, NULL);
	uint8_t payload[160] = {0};

	assert_false(playout_put(only, &(struct playout_packet){.codec = CODEC_PCMU, .payload = payload, .len = 160}, t->now));
	playout_free(only);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_codec_is_played_by_its_own_clock),
		T(what_is_lost_is_concealed),
		T(the_peer_may_change_the_codec_in_the_call),
		T(comfort_noise_fills_the_pauses_and_counts_as_no_loss),
		T(a_codec_we_did_not_announce_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
