#include "path_priv.h"

#include <string.h>
#include <time.h>

#include "err.h"
#include "log.h"
#include "random.h"

enum {
	STALE_US = 1300 * 1000,			/* of silence where sound was flowing: a new way is sought beside, */
	UNSTABLE_US = 2500 * 1000,		/* and the user is told */
	UNSTABLE_IDLE_US = 8 * G_USEC_PER_SEC,	/* while only RTCP came (hold): browsers send it every 5 s or so */
	DEAD_US = 30 * G_USEC_PER_SEC,		/* RFC 7675 5.1 */
	SNAPSHOT_SLACK_US = 30 * 1000,		/* so long it waits for a frame of sound, which wakes us anyway */
	STALL_US = 60 * 1000,			/* [us] a tick so late would send three frames and more at once */
	BLIND_FIRST = 50, BLIND_EVERY = 25,	/* packets: a second of sound, then two a second */
};

void path_tell(struct path *p, post_fn *fn, const void *arg, gsize size)
{
	post_to(NULL, fn, p, arg, size);
}

void path_fail(struct path *p, GError *error)
{
	if (p->dead) {
		g_error_free(error);
		return;
	}
	p->dead = TRUE;
	path_tell(p, path_tell_failed, &error, sizeof(error));
}

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
	path_tell(p, path_take_snapshot, &s, sizeof(s));
}

static gboolean send_protected(struct path *p, uint8_t *pkt, size_t len)
{
	if (!len || !path_send(p, pkt, len)) {
		p->tx_dropped++;
		return FALSE;
	}
	return TRUE;
}

/* An address that only the signalling vouches for (Raw UDP with keys given) may be a third party's. Until something came from
 * there that nobody but the peer can have made, it does not get a stream. */
static gboolean may_send_blindly(struct path *p)
{
	p->blind++;
	return p->blind <= BLIND_FIRST || p->blind % BLIND_EVERY == 0;
}

static gboolean send_rtp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct path *p = self;

	if (!p->proven && !may_send_blindly(p)) {
		p->tx_dropped++;
		return FALSE;
	}

	return send_protected(p, pkt, wire_protect_rtp(p->wire, pkt, len, cap));
}

static gboolean send_rtcp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	struct path *p = self;

	return send_protected(p, pkt, wire_protect_rtcp(p->wire, pkt, len, cap));
}

/* THE gate: sound flows when both sides have accepted (go) and the keys, proven by the handshake or given, are in place on a way
 * that works (secured), and only then. */
static void start_engine(struct path *p)
{
	struct media_out net = {.rtp = send_rtp, .rtcp = send_rtcp, .self = p};
	GError *error = NULL;

	if (!p->go || !p->secured || p->engine || p->dead)
		return;
	/* Numbers begin in the lower half: were the first packets lost just before these wrap, SRTP would count differently on the
	 * two sides for ever (RFC 3711 3.3.1). */
	p->engine = engine_new(&p->params, p->in, p->out, &net, random_u32() & ~0x8000u, &error);
	if (!p->engine) {
		path_fail(p, error);
		return;
	}
	engine_mute(p->engine, p->muted);
	engine_hold(p->engine, p->hold.sending, p->hold.receiving);
	engine_record(p->engine, p->have_tap ? &p->tap : NULL);
	engine_volume(p->engine, p->volume);
	if (p->proven)
		p->secure_by = G_MAXINT64;
	p->last_any_us = p->last_rtp_us = g_get_monotonic_time();
	engine_start(p->engine, p->last_any_us);
	p->snapshot_at = p->last_any_us + p->snapshot_every;
}

static void handshake_done(struct path *p)
{
	struct srtp_keys tx, rx;
	GError *error = NULL;
	const char *suite;

	if (!dtls_keys(p->dtls, &tx, &rx)) {
		path_fail(p, g_error_new(JC_ERROR, JC_SECURITY, "the encryption handshake gave no keys"));
		return;
	}
	if (wire_set_keys(p->wire, &tx, &rx, &error)) {
		suite = wire_suite_name(tx.suite);
		p->secured = p->proven = TRUE;
		path_proven(p);
		path_tell(p, path_tell_secured, &suite, sizeof(suite));
		start_engine(p);
	} else {
		path_fail(p, error);
	}
	explicit_bzero(&tx, sizeof(tx));
	explicit_bzero(&rx, sizeof(rx));
}

