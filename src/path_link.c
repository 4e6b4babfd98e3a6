/* The way of a call's datagrams, in the media thread: opened, replaced, given up. The rest of the path does not know which
 * kind it is. */
#include "path_priv.h"

#include <string.h>

#include "err.h"
#include "log.h"
#include "net/netwatch.h"

enum {
	REMOTE_QUIET_US = 10 * G_USEC_PER_SEC,	/* no XMPP client but two says that it has no more candidates */
	SECURE_LIMIT_US = 30 * G_USEC_PER_SEC,
	RENEW_LIMIT_US = 15 * G_USEC_PER_SEC,
	RETIRE_US = 2 * G_USEC_PER_SEC,
	STALE_AGAIN_US = 8 * G_USEC_PER_SEC,
	/* [us] of silence that the responder leaves to the initiator to mend. A restart of its own ends calls with browsers, whose
	 * page stands still for 3 s and more and then goes on (stanza with Chromium: failed-transport). */
	RESPONDER_STALE_US = 6 * G_USEC_PER_SEC,
	ADDRESSES_AT_ONCE = 100, ADDRESSES_PER_S = 1,	/* of the peer's: four restarts with all that ICE takes, and one now and then */
	RELAY_LIMIT_US = 6 * G_USEC_PER_SEC,	/* libnice waits 40 s for a relay that closes its connections */
};

static const struct {
	gboolean (*open)(struct link *l, GMainContext *ctx, const struct link_options *options,
			 const struct link_events *events, GError **error);
	const char *no_way;
} ways[] = {
	[TRANSPORT_ICE_UDP] = {ice_open, "no network path to the peer was found; a TURN relay may be needed"},
	[TRANSPORT_RAW_UDP] = {udp_open, "nothing came from the peer's address; a TURN relay may be needed"},
};

static struct way_end *in_force(struct path *p)
{
	return &p->ends[p->current];
}

static struct way_end *beside(struct path *p)
{
	return &p->ends[!p->current];
}

/* Whom the peer's news are for: his answer to our new credentials is about the new way. */
static struct link *asked(struct path *p)
{
	return p->other == RENEWING ? &beside(p)->link : &in_force(p)->link;
}

gboolean path_send(struct path *p, const uint8_t *data, size_t len)
{
	struct link *l = &in_force(p)->link;

	return l->self && l->send(l->self, data, len);
}

gboolean path_is_checked(const struct path *p)
{
	return p->ends[p->current].link.checked;
}

void path_proven(struct path *p)
{
	struct link *l = &in_force(p)->link;

	if (l->self)
		l->proven(l->self);
}

void path_limit(struct path *p)
{
	p->secure_by = g_get_monotonic_time() + SECURE_LIMIT_US;
}

/* Until the peer is known to be at its other end a way can fail, and another may be tried. */
static void give_up(struct path *p, const char *why)
{
	GError *error;

	if (p->dead || p->proven || p->way_lost)
		return;
	p->way_lost = TRUE;
	p->secure_by = G_MAXINT64;
	error = g_error_new_literal(JC_ERROR, JC_NO_PATH, why);
	path_tell(p, path_tell_way_failed, &error, sizeof(error));
}

/* ---- events of a link ---- */

static gboolean close_end(struct way_end *e)
{
	gboolean lingers = e->link.self && e->link.free(e->link.self);

	memset(&e->link, 0, sizeof(e->link));
	return lingers;
}

static gboolean close_other(struct path *p)
{
	p->other = ALONE;
	p->other_until = G_MAXINT64;
	return close_end(beside(p));
}

static gboolean is_retiring(const struct way_end *e)
{
	const struct path *p = e->path;

	return p->other == RETIRING && e == &p->ends[!p->current];
}

static void on_candidate(void *self, const struct ice_cand *local)
{
	struct way_end *e = self;

	if (is_retiring(e))
		return;
	e->path->relay_by = G_MAXINT64;
	path_tell(e->path, path_tell_candidate, local, sizeof(*local));
}

