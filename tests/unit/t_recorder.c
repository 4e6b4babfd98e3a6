/* A recorder with its thread and a real disk: both sides, each format, a full disk, a process that is killed. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <sndfile.h>

#include "audio/file.h"
#include "audio/recorder.h"
#include "err.h"
#include "temp_dir.h"

enum { FRAME = AUDIO_RATE / 50, FRAME_US = 20000 };

struct run {
	struct recorder *r;
	gboolean failed, done;
	GError *error;
};

static void on_failed(void *self)
{
	((struct run *)self)->failed = TRUE;
}

static void on_done(void *self, const GError *error)
{
	struct run *run = self;

	run->done = TRUE;
	run->error = error ? g_error_copy(error) : NULL;
}

static void begin(struct run *run, const char *path, gboolean split)
{
	struct recorder_events ev = {.failed = on_failed, .done = on_done, .self = run};

	*run = (struct run){.r = recorder_new(path, split, &ev)};
}

static void finish(struct run *run)
{
	recorder_finish(run->r);
	while (!run->done)
		g_main_context_iteration(NULL, TRUE);
}

static void fill_tone(gint16 *pcm, size_t at, unsigned hz)
{
	for (size_t k = 0; k < FRAME; k++)
		pcm[k] = (gint16)lrint(8000 * sin(2 * G_PI * hz * (double)(at + k) / AUDIO_RATE));
}

/* So many seconds of a call at once, as if they had passed just now: 440 Hz is sent, 1000 Hz heard half a second later. */
static void call_for(struct run *run, double seconds)
{
	const struct audio_tap *tap = recorder_tap(run->r);
	gint64 start = g_get_monotonic_time() - (gint64)(seconds * 1e6);
	gint16 pcm[FRAME];

	for (size_t i = 0; i * FRAME < (size_t)(seconds * AUDIO_RATE); i++) {
		fill_tone(pcm, i * FRAME, 440);
		tap->sent(tap->self, pcm, FRAME, start + (gint64)i * FRAME_US);
		fill_tone(pcm, i * FRAME, 1000);
		if (i >= 25)
			tap->heard(tap->self, pcm, FRAME, start + (gint64)i * FRAME_US);
	}
}

/* By the library itself. */
static GArray *read_all(const char *path, int channels)
{
	SF_INFO info = {0};
	SNDFILE *f = sf_open(path, SFM_READ, &info);
	GArray *all = g_array_new(FALSE, FALSE, sizeof(gint16));
	gint16 pcm[2000];
	sf_count_t n;

	if (!f)
		fail_msg("%s: %s", path, sf_strerror(NULL));
	assert_int_equal(info.channels, channels);
	assert_int_equal(info.samplerate, AUDIO_RATE);
	while ((n = sf_readf_short(f, pcm, 2000 / channels)) > 0)
		g_array_append_vals(all, pcm, (guint)n * (guint)channels);
	sf_close(f);
	return all;
}

/* How much of HZ there is in so many frames of one channel from AT on, 0 to 1 (Goertzel). */
static double share(const GArray *all, unsigned channels, unsigned channel, size_t at, unsigned hz)
{
	double re = 0, im = 0, power = 1;

	for (size_t i = 0; i < 4800; i++) {
		double x = g_array_index(all, gint16, (at + i) * channels + channel), phase = 2 * G_PI * hz * (double)i / AUDIO_RATE;

		re += x * cos(phase);
		im += x * sin(phase);
		power += x * x;
	}
	return 2 * (re * re + im * im) / (4800 * power);
}

static void assert_call(const GArray *all, unsigned channels, int us, int them)
{
	if (us >= 0) {
		assert_true(share(all, channels, (unsigned)us, 4800, 440) > 0.9);
		assert_true(share(all, channels, (unsigned)us, AUDIO_RATE, 440) > 0.9);
	}
	if (them >= 0) {
		assert_true(share(all, channels, (unsigned)them, AUDIO_RATE / 2 - 4800 - 1000, 1000) < 0.1);
		assert_true(share(all, channels, (unsigned)them, AUDIO_RATE / 2 + 1000, 1000) > 0.9);
	}
}