static void handshake_step(struct path *p, enum dtls_status status)
{
	if (status == DTLS_DONE && !p->secured && !p->dead)
		handshake_done(p);
	else if (status == DTLS_FAILED)		/* also long after it was done, by an alert that the peer has encrypted */
		path_fail(p, g_error_copy(dtls_error(p->dtls)));
	if (p->secured && dtls_closed(p->dtls) && !p->left) {
		p->left = TRUE;
		path_tell(p, path_tell_left, NULL, 0);
	}
	path_schedule(p);
}

static void send_handshake(void *self, const uint8_t *data, size_t len)
{
	path_send(self, data, len);
}

/* Not before the link works, even when the peer's hello has come through a pair that does: libnice sends nothing until our own
 * check has ended, and an answer lost in it would be repeated only when its timer ends. */
void path_start_dtls(struct path *p)
{
	GError *error = NULL;
	unsigned early = MIN(p->early_count, EARLY_RECORDS);

	if (p->dtls || p->dead || !p->peer_known || !p->works)
		return;
	p->dtls = dtls_new(p->cert, p->client, &p->peer, send_handshake, p, &error);
	if (!p->dtls) {
		path_fail(p, error);
		return;
	}
	handshake_step(p, dtls_start(p->dtls, g_get_monotonic_time()));
	p->early_count = 0;
	for (unsigned i = 0; i < early && !p->dead; i++)
		handshake_step(p, dtls_input(p->dtls, p->early[i].data, p->early[i].len, g_get_monotonic_time()));
}

/* The last ones are kept: the first may be forged, and a hello is repeated. */
static void keep_early(struct path *p, const uint8_t *record, size_t len)
{
	unsigned place = p->early_count % EARLY_RECORDS;

	if (len > DATAGRAM_MAX || !dtls_may_begin(record, len))
		return;
	memcpy(p->early[place].data, record, len);
	p->early[place].len = len;
	p->early_count++;
}

static void on_handshake(void *self, const uint8_t *record, size_t len)
{
	struct path *p = self;

	if (p->dtls) {
		handshake_step(p, dtls_input(p->dtls, record, len, g_get_monotonic_time()));
		return;
	}
	keep_early(p, record, len);
	path_start_dtls(p);
}

void path_use_keys(struct path *p)
{
	if (!p->suite || !p->works || p->secured || p->dead)
		return;
	p->secured = TRUE;
	p->proven = p->proven || path_is_checked(p);
	path_tell(p, path_tell_secured, &p->suite, sizeof(p->suite));
	start_engine(p);
}

static void alive(struct path *p, gint64 now)
{
	gboolean silent = FALSE;

	p->last_any_us = now;
	p->heard_of = TRUE;
	p->stale_at = G_MAXINT64;
	p->proven = p->proven || p->suite;		/* else the handshake has to */
	path_proven(p);
	if (p->told_unstable) {
		p->told_unstable = FALSE;
		path_tell(p, path_tell_unstable, &silent, sizeof(silent));
	}
}

static void tell_digits(struct path *p)
{
	char digits[8];
	size_t n = engine_digits(p->engine, digits, sizeof(digits));

	for (size_t i = 0; i < n; i++)
		path_tell(p, path_tell_digit, &digits[i], sizeof(digits[i]));
}

static void tell_voice(struct path *p, gint64 now)
{
	gboolean speaking = engine_is_spoken_to(p->engine, now);

	if (speaking == p->told_voice)
		return;
	p->told_voice = speaking;
	path_tell(p, path_tell_voice, &speaking, sizeof(speaking));
}

static void on_rtp(void *self, uint8_t *pkt, size_t len)
{
	struct path *p = self;
	gint64 now = g_get_monotonic_time();

	alive(p, now);
	p->last_rtp_us = now;
	if (!p->engine)
		return;
	path_send_digits(p);
	engine_rtp(p->engine, pkt, len, now);
	tell_digits(p);
	if (!p->told_flowing) {
		p->told_flowing = TRUE;
		path_tell(p, path_tell_flowing, &now, sizeof(now));
	}
}

