#include "contacts.h"

#include <string.h>

#include "known.h"
#include "text.h"

static const struct { const char *symbol, *words; } states[] = {
	[CONTACT_CALLABLE] = {"callable", "can be called"},
	[CONTACT_ONLINE] = {"online", "online, but no client there takes calls"},
	[CONTACT_SILENT] = {"silent", "online, but no client there tells whether it takes calls"},
	[CONTACT_OFFLINE] = {"offline", "offline"},
	[CONTACT_HIDDEN] = {"hidden", "presence not shared with us"},
};

const char *contact_state_symbol(enum contact_state state)
{
	return states[state].symbol;
}

const char *contact_state_words(enum contact_state state)
{
	return states[state].words;
}

const char *contact_called(const struct contact_row *row)
{
	return row->alias ? row->alias : row->name ? row->name : row->jid;
}

static void row_free(gpointer data)
{
	struct contact_row *row = data;

	g_free(row->jid);
	g_free(row->name);
	g_free(row->alias);
	g_free(row);
}

static void add_row(GPtrArray *rows, const char *jid, const char *name, const char *alias)
{
	struct contact_row *row = g_new0(struct contact_row, 1);

	row->jid = g_strdup(jid);
	row->name = name && *name ? g_strdup(name) : NULL;
	row->alias = g_strdup(alias);
	row->state = CONTACT_HIDDEN;
	g_ptr_array_add(rows, row);
}

/* The contacts of CONFIG by jid_key; of several names for one address the first counts. */
static GHashTable *aliases_of(const struct config *config)
{
	GHashTable *aliases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < config->contacts->len; i++) {
		struct contact *c = config->contacts->pdata[i];
		g_autofree char *key = jid_key(c->jid);

		if (!g_hash_table_contains(aliases, key))
			g_hash_table_insert(aliases, g_steal_pointer(&key), c);
	}
	return aliases;
}

GPtrArray *contacts_rows(const struct config *config, const GPtrArray *known)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
	g_autoptr(GHashTable) aliases = aliases_of(config);
	g_autoptr(GHashTable) listed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < known->len; i++) {
		const struct known *k = known->pdata[i];
		char *key = jid_key(k->jid);
		const struct contact *alias = g_hash_table_lookup(aliases, key);

		add_row(rows, k->jid, k->name, alias ? alias->name : NULL);
		g_hash_table_add(listed, key);
	}
	for (guint i = 0; i < config->contacts->len; i++) {
		const struct contact *c = config->contacts->pdata[i];

		if (g_hash_table_add(listed, jid_key(c->jid)))
			add_row(rows, c->jid, NULL, c->name);
	}
	return rows;
}

struct ranked {
	struct contact_row *row;
	char *called;			/* what orders rows of one state */
};

static void ranked_clear(gpointer data)
{
	g_free(((struct ranked *)data)->called);
}

static int by_rank(gconstpointer a, gconstpointer b)
{
	const struct ranked *x = a, *y = b;
	int order = x->row->state != y->row->state ? (x->row->state < y->row->state ? -1 : 1) : strcmp(x->called, y->called);

	return order ? order : strcmp(x->row->jid, y->row->jid);
}

void contacts_sort(GPtrArray *rows)
{
	g_autoptr(GArray) ranked = g_array_sized_new(FALSE, FALSE, sizeof(struct ranked), rows->len);

	g_array_set_clear_func(ranked, ranked_clear);
	for (guint i = 0; i < rows->len; i++) {
		struct ranked r = {.row = rows->pdata[i]};
		g_autofree char *folded = g_utf8_casefold(contact_called(r.row), -1);

		r.called = g_utf8_collate_key(folded, -1);	/* once for each, not in each comparison */
		g_array_append_val(ranked, r);
	}
	g_array_sort(ranked, by_rank);
	for (guint i = 0; i < rows->len; i++)
		rows->pdata[i] = g_array_index(ranked, struct ranked, i).row;
}
