#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

static void assert_clean(const char *in, const char *expected)
{
	g_autofree char *out = text_clean(in, TEXT_LONG);

	assert_string_equal(out, expected);
}

static gboolean is_forbidden(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f) ||
		(c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000 || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

static void assert_harmless(const char *out)
{
	assert_true(g_utf8_validate(out, -1, NULL));
	for (const char *p = out; *p; p = g_utf8_next_char(p))
		if (is_forbidden(g_utf8_get_char(p)))
			fail_msg("U+%04X came through", g_utf8_get_char(p));
}

static void printable_text_of_many_scripts_is_kept_as_it_is(void **state)
{
	static const char *const kept[] = {"plain ASCII ~ \\ \" ' < > &", "Grüße, garçon, naïve", "Ελληνικά Русский", "日本語 한국어",
		"עברית العربية", "नमस्ते", "☎ 📞 😀 👍🏽 ❤️", "e\xcc\x81", ""};

	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
		assert_clean(kept[i], kept[i]);
}

static void controls_escapes_and_newlines_become_visible(void **state)
{
	assert_clean("a\nb\r\tc", "a\\x0ab\\x0d\\x09c");
	assert_clean("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07");
	assert_clean("\x7f", "\\x7f");
	assert_clean("\xc2\x9b" "31m", "\\u{009b}31m");
}

static void invisible_and_direction_changing_characters_become_visible(void **state)
{
	assert_clean("a\xe2\x80\xae" "b", "a\\u{202e}b");	/* right-to-left override */
	assert_clean("a\xe2\x80\x8b" "b", "a\\u{200b}b");	/* zero-width space */
	assert_clean("\xef\xbb\xbf", "\\u{feff}");
	assert_clean("\xe2\x81\xa6", "\\u{2066}");
	assert_clean("\xf3\xa0\x81\x81", "\\u{e0041}");	/* a tag */
	assert_clean("\xee\x80\x80", "\\u{e000}");		/* private use */
	assert_clean("\xef\xbf\xbe", "\\u{fffe}");		/* a noncharacter */
}

static void bytes_that_are_no_utf8_become_visible_one_by_one(void **state)
{
	assert_clean("a\xff\xc3", "a\\xff\\xc3");
	assert_clean("\xc0\xaf", "\\xc0\\xaf");		/* overlong '/' */
	assert_clean("\xed\xa0\x80", "\\xed\\xa0\\x80");	/* a surrogate */
	assert_clean("\xe2\x82", "\\xe2\\x82");		/* cut off */
}

static void nothing_gives_the_empty_text(void **state)
{
	assert_clean(NULL, "");
}

static void long_text_is_cut_after_the_wanted_number_of_characters(void **state)
{
	g_autofree char *cut = text_clean("äöüß", 2), *whole = text_clean("äöüß", 4), *none = text_clean("x", 0);

	assert_string_equal(cut, "äö…");
	assert_string_equal(whole, "äöüß");
	assert_string_equal(none, "…");
}

static void what_is_made_visible_counts_as_it_is_shown(void **state)
{
	g_autofree char *cut = text_clean("a\x01\x02\x03", 9), *whole = text_clean("a\x01\x02", 9), *half = text_clean("a\x01", 4);

	assert_string_equal(cut, "a\\x01\\x02…");
	assert_string_equal(whole, "a\\x01\\x02");
	assert_string_equal(half, "a…");
}

static void random_bytes_become_one_harmless_bounded_line_that_stays_itself(void **state)
{
	GRand *rand = g_rand_new_with_seed(20261121);

	for (int round = 0; round < 20000; round++) {
		char in[64];
		size_t len = (size_t)g_rand_int_range(rand, 0, sizeof(in) - 1);
		size_t most = (size_t)g_rand_int_range(rand, 0, 40);
		g_autofree char *out = NULL, *again = NULL;

		for (size_t i = 0; i < len; i++)
			in[i] = (char)g_rand_int_range(rand, 1, 256);
		in[len] = '\0';
		out = text_clean(in, most);
		assert_harmless(out);
		again = text_clean(out, most);
		assert_string_equal(again, out);
		assert_true((size_t)g_utf8_strlen(out, -1) <= most + 1);
	}
	g_rand_free(rand);
}

static void every_character_of_unicode_is_kept_or_made_visible(void **state)
{
	for (gunichar c = 1; c < 0x110000; c++) {
		g_autofree char *out = NULL;
		char in[8] = "";

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		g_unichar_to_utf8(c, in);
		out = text_clean(in, 10);
		assert_harmless(out);
		if (strcmp(in, out) != 0)
			assert_int_equal(out[0], '\\');
	}
}

/* ---- JIDs ---- */

static void a_jid_falls_into_its_bare_part_and_its_resource(void **state)
{
	g_autofree char *bare = jid_bare("juliet@capulet.lit/balcony/2"), *same = jid_bare("juliet@capulet.lit");

	assert_string_equal(bare, "juliet@capulet.lit");
	assert_string_equal(same, "juliet@capulet.lit");
	assert_string_equal(jid_resource("juliet@capulet.lit/balcony/2"), "balcony/2");
	assert_null(jid_resource("juliet@capulet.lit"));
	assert_null(jid_resource("juliet@capulet.lit/"));
}

static void addresses_one_may_send_to_are_valid(void **state)
{
	static const char *const good[] = {"juliet@capulet.lit", "juliet@capulet.lit/balcony", "capulet.lit",
		"capulet.lit/x@y", "d\\27artagnan@musketeers.lit", "+15551234567@cheogram.com/tel", "jürgen@bücher.example",
		"a@b/one two", "192.0.2.1"};

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		if (!jid_valid(good[i]))
			fail_msg("%s was refused", good[i]);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {"", "@", "a@", "@b", "a@b/", "/x", "a b@c", "a@b c", "a@b@c", "a\x1b@b", "a@b/\n", "a<@b",
		"a\"@b", "a\xff@b", "xmpp:a@b", "http://b", "a@b/\xc2\x9b", "a\xc2\x85@b"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (jid_valid(bad[i]))
			fail_msg("'%s' was taken", bad[i]);
}

static void parts_of_an_address_are_at_most_1023_bytes(void **state)
{
	g_autofree char *a1023 = g_strnfill(1023, 'a'), *a1024 = g_strnfill(1024, 'a');
	g_autofree char *fits = g_strdup_printf("%s@%s/%s", a1023, a1023, a1023);
	g_autofree char *local = g_strdup_printf("%s@b", a1024), *domain = g_strdup_printf("a@%s", a1024);
	g_autofree char *resource = g_strdup_printf("a@b/%s", a1024);

	assert_true(jid_valid(fits));
	assert_false(jid_valid(local));
	assert_false(jid_valid(domain));
	assert_false(jid_valid(resource));
}

static void bare_parts_are_compared_without_case_and_resource(void **state)
{
	assert_true(jid_same_bare("Juliet@Capulet.lit/a", "juliet@capulet.lit/b"));
	assert_false(jid_same_bare("juliet@capulet.lit", "juliet@capulet.li"));
	assert_false(jid_same_bare("juliet@capulet.lit", "nurse@capulet.lit"));
	assert_false(jid_same_bare(NULL, NULL));
	assert_false(jid_same_bare("a@b", NULL));
}

static void escapes_of_xep_0106_are_not_touched(void **state)
{
	g_autofree char *bare = jid_bare("space\\20cadet@example.com/x");

	assert_string_equal(bare, "space\\20cadet@example.com");
	assert_false(jid_same_bare("a\\40b@c", "a@b@c"));
}

/* ---- numbers and ids ---- */

static void digits_in_range_are_a_number_and_nothing_else_is(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "65536", "18446744073709551616",
		"99999999999999999999", "000000000000000000001", "1\xd9\xa1"};
	guint64 n = 7;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(text_uint(bad[i], 1, 65535, &n));
	assert_false(text_uint(NULL, 1, 65535, &n));
	assert_false(text_uint("0", 1, 65535, &n));
	assert_int_equal(n, 7);
	assert_true(text_uint("65535", 1, 65535, &n));
	assert_int_equal(n, 65535);
	assert_true(text_uint("18446744073709551615", 0, G_MAXUINT64, &n));
	assert_true(n == G_MAXUINT64);
}

static void moments_with_a_zone_are_read_and_nothing_else_is(void **state)
{
	static const char *const bad[] = {"", "yesterday", "2025-11-21", "2025-11-21T10:00:00", "2025-11-21T25:00:00Z", "1969-12-31T23:59:59Z",
					  "99999-11-21T10:00:00Z", "2025-11-21T10:00:00Z ", NULL};
	gint64 at = 7;

	for (size_t i = 0; bad[i]; i++)
		assert_false(text_stamp(bad[i], &at));
	assert_false(text_stamp(NULL, &at));
	assert_int_equal(at, 7);
	assert_true(text_stamp("2025-11-21T10:00:00Z", &at));
	assert_int_equal(at, 1763719200);
	assert_true(text_stamp("2025-11-21T11:00:00.999+01:00", &at));
	assert_int_equal(at, 1763719200);
}

static void an_address_is_read_from_a_jid_or_a_uri(void **state)
{
	static const struct { const char *text, *jid; } rows[] = {
		{"a@b", "a@b"}, {"xmpp:a@b/c", "a@b/c"}, {"XMPP:a@b?call", "a@b"}, {"xmpp:a%25b@c", "a%b@c"},
		{"xmpp:", NULL}, {"xmpp:a b@c", NULL}, {"mailto:a b", NULL}, {"xmpp:%00@b", NULL}, {"", NULL}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *jid = jid_read(rows[i].text);

		if (g_strcmp0(jid, rows[i].jid) != 0)
			fail_msg("%s was read as %s", rows[i].text, jid ? jid : "nothing");
	}
}

static void phone_numbers_are_read_as_people_write_them(void **state)
{
	static const struct { const char *text, *number; } rows[] = {
		{"+15551234567", "+15551234567"}, {"+1 (555) 123-4567", "+15551234567"}, {"+49/30.1234", "+49301234"},
		{"tel:+1-555-123-4567", "+15551234567"}, {"TEL:+15551234567;ext=5", "+15551234567"}, {"+123456789012345", "+123456789012345"},
		{"+1234567890123456", NULL}, {"15551234567", NULL}, {"+", NULL}, {"+1", NULL}, {"+12", NULL}, {"", NULL}, {"tel:911", NULL},
		{"+1555abc", NULL}, {"+15551234567@cheogram.com", NULL}, {"juliet@capulet.lit", NULL}, {"+1\n55512", NULL}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *number = phone_number_read(rows[i].text);

		if (g_strcmp0(number, rows[i].number) != 0)
			fail_msg("'%s': %s", rows[i].text, number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phone_numbers_are_read_as_people_write_them),
		cmocka_unit_test(an_address_is_read_from_a_jid_or_a_uri),
		cmocka_unit_test(printable_text_of_many_scripts_is_kept_as_it_is),
		cmocka_unit_test(controls_escapes_and_newlines_become_visible),
		cmocka_unit_test(invisible_and_direction_changing_characters_become_visible),
		cmocka_unit_test(bytes_that_are_no_utf8_become_visible_one_by_one),
		cmocka_unit_test(nothing_gives_the_empty_text),
		cmocka_unit_test(long_text_is_cut_after_the_wanted_number_of_characters),
		cmocka_unit_test(what_is_made_visible_counts_as_it_is_shown),
		cmocka_unit_test(random_bytes_become_one_harmless_bounded_line_that_stays_itself),
		cmocka_unit_test(every_character_of_unicode_is_kept_or_made_visible),
		cmocka_unit_test(a_jid_falls_into_its_bare_part_and_its_resource),
		cmocka_unit_test(addresses_one_may_send_to_are_valid),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(parts_of_an_address_are_at_most_1023_bytes),
		cmocka_unit_test(bare_parts_are_compared_without_case_and_resource),
		cmocka_unit_test(escapes_of_xep_0106_are_not_touched),
		cmocka_unit_test(digits_in_range_are_a_number_and_nothing_else_is),
		cmocka_unit_test(moments_with_a_zone_are_read_and_nothing_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
