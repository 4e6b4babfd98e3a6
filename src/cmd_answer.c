#include "cmd.h"

#include <string.h>

#include "answer.h"
#include "script/command.h"
#include "filename.h"
#include "jid.h"
#include "log.h"
#include "missed.h"
#include "notify.h"
#include "service.h"
#include "text.h"

enum {
	NOT_SAID = G_MININT,			/* of a number, by an option */
	NOTIFY_LIMIT_MS = 1000,			/* at the end, for the desktop to be told that nothing rings any more */
};

struct answering {
	struct app app;
	struct answer *answer;
	struct missed *missed;
	struct service *service;
	struct notify *notify;			/* NULL: calls are not shown on the desktop */
	GHashTable *talking;			/* the number of a call -> its peer, clean */
	char *trouble;				/* why the server is away; NULL: it is not */
	GPtrArray *allow;
	gboolean auto_accept, allow_contacts, once, present, told_waiting, leaving;
	int status;			/* to leave with, if not 0 */
	gint max_calls;
	char *exec;
	char **exec_argv;		/* its words */
	guint echo_timer;
	char **allow_options;
};

/* ---- as a service ---- */

static void tell_status(struct answering *a)
{
	guint calls = g_hash_table_size(a->talking);
	GHashTableIter iter;
	void *peer = NULL;

	g_hash_table_iter_init(&iter, a->talking);
	g_hash_table_iter_next(&iter, NULL, &peer);
	if (a->trouble)
		service_status(a->service, "%s; trying again", a->trouble);
	else if (calls > 1)
		service_status(a->service, "Talking with %s and %u more", (char *)peer, calls - 1);
	else if (calls)
		service_status(a->service, "Talking with %s", (char *)peer);
	else if (a->told_waiting)
		service_status(a->service, "Waiting for calls to %s", phone_jid(a->app.phone));
}

static void on_event(void *ctx, const struct event *e)
{
	struct answering *a = ctx;
	gpointer call = GUINT_TO_POINTER(e->call);

	if (strcmp(e->name, "accepted") == 0)
		g_hash_table_replace(a->talking, call, g_strdup(fields_string(e->fields, "peer")));
	else if (strcmp(e->name, "ended") != 0 || !g_hash_table_remove(a->talking, call))
		return;
	tell_status(a);
}

static void leave(struct answering *a, int status)
{
	service_stopping(a->service);
	app_quit(&a->app, status);
}

static void on_done(void *ctx, const char *peer, enum jc_err err, const char *text)
{
	struct answering *a = ctx;

	if (err == JC_NO_ANSWER && !text) {
		g_autofree char *clean = text_clean(peer, TEXT_SHORT);

		ui_error(a->app.ui, "missed a call from %s", clean);
	} else {
		report_outcome(a->app.ui, peer, err, text);
	}
	/* A call of a stranger that has made way for another one (answer.h) is not the one that --once is about. */
	if ((a->once || a->leaving) && answer_is_idle(a->answer))
		leave(a, a->status ? a->status : a->once ? jc_exit_status(err) : 0);
}

/* ---- the list of calls ---- */

static void on_keep(void *ctx, const struct call_entry *e, gboolean over)
{
	struct answering *a = ctx;

	if (over)
		missed_keep(a->missed, e);
	else
		missed_leave(a->missed, e->peer, e->id);
}

static void on_missed(void *ctx, const GPtrArray *calls)
{
	struct answering *a = ctx;

	missed_tell(a->app.ui, phone_roster(a->app.phone), calls);
}

/* A server without an archive is no reason not to take calls. */
static void on_caught_up(void *ctx, const GError *error)
{
	if (error)
		log_at(error->code == JC_FILE ? LOG_WARN : LOG_INFO, "missed", "%s", error->message);
}

/* ---- the events of the phone ---- */

enum { ECHO_PATIENCE_MS = 3000 };	/* for our own presence to come back; RFC 6121 4.2.2 has every server send it */

