#include "doctor.h"

#include <gio/gio.h>
#include <string.h>

#include "phone.h"
#include "text.h"
#include "worker.h"
#include "xmpp/targets.h"

enum { DNS_MS = 9000, CONNECT_S = 5 };

struct knock {				/* one address, tried */
	struct reach *owner;
	const struct target *target;
	gboolean open;			/* it answered */
	char *why;			/* not: why */
};

struct reach {
	struct finding *dns, *server;
	char *bare, *host;
	guint16 port;
	GCancellable *stop;
	GArray *targets;		/* struct target */
	struct knock *knocks;		/* one for each */
	guint left, limit;
	gint64 first_ms, begun_ms;	/* when the first answered, and all began */
};

/* ---- names ---- */

struct question {			/* what the thread that asks has: the rest may be gone when it comes back */
	char *bare, *host;
	guint16 port;
};

static void question_free(gpointer data)
{
	struct question *q = data;

	g_free(q->bare);
	g_free(q->host);
	g_free(q);
}

static void targets_free(gpointer targets)
{
	g_array_unref(targets);
}

static void find_targets(GTask *task, gpointer source, gpointer data, GCancellable *stop)
{
	struct question *q = data;

	g_task_return_pointer(task, targets_find(q->bare, q->host, q->port), targets_free);
	worker_count(FALSE);
}

static gboolean has_address(const struct target *t)
{
	return g_hostname_is_ip_address(t->address);
}

/* "xmpp.lab.test:5222, xmpp.lab.test:5223 (TLS)" */
static char *list_names(const GArray *targets)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const struct target *last = NULL;

	for (guint i = 0; i < targets->len; i++) {
		const struct target *t = &g_array_index(targets, struct target, i);
		g_autofree char *clean = text_clean(t->host, TEXT_SHORT);

		if (!last || strcmp(last->host, t->host) != 0 || last->port != t->port)
			g_string_append_printf(names, "%s%s:%u%s", last ? ", " : "", clean, t->port, t->direct ? " (TLS)" : "");
		last = t;
	}
	return g_string_free(g_steal_pointer(&names), FALSE);
}

static void tell_names(struct reach *r)
{
	const struct target *first = r->targets->len ? &g_array_index(r->targets, struct target, 0) : NULL;
	g_autofree char *names = list_names(r->targets);
	guint found = 0;

	for (guint i = 0; i < r->targets->len; i++)
		found += has_address(&g_array_index(r->targets, struct target, i));
	if (r->host && found)
		finding_skipped(r->dns, "the configuration names the server: %s", names);
	else if (!first)
		finding_fail(r->dns, JC_SERVER, "check the address of the account",
			     "the domain of %s says that it has no XMPP service", r->bare);
	else if (!found)
		finding_fail(r->dns, JC_SERVER, r->host ? "check 'server' in the configuration, and this machine's name server" :
			     "check the domain of the account, and this machine's name server", "no address is found for %s", names);
	else
		finding_ok(r->dns, "%s %s, %u address%s", first->srv ? "SRV records name" : "no SRV record; the domain itself is used:",
			   names, found, found == 1 ? "" : "es");
}

/* ---- doors ---- */

static gboolean is_v6(const struct knock *k)
{
	return strchr(k->target->address, ':') != NULL;
}

static char *list_closed(const struct reach *r)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (guint i = 0; i < r->targets->len; i++)
		if (r->knocks[i].why)
			g_string_append_printf(s, "%s%s", s->len ? "; " : "", r->knocks[i].why);
	return g_string_free(g_steal_pointer(&s), FALSE);
}

