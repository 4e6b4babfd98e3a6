#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "contacts.h"
#include "known.h"
#include "whom.h"

struct fixture {
	struct config *config;
	const struct account *account;
	GPtrArray *known;
};

static int set_up(void **state)
{
	static const char text[] = "[account home]\njid = romeo@montague.lit\ngateway = cheogram.lit\n[account bare]\njid = r@m.lit\n"
		"[contact julie]\njid = juliet@capulet.lit\n[contact julius]\njid = caesar@rome.lit\n[contact echo]\njid = echo.lit\n"
		"[contact Nurse]\njid = angelica@capulet.lit\n";
	struct fixture *f = g_new0(struct fixture, 1);
	g_autoptr(GError) error = NULL;

	f->config = config_parse("test", text, strlen(text), TRUE, &error);
	assert_null(error);
	f->account = config_account(f->config, NULL, NULL);
	f->known = known_new();
	known_add(f->known, "Juliet@Capulet.lit/balcony", "Juliet Capulet");
	known_add(f->known, "tybalt@capulet.lit", "Prince of Cats");
	known_add(f->known, "paris@verona.lit", NULL);
	known_add(f->known, "mercutio@verona.lit", "Paris");
	known_add(f->known, "benvolio@montague.lit", "Ben");
	known_add(f->known, "benedict@messina.lit", "Benedict");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	g_ptr_array_unref(f->known);
	config_free(f->config);
	g_free(f);
	return 0;
}

static void assert_means(struct fixture *f, const char *text, const char *jid)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *got = whom_find(f->config, f->account, f->known, text, &error);

	if (error)
		fail_msg("%s: %s", text, error->message);
	assert_string_equal(got, jid);
}

/* The sentence of the error. */
static char *refused(struct fixture *f, const char *text, enum jc_err code)
{
	GError *error = NULL;
	g_autofree char *got = whom_find(f->config, f->account, f->known, text, &error);
	char *message;

	assert_null(got);
	assert_true(g_error_matches(error, JC_ERROR, (int)code));
	message = g_strdup(error->message);
	g_error_free(error);
	return message;
}

static void test_the_name_of_the_configuration_goes_first(void **state)
{
	assert_means(*state, "julie", "juliet@capulet.lit");
	assert_means(*state, "julius", "caesar@rome.lit");
	assert_means(*state, "echo", "echo.lit");
}

static void test_addresses_are_taken_as_they_are(void **state)
{
	assert_means(*state, "julie@capulet.lit", "julie@capulet.lit");
	assert_means(*state, "ben@x.lit/phone", "ben@x.lit/phone");
	assert_means(*state, "ben/phone", "ben/phone");
	assert_means(*state, "xmpp:ben", "ben");
	assert_means(*state, "xmpp:ben@x.lit?call", "ben@x.lit");
	assert_means(*state, "unheard-of.lit", "unheard-of.lit");
}

static void test_numbers_go_to_the_gateway(void **state)
{
	struct fixture *f = *state;
	g_autofree char *message = NULL;

	assert_means(f, "+1 (555) 123-4567", "+15551234567@cheogram.lit");
	assert_means(f, "tel:+15551234567", "+15551234567@cheogram.lit");
	f->account = config_account(f->config, "bare", NULL);
	message = refused(f, "+15551234567", JC_CONFIG);
	assert_non_null(strstr(message, "gateway"));
}

static void test_the_beginning_of_one_name_is_enough(void **state)
{
	assert_means(*state, "n", "angelica@capulet.lit");
	assert_means(*state, "NUR", "angelica@capulet.lit");
	assert_means(*state, "prince", "tybalt@capulet.lit");
	assert_means(*state, "Prince of", "tybalt@capulet.lit");
	assert_means(*state, "tyb", "tybalt@capulet.lit");
	assert_means(*state, "juliet", "juliet@capulet.lit");	/* of both name and address: still one person */
}

static void test_contacts_of_the_configuration_go_before_those_seen_before(void **state)
{
	struct fixture *f = *state;

	known_add(f->known, "echo@echo.lit", "Echoes");
	assert_means(f, "ech", "echo.lit");
}

static void test_a_whole_name_goes_before_longer_ones(void **state)
{
	assert_means(*state, "ben", "benvolio@montague.lit");
	assert_means(*state, "paris", "mercutio@verona.lit");	/* a name; of the address it is only the beginning */
	assert_means(*state, "bene", "benedict@messina.lit");
}

