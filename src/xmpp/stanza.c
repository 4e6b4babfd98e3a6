#include "stanza.h"

#include <string.h>
#include <strophe.h>

#include "../random.h"
#include "../jid.h"
#include "../text.h"

struct bounds {
	unsigned elements, max_elements;
	size_t bytes, max_bytes;
	const char *why;
};

static const struct bounds bounds_of[] = {
	[STANZA_OF_ANYBODY] = {.max_elements = STANZA_MAX_ELEMENTS, .max_bytes = STANZA_MAX_BYTES},
	[STANZA_OF_OUR_SERVER] = {.max_elements = ANSWER_MAX_ELEMENTS, .max_bytes = ANSWER_MAX_BYTES},
};

static gboolean count(struct bounds *b, const char *text)
{
	b->bytes += text ? strlen(text) : 0;
	if (b->bytes > b->max_bytes)
		b->why = "it is too large";
	return b->why == NULL;
}

/* Addresses get the one form in which they are compared. What is none stays as it is, for who reads it to refuse. */
static void set_prepared(struct elem *e, const char *name, const char *value)
{
	static const char *const of_addresses[] = {"from", "to", "jid", "initiator", "responder", NULL};
	g_autofree char *jid = g_strv_contains(of_addresses, name) ? jid_prepare(value) : NULL;

	elem_set(e, name, jid ? jid : value);
}

static gboolean copy_attributes(struct elem *e, xmpp_stanza_t *stanza, struct bounds *b)
{
	const char *pairs[2 * STANZA_MAX_ATTRIBUTES];
	int n;

	if (xmpp_stanza_get_attribute_count(stanza) > STANZA_MAX_ATTRIBUTES) {
		b->why = "an element has too many attributes";
		return FALSE;
	}
	n = xmpp_stanza_get_attributes(stanza, pairs, G_N_ELEMENTS(pairs));
	for (int i = 0; i + 1 < n; i += 2) {
		if (!count(b, pairs[i]) || !count(b, pairs[i + 1]))
			return FALSE;
		if (strcmp(pairs[i], "xmlns") != 0)
			set_prepared(e, pairs[i], pairs[i + 1]);
	}
	return TRUE;
}

static struct elem *convert(xmpp_stanza_t *stanza, const char *outer_ns, unsigned depth, struct bounds *b);

/* The children of STANZA become those of E. FALSE: a bound was passed. */
static gboolean convert_children(struct elem *e, xmpp_stanza_t *stanza, const char *ns, unsigned depth, struct bounds *b)
{
	g_autoptr(GString) all = g_string_new(NULL);		/* text comes in pieces: put together once, not piece by piece */

	for (xmpp_stanza_t *c = xmpp_stanza_get_children(stanza); c && !b->why; c = xmpp_stanza_get_next(c)) {
		struct elem *child;

		if (xmpp_stanza_is_text(c)) {
			const char *text = xmpp_stanza_get_text_ptr(c);

			if (count(b, text) && text)
				g_string_append(all, text);
		} else if ((child = convert(c, ns, depth + 1, b)) != NULL) {
			elem_adopt(e, child);
		}
	}
	if (all->len)
		elem_set_text(e, all->str);
	return b->why == NULL;
}

static struct elem *convert(xmpp_stanza_t *stanza, const char *outer_ns, unsigned depth, struct bounds *b)
{
	const char *name = xmpp_stanza_get_name(stanza), *ns = xmpp_stanza_get_ns(stanza);
	struct elem *e;

	if (depth > STANZA_MAX_DEPTH)
		b->why = "it is nested too deep";
	else if (++b->elements > b->max_elements)
		b->why = "it has too many elements";
	if (b->why || !name || !count(b, name) || !count(b, ns))
		return NULL;
	if (!ns)
		ns = outer_ns;
	e = elem_new(name, ns);
	if (copy_attributes(e, stanza, b) && convert_children(e, stanza, ns, depth, b))
		return e;
	elem_free(e);
	return NULL;
}

enum stanza_of stanza_source(struct _xmpp_stanza_t *stanza, const char *full_jid)
{
	const char *from = xmpp_stanza_get_from(stanza), *at = strchr(full_jid, '@');
	g_autofree char *bare = jid_bare(full_jid);

	if (g_strcmp0(xmpp_stanza_get_name(stanza), "iq") != 0 || g_strcmp0(xmpp_stanza_get_type(stanza), "result") != 0)
		return STANZA_OF_ANYBODY;
	if (!from || strcmp(from, bare) == 0 || strcmp(from, full_jid) == 0 || (at && strcmp(from, bare + (at + 1 - full_jid)) == 0))
		return STANZA_OF_OUR_SERVER;
	return STANZA_OF_ANYBODY;
}

struct elem *elem_from_stanza(struct _xmpp_stanza_t *stanza, enum stanza_of of, const char **why)
{
	struct bounds b = bounds_of[of];
	struct elem *e = convert(stanza, "", 1, &b);

	*why = b.why;
	return e;
}

struct elem *elem_head_of(struct _xmpp_stanza_t *stanza)
{
	struct bounds b = bounds_of[STANZA_OF_ANYBODY];
	struct elem *e;

	if (g_strcmp0(xmpp_stanza_get_name(stanza), "iq") != 0)
		return NULL;
	e = elem_new("iq", "jabber:client");
	if (copy_attributes(e, stanza, &b))
		return e;
	elem_free(e);
	return NULL;
}

static void set_attribute(void *ctx, const char *name, const char *value)
{
	xmpp_stanza_set_attribute(ctx, name, value);
}

struct _xmpp_stanza_t *elem_to_stanza(struct _xmpp_ctx_t *ctx, const struct elem *e)
{
	xmpp_stanza_t *stanza = xmpp_stanza_new(ctx);

	xmpp_stanza_set_name(stanza, elem_name(e));
	if (*elem_ns(e))
		xmpp_stanza_set_ns(stanza, elem_ns(e));
	elem_each_attr(e, set_attribute, stanza);
	if (*elem_text(e)) {
		xmpp_stanza_t *text = xmpp_stanza_new(ctx);

		xmpp_stanza_set_text(text, elem_text(e));
		xmpp_stanza_add_child(stanza, text);
		xmpp_stanza_release(text);
	}
	for (const struct elem *c = elem_child(e, NULL, NULL); c; c = elem_next(c, NULL, NULL)) {
		xmpp_stanza_t *child = elem_to_stanza(ctx, c);

		xmpp_stanza_add_child(stanza, child);
		xmpp_stanza_release(child);
	}
	return stanza;
}

struct _xmpp_stanza_t *stanza_ping(struct _xmpp_ctx_t *ctx)
{
	elem_auto iq = elem_new("iq", "jabber:client");
	g_autofree char *id = random_uuid();

	elem_set(iq, "type", "get");
	elem_set(iq, "id", id);
	elem_add(iq, "ping", "urn:xmpp:ping");
	return elem_to_stanza(ctx, iq);
}

struct elem *elem_parse(const char *xml)
{
	xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
	xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(ctx, xml);
	struct elem *e = NULL;
	const char *why;

	if (stanza) {
		e = elem_from_stanza(stanza, STANZA_OF_ANYBODY, &why);
		xmpp_stanza_release(stanza);
	}
	xmpp_ctx_free(ctx);
	return e;
}