static void tell_waiting(struct answering *a)
{
	g_autofree char *jid = text_clean(phone_jid(a->app.phone), TEXT_SHORT);

	if (a->told_waiting)
		return;
	a->told_waiting = TRUE;
	g_clear_handle_id(&a->echo_timer, g_source_remove);
	ui_event(a->app.ui, "waiting", "jid", phone_jid_kind(a->app.phone), jid, NULL);
	ui_say(a->app.ui, "Waiting for calls to %s%s", jid, ui_has_keys(a->app.ui) ? "; Ctrl-C ends" : "");
	tell_status(a);
	service_ready(a->service);
}

static gboolean on_no_echo(gpointer data)
{
	struct answering *a = data;

	a->echo_timer = 0;
	if (phone_is_online(a->app.phone))
		tell_waiting(a);
	return G_SOURCE_REMOVE;
}

static void announce(struct answering *a)
{
	phone_presence(a->app.phone, NULL, 0);
	if (!a->told_waiting && !a->echo_timer)
		a->echo_timer = g_timeout_add(ECHO_PATIENCE_MS, on_no_echo, a);
	missed_catch_up(a->missed);
}

/* Presence goes out when the contact list and the block list are known: whoever called before would be taken for a stranger. Until the server has
 * it nobody's call reaches us: we are waiting when it comes back to us. */
static void become_present(struct answering *a)
{
	if (a->present || !phone_is_online(a->app.phone) || !phone_knows_people(a->app.phone))
		return;
	a->present = TRUE;
	announce(a);
}

static void on_here(void *self, const char *full_jid, int priority)
{
	struct answering *a = self;

	if (a->present && phone_jid(a->app.phone) && strcmp(full_jid, phone_jid(a->app.phone)) == 0)
		tell_waiting(a);
}

static void on_online(void *self, gboolean resumed)
{
	struct answering *a = self;

	g_clear_pointer(&a->trouble, g_free);
	tell_status(a);
	if (!resumed && a->present)
		announce(a);
	become_present(a);
}

static void on_roster(void *self)
{
	remember_contacts(&((struct answering *)self)->app);
	become_present(self);
}

static void on_blocked(void *self)
{
	struct answering *a = self;

	answer_blocked(a->answer);
	become_present(a);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct answering *a = self;

	ui_event(a->app.ui, "disconnected", "text", "s", error->message, NULL);
	if (final) {
		service_status(a->service, "%s", error->message);
		a->leaving = TRUE;
		a->status = report_error(error);
		if (!answer_leave(a->answer))	/* else when they have ended, and that has been told */
			leave(a, a->status);
	} else {
		g_free(a->trouble);
		a->trouble = g_strdup(error->message);
		tell_status(a);
		log_warn("answer", "%s; trying again", error->message);
	}
}

static void on_jmi(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	struct answering *a = self;

	missed_hear(a->missed, message, from, m);
	answer_jmi(a->answer, message, from, m, ours);
}

static void on_bounced(void *self, const char *from, const char *message_id, const char *condition)
{
	struct answering *a = self;

	answer_bounced(a->answer, from, message_id);
}

static void on_offer(void *self, struct iq *iq, const struct jingle_msg *m)
{
	struct answering *a = self;

	answer_offer(a->answer, iq, m);
}

static void on_spoilt(void *self, const char *from)
{
	struct answering *a = self;

	answer_spoilt(a->answer, from);
}

static void on_gone(void *self, const char *full_jid)
{
	struct answering *a = self;

	answer_gone(a->answer, full_jid);
}

static void on_interrupted(void *self, int signum)
{
	struct answering *a = self;

	a->leaving = TRUE;
	service_stopping(a->service);
	if (!answer_leave(a->answer))
		leave(a, a->once ? jc_exit_status(JC_CANCELLED) : 0);
}

static void on_key(void *self, int c)
{
	struct answering *a = self;

	if ((c == 'q' || c == 'Q') && !answer_hangup(a->answer))
		on_interrupted(a, 0);
	else if (c != 'q' && c != 'Q')
		answer_key(a->answer, c);
}

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	struct answering *a = self;

	return answer_request(a->answer, r, reply, error);
}

static void on_mute(void *self, gboolean muted)
{
	struct answering *a = self;

	answer_mute(a->answer, muted);
}

