/* Authentic RTP and RTCP of a hostile peer into the engine: sound of every codec, touch tones, levels, comfort noise, several
 * sources, while we mute, hold, send tones and change parameters. The first byte chooses our codec; then packets, each with a head
 * of two bytes: how far the clock goes on, and what it is. */
#include <glib.h>
#include <stdint.h>

#include "cut.h"
#include "log.h"
#include "media/engine.h"

enum { MAX_PACKETS = 300, CLOCK_UNIT_US = 400, MAX_TICKS = 20 };
enum { IS_RTCP = 0x01, IS_SHAPED = 0x02, ACTS = 0x04 };		/* of the second byte of a packet; what we do is in the rest */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct engine *engine;
	struct media_params params;
	gint64 now_us;
};

static gboolean on_packet(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	g_assert_cmpuint(len, <=, cap);
	return TRUE;
}

static void on_sound(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
}

/* A header that the engine takes for one of ours: fuzzers find version and payload type only by chance. */
static void shape(uint8_t *packet, size_t len)
{
	static const uint8_t types[] = {111, 9, 0, 8, 13, 101, 110, 111};

	if (len < 2)
		return;
	packet[0] = 0x80 | (packet[0] & 0x3f);
	packet[1] = (packet[1] & 0x80) | types[packet[1] & 7];
}

static void act(struct state *s, unsigned what)
{
	static const struct audio_tap tap = {.sent = on_sound, .heard = on_sound};
	static const unsigned ptimes[] = {10, 20, 40, 60};

	switch (what % 8) {
	case 0: engine_mute(s->engine, what & 8); break;
	case 1: engine_hold(s->engine, what & 8, what & 16); break;
	case 2: engine_dtmf(s->engine, "1,#D"); break;
	case 3: engine_record(s->engine, what & 8 ? &tap : NULL); break;
	case 4: engine_volume(s->engine, what * 3); break;
	case 5: engine_set_out(s->engine, NULL, s->now_us); break;
	case 6:
		s->params.ptime_ms = ptimes[what / 8 % 4];
		s->params.bitrate_bps = 6000 + what * 1000;
		engine_params(s->engine, &s->params);
		break;
	default: break;
	}
}

static void hear(struct state *s, uint8_t *packet, size_t len)
{
	unsigned what = packet[1];
	char digits[64];

	s->now_us += packet[0] * CLOCK_UNIT_US;
	if (what & IS_SHAPED && !(what & IS_RTCP))
		shape(packet + 2, len - 2);
	if (what & IS_RTCP)
		engine_rtcp(s->engine, packet + 2, len - 2, s->now_us);
	else
		engine_rtp(s->engine, packet + 2, len - 2, s->now_us);
	if (what & ACTS)
		act(s, what >> 3);
	g_assert_cmpuint(engine_digits(s->engine, digits, sizeof(digits)), <, sizeof(digits));
	for (unsigned i = 0; i < MAX_TICKS && engine_deadline(s->engine) <= s->now_us; i++)
		engine_tick(s->engine, s->now_us);
}

static struct media_params params_of(uint8_t choice)
{
	static const enum media_codec codecs[] = {CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA};
	static const uint8_t types[] = {111, 9, 0, 8};

	return (struct media_params){
		.codec = codecs[choice % 4], .tx_pt = types[choice % 4],
		.rx = {{111, CODEC_OPUS}, {9, CODEC_G722}, {0, CODEC_PCMU}, {8, CODEC_PCMA}, {13, CODEC_CN}, {101, CODEC_EVENT},
		       {110, CODEC_EVENT_48}},
		.rx_count = 7,
		.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 1, .fec = true, .dtx = choice & 4,
		.event_pt = 101, .event_hz = 8000,
		.level_id = 1, .tx_level = true, .rx_level = true,
		.tx_ssrc = 5, .cname = "fuzz",
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct media_out net = {.rtp = on_packet, .rtcp = on_packet};
	struct state s = {.now_us = 1000000};
	struct cut cut = {data + 1, size - 1};
	struct media_stats stats;
	uint8_t *packet;
	size_t len;

	if (!size)
		return 0;
	log_threshold = LOG_ERROR;
	s.params = params_of(data[0]);
	s.engine = engine_new(&s.params, NULL, NULL, &net, 77, NULL);
	g_assert_nonnull(s.engine);
	engine_start(s.engine, s.now_us);
	for (unsigned i = 0; i < MAX_PACKETS && (packet = cut_next(&cut, &len)) != NULL; i++) {
		if (len >= 2)
			hear(&s, packet, len);
		g_free(packet);
	}
	engine_is_spoken_to(s.engine, s.now_us);
	engine_stats(s.engine, &stats);
	g_assert_true(stats.mos >= 0 && stats.mos <= 5 && stats.peer_loss >= 0 && stats.peer_loss <= 1);
	engine_bye(s.engine, s.now_us);
	engine_free(s.engine);
	return 0;
}
