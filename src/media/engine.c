#include "engine_priv.h"

#include <string.h>

#include "../log.h"

enum {
	CHUNK = AUDIO_RATE / 100,		/* the output is fed in 10 ms, */
	BLOCK = AUDIO_RATE / 50,		/* in at most 20 ms at a time */
	NOWHERE_US = 20000,			/* so often is played where there is no output */
	BACKLOG_FRAMES = 3,			/* a device further behind than that and than BACKLOG has stalled: */
	BACKLOG = 60 * AUDIO_RATE / 1000,	/* what is old is dropped */
	STALL_US = 1000000,
	STARVED_US = 60000,			/* a source that has been late for so long pauses */
	FADE = AUDIO_RATE / 200,		/* 5 ms */
	TOLD_US = 1000000,		/* so long the levels that the peer tells of make ours superfluous */
	SSRC_CHANGE_US = 1000000,
	COALESCE_US = 1500,
	LEAST_US = 1000,			/* nothing can be due earlier after a tick; an end that says so does not spin us */
	RTCP_ROOM = 256,
	HICCUP_US = 500000,			/* [us] a stop so short loses nothing that came meanwhile */
	BACKLOG_LATE_US = 30000,		/* [us] a packet so much later than those before the stop has waited in the socket */
	BACKLOG_MOST_US = 600000,		/* [us] after a stop; then the peer's own clock must have stood still, too */
};

struct engine *engine_new(const struct media_params *params, const struct audio_in *in, const struct audio_out *out,
			  const struct media_out *net, uint32_t seed, GError **error)
{
	struct engine *e = g_new0(struct engine, 1);

	e->params = *params;
	e->net = *net;
	e->frame = (size_t)params->ptime_ms * AUDIO_RATE / 1000;
	e->seq = (uint16_t)seed;
	e->ts = seed * 2654435761u;
	e->sending = e->receiving = e->mark = TRUE;
	e->tx.db = e->rx.db = -127;
	volume_init(&e->volume);
	e->next_us = G_MAXINT64;
	adapt_init(&e->adapt, params->bitrate_bps);
	e->params.bitrate_bps = adapt_bps(&e->adapt);
	if (in) {
		e->in = *in;
		e->have_in = TRUE;
	}
	if (out) {
		e->out = *out;
		e->have_out = TRUE;
	}
	e->rtcp = rtcp_new(params->tx_ssrc, params->cname, codec_clock_hz(params->codec));
	e->encoder = encoder_new(&e->params, error);
	e->playout = e->encoder ? playout_new(params, error) : NULL;
	if (e->playout) {
		playout_patient(e->playout, e->have_out && e->out.patient);
		return e;
	}
	engine_free(e);
	return NULL;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	encoder_free(e->encoder);
	playout_free(e->playout);
	rtcp_free(e->rtcp);
	g_clear_error(&e->in_fault);
	g_clear_error(&e->out_fault);
	g_free(e);
}

static gint64 samples_us(size_t n)
{
	return (gint64)n * G_USEC_PER_SEC / AUDIO_RATE;
}

/* What is muted fades away and back: a cut would click. */
static void fade(int *gain, gboolean open, gint16 *pcm, size_t n)
{
	if (open && *gain == FADE)
		return;
	for (size_t i = 0; i < n; i++) {
		*gain = CLAMP(*gain + (open ? 1 : -1), 0, FADE);
		pcm[i] = (gint16)(pcm[i] * *gain / FADE);
	}
}

/* ---- sending ---- */

/* Where the payload begins. */
static size_t head(const struct engine *e)
{
	return e->params.tx_level ? RTP_HEADER_MAX : RTP_HEADER;
}

/* The payload is in place. FALSE: dropped. */
static gboolean send_packet(struct engine *e, uint8_t pt, uint32_t ts, gboolean mark, size_t len, gint64 now_us)
{
	struct rtp_header h = {.marker = mark, .pt = pt, .seq = e->seq, .ts = ts, .ssrc = e->params.tx_ssrc,
		.level_id = e->params.tx_level ? e->params.level_id : 0, .level = e->level};
	size_t at = rtp_write(e->packet, &h);

	e->seq++;
	if (!e->net.rtp(e->net.self, e->packet, at + len, sizeof(e->packet))) {
		e->stats.tx_dropped++;
		return FALSE;
	}
	e->stats.tx_packets++;
	e->stats.tx_bytes += len;
	rtcp_sent(e->rtcp, e->ts, len, now_us);
	return TRUE;
}

