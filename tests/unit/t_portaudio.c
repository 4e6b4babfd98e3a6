#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "audio/audio.h"
#include "audio/quiet.h"
#include "err.h"

/* The real thing: PortAudio on a PulseAudio of our own, whose one sink nobody hears and whose monitor is the microphone.
 * These tests take the time the sound takes. */
enum { FRAME = 960, CHUNK = 480, PATIENCE_S = 20 };

static char *dir;
static pid_t server;

/* ---- the sound server ---- */

static void save(const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	if (!g_file_set_contents(path, text, -1, NULL))
		g_error("cannot write %s", path);
}

static void point_everything_at(void)
{
	g_autofree char *socket = g_strdup_printf("unix:%s/sock", dir), *state = g_build_filename(dir, "state", NULL);
	g_autofree char *run = g_build_filename(dir, "run", NULL), *rc = g_build_filename(dir, ".asoundrc", NULL);

	g_setenv("HOME", dir, TRUE);
	g_setenv("PULSE_SERVER", socket, TRUE);
	g_setenv("PULSE_STATE_PATH", state, TRUE);
	g_setenv("PULSE_RUNTIME_PATH", run, TRUE);
	g_unsetenv("PULSE_SINK");
	g_unsetenv("PULSE_SOURCE");
	save(".asoundrc", "pcm.verona_square { type pulse hint { show on description square } }\n"
	     "pcm.verona_garden { type pulse hint { show on description garden } }\n"
	     "pcm.!default { type pulse hint { show on description lab } }\nctl.!default { type pulse }\n");
}

static gboolean server_answers(void)
{
	char *argv[] = {(char *)"pactl", (char *)"info", NULL};
	gint status = -1;

	return g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
			    NULL, NULL, NULL, NULL, &status, NULL) && status == 0;
}

static int start_server(void **state)
{
	g_autofree char *script = NULL, *path = NULL, *found = g_find_program_in_path("pulseaudio");
	g_autofree char *client = g_find_program_in_path("pactl");

	if (!found || !client) {
		printf("skipped: no pulseaudio on this machine\n");
		return 0;
	}
	dir = g_dir_make_tmp("jcall-pa-XXXXXX", NULL);
	point_everything_at();
	script = g_strdup_printf("load-module module-native-protocol-unix auth-anonymous=1 socket=%s/sock\n"
		"load-module module-null-sink sink_name=air rate=48000 channels=1 norewinds=1\n"
		"set-default-sink air\nset-default-source air.monitor\n", dir);
	save("script", script);
	path = g_build_filename(dir, "script", NULL);
	server = fork();
	if (server == 0) {
		int nowhere = open("/dev/null", O_WRONLY);

		if (nowhere < 0 || dup2(nowhere, STDERR_FILENO) != STDERR_FILENO)
			_exit(1);
		execl(found, found, "-n", "-F", path, "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		      "--realtime=no", "--high-priority=no", "--disable-shm=yes", "--log-target=stderr", (char *)NULL);
		_exit(1);
	}
	for (gint64 end = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC; !server_answers();)
		if (server < 0 || g_get_monotonic_time() > end)
			return -1;
	return 0;
}

static void end_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

static void remove_tree(const char *path)
{
	GDir *d = g_dir_open(path, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
			remove_tree(child);
		else
			g_unlink(child);
	}
	if (d)
		g_dir_close(d);
	g_rmdir(path);
}

static int stop_server(void **state)
{
	/* No audio_shut_down: ALSA would unload its plugins, and what those leak could not be told from a leak of ours. */
	end_server();
	if (dir)
		remove_tree(dir);
	g_free(dir);
	return 0;
}

static void need_server(void)
{
	if (!dir)
		skip();
}

/* ---- helpers ---- */

static struct audio_in open_in(const char *spec)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;

	if (!audio_open_in(spec, &in, &error))
		fail_msg("%s", error->message);
	return in;
}

static struct audio_out open_out(const char *spec)
{
	g_autoptr(GError) error = NULL;
	struct audio_out out;

	if (!audio_open_out(spec, &out, &error))
		fail_msg("%s", error->message);
	return out;
}

