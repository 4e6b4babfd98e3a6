/* Candidates whose address is a name of the local network, as browsers give it that hide theirs: looked up by whatever the
 * system has for that (nss-mdns, systemd-resolved). Where it has nothing they are of no use and left out. */
#include "call_priv.h"

#include <gio/gio.h>

#include "jingle/addr.h"
#include "log.h"

enum { MAX_NAMES = 8 };			/* in a call: the peer makes us ask */

struct lookup {
	struct call *call;		/* NULL: it is gone */
	struct ice_cand cand;
};

/* The first address a packet can go to; FALSE: none. */
static gboolean pick(GList *addresses, gboolean loopback, char *out, size_t size)
{
	for (GList *a = addresses; a; a = a->next) {
		g_autofree char *ip = g_inet_address_to_string(a->data);

		if (addr_usable(ip, loopback))
			return g_strlcpy(out, ip, size) < size;
	}
	return FALSE;
}

static void on_found(GObject *resolver, GAsyncResult *result, gpointer data)
{
	struct lookup *l = data;
	struct call *c = l->call;
	g_autoptr(GError) error = NULL;
	GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

	if (c) {
		g_ptr_array_remove_fast(c->lookups, l);
		if (c->way != TRANSPORT_ICE_UDP)
			;			/* another way is tried by now */
		else if (pick(addresses, c->env->ice.loopback, l->cand.ip, sizeof(l->cand.ip)))
			path_remote_cand(c->path, &l->cand);
		else
			log_info("call", "%s, an address of the peer's, leads nowhere from here: %s", l->cand.ip,
				 error ? error->message : "nothing usable was found");
		call_names_settle(c);
	}
	g_resolver_free_addresses(addresses);
	g_free(l);
}

void call_names_init(struct call *c)
{
	c->lookups = g_ptr_array_new();
	c->stop_names = g_cancellable_new();
}

void call_names_add(struct call *c, const struct ice_cand *cand)
{
	g_autoptr(GResolver) resolver = NULL;
	struct lookup *l;

	if (c->names++ >= MAX_NAMES)
		return;
	l = g_new0(struct lookup, 1);
	l->call = c;
	l->cand = *cand;
	g_ptr_array_add(c->lookups, l);
	resolver = g_resolver_get_default();
	g_resolver_lookup_by_name_async(resolver, cand->ip, c->stop_names, on_found, l);
}

void call_names_settle(struct call *c)
{
	if (c->names_done && c->lookups->len == 0) {
		c->names_done = FALSE;
		path_remote_done(c->path);
	}
}

void call_names_free(struct call *c)
{
	for (guint i = 0; i < c->lookups->len; i++)
		((struct lookup *)c->lookups->pdata[i])->call = NULL;	/* it frees itself */
	g_ptr_array_set_size(c->lookups, 0);
	g_cancellable_cancel(c->stop_names);
	g_ptr_array_unref(c->lookups);
	g_object_unref(c->stop_names);
}