static gboolean collect_allowed(struct answering *a)
{
	for (guint i = 0; i < a->app.config->answer_allow->len; i++)
		g_ptr_array_add(a->allow, g_strdup(a->app.config->answer_allow->pdata[i]));
	for (char **w = a->allow_options; w && *w; w++) {
		char *bare = strchr(*w, '/') ? NULL : jid_prepare_typed(*w);

		if (!bare) {
			log_error("answer", "--allow takes an address or a domain, not '%s'", *w);
			return FALSE;
		}
		g_ptr_array_add(a->allow, bare);
	}
	a->allow_contacts = a->allow_contacts || a->app.config->answer_allow_contacts;
	return TRUE;
}

/* By jcall ctl, which needs a place for its socket. */
static gboolean may_be_told(void)
{
	g_autofree char *folder = control_folder();

	return folder != NULL;
}

/* Whether there is anybody who could accept a call at all. */
static gboolean check_policy(const struct answering *a)
{
	if (a->auto_accept && !a->allow->len && !a->allow_contacts) {
		log_error("answer", "--auto takes calls from those named by --allow JID or --allow-contacts only, and there is neither");
		return FALSE;
	}
	if (!a->auto_accept && !ui_has_keys(a->app.ui) && !may_be_told()) {
		log_error("answer", "there is neither a terminal to ask on nor an XDG_RUNTIME_DIR for 'jcall ctl answer'; use --auto with "
			  "--allow JID or --allow-contacts");
		return FALSE;
	}
	return TRUE;
}

/* What of the options goes together, before anything is opened. */
static gboolean check_calls(struct answering *a, const struct common *o)
{
	g_autoptr(GError) error = NULL;

	if (a->max_calls != NOT_SAID && (a->max_calls < 1 || a->max_calls > CONFIG_MAX_CALLS))
		log_error("answer", "--max-calls takes a number from 1 to %d", CONFIG_MAX_CALLS);
	else if (a->once && a->max_calls > 1)
		log_error("answer", "--once takes one call, --max-calls several: which is it?");
	else if (a->exec && (o->in || o->out))
		log_error("answer", "with --exec the command has the sound: --in and --out make no sense beside it");
	else if (a->exec && !(a->exec_argv = command_parse(a->exec, &error)))
		log_error("answer", "--exec: %s", error->message);
	else
		return TRUE;
	return FALSE;
}

/* Would two calls write to one place? */
static gboolean is_shared(const char *spec)
{
	const struct filename_values first = {.number = 1, .peer = ""}, second = {.number = 2, .peer = ""};
	g_autofree char *a = filename_expand_spec(spec, &first, NULL), *b = filename_expand_spec(spec, &second, NULL);
	const char *arg;

	return strcmp(spec, "-") == 0 || (g_strcmp0(a, b) == 0 && audio_find(spec, TRUE, &arg, NULL) == &audio_file);
}

/* Calls at the same time need ends of their own. */
static gboolean check_ends(const struct answering *a)
{
	const struct talk_options *talk = &a->app.talk;

	if (a->max_calls <= 1)
		return TRUE;
	if (!a->exec_argv && is_shared(talk->out))
		log_error("answer", "with several calls at once each needs its own --out: a file with %%n in its name, a device, or --exec");
	else if (talk->record && is_shared(talk->record))
		log_error("answer", "with several calls at once each needs its own --record: a file with %%n in its name");
	else if (!a->exec_argv && strcmp(talk->in, "-") == 0)
		log_error("answer", "with several calls at once they cannot share standard input as --in");
	else
		return TRUE;
	return FALSE;
}

/* What was not said in options is said by the configuration. */
static void settle_calls(struct answering *a, const struct common *o)
{
	const struct config *config = a->app.config;

	if (a->max_calls == NOT_SAID)
		a->max_calls = a->once ? 1 : (gint)config->answer_max_calls;
	if (!a->exec_argv && config->answer_exec && !o->in && !o->out)
		a->exec_argv = command_parse(config->answer_exec, NULL);
}

/* A slip of the pen is told now, not to the first who calls. */
static gboolean check_exec(const struct answering *a)
{
	g_autofree char *program = a->exec_argv ? g_find_program_in_path(a->exec_argv[0]) : NULL;

	if (a->exec_argv && !program)
		log_error("answer", "there is no program '%s' to start for each call", a->exec_argv[0]);
	return !a->exec_argv || program;
}