static void on_rtcp(void *self, uint8_t *pkt, size_t len)
{
	struct path *p = self;
	gint64 now = g_get_monotonic_time();

	alive(p, now);
	if (!p->engine)
		return;
	path_send_digits(p);
	engine_rtcp(p->engine, pkt, len, now);
	if (engine_peer_left(p->engine) && !p->left) {
		p->left = TRUE;
		path_tell(p, path_tell_left, NULL, 0);
	}
}

static void check_liveness(struct path *p, gint64 now)
{
	gint64 silence = now - p->last_any_us;
	gint64 limit = p->last_any_us - p->last_rtp_us < G_USEC_PER_SEC ? UNSTABLE_US : UNSTABLE_IDLE_US;
	gboolean silent = TRUE;

	if (silence > DEAD_US)
		path_fail(p, g_error_new(JC_ERROR, JC_LOST, "nothing came from the peer for %d seconds",
					 (int)(DEAD_US / G_USEC_PER_SEC)));
	else if (silence > limit && !p->told_unstable) {
		p->told_unstable = TRUE;
		path_tell(p, path_tell_unstable, &silent, sizeof(silent));
	}
	if (silence > (limit == UNSTABLE_US ? STALE_US : limit))
		path_link_stale(p, now);
}

static void watch_ends(struct path *p)
{
	struct in_end in = {.in = p->in};
	struct out_end out = {.out = p->out};
	struct media_stats stats;

	if (!p->in_done && engine_in_ended(p->engine, &in.fault)) {
		p->in_done = TRUE;
		path_tell(p, path_tell_in_ended, &in, sizeof(in));
	}
	if (!p->out_done && engine_out_ended(p->engine, &out.fault)) {
		p->out_done = TRUE;
		path_tell(p, path_tell_out_ended, &out, sizeof(out));
	}
	if (!p->told_heard && p->told_flowing) {
		engine_stats(p->engine, &stats);
		if (stats.first_heard_us) {
			p->told_heard = TRUE;
			path_tell(p, path_tell_heard, &stats.first_heard_us, sizeof(stats.first_heard_us));
		}
	}
}

static void tick_engine(struct path *p, gint64 now)
{
	if (engine_deadline(p->engine) <= now)
		engine_tick(p->engine, now);
	tell_voice(p, now);
	watch_ends(p);
	if (now >= p->snapshot_at) {
		p->snapshot_at = now + p->snapshot_every;
		check_liveness(p, now);
		snapshot(p);
	}
}

/* CLOCK_MONOTONIC does not count the time in which the machine is suspended, CLOCK_BOOTTIME does. The difference is [us] what
 * the machine has slept since it was started; BEFORE where a pause between the two readings spoils it. */
static gint64 asleep_us(gint64 before)
{
	gint64 now = g_get_monotonic_time();
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0 || g_get_monotonic_time() - now > STALL_US / 2)
		return before;
	return t.tv_sec * G_USEC_PER_SEC + t.tv_nsec / 1000 - now;
}

static void put_off(gint64 *deadline_us, gint64 by_us)
{
	if (*deadline_us != G_MAXINT64)
		*deadline_us += by_us;
}

/* Our own sleep is no silence of the peer's, and no limit runs while nobody can meet it. */
static void make_up_for(struct path *p, gint64 stood_us)
{
	p->last_any_us += stood_us;
	p->last_rtp_us += stood_us;
	put_off(&p->other_until, stood_us);
	put_off(&p->stale_at, stood_us);
	put_off(&p->remote_done_at, stood_us);
	put_off(&p->relay_by, stood_us);
	put_off(&p->secure_by, stood_us);
}

void path_awake(struct path *p, gint64 now)
{
	gint64 stood_us = now - MAX(p->due_at, p->awake_at), asleep = asleep_us(p->asleep_us), slept_us = asleep - p->asleep_us;

	p->awake_at = now;
	p->asleep_us = asleep;
	if (stood_us < STALL_US)
		stood_us = 0;
	if (slept_us < STALL_US)
		slept_us = 0;
	if (stood_us + slept_us == 0)
		return;
	log_info("path", "this process stood still for %d ms", (int)((stood_us + slept_us) / 1000));
	make_up_for(p, stood_us);
	if (p->engine)
		engine_wake(p->engine, stood_us, slept_us, now);
}

