#include "cmd.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "doctor.h"
#include "log.h"
#include "process.h"
#include "text.h"
#include "whom.h"

enum {
	PASSWORD_MS = 6000, LIMIT_MS = 21000,	/* with the goodbye: less than 30 s, whatever is dead */
	TYPING_MS = 30000,		/* where a person is there, the command may have to ask him */
	ECHO_MS = 20000,		/* more, for the call */
};

#define NEEDS_ACCOUNT "no account can be tried"

struct doctor {
	struct config *config;
	const struct account *account;
	const char *peer;
	gboolean wants_echo, hides;		/* HIDES: by the options, or by the configuration */
	struct ui *ui;
	struct findings *findings;
	struct reach *reach;
	struct login *login;
	struct ways *ways;
	struct echo_check *echo;
	struct sound_check *sound;
	GMainLoop *loop;
	guint limit;
	gboolean interrupted, leaving;
};

/* ---- the configuration ---- */

static char *read_account(struct doctor *d, const struct common *o, GError **error)
{
	d->config = config_load(o->config_path, error);
	d->account = d->config ? config_account(d->config, o->account_name, error) : NULL;
	return d->account ? account_password_within(d->account, d->config, isatty(STDIN_FILENO) ? TYPING_MS : PASSWORD_MS, error) : NULL;
}

/* The password; caller wipes. NULL: told. */
static char *check_configuration(struct doctor *d, const struct common *o)
{
	struct finding *g = finding_open(d->findings, CHECK_CONFIGURATION);
	g_autoptr(GError) error = NULL;
	char *password = read_account(d, o, &error);
	g_autofree char *jid = d->account ? text_clean(d->account->jid, TEXT_SHORT) : NULL;

	if (password)
		finding_ok(g, "%s, account %s", d->config->path ? d->config->path : "(no file)", jid);
	else if (d->account)
		finding_fail(g, JC_CONFIG, "see 'password' and 'password_command' in jcall-config(5)", "%s", error->message);
	else
		finding_fail(g, JC_CONFIG, "config.example and jcall-config(5) show what belongs into it", "%s", error->message);
	return password;
}

/* ---- one after the other, or side by side ---- */

static void on_servers(void *ctx, const struct server_list *servers)
{
	struct doctor *d = ctx;

	d->ways = ways_begin(d->findings, servers, d->account ? d->account->ca_file : NULL, d->hides);
	if (d->echo)
		echo_check_begin(d->echo, login_is_online(d->login));
}

static void skip_account(struct doctor *d)
{
	static const enum check checks[] = {CHECK_DNS, CHECK_SERVER, CHECK_CERTIFICATE, CHECK_LOGIN, CHECK_STREAM_MANAGEMENT,
		CHECK_CARBONS, CHECK_ARCHIVE, CHECK_CAPABILITIES, CHECK_SERVICES};

	for (size_t i = 0; i < G_N_ELEMENTS(checks); i++)
		finding_skipped(finding_open(d->findings, checks[i]), NEEDS_ACCOUNT);
	if (d->peer)
		finding_skipped(finding_open(d->findings, CHECK_PEER), NEEDS_ACCOUNT);
	if (d->wants_echo)
		finding_skipped(finding_open(d->findings, CHECK_ECHO), NEEDS_ACCOUNT);
	if (d->config)
		on_servers(d, &d->config->servers);
}

static void begin(struct doctor *d, const struct common *o)
{
	char *password = check_configuration(d, o);

	d->hides = o->relay_only || (d->config && d->config->relay_only);
	if (password) {
		d->reach = reach_begin(d->findings, d->account);
		if (d->wants_echo)
			d->echo = echo_check_new(d->findings, d->config, d->account, password, d->peer, d->hides);
		d->login = login_begin(d->findings, d->config, d->account, password, d->peer, o->trace, on_servers, d);
	} else {
		skip_account(d);
	}
	password_free(password);
	if (d->config)
		config_forget_passwords(d->config);
	d->sound = sound_check_begin(d->findings, d->config ? d->config->audio_in : "default",
				     d->config ? d->config->audio_out : "default");
}

static void on_gone(void *ctx)
{
	struct doctor *d = ctx;

	g_main_loop_quit(d->loop);
}

