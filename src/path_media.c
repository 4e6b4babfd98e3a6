#include "path_priv.h"

#include <string.h>

#include "err.h"
#include "log.h"

enum {
	REMOTE_QUIET_US = 10 * G_USEC_PER_SEC,	/* no XMPP client but two says that it has no more candidates */
	SECURE_LIMIT_US = 30 * G_USEC_PER_SEC,
	UNSTABLE_US = 2500 * 1000,		/* while sound was flowing */
	UNSTABLE_IDLE_US = 8 * G_USEC_PER_SEC,	/* while only RTCP came (hold): browsers send it every 5 s or so */
	DEAD_US = 30 * G_USEC_PER_SEC,		/* RFC 7675 5.1 */
	SNAPSHOT_US = 500 * 1000,
};

static void tell(struct path *p, post_fn *fn, const void *arg, gsize size)
{
	post_to(NULL, fn, p, arg, size);
}

/* Takes ERROR. Only the first failure is told. */
static void fail(struct path *p, GError *error)
{
	if (p->dead) {
		g_error_free(error);
		return;
	}
	p->dead = TRUE;
	tell(p, path_tell_failed, &error, sizeof(error));
}

static void schedule(struct path *p);

static void read_stats(struct path *p, struct media_stats *out)
{
	const struct wire_counts *counts = wire_counts(p->wire);

	memset(out, 0, sizeof(*out));
	out->rtt_ms = -1;
	if (p->engine)
		engine_stats(p->engine, out);
	out->rx_bad += counts->auth_failed + counts->replayed + counts->malformed;
	out->tx_dropped = p->tx_dropped;
}

static void snapshot(struct path *p)
{
	struct snapshot s;

	read_stats(p, &s.stats);
	s.last_any_us = p->last_any_us;
	tell(p, path_take_snapshot, &s, sizeof(s));
}

static gboolean send_protected(struct path *p, uint8_t *pkt, size_t len)
{
	if (!len || !ice_send(p->ice, pkt, len)) {
		p->tx_dropped++;
		return FALSE;
	}
	return TRUE;
}

static gboolean send_rtp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct path *p = self;

	return send_protected(p, pkt, wire_protect_rtp(p->wire, pkt, len, cap));
}

static gboolean send_rtcp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct path *p = self;

	return send_protected(p, pkt, wire_protect_rtcp(p->wire, pkt, len, cap));
}

/* THE gate: sound flows when both sides have accepted (go) and the keys are proven (secured), and only then. */
static void start_engine(struct path *p)
{
	struct media_out net = {.rtp = send_rtp, .rtcp = send_rtcp, .self = p};
	GError *error = NULL;

	if (!p->go || !p->secured || p->engine || p->dead)
		return;
	p->engine = engine_new(&p->params, p->in, p->out, &net, g_random_int(), &error);
	if (!p->engine) {
		fail(p, error);
		return;
	}
	engine_mute(p->engine, p->muted);
	engine_hold(p->engine, p->hold.sending, p->hold.receiving);
	p->secure_by = G_MAXINT64;
	p->last_any_us = p->last_rtp_us = g_get_monotonic_time();
	engine_start(p->engine, p->last_any_us);
	p->snapshot_at = p->last_any_us + SNAPSHOT_US;
}

static void handshake_done(struct path *p)
{
	struct srtp_keys tx, rx;
	GError *error = NULL;
	const char *suite;

	if (!dtls_keys(p->dtls, &tx, &rx)) {
		fail(p, g_error_new(JC_ERROR, JC_SECURITY, "the encryption handshake gave no keys"));
		return;
	}
	if (wire_set_keys(p->wire, &tx, &rx, &error)) {
		suite = wire_suite_name(tx.suite);
		p->secured = TRUE;
		tell(p, path_tell_secured, &suite, sizeof(suite));
		start_engine(p);
	} else {
		fail(p, error);
	}
	explicit_bzero(&tx, sizeof(tx));
	explicit_bzero(&rx, sizeof(rx));
}

