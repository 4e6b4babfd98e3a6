#include "post.h"

#include <string.h>

struct letter {
	post_fn *fn;
	void *self;
	max_align_t arg[];
};

static gboolean deliver(gpointer data)
{
	struct letter *letter = data;

	letter->fn(letter->self, letter->arg);
	return G_SOURCE_REMOVE;
}

/* g_main_context_invoke would run FN here and now while nobody owns CTX yet (the thread is starting); a source never does. */
void post_to(GMainContext *ctx, post_fn *fn, void *self, const void *arg, gsize size)
{
	struct letter *letter = g_malloc(sizeof(*letter) + size);
	GSource *source = g_idle_source_new();

	letter->fn = fn;
	letter->self = self;
	if (size)
		memcpy(letter->arg, arg, size);
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, deliver, letter, g_free);
	g_source_attach(source, ctx);
	g_source_unref(source);
}

void source_drop(GSource **source)
{
	if (*source) {
		g_source_destroy(*source);
		g_source_unref(*source);
	}
	*source = NULL;
}