static const char *const names[] = {"x.wav", "x.flac", "x.opus", "x.ogg", "x.oga", "x.WAV"};

static void both_sides_are_in_one_file_of_each_format(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		g_autoptr(GArray) all = NULL;
		struct run run;

		begin(&run, path, FALSE);
		call_for(&run, 2);
		finish(&run);
		assert_false(run.failed);
		assert_null(run.error);
		all = read_all(path, 2);
		assert_int_equal(all->len / 2, 2 * AUDIO_RATE);
		assert_call(all, 2, 0, 1);
	}
}

static void each_side_has_a_file_of_its_own(void **state)
{
	g_autofree char *path = g_build_filename(dir, "a.b.flac", NULL), *us = g_build_filename(dir, "a.b-us.flac", NULL);
	g_autofree char *them = g_build_filename(dir, "a.b-them.flac", NULL);
	g_autoptr(GArray) ours = NULL, theirs = NULL;
	struct run run;

	begin(&run, path, TRUE);
	call_for(&run, 2);
	finish(&run);
	ours = read_all(us, 1);
	theirs = read_all(them, 1);
	assert_int_equal(ours->len, theirs->len);
	assert_call(ours, 1, 0, -1);
	assert_call(theirs, 1, -1, 0);
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void a_folder_with_a_dot_is_no_ending(void **state)
{
	g_auto(GStrv) files = recorder_files("/tmp/a.b/c.wav", TRUE), bare = recorder_files("/tmp/a.b/c", TRUE);

	assert_string_equal(files[0], "/tmp/a.b/c-us.wav");
	assert_string_equal(files[1], "/tmp/a.b/c-them.wav");
	assert_string_equal(bare[0], "/tmp/a.b/c-us");
}

static void a_call_without_sound_is_a_valid_file(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		g_autoptr(GArray) all = NULL;
		struct run run;

		begin(&run, path, FALSE);
		finish(&run);
		assert_null(run.error);
		all = read_all(path, 2);
		assert_in_range(all->len, 0, 2);
	}
}

/* Whatever umask allows, here everything. */
static void a_new_file_is_its_users_alone_and_an_older_one_is_replaced_but_keeps_its_mode(void **state)
{
	g_autofree char *path = g_build_filename(dir, "new.wav", NULL);
	mode_t before = umask(0);
	struct stat st;
	struct run run;

	for (int i = 2; i >= 1; i--) {
		begin(&run, path, FALSE);
		call_for(&run, i);
		finish(&run);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, i == 2 ? 0600 : 0644);
		assert_in_range(st.st_size, i * AUDIO_RATE * 4, i * AUDIO_RATE * 4 + 1000);
		assert_int_equal(chmod(path, 0644), 0);
	}
	umask(before);
}

static void a_place_that_cannot_be_written_is_told_at_once(void **state)
{
	struct run run;

	begin(&run, "/nonexistent/x.wav", FALSE);
	while (!run.failed)
		g_main_context_iteration(NULL, TRUE);
	call_for(&run, 1);
	finish(&run);
	assert_true(g_error_matches(run.error, JC_ERROR, JC_FILE));
	assert_non_null(strstr(run.error->message, "/nonexistent/x.wav"));
	g_error_free(run.error);
}

/* As good as a full disk. */
static void a_full_disk_is_told_at_once_and_the_call_may_go_on(void **state)
{
	struct rlimit before, limit;

	getrlimit(RLIMIT_FSIZE, &before);
	for (size_t i = 0; i < 3; i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		struct run run;

		limit = (struct rlimit){.rlim_cur = 5000, .rlim_max = before.rlim_max};
		setrlimit(RLIMIT_FSIZE, &limit);
		begin(&run, path, FALSE);
		call_for(&run, 5);
		while (!run.failed)
			g_main_context_iteration(NULL, TRUE);
		for (int k = 0; k < 10; k++)		/* far more than the rings hold */
			call_for(&run, 2);
		finish(&run);
		setrlimit(RLIMIT_FSIZE, &before);
		assert_true(g_error_matches(run.error, JC_ERROR, JC_FILE));
		assert_non_null(strstr(run.error->message, names[i]));
		g_clear_error(&run.error);
	}
}

