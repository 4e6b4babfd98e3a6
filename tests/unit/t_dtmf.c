/* Touch tones in RTP, RFC 4733: how digits become packets, and packets digits, whatever of them is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "media/dtmf.h"

struct event_packet {
	enum dtmf_step step;
	unsigned frame;
	uint8_t payload[DTMF_PAYLOAD];
};

/* The packets of DIGITS, by frames of MS; returns how many. */
static unsigned play(const char *digits, unsigned ms, unsigned hz, struct event_packet *out, unsigned cap, unsigned *frames)
{
	struct dtmf_tx t = {.count = 0};
	unsigned n = 0;

	assert_true(dtmf_queue(&t, digits));
	for (*frames = 0; !dtmf_is_idle(&t); ++*frames) {
		struct event_packet p = {.frame = *frames};

		assert_true(*frames < 10000);
		p.step = dtmf_step(&t, ms, hz, p.payload);
		if (p.step != DTMF_NOTHING && n < cap)
			out[n++] = p;
	}
	return n;
}

static unsigned duration(const struct event_packet *p)
{
	return (unsigned)p->payload[2] << 8 | p->payload[3];
}

/* ---- sending ---- */

static void a_tone_grows_and_says_its_end_three_times(void **state)
{
	struct event_packet p[20];
	unsigned frames, n = play("5", 20, 8000, p, 20, &frames);

	assert_int_equal(n, 7);				/* 100 ms: at 20, 40, 60, 80 and 100, and the end twice more */
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(p[i].frame, i);
		assert_int_equal(p[i].step, i ? DTMF_GOES_ON : DTMF_BEGINS);
		assert_int_equal(p[i].payload[0], 5);
		assert_int_equal(p[i].payload[1], i < 4 ? 10 : 0x80 | 10);
		assert_int_equal(duration(&p[i]), 160 * (i < 4 ? i + 1 : 5));
	}
}

static void durations_count_in_the_clock_of_the_event(void **state)
{
	struct event_packet p[20];
	unsigned frames, n = play("#", 60, 48000, p, 20, &frames);

	assert_int_equal(n, 4);
	assert_int_equal(duration(&p[0]), 60 * 48);
	assert_int_equal(duration(&p[1]), 120 * 48);
	assert_int_equal(duration(&p[3]), 120 * 48);
	assert_int_equal(p[0].payload[0], 11);
}

static void between_two_tones_there_is_sound_and_pauses_are_as_long_as_they_say(void **state)
{
	static const struct { const char *digits; unsigned least_ms, most_ms; } table[] = {
		{"11", 80, 120}, {"1w1", 580, 620}, {"1,1", 2080, 2120}, {"1ww1", 1080, 1120}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct event_packet p[20];
		unsigned frames, n = play(table[i].digits, 20, 8000, p, 20, &frames), gap;

		assert_int_equal(n, 14);
		assert_int_equal(p[7].step, DTMF_BEGINS);
		gap = (p[7].frame - p[6].frame - 1) * 20;
		assert_in_range(gap, table[i].least_ms, table[i].most_ms);
	}
}

static void all_keys_have_their_numbers(void **state)
{
	struct event_packet p[200];
	unsigned frames, n = play("0123456789*#ABCD", 20, 8000, p, 200, &frames);

	assert_int_equal(n, 16 * 7);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(p[i * 7].payload[0], i);
	n = play("abcd", 20, 8000, p, 200, &frames);
	assert_int_equal(p[0].payload[0], 12);
}