static void test_what_could_be_several_is_refused_and_names_them(void **state)
{
	struct fixture *f = *state;
	g_autofree char *two = refused(f, "jul", JC_USAGE), *mixed = refused(f, "be", JC_USAGE), *many = NULL;

	assert_string_equal(two, "'jul' could be julie (juliet@capulet.lit) or julius (caesar@rome.lit)");
	assert_string_equal(mixed, "'be' could be Ben (benvolio@montague.lit) or Benedict (benedict@messina.lit)");
	for (int i = 0; i < 9; i++) {
		g_autofree char *jid = g_strdup_printf("friar%d@verona.lit", i);

		known_add(f->known, jid, NULL);
	}
	many = refused(f, "fri", JC_USAGE);
	assert_non_null(strstr(many, "friar0@verona.lit, friar1@verona.lit"));
	assert_true(g_str_has_suffix(many, "friar5@verona.lit or 3 others"));
}

static void test_what_is_nothing_of_all_this_is_wrong_usage(void **state)
{
	struct fixture *f = *state;
	g_autofree char *empty = refused(f, "", JC_USAGE), *spaces = refused(f, "no body", JC_USAGE), *bad = refused(f, "a@b@c", JC_USAGE);
	g_autofree char *hostile = refused(f, "\033[2J\n", JC_USAGE);

	assert_non_null(strstr(spaces, "neither an address"));
	assert_non_null(strstr(hostile, "\\x1b[2J\\x0a"));
	assert_non_null(empty);
	assert_non_null(bad);
}

static void test_names_that_lie_are_shown_harmless(void **state)
{
	struct fixture *f = *state;
	g_autofree char *message = NULL;

	known_add(f->known, "eve1@x.lit", "eve\033[31m\n one");
	known_add(f->known, "eve2@x.lit", "eve two");
	message = refused(f, "eve", JC_USAGE);
	assert_null(strchr(message, '\033'));
	assert_null(strchr(message, '\n'));
}

/* ---- contacts.h, from the same people ---- */

static const struct contact_row *row_of(const GPtrArray *rows, const char *jid)
{
	const struct contact_row *found = NULL;

	for (guint i = 0; i < rows->len; i++)
		if (strcmp(((struct contact_row *)rows->pdata[i])->jid, jid) == 0) {
			assert_null(found);
			found = rows->pdata[i];
		}
	assert_non_null(found);
	return found;
}

static void test_each_person_has_one_row_with_name_and_alias(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) rows = contacts_rows(f->config, f->known);

	assert_int_equal(rows->len, 6 + 3);			/* juliet is both */
	assert_string_equal(row_of(rows, "juliet@capulet.lit")->alias, "julie");
	assert_string_equal(row_of(rows, "juliet@capulet.lit")->name, "Juliet Capulet");
	assert_null(row_of(rows, "paris@verona.lit")->name);
	assert_string_equal(contact_called(row_of(rows, "paris@verona.lit")), "paris@verona.lit");
	assert_string_equal(contact_called(row_of(rows, "tybalt@capulet.lit")), "Prince of Cats");
	assert_string_equal(row_of(rows, "echo.lit")->alias, "echo");
}

static void test_who_can_be_called_comes_first_then_by_name(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) rows = contacts_rows(f->config, f->known);
	static const char *const expected[] = {"tybalt@capulet.lit", "caesar@rome.lit", "benvolio@montague.lit", "benedict@messina.lit",
		"echo.lit", "juliet@capulet.lit", "angelica@capulet.lit", "mercutio@verona.lit", "paris@verona.lit"};

	((struct contact_row *)row_of(rows, "tybalt@capulet.lit"))->state = CONTACT_CALLABLE;
	((struct contact_row *)row_of(rows, "caesar@rome.lit"))->state = CONTACT_OFFLINE;
	contacts_sort(rows);
	for (guint i = 0; i < rows->len; i++)
		assert_string_equal(((struct contact_row *)rows->pdata[i])->jid, expected[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_name_of_the_configuration_goes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_addresses_are_taken_as_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_go_to_the_gateway, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_beginning_of_one_name_is_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_contacts_of_the_configuration_go_before_those_seen_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_whole_name_goes_before_longer_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_could_be_several_is_refused_and_names_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_nothing_of_all_this_is_wrong_usage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_that_lie_are_shown_harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_person_has_one_row_with_name_and_alias, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_can_be_called_comes_first_then_by_name, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