static void miss_relay(struct path *p)
{
	p->relay_by = G_MAXINT64;
	if (p->options.relay_only)
		give_up(p, "no relay gave an address, and no other may be used");
}

static void on_gathered(void *self, unsigned candidates)
{
	struct way_end *e = self;

	if (e != in_force(e->path))
		return;
	if (candidates == 0)
		miss_relay(e->path);
	path_tell(e->path, path_tell_gathered, &candidates, sizeof(candidates));
}

static gboolean is_same(const struct ice_cand *a, const struct ice_cand *b)
{
	return a->type == b->type && a->port == b->port && strcmp(a->ip, b->ip) == 0;
}

/* Again when ICE has found a better pair. */
static void tell_connected(struct path *p)
{
	struct link *l = &in_force(p)->link;
	struct pair pair;

	if (!l->selected(l->self, &pair.local, &pair.remote) ||
	    (p->told_connected && is_same(&pair.local, &p->told.local) && is_same(&pair.remote, &p->told.remote)))
		return;
	p->told_connected = TRUE;
	p->told = pair;
	path_tell(p, path_tell_connected, &pair, sizeof(pair));
}

/* Packets of either way are the peer's if they have his keys. */
static void on_datagram(void *self, uint8_t *data, size_t len, size_t cap)
{
	struct way_end *e = self;
	struct path *p = e->path;

	path_awake(p, g_get_monotonic_time());
	if (e == in_force(p)) {
		p->reached = TRUE;
		if (p->works && !p->told_connected)
			tell_connected(p);
	}
	wire_input(p->wire, data, len);
	path_schedule(p);
}

/* The new way is in force from now on; by the last one packets may be on their way to us. */
static void take_over(struct path *p)
{
	log_info("path", "the call goes on by a new way");
	p->current = !p->current;
	p->other = RETIRING;
	p->other_until = g_get_monotonic_time() + RETIRE_US;
	p->told_connected = FALSE;
	tell_connected(p);
	path_schedule(p);
}

static void on_other_state(struct path *p, enum link_state state)
{
	if (p->other == RENEWING && state == LINK_WORKS)
		take_over(p);
	else if (p->other == RENEWING && state == LINK_FAILED)
		p->other_until = 0;		/* not from inside its own event */
}

static void on_state(void *self, enum link_state state)
{
	struct way_end *e = self;
	struct path *p = e->path;

	log_debug("path", "link state %d", state);
	if (e != in_force(p)) {
		on_other_state(p, state);
	} else if (state == LINK_WORKS) {
		p->works = TRUE;
		if (e->link.checked)
			tell_connected(p);
		path_start_dtls(p);
		path_use_keys(p);
	} else if (state == LINK_FAILED) {
		give_up(p, ways[p->way].no_way);
	}
	path_schedule(p);
}

/* ---- one way after the other ---- */

gboolean path_link_close(struct path *p)
{
	gboolean lingers;

	g_clear_pointer(&p->netwatch, netwatch_free);
	lingers = close_other(p);
	return close_end(in_force(p)) || lingers;
}

/* A handshake belongs to the addresses it went between (RFC 5763 6.6), so another way begins another one, whether the last
 * was finished or not. Its keys stay in force until then, and keys that were given for good: nothing is ever sent in the clear. */
static void forget_way(struct path *p)
{
	path_link_close(p);
	if (p->dtls || p->suite)
		p->secured = FALSE;
	g_clear_pointer(&p->dtls, dtls_free);
	p->early_count = 0;
	p->works = p->reached = p->told_connected = p->way_lost = p->proven = FALSE;
	p->remote_done_at = p->relay_by = p->stale_at = G_MAXINT64;
	p->last_any_us = p->last_rtp_us = g_get_monotonic_time();
}

