#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "suggest.h"

static const char *const commands[] = {"dial", "answer", "contacts", "history", "devices", "doctor", "help", NULL};

static void test_distance_counts_letters_left_out_put_in_replaced_and_swapped(void **state)
{
	assert_int_equal(suggest_distance("record", "record"), 0);
	assert_int_equal(suggest_distance("recor", "record"), 1);
	assert_int_equal(suggest_distance("reccord", "record"), 1);
	assert_int_equal(suggest_distance("rekord", "record"), 1);
	assert_int_equal(suggest_distance("recrod", "record"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("abc", ""), 3);
	assert_int_equal(suggest_distance("", ""), 0);
	assert_int_equal(suggest_distance("DIAL", "dial"), 0);
}

static void test_distance_is_the_same_both_ways(void **state)
{
	static const char *const words[] = {"a", "ab", "ba", "dial", "daily", "answer", "snawer", ""};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		for (size_t j = 0; j < G_N_ELEMENTS(words); j++)
			assert_int_equal(suggest_distance(words[i], words[j]), suggest_distance(words[j], words[i]));
}

static void test_long_texts_are_far_from_everything(void **state)
{
	char full[SUGGEST_MAX + 1], more[SUGGEST_MAX + 2];
	const char *const words[] = {more, NULL};

	memset(full, 'x', SUGGEST_MAX);
	full[SUGGEST_MAX] = '\0';
	memset(more, 'x', SUGGEST_MAX + 1);
	more[SUGGEST_MAX + 1] = '\0';
	assert_int_equal(suggest_distance(full, full), 0);
	assert_int_equal(suggest_distance(full, more), G_MAXUINT);
	assert_int_equal(suggest_distance(more, more), G_MAXUINT);
	assert_null(suggest(more, commands));
	assert_ptr_equal(suggest(full, words), words[0]);	/* which begins with it */
}

static void test_the_nearest_word_is_suggested_and_a_far_one_is_not(void **state)
{
	assert_string_equal(suggest("dail", commands), "dial");
	assert_string_equal(suggest("Anwser", commands), "answer");
	assert_string_equal(suggest("contatcs", commands), "contacts");
	assert_string_equal(suggest("hist", commands), "history");
	assert_string_equal(suggest("doktor", commands), "doctor");
	assert_null(suggest("bake", commands));
	assert_null(suggest("x", commands));
	assert_null(suggest("", commands));
	assert_null(suggest("dial", (const char *const[]){NULL}));
}

static void assert_option(const char *typed, const char *expected)
{
	static const char help[] = "Usage:\n  jcall dial [OPTION…] JID\n\nCalls somebody --nearly like --recorf.\n\nApplication Options:\n"
		"  -i, --in=SPEC              Where the sound comes from\n  --record=FILE              Record\n"
		"  --stats=[SECONDS]          Figures\n  --relay-only               Hide\n  -q, --quiet                Print --nothing\n";
	g_autofree char *got = suggest_option(typed, help);

	if (expected)
		assert_string_equal(got, expected);
	else
		assert_null(got);
}

static void test_options_are_those_of_the_help(void **state)
{
	assert_option("--recrod", "record");
	assert_option("--recrod=file=x", "record");
	assert_option("-recrod", "record");
	assert_option("--stat", "stats");
	assert_option("--relayonly", "relay-only");
	assert_option("--queit", "quiet");
	assert_option("--noting", NULL);
	assert_option("--neerly", NULL);
	assert_option("-x", NULL);
	assert_option("--", NULL);
	assert_option("", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance_counts_letters_left_out_put_in_replaced_and_swapped),
		cmocka_unit_test(test_distance_is_the_same_both_ways),
		cmocka_unit_test(test_long_texts_are_far_from_everything),
		cmocka_unit_test(test_the_nearest_word_is_suggested_and_a_far_one_is_not),
		cmocka_unit_test(test_options_are_those_of_the_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