static gboolean on_timer(GSource *source, GSourceFunc callback, gpointer data)
{
	struct path *p = data;
	gint64 now = g_get_monotonic_time();

	path_awake(p, now);
	if (p->dtls && dtls_deadline(p->dtls) <= now)
		handshake_step(p, dtls_expire(p->dtls, now));
	if (p->engine && !p->dead)
		tick_engine(p, now);
	path_link_expire(p, now);
	path_schedule(p);
	return G_SOURCE_CONTINUE;
}

void path_schedule(struct path *p)
{
	gint64 next = MIN(MIN(p->remote_done_at, p->relay_by), MIN(p->secure_by, p->other_until));

	if (p->dtls)
		next = MIN(next, dtls_deadline(p->dtls));
	if (p->engine && !p->dead)
		next = MIN(next, MIN(engine_deadline(p->engine), p->snapshot_at + SNAPSHOT_SLACK_US));
	p->due_at = next;
	g_source_set_ready_time(p->timer, next == G_MAXINT64 ? -1 : next);
}

static GSourceFuncs timer_funcs = {.dispatch = on_timer};

void path_do_begin(void *self, void *arg)
{
	struct path *p = self;
	struct wire_events wire = {.rtp = on_rtp, .rtcp = on_rtcp, .handshake = on_handshake, .self = p};

	p->remote_done_at = p->relay_by = p->secure_by = p->snapshot_at = p->other_until = p->stale_at = G_MAXINT64;
	p->due_at = G_MAXINT64;
	p->asleep_us = asleep_us(0);
	p->hold.sending = p->hold.receiving = TRUE;
	p->snapshot_every = SNAPSHOT_US;
	p->volume = 100;
	p->timer = g_source_new(&timer_funcs, sizeof(GSource));
	g_source_set_callback(p->timer, NULL, p, NULL);
	g_source_attach(p->timer, media_thread_context(p->media));
	p->wire = wire_new(&wire);
}

void path_do_secure(void *self, void *arg)
{
	struct path *p = self;
	struct secure_arg *a = arg;

	p->peer = a->peer;
	p->client = a->client;
	p->peer_known = TRUE;
	path_start_dtls(p);
	path_schedule(p);
}

void path_do_keys(void *self, void *arg)
{
	struct path *p = self;
	struct keys_arg *a = arg;
	GError *error = NULL;

	if (p->suite || p->peer_known)
		log_warn("path", "a second set of keys is not taken");
	else if (wire_set_keys(p->wire, &a->tx, &a->rx, &error))
		p->suite = wire_suite_name(a->tx.suite);
	else
		path_fail(p, error);
	explicit_bzero(a, sizeof(*a));
	path_use_keys(p);
	path_schedule(p);
}

void path_do_go(void *self, void *arg)
{
	struct path *p = self;
	struct go_arg *a = arg;

	p->params = a->params;
	p->in = a->in;
	p->out = a->out;
	p->go = TRUE;
	if (!p->proven)
		path_limit(p);
	start_engine(p);
	path_schedule(p);
}

/* It passes every earlier event: nothing refers to P after it. */
static gboolean tell_end(gpointer data)
{
	struct path *p = data;

	path_tell(p, path_finish, &p->last, sizeof(p->last));
	return G_SOURCE_REMOVE;
}

void path_do_close(void *self, void *arg)
{
	struct path *p = self;

	if (p->engine)
		engine_bye(p->engine, g_get_monotonic_time());
	if (p->dtls)
		dtls_bye(p->dtls);
	read_stats(p, &p->last.stats);
	p->last.last_any_us = p->last_any_us;
	g_source_destroy(p->timer);
	g_source_unref(p->timer);
	engine_free(p->engine);
	dtls_free(p->dtls);
	wire_free(p->wire);
	if (path_link_close(p)) {
		g_autoptr(GSource) goodbye = g_timeout_source_new(LINK_GOODBYE_MS);

		g_source_set_callback(goodbye, tell_end, p, NULL);
		g_source_attach(goodbye, media_thread_context(p->media));
	} else {
		tell_end(p);
	}
}