static void a_fifo_that_nobody_reads_holds_nobody_up(void **state)
{
	g_autofree char *path = g_build_filename(dir, "fifo.wav", NULL);
	struct run run;

	assert_int_equal(mkfifo(path, 0600), 0);
	begin(&run, path, FALSE);
	call_for(&run, 5);
	finish(&run);
	assert_true(g_error_matches(run.error, JC_ERROR, JC_FILE));
	g_error_free(run.error);
}

static void what_another_recorder_writes_is_left_alone(void **state)
{
	g_autofree char *path = g_build_filename(dir, "shared.wav", NULL);
	g_autoptr(GArray) all = NULL;
	struct run first, second;

	begin(&first, path, FALSE);
	call_for(&first, 2);
	g_usleep(G_USEC_PER_SEC / 2);
	begin(&second, path, FALSE);
	while (!second.failed)
		g_main_context_iteration(NULL, TRUE);
	finish(&second);
	assert_true(g_error_matches(second.error, JC_ERROR, JC_FILE));
	assert_non_null(strstr(second.error->message, "another recording"));
	g_error_free(second.error);
	finish(&first);
	assert_null(first.error);
	all = read_all(path, 2);
	assert_call(all, 2, 0, 1);
}

static void a_name_without_a_known_ending_is_wrong_usage(void **state)
{
	static const char *const bad[] = {"x", "x.mp3", "wav", ".wav", "x.wav.txt", "/tmp/x.d/y"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		assert_false(sound_file_check(bad[i], &error));
		assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
		assert_non_null(strstr(error->message, ".wav, .flac, .opus, .ogg"));
	}
}

/* Of what was given one second before the end all is there. The child speaks in real time. */
static void speak_until_killed(const char *path)
{
	gint64 start = g_get_monotonic_time();
	gint16 pcm[FRAME] = {0};
	struct run run;

	begin(&run, path, FALSE);
	for (gint64 i = 0;; i++) {
		const struct audio_tap *tap = recorder_tap(run.r);

		while (g_get_monotonic_time() < start + (i + 1) * FRAME_US)
			g_usleep(2000);
		fill_tone(pcm, (size_t)i * FRAME, 440);
		tap->sent(tap->self, pcm, FRAME, start + i * FRAME_US);
		tap->heard(tap->self, pcm, FRAME, start + i * FRAME_US);
	}
}

static void a_killed_process_leaves_all_but_the_last_second(void **state)
{
	pid_t children[3];
	gint64 start = g_get_monotonic_time();
	int status;

	for (size_t i = 0; i < 3; i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);

		children[i] = fork();
		if (children[i] == 0) {
			speak_until_killed(path);
			_exit(1);
		}
		assert_true(children[i] > 0);
	}
	g_usleep(3 * G_USEC_PER_SEC);
	for (size_t i = 0; i < 3; i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		g_autoptr(GArray) all = NULL;

		kill(children[i], SIGKILL);
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		all = read_all(path, 2);
		/* Half a second more for the start of a process on a machine that is busy. */
		assert_in_range(all->len / 2, AUDIO_RATE * 3 / 2, (guint64)(g_get_monotonic_time() - start) * AUDIO_RATE / G_USEC_PER_SEC);
		assert_true(share(all, 2, 1, AUDIO_RATE, 440) > 0.9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_are_in_one_file_of_each_format),
		cmocka_unit_test(each_side_has_a_file_of_its_own),
		cmocka_unit_test(a_folder_with_a_dot_is_no_ending),
		cmocka_unit_test(a_call_without_sound_is_a_valid_file),
		cmocka_unit_test(a_new_file_is_its_users_alone_and_an_older_one_is_replaced_but_keeps_its_mode),
		cmocka_unit_test(a_place_that_cannot_be_written_is_told_at_once),
		cmocka_unit_test(a_full_disk_is_told_at_once_and_the_call_may_go_on),
		cmocka_unit_test(a_fifo_that_nobody_reads_holds_nobody_up),
		cmocka_unit_test(what_another_recorder_writes_is_left_alone),
		cmocka_unit_test(a_name_without_a_known_ending_is_wrong_usage),
		cmocka_unit_test(a_killed_process_leaves_all_but_the_last_second),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
