#include "cmd.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "media/dtmf.h"
#include "suggest.h"
#include "talk_record.h"
#include "text.h"

enum { MAX_STATS_S = 3600, SINK_LIMIT_MS = 10000 };

/* ---- options ---- */

static gboolean more_verbose(const gchar *name, const gchar *value, gpointer data, GError **error)
{
	struct common *o = data;

	o->verbose++;
	return TRUE;
}

static gboolean usage_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
static gboolean usage_error(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	log_error("options", "%s", text);
	return FALSE;
}

void report_options(GOptionContext *context, const GError *error, const char *command)
{
	gboolean unknown = g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION);
	const char *typed = unknown ? strstr(error->message, " -") : NULL;	/* the words around it depend on the language */
	g_autofree char *help = typed ? g_option_context_get_help(context, FALSE, NULL) : NULL;
	g_autofree char *meant = typed ? suggest_option(typed + 1, help) : NULL;

	if (meant)
		usage_error("%s; did you mean --%s? 'jcall %s --help' lists them", error->message, meant, command);
	else
		usage_error("%s; try 'jcall %s --help'", error->message, command);
}

static gboolean check_common(const struct common *o)
{
	g_autoptr(GError) error = NULL;
	struct dtmf_tx tones = {.count = 0};
	const char *arg;

	if (o->at_end && strcmp(o->at_end, "hangup") != 0 && strcmp(o->at_end, "silence") != 0 && strcmp(o->at_end, "device") != 0)
		return usage_error("--at-end is hangup, silence or device, not '%s'", o->at_end);
	if (o->stats_s < 0 || o->stats_s > MAX_STATS_S)
		return usage_error("--stats takes a number of seconds, 1 to %d", MAX_STATS_S);
	if (o->for_s < 0 || o->ring_timeout_s < 0)
		return usage_error("--for and --ring-timeout take a number of seconds");
	if (o->dtmf && !dtmf_queue(&tones, o->dtmf))
		return usage_error("--dtmf takes 0 to 9, *, #, A to D, w (half a second) and commas (two seconds), not more than %d",
				   DTMF_QUEUE);
	if ((o->in && !audio_find(o->in, FALSE, &arg, &error)) || (o->out && !audio_find(o->out, TRUE, &arg, &error)))
		return usage_error("%s", error->message);
	return TRUE;
}

static void add_call_options(GOptionGroup *group, struct common *o)
{
	const GOptionEntry entries[] = {
		{"in", 'i', 0, G_OPTION_ARG_STRING, &o->in, "Where the sound we send comes from", "SPEC"},
		{"out", 'o', 0, G_OPTION_ARG_STRING, &o->out, "Where the sound we hear goes", "SPEC"},
		{"record", 0, 0, G_OPTION_ARG_FILENAME, &o->record, "Record both sides: .wav, .flac, .opus or .ogg", "FILE"},
		{"split", 0, 0, G_OPTION_ARG_NONE, &o->split, "Record each side to a file of its own", NULL},
		{"at-end", 0, 0, G_OPTION_ARG_STRING, &o->at_end, "What follows the end of the input", "hangup|silence|device"},
		{"dtmf", 0, 0, G_OPTION_ARG_STRING, &o->dtmf, "Send these touch tones once the call is up", "DIGITS"},
		{"for", 0, 0, G_OPTION_ARG_INT, &o->for_s, "Hang up after so long a talk", "SECONDS"},
		{"on-event", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->on_event, "Start this whenever something happens", "COMMAND"},
		{"stats", 0, 0, G_OPTION_ARG_INT, &o->stats_s, "Tell how the sound is, every 5 seconds unless said otherwise", "[SECONDS]"},
		{"ring-timeout", 0, 0, G_OPTION_ARG_INT, &o->ring_timeout_s, "Ring no longer than this", "SECONDS"},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};

	g_option_group_add_entries(group, entries);
}

