#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "script/event_sink.h"
#include "loop.h"

static struct events *events;
static char *folder;

static int set_up(void **state)
{
	events = events_new();
	folder = g_dir_make_tmp("jcall-XXXXXX", NULL);
	return folder ? 0 : -1;
}

static int tear_down(void **state)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

	for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		g_unlink(path);
	}
	g_rmdir(folder);
	g_clear_pointer(&folder, g_free);
	events_free(events);
	return 0;
}

static void tell(double at_s, ...)
{
	va_list ap;

	va_start(ap, at_s);
	events_tell(events, 0, at_s, "x", &ap);
	va_end(ap);
}

static void drain(int fd, GString *into)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		g_string_append_len(into, piece, n);
}

/* Every event is there, or counted where it would have been. */
static void who_stalls_is_told_how_many_he_has_lost(void **state)
{
	g_autofree char *text = g_strnfill(1000, 'x');
	g_autoptr(GString) got = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;
	struct event_sink *s;
	guint all = 0, lost_at = 0;
	gint64 lost = 0;
	double at = 0;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	s = event_sink_new(events, fds[1]);
	for (int i = 0; i < 2000; i++)
		tell(i, "n", "i", (gint64)i, "text", "s", text, NULL);
	loop_until((drain(fds[0], got), got->len > SINK_ROOM));
	tell(2000, "n", "i", (gint64)2000, NULL);
	event_sink_free(s, 10000);
	close(fds[1]);
	drain(fds[0], got);
	close(fds[0]);
	lines = g_strsplit(got->str, "\n", -1);
	for (guint i = 0; lines[i] && *lines[i]; i++) {
		struct fields *f = fields_read(lines[i], strlen(lines[i]), NULL);
		gint64 n = -1;

		assert_non_null(f);
		if (g_str_equal(fields_string(f, "event"), "lost")) {
			assert_int_equal(lost, 0);
			assert_true(fields_int(f, "count", &lost) && fields_double(f, "time", &at));
			lost_at = i;
		} else {
			assert_true(fields_int(f, "n", &n));
			assert_int_equal(n, lost ? i - 1 + lost : i);
		}
		all++;
		fields_free(f);
	}
	assert_in_range(lost, 100, 1999);
	assert_int_equal(all - 1 + lost, 2001);
	assert_int_equal(lost_at + lost, at + 1);		/* the time of the last one that was lost */
}

/* Just after the gap has begun there may be room for the line that tells of it, but for no event behind it. */
static void one_gap_is_told_in_one_line_however_little_room_is_left(void **state)
{
	for (gsize len = 100; len < 160; len += 5) {
		g_autofree char *text = g_strnfill(len, 'x');
		g_autoptr(GString) got = g_string_new(NULL);
		struct event_sink *s;
		const char *first;
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
		s = event_sink_new(events, fds[1]);
		for (int i = 0; i < (SINK_ROOM + (1 << 17)) / 100; i++)
			tell(0, "text", "s", text, NULL);
		loop_until((drain(fds[0], got), got->len > SINK_ROOM));
		tell(1, "text", "s", text, NULL);
		event_sink_free(s, 10000);
		close(fds[1]);
		drain(fds[0], got);
		close(fds[0]);
		first = strstr(got->str, "\"lost\"");
		assert_non_null(first);
		assert_null(strstr(first + 1, "\"lost\""));
	}
}

static gpointer read_to_end(gpointer data)
{
	GString *got = g_string_new(NULL);

	drain(GPOINTER_TO_INT(data), got);
	return got;
}

/* At the end there is nothing more to come that could make it known. */
static void what_was_lost_last_is_told_too(void **state)
{
	g_autofree char *text = g_strnfill(1000, 'x');
	struct event_sink *s;
	GThread *reader;
	GString *got;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s = event_sink_new(events, fds[1]);
	for (int i = 0; i < 2000; i++)
		tell(i, "text", "s", text, NULL);
	reader = g_thread_new("reader", read_to_end, GINT_TO_POINTER(fds[0]));
	event_sink_free(s, 30000);
	close(fds[1]);
	got = g_thread_join(reader);
	assert_non_null(strstr(got->str, "{\"event\":\"lost\",\"time\":1999"));
	g_string_free(got, TRUE);
	close(fds[0]);
}

