#include "roster.h"

#include <string.h>

#include "../log.h"
#include "../text.h"

#define NS_ROSTER "jabber:iq:roster"

enum {
	TIMEOUT_MS = 30000,		/* a list of 20,000 is 2 MB, which a slow line carries in 15 s */
};

struct item {
	gboolean sees_us, shows;	/* he sees our presence; we see his */
	char *name;
};

struct roster {
	struct stream *stream;
	GHashTable *items;		/* lower-case bare JID -> struct item */
	guint query;
	gboolean ready, has_come, is_full;	/* is_full: somebody was left out, and that was said */
	void (*done)(void *ctx);
	void *ctx;
};

static void item_free(gpointer data)
{
	struct item *i = data;

	g_free(i->name);
	g_free(i);
}

struct roster *roster_new(struct stream *x)
{
	struct roster *r = g_new0(struct roster, 1);

	r->stream = x;
	r->items = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, item_free);
	return r;
}

void roster_free(struct roster *r)
{
	if (!r)
		return;
	stream_query_cancel(r->stream, r->query);
	g_hash_table_unref(r->items);
	g_free(r);
}

static void take_item(struct roster *r, const char *jid, const struct elem *e)
{
	const char *subscription = elem_attr(e, "subscription");
	g_autofree char *key = jid_key(jid);
	struct item *item;

	if (g_strcmp0(subscription, "remove") == 0) {
		g_hash_table_remove(r->items, key);
		return;
	}
	if (g_hash_table_size(r->items) >= ROSTER_MAX && !g_hash_table_contains(r->items, key)) {
		if (!r->is_full)
			log_warn("roster", "the contact list has more than %d contacts: those beyond that count as strangers", ROSTER_MAX);
		r->is_full = TRUE;
		return;
	}
	item = g_new0(struct item, 1);
	item->sees_us = g_strcmp0(subscription, "from") == 0 || g_strcmp0(subscription, "both") == 0;
	item->shows = g_strcmp0(subscription, "to") == 0 || g_strcmp0(subscription, "both") == 0;
	item->name = g_strdup(elem_attr(e, "name"));
	g_hash_table_replace(r->items, g_steal_pointer(&key), item);
}

static void take_items(struct roster *r, const struct elem *query)
{
	for (const struct elem *e = elem_child(query, "item", NULL); e; e = elem_next(e, "item", NULL)) {
		const char *jid = elem_attr(e, "jid");

		if (jid && jid_valid(jid))
			take_item(r, jid, e);
	}
}

static void on_roster(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct roster *r = ctx;

	r->query = 0;
	r->ready = TRUE;
	if (cond == COND_OK) {
		r->has_come = TRUE;
		g_hash_table_remove_all(r->items);
		take_items(r, elem_child(reply, "query", NS_ROSTER));
	} else {
		log_warn("roster", "the contact list cannot be had: %s", cond_words(cond));
	}
	r->done(r->ctx);
}

void roster_fetch(struct roster *r, void (*done)(void *ctx), void *ctx)
{
	stream_query_cancel(r->stream, r->query);
	r->done = done;
	r->ctx = ctx;
	r->query = stream_query(r->stream, NULL, "get", elem_new("query", NS_ROSTER), TIMEOUT_MS, on_roster, r);
}

/* RFC 6121 2.1.6: a push counts only when it comes from our own account (CVE-2015-8688). */
gboolean roster_iq(struct roster *r, struct iq *iq)
{
	const struct elem *query = iq_payload(iq);
	const char *from = iq_from(iq);

	if (!elem_is(query, "query", NS_ROSTER) || !iq_is_set(iq))
		return FALSE;
	if (!jid_same_bare(from, stream_jid(r->stream)) ||
	    (jid_resource(from) && strcmp(from, stream_jid(r->stream)) != 0)) {
		iq_answer(iq, COND_SERVICE_UNAVAILABLE, NULL);
		return TRUE;
	}
	take_items(r, query);
	iq_answer(iq, COND_OK, NULL);
	return TRUE;
}

static const struct item *find(const struct roster *r, const char *jid)
{
	g_autofree char *key = jid_key(jid);

	return g_hash_table_lookup(r->items, key);
}

gboolean roster_has(const struct roster *r, const char *jid)
{
	return find(r, jid) != NULL;
}

gboolean roster_sees_us(const struct roster *r, const char *jid)
{
	const struct item *item = find(r, jid);

	return item && item->sees_us;
}

gboolean roster_shows(const struct roster *r, const char *jid)
{
	const struct item *item = find(r, jid);

	return item && item->shows;
}

const char *roster_name(const struct roster *r, const char *jid)
{
	const struct item *item = find(r, jid);

	return item ? item->name : NULL;
}

gboolean roster_ready(const struct roster *r)
{
	return r->ready;
}

gboolean roster_has_come(const struct roster *r)
{
	return r->has_come;
}

void roster_each(const struct roster *r, void (*item)(void *ctx, const char *jid, const char *name), void *ctx)
{
	GHashTableIter i;
	gpointer key, value;

	g_hash_table_iter_init(&i, r->items);
	while (g_hash_table_iter_next(&i, &key, &value))
		item(ctx, key, ((const struct item *)value)->name);
}
