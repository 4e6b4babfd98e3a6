#include "file_app.h"

#include <string.h>

#include "text.h"

static gboolean match(const struct elem *description)
{
	return elem_child(description, "file", NS_FILE) != NULL;
}

static struct elem *describe(const char *name, guint64 size)
{
	struct elem *d = elem_new("description", NS_FILE), *file = elem_add(d, "file", NULL);
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, size);

	elem_set_text(elem_add(file, "name", NULL), name);
	elem_set_text(elem_add(file, "size", NULL), text);
	return d;
}

static struct elem *offer(void *self)
{
	struct file_app *f = self;

	return describe(f->name, f->size);
}

static enum jc_err answer(void *self, const struct elem *theirs)
{
	const struct elem *file = elem_child(theirs, "file", NS_FILE);
	struct file_app *f = self;

	if (!text_uint(elem_text(elem_child(file, "size", NULL)), 0, f->most, &f->got_size))
		return JC_NO_CODEC;
	g_free(f->got_name);
	f->got_name = g_strdup(elem_text(elem_child(file, "name", NULL)));
	return JC_OK;
}

static struct elem *reply(void *self)
{
	struct file_app *f = self;
	struct elem *d = describe(f->got_name, f->got_size);

	elem_add((struct elem *)elem_child(d, "file", NS_FILE), "range", NULL);
	return d;
}

static enum jc_err agree(void *self, const struct elem *theirs)
{
	struct file_app *f = self;

	f->range = elem_child(elem_child(theirs, "file", NS_FILE), "range", NULL) != NULL;
	return JC_OK;
}

static enum iq_cond description_info(void *self, const struct elem *theirs)
{
	return COND_OK;
}

static enum iq_cond session_info(void *self, const struct elem *payload)
{
	if (!elem_is(payload, "received", NS_FILE))
		return COND_UNSUPPORTED_INFO;
	((struct file_app *)self)->received = TRUE;
	return COND_OK;
}

const struct jingle_app file_app = {.ns = NS_FILE, .name = "file", .match = match, .offer = offer, .answer = answer, .reply = reply, .agree = agree,
				    .description_info = description_info, .session_info = session_info};
