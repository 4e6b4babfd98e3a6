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
	g_autofree char *uuid = random_uuid(), *word = random_word();
	char ice[25];

	random_ice_chars(ice, sizeof(ice) - 1);
	return g_strdup_printf("%s %s %s %08x", uuid, word, ice, random_u32());
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

static void a_word_has_130_bits_and_each_of_its_letters_changes(void **state)
{
	guint32 seen[26] = {0};

	for (int n = 0; n < 1000; n++) {	/* that a letter is not among so many happens once in 10^11 */
		g_autofree char *word = random_word();

		assert_int_equal(strlen(word), 26);
		for (size_t i = 0; i < 26; i++) {
			assert_true(g_ascii_islower(word[i]) || (word[i] >= '2' && word[i] <= '7'));
			seen[i] |= 1u << (g_ascii_islower(word[i]) ? word[i] - 'a' : word[i] - '2' + 26);
		}
	}
	for (size_t i = 0; i < 26; i++)
		assert_int_equal(seen[i], G_MAXUINT32);
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
		cmocka_unit_test(a_word_has_130_bits_and_each_of_its_letters_changes),
		cmocka_unit_test(credentials_of_ice_use_each_character_that_they_may_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
