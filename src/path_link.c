/* The way of a call's datagrams, in the media thread: opened, replaced, given up. The rest of the path does not know which
 * kind it is. */
#include "path_priv.h"

#include <string.h>

#include "err.h"
#include "log.h"

enum {
	REMOTE_QUIET_US = 10 * G_USEC_PER_SEC,	/* no XMPP client but two says that it has no more candidates */
	SECURE_LIMIT_US = 30 * G_USEC_PER_SEC,
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

gboolean path_send(struct path *p, const uint8_t *data, size_t len)
{
	return p->link.self && p->link.send(p->link.self, data, len);
}

void path_proven(struct path *p)
{
	if (p->link.self)
		p->link.proven(p->link.self);
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

/* ---- events of the link ---- */

static void on_candidate(void *self, const struct ice_cand *local)
{
	struct path *p = self;

	p->relay_by = G_MAXINT64;
	path_tell(self, path_tell_candidate, local, sizeof(*local));
}

static void miss_relay(struct path *p)
{
	p->relay_by = G_MAXINT64;
	if (p->options.relay_only)
		give_up(p, "no relay gave an address, and no other may be used");
}

static void on_gathered(void *self, unsigned candidates)
{
	struct path *p = self;

	if (candidates == 0)
		miss_relay(p);
	path_tell(self, path_tell_gathered, &candidates, sizeof(candidates));
}

static void tell_connected(struct path *p)
{
	struct pair pair;

	if (p->told_connected || !p->link.selected(p->link.self, &pair.local, &pair.remote))
		return;
	p->told_connected = TRUE;
	path_tell(p, path_tell_connected, &pair, sizeof(pair));
}

static void on_datagram(void *self, uint8_t *data, size_t len, size_t cap)
{
	struct path *p = self;

	p->reached = TRUE;
	if (p->works)
		tell_connected(p);
	wire_input(p->wire, data, len);
	path_schedule(p);
}

static void on_state(void *self, enum link_state state)
{
	struct path *p = self;

	log_debug("path", "link state %d", state);
	if (state == LINK_WORKS) {
		p->works = TRUE;
		if (p->link.checked)
			tell_connected(p);
		path_start_dtls(p);
		path_use_keys(p);
	} else if (state == LINK_FAILED) {
		give_up(p, ways[p->way].no_way);
	}
}

/* ---- one way after the other ---- */

void path_link_close(struct path *p)
{
	if (p->link.self)
		p->link.free(p->link.self);
	memset(&p->link, 0, sizeof(p->link));
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
	p->remote_done_at = p->relay_by = G_MAXINT64;
	p->last_any_us = p->last_rtp_us = g_get_monotonic_time();
}

static void tell_creds(struct path *p)
{
	struct ice_creds creds;

	if (p->link.creds(p->link.self, &creds))
		path_tell(p, path_tell_creds, &creds, sizeof(creds));
}

void path_do_way(void *self, void *arg)
{
	struct path *p = self;
	struct way_arg *way = arg;
	struct link_events events = {.candidate = on_candidate, .gathered = on_gathered, .state = on_state,
				     .datagram = on_datagram, .self = p};
	GError *error = NULL;

	forget_way(p);
	p->way = way->way;
	p->options.servers = way->servers;
	p->options.relay_only = way->relay_only;
	explicit_bzero(&way->servers, sizeof(way->servers));
	if (!ways[p->way].open(&p->link, media_thread_context(p->media), &p->options, &events, &error)) {
		path_fail(p, error);
		return;
	}
	tell_creds(p);
	if (p->go && !p->secured)
		path_limit(p);
	path_schedule(p);
}

void path_link_expire(struct path *p, gint64 now)
{
	if (now >= p->remote_done_at) {
		p->remote_done_at = G_MAXINT64;
		if (p->link.self)
			p->link.remote_done(p->link.self);
	}
	if (now >= p->relay_by)
		miss_relay(p);
	if (now < p->secure_by)
		return;
	p->secure_by = G_MAXINT64;
	if (p->proven)
		return;
	if (p->works && (p->reached || p->link.checked))
		path_fail(p, g_error_new_literal(JC_ERROR, JC_SECURITY, p->suite ?
			"what came from the peer was not encrypted with the keys agreed upon" :
			"the peer did not finish the encryption handshake"));
	else
		give_up(p, ways[p->way].no_way);
}

/* ---- commands ---- */

void path_do_gather(void *self, void *arg)
{
	struct path *p = self;
	GError *error = NULL;

	if (p->options.relay_only)
		p->relay_by = g_get_monotonic_time() + RELAY_LIMIT_US;
	path_schedule(p);
	if (!p->link.self || p->link.gather(p->link.self, &error))
		return;
	give_up(p, error->message);
	g_error_free(error);
}

void path_do_remote_creds(void *self, void *arg)
{
	struct path *p = self;

	if (!p->link.self)
		return;
	if (!p->link.set_remote(p->link.self, arg))
		path_fail(p, g_error_new(JC_ERROR, JC_PROTOCOL, "the peer's ICE credentials were not usable"));
	else
		tell_creds(p);		/* those of before, unless he has restarted */
}

void path_do_remote_cand(void *self, void *arg)
{
	struct path *p = self;
	const struct ice_cand *cand = arg;

	if (!p->link.self)
		return;
	if (!p->options.toward[0])
		g_strlcpy(p->options.toward, cand->ip, sizeof(p->options.toward));
	p->link.add_remote(p->link.self, cand);
	p->remote_done_at = g_get_monotonic_time() + REMOTE_QUIET_US;
	path_schedule(p);
}

void path_do_remote_done(void *self, void *arg)
{
	struct path *p = self;

	p->remote_done_at = g_get_monotonic_time();
	path_schedule(p);
}
