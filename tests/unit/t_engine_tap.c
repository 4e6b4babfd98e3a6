/* Who listens to both sides of an engine, and how loud it plays: what is heard, when, and what is kept from him. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "media/engine_priv.h"

struct ear {			/* what came on one side, and when its first sample was */
	gint16 pcm[20 * AUDIO_RATE];
	size_t len;
	gint64 first_us, last_us;
};

struct ears { struct ear sent, heard; struct audio_tap tap; };

static void listen(struct ear *ear, const gint16 *pcm, size_t n, gint64 at_us)
{
	assert_true(ear->len + n <= G_N_ELEMENTS(ear->pcm));
	memcpy(ear->pcm + ear->len, pcm, n * sizeof(*pcm));
	if (!ear->len)
		ear->first_us = at_us;
	ear->last_us = at_us;
	ear->len += n;
}

static void sent(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
	listen(&((struct ears *)self)->sent, pcm, n, at_us);
}

static void heard(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
	listen(&((struct ears *)self)->heard, pcm, n, at_us);
}

static struct ears *attach(struct rig *f)
{
	struct ears *ears = g_new0(struct ears, 1);

	ears->tap = (struct audio_tap){.sent = sent, .heard = heard, .self = ears};
	engine_record(f->e, &ears->tap);
	return ears;
}

/* ---- what is heard, and when ---- */

static void what_is_sent_is_heard_as_it_is_with_the_moment_it_was_spoken(void **state)
{
	struct rig *f = *state;
	struct ears *ears;

	rig_create(f);
	ears = attach(f);
	engine_start(f->e, f->now);
	rig_run(f, S);
	assert_in_range(ears->sent.len, 49 * FRAME, 50 * FRAME);
	assert_memory_equal(ears->sent.pcm, f->speech, ears->sent.len * sizeof(gint16));
	assert_in_range(ears->sent.first_us, START, START + 1500);
	assert_in_range(ears->sent.last_us, START + (gint64)(ears->sent.len / FRAME - 1) * FRAME_US,
			START + (gint64)(ears->sent.len / FRAME - 1) * FRAME_US + 1500);
	g_free(ears);
}

static void what_is_played_is_heard_as_the_output_gets_it(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	struct ears *ears;

	rig_create(f);
	ears = attach(f);
	engine_start(f->e, f->now);
	rig_hear_for(f, peer, 1, 1, 50);
	assert_true(ears->heard.len > 45 * FRAME);
	assert_int_equal(ears->heard.len, f->out.len);
	assert_memory_equal(ears->heard.pcm, f->out.pcm, f->out.len * sizeof(gint16));
	assert_in_range(ears->heard.first_us, START - 1500, START + 1500);	/* the output asked for what is over */
	assert_true(fake_rms(ears->heard.pcm, ears->heard.len) > 100);
	encoder_free(peer);
	g_free(ears);
}

static size_t queued(void *self)
{
	return 4800;
}

static void what_a_device_keeps_is_heard_when_it_is_played(void **state)
{
	struct rig *f = *state;
	struct ears *ears;

	rig_create(f);
	f->e->out.queued = queued;
	ears = attach(f);
	engine_start(f->e, f->now);
	rig_run(f, S);
	assert_in_range(ears->heard.first_us, START + 100000, START + 100000 + FRAME_US);
	assert_in_range(ears->heard.last_us, START + S + 100000 - FRAME_US, START + S + 100000);
	g_free(ears);
}

static void without_ends_both_sides_are_silence_in_time(void **state)
{
	struct rig *f = *state;
	struct ears *ears;

	f->no_in = f->no_out = TRUE;
	rig_create(f);
	ears = attach(f);
	engine_start(f->e, f->now);
	rig_run(f, S);
	assert_in_range(ears->sent.len, 49 * FRAME, 51 * FRAME);
	assert_in_range(ears->heard.len, 49 * FRAME, 51 * FRAME);
	assert_true(fake_rms(ears->sent.pcm, ears->sent.len) == 0);
	g_free(ears);
}

static void nobody_hears_any_more_once_the_tap_is_gone(void **state)
{
	struct rig *f = *state;
	struct ears *ears;
	size_t len;

	rig_start(f);
	ears = attach(f);
	rig_run(f, S / 2);
	len = ears->sent.len;
	engine_record(f->e, NULL);
	rig_run(f, S / 2);
	assert_true(len > 0 && ears->sent.len == len);
	g_free(ears);
}

/* ---- what the peer cannot hear ---- */

static void muted_and_held_are_silence(void **state)
{
	struct rig *f = *state;
	struct ears *ears;
	size_t at;

	rig_start(f);
	ears = attach(f);
	rig_run(f, S);
	assert_true(fake_rms(ears->sent.pcm, ears->sent.len) > 100);
	engine_mute(f->e, TRUE);
	at = ears->sent.len + FRAME;
	rig_run(f, S / 2);
	assert_true(fake_rms(ears->sent.pcm + at, ears->sent.len - at) == 0);
	engine_mute(f->e, FALSE);
	engine_hold(f->e, FALSE, FALSE);
	at = ears->sent.len + FRAME;
	rig_run(f, S / 2);
	assert_true(fake_rms(ears->sent.pcm + at, ears->sent.len - at) == 0);
	assert_in_range(ears->sent.len, 99 * FRAME, 100 * FRAME);
	g_free(ears);
}