static void what_is_no_digit_is_refused_whole_and_so_is_too_much(void **state)
{
	static const char *const bad[] = {"x", "1 2", "12E", "+49", "1\n", "\xff", "W"};
	struct dtmf_tx t = {.count = 0};
	char many[DTMF_QUEUE + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(dtmf_queue(&t, bad[i]));
	assert_true(dtmf_is_idle(&t));
	memset(many, '1', sizeof(many));
	many[DTMF_QUEUE + 1] = '\0';
	assert_false(dtmf_queue(&t, many));
	many[DTMF_QUEUE] = '\0';
	assert_true(dtmf_queue(&t, many));
	assert_false(dtmf_queue(&t, "1"));
	assert_true(dtmf_queue(&t, ""));
}

/* ---- receiving ---- */

static char hear_at(struct dtmf_rx *r, uint32_t ts, bool marker, const uint8_t *payload, size_t len)
{
	return dtmf_hear(r, &(struct dtmf_packet){.ts = ts, .marker = marker, .hz = 48000, .payload = payload, .len = len});
}

static void a_digit_is_told_once_by_whichever_packet_of_it_comes_first(void **state)
{
	for (unsigned first = 0; first < 7; first++) {
		struct dtmf_rx r = {.any = false};
		struct event_packet p[20];
		unsigned frames, n = play("7", 20, 48000, p, 20, &frames), heard = 0;

		for (unsigned i = first; i < n; i++)
			heard += hear_at(&r, 1000, i == 0, p[i].payload, DTMF_PAYLOAD) == '7';
		assert_int_equal(heard, 1);
		assert_int_equal(hear_at(&r, 900, true, p[0].payload, DTMF_PAYLOAD), 0);		/* late, of the one before */
		assert_int_equal(hear_at(&r, 20000, true, p[0].payload, DTMF_PAYLOAD), '7');
	}
}

static void timestamps_wrap_and_may_begin_anew(void **state)
{
	struct dtmf_rx r = {.any = false};
	uint8_t p[] = {1, 0x80 | 10, 0, 160};

	assert_int_equal(hear_at(&r, 0xfffffff0, true, p, 4), '1');
	assert_int_equal(hear_at(&r, 20000, true, p, 4), '1');
	assert_int_equal(hear_at(&r, 0xfffffff0, true, p, 4), 0);
	assert_int_equal(hear_at(&r, 0xd0000000, true, p, 4), '1');
}

static void other_events_and_short_packets_are_no_digits(void **state)
{
	struct dtmf_rx r = {.any = false};
	uint8_t p[] = {16, 10, 0, 160};

	assert_int_equal(hear_at(&r, 1, true, p, 4), 0);			/* flash */
	p[0] = 255;
	assert_int_equal(hear_at(&r, 2, true, p, 4), 0);
	p[0] = 1;
	assert_int_equal(hear_at(&r, 3, true, p, 3), 0);
	assert_int_equal(hear_at(&r, 3, true, p, 4), '1');
}

/* Packets of a client as they come, and what is to be heard of them. TS and DURATION in ms, as OWN_HZ has it. */
struct oddity {
	const char *what, *heard;
	struct { unsigned ts, event, duration; bool end, marker; } packets[14];
	unsigned count;
};

static const struct oddity oddities[] = {
	{"no end bit", "55", {{0, 5, 20, 0, 1}, {0, 5, 40, 0, 0}, {0, 5, 100, 0, 0}, {160, 5, 20, 0, 1}, {160, 5, 100, 0, 0}}, 5},
	{"no end bit, and no marker", "55", {{0, 5, 20, 0, 0}, {0, 5, 100, 0, 0}, {160, 5, 20, 0, 0}, {160, 5, 100, 0, 0}}, 4},
	{"nothing but ends", "551", {{0, 5, 100, 1, 0}, {0, 5, 100, 1, 0}, {0, 5, 100, 1, 0}, {160, 5, 100, 1, 0}, {320, 1, 100, 1, 0}}, 5},
	{"no marker", "12", {{0, 1, 20, 0, 0}, {0, 1, 100, 1, 0}, {0, 1, 100, 1, 0}, {160, 2, 20, 0, 0}, {160, 2, 100, 1, 0}}, 5},
	{"a marker on every packet", "1", {{0, 1, 20, 0, 1}, {0, 1, 40, 0, 1}, {0, 1, 60, 1, 1}, {0, 1, 60, 1, 1}}, 4},
	{"duration always 0", "77", {{0, 7, 0, 0, 1}, {0, 7, 0, 0, 0}, {0, 7, 0, 1, 0}, {160, 7, 0, 0, 1}, {160, 7, 0, 1, 0}}, 5},
	{"each packet has its own time", "33", {{0, 3, 20, 0, 1}, {20, 3, 40, 0, 0}, {40, 3, 60, 0, 0}, {80, 3, 100, 0, 0}, {100, 3, 120, 1, 0},
		{120, 3, 120, 1, 0}, {140, 3, 120, 1, 0}, {260, 3, 20, 0, 1}, {280, 3, 40, 0, 0}, {300, 3, 60, 1, 0}}, 10},
	{"each its own time, without durations and end", "33", {{0, 3, 0, 0, 1}, {20, 3, 0, 0, 0}, {60, 3, 0, 0, 0}, {80, 3, 0, 0, 0},
		{160, 3, 0, 0, 1}, {180, 3, 0, 0, 0}}, 6},
	{"a new digit whose time begins before the last one's end was told", "45", {{0, 4, 20, 0, 1}, {60, 5, 20, 0, 1}, {0, 4, 60, 1, 0}}, 3},
};

static void odd_clients_digits_are_told_once_each(void **state)
{
	for (size_t i = 0; i < sizeof(oddities) / sizeof(*oddities); i++) {
		const struct oddity *o = &oddities[i];

		for (unsigned hz = 8000; hz <= 48000; hz += 40000) {
			struct dtmf_rx r = {.any = false};
			char heard[20] = "";
			size_t n = 0;

			for (unsigned k = 0; k < o->count; k++) {
				unsigned duration = o->packets[k].duration * (hz / 1000);
				uint8_t payload[] = {(uint8_t)o->packets[k].event, (uint8_t)(o->packets[k].end ? 0x8a : 10),
					(uint8_t)(duration >> 8), (uint8_t)duration};
				char digit = dtmf_hear(&r, &(struct dtmf_packet){.ts = 77 + o->packets[k].ts * (hz / 1000), .marker = o->packets[k].marker,
					.hz = hz, .payload = payload, .len = 4});

				if (digit)
					heard[n++] = digit;
			}
			if (strcmp(heard, o->heard) != 0)
				fail_msg("%s: '%s' instead of '%s'", o->what, heard, o->heard);
		}
	}
}

/* 2.5.1.3: its duration is more than the field holds, at 48 kHz after 1.4 s. With every fourth packet lost, and with the last
 * ones of a segment. */
static void a_key_that_is_held_for_long_is_one_digit(void **state)
{
	for (unsigned lose = 2; lose <= 5; lose++) {
		struct dtmf_rx r = {.any = false};
		unsigned heard = 0;

		for (unsigned at = 960, n = 0; at <= 48000 * 5; at += 960, n++) {
			unsigned segment = (at - 1) / 0xffff, duration = at - segment * 0xffff;
			uint8_t payload[] = {5, 10, (uint8_t)(duration >> 8), (uint8_t)duration};

			if (n % lose && !(duration > 0xf000 && lose == 5))
				heard += hear_at(&r, 1000 + segment * 0xffff, false, payload, 4) == '5';
		}
		assert_int_equal(heard, 1);
	}
}

/* ---- bad lines, packet by packet ---- */

enum { MANY = 1000, MOST_PACKETS = 16 * MANY };

struct arrival {
	unsigned at_ms, event, order;		/* event: the how-manieth digit */
	uint32_t ts;
	bool marker;
	uint8_t payload[DTMF_PAYLOAD];
};

static double chance(guint32 *seed)
{
	return (double)fake_random(seed) / UINT32_MAX;
}

static int earlier(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	return x->at_ms != y->at_ms ? (x->at_ms < y->at_ms ? -1 : 1) : x->order < y->order ? -1 : 1;
}

/* What a line makes of DIGITS: a tenth is lost, a tenth comes up to 60 ms late, some twice. */
static unsigned over_a_bad_line(const char *digits, unsigned ms, unsigned hz, guint32 seed, struct arrival *out)
{
	struct dtmf_tx t = {.count = 0};
	unsigned given = 0, n = 0, begun = 0;
	uint32_t ts = 0;

	for (unsigned frame = 0; digits[given] || !dtmf_is_idle(&t); frame++) {
		struct arrival a = {.at_ms = frame * ms + 100};
		enum dtmf_step step;
		char one[] = {digits[given], '\0'};

		if (*one && dtmf_queue(&t, one))	/* faster than they can be sent */
			given++;
		step = dtmf_step(&t, ms, hz, a.payload);
		begun += step == DTMF_BEGINS;
		ts = step == DTMF_BEGINS ? 0xffff0000u + frame * ms * (hz / 1000) : ts;
		for (unsigned copies = step == DTMF_NOTHING ? 0 : chance(&seed) < 0.05 ? 2 : 1; copies; copies--) {
			if (chance(&seed) < 0.1)
				continue;
			a.ts = ts;
			a.marker = step == DTMF_BEGINS;
			a.event = begun - 1;
			a.order = n;
			out[n] = a;
			out[n++].at_ms += chance(&seed) < 0.1 ? (unsigned)(chance(&seed) * 60) : 0;
			assert_true(n < MOST_PACKETS);
		}
	}
	assert_int_equal(begun, MANY);
	qsort(out, n, sizeof(*out), earlier);
	return n;
}

/* The digits that were lost; none may be told twice, out of order or wrong. */
static unsigned lost_of(const char *digits, unsigned ms, unsigned hz, guint32 seed)
{
	static struct arrival arrivals[MOST_PACKETS];
	unsigned n = over_a_bad_line(digits, ms, hz, seed, arrivals), told = 0, next = 0;
	struct dtmf_rx r = {.any = false};

	for (unsigned i = 0; i < n; i++) {
		const struct arrival *a = &arrivals[i];
		char digit = dtmf_hear(&r, &(struct dtmf_packet){.ts = a->ts, .marker = a->marker, .hz = hz, .payload = a->payload, .len = 4});

		if (!digit)
			continue;
		assert_true(a->event >= next);
		assert_int_equal(digit, digits[a->event]);
		next = a->event + 1;
		told++;
	}
	return MANY - told;
}

static void a_thousand_digits_come_once_each_at_ten_percent_loss(void **state)
{
	static const struct { unsigned ms, hz, most; } kinds[] = {{10, 48000, 0}, {20, 48000, 1}, {20, 8000, 1}, {40, 48000, 5}, {60, 48000, 25}};
	char digits[MANY + 1] = "";

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		unsigned lost = 0;

		for (guint32 seed = 1; seed <= 100; seed++) {
			guint32 luck = seed;

			for (unsigned i = 0; i < MANY; i++)
				digits[i] = i && chance(&luck) < 0.3 ? digits[i - 1] : "0123456789*#ABCD"[fake_random(&luck) >> 28];
			lost += lost_of(digits, kinds[k].ms, kinds[k].hz, seed);
		}
		print_message("%u ms, %u Hz: %u of %u digits lost\n", kinds[k].ms, kinds[k].hz, lost, 100 * MANY);
		assert_true(lost <= kinds[k].most);		/* p^7 at 20 ms, p^5 at 40, p^4 at 60 */
	}
}

