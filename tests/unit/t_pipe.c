#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "audio/audio.h"
#include "err.h"

enum { FRAME = 960, FRAME_US = 20000 };

/* Standard input and output are the other ends of FEED and DRAIN while a test runs. */
struct stdio { int saved[2], feed, drain; };

static void swap(int from, int onto)
{
	assert_int_equal(dup2(from, onto), onto);
	close(from);
}

static int begin(void **state)
{
	struct stdio *s = g_new0(struct stdio, 1);
	int in[2], out[2];

	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	for (int fd = 0; fd < 2; fd++)
		if ((s->saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10)) < 0)
			s->saved[fd] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -1;
	swap(in[0], STDIN_FILENO);
	swap(out[1], STDOUT_FILENO);
	s->feed = in[1];
	s->drain = out[0];
	*state = s;
	return 0;
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int finish(void **state)
{
	struct stdio *s = *state;

	hang_up(&s->feed);
	hang_up(&s->drain);
	fflush(stdout);
	swap(s->saved[0], STDIN_FILENO);
	swap(s->saved[1], STDOUT_FILENO);
	g_free(s);
	return 0;
}

static struct audio_in open_in(void)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;

	if (!audio_open_in("-", &in, &error))
		fail_msg("%s", error->message);
	return in;
}

static struct audio_out open_out(void)
{
	g_autoptr(GError) error = NULL;
	struct audio_out out;

	if (!audio_open_out("-", &out, &error))
		fail_msg("%s", error->message);
	return out;
}

/* N samples that count up from FROM. */
static void feed(const struct stdio *s, int from, size_t n)
{
	guint8 bytes[2 * FRAME];

	for (size_t done = 0; done < n;) {
		size_t m = MIN(n - done, FRAME);

		for (size_t i = 0; i < m; i++) {
			bytes[2 * i] = (guint8)((from + (int)(done + i)) & 0xff);
			bytes[2 * i + 1] = (guint8)((from + (int)(done + i)) >> 8 & 0xff);
		}
		assert_int_equal(write(s->feed, bytes, 2 * m), 2 * m);
		done += m;
	}
}

static void assert_reads(struct audio_in *in, int from, size_t n)
{
	gint16 pcm[FRAME] = {0};

	assert_int_equal(in->read(in->self, pcm, n), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pcm[i], (gint16)(from + (int)i));
}

/* ---- standard input ---- */

static void what_is_piped_in_comes_out_in_time_and_in_order(void **state)
{
	struct audio_in in = open_in();
	gint64 now_us = 1000000;

	feed(*state, 100, 10 * FRAME);
	assert_int_equal(in.ready(in.self, now_us), 0);
	in.start(in.self, now_us);
	assert_false(in.live);
	for (int frame = 0; frame < 10; frame++) {
		assert_int_equal(in.ready(in.self, now_us), 0);
		assert_int_equal(in.when(in.self, now_us, FRAME), now_us + FRAME_US);
		now_us += FRAME_US;
		assert_int_equal(in.ready(in.self, now_us), FRAME);
		assert_reads(&in, 100 + frame * FRAME, FRAME);
	}
	in.close(in.self);
}

static void nothing_piped_in_before_the_start_is_lost(void **state)
{
	struct audio_in in = open_in();

	feed(*state, 7, FRAME);
	for (gint64 ringing = 0; ringing < 30 * G_USEC_PER_SEC; ringing += G_USEC_PER_SEC)
		assert_int_equal(in.ready(in.self, ringing), 0);
	in.start(in.self, 30 * G_USEC_PER_SEC);
	assert_int_equal(in.ready(in.self, 30 * G_USEC_PER_SEC + FRAME_US), FRAME);
	assert_reads(&in, 7, FRAME);
	in.close(in.self);
}

static void the_end_of_the_pipe_is_the_regular_end(void **state)
{
	struct stdio *s = *state;
	struct audio_in in = open_in();
	gint16 pcm[FRAME];

	feed(s, 0, FRAME + 5);
	hang_up(&s->feed);
	in.start(in.self, 0);
	assert_int_equal(in.ready(in.self, FRAME_US), FRAME);
	assert_reads(&in, 0, FRAME);
	assert_int_equal(in.ready(in.self, 2 * FRAME_US), FRAME);	/* filled up with silence by the reader */
	assert_int_equal(in.read(in.self, pcm, FRAME), 5);
	assert_int_equal(pcm[4], FRAME + 4);
	assert_int_equal(in.ready(in.self, 3 * FRAME_US), AUDIO_END);
	assert_null(in.fault(in.self));
	in.close(in.self);
}

