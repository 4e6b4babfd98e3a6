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

static const char *alias_of(const struct config *config, const char *jid)
{
	for (guint i = 0; i < config->contacts->len; i++) {
		const struct contact *c = config->contacts->pdata[i];

		if (jid_same_bare(c->jid, jid))
			return c->name;
	}
	return NULL;
}

static gboolean has(const GPtrArray *rows, const char *jid)
{
	for (guint i = 0; i < rows->len; i++)
		if (jid_same_bare(((const struct contact_row *)rows->pdata[i])->jid, jid))
			return TRUE;
	return FALSE;
}

GPtrArray *contacts_rows(const struct config *config, const GPtrArray *known)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);

	for (guint i = 0; i < known->len; i++) {
		const struct known *k = known->pdata[i];

		add_row(rows, k->jid, k->name, alias_of(config, k->jid));
	}
	for (guint i = 0; i < config->contacts->len; i++) {
		const struct contact *c = config->contacts->pdata[i];

		if (!has(rows, c->jid))
			add_row(rows, c->jid, NULL, c->name);
	}
	return rows;
}

static int by_rank(gconstpointer a, gconstpointer b)
{
	const struct contact_row *x = *(const struct contact_row *const *)a, *y = *(const struct contact_row *const *)b;
	g_autofree char *called_x = g_utf8_casefold(contact_called(x), -1), *called_y = g_utf8_casefold(contact_called(y), -1);
	int order = x->state != y->state ? (x->state < y->state ? -1 : 1) : g_utf8_collate(called_x, called_y);

	return order ? order : strcmp(x->jid, y->jid);
}

void contacts_sort(GPtrArray *rows)
{
	g_ptr_array_sort(rows, by_rank);
}
