#include "notify.h"

#include <string.h>

#include "desktop.h"
#include "err.h"
#include "log.h"
#include "text.h"

enum { MAX_NAMED = 5 };			/* callers in one notification */

struct notify {
	struct events *events;
	struct request_handler handler;
	guint listener;
	struct desktop *desktop;
	GPtrArray *found;		/* char *, clean: missed calls that are to be shown together */
	guint found_count, found_source;
};

/* ---- a call that rings ---- */

static void on_chosen(void *ctx, guint call, gboolean answer)
{
	struct notify *n = ctx;
	struct request r = {.verb = answer ? VERB_ANSWER : VERB_REJECT, .call = call};
	struct fields *reply = fields_new();
	g_autoptr(GError) error = NULL;

	if (!n->handler.request(n->handler.self, &r, reply, &error))
		log_info("notify", "%s", error->message);
	fields_free(reply);
}

/* Who calls: by his name on the contact list, and beside it his address, or by his address alone; clean. Caller frees both. */
static char *caller(const struct event *e, char **beside)
{
	const char *name = fields_string(e->fields, "name"), *peer = fields_string(e->fields, "peer");
	g_autofree char *bare = jid_bare(peer ? peer : ""), *address = text_clean(bare, TEXT_SHORT);

	*beside = name ? g_steal_pointer(&address) : g_strdup("");
	return name ? text_clean(name, TEXT_SHORT) : g_steal_pointer(&address);
}

static void on_incoming(struct notify *n, const struct event *e)
{
	g_autofree char *beside = NULL, *who = caller(e, &beside), *summary = g_strdup_printf("%s is calling", who);

	desktop_ring(n->desktop, e->call, summary, beside);
}

/* ---- missed ---- */

/* Only now: the server shows when it was. */
static void on_missed_now(struct notify *n, const struct event *e)
{
	g_autofree char *beside = NULL, *who = caller(e, &beside), *summary = g_strdup_printf("Missed call from %s", who);

	desktop_leave(n->desktop, summary, beside);
}

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
	g_autofree char *beside = NULL, *who = caller(e, &beside), *day = NULL;
	g_autoptr(GDateTime) at = NULL;
	gint64 at_s = 0;

	fields_int(e->fields, "at", &at_s);
	at = g_date_time_new_from_unix_local(at_s);
	day = at ? g_date_time_format(at, "%Y-%m-%d %H:%M") : g_strdup("");
	if (n->found_count++ < MAX_NAMED)
		g_ptr_array_add(n->found, g_strdup_printf("%s, %s", who, day));
	if (!n->found_source)
		n->found_source = g_idle_add(on_all_found, n);
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

static void on_event(void *ctx, const struct event *e)
{
	struct notify *n = ctx;
	gboolean ended = strcmp(e->name, "ended") == 0, rings = desktop_rings(n->desktop, e->call);

	if (strcmp(e->name, "waiting") == 0)
		desktop_connect(n->desktop);
	else if (strcmp(e->name, "incoming") == 0)
		on_incoming(n, e);
	else if (strcmp(e->name, "missed") == 0)
		on_found(n, e);
	else if (ended || strcmp(e->name, "accepted") == 0)
		desktop_stop(n->desktop, e->call);
	if (ended && rings && is_missed(e))
		on_missed_now(n, e);
}

struct notify *notify_new(struct events *e, const struct request_handler *handler)
{
	struct notify *n = g_new0(struct notify, 1);

	n->events = e;
	n->handler = *handler;
	n->desktop = desktop_new(on_chosen, n);
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
	g_ptr_array_unref(n->found);
	g_free(n);
}
