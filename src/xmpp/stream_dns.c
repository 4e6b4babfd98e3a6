#include "stream_dns.h"

#include <string.h>

struct search {
	GPtrArray *targets;
	char *domain;
	GCancellable *cancel;
	guint waiting;
	gboolean denied;		/* the SRV record with the target ".": decidedly not here */
	void (*done)(void *ctx, GPtrArray *targets);
	void *ctx;
};

struct target *target_new(const char *host, guint16 port, guint16 priority, gboolean direct)
{
	struct target *t = g_new0(struct target, 1);

	t->host = g_strdup(host);
	t->port = port;
	t->priority = priority;
	t->direct = direct;
	return t;
}

void target_free(gpointer data)
{
	struct target *t = data;

	g_free(t->host);
	g_free(t);
}

/* Both services are one list (XEP-0368 3); at equal priority direct TLS comes first, it saves two round trips. */
static gint by_rank(gconstpointer a, gconstpointer b)
{
	const struct target *x = *(struct target *const *)a, *y = *(struct target *const *)b;

	return x->priority != y->priority ? (gint)x->priority - (gint)y->priority : y->direct - x->direct;
}

static void finish(struct search *s)
{
	if (--s->waiting)
		return;
	if (g_cancellable_is_cancelled(s->cancel))
		g_ptr_array_set_size(s->targets, 0);
	else if (!s->targets->len && !s->denied)
		g_ptr_array_add(s->targets, target_new(s->domain, 5222, 0, FALSE));
	g_ptr_array_sort(s->targets, by_rank);		/* stable: within a rank the order by weight stays */
	if (s->targets->len > DNS_MAX_TARGETS)
		g_ptr_array_set_size(s->targets, DNS_MAX_TARGETS);
	s->done(s->ctx, s->targets);
	g_object_unref(s->cancel);
	g_free(s->domain);
	g_free(s);
}

static void take(struct search *s, GObject *resolver, GAsyncResult *result, gboolean direct)
{
	g_autoptr(GError) error = NULL;
	GList *list = g_resolver_lookup_service_finish(G_RESOLVER(resolver), result, &error);

	for (GList *l = list; l; l = l->next)
		g_ptr_array_add(s->targets, target_new(g_srv_target_get_hostname(l->data), g_srv_target_get_port(l->data),
						       g_srv_target_get_priority(l->data), direct));
	if (!list && !error && !direct)			/* GLib's way to hand over the target "." */
		s->denied = TRUE;
	g_resolver_free_targets(list);
	finish(s);
}

static void on_direct(GObject *resolver, GAsyncResult *result, gpointer data)
{
	take(data, resolver, result, TRUE);
}

static void on_starttls(GObject *resolver, GAsyncResult *result, gpointer data)
{
	take(data, resolver, result, FALSE);
}

void dns_find(const char *domain, GCancellable *cancel, void (*done)(void *ctx, GPtrArray *targets), void *ctx)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	struct search *s = g_new0(struct search, 1);

	s->targets = g_ptr_array_new_with_free_func(target_free);
	s->domain = g_strdup(domain);
	s->cancel = g_object_ref(cancel);
	s->waiting = 2;
	s->done = done;
	s->ctx = ctx;
	g_resolver_lookup_service_async(resolver, "xmpps-client", "tcp", domain, cancel, on_direct, s);
	g_resolver_lookup_service_async(resolver, "xmpp-client", "tcp", domain, cancel, on_starttls, s);
}