/* A tone takes the place of the sound (RFC 4733 2.5.1.1). FALSE: none is to be sent now. */
static gboolean send_event(struct engine *e, gint64 now_us)
{
	enum dtmf_step step = dtmf_step(&e->dtmf_tx, e->params.ptime_ms, e->params.event_hz, e->packet + head(e));

	if (step == DTMF_NOTHING)
		return FALSE;
	if (step == DTMF_BEGINS)
		e->event_ts = e->ts;
	send_packet(e, e->params.event_pt, e->event_ts, step == DTMF_BEGINS, DTMF_PAYLOAD, now_us);
	e->mark = TRUE;
	return TRUE;
}

static void send_frame(struct engine *e, gint64 now_us)
{
	int len;

	if (e->params.event_hz && send_event(e, now_us)) {
		memset(e->pcm, 0, e->frame * sizeof(*e->pcm));		/* the peer does not hear it */
		return;
	}
	len = encoder_encode(e->encoder, e->pcm, e->frame, e->packet + head(e), CODEC_MAX_PAYLOAD);
	if (len <= 0)
		e->mark = TRUE;			/* DTX: the first packet after the pause is marked (RFC 3551 4.1) */
	else if (send_packet(e, e->params.tx_pt, e->ts, e->mark, (size_t)len, now_us))
		e->mark = FALSE;
}

static void pass_time(struct engine *e, size_t samples)
{
	unsigned tick = AUDIO_RATE / codec_clock_hz(e->params.codec);

	e->ts_rest += samples;
	e->ts += (uint32_t)(e->ts_rest / tick);
	e->ts_rest %= tick;
}

static void rate(struct engine *e, gint64 now_us)
{
	double db = level_db(e->pcm, e->frame);

	e->level = level_octet(db, voice_feed(&e->tx_voice, db, now_us));
}

/* Up to now it was spoken. */
static void tap_sent(struct engine *e, gint64 now_us)
{
	if (e->have_tap)
		e->tap.sent(e->tap.self, e->pcm, e->frame, now_us - samples_us(e->frame));
}

/* The frame in pcm has its place in time, sent or not. */
static void pass_frame(struct engine *e, gint64 now_us)
{
	fade(&e->tx_gain, !e->muted && e->sending, e->pcm, e->frame);
	meter_feed(&e->tx, e->pcm, e->frame, now_us);
	if (e->params.tx_level)
		rate(e, now_us);
	if (e->sending)
		send_frame(e, now_us);
	else
		e->mark = TRUE;
	tap_sent(e, now_us);
	pass_time(e, e->frame);
}

/* A machine that stalled leaves a device's samples piled up; sent late they would be delay for the rest of the call. */
static void drop_backlog(struct engine *e, size_t ready)
{
	size_t excess = ready - e->frame;

	log_info("engine", "the microphone was %zu ms behind: the oldest of it is left out", excess * 1000 / AUDIO_RATE);
	pass_time(e, excess);
	while (excess > 0) {
		size_t n = e->in.read(e->in.self, e->pcm, MIN(excess, ENGINE_MAX_FRAME));

		if (n == 0)
			return;
		excess -= n;
	}
}

static void end_input(struct engine *e, gint64 now_us)
{
	e->silent_us = MAX(now_us, e->captured_us + (gint64)e->params.ptime_ms * 1000);
	e->in_ended = TRUE;
	e->in_fault = e->in.fault(e->in.self);
	e->have_in = FALSE;
}

/* FALSE: no whole frame is ready. */
static gboolean capture_one(struct engine *e, gint64 now_us)
{
	size_t ready = e->in.ready(e->in.self, now_us), got;

	if (ready == AUDIO_END) {
		end_input(e, now_us);
		return FALSE;
	}
	if (ready < e->frame)
		return FALSE;
	if (e->in.live && ready > MAX(BACKLOG_FRAMES * e->frame, BACKLOG) + e->frame)
		drop_backlog(e, ready);
	got = e->in.read(e->in.self, e->pcm, e->frame);
	memset(e->pcm + got, 0, (e->frame - got) * sizeof(*e->pcm));
	e->captured_us = now_us;
	e->starving = FALSE;
	pass_frame(e, now_us);
	return TRUE;
}

