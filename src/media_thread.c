#include "media_thread.h"

#include "net/link.h"
#include "net/wire.h"
#include "post.h"

struct media_thread {
	GThread *thread;
	GMainContext *ctx;
	GMainLoop *loop;
};

/* What the libraries need once is spent here, while the other thread logs in. */
static gpointer run_thread(gpointer data)
{
	struct media_thread *t = data;

	g_main_context_push_thread_default(t->ctx);
	wire_warm_up();
	ice_warm_up();
	g_main_loop_run(t->loop);
	g_main_context_pop_thread_default(t->ctx);
	return NULL;
}

struct media_thread *media_thread_new(void)
{
	struct media_thread *t = g_new0(struct media_thread, 1);

	t->ctx = g_main_context_new();
	t->loop = g_main_loop_new(t->ctx, FALSE);
	t->thread = g_thread_new("media", run_thread, t);
	return t;
}

static void quit_thread(void *self, void *arg)
{
	struct media_thread *t = self;

	g_main_loop_quit(t->loop);
}

void media_thread_free(struct media_thread *t)
{
	if (!t)
		return;
	post_to(t->ctx, quit_thread, t, NULL, 0);
	g_thread_join(t->thread);
	g_main_loop_unref(t->loop);
	g_main_context_unref(t->ctx);
	g_free(t);
}

GMainContext *media_thread_context(struct media_thread *t)
{
	return t->ctx;
}

