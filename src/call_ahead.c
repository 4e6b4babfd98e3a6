#include "call_priv.h"

#include <string.h>

/* Routers forget an address that nobody sends from after half a minute. */
enum { GOOD_FOR_MS = 20000 };

struct call_ahead {
	struct path *path;
	gboolean initiator, relay_only;
	gint64 since_ms;
};

struct call_ahead *call_ahead_new(const struct call_env *env, const struct call_terms *terms, gboolean initiator)
{
	struct link_options ice = env->ice;
	struct call_ahead *a;

	if (env->awaits_servers || terms->transports.kind[0] != TRANSPORT_ICE_UDP ||
	    (terms->relay == RELAY_ONLY && !call_way_has_relay(env)))
		return NULL;
	a = g_new0(struct call_ahead, 1);
	a->initiator = ice.controlling = initiator;
	a->relay_only = call_way_hides(env, terms->relay);
	a->since_ms = env->now_ms();
	a->path = path_new(env->media, &ice, env->cert, NULL);
	path_way(a->path, TRANSPORT_ICE_UDP, &env->ice.servers, a->relay_only);
	path_gather(a->path);
	explicit_bzero(&ice.servers, sizeof(ice.servers));
	return a;
}

void call_ahead_free(struct call_ahead *a, void (*done)(void *ctx, const struct media_stats *stats), void *ctx)
{
	path_close(a->path, done, ctx);
	g_free(a);
}

void call_use_ahead(struct call *c, struct call_ahead *a)
{
	call_ahead_drop(c);
	c->ahead = a;
}

void call_ahead_drop(struct call *c)
{
	if (c->ahead)
		call_ahead_free(g_steal_pointer(&c->ahead), NULL, NULL);
}

static gboolean fits(const struct call *c)
{
	const struct call_ahead *a = c->ahead;

	return a && a->initiator == jingle_is_initiator(c->session) && a->relay_only == call_way_hides(c->env, c->relay) &&
		call_now(c) - a->since_ms < GOOD_FOR_MS;
}

gboolean call_ahead_begin(struct call *c)
{
	struct path_events events = call_path_events(c);
	struct path *unused = c->path;
	struct call_ahead *a;

	if (!fits(c))
		return FALSE;
	a = g_steal_pointer(&c->ahead);
	c->path = a->path;			/* by the time that it tells something */
	if (!path_hear(a->path, &events)) {
		c->path = unused;
		c->ahead = a;
		return FALSE;
	}
	path_close(unused, NULL, NULL);
	g_free(a);
	return TRUE;
}
