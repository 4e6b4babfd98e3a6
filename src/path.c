#include "path_priv.h"

#include <string.h>

/* ---- events: media thread -> main thread ---- */

struct unheard {
	post_fn *event;
	void *arg;
};

static void free_unheard(gpointer data)
{
	struct unheard *u = data;

	g_free(u->arg);
	g_free(u);
}

/* Nobody hears it yet. */
static gboolean keep(struct path *p, post_fn *event, const void *arg, gsize size)
{
	struct unheard *u;

	if (!p->unheard)
		return FALSE;
	u = g_new(struct unheard, 1);
	*u = (struct unheard){.event = event, .arg = g_memdup2(arg, size)};
	g_ptr_array_add(p->unheard, u);
	return TRUE;
}

void path_tell_creds(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed && !keep(p, path_tell_creds, arg, sizeof(struct ice_creds)))
		p->ev.creds(p->ev.self, arg);
}

void path_tell_candidate(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed && !keep(p, path_tell_candidate, arg, sizeof(struct ice_cand)))
		p->ev.candidate(p->ev.self, arg);
}

void path_tell_gathered(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed && !keep(p, path_tell_gathered, arg, sizeof(unsigned)))
		p->ev.gathered(p->ev.self, *(unsigned *)arg);
}

void path_tell_connected(void *self, void *arg)
{
	struct path *p = self;
	struct pair *pair = arg;

	if (!p->closed)
		p->ev.connected(p->ev.self, &pair->local, &pair->remote);
}

void path_tell_secured(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.secured(p->ev.self, *(const char **)arg);
}

void path_tell_flowing(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.flowing(p->ev.self, *(gint64 *)arg);
}

void path_tell_heard(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.heard(p->ev.self, *(gint64 *)arg);
}

void path_tell_unstable(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.unstable(p->ev.self, *(gboolean *)arg);
}

void path_tell_digit(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.digit(p->ev.self, *(char *)arg);
}

void path_tell_voice(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.voice(p->ev.self, *(gboolean *)arg);
}

void path_tell_in_ended(void *self, void *arg)
{
	struct path *p = self;
	struct in_end *end = arg;
	g_autoptr(GError) fault = end->fault;

	if (!p->closed)
		p->ev.in_ended(p->ev.self, end->in, fault);
}

void path_tell_out_ended(void *self, void *arg)
{
	struct path *p = self;
	struct out_end *end = arg;
	g_autoptr(GError) fault = end->fault;

	if (!p->closed)
		p->ev.out_ended(p->ev.self, end->out, fault);
}

void path_tell_stale(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.stale(p->ev.self);
}

/* What nobody has heard yet are addresses of a network that may be gone. */
void path_tell_moved(void *self, void *arg)
{
	struct path *p = self;

	if (p->unheard)
		p->spoilt = TRUE;
}

void path_tell_way_failed(void *self, void *arg)
{
	struct path *p = self;
	g_autoptr(GError) error = *(GError **)arg;

	p->spoilt = TRUE;
	if (!p->closed && !p->unheard)
		p->ev.way_failed(p->ev.self, error);
}

void path_tell_failed(void *self, void *arg)
{
	struct path *p = self;
	g_autoptr(GError) error = *(GError **)arg;

	p->spoilt = TRUE;
	if (!p->closed && !p->unheard)
		p->ev.failed(p->ev.self, error);
}

void path_tell_left(void *self, void *arg)
{
	struct path *p = self;

	if (!p->closed)
		p->ev.peer_left(p->ev.self);
}

void path_take_snapshot(void *self, void *arg)
{
	struct path *p = self;
	struct snapshot *snapshot = arg;

	p->stats = snapshot->stats;
	p->last_alive_us = snapshot->last_any_us;
	if (!p->closed)
		p->ev.measured(p->ev.self);
}

void path_tell_released(void *self, void *arg)
{
	struct release *r = arg;

	r->released(r->ctx);
}

void path_tell_unrecorded(void *self, void *arg)
{
	struct tap_arg *a = arg;

	a->released(a->ctx);
}

void path_finish(void *self, void *arg)
{
	struct path *p = self;
	struct snapshot *last = arg;

	p->stats = last->stats;
	if (p->done)
		p->done(p->done_ctx, &p->stats);
	explicit_bzero(&p->options.servers, sizeof(p->options.servers));
	g_clear_pointer(&p->unheard, g_ptr_array_unref);
	g_free(p);
}

/* ---- main thread ---- */

static void command(struct path *p, post_fn *fn, const void *arg, gsize size)
{
	g_return_if_fail(!p->closed);
	post_to(media_thread_context(p->media), fn, p, arg, size);
}

struct path *path_new(struct media_thread *t, const struct link_options *options, const struct dtls_cert *cert,
		      const struct path_events *events)
{
	struct path *p = g_new0(struct path, 1);

	p->media = t;
	if (events)
		p->ev = *events;
	else
		p->unheard = g_ptr_array_new_with_free_func(free_unheard);
	p->options = *options;
	p->cert = cert;
	p->stats.rtt_ms = -1;
	p->last_alive_us = g_get_monotonic_time();
	command(p, path_do_begin, NULL, 0);
	return p;
}

