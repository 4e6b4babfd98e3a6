/* The recordings of a talk, one after the other, with a real call to be heard and a real disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "call_pair.h"
#include "err.h"
#include "talk_record.h"

enum { SECOND = AUDIO_RATE * 4 };		/* [bytes] of a stereo WAV */

struct rig {
	char *dir;
	struct ui *ui;
	struct talk_options options;
	struct filename_values names;
	struct talk_recording *r;
	unsigned done;
	GError *error;
	struct pair *pair;
};

static char *path_of(const struct rig *f, const char *name)
{
	return g_build_filename(f->dir, name, NULL);
}

static gint64 size_of(const struct rig *f, const char *name)
{
	g_autofree char *path = path_of(f, name);
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* What the header says: it is written anew when the file is closed, and with each piece. */
static guint32 data_bytes(const struct rig *f, const char *name)
{
	g_autofree char *path = path_of(f, name), *all = NULL;
	guint32 bytes = 0;
	gsize len;

	assert_true(g_file_get_contents(path, &all, &len, NULL) && len >= 44);
	memcpy(&bytes, all + 40, sizeof(bytes));
	return GUINT32_FROM_LE(bytes);
}

static int set_up(void **state)
{
	struct rig *f = g_new0(struct rig, 1);
	struct ui_options ui = {.quiet = TRUE};

	f->dir = g_dir_make_tmp("jcall-talk-XXXXXX", NULL);
	f->ui = ui_new(&ui);
	f->options = (struct talk_options){.in = "tone", .out = "null"};
	f->names = (struct filename_values){.number = 3, .peer = "juliet@capulet.lit/b", .at_s = 0};
	f->r = talk_recording_new(f->ui, &f->options, &f->names);
	f->pair = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);
	assert_heard_by(f->pair, TRANSPORT_ICE_UDP);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *f = *state;
	GDir *d = g_dir_open(f->dir, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(d))) {
		g_autofree char *path = path_of(f, name);

		g_unlink(path);
	}
	g_dir_close(d);
	g_rmdir(f->dir);
	g_free(f->dir);
	g_clear_error(&f->error);
	ui_free(f->ui);
	g_free(f);
	return 0;
}

static void on_done(void *ctx, const GError *error)
{
	struct rig *f = ctx;

	f->done++;
	f->error = error ? g_error_copy(error) : NULL;
}

static void start(struct rig *f, const char *name)
{
	g_autofree char *path = path_of(f, name);

	assert_true(talk_recording_start(f->r, path, NULL));
}

/* The media end first, as in a talk. */
static void end(struct rig *f)
{
	talk_recording_off(f->r);
	close_pair(f->pair);
	talk_recording_close(f->r, on_done, f);
	wait_for(&f->done);
	assert_int_equal(f->done, 1);
}

static void wait_size(const struct rig *f, const char *name, gint64 size)
{
	for (int i = 0; i < 20 * PATIENCE_S && size_of(f, name) < size; i++)
		let_pass(50);
	assert_true(size_of(f, name) >= size);
}

static void nothing_is_written_before_the_accept_and_all_of_it_at_the_end(void **state)
{
	struct rig *f = *state;

	start(f, "%n.wav");
	let_pass(400);
	assert_int_equal(size_of(f, "3.wav"), -1);
	talk_recording_on(f->r, f->pair->romeo.call);
	wait_size(f, "3.wav", SECOND / 2);
	end(f);
	assert_null(f->error);
	assert_int_equal(data_bytes(f, "3.wav"), size_of(f, "3.wav") - 44);
}

static void another_file_takes_over_in_mid_call(void **state)
{
	struct rig *f = *state;
	gint64 size;

	talk_recording_on(f->r, f->pair->romeo.call);
	start(f, "1.wav");
	wait_size(f, "1.wav", SECOND / 2);
	start(f, "2.wav");
	wait_size(f, "2.wav", SECOND / 2);
	size = size_of(f, "1.wav");
	let_pass(600);
	assert_int_equal(size_of(f, "1.wav"), size);
	assert_int_equal(data_bytes(f, "1.wav"), size - 44);
	end(f);
	assert_null(f->error);
}

