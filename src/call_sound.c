#include "call_priv.h"

#include "media/codec.h"

/* Who may send now, by senders and hold. While we hold, the peer may go on sending; it is not heard. */
static void apply_hold(struct call *c)
{
	enum jingle_senders senders = jingle_current_senders(c->session);
	gboolean we_send = senders == SENDERS_BOTH ||
		senders == (jingle_is_initiator(c->session) ? SENDERS_INITIATOR : SENDERS_RESPONDER);
	gboolean held = (rtp_app_flags(c->app) & RTP_HELD_BY_PEER) != 0;

	path_hold(c->path, we_send && !held && !c->held, senders != SENDERS_NONE && !c->held);
}

void call_sound_go(struct call *c)
{
	struct media_params params;

	if (c->going || !c->accepted || !c->have_ends)
		return;
	c->going = TRUE;
	rtp_app_params(c->app, &params);
	if (c->have_tap)
		path_record(c->path, &c->tap, NULL, NULL);
	if (c->volume != 100)
		path_volume(c->path, c->volume);
	if (c->muted)				/* before the sound, which begins in another thread, at once */
		path_mute(c->path, TRUE);
	apply_hold(c);
	path_go(c->path, &params, c->in, c->out);
}

static void tell_muted(struct call *c)
{
	jingle_info_of_content(c->session, elem_new(c->muted ? "mute" : "unmute", NS_RTP_INFO), call_now(c));
}

static void tell_held(struct call *c)
{
	jingle_info(c->session, elem_new(c->held ? "hold" : "unhold", NS_RTP_INFO), call_now(c));
}

void call_sound_accepted(struct call *c)
{
	if (c->muted)
		tell_muted(c);
	if (c->held)
		tell_held(c);
}

/* FALSE: none were signalled. */
static gboolean tell_digits(struct call *c)
{
	char digits[RTP_DIGITS];
	gsize n = rtp_app_digits(c->app, digits);

	for (gsize i = 0; i < n && !c->freed && c->accepted; i++)
		c->ev.digit(c->ev.self, digits[i]);
	return n > 0;
}

void call_sound_changed(struct call *c)
{
	struct media_params params;

	if (tell_digits(c))
		return;			/* nothing else has changed */
	if (c->going) {
		rtp_app_params(c->app, &params);
		path_params(c->path, &params);
		apply_hold(c);
	}
	c->ev.changed(c->ev.self);
}

void call_ends(struct call *c, const struct audio_in *in, const struct audio_out *out)
{
	c->in = in;
	c->out = out;
	c->have_ends = TRUE;
	call_sound_go(c);
}

void call_set_in(struct call *c, const struct audio_in *in, void (*released)(void *ctx), void *ctx)
{
	c->in = in;
	path_set_in(c->path, in, released, ctx);
}

/* Before the sound the path may not be the last one; yet it is the one that tells, behind all that was asked of it. */
void call_record(struct call *c, const struct audio_tap *tap, void (*released)(void *ctx), void *ctx)
{
	c->have_tap = tap != NULL;
	if (tap)
		c->tap = *tap;
	if (c->going || released)
		path_record(c->path, c->going ? tap : NULL, released, ctx);
}

void call_volume(struct call *c, guint percent)
{
	c->volume = percent;
	if (c->going)
		path_volume(c->path, percent);
}

void call_set_out(struct call *c, const struct audio_out *out, void (*released)(void *ctx), void *ctx)
{
	c->out = out;
	path_set_out(c->path, out, released, ctx);
}

void call_mute(struct call *c, gboolean muted)
{
	if (c->muted == muted)
		return;
	c->muted = muted;
	if (c->going)
		path_mute(c->path, muted);
	if (c->accepted) {
		tell_muted(c);
		call_pump(c);
	}
}

void call_hold(struct call *c, gboolean held)
{
	if (c->held == held)
		return;
	c->held = held;
	if (c->going)
		apply_hold(c);
	if (c->accepted) {
		tell_held(c);
		call_pump(c);
	}
}

gboolean call_takes_dtmf(const struct call *c)
{
	struct media_params params;

	rtp_app_params(c->app, &params);
	return c->accepted && params.event_hz;
}

gboolean call_dtmf(struct call *c, const char *digits)
{
	return call_takes_dtmf(c) && path_dtmf(c->path, digits);
}

const char *call_codec(const struct call *c)
{
	struct media_params params;

	rtp_app_params(c->app, &params);
	return codec_name(params.codec);
}
