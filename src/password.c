#include <fcntl.h>
#include <stdio.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "config.h"
#include "err.h"

enum { COMMAND_S = 30, MAX_PASSWORD = 1024 };

void password_free(char *password)
{
	if (!password)
		return;
	explicit_bzero(password, strlen(password));
	g_free(password);
}

static gboolean on_too_long(gpointer data)
{
	g_subprocess_force_exit(data);
	return G_SOURCE_REMOVE;
}

struct waiting {
	GMainLoop *loop;
	char *out;
	GError *error;
	gboolean well;
};

static void on_finished(GObject *process, GAsyncResult *result, gpointer data)
{
	struct waiting *w = data;

	w->well = g_subprocess_communicate_utf8_finish(G_SUBPROCESS(process), result, &w->out, NULL, &w->error);
	g_main_loop_quit(w->loop);
}

static char *by_command(const struct account *a, GError **error)
{
	g_auto(GStrv) argv = NULL;
	g_autoptr(GSubprocess) process = NULL;
	g_autoptr(GMainContext) context = g_main_context_new();
	g_autoptr(GSource) limit = g_timeout_source_new_seconds(COMMAND_S);
	struct waiting w = {.loop = g_main_loop_new(context, FALSE)};
	char *password = NULL;

	g_main_context_push_thread_default(context);
	if (g_shell_parse_argv(a->password_command, NULL, &argv, &w.error))
		process = g_subprocess_newv((const char *const *)argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &w.error);
	if (process) {
		g_source_set_callback(limit, on_too_long, process, NULL);
		g_source_attach(limit, context);
		g_subprocess_communicate_utf8_async(process, NULL, NULL, on_finished, &w);
		g_main_loop_run(w.loop);
		g_source_destroy(limit);
	}
	g_main_context_pop_thread_default(context);
	g_main_loop_unref(w.loop);
	if (w.well && g_subprocess_get_successful(process) && w.out && *w.out && *w.out != '\n')
		password = g_strndup(w.out, strcspn(w.out, "\r\n"));
	else
		g_set_error(error, JC_ERROR, JC_CONFIG, "the password_command of account '%s' gave no password%s%s", a->name,
			    w.error ? ": " : "", w.error ? w.error->message : "");
	password_free(w.out);
	g_clear_error(&w.error);
	return password;
}

/* Without echo; the terminal is given back as it was even when reading fails. */
static char *by_prompt(const struct account *a, GError **error)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct termios saved, quiet;
	char line[MAX_PASSWORD];
	ssize_t n = -1;

	if (fd >= 0 && tcgetattr(fd, &saved) == 0) {
		dprintf(fd, "Password of %s: ", a->jid);
		quiet = saved;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(fd, TCSAFLUSH, &quiet);
		n = read(fd, line, sizeof(line) - 1);
		tcsetattr(fd, TCSAFLUSH, &saved);
		dprintf(fd, "\n");
	}
	if (fd >= 0)
		close(fd);
	if (n > 1) {
		char *password;

		line[n] = '\0';
		password = g_strndup(line, strcspn(line, "\r\n"));
		explicit_bzero(line, sizeof(line));
		return password;
	}
	g_set_error(error, JC_ERROR, JC_CONFIG, "there is no password for account '%s': set password_command or password in the "
		    "configuration, or JCALL_PASSWORD, or run it on a terminal to be asked", a->name);
	return NULL;
}

char *account_password(const struct account *a, const struct config *c, GError **error)
{
	const char *from_environment = g_getenv("JCALL_PASSWORD");
	char *password;

	if (from_environment && *from_environment) {
		password = g_strdup(from_environment);
		unsetenv("JCALL_PASSWORD");		/* nobody we start needs to see it */
		return password;
	}
	if (a->password)
		return g_strdup(a->password);
	return a->password_command ? by_command(a, error) : by_prompt(a, error);
}
