#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "script/fields.h"

static struct fields *read_line(const char *line)
{
	return fields_read(line, strlen(line), NULL);
}

/* What LINE becomes when it is read and written again. */
static char *again(const char *line)
{
	struct fields *f = read_line(line);
	char *out = f ? fields_write(f) : NULL;

	fields_free(f);
	return out;
}

static void what_is_written_is_read_again(void **state)
{
	struct fields *f = fields_new(), *g;
	g_autofree char *line = NULL;
	GPtrArray *list = g_ptr_array_new();
	gint64 n = 0;
	double d = 0;

	g_ptr_array_add(list, fields_new());
	fields_add_int(list->pdata[0], "call", 1);
	fields_add_string(f, "text", "a \"b\" \\ \n\t\x01 é ♫ / </x>");
	fields_add_string(f, "none", NULL);
	fields_add_int(f, "least", G_MININT64);
	fields_add_int(f, "most", G_MAXINT64);
	fields_add_double(f, "time", 1763719200.123456);
	fields_add_bool(f, "yes", 7);
	fields_add_bool(f, "no", FALSE);
	fields_add_list(f, "calls", list);
	line = fields_write(f);
	assert_null(strpbrk(line, "\n\r"));
	g = read_line(line);
	assert_non_null(g);
	assert_string_equal(fields_string(g, "text"), "a \"b\" \\ \n\t\x01 é ♫ / </x>");
	assert_false(fields_has(g, "none"));
	assert_true(fields_int(g, "least", &n) && n == G_MININT64);
	assert_true(fields_int(g, "most", &n) && n == G_MAXINT64);
	assert_true(fields_double(g, "time", &d) && d == 1763719200.123456);
	assert_false(fields_int(g, "time", &n));
	assert_true(fields_bool(g, "yes") && !fields_bool(g, "no") && fields_has(g, "no") && !fields_bool(g, "text"));
	assert_int_equal(fields_list(g, "calls")->len, 1);
	assert_true(fields_int(fields_list(g, "calls")->pdata[0], "call", &n) && n == 1);
	fields_free(f);
	fields_free(g);
}

static void what_is_no_utf8_is_made_so(void **state)
{
	struct fields *f = fields_new();
	g_autofree char *line = NULL;

	fields_add_string(f, "x", "a\xff\xc3");
	line = fields_write(f);
	assert_true(g_utf8_validate(line, -1, NULL));
	assert_string_equal(line, "{\"x\":\"a\xef\xbf\xbd\xef\xbf\xbd\"}");
	fields_free(f);
}

static void json_has_no_infinity(void **state)
{
	struct fields *f = fields_new();
	g_autofree char *line = NULL;

	fields_add_double(f, "a", INFINITY);
	fields_add_double(f, "b", -INFINITY);
	fields_add_double(f, "c", NAN);
	line = fields_write(f);
	assert_string_equal(line, "{}");
	fields_free(f);
}

static void what_is_no_object_is_refused(void **state)
{
	static const char *const wrong[] = {"", " ", "{", "}", "[]", "3", "\"x\"", "null", "{]}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}x", "{a:1}", "true",
					    "{\"a\":\"\xff\"}", "[{\"a\":1}]"};

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		GError *error = NULL;

		if (fields_read(wrong[i], strlen(wrong[i]), &error))
			fail_msg("taken: %s", wrong[i]);
		assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
		g_clear_error(&error);
	}
	assert_null(fields_read("{\"a\":1\0}", 8, NULL));
}

static void what_is_of_no_use_is_left_out(void **state)
{
	g_autofree char *a = again("{\"a\":null,\"b\":{\"c\":1},\"d\":1,\"e\":[1,\"x\",{\"f\":2,\"g\":[{}]},null]}");

	assert_string_equal(a, "{\"d\":1,\"e\":[{\"f\":2}]}");
}

static void numbers_are_what_they_are_or_none(void **state)
{
	struct fields *f = read_line("{\"a\":50.0,\"b\":1e3,\"c\":0.5,\"d\":1e300,\"e\":\"7\",\"f\":true,\"g\":-0.0}");
	gint64 n = -1;
	double d = 0;

	assert_true(fields_int(f, "a", &n) && n == 50);
	assert_true(fields_int(f, "b", &n) && n == 1000);
	assert_true(fields_int(f, "g", &n) && n == 0);
	assert_false(fields_int(f, "c", &n) || fields_int(f, "d", &n) || fields_int(f, "e", &n) || fields_int(f, "f", &n));
	assert_true(fields_double(f, "c", &d) && d == 0.5);
	assert_false(fields_double(f, "e", &d));
	fields_free(f);
	/* More than there are bits: whatever it becomes, it does no harm. */
	f = read_line("{\"a\":99999999999999999999999999,\"b\":-99999999999999999999999999,\"c\":1e99999}");
	if (f) {
		g_autofree char *line = fields_write(f);

		assert_true(g_utf8_validate(line, -1, NULL) && !strstr(line, "inf"));
	}
	fields_free(f);
}

static void strings_end_at_a_nul(void **state)
{
	struct fields *f = read_line("{\"a\":\"mute\\u0000x\",\"b\":\"\\ud800\",\"c\":\"\\ud83d\\ude00\"}");

	if (f && fields_string(f, "a"))
		assert_int_equal(strncmp(fields_string(f, "a"), "mute", 4), 0);
	if (f && fields_string(f, "b"))
		assert_true(g_utf8_validate(fields_string(f, "b"), -1, NULL));
	if (f)
		assert_string_equal(fields_string(f, "c"), "😀");
	fields_free(f);
}

static void depth_does_no_harm(void **state)
{
	static const char *const pieces[] = {"{\"a\":", "[", "{\"a\":["};

	for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
		g_autoptr(GString) s = g_string_new(NULL);

		while (s->len < 8192)
			g_string_append(s, pieces[i]);
		assert_null(read_line(s->str));
	}
}

static gboolean add_several(struct fields *f, ...)
{
	va_list ap;

	va_start(ap, f);
	fields_add_all(f, &ap);
	va_end(ap);
	return TRUE;
}

static void append(void *ctx, const char *key, const char *value)
{
	g_string_append_printf(ctx, "%s=%s;", key, value);
}

static void triples_copies_and_texts(void **state)
{
	struct fields *f = fields_new(), *copy = fields_new();
	g_autoptr(GString) s = g_string_new(NULL);

	add_several(f, "event", "s", "x", "none", "s", (char *)NULL, "i", "i", (gint64)-3, "d", "d", 0.25, "mos", "p", 0.0, "mos2", "p", 4.5,
		    "b", "b", TRUE, NULL);
	fields_add_list(f, "list", g_ptr_array_new());
	fields_add_fields(copy, f, "event");
	fields_free(f);
	fields_each(copy, append, s);
	assert_string_equal(s->str, "i=-3;d=0.25;mos2=4.5;b=true;");
	fields_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_no_utf8_is_made_so),
		cmocka_unit_test(json_has_no_infinity),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(what_is_of_no_use_is_left_out),
		cmocka_unit_test(numbers_are_what_they_are_or_none),
		cmocka_unit_test(strings_end_at_a_nul),
		cmocka_unit_test(depth_does_no_harm),
		cmocka_unit_test(triples_copies_and_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
