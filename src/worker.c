#include "worker.h"

#include <time.h>

static gint running;			/* of the whole process, as the threads are */

struct start {
	const char *name;
	gpointer (*run)(gpointer);
	gpointer data;
};

static void *run_counted(void *arg)
{
	struct start start = *(struct start *)arg;

	g_free(arg);
	pthread_setname_np(pthread_self(), start.name);
	start.run(start.data);
	g_atomic_int_add(&running, -1);
	return NULL;
}

gboolean worker_start(worker_id *id, const char *name, gsize stack, gpointer (*run)(gpointer), gpointer data)
{
	struct start *start = g_new(struct start, 1);
	pthread_attr_t attr;
	gboolean ok;

	*start = (struct start){.name = name, .run = run, .data = data};
	g_atomic_int_inc(&running);		/* before it runs, so that nobody misses it */
	pthread_attr_init(&attr);
	ok = (!stack || pthread_attr_setstacksize(&attr, stack) == 0) && pthread_create(id, &attr, run_counted, start) == 0;
	pthread_attr_destroy(&attr);
	if (!ok) {
		g_atomic_int_add(&running, -1);
		g_free(start);
	}
	return ok;
}

gboolean worker_join(worker_id id, guint ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_clockjoin_np(id, NULL, CLOCK_MONOTONIC, &until) == 0)
		return TRUE;
	pthread_detach(id);
	return FALSE;
}

void worker_leave(worker_id id)
{
	pthread_detach(id);
}

void worker_count(gboolean begins)
{
	g_atomic_int_add(&running, begins ? 1 : -1);
}

guint workers_running(void)
{
	return (guint)g_atomic_int_get(&running);
}
