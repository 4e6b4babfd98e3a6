#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "script/control.h"
#include "err.h"
#include "loop.h"

static struct events *events;
static char *runtime, *folder, *path;

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	if (r->verb == VERB_HANGUP) {
		fields_add_string(reply, "half", "done");
		g_set_error(error, JC_ERROR, JC_REFUSED, "there is no call");
		return FALSE;
	}
	fields_add_string(reply, "verb", request_word(r->verb));
	fields_add_int(reply, "call", r->call);
	return TRUE;
}

static const struct request_handler handler = {.request = on_request, .self = NULL};

static int set_up(void **state)
{
	events = events_new();
	runtime = g_dir_make_tmp("jcall-XXXXXX", NULL);
	g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
	folder = control_folder();
	path = g_strdup_printf("%s/%d.sock", folder, (int)getpid());
	return 0;
}

static int tear_down(void **state)
{
	events_free(events);
	g_unlink(path);
	if (g_unlink(folder) < 0)
		g_rmdir(folder);
	assert_int_equal(g_rmdir(runtime), 0);		/* nothing else has been left in it */
	g_free(runtime);
	g_free(folder);
	g_free(path);
	return 0;
}

static int dial_socket(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct hearing {
	int fd;
	GString *got;
	gboolean whole, gone;
};

static gboolean hears(struct hearing *h)
{
	char c;
	ssize_t n;

	while ((n = read(h->fd, &c, 1)) == 1 && c != '\n')
		g_string_append_c(h->got, c);
	h->whole = n == 1;
	h->gone = n == 0 || (n < 0 && errno != EAGAIN);
	return h->whole || h->gone;
}

/* A line; NULL: the other end has gone. */
static char *hear(int fd)
{
	struct hearing h = {.fd = fd, .got = g_string_new(NULL)};

	loop_until(hears(&h));
	return g_string_free(h.got, !h.whole);
}

static char *ask(int fd, const char *line)
{
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	return hear(fd);
}

static void the_folder_and_the_socket_are_ours_alone(void **state)
{
	struct control *c = control_new(events, &handler, NULL);
	struct stat st;

	assert_non_null(c);
	assert_true(stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700);
	assert_true(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
	control_free(c);
	assert_true(stat(path, &st) < 0 && errno == ENOENT);
	assert_int_equal(chmod(folder, 0755), 0);		/* made by somebody less careful */
	c = control_new(events, &handler, NULL);
	assert_non_null(c);
	assert_true(stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700);
	control_free(c);
	control_free(NULL);
}

static void refused(const char *words)
{
	g_autoptr(GError) error = NULL;

	assert_null(control_new(events, &handler, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
	if (!strstr(error->message, words))
		fail_msg("%s", error->message);
}

static void a_folder_that_is_not_ours_is_not_used(void **state)
{
	guint before = open_fds();

	assert_int_equal(symlink("/tmp", folder), 0);
	refused("not a folder of yours alone");
	g_unlink(folder);
	g_file_set_contents(folder, "", 0, NULL);
	refused("not a folder of yours alone");
	g_unlink(folder);
	if (geteuid() == 0) {
		assert_true(mkdir(folder, 0700) == 0 && chown(folder, 65534, 65534) == 0);
		refused("not a folder of yours alone");
	}
	assert_int_equal(open_fds(), before);
}

static void without_a_place_there_is_none(void **state)
{
	g_autofree char *deep = g_strdup_printf("%s/%0100d", runtime, 0), *below = g_build_filename(deep, "jcall", NULL), *none = NULL;

	g_setenv("XDG_RUNTIME_DIR", "/does/not/exist", TRUE);
	refused("/does/not/exist");
	assert_int_equal(mkdir(deep, 0700), 0);
	g_setenv("XDG_RUNTIME_DIR", deep, TRUE);
	refused("too long");
	g_rmdir(below);
	g_rmdir(deep);
	g_setenv("XDG_RUNTIME_DIR", "relative", TRUE);
	none = control_folder();
	assert_true(!none || g_str_has_prefix(none, "/run/user/"));
}

static void what_a_killed_one_has_left_is_replaced(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct control *c;

	assert_int_equal(mkdir(folder, 0700), 0);
	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_true(dial_socket() < 0);
	c = control_new(events, &handler, NULL);
	assert_non_null(c);
	fd = dial_socket();
	assert_true(fd >= 0);
	close(fd);
	control_free(c);
}

static void requests_are_answered_and_failures_say_why(void **state)
{
	struct control *c = control_new(events, &handler, NULL);
	int fd = dial_socket(), other = dial_socket();
	g_autofree char *a = ask(fd, "mute\n"), *b = ask(other, "{\"command\":\"hold\",\"call\":3,\"id\":\"x\"}\n");
	g_autofree char *no = ask(fd, "hangup\n"), *bad = ask(other, "{\"id\":\"y\",\"command\":\"dance\"}\n");

	assert_string_equal(a, "{\"verb\":\"mute\",\"call\":0,\"ok\":true}");
	assert_string_equal(b, "{\"verb\":\"hold\",\"call\":3,\"ok\":true,\"id\":\"x\"}");
	assert_string_equal(no, "{\"ok\":false,\"error\":\"there is no call\"}");
	assert_string_equal(bad, "{\"ok\":false,\"error\":\"there is no command 'dance'\",\"id\":\"y\"}");
	close(fd);
	close(other);
	control_free(c);
}

static void tell(const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	events_tell(events, 1, 2.5, name, &ap);
	va_end(ap);
}

static void who_asks_for_events_hears_them_once_each(void **state)
{
	struct control *c = control_new(events, &handler, NULL);
	int fd = dial_socket();
	g_autofree char *yes = ask(fd, "events\n"), *again = ask(fd, "events\n"), *first = NULL, *second = NULL, *end = NULL;

	assert_string_equal(yes, "{\"ok\":true}");
	assert_string_equal(again, "{\"ok\":true}");
	tell("a", NULL);
	tell("b", NULL);
	first = hear(fd);
	second = hear(fd);
	assert_string_equal(first, "{\"event\":\"a\",\"time\":2.5,\"call\":1}");
	assert_string_equal(second, "{\"event\":\"b\",\"time\":2.5,\"call\":1}");
	control_free(c);				/* with a client, who listens */
	assert_false(events_have_listeners(events));
	end = hear(fd);
	assert_null(end);
	close(fd);
}

static void who_goes_listens_no_more(void **state)
{
	struct control *c = control_new(events, &handler, NULL);
	int fd = dial_socket();
	g_autofree char *yes = ask(fd, "events\n");
	guint with = open_fds();

	close(fd);
	tell("a", NULL);
	loop_until(!events_have_listeners(events));
	assert_int_equal(open_fds(), with - 2);
	control_free(c);
}

static void one_too_many_is_told_and_there_is_room_again(void **state)
{
	struct control *c = control_new(events, &handler, NULL);
	int fds[CONTROL_CLIENTS], more;
	char beyond;
	g_autofree char *words = NULL, *yes = NULL;

	for (guint i = 0; i < CONTROL_CLIENTS; i++) {
		g_autofree char *said = NULL;

		fds[i] = dial_socket();
		said = ask(fds[i], "mute\n");
		assert_non_null(said);
	}
	more = dial_socket();
	words = hear(more);
	assert_string_equal(words, "{\"ok\":false,\"error\":\"too many are connected\"}");
	assert_int_equal(recv(more, &beyond, sizeof(beyond), 0), 0);		/* the end, and not a byte before it */
	close(more);
	for (guint i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	loop_for_ms(100);
	more = dial_socket();
	yes = ask(more, "mute\n");
	assert_non_null(strstr(yes, "true"));
	close(more);
	control_free(c);
}

static gboolean count_turn(gpointer data)
{
	++*(guint *)data;
	return G_SOURCE_CONTINUE;
}

/* No file descriptor is left for who knocks: he waits, and the main loop does not spin. */
static void without_descriptors_it_waits(void **state)
{
	struct control *c = control_new(events, &handler, NULL);
	struct rlimit limit, none;
	int fd = dial_socket();
	guint turns = 0, source;
	g_autofree char *yes = NULL;

	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){.rlim_cur = (rlim_t)fd, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	source = g_idle_add_full(G_PRIORITY_LOW, count_turn, &turns, NULL);
	for (int i = 0; i < 50; i++)
		g_main_context_iteration(NULL, FALSE);
	g_source_remove(source);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_in_range(turns, 40, 50);			/* else the one who knocks would have had most of them */
	yes = ask(fd, "mute\n");
	assert_non_null(strstr(yes, "true"));
	close(fd);
	control_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_folder_and_the_socket_are_ours_alone),
		TEST(a_folder_that_is_not_ours_is_not_used),
		TEST(without_a_place_there_is_none),
		TEST(what_a_killed_one_has_left_is_replaced),
		TEST(requests_are_answered_and_failures_say_why),
		TEST(who_asks_for_events_hears_them_once_each),
		TEST(who_goes_listens_no_more),
		TEST(one_too_many_is_told_and_there_is_room_again),
		TEST(without_descriptors_it_waits),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
