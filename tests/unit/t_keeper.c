#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keeper.h"
#include "loop.h"

static struct keeper *k;
static GString *order;			/* of the thread's jobs; read once it has none */
static GMutex gate;			/* a disk that does not answer */
static guint done;

static int set_up(void **state)
{
	k = keeper_new();
	order = g_string_new(NULL);
	done = 0;
	return 0;
}

static int tear_down(void **state)
{
	g_string_free(order, TRUE);
	return 0;
}

static void run(void *job)
{
	g_string_append_c(order, (char)GPOINTER_TO_INT(job));
}

static void run_behind_the_gate(void *job)
{
	g_mutex_lock(&gate);
	run(job);
	g_mutex_unlock(&gate);
}

static void on_done(void *job)
{
	assert_true(g_main_context_is_owner(g_main_context_default()));
	assert_int_equal(GPOINTER_TO_INT(job), 'a' + (int)done);
	done++;
}

static void jobs_are_done_in_order_and_told_to_main(void **state)
{
	for (int i = 'a'; i <= 'z'; i++)
		keeper_do(k, "list", run, on_done, GINT_TO_POINTER(i));
	loop_until(done == 26);
	assert_true(keeper_free(k, 30000));
	assert_string_equal(order->str, "abcdefghijklmnopqrstuvwxyz");
}

static void the_giver_does_not_wait_but_the_end_does(void **state)
{
	g_mutex_lock(&gate);
	for (int i = 'a'; i <= 'e'; i++)
		keeper_do(k, "list", run_behind_the_gate, NULL, GINT_TO_POINTER(i));
	assert_int_equal(order->len, 0);
	g_mutex_unlock(&gate);
	assert_true(keeper_free(k, 30000));
	assert_string_equal(order->str, "abcde");
}

static void a_disk_that_does_not_answer_is_left_behind(void **state)
{
	g_mutex_lock(&gate);
	keeper_do(k, "list of calls", run_behind_the_gate, NULL, GINT_TO_POINTER('a'));
	assert_false(keeper_free(k, 50));
	g_mutex_unlock(&gate);
	loop_until(order->len == 1);		/* it still does what it has, should it come to it */
}

static void without_a_job_it_ends_at_once(void **state)
{
	assert_true(keeper_free(k, 0));
	assert_true(keeper_free(NULL, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(jobs_are_done_in_order_and_told_to_main),
		TEST(the_giver_does_not_wait_but_the_end_does),
		TEST(without_a_job_it_ends_at_once),
		TEST(a_disk_that_does_not_answer_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
