/* udp.c - a link without ICE: one UDP port here, one there, nothing checked (XEP-0177).
 *
 * Whose datagrams are taken: those from the address which the peer signalled. A NAT on his side may have given him another
 * port than the one he knows of; therefore, until something has come from the very address or keys have proven a
 * datagram (link.proven), another port of the SAME IP is taken too and answered there. More would let anybody who guesses
 * our port draw the call to himself; less would fail behind every NAT that does not keep ports. Until the keys are there
 * all that can be drawn away is a handshake, which the signalled fingerprint protects; afterwards nothing moves any more. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../err.h"
#include "../log.h"
#include "../post.h"
#include "../random.h"
#include "../text.h"
#include "stun.h"

enum { BURST = 32 };			/* datagrams taken in one turn: timers have theirs in between */
enum { STUN_FIRST_MS = 200, STUN_TRIES = 3 };		/* given up after 1.4 s */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct udp {
	GMainContext *ctx;
	struct link_events ev;
	struct link_options options;
	const struct ice_server *asked;	/* of OPTIONS: who tells us our address; NULL: nobody */
	gboolean dead;
	int fd;					/* -1: not open */
	GSource *source;
	struct ice_cand local, remote;		/* as told; port 0: not known yet */
	union address signalled, peer, from;	/* of REMOTE; where we send to; of the datagram at hand */
	gboolean exact, settled;		/* it came from SIGNALLED; PEER is proven */
	struct {				/* where a NAT of ours has us; asked before our address is told */
		union address server;		/* family 0: not resolved yet */
		uint8_t id[STUN_ID_SIZE];
		GCancellable *resolving;
		GSource *timer;			/* NULL: not asking */
		unsigned tries;
	} stun;
	gboolean delivering;			/* the datagram event is under way: FROM is the peer's, or acts as him */
	uint8_t packet[DATAGRAM_MAX + 64];
};

/* ---- addresses ---- */

static gboolean make_address(union address *out, const char *ip, uint16_t port)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, ip, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		return TRUE;
	}
	if (inet_pton(AF_INET6, ip, &out->v6.sin6_addr) != 1)
		return FALSE;
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(port);
	return TRUE;
}

static socklen_t address_size(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static uint16_t *address_port(union address *a)
{
	return a->any.sa_family == AF_INET ? &a->v4.sin_port : &a->v6.sin6_port;
}

static gboolean same_ip(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return FALSE;
	return a->any.sa_family == AF_INET ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr :
		IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

static gboolean same_address(union address *a, union address *b)
{
	return same_ip(a, b) && *address_port(a) == *address_port(b);
}

static gboolean is_loopback(const union address *a)
{
	return a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) >> 24 == 127 : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

/* Rule R25: fe80:: and 169.254/16 are of no use to anybody but this link. */
static gboolean is_link_local(const union address *a)
{
	return a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) >> 16 == 0xa9fe :
		IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr);
}

static void print_address(union address *a, char ip[46], uint16_t *port)
{
	inet_ntop(a->any.sa_family, a->any.sa_family == AF_INET ? (void *)&a->v4.sin_addr : (void *)&a->v6.sin6_addr, ip, 46);
	*port = ntohs(*address_port(a));
}

/* ---- ours: one address, the likeliest to be reached ---- */

static gboolean fit(const struct udp *u, const union address *a)
{
	return !is_link_local(a) && (u->options.loopback || !is_loopback(a));
}

/* The address from which this machine would send to IP. Connecting a UDP socket sends nothing. */
static gboolean route_to(const struct udp *u, const char *ip, union address *out)
{
	union address to;
	socklen_t size = sizeof(*out);
	gboolean found;
	int fd;

	if (!make_address(&to, ip, 9))
		return FALSE;
	fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return FALSE;
	memset(out, 0, sizeof(*out));
	found = connect(fd, &to.any, address_size(&to)) == 0 && getsockname(fd, &out->any, &size) == 0 && fit(u, out);
	close(fd);
	return found;
}

