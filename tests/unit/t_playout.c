/* The receiving half with a real decoder: what comes out when packets come in, late or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/codec.h"
#include "media/playout.h"

enum { FRAME = 960, MS = 1000, SECONDS = 12, TOTAL = SECONDS * 50 };

struct talk {
	struct playout *p;
	struct encoder *encoder;
	uint8_t payload[TOTAL][CODEC_MAX_PAYLOAD];
	int len[TOTAL];
	gint16 heard[SECONDS * AUDIO_RATE];
	size_t n;
};

static double voice(size_t i)
{
	double t = (double)i / AUDIO_RATE, swell = 0.6 + 0.4 * sin(2 * 3.14159265358979 * 3 * t);

	return swell * 6000 * (sin(2 * 3.14159265358979 * 150 * t) + 0.5 * sin(2 * 3.14159265358979 * 300 * t + 1) +
			       0.3 * sin(2 * 3.14159265358979 * 750 * t));
}

static struct talk *talk_new(gboolean fec)
{
	struct media_params params = {.codec = CODEC_OPUS, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 3, .fec = fec};
	struct talk *t = g_new0(struct talk, 1);

	params.rx[0] = (struct payload_type){111, CODEC_OPUS};
	params.rx_count = 1;
	t->p = playout_new(&params, NULL);
	t->encoder = encoder_new(&params, NULL);
	if (fec)
		encoder_loss(t->encoder, 0.1);
	for (size_t k = 0; k < TOTAL; k++) {
		gint16 pcm[FRAME];

		for (size_t i = 0; i < FRAME; i++)
			pcm[i] = (gint16)voice(k * FRAME + i);
		t->len[k] = encoder_encode(t->encoder, pcm, FRAME, t->payload[k], CODEC_MAX_PAYLOAD);
		assert_true(t->len[k] > 0);
	}
	return t;
}

static void talk_free(struct talk *t)
{
	encoder_free(t->encoder);
	playout_free(t->p);
	g_free(t);
}

static void put(struct talk *t, size_t k, gint64 now_us)
{
	struct playout_packet packet = {.seq = (uint16_t)(65000 + k), .ts = (uint32_t)(k * FRAME), .payload = t->payload[k],
					.len = (size_t)t->len[k]};

	assert_true(playout_put(t->p, &packet, now_us));
}

static gboolean take(struct talk *t, size_t n, gint64 now_us)
{
	gboolean heard;

	assert_true(t->n + n <= G_N_ELEMENTS(t->heard));
	heard = playout_get(t->p, t->heard + t->n, n, now_us);
	t->n += n;
	return heard;
}

static double rms(const gint16 *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sqrt(sum / (double)n);
}

static int largest_jump(const gint16 *pcm, size_t n)
{
	int most = 0;

	for (size_t i = 1; i < n; i++)
		most = MAX(most, abs(pcm[i] - pcm[i - 1]));
	return most;
}

/* Plays FROM..TO frames in chunks of 10 ms; LOST(k) tells which packets never come. */
static void play(struct talk *t, size_t from, size_t to, gboolean (*lost)(size_t k))
{
	for (size_t k = from; k < to; k++) {
		gint64 now = (gint64)k * 20 * MS;

		if (!lost || !lost(k))
			put(t, k, now);
		take(t, FRAME / 2, now + 2 * MS);
		take(t, FRAME / 2, now + 12 * MS);
	}
}

static struct media_stats stats(const struct talk *t)
{
	struct media_stats s = {0};

	playout_stats(t->p, &s);
	return s;
}

static void silence_before_the_first_packet(void **state)
{
	struct talk *t = talk_new(FALSE);

	assert_false(take(t, 333, 0));
	assert_true(rms(t->heard, 333) == 0);
	talk_free(t);
}

