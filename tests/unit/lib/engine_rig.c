#include "engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static gboolean got_rtp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct rig *f = self;
	const uint8_t *payload;
	size_t payload_len;

	assert_true(cap >= len + 32);
	assert_true(f->rtps < KEPT);
	if (f->blocked)
		return FALSE;
	assert_true(rtp_read(pkt, len, &f->rtp[f->rtps].h, &payload, &payload_len));
	memcpy(f->last_rtp, pkt, len);
	f->last_rtp_len = len;
	f->rtp[f->rtps].len = len;
	f->rtp[f->rtps++].at_us = f->now;
	return TRUE;
}

static gboolean got_rtcp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct rig *f = self;

	assert_true(cap >= len + 32);
	assert_true(len <= sizeof(f->last_rtcp));
	memcpy(f->last_rtcp, pkt, len);
	f->last_rtcp_len = len;
	if (!f->rtcps++)
		f->first_rtcp_us = f->now;
	return TRUE;
}

int rig_setup(void **state)
{
	struct rig *f = g_new0(struct rig, 1);

	f->params = (struct media_params){.tx_pt = 111, .rx = {{96, CODEC_OPUS}}, .rx_count = 1, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 0,
					  .fec = true, .tx_ssrc = 0xabcd, .cname = "name"};
	f->speech = fake_speech(4 * AUDIO_RATE, 5);
	f->in = (struct fake_in){.pcm = f->speech, .len = 4 * AUDIO_RATE, .endless = TRUE, .live = TRUE};
	f->out.room = 20 * AUDIO_RATE;
	f->now = START;
	*state = f;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *f = *state;

	engine_free(f->e);
	fake_out_clear(&f->out);
	g_free(f->speech);
	g_free(f);
	return 0;
}

void rig_create(struct rig *f)
{
	struct media_out net = {.rtp = got_rtp, .rtcp = got_rtcp, .self = f};

	fake_in_init(&f->in);
	fake_out_init(&f->out);
	f->e = engine_new(&f->params, f->no_in ? NULL : &f->in.end, f->no_out ? NULL : &f->out.end, &net, 0x12345678, NULL);
	assert_non_null(f->e);
}

void rig_start(struct rig *f)
{
	rig_create(f);
	engine_start(f->e, f->now);
}

void rig_run(struct rig *f, gint64 us)
{
	gint64 end = f->now + us;

	while (engine_deadline(f->e) <= end) {
		f->now = MAX(f->now, engine_deadline(f->e));
		engine_tick(f->e, f->now);
		assert_true(engine_deadline(f->e) > f->now);		/* it never spins */
		f->ticks++;
	}
	f->now = end;
}

struct media_stats rig_stats(struct rig *f)
{
	struct media_stats s;

	engine_stats(f->e, &s);
	return s;
}

void rig_hear(struct rig *f, struct encoder *e, uint32_t ssrc, uint16_t seq, uint8_t pt)
{
	uint8_t pkt[RTP_HEADER + CODEC_MAX_PAYLOAD];
	struct rtp_header h = {.pt = pt, .seq = seq, .ts = (uint32_t)seq * FRAME, .ssrc = ssrc};
	int len = encoder_encode(e, f->speech + (seq % 150) * FRAME, FRAME, pkt + RTP_HEADER, CODEC_MAX_PAYLOAD);

	rtp_write(pkt, &h);
	engine_rtp(f->e, pkt, RTP_HEADER + (size_t)len, f->now);
}

void rig_hear_for(struct rig *f, struct encoder *e, uint32_t ssrc, uint16_t seq, int packets)
{
	for (int i = 0; i < packets; i++) {
		rig_hear(f, e, ssrc, (uint16_t)(seq + i), 96);
		rig_run(f, FRAME_US);
	}
}
