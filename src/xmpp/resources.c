#include "resources.h"

#include <string.h>

#include "../text.h"

enum { MAX_CAPS = 256 };		/* [bytes] of hash, ver and node each */

static const guint max_resources[] = {[CIRCLE_CONTACTS] = 50000, [CIRCLE_OTHERS] = 500};

struct home {				/* the resources of one bare JID, at least one */
	char *bare;			/* jid_key; the key in homes */
	GPtrArray *there;		/* struct resource *, not owned */
};

struct resources {
	GHashTable *by_jid;		/* full JID -> struct resource, owned */
	GHashTable *homes;		/* bare JID -> struct home, owned */
	GQueue seen[CIRCLE_COUNT];	/* the links of resources: the one seen longest ago is the first */
	guint64 clock;
};

static void resource_free(gpointer data)
{
	struct resource *r = data;

	g_free(r->jid);
	g_free(r->hash);
	g_free(r->ver);
	g_free(r->node);
	g_free(r);
}

static void home_free(gpointer data)
{
	struct home *h = data;

	g_free(h->bare);
	g_ptr_array_unref(h->there);
	g_free(h);
}

struct resources *resources_new(void)
{
	struct resources *all = g_new0(struct resources, 1);

	all->by_jid = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, resource_free);
	all->homes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, home_free);
	return all;
}

void resources_clear(struct resources *all)
{
	for (size_t i = 0; i < CIRCLE_COUNT; i++)
		g_queue_init(&all->seen[i]);		/* the links lie in the resources */
	g_hash_table_remove_all(all->homes);
	g_hash_table_remove_all(all->by_jid);
}

void resources_free(struct resources *all)
{
	g_hash_table_unref(all->homes);
	g_hash_table_unref(all->by_jid);
	g_free(all);
}

struct resource *resources_find(const struct resources *all, const char *full_jid)
{
	return g_hash_table_lookup(all->by_jid, full_jid);
}

const GPtrArray *resources_of(const struct resources *all, const char *jid)
{
	g_autofree char *key = jid_key(jid);
	const struct home *h = g_hash_table_lookup(all->homes, key);

	return h ? h->there : NULL;
}

static void forget(struct resources *all, struct resource *r)
{
	struct home *h = r->home;

	g_queue_unlink(&all->seen[r->circle], &r->link);
	g_ptr_array_remove_fast(h->there, r);
	if (!h->there->len)
		g_hash_table_remove(all->homes, h->bare);
	g_hash_table_remove(all->by_jid, r->jid);
}

static struct home *home_of(struct resources *all, const char *jid)
{
	g_autofree char *key = jid_key(jid);
	struct home *h = g_hash_table_lookup(all->homes, key);

	if (h)
		return h;
	h = g_new0(struct home, 1);
	h->bare = g_steal_pointer(&key);
	h->there = g_ptr_array_new();
	g_hash_table_insert(all->homes, h->bare, h);
	return h;
}

static struct resource *add_resource(struct resources *all, const char *full_jid)
{
	struct resource *r = g_new0(struct resource, 1);

	r->link.data = r;
	r->jid = g_strdup(full_jid);
	r->home = home_of(all, full_jid);
	g_ptr_array_add(r->home->there, r);
	g_hash_table_insert(all->by_jid, r->jid, r);
	return r;
}

struct resource *resources_see(struct resources *all, const char *full_jid, enum circle circle)
{
	struct resource *r = g_hash_table_lookup(all->by_jid, full_jid);

	if (r)
		g_queue_unlink(&all->seen[r->circle], &r->link);
	else
		r = add_resource(all, full_jid);
	r->circle = circle;
	r->seen = ++all->clock;
	g_queue_push_tail_link(&all->seen[circle], &r->link);
	if (all->seen[circle].length > max_resources[circle])
		forget(all, g_queue_peek_head(&all->seen[circle]));
	return r;
}

void resources_remove(struct resources *all, const char *full_jid)
{
	struct resource *r = resources_find(all, full_jid);

	if (r)
		forget(all, r);
}

static gboolean is_short(const char *s)
{
	return s && strlen(s) <= MAX_CAPS;
}

void resource_take_caps(struct resource *r, const struct elem *c)
{
	const char *hash = elem_attr(c, "hash"), *ver = elem_attr(c, "ver"), *node = elem_attr(c, "node");
	gboolean usable = is_short(hash) && is_short(ver) && is_short(node);

	g_free(r->hash);
	g_free(r->ver);
	g_free(r->node);
	r->hash = usable ? g_strdup(hash) : NULL;
	r->ver = usable ? g_strdup(ver) : NULL;
	r->node = usable ? g_strdup(node) : NULL;
}
