#include "blocklist.h"

#include <string.h>

#include "../log.h"
#include "../text.h"

#define NS_BLOCKING "urn:xmpp:blocking"

enum {
	MAX_ITEMS = 10000,
	TIMEOUT_MS = 5000,		/* [ms] nobody can call us while we wait for it */
};

struct blocklist {
	struct stream *stream;
	GHashTable *items;		/* a set of addresses as key_of makes them */
	guint query;
	gboolean ready;
	void (*changed)(void *ctx);
	void *ctx;
};

struct blocklist *blocklist_new(struct stream *x)
{
	struct blocklist *b = g_new0(struct blocklist, 1);

	b->stream = x;
	b->items = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return b;
}

void blocklist_free(struct blocklist *b)
{
	if (!b)
		return;
	stream_query_cancel(b->stream, b->query);
	g_hash_table_unref(b->items);
	g_free(b);
}

/* Account and domain are the same in either case, the resource is not (RFC 7622 3.4). */
static char *key_of(const char *jid)
{
	g_autofree char *bare = jid_bare(jid), *lower = g_ascii_strdown(bare, -1);

	return g_strconcat(lower, jid + strlen(bare), NULL);
}

static void add(struct blocklist *b, const char *jid)
{
	if (g_hash_table_size(b->items) < MAX_ITEMS)
		g_hash_table_add(b->items, key_of(jid));
}

static void remove_item(struct blocklist *b, const char *jid)
{
	g_autofree char *key = key_of(jid);

	g_hash_table_remove(b->items, key);
}

static void each_item(struct blocklist *b, const struct elem *list, void (*act)(struct blocklist *b, const char *jid))
{
	for (const struct elem *e = elem_child(list, "item", NS_BLOCKING); e; e = elem_next(e, "item", NS_BLOCKING)) {
		const char *jid = elem_attr(e, "jid");

		if (jid && jid_valid(jid))
			act(b, jid);
	}
}

static void on_list(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct blocklist *b = ctx;

	b->query = 0;
	b->ready = TRUE;
	if (cond == COND_OK) {
		g_hash_table_remove_all(b->items);
		each_item(b, elem_child(reply, "blocklist", NS_BLOCKING), add);
		if (g_hash_table_size(b->items) >= MAX_ITEMS)
			log_warn("blocklist", "of the blocked people only the first %d are kept away", MAX_ITEMS);
	} else {
		log_info("blocklist", "the server has no list of blocked people: %s", cond_words(cond));
	}
	b->changed(b->ctx);
}

void blocklist_fetch(struct blocklist *b, void (*changed)(void *ctx), void *ctx)
{
	stream_query_cancel(b->stream, b->query);
	b->changed = changed;
	b->ctx = ctx;
	b->query = stream_query(b->stream, NULL, "get", elem_new("blocklist", NS_BLOCKING), TIMEOUT_MS, on_list, b);
}

static gboolean is_of_account(const struct blocklist *b, const char *from)
{
	return jid_same_bare(from, stream_jid(b->stream)) &&
		(!jid_resource(from) || strcmp(from, stream_jid(b->stream)) == 0);
}

gboolean blocklist_iq(struct blocklist *b, struct iq *iq)
{
	const struct elem *payload = iq_payload(iq);
	gboolean blocks = elem_is(payload, "block", NS_BLOCKING);

	if (!iq_is_set(iq) || (!blocks && !elem_is(payload, "unblock", NS_BLOCKING)))
		return FALSE;
	if (!is_of_account(b, iq_from(iq))) {
		iq_answer(iq, COND_SERVICE_UNAVAILABLE, NULL);
		return TRUE;
	}
	if (!blocks && !elem_child(payload, "item", NS_BLOCKING))
		g_hash_table_remove_all(b->items);	/* XEP-0191 3.5: everybody is unblocked */
	else
		each_item(b, payload, blocks ? add : remove_item);
	iq_answer(iq, COND_OK, NULL);
	if (b->changed)
		b->changed(b->ctx);
	return TRUE;
}

gboolean blocklist_has(const struct blocklist *b, const char *jid)
{
	g_autofree char *full = key_of(jid), *bare = jid_bare(full), *domain_full = NULL;
	const char *at = strchr(bare, '@'), *domain = at ? at + 1 : bare, *resource = jid_resource(full);

	if (!g_hash_table_size(b->items))
		return FALSE;
	domain_full = resource ? g_strconcat(domain, "/", resource, NULL) : g_strdup(domain);
	return g_hash_table_contains(b->items, full) || g_hash_table_contains(b->items, bare) ||
		g_hash_table_contains(b->items, domain_full) || g_hash_table_contains(b->items, domain);
}

gboolean blocklist_ready(const struct blocklist *b)
{
	return b->ready;
}