static gboolean first_interface(const struct udp *u, int family, gboolean loopback, union address *out)
{
	struct ifaddrs *list, *a;
	gboolean found = FALSE;

	if (getifaddrs(&list) != 0)
		return FALSE;
	for (a = list; a && !found; a = a->ifa_next) {
		if (!a->ifa_addr || !(a->ifa_flags & IFF_UP) || a->ifa_addr->sa_family != family)
			continue;
		memset(out, 0, sizeof(*out));
		memcpy(out, a->ifa_addr, family == AF_INET ? sizeof(out->v4) : sizeof(out->v6));
		found = fit(u, out) && is_loopback(out) == loopback;
	}
	freeifaddrs(list);
	return found;
}

/* Towards the peer where he is known; else as towards the Internet (the addresses of a root name server, IPv4 first, which
 * more peers can reach); else on a network that leads nowhere else. */
static gboolean choose_local(const struct udp *u, union address *out)
{
	return (u->remote.port && route_to(u, u->remote.ip, out)) ||
		(u->options.toward[0] && route_to(u, u->options.toward, out)) ||
		route_to(u, "198.41.0.4", out) || route_to(u, "2001:503:ba3e::2:30", out) ||
		first_interface(u, AF_INET, FALSE, out) || first_interface(u, AF_INET6, FALSE, out) ||
		first_interface(u, AF_INET, TRUE, out) || first_interface(u, AF_INET6, TRUE, out);
}

/* ---- events that must not come from inside a function ---- */

static void tell_candidate(void *self, void *arg)
{
	struct udp *u = self;

	if (u->dead)
		return;
	u->ev.candidate(u->ev.self, &u->local);
	u->ev.gathered(u->ev.self, 1);
}

static void tell_state(void *self, void *arg)
{
	struct udp *u = self;

	if (!u->dead)
		u->ev.state(u->ev.self, *(enum link_state *)arg);
}

/* Once both addresses are there, it either fits or it never will. */
static void judge(struct udp *u)
{
	enum link_state state;

	if (!u->local.port || !u->remote.port)
		return;
	state = !strchr(u->local.ip, ':') == !strchr(u->remote.ip, ':') ? LINK_WORKS : LINK_FAILED;
	post_to(u->ctx, tell_state, u, &state, sizeof(state));
}

/* ---- ours, as a STUN server sees it: behind a NAT the likeliest (XEP-0177 "Transport Initiation") ---- */

static void announce(struct udp *u)
{
	source_drop(&u->stun.timer);
	log_debug("udp", "address %s port %u", u->local.ip, u->local.port);
	post_to(u->ctx, tell_candidate, u, NULL, 0);
	judge(u);
}

/* FALSE: it cannot be reached from this address, so there is nothing to wait for. */
static gboolean ask_stun(struct udp *u)
{
	uint8_t request[STUN_REQUEST_SIZE];

	if (!u->stun.server.any.sa_family)
		return TRUE;
	stun_request(request, u->stun.id);
	return sendto(u->fd, request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL, &u->stun.server.any,
		      address_size(&u->stun.server)) >= 0 || errno == EAGAIN;
}

static gboolean on_stun_timer(gpointer data);

static void ask_later(struct udp *u)
{
	u->stun.timer = g_timeout_source_new((guint)STUN_FIRST_MS << u->stun.tries++);
	g_source_set_callback(u->stun.timer, on_stun_timer, u, NULL);
	g_source_attach(u->stun.timer, u->ctx);
}

static gboolean on_stun_timer(gpointer data)
{
	struct udp *u = data;

	g_source_unref(u->stun.timer);
	u->stun.timer = NULL;
	if (u->stun.tries < STUN_TRIES && ask_stun(u)) {
		ask_later(u);
		return G_SOURCE_REMOVE;
	}
	log_info("udp", "the STUN server does not answer");
	announce(u);
	return G_SOURCE_REMOVE;
}

