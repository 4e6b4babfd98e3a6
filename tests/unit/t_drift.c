/* An hour of call in memory between two sound clocks that are 200 ppm apart, either way: after it there would be 720 ms too
 * much or too little, if nothing were done. Juliet speaks, what Romeo hears is found in what she said, twice a second. With
 * G.711, whose CPU an hour can be had for: what follows the clocks does not know the codec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim.h"

enum {
	HOUR = 3600, SETTLE = 10, PIECE = 30,		/* [s] */
	LOOP = PIECE * AUDIO_RATE,			/* she says the same again and again */
	WINDOW = AUDIO_RATE / 10,
	NEAR = AUDIO_RATE / 400, FAR = AUDIO_RATE / 4,
	RIGHT = 90, WRONG = 50,				/* [%] a match that tells the delay; one that is nothing */
};
#define S 1000000ll

struct call {
	struct sim_side juliet, romeo;
	gint16 *speech;					/* the loop, and as much of it again as a window needs */
	size_t heard;					/* [samples] of what was judged and forgotten */
	long lag;					/* [samples] heard later than said, each by its own clock */
	bool found;
	unsigned windows, wrong;
	double first_ms, least_ms, most_ms, last_ms;	/* mouth to ear */
	double jump_ms;					/* the greatest change from one window to the next */
};

static void open_call(struct call *c, double mouth_ppm, double ear_ppm)
{
	struct media_params params = {.codec = CODEC_PCMA, .tx_pt = 8, .rx = {{8, CODEC_PCMA}}, .rx_count = 1, .ptime_ms = 20,
				      .tx_ssrc = 0x1000, .cname = "sim"};

	memset(c, 0, sizeof(*c));
	c->speech = fake_speech(LOOP, 11);
	c->speech = g_renew(gint16, c->speech, LOOP + 2 * (FAR + WINDOW));
	memcpy(c->speech + LOOP, c->speech, 2 * (FAR + WINDOW) * sizeof(gint16));
	for (struct sim_side *s = &c->juliet; s; s = s == &c->juliet ? &c->romeo : NULL) {
		s->net.delay_us = 20000;
		s->net.seed = 7;
		s->in.live = s->in.endless = TRUE;
		s->in.chunk = s->out.chunk = AUDIO_RATE / 100;
	}
	c->juliet.in.pcm = c->speech;
	c->juliet.in.len = c->juliet.in.loop = LOOP;
	c->juliet.in.ppm = mouth_ppm;
	c->romeo.out.ppm = ear_ppm;
	c->romeo.out.room = (PIECE + 1) * AUDIO_RATE;
	sim_open(&c->juliet, &params, 4000);
	params.tx_ssrc = 0x2000;
	sim_open(&c->romeo, &params, 5000);
}

static void close_call(struct call *c)
{
	sim_close(&c->juliet);
	sim_close(&c->romeo);
	g_free(c->speech);
}

/* How well the window from AT on, of those not forgotten, is found near LAG; the lag found. */
static double match(const struct call *c, size_t at, long reach, long *lag)
{
	long said = (long)(c->heard + at) - *lag, in = (said - FAR % LOOP + LOOP) % LOOP + FAR, shift = (long)at - in, found;
	double m = fake_match(c->speech, LOOP + 2 * (FAR + WINDOW), c->romeo.out.pcm, at, WINDOW, shift - reach, shift + reach, &found);

	*lag += found - shift;
	return m;
}

/* When it was heard less when it was said. */
static double delay_ms(const struct call *c, size_t at, long lag)
{
	double heard = (double)(c->heard + at), said = heard - (double)lag, ms = AUDIO_RATE / 1000;

	return heard / ms / (1 + c->romeo.out.ppm * 1e-6) - said / ms / (1 + c->juliet.in.ppm * 1e-6);
}

static void note(struct call *c, double ms, bool settled)
{
	if (!settled || c->first_ms == 0) {
		c->first_ms = c->least_ms = c->most_ms = c->last_ms = ms;
		return;
	}
	c->jump_ms = MAX(c->jump_ms, ABS(ms - c->last_ms));
	c->least_ms = MIN(c->least_ms, ms);
	c->most_ms = MAX(c->most_ms, ms);
	c->last_ms = ms;
}

static void judge(struct call *c)
{
	for (size_t at = 0; at + WINDOW <= c->romeo.out.len - c->romeo.out.from; at += 5 * WINDOW) {
		bool settled = c->heard + at >= (size_t)SETTLE * AUDIO_RATE;
		long lag = c->lag;
		double m;

		if (c->heard + at < AUDIO_RATE || fake_rms(c->romeo.out.pcm + at, WINDOW) < 300)
			continue;
		m = c->found ? match(c, at, NEAR, &lag) : 0;
		if (m * 100 < RIGHT) {
			lag = c->lag;
			m = match(c, at, FAR, &lag);
		}
		c->windows += settled;
		c->wrong += settled && m * 100 < WRONG;
		if (m * 100 < RIGHT)
			continue;
		c->lag = lag;
		c->found = true;
		note(c, delay_ms(c, at, lag), settled);
	}
}

static void run(struct call *c, int seconds)
{
	for (int s = PIECE; s <= seconds; s += PIECE) {
		sim_run(&c->juliet, &c->romeo, SIM_START + s * S);
		judge(c);
		c->heard = c->romeo.out.from = c->romeo.out.len;
	}
}

static void an_hour(double mouth_ppm, double ear_ppm)
{
	struct media_stats stats;
	struct call c;

	open_call(&c, mouth_ppm, ear_ppm);
	run(&c, HOUR);
	engine_stats(c.romeo.engine, &stats);
	print_message("  mouth %+.0f ppm, ear %+.0f: mouth to ear %.1f ms at first, %.1f at the end, %.1f to %.1f in between, %.1f at once;\n"
		      "  %u windows, %u not found; concealed %d ms, stretched %d ms, late %d\n", mouth_ppm, ear_ppm, c.first_ms, c.last_ms,
		      c.least_ms, c.most_ms, c.jump_ms, c.windows, c.wrong, (int)stats.concealed_ms, (int)stats.stretched_ms,
		      (int)stats.rx_late);
	assert_true(c.windows > HOUR && c.wrong == 0);
	assert_true(ABS(c.last_ms - c.first_ms) < 20 && c.most_ms - c.first_ms < 20 && c.first_ms - c.least_ms < 20);
	assert_true(c.jump_ms < 20);			/* whole pitch periods, of 12.5 ms at most each */
	assert_true(stats.concealed_ms <= 200);		/* of 3600000; a few packets, and not always the same */
	assert_int_equal(stats.rx_lost + stats.rx_late, 0);
	assert_in_range(stats.stretched_ms, 600, 1400);	/* 720, and little to and fro */
	close_call(&c);
}

static void a_fast_mouth_and_a_slow_ear(void **state)
{
	an_hour(100, -100);
}

static void a_slow_mouth_and_a_fast_ear(void **state)
{
	an_hour(-100, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fast_mouth_and_a_slow_ear),
		cmocka_unit_test(a_slow_mouth_and_a_fast_ear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