static void tell_creds(struct path *p, struct link *l)
{
	struct ice_creds creds;

	if (l->creds(l->self, &creds))
		path_tell(p, path_tell_creds, &creds, sizeof(creds));
}

/* What the peer has been asked for and has not answered yet is asked for only once: two restarts under way at once could not
 * be told apart when their answers come. So a way that is sought anew meanwhile has the credentials told already, and lives
 * until there is an answer. */
static void ask(struct path *p, struct link *l)
{
	l->creds(l->self, &p->options.creds);
	p->other_until = G_MAXINT64;
	tell_creds(p, l);
}

static void is_answered(struct path *p)
{
	explicit_bzero(&p->options.creds, sizeof(p->options.creds));
	p->other_until = g_get_monotonic_time() + RENEW_LIMIT_US;
}

static gboolean open_end(struct way_end *e, GError **error)
{
	struct path *p = e->path;
	struct link_events events = {.candidate = on_candidate, .gathered = on_gathered, .state = on_state,
				     .datagram = on_datagram, .self = e};

	return ways[p->way].open(&e->link, media_thread_context(p->media), &p->options, &events, error);
}

static void take_options(struct path *p, struct way_arg *way)
{
	p->options.servers = way->servers;
	p->options.relay_only = way->relay_only;
	explicit_bzero(&way->servers, sizeof(way->servers));
}

static void on_network(void *self);

void path_do_way(void *self, void *arg)
{
	struct path *p = self;
	GError *error = NULL;

	forget_way(p);
	explicit_bzero(&p->options.creds, sizeof(p->options.creds));
	p->way = ((struct way_arg *)arg)->way;
	p->ends[0].path = p->ends[1].path = p;
	take_options(p, arg);
	if (!open_end(in_force(p), &error)) {
		path_fail(p, error);
		return;
	}
	if (p->way == TRANSPORT_ICE_UDP)
		p->netwatch = netwatch_new(media_thread_context(p->media), on_network, p);
	tell_creds(p, &in_force(p)->link);
	if (p->go && !p->secured)
		path_limit(p);
	path_schedule(p);
}

/* ---- a new way by ICE (RFC 8445 9) ---- */

void path_do_renew(void *self, void *arg)
{
	struct path *p = self;
	g_autoptr(GError) error = NULL;
	struct link *l = &beside(p)->link;

	if (p->other == RENEWING || !p->proven || p->dead || p->way != TRANSPORT_ICE_UDP)
		return;
	close_other(p);
	take_options(p, arg);
	if (!open_end(beside(p), &error)) {
		log_warn("path", "no new way can be sought: %s", error->message);
		return;
	}
	log_info("path", "a new way is sought");
	p->other = RENEWING;
	ask(p, l);
	if (!l->gather(l->self, &error))
		close_other(p);
	path_schedule(p);
}

static void tell_stale(struct path *p, gint64 now)
{
	if (p->other == RENEWING || !p->proven || p->dead || !netwatch_has(NULL))
		return;
	p->stale_at = now + STALE_AGAIN_US;
	path_tell(p, path_tell_stale, NULL, 0);
}

void path_link_stale(struct path *p, gint64 now)
{
	if (!p->options.controlling && now - p->last_any_us < RESPONDER_STALE_US)
		return;
	if (p->way == TRANSPORT_ICE_UDP && (p->stale_at == G_MAXINT64 || now >= p->stale_at))
		tell_stale(p, now);
}

/* The address that the selected pair goes out by; relays hide theirs. */
static gboolean is_our_address_gone(struct path *p)
{
	struct link *l = &in_force(p)->link;
	struct ice_cand local, remote;

	if (!l->self)
		return FALSE;
	if (!l->selected(l->self, &local, &remote) || local.type == ICE_RELAY)
		return TRUE;			/* the agent has given the pair up; or the relay's address tells nothing of ours */
	return !netwatch_has(local.type == ICE_HOST || !local.rel_ip[0] ? local.ip : local.rel_ip);
}

