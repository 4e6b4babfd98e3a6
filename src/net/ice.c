/* ice.c - a link by ICE: libnice, RFC 8445, RFC 8838. The only file with <nice/agent.h>. libnice's own signals are posted to
 * the media thread. */
#include "link.h"
#include "recheck.h"
#include "relays.h"
#include "tunnel.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <nice/agent.h>
#include <string.h>

#include "../err.h"
#include "../log.h"
#include "../post.h"
#include "../random.h"
#include "../text.h"

struct ice {
	GMainContext *ctx;
	struct link_events ev;
	struct ice_creds local, remote;
	NiceAgent *agent;
	guint stream;
	gboolean dead, have_remote, relay_only, have_stun;
	gboolean relayed;		/* a relay has an address for us */
	gboolean done;			/* libnice has asked all that it was told of */
	unsigned told, added;
	GPtrArray *waiting;		/* struct ice_cand *: came before the credentials */
	GPtrArray *tunnels;		/* struct tunnel * */
	struct relays *relays;
	struct recheck *recheck;	/* NULL: what is sent must not come from here */
	const char *ca_file;
	uint8_t packet[DATAGRAM_MAX + 64];
};

static const enum ice_cand_type from_nice[] = {
	[NICE_CANDIDATE_TYPE_HOST] = ICE_HOST, [NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE] = ICE_SRFLX,
	[NICE_CANDIDATE_TYPE_PEER_REFLEXIVE] = ICE_PRFLX, [NICE_CANDIDATE_TYPE_RELAYED] = ICE_RELAY};
static const NiceCandidateType to_nice[] = {
	[ICE_HOST] = NICE_CANDIDATE_TYPE_HOST, [ICE_SRFLX] = NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE,
	[ICE_PRFLX] = NICE_CANDIDATE_TYPE_PEER_REFLEXIVE, [ICE_RELAY] = NICE_CANDIDATE_TYPE_RELAYED};

/* Rule R25: fe80:: is of no use to anybody but this link. */
static gboolean is_link_local(const NiceAddress *address)
{
	char text[NICE_ADDRESS_STRING_LEN];

	nice_address_to_string(address, text);
	return g_ascii_strncasecmp(text, "fe80", 4) == 0 || g_str_has_prefix(text, "169.254.");
}

static void translate(const struct ice *i, const NiceCandidate *c, struct ice_cand *out)
{
	g_autofree char *id = random_uuid();

	memset(out, 0, sizeof(*out));
	g_strlcpy(out->foundation, c->foundation, sizeof(out->foundation));
	g_snprintf(out->id, sizeof(out->id), "ice-%s", id);	/* an NCName begins with a letter */
	out->component = c->component_id;
	out->priority = c->priority;
	out->type = from_nice[c->type];
	nice_address_to_string(&c->addr, out->ip);
	out->port = (uint16_t)nice_address_get_port(&c->addr);
	if (i->relay_only) {			/* RFC 8839 5.1: so that it does not tell what is hidden */
		g_strlcpy(out->rel_ip, strchr(out->ip, ':') ? "::" : "0.0.0.0", sizeof(out->rel_ip));
	} else if (c->type != NICE_CANDIDATE_TYPE_HOST && nice_address_is_valid(&c->base_addr)) {
		nice_address_to_string(&c->base_addr, out->rel_ip);
		out->rel_port = (uint16_t)nice_address_get_port(&c->base_addr);
	}
}

/* Our side works. Does the peer's? Through a relay libnice is left alone with it. */
static void recheck_for_peer(struct ice *i)
{
	NiceCandidate *local = NULL, *remote = NULL;
	char ip[NICE_ADDRESS_STRING_LEN];

	if (!i->recheck || !nice_agent_get_selected_pair(i->agent, i->stream, 1, &local, &remote))
		return;
	if (local->type == NICE_CANDIDATE_TYPE_RELAYED) {
		recheck_end(i->recheck);
		return;
	}
	nice_address_to_string(&remote->addr, ip);
	recheck_works(i->recheck, ip, (uint16_t)nice_address_get_port(&remote->addr));
}

/* ---- libnice's signals come in either of its threads and with its lock just released: all are posted ---- */

