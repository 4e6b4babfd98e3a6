/* Two streams on one line of time: what drifts apart is joined again, what is missing is silence, and all else is left as it is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio/timeline.h"
#include "types.h"

enum { FRAME = AUDIO_RATE / 50, FRAME_US = 20000, MS = AUDIO_RATE / 1000 };
#define START 5000000ll
#define S 1000000ll

struct rig {
	struct timeline *t;
	gint64 now;
	GArray *out[2];			/* gint16 */
};

static struct rig rig_new(void)
{
	struct rig r = {.t = timeline_new(), .now = START};

	for (int i = 0; i < 2; i++)
		r.out[i] = g_array_new(FALSE, FALSE, sizeof(gint16));
	return r;
}

static void rig_free(struct rig *r)
{
	timeline_free(r->t);
	for (int i = 0; i < 2; i++)
		g_array_unref(r->out[i]);
}

static void take(struct rig *r)
{
	gint16 sent[1000], heard[1000];
	size_t n;

	while ((n = timeline_get(r->t, r->now, sent, heard, 1000)) > 0) {
		g_array_append_vals(r->out[0], sent, (guint)n);
		g_array_append_vals(r->out[1], heard, (guint)n);
	}
}

static void end(struct rig *r)
{
	timeline_end(r->t);
	take(r);
	assert_int_equal(r->out[0]->len, r->out[1]->len);
}

static gint16 at(const struct rig *r, int side, size_t i)
{
	assert_true(i < r->out[side]->len);
	return g_array_index(r->out[side], gint16, i);
}

/* Each sample says which it is. */
static void put_run(struct rig *r, unsigned side, gint16 from, size_t n, gint64 at_us)
{
	gint16 pcm[AUDIO_RATE];

	for (size_t i = 0; i < n; i++)
		pcm[i] = (gint16)(from + (gint16)i);
	timeline_put(r->t, side, pcm, n, at_us);
}

/* One second of SIDE in frames from AT_US on, of which each comes LATE_US late. */
static void put_second(struct rig *r, unsigned side, gint16 from, gint64 at_us, gint64 late_us)
{
	for (int i = 0; i < 25; i++)
		put_run(r, side, (gint16)(from + i * FRAME), FRAME, at_us + i * FRAME_US + late_us);
}

static void assert_run(const struct rig *r, int side, gint16 from, size_t n, size_t where)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(at(r, side, where + i), (gint16)(from + (gint16)i));
}

static void assert_silence(const struct rig *r, int side, size_t from, size_t until)
{
	for (size_t i = from; i < until; i++)
		assert_int_equal(at(r, side, i), 0);
}

/* ---- in the regular case ---- */

static void what_keeps_time_is_left_as_it_is(void **state)
{
	struct rig r = rig_new();

	put_second(&r, TIMELINE_SENT, 1000, START, 0);
	put_second(&r, TIMELINE_HEARD, -20000, START, 0);
	r.now += S / 2;
	end(&r);
	assert_int_equal(r.out[0]->len, 25 * FRAME);
	assert_run(&r, 0, 1000, 25 * FRAME, 0);
	assert_run(&r, 1, -20000, 25 * FRAME, 0);
	rig_free(&r);
}

static void nothing_is_given_before_it_is_settled_and_all_of_it_soon_after(void **state)
{
	struct rig r = rig_new();

	put_second(&r, TIMELINE_SENT, 1000, START, 0);
	put_second(&r, TIMELINE_HEARD, 1000, START, 0);
	r.now = START + 100000;
	take(&r);
	assert_int_equal(r.out[0]->len, 0);
	r.now = START + S / 2 + 200000;
	take(&r);
	assert_int_equal(r.out[0]->len, 25 * FRAME);
	rig_free(&r);
}

static void a_side_that_begins_later_has_silence_before(void **state)
{
	struct rig r = rig_new();

	put_second(&r, TIMELINE_SENT, 1000, START, 0);
	put_second(&r, TIMELINE_HEARD, 1000, START + 123000, 0);
	end(&r);
	assert_run(&r, 0, 1000, 25 * FRAME, 0);
	assert_silence(&r, 1, 0, 123 * MS);
	assert_run(&r, 1, 1000, 25 * FRAME, 123 * MS);
	rig_free(&r);
}

static void the_earlier_side_begins_the_line_whichever_is_told_first(void **state)
{
	struct rig r = rig_new();

	put_run(&r, TIMELINE_HEARD, 1000, FRAME, START + 30000);
	take(&r);
	put_run(&r, TIMELINE_SENT, 5000, FRAME, START);
	end(&r);
	assert_run(&r, 0, 5000, FRAME, 0);
	assert_run(&r, 1, 1000, FRAME, 30 * MS);
	rig_free(&r);
}

/* ---- what is missing, and what is late ---- */