static void on_network(void *self)
{
	struct path *p = self;

	if (!p->proven)
		path_tell(p, path_tell_moved, NULL, 0);
	if (!netwatch_has(NULL) || !is_our_address_gone(p))
		return;
	if (p->other == RENEWING)
		close_other(p);			/* it knows the old addresses only */
	tell_stale(p, g_get_monotonic_time());
}

static GError *unsecured_error(const struct path *p)
{
	const char *trouble = p->dtls ? dtls_trouble(p->dtls) : NULL;

	if (p->suite)
		return g_error_new_literal(JC_ERROR, JC_SECURITY,
					   "what came from the peer was not encrypted with the keys agreed upon");
	return g_error_new(JC_ERROR, JC_SECURITY, "the peer did not finish the encryption handshake%s%s%s",
			   trouble ? " (" : "", trouble ? trouble : "", trouble ? ")" : "");
}

void path_link_expire(struct path *p, gint64 now)
{
	if (now >= p->other_until)
		close_other(p);
	if (now >= p->remote_done_at) {
		p->remote_done_at = G_MAXINT64;
		if (asked(p)->self)
			asked(p)->remote_done(asked(p)->self);
	}
	if (now >= p->relay_by)
		miss_relay(p);
	if (now < p->secure_by)
		return;
	p->secure_by = G_MAXINT64;
	if (p->proven)
		return;
	if (p->works && (p->reached || in_force(p)->link.checked))
		path_fail(p, unsecured_error(p));
	else
		give_up(p, ways[p->way].no_way);
}

/* ---- commands ---- */

void path_do_gather(void *self, void *arg)
{
	struct path *p = self;
	struct link *l = &in_force(p)->link;
	GError *error = NULL;

	if (p->options.relay_only)
		p->relay_by = g_get_monotonic_time() + RELAY_LIMIT_US;
	path_schedule(p);
	if (!l->self || l->gather(l->self, &error))
		return;
	give_up(p, error->message);
	g_error_free(error);
}

void path_do_remote_creds(void *self, void *arg)
{
	struct path *p = self;
	struct link *l = asked(p);

	if (!l->self)
		return;
	if (p->other == RENEWING)
		is_answered(p);
	if (!l->set_remote(l->self, arg))
		path_fail(p, g_error_new(JC_ERROR, JC_PROTOCOL, "the peer's ICE credentials were not usable"));
	else
		tell_creds(p, l);		/* those of before, unless he has restarted */
	path_schedule(p);
}

/* An address is the peer's word, and may be somebody else's: what we send there is bounded for all of the call, however often he
 * begins anew. */
static gboolean may_try_another(struct path *p)
{
	gint64 now = g_get_monotonic_time();
	double more = (double)(now - p->addresses_at) / G_USEC_PER_SEC * ADDRESSES_PER_S;

	p->addresses = p->addresses_at ? MIN(p->addresses + more, ADDRESSES_AT_ONCE) : ADDRESSES_AT_ONCE;
	p->addresses_at = now;
	if (p->addresses < 1)
		return FALSE;
	p->addresses--;
	return TRUE;
}

void path_do_remote_cand(void *self, void *arg)
{
	struct path *p = self;
	const struct ice_cand *cand = arg;
	struct link *l = asked(p);

	if (!l->self)
		return;
	if (!may_try_another(p)) {
		log_info("path", "an address of the peer's is left out: it has named too many");
		return;
	}
	if (!p->options.toward[0])
		g_strlcpy(p->options.toward, cand->ip, sizeof(p->options.toward));
	if (!l->add_remote(l->self, cand))
		p->addresses++;			/* it is not tried */
	p->remote_done_at = g_get_monotonic_time() + REMOTE_QUIET_US;
	path_schedule(p);
}

void path_do_remote_done(void *self, void *arg)
{
	struct path *p = self;

	p->remote_done_at = g_get_monotonic_time();
	path_schedule(p);
}