static void handshake_step(struct path *p, enum dtls_status status)
{
	if (status == DTLS_DONE && !p->secured && !p->dead)
		handshake_done(p);
	else if (status == DTLS_FAILED && !p->secured)
		fail(p, g_error_copy(dtls_error(p->dtls)));
	if (p->secured && dtls_closed(p->dtls) && !p->left) {
		p->left = TRUE;
		tell(p, path_tell_left, NULL, 0);
	}
	schedule(p);
}

static void send_handshake(void *self, const uint8_t *data, size_t len)
{
	struct path *p = self;

	ice_send(p->ice, data, len);
}

/* As server we may begin before our own ICE check has ended: the peer's ClientHello came through a pair that works. */
static void start_dtls(struct path *p)
{
	GError *error = NULL;
	unsigned early = p->early_count;

	if (p->dtls || p->dead || !p->peer_known || !(p->ice_works || (early && !p->client)))
		return;
	p->dtls = dtls_new(p->cert, p->client, &p->peer, send_handshake, p, &error);
	if (!p->dtls) {
		fail(p, error);
		return;
	}
	handshake_step(p, dtls_start(p->dtls, g_get_monotonic_time()));
	p->early_count = 0;
	for (unsigned i = 0; i < early && !p->dead; i++)
		handshake_step(p, dtls_input(p->dtls, p->early[i].data, p->early[i].len, g_get_monotonic_time()));
}

static void on_handshake(void *self, const uint8_t *record, size_t len)
{
	struct path *p = self;

	if (p->dtls) {
		handshake_step(p, dtls_input(p->dtls, record, len, g_get_monotonic_time()));
		return;
	}
	if (p->early_count < EARLY_RECORDS && len <= DATAGRAM_MAX) {
		memcpy(p->early[p->early_count].data, record, len);
		p->early[p->early_count++].len = len;
	}
	start_dtls(p);
}

static void alive(struct path *p, gint64 now)
{
	gboolean silent = FALSE;

	p->last_any_us = now;
	if (p->told_unstable) {
		p->told_unstable = FALSE;
		tell(p, path_tell_unstable, &silent, sizeof(silent));
	}
}

static void on_rtp(void *self, uint8_t *pkt, size_t len)
{
	struct path *p = self;
	gint64 now = g_get_monotonic_time();

	alive(p, now);
	p->last_rtp_us = now;
	if (!p->engine)
		return;
	engine_rtp(p->engine, pkt, len, now);
	if (!p->told_flowing) {
		p->told_flowing = TRUE;
		tell(p, path_tell_flowing, &now, sizeof(now));
	}
}

static void on_rtcp(void *self, uint8_t *pkt, size_t len)
{
	struct path *p = self;
	gint64 now = g_get_monotonic_time();

	alive(p, now);
	if (!p->engine)
		return;
	engine_rtcp(p->engine, pkt, len, now);
	if (engine_peer_left(p->engine) && !p->left) {
		p->left = TRUE;
		tell(p, path_tell_left, NULL, 0);
	}
}

static void on_datagram(void *self, uint8_t *data, size_t len, size_t cap)
{
	struct path *p = self;

	wire_input(p->wire, data, len);
	schedule(p);
}

static void on_candidate(void *self, const struct ice_cand *local)
{
	tell(self, path_tell_candidate, local, sizeof(*local));
}

static void on_gathered(void *self, unsigned candidates)
{
	tell(self, path_tell_gathered, &candidates, sizeof(candidates));
}

static void on_ice_state(void *self, enum ice_state state)
{
	struct path *p = self;
	struct pair pair;

	log_debug("path", "ICE state %d", state);
	if (state == ICE_CONNECTED || state == ICE_READY) {
		if (!p->ice_works && ice_selected(p->ice, &pair.local, &pair.remote)) {
			p->ice_works = TRUE;
			tell(p, path_tell_connected, &pair, sizeof(pair));
			start_dtls(p);
		}
	} else if (state == ICE_FAILED && !p->secured) {
		fail(p, g_error_new(JC_ERROR, JC_NO_PATH, "no network path to the peer was found; "
				    "a TURN relay may be needed"));
	}
}