static void tell_candidate(void *self, void *arg)
{
	struct ice *i = self;

	if (i->dead)
		return;
	i->told++;
	if (((struct ice_cand *)arg)->type == ICE_SRFLX)
		relays_begin(i->relays);
	i->ev.candidate(i->ev.self, arg);
}

static void settle(void *self)
{
	struct ice *i = self;

	if (i->done && relays_are_settled(i->relays))
		i->ev.gathered(i->ev.self, i->told);
}

static void tell_gathered(void *self, void *arg)
{
	struct ice *i = self;

	if (i->dead)
		return;
	i->done = TRUE;
	relays_begin(i->relays);
	settle(i);
}

static void tell_state(void *self, void *arg)
{
	struct ice *i = self;
	enum link_state state = *(enum link_state *)arg;

	if (i->dead)
		return;
	if (state == LINK_WORKS)
		recheck_for_peer(i);
	i->ev.state(i->ev.self, state);
}

static gboolean is_usable(const struct ice *i, const NiceCandidate *c)
{
	return c->transport == NICE_CANDIDATE_TRANSPORT_UDP && !is_link_local(&c->addr) &&
		(!i->relay_only || c->type == NICE_CANDIDATE_TYPE_RELAYED);
}

static void on_candidate(NiceAgent *agent, NiceCandidate *c, gpointer data)
{
	struct ice *i = data;
	struct ice_cand out;

	if (c->type == NICE_CANDIDATE_TYPE_RELAYED)
		i->relayed = TRUE;
	if (!is_usable(i, c))
		return;
	translate(i, c, &out);
	post_to(i->ctx, tell_candidate, i, &out, sizeof(out));
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer data)
{
	struct ice *i = data;

	post_to(i->ctx, tell_gathered, i, NULL, 0);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer data)
{
	static const enum link_state states[] = {
		[NICE_COMPONENT_STATE_DISCONNECTED] = LINK_TRYING, [NICE_COMPONENT_STATE_GATHERING] = LINK_TRYING,
		[NICE_COMPONENT_STATE_CONNECTING] = LINK_TRYING, [NICE_COMPONENT_STATE_CONNECTED] = LINK_WORKS,
		[NICE_COMPONENT_STATE_READY] = LINK_WORKS, [NICE_COMPONENT_STATE_FAILED] = LINK_FAILED};
	struct ice *i = data;

	if (state < G_N_ELEMENTS(states))
		post_to(i->ctx, tell_state, i, &states[state], sizeof(states[state]));
}

/* It works, and by another pair than before. */
static void on_selected(NiceAgent *agent, guint stream, guint component, NiceCandidate *local, NiceCandidate *remote, gpointer data)
{
	static const enum link_state works = LINK_WORKS;
	struct ice *i = data;

	post_to(i->ctx, tell_state, i, &works, sizeof(works));
}

static void on_packet(NiceAgent *agent, guint stream, guint component, guint len, gchar *data, gpointer user)
{
	struct ice *i = user;

	if (i->dead || len == 0 || len > DATAGRAM_MAX)
		return;
	memcpy(i->packet, data, len);
	i->ev.datagram(i->ev.self, i->packet, len, sizeof(i->packet));
}

/* libnice leaves loopback out; naming any address by hand turns its own search off, so all are named then. */
static void add_all_addresses(struct ice *i)
{
	struct ifaddrs *list, *a;
	NiceAddress address;

	if (getifaddrs(&list) != 0)
		return;
	for (a = list; a; a = a->ifa_next) {
		if (!a->ifa_addr || !(a->ifa_flags & IFF_UP) ||
		    (a->ifa_addr->sa_family != AF_INET && a->ifa_addr->sa_family != AF_INET6))
			continue;
		nice_address_init(&address);
		nice_address_set_from_sockaddr(&address, a->ifa_addr);
		nice_address_set_port(&address, 0);
		if (!is_link_local(&address))
			nice_agent_add_local_address(i->agent, &address);
	}
	freeifaddrs(list);
}

void ice_warm_up(void)
{
	g_autoptr(GMainContext) ctx = g_main_context_new();
	NiceAgent *agent = nice_agent_new(ctx, NICE_COMPATIBILITY_RFC5245);

	nice_agent_add_stream(agent, 1);
	g_object_unref(agent);
}

