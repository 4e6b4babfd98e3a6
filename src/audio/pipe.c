#include "audio.h"
#include "pacer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../err.h"
#include "../log.h"
#include "../worker.h"

enum {
	IN_ROOM = AUDIO_RATE / 2,		/* [samples] read ahead of their time */
	OUT_ROOM = 10 * AUDIO_RATE,		/* [samples] kept for a consumer that stalls */
	PIECE = 4096,				/* [bytes] PIPE_BUF: poll promises that so much does not block */
	LATE = AUDIO_RATE / 50,			/* [samples] further behind than this the schedule starts anew */
	FLUSH_MS = 2000,
};

/* Standard input and output are shared with other processes, so O_NONBLOCK is not for us to set: poll, then one read or
 * write that poll has promised not to block. */
static gboolean can(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};

	return poll(&p, 1, 0) == 1 && (p.revents & (what | POLLHUP | POLLERR)) != 0;
}

/* What is wrong with a file descriptor that is named to us; 0: nothing. */
static int refusal(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) >= 0 ? 0 : EBADF;
}

/* ---- reading ---- */

struct pipe_in {
	struct pacer pacer;
	int fd;					/* ours */
	char *name;				/* for messages */
	guint8 bytes[IN_ROOM * 2];
	size_t have;				/* [bytes] */
	guint64 came;				/* [samples] read from it, and asked for */
	gboolean end;
	GError *fault;
};

static void pull(struct pipe_in *p)
{
	while (!p->end && p->have < sizeof(p->bytes) && can(p->fd, POLLIN)) {
		ssize_t n = read(p->fd, p->bytes + p->have, MIN(sizeof(p->bytes) - p->have, PIECE));

		if (n > 0) {
			p->have += (size_t)n;
		} else if (n == 0) {
			p->end = TRUE;
		} else if (errno != EINTR && errno != EAGAIN) {
			p->end = TRUE;
			p->fault = g_error_new(JC_ERROR, JC_FILE, "cannot read %s: %s", p->name, g_strerror(errno));
		} else {
			return;
		}
	}
}

static void in_start(void *self, gint64 now_us)
{
	struct pipe_in *p = self;

	pacer_resume(&p->pacer, now_us);
}

/* A producer that is late makes the schedule late: nothing is lost, and nothing comes in a rush afterwards. */
static size_t in_ready(void *self, gint64 now_us)
{
	struct pipe_in *p = self;
	size_t due = pacer_due(&p->pacer, now_us), have;

	pull(p);
	have = p->have / 2;
	if (have == 0 && p->end)
		return AUDIO_END;
	if (due > have + LATE) {
		p->pacer.start_us = now_us - (gint64)(p->pacer.done + have) * G_USEC_PER_SEC / AUDIO_RATE;
		due = have;
	}
	return p->end ? due : MIN(due, have);	/* at the end the last frame is filled up with silence */
}

static size_t in_read(void *self, gint16 *pcm, size_t n)
{
	struct pipe_in *p = self;
	size_t got = MIN(n, p->have / 2);

	for (size_t i = 0; i < got; i++)
		pcm[i] = (gint16)(p->bytes[2 * i] | p->bytes[2 * i + 1] << 8);
	p->have -= 2 * got;
	p->came += got;
	memmove(p->bytes, p->bytes + 2 * got, p->have);
	p->pacer.done += n;
	return got;
}

static gint64 in_when(void *self, gint64 now_us, size_t n)
{
	struct pipe_in *p = self;
	gint64 at = pacer_when(&p->pacer, now_us, n);

	/* Overdue, but nothing is there: look again soon. */
	return at <= now_us && p->pacer.started ? now_us + 5000 : at;
}

static GError *in_fault(void *self)
{
	struct pipe_in *p = self;

	return g_steal_pointer(&p->fault);
}

static void in_close(void *self)
{
	struct pipe_in *p = self;

	log_info("pipe", "%" G_GUINT64_FORMAT " samples came by %s", p->came, p->name);
	close(p->fd);
	g_clear_error(&p->fault);
	g_free(p->name);
	g_free(p);
}