static void what_is_stopped_is_complete_while_the_call_goes_on(void **state)
{
	struct rig *f = *state;
	gint64 size;

	talk_recording_on(f->r, f->pair->romeo.call);
	start(f, "1.wav");
	wait_size(f, "1.wav", SECOND / 2);
	talk_recording_stop(f->r);
	talk_recording_stop(f->r);
	let_pass(600);
	size = size_of(f, "1.wav");
	let_pass(600);
	assert_int_equal(size_of(f, "1.wav"), size);
	end(f);
	assert_null(f->error);
	assert_int_equal(size_of(f, "1.wav"), size);
}

static void what_is_stopped_between_two_calls_waits_for_the_media_of_the_first(void **state)
{
	struct rig *f = *state;

	talk_recording_on(f->r, f->pair->romeo.call);
	start(f, "1.wav");
	wait_size(f, "1.wav", SECOND / 2);
	talk_recording_off(f->r);
	talk_recording_stop(f->r);
	let_pass(300);				/* they still run, and use it */
	end(f);
	assert_null(f->error);
	assert_int_equal(data_bytes(f, "1.wav"), size_of(f, "1.wav") - 44);
}

static void a_full_disk_ends_the_one_and_not_the_next(void **state)
{
	struct rig *f = *state;
	g_autofree char *full = path_of(f, "full.wav");

	assert_int_equal(symlink("/dev/full", full), 0);
	talk_recording_on(f->r, f->pair->romeo.call);
	start(f, "full.wav");
	let_pass(800);
	start(f, "2.wav");
	wait_size(f, "2.wav", SECOND / 2);
	end(f);
	assert_true(g_error_matches(f->error, JC_ERROR, JC_FILE));
	assert_non_null(strstr(f->error->message, "full.wav"));
	assert_int_equal(data_bytes(f, "2.wav"), size_of(f, "2.wav") - 44);
}

static void what_was_never_begun_leaves_nothing_behind(void **state)
{
	struct rig *f = *state;

	start(f, "1.wav");
	start(f, "2.wav");
	end(f);
	assert_null(f->error);
	assert_int_equal(size_of(f, "1.wav"), -1);
	assert_int_equal(size_of(f, "2.wav"), -1);
}

static void assert_refused(struct rig *f, const char *name, int code)
{
	g_autofree char *path = path_of(f, name);
	g_autoptr(GError) error = NULL;

	assert_false(talk_recording_start(f->r, path, &error));
	assert_true(g_error_matches(error, JC_ERROR, code));
}

static void what_cannot_be_is_refused_and_the_running_one_goes_on(void **state)
{
	struct rig *f = *state;
	g_autofree char *in = path_of(f, "in.wav"), *out = path_of(f, "out-%n.wav");

	f->options.in = in;
	f->options.out = out;
	talk_recording_on(f->r, f->pair->romeo.call);
	start(f, "1.wav");
	assert_refused(f, "in.wav", JC_USAGE);
	assert_refused(f, "out-3.wav", JC_USAGE);
	assert_refused(f, "1.wav", JC_USAGE);
	assert_refused(f, "x.mp3", JC_USAGE);
	assert_refused(f, "%q.wav", JC_USAGE);
	assert_refused(f, "none/x.wav", JC_FILE);
	wait_size(f, "1.wav", SECOND / 2);
	end(f);
	assert_null(f->error);
}

#define with(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(nothing_is_written_before_the_accept_and_all_of_it_at_the_end),
		with(another_file_takes_over_in_mid_call),
		with(what_is_stopped_is_complete_while_the_call_goes_on),
		with(what_is_stopped_between_two_calls_waits_for_the_media_of_the_first),
		with(a_full_disk_ends_the_one_and_not_the_next),
		with(what_was_never_begun_leaves_nothing_behind),
		with(what_cannot_be_is_refused_and_the_running_one_goes_on),
	};

	return cmocka_run_group_tests(tests, open_all, stop_all);
}
