#include "xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct scope {				/* the namespaces declared on one open element */
	struct elem *elem;
	GString *text;
	GHashTable *prefixes;		/* "" is the default one */
};

struct parse {
	struct elem *root;
	GPtrArray *open;		/* struct scope */
};

static void scope_free(gpointer data)
{
	struct scope *s = data;

	g_string_free(s->text, TRUE);
	g_hash_table_unref(s->prefixes);
	g_free(s);
}

static const char *lookup(const struct parse *p, const char *prefix)
{
	for (guint i = p->open->len; i > 0; i--) {
		const struct scope *s = p->open->pdata[i - 1];
		const char *ns = g_hash_table_lookup(s->prefixes, prefix);

		if (ns)
			return ns;
	}
	return *prefix ? NULL : "";
}

static void declare(struct scope *s, const char *attr, const char *value)
{
	if (strcmp(attr, "xmlns") == 0)
		g_hash_table_insert(s->prefixes, g_strdup(""), g_strdup(value));
	else if (g_str_has_prefix(attr, "xmlns:"))
		g_hash_table_insert(s->prefixes, g_strdup(attr + strlen("xmlns:")), g_strdup(value));
}

static gboolean is_declaration(const char *attr)
{
	return strcmp(attr, "xmlns") == 0 || g_str_has_prefix(attr, "xmlns:");
}

static void on_start(GMarkupParseContext *ctx, const char *qname, const char **names, const char **values,
		     gpointer data, GError **error)
{
	struct parse *p = data;
	struct scope *s = g_new0(struct scope, 1), *outer;
	const char *colon = strchr(qname, ':'), *ns;
	g_autofree char *prefix = colon ? g_strndup(qname, (gsize)(colon - qname)) : g_strdup("");

	outer = p->open->len ? p->open->pdata[p->open->len - 1] : NULL;
	s->text = g_string_new(NULL);
	s->prefixes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (size_t i = 0; names[i]; i++)
		declare(s, names[i], values[i]);
	g_ptr_array_add(p->open, s);
	ns = lookup(p, prefix);
	if (!ns) {
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "prefix of <%s> not declared", qname);
		ns = "";
	}
	s->elem = elem_new(colon ? colon + 1 : qname, ns);
	for (size_t i = 0; names[i]; i++)
		if (!is_declaration(names[i]))
			elem_set(s->elem, names[i], values[i]);
	if (outer)
		elem_adopt(outer->elem, s->elem);
	else
		p->root = s->elem;
}

static gboolean is_blank(const char *text)
{
	return strspn(text, " \t\r\n") == strlen(text);
}

static void on_end(GMarkupParseContext *ctx, const char *qname, gpointer data, GError **error)
{
	struct parse *p = data;
	struct scope *s = p->open->pdata[p->open->len - 1];

	if (!is_blank(s->text->str))
		elem_set_text(s->elem, s->text->str);
	g_ptr_array_set_size(p->open, (gint)p->open->len - 1);
}

static void on_text(GMarkupParseContext *ctx, const char *text, gsize len, gpointer data, GError **error)
{
	struct parse *p = data;
	struct scope *s;

	if (!p->open->len)
		return;
	s = p->open->pdata[p->open->len - 1];
	g_string_append_len(s->text, text, (gssize)len);
}

struct elem *xml(const char *text)
{
	static const GMarkupParser parser = {.start_element = on_start, .end_element = on_end, .text = on_text};
	struct parse p = {.open = g_ptr_array_new_with_free_func(scope_free)};
	GMarkupParseContext *ctx = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &p, NULL);
	g_autoptr(GError) error = NULL;
	gboolean good = g_markup_parse_context_parse(ctx, text, -1, &error) &&
		g_markup_parse_context_end_parse(ctx, &error);

	g_markup_parse_context_free(ctx);
	g_ptr_array_unref(p.open);
	if (!good) {
		elem_free(p.root);
		fail_msg("the test's XML is wrong: %s\n%s", error->message, text);
		return NULL;
	}
	return p.root;
}

/* ---- comparison ---- */

struct attrs {
	const struct elem *other;
	unsigned count, wrong;
};

static void compare_attr(void *ctx, const char *name, const char *value)
{
	struct attrs *a = ctx;
	const char *actual = elem_attr(a->other, name);

	a->count++;
	if (!actual || (strcmp(value, "*") != 0 && strcmp(value, actual) != 0))
		a->wrong++;
}

static void count_attr(void *ctx, const char *name, const char *value)
{
	(*(unsigned *)ctx)++;
}

static gboolean matches(const struct elem *expected, const struct elem *actual)
{
	gboolean anything = strcmp(elem_text(expected), "*") == 0;
	struct attrs attrs = {.other = actual};
	unsigned have = 0;
	const struct elem *e, *a;

	if (!elem_is(actual, elem_name(expected), elem_ns(expected)))
		return FALSE;
	elem_each_attr(expected, compare_attr, &attrs);
	elem_each_attr(actual, count_attr, &have);
	if (attrs.wrong || (!anything && have != attrs.count))
		return FALSE;
	if (anything)
		return TRUE;
	if (strcmp(elem_text(expected), elem_text(actual)) != 0)
		return FALSE;
	e = elem_child(expected, NULL, NULL);
	a = elem_child(actual, NULL, NULL);
	while (e && a && matches(e, a)) {
		e = elem_next(e, NULL, NULL);
		a = elem_next(a, NULL, NULL);
	}
	return !e && !a;
}

gboolean elem_matches(const char *expected, const struct elem *actual)
{
	elem_auto e = xml(expected);

	return actual && matches(e, actual);
}

void assert_elem_equal_at(const char *expected, const struct elem *actual, const char *file, int line)
{
	elem_auto e = xml(expected);
	g_autofree char *want = elem_to_string(e), *got = elem_to_string(actual);

	if (actual && matches(e, actual))
		return;
	print_error("expected %s\nbut got  %s\n", want, got);
	_fail(file, line);
}
