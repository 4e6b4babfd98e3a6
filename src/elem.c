#include "elem.h"

#include <stdarg.h>
#include <string.h>

struct attr {
	char *name, *value;
	struct attr *next;
};

struct elem {
	char *name, *ns, *text;
	struct attr *attrs, *last_attr;
	struct elem *child, *last, *next;
};

struct elem *elem_new(const char *name, const char *ns)
{
	struct elem *e = g_new0(struct elem, 1);

	e->name = g_strdup(name);
	e->ns = g_strdup(ns ? ns : "");
	return e;
}

struct elem *elem_adopt(struct elem *parent, struct elem *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->child = child;
	parent->last = child;
	return child;
}

struct elem *elem_add(struct elem *parent, const char *name, const char *ns)
{
	return elem_adopt(parent, elem_new(name, ns ? ns : parent->ns));
}

static void attr_free(struct attr *a)
{
	g_free(a->name);
	g_free(a->value);
	g_free(a);
}

static void remove_attr(struct elem *e, const char *name)
{
	struct attr **link = &e->attrs, *last = NULL;

	while (*link) {
		struct attr *a = *link;

		if (strcmp(a->name, name) == 0) {
			*link = a->next;
			attr_free(a);
		} else {
			last = a;
			link = &a->next;
		}
	}
	e->last_attr = last;
}

void elem_set(struct elem *e, const char *attr, const char *value)
{
	struct attr *a;

	for (a = e->attrs; a; a = a->next)
		if (strcmp(a->name, attr) == 0)
			break;
	if (!value) {
		if (a)
			remove_attr(e, attr);
		return;
	}
	if (a) {
		g_free(a->value);
		a->value = g_strdup(value);
		return;
	}
	a = g_new0(struct attr, 1);
	a->name = g_strdup(attr);
	a->value = g_strdup(value);
	if (e->last_attr)
		e->last_attr->next = a;
	else
		e->attrs = a;
	e->last_attr = a;
}

void elem_setf(struct elem *e, const char *attr, const char *format, ...)
{
	g_autofree char *value = NULL;
	va_list ap;

	va_start(ap, format);
	value = g_strdup_vprintf(format, ap);
	va_end(ap);
	elem_set(e, attr, value);
}

void elem_set_text(struct elem *e, const char *text)
{
	g_free(e->text);
	e->text = g_strdup(text);
}

static void copy_attr(void *ctx, const char *name, const char *value)
{
	elem_set(ctx, name, value);
}

/* Depth is bounded where a tree is built from the network (xmpp/stanza.c), so recursion is safe here. */
struct elem *elem_copy(const struct elem *e)
{
	struct elem *copy;

	if (!e)
		return NULL;
	copy = elem_new(e->name, e->ns);
	copy->text = g_strdup(e->text);
	elem_each_attr(e, copy_attr, copy);
	for (const struct elem *c = e->child; c; c = c->next)
		elem_adopt(copy, elem_copy(c));
	return copy;
}

void elem_free(struct elem *e)
{
	if (!e)
		return;
	for (struct elem *c = e->child, *next; c; c = next) {
		next = c->next;
		elem_free(c);
	}
	for (struct attr *a = e->attrs, *next; a; a = next) {
		next = a->next;
		attr_free(a);
	}
	g_free(e->name);
	g_free(e->ns);
	g_free(e->text);
	g_free(e);
}

void elem_cleanup(struct elem **e)
{
	elem_free(*e);
}

struct elem *elem_steal(struct elem **e)
{
	struct elem *stolen = *e;

	*e = NULL;
	return stolen;
}

const char *elem_name(const struct elem *e)
{
	return e ? e->name : NULL;
}

const char *elem_ns(const struct elem *e)
{
	return e ? e->ns : NULL;
}

const char *elem_attr(const struct elem *e, const char *attr)
{
	for (const struct attr *a = e ? e->attrs : NULL; a; a = a->next)
		if (strcmp(a->name, attr) == 0)
			return a->value;
	return NULL;
}

const char *elem_text(const struct elem *e)
{
	if (!e)
		return NULL;
	return e->text ? e->text : "";
}

gboolean elem_is(const struct elem *e, const char *name, const char *ns)
{
	return e && (!name || strcmp(e->name, name) == 0) && (!ns || strcmp(e->ns, ns) == 0);
}

static const struct elem *find(const struct elem *e, const char *name, const char *ns)
{
	while (e && !elem_is(e, name, ns))
		e = e->next;
	return e;
}

const struct elem *elem_child(const struct elem *e, const char *name, const char *ns)
{
	return e ? find(e->child, name, ns) : NULL;
}

const struct elem *elem_next(const struct elem *sibling, const char *name, const char *ns)
{
	return sibling ? find(sibling->next, name, ns) : NULL;
}

void elem_each_attr(const struct elem *e, void (*each)(void *ctx, const char *name, const char *value), void *ctx)
{
	for (const struct attr *a = e->attrs; a; a = a->next)
		each(ctx, a->name, a->value);
}

static void write_elem(GString *out, const struct elem *e, const char *outer_ns)
{
	g_string_append_printf(out, "<%s", e->name);
	if (strcmp(e->ns, outer_ns) != 0) {
		g_autofree char *ns = g_markup_escape_text(e->ns, -1);
		g_string_append_printf(out, " xmlns='%s'", ns);
	}
	for (const struct attr *a = e->attrs; a; a = a->next) {
		g_autofree char *value = g_markup_escape_text(a->value, -1);
		g_string_append_printf(out, " %s='%s'", a->name, value);
	}
	if (!e->child && !e->text) {
		g_string_append(out, "/>");
		return;
	}
	g_string_append_c(out, '>');
	if (e->text) {
		g_autofree char *text = g_markup_escape_text(e->text, -1);
		g_string_append(out, text);
	}
	for (const struct elem *c = e->child; c; c = c->next)
		write_elem(out, c, e->ns);
	g_string_append_printf(out, "</%s>", e->name);
}

char *elem_to_string(const struct elem *e)
{
	GString *out = g_string_new(NULL);

	if (e)
		write_elem(out, e, "");
	return g_string_free(out, FALSE);
}
