#include "media_thread.h"

#include "log.h"
#include "net/link.h"
#include "net/wire.h"
#include "post.h"
#include "worker.h"

enum { STOP_MS = 2000 };		/* [ms] so long may a device or a disk hold it up at the end */

struct media_thread {
	worker_id thread;
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
	if (!worker_start(&t->thread, "media", 0, run_thread, t))
		g_error("this machine has no thread left for the sound");
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
	if (!worker_join(t->thread, STOP_MS)) {
		log_warn("media", "the media thread does not end, and is left behind");
		return;
	}
	g_main_loop_unref(t->loop);
	g_main_context_unref(t->ctx);
	g_free(t);
}

GMainContext *media_thread_context(struct media_thread *t)
{
	return t->ctx;
}

