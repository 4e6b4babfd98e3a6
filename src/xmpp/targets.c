#include "targets.h"

#include <gio/gio.h>
#include <string.h>

enum { MAX_TARGETS = 8 };

static void target_clear(gpointer data)
{
	g_free(((struct target *)data)->host);
}

static void add_target(GArray *targets, const char *host, guint16 port, gboolean direct)
{
	struct target target = {.host = g_strdup(host), .port = port, .direct = direct};

	if (targets->len < MAX_TARGETS)
		g_array_append_val(targets, target);
	else
		g_free(target.host);
}

static void add_srv(GArray *targets, const char *service, const char *domain, gboolean direct)
{
	GList *list = g_resolver_lookup_service(g_resolver_get_default(), service, "tcp", domain, NULL, NULL);

	for (GList *l = list; l; l = l->next)		/* sorted by priority and weight already */
		if (strcmp(g_srv_target_get_hostname(l->data), ".") != 0)
			add_target(targets, g_srv_target_get_hostname(l->data), g_srv_target_get_port(l->data), direct);
	g_resolver_free_targets(list);
}

/* Direct TLS first: it saves two round trips. */
GArray *targets_find(const char *bare, const char *host, guint16 port)
{
	GArray *targets = g_array_new(FALSE, FALSE, sizeof(struct target));
	const char *at = strchr(bare, '@'), *domain = at ? at + 1 : bare;

	g_array_set_clear_func(targets, target_clear);
	if (host) {
		add_target(targets, host, port ? port : 5222, port == 5223 || port == 443);
		return targets;
	}
	add_srv(targets, "xmpps-client", domain, TRUE);
	add_srv(targets, "xmpp-client", domain, FALSE);
	if (!targets->len)
		add_target(targets, domain, 5222, FALSE);
	return targets;
}
