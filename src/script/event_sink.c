#include "event_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../err.h"
#include "../log.h"
#include "outbox.h"
#include "../text.h"

enum { LOST_LINE = 128 };			/* [bytes], at most */

struct event_sink {
	struct events *events;
	struct outbox *out;
	guint listener;
	guint64 lost;
	double lost_s;			/* when the last of these happened */
	int own_fd;			/* -1: it is somebody else's */
	gboolean any;			/* has been written */
	gboolean faulty;		/* nothing can be written any more, which has been told */
	void (*dead)(void *ctx);
	void *ctx;
};

/* A full disk is told at once; a reader who has gone knows it himself. */
static void look_for_fault(struct event_sink *s)
{
	int fault = outbox_fault(s->out);

	if (!fault || s->faulty)
		return;
	s->faulty = TRUE;
	log_error("events", "events cannot be written: %s", g_strerror(fault));
	if (!s->any && s->dead)
		s->dead(s->ctx);
}

static gboolean tell_lost(struct event_sink *s)
{
	struct fields *f = fields_new();
	g_autofree char *line = NULL;

	fields_add_string(f, "event", "lost");
	fields_add_double(f, "time", s->lost_s);
	fields_add_int(f, "count", (gint64)s->lost);
	line = fields_write(f);
	fields_free(f);
	if (!outbox_put(s->out, line))
		return FALSE;
	s->lost = 0;
	return TRUE;
}

static void on_event(void *ctx, const struct event *e)
{
	struct event_sink *s = ctx;

	/* The gap is told when it is over, in one line, and not in the last bytes that no event fits in. */
	gboolean fits = !s->lost || outbox_waiting(s->out) + LOST_LINE + strlen(e->json) < SINK_ROOM;

	if (fits && (!s->lost || tell_lost(s)) && outbox_put(s->out, e->json)) {
		s->any = TRUE;
		return;
	}
	look_for_fault(s);
	s->lost++;
	fields_double(e->fields, "time", &s->lost_s);
}

struct event_sink *event_sink_new(struct events *e, int fd)
{
	struct event_sink *s = g_new0(struct event_sink, 1);

	s->events = e;
	s->own_fd = -1;
	s->out = outbox_new(fd, SINK_ROOM);
	s->listener = events_listen(e, on_event, s);
	return s;
}

static int open_number(guint64 number, GError **error)
{
	int fd = (int)number, flags = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);

	/* What we were started with has survived our own exec; what we opened ourselves would not. */
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (own & FD_CLOEXEC)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "--events %d: this file descriptor is not open for writing", fd);
		return -1;
	}
	if (fd > STDERR_FILENO)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* Not blocking: a FIFO that nobody reads is told at once. A new file is its user's alone: it says with whom this user talks. */
static int open_path(const char *path, GError **error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	g_autofree char *clean = text_clean(path, TEXT_LONG);

	if (fd < 0)
		g_set_error(error, JC_ERROR, JC_FILE, "--events %s: %s", clean,
			    errno == ENXIO ? "nobody reads this FIFO" : g_strerror(errno));
	return fd;
}

struct event_sink *event_sink_open(struct events *e, const char *where, GError **error)
{
	struct event_sink *s;
	guint64 number;
	gboolean is_number = text_uint(where, 0, G_MAXINT, &number);
	int fd = is_number ? open_number(number, error) : open_path(where, error);

	if (fd < 0)
		return NULL;
	s = event_sink_new(e, fd);
	if (!is_number)
		s->own_fd = fd;
	return s;
}

void event_sink_on_dead(struct event_sink *s, void (*dead)(void *ctx), void *ctx)
{
	s->dead = dead;
	s->ctx = ctx;
}

gboolean event_sink_free(struct event_sink *s, int limit_ms)
{
	gboolean whole;

	if (!s)
		return TRUE;
	s->dead = NULL;
	events_unlisten(s->events, s->listener);
	outbox_flush(s->out, limit_ms);
	if (s->lost && tell_lost(s))
		outbox_flush(s->out, limit_ms);
	look_for_fault(s);
	whole = !s->faulty;
	outbox_free(s->out);
	if (s->own_fd >= 0)
		close(s->own_fd);
	g_free(s);
	return whole;
}
