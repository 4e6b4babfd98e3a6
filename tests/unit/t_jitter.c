/* The jitter buffer: what is played in which order, and when; everything by number, no sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media/jitter.h"

enum { HZ = 48000, FRAME = 960, MS = 1000, SECOND = 1000000 };

/* ---- packets by hand ---- */

static enum jitter_put put(struct jitter *j, uint16_t seq, uint32_t ts, int64_t now_us)
{
	struct jitter_packet packet = {.seq = seq, .ts = ts, .duration_ts = FRAME, .payload = (const uint8_t *)&seq,
				       .len = sizeof(seq)};

	return jitter_put(j, &packet, now_us);
}

static int get(struct jitter *j, int64_t now_us, enum jitter_do expected)
{
	struct jitter_step step;
	uint16_t seq = 0;

	jitter_ask(j, now_us, FRAME);
	jitter_get(j, now_us, 0, &step);
	assert_int_equal(step.act, expected);
	if (step.payload) {
		assert_int_equal(step.len, sizeof(seq));
		memcpy(&seq, step.payload, sizeof(seq));
	}
	return step.payload ? seq : -1;
}

static void before_the_first_packet_it_waits(void **state)
{
	struct jitter *j = jitter_new(HZ);

	assert_int_equal(get(j, 0, JITTER_WAIT), -1);
	assert_false(jitter_ready(j));
	assert_int_equal(jitter_steer(j, 0), 0);
	jitter_free(j);
}

static void the_first_packet_is_played_at_once(void **state)
{
	struct jitter *j = jitter_new(HZ);

	assert_int_equal(put(j, 7, 0, 100), JITTER_KEPT);
	assert_true(jitter_ready(j));
	assert_int_equal(get(j, 200, JITTER_PLAY), 7);
	jitter_free(j);
}

static void packets_come_out_in_order_across_the_wraps(void **state)
{
	struct jitter *j = jitter_new(HZ);
	uint16_t seq = 65500;
	uint32_t ts = UINT32_MAX - 40 * FRAME;

	for (int i = 0; i < 100; i += 2) {		/* each pair the wrong way round */
		int64_t now = (int64_t)i * 20 * MS;

		if (i == 0)
			put(j, seq, ts, now);
		put(j, (uint16_t)(seq + i + 2), ts + (uint32_t)(i + 2) * FRAME, now);
		put(j, (uint16_t)(seq + i + 1), ts + (uint32_t)(i + 1) * FRAME, now);
		assert_int_equal(get(j, now + MS, JITTER_PLAY), (uint16_t)(seq + i));
		assert_int_equal(get(j, now + 21 * MS, JITTER_PLAY), (uint16_t)(seq + i + 1));
	}
	jitter_free(j);
}

static void duplicates_are_told_before_and_after_playing(void **state)
{
	struct jitter *j = jitter_new(HZ);

	assert_int_equal(put(j, 1, 0, 0), JITTER_KEPT);
	assert_int_equal(put(j, 1, 0, 0), JITTER_DUPLICATE);
	get(j, 1, JITTER_PLAY);
	assert_int_equal(put(j, 1, 0, 2), JITTER_DUPLICATE);
	get(j, 20 * MS, JITTER_STARVED);
	jitter_free(j);
}

static void a_lost_packet_is_told_with_the_next_ones_fec(void **state)
{
	struct jitter *j = jitter_new(HZ);

	put(j, 1, 0, 0);
	assert_int_equal(get(j, MS, JITTER_PLAY), 1);
	put(j, 3, 2 * FRAME, 21 * MS);
	assert_int_equal(get(j, 22 * MS, JITTER_LOST), 3);
	assert_int_equal(put(j, 2, FRAME, 23 * MS), JITTER_LATE);
	assert_int_equal(get(j, 42 * MS, JITTER_PLAY), 3);
	jitter_free(j);
}

