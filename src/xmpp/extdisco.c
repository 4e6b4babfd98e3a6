#include "extdisco.h"

#include <string.h>

#include "../log.h"
#include "../text.h"

#define NS_EXTDISCO "urn:xmpp:extdisco:2"

enum {
	TIMEOUT_MS = 15000,
	PATIENCE_MS = 2000,		/* a call does not wait longer for it (rule R26) */
	MAX_SEEN = 64,
	EARLY_S = 60,			/* before it expires it is fetched anew, */
	SOONEST_S = 60,			/* but not more often than this, */
	LATEST_S = 12 * 3600,		/* and at least as often as this */
};

struct restricted {			/* a service whose password has to be asked for */
	struct extdisco *owner;
	struct ice_server server;
	guint query;
};

struct extdisco {
	struct stream *stream;
	void (*known)(void *ctx);
	void *ctx;
	struct server_list list;
	GPtrArray *restricted;		/* struct restricted, whose answers are outstanding */
	guint query, patience, refresh;
	gint64 (*now_s)(void);
	gint64 due_s;			/* of REFRESH */
	gint64 expires_s;		/* the first password to end; 0: none does */
	gboolean is_known;
};

static void restricted_free(gpointer data)
{
	struct restricted *r = data;

	stream_query_cancel(r->owner->stream, r->query);
	g_free(r);
}

struct extdisco *extdisco_new(struct stream *x, gint64 (*now_s)(void), void (*known)(void *ctx), void *ctx)
{
	struct extdisco *e = g_new0(struct extdisco, 1);

	e->stream = x;
	e->now_s = now_s;
	e->known = known;
	e->ctx = ctx;
	e->restricted = g_ptr_array_new_with_free_func(restricted_free);
	return e;
}

static void stop(struct extdisco *e)
{
	stream_query_cancel(e->stream, e->query);
	e->query = 0;
	g_clear_handle_id(&e->patience, g_source_remove);
	g_clear_handle_id(&e->refresh, g_source_remove);
	g_ptr_array_set_size(e->restricted, 0);
}

void extdisco_free(struct extdisco *e)
{
	if (!e)
		return;
	stop(e);
	g_ptr_array_unref(e->restricted);
	explicit_bzero(&e->list, sizeof(e->list));
	g_free(e);
}

static char *own_server(const struct extdisco *e)
{
	g_autofree char *bare = jid_bare(stream_jid(e->stream));
	const char *at = strchr(bare, '@');

	return g_strdup(at ? at + 1 : bare);
}

/* ---- reading ---- */

static gboolean read_kind(const struct elem *service, enum server_kind *kind)
{
	static const struct { const char *type, *transport; enum server_kind kind; } table[] = {
		{"stun", "udp", SERVER_STUN}, {"turn", "udp", SERVER_TURN_UDP}, {"turn", "tcp", SERVER_TURN_TCP},
		{"turns", "tcp", SERVER_TURN_TLS}};
	const char *type = elem_attr(service, "type"), *transport = elem_attr(service, "transport");

	if (!transport)
		transport = g_strcmp0(type, "turns") == 0 ? "tcp" : "udp";
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		if (g_strcmp0(type, table[i].type) == 0 && g_ascii_strcasecmp(transport, table[i].transport) == 0) {
			*kind = table[i].kind;
			return TRUE;
		}
	return FALSE;
}

static gboolean copy(char *out, size_t size, const char *text)
{
	return !text || g_strlcpy(out, text, size) < size;
}

static gboolean is_host(const char *host)
{
	for (const char *p = host; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr(".-_:", *p))
			return FALSE;
	return *host != '\0';
}

