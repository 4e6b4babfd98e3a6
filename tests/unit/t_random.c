/* What nobody can guess. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib.h>

#include "random.h"

static void ids_are_version_4_uuids_and_differ(void **state)
{
	g_autofree char *a = random_uuid(), *b = random_uuid();

	assert_int_equal(strlen(a), 36);
	assert_int_equal(a[14], '4');
	assert_true(g_uuid_string_is_valid(a));
	assert_string_not_equal(a, b);
}

/* All that jcall draws, as one string. */
static char *draw(void)
{
	g_autofree char *uuid = random_uuid(), *hex = random_hex();
	char ice[25];

	random_ice_chars(ice, sizeof(ice) - 1);
	return g_strdup_printf("%s %s %s %08x", uuid, hex, ice, random_u32());
}

static void who_knows_the_state_of_glibs_generator_knows_nothing_of_ours(void **state)
{
	g_autofree char *one = NULL, *other = NULL;
	g_auto(GStrv) a = NULL, b = NULL;

	g_random_set_seed(1);
	one = draw();
	g_random_set_seed(1);
	other = draw();
	a = g_strsplit(one, " ", 0);
	b = g_strsplit(other, " ", 0);
	assert_int_equal(g_strv_length(a), 4);
	for (int i = 0; i < 4; i++)
		assert_string_not_equal(a[i], b[i]);
}

static void a_number_in_hexadecimal_has_128_bits_and_each_of_them_changes(void **state)
{
	uint8_t ever_set[16] = {0}, ever_clear[16] = {0};

	for (int n = 0; n < 200; n++) {
		g_autofree char *hex = random_hex();

		assert_int_equal(strlen(hex), 32);
		for (size_t i = 0; i < 16; i++) {
			int high = g_ascii_xdigit_value(hex[2 * i]), low = g_ascii_xdigit_value(hex[2 * i + 1]);

			assert_true(high >= 0 && low >= 0);
			ever_set[i] |= (uint8_t)(high << 4 | low);
			ever_clear[i] |= (uint8_t)~(high << 4 | low);
		}
	}
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(ever_set[i], 0xff);
		assert_int_equal(ever_clear[i], 0xff);
	}
}

static void credentials_of_ice_use_each_character_that_they_may_and_no_other(void **state)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	char text[4097];

	random_ice_chars(text, sizeof(text) - 1);
	assert_int_equal(strlen(text), sizeof(text) - 1);
	for (const char *p = text; *p; p++) {
		assert_true(g_ascii_isalnum(*p) || *p == '+' || *p == '/');
		g_hash_table_add(seen, GINT_TO_POINTER(*p));
	}
	assert_int_equal(g_hash_table_size(seen), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_version_4_uuids_and_differ),
		cmocka_unit_test(who_knows_the_state_of_glibs_generator_knows_nothing_of_ours),
		cmocka_unit_test(a_number_in_hexadecimal_has_128_bits_and_each_of_them_changes),
		cmocka_unit_test(credentials_of_ice_use_each_character_that_they_may_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
