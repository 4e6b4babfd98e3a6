/* Raw sound through a whole call: pipe, engine, engine, pipe, both ways, with time in the test's hand and a network that loses
 * nothing. To the sample, what is promised of pipes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "audio/audio.h"
#include "media/codec.h"
#include "media/engine.h"

enum { SECONDS = 60, TICK = 2400, FIRST = 12000, SLACK = 100, HEARD_BY = AUDIO_RATE / 4 };
#define MINUTE ((size_t)SECONDS * AUDIO_RATE)

struct side {
	struct side *peer;
	struct engine *engine;
	struct audio_in in;
	struct audio_out out;
	struct media_params params;
	char *path;
	gboolean ended;
};

static gint64 now_us;
static gint16 tick[TICK];

/* A chirp in each second, else silence. */
static void make_ticks(gint16 *pcm, size_t n)
{
	double phase = 0;

	for (int i = 0; i < TICK; i++) {
		phase += 2 * G_PI * (300 + 2700.0 * i / TICK) / AUDIO_RATE;
		tick[i] = (gint16)(12000 * sin(phase) * (0.5 - 0.5 * cos(2 * G_PI * i / TICK)));
	}
	memset(pcm, 0, n * sizeof(*pcm));
	for (size_t at = FIRST; at + TICK <= n; at += AUDIO_RATE)
		memcpy(pcm + at, tick, sizeof(tick));
}

static gboolean carry_rtp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct side *s = self;

	assert_true(engine_rtp(s->peer->engine, pkt, len, now_us));
	return TRUE;
}

static gboolean carry_rtcp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct side *s = self;

	engine_rtcp(s->peer->engine, pkt, len, now_us);
	return TRUE;
}

static int temporary(char **path)
{
	int fd = g_file_open_tmp("jcall-pipe-XXXXXX", path, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void open_side(struct side *s, struct side *peer, const gint16 *pcm, size_t n, uint32_t ssrc)
{
	struct media_out net = {.rtp = carry_rtp, .rtcp = carry_rtcp, .self = s};
	g_autofree char *source = NULL;
	int in = temporary(&source);

	assert_int_equal(write(in, pcm, n * sizeof(*pcm)), n * sizeof(*pcm));
	lseek(in, 0, SEEK_SET);
	g_unlink(source);
	s->peer = peer;
	assert_true(audio_pipe_in(&s->in, in, "the source", NULL));
	assert_true(audio_pipe_out(&s->out, temporary(&s->path), "the sink", FALSE, NULL));
	s->params = (struct media_params){.codec = CODEC_OPUS, .tx_pt = 111, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 1,
		.rx = {{.pt = 111, .codec = CODEC_OPUS}}, .rx_count = 1, .tx_ssrc = ssrc, .cname = "side"};
	s->engine = engine_new(&s->params, &s->in, &s->out, &net, ssrc, NULL);
	assert_non_null(s->engine);
}

static void step(struct side *s)
{
	GError *fault = NULL;

	if (engine_deadline(s->engine) <= now_us)
		engine_tick(s->engine, now_us);
	s->ended |= engine_in_ended(s->engine, &fault);
	assert_null(fault);
}

/* Until both sources have ended, and a whole second more; returns how much time passed, in samples. */
static size_t run(struct side *a, struct side *b)
{
	gint64 start_us = now_us, end_us = G_MAXINT64;

	engine_start(a->engine, now_us);
	engine_start(b->engine, now_us);
	while (now_us < end_us) {
		now_us = MIN(MIN(engine_deadline(a->engine), engine_deadline(b->engine)), end_us);
		step(a);
		step(b);
		if (a->ended && b->ended && end_us == G_MAXINT64)
			end_us = now_us - (now_us - start_us) % 1000 + G_USEC_PER_SEC;
	}
	engine_tick(a->engine, now_us);
	engine_tick(b->engine, now_us);
	return (size_t)((now_us - start_us) * AUDIO_RATE / G_USEC_PER_SEC);
}

static size_t best_place(const gint16 *pcm, size_t from, size_t to)
{
	double most = 0;
	size_t best = from;

	for (size_t at = from; at <= to; at++) {
		double sum = 0;

		for (int i = 0; i < TICK; i++)
			sum += (double)tick[i] * pcm[at + (size_t)i];
		if (sum > most) {
			most = sum;
			best = at;
		}
	}
	assert_true(most > 0);
	return best;
}

static void assert_in_time(const gint16 *pcm, size_t n, size_t ticks)
{
	size_t first = best_place(pcm, FIRST, FIRST + HEARD_BY);

	assert_true(first + (ticks - 1) * AUDIO_RATE + TICK + SLACK < n);
	for (size_t i = 1; i < ticks; i++) {
		size_t wanted = first + i * AUDIO_RATE, place = best_place(pcm, wanted - SLACK, wanted + SLACK);

		assert_in_range(place, wanted - 2, wanted + 2);		/* a codec moves the best match by a sample */
	}
}

/* Closes it and looks at what came out: SAMPLES, with all TICKS in their places. */
static void close_side(struct side *s, size_t samples, size_t ticks)
{
	g_autofree char *bytes = NULL;
	struct media_stats stats;
	size_t size;

	engine_stats(s->engine, &stats);
	assert_int_equal(stats.stretched_ms, 0);
	assert_int_equal(stats.rx_lost + stats.rx_late, 0);
	engine_free(s->engine);
	s->in.close(s->in.self);
	assert_true(s->out.close(s->out.self, NULL));
	assert_true(g_file_get_contents(s->path, &bytes, &size, NULL));
	assert_int_equal(size, samples * sizeof(gint16));
	assert_in_time((const gint16 *)(gconstpointer)bytes, samples, ticks);
	g_unlink(s->path);
	g_free(s->path);
}

static void assert_passes(size_t n)
{
	g_autofree gint16 *pcm = g_new(gint16, n);
	struct side a = {0}, b = {0};
	struct media_stats stats;
	size_t samples, ticks = (n - FIRST - TICK) / AUDIO_RATE + 1;

	now_us = 5000000;
	make_ticks(pcm, n);
	open_side(&a, &b, pcm, n, 1);
	open_side(&b, &a, pcm, n, 2);
	samples = run(&a, &b);
	engine_stats(a.engine, &stats);
	assert_true(stats.tx_packets * 960 >= n);		/* then silence until the end */
	assert_true(samples >= n + AUDIO_RATE);
	close_side(&a, samples, ticks);
	close_side(&b, samples, ticks);
}

static void sixty_seconds_pass_both_ways_to_the_sample(void **state)
{
	assert_passes(MINUTE);
}

static void a_source_may_end_anywhere_in_a_packet(void **state)
{
	static const size_t lengths[] = {FIRST + TICK, 2 * AUDIO_RATE + 1, 3 * AUDIO_RATE - 1, 3 * AUDIO_RATE + 479};

	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++)
		assert_passes(lengths[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixty_seconds_pass_both_ways_to_the_sample),
		cmocka_unit_test(a_source_may_end_anywhere_in_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
