#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"
#include "script/outbox.h"

enum { ROOM = 1 << 20 };

/* What can be read now. */
static void drain(int fd, GString *into)
{
	char piece[65536];
	ssize_t n;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		g_string_append_len(into, piece, n);
}

static void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

static void make_sockets(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

/* A reader who stalls for 1000 lines gets each of them, whole and in order. */
static void stalls(void (*make)(int fds[2]))
{
	g_autofree char *long_line = g_strnfill(500, 'x');
	g_autoptr(GString) told = g_string_new(NULL), got = g_string_new(NULL);
	struct outbox *o;
	int fds[2], flags;

	make(fds);
	flags = fcntl(fds[1], F_GETFL);
	o = outbox_new(fds[1], ROOM);
	for (guint i = 0; i < 1000; i++) {
		g_autofree char *line = g_strdup_printf("%u %s", i, long_line);

		g_string_append_printf(told, "%s\n", line);
		assert_true(outbox_put(o, line));
	}
	assert_true(outbox_waiting(o) > 0);
	loop_until((drain(fds[0], got), got->len >= told->len));
	assert_string_equal(got->str, told->str);
	assert_int_equal(outbox_waiting(o), 0);
	assert_int_equal(fcntl(fds[1], F_GETFL), flags);
	loop_until(!g_main_context_pending(NULL));	/* it looks no more */
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

static void a_slow_reader_of_a_pipe_gets_all(void **state)
{
	stalls(make_pipe);
}

static void a_slow_reader_of_a_socket_gets_all(void **state)
{
	stalls(make_sockets);
}

static void a_file_gets_all_at_once(void **state)
{
	g_autofree char *path = NULL, *text = NULL;
	int fd = g_file_open_tmp("jcall-XXXXXX", &path, NULL);
	struct outbox *o = outbox_new(fd, ROOM);

	assert_true(outbox_put(o, "one") && outbox_put(o, "") && outbox_put(o, "three"));
	assert_int_equal(outbox_waiting(o), 0);
	outbox_free(o);
	close(fd);
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_string_equal(text, "one\n\nthree\n");
	g_unlink(path);
}

static void what_has_no_room_is_lost_whole_and_the_rest_is_not(void **state)
{
	g_autofree char *line = g_strnfill(999, 'x');
	g_autoptr(GString) got = g_string_new(NULL);
	struct outbox *o;
	guint taken = 0;
	int fds[2];

	make_pipe(fds);
	o = outbox_new(fds[1], 100000);
	while (outbox_put(o, line))
		taken++;
	assert_in_range(taken, 100, 300);
	assert_true(outbox_waiting(o) <= 100000);
	assert_false(outbox_is_broken(o));
	loop_until((drain(fds[0], got), outbox_waiting(o) == 0));
	drain(fds[0], got);
	assert_int_equal(got->len, taken * 1000);
	assert_true(outbox_put(o, "again"));
	drain(fds[0], got);
	assert_true(g_str_has_suffix(got->str, "x\nagain\n"));
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

static void goes_away(void (*make)(int fds[2]))
{
	g_autofree char *line = g_strnfill(300000, 'x');
	struct outbox *o;
	int fds[2];

	make(fds);
	o = outbox_new(fds[1], ROOM);
	assert_true(outbox_put(o, line));		/* more than fits: some waits */
	assert_true(outbox_waiting(o) > 0);
	close(fds[0]);
	loop_until(outbox_is_broken(o));
	assert_int_equal(outbox_waiting(o), 0);
	assert_false(outbox_put(o, "x"));
	outbox_flush(o, -1);				/* nobody to wait for */
	loop_until(!g_main_context_pending(NULL));
	outbox_free(o);
	close(fds[1]);
}

static void a_reader_who_goes_away_breaks_it(void **state)
{
	goes_away(make_pipe);
	goes_away(make_sockets);
}

static void a_flush_waits_no_longer_than_it_may(void **state)
{
	g_autofree char *line = g_strnfill(300000, 'x');
	struct outbox *o;
	gint64 before;
	int fds[2];

	make_pipe(fds);
	o = outbox_new(fds[1], ROOM);
	outbox_put(o, line);
	before = g_get_monotonic_time();
	outbox_flush(o, 0);
	outbox_flush(o, 100);
	assert_true(g_get_monotonic_time() - before >= 100000);
	assert_true(outbox_waiting(o) > 0);
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

struct trickle {
	int fd;
	gint stop;
};

/* Reads a little now and then, for ever. */
static gpointer trickle(gpointer data)
{
	struct trickle *t = data;
	char piece[4096];

	while (!g_atomic_int_get(&t->stop)) {
		if (read(t->fd, piece, sizeof(piece)) <= 0)
			break;
		g_usleep(20000);
	}
	return NULL;
}

/* 900 kB at 200 kB/s would take more than 4 s. */
static void a_reader_who_trickles_does_not_make_it_longer(void **state)
{
	g_autofree char *line = g_strnfill(900000, 'x');
	struct trickle t = {.stop = 0};
	struct outbox *o;
	GThread *thread;
	int fds[2];

	make_pipe(fds);
	t.fd = fds[0];
	o = outbox_new(fds[1], ROOM);
	outbox_put(o, line);
	thread = g_thread_new("trickle", trickle, &t);
	outbox_flush(o, 300);
	assert_true(outbox_waiting(o) > 0);
	g_atomic_int_set(&t.stop, 1);
	g_thread_join(thread);
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

/* Not before many a signal has come. */
static gpointer read_all(gpointer data)
{
	char piece[4096];
	gsize all = 0;
	ssize_t n;

	g_usleep(200000);
	while ((n = read(GPOINTER_TO_INT(data), piece, sizeof(piece))) > 0)
		all += (gsize)n;
	return GSIZE_TO_POINTER(all);
}

static void on_alarm(int signum)
{
}

static void a_flush_is_not_cut_short_by_a_signal(void **state)
{
	g_autofree char *line = g_strnfill(900000, 'x');
	struct sigaction action = {.sa_handler = on_alarm}, before;
	struct itimerval often = {.it_interval = {.tv_usec = 5000}, .it_value = {.tv_usec = 5000}}, never = {.it_value = {.tv_usec = 0}};
	struct outbox *o;
	GThread *thread;
	sigset_t alarm_only;
	int fds[2];

	make_pipe(fds);
	o = outbox_new(fds[1], ROOM);
	outbox_put(o, line);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);		/* not for the reader's thread */
	thread = g_thread_new("reader", read_all, GINT_TO_POINTER(fds[0]));
	pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	outbox_flush(o, 30000);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(outbox_waiting(o), 0);
	outbox_free(o);
	close(fds[1]);
	assert_int_equal(GPOINTER_TO_SIZE(g_thread_join(thread)), 900001);
	close(fds[0]);
}

static void what_waits_is_forgotten_with_it(void **state)
{
	g_autofree char *line = g_strnfill(300000, 'x');
	struct outbox *o;
	int fds[2];

	make_pipe(fds);
	o = outbox_new(fds[1], ROOM);
	outbox_put(o, line);
	outbox_free(o);
	outbox_free(NULL);
	close(fds[0]);
	loop_for_ms(20);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_reader_of_a_pipe_gets_all),
		cmocka_unit_test(a_slow_reader_of_a_socket_gets_all),
		cmocka_unit_test(a_file_gets_all_at_once),
		cmocka_unit_test(what_has_no_room_is_lost_whole_and_the_rest_is_not),
		cmocka_unit_test(a_reader_who_goes_away_breaks_it),
		cmocka_unit_test(a_flush_waits_no_longer_than_it_may),
		cmocka_unit_test(a_reader_who_trickles_does_not_make_it_longer),
		cmocka_unit_test(a_flush_is_not_cut_short_by_a_signal),
		cmocka_unit_test(what_waits_is_forgotten_with_it),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