static void two_lost_in_a_row_are_told_one_by_one(void **state)
{
	struct jitter *j = jitter_new(HZ);

	put(j, 1, 0, 0);
	get(j, MS, JITTER_PLAY);
	put(j, 4, 3 * FRAME, 21 * MS);
	assert_int_equal(get(j, 22 * MS, JITTER_LOST), -1);
	assert_int_equal(get(j, 42 * MS, JITTER_LOST), 4);
	assert_int_equal(get(j, 62 * MS, JITTER_PLAY), 4);
	jitter_free(j);
}

static void what_starving_filled_is_not_concealed_again(void **state)
{
	struct jitter *j = jitter_new(HZ);

	put(j, 1, 0, 0);
	get(j, MS, JITTER_PLAY);
	get(j, 21 * MS, JITTER_STARVED);
	put(j, 3, 2 * FRAME, 40 * MS);
	assert_int_equal(get(j, 41 * MS, JITTER_PLAY), 3);
	jitter_free(j);
}

static void starving_invents_no_more_than_is_asked(void **state)
{
	struct jitter *j = jitter_new(HZ);
	struct jitter_step step;

	put(j, 1, 0, 0);
	get(j, MS, JITTER_PLAY);
	jitter_ask(j, 21 * MS, FRAME);
	jitter_get(j, 21 * MS, FRAME - 100, &step);
	assert_int_equal(step.act, JITTER_STARVED);
	assert_int_equal(step.duration_ts, 120);	/* steps of 2.5 ms */
	jitter_free(j);
}

static void a_late_packet_is_played_when_nothing_follows_it_yet(void **state)
{
	struct jitter *j = jitter_new(HZ);

	put(j, 1, 0, 0);
	get(j, MS, JITTER_PLAY);
	get(j, 21 * MS, JITTER_STARVED);
	put(j, 2, FRAME, 30 * MS);
	assert_int_equal(get(j, 41 * MS, JITTER_PLAY), 2);
	jitter_free(j);
}

static void a_pause_of_the_peer_is_no_loss(void **state)
{
	struct jitter *j = jitter_new(HZ);
	int played = -1;

	for (int i = 0; i < 50; i++) {
		put(j, (uint16_t)i, (uint32_t)i * FRAME, (int64_t)i * 20 * MS);
		get(j, (int64_t)i * 20 * MS + 5 * MS, JITTER_PLAY);
	}
	for (int i = 50; i < 70; i++)
		get(j, (int64_t)i * 20 * MS + 5 * MS, JITTER_STARVED);
	put(j, 50, 72 * FRAME, 70 * 20 * MS);		/* 40 ms before it is due: the path became shorter */
	for (int i = 70; i < 75 && played < 0; i++) {
		struct jitter_step step;

		jitter_ask(j, (int64_t)i * 20 * MS + 5 * MS, FRAME);
		jitter_get(j, (int64_t)i * 20 * MS + 5 * MS, 0, &step);
		assert_true(step.act == JITTER_PAUSE || step.act == JITTER_PLAY);
		if (step.act == JITTER_PLAY)
			played = i;
	}
	assert_int_equal(played, 72);			/* those after it may need as long as those before did */
	jitter_free(j);
}

static void packets_here_before_a_pause_ends_wait_for_their_time(void **state)
{
	struct jitter *j = jitter_new(HZ);
	int paused = 0;

	for (int i = 0; i < 50; i++) {
		put(j, (uint16_t)i, (uint32_t)i * FRAME, (int64_t)i * 20 * MS);
		if (i < 45)
			get(j, (int64_t)i * 20 * MS + 5 * MS, JITTER_PLAY);
	}
	put(j, 50, 55 * FRAME, 55 * 20 * MS);		/* the player, 200 ms behind, reaches the gap after it came */
	for (int i = 45; i < 50; i++)
		get(j, (int64_t)(i + 8) * 20 * MS + 5 * MS, JITTER_PLAY);
	for (int i = 50; i < 60; i++) {
		struct jitter_step step;

		jitter_ask(j, (int64_t)(i + 3) * 20 * MS + 5 * MS, FRAME);
		jitter_get(j, (int64_t)(i + 3) * 20 * MS + 5 * MS, 0, &step);
		if (step.act == JITTER_PLAY)
			break;
		assert_int_equal(step.act, JITTER_PAUSE);
		paused++;
	}
	assert_in_range(paused, 2, 6);
	jitter_free(j);
}