static void check_liveness(struct path *p, gint64 now)
{
	gint64 silence = now - p->last_any_us;
	gint64 limit = p->last_any_us - p->last_rtp_us < G_USEC_PER_SEC ? UNSTABLE_US : UNSTABLE_IDLE_US;
	gboolean silent = TRUE;

	if (silence > DEAD_US)
		fail(p, g_error_new(JC_ERROR, JC_LOST, "nothing came from the peer for %d seconds",
				    (int)(DEAD_US / G_USEC_PER_SEC)));
	else if (silence > limit && !p->told_unstable) {
		p->told_unstable = TRUE;
		tell(p, path_tell_unstable, &silent, sizeof(silent));
	}
}

static void watch_ends(struct path *p)
{
	GError *fault = NULL;
	struct media_stats stats;

	if (!p->in_done && engine_in_ended(p->engine, &fault)) {
		p->in_done = TRUE;
		tell(p, path_tell_in_ended, &fault, sizeof(fault));
	}
	fault = NULL;
	if (!p->dead && engine_out_ended(p->engine, &fault))
		fail(p, fault ? fault : g_error_new(JC_ERROR, JC_FILE, "the output has ended"));
	if (!p->told_heard && p->told_flowing) {
		engine_stats(p->engine, &stats);
		if (stats.first_heard_us) {
			p->told_heard = TRUE;
			tell(p, path_tell_heard, &stats.first_heard_us, sizeof(stats.first_heard_us));
		}
	}
}

static void tick_engine(struct path *p, gint64 now)
{
	if (engine_deadline(p->engine) <= now)
		engine_tick(p->engine, now);
	watch_ends(p);
	if (now >= p->snapshot_at) {
		p->snapshot_at = now + SNAPSHOT_US;
		check_liveness(p, now);
		snapshot(p);
	}
}

static gboolean on_timer(GSource *source, GSourceFunc callback, gpointer data)
{
	struct path *p = data;
	gint64 now = g_get_monotonic_time();

	if (p->dtls && dtls_deadline(p->dtls) <= now)
		handshake_step(p, dtls_expire(p->dtls, now));
	if (p->engine && !p->dead)
		tick_engine(p, now);
	if (now >= p->remote_done_at) {
		p->remote_done_at = G_MAXINT64;
		ice_remote_done(p->ice);
	}
	if (now >= p->secure_by) {
		p->secure_by = G_MAXINT64;
		if (p->ice_works)
			fail(p, g_error_new(JC_ERROR, JC_SECURITY, "the peer did not finish the encryption handshake"));
		else
			fail(p, g_error_new(JC_ERROR, JC_NO_PATH, "no network path to the peer was found in time; "
					    "a TURN relay may be needed"));
	}
	schedule(p);
	return G_SOURCE_CONTINUE;
}

static void schedule(struct path *p)
{
	gint64 next = MIN(p->remote_done_at, p->secure_by);

	if (p->dtls)
		next = MIN(next, dtls_deadline(p->dtls));
	if (p->engine && !p->dead)
		next = MIN(next, MIN(engine_deadline(p->engine), p->snapshot_at));
	g_source_set_ready_time(p->timer, next == G_MAXINT64 ? -1 : next);
}

static GSourceFuncs timer_funcs = {.dispatch = on_timer};

