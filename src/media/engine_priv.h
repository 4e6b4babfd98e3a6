/* engine_priv.h - the inside of an engine: engine.c is the pump, engine_ask.c what is wished and asked of it. */
#ifndef JCALL_MEDIA_ENGINE_PRIV_H
#define JCALL_MEDIA_ENGINE_PRIV_H

#include "engine.h"

#include "../err.h"
#include "../net/wire.h"
#include "adapt.h"
#include "codec.h"
#include "dtmf.h"
#include "level.h"
#include "playout.h"
#include "rtcp.h"
#include "rtp.h"
#include "volume.h"

enum { ENGINE_MAX_FRAME = 60 * AUDIO_RATE / 1000 };

struct flow {				/* a bit rate; zeroed at birth */
	uint64_t bytes;
	gint64 at_us;
	double bps;
};

struct engine {
	struct media_params params;		/* bitrate_bps: as adapt has it now */
	struct adapt adapt;
	unsigned reports;			/* of the peer, that adapt has heard */
	struct audio_in in;
	struct audio_out out;
	gboolean have_in, have_out;
	struct media_out net;
	struct encoder *encoder;
	struct playout *playout;
	struct rtcp *rtcp;
	gboolean started, said_bye, muted, sending, receiving, mark, peer_left;
	gboolean in_ended, out_ended, have_ssrc;
	GError *in_fault, *out_fault;
	size_t frame;				/* [samples] per packet */
	uint16_t seq;
	enum media_codec codec;			/* that came last */
	uint32_t ts, remote_ssrc;		/* ts: of the codec's clock, */
	size_t ts_rest;				/* and the samples beyond it */
	gint64 ssrc_at_us, next_us;
	gint64 silent_us;			/* when the next frame of silence is due, while there is no source */
	gboolean starving;			/* the source has nothing to give for the moment, and silence is sent */
	gint64 nowhere_us;			/* up to when was played, while there is no output */
	struct dtmf_tx dtmf_tx;
	struct dtmf_rx dtmf_rx[CODEC_COUNT - CODEC_EVENT];	/* by clock: times of different ones are not compared */
	uint32_t event_ts;			/* of the one that is being sent */
	char digits[16];			/* that came, and were not asked for yet */
	size_t heard_digits;
	gint64 captured_us;			/* when the last frame of the source was */
	gint64 woke_us;				/* 0: no backlog is being passed over */
	gint64 fresh_us;			/* when the last packet came that did not belong to one, */
	uint32_t fresh_ts;			/* its timestamp, */
	unsigned fresh_hz;			/* [Hz] and that one's clock; 0: none came */
	int tx_gain, rx_gain;			/* 0..FADE */
	struct volume volume;
	struct audio_tap tap;
	gboolean have_tap;
	struct meter tx, rx;
	struct voice tx_voice, rx_voice;
	uint8_t level;				/* of the frame in pcm, by RFC 6464 */
	gint64 told_us;				/* when the peer last told his */
	struct media_stats stats;
	struct flow tx_flow, rx_flow;
	struct media_stats marks[2];		/* as all was at the last moment of rating, and at the one before */
	gint64 mark_us;
	gint16 pcm[ENGINE_MAX_FRAME];
	uint8_t packet[RTP_HEADER_MAX + CODEC_MAX_PAYLOAD + WIRE_OVERHEAD];
};

void engine_plan(struct engine *e, gint64 now_us);	/* when the next tick is due */
/* engine_ask.c: what is measured over seconds. At each tick. */
void engine_measure(struct engine *e, gint64 now_us);

#endif
