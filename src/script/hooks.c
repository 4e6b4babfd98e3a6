#include "hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "../err.h"
#include "../log.h"
#include "../text.h"

struct hook {
	char *name;			/* NULL: every event */
	char **argv;
};

struct run {				/* one that waits for its turn */
	char **argv;
	char **env;
	char *json;
};

struct hooks {
	struct events *events;
	guint listener;
	GPtrArray *hooks;		/* struct hook * */
	GQueue waiting;			/* struct run * */
	GCancellable *forget;		/* of what still runs when we are gone */
	gboolean running;		/* one has its turn */
	guint turn, turn_source;	/* which: an earlier one that ends late is of no interest */
	guint turn_ms;
	gboolean behind;		/* and it has been told */
	void (*done)(void *ctx);
	void *ctx;
};

static void hook_free(gpointer data)
{
	struct hook *hook = data;

	g_free(hook->name);
	g_strfreev(hook->argv);
	g_free(hook);
}

static void run_free(gpointer data)
{
	struct run *r = data;

	g_strfreev(r->argv);
	g_strfreev(r->env);
	g_free(r->json);
	g_free(r);
}

static void next(struct hooks *h);

/* ---- one after the other ---- */

static void end_turn(struct hooks *h)
{
	g_clear_handle_id(&h->turn_source, g_source_remove);
	h->running = FALSE;
	next(h);
}

static gboolean on_turn_over(gpointer data)
{
	struct hooks *h = data;

	h->turn_source = 0;
	log_warn("hooks", "a hook takes longer than %u s: the next one is started beside it", h->turn_ms / 1000);
	end_turn(h);
	return G_SOURCE_REMOVE;
}

struct turn {
	struct hooks *h;
	guint number;
};

static void on_exited(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autofree struct turn *turn = data;
	g_autoptr(GError) error = NULL;

	if (!g_subprocess_wait_finish(G_SUBPROCESS(source), result, &error))
		return;				/* we are gone */
	if (!g_subprocess_get_successful(G_SUBPROCESS(source)))
		log_info("hooks", "a hook has failed");
	if (turn->h->running && turn->h->turn == turn->number)
		end_turn(turn->h);
}

/* A pipe that holds LINE already: nobody has to write while it is read. -1: there is none. */
static int filled_pipe(const char *line)
{
	int fds[2];

	if (!g_unix_open_pipe(fds, FD_CLOEXEC, NULL))
		return -1;
	g_unix_set_fd_nonblocking(fds[1], TRUE, NULL);
	if (write(fds[1], line, strlen(line)) < (ssize_t)strlen(line))
		log_info("hooks", "an event is too long to be read whole");
	close(fds[1]);
	return fds[0];
}

/* FALSE: it could not be started. */
static gboolean start(struct hooks *h, const struct run *r)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
	g_autoptr(GSubprocess) process = NULL;
	g_autoptr(GError) error = NULL;
	struct turn *turn;
	int in = filled_pipe(r->json), out = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	g_subprocess_launcher_set_environ(launcher, r->env);
	g_subprocess_launcher_set_child_setup(launcher, command_child, NULL, NULL);
	g_subprocess_launcher_take_stdin_fd(launcher, in);
	g_subprocess_launcher_take_stdout_fd(launcher, out);
	if (in < 0 || out < 0) {		/* it would have ours, which carry sound */
		log_warn("hooks", "a hook was not started: %s", g_strerror(errno));
		return FALSE;
	}
	process = g_subprocess_launcher_spawnv(launcher, (const char *const *)r->argv, &error);
	if (!process) {
		log_warn("hooks", "a hook was not started: %s", error->message);
		return FALSE;
	}
	turn = g_new(struct turn, 1);
	*turn = (struct turn){.h = h, .number = ++h->turn};
	g_subprocess_wait_async(process, h->forget, on_exited, turn);
	return TRUE;
}

