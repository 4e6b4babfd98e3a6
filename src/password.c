#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "err.h"
#include "script/command.h"
#include "process.h"
#include "text.h"

enum { COMMAND_MS = 30000, MAX_PASSWORD = 1024 };

void password_free(char *password)
{
	if (!password)
		return;
	explicit_bzero(password, strlen(password));
	g_free(password);
}

/* The first line of TEXT (wiped); NULL when it is empty. */
static char *first_line(char *text, size_t len)
{
	size_t n = strcspn(text, "\r\n");
	char *line = n ? g_strndup(text, n) : NULL;

	explicit_bzero(text, len);
	return line;
}

/* ---- password_command ---- */

struct run {
	GSubprocess *process;
	GCancellable *stop;
	guint open;			/* operations still under way */
	gboolean timed_out;
	char out[MAX_PASSWORD + 1];
	gsize len;
};

static gboolean on_too_long(gpointer data)
{
	struct run *r = data;

	r->timed_out = TRUE;
	g_cancellable_cancel(r->stop);		/* a grandchild may hold the pipe open for ever */
	g_subprocess_force_exit(r->process);
	return G_SOURCE_REMOVE;
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct run *r = data;

	g_input_stream_read_all_finish(G_INPUT_STREAM(stream), result, &r->len, NULL);
	r->open--;
	if (r->len == MAX_PASSWORD)		/* nobody reads the rest, so it may not end by itself */
		g_subprocess_force_exit(r->process);
}

static void on_exit_status(GObject *process, GAsyncResult *result, gpointer data)
{
	struct run *r = data;

	g_subprocess_wait_finish(G_SUBPROCESS(process), result, NULL);
	r->open--;
}

static void run(struct run *r, guint timeout_ms)
{
	GMainContext *context = g_main_context_new();
	GSource *limit = g_timeout_source_new(timeout_ms);

	g_main_context_push_thread_default(context);
	g_source_set_callback(limit, on_too_long, r, NULL);
	g_source_attach(limit, context);
	r->open = 2;
	g_input_stream_read_all_async(g_subprocess_get_stdout_pipe(r->process), r->out, MAX_PASSWORD, G_PRIORITY_DEFAULT,
				      r->stop, on_read, r);
	g_subprocess_wait_async(r->process, NULL, on_exit_status, r);
	while (r->open)
		g_main_context_iteration(context, TRUE);
	g_source_destroy(limit);
	g_source_unref(limit);
	g_main_context_pop_thread_default(context);
	g_main_context_unref(context);
}

static char *judge(struct run *r, guint timeout_ms, GError **error)
{
	char *password = NULL;

	if (r->timed_out)
		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command took longer than %u s", (timeout_ms + 999) / 1000);
	else if (r->len == MAX_PASSWORD)
		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command prints %d bytes or more: that is no password",
			    MAX_PASSWORD);
	else if (g_subprocess_get_if_signaled(r->process))
		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command was ended by signal %d",
			    g_subprocess_get_term_sig(r->process));
	else if (g_subprocess_get_exit_status(r->process) != 0)
		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command failed with status %d",
			    g_subprocess_get_exit_status(r->process));
	else if (!(password = first_line(r->out, sizeof(r->out))))
		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command printed no password on its first line");
	explicit_bzero(r->out, sizeof(r->out));
	return password;
}

char *password_by_command(const char *command, guint timeout_ms, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
	g_auto(GStrv) argv = NULL;
	g_autoptr(GError) why = NULL;
	struct run r = {.process = NULL};
	char *password;

	g_subprocess_launcher_set_child_setup(launcher, command_child, NULL, NULL);
	if (g_shell_parse_argv(command, NULL, &argv, &why))
		r.process = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, &why);
	if (!r.process) {
		g_autofree char *clean = text_clean(why->message, TEXT_LONG);

		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command cannot be started: %s", clean);
		return NULL;
	}
	r.stop = g_cancellable_new();
	run(&r, timeout_ms);
	password = judge(&r, timeout_ms, error);
	g_object_unref(r.stop);
	g_object_unref(r.process);
	return password;
}

/* ---- the prompt ---- */

struct prompt {
	char line[MAX_PASSWORD + 1];
	size_t len;
	int signum;			/* 0: none came */
	gboolean done;
};