gboolean path_hear(struct path *p, const struct path_events *events)
{
	g_autoptr(GPtrArray) unheard = g_steal_pointer(&p->unheard);

	if (p->spoilt)
		return FALSE;
	p->ev = *events;
	for (guint i = 0; i < unheard->len; i++) {
		struct unheard *u = unheard->pdata[i];

		u->event(p, u->arg);
	}
	return TRUE;
}

void path_close(struct path *p, void (*done)(void *ctx, const struct media_stats *stats), void *ctx)
{
	command(p, path_do_close, NULL, 0);
	p->done = done;
	p->done_ctx = ctx;
	p->closed = TRUE;
}

void path_way(struct path *p, enum transport_kind way, const struct server_list *servers, gboolean relay_only)
{
	struct way_arg arg = {.way = way, .servers = *servers, .relay_only = relay_only};

	command(p, path_do_way, &arg, sizeof(arg));
	explicit_bzero(&arg, sizeof(arg));
}

void path_renew(struct path *p, const struct server_list *servers, gboolean relay_only)
{
	struct way_arg arg = {.way = TRANSPORT_ICE_UDP, .servers = *servers, .relay_only = relay_only};

	command(p, path_do_renew, &arg, sizeof(arg));
	explicit_bzero(&arg, sizeof(arg));
}

void path_gather(struct path *p)
{
	command(p, path_do_gather, NULL, 0);
}

void path_remote_creds(struct path *p, const struct ice_creds *creds)
{
	command(p, path_do_remote_creds, creds, sizeof(*creds));
}

void path_remote_cand(struct path *p, const struct ice_cand *cand)
{
	command(p, path_do_remote_cand, cand, sizeof(*cand));
}

void path_remote_done(struct path *p)
{
	command(p, path_do_remote_done, NULL, 0);
}

void path_secure(struct path *p, gboolean client, const struct dtls_fingerprint *peer)
{
	struct secure_arg arg = {.client = client, .peer = *peer};

	command(p, path_do_secure, &arg, sizeof(arg));
}

void path_keys(struct path *p, const struct srtp_keys *tx, const struct srtp_keys *rx)
{
	struct keys_arg arg = {.tx = *tx, .rx = *rx};

	command(p, path_do_keys, &arg, sizeof(arg));
	explicit_bzero(&arg, sizeof(arg));
}

void path_go(struct path *p, const struct media_params *params, const struct audio_in *in, const struct audio_out *out)
{
	struct go_arg arg = {.params = *params, .in = in, .out = out};

	command(p, path_do_go, &arg, sizeof(arg));
}

void path_params(struct path *p, const struct media_params *params)
{
	command(p, path_do_params, params, sizeof(*params));
}

void path_mute(struct path *p, gboolean muted)
{
	command(p, path_do_mute, &muted, sizeof(muted));
}

gboolean path_dtmf(struct path *p, const char *digits)
{
	struct dtmf_arg arg = {{0}};
	gsize n = strlen(digits);

	if (n > DTMF_QUEUE || p->digits_given - p->stats.tx_digits > DTMF_QUEUE - n)
		return FALSE;
	p->digits_given += n;
	g_strlcpy(arg.digits, digits, sizeof(arg.digits));
	command(p, path_do_dtmf, &arg, sizeof(arg));
	return TRUE;
}

void path_hold(struct path *p, gboolean sending, gboolean receiving)
{
	struct hold_arg arg = {.sending = sending, .receiving = receiving};

	command(p, path_do_hold, &arg, sizeof(arg));
}

void path_set_in(struct path *p, const struct audio_in *in, void (*released)(void *ctx), void *ctx)
{
	struct in_arg arg = {.in = in, .released = released, .ctx = ctx};

	command(p, path_do_set_in, &arg, sizeof(arg));
}

void path_record(struct path *p, const struct audio_tap *tap, void (*released)(void *ctx), void *ctx)
{
	struct tap_arg arg = {.have = tap != NULL, .released = released, .ctx = ctx};

	if (tap)
		arg.tap = *tap;
	command(p, path_do_record, &arg, sizeof(arg));
}

void path_volume(struct path *p, guint percent)
{
	command(p, path_do_volume, &percent, sizeof(percent));
}

void path_set_out(struct path *p, const struct audio_out *out, void (*released)(void *ctx), void *ctx)
{
	struct out_arg arg = {.out = out, .released = released, .ctx = ctx};

	command(p, path_do_set_out, &arg, sizeof(arg));
}

void path_stats(const struct path *p, struct media_stats *out)
{
	*out = p->stats;
}

void path_watch(struct path *p, gboolean watched)
{
	command(p, path_do_watch, &watched, sizeof(watched));
}

gint64 path_silent_us(const struct path *p)
{
	return g_get_monotonic_time() - p->last_alive_us;
}