static void two_odd_packets_are_a_new_beginning(void **state)
{
	struct jitter *j = jitter_new(HZ);

	put(j, 1, 0, 0);
	get(j, MS, JITTER_PLAY);
	assert_int_equal(put(j, 30000, 900000000, 20 * MS), JITTER_LATE);	/* one may be anything */
	assert_int_equal(put(j, 2, FRAME, 20 * MS), JITTER_KEPT);
	assert_int_equal(get(j, 21 * MS, JITTER_PLAY), 2);
	assert_int_equal(put(j, 30001, 900000960, 40 * MS), JITTER_LATE);
	assert_int_equal(put(j, 30002, 900001920, 60 * MS), JITTER_KEPT);
	assert_int_equal(get(j, 61 * MS, JITTER_PLAY), 30002);
	jitter_free(j);
}

static void a_reset_begins_with_whatever_comes(void **state)
{
	struct jitter *j = jitter_new(HZ);

	put(j, 1, 0, 0);
	put(j, 2, FRAME, 0);
	jitter_reset(j);
	assert_false(jitter_ready(j));
	get(j, MS, JITTER_WAIT);
	assert_int_equal(put(j, 40000, 5, 2 * MS), JITTER_KEPT);
	assert_int_equal(get(j, 3 * MS, JITTER_PLAY), 40000);
	jitter_free(j);
}

static void an_event_in_the_stream_is_no_loss_and_takes_no_time(void **state)
{
	struct jitter *j = jitter_new(HZ);
	int played = 0;

	assert_int_equal(put(j, 10, 0, 0), JITTER_KEPT);
	assert_int_equal(get(j, MS, JITTER_PLAY), 10);
	jitter_void(j, 11);
	jitter_void(j, 12);
	jitter_void(j, 12);
	get(j, 21 * MS, JITTER_STARVED);
	assert_int_equal(put(j, 13, 3 * FRAME, 60 * MS), JITTER_KEPT);
	assert_int_equal(put(j, 14, 4 * FRAME, 60 * MS), JITTER_KEPT);
	for (int ms = 61; ms < 200; ms += 20) {
		struct jitter_step step;

		jitter_ask(j, ms * MS, FRAME);
		jitter_get(j, ms * MS, 0, &step);
		assert_int_not_equal(step.act, JITTER_LOST);
		played += step.act == JITTER_PLAY;
	}
	assert_int_equal(played, 2);
	jitter_free(j);
}

static void events_before_anything_else_or_far_off_are_passed_over(void **state)
{
	struct jitter *j = jitter_new(HZ);

	jitter_void(j, 5);
	get(j, 0, JITTER_WAIT);
	put(j, 100, 0, 0);
	jitter_void(j, 99);
	jitter_void(j, 100);
	jitter_void(j, 5000);
	assert_int_equal(get(j, MS, JITTER_PLAY), 100);
	for (uint16_t seq = 101; seq < 1001; seq++)		/* bounded, like sound */
		jitter_void(j, seq);
	get(j, 21 * MS, JITTER_STARVED);
	jitter_free(j);
}

static void it_holds_a_bounded_number_and_lets_the_oldest_go(void **state)
{
	struct jitter *j = jitter_new(HZ);
	uint8_t big[1276] = {0};

	assert_int_equal(jitter_put(j, &(struct jitter_packet){.duration_ts = FRAME, .payload = big, .len = sizeof(big)}, 0),
			 JITTER_OVERFLOW);
	assert_int_equal(jitter_put(j, &(struct jitter_packet){.payload = big, .len = 10}, 0), JITTER_OVERFLOW);
	for (int i = 0; i < 900; i++)
		assert_int_equal(put(j, (uint16_t)i, (uint32_t)i * FRAME, (int64_t)i * 20 * MS), JITTER_KEPT);
	assert_int_equal(get(j, 900 * 20 * MS, JITTER_PLAY), 700);
	jitter_free(j);
}