/* Without a source the peer gets silence: some clients and NATs give a silent side up. */
static gboolean silence_one(struct engine *e, gint64 now_us)
{
	gint64 frame_us = (gint64)e->params.ptime_ms * 1000, late = (now_us - e->silent_us) / frame_us;

	if (now_us < e->silent_us)
		return FALSE;
	if (late > BACKLOG_FRAMES) {			/* after a stall nobody needs the silence that was not sent */
		e->silent_us += late * frame_us;
		pass_time(e, (size_t)late * e->frame);
	}
	e->silent_us += frame_us;
	memset(e->pcm, 0, e->frame * sizeof(*e->pcm));
	pass_frame(e, now_us);
	return TRUE;
}

/* A pipe whose writer pauses: the peer gets silence meanwhile, and nothing of what comes later is lost. */
static gboolean starve_one(struct engine *e, gint64 now_us)
{
	gint64 gap_us = now_us - e->captured_us, frame_us = (gint64)e->params.ptime_ms * 1000;

	if (e->in.live || !e->have_in)
		return FALSE;
	if (!e->starving) {
		if (gap_us < STARVED_US)
			return FALSE;
		e->starving = e->mark = TRUE;
		e->silent_us = now_us;
		pass_time(e, (size_t)(MIN(gap_us - frame_us, STALL_US) * AUDIO_RATE / G_USEC_PER_SEC));
	}
	return silence_one(e, now_us);
}

/* ---- playing ---- */

static void end_output(struct engine *e, gint64 now_us)
{
	e->out_ended = TRUE;
	e->out_fault = e->out.fault(e->out.self);
	e->have_out = FALSE;
	e->nowhere_us = now_us;
}

/* Without an output the packets are played in time all the same, so that nothing piles up and the figures stay true. */
static size_t nowhere_wants(struct engine *e, gint64 now_us)
{
	if (now_us - e->nowhere_us > STALL_US)
		e->nowhere_us = now_us - NOWHERE_US;
	if (now_us - e->nowhere_us < NOWHERE_US)
		return 0;
	e->nowhere_us += NOWHERE_US;
	return BLOCK;
}

static size_t wanted_now(struct engine *e, gint64 now_us)
{
	size_t wanted = e->have_out ? e->out.ready(e->out.self, now_us) : 0;

	if (wanted == AUDIO_END)
		end_output(e, now_us);
	return e->have_out ? MIN(wanted, BLOCK) : nowhere_wants(e, now_us);
}

/* An end that keeps sound plays it when what it has is over; another one asks for what is over already. */
static void tap_heard(struct engine *e, const gint16 *pcm, size_t n, gint64 now_us)
{
	gint64 at_us = now_us - samples_us(n);

	if (e->have_out && e->out.queued)
		at_us = now_us + samples_us(e->out.queued(e->out.self));
	if (e->have_tap)
		e->tap.heard(e->tap.self, pcm, n, at_us);
}

static void play(struct engine *e, gint64 now_us)
{
	gint16 pcm[BLOCK];
	size_t n;

	while ((n = wanted_now(e, now_us)) > 0) {
		gboolean heard = playout_get(e->playout, pcm, n, now_us) && e->receiving;

		if (heard && !e->stats.first_heard_us)
			e->stats.first_heard_us = now_us;
		fade(&e->rx_gain, e->receiving, pcm, n);
		meter_feed(&e->rx, pcm, n, now_us);
		if (!e->told_us || now_us - e->told_us > TOLD_US)
			voice_feed(&e->rx_voice, heard ? level_db(pcm, n) : SILENCE_DB, now_us);
		tap_heard(e, pcm, n, now_us);
		volume_apply(&e->volume, pcm, n);
		if (e->have_out)
			e->out.write(e->out.self, pcm, n);
	}
}

/* ---- reports ---- */

static void report(struct engine *e, gboolean bye, gint64 now_us)
{
	uint8_t buffer[RTCP_ROOM + WIRE_OVERHEAD];
	size_t len = rtcp_report(e->rtcp, buffer, RTCP_ROOM, bye, now_us);

	if (len)
		e->net.rtcp(e->net.self, buffer, len, sizeof(buffer));
}

/* ---- time ---- */

