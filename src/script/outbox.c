#include "outbox.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 4096 };			/* [bytes] PIPE_BUF: poll promises that so much does not block */

struct outbox {
	int fd;
	gsize room;
	GString *waiting;
	gsize at;			/* so much of it is written */
	guint source;
	gboolean broken;
	int fault;			/* why, where that is not that the reader has gone */
};

struct outbox *outbox_new(int fd, gsize room)
{
	struct outbox *o = g_new0(struct outbox, 1);

	o->fd = fd;
	o->room = room;
	o->waiting = g_string_new(NULL);
	return o;
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	g_clear_handle_id(&o->source, g_source_remove);
	g_string_free(o->waiting, TRUE);
	g_free(o);
}

gboolean outbox_is_broken(const struct outbox *o)
{
	return o->broken;
}

int outbox_fault(const struct outbox *o)
{
	return o->fault;
}

gsize outbox_waiting(const struct outbox *o)
{
	return o->waiting->len - o->at;
}

static ssize_t put(int fd, const char *bytes, gsize n)
{
	ssize_t sent = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return sent >= 0 || errno != ENOTSOCK ? sent : write(fd, bytes, n);
}

static gboolean can_write(int fd, int limit_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, limit_ms) == 1;
}

static void give_up(struct outbox *o, int why)
{
	o->broken = TRUE;
	o->fault = why == EPIPE || why == ECONNRESET ? 0 : why;
}

/* Writes what the reader takes now. */
static void push(struct outbox *o)
{
	while (!o->broken && outbox_waiting(o) > 0 && can_write(o->fd, 0)) {
		ssize_t n = put(o->fd, o->waiting->str + o->at, MIN(outbox_waiting(o), PIECE));

		if (n > 0)
			o->at += (gsize)n;
		else if (n == 0 || (errno != EINTR && errno != EAGAIN))
			give_up(o, n ? errno : ENOSPC);
		else if (errno == EAGAIN)
			break;
	}
	if (o->broken || outbox_waiting(o) == 0) {
		g_string_truncate(o->waiting, 0);
		o->at = 0;
	} else if (o->at > o->room / 2) {
		g_string_erase(o->waiting, 0, (gssize)o->at);
		o->at = 0;
	}
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data)
{
	struct outbox *o = data;

	push(o);
	if (outbox_waiting(o) > 0)
		return G_SOURCE_CONTINUE;
	o->source = 0;
	return G_SOURCE_REMOVE;
}

gboolean outbox_put(struct outbox *o, const char *line)
{
	gsize len = strlen(line);

	if (o->broken || outbox_waiting(o) + len + 1 > o->room)
		return FALSE;
	g_string_append_len(o->waiting, line, (gssize)len);
	g_string_append_c(o->waiting, '\n');
	push(o);
	if (outbox_waiting(o) > 0 && !o->source)
		o->source = g_unix_fd_add(o->fd, G_IO_OUT, on_ready, o);
	return !o->broken;
}

void outbox_flush(struct outbox *o, int limit_ms)
{
	gint64 end_us = g_get_monotonic_time() + limit_ms * 1000LL;
	gint64 left_ms = limit_ms;

	push(o);
	while (outbox_waiting(o) > 0 && (limit_ms < 0 || left_ms > 0)) {
		can_write(o->fd, (int)left_ms);		/* a signal may end it early */
		push(o);
		if (limit_ms >= 0)
			left_ms = (end_us - g_get_monotonic_time()) / 1000;
	}
}
