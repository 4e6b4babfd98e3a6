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
#include "loop.h"
#include "script/request.h"

struct ear {
	struct channel *c;
	int other;			/* the far end */
	GString *heard;			/* each line in brackets */
	guint lines, too_long, closed;
	gboolean free_at_line, free_at_long;
	const char *answer;		/* sent at each line; NULL: nothing */
};

static void on_line(void *self, const char *line, gsize len)
{
	struct ear *e = self;

	e->lines++;
	g_string_append_printf(e->heard, "[%.*s]", (int)len, line);
	if (e->answer)
		channel_send(e->c, e->answer);
	if (e->free_at_line)
		channel_free(g_steal_pointer(&e->c));
}

static void on_too_long(void *self)
{
	struct ear *e = self;

	e->too_long++;
	if (e->free_at_long)
		channel_free(g_steal_pointer(&e->c));
}

static void on_closed(void *self)
{
	struct ear *e = self;

	e->closed++;
	channel_free(g_steal_pointer(&e->c));
}

static int set_up(void **state)
{
	struct ear *e = g_new0(struct ear, 1);
	struct channel_events events = {.line = on_line, .too_long = on_too_long, .closed = on_closed, .self = e};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	e->heard = g_string_new(NULL);
	e->other = fds[1];
	e->c = channel_new(fds[0], &events);
	*state = e;
	return 0;
}

static int tear_down(void **state)
{
	struct ear *e = *state;

	channel_free(e->c);
	if (e->other >= 0)
		close(e->other);
	g_string_free(e->heard, TRUE);
	g_free(e);
	return 0;
}

static void say(struct ear *e, const char *text)
{
	assert_int_equal(write(e->other, text, strlen(text)), strlen(text));
}

static void hang_up(struct ear *e)
{
	close(e->other);
	e->other = -1;
}

static void several_lines_in_one_piece(void **state)
{
	struct ear *e = *state;

	say(e, "one\ntwo\r\n\n\r\nthree\n");
	loop_until(e->lines == 3);
	assert_string_equal(e->heard->str, "[one][two][three]");
}

static void a_line_in_many_pieces(void **state)
{
	struct ear *e = *state;

	for (const char *p = "half a line\r\n"; *p; p++) {
		assert_int_equal(write(e->other, p, 1), 1);
		loop_for_ms(1);
		assert_int_equal(e->lines, p[1] ? 0 : 1);
	}
	assert_string_equal(e->heard->str, "[half a line]");
}

static void the_last_line_needs_no_end(void **state)
{
	struct ear *e = *state;

	say(e, "one\ntwo");
	hang_up(e);
	loop_until(e->closed == 1);
	assert_string_equal(e->heard->str, "[one][two]");
	assert_null(e->c);
}

static void an_end_without_a_word(void **state)
{
	struct ear *e = *state;

	hang_up(e);
	loop_until(e->closed == 1);
	loop_for_ms(20);
	assert_int_equal(e->closed, 1);
	assert_int_equal(e->lines, 0);
}

static void the_longest_line_and_one_that_is_longer(void **state)
{
	struct ear *e = *state;
	g_autofree char *just = g_strnfill(REQUEST_MAX, 'x'), *more = g_strnfill(REQUEST_MAX + 1, 'y');

	say(e, just);
	say(e, "\n");
	loop_until(e->lines == 1);
	assert_int_equal(e->heard->len, REQUEST_MAX + 2);
	assert_int_equal(e->too_long, 0);
	say(e, more);
	loop_until(e->too_long == 1);
	say(e, more);
	say(e, more);
	say(e, "\nnext\n");
	loop_until(e->lines == 2);
	assert_int_equal(e->too_long, 1);		/* told once */
	assert_true(g_str_has_suffix(e->heard->str, "x][next]"));
}

static void the_end_of_a_line_that_was_too_long_is_no_line(void **state)
{
	struct ear *e = *state;
	g_autofree char *more = g_strnfill(REQUEST_MAX + 100, 'y');

	say(e, more);
	hang_up(e);
	loop_until(e->closed == 1);
	assert_int_equal(e->too_long, 1);
	assert_int_equal(e->lines, 0);
}

static void it_may_be_freed_from_inside_a_line(void **state)
{
	struct ear *e = *state;

	e->free_at_line = TRUE;
	e->answer = "yes";
	say(e, "one\ntwo\nthree");
	hang_up(e);
	loop_until(e->lines == 1);
	loop_for_ms(20);
	assert_string_equal(e->heard->str, "[one]");
	assert_int_equal(e->closed, 0);
}

