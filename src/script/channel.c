#include "channel.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "outbox.h"
#include "request.h"

struct channel {
	int fd;
	struct channel_events ev;
	struct outbox *out;
	guint source, closing;
	gboolean skipping;		/* the rest of a line that is too long */
	gboolean busy, freed;
	gsize have;
	char in[REQUEST_MAX + 1];
};

static void destroy(struct channel *c)
{
	outbox_free(c->out);
	close(c->fd);
	g_free(c);
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	g_clear_handle_id(&c->source, g_source_remove);
	g_clear_handle_id(&c->closing, g_source_remove);
	c->freed = TRUE;
	if (!c->busy)
		destroy(c);
}

static gboolean on_closing(gpointer data)
{
	struct channel *c = data;

	c->closing = 0;
	c->ev.closed(c->ev.self);
	return G_SOURCE_REMOVE;
}

/* Told later, never from inside a call of our owner's. */
static void give_up(struct channel *c)
{
	g_clear_handle_id(&c->source, g_source_remove);
	if (!c->closing && !c->freed)
		c->closing = g_idle_add(on_closing, c);
}

void channel_send(struct channel *c, const char *line)
{
	if (!c->closing && !outbox_put(c->out, line))
		give_up(c);
}

gsize channel_waiting(const struct channel *c)
{
	return outbox_waiting(c->out);
}

void channel_flush(struct channel *c, int limit_ms)
{
	outbox_flush(c->out, limit_ms);
}

static void tell(struct channel *c, const char *line, gsize len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (!c->skipping && len > 0)
		c->ev.line(c->ev.self, line, len);
	c->skipping = FALSE;
}

/* Everything up to the last line's end is told; what follows stays for the rest of its line. */
static void split(struct channel *c)
{
	gsize at = 0;
	char *end;

	while (!c->freed && !c->closing && (end = memchr(c->in + at, '\n', c->have - at)) != NULL) {
		gsize len = (gsize)(end - (c->in + at));

		tell(c, c->in + at, len);
		at += len + 1;
	}
	if (c->freed || c->closing)
		return;
	memmove(c->in, c->in + at, c->have - at);
	c->have -= at;
	if (c->have == sizeof(c->in)) {
		if (!c->skipping)
			c->ev.too_long(c->ev.self);
		c->skipping = TRUE;
		c->have = 0;
	}
}

static gboolean on_drained(gint fd, GIOCondition condition, gpointer data)
{
	struct channel *c = data;

	if (outbox_waiting(c->out) > 0)
		return G_SOURCE_CONTINUE;
	c->source = 0;
	c->ev.closed(c->ev.self);
	return G_SOURCE_REMOVE;
}

/* Who ends without a line's end has said it all the same, and may still wait for answers. */
static void end_of_input(struct channel *c)
{
	c->source = 0;
	if (c->have > 0)
		tell(c, c->in, c->have);
	if (!c->freed && !c->closing && outbox_waiting(c->out) > 0)
		c->source = g_unix_fd_add(c->fd, G_IO_OUT, on_drained, c);
	else
		give_up(c);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct channel *c = data;
	ssize_t n = read(fd, c->in + c->have, sizeof(c->in) - c->have);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	c->busy = TRUE;
	if (n > 0) {
		c->have += (gsize)n;
		split(c);
	} else if (n == 0) {
		end_of_input(c);
	} else {
		c->source = 0;
		give_up(c);
	}
	c->busy = FALSE;
	if (c->freed) {
		destroy(c);
		return G_SOURCE_REMOVE;
	}
	return n > 0 && c->source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

struct channel *channel_new(int fd, const struct channel_events *events)
{
	struct channel *c = g_new0(struct channel, 1);

	c->fd = fd;
	c->ev = *events;
	c->out = outbox_new(fd, CHANNEL_ROOM);
	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	c->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, c);
	return c;
}