static void a_gap_is_silence_just_where_it_is(void **state)
{
	struct rig r = rig_new();

	put_second(&r, TIMELINE_SENT, 1000, START, 0);
	put_second(&r, TIMELINE_SENT, 5000, START + S / 2 + 300000, 0);
	end(&r);
	assert_run(&r, 0, 1000, 25 * FRAME, 0);
	assert_silence(&r, 0, 25 * FRAME, 25 * FRAME + 300 * MS);
	assert_run(&r, 0, 5000, 25 * FRAME, 25 * FRAME + 300 * MS);
	rig_free(&r);
}

static void a_machine_that_stalled_loses_nothing(void **state)
{
	struct rig r = rig_new();

	for (int i = 0; i < 50; i++)		/* frames 10 to 17 come together with the 18th */
		put_run(&r, TIMELINE_SENT, (gint16)(1 + i * FRAME % 20000), FRAME, START + (i >= 10 && i < 18 ? 18 : i) * FRAME_US);
	end(&r);
	assert_int_equal(r.out[0]->len, 50 * FRAME);
	for (int i = 0; i < 50; i++)
		assert_run(&r, 0, (gint16)(1 + i * FRAME % 20000), FRAME, (size_t)i * FRAME);
	rig_free(&r);
}

static void a_side_that_says_nothing_is_silent_and_holds_nobody_up(void **state)
{
	struct rig r = rig_new();

	for (int i = 0; i < 200; i++, r.now += FRAME_US) {
		put_run(&r, TIMELINE_HEARD, 1000, FRAME, r.now);
		take(&r);
	}
	assert_in_range(r.out[0]->len, 200 * FRAME - (TIMELINE_PATIENCE_MS + 20) * MS, 200 * FRAME - TIMELINE_PATIENCE_MS * MS);
	assert_silence(&r, 0, 0, r.out[0]->len);
	assert_run(&r, 1, 1000, FRAME, 0);
	rig_free(&r);
}

static void what_comes_after_its_time_was_written_is_left_out_and_the_rest_is_in_place(void **state)
{
	struct rig r = rig_new();

	put_run(&r, TIMELINE_SENT, 1, FRAME, START);
	put_run(&r, TIMELINE_HEARD, 1, FRAME, START);
	r.now = START + 2 * S;
	take(&r);
	for (int i = 1; i <= 100; i++)		/* two seconds at once, */
		put_run(&r, TIMELINE_SENT, 5000, FRAME, r.now);
	for (int i = 1; i <= 100; i++) {	/* then all goes on */
		put_run(&r, TIMELINE_SENT, 7000, FRAME, r.now + i * FRAME_US);
		put_run(&r, TIMELINE_HEARD, 7000, FRAME, r.now + i * FRAME_US);
	}
	r.now += 3 * S;
	end(&r);
	for (size_t i = 102; i < 198; i++)
		assert_int_equal(at(&r, 0, (i + 3) * FRAME - 5 * MS), at(&r, 1, (i + 3) * FRAME - 5 * MS));
	rig_free(&r);
}

/* More came than time has passed, or less: either way all that follows is in place at once. */
static void after_a_jump_all_is_in_place(void **state)
{
	static const int jumps_ms[] = {50, 60, 130, -45, -60, -130, -1010};

	for (size_t k = 0; k < G_N_ELEMENTS(jumps_ms); k++) {
		struct rig r = rig_new();
		size_t late = (size_t)(jumps_ms[k] < 0 ? -jumps_ms[k] : 0) * MS, more = (size_t)(jumps_ms[k] > 0 ? jumps_ms[k] : 0) * MS;

		for (int i = 0; i < 200; i++) {
			gint64 at_us = START + i * FRAME_US;

			put_run(&r, TIMELINE_HEARD, 1, FRAME, at_us);
			if (i == 100 && more)
				put_run(&r, TIMELINE_SENT, 9, more, at_us);
			if (i < 100 || (size_t)(i - 100) * FRAME >= late)
				put_run(&r, TIMELINE_SENT, 1, FRAME, at_us);
		}
		end(&r);
		for (size_t i = 0; i < 20 * FRAME; i++)
			assert_int_equal(at(&r, 0, 170 * FRAME + i), at(&r, 1, 170 * FRAME + i));
		assert_int_equal(r.out[0]->len, 200 * FRAME);
		rig_free(&r);
	}
}

static void a_long_stop_is_told_piece_by_piece(void **state)
{
	struct rig r = rig_new();
	gint16 sent[1000], heard[1000];
	guint64 n = 0, got;

	put_run(&r, TIMELINE_SENT, 1, FRAME, START);
	put_run(&r, TIMELINE_SENT, 1, FRAME, START + 3600 * S);
	timeline_end(r.t);
	while ((got = timeline_get(r.t, START + 3600 * S, sent, heard, 1000)) > 0)
		n += got;
	assert_int_equal(n, 3600ull * AUDIO_RATE + FRAME);
	rig_free(&r);
}

/* ---- clocks that drift apart ---- */