void path_do_begin(void *self, void *arg)
{
	struct path *p = self;
	struct wire_events wire = {.rtp = on_rtp, .rtcp = on_rtcp, .handshake = on_handshake, .self = p};
	struct ice_events ice = {.candidate = on_candidate, .gathered = on_gathered, .state = on_ice_state,
				 .datagram = on_datagram, .self = p};
	struct ice_creds creds;
	GError *error = NULL;

	p->remote_done_at = p->secure_by = p->snapshot_at = G_MAXINT64;
	p->hold.sending = p->hold.receiving = TRUE;
	p->timer = g_source_new(&timer_funcs, sizeof(GSource));
	g_source_set_callback(p->timer, NULL, p, NULL);
	g_source_attach(p->timer, media_thread_context(p->media));
	p->wire = wire_new(&wire);
	p->ice = ice_new(media_thread_context(p->media), &p->options, &ice, &error);
	if (!p->ice) {
		fail(p, error);
		return;
	}
	ice_local_creds(p->ice, &creds);
	tell(p, path_tell_creds, &creds, sizeof(creds));
}

void path_do_gather(void *self, void *arg)
{
	struct path *p = self;
	GError *error = NULL;

	if (p->ice && !ice_gather(p->ice, &error))
		fail(p, error);
}

void path_do_remote_creds(void *self, void *arg)
{
	struct path *p = self;

	if (p->ice && !ice_set_remote(p->ice, arg))
		fail(p, g_error_new(JC_ERROR, JC_PROTOCOL, "the peer's ICE credentials were not usable"));
}

void path_do_remote_cand(void *self, void *arg)
{
	struct path *p = self;

	if (!p->ice)
		return;
	ice_add_remote(p->ice, arg);
	p->remote_done_at = g_get_monotonic_time() + REMOTE_QUIET_US;
	schedule(p);
}

void path_do_remote_done(void *self, void *arg)
{
	struct path *p = self;

	p->remote_done_at = g_get_monotonic_time();
	schedule(p);
}

void path_do_secure(void *self, void *arg)
{
	struct path *p = self;
	struct secure_arg *a = arg;

	p->peer = a->peer;
	p->client = a->client;
	p->peer_known = TRUE;
	start_dtls(p);
	schedule(p);
}

void path_do_go(void *self, void *arg)
{
	struct path *p = self;
	struct go_arg *a = arg;

	p->params = a->params;
	p->in = a->in;
	p->out = a->out;
	p->go = TRUE;
	if (!p->secured)
		p->secure_by = g_get_monotonic_time() + SECURE_LIMIT_US;
	start_engine(p);
	schedule(p);
}

void path_do_params(void *self, void *arg)
{
	struct path *p = self;

	p->params = *(struct media_params *)arg;
	if (p->engine)
		engine_params(p->engine, &p->params);
}

void path_do_mute(void *self, void *arg)
{
	struct path *p = self;

	p->muted = *(gboolean *)arg;
	if (p->engine)
		engine_mute(p->engine, p->muted);
}

void path_do_hold(void *self, void *arg)
{
	struct path *p = self;

	p->hold = *(struct hold_arg *)arg;
	if (p->engine)
		engine_hold(p->engine, p->hold.sending, p->hold.receiving);
}

void path_do_set_in(void *self, void *arg)
{
	struct path *p = self;
	struct in_arg *a = arg;

	p->in = a->in;
	p->in_done = FALSE;
	if (p->engine)
		engine_set_in(p->engine, p->in, g_get_monotonic_time());
	if (a->released)
		tell(p, path_tell_released, a, sizeof(*a));
	schedule(p);
}

void path_do_close(void *self, void *arg)
{
	struct path *p = self;
	struct snapshot last;

	if (p->engine)
		engine_bye(p->engine, g_get_monotonic_time());
	if (p->dtls)
		dtls_bye(p->dtls);
	read_stats(p, &last.stats);
	last.last_any_us = p->last_any_us;
	g_source_destroy(p->timer);
	g_source_unref(p->timer);
	engine_free(p->engine);
	dtls_free(p->dtls);
	ice_free(p->ice);
	wire_free(p->wire);
	tell(p, path_finish, &last, sizeof(last));	/* passes every earlier event: nothing refers to P after it */
}

