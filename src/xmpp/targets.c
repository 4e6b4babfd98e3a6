#include "targets.h"

#include <gio/gio.h>
#include <string.h>

#include "../jid.h"

enum { MAX_TARGETS = 8 };

static void target_clear(gpointer data)
{
	struct target *target = data;

	g_free(target->host);
	g_free(target->address);
}

static GArray *targets_new(void)
{
	GArray *targets = g_array_new(FALSE, FALSE, sizeof(struct target));

	g_array_set_clear_func(targets, target_clear);
	return targets;
}

static void add_target(GArray *targets, const struct target *like, const char *address)
{
	struct target target = *like;

	target.host = g_strdup(like->host);
	target.address = g_strdup(address);
	if (targets->len < MAX_TARGETS)
		g_array_append_val(targets, target);
	else
		target_clear(&target);
}

/* FALSE: the domain says that it has no such service. */
static gboolean add_srv(GArray *targets, const char *service, const char *domain, gboolean direct)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	g_autoptr(GError) error = NULL;
	GList *list = g_resolver_lookup_service(resolver, service, "tcp", domain, NULL, &error);
	gboolean denied = !error;		/* the target ".": GLib hands over no list, or an empty name */

	for (GList *l = list; l; l = l->next) {
		struct target like = {.host = (char *)g_srv_target_get_hostname(l->data), .port = g_srv_target_get_port(l->data),
				      .priority = g_srv_target_get_priority(l->data), .direct = direct, .srv = TRUE};

		if (!*like.host || strcmp(like.host, ".") == 0)
			continue;
		add_target(targets, &like, NULL);
		denied = FALSE;
	}
	g_resolver_free_targets(list);
	return !denied;
}

/* The records of both services are one list (XEP-0368 3); at equal priority direct TLS is first, it saves two round trips. */
static gint by_rank(gconstpointer a, gconstpointer b)
{
	const struct target *x = a, *y = b;

	return x->priority != y->priority ? (gint)x->priority - (gint)y->priority : (gint)y->direct - (gint)x->direct;
}

/* One target for each address: libstrophe would stop at a name's first that is refused. Takes NAMED. */
static GArray *with_addresses(GArray *named)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	GArray *targets = targets_new();

	for (guint i = 0; i < named->len && targets->len < MAX_TARGETS; i++) {
		const struct target *like = &g_array_index(named, struct target, i);
		GList *list = g_resolver_lookup_by_name(resolver, like->host, NULL, NULL);

		if (!list)
			add_target(targets, like, like->host);
		for (GList *l = list; l; l = l->next) {
			g_autofree char *address = g_inet_address_to_string(l->data);

			add_target(targets, like, address);
		}
		g_resolver_free_addresses(list);
	}
	g_array_unref(named);
	return targets;
}

GArray *targets_find(const char *bare, const char *host, guint16 port)
{
	GArray *targets = targets_new();
	const char *at = strchr(bare, '@');
	g_autofree char *domain = jid_domain_ascii(at ? at + 1 : bare);
	struct target given = {.host = (char *)host, .port = port ? port : 5222, .direct = port == 5223 || port == 443};
	struct target fallback = {.host = domain, .port = 5222};
	gboolean served = TRUE;

	if (host) {
		add_target(targets, &given, NULL);
		return with_addresses(targets);
	}
	if (!g_hostname_is_ip_address(domain)) {
		add_srv(targets, "xmpps-client", domain, TRUE);
		served = add_srv(targets, "xmpp-client", domain, FALSE);
	}
	if (!targets->len && served)
		add_target(targets, &fallback, NULL);
	g_array_sort(targets, by_rank);		/* stable: within a rank the order by weight stays */
	return with_addresses(targets);
}

GArray *targets_elsewhere(const char *bare, const char *place)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocketConnectable) at = g_network_address_parse(place, 5222, &error);
	const char *host = at ? g_network_address_get_hostname(G_NETWORK_ADDRESS(at)) : NULL;

	if (!host || !*host || strpbrk(host, " /@"))
		return targets_new();
	return targets_find(bare, host, g_network_address_get_port(G_NETWORK_ADDRESS(at)));
}
