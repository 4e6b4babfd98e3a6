#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "err.h"
#include "filename.h"

static void assert_name(const char *template, const char *peer, const char *expected)
{
	struct filename_values v = {.number = 7, .peer = peer, .at_s = 1795269785};
	g_autofree char *name = filename_expand(template, &v, NULL);

	assert_non_null(name);
	assert_string_equal(name, expected);
}

static void placeholders_are_replaced(void **state)
{
	assert_name("plain.wav", "a@b", "plain.wav");
	assert_name("%n.wav", "a@b", "7.wav");
	assert_name("/tmp/%p/%n-%n.wav", "a@b/r", "/tmp/a@b/7-7.wav");
	assert_name("100%%-%%n.wav", "a@b", "100%-%n.wav");
	assert_name("%t.opus", "a@b", "20261121-140305.opus");
	assert_name("", "a@b", "");
}

static void an_address_is_a_safe_file_name(void **state)
{
	assert_name("%p", "juliet@capulet.lit/balcony", "juliet@capulet.lit");
	assert_name("%p", "../../etc/passwd@evil.example", "_.");
	assert_name("%p", ".hidden@x", "_hidden@x");
	assert_name("%p", "-rf@x", "_rf@x");
	assert_name("%p", "a b;$(id)'\"`|&*?\n\x1b@x", "a_b___id__________@x");
	assert_name("%p", "J\xc3\xbcrgen@x", "J__rgen@x");
	assert_name("%p", "%n@x", "_n@x");
	assert_name("%p", "", "_");
	assert_name("%p", "@x", "_x");
}

static void an_address_is_of_bounded_length(void **state)
{
	g_autofree char *peer = g_strnfill(3000, 'a');
	struct filename_values v = {.number = 1, .peer = peer};
	g_autofree char *name = filename_expand("%p", &v, NULL);

	assert_int_equal(strlen(name), FILENAME_PEER);
}

static void what_stands_for_nothing_is_wrong_usage(void **state)
{
	static const char *const names[] = {"%", "x%", "%x.wav", "%N", "% n", "%5n", "a%%%"};
	struct filename_values v = {.number = 1, .peer = "a@b"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GError) error = NULL;

		assert_null(filename_expand(names[i], &v, &error));
		assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
		assert_non_null(strstr(error->message, names[i]));
	}
}

static void only_a_file_has_placeholders(void **state)
{
	static const char *const specs[][2] = {
		{"default", "default"}, {"-", "-"}, {"null", "null"}, {"device:50% off", "device:50% off"},
		{"%n.wav", "file:3.wav"}, {"file:%n.wav", "file:3.wav"}};
	struct filename_values v = {.number = 3, .peer = "a@b"};

	for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
		g_autofree char *spec = filename_expand_spec(specs[i][0], &v, NULL);

		assert_string_equal(spec, specs[i][1]);
	}
	assert_null(filename_expand_spec("%x.wav", &v, NULL));
}

static int set_zone(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_are_replaced),
		cmocka_unit_test(an_address_is_a_safe_file_name),
		cmocka_unit_test(an_address_is_of_bounded_length),
		cmocka_unit_test(what_stands_for_nothing_is_wrong_usage),
		cmocka_unit_test(only_a_file_has_placeholders),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
