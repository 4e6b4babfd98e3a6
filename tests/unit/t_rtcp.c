/* RTCP: the arithmetic of RFC 3550 A.1, A.3 and A.8, the reports as bytes, and what a peer's reports may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "media/rtcp.h"

enum { OURS = 0x11223344, THEIRS = 0x55667788, HZ = 48000 };
#define S 1000000ll

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int setup(void **state)
{
	*state = rtcp_new(OURS, "abcdefgh", HZ);
	return 0;
}

static int teardown(void **state)
{
	rtcp_free(*state);
	return 0;
}

/* N packets of 20 ms from SEQ and T on. */
static int64_t receive(struct rtcp *r, uint16_t seq, int n, int64_t t)
{
	for (int i = 0; i < n; i++, t += 20000)
		rtcp_received(r, THEIRS, (uint16_t)(seq + i), (uint32_t)(t * HZ / S), HZ, t);
	return t;
}

/* A report block of our stream at B. */
static void block(uint8_t *b, uint32_t ssrc, uint8_t fraction, uint32_t lsr, uint32_t dlsr)
{
	memset(b, 0, 24);
	put32(b, ssrc);
	b[4] = fraction;
	put32(b + 16, lsr);
	put32(b + 20, dlsr);
}

static size_t receiver_report(uint8_t *p, uint32_t about, uint8_t fraction, uint32_t lsr, uint32_t dlsr)
{
	static const uint8_t head[] = {0x81, 201, 0, 7};

	memcpy(p, head, 4);
	put32(p + 4, THEIRS);
	block(p + 8, about, fraction, lsr, dlsr);
	return 32;
}