static void an_odd_byte_waits_for_its_other_half(void **state)
{
	struct stdio *s = *state;
	struct audio_in in = open_in();
	gint16 pcm[2];

	in.start(in.self, 0);
	assert_int_equal(write(s->feed, "\x34\x12\x78", 3), 3);
	assert_int_equal(in.ready(in.self, 1000), 1);
	assert_int_equal(in.read(in.self, pcm, 1), 1);
	assert_int_equal(pcm[0], 0x1234);
	assert_int_equal(in.ready(in.self, 1000), 0);
	assert_int_equal(write(s->feed, "\x56\x9a", 2), 2);
	hang_up(&s->feed);
	assert_true(in.ready(in.self, 2000) > 0);
	assert_int_equal(in.read(in.self, pcm, 2), 1);
	assert_int_equal(pcm[0], 0x5678);
	assert_int_equal(in.ready(in.self, 3000), AUDIO_END);		/* half a sample is none */
	in.close(in.self);
}

/* Polls every 5 ms for 3 s of time in which nothing comes, then feeds and counts what is ready at once. */
static void a_late_producer_loses_nothing_and_is_not_rushed_afterwards(void **state)
{
	struct audio_in in = open_in();
	gint64 now_us = 0;
	size_t ready, rushed = 0;
	int next = 0;

	in.start(in.self, now_us);
	for (; now_us < 3 * G_USEC_PER_SEC; now_us += 5000)
		assert_int_equal(in.ready(in.self, now_us), 0);
	feed(*state, 0, 20 * FRAME);
	while ((ready = in.ready(in.self, now_us)) >= FRAME) {
		assert_reads(&in, next, FRAME);
		next += FRAME;
		rushed++;
	}
	assert_true(rushed <= 2);
	for (; next < 20 * FRAME; now_us += FRAME_US) {
		while (in.ready(in.self, now_us) >= FRAME) {
			assert_reads(&in, next, FRAME);
			next += FRAME;
		}
		assert_true(next <= (int)((now_us - 3 * G_USEC_PER_SEC) / FRAME_US + 2) * FRAME);
	}
	in.close(in.self);
}

static void a_late_producer_that_then_ends_is_not_rushed_either(void **state)
{
	struct stdio *s = *state;
	struct audio_in in = open_in();

	in.start(in.self, 0);
	for (gint64 now_us = 0; now_us <= 3 * G_USEC_PER_SEC; now_us += 5000)
		assert_int_equal(in.ready(in.self, now_us), 0);
	feed(s, 0, 10 * FRAME);
	hang_up(&s->feed);
	assert_true(in.ready(in.self, 3 * G_USEC_PER_SEC + 5000) <= 2 * FRAME);
	in.close(in.self);
}

static void after_a_pause_it_goes_on_from_where_it_was(void **state)
{
	struct audio_in in = open_in();
	gint64 later = 60 * (gint64)G_USEC_PER_SEC;

	feed(*state, 0, 10 * FRAME);
	in.start(in.self, 0);
	assert_int_equal(in.ready(in.self, FRAME_US), FRAME);
	assert_reads(&in, 0, FRAME);
	in.start(in.self, later);
	assert_int_equal(in.ready(in.self, later), 0);
	assert_int_equal(in.ready(in.self, later + FRAME_US), FRAME);
	assert_reads(&in, FRAME, FRAME);
	in.close(in.self);
}

static void an_empty_pipe_is_looked_at_again_soon_but_not_at_once(void **state)
{
	struct audio_in in = open_in();

	in.start(in.self, 0);
	for (gint64 now_us = 0; now_us < G_USEC_PER_SEC; now_us += 1000) {
		in.ready(in.self, now_us);
		assert_in_range(in.when(in.self, now_us, FRAME), now_us + 1, now_us + 40000);
	}
	in.close(in.self);
}

