#include "ui.h"

#include <glib-unix.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "event_sink.h"
#include "log.h"

enum { FLUSH_MS = 10000 };		/* so long we wait at the end for whoever reads the events */

struct ui {
	struct ui *whole;		/* NULL: this is it; else the rest is unused, but for */
	guint call;
	struct ui_options options;
	struct events *events;
	struct event_sink *json;
	gboolean tty_in, tty_err, raw;
	size_t live;			/* [columns] of the line that is to be written over */
	struct termios saved;
	guint key_source;
	void (*key)(void *ctx, int c);
	void *key_ctx;
};

struct ui *ui_new(const struct ui_options *options)
{
	struct ui *u = g_new0(struct ui, 1);

	u->options = *options;
	u->events = events_new();
	if (options->json)
		u->json = event_sink_new(u->events, options->stdout_is_audio ? STDERR_FILENO : STDOUT_FILENO);
	u->tty_in = !options->stdin_is_audio && isatty(STDIN_FILENO);
	u->tty_err = isatty(STDERR_FILENO);
	return u;
}

static struct ui *whole(const struct ui *u)
{
	return u->whole ? u->whole : (struct ui *)u;
}

struct ui *ui_of_call(struct ui *u, guint call)
{
	struct ui *part = g_new0(struct ui, 1);

	part->whole = whole(u);
	part->call = call;
	return part;
}

guint ui_call(const struct ui *u)
{
	return u->call;
}

struct events *ui_events(struct ui *u)
{
	return whole(u)->events;
}

static void clear_live(struct ui *u)
{
	if (u->live)
		fprintf(stderr, "%*s\r", (int)u->live, "");
	u->live = 0;
}

void ui_free(struct ui *u)
{
	if (!u)
		return;
	if (u->whole) {
		g_free(u);
		return;
	}
	clear_live(u);
	g_clear_handle_id(&u->key_source, g_source_remove);
	if (u->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &u->saved);
	event_sink_free(u->json, u->options.listing ? -1 : FLUSH_MS);
	events_free(u->events);
	g_free(u);
}

static void line(struct ui *u, const char *prefix, const char *format, va_list ap)
{
	g_autofree char *text = g_strdup_vprintf(format, ap);

	clear_live(u);
	fprintf(stderr, "%s%s\n", prefix, text);
}

void ui_say(struct ui *u, const char *format, ...)
{
	va_list ap;

	u = whole(u);
	if (u->options.json || u->options.quiet)
		return;
	va_start(ap, format);
	line(u, log_prefix(JOURNAL_INFO, ""), format, ap);
	va_end(ap);
}

void ui_error(struct ui *u, const char *format, ...)
{
	va_list ap;

	u = whole(u);
	va_start(ap, format);
	line(u, log_prefix(JOURNAL_NOTICE, "jcall: "), format, ap);
	va_end(ap);
}

static size_t columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* The cursor is left at the line's beginning, so that a line of somebody else's begins there. */
void ui_live(struct ui *u, const char *text)
{
	size_t len;

	u = whole(u);
	if (!u->tty_err || u->options.verbose) {
		ui_say(u, "%s", text);
		return;
	}
	if (u->options.json || u->options.quiet)
		return;
	len = MIN(strlen(text), columns() - 1);
	fprintf(stderr, "%.*s%*s\r", (int)len, text, (int)(u->live > len ? u->live - len : 0), "");
	fflush(stderr);
	u->live = len;
}

static void event(struct ui *u, gint64 at_us, const char *name, va_list *ap)
{
	events_tell(whole(u)->events, u->call, (double)(g_get_real_time() - g_get_monotonic_time() + at_us) / 1e6, name, ap);
}

void ui_event(struct ui *u, const char *name, ...)
{
	va_list ap;

	if (!events_have_listeners(whole(u)->events))
		return;
	va_start(ap, name);
	event(u, g_get_monotonic_time(), name, &ap);
	va_end(ap);
}

void ui_event_at(struct ui *u, gint64 at_us, const char *name, ...)
{
	va_list ap;

	if (!events_have_listeners(whole(u)->events))
		return;
	va_start(ap, name);
	event(u, at_us, name, &ap);
	va_end(ap);
}

gboolean ui_has_keys(const struct ui *u)
{
	return whole(u)->tty_in;
}

static gboolean on_key(gint fd, GIOCondition condition, gpointer data)
{
	struct ui *u = data;
	char c;

	if (read(fd, &c, 1) != 1) {		/* the terminal is gone: no more keys, the call goes on */
		u->key_source = 0;
		return G_SOURCE_REMOVE;
	}
	u->key(u->key_ctx, (unsigned char)c);
	return G_SOURCE_CONTINUE;
}

void ui_keys(struct ui *u, void (*key)(void *ctx, int c), void *ctx)
{
	struct termios t;
	pid_t foreground;

	u->key = key;
	u->key_ctx = ctx;
	if (!u->tty_in || u->key_source)
		return;
	/* A job in the background would be stopped by touching its terminal. */
	foreground = tcgetpgrp(STDIN_FILENO);
	if ((foreground != -1 && foreground != getpgrp()) || tcgetattr(STDIN_FILENO, &u->saved) != 0)
		return;
	t = u->saved;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	u->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
	u->key_source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_key, u);
}

void ui_bell(struct ui *u)
{
	if (whole(u)->tty_err && !whole(u)->options.quiet) {
		fputc('\a', stderr);
		fflush(stderr);
	}
}
