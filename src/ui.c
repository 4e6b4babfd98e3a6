#include "ui.h"

#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "process.h"
#include "script/event_sink.h"
#include "log.h"

#define ERASE "\r\033[J"		/* the live line, and what a narrower terminal has made of it */
#define NO_WRAP "\033[?7l"	/* a terminal may be narrower than it has told yet: what does not fit is lost, not wrapped */
#define WRAP    "\033[?7h"

enum {
	FLUSH_MS = 10000,		/* so long we wait at the end for whoever reads the events */
	BACK_MS = 100,			/* after Control-Z: until the terminal is ours again */
};

struct ui {
	struct ui *whole;		/* NULL: this is it; else the rest is unused, but for */
	guint call;
	struct ui_options options;
	struct events *events;
	struct event_sink *json;
	gboolean tty_in, tty_err, raw;
	gboolean can_live, shown;	/* the live line: may it be shown at all, is it now */
	unsigned style;
	struct live live;
	const void *live_of;		/* NULL: of nobody */
	guint resize_source;
	struct termios saved;
	guint key_source, back_source;
	void (*key)(void *ctx, int c);
	void *key_ctx;
};

static gboolean can_write_over(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

struct ui *ui_new(const struct ui_options *options)
{
	struct ui *u = g_new0(struct ui, 1);
	const char *no_colour = getenv("NO_COLOR");

	u->options = *options;
	u->events = events_new();
	if (options->json)
		u->json = event_sink_new(u->events, options->stdout_is_audio ? STDERR_FILENO : STDOUT_FILENO);
	if (u->json)
		event_sink_on_dead(u->json, options->dead, options->dead_ctx);
	u->tty_in = !options->stdin_is_audio && isatty(STDIN_FILENO);
	u->tty_err = isatty(STDERR_FILENO);
	u->can_live = can_write_over() && !options->json && !options->quiet && !options->verbose;
	u->style = (no_colour && *no_colour ? 0 : LIVE_COLOUR) | (g_get_charset(NULL) ? LIVE_BLOCKS : 0);
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

struct events *ui_events(struct ui *u)
{
	return whole(u)->events;
}

/* ---- the live line ---- */

static unsigned columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* What writes the live line once more, by one write that no log line of another thread comes between. The cursor is left at its
 * beginning, so that a line of somebody else's begins there; the last column stays free, since some terminals wrap after it. */
static char *live_text(const struct ui *u)
{
	g_autofree char *line = u->shown ? live_line(&u->live, columns() - 1, u->style) : NULL;

	return line ? g_strconcat(ERASE NO_WRAP, line, WRAP "\r", NULL) : g_strdup("");
}

static void hide(struct ui *u)
{
	log_over_line(FALSE);
	u->shown = FALSE;
	g_clear_handle_id(&u->resize_source, g_source_remove);
}

static void clear_live(struct ui *u)
{
	if (u->shown)
		fputs(ERASE, stderr);
	hide(u);
}

static void draw(struct ui *u)
{
	g_autofree char *text = live_text(u);

	fputs(text, stderr);
}

/* A job in the background would write over what its user types meanwhile. */
static gboolean in_background(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	return foreground != -1 && foreground != getpgrp();
}

/* Output that was stopped (Control-S) shall not stop the call: what waits for nobody is left out. */
static gboolean takes_more(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static gboolean on_resize(gpointer data)
{
	if (!in_background(STDERR_FILENO) && takes_more())
		draw(data);
	return G_SOURCE_CONTINUE;
}

static void listen_to_keys(struct ui *u);

gboolean ui_live(struct ui *u, const void *of, const struct live *l)
{
	u = whole(u);
	if (!u->can_live || (u->live_of && u->live_of != of))
		return FALSE;
	if (in_background(STDERR_FILENO)) {
		hide(u);			/* whatever stands there now is not ours to erase */
		return FALSE;
	}
	listen_to_keys(u);		/* it may have been in the background until now */
	u->live = *l;
	u->live_of = of;
	u->shown = TRUE;
	log_over_line(TRUE);
	if (!u->resize_source)
		u->resize_source = g_unix_signal_add(SIGWINCH, on_resize, u);
	if (takes_more())
		draw(u);
	return TRUE;
}

void ui_live_end(struct ui *u, const void *of)
{
	u = whole(u);
	if (u->live_of != of)
		return;
	u->live_of = NULL;
	clear_live(u);
}

void ui_keys_end(struct ui *u)
{
	g_clear_handle_id(&u->key_source, g_source_remove);
	g_clear_handle_id(&u->back_source, g_source_remove);
	if (u->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &u->saved);
	u->raw = FALSE;
	u->key = NULL;
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
	ui_keys_end(u);
	if (!event_sink_free(u->json, u->options.listing ? -1 : FLUSH_MS))
		process_output_lost();
	events_free(u->events);
	g_free(u);
}

/* ---- human lines ---- */

static void line(struct ui *u, const char *prefix, const char *format, va_list ap)
{
	g_autofree char *text = g_strdup_vprintf(format, ap);
	g_autofree char *live = live_text(u);
	g_autofree char *all = g_strconcat(u->shown ? ERASE : "", prefix, text, "\n", live, NULL);

	fputs(all, stderr);
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

/* ---- events ---- */

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

/* ---- keys ---- */

gboolean ui_has_keys(const struct ui *u)
{
	return whole(u)->tty_in;
}

static gboolean on_back(gpointer data)
{
	struct ui *u = data;

	u->back_source = 0;
	listen_to_keys(u);
	return G_SOURCE_REMOVE;
}

/* What the terminal does by itself at Control-Z, but it gets its modes back first, and ours again when we go on: the shell that has
 * it meanwhile may give it back in those of its own. The signal may come a little after kill(), which on_back lets pass. */
static void suspend(struct ui *u)
{
	clear_live(u);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &u->saved);
	u->raw = FALSE;
	u->key_source = 0;
	u->back_source = g_timeout_add(BACK_MS, on_back, u);
	kill(0, SIGTSTP);
}

static gboolean on_key(gint fd, GIOCondition condition, gpointer data)
{
	struct ui *u = data;
	char c;

	if (in_background(fd)) {		/* what is typed now is for others, and to read it would stop us */
		u->raw = FALSE;
		u->key_source = 0;
		return G_SOURCE_REMOVE;
	}
	if (read(fd, &c, 1) != 1) {		/* the terminal is gone: no more keys, the call goes on */
		u->key_source = 0;
		return G_SOURCE_REMOVE;
	}
	if (u->saved.c_cc[VSUSP] != _POSIX_VDISABLE && (cc_t)c == u->saved.c_cc[VSUSP]) {
		suspend(u);
		return G_SOURCE_REMOVE;
	}
	u->key(u->key_ctx, (unsigned char)c);
	return G_SOURCE_CONTINUE;
}

static void listen_to_keys(struct ui *u)
{
	struct termios t;

	if (!u->key || !u->tty_in || u->key_source || u->back_source)
		return;
	/* A job in the background would be stopped by touching its terminal. */
	if (in_background(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &u->saved) != 0)
		return;
	t = u->saved;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	u->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
	u->key_source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_key, u);
}

void ui_keys(struct ui *u, void (*key)(void *ctx, int c), void *ctx)
{
	u->key = key;
	u->key_ctx = ctx;
	listen_to_keys(u);
}

void ui_bell(struct ui *u)
{
	if (whole(u)->tty_err && !whole(u)->options.quiet) {
		fputc('\a', stderr);
		fflush(stderr);
	}
}