static void on_hung_up(void *ctx)
{
	struct doctor *d = ctx;

	if (d->login)
		login_close(d->login, on_gone, d);
	else
		g_main_loop_quit(d->loop);
}

static void leave(struct doctor *d)
{
	if (d->leaving)
		return;
	d->leaving = TRUE;
	g_clear_handle_id(&d->limit, g_source_remove);
	if (d->echo)
		echo_check_close(d->echo, on_hung_up, d);
	else
		on_hung_up(d);
}

static void on_complete(void *ctx)
{
	leave(ctx);
}

static gboolean on_limit(gpointer data)
{
	struct doctor *d = data;

	d->limit = 0;
	findings_give_up(d->findings);
	return G_SOURCE_REMOVE;
}

static gboolean on_signal(gpointer data)
{
	struct doctor *d = data;

	if (d->interrupted)
		_exit(jc_exit_status(JC_CANCELLED));	/* asked twice */
	d->interrupted = TRUE;
	leave(d);
	return G_SOURCE_CONTINUE;
}

/* ---- the command ---- */

static void doctor_free(struct doctor *d)
{
	g_clear_handle_id(&d->limit, g_source_remove);
	echo_check_free(d->echo);
	ways_free(d->ways);
	reach_free(d->reach);
	login_free(d->login);
	sound_check_free(d->sound);
	findings_free(d->findings);
	g_main_loop_unref(d->loop);
	config_free(d->config);
	ui_free(d->ui);
}

static int examine(const struct common *o, const char *peer, gboolean echo)
{
	struct doctor d = {.peer = peer, .wants_echo = echo};
	struct ui_options options = {.json = o->json, .quiet = o->quiet};
	int status;

	if (o->verbose == 0)
		log_init(LOG_ERROR);		/* what is wrong is told by the findings */
	d.ui = ui_new(&options);
	d.findings = findings_new(d.ui, o->json, o->quiet, on_complete, &d);
	d.loop = g_main_loop_new(NULL, FALSE);
	/* Not removed: GLib would put the signals' default action back (process_settle). */
	g_unix_signal_add(SIGINT, on_signal, &d);
	g_unix_signal_add(SIGTERM, on_signal, &d);
	g_unix_signal_add(SIGHUP, on_signal, &d);
	begin(&d, o);
	d.limit = g_timeout_add(LIMIT_MS + (echo ? ECHO_MS : 0), on_limit, &d);
	g_main_loop_run(d.loop);
	status = d.interrupted ? jc_exit_status(JC_CANCELLED) : findings_conclude(d.findings);
	process_settle(status);
	doctor_free(&d);
	return status;
}

/* Where the configuration cannot be read, the checks tell why; an address is one all the same. */
static char *read_peer(const struct common *o, const char *text, GError **error)
{
	g_autoptr(GError) cause = NULL;
	char *jid = whom_read(o->config_path, o->account_name, text, &cause);

	if (!jid && cause->code == JC_CONFIG)
		jid = jid_read(text);
	if (!jid)
		g_propagate_error(error, g_steal_pointer(&cause));
	return jid;
}

static int doctor_main(int argc, char **argv)
{
	g_autofree char *peer = NULL, *jid = NULL;
	g_autoptr(GError) error = NULL;
	gboolean echo = FALSE;
	const GOptionEntry entries[] = {
		{"peer", 'p', 0, G_OPTION_ARG_STRING, &peer, "Also look whether this address, or contact, could be called", "JID"},
		{"echo", 0, 0, G_OPTION_ARG_NONE, &echo, "And call it: it must take the call and send back what it hears", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};
	struct common o;
	int status = jc_exit_status(JC_USAGE);

	if (common_parse_plain(&o, entries, "Checks what calls need - account, server, relays, sound - and says what is wrong.", &argc,
			       &argv, &status)) {
		jid = peer ? read_peer(&o, peer, &error) : NULL;
		status = jc_exit_status(JC_USAGE);
		if (argc > 1)
			log_error("doctor", "'%s' is not understood; try 'jcall doctor --help'", argv[1]);
		else if (peer && !jid)
			status = report_error(error);
		else if (echo && !jid)
			log_error("doctor", "--echo needs somebody to call: name him by --peer");
		else
			status = examine(&o, jid, echo);
	}
	common_free(&o);
	return status;
}

const struct command cmd_doctor = {"doctor", "check what calls need", doctor_main};
