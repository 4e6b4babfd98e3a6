#include "disco.h"

#include <string.h>

#define NS_DATA "jabber:x:data"

/* The text to hash is put together with these between the parts, for they sort before anything XML can hold: "os" comes
 * before "os-x", as i;octet on the parts wants. '/' and '<' take their places at the end. */
#define SLASH "\x01"
#define END   "\x02"

static int by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the strings in order; FALSE: two are the same (5.4: ill-formed). */
static gboolean append_sorted(GString *s, GPtrArray *list)
{
	g_ptr_array_sort(list, by_text);
	for (guint i = 0; i < list->len; i++) {
		if (i && strcmp(list->pdata[i], list->pdata[i - 1]) == 0)
			return FALSE;
		g_string_append_printf(s, "%s" END, (const char *)list->pdata[i]);
	}
	return TRUE;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static char *identity_text(const struct elem *e)
{
	const char *lang = elem_attr(e, "xml:lang") ? elem_attr(e, "xml:lang") : elem_attr(e, "lang");

	return g_strdup_printf("%s" SLASH "%s" SLASH "%s" SLASH "%s", or_empty(elem_attr(e, "category")),
			       or_empty(elem_attr(e, "type")), or_empty(lang), or_empty(elem_attr(e, "name")));
}

static char *field_text(const struct elem *field)
{
	g_autoptr(GPtrArray) values = g_ptr_array_new();
	GString *s = g_string_new(or_empty(elem_attr(field, "var")));

	for (const struct elem *v = elem_child(field, "value", NULL); v; v = elem_next(v, "value", NULL))
		g_ptr_array_add(values, (gpointer)elem_text(v));
	g_ptr_array_sort(values, by_text);
	for (guint i = 0; i < values->len; i++)
		g_string_append_printf(s, END "%s", (const char *)values->pdata[i]);
	return g_string_free(s, FALSE);
}

/* The form's type, borrowed; NULL: it has none and does not count. *SOUND is FALSE when it has two different ones. */
static const char *form_type(const struct elem *form, gboolean *sound)
{
	const char *type = NULL;

	*sound = TRUE;
	for (const struct elem *f = elem_child(form, "field", NULL); f; f = elem_next(f, "field", NULL)) {
		if (g_strcmp0(elem_attr(f, "var"), "FORM_TYPE") != 0 || g_strcmp0(elem_attr(f, "type"), "hidden") != 0)
			continue;
		for (const struct elem *v = elem_child(f, "value", NULL); v; v = elem_next(v, "value", NULL)) {
			*sound = *sound && (!type || strcmp(type, elem_text(v)) == 0);
			type = elem_text(v);
		}
	}
	return type;
}

static char *form_text(const struct elem *form, const char *type)
{
	g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
	GString *s = g_string_new(type);

	for (const struct elem *f = elem_child(form, "field", NULL); f; f = elem_next(f, "field", NULL))
		if (g_strcmp0(elem_attr(f, "var"), "FORM_TYPE") != 0)
			g_ptr_array_add(fields, field_text(f));
	g_ptr_array_sort(fields, by_text);
	for (guint i = 0; i < fields->len; i++)
		g_string_append_printf(s, END "%s", (const char *)fields->pdata[i]);
	return g_string_free(s, FALSE);
}

static gboolean append_forms(GString *s, const struct elem *query)
{
	g_autoptr(GPtrArray) forms = g_ptr_array_new_with_free_func(g_free), types = g_ptr_array_new();
	g_autoptr(GString) unused = g_string_new(NULL);
	gboolean sound;

	for (const struct elem *e = elem_child(query, "x", NS_DATA); e; e = elem_next(e, "x", NS_DATA)) {
		const char *type = form_type(e, &sound);

		if (!sound)
			return FALSE;
		if (!type)
			continue;
		g_ptr_array_add(types, (gpointer)type);
		g_ptr_array_add(forms, form_text(e, type));
	}
	return append_sorted(unused, types) && append_sorted(s, forms);
}

char *disco_hash(const struct elem *query)
{
	g_autoptr(GPtrArray) identities = g_ptr_array_new_with_free_func(g_free), vars = g_ptr_array_new();
	g_autoptr(GString) s = g_string_new(NULL);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
	guint8 digest[20];
	gsize len = sizeof(digest);

	for (const struct elem *e = elem_child(query, "identity", NULL); e; e = elem_next(e, "identity", NULL))
		g_ptr_array_add(identities, identity_text(e));
	for (const struct elem *e = elem_child(query, "feature", NULL); e; e = elem_next(e, "feature", NULL))
		g_ptr_array_add(vars, (gpointer)or_empty(elem_attr(e, "var")));
	if (!append_sorted(s, identities) || !append_sorted(s, vars) || !append_forms(s, query))
		return NULL;
	if (strchr(s->str, '<'))		/* with it, one hash could stand for several lists */
		return NULL;
	g_strdelimit(s->str, SLASH, '/');
	g_strdelimit(s->str, END, '<');
	g_checksum_update(sum, (const guchar *)s->str, (gssize)s->len);
	g_checksum_get_digest(sum, digest, &len);
	return g_base64_encode(digest, len);
}

/* The text does not tell a feature from part of a form, so features can be hidden in one. */
gboolean disco_is_unambiguous(const struct elem *query)
{
	gboolean sound;

	for (const struct elem *e = elem_child(query, "x", NS_DATA); e; e = elem_next(e, "x", NS_DATA)) {
		const char *type = form_type(e, &sound);

		if (type && strcmp(type, "urn:xmpp:dataforms:softwareinfo") != 0)
			return FALSE;
	}
	return TRUE;
}