/* ---- a player on a line ---- */

struct line {
	struct jitter *j;
	int64_t phase_us, ask_us, ask_jitter_us, jitter_us, stall_at_us, stall_us;
	double ppm, loss;
	unsigned seed;
	bool exact;			/* the sound can be scaled by any length at any time */
	int64_t outlier_us;		/* one packet in sixty is later by that */
	int next, queued;
	int starved, lost, dropped, scaled, scales;	/* counts; samples for SCALED */
};

static double uniform(struct line *l)
{
	l->seed = l->seed * 1103515245u + 12345u;
	return (double)(l->seed >> 8 & 0xffff) / 65536;
}

static int64_t spread(struct line *l, int64_t by_us)
{
	return (int64_t)((uniform(l) * 2 - 1) * (double)by_us);
}

static int64_t arrival(struct line *l)
{
	int64_t sent = (int64_t)l->next * 20 * MS, at = sent + 40 * MS + (int64_t)(uniform(l) * (double)l->jitter_us);

	if (l->outlier_us && l->next % 60 == 59)
		at += l->outlier_us;
	if (l->stall_us && sent >= l->stall_at_us && sent < l->stall_at_us + l->stall_us)
		at = l->stall_at_us + l->stall_us + 40 * MS;
	return at;
}

static void take(struct line *l, int64_t now_us)
{
	struct jitter_step step;

	jitter_get(l->j, now_us, (uint32_t)l->queued, &step);
	l->starved += step.act == JITTER_STARVED;
	l->lost += step.act == JITTER_LOST;
	l->dropped += (int)step.dropped;
	l->queued += step.act == JITTER_WAIT ? FRAME : (int)step.duration_ts;
	assert_true(step.duration_ts <= 4 * FRAME);
}

static void scale(struct line *l, int n, int64_t now_us)
{
	int wanted = jitter_steer(l->j, now_us);

	while (wanted < 0 && l->queued < 3 * FRAME / 2 && jitter_ready(l->j))
		take(l, now_us);
	if (wanted < 0 && !jitter_ready(l->j) && wanted < n - l->queued)
		wanted = n - l->queued;
	wanted = wanted > 480 ? 480 : wanted < -480 ? -480 : wanted;
	if (!l->exact)
		wanted -= wanted % 240;			/* a pitch period of 5 ms */
	if (!wanted)
		return;
	l->queued += wanted;
	l->scaled += abs(wanted);
	l->scales++;
	jitter_scaled(l->j, wanted);
}

/* Runs from FROM to TO [us]; the player asks for ask_us at a time. */
static void run(struct line *l, int64_t from_us, int64_t to_us)
{
	int64_t due = arrival(l);
	int n = (int)(l->ask_us * HZ / SECOND);

	for (int64_t tick = from_us; tick < to_us; tick += l->ask_us) {
		int64_t now = (int64_t)((double)tick * (1 + l->ppm * 1e-6)) + 40 * MS + l->phase_us + spread(l, l->ask_jitter_us);

		if (l->stall_us && now >= l->stall_at_us && now < l->stall_at_us + l->stall_us)
			now = l->stall_at_us + l->stall_us;	/* asks pile up, as packets do */
		for (; due <= now; due = arrival(l)) {
			if (uniform(l) >= l->loss)
				put(l->j, (uint16_t)l->next, (uint32_t)l->next * FRAME, due);
			l->next++;
		}
		jitter_ask(l->j, now, (uint32_t)n);
		if (l->queued < n) {
			int starved = l->starved;

			while (l->queued < n)
				take(l, now);
			if (l->starved == starved)
				scale(l, n, now);
			while (l->queued < n)
				take(l, now);
		}
		l->queued -= n;
	}
}

static double delay_ms(const struct line *l, int64_t at_us)
{
	return jitter_delay_ms(l->j, (int64_t)((double)at_us * (1 + l->ppm * 1e-6)) + 40 * MS + l->phase_us, (uint32_t)l->queued);
}

