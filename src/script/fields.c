#include "fields.h"

#include <json-glib/json-glib.h>
#include <math.h>

#include "../err.h"

enum kind { STRING, INT, DOUBLE, BOOL, LIST };

struct field {
	char *key;
	enum kind kind;
	char *string, *own;		/* own: the bytes of a user's own word; NULL: it is none */
	gint64 number;			/* INT, BOOL */
	double real;
	GPtrArray *list;
};

struct fields {
	GPtrArray *all;			/* struct field * */
};

static void field_free(gpointer data)
{
	struct field *f = data;

	g_free(f->key);
	g_free(f->string);
	g_free(f->own);
	g_clear_pointer(&f->list, g_ptr_array_unref);
	g_free(f);
}

struct fields *fields_new(void)
{
	struct fields *f = g_new0(struct fields, 1);

	f->all = g_ptr_array_new_with_free_func(field_free);
	return f;
}

void fields_free(struct fields *f)
{
	if (!f)
		return;
	g_ptr_array_unref(f->all);
	g_free(f);
}

static struct field *add(struct fields *f, const char *key, enum kind kind)
{
	struct field *new = g_new0(struct field, 1);

	new->key = g_strdup(key);
	new->kind = kind;
	g_ptr_array_add(f->all, new);
	return new;
}

void fields_add_string(struct fields *f, const char *key, const char *value)
{
	if (value)
		add(f, key, STRING)->string = g_utf8_make_valid(value, -1);
}

static void add_own(struct fields *f, const char *key, const char *value)
{
	struct field *new;

	if (!value)
		return;
	new = add(f, key, STRING);
	new->string = g_utf8_make_valid(value, -1);
	new->own = g_strdup(value);
}

void fields_add_int(struct fields *f, const char *key, gint64 value)
{
	add(f, key, INT)->number = value;
}

/* JSON has no infinity. */
void fields_add_double(struct fields *f, const char *key, double value)
{
	if (isfinite(value))
		add(f, key, DOUBLE)->real = value;
}

void fields_add_bool(struct fields *f, const char *key, gboolean value)
{
	add(f, key, BOOL)->number = value != FALSE;
}

void fields_add_list(struct fields *f, const char *key, GPtrArray *objects)
{
	g_ptr_array_set_free_func(objects, (GDestroyNotify)fields_free);
	add(f, key, LIST)->list = objects;
}

static void add_triple(struct fields *f, const char *key, char type, va_list *ap)
{
	double d;

	switch (type) {
	case 's':
		fields_add_string(f, key, va_arg(*ap, const char *));
		break;
	case 'u':
		add_own(f, key, va_arg(*ap, const char *));
		break;
	case 'i':
		fields_add_int(f, key, va_arg(*ap, gint64));
		break;
	case 'd':
		fields_add_double(f, key, va_arg(*ap, double));
		break;
	case 'p':
		d = va_arg(*ap, double);
		if (d > 0)
			fields_add_double(f, key, d);
		break;
	case 'b':
		fields_add_bool(f, key, va_arg(*ap, gboolean));
		break;
	}
}

void fields_add_all(struct fields *f, va_list *triples)
{
	const char *key;

	while ((key = va_arg(*triples, const char *)) != NULL) {
		const char *type = va_arg(*triples, const char *);

		add_triple(f, key, type[0], triples);
	}
}

void fields_add_fields(struct fields *f, const struct fields *from, const char *except)
{
	for (guint i = 0; i < from->all->len; i++) {
		const struct field *one = from->all->pdata[i];
		struct field *copy;

		if (g_str_equal(one->key, except) || one->kind == LIST)
			continue;
		copy = add(f, one->key, one->kind);
		copy->string = g_strdup(one->string);
		copy->own = g_strdup(one->own);
		copy->number = one->number;
		copy->real = one->real;
	}
}

/* ---- JSON ---- */

static JsonObject *to_object(const struct fields *f);

static JsonArray *to_array(const GPtrArray *list)
{
	JsonArray *a = json_array_new();

	for (guint i = 0; i < list->len; i++)
		json_array_add_object_element(a, to_object(list->pdata[i]));
	return a;
}

static JsonObject *to_object(const struct fields *f)
{
	JsonObject *o = json_object_new();

	for (guint i = 0; i < f->all->len; i++) {
		const struct field *one = f->all->pdata[i];

		if (one->kind == STRING)
			json_object_set_string_member(o, one->key, one->string);
		else if (one->kind == INT)
			json_object_set_int_member(o, one->key, one->number);
		else if (one->kind == DOUBLE)
			json_object_set_double_member(o, one->key, one->real);
		else if (one->kind == BOOL)
			json_object_set_boolean_member(o, one->key, one->number != 0);
		else
			json_object_set_array_member(o, one->key, to_array(one->list));
	}
	return o;
}

