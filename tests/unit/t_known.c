#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "known.h"
#include "state.h"

#define US "Romeo@Montague.lit/orchard"

struct fixture {
	char *folder, *path;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->folder = g_strdup(g_get_user_state_dir());
	f->path = g_build_filename(f->folder, "jcall", "romeo@montague.lit.contacts", NULL);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	g_autofree char *inner = g_path_get_dirname(f->path);

	g_chmod(inner, 0700);
	g_unlink(f->path);
	g_rmdir(f->path);
	g_rmdir(inner);
	g_free(f->path);
	g_free(f->folder);
	g_free(f);
	return 0;
}

static GPtrArray *two(void)
{
	GPtrArray *people = known_new();

	known_add(people, "Tybalt@Capulet.lit/rapier", "Prince\tof\nCats");
	known_add(people, "juliet@capulet.lit", NULL);
	return people;
}

static void keep(GPtrArray *people)
{
	g_autoptr(GError) error = NULL;

	assert_true(known_keep(US, people, &error));
	assert_null(error);
}

static const struct known *at(const GPtrArray *people, guint i)
{
	assert_true(i < people->len);
	return people->pdata[i];
}

static void test_what_is_kept_is_there_again_sorted_and_clean(void **state)
{
	g_autoptr(GPtrArray) people = two(), again = NULL;

	keep(people);
	again = known_load(US);
	assert_int_equal(again->len, 2);
	assert_string_equal(at(again, 0)->jid, "juliet@capulet.lit");
	assert_string_equal(at(again, 0)->name, "");
	assert_string_equal(at(again, 1)->jid, "tybalt@capulet.lit");
	assert_string_equal(at(again, 1)->name, "Prince\\x09of\\x0aCats");
}

static void test_the_file_is_private_and_so_is_its_folder(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) people = two();
	g_autofree char *inner = g_path_get_dirname(f->path);
	struct stat st;

	keep(people);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* Replacing makes another file, with another inode, while the first is still held open here. */
static void test_it_is_replaced_as_a_whole_and_only_if_it_changes(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) people = two(), fewer = known_new(), again = NULL;
	struct stat first, second, third;
	FILE *held;

	keep(people);
	held = fopen(f->path, "r");
	assert_non_null(held);
	assert_int_equal(stat(f->path, &first), 0);
	keep(people);
	assert_int_equal(stat(f->path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	known_add(fewer, "nurse@capulet.lit", "Nurse");
	keep(fewer);
	assert_int_equal(stat(f->path, &third), 0);
	assert_int_not_equal(first.st_ino, third.st_ino);
	fclose(held);
	again = known_load(US);
	assert_int_equal(again->len, 1);
	assert_string_equal(at(again, 0)->name, "Nurse");
}

static void test_rubbish_in_the_file_is_left_out(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) people = two(), again = NULL;

	keep(people);
	assert_true(g_file_set_contents(f->path, "no tab\n\t\n@\tx\na b@c\tx\n\xff\xfe@x\ty\nJulie@x.lit\t\033[2Jred\xff\tmore\nlast@x.lit\tZ", -1, NULL));
	again = known_load(US);
	assert_int_equal(again->len, 2);
	assert_string_equal(at(again, 0)->jid, "julie@x.lit");
	assert_string_equal(at(again, 0)->name, "\\x1b[2Jred\\xff\\x09more");
	assert_string_equal(at(again, 1)->jid, "last@x.lit");
}

static void test_what_is_no_file_is_nobody_and_cannot_be_kept(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GPtrArray) people = two(), none = known_load(US), again = NULL;
	g_autoptr(GError) error = NULL;

	assert_int_equal(none->len, 0);
	assert_int_equal(g_mkdir_with_parents(f->path, 0700), 0);
	again = known_load(US);
	assert_int_equal(again->len, 0);
	assert_false(known_keep(US, people, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
	assert_non_null(strstr(error->message, "list of contacts"));
}

static void test_no_more_than_the_limit_are_taken(void **state)
{
	g_autoptr(GPtrArray) people = known_new();

	for (int i = 0; i < KNOWN_MAX + 5; i++) {
		g_autofree char *jid = g_strdup_printf("a%d@x.lit", i);

		known_add(people, jid, "A");
	}
	assert_int_equal(people->len, KNOWN_MAX);
}

static void test_accounts_have_files_of_their_own_whatever_their_names(void **state)
{
	g_autofree char *one = state_path("a/../b@x.lit", ".contacts"), *odd = state_path("a%2f..@x.lit", ".contacts");
	g_autofree char *host = g_strnfill(300, 'h'), *jid = g_strconcat("a@", host, NULL), *name = state_path(jid, ".contacts");
	g_autofree char *base = g_path_get_basename(name), *plain = g_path_get_basename(one), *escaped = g_path_get_basename(odd);

	assert_string_equal(plain, "a.contacts");
	assert_string_equal(escaped, "a%252f..@x.lit.contacts");
	assert_int_equal(strlen(base), 64 + strlen(".contacts"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_kept_is_there_again_sorted_and_clean, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_file_is_private_and_so_is_its_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_it_is_replaced_as_a_whole_and_only_if_it_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rubbish_in_the_file_is_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_file_is_nobody_and_cannot_be_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_more_than_the_limit_are_taken, set_up, tear_down),
		cmocka_unit_test(test_accounts_have_files_of_their_own_whatever_their_names),
	};
	g_autofree char *folder = g_dir_make_tmp("jcall-known-XXXXXX", NULL);
	int failed;

	g_setenv("XDG_STATE_HOME", folder, TRUE);	/* before GLib looks at it */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	g_rmdir(folder);
	return failed;
}