static void a_silent_side_sends_an_empty_receiver_report_and_its_name(void **state)
{
	static const uint8_t want[] = {0x80, 201, 0, 1, 0x11, 0x22, 0x33, 0x44,
				       0x81, 202, 0, 4, 0x11, 0x22, 0x33, 0x44, 1, 8, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 0, 0};
	uint8_t out[256];
	size_t n = rtcp_report(*state, out, sizeof(out), false, S);

	assert_int_equal(n, sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

static void a_sender_says_what_it_sent_and_when(void **state)
{
	uint8_t out[256];

	rtcp_sent(*state, 5000, 60, 10 * S);
	rtcp_sent(*state, 5960, 70, 10 * S + 20000);
	rtcp_report(*state, out, sizeof(out), false, 10 * S + 30000);
	assert_int_equal(out[1], 200);
	assert_int_equal(out[0], 0x80);
	assert_int_equal(get32(out + 8), 2208988800u + 10);
	assert_int_equal(get32(out + 12), (uint32_t)((30000ull << 32) / S));
	assert_int_equal(get32(out + 16), 5960 + 480);		/* the timestamp of this moment, not of the last packet */
	assert_int_equal(get32(out + 20), 2);
	assert_int_equal(get32(out + 24), 130);
}

static void it_is_a_receiver_again_once_it_sends_no_more(void **state)
{
	uint8_t out[256];

	rtcp_sent(*state, 0, 60, S);
	rtcp_report(*state, out, sizeof(out), false, S);
	assert_int_equal(out[1], 200);
	rtcp_report(*state, out, sizeof(out), false, 4 * S);
	assert_int_equal(out[1], 201);
}

static void goodbye_ends_the_compound(void **state)
{
	static const uint8_t want[] = {0x81, 203, 0, 1, 0x11, 0x22, 0x33, 0x44};
	uint8_t out[256];
	size_t n = rtcp_report(*state, out, sizeof(out), true, S);

	assert_memory_equal(out + n - 8, want, 8);
	assert_int_equal(n % 4, 0);
}

static void a_report_that_has_no_room_is_not_written(void **state)
{
	uint8_t out[64] = {0};

	assert_int_equal(rtcp_report(*state, out, sizeof(out), true, S), 0);
	assert_int_equal(out[0], 0);
}

static void losses_are_counted_and_told(void **state)
{
	uint8_t out[256];
	int64_t t = receive(*state, 100, 50, S);

	t = receive(*state, 160, 40, t + 200000);		/* ten are missing */
	assert_int_equal(rtcp_lost(*state), 10);
	rtcp_report(*state, out, sizeof(out), false, t);
	assert_int_equal(get32(out + 8), THEIRS);
	assert_int_equal(out[12], 10 * 256 / 100);
	assert_int_equal(get32(out + 12) & 0xffffff, 10);
	assert_int_equal(get32(out + 16), 199);
	receive(*state, 200, 50, t);
	rtcp_report(*state, out, sizeof(out), false, t + S);
	assert_int_equal(out[12], 0);				/* the fraction is of this interval alone */
	assert_int_equal(get32(out + 12) & 0xffffff, 10);
}

static void sequence_numbers_wrap(void **state)
{
	uint8_t out[256];

	receive(*state, 65500, 100, S);
	assert_int_equal(rtcp_lost(*state), 0);
	rtcp_report(*state, out, sizeof(out), false, 4 * S);
	assert_int_equal(get32(out + 16), 65536 + 63);
}

static void reordered_packets_are_not_lost_and_duplicates_make_no_negative_loss(void **state)
{
	rtcp_received(*state, THEIRS, 65534, 0, HZ, S);
	rtcp_received(*state, THEIRS, 0, 1920, HZ, S + 1);
	rtcp_received(*state, THEIRS, 65535, 960, HZ, S + 2);
	assert_int_equal(rtcp_lost(*state), 0);
	for (int i = 0; i < 5; i++)
		rtcp_received(*state, THEIRS, 0, 1920, HZ, S + 3);
	assert_int_equal(rtcp_lost(*state), 0);
}

static void one_stray_number_changes_nothing_and_two_in_a_row_are_a_restart(void **state)
{
	uint8_t out[256];
	int64_t t = receive(*state, 103, 7, receive(*state, 99, 1, S));

	rtcp_received(*state, THEIRS, 30000, 0, HZ, t);
	t = receive(*state, 110, 10, t);
	rtcp_report(*state, out, sizeof(out), false, t);
	assert_int_equal(get32(out + 12) & 0xffffff, 3);
	assert_int_equal(get32(out + 16), 119);
	receive(*state, 40000, 10, t);
	rtcp_report(*state, out, sizeof(out), false, t + S);
	assert_int_equal(get32(out + 12) & 0xffffff, 0);
	assert_int_equal(get32(out + 16), 40009);
	assert_int_equal(rtcp_lost(*state), 3);
}

static void what_was_lost_before_a_new_source_is_not_forgotten(void **state)
{
	uint8_t out[256];

	rtcp_received(*state, THEIRS, 1, 0, HZ, S);
	rtcp_received(*state, THEIRS, 5, 3840, HZ, S + 80000);
	assert_int_equal(rtcp_lost(*state), 3);
	rtcp_received(*state, THEIRS + 1, 9000, 0, HZ, 2 * S);
	assert_int_equal(rtcp_lost(*state), 3);
	rtcp_report(*state, out, sizeof(out), false, 3 * S);
	assert_int_equal(get32(out + 8), THEIRS + 1);
	assert_int_equal(get32(out + 12), 0);			/* the block is about the new one */
}

static void jitter_follows_the_rfc(void **state)
{
	double want = 0;
	int64_t t = S;

	for (int i = 0; i < 400; i++) {
		rtcp_received(*state, THEIRS, (uint16_t)i, (uint32_t)i * 960, HZ, t + i * 20000 + (i % 2) * 8000);
		if (i)
			want += (8 - want) / 16;
	}
	assert_true(rtcp_jitter_ms(*state) > want - 0.01 && rtcp_jitter_ms(*state) < want + 0.01);
}

static void the_round_trip_is_had_from_ones_own_report(void **state)
{
	uint8_t out[256], in[32];
	uint32_t lsr;
	bool bye;

	assert_true(rtcp_rtt_ms(*state) < 0);
	rtcp_sent(*state, 0, 60, 100 * S);
	rtcp_report(*state, out, sizeof(out), false, 100 * S);
	lsr = get32(out + 8) << 16 | get32(out + 12) >> 16;
	receiver_report(in, OURS, 0, lsr, 65536 / 2);		/* it kept it for half a second */
	assert_true(rtcp_input(*state, in, 32, 100 * S + 500000 + 80000, &bye));
	assert_true(rtcp_rtt_ms(*state) > 79.9 && rtcp_rtt_ms(*state) < 80.1);
	receiver_report(in, OURS, 0, lsr + 70 * 65536, 0);	/* nonsense is not believed */
	assert_true(rtcp_input(*state, in, 32, 100 * S + 700000, &bye));
	assert_true(rtcp_rtt_ms(*state) > 79.9 && rtcp_rtt_ms(*state) < 80.1);
}

static void a_report_gives_back_the_senders_time_and_the_delay_since(void **state)
{
	uint8_t sr[28] = {0x80, 200, 0, 6}, out[256];
	bool bye;

	receive(*state, 1, 3, S);
	put32(sr + 4, THEIRS);
	put32(sr + 8, 0xaaaa1234);
	put32(sr + 12, 0x5678bbbb);
	assert_true(rtcp_input(*state, sr, sizeof(sr), 2 * S, &bye));
	rtcp_report(*state, out, sizeof(out), false, 3 * S + 500000);
	assert_int_equal(get32(out + 8 + 16), 0x12345678);
	assert_int_equal(get32(out + 8 + 20), 65536 + 32768);
}

static void a_sender_report_of_a_stranger_is_not_given_back(void **state)
{
	uint8_t sr[28] = {0x80, 200, 0, 6}, out[256];
	bool bye;

	receive(*state, 1, 3, S);
	put32(sr + 4, THEIRS + 1);
	put32(sr + 8, 0xaaaa1234);
	assert_true(rtcp_input(*state, sr, sizeof(sr), 2 * S, &bye));
	rtcp_report(*state, out, sizeof(out), false, 3 * S);
	assert_int_equal(get32(out + 8 + 16), 0);
	assert_int_equal(get32(out + 8 + 20), 0);
}

static void peer_loss_is_about_our_stream_only_and_smoothed(void **state)
{
	uint8_t in[32];
	bool bye;

	receiver_report(in, OURS + 1, 255, 0, 0);
	assert_true(rtcp_input(*state, in, 32, S, &bye));
	assert_true(rtcp_peer_loss(*state) == 0);
	receiver_report(in, OURS, 64, 0, 0);
	rtcp_input(*state, in, 32, 2 * S, &bye);
	assert_true(rtcp_peer_loss(*state) == 0.25);
	receiver_report(in, OURS, 0, 0, 0);
	rtcp_input(*state, in, 32, 3 * S, &bye);
	assert_true(rtcp_peer_loss(*state) > 0.1 && rtcp_peer_loss(*state) < 0.25);
	for (int i = 0; i < 30; i++)
		rtcp_input(*state, in, 32, (4 + i) * S, &bye);
	assert_true(rtcp_peer_loss(*state) < 0.001);
}

static void feedback_and_extended_reports_are_stepped_over(void **state)
{
	uint8_t in[12 + 16 + 8 + 32] = {0x81, 206, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2,		/* PLI, first: reduced size */
					0x8f, 205, 0, 3, 9, 9, 9, 9, 8, 8, 8, 8, 0, 0, 0, 0,	/* transport-cc */
					0x80, 207, 0, 1, 5, 5, 5, 5};				/* XR */
	bool bye;

	receiver_report(in + 36, OURS, 128, 0, 0);
	assert_true(rtcp_input(*state, in, sizeof(in), S, &bye));
	assert_true(rtcp_peer_loss(*state) == 0.5);
	assert_false(bye);
}

static void a_malformed_compound_counts_up_to_the_bad_part(void **state)
{
	uint8_t in[32 + 8];
	bool bye;

	receiver_report(in, OURS, 128, 0, 0);
	memcpy(in + 32, (const uint8_t []){0x81, 203, 0, 9, 0x55, 0x66, 0x77, 0x88}, 8);	/* longer than there is */
	receive(*state, 1, 1, S);
	assert_false(rtcp_input(*state, in, sizeof(in), 2 * S, &bye));
	assert_true(rtcp_peer_loss(*state) == 0.5);
	assert_false(bye);
	assert_false(rtcp_input(*state, in, 34, 2 * S, &bye));	/* a tail that is no packet */
	assert_false(rtcp_input(*state, in, 4, 2 * S, &bye));
	assert_false(rtcp_input(*state, in, 0, 2 * S, &bye));
	in[0] = 0x41;
	assert_false(rtcp_input(*state, in, 32, 2 * S, &bye));
}

static void a_count_larger_than_the_packet_reads_nothing_beyond_it(void **state)
{
	uint8_t *in = test_malloc(32);
	bool bye;

	receiver_report(in, OURS, 128, 0, 0);
	in[0] = 0x9f;
	assert_true(rtcp_input(*state, in, 32, S, &bye));
	assert_true(rtcp_peer_loss(*state) == 0.5);
	memcpy(in, (const uint8_t []){0x9f, 203, 0, 1, 0, 0, 0, 1}, 8);
	assert_true(rtcp_input(*state, in, 8, S, &bye));
	assert_false(bye);
	test_free(in);
}

static void only_the_peers_own_goodbye_counts(void **state)
{
	uint8_t in[12] = {0x82, 203, 0, 2, 0, 0, 0, 1};
	bool bye;

	put32(in + 8, THEIRS);
	assert_true(rtcp_input(*state, in, sizeof(in), S, &bye));
	assert_false(bye);					/* nothing came from it yet */
	receive(*state, 1, 1, S);
	assert_true(rtcp_input(*state, in, sizeof(in), S, &bye));
	assert_true(bye);
	put32(in + 8, OURS);
	assert_true(rtcp_input(*state, in, sizeof(in), S, &bye));
	assert_false(bye);
}

/* Until it hears of a loss the peer sends nothing against it. */
static void the_first_reports_come_sooner(void **state)
{
	uint8_t out[256];

	rtcp_report(*state, out, sizeof(out), false, S);
	assert_in_range(rtcp_deadline(*state) - S, 312500, 937500);
	rtcp_report(*state, out, sizeof(out), false, S);
	assert_in_range(rtcp_deadline(*state) - S, 625000, 1875000);
	rtcp_report(*state, out, sizeof(out), false, S);
	assert_in_range(rtcp_deadline(*state) - S, 1250000, 3750000);
}

static void reports_come_every_2_5_seconds_give_or_take_half(void **state)
{
	struct rtcp *twin = rtcp_new(OURS, "x", HZ), *other = rtcp_new(THEIRS, "x", HZ);
	uint8_t out[256];
	int64_t t = S, least = INT64_MAX, most = 0;
	int differ = 0;

	for (int i = 0; i < 2; i++) {			/* the first are another matter */
		rtcp_report(*state, out, sizeof(out), false, t);
		rtcp_report(twin, out, sizeof(out), false, t);
		rtcp_report(other, out, sizeof(out), false, t);
	}
	for (int i = 0; i < 1000; i++) {
		int64_t gap;

		rtcp_report(*state, out, sizeof(out), false, t);
		rtcp_report(twin, out, sizeof(out), false, t);
		rtcp_report(other, out, sizeof(out), false, t);
		gap = rtcp_deadline(*state) - t;
		assert_int_equal(rtcp_deadline(twin) - t, gap);
		differ += rtcp_deadline(other) - t != gap;
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
		t += gap;
	}
	assert_true(least >= 1250000 && least < 1350000);
	assert_true(most <= 3750000 && most > 3650000);
	assert_true((t - S) / 1000 > 2400000 && (t - S) / 1000 < 2600000);
	assert_true(differ > 900);
	rtcp_free(twin);
	rtcp_free(other);
}

#define with(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void what_the_peer_reports_of_us_is_told_as_it_is(void **state)
{
	uint8_t report[64];
	bool bye;

	assert_int_equal(rtcp_about_us(*state).count, 0);
	receiver_report(report, OURS, 64, 0, 0);
	put32(report + 8 + 12, HZ / 100);
	assert_true(rtcp_input(*state, report, 32, S, &bye));
	receiver_report(report, OURS, 0, 0, 0);
	assert_true(rtcp_input(*state, report, 32, S, &bye));
	assert_int_equal(rtcp_about_us(*state).count, 2);
	assert_true(rtcp_about_us(*state).loss == 0 && rtcp_about_us(*state).jitter_ms == 0);
	receiver_report(report, OURS, 64, 0, 0);
	put32(report + 8 + 12, HZ / 100);
	assert_true(rtcp_input(*state, report, 32, S, &bye));
	assert_true(rtcp_about_us(*state).loss == 0.25 && rtcp_about_us(*state).jitter_ms == 10);
	receiver_report(report, THEIRS, 255, 0, 0);		/* of somebody else */
	assert_true(rtcp_input(*state, report, 32, S, &bye));
	assert_int_equal(rtcp_about_us(*state).count, 3);
}

static void a_queue_on_the_way_to_us_is_seen_and_forgotten(void **state)
{
	int64_t t = 10 * S;
	uint16_t seq = 1;

	for (int i = 0; i < 100; i++, t += 20000)
		rtcp_received(*state, THEIRS, seq++, (uint32_t)(t * HZ / S), HZ, t);
	assert_true(rtcp_queue_ms(*state, t) < 0.1);
	for (int i = 0; i < 100; i++, t += 20000)		/* 150 ms more */
		rtcp_received(*state, THEIRS, seq++, (uint32_t)(t * HZ / S), HZ, t + 150000);
	assert_true(rtcp_queue_ms(*state, t + 150000) > 149.5 && rtcp_queue_ms(*state, t + 150000) < 150.5);
	assert_true(rtcp_queue_ms(*state, t + 2 * S) == 0);		/* nothing comes: nothing is known */
	for (int i = 0; i < 3100; i++, t += 20000)		/* it lasts: that is the way */
		rtcp_received(*state, THEIRS, seq++, (uint32_t)(t * HZ / S), HZ, t + 150000);
	assert_true(rtcp_queue_ms(*state, t + 150000) < 0.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(a_silent_side_sends_an_empty_receiver_report_and_its_name),
		with(a_sender_says_what_it_sent_and_when),
		with(it_is_a_receiver_again_once_it_sends_no_more),
		with(goodbye_ends_the_compound),
		with(a_report_that_has_no_room_is_not_written),
		with(losses_are_counted_and_told),
		with(sequence_numbers_wrap),
		with(reordered_packets_are_not_lost_and_duplicates_make_no_negative_loss),
		with(one_stray_number_changes_nothing_and_two_in_a_row_are_a_restart),
		with(what_was_lost_before_a_new_source_is_not_forgotten),
		with(jitter_follows_the_rfc),
		with(the_round_trip_is_had_from_ones_own_report),
		with(a_report_gives_back_the_senders_time_and_the_delay_since),
		with(a_sender_report_of_a_stranger_is_not_given_back),
		with(peer_loss_is_about_our_stream_only_and_smoothed),
		with(feedback_and_extended_reports_are_stepped_over),
		with(a_malformed_compound_counts_up_to_the_bad_part),
		with(a_count_larger_than_the_packet_reads_nothing_beyond_it),
		with(only_the_peers_own_goodbye_counts),
		with(the_first_reports_come_sooner),
		with(reports_come_every_2_5_seconds_give_or_take_half),
		with(what_the_peer_reports_of_us_is_told_as_it_is),
		with(a_queue_on_the_way_to_us_is_seen_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