static void finish(void *self, void *arg)
{
	struct ice *i = self;

	explicit_bzero(&i->local, sizeof(i->local));
	g_free(i);
}

static void free_agent(struct ice *i)
{
	if (i->stream)
		nice_agent_remove_stream(i->agent, i->stream);
	g_object_unref(i->agent);
	g_ptr_array_unref(i->tunnels);
	post_to(i->ctx, finish, i, NULL, 0);		/* passes every event still under way */
}

static void on_relays_left(GObject *agent, GAsyncResult *result, gpointer data)
{
	free_agent(data);
}

/* A relay that is not told keeps the address for ten minutes, of which a user has few. */
static gboolean close_ice(void *self)
{
	struct ice *i = self;

	i->dead = TRUE;
	g_signal_handlers_disconnect_by_data(i->agent, i);
	g_ptr_array_unref(i->waiting);
	relays_free(i->relays);
	recheck_free(i->recheck);
	if (!i->relayed) {
		free_agent(i);
		return FALSE;
	}
	g_main_context_push_thread_default(i->ctx);
	nice_agent_close_async(i->agent, on_relays_left, i);
	g_main_context_pop_thread_default(i->ctx);
	return TRUE;
}

/* RFC 8445 5.3 wants 24 and 128 bits at least. libnice would draw them from GLib's generator of random numbers, and anybody sees
 * some of what that gives in each check. */
static gboolean make_creds(struct ice *i)
{
	enum { UFRAG = 8, PWD = 24 };		/* [characters of 6 bits] 48 and 144 bits */

	random_ice_chars(i->local.ufrag, UFRAG);
	random_ice_chars(i->local.pwd, PWD);
	return nice_agent_set_local_credentials(i->agent, i->stream, i->local.ufrag, i->local.pwd);
}

static gboolean get_creds(void *self, struct ice_creds *out)
{
	struct ice *i = self;

	*out = i->local;
	return TRUE;
}

static gboolean gather(void *self, GError **error)
{
	struct ice *i = self;

	if (i->relay_only || !i->have_stun)
		relays_begin(i->relays);
	else
		relays_begin_soon(i->relays);
	if (nice_agent_gather_candidates(i->agent, i->stream))
		return TRUE;
	g_set_error(error, JC_ERROR, JC_NO_PATH, "this machine has no network address to talk from");
	return FALSE;
}

/* ---- the peer ---- */

static gboolean add_now(struct ice *i, const struct ice_cand *cand)
{
	NiceCandidate *c = nice_candidate_new(to_nice[cand->type]);
	GSList list = {.data = c};
	gboolean taken = FALSE;

	c->component_id = 1;
	c->stream_id = i->stream;
	c->transport = NICE_CANDIDATE_TRANSPORT_UDP;
	c->priority = cand->priority;
	g_strlcpy(c->foundation, cand->foundation, sizeof(c->foundation));
	if (nice_address_set_from_string(&c->addr, cand->ip)) {
		nice_address_set_port(&c->addr, cand->port);
		taken = nice_agent_set_remote_candidates(i->agent, i->stream, 1, &list) > 0;
	}
	nice_candidate_free(c);
	if (taken && i->recheck)
		recheck_add(i->recheck, cand->ip, cand->port);
	return taken;
}

static void tell_again(void *self, void *arg)
{
	struct ice *i = self;
	GSList *all;

	if (i->dead)
		return;
	all = nice_agent_get_local_candidates(i->agent, i->stream, 1);
	for (GSList *l = all; l && !i->dead; l = l->next) {
		struct ice_cand out;

		translate(i, l->data, &out);
		if (out.type != ICE_PRFLX && is_usable(i, l->data))
			i->ev.candidate(i->ev.self, &out);
	}
	g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
}

/* Sockets and selected pair stay. The order matters: a restart forgets the peer's credentials. */
static gboolean restart(struct ice *i)
{
	if (!nice_agent_restart_stream(i->agent, i->stream) || !make_creds(i))
		return FALSE;
	i->added = 0;
	post_to(i->ctx, tell_again, i, NULL, 0);	/* behind the credentials, which our caller tells */
	return TRUE;
}