/* A wave that says by its value what time it is: 80 more, or less, in each ms. */
static gint16 wave(double s)
{
	double phase = s - floor(s);

	return (gint16)lrint(phase < 0.5 ? -20000 + 80000 * phase : 60000 - 80000 * phase);
}

struct drifting {
	double ppm;
	guint64 done;			/* [samples] */
};

static void speak(struct rig *r, unsigned side, struct drifting *d, guint32 *random)
{
	double rate = AUDIO_RATE * (1 + d->ppm * 1e-6);
	gint16 pcm[FRAME];

	while ((double)(d->done + FRAME) / rate * 1e6 <= (double)(r->now - START)) {
		for (guint i = 0; i < FRAME; i++)
			pcm[i] = wave((double)(d->done + i) / rate);
		*random = *random * 1664525 + 1013904223;
		timeline_put(r->t, side, pcm, FRAME, START + (gint64)((double)d->done / rate * 1e6) + (*random >> 16) % 3000);
		d->done += FRAME;
	}
}

struct judged { int apart, step; gint16 last; gboolean begun; };

/* How far the sides are apart at most, and the largest step from sample to sample, in what was given; all of it is dropped. */
static void judge(struct rig *r, struct judged *j)
{
	gint16 sent[2000], heard[2000];
	size_t n;

	while ((n = timeline_get(r->t, r->now, sent, heard, 2000)) > 0)
		for (size_t i = 0; i < n; i++) {
			j->apart = MAX(j->apart, abs(sent[i] - heard[i]));
			if (j->begun)
				j->step = MAX(j->step, abs(sent[i] - j->last));
			j->last = sent[i];
			j->begun = TRUE;
		}
}

static void assert_hour_stays_aligned(double ppm)
{
	struct rig r = rig_new();
	struct drifting sent = {.ppm = ppm}, heard = {.ppm = 0};
	struct judged j = {0};
	guint32 random = 1;

	for (gint64 until = START + 3600 * S; r.now < until; r.now += 250000) {
		speak(&r, TIMELINE_SENT, &sent, &random);
		speak(&r, TIMELINE_HEARD, &heard, &random);
		judge(&r, &j);
	}
	if (j.apart > 12 * 80)
		fail_msg("%.0f ppm: %.1f ms apart", ppm, j.apart / 80.0);
	if (j.step > 3)				/* of itself the wave makes steps of 1 and 2 */
		fail_msg("%.0f ppm: a step of %d", ppm, j.step);
	rig_free(&r);
}

static void an_hour_of_drifting_clocks_stays_aligned_without_steps(void **state)
{
	assert_hour_stays_aligned(200);
	assert_hour_stays_aligned(-200);
}

/* A tone that is made longer is the same tone, without a click. */
static void steering_leaves_no_mark_on_a_tone(void **state)
{
	struct rig r = rig_new();
	double worst = 0;

	for (int i = 0; i < 1000; i++) {	/* 1000 ppm */
		gint16 pcm[FRAME];

		for (int k = 0; k < FRAME; k++)
			pcm[k] = (gint16)lrint(10000 * sin(2 * G_PI * 440 / AUDIO_RATE * (i * FRAME + k)));
		timeline_put(r.t, TIMELINE_SENT, pcm, FRAME, START + (gint64)(i * FRAME_US * 1.001));
	}
	end(&r);
	assert_in_range(r.out[0]->len, 1000 * FRAME + 10 * MS, 1000 * FRAME + 30 * MS);
	for (size_t i = 1; i + 2 < r.out[0]->len; i++) {	/* what is left of a sine whose next sample is foretold by the last two */
		double told = 2 * cos(2 * G_PI * 440 / AUDIO_RATE) * at(&r, 0, i) - at(&r, 0, i - 1);

		worst = fmax(worst, fabs(at(&r, 0, i + 1) - told));
	}
	if (worst > 10)
		fail_msg("a step of %.0f", worst);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_keeps_time_is_left_as_it_is),
		cmocka_unit_test(nothing_is_given_before_it_is_settled_and_all_of_it_soon_after),
		cmocka_unit_test(a_side_that_begins_later_has_silence_before),
		cmocka_unit_test(the_earlier_side_begins_the_line_whichever_is_told_first),
		cmocka_unit_test(a_gap_is_silence_just_where_it_is),
		cmocka_unit_test(a_machine_that_stalled_loses_nothing),
		cmocka_unit_test(a_side_that_says_nothing_is_silent_and_holds_nobody_up),
		cmocka_unit_test(what_comes_after_its_time_was_written_is_left_out_and_the_rest_is_in_place),
		cmocka_unit_test(after_a_jump_all_is_in_place),
		cmocka_unit_test(a_long_stop_is_told_piece_by_piece),
		cmocka_unit_test(an_hour_of_drifting_clocks_stays_aligned_without_steps),
		cmocka_unit_test(steering_leaves_no_mark_on_a_tone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