/* ---- two pumps and a bad line ---- */

/* What the rig's engine sends, but every LOSE-th packet at random, is heard by another; the digits that came. */
static char *through(const char *digits, enum media_codec codec, unsigned hz, double loss, guint32 seed, uint64_t *concealed)
{
	struct rig *f, *g;
	GString *came = g_string_new(NULL);
	char got[16];
	size_t n;

	rig_setup((void **)&f);
	rig_setup((void **)&g);
	f->params.codec = codec;
	f->params.event_pt = 101;
	f->params.event_hz = hz;
	g->params.rx[0] = (struct payload_type){111, codec};
	g->params.rx[1] = (struct payload_type){101, hz == 48000 ? CODEC_EVENT_48 : CODEC_EVENT};
	g->params.rx_count = 2;
	rig_start(f);
	rig_start(g);
	rig_run(f, S);
	assert_true(engine_dtmf(f->e, digits));
	for (unsigned sent = f->rtps, frames = 0; frames < 50 * strlen(digits); frames++) {
		rig_run(f, FRAME_US);
		for (; sent < f->rtps; sent++)
			if (fake_random(&seed) > loss * UINT32_MAX)
				engine_rtp(g->e, f->last_rtp, f->last_rtp_len, f->now);
		g->now = f->now - FRAME_US;
		rig_run(g, FRAME_US);
		n = engine_digits(g->e, got, sizeof(got));
		g_string_append_len(came, got, (gssize)n);
	}
	assert_int_equal(rig_stats(g).rx_bad, 0);
	*concealed = rig_stats(g).concealed_ms;
	rig_teardown((void **)&f);
	rig_teardown((void **)&g);
	return g_string_free(came, FALSE);
}