static gboolean set_remote(void *self, const struct ice_creds *creds)
{
	struct ice *i = self;
	gboolean same = strcmp(i->remote.ufrag, creds->ufrag) == 0 && strcmp(i->remote.pwd, creds->pwd) == 0;

	if (i->have_remote && !same && !restart(i))
		return FALSE;
	if (!nice_agent_set_remote_credentials(i->agent, i->stream, creds->ufrag, creds->pwd))
		return FALSE;
	if (i->recheck && !(i->have_remote && same))
		recheck_begin(i->recheck, &i->local, creds);
	i->remote = *creds;
	i->have_remote = TRUE;
	for (guint n = 0; n < i->waiting->len; n++)
		add_now(i, i->waiting->pdata[n]);
	g_ptr_array_set_size(i->waiting, 0);
	return TRUE;
}

static gboolean add_remote(void *self, const struct ice_cand *cand)
{
	struct ice *i = self;

	if (i->added >= MAX_REMOTE_CANDIDATES)
		return FALSE;
	i->added++;
	if (i->have_remote)
		return add_now(i, cand);
	g_ptr_array_add(i->waiting, g_memdup2(cand, sizeof(*cand)));
	return TRUE;
}

static void remote_done(void *self)
{
	struct ice *i = self;

	nice_agent_peer_candidate_gathering_done(i->agent, i->stream);
}

static gboolean send_datagram(void *self, const uint8_t *data, size_t len)
{
	struct ice *i = self;

	return nice_agent_send(i->agent, i->stream, 1, (guint)len, (const gchar *)data) == (gint)len;
}

/* libnice names the server's address only: a port tells the kind. */
static enum server_kind relay_kind(const struct ice *i, const NiceCandidate *c)
{
	NiceAddress server;
	guint port;

	nice_address_init(&server);
	nice_candidate_relay_address(c, &server);
	port = nice_address_get_port(&server);
	for (guint n = 0; n < i->tunnels->len; n++)
		if (tunnel_port(i->tunnels->pdata[n]) == port)
			return SERVER_TURN_TLS;
	return relays_kind(i->relays, port);
}

static gboolean selected(void *self, struct ice_cand *local, struct ice_cand *remote)
{
	struct ice *i = self;
	NiceCandidate *l = NULL, *r = NULL;

	if (!nice_agent_get_selected_pair(i->agent, i->stream, 1, &l, &r))
		return FALSE;
	translate(i, l, local);
	translate(i, r, remote);
	if (local->type == ICE_RELAY)
		local->by = relay_kind(i, l);
	return TRUE;
}

/* libnice hands on nothing but what comes from addresses that its own checks, with passwords, have proven. */
static void proven(void *self)
{
	struct ice *i = self;

	if (i->recheck)
		recheck_end(i->recheck);
}

static unsigned send_check(void *self, const char *ip, uint16_t port, const uint8_t *data, size_t len)
{
	struct ice *i = self;
	g_autoptr(GPtrArray) sockets = nice_agent_get_sockets(i->agent, i->stream, 1);
	g_autoptr(GSocketAddress) to = g_inet_socket_address_new_from_string(ip, port);
	unsigned sent = 0;

	for (guint n = 0; to && sockets && n < sockets->len; n++) {
		GSocket *s = sockets->pdata[n];

		if (g_socket_get_socket_type(s) == G_SOCKET_TYPE_DATAGRAM && g_socket_get_family(s) == g_socket_address_get_family(to))
			sent += g_socket_send_to(s, to, (const gchar *)data, len, NULL, NULL) >= 0;
	}
	return sent;
}

/* ---- opening ---- */

/* libnice knows no TURN over TLS: it speaks TURN over TCP into a tunnel of ours. */
static void use_tunnel(struct ice *i, const struct ice_server *s)
{
	g_autoptr(GError) error = NULL;
	struct tunnel *t = tunnel_open(i->ctx, s->host, s->port, i->ca_file, &error);

	if (!t) {
		log_warn("ice", "%s", error->message);
		return;
	}
	g_ptr_array_add(i->tunnels, t);
	nice_agent_set_relay_info(i->agent, i->stream, 1, "127.0.0.1", tunnel_port(t), s->user, s->password, NICE_RELAY_TYPE_TURN_TCP);
}