static void on_resolved(GObject *resolver, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	GList *list = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
	struct udp *u = data;
	gboolean v6;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;				/* U is gone */
	v6 = strchr(u->local.ip, ':') != NULL;
	for (GList *i = list; i && u->stun.timer && !u->stun.server.any.sa_family; i = i->next) {
		g_autofree char *ip = g_inet_address_to_string(i->data);

		if ((strchr(ip, ':') != NULL) == v6)
			make_address(&u->stun.server, ip, u->asked->port);
	}
	g_resolver_free_addresses(list);
	if (u->stun.timer && !ask_stun(u))
		announce(u);
}

static void find_mapped(struct udp *u)
{
	g_autoptr(GResolver) resolver = NULL;

	if (!stun_new_id(u->stun.id)) {
		announce(u);
		return;
	}
	ask_later(u);
	if (make_address(&u->stun.server, u->asked->host, u->asked->port)) {
		if (!ask_stun(u))
			announce(u);
		return;
	}
	memset(&u->stun.server, 0, sizeof(u->stun.server));
	resolver = g_resolver_get_default();
	u->stun.resolving = g_cancellable_new();
	g_resolver_lookup_by_name_async(resolver, u->asked->host, u->stun.resolving, on_resolved, u);
}

/* TRUE: the datagram at hand is the answer. */
static gboolean take_mapped(struct udp *u, size_t len)
{
	char ip[46];
	uint16_t port;

	if (!u->stun.timer || !u->stun.server.any.sa_family || !same_address(&u->from, &u->stun.server) ||
	    !stun_mapped(u->packet, len, u->stun.id, ip, &port))
		return FALSE;
	if (port != u->local.port || strcmp(ip, u->local.ip) != 0) {
		u->local.type = ICE_SRFLX;
		g_strlcpy(u->local.rel_ip, u->local.ip, sizeof(u->local.rel_ip));
		u->local.rel_port = u->local.port;
		g_strlcpy(u->local.ip, ip, sizeof(u->local.ip));
		u->local.port = port;
	}
	announce(u);
	return TRUE;
}

/* ---- datagrams ---- */

/* RFC 7983: DTLS, SRTP, SRTCP. */
static gboolean is_ours(const uint8_t *data, size_t len)
{
	return len > 0 && ((data[0] >= 20 && data[0] <= 63) || (data[0] >= 128 && data[0] <= 191));
}

static gboolean is_from_peer(struct udp *u)
{
	if (!u->remote.port)
		return FALSE;
	if (u->settled || u->exact)
		return same_address(&u->from, &u->peer);
	if (!same_ip(&u->from, &u->signalled))
		return FALSE;
	u->exact = same_address(&u->from, &u->signalled);
	u->peer = u->from;
	return TRUE;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct udp *u = data;

	for (int i = 0; i < BURST && !u->dead; i++) {
		socklen_t size = sizeof(u->from);
		ssize_t n = recvfrom(fd, u->packet, sizeof(u->packet), MSG_DONTWAIT | MSG_TRUNC, &u->from.any, &size);

		if (n < 0)
			break;
		if (n > DATAGRAM_MAX || take_mapped(u, (size_t)n) || !is_ours(u->packet, (size_t)n) || !is_from_peer(u))
			continue;
		u->delivering = TRUE;
		u->ev.datagram(u->ev.self, u->packet, (size_t)n, sizeof(u->packet));
		u->delivering = FALSE;
	}
	return G_SOURCE_CONTINUE;
}

static gboolean send_datagram(void *self, const uint8_t *data, size_t len)
{
	struct udp *u = self;

	if (u->fd < 0 || !u->remote.port)
		return FALSE;
	return sendto(u->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, &u->peer.any, address_size(&u->peer)) == (ssize_t)len;
}

static void proven(void *self)
{
	struct udp *u = self;

	if (u->settled || !u->delivering)
		return;
	u->settled = TRUE;
	u->peer = u->from;
}

/* ---- the functions of a link ---- */

static gboolean get_creds(void *self, struct ice_creds *out)
{
	return FALSE;
}

static gboolean set_remote_creds(void *self, const struct ice_creds *creds)
{
	return TRUE;
}