gboolean audio_pipe_in(struct audio_in *in, int fd, const char *name, GError **error)
{
	struct pipe_in *p;

	if (refusal(fd)) {
		g_set_error(error, JC_ERROR, JC_FILE, "cannot read %s: %s", name, g_strerror(refusal(fd)));
		return FALSE;
	}
	p = g_new0(struct pipe_in, 1);
	p->fd = fd;
	p->name = g_strdup(name);
	*in = (struct audio_in){.start = in_start, .ready = in_ready, .read = in_read, .when = in_when, .fault = in_fault,
				.close = in_close, .self = p};
	return TRUE;
}

/* ---- writing ---- */

struct pipe_out {
	struct pacer pacer;
	int fd;					/* ours */
	char *name;				/* for messages */
	gboolean heedless, gone;		/* whether anybody reads it is all the same; nobody does any more */
	guint8 *bytes;				/* a ring of OUT_ROOM samples */
	size_t first, have;			/* [bytes] */
	guint64 lost;				/* [samples] that found no room */
	GError *fault;
};

/* Of a socket poll promises room for one byte, no more. */
static ssize_t put(int fd, const guint8 *bytes, size_t n)
{
	ssize_t sent = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return sent >= 0 || errno != ENOTSOCK ? sent : write(fd, bytes, n);
}

static void fail_write(struct pipe_out *p, int why)
{
	gboolean left = why == EPIPE || why == ECONNRESET;

	p->gone = TRUE;
	if (p->heedless && left)
		log_debug("pipe", "nobody reads %s any more", p->name);
	else if (left)
		p->fault = g_error_new(JC_ERROR, JC_READER_GONE, "%s was closed by whoever read it", p->name);
	else
		p->fault = g_error_new(JC_ERROR, JC_FILE, "cannot write to %s: %s", p->name, g_strerror(why));
}

static void push(struct pipe_out *p)
{
	while (!p->gone && p->have > 0 && can(p->fd, POLLOUT)) {
		size_t piece = MIN(MIN(p->have, PIECE), OUT_ROOM * 2 - p->first);
		ssize_t n = put(p->fd, p->bytes + p->first, piece);

		if (n > 0) {
			p->first = (p->first + (size_t)n) % (OUT_ROOM * 2);
			p->have -= (size_t)n;
		} else if (errno != EINTR && errno != EAGAIN) {
			fail_write(p, errno);
		} else {
			return;
		}
	}
}

static void out_start(void *self, gint64 now_us)
{
	struct pipe_out *p = self;

	pacer_start(&p->pacer, now_us);
}

static size_t out_ready(void *self, gint64 now_us)
{
	struct pipe_out *p = self;

	return p->fault ? AUDIO_END : pacer_due(&p->pacer, now_us);
}

static void out_write(void *self, const gint16 *pcm, size_t n)
{
	struct pipe_out *p = self;
	size_t kept = p->gone ? 0 : MIN(n, (OUT_ROOM * 2 - p->have) / 2);

	/* The two bytes of a sample need not lie together: a write may have taken half of one. */
	for (size_t i = 0; i < kept; i++) {
		p->bytes[(p->first + p->have) % (OUT_ROOM * 2)] = (guint8)(pcm[i] & 0xff);
		p->bytes[(p->first + p->have + 1) % (OUT_ROOM * 2)] = (guint8)((guint16)pcm[i] >> 8);
		p->have += 2;
	}
	p->pacer.done += n;
	if (kept < n && !p->lost && !p->gone)
		log_at(p->heedless ? LOG_DEBUG : LOG_WARN, "pipe", "whoever reads %s is 10 s behind: sound is being left out", p->name);
	p->lost += n - kept;
	push(p);
}

static gint64 out_when(void *self, gint64 now_us, size_t n)
{
	struct pipe_out *p = self;

	return pacer_when(&p->pacer, now_us, MAX(n, AUDIO_RATE / 100));
}

