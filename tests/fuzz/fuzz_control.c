/* Whoever is at the control socket: the input is what they send, cut into pieces at each byte 0xff. However it is cut, what they
 * hear is the same, is lines of UTF-8, and the phone understood the same requests. */
#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "script/client.h"

enum { MOST = 16000, CUT = 0xff };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct client *client;
	int far;			/* the end of whoever asks */
	GString *heard, *asked;
};

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	struct state *s = self;

	g_string_append_printf(s->asked, "%d %u %s\n", (int)r->verb, r->call, r->text ? r->text : "");
	fields_add_int(reply, "call", r->call);
	fields_add_string(reply, "text", r->text);
	if (r->verb != VERB_HANGUP)
		return TRUE;
	g_set_error(error, JC_ERROR, JC_REFUSED, "there is no call");
	return FALSE;
}

static void on_gone(void *ctx, struct client *c)
{
	struct state *s = ctx;

	client_free(c, 0);
	s->client = NULL;
}

static void hear(struct state *s)
{
	char buffer[4096];
	ssize_t n;

	while (g_main_context_iteration(NULL, FALSE))
		while ((n = recv(s->far, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
			g_string_append_len(s->heard, buffer, n);
	while ((n = recv(s->far, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
		g_string_append_len(s->heard, buffer, n);
}

/* NULL-terminated PIECES are sent one after the other; what was heard and understood is in S then. */
static void converse(struct state *s, GBytes *const *pieces)
{
	struct events *events = events_new();
	struct client_options options = {.events = events, .handler = {.request = on_request, .self = s}, .gone = on_gone, .ctx = s};
	int fds[2];

	g_assert_true(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	*s = (struct state){.far = fds[1], .heard = g_string_new(NULL), .asked = g_string_new(NULL)};
	s->client = client_new(fds[0], &options);
	for (; *pieces; pieces++) {
		gsize len;
		const void *piece = g_bytes_get_data(*pieces, &len);

		g_assert_true(!len || send(s->far, piece, len, MSG_NOSIGNAL) == (ssize_t)len);
		hear(s);
	}
	shutdown(s->far, SHUT_WR);
	hear(s);
	g_assert_null(s->client);
	close(s->far);
	events_free(events);
}

static void forget(struct state *s)
{
	g_string_free(s->heard, TRUE);
	g_string_free(s->asked, TRUE);
}

/* The pieces of DATA, and all of them as one. */
static GPtrArray *cut(const uint8_t *data, size_t size, GByteArray *whole)
{
	GPtrArray *pieces = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	while (size) {
		const uint8_t *end = memchr(data, CUT, size);
		size_t len = end ? (size_t)(end - data) : size;

		g_byte_array_append(whole, data, (guint)len);
		g_ptr_array_add(pieces, g_bytes_new(data, len));
		data += len + (end ? 1 : 0);
		size -= len + (end ? 1 : 0);
	}
	g_ptr_array_add(pieces, NULL);
	return pieces;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) whole = g_byte_array_new();
	g_autoptr(GPtrArray) pieces = NULL;
	GBytes *one[2] = {NULL};
	struct state in_pieces, at_once;

	if (size > MOST)
		return 0;
	pieces = cut(data, size, whole);
	one[0] = g_bytes_new(whole->data, whole->len);
	converse(&in_pieces, (GBytes *const *)pieces->pdata);
	converse(&at_once, one);
	g_assert_true(g_string_equal(in_pieces.heard, at_once.heard));
	g_assert_true(g_string_equal(in_pieces.asked, at_once.asked));
	g_assert_true(g_utf8_validate(at_once.heard->str, (gssize)at_once.heard->len, NULL));
	g_assert_true(!at_once.heard->len || at_once.heard->str[at_once.heard->len - 1] == '\n');
	forget(&in_pieces);
	forget(&at_once);
	g_bytes_unref(one[0]);
	return 0;
}