static void it_may_be_freed_from_inside_the_last_line(void **state)
{
	struct ear *e = *state;

	e->free_at_line = TRUE;
	say(e, "one");
	hang_up(e);
	loop_until(e->lines == 1);
	loop_for_ms(20);
	assert_int_equal(e->closed, 0);
}

static void it_may_be_freed_from_inside_a_line_that_is_too_long(void **state)
{
	struct ear *e = *state;
	g_autofree char *more = g_strnfill(REQUEST_MAX + 100, 'y');

	e->free_at_long = TRUE;
	say(e, more);
	loop_until(e->too_long == 1);
	loop_for_ms(20);
	assert_int_equal(e->closed, 0);
}

/* He asks and asks, and reads nothing: he is let go, what was asked by then is bounded. */
static void who_does_not_read_is_let_go(void **state)
{
	struct ear *e = *state;
	g_autofree char *answer = g_strnfill(1000, 'a');

	e->answer = answer;
	while (!e->closed && e->lines < 100000) {
		if (send(e->other, "?\n?\n?\n?\n", 8, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			g_usleep(100);
		g_main_context_iteration(NULL, FALSE);
	}
	assert_int_equal(e->closed, 1);
	assert_in_range(e->lines, CHANNEL_ROOM / 1001, 10000);
}

/* Who says nothing himself, too. */
static void who_does_not_read_what_is_sent_to_him_is_let_go(void **state)
{
	struct ear *e = *state;
	g_autofree char *news = g_strnfill(1000, 'a');

	for (guint i = 0; i < 2000; i++)
		channel_send(e->c, news);
	assert_int_equal(e->closed, 0);			/* never from inside a call of its owner's */
	loop_until(e->closed == 1);
}

/* What the socket does not hold waits for him although he will say nothing more. */
static void who_has_said_all_gets_all_answers(void **state)
{
	struct ear *e = *state;
	g_autofree char *answer = g_strnfill(129999, 'a');
	gsize got = 0;
	int small = 4096;

	setsockopt(e->other, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	e->answer = answer;
	say(e, "?\n?");
	assert_int_equal(shutdown(e->other, SHUT_WR), 0);
	loop_until(e->lines == 2);
	loop_for_ms(20);
	while (!e->closed) {
		char piece[10000];
		ssize_t n = recv(e->other, piece, sizeof(piece), MSG_DONTWAIT);

		got += n > 0 ? (gsize)n : 0;
		g_main_context_iteration(NULL, FALSE);
	}
	for (ssize_t n = 1; n > 0; got += n > 0 ? (gsize)n : 0) {
		char piece[10000];

		n = recv(e->other, piece, sizeof(piece), MSG_DONTWAIT);
	}
	assert_int_equal(got, 260000);
}

static void who_has_said_all_and_goes_is_not_waited_for(void **state)
{
	struct ear *e = *state;
	g_autofree char *answer = g_strnfill(200000, 'a');

	e->answer = answer;
	say(e, "?\n?");
	assert_int_equal(shutdown(e->other, SHUT_WR), 0);
	loop_until(e->lines >= 1);
	loop_for_ms(20);
	hang_up(e);
	loop_until(e->closed == 1);
}

static void it_closes_its_socket(void **state)
{
	struct ear *e = *state;
	char c;

	channel_send(e->c, "bye");
	channel_flush(e->c, 1000);
	channel_free(g_steal_pointer(&e->c));
	for (const char *p = "bye\n"; *p; p++)
		assert_true(read(e->other, &c, 1) == 1 && c == *p);
	assert_int_equal(read(e->other, &c, 1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(several_lines_in_one_piece),
		TEST(a_line_in_many_pieces),
		TEST(the_last_line_needs_no_end),
		TEST(an_end_without_a_word),
		TEST(the_longest_line_and_one_that_is_longer),
		TEST(the_end_of_a_line_that_was_too_long_is_no_line),
		TEST(it_may_be_freed_from_inside_a_line),
		TEST(it_may_be_freed_from_inside_the_last_line),
		TEST(it_may_be_freed_from_inside_a_line_that_is_too_long),
		TEST(who_does_not_read_is_let_go),
		TEST(who_does_not_read_what_is_sent_to_him_is_let_go),
		TEST(who_has_said_all_gets_all_answers),
		TEST(who_has_said_all_and_goes_is_not_waited_for),
		TEST(it_closes_its_socket),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