static gint64 sleep_until(gint64 at_us)
{
	struct timespec t = {.tv_sec = at_us / G_USEC_PER_SEC, .tv_nsec = at_us % G_USEC_PER_SEC * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	return g_get_monotonic_time();
}

/* A source that slept needs up to two seconds to deliver for the first time. */
static gint64 await_sound(struct audio_in *in)
{
	gint64 now_us = g_get_monotonic_time(), end = now_us + PATIENCE_S * G_USEC_PER_SEC;

	in->start(in->self, now_us);
	while (in->ready(in->self, now_us) == 0 && now_us < end)
		now_us = sleep_until(now_us + 2000);
	assert_true(in->ready(in->self, now_us) != AUDIO_END);
	assert_true(in->ready(in->self, now_us) > 0);
	return now_us;
}

struct listed { unsigned devices, defaults_in, defaults_out; gboolean square, garden; int garden_number; };

static void note(void *ctx, int number, const char *name, gboolean in, gboolean out, gboolean is_default_in,
		 gboolean is_default_out)
{
	struct listed *l = ctx;

	l->devices++;
	l->defaults_in += is_default_in && in;
	l->defaults_out += is_default_out && out;
	l->square |= in && out && strstr(name, "verona_square");
	if (in && out && strstr(name, "verona_garden")) {
		l->garden = TRUE;
		l->garden_number = number;
	}
}

/* ---- finding ---- */

static void devices_are_listed_with_what_they_can_do(void **state)
{
	g_autoptr(GError) error = NULL;
	struct listed l = {0};

	need_server();
	assert_true(audio_device.list(note, &l, &error));
	assert_true(l.devices >= 3);
	assert_int_equal(l.defaults_in, 1);
	assert_int_equal(l.defaults_out, 1);
	assert_true(l.square && l.garden);
}

static void a_device_is_found_by_number_name_and_unique_part(void **state)
{
	struct listed l = {0};
	g_autofree char *number = NULL;
	const char *specs[] = {"device:verona_garden", "device:VERONA_GARDEN", "device:garden", NULL};
	struct audio_in in;

	need_server();
	assert_true(audio_device.list(note, &l, NULL));
	number = g_strdup_printf("device:%d", l.garden_number);
	specs[3] = number;
	for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
		in = open_in(specs[i]);
		assert_true(in.live);
		in.close(in.self);
	}
}

static void assert_refused(const char *spec, int code, const char *words)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;
	struct audio_out out;

	assert_false(audio_open_in(spec, &in, &error));
	if (!g_error_matches(error, JC_ERROR, code) || !strstr(error->message, words))
		fail_msg("%d: %s", error->code, error->message);
	g_clear_error(&error);
	assert_false(audio_open_out(spec, &out, &error));
	assert_true(g_error_matches(error, JC_ERROR, code));
}

static void an_ambiguous_part_of_a_name_lists_what_it_fits(void **state)
{
	need_server();
	assert_refused("device:verona", JC_USAGE, "'verona_square'");
	assert_refused("device:verona", JC_USAGE, "'verona_garden'");
}

static void a_device_that_is_not_there_is_told(void **state)
{
	need_server();
	assert_refused("device:mantua", JC_AUDIO_DEVICE, "named 'mantua'");
	assert_refused("device:9999", JC_AUDIO_DEVICE, "number 9999");
	assert_refused("device:\xff\033[2J", JC_AUDIO_DEVICE, "\\xff\\x1b[2J");
}

/* ---- sound ---- */

static void nothing_said_before_the_start_is_delivered(void **state)
{
	struct audio_in in;
	gint64 now_us;

	need_server();
	in = open_in("default");
	await_sound(&in);
	now_us = sleep_until(g_get_monotonic_time() + 100000);
	assert_true(in.ready(in.self, now_us) >= 2 * FRAME);
	in.start(in.self, now_us);
	assert_true(in.ready(in.self, now_us) <= FRAME);
	in.close(in.self);
}

static void a_microphone_follows_time_and_wakes_us_once_a_frame(void **state)
{
	struct audio_in in;
	gint64 now_us, start_us;
	gint16 pcm[FRAME];
	size_t got = 0, looks = 0, expected;

	need_server();
	in = open_in("default");
	await_sound(&in);
	start_us = now_us = sleep_until(g_get_monotonic_time() + 200000);
	in.start(in.self, now_us);
	for (; now_us < start_us + 600000; now_us = sleep_until(in.when(in.self, now_us, FRAME))) {
		looks++;
		while (in.ready(in.self, now_us) >= FRAME)
			got += in.read(in.self, pcm, FRAME);
	}
	expected = (size_t)((now_us - start_us) * AUDIO_RATE / G_USEC_PER_SEC);
	assert_in_range(got, expected - 4 * FRAME, expected + 4 * FRAME);
	assert_true(looks < 3 * expected / FRAME);
	in.close(in.self);
}

static double amplitude(const gint16 *pcm, size_t n, double hz)
{
	double s = 0, c = 0;

	for (size_t i = 0; i < n; i++) {
		s += pcm[i] * sin(2 * G_PI * hz * (double)i / AUDIO_RATE);
		c += pcm[i] * cos(2 * G_PI * hz * (double)i / AUDIO_RATE);
	}
	return 2 * sqrt(s * s + c * c) / (double)n;
}

