#include "notify.h"

#include <string.h>

#include "desktop.h"
#include "err.h"
#include "log.h"
#include "text.h"

enum { MAX_NAMED = 5 };			/* callers in one notification */

struct caller {				/* clean */
	char *who;			/* his name on the contact list, else his address */
	char *beside;			/* his address beside the name, else nothing */
};

struct notify {
	struct events *events;
	struct request_handler handler;
	guint listener;
	struct desktop *desktop;
	GHashTable *ringing;		/* the number of a call that nobody has decided about -> struct caller * */
	GPtrArray *found;		/* char *, clean: missed calls that are to be shown together */
	guint found_count, found_source;
};

static void caller_free(gpointer data)
{
	struct caller *c = data;

	g_free(c->who);
	g_free(c->beside);
	g_free(c);
}

static struct caller *caller_new(const struct event *e)
{
	const char *name = fields_string(e->fields, "name"), *peer = fields_string(e->fields, "peer");
	g_autofree char *bare = jid_bare(peer ? peer : ""), *address = text_clean(bare, TEXT_SHORT);
	struct caller *c = g_new0(struct caller, 1);

	c->who = name ? text_clean(name, TEXT_SHORT) : g_strdup(address);
	c->beside = g_strdup(name ? address : "");
	return c;
}

/* ---- a call that rings ---- */

static void on_chosen(void *ctx, guint call, gboolean answer)
{
	struct notify *n = ctx;
	struct request r = {.verb = answer ? VERB_ANSWER : VERB_REJECT, .call = call};
	struct fields *reply = fields_new();
	g_autoptr(GError) error = NULL;

	g_hash_table_remove(n->ringing, GUINT_TO_POINTER(call));
	if (!n->handler.request(n->handler.self, &r, reply, &error))
		log_info("notify", "%s", error->message);
	fields_free(reply);
}

static void on_incoming(struct notify *n, const struct event *e)
{
	struct caller *c = caller_new(e);
	g_autofree char *summary = g_strdup_printf("%s is calling", c->who);

	g_hash_table_replace(n->ringing, GUINT_TO_POINTER(e->call), c);
	desktop_ring(n->desktop, e->call, summary, c->beside);
}

/* The caller has given up, or nobody came: not what the user has decided, here or on another device of his. */
static gboolean is_missed(const struct event *e)
{
	static const enum jc_err reasons[] = {JC_NO_ANSWER, JC_CANCELLED, JC_UNAVAILABLE};
	const char *reason = fields_string(e->fields, "reason");

	for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (g_strcmp0(reason, jc_symbol(reasons[i])) == 0)
			return TRUE;
	return FALSE;
}

/* It was taken, or it has ended. */
static void on_decided(struct notify *n, const struct event *e)
{
	struct caller *c = g_hash_table_lookup(n->ringing, GUINT_TO_POINTER(e->call));
	g_autofree char *summary = NULL;

	desktop_stop(n->desktop, e->call);
	if (c && strcmp(e->name, "ended") == 0 && is_missed(e)) {
		summary = g_strdup_printf("Missed call from %s", c->who);
		desktop_leave(n->desktop, summary, c->beside);
	}
	g_hash_table_remove(n->ringing, GUINT_TO_POINTER(e->call));
}

/* ---- calls that were missed before ---- */

/* Those that came while we were away are told one after the other, and shown in one notification. */
static gboolean on_all_found(gpointer data)
{
	struct notify *n = data;
	guint more = n->found_count - n->found->len;
	g_autofree char *summary = NULL, *lines = NULL;

	n->found_source = 0;
	if (more)
		g_ptr_array_add(n->found, g_strdup_printf("and %u more", more));
	g_ptr_array_add(n->found, NULL);
	lines = g_strjoinv("\n", (char **)n->found->pdata);
	if (n->found_count == 1)
		summary = g_strdup_printf("Missed call from %s", lines);
	else
		summary = g_strdup_printf("%u missed calls", n->found_count);
	desktop_leave(n->desktop, summary, n->found_count == 1 ? "" : lines);
	g_ptr_array_set_size(n->found, 0);
	n->found_count = 0;
	return G_SOURCE_REMOVE;
}

static void on_found(struct notify *n, const struct event *e)
{
	struct caller *c = caller_new(e);
	g_autoptr(GDateTime) at = NULL;
	g_autofree char *day = NULL;
	gint64 at_s = 0;

	fields_int(e->fields, "at", &at_s);
	at = g_date_time_new_from_unix_local(at_s);
	day = at ? g_date_time_format(at, "%Y-%m-%d %H:%M") : g_strdup("");
	if (n->found_count++ < MAX_NAMED)
		g_ptr_array_add(n->found, g_strdup_printf("%s, %s", c->who, day));
	if (!n->found_source)
		n->found_source = g_idle_add(on_all_found, n);
	caller_free(c);
}

static void on_event(void *ctx, const struct event *e)
{
	struct notify *n = ctx;

	if (strcmp(e->name, "waiting") == 0)
		desktop_connect(n->desktop);
	else if (strcmp(e->name, "incoming") == 0)
		on_incoming(n, e);
	else if (strcmp(e->name, "accepted") == 0 || strcmp(e->name, "ended") == 0)
		on_decided(n, e);
	else if (strcmp(e->name, "missed") == 0)
		on_found(n, e);
}

struct notify *notify_new(struct events *e, const struct request_handler *handler)
{
	struct notify *n = g_new0(struct notify, 1);

	n->events = e;
	n->handler = *handler;
	n->desktop = desktop_new(on_chosen, n);
	n->ringing = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, caller_free);
	n->found = g_ptr_array_new_with_free_func(g_free);
	n->listener = events_listen(e, on_event, n);
	return n;
}

void notify_free(struct notify *n, guint limit_ms)
{
	if (!n)
		return;
	events_unlisten(n->events, n->listener);
	if (n->found_source) {
		g_clear_handle_id(&n->found_source, g_source_remove);
		on_all_found(n);
	}
	desktop_free(n->desktop, limit_ms);
	g_hash_table_unref(n->ringing);
	g_ptr_array_unref(n->found);
	g_free(n);
}
