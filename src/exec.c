#include "exec.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script/command.h"
#include "err.h"
#include "log.h"
#include "text.h"

enum { CONTROL_FD = 3 };

struct exec {
	struct exec_options options;	/* of these, strings and ui are not used after exec_new */
	char *peer, *name;
	struct ui *ui;			/* of the call */
	int child_in, child_out, child_control;	/* the command's half; -1: given to it */
	int control;			/* ours; -1: the client has it */
	struct client *client;
	GPid pid;			/* 0: not started, or ended */
	guint grace_source;
	gboolean over;			/* freed, once the process has ended */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void destroy(struct exec *e)
{
	g_clear_handle_id(&e->grace_source, g_source_remove);
	client_free(e->client, 0);
	close_fd(&e->child_in);
	close_fd(&e->child_out);
	close_fd(&e->child_control);
	close_fd(&e->control);
	ui_free(e->ui);
	g_free(e->peer);
	g_free(e->name);
	g_free(e);
}

/* ---- the two halves ---- */

static struct ends *make_ends(int out_fd, int in_fd, GError **error)
{
	struct ends *ends = g_new0(struct ends, 1);

	ends->have_out = audio_pipe_out(&ends->out, out_fd, "the command", TRUE, error);
	ends->have_in = ends->have_out && audio_pipe_in(&ends->in, in_fd, "the command", error);
	if (ends->have_in)
		return ends;
	ends_close(ends, NULL);
	return NULL;
}

struct exec *exec_new(const struct exec_options *options, struct ends **ends, GError **error)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1}, control[2] = {-1, -1};
	struct exec *e = g_new0(struct exec, 1);

	if (!g_unix_open_pipe(to, FD_CLOEXEC, NULL) || !g_unix_open_pipe(from, FD_CLOEXEC, NULL) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
		g_set_error(error, JC_ERROR, JC_FILE, "no pipes for the command of the call: too many files are open");
	e->options = *options;
	e->child_in = to[0];
	e->child_out = from[1];
	e->child_control = control[1];
	e->control = control[0];
	e->peer = text_safe(options->peer);
	e->name = text_safe(options->name);
	e->ui = ui_of_call(options->ui, options->call);
	*ends = control[0] >= 0 ? make_ends(to[1], from[0], error) : NULL;
	if (*ends)
		return e;
	if (control[0] < 0) {
		close_fd(&to[1]);
		close_fd(&from[0]);
	}
	destroy(e);
	return NULL;
}

/* ---- the process ---- */

static void on_gone(void *ctx, struct client *client)
{
	struct exec *e = ctx;

	e->client = NULL;
	client_free(client, 0);
}

static void on_exited(GPid pid, gint wait_status, gpointer data)
{
	struct exec *e = data;
	int status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);

	e->pid = 0;
	g_spawn_close_pid(pid);
	ui_event(e->ui, "exec-ended", "status", "i", (gint64)status, NULL);
	if (status && status != 128 + SIGPIPE)		/* it was still speaking when the call ended: nothing is wrong */
		log_warn("exec", "the command of the call ended with status %d", status);
	if (e->over)
		destroy(e);
}

/* Not of our process group: Ctrl-C at our terminal shall not keep it from storing what it has. */
static void in_child(gpointer data)
{
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	command_child(NULL);
}

static char **environment(const struct exec *e)
{
	g_autofree char *call = g_strdup_printf("%u", e->options.call), *rate = g_strdup_printf("%d", AUDIO_RATE);
	g_autofree char *control = g_strdup_printf("%d", CONTROL_FD);
	const char *const pairs[][2] = {{"JCALL_CALL", call}, {"JCALL_PEER", e->peer}, {"JCALL_NAME", e->name},
		{"JCALL_FORMAT", "s16le"}, {"JCALL_RATE", rate}, {"JCALL_CHANNELS", "1"}, {"JCALL_CONTROL_FD", control}};
	char **env = command_environ();

	for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++)
		env = g_environ_setenv(env, pairs[i][0], pairs[i][1], TRUE);
	return env;
}

static int steal(int *fd)
{
	int mine = *fd;

	*fd = -1;
	return mine;
}

static gboolean spawn(struct exec *e, GError **error)
{
	g_auto(GStrv) env = environment(e);
	const int target = CONTROL_FD;

	return g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)e->options.argv, (const char *const *)env,
						G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, in_child, NULL, e->child_in,
						e->child_out, -1, &e->child_control, &target, 1, &e->pid, NULL, NULL, NULL, error);
}

gboolean exec_start(struct exec *e, GError **error)
{
	g_autoptr(GError) why = NULL;
	struct client_options client = {.events = ui_events(e->ui), .handler = e->options.handler, .call = e->options.call,
					.gone = on_gone, .ctx = e};
	gboolean started = spawn(e, &why);

	close_fd(&e->child_in);
	close_fd(&e->child_out);
	close_fd(&e->child_control);
	if (!started) {
		e->pid = 0;
		g_set_error(error, JC_ERROR, JC_FILE, "the command of the call was not started: %s", why->message);
		return FALSE;
	}
	g_child_watch_add(e->pid, on_exited, e);
	ui_event(e->ui, "exec", "pid", "i", (gint64)e->pid, NULL);
	e->client = client_new(steal(&e->control), &client);
	return TRUE;
}

/* ---- its end ---- */

static gboolean on_kill(gpointer data)
{
	struct exec *e = data;

	e->grace_source = 0;
	if (e->pid)
		kill(-e->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

static gboolean on_grace_over(gpointer data)
{
	struct exec *e = data;

	if (e->pid)
		kill(-e->pid, SIGTERM);
	e->grace_source = g_timeout_add(e->options.kill_ms ? e->options.kill_ms : EXEC_KILL_S * 1000, on_kill, e);
	return G_SOURCE_REMOVE;
}

void exec_free(struct exec *e)
{
	if (!e)
		return;
	client_free(g_steal_pointer(&e->client), 0);
	if (!e->pid) {
		destroy(e);
		return;
	}
	e->over = TRUE;
	e->grace_source = g_timeout_add(e->options.grace_ms ? e->options.grace_ms : EXEC_GRACE_S * 1000, on_grace_over, e);
}