static void tell_doors(struct reach *r)
{
	const struct target *first = &g_array_index(r->targets, struct target, 0);
	g_autofree char *closed = list_closed(r);
	guint open = 0, open4 = 0, closed4 = 0;

	for (guint i = 0; i < r->targets->len; i++) {
		open += r->knocks[i].open;
		open4 += r->knocks[i].open && !is_v6(&r->knocks[i]);
		closed4 += !r->knocks[i].open && !is_v6(&r->knocks[i]);
	}
	if (!open)
		finding_fail(r->server, JC_SERVER, "check the network, a firewall on the way, and whether the server runs",
			     "the server cannot be reached: %s", closed);
	else if (r->targets->len == 1)
		finding_ok(r->server, "%s, port %u, answers after %" G_GINT64_FORMAT " ms", first->address, first->port, r->first_ms);
	else if (open == r->targets->len)
		finding_ok(r->server, "all %u addresses answer, the first after %" G_GINT64_FORMAT " ms", open, r->first_ms);
	else if (open4 && !closed4)
		finding_warn(r->server, "repair IPv6, here or at the server; until then each login may take longer",
			     "the server is reached by IPv4 but not by IPv6: %s", closed);
	else
		finding_warn(r->server, "repair or remove the addresses that do not answer; until then a login may take longer",
			     "%u of %u addresses answer; not these: %s", open, r->targets->len, closed);
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
	struct knock *k = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocketConnection) connection = g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;			/* all is gone */
	k->open = connection != NULL;
	if (k->open && !k->owner->first_ms)
		k->owner->first_ms = MAX(clock_ms() - k->owner->begun_ms, 1);
	if (error)
		k->why = g_strdup_printf("port %u: %s", k->target->port, error->message);
	if (--k->owner->left == 0)
		tell_doors(k->owner);
}

static void knock(struct knock *k)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();

	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_set_timeout(client, CONNECT_S);
	g_socket_client_connect_to_host_async(client, k->target->address, k->target->port, k->owner->stop, on_connected, k);
}

static void knock_at_all(struct reach *r)
{
	r->knocks = g_new0(struct knock, r->targets->len);
	r->left = r->targets->len;
	r->begun_ms = clock_ms();
	finding_restart(r->server);
	for (guint i = 0; i < r->targets->len; i++) {
		r->knocks[i].owner = r;
		r->knocks[i].target = &g_array_index(r->targets, struct target, i);
		knock(&r->knocks[i]);
	}
}

static void on_targets(GObject *source, GAsyncResult *result, gpointer data)
{
	struct reach *r = data;
	g_autoptr(GError) error = NULL;
	GArray *targets = g_task_propagate_pointer(G_TASK(result), &error);
	gboolean any = FALSE;

	if (!targets)
		return;			/* given up, or all is gone */
	g_clear_handle_id(&r->limit, g_source_remove);
	r->targets = targets;
	tell_names(r);
	for (guint i = 0; i < targets->len; i++)
		any = any || has_address(&g_array_index(targets, struct target, i));
	if (any)
		knock_at_all(r);
	else
		finding_skipped(r->server, "its address is not known");
}

static gboolean on_limit(gpointer data)
{
	struct reach *r = data;

	r->limit = 0;
	g_cancellable_cancel(r->stop);
	finding_fail(r->dns, JC_SERVER, "check the network and this machine's name server (/etc/resolv.conf)",
		     "the name server does not answer within %d s", DNS_MS / 1000);
	finding_skipped(r->server, "its address is not known");
	return G_SOURCE_REMOVE;
}

struct reach *reach_begin(struct findings *f, const struct account *account)
{
	struct reach *r = g_new0(struct reach, 1);
	struct question *q = g_new0(struct question, 1);
	g_autoptr(GTask) task = NULL;

	r->dns = finding_open(f, CHECK_DNS);
	r->server = finding_open(f, CHECK_SERVER);
	r->bare = jid_bare(account->jid);
	r->host = g_strdup(account->host);
	q->bare = g_strdup(r->bare);
	q->host = g_strdup(account->host);
	q->port = account->port;
	r->stop = g_cancellable_new();
	r->limit = g_timeout_add(DNS_MS, on_limit, r);
	task = g_task_new(NULL, r->stop, on_targets, r);
	g_task_set_task_data(task, q, question_free);
	g_task_set_return_on_cancel(task, TRUE);
	worker_count(TRUE);
	g_task_run_in_thread(task, find_targets);
	return r;
}

void reach_free(struct reach *r)
{
	if (!r)
		return;
	g_clear_handle_id(&r->limit, g_source_remove);
	g_cancellable_cancel(r->stop);
	g_object_unref(r->stop);
	for (guint i = 0; r->knocks && i < r->targets->len; i++)
		g_free(r->knocks[i].why);
	g_clear_pointer(&r->targets, g_array_unref);
	g_free(r->knocks);
	g_free(r->bare);
	g_free(r->host);
	g_free(r);
}