static void next(struct hooks *h)
{
	while (!h->running && !g_queue_is_empty(&h->waiting)) {
		struct run *r = g_queue_pop_head(&h->waiting);

		h->running = start(h, r);
		run_free(r);
	}
	if (g_queue_is_empty(&h->waiting))
		h->behind = FALSE;
	if (h->running && !h->turn_source)
		h->turn_source = g_timeout_add(h->turn_ms, on_turn_over, h);
	if (!h->running && h->done) {
		void (*done)(void *ctx) = h->done;

		h->done = NULL;
		done(h->ctx);
	}
}

/* ---- what happens ---- */

/* Two keys of a telephone mean something to a shell. */
static const char *digit_word(const char *digit)
{
	return g_str_equal(digit, "*") ? "star" : g_str_equal(digit, "#") ? "hash" : digit;
}

struct variables {
	const struct fields *fields;
	char **env;
};

static void add_variable(void *ctx, const char *key, const char *value)
{
	struct variables *v = ctx;
	g_autofree char *upper = g_ascii_strup(key, -1), *name = g_strconcat("JCALL_", upper, NULL);
	g_autofree char *safe = text_safe(g_str_equal(key, "digit") ? digit_word(value) : value);
	const char *own = fields_own(v->fields, key);

	v->env = g_environ_setenv(v->env, name, own ? own : safe, TRUE);
}

static void line_up(struct hooks *h, const struct hook *hook, const struct event *e)
{
	struct variables v = {.fields = e->fields};
	struct run *r;

	if (g_queue_get_length(&h->waiting) >= HOOKS_WAITING) {
		if (!h->behind)
			log_warn("hooks", "the hooks are %d events behind: some are left out", HOOKS_WAITING);
		h->behind = TRUE;
		return;
	}
	r = g_new0(struct run, 1);
	r->argv = g_strdupv(hook->argv);
	v.env = command_environ();
	fields_each(e->fields, add_variable, &v);
	r->env = v.env;
	r->json = g_strconcat(e->json, "\n", NULL);
	g_queue_push_tail(&h->waiting, r);
}

static void on_event(void *ctx, const struct event *e)
{
	struct hooks *h = ctx;

	for (guint i = 0; i < h->hooks->len; i++) {
		const struct hook *hook = h->hooks->pdata[i];

		if (!hook->name || g_str_equal(hook->name, e->name))
			line_up(h, hook, e);
	}
	next(h);
}

/* ---- for the owner ---- */

struct hooks *hooks_new(struct events *e)
{
	struct hooks *h = g_new0(struct hooks, 1);

	h->events = e;
	h->turn_ms = HOOK_TURN_S * 1000;
	h->hooks = g_ptr_array_new_with_free_func(hook_free);
	h->forget = g_cancellable_new();
	g_queue_init(&h->waiting);
	h->listener = events_listen(e, on_event, h);
	return h;
}

gboolean hooks_add(struct hooks *h, const char *name, const char *command, GError **error)
{
	char **argv = command_parse(command, error);
	struct hook *hook;

	if (!argv)
		return FALSE;
	hook = g_new0(struct hook, 1);
	hook->name = g_strdup(name);
	hook->argv = argv;
	g_ptr_array_add(h->hooks, hook);
	return TRUE;
}

void hooks_set_turn(struct hooks *h, guint ms)
{
	h->turn_ms = ms;
}

void hooks_finish(struct hooks *h, void (*done)(void *ctx), void *ctx)
{
	events_unlisten(h->events, h->listener);
	h->listener = 0;
	h->done = done;
	h->ctx = ctx;
	next(h);
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	if (h->listener)
		events_unlisten(h->events, h->listener);
	g_clear_handle_id(&h->turn_source, g_source_remove);
	g_cancellable_cancel(h->forget);
	g_object_unref(h->forget);
	g_queue_clear_full(&h->waiting, run_free);
	g_ptr_array_unref(h->hooks);
	g_free(h);
}
