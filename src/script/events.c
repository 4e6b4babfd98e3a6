#include "events.h"

struct listener {
	guint id;
	events_fn *heard;
	void *ctx;
};

struct events {
	GArray *listeners;		/* struct listener */
	guint last_id;
};

struct events *events_new(void)
{
	struct events *e = g_new0(struct events, 1);

	e->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	g_array_unref(e->listeners);
	g_free(e);
}

guint events_listen(struct events *e, events_fn *heard, void *ctx)
{
	struct listener l = {.id = ++e->last_id, .heard = heard, .ctx = ctx};

	g_array_append_val(e->listeners, l);
	return l.id;
}

static struct listener *find(struct events *e, guint id)
{
	for (guint i = 0; i < e->listeners->len; i++) {
		struct listener *l = &g_array_index(e->listeners, struct listener, i);

		if (l->id == id)
			return l;
	}
	return NULL;
}

void events_unlisten(struct events *e, guint id)
{
	struct listener *l = find(e, id);

	if (l)
		g_array_remove_index(e->listeners, (guint)(l - (struct listener *)(void *)e->listeners->data));
}

gboolean events_have_listeners(const struct events *e)
{
	return e->listeners->len > 0;
}

/* Who hears it may go, or bring others: each is looked up again. */
static void spread(struct events *e, const struct event *event)
{
	g_autofree guint *ids = g_new(guint, e->listeners->len);
	guint n = e->listeners->len;

	for (guint i = 0; i < n; i++)
		ids[i] = g_array_index(e->listeners, struct listener, i).id;
	for (guint i = 0; i < n; i++) {
		struct listener *l = find(e, ids[i]);

		if (l)
			l->heard(l->ctx, event);
	}
}

void events_tell(struct events *e, guint call, double at_s, const char *name, va_list *triples)
{
	struct fields *fields = fields_new();
	g_autofree char *json = NULL;

	fields_add_string(fields, "event", name);
	fields_add_double(fields, "time", at_s);
	if (call)
		fields_add_int(fields, "call", call);
	fields_add_all(fields, triples);
	json = fields_write(fields);
	spread(e, &(struct event){.name = name, .call = call, .fields = fields, .json = json});
	fields_free(fields);
}