static gboolean on_typed(gint fd, GIOCondition condition, gpointer data)
{
	struct prompt *p = data;
	ssize_t n = read(fd, p->line + p->len, MAX_PASSWORD - p->len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return G_SOURCE_CONTINUE;
	if (n > 0)
		p->len += (size_t)n;
	p->done = n <= 0 || p->len == MAX_PASSWORD || p->line[p->len - 1] == '\n';
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(struct prompt *p, int signum)
{
	p->signum = signum;
	p->done = TRUE;
	return G_SOURCE_CONTINUE;
}

static gboolean on_sigint(gpointer data)
{
	return on_signal(data, SIGINT);
}

static gboolean on_sigterm(gpointer data)
{
	return on_signal(data, SIGTERM);
}

static gboolean on_sighup(gpointer data)
{
	return on_signal(data, SIGHUP);
}

static void watch(GMainContext *context, GSource **slot, GSource *source, GSourceFunc function, struct prompt *p)
{
	g_source_set_callback(source, function, p, NULL);
	g_source_attach(source, context);
	*slot = source;
}

/* Ctrl-Z and Ctrl-\ would leave the shell with a terminal that does not echo: they are ordinary characters meanwhile. */
static gboolean echo_off(int fd, struct termios *saved)
{
	struct termios quiet;

	if (tcgetattr(fd, saved) != 0)
		return FALSE;
	quiet = *saved;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	quiet.c_cc[VSUSP] = quiet.c_cc[VQUIT] = _POSIX_VDISABLE;
	return tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
}

/* Waits for a line or a signal. The signals are watched from before the echo goes off until it is on again, so none can
 * end us in between; when this returns they have the effect that they had before. */
static gboolean read_quietly(struct prompt *p, int fd)
{
	GMainContext *context = g_main_context_new();
	GSource *sources[4];
	struct termios saved;
	gboolean quiet;

	watch(context, &sources[0], g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR),
	      __extension__ (GSourceFunc)(void (*)(void))on_typed, p);
	watch(context, &sources[1], g_unix_signal_source_new(SIGINT), on_sigint, p);
	watch(context, &sources[2], g_unix_signal_source_new(SIGTERM), on_sigterm, p);
	watch(context, &sources[3], g_unix_signal_source_new(SIGHUP), on_sighup, p);
	quiet = echo_off(fd, &saved);
	while (quiet && !p->done)
		g_main_context_iteration(context, TRUE);
	if (quiet)
		tcsetattr(fd, TCSAFLUSH, &saved);
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		g_source_destroy(sources[i]);
		g_source_unref(sources[i]);
	}
	process_catch_signals();		/* GLib has put their default action back */
	g_main_context_unref(context);
	return quiet;
}

static char *no_terminal(const struct account *a, const struct config *c, GError **error)
{
	g_autofree char *place = c->path ? g_strdup(c->path) : config_default_path();

	g_set_error(error, JC_ERROR, JC_CONFIG, "there is no password for account '%s' and no terminal to ask on; set 'password' or "
		    "'password_command' in '%s', or JCALL_PASSWORD in the environment", a->name, place);
	return NULL;
}

static char *by_prompt(const struct account *a, const struct config *c, GError **error)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	g_autofree char *jid = text_clean(a->jid, TEXT_SHORT);
	struct prompt p = {.len = 0};
	gboolean asked;
	char *password;

	if (fd < 0)
		return no_terminal(a, c, error);
	dprintf(fd, "Password of %s: ", jid);
	asked = read_quietly(&p, fd);
	close(fd);
	password = first_line(p.line, sizeof(p.line));
	if (!asked)
		return no_terminal(a, c, error);
	if (p.signum) {
		password_free(password);
		raise(p.signum);			/* now that the terminal is in order; if it is ignored: */
		g_set_error(error, JC_ERROR, JC_CANCELLED, "cancelled");
		return NULL;
	}
	if (!password)
		g_set_error(error, JC_ERROR, JC_CONFIG, "no password was typed");
	return password;
}

/* Taken out of the environment, so that neither a process we start nor whoever lists our environment sees it. */
static char *by_environment(void)
{
	char *value = getenv("JCALL_PASSWORD");
	char *password = value && *value ? g_strdup(value) : NULL;

	if (value)
		explicit_bzero(value, strlen(value));
	unsetenv("JCALL_PASSWORD");
	return password;
}

char *account_password_within(const struct account *a, const struct config *c, guint command_ms, GError **error)
{
	char *password = by_environment();

	if (password)
		return password;
	if (a->password)
		return g_strdup(a->password);
	return a->password_command ? password_by_command(a->password_command, command_ms, error) : by_prompt(a, c, error);
}

char *account_password(const struct account *a, const struct config *c, GError **error)
{
	return account_password_within(a, c, COMMAND_MS, error);
}