static void remote_done(void *self)
{
}

static void describe_local(struct udp *u, union address *bound)
{
	g_autofree char *uuid = random_uuid();

	u->local.component = 1;
	u->local.type = ICE_HOST;
	g_snprintf(u->local.id, sizeof(u->local.id), "raw-%s", uuid);	/* an NCName begins with a letter */
	print_address(bound, u->local.ip, &u->local.port);
}

static gboolean gather(void *self, GError **error)
{
	struct udp *u = self;
	union address bound;
	socklen_t size = sizeof(bound);

	if (u->fd >= 0)
		return TRUE;
	if (choose_local(u, &bound)) {
		*address_port(&bound) = 0;
		u->fd = socket(bound.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (u->fd >= 0 && bind(u->fd, &bound.any, address_size(&bound)) == 0 &&
		    getsockname(u->fd, &bound.any, &size) == 0) {
			describe_local(u, &bound);
			u->source = g_unix_fd_source_new(u->fd, G_IO_IN);
			g_source_set_callback(u->source, G_SOURCE_FUNC(on_readable), u, NULL);
			g_source_attach(u->source, u->ctx);
			if (u->asked)
				find_mapped(u);
			else
				announce(u);
			return TRUE;
		}
	}
	g_set_error(error, JC_ERROR, JC_NO_PATH, "this machine has no network address to talk from");
	return FALSE;
}

/* Also one that replaces an earlier: the peer may move while the call is up, and says so over an authenticated stream. */
static gboolean add_remote(void *self, const struct ice_cand *cand)
{
	struct udp *u = self;
	union address address;

	if (!cand->port || !make_address(&address, cand->ip, cand->port))
		return FALSE;
	u->signalled = u->peer = address;
	u->remote = *cand;
	u->exact = u->settled = FALSE;
	judge(u);
	return TRUE;
}

static gboolean selected(void *self, struct ice_cand *local, struct ice_cand *remote)
{
	struct udp *u = self;

	if (!u->local.port || !u->remote.port)
		return FALSE;
	*local = u->local;
	*remote = u->remote;
	if (!same_address(&u->peer, &u->signalled)) {
		print_address(&u->peer, remote->ip, &remote->port);
		remote->type = ICE_PRFLX;
	}
	return TRUE;
}

static void finish(void *self, void *arg)
{
	struct udp *u = self;

	explicit_bzero(&u->options.servers, sizeof(u->options.servers));
	g_free(u);
}

static gboolean close_udp(void *self)
{
	struct udp *u = self;

	u->dead = TRUE;
	source_drop(&u->stun.timer);
	if (u->stun.resolving) {
		g_cancellable_cancel(u->stun.resolving);
		g_object_unref(u->stun.resolving);
	}
	source_drop(&u->source);
	if (u->fd >= 0)
		close(u->fd);
	post_to(u->ctx, finish, u, NULL, 0);		/* passes every event still under way */
	return FALSE;
}

/* A TURN server answers what a STUN server does. */
static const struct ice_server *who_to_ask(const struct server_list *list)
{
	for (int kind = SERVER_STUN; kind <= SERVER_TURN_UDP; kind++)
		for (size_t i = 0; i < list->count; i++)
			if (list->server[i].kind == (enum server_kind)kind)
				return &list->server[i];
	return NULL;
}

gboolean udp_open(struct link *l, GMainContext *ctx, const struct link_options *options, const struct link_events *events,
		  GError **error)
{
	struct udp *u = g_new0(struct udp, 1);

	u->ctx = ctx;
	u->ev = *events;
	u->options = *options;
	u->asked = who_to_ask(&u->options.servers);
	u->fd = -1;
	*l = (struct link){.free = close_udp, .creds = get_creds, .gather = gather, .set_remote = set_remote_creds,
			   .add_remote = add_remote, .remote_done = remote_done, .send = send_datagram,
			   .selected = selected, .proven = proven, .checked = FALSE, .self = u};
	return TRUE;
}