static void muted_from_the_beginning_not_even_that_is_heard(void **state)
{
	struct rig *f = *state;
	struct ears *ears;

	for (size_t i = 0; i < 4 * AUDIO_RATE; i++)
		f->speech[i] = 5000;
	rig_create(f);
	ears = attach(f);
	engine_mute(f->e, TRUE);
	engine_start(f->e, f->now);
	rig_run(f, S / 2);
	assert_true(ears->sent.len > 0);
	assert_true(fake_rms(ears->sent.pcm, ears->sent.len) == 0);
	g_free(ears);
}

static void a_touch_tone_is_silence(void **state)
{
	struct rig *f = *state;
	struct ears *ears;

	for (size_t i = 0; i < 4 * AUDIO_RATE; i++)
		f->speech[i] = 5000;
	f->params.event_hz = 48000;
	f->params.event_pt = 101;
	rig_start(f);
	ears = attach(f);
	assert_true(engine_dtmf(f->e, "1"));
	rig_run(f, S);
	assert_true(ears->sent.pcm[0] == 0 && ears->sent.pcm[3 * FRAME] == 0);
	assert_int_equal(ears->sent.pcm[ears->sent.len - 1], 5000);
	assert_in_range(ears->sent.len, 49 * FRAME, 50 * FRAME);
	g_free(ears);
}

/* ---- loudness ---- */

static void volume_changes_what_is_played_and_not_what_is_recorded(void **state)
{
	struct rig *f = *state;
	struct encoder *peer = encoder_new(&f->params, NULL);
	struct ears *ears;
	double plain, loud;
	size_t at;

	for (size_t i = 0; i < 4 * AUDIO_RATE; i++)
		f->speech[i] = (gint16)lrint(4000 * sin(2 * G_PI * 500 * (double)i / AUDIO_RATE));
	rig_start(f);
	ears = attach(f);
	rig_hear_for(f, peer, 1, 1, 50);
	engine_volume(f->e, 200);
	rig_hear_for(f, peer, 1, 51, 50);
	at = f->out.len - 20 * FRAME;
	plain = fake_rms(ears->heard.pcm + at, 20 * FRAME);
	loud = fake_rms(f->out.pcm + at, 20 * FRAME);
	assert_true(plain > 1000);
	assert_true(fabs(loud / plain - 2) < 0.01);
	engine_volume(f->e, 0);
	rig_hear_for(f, peer, 1, 101, 10);
	assert_true(fake_rms(f->out.pcm + f->out.len - 5 * FRAME, 5 * FRAME) == 0);
	assert_true(fake_rms(ears->heard.pcm + ears->heard.len - 5 * FRAME, 5 * FRAME) > 1000);
	encoder_free(peer);
	g_free(ears);
}

static gint16 apply_one(unsigned percent, gint16 x)
{
	gint16 pcm[AUDIO_RATE / 10];
	struct volume v;

	volume_init(&v);
	volume_set(&v, percent);
	for (size_t i = 0; i < G_N_ELEMENTS(pcm); i++)
		pcm[i] = x;
	volume_apply(&v, pcm, G_N_ELEMENTS(pcm));
	return pcm[G_N_ELEMENTS(pcm) - 1];
}

static void full_scale_stays_full_scale_and_nothing_wraps(void **state)
{
	static const unsigned percents[] = {0, 1, 50, 99, 100, 101, 150, 200};

	for (size_t i = 0; i < G_N_ELEMENTS(percents); i++) {
		gint16 before = apply_one(percents[i], -32768);

		for (int x = -32768; x < 32767; x += 91) {
			gint16 now = apply_one(percents[i], (gint16)x);

			if (now < before)
				fail_msg("%u %%: %d becomes %d, after %d", percents[i], x, now, before);
			before = now;
		}
		assert_in_range(apply_one(percents[i], 32767), MIN(percents[i], 100u) * 327, MIN(percents[i], 100u) * 328);
	}
	assert_int_equal(apply_one(100, 31234), 31234);
	assert_int_equal(apply_one(50, -3000), -1500);
	assert_int_equal(apply_one(200, 8000), 16000);
	assert_int_equal(apply_one(4000, 100), 200);
}

static void a_change_makes_no_click(void **state)
{
	gint16 pcm[AUDIO_RATE / 10], last = 30000;
	struct volume v;

	volume_init(&v);
	for (int pass = 0; pass < 4; pass++) {
		for (size_t i = 0; i < G_N_ELEMENTS(pcm); i++)
			pcm[i] = 30000;
		volume_set(&v, (unsigned[]){100, 200, 0, 100}[pass]);
		volume_apply(&v, pcm, G_N_ELEMENTS(pcm));
		for (size_t i = 0; i < G_N_ELEMENTS(pcm); i++) {
			if (abs(pcm[i] - last) > 100)
				fail_msg("pass %d: %d is followed by %d", pass, last, pcm[i]);
			last = pcm[i];
		}
	}
	assert_int_equal(pcm[G_N_ELEMENTS(pcm) - 1], 30000);
}

#define with(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(what_is_sent_is_heard_as_it_is_with_the_moment_it_was_spoken),
		with(what_is_played_is_heard_as_the_output_gets_it),
		with(what_a_device_keeps_is_heard_when_it_is_played),
		with(without_ends_both_sides_are_silence_in_time),
		with(nobody_hears_any_more_once_the_tap_is_gone),
		with(muted_and_held_are_silence),
		with(muted_from_the_beginning_not_even_that_is_heard),
		with(a_touch_tone_is_silence),
		with(volume_changes_what_is_played_and_not_what_is_recorded),
		cmocka_unit_test(full_scale_stays_full_scale_and_nothing_wraps),
		cmocka_unit_test(a_change_makes_no_click),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