static void a_quiet_line_is_left_alone(void **state)
{
	static const int64_t asks[] = {5 * MS, 10 * MS, 20 * MS};

	for (int64_t phase = 1 * MS; phase < 20 * MS; phase += 3 * MS)
		for (size_t i = 0; i < 3; i++) {
			struct line l = {.j = jitter_new(HZ), .phase_us = phase, .ask_us = asks[i], .seed = 1, .exact = true};

			run(&l, 0, 2 * SECOND);
			l.starved = l.scaled = 0;
			run(&l, 2 * SECOND, 62 * SECOND);
			assert_int_equal(l.starved + l.lost + l.dropped + l.scaled, 0);
			assert_true(delay_ms(&l, 62 * SECOND) <= (double)(phase % asks[i] + asks[i]) / MS + 0.1);
			jitter_free(l.j);
		}
}

static void a_player_of_uneven_habits_is_left_alone_after_a_while(void **state)
{
	for (int64_t phase = 0; phase < 20 * MS; phase += 4 * MS)
		for (int64_t ask = 10 * MS; ask <= 20 * MS; ask += 10 * MS) {
			struct line l = {.j = jitter_new(HZ), .phase_us = phase, .ask_us = ask, .ask_jitter_us = 3 * MS, .seed = 5};

			run(&l, 0, 5 * SECOND);
			l.starved = l.scaled = 0;
			run(&l, 5 * SECOND, 65 * SECOND);
			assert_int_equal(l.lost + l.dropped + l.scaled, 0);
			assert_true(l.starved <= 1);
			assert_true(delay_ms(&l, 65 * SECOND) < 40);
			jitter_free(l.j);
		}
}

/* Wherever the player's deadlines lie, one of them is right for long; short memory must not go up for the latest outlier
 * and down again. */
static void outliers_on_a_quiet_line_do_not_change_its_mind_all_the_time(void **state)
{
	for (int64_t phase_ms = 0; phase_ms < 10; phase_ms++) {
		struct line l = {.j = jitter_new(HZ), .phase_us = phase_ms * MS, .ask_us = 10 * MS, .jitter_us = 2 * MS,
				 .outlier_us = 5 * MS, .seed = 5};
		int scales;

		run(&l, 0, 10 * SECOND);
		scales = l.scales;
		run(&l, 10 * SECOND, 70 * SECOND);
		assert_in_range(l.scales - scales, 0, 4);
		jitter_free(l.j);
	}
}

static void drifting_clocks_are_absorbed_without_a_jump(void **state)
{
	for (int ppm = -200; ppm <= 200; ppm += 200)
		for (int64_t phase = 1 * MS; phase < 20 * MS; phase += 12 * MS) {
			struct line l = {.j = jitter_new(HZ), .phase_us = phase, .ask_us = 20 * MS, .ppm = ppm, .jitter_us = MS};

			run(&l, 0, 5 * SECOND);
			l.starved = l.lost = l.dropped = l.scaled = 0;
			run(&l, 5 * SECOND, 305 * SECOND);
			assert_int_equal(l.starved + l.lost + l.dropped, 0);
			assert_true(l.scaled <= abs(ppm) * 300 / 1000 * HZ / 1000 + 2 * FRAME);
			assert_true(delay_ms(&l, 305 * SECOND) < 45);
			jitter_free(l.j);
		}
}

static void a_stall_of_both_is_made_good_in_five_seconds(void **state)
{
	for (unsigned seed = 1; seed <= 5; seed++) {
		struct line l = {.j = jitter_new(HZ), .phase_us = seed * 3 * MS, .ask_us = 10 * MS, .seed = seed, .jitter_us = 3 * MS,
				 .stall_at_us = 20 * SECOND, .stall_us = 200 * MS};
		double before;

		run(&l, 0, 19 * SECOND);
		before = delay_ms(&l, 19 * SECOND);
		run(&l, 19 * SECOND, 25 * SECOND + 200 * MS);
		assert_true(delay_ms(&l, 25 * SECOND + 200 * MS) < before + 10);
		assert_true(l.lost + l.dropped <= 2);
		jitter_free(l.j);
	}
}