static gboolean read_server(const struct elem *service, struct ice_server *out)
{
	const char *port = elem_attr(service, "port");
	guint64 number;

	memset(out, 0, sizeof(*out));
	if (!read_kind(service, &out->kind) || !copy(out->host, sizeof(out->host), elem_attr(service, "host")) || !is_host(out->host) ||
	    !copy(out->user, sizeof(out->user), elem_attr(service, "username")) ||
	    !copy(out->password, sizeof(out->password), elem_attr(service, "password")))
		return FALSE;
	number = out->kind == SERVER_TURN_TLS ? 5349 : 3478;
	if (port && !text_uint(port, 1, 65535, &number))
		return FALSE;
	out->port = (uint16_t)number;
	return TRUE;
}

static gboolean is_complete(const struct ice_server *s)
{
	return s->kind == SERVER_STUN || (s->user[0] && s->password[0]);
}

static gboolean is_restricted(const struct elem *service)
{
	const char *text = elem_attr(service, "restricted");

	return g_strcmp0(text, "1") == 0 || g_strcmp0(text, "true") == 0;
}

static gboolean same_place(const struct ice_server *a, const struct ice_server *b)
{
	return a->kind == b->kind && a->port == b->port && g_ascii_strcasecmp(a->host, b->host) == 0;
}

static void forget(struct extdisco *e, const struct ice_server *server)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->list.count; i++)
		if (!same_place(&e->list.server[i], server))
			e->list.server[kept++] = e->list.server[i];
	e->list.count = kept;
}

static void add(struct extdisco *e, const struct ice_server *server)
{
	if (e->list.count < MAX_SERVERS)
		e->list.server[e->list.count++] = *server;
}

static void refresh_at(struct extdisco *e, const char *expires);

/* ---- passwords that are given on demand ("Requesting Credentials") ---- */

static void on_credentials(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct restricted *r = ctx;
	struct extdisco *e = r->owner;
	const struct elem *service = cond == COND_OK ?
		elem_child(elem_child(reply, "credentials", NS_EXTDISCO), "service", NULL) : NULL;

	r->query = 0;
	if (service && copy(r->server.user, sizeof(r->server.user), elem_attr(service, "username")) &&
	    copy(r->server.password, sizeof(r->server.password), elem_attr(service, "password")) && is_complete(&r->server)) {
		add(e, &r->server);
		refresh_at(e, elem_attr(service, "expires"));
	}
	g_ptr_array_remove_fast(e->restricted, r);
	e->known(e->ctx);
}

static void ask_credentials(struct extdisco *e, const struct elem *service, const struct ice_server *server)
{
	g_autofree char *domain = own_server(e);
	struct elem *payload, *which;
	struct restricted *r;

	if (e->restricted->len >= MAX_SERVERS)
		return;
	r = g_new0(struct restricted, 1);
	r->owner = e;
	r->server = *server;
	g_ptr_array_add(e->restricted, r);
	payload = elem_new("credentials", NS_EXTDISCO);
	which = elem_add(payload, "service", NULL);
	elem_set(which, "host", elem_attr(service, "host"));
	elem_set(which, "type", elem_attr(service, "type"));
	elem_set(which, "port", elem_attr(service, "port"));
	r->query = stream_query(e->stream, domain, "get", payload, TIMEOUT_MS, on_credentials, r);
}

/* ---- the list ---- */

static void ask(struct extdisco *e);

static gboolean on_refresh(gpointer data)
{
	struct extdisco *e = data;

	e->refresh = 0;
	ask(e);
	return G_SOURCE_REMOVE;
}

/* The earliest of all that expire is what counts. */
static void refresh_at(struct extdisco *e, const char *expires)
{
	g_autoptr(GDateTime) when = expires ? g_date_time_new_from_iso8601(expires, NULL) : NULL;
	gint64 now_s = e->now_s(), end_s = when ? g_date_time_to_unix(when) : 0, due_s = when ? end_s - EARLY_S : now_s + LATEST_S;

	if (when && (!e->expires_s || end_s < e->expires_s))
		e->expires_s = end_s;
	due_s = CLAMP(due_s, now_s + SOONEST_S, now_s + LATEST_S);
	if (e->refresh && e->due_s <= due_s)
		return;
	g_clear_handle_id(&e->refresh, g_source_remove);
	e->due_s = due_s;
	e->refresh = g_timeout_add_seconds((guint)(due_s - now_s), on_refresh, e);
}

