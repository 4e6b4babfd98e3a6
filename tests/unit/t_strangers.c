#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "strangers.h"

enum { HOUR_MS = 3600 * 1000, START_MS = 5 };

static gboolean rings(struct strangers *s, guint who, gint64 now_ms)
{
	g_autofree char *jid = g_strdup_printf("m%u@evil.test/x%d", who, (int)(now_ms % 7));

	return strangers_may_ring(s, jid, now_ms);
}

static void one_stranger_rings_three_times_an_hour(void **state)
{
	struct strangers *s = strangers_new();

	for (int i = 0; i < 3; i++)
		assert_true(rings(s, 1, START_MS + i));
	assert_false(rings(s, 1, START_MS + 3));
	assert_false(rings(s, 1, START_MS + HOUR_MS - 1));
	assert_true(rings(s, 2, START_MS + HOUR_MS - 1));
	assert_true(rings(s, 1, START_MS + HOUR_MS));
	assert_false(rings(s, 1, START_MS + HOUR_MS));
	strangers_free(s);
}

static void all_strangers_together_ring_ten_times_an_hour(void **state)
{
	struct strangers *s = strangers_new();

	for (guint i = 0; i < 10; i++)
		assert_true(rings(s, i, START_MS + i));
	for (guint i = 0; i < 1000; i++)
		assert_false(rings(s, i, START_MS + 10));
	assert_true(rings(s, 77, START_MS + HOUR_MS));
	assert_false(rings(s, 78, START_MS + HOUR_MS));
	strangers_free(s);
}

static void the_same_stranger_is_known_by_any_device_and_in_either_case(void **state)
{
	struct strangers *s = strangers_new();

	assert_true(strangers_may_ring(s, "Mallory@evil.test/a", START_MS));
	assert_true(strangers_may_ring(s, "mallory@Evil.test/b", START_MS));
	assert_true(strangers_may_ring(s, "mallory@evil.test", START_MS));
	assert_false(strangers_may_ring(s, "mallory@evil.test/d", START_MS));
	strangers_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_stranger_rings_three_times_an_hour),
		cmocka_unit_test(all_strangers_together_ring_ten_times_an_hour),
		cmocka_unit_test(the_same_stranger_is_known_by_any_device_and_in_either_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