static void a_faster_producer_is_held_back_by_the_pipe(void **state)
{
	struct stdio *s = *state;
	struct audio_in in = open_in();
	guint8 bytes[4096] = {0};
	size_t taken = 0;

	assert_int_equal(fcntl(s->feed, F_SETFL, O_NONBLOCK), 0);
	in.start(in.self, 0);
	for (int i = 0; i < 1000; i++) {
		ssize_t n = write(s->feed, bytes, sizeof(bytes));

		taken += n > 0 ? (size_t)n : 0;
		in.ready(in.self, 0);
	}
	assert_true(taken < 4 * AUDIO_RATE);
	in.close(in.self);
}

static void reading_what_cannot_be_read_is_told(void **state)
{
	g_autoptr(GError) fault = NULL;
	struct audio_in in;

	swap(open("/", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	in = open_in();
	in.start(in.self, 0);
	assert_int_equal(in.ready(in.self, FRAME_US), AUDIO_END);
	fault = in.fault(in.self);
	assert_true(g_error_matches(fault, JC_ERROR, JC_FILE));
	assert_non_null(strstr(fault->message, "standard input"));
	in.close(in.self);
}

/* ---- standard output ---- */

static void write_run(struct audio_out *out, int from, size_t n)
{
	gint16 pcm[FRAME];

	for (size_t i = 0; i < n; i++)
		pcm[i] = (gint16)(from + (int)i);
	out->write(out->self, pcm, n);
}

static void assert_drains(int fd, int from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		guint8 b[2];

		assert_int_equal(read(fd, b, 1), 1);
		assert_int_equal(read(fd, b + 1, 1), 1);
		assert_int_equal((gint16)(b[0] | b[1] << 8), (gint16)(from + (int)i));
	}
}

static void what_is_written_is_little_endian_and_in_order(void **state)
{
	struct stdio *s = *state;
	struct audio_out out = open_out();

	out.start(out.self, 0);
	assert_int_equal(out.ready(out.self, FRAME_US), FRAME);
	write_run(&out, -3, FRAME);
	write_run(&out, FRAME - 3, FRAME);
	assert_int_equal(out.ready(out.self, FRAME_US), 0);
	assert_int_equal(out.when(out.self, FRAME_US, FRAME), 3 * FRAME_US);
	assert_drains(s->drain, -3, 2 * FRAME);
	assert_true(out.close(out.self, NULL));
}

static void a_reader_that_pauses_gets_all_of_it_later(void **state)
{
	struct stdio *s = *state;
	struct audio_out out = open_out();

	out.start(out.self, 0);
	for (int frame = 0; frame < 300; frame++)		/* 6 s: far more than a pipe holds */
		write_run(&out, frame * FRAME, FRAME);
	for (int frame = 0; frame < 300; frame++) {
		assert_drains(s->drain, frame * FRAME, FRAME);
		write_run(&out, (300 + frame) * FRAME, FRAME);
	}
	hang_up(&s->drain);
	assert_false(out.close(out.self, NULL));
}

static void a_reader_that_never_comes_back_costs_sound_and_is_told(void **state)
{
	g_autoptr(GError) error = NULL;
	struct stdio *s = *state;
	struct audio_out out = open_out();

	out.start(out.self, 0);
	for (int frame = 0; frame < 700; frame++)
		write_run(&out, frame * FRAME, FRAME);
	assert_true(out.ready(out.self, FRAME_US) != AUDIO_END);
	assert_drains(s->drain, 0, 10 * FRAME);
	hang_up(&s->drain);
	assert_false(out.close(out.self, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_READER_GONE));
}

static void a_reader_that_goes_away_is_told_at_once(void **state)
{
	g_autoptr(GError) fault = NULL, error = NULL;
	struct stdio *s = *state;
	struct audio_out out = open_out();

	out.start(out.self, 0);
	write_run(&out, 0, FRAME);
	assert_null(out.fault(out.self));
	hang_up(&s->drain);
	write_run(&out, 0, FRAME);
	assert_int_equal(out.ready(out.self, FRAME_US), AUDIO_END);
	fault = out.fault(out.self);
	assert_true(g_error_matches(fault, JC_ERROR, JC_READER_GONE));
	assert_non_null(strstr(fault->message, "standard output was closed"));
	assert_false(out.close(out.self, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_READER_GONE));
}

static void a_full_disk_behind_standard_output_is_told(void **state)
{
	g_autoptr(GError) error = NULL;
	struct audio_out out;

	swap(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	out = open_out();
	out.start(out.self, 0);
	write_run(&out, 0, FRAME);
	assert_int_equal(out.ready(out.self, FRAME_US), AUDIO_END);
	assert_false(out.close(out.self, &error));
	assert_non_null(strstr(error->message, "No space left"));
}

struct reader { int fd; size_t bytes; };

static gpointer read_to_the_end(gpointer data)
{
	struct reader *r = data;
	guint8 buffer[1000];			/* no multiple of anything */
	ssize_t n;

	while ((n = read(r->fd, buffer, sizeof(buffer))) > 0)
		r->bytes += (size_t)n;
	return NULL;
}

static void close_waits_for_a_reader_that_is_merely_slow(void **state)
{
	struct stdio *s = *state;
	struct audio_out out = open_out();
	struct reader r = {.fd = s->drain};
	GThread *thread;
	g_autoptr(GError) error = NULL;

	out.start(out.self, 0);
	for (int frame = 0; frame < 400; frame++)
		write_run(&out, frame * FRAME, FRAME);
	thread = g_thread_new("reader", read_to_the_end, &r);
	if (!out.close(out.self, &error))
		fail_msg("%s", error->message);
	swap(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	g_thread_join(thread);
	assert_int_equal(r.bytes, 400 * FRAME * 2);
}

/* Poll promises room for one byte of a socket, not for all that is written. */
static void a_socket_as_standard_output_never_blocks_and_loses_nothing(void **state)
{
	struct audio_out out;
	struct reader r = {0};
	GThread *thread;
	int pair[2], size = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	swap(pair[1], STDOUT_FILENO);
	out = open_out();
	out.start(out.self, 0);
	for (int frame = 0; frame < 100; frame++)
		write_run(&out, frame * FRAME, FRAME);
	r.fd = pair[0];
	thread = g_thread_new("reader", read_to_the_end, &r);
	assert_true(out.close(out.self, NULL));
	swap(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	g_thread_join(thread);
	close(pair[0]);
	assert_int_equal(r.bytes, 100 * FRAME * 2);
}

/* ---- any other file descriptor ---- */

static gboolean is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void an_end_of_any_pipe_is_closed_with_it(void **state)
{
	struct audio_in in;
	struct audio_out out;
	gint16 pcm[FRAME];
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(audio_pipe_in(&in, fds[0], "the command", NULL));
	assert_true(audio_pipe_out(&out, fds[1], "the command", FALSE, NULL));
	in.start(in.self, 0);
	out.start(out.self, 0);
	write_run(&out, 100, FRAME);
	assert_int_equal(in.ready(in.self, FRAME_US), FRAME);
	assert_int_equal(in.read(in.self, pcm, FRAME), FRAME);
	for (int i = 0; i < FRAME; i++)
		assert_int_equal(pcm[i], 100 + i);
	assert_true(out.close(out.self, NULL));
	assert_false(is_open(fds[1]));
	assert_int_equal(in.ready(in.self, 2 * FRAME_US), AUDIO_END);
	in.close(in.self);
	assert_false(is_open(fds[0]));
}

static void standard_input_and_output_stay_open_for_the_next_call(void **state)
{
	struct audio_in in = open_in();
	struct audio_out out = open_out();

	in.close(in.self);
	assert_true(out.close(out.self, NULL));
	assert_true(is_open(STDIN_FILENO) && is_open(STDOUT_FILENO));
}

static void a_faulty_pipe_is_called_by_its_name(void **state)
{
	g_autoptr(GError) no_in = NULL, no_out = NULL, gone = NULL;
	struct audio_in in;
	struct audio_out out;
	int fds[2];

	assert_false(audio_pipe_in(&in, -1, "the command", &no_in));
	assert_true(g_error_matches(no_in, JC_ERROR, JC_FILE));
	assert_non_null(strstr(no_in->message, "the command"));
	assert_false(audio_pipe_out(&out, 9999, "the command", FALSE, &no_out));
	assert_true(g_error_matches(no_out, JC_ERROR, JC_FILE));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(audio_pipe_out(&out, fds[1], "the command", FALSE, NULL));
	close(fds[0]);
	write_run(&out, 0, FRAME);
	assert_false(out.close(out.self, &gone));
	assert_true(g_error_matches(gone, JC_ERROR, JC_READER_GONE));
	assert_string_equal(gone->message, "the command was closed by whoever read it");
}

static void what_a_command_does_not_read_is_no_fault_where_it_need_not(void **state)
{
	struct audio_out out;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(audio_pipe_out(&out, fds[1], "the command", TRUE, NULL));
	out.start(out.self, 0);
	for (int frame = 0; frame < 700; frame++)
		write_run(&out, frame * FRAME, FRAME);
	assert_drains(fds[0], 0, 10 * FRAME);
	close(fds[0]);
	write_run(&out, 0, FRAME);
	assert_int_equal(out.ready(out.self, 702 * FRAME_US), FRAME);
	assert_null(out.fault(out.self));
	assert_true(out.close(out.self, NULL));
}

static gpointer read_rest(gpointer data)
{
	char piece[4096];
	gsize all = 0;
	ssize_t n;

	while ((n = read(GPOINTER_TO_INT(data), piece, sizeof(piece))) > 0)
		all += (gsize)n;
	return GSIZE_TO_POINTER(all);
}

/* The main loop must not stand still at the end of a call because a command is slow. */
static void what_a_command_has_not_read_yet_it_can_read_after_the_end(void **state)
{
	struct audio_out out;
	gint64 before;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(audio_pipe_out(&out, fds[1], "the command", TRUE, NULL));
	out.start(out.self, 0);
	for (int frame = 0; frame < 400; frame++)
		write_run(&out, frame * FRAME, FRAME);
	before = g_get_monotonic_time();
	assert_true(out.close(out.self, NULL));
	assert_true(g_get_monotonic_time() - before < 1500000);		/* a reader is waited for 2 s elsewhere */
	assert_int_equal(GPOINTER_TO_SIZE(read_rest(GINT_TO_POINTER(fds[0]))), 400 * FRAME * 2);
	close(fds[0]);
}

/* ---- what standard input and output may be ---- */

static void assert_refused(gboolean output, int code, const char *words)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;
	struct audio_out out;

	assert_false(output ? audio_open_out("-", &out, &error) : audio_open_in("-", &in, &error));
	assert_true(g_error_matches(error, JC_ERROR, code));
	assert_non_null(strstr(error->message, words));
}

static void a_terminal_is_no_pipe(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	dup2(slave, STDIN_FILENO);
	dup2(slave, STDOUT_FILENO);
	assert_refused(FALSE, JC_USAGE, "terminal");
	assert_refused(TRUE, JC_USAGE, "terminal");
	close(slave);
	close(master);
}

static void what_is_closed_is_told(void **state)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	assert_refused(FALSE, JC_FILE, "standard input, which is closed");
	assert_refused(TRUE, JC_FILE, "standard output, which is closed");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_piped_in_comes_out_in_time_and_in_order),
		TEST(nothing_piped_in_before_the_start_is_lost),
		TEST(the_end_of_the_pipe_is_the_regular_end),
		TEST(an_odd_byte_waits_for_its_other_half),
		TEST(a_late_producer_loses_nothing_and_is_not_rushed_afterwards),
		TEST(a_late_producer_that_then_ends_is_not_rushed_either),
		TEST(after_a_pause_it_goes_on_from_where_it_was),
		TEST(an_empty_pipe_is_looked_at_again_soon_but_not_at_once),
		TEST(a_faster_producer_is_held_back_by_the_pipe),
		TEST(reading_what_cannot_be_read_is_told),
		TEST(what_is_written_is_little_endian_and_in_order),
		TEST(a_reader_that_pauses_gets_all_of_it_later),
		TEST(a_reader_that_never_comes_back_costs_sound_and_is_told),
		TEST(a_reader_that_goes_away_is_told_at_once),
		TEST(a_full_disk_behind_standard_output_is_told),
		TEST(a_socket_as_standard_output_never_blocks_and_loses_nothing),
		TEST(close_waits_for_a_reader_that_is_merely_slow),
		TEST(an_end_of_any_pipe_is_closed_with_it),
		TEST(standard_input_and_output_stay_open_for_the_next_call),
		TEST(a_faulty_pipe_is_called_by_its_name),
		TEST(what_a_command_does_not_read_is_no_fault_where_it_need_not),
		TEST(what_a_command_has_not_read_yet_it_can_read_after_the_end),
		TEST(a_terminal_is_no_pipe),
		TEST(what_is_closed_is_told),
	};

	alarm(30);		/* what blocks is to fail */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