void engine_plan(struct engine *e, gint64 now_us)
{
	gint64 in = e->have_in ? e->in.when(e->in.self, now_us, e->frame) : e->silent_us;
	gint64 out = e->have_out ? e->out.when(e->out.self, now_us, CHUNK) : e->nowhere_us + NOWHERE_US;

	/* Two moments that nearly coincide are one wake-up: at the later one, which costs the other less than it saves. */
	if (in < out && out - in < COALESCE_US)
		in = out;
	else if (out < in && in - out < COALESCE_US && !e->in.live)
		out = in;
	e->next_us = MIN(MAX(MIN(in, out), now_us + LEAST_US), rtcp_deadline(e->rtcp));
}

void engine_start(struct engine *e, gint64 now_us)
{
	if (e->started)
		return;
	e->started = TRUE;
	e->tx_gain = !e->muted && e->sending ? FADE : 0;	/* what nobody shall hear has no beginning that fades away */
	e->rx_gain = e->receiving ? FADE : 0;
	e->silent_us = e->nowhere_us = e->captured_us = now_us;
	if (e->have_in)
		e->in.start(e->in.self, now_us);
	if (e->have_out)
		e->out.start(e->out.self, now_us);
	report(e, FALSE, now_us);
	engine_plan(e, now_us);
}

void engine_tick(struct engine *e, gint64 now_us)
{
	if (!e->started || e->said_bye)
		return;
	play(e, now_us);
	while (e->have_in ? capture_one(e, now_us) || starve_one(e, now_us) : silence_one(e, now_us))
		;
	if (now_us >= rtcp_deadline(e->rtcp))
		report(e, FALSE, now_us);
	engine_measure(e, now_us);
	engine_plan(e, now_us);
}

void engine_wake(struct engine *e, gint64 stood_us, gint64 slept_us, gint64 now_us)
{
	gint64 lost_us = stood_us + slept_us;

	if (!e->started || e->said_bye)
		return;
	pass_time(e, (size_t)(lost_us * AUDIO_RATE / G_USEC_PER_SEC));
	e->mark = TRUE;
	e->starving = FALSE;
	e->captured_us = e->silent_us = now_us;
	if (e->have_in)
		e->in.start(e->in.self, now_us);
	e->fresh_us -= slept_us;
	if (lost_us >= HICCUP_US)
		e->woke_us = now_us;
	engine_plan(e, now_us);
}

gint64 engine_deadline(const struct engine *e)
{
	return e->started && !e->said_bye ? e->next_us : G_MAXINT64;
}

/* ---- receiving ---- */

/* An authenticated new SSRC: the peer's client has begun a new stream. Not more often than once a second, or two sources
 * that take turns would empty the buffer at each packet. */
static gboolean accept_ssrc(struct engine *e, uint32_t ssrc, gint64 now_us)
{
	if (e->have_ssrc && ssrc == e->remote_ssrc)
		return TRUE;
	if (e->have_ssrc && now_us - e->ssrc_at_us < SSRC_CHANGE_US)
		return FALSE;
	if (e->have_ssrc)
		playout_reset(e->playout);
	memset(e->dtmf_rx, 0, sizeof(e->dtmf_rx));
	e->have_ssrc = TRUE;
	e->remote_ssrc = ssrc;
	e->ssrc_at_us = now_us;
	return TRUE;
}

static const struct payload_type *announced(const struct engine *e, uint8_t pt)
{
	for (size_t i = 0; i < e->params.rx_count; i++)
		if (e->params.rx[i].pt == pt)
			return &e->params.rx[i];
	return NULL;
}

static gboolean hear_event(struct engine *e, enum media_codec codec, const struct rtp_header *h, const uint8_t *payload, size_t len,
			   gint64 now_us)
{
	char digit = dtmf_hear(&e->dtmf_rx[codec - CODEC_EVENT], &(struct dtmf_packet){.ts = h->ts, .marker = h->marker,
		.hz = codec == CODEC_EVENT_48 ? 48000 : 8000, .payload = payload, .len = len});

	e->stats.last_rx_us = now_us;
	e->stats.rx_packets++;
	e->stats.rx_bytes += len;
	rtcp_received(e->rtcp, h->ssrc, h->seq, h->ts, 0, now_us);
	playout_event(e->playout, h->seq);
	if (digit && e->heard_digits < sizeof(e->digits))
		e->digits[e->heard_digits++] = digit;
	return TRUE;
}

/* Whether there is voice in it we judge ourselves: some set the bit for that in every packet, others never. */
static void hear_level(struct engine *e, const struct rtp_header *h, gint64 now_us)
{
	size_t len;
	const uint8_t *octet = e->params.rx_level ? rtp_extension(h, e->params.level_id, &len) : NULL;

	if (!octet || !e->receiving)
		return;
	e->told_us = now_us;
	voice_feed(&e->rx_voice, level_of_octet(*octet), now_us);
}