static void a_packet_just_before_the_ask_is_heard_from_its_first_sample(void **state)
{
	struct talk *t = talk_new(FALSE);
	struct decoder *d = decoder_new(CODEC_OPUS, NULL);
	gint16 pcm[CODEC_MAX_FRAME];

	put(t, 0, 999);
	assert_true(take(t, FRAME, 1000));
	assert_int_equal(decoder_decode(d, t->payload[0], (size_t)t->len[0], pcm), FRAME);
	assert_memory_equal(t->heard, pcm, FRAME * sizeof(*pcm));
	decoder_free(d);
	talk_free(t);
}

static void a_quiet_line_is_decoded_sample_by_sample(void **state)
{
	struct talk *t = talk_new(FALSE);
	struct decoder *d = decoder_new(CODEC_OPUS, NULL);
	gint16 pcm[CODEC_MAX_FRAME];

	play(t, 0, TOTAL, NULL);
	for (size_t k = 0; k < TOTAL; k++) {
		decoder_decode(d, t->payload[k], (size_t)t->len[k], pcm);
		assert_memory_equal(t->heard + k * FRAME, pcm, FRAME * sizeof(*pcm));
	}
	assert_int_equal(stats(t).concealed_ms + stats(t).stretched_ms + stats(t).rx_late, 0);
	assert_int_equal(stats(t).played_ms, SECONDS * 1000);
	decoder_free(d);
	talk_free(t);
}

static void chunks_of_any_length_are_filled(void **state)
{
	static const size_t lengths[] = {37, 256, 441, 480, 512, 1024, 2048, 2880};

	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
		struct talk *t = talk_new(FALSE);
		size_t sent = 0;

		while (t->n + 2880 < G_N_ELEMENTS(t->heard)) {
			gint64 now = (gint64)t->n * 1000000 / AUDIO_RATE + 5 * MS;

			for (; sent < TOTAL && (gint64)sent * 20 * MS <= now; sent++)
				put(t, sent, (gint64)sent * 20 * MS);
			assert_true(take(t, lengths[i], now) || t->n < AUDIO_RATE);
		}
		assert_true(rms(t->heard, t->n) > 2000);
		talk_free(t);
	}
}

static gboolean every_tenth(size_t k)
{
	return k % 10 == 7;
}

static void single_losses_are_concealed_without_holes_or_clicks(void **state)
{
	struct talk *t = talk_new(FALSE), *whole = talk_new(FALSE);

	play(t, 0, TOTAL, every_tenth);
	play(whole, 0, TOTAL, NULL);
	assert_in_range(stats(t).concealed_ms, TOTAL / 10 * 20 - 60, TOTAL / 10 * 20 + 60);
	assert_true(largest_jump(t->heard, t->n) < 2 * largest_jump(whole->heard, whole->n));
	for (size_t i = AUDIO_RATE; i + FRAME < t->n; i += FRAME)
		assert_true(rms(t->heard + i, FRAME) > 100);
	talk_free(whole);
	talk_free(t);
}

static void where_packets_carry_fec_losses_are_rebuilt(void **state)
{
	struct talk *t = talk_new(TRUE);
	uint64_t before;

	play(t, 0, TOTAL / 2, every_tenth);		/* waiting for it begins when loss and FEC have both been seen for a while */
	before = stats(t).fec_frames;
	play(t, TOTAL / 2, TOTAL, every_tenth);
	assert_true(stats(t).fec_frames - before > TOTAL / 10 / 4);
	talk_free(t);
}

static gboolean second_three_to_eight(size_t k)
{
	return k >= 150 && k < 400;
}

static void a_long_gap_fades_to_noise_then_silence_and_back_smoothly(void **state)
{
	struct talk *t = talk_new(FALSE), *whole = talk_new(FALSE);

	play(t, 0, 450, second_three_to_eight);
	play(whole, 0, 450, NULL);
	assert_true(rms(t->heard + 3 * AUDIO_RATE + AUDIO_RATE / 2, AUDIO_RATE) < 250);
	assert_true(rms(t->heard + 7 * AUDIO_RATE, AUDIO_RATE / 2) == 0);
	assert_true(rms(t->heard + 8 * AUDIO_RATE + AUDIO_RATE / 2, AUDIO_RATE / 2) > 2000);
	assert_true(largest_jump(t->heard, t->n) < 2 * largest_jump(whole->heard, whole->n));
	assert_true(fabs(stats(t).buffer_ms - stats(whole).buffer_ms) < 25);
	talk_free(whole);
	talk_free(t);
}