static void refused(const char *where, int code)
{
	g_autoptr(GError) error = NULL;
	struct event_sink *s = event_sink_open(events, where, &error);

	if (s)
		fail_msg("taken: %s", where);
	if (!g_error_matches(error, JC_ERROR, code))
		fail_msg("%s: %s", where, error->message);
	assert_non_null(strstr(error->message, "--events"));
	assert_false(events_have_listeners(events));
}

static void what_cannot_be_written_to_is_refused(void **state)
{
	g_autofree char *fifo = g_build_filename(folder, "fifo", NULL), *nowhere = g_build_filename(folder, "no", "where", NULL);
	g_autofree char *number = NULL;
	int fd = open("/dev/null", O_RDONLY);

	number = g_strdup_printf("%d", fd);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused(fifo, JC_FILE);
	refused(nowhere, JC_FILE);
	refused(folder, JC_FILE);
	refused("", JC_FILE);
	refused("987", JC_USAGE);
	refused("98765", JC_USAGE);
	refused(number, JC_USAGE);
	close(fd);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);	/* one that we have opened ourselves, for something else */
	g_free(number);
	number = g_strdup_printf("%d", fd);
	refused(number, JC_USAGE);
	close(fd);
}

static void a_descriptor_we_were_given_is_not_given_on(void **state)
{
	g_autofree char *number = NULL;
	g_autoptr(GString) got = g_string_new(NULL);
	struct event_sink *s;
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	number = g_strdup_printf("%d", fds[1]);
	s = event_sink_open(events, number, NULL);
	assert_non_null(s);
	assert_true(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
	tell(1, NULL);
	event_sink_free(s, 0);
	assert_true(fcntl(fds[1], F_GETFD) >= 0);		/* it stays open */
	drain(fds[0], got);
	assert_string_equal(got->str, "{\"event\":\"x\",\"time\":1.0}\n");
	close(fds[0]);
	close(fds[1]);
}

static void a_file_is_appended_to_and_closed(void **state)
{
	g_autofree char *path = g_build_filename(folder, "events", NULL), *text = NULL;
	guint before = open_fds();

	g_file_set_contents(path, "before\n", -1, NULL);
	for (int i = 0; i < 2; i++) {
		struct event_sink *s = event_sink_open(events, path, NULL);

		tell(i, NULL);
		event_sink_free(s, 0);
	}
	tell(9, NULL);
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	assert_string_equal(text, "before\n{\"event\":\"x\",\"time\":0.0}\n{\"event\":\"x\",\"time\":1.0}\n");
	assert_int_equal(open_fds(), before);
}

/* Whatever umask allows, here everything. */
static void a_new_file_is_its_users_alone_and_an_older_one_keeps_its_mode(void **state)
{
	g_autofree char *path = g_build_filename(folder, "alone", NULL);
	mode_t before = umask(0);
	struct stat st;

	for (int i = 0; i < 2; i++) {
		event_sink_free(event_sink_open(events, path, NULL), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, i ? 0644 : 0600);
		assert_int_equal(chmod(path, 0644), 0);
	}
	umask(before);
	unlink(path);
}

static void a_reader_who_goes_away_does_no_harm(void **state)
{
	struct event_sink *s;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s = event_sink_new(events, fds[1]);
	close(fds[0]);
	tell(1, NULL);
	tell(2, NULL);
	event_sink_free(s, -1);
	event_sink_free(NULL, -1);
	close(fds[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_stalls_is_told_how_many_he_has_lost),
		TEST(one_gap_is_told_in_one_line_however_little_room_is_left),
		TEST(what_was_lost_last_is_told_too),
		TEST(what_cannot_be_written_to_is_refused),
		TEST(a_descriptor_we_were_given_is_not_given_on),
		TEST(a_file_is_appended_to_and_closed),
		TEST(a_new_file_is_its_users_alone_and_an_older_one_keeps_its_mode),
		TEST(a_reader_who_goes_away_does_no_harm),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
