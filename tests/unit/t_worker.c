#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib.h>

#include "process.h"
#include "worker.h"

enum { LONG_MS = 60000, STACK = 64 << 20 };

/* A door that a thread waits at. */
struct door {
	GMutex lock;
	GCond opened;
	gboolean open;
};

static gpointer wait_at(gpointer data)
{
	struct door *d = data;

	g_mutex_lock(&d->lock);
	while (!d->open)
		g_cond_wait(&d->opened, &d->lock);
	g_mutex_unlock(&d->lock);
	return NULL;
}

static void open_door(struct door *d)
{
	g_mutex_lock(&d->lock);
	d->open = TRUE;
	g_cond_broadcast(&d->opened);
	g_mutex_unlock(&d->lock);
}

static void wait_until_all_have_ended(void)
{
	gint64 until = g_get_monotonic_time() + LONG_MS * 1000;

	while (workers_running() && g_get_monotonic_time() < until)
		g_usleep(1000);
	assert_int_equal(workers_running(), 0);
}

static void a_thread_counts_from_its_start_to_its_end(void **state)
{
	struct door door = {0};
	worker_id id, other;

	assert_true(worker_start(&id, "door", 0, wait_at, &door));
	assert_int_equal(workers_running(), 1);
	assert_true(worker_start(&other, "door", STACK, wait_at, &door));
	assert_int_equal(workers_running(), 2);
	open_door(&door);
	assert_true(worker_join(id, LONG_MS));
	assert_true(worker_join(other, LONG_MS));
	assert_int_equal(workers_running(), 0);
}

static void a_thread_that_does_not_end_is_left_behind(void **state)
{
	struct door door = {0};
	worker_id id;

	assert_true(worker_start(&id, "door", 0, wait_at, &door));
	assert_false(worker_join(id, 20));
	assert_int_equal(workers_running(), 1);
	open_door(&door);
	wait_until_all_have_ended();
}

static void a_thread_that_nobody_waits_for_counts_too(void **state)
{
	struct door door = {0};
	worker_id id;

	assert_true(worker_start(&id, "door", 0, wait_at, &door));
	worker_leave(id);
	assert_int_equal(workers_running(), 1);
	open_door(&door);
	wait_until_all_have_ended();
}

static void a_stack_that_cannot_be_had_is_told_and_not_counted(void **state)
{
	struct door door = {0};
	worker_id id;

	assert_false(worker_start(&id, "door", 1, wait_at, &door));	/* less than the system allows */
	assert_int_equal(workers_running(), 0);
}

/* ---- the end of the process, in a child ---- */

enum { STATUS = 21, TORN_DOWN = 99 };

/* What a library's tear-down at exit would do to a thread that still uses it. */
static void tear_down(void)
{
	_exit(TORN_DOWN);
}

static int end_of_child(gboolean with_thread)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct door door = {0};
		worker_id id;

		atexit(tear_down);
		if (with_thread && worker_start(&id, "door", 0, wait_at, &door))
			worker_leave(id);
		exit(process_end(STATUS));
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void nothing_is_torn_down_under_a_thread_that_is_left_behind(void **state)
{
	assert_int_equal(end_of_child(TRUE), STATUS);
}

static void without_one_the_process_ends_as_any_other(void **state)
{
	assert_int_equal(end_of_child(FALSE), TORN_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_counts_from_its_start_to_its_end),
		cmocka_unit_test(a_thread_that_does_not_end_is_left_behind),
		cmocka_unit_test(a_thread_that_nobody_waits_for_counts_too),
		cmocka_unit_test(a_stack_that_cannot_be_had_is_told_and_not_counted),
		cmocka_unit_test(nothing_is_torn_down_under_a_thread_that_is_left_behind),
		cmocka_unit_test(without_one_the_process_ends_as_any_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