/* After a stop the socket holds what came meanwhile, seconds old: played, it would be delay that is won back slowly. So it is
 * passed over up to the first packet that is as early as those before the stop; there the jitter buffer begins anew. */
static gboolean is_backlog(struct engine *e, const struct rtp_header *h, unsigned hz, gint64 now_us)
{
	gint64 sent_us = (gint64)(int32_t)(h->ts - e->fresh_ts) * G_USEC_PER_SEC / hz;

	if (e->woke_us && now_us - e->woke_us < BACKLOG_MOST_US && hz == e->fresh_hz &&
	    now_us - e->fresh_us - sent_us > BACKLOG_LATE_US)
		return TRUE;
	if (e->woke_us)
		playout_reset(e->playout);
	e->woke_us = 0;
	e->fresh_us = now_us;
	e->fresh_ts = h->ts;
	e->fresh_hz = hz;
	return FALSE;
}

gboolean engine_rtp(struct engine *e, const uint8_t *pkt, size_t len, gint64 now_us)
{
	struct rtp_header h;
	struct playout_packet packet;
	const struct payload_type *type = NULL;

	if (!e->started)
		return FALSE;
	if (rtp_read(pkt, len, &h, &packet.payload, &packet.len))
		type = announced(e, h.pt);
	if (!type || !accept_ssrc(e, h.ssrc, now_us)) {
		e->stats.rx_bad++;
		return FALSE;
	}
	if (type->codec >= CODEC_SOUNDS)
		return hear_event(e, type->codec, &h, packet.payload, packet.len, now_us);
	hear_level(e, &h, now_us);
	packet.codec = e->codec = type->codec;
	packet.seq = h.seq;
	packet.ts = h.ts;
	e->stats.last_rx_us = now_us;
	if (!e->stats.first_rx_us)
		e->stats.first_rx_us = now_us;
	e->stats.rx_packets++;
	e->stats.rx_bytes += packet.len;
	if (is_backlog(e, &h, codec_clock_hz(type->codec), now_us)) {
		rtcp_received(e->rtcp, h.ssrc, h.seq, h.ts, 0, now_us);		/* its lateness is not the network's */
		return TRUE;
	}
	rtcp_received(e->rtcp, h.ssrc, h.seq, h.ts, codec_clock_hz(type->codec), now_us);
	if (playout_put(e->playout, &packet, now_us))
		return TRUE;
	e->stats.rx_bad++;
	return FALSE;
}

/* What the peer says of what we send changes it. */
static void heed(struct engine *e, gint64 now_us)
{
	struct rtcp_about about = rtcp_about_us(e->rtcp);
	struct adapt_report r = {.loss = about.loss, .rtt_ms = rtcp_rtt_ms(e->rtcp), .jitter_ms = about.jitter_ms};

	if (about.count == e->reports)
		return;
	if (r.rtt_ms > 0)				/* what queues on the way to us is the peer's to mend */
		r.rtt_ms = MAX(r.rtt_ms - rtcp_queue_ms(e->rtcp, now_us), 0);
	e->reports = about.count;
	adapt_report(&e->adapt, &r, now_us);
	encoder_loss(e->encoder, e->adapt.loss);
	if (adapt_bps(&e->adapt) == e->params.bitrate_bps)
		return;
	log_debug("engine", "%u bit/s instead of %u: the peer misses %.0f %%, the round trip is %.0f ms", adapt_bps(&e->adapt),
		  e->params.bitrate_bps, about.loss * 100, r.rtt_ms);
	e->params.bitrate_bps = adapt_bps(&e->adapt);
	encoder_params(e->encoder, &e->params);
}

gboolean engine_rtcp(struct engine *e, const uint8_t *pkt, size_t len, gint64 now_us)
{
	bool bye;
	gboolean sound = rtcp_input(e->rtcp, pkt, len, now_us, &bye);

	e->stats.last_rx_us = now_us;
	if (bye)
		e->peer_left = TRUE;
	heed(e, now_us);
	return sound;
}

void engine_bye(struct engine *e, gint64 now_us)
{
	if (e->started && !e->said_bye)
		report(e, TRUE, now_us);
	e->said_bye = TRUE;
}