static void loss_costs_nothing_but_what_is_lost(void **state)
{
	for (unsigned seed = 1; seed <= 3; seed++) {
		struct line l = {.j = jitter_new(HZ), .phase_us = 7 * MS, .ask_us = 20 * MS, .seed = seed, .loss = 0.1};
		int share;

		run(&l, 0, 200 * SECOND);
		share = (l.starved + l.lost) * 1000 / 10000;
		assert_in_range(share, 85, 115);
		assert_true(delay_ms(&l, 200 * SECOND) < 50);
		jitter_free(l.j);
	}
}

static void where_fec_is_carried_it_waits_for_it(void **state)
{
	struct line l = {.j = jitter_new(HZ), .phase_us = 7 * MS, .ask_us = 20 * MS, .seed = 4, .loss = 0.1};

	for (int i = 0; i < 100; i++)
		jitter_fec(l.j, true);
	run(&l, 0, 10 * SECOND);
	l.starved = l.lost = 0;
	run(&l, 10 * SECOND, 70 * SECOND);
	assert_true(l.lost > 200);
	assert_true(l.starved < l.lost / 6);
	jitter_free(l.j);
}

static void anything_at_all_keeps_it_sane(void **state)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct line l = {.j = jitter_new(HZ), .seed = seed, .ask_us = 20 * MS};
		int64_t now = 0;

		for (int i = 0; i < 4000; i++) {
			unsigned what = (unsigned)(uniform(&l) * 100);

			now += (int64_t)(uniform(&l) * 30 * MS);
			if (what < 50)
				put(l.j, (uint16_t)(l.next + i % 7), (uint32_t)(l.next + i % 7) * FRAME, now);
			else if (what < 55)
				put(l.j, (uint16_t)(uniform(&l) * 65536), (uint32_t)(uniform(&l) * 4e9), now);
			else if (what < 56)
				jitter_reset(l.j);
			else
				run(&l, now, now + 20 * MS + 1);
			l.ask_us = 1 * MS + (int64_t)(uniform(&l) * 59 * MS);
			l.next = (int)(now / (20 * MS));
			assert_true(l.queued < 20 * FRAME);
		}
		jitter_free(l.j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_packet_it_waits),
		cmocka_unit_test(the_first_packet_is_played_at_once),
		cmocka_unit_test(packets_come_out_in_order_across_the_wraps),
		cmocka_unit_test(duplicates_are_told_before_and_after_playing),
		cmocka_unit_test(a_lost_packet_is_told_with_the_next_ones_fec),
		cmocka_unit_test(two_lost_in_a_row_are_told_one_by_one),
		cmocka_unit_test(what_starving_filled_is_not_concealed_again),
		cmocka_unit_test(starving_invents_no_more_than_is_asked),
		cmocka_unit_test(a_late_packet_is_played_when_nothing_follows_it_yet),
		cmocka_unit_test(a_pause_of_the_peer_is_no_loss),
		cmocka_unit_test(packets_here_before_a_pause_ends_wait_for_their_time),
		cmocka_unit_test(two_odd_packets_are_a_new_beginning),
		cmocka_unit_test(a_reset_begins_with_whatever_comes),
		cmocka_unit_test(an_event_in_the_stream_is_no_loss_and_takes_no_time),
		cmocka_unit_test(events_before_anything_else_or_far_off_are_passed_over),
		cmocka_unit_test(it_holds_a_bounded_number_and_lets_the_oldest_go),
		cmocka_unit_test(a_quiet_line_is_left_alone),
		cmocka_unit_test(a_player_of_uneven_habits_is_left_alone_after_a_while),
		cmocka_unit_test(outliers_on_a_quiet_line_do_not_change_its_mind_all_the_time),
		cmocka_unit_test(drifting_clocks_are_absorbed_without_a_jump),
		cmocka_unit_test(a_stall_of_both_is_made_good_in_five_seconds),
		cmocka_unit_test(loss_costs_nothing_but_what_is_lost),
		cmocka_unit_test(where_fec_is_carried_it_waits_for_it),
		cmocka_unit_test(anything_at_all_keeps_it_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