static void add_account_options(GOptionGroup *group, struct common *o)
{
	const GOptionEntry entries[] = {
		{"config", 'c', 0, G_OPTION_ARG_FILENAME, &o->config_path, "Read this configuration file", "FILE"},
		{"account", 'a', 0, G_OPTION_ARG_STRING, &o->account_name, "Use this account of it", "NAME"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &o->json, "Print events as JSON lines", NULL},
		{"events", 0, 0, G_OPTION_ARG_FILENAME, &o->events, "Write events as JSON lines there, beside what is printed", "FD|FILE"},
		{"quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "Print nothing but errors", NULL},
		{"verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, __extension__ (gpointer)more_verbose,
		 "Tell more; twice: everything", NULL},
		{"relay-only", 0, 0, G_OPTION_ARG_NONE, &o->relay_only, "Hide our addresses: sound goes by a relay", NULL},
		{"xml", 0, 0, G_OPTION_ARG_NONE, &o->trace, "Show every stanza", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};

	g_option_group_add_entries(group, entries);
}

static gboolean parse(GOptionGroup *group, struct common *o, const GOptionEntry *extra, const char *usage, const char *summary,
		      int *argc, char ***argv, int *status)
{
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	g_autoptr(GError) error = NULL;
	g_autofree char *name = g_strdup_printf("jcall %s", (*argv)[0]);

	g_set_prgname(name);			/* what --help shows in its first line */
	g_option_context_set_summary(context, summary);
	if (extra)
		g_option_group_add_entries(group, extra);
	g_option_context_set_main_group(context, group);
	*status = 0;
	if (!g_option_context_parse(context, argc, argv, &error))
		report_options(context, error, (*argv)[0]);
	if (error || !check_common(o)) {
		*status = jc_exit_status(JC_USAGE);
		return FALSE;
	}
	log_init(o->verbose > 1 ? LOG_DEBUG : o->verbose ? LOG_INFO : LOG_WARN);
	return TRUE;
}

/* The number after --stats may be left out: what follows is taken for it only if it is one. */
static void complete_stats(int argc, char **argv)
{
	static char usual[] = "--stats=5";

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--stats") == 0 && (i + 1 == argc || !*argv[i + 1] || strspn(argv[i + 1], "0123456789") < strlen(argv[i + 1])))
			argv[i] = usual;
}

gboolean common_parse(struct common *o, const GOptionEntry *extra, const char *usage, const char *summary, int *argc,
		      char ***argv, int *status)
{
	GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, o, NULL);

	memset(o, 0, sizeof(*o));
	add_call_options(group, o);
	add_account_options(group, o);
	complete_stats(*argc, *argv);
	return parse(group, o, extra, usage, summary, argc, argv, status);
}

gboolean common_parse_plain(struct common *o, const GOptionEntry *extra, const char *summary, int *argc, char ***argv,
			    int *status)
{
	GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, o, NULL);

	memset(o, 0, sizeof(*o));
	add_account_options(group, o);
	return parse(group, o, extra, NULL, summary, argc, argv, status);
}

void common_free(struct common *o)
{
	g_free(o->config_path);
	g_free(o->account_name);
	g_free(o->in);
	g_free(o->out);
	g_free(o->record);
	g_free(o->at_end);
	g_free(o->dtmf);
	g_free(o->events);
	g_strfreev(o->on_event);
}

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

static gboolean check_audio(const struct app *a, GError **error)
{
	const struct filename_values names = {.number = 1, .peer = ""};
	g_autofree char *out = NULL;
	const char *arg;

	if (!audio_find(a->talk.in, FALSE, &arg, error) || !audio_find(a->talk.out, TRUE, &arg, error))
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
		if (!hooks_add(a->hooks, NULL, *command, error))
			return FALSE;
	return TRUE;
}

static gboolean app_build(struct app *a, const struct common *o, GError **error)
{
	struct ui_options ui = {.json = o->json, .quiet = o->quiet, .verbose = o->verbose || o->trace};
	char *password;

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
	a->ring_timeout_s = o->ring_timeout_s ? (guint)o->ring_timeout_s : a->config->ring_timeout_s;
	if (!check_audio(a, error) || !check_record(a, error))
		return FALSE;
	password = account_password(a->account, a->config, error);
	if (!password)
		return FALSE;
	ui.stdin_is_audio = is_stdio(a->talk.in);
	ui.stdout_is_audio = is_stdio(a->talk.out);
	a->ui = ui_new(&ui);
	if (!add_hooks(a, o, error) || (o->events && !(a->sink = event_sink_open(ui_events(a->ui), o->events, error)))) {
		password_free(password);
		return FALSE;
	}
	a->phone = phone_new(a->config, a->account, password, a->ui, o->trace, &a->ev.phone);
	if (o->relay_only)
		phone_hide(a->phone);
	password_free(password);
	return TRUE;
}

static gboolean on_interrupt(struct app *a, int signum)
{
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

	a->ev.mute(a->ev.self, TRUE);
	return G_SOURCE_CONTINUE;
}

static gboolean on_sigusr2(gpointer data)
{
	struct app *a = data;

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
	a->sources[0] = g_unix_signal_add(SIGINT, on_sigint, a);
	a->sources[1] = g_unix_signal_add(SIGTERM, on_sigterm, a);
	a->sources[2] = g_unix_signal_add(SIGHUP, on_sighup, a);
	if (events->request) {
		a->sources[3] = g_unix_signal_add(SIGUSR1, on_sigusr1, a);
		a->sources[4] = g_unix_signal_add(SIGUSR2, on_sigusr2, a);
		open_control(a);
	}
	ui_keys(a->ui, on_key, a);
	phone_connect(a->phone);
	g_main_loop_run(a->loop);
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
	for (size_t i = 0; i < G_N_ELEMENTS(a->sources); i++)
		g_clear_handle_id(&a->sources[i], g_source_remove);
	control_free(a->control);
	hooks_free(a->hooks);
	phone_free(a->phone);
	event_sink_free(a->sink, SINK_LIMIT_MS);
	ui_free(a->ui);
	config_free(a->config);
	if (a->loop)
		g_main_loop_unref(a->loop);
}