static void digits_come_whole_and_in_order_at_ten_percent_loss(void **state)
{
	static const char digits[] = "0123456789*#ABCD5551";
	uint64_t concealed;

	for (guint32 seed = 1; seed <= 20; seed++) {
		g_autofree char *came = through(digits, seed % 2 ? CODEC_OPUS : CODEC_PCMU, seed % 2 ? 48000 : 8000, 0.1, seed, &concealed);

		assert_string_equal(came, digits);
	}
}

/* Typed faster than they go out, and while the call is on hold. */
static void digits_wait_for_their_turn(void **state)
{
	struct rig *f = *state;
	unsigned begun = 0;

	f->params.event_pt = 101;
	f->params.event_hz = 48000;
	rig_start(f);
	rig_run(f, S);
	assert_true(engine_dtmf(f->e, "1"));
	engine_hold(f->e, FALSE, FALSE);
	assert_true(engine_dtmf(f->e, "23"));
	rig_run(f, S);
	assert_int_equal(rig_stats(f).tx_digits, 0);
	engine_hold(f->e, TRUE, TRUE);
	assert_true(engine_dtmf(f->e, "4"));
	rig_run(f, 2 * S);
	assert_int_equal(rig_stats(f).tx_digits, 4);
	for (unsigned i = 0; i < f->rtps; i++)
		begun += f->rtp[i].h.pt == 101 && f->rtp[i].h.marker;
	assert_int_equal(begun, 4);
}