static void a_stall_of_the_machine_is_made_good(void **state)
{
	struct talk *t = talk_new(FALSE);
	double before;

	play(t, 0, 200, NULL);
	before = stats(t).buffer_ms;
	for (size_t k = 200; k < 210; k++)		/* ten at once; the player did not ask, and its clock went on */
		put(t, k, 210 * 20 * MS);
	play(t, 210, 460, NULL);
	assert_true(stats(t).buffer_ms < before + 10);
	assert_true(stats(t).stretched_ms > 150 && stats(t).concealed_ms < 40);
	talk_free(t);
}

static gboolean is_213(size_t k)
{
	return k == 213;
}

/* Where so much waits that a lost packet's time is not wanted, its packet is passed over: what would have come next fades into
 * what comes now, from the very first sample on. */
static void where_a_lost_packet_is_passed_over_there_is_no_step(void **state)
{
	enum { SPLICE = AUDIO_RATE / 200, LOST = 213 };
	struct talk *t = talk_new(FALSE);
	struct decoder *d = decoder_new(CODEC_OPUS, NULL);
	gint16 pcm[CODEC_MAX_FRAME], next[SPLICE];

	play(t, 0, 200, NULL);
	for (size_t k = 200; k < 210; k++)		/* ten at once, and too much waits */
		put(t, k, 210 * 20 * MS);
	play(t, 210, 300, is_213);
	for (size_t k = 0; k < LOST; k++)
		decoder_decode(d, t->payload[k], (size_t)t->len[k], pcm);
	assert_int_equal(decoder_conceal(d, SPLICE, next), SPLICE);
	decoder_decode(d, t->payload[LOST + 1], (size_t)t->len[LOST + 1], pcm);
	for (int i = 0; i < SPLICE; i++)
		pcm[i] = (gint16)((next[i] * (SPLICE - i) + pcm[i] * i) / SPLICE);
	assert_non_null(memmem(t->heard, t->n * sizeof(*pcm), pcm, SPLICE * sizeof(*pcm)));
	decoder_free(d);
	talk_free(t);
}

static void broken_payloads_are_refused_or_concealed(void **state)
{
	struct talk *t = talk_new(FALSE);
	uint8_t junk[40];

	assert_false(playout_put(t->p, &(struct playout_packet){.payload = junk}, 0));
	for (unsigned i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (uint8_t)((i * 2654435761u + k * 40503u) >> 9);
		playout_put(t->p, &(struct playout_packet){.seq = (uint16_t)i, .ts = i * FRAME, .payload = junk,
							   .len = 1 + i % sizeof(junk)}, (gint64)i * 20 * MS);
		t->n = 0;
		take(t, FRAME, (gint64)i * 20 * MS + MS);
	}
	talk_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_before_the_first_packet),
		cmocka_unit_test(a_packet_just_before_the_ask_is_heard_from_its_first_sample),
		cmocka_unit_test(a_quiet_line_is_decoded_sample_by_sample),
		cmocka_unit_test(chunks_of_any_length_are_filled),
		cmocka_unit_test(single_losses_are_concealed_without_holes_or_clicks),
		cmocka_unit_test(where_packets_carry_fec_losses_are_rebuilt),
		cmocka_unit_test(a_long_gap_fades_to_noise_then_silence_and_back_smoothly),
		cmocka_unit_test(a_stall_of_the_machine_is_made_good),
		cmocka_unit_test(where_a_lost_packet_is_passed_over_there_is_no_step),
		cmocka_unit_test(broken_payloads_are_refused_or_concealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