/* Calls that are taken by themselves ask nobody. */
static void show_calls(struct answering *a)
{
	struct request_handler handler = {.request = on_request, .self = a};

	if (a->app.config->answer_notify && !a->auto_accept)
		a->notify = notify_new(ui_events(a->app.ui), &handler);
}

static int run_answer(struct answering *a, const struct common *o)
{
	struct app_events events = {.phone = {.online = on_online, .offline = on_offline, .roster = on_roster, .blocked = on_blocked, .jmi = on_jmi,
		.bounced = on_bounced, .offer = on_offer, .spoilt = on_spoilt, .here = on_here, .gone = on_gone, .self = a},
		.interrupted = on_interrupted, .key = on_key, .request = on_request, .mute = on_mute, .command = "answer", .self = a};
	struct missed_events missed = {.calls = on_missed, .done = on_caught_up, .ctx = a};
	struct answer_options options;
	int status;

	if (!app_init(&a->app, o, &status))
		return status;
	status = jc_exit_status(JC_USAGE);
	settle_calls(a, o);
	if (check_exec(a) && check_ends(a) && collect_allowed(a) && check_policy(a)) {
		a->app.ends_with_call = a->once;
		options = (struct answer_options){.auto_accept = a->auto_accept, .allow_contacts = a->allow_contacts,
			.allow = a->allow, .ignore_strangers = !a->app.config->answer_strangers,
			.ring_timeout_s = a->app.ring_timeout_s, .max_calls = (guint)a->max_calls, .exec = a->exec_argv,
			.migrate = a->app.config->answer_migrate, .talk = a->app.talk, .keep = on_keep};
		a->missed = missed_new(a->app.phone, a->app.keeper, a->app.account->jid, FALSE, &missed);
		a->answer = answer_new(a->app.phone, a->app.ui, &options, on_done, a);
		service_watch(a->service, phone_media(a->app.phone));
		events_listen(ui_events(a->app.ui), on_event, a);
		show_calls(a);
		service_status(a->service, "Logging in as %s", a->app.account->jid);
		status = app_run(&a->app, &events);
	}
	notify_free(a->notify, NOTIFY_LIMIT_MS);
	missed_free(a->missed);
	g_clear_handle_id(&a->echo_timer, g_source_remove);
	app_free(&a->app);
	answer_free(a->answer);
	return status;
}

static int answer_main(int argc, char **argv)
{
	struct answering a = {.allow = g_ptr_array_new_with_free_func(g_free), .max_calls = NOT_SAID, .service = service_new(),
		.talking = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free)};
	const GOptionEntry entries[] = {
		{"auto", 0, 0, G_OPTION_ARG_NONE, &a.auto_accept, "Take calls by itself, of those allowed", NULL},
		{"allow", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a.allow_options, "Allow this address or domain", "JID"},
		{"allow-contacts", 0, 0, G_OPTION_ARG_NONE, &a.allow_contacts, "Allow everybody on the contact list", NULL},
		{"once", 0, 0, G_OPTION_ARG_NONE, &a.once, "End after one call, with its exit status", NULL},
		{"max-calls", 0, 0, G_OPTION_ARG_INT, &a.max_calls, "Take so many calls at once, 1 unless said otherwise", "N"},
		{"exec", 0, 0, G_OPTION_ARG_STRING, &a.exec, "Start this for each call, with its sound on standard input and output", "COMMAND"},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};
	struct common o;
	int status = jc_exit_status(JC_USAGE);

	if (common_parse(&o, entries, NULL, "Waits for calls and takes them.", &argc, &argv, &status)) {
		if (argc > 1) {
			log_error("answer", "'%s' is not understood; try 'jcall answer --help'", argv[1]);
			status = jc_exit_status(JC_USAGE);
		} else {
			status = check_calls(&a, &o) ? run_answer(&a, &o) : jc_exit_status(JC_USAGE);
		}
	}
	g_strfreev(a.allow_options);
	g_strfreev(a.exec_argv);
	g_free(a.exec);
	g_ptr_array_unref(a.allow);
	g_hash_table_unref(a.talking);
	g_free(a.trouble);
	service_free(a.service);
	common_free(&o);
	return status;
}

const struct command cmd_answer = {"answer", "wait for calls and take them", answer_main};
