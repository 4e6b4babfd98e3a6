#include "cond.h"

#include <string.h>

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static const struct {
	const char *type, *condition, *app, *app_ns;
} table[] = {
#define COND(symbol, t, c, a, ns) [COND_##symbol] = {.type = t, .condition = c, .app = a, .app_ns = ns},
#include "cond.def"
#undef COND
};

void cond_write(struct elem *iq, enum iq_cond cond)
{
	struct elem *error = elem_add(iq, "error", NULL);

	elem_set(error, "type", table[cond].type);
	elem_add(error, table[cond].condition, NS_STANZAS);
	if (table[cond].app)
		elem_add(error, table[cond].app, table[cond].app_ns);
}

/* The application's own element says more than the plain condition beside it, on which clients do not agree. */
static enum iq_cond find_app(const struct elem *error)
{
	for (int i = 0; i < COND_COUNT; i++)
		if (table[i].app && elem_child(error, table[i].app, table[i].app_ns))
			return (enum iq_cond)i;
	return COND_COUNT;
}

static enum iq_cond find_plain(const char *condition)
{
	for (int i = 0; i < COND_COUNT; i++)
		if (table[i].condition && !table[i].app && strcmp(table[i].condition, condition) == 0)
			return (enum iq_cond)i;
	return COND_UNDEFINED;
}

enum iq_cond cond_read(const struct elem *iq)
{
	const char *type = elem_attr(iq, "type");
	const struct elem *error = elem_child(iq, "error", NULL), *c;
	enum iq_cond app;

	if (type && strcmp(type, "result") == 0)
		return COND_OK;
	app = find_app(error);
	if (app != COND_COUNT)
		return app;
	for (c = elem_child(error, NULL, NS_STANZAS); c; c = elem_next(c, NULL, NS_STANZAS))
		if (strcmp(elem_name(c), "text") != 0)
			return find_plain(elem_name(c));
	return COND_UNDEFINED;
}

const char *cond_words(enum iq_cond cond)
{
	if (cond == COND_OK)
		return "done";
	if (cond == COND_TOO_LARGE)
		return "the answer is larger than jcall takes";
	if (cond == COND_TIMEOUT)
		return "no answer";
	if (cond == COND_DISCONNECTED)
		return "the connection went away";
	return table[cond].app ? table[cond].app : table[cond].condition;
}
