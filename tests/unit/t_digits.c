/* Touch tones that come both in the media and by signalling are told once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "digits.h"

/* Each: m or s (the way) and the digit; a blank lets 100 ms pass, a dot 2.1 s. */
static void assert_told(const char *coming, const char *expected)
{
	struct digits d = {.count = 0};
	g_autoptr(GString) told = g_string_new(NULL);
	gint64 now_ms = 1000;

	for (const char *p = coming; *p; p++) {
		if (*p == ' ' || *p == '.') {
			now_ms += *p == '.' ? 2100 : 100;
			continue;
		}
		if (digits_come(&d, p[1], *p == 'm' ? DIGIT_MEDIA : DIGIT_SIGNALLED, now_ms))
			g_string_append_c(told, p[1]);
		p++;
	}
	assert_string_equal(told->str, expected);
}

static void one_way_alone_has_no_doubles(void **state)
{
	assert_told("m5m5 m5", "555");
	assert_told("s5s5 s1", "551");
}

static void the_same_by_the_other_way_is_a_double(void **state)
{
	assert_told("m5 s5", "5");
	assert_told("s5 m5", "5");
	assert_told("m5 s5 m5 s5", "55");
	assert_told("m5 m5 s5 s5", "55");		/* a slow server */
	assert_told("m1m2m3 s1s2s3 m1 s1", "1231");
	assert_told("m5 s5 s5", "55");
}

static void what_comes_much_later_or_is_another_is_told(void **state)
{
	assert_told("m5.s5", "55");
	assert_told("m5 s6", "56");
	assert_told("m5                    s5", "5");	/* 2 s */
}

static void however_many_come_the_last_are_known(void **state)
{
	g_autoptr(GString) coming = g_string_new(NULL);

	for (int i = 0; i < 3 * DIGITS_KEPT; i++)
		g_string_append(coming, "m1");
	g_string_append(coming, "m2s2");
	for (int i = 0; i < 3 * DIGITS_KEPT; i++)
		g_string_append_c(coming, ' ');
	{
		g_autofree char *ones = g_strnfill(3 * DIGITS_KEPT, '1'), *expected = g_strconcat(ones, "2", NULL);

		assert_told(coming->str, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_way_alone_has_no_doubles),
		cmocka_unit_test(the_same_by_the_other_way_is_a_double),
		cmocka_unit_test(what_comes_much_later_or_is_another_is_told),
		cmocka_unit_test(however_many_come_the_last_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
