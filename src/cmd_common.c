#include "cmd.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "process.h"
#include "talk_record.h"
#include "text.h"

enum {
	SINK_LIMIT_MS = 10000,		/* [ms] for a reader of events at an orderly end */
	LAST_EVENTS_MS = 1000,		/* [ms] and where the end is held up already */
};

/* ---- outcomes ---- */

int report_error(const GError *error)
{
	log_error("jcall", "%s", error->message);
	return jc_exit_status(error->domain == JC_ERROR ? (enum jc_err)error->code : JC_INTERNAL);
}

void report_outcome(struct ui *ui, const char *peer, enum jc_err err, const char *text)
{
	g_autofree char *clean = text_clean(peer, TEXT_SHORT);

	if (err == JC_OK)
		return;
	if (text)
		ui_error(ui, "%s: %s (%s)", clean, jc_words(err), text);
	else
		ui_error(ui, "%s: %s", clean, jc_words(err));
}

/* ---- the process ---- */

static enum talk_at_end read_at_end(const char *word)
{
	if (g_strcmp0(word, "silence") == 0)
		return AT_END_SILENCE;
	return g_strcmp0(word, "device") == 0 ? AT_END_DEVICE : AT_END_HANGUP;
}

/* A file without sound shall be told before anybody rings, or is taken. */
static gboolean check_file_in(const char *spec, GError **error)
{
	const char *arg;
	struct audio_in in;

	if (audio_find(spec, FALSE, &arg, NULL) != &audio_file)
		return TRUE;
	if (!audio_open_in(spec, &in, error))
		return FALSE;
	in.close(in.self);
	return TRUE;
}

static gboolean check_audio(const struct app *a, GError **error)
{
	const struct filename_values names = {.number = 1, .peer = ""};
	g_autofree char *out = NULL;
	const char *arg;

	if (!audio_find(a->talk.in, FALSE, &arg, error) || !check_file_in(a->talk.in, error) ||
	    !audio_find(a->talk.out, TRUE, &arg, error))
		return FALSE;
	out = filename_expand_spec(a->talk.out, &names, error);
	if (!out)
		return FALSE;
	if (audio_same_file(a->talk.in, a->talk.out)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "--in and --out are the same file, '%s'", a->talk.out);
		return FALSE;
	}
	return TRUE;
}

/* A folder that is another for each call is not known yet. */
static gboolean check_record(const struct app *a, GError **error)
{
	const struct filename_values names = {.number = 1, .peer = ""};
	g_autofree char *folder = a->talk.record ? g_path_get_dirname(a->talk.record) : NULL;
	GError *fault = NULL;

	if (!folder || talk_recording_check(&a->talk, a->talk.record, &names, &fault))
		return TRUE;
	if (fault->code == JC_FILE && strchr(folder, '%')) {
		g_error_free(fault);
		return TRUE;
	}
	g_propagate_error(error, fault);
	return FALSE;
}

static gboolean is_stdio(const char *spec)
{
	return strcmp(spec, "-") == 0;
}

static gboolean add_hooks(struct app *a, const struct common *o, GError **error)
{
	if (!o->on_event && !a->config->hooks->len)
		return TRUE;
	a->hooks = hooks_new(ui_events(a->ui));
	for (guint i = 0; i < a->config->hooks->len; i++) {
		const struct config_hook *h = a->config->hooks->pdata[i];

		if (!hooks_add(a->hooks, h->event, h->command, error))
			return FALSE;
	}
	for (char **command = o->on_event; command && *command; command++)
		if (!hooks_add(a->hooks, NULL, *command, error)) {
			g_prefix_error(error, "--on-event: ");
			return FALSE;
		}
	return TRUE;
}

/* What hangs is left behind: a disk or a sound device that does not answer must not keep the process. */
static void on_held_up(void *ctx, enum jc_err err)
{
	struct app *a = ctx;

	if (!a->ends_with_call && !a->interrupts)
		return;
	log_error("jcall", "jcall ends without waiting for that any longer");
	control_free(a->control);
	keeper_free(a->keeper, KEEPER_FLUSH_MS);
	event_sink_free(a->sink, LAST_EVENTS_MS);
	ui_free(a->ui);
	_exit(jc_exit_status(err));
}

static gboolean on_mute(gpointer data)
{
	struct app *a = data;

	a->ev.interrupted(a->ev.self, SIGTERM);
	return G_SOURCE_REMOVE;
}

/* Who started it reads events, and there will be none. A disk that is full only later ends no call. */
static void on_dead(void *ctx)
{
	struct app *a = ctx;

	if (!a->mute && a->loop)
		g_idle_add(on_mute, a);
	a->mute = TRUE;
}