static void a_tone_is_no_lost_sound(void **state)
{
	uint64_t concealed;
	g_autofree char *came = through("123", CODEC_PCMA, 8000, 0, 1, &concealed);

	assert_string_equal(came, "123");
	assert_in_range(concealed, 0, 20);
}

static void who_takes_no_tones_gets_none(void **state)
{
	struct rig *f = *state;

	rig_start(f);
	assert_false(engine_dtmf(f->e, "1"));
	rig_run(f, S);
	for (unsigned i = 0; i < f->rtps; i++)
		assert_int_equal(f->rtp[i].h.pt, 111);
}

static void the_packets_of_a_tone_share_a_timestamp_and_sound_goes_on_after_them(void **state)
{
	struct rig *f = *state;
	unsigned first;

	f->params.event_pt = 101;
	f->params.event_hz = 48000;
	rig_start(f);
	rig_run(f, S);
	first = f->rtps;
	assert_true(engine_dtmf(f->e, "1"));
	rig_run(f, S);
	for (unsigned i = 0; i < 7; i++) {
		const struct rtp_header *h = &f->rtp[first + i].h;

		assert_int_equal(h->pt, 101);
		assert_int_equal(h->marker, i == 0);
		assert_int_equal(h->ts, f->rtp[first - 1].h.ts + FRAME);
		assert_int_equal((uint16_t)(h->seq - f->rtp[first - 1].h.seq), i + 1);
		assert_int_equal(f->rtp[first + i].len, RTP_HEADER + DTMF_PAYLOAD);
	}
	assert_int_equal(f->rtp[first + 7].h.pt, 111);
	assert_int_equal(f->rtp[first + 7].h.marker, 1);
	assert_int_equal(f->rtp[first + 7].h.ts, f->rtp[first - 1].h.ts + 8 * FRAME);
}

#define with(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tone_grows_and_says_its_end_three_times),
		cmocka_unit_test(durations_count_in_the_clock_of_the_event),
		cmocka_unit_test(between_two_tones_there_is_sound_and_pauses_are_as_long_as_they_say),
		cmocka_unit_test(all_keys_have_their_numbers),
		cmocka_unit_test(what_is_no_digit_is_refused_whole_and_so_is_too_much),
		cmocka_unit_test(a_digit_is_told_once_by_whichever_packet_of_it_comes_first),
		cmocka_unit_test(timestamps_wrap_and_may_begin_anew),
		cmocka_unit_test(other_events_and_short_packets_are_no_digits),
		cmocka_unit_test(odd_clients_digits_are_told_once_each),
		cmocka_unit_test(a_key_that_is_held_for_long_is_one_digit),
		cmocka_unit_test(a_thousand_digits_come_once_each_at_ten_percent_loss),
		cmocka_unit_test(digits_come_whole_and_in_order_at_ten_percent_loss),
		cmocka_unit_test(a_tone_is_no_lost_sound),
		with(digits_wait_for_their_turn),
		with(who_takes_no_tones_gets_none),
		with(the_packets_of_a_tone_share_a_timestamp_and_sound_goes_on_after_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