static GError *out_fault(void *self)
{
	struct pipe_out *p = self;

	return p->fault ? g_error_copy(p->fault) : NULL;
}

/* Waits for a reader that is slow. */
static void flush(struct pipe_out *p)
{
	gint64 until = g_get_monotonic_time() + FLUSH_MS * 1000;

	push(p);
	while (!p->gone && p->have > 0 && g_get_monotonic_time() < until) {
		struct pollfd out = {.fd = p->fd, .events = POLLOUT};

		poll(&out, 1, 100);
		push(p);
	}
}

static void out_free(struct pipe_out *p)
{
	close(p->fd);
	g_clear_error(&p->fault);
	g_free(p->name);
	g_free(p->bytes);
	g_free(p);
}

static gpointer give_rest(gpointer data)
{
	flush(data);
	out_free(data);
	return NULL;
}

static gboolean out_close(void *self, GError **error)
{
	struct pipe_out *p = self;
	gboolean complete;
	worker_id id;

	if (p->heedless && !p->gone)
		push(p);
	if (p->heedless && !p->gone && p->have > 0) {	/* what becomes of it is all the same: nobody waits for that */
		if (worker_start(&id, "pipe-rest", 0, give_rest, p))
			worker_leave(id);
		else
			out_free(p);
		return TRUE;
	}
	flush(p);
	log_info("pipe", "%" G_GUINT64_FORMAT " samples went to %s, %" G_GUINT64_FORMAT " were left out",
		 p->pacer.done - p->lost - p->have / 2, p->name, p->lost + p->have / 2);
	complete = p->heedless || (!p->gone && p->have == 0 && !p->lost);
	if (p->fault) {
		g_propagate_error(error, g_steal_pointer(&p->fault));
		complete = FALSE;
	} else if (!complete) {
		g_set_error(error, JC_ERROR, JC_FILE, "whoever reads %s did not take all of it", p->name);
	}
	out_free(p);
	return complete;
}

gboolean audio_pipe_out(struct audio_out *out, int fd, const char *name, gboolean heedless, GError **error)
{
	struct pipe_out *p;

	if (refusal(fd)) {
		g_set_error(error, JC_ERROR, JC_FILE, "cannot write to %s: %s", name, g_strerror(refusal(fd)));
		return FALSE;
	}
	p = g_new0(struct pipe_out, 1);
	p->fd = fd;
	p->name = g_strdup(name);
	p->heedless = heedless;
	p->bytes = g_malloc(OUT_ROOM * 2);
	*out = (struct audio_out){.start = out_start, .ready = out_ready, .write = out_write, .when = out_when,
				  .fault = out_fault, .close = out_close, .patient = !heedless, .self = p};
	return TRUE;
}

/* ---- standard input and output: a call uses a duplicate of its own, since the next may want them, too ---- */

static int duplicate(int fd, const char *closed, const char *terminal, GError **error)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (own < 0) {
		g_set_error_literal(error, JC_ERROR, JC_FILE, closed);
	} else if (isatty(own)) {
		g_set_error_literal(error, JC_ERROR, JC_USAGE, terminal);
		close(own);
		own = -1;
	}
	return own;
}

static gboolean open_in(struct audio_in *in, const char *arg, GError **error)
{
	int fd = duplicate(STDIN_FILENO, "--in - reads standard input, which is closed",
			   "--in - reads raw sound from a pipe or a file, not from the terminal", error);

	return fd >= 0 && audio_pipe_in(in, fd, "standard input", error);
}

static gboolean open_out(struct audio_out *out, const char *arg, GError **error)
{
	int fd = duplicate(STDOUT_FILENO, "--out - writes to standard output, which is closed",
			   "--out - writes raw sound to a pipe or a file, not to the terminal", error);

	return fd >= 0 && audio_pipe_out(out, fd, "standard output", FALSE, error);
}

const struct audio_driver audio_pipe = {.name = "pipe", .open_in = open_in, .open_out = open_out};