char *fields_write(const struct fields *f)
{
	g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);

	json_node_take_object(root, to_object(f));
	return json_to_string(root, FALSE);
}

static struct fields *from_object(JsonObject *o, gboolean deeper);

static void take_list(struct fields *f, const char *key, JsonArray *a)
{
	GPtrArray *list = g_ptr_array_new();

	for (guint i = 0; i < json_array_get_length(a); i++) {
		JsonNode *node = json_array_get_element(a, i);

		if (JSON_NODE_HOLDS_OBJECT(node))
			g_ptr_array_add(list, from_object(json_node_get_object(node), FALSE));
	}
	fields_add_list(f, key, list);
}

static void take_value(struct fields *f, const char *key, JsonNode *node)
{
	GType type = json_node_get_value_type(node);

	if (type == G_TYPE_STRING)
		fields_add_string(f, key, json_node_get_string(node));
	else if (type == G_TYPE_INT64)
		fields_add_int(f, key, json_node_get_int(node));
	else if (type == G_TYPE_DOUBLE)
		fields_add_double(f, key, json_node_get_double(node));
	else if (type == G_TYPE_BOOLEAN)
		fields_add_bool(f, key, json_node_get_boolean(node));
}

static struct fields *from_object(JsonObject *o, gboolean deeper)
{
	struct fields *f = fields_new();
	g_autoptr(GList) keys = json_object_get_members(o);

	for (GList *k = keys; k; k = k->next) {
		JsonNode *node = json_object_get_member(o, k->data);

		if (JSON_NODE_HOLDS_VALUE(node))
			take_value(f, k->data, node);
		else if (deeper && JSON_NODE_HOLDS_ARRAY(node))
			take_list(f, k->data, json_node_get_array(node));
	}
	return f;
}

struct fields *fields_read(const char *line, gsize len, GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonNode *root;

	/* Without this json-glib takes what is no UTF-8. */
	if (!g_utf8_validate_len(line, len, NULL) || !json_parser_load_from_data(parser, line, (gssize)len, NULL)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "this is no JSON");
		return NULL;
	}
	root = json_parser_get_root(parser);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "a JSON object is expected");
		return NULL;
	}
	return from_object(json_node_get_object(root), TRUE);
}

/* ---- for the reader ---- */

static const struct field *find(const struct fields *f, const char *key, enum kind kind)
{
	for (guint i = 0; i < f->all->len; i++) {
		const struct field *one = f->all->pdata[i];

		if (one->kind == kind && g_str_equal(one->key, key))
			return one;
	}
	return NULL;
}

const char *fields_string(const struct fields *f, const char *key)
{
	const struct field *one = find(f, key, STRING);

	return one ? one->string : NULL;
}

const char *fields_own(const struct fields *f, const char *key)
{
	const struct field *one = find(f, key, STRING);

	return one ? one->own : NULL;
}

gboolean fields_has(const struct fields *f, const char *key)
{
	for (guint i = 0; i < f->all->len; i++)
		if (g_str_equal(((const struct field *)f->all->pdata[i])->key, key))
			return TRUE;
	return FALSE;
}

/* 50.0 is as whole as 50: some languages write all their numbers so. Up to 2^53 a double holds what was written. */
gboolean fields_int(const struct fields *f, const char *key, gint64 *out)
{
	const struct field *one = find(f, key, INT), *real = find(f, key, DOUBLE);

	if (one)
		*out = one->number;
	else if (real && fabs(real->real) <= 0x1p53 && floor(real->real) == real->real)
		*out = (gint64)real->real;
	else
		return FALSE;
	return TRUE;
}

gboolean fields_double(const struct fields *f, const char *key, double *out)
{
	const struct field *real = find(f, key, DOUBLE), *whole = find(f, key, INT);

	if (real)
		*out = real->real;
	else if (whole)
		*out = (double)whole->number;
	return real || whole;
}

gboolean fields_bool(const struct fields *f, const char *key)
{
	const struct field *one = find(f, key, BOOL);

	return one && one->number;
}

const GPtrArray *fields_list(const struct fields *f, const char *key)
{
	const struct field *one = find(f, key, LIST);

	return one ? one->list : NULL;
}

void fields_each(const struct fields *f, void (*each)(void *ctx, const char *key, const char *value), void *ctx)
{
	char number[G_ASCII_DTOSTR_BUF_SIZE];

	for (guint i = 0; i < f->all->len; i++) {
		const struct field *one = f->all->pdata[i];

		if (one->kind == STRING) {
			each(ctx, one->key, one->string);
		} else if (one->kind == BOOL) {
			each(ctx, one->key, one->number ? "true" : "false");
		} else if (one->kind == INT) {
			g_snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, one->number);
			each(ctx, one->key, number);
		} else if (one->kind == DOUBLE) {
			each(ctx, one->key, g_ascii_formatd(number, sizeof(number), "%.15g", one->real));
		}
	}
}
