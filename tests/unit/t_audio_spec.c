#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "audio/audio.h"
#include "err.h"

static char *dir;

static int make_dir(void **state)
{
	dir = g_dir_make_tmp("jcall-spec-XXXXXX", NULL);
	return dir ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"a", "b", "c"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);

		g_unlink(path);
	}
	g_rmdir(dir);
	g_free(dir);
	return 0;
}

static void assert_is(const char *spec, const struct audio_driver *driver, const char *arg)
{
	g_autoptr(GError) error = NULL;
	const char *found;

	assert_ptr_equal(audio_find(spec, FALSE, &found, &error), driver);
	assert_null(error);
	if (arg)
		assert_string_equal(found, arg);
	else
		assert_null(found);
}

static void each_word_names_its_driver(void **state)
{
	assert_is("default", &audio_device, NULL);
	assert_is("-", &audio_pipe, NULL);
	assert_is("null", &audio_null, NULL);
	assert_is("tone", &audio_tone, NULL);
	assert_is("tone:1000", &audio_tone, "1000");
	assert_is("device:USB Headset", &audio_device, "USB Headset");
	assert_is("device:3", &audio_device, "3");
	assert_is("device:default", &audio_device, "default");
}

static void everything_else_is_a_path(void **state)
{
	assert_is("hello.wav", &audio_file, "hello.wav");
	assert_is("./default", &audio_file, "./default");
	assert_is("defaults", &audio_file, "defaults");
	assert_is("Null", &audio_file, "Null");
	assert_is("--", &audio_file, "--");
	assert_is("c:hello.wav", &audio_file, "c:hello.wav");
	assert_is("tones.wav", &audio_file, "tones.wav");
}

static void file_colon_makes_a_path_of_any_word(void **state)
{
	assert_is("file:default", &audio_file, "default");
	assert_is("file:-", &audio_file, "-");
	assert_is("file:tone:440", &audio_file, "tone:440");
	assert_is("file:file:x", &audio_file, "file:x");
}

static void assert_usage(const char *spec, gboolean output, const char *words)
{
	g_autoptr(GError) error = NULL;
	const char *arg;

	assert_null(audio_find(spec, output, &arg, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
	assert_non_null(strstr(error->message, words));
	assert_false(g_str_has_suffix(error->message, "."));
}

static void a_word_without_its_name_is_wrong_usage(void **state)
{
	static const char *const bad[] = {"", "device:", "file:", "tone:"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_usage(bad[i], FALSE, "names no sound input");
	assert_usage("file:", TRUE, "names no sound output");
}

static void a_tone_is_no_output(void **state)
{
	assert_usage("tone", TRUE, "'tone' can be an input, but not an output");
	assert_usage("tone:440", TRUE, "not an output");
}

static void control_characters_of_a_spec_do_not_reach_the_message(void **state)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;
	struct audio_out out;

	assert_false(audio_open_in("tone:\033]0;x\a", &in, &error));
	assert_null(strchr(error->message, '\033'));
	g_clear_error(&error);
	assert_false(audio_open_in("/nonexistent/\033[2J.wav", &in, &error));
	assert_null(strchr(error->message, '\033'));
	g_clear_error(&error);
	assert_false(audio_open_out("\033[2J.xyz", &out, &error));
	assert_null(strchr(error->message, '\033'));
}

static void only_devices_need_the_sound_library(void **state)
{
	assert_true(audio_is_device("default"));
	assert_true(audio_is_device("device:1"));
	assert_false(audio_is_device("file:default"));
	assert_false(audio_is_device("-"));
	assert_false(audio_is_device("null"));
	assert_false(audio_is_device("tone"));
	assert_false(audio_is_device(""));
}

static void the_same_file_is_known_by_any_of_its_names(void **state)
{
	g_autofree char *a = g_build_filename(dir, "a", NULL), *b = g_build_filename(dir, "b", NULL);
	g_autofree char *c = g_build_filename(dir, "c", NULL), *file_b = g_strconcat("file:", b, NULL);

	assert_true(g_file_set_contents(a, "x", 1, NULL));
	assert_true(g_file_set_contents(c, "x", 1, NULL));
	assert_int_equal(symlink(a, b), 0);
	assert_true(audio_same_file(a, a));
	assert_true(audio_same_file(a, b));
	assert_true(audio_same_file(a, file_b));
	assert_false(audio_same_file(a, c));
}

static void what_is_no_file_on_disk_is_never_the_same(void **state)
{
	g_autofree char *missing = g_build_filename(dir, "missing", NULL);

	assert_false(audio_same_file(missing, missing));
	assert_false(audio_same_file("-", "-"));
	assert_false(audio_same_file("null", "null"));
	assert_false(audio_same_file("default", "default"));
	assert_false(audio_same_file("/dev/null", "/dev/null"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_names_its_driver),
		cmocka_unit_test(everything_else_is_a_path),
		cmocka_unit_test(file_colon_makes_a_path_of_any_word),
		cmocka_unit_test(a_word_without_its_name_is_wrong_usage),
		cmocka_unit_test(a_tone_is_no_output),
		cmocka_unit_test(control_characters_of_a_spec_do_not_reach_the_message),
		cmocka_unit_test(only_devices_need_the_sound_library),
		cmocka_unit_test(the_same_file_is_known_by_any_of_its_names),
		cmocka_unit_test(what_is_no_file_on_disk_is_never_the_same),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