static gboolean app_build(struct app *a, const struct common *o, GError **error)
{
	struct ui_options ui = {.json = o->json, .quiet = o->quiet, .verbose = o->verbose || o->trace};
	char *password;

	if (!process_has_files(FILES_OF_LOGIN)) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "too few files may be opened (ulimit -n): a call takes about %d",
			    FILES_OF_LOGIN + FILES_OF_CALL);
		return FALSE;
	}
	a->config = config_load(o->config_path, error);
	if (!a->config)
		return FALSE;
	a->account = config_account(a->config, o->account_name, error);
	if (!a->account)
		return FALSE;
	a->talk = (struct talk_options){.in = o->in ? o->in : a->config->audio_in,
		.out = o->out ? o->out : a->config->audio_out, .ring = a->config->audio_ring,
		.record = o->record, .split = o->split,
		.at_end = read_at_end(o->at_end), .dtmf = o->dtmf, .for_s = (guint)o->for_s, .stats_s = (guint)o->stats_s};
	a->talk.held_up = on_held_up;
	a->talk.held_up_ctx = a;
	a->ring_timeout_s = o->ring_timeout_s ? (guint)o->ring_timeout_s : a->config->ring_timeout_s;
	if (!check_audio(a, error) || !check_record(a, error))
		return FALSE;
	password = account_password(a->account, a->config, error);
	if (!password)
		return FALSE;
	a->keeper = keeper_new();
	ui.dead = on_dead;
	ui.dead_ctx = a;
	ui.stdin_is_audio = is_stdio(a->talk.in);
	ui.stdout_is_audio = is_stdio(a->talk.out);
	a->ui = ui_new(&ui);
	if (!add_hooks(a, o, error) || (o->events && !(a->sink = event_sink_open(ui_events(a->ui), o->events, error)))) {
		password_free(password);
		return FALSE;
	}
	if (a->sink)
		event_sink_on_dead(a->sink, on_dead, a);
	a->phone = phone_new(a->config, a->account, password, a->ui, o->trace, &a->ev.phone);
	if (o->relay_only)
		phone_hide(a->phone);
	password_free(password);
	config_forget_passwords(a->config);
	return TRUE;
}

static gboolean on_interrupt(struct app *a, int signum)
{
	if (a->settled)				/* it came just before process_settle */
		return G_SOURCE_CONTINUE;
	if (a->interrupts++) {			/* asked twice: leave at once, but leave the terminal in order */
		ui_free(a->ui);
		_exit(128 + signum);
	}
	a->ev.interrupted(a->ev.self, signum);
	return G_SOURCE_CONTINUE;
}

static gboolean on_sigint(gpointer data)
{
	return on_interrupt(data, SIGINT);
}

static gboolean on_sigterm(gpointer data)
{
	return on_interrupt(data, SIGTERM);
}

static gboolean on_sighup(gpointer data)
{
	return on_interrupt(data, SIGHUP);
}

static gboolean on_sigusr1(gpointer data)
{
	struct app *a = data;

	if (!a->settled)
		a->ev.mute(a->ev.self, TRUE);
	return G_SOURCE_CONTINUE;
}

static gboolean on_sigusr2(gpointer data)
{
	struct app *a = data;

	if (!a->settled)
		a->ev.mute(a->ev.self, FALSE);
	return G_SOURCE_CONTINUE;
}

/* ---- control ---- */

static void tell_process(const struct app *a, struct fields *reply)
{
	g_autofree char *jid = text_clean(phone_jid(a->phone) ? phone_jid(a->phone) : a->account->jid, TEXT_SHORT);

	fields_add_int(reply, "pid", getpid());
	fields_add_string(reply, "version", JCALL_VERSION);
	fields_add_string(reply, "command", a->ev.command);
	fields_add_string(reply, "account", a->account->name);
	fields_add_string(reply, "jid", jid);
	fields_add_bool(reply, "online", phone_is_online(a->phone));
}

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	struct app *a = self;

	if (r->verb == VERB_STATUS)
		tell_process(a, reply);
	return a->ev.request(a->ev.self, r, reply, error);
}

static void open_control(struct app *a)
{
	struct request_handler handler = {.request = on_request, .self = a};
	g_autoptr(GError) error = NULL;

	a->control = control_new(ui_events(a->ui), &handler, &error);
	if (!a->control)
		log_info("control", "there is no control socket: %s", error->message);
}

static void on_key(void *ctx, int c)
{
	struct app *a = ctx;

	a->ev.key(a->ev.self, c);
}

static void on_hooks_done(void *ctx)
{
	struct app *a = ctx;

	g_main_loop_quit(a->loop);
}

static void on_closed(void *ctx)
{
	struct app *a = ctx;

	if (a->hooks)
		hooks_finish(a->hooks, on_hooks_done, a);
	else
		g_main_loop_quit(a->loop);
}

gboolean app_init(struct app *a, const struct common *o, int *status)
{
	g_autoptr(GError) error = NULL;

	memset(a, 0, sizeof(*a));
	a->status = -1;
	if (app_build(a, o, &error))
		return TRUE;
	*status = report_error(error);
	app_free(a);
	return FALSE;
}

int app_run(struct app *a, const struct app_events *events)
{
	a->ev = *events;
	phone_set_events(a->phone, &a->ev.phone);
	a->loop = g_main_loop_new(NULL, FALSE);
	/* None of these is removed: GLib would put the signal's default action back, which ends the process (process_settle). */
	g_unix_signal_add(SIGINT, on_sigint, a);
	g_unix_signal_add(SIGTERM, on_sigterm, a);
	if (!process_ignores_hangup())
		g_unix_signal_add(SIGHUP, on_sighup, a);
	if (events->request) {
		g_unix_signal_add(SIGUSR1, on_sigusr1, a);
		g_unix_signal_add(SIGUSR2, on_sigusr2, a);
		open_control(a);
	}
	ui_keys(a->ui, on_key, a);
	phone_connect(a->phone);
	g_main_loop_run(a->loop);
	a->settled = TRUE;
	ui_keys_end(a->ui);
	if (a->mute)
		a->status = jc_exit_status(JC_FILE);
	process_settle(a->status);
	return a->status;
}

void app_quit(struct app *a, int status)
{
	if (a->status >= 0)
		return;
	a->status = status;
	phone_close(a->phone, on_closed, a);
}

void app_free(struct app *a)
{
	control_free(a->control);
	hooks_free(a->hooks);
	phone_free(a->phone);
	keeper_free(a->keeper, KEEPER_FLUSH_MS);
	if (!event_sink_free(a->sink, SINK_LIMIT_MS))
		process_output_lost();
	ui_free(a->ui);
	config_free(a->config);
	if (a->loop)
		g_main_loop_unref(a->loop);
}
