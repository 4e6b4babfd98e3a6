#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "script/channel.h"
#include "script/client.h"
#include "err.h"
#include "loop.h"

static struct events *events;
static struct client *client;
static int other;
static guint asked, gone, of_call;

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	asked++;
	of_call = r->call;
	return TRUE;
}

static void on_gone(void *ctx, struct client *c)
{
	gone++;
	client_free(c, 0);
	client = NULL;
}

static void begin(guint call)
{
	struct client_options options = {.events = events, .handler = {.request = on_request}, .call = call, .gone = on_gone};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	other = fds[1];
	client = client_new(fds[0], &options);
}

static int set_up(void **state)
{
	events = events_new();
	asked = gone = of_call = 0;
	return 0;
}

static int tear_down(void **state)
{
	client_free(client, 0);
	client = NULL;
	close(other);
	assert_false(events_have_listeners(events));
	events_free(events);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(other, text, strlen(text)), strlen(text));
}

static void tell(guint call, ...)
{
	va_list ap;

	va_start(ap, call);
	events_tell(events, call, 2.5, "x", &ap);
	va_end(ap);
}

/* All that has come by now, and has not been read. */
static char *read_all(void)
{
	GString *got = g_string_new(NULL);
	char piece[65536];
	ssize_t n;

	loop_for_ms(50);
	while ((n = recv(other, piece, sizeof(piece), MSG_DONTWAIT)) > 0) {
		g_string_append_len(got, piece, n);
		loop_for_ms(5);
	}
	return g_string_free(got, FALSE);
}

static void the_command_of_a_call_asks_for_it_and_hears_of_it_alone(void **state)
{
	g_autofree char *got = NULL;

	begin(4);
	tell(3, NULL);
	tell(4, NULL);
	tell(0, NULL);
	say("mute\n{\"command\":\"mute\",\"call\":4}\n{\"command\":\"mute\",\"call\":3}\n");
	got = read_all();
	assert_int_equal(asked, 2);
	assert_int_equal(of_call, 4);
	assert_string_equal(got, "{\"event\":\"x\",\"time\":2.5,\"call\":4}\n{\"ok\":true}\n{\"ok\":true}\n"
			    "{\"ok\":false,\"error\":\"this is call 4, and no other can be reached from here\"}\n");
}

/* It has asked for none, so it need not read them, and is heard all the same, however long the call was. */
static void the_command_of_a_call_need_not_read_its_events(void **state)
{
	g_autofree char *text = g_strnfill(1000, 'x'), *got = NULL;

	begin(4);
	for (int i = 0; i < 3000; i++)
		tell(4, "text", "s", text, NULL);
	loop_for_ms(20);
	assert_int_equal(gone, 0);
	say("hangup\n");
	loop_until(asked == 1);
	assert_int_equal(gone, 0);
	got = read_all();
	assert_true(strlen(got) < 3 * CHANNEL_ROOM);
	assert_true(g_str_has_suffix(got, "xxx\"}\n{\"ok\":true}\n"));
}

/* Who has asked for them and does not read them would miss some without knowing. */
static void who_has_asked_for_events_and_reads_none_is_let_go(void **state)
{
	g_autofree char *text = g_strnfill(1000, 'x');

	begin(0);
	tell(1, "text", "s", "not yet", NULL);
	say("events\n");
	loop_until(events_have_listeners(events));
	for (int i = 0; i < 3000; i++)
		tell(1, "text", "s", text, NULL);
	assert_int_equal(gone, 0);			/* not while it is told */
	loop_until(gone == 1);
}

static void a_line_that_is_too_long_is_answered(void **state)
{
	g_autofree char *line = g_strnfill(REQUEST_MAX + 1, 'x'), *got = NULL;

	begin(0);
	say(line);
	say("\nmute\n");
	got = read_all();
	assert_string_equal(got, "{\"ok\":false,\"error\":\"a line may have 8192 bytes\"}\n{\"ok\":true}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_command_of_a_call_asks_for_it_and_hears_of_it_alone),
		TEST(the_command_of_a_call_need_not_read_its_events),
		TEST(who_has_asked_for_events_and_reads_none_is_let_go),
		TEST(a_line_that_is_too_long_is_answered),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