static gboolean has_family(struct ice *i, int version)
{
	GSList *all = nice_agent_get_local_candidates(i->agent, i->stream, 1);
	gboolean has = FALSE;

	for (GSList *l = all; l; l = l->next)
		has = has || nice_address_ip_version(&((NiceCandidate *)l->data)->addr) == version;
	g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
	return has;
}

static void add_relay(void *self, const struct ice_server *s)
{
	static const NiceRelayType types[] = {[SERVER_TURN_UDP] = NICE_RELAY_TYPE_TURN_UDP, [SERVER_TURN_TCP] = NICE_RELAY_TYPE_TURN_TCP};
	struct ice *i = self;

	/* Of a relay that no address of ours can reach libnice tells nothing. It keeps ours to itself when they are to be hidden. */
	if (i->relay_only || has_family(i, s->kind == SERVER_TURN_TLS || !strchr(s->host, ':') ? 4 : 6))
		i->done = FALSE;
	if (s->kind == SERVER_TURN_TLS)
		use_tunnel(i, s);
	else
		nice_agent_set_relay_info(i->agent, i->stream, 1, s->host, s->port, s->user, s->password, types[s->kind]);
}

static void use_stun(struct ice *i, const struct server_list *list)
{
	for (size_t n = 0; n < list->count && !i->have_stun; n++)	/* libnice asks one */
		if (list->server[n].kind == SERVER_STUN) {
			i->have_stun = TRUE;
			g_object_set(i->agent, "stun-server", list->server[n].host, "stun-server-port", (guint)list->server[n].port, NULL);
		}
}

static void free_tunnel(gpointer tunnel)
{
	tunnel_free(tunnel);
}

gboolean ice_open(struct link *l, GMainContext *ctx, const struct link_options *options, const struct link_events *events,
		  GError **error)
{
	struct ice *i = g_new0(struct ice, 1);

	i->ctx = ctx;
	i->ev = *events;
	i->waiting = g_ptr_array_new_with_free_func(g_free);
	i->tunnels = g_ptr_array_new_with_free_func(free_tunnel);
	/* No consent freshness: that of libnice 0.1.21 drops healthy calls. Liveness is judged by authenticated packets. */
	i->agent = nice_agent_new_full(ctx, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_ICE_TRICKLE);
	g_object_set(i->agent, "controlling-mode", options->controlling, "upnp", FALSE, "ice-tcp", FALSE, NULL);
	i->relay_only = options->relay_only;
	if (!options->relay_only)
		i->recheck = recheck_new(ctx, options->controlling, send_check, i);
	i->ca_file = options->ca_file;
	g_object_set(i->agent, "force-relay", options->relay_only, NULL);
	g_signal_connect(i->agent, "new-candidate-full", G_CALLBACK(on_candidate), i);
	g_signal_connect(i->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), i);
	g_signal_connect(i->agent, "component-state-changed", G_CALLBACK(on_state), i);
	g_signal_connect(i->agent, "new-selected-pair-full", G_CALLBACK(on_selected), i);
	if (options->loopback)
		add_all_addresses(i);
	i->stream = nice_agent_add_stream(i->agent, 1);		/* one component: RTCP is muxed */
	use_stun(i, &options->servers);
	if (i->stream && options->creds.ufrag[0])
		nice_agent_set_local_credentials(i->agent, i->stream, options->creds.ufrag, options->creds.pwd);
	i->relays = relays_new(ctx, &options->servers, add_relay, settle, i);
	if (!i->stream || !nice_agent_attach_recv(i->agent, i->stream, 1, ctx, on_packet, i) ||
	    !make_creds(i)) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "libnice does not start");
		close_ice(i);
		return FALSE;
	}
	*l = (struct link){.free = close_ice, .creds = get_creds, .gather = gather, .set_remote = set_remote,
			   .add_remote = add_remote, .remote_done = remote_done, .send = send_datagram,
			   .selected = selected, .proven = proven, .checked = TRUE, .self = i};
	return TRUE;
}
