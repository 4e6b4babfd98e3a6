#include "engine_priv.h"

#include <string.h>

#include "mos.h"

enum { FLOW_US = 2000000, RATE_US = 5000000 };

/* ---- wishes ---- */

void engine_mute(struct engine *e, gboolean muted)
{
	e->muted = muted;
}

void engine_hold(struct engine *e, gboolean sending, gboolean receiving)
{
	e->sending = sending;
	e->receiving = receiving;
}

gboolean engine_dtmf(struct engine *e, const char *digits)
{
	return e->params.event_hz && dtmf_queue(&e->dtmf_tx, digits);
}

void engine_set_in(struct engine *e, const struct audio_in *in, gint64 now_us)
{
	e->have_in = in != NULL;
	e->in_ended = e->starving = FALSE;
	g_clear_error(&e->in_fault);
	if (in) {
		e->in = *in;
		if (e->started)
			e->in.start(e->in.self, now_us);
	}
	e->silent_us = e->captured_us = now_us;
	if (e->started)
		engine_plan(e, now_us);
}

void engine_set_out(struct engine *e, const struct audio_out *out, gint64 now_us)
{
	e->have_out = out != NULL;
	e->out_ended = FALSE;
	g_clear_error(&e->out_fault);
	playout_patient(e->playout, out && out->patient);
	if (out) {
		e->out = *out;
		if (e->started)
			e->out.start(e->out.self, now_us);
	}
	e->nowhere_us = now_us;
	if (e->started)
		engine_plan(e, now_us);
}

void engine_record(struct engine *e, const struct audio_tap *tap)
{
	e->have_tap = tap != NULL;
	if (tap)
		e->tap = *tap;
}

void engine_volume(struct engine *e, unsigned percent)
{
	volume_set(&e->volume, percent);
}

void engine_params(struct engine *e, const struct media_params *params)
{
	e->params = *params;
	e->frame = (size_t)params->ptime_ms * AUDIO_RATE / 1000;
	adapt_most(&e->adapt, params->bitrate_bps);
	e->params.bitrate_bps = adapt_bps(&e->adapt);
	encoder_params(e->encoder, &e->params);
}

/* ---- questions ---- */

gboolean engine_in_ended(struct engine *e, GError **fault)
{
	*fault = NULL;
	if (!e->in_ended)
		return FALSE;
	*fault = g_steal_pointer(&e->in_fault);
	return TRUE;
}

gboolean engine_out_ended(struct engine *e, GError **fault)
{
	*fault = NULL;
	if (!e->out_ended)
		return FALSE;
	*fault = g_steal_pointer(&e->out_fault);
	return TRUE;
}

size_t engine_digits(struct engine *e, char *out, size_t cap)
{
	size_t n = MIN(e->heard_digits, cap);

	memcpy(out, e->digits, n);
	memmove(e->digits, e->digits + n, e->heard_digits - n);
	e->heard_digits -= n;
	return n;
}

gboolean engine_is_spoken_to(struct engine *e, gint64 now_us)
{
	return voice_is_speaking(&e->rx_voice, now_us);
}

gboolean engine_peer_left(const struct engine *e)
{
	return e->peer_left;
}

/* ---- figures ---- */

static void note_flow(struct flow *f, uint64_t bytes, gint64 now_us)
{
	gint64 took = now_us - f->at_us;

	if (f->at_us && took < FLOW_US)
		return;
	if (f->at_us)
		f->bps = (double)(bytes - f->bytes) * 8e6 / (double)took;
	f->at_us = now_us;
	f->bytes = bytes;
}

static void count(const struct engine *e, struct media_stats *out)
{
	*out = e->stats;
	playout_stats(e->playout, out);
	out->rx_lost = rtcp_lost(e->rtcp);
	out->rx_jitter_ms = rtcp_jitter_ms(e->rtcp);
	out->rtt_ms = rtcp_rtt_ms(e->rtcp);
	out->peer_loss = rtcp_peer_loss(e->rtcp);
	out->tx_level_db = e->tx.db;
	out->rx_level_db = e->rx.db;
	out->tx_target_bps = e->params.bitrate_bps;
	out->tx_bps = e->tx_flow.bps;
	out->rx_bps = e->rx_flow.bps;
	out->tx_digits = e->dtmf_tx.taken;
	out->tx_fec = encoder_has_fec(e->encoder);
}

void engine_measure(struct engine *e, gint64 now_us)
{
	note_flow(&e->tx_flow, e->stats.tx_bytes, now_us);
	note_flow(&e->rx_flow, e->stats.rx_bytes, now_us);
	if (now_us - e->mark_us < RATE_US)
		return;
	e->mark_us = now_us;
	e->marks[1] = e->marks[0];
	count(e, &e->marks[0]);
}

void engine_stats(const struct engine *e, struct media_stats *out)
{
	const struct media_stats *before = &e->marks[1];

	count(e, out);
	if (out->rx_packets)
		out->mos = mos_here(out, NULL, e->codec, e->params.ptime_ms);
	if (out->rx_packets > before->rx_packets)	/* of silence there is nothing to rate: on hold, or on a dead line */
		out->mos_now = mos_here(out, before, e->codec, e->params.ptime_ms);
	if (rtcp_about_us(e->rtcp).count)
		out->peer_mos = mos_there(out, e->params.codec, e->params.ptime_ms);
}
