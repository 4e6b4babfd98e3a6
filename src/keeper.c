#include "keeper.h"

#include "log.h"
#include "post.h"
#include "worker.h"

struct job {
	const char *what;
	keeper_fn *run, *done;
	void *job;
};

struct keeper {
	worker_id thread;
	gboolean started;		/* the thread: once something has been given */
	GMutex mutex;			/* of what follows */
	GCond changed;
	GQueue waiting;			/* struct job *; the first is being done */
	gboolean over, ended;		/* no more will come; the thread has nothing left */
};

static void call_done(void *self, void *arg)
{
	const struct job *j = arg;

	j->done(j->job);
}

static void *keep(void *data)
{
	struct keeper *k = data;
	struct job *j;

	g_mutex_lock(&k->mutex);
	for (;;) {
		while (!(j = g_queue_peek_head(&k->waiting)) && !k->over)
			g_cond_wait(&k->changed, &k->mutex);
		if (!j)
			break;
		g_mutex_unlock(&k->mutex);
		j->run(j->job);
		if (j->done)
			post_to(NULL, call_done, NULL, j, sizeof(*j));
		g_mutex_lock(&k->mutex);
		g_free(g_queue_pop_head(&k->waiting));
	}
	k->ended = TRUE;
	g_cond_signal(&k->changed);
	g_mutex_unlock(&k->mutex);
	return NULL;
}

struct keeper *keeper_new(void)
{
	struct keeper *k = g_new0(struct keeper, 1);

	g_mutex_init(&k->mutex);
	g_cond_init(&k->changed);
	g_queue_init(&k->waiting);
	return k;
}

void keeper_do(struct keeper *k, const char *what, keeper_fn *run, keeper_fn *done, void *job)
{
	struct job *j = g_new(struct job, 1);

	*j = (struct job){.what = what, .run = run, .done = done, .job = job};
	g_mutex_lock(&k->mutex);
	g_queue_push_tail(&k->waiting, j);
	g_cond_signal(&k->changed);
	g_mutex_unlock(&k->mutex);
	if (!k->started && !(k->started = worker_start(&k->thread, "keeper", 0, keep, k)))
		log_warn("keeper", "the %s is not written: this machine has no thread left", what);
}

/* FALSE: not by END_US. What is waited for is told. */
static gboolean await_end(struct keeper *k, gint64 end_us)
{
	gboolean ended;

	g_mutex_lock(&k->mutex);
	k->over = TRUE;
	g_cond_signal(&k->changed);
	while (!k->ended && g_cond_wait_until(&k->changed, &k->mutex, end_us))
		;
	ended = k->ended;
	for (GList *l = ended ? NULL : k->waiting.head; l; l = l->next)
		log_warn("keeper", "the %s is not written: the disk does not answer", ((struct job *)l->data)->what);
	g_mutex_unlock(&k->mutex);
	return ended;
}

gboolean keeper_free(struct keeper *k, guint limit_ms)
{
	if (!k)
		return TRUE;
	if (k->started && !await_end(k, g_get_monotonic_time() + (gint64)limit_ms * 1000)) {
		worker_leave(k->thread);
		return FALSE;
	}
	if (k->started)
		worker_join(k->thread, G_MAXUINT);
	g_mutex_clear(&k->mutex);
	g_cond_clear(&k->changed);
	g_free(k);
	return TRUE;
}