static void take_service(struct extdisco *e, const struct elem *service)
{
	const char *action = elem_attr(service, "action");
	struct ice_server server;

	if (!read_server(service, &server))
		return;
	forget(e, &server);			/* a push may modify it */
	if (g_strcmp0(action, "remove") == 0)
		return;
	if (is_complete(&server)) {
		add(e, &server);
		refresh_at(e, elem_attr(service, "expires"));
	} else if (is_restricted(service)) {
		ask_credentials(e, service, &server);
	}
}

static void take_services(struct extdisco *e, const struct elem *services)
{
	const struct elem *s = elem_child(services, "service", NULL);

	for (unsigned seen = 0; s && seen < MAX_SEEN; s = elem_next(s, "service", NULL), seen++)
		take_service(e, s);
}

static void tell(struct extdisco *e)
{
	g_clear_handle_id(&e->patience, g_source_remove);
	e->is_known = TRUE;
	e->known(e->ctx);
}

static void on_services(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct extdisco *e = ctx;

	e->query = 0;
	if (cond == COND_OK) {
		e->list.count = 0;
		e->expires_s = 0;
		take_services(e, elem_child(reply, "services", NS_EXTDISCO));
		refresh_at(e, NULL);
		log_info("extdisco", "the server names %zu servers for finding a path", e->list.count);
	} else {
		log_info("extdisco", "the server names no servers for finding a path: %s", cond_words(cond));
	}
	tell(e);
}

static gboolean on_impatience(gpointer data)
{
	struct extdisco *e = data;

	e->patience = 0;
	tell(e);
	return G_SOURCE_REMOVE;
}

static void ask(struct extdisco *e)
{
	g_autofree char *domain = own_server(e);

	stop(e);
	e->query = stream_query(e->stream, domain, "get", elem_new("services", NS_EXTDISCO), TIMEOUT_MS, on_services, e);
}

void extdisco_fetch(struct extdisco *e)
{
	ask(e);
	e->is_known = FALSE;
	e->patience = g_timeout_add(PATIENCE_MS, on_impatience, e);
}

gboolean extdisco_iq(struct extdisco *e, struct iq *iq)
{
	const struct elem *services = iq_payload(iq);
	g_autofree char *domain = NULL;

	if (!elem_is(services, "services", NS_EXTDISCO) || !iq_is_set(iq))
		return FALSE;
	domain = own_server(e);
	if (strcmp(iq_from(iq), domain) != 0) {
		iq_answer(iq, COND_SERVICE_UNAVAILABLE, NULL);
		return TRUE;
	}
	take_services(e, services);
	iq_answer(iq, COND_OK, NULL);
	e->known(e->ctx);
	return TRUE;
}

gboolean extdisco_is_known(const struct extdisco *e)
{
	return e->is_known;
}

const struct server_list *extdisco_servers(const struct extdisco *e)
{
	return &e->list;
}

gint64 extdisco_due_s(const struct extdisco *e)
{
	return e->refresh ? e->due_s : 0;
}

void extdisco_merge(const struct extdisco *e, const struct server_list *ours, struct server_list *out)
{
	const struct server_list *theirs = &e->list;
	gboolean have[] = {FALSE, FALSE};

	*out = *ours;
	for (size_t i = 0; i < ours->count; i++)
		have[ours->server[i].kind != SERVER_STUN] = TRUE;
	for (size_t i = 0; i < theirs->count && out->count < MAX_SERVERS; i++)
		if (!have[theirs->server[i].kind != SERVER_STUN])
			out->server[out->count++] = theirs->server[i];
}

gint64 extdisco_expires_s(const struct extdisco *e)
{
	return e->expires_s;
}

gboolean extdisco_has_relay(const struct server_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->server[i].kind != SERVER_STUN)
			return TRUE;
	return FALSE;
}