static void what_is_played_is_heard_and_little_of_it_waits(void **state)
{
	enum { HEAR = AUDIO_RATE / 2 };
	static gint16 heard[HEAR];
	struct audio_in in;
	struct audio_out out;
	gint64 now_us, end;
	size_t got = 0, t = 0, n;

	need_server();
	out = open_out("default");
	in = open_in("default");
	now_us = await_sound(&in);
	out.start(out.self, now_us);
	end = now_us + PATIENCE_S * G_USEC_PER_SEC;
	while (got < HEAR && now_us < end) {
		gint16 pcm[CHUNK];

		while ((n = out.ready(out.self, now_us)) > 0) {
			assert_true(n != AUDIO_END);
			n = MIN(n, CHUNK);
			for (size_t i = 0; i < n; i++, t++)
				pcm[i] = (gint16)(8000 * sin(2 * G_PI * 1000 * (double)t / AUDIO_RATE));
			out.write(out.self, pcm, n);
		}
		assert_true(out.queued(out.self) <= 5 * CHUNK);
		n = in.ready(in.self, now_us);
		assert_true(n != AUDIO_END);
		if (t > AUDIO_RATE / 4)
			got += in.read(in.self, heard + got, MIN(n, HEAR - got));
		else
			in.read(in.self, heard, MIN(n, HEAR));
		now_us = sleep_until(MIN(in.when(in.self, now_us, CHUNK), out.when(out.self, now_us, CHUNK)));
	}
	assert_int_equal(got, HEAR);
	assert_true(amplitude(heard + HEAR / 2, HEAR / 2, 1000) > 4000);
	assert_true(amplitude(heard + HEAR / 2, HEAR / 2, 1300) < 1000);
	in.close(in.self);
	assert_true(out.close(out.self, NULL));
}

static void after_a_stall_the_output_holds_no_more_than_before(void **state)
{
	struct audio_out out;
	gint16 pcm[10 * CHUNK] = {0};
	gint64 now_us;
	size_t n;

	need_server();
	out = open_out("default");
	out.start(out.self, g_get_monotonic_time());
	for (int i = 0; i < 5; i++) {
		now_us = sleep_until(g_get_monotonic_time() + (i == 3 ? 200000 : 30000));
		n = out.ready(out.self, now_us);
		assert_true(n <= 5 * CHUNK);
		out.write(out.self, pcm, n);
		assert_int_equal(out.ready(out.self, now_us), 0);
	}
	assert_null(out.fault(out.self));
	assert_true(out.close(out.self, NULL));
}

static void time_in_which_we_stood_still_does_not_kill_a_device(void **state)
{
	struct audio_in in;
	gint64 now_us;

	need_server();
	in = open_in("default");
	now_us = await_sound(&in);
	for (int i = 0; i < 3; i++)		/* an hour passes between two looks, in which nothing may have come */
		assert_true(in.ready(in.self, now_us + i * 3600 * (gint64)G_USEC_PER_SEC) != AUDIO_END);
	assert_null(in.fault(in.self));
	in.close(in.self);
}

/* The last one: the server is gone afterwards. */
static void a_sound_server_that_dies_ends_the_sound_and_nothing_hangs(void **state)
{
	g_autoptr(GError) fault = NULL, error = NULL;
	struct audio_in in, other;
	struct audio_out out;
	gint64 now_us, began;
	size_t in_ready = 0, out_ready = 0;
	int terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), caught = memfd_create("caught", MFD_CLOEXEC);

	need_server();
	in = open_in("default");
	out = open_out("default");
	now_us = await_sound(&in);
	out.start(out.self, now_us);
	dup2(caught, STDERR_FILENO);
	end_server();
	for (int i = 0; i < 2000 && (in_ready != AUDIO_END || out_ready != AUDIO_END); i++) {
		sleep_until(g_get_monotonic_time() + 1000);
		now_us += 20000;		/* our time runs faster than the callbacks' */
		in_ready = in.ready(in.self, now_us);
		out_ready = out.ready(out.self, now_us);
	}
	dup2(terminal, STDERR_FILENO);
	assert_int_equal(lseek(caught, 0, SEEK_END), 0);	/* the libraries keep it to themselves */
	close(terminal);
	close(caught);
	assert_int_equal(in_ready, AUDIO_END);
	assert_int_equal(out_ready, AUDIO_END);
	fault = in.fault(in.self);
	assert_true(g_error_matches(fault, JC_ERROR, JC_AUDIO_DEVICE));
	began = g_get_monotonic_time();
	in.close(in.self);
	assert_true(out.close(out.self, NULL));
	assert_true(g_get_monotonic_time() - began < 5 * G_USEC_PER_SEC);
	assert_false(audio_open_in("default", &other, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_AUDIO_DEVICE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_listed_with_what_they_can_do),
		cmocka_unit_test(a_device_is_found_by_number_name_and_unique_part),
		cmocka_unit_test(an_ambiguous_part_of_a_name_lists_what_it_fits),
		cmocka_unit_test(a_device_that_is_not_there_is_told),
		cmocka_unit_test(nothing_said_before_the_start_is_delivered),
		cmocka_unit_test(a_microphone_follows_time_and_wakes_us_once_a_frame),
		cmocka_unit_test(what_is_played_is_heard_and_little_of_it_waits),
		cmocka_unit_test(after_a_stall_the_output_holds_no_more_than_before),
		cmocka_unit_test(time_in_which_we_stood_still_does_not_kill_a_device),
		cmocka_unit_test(a_sound_server_that_dies_ends_the_sound_and_nothing_hangs),
	};

	alarm(120);
	quiet_begin();
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
