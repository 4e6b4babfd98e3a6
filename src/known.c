#include "known.h"

#include <string.h>

#include "jid.h"
#include "state.h"
#include "text.h"

#define ENDING ".contacts"
#define WHAT "list of contacts"

enum { MAX_TEXT = STATE_MAX_BYTES - 8 * 1024 };	/* [bytes] a line of the longest address and name goes over it */

static void known_free(gpointer data)
{
	struct known *k = data;

	g_free(k->jid);
	g_free(k->name);
	g_free(k);
}

GPtrArray *known_new(void)
{
	return g_ptr_array_new_with_free_func(known_free);
}

void known_add(GPtrArray *people, const char *jid, const char *name)
{
	g_autofree char *bare = jid_bare(jid), *prepared = jid_prepare(bare);
	struct known *k;

	if (people->len >= KNOWN_MAX || !prepared)
		return;
	k = g_new0(struct known, 1);
	k->jid = g_steal_pointer(&prepared);
	k->name = text_clean(name, TEXT_SHORT);
	g_ptr_array_add(people, k);
}

static void read_line(GPtrArray *people, char *line)
{
	char *tab = strchr(line, '\t');

	if (!tab)
		return;
	*tab = '\0';
	known_add(people, line, tab + 1);
}

GPtrArray *known_load(const char *jid)
{
	g_autofree char *path = state_path(jid, ENDING);
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;
	GPtrArray *people = known_new();

	if (!state_read(path, WHAT, text, NULL))
		return people;
	lines = g_strsplit(text->str, "\n", -1);
	for (char **line = lines; *line; line++)
		read_line(people, *line);
	return people;
}

static int by_jid(gconstpointer a, gconstpointer b)
{
	const struct known *const *x = a, *const *y = b;

	return strcmp((*x)->jid, (*y)->jid);
}

gboolean known_keep(const char *jid, GPtrArray *people, GError **error)
{
	g_autofree char *path = state_path(jid, ENDING);
	g_autoptr(GString) text = g_string_new(NULL), there = g_string_new(NULL);

	g_ptr_array_sort(people, by_jid);
	for (guint i = 0; i < people->len && text->len < MAX_TEXT; i++) {
		const struct known *k = people->pdata[i];

		g_string_append_printf(text, "%s\t%s\n", k->jid, k->name);
	}
	if (state_read(path, WHAT, there, NULL) && g_string_equal(text, there))
		return TRUE;
	return state_write(path, WHAT, text->str, error);
}
