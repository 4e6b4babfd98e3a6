#include "relays.h"

#include <gio/gio.h>
#include <string.h>

#include "../log.h"
#include "../post.h"

enum { STUN_FIRST_MS = 250 };

struct relays {
	GMainContext *ctx;
	void (*add)(void *self, const struct ice_server *server);
	void (*settled)(void *self);
	void *self;
	struct server_list servers;
	GCancellable *stop;
	GSource *timer;
	unsigned lookups;
	gboolean begun, begun_tls;
};

struct lookup {
	struct relays *relays;		/* gone when it is cancelled */
	struct ice_server server;
};

struct relays *relays_new(GMainContext *ctx, const struct server_list *servers,
			  void (*add)(void *self, const struct ice_server *server), void (*settled)(void *self), void *self)
{
	struct relays *r = g_new0(struct relays, 1);

	r->ctx = ctx;
	r->servers = *servers;
	r->add = add;
	r->settled = settled;
	r->self = self;
	r->stop = g_cancellable_new();
	return r;
}

void relays_free(struct relays *r)
{
	if (!r)
		return;
	source_drop(&r->timer);
	g_cancellable_cancel(r->stop);
	g_object_unref(r->stop);
	explicit_bzero(&r->servers, sizeof(r->servers));
	g_free(r);
}

/* ---- names ---- */

/* Of each kind one will do: every address of a relay gives us one of its own, of which it has few. */
static void add_first(struct relays *r, struct ice_server *server, GList *addresses, GSocketFamily family)
{
	for (GList *a = addresses; a; a = a->next)
		if (g_inet_address_get_family(a->data) == family) {
			g_autofree char *ip = g_inet_address_to_string(a->data);

			if (g_strlcpy(server->host, ip, sizeof(server->host)) < sizeof(server->host))
				r->add(r->self, server);
			return;
		}
}

static void on_found(GObject *resolver, GAsyncResult *result, gpointer data)
{
	struct lookup *l = data;
	struct relays *r = l->relays;
	g_autoptr(GError) error = NULL;
	GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		if (error)
			log_warn("ice", "the relay %s has no address: %s", l->server.host, error->message);
		add_first(r, &l->server, addresses, G_SOCKET_FAMILY_IPV6);
		add_first(r, &l->server, addresses, G_SOCKET_FAMILY_IPV4);
		if (--r->lookups == 0)
			r->settled(r->self);
	}
	g_resolver_free_addresses(addresses);
	explicit_bzero(&l->server, sizeof(l->server));
	g_free(l);
}

static void look_up(struct relays *r, const struct ice_server *server)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	struct lookup *l = g_new(struct lookup, 1);

	*l = (struct lookup){.relays = r, .server = *server};
	r->lookups++;
	g_main_context_push_thread_default(r->ctx);
	g_resolver_lookup_by_name_async(resolver, server->host, r->stop, on_found, l);
	g_main_context_pop_thread_default(r->ctx);
}

/* ---- for the owner ---- */

/* They are reached through a port of this machine, which is no STUN server's. */
static void begin_tls(struct relays *r)
{
	if (r->begun_tls)
		return;
	r->begun_tls = TRUE;
	for (size_t n = 0; n < r->servers.count; n++)
		if (r->servers.server[n].kind == SERVER_TURN_TLS)
			r->add(r->self, &r->servers.server[n]);
}

void relays_begin(struct relays *r)
{
	source_drop(&r->timer);
	if (r->begun)
		return;
	r->begun = TRUE;
	begin_tls(r);
	for (size_t n = 0; n < r->servers.count; n++) {
		const struct ice_server *s = &r->servers.server[n];

		if (s->kind == SERVER_STUN || s->kind == SERVER_TURN_TLS)
			continue;
		if (g_hostname_is_ip_address(s->host))
			r->add(r->self, s);
		else
			look_up(r, s);
	}
}

static gboolean on_timer(gpointer data)
{
	relays_begin(data);
	return G_SOURCE_REMOVE;
}

void relays_begin_soon(struct relays *r)
{
	if (r->begun || r->timer)
		return;
	begin_tls(r);
	r->timer = g_timeout_source_new(STUN_FIRST_MS);
	g_source_set_callback(r->timer, on_timer, r, NULL);
	g_source_attach(r->timer, r->ctx);
}

enum server_kind relays_kind(const struct relays *r, guint port)
{
	enum server_kind kind = SERVER_STUN;

	for (size_t n = 0; n < r->servers.count; n++) {
		const struct ice_server *s = &r->servers.server[n];

		if ((s->kind != SERVER_TURN_UDP && s->kind != SERVER_TURN_TCP) || s->port != port)
			continue;
		if (kind != SERVER_STUN && kind != s->kind)
			return SERVER_STUN;
		kind = s->kind;
	}
	return kind;
}

gboolean relays_are_settled(const struct relays *r)
{
	return r->begun && r->lookups == 0;
}
