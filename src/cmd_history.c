#include "cmd.h"

#include <stdio.h>

#include "log.h"
#include "missed.h"
#include "text.h"

struct history {
	struct app app;
	struct missed *missed;
	gboolean only_missed, all, json, quiet;
	gint last;			/* so many of the latest calls */
};

/* ---- printing ---- */

static char *moment(gint64 at_s)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(at_s);

	return t ? g_date_time_format(t, "%Y-%m-%d %H:%M") : g_strdup("-");
}

static void print_call(const struct call_entry *e)
{
	g_autofree char *at = moment(e->at_s), *peer = text_clean(e->peer, TEXT_LONG);

	printf("%s  %-3s  %s  ", at, e->incoming ? "in" : "out", peer);
	if (e->duration_s)
		printf("%u:%02u%s%s\n", e->duration_s / 60, e->duration_s % 60, e->outcome == JC_OK ? "" : ", ",
		       e->outcome == JC_OK ? "" : jc_words(e->outcome));
	else
		printf("%s\n", call_entry_is_missed(e) ? "missed" : jc_words(e->outcome));
}

static void show_call(struct ui *ui, const struct history *h, const struct call_entry *e)
{
	g_autofree char *peer = text_clean(e->peer, TEXT_LONG);

	ui_event(ui, "call", "peer", "s", peer, "at", "i", e->at_s, "direction", "s", e->incoming ? "in" : "out",
		 "reason", "s", jc_symbol(e->outcome), "duration_s", "i", (gint64)e->duration_s,
		 "missed", "b", call_entry_is_missed(e), NULL);
	if (!h->json && !h->quiet)
		print_call(e);
}

/* ---- the list that this machine has: no login ---- */

static guint first_shown(const struct history *h, const GPtrArray *calls)
{
	return calls->len > (guint)h->last ? calls->len - (guint)h->last : 0;
}

static gboolean show_list(struct history *h, const struct common *o, GError **error)
{
	struct ui_options options = {.json = h->json, .listing = TRUE};
	struct config *config = config_load(o->config_path, error);
	const struct account *account = config ? config_account(config, o->account_name, error) : NULL;
	g_autofree char *path = account ? calllog_path(account->jid) : NULL;
	struct calllog *list = path ? calllog_open(path, error) : NULL;
	struct ui *ui = ui_new(&options);

	for (guint i = list ? first_shown(h, calllog_entries(list)) : 0; list && i < calllog_entries(list)->len; i++)
		show_call(ui, h, calllog_entries(list)->pdata[i]);
	ui_free(ui);
	config_free(config);
	return list && calllog_close(list, error);
}

/* ---- what was missed: the archive is asked ---- */

static void on_calls(void *ctx, const GPtrArray *calls)
{
	struct history *h = ctx;

	if (h->json)
		missed_tell(h->app.ui, phone_roster(h->app.phone), calls);
	for (guint i = 0; !h->json && !h->quiet && i < calls->len; i++)
		print_call(calls->pdata[i]);
	fflush(stdout);
}

static void on_done(void *ctx, const GError *error)
{
	struct history *h = ctx;

	if (h->app.status < 0)			/* not leaving already */
		app_quit(&h->app, error ? report_error(error) : 0);
}

static void on_online(void *self, gboolean resumed)
{
	struct history *h = self;

	missed_catch_up(h->missed);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct history *h = self;

	app_quit(&h->app, report_error(error));
}

static void on_roster(void *self)
{
}

static void on_jmi(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
}

static void on_bounced(void *self, const char *from, const char *message_id, const char *condition)
{
}

static void on_offer(void *self, struct iq *iq, const struct jingle_msg *m)
{
}

static void on_gone(void *self, const char *full_jid)
{
}

static void on_interrupted(void *self, int signum)
{
	struct history *h = self;

	app_quit(&h->app, jc_exit_status(JC_CANCELLED));
}

static void on_key(void *self, int c)
{
}

static int run_missed(struct history *h, struct common *o)
{
	struct app_events events = {.phone = {.online = on_online, .offline = on_offline, .roster = on_roster, .jmi = on_jmi,
		.bounced = on_bounced, .offer = on_offer, .gone = on_gone, .self = h},
		.interrupted = on_interrupted, .key = on_key, .self = h};
	struct missed_events missed = {.calls = on_calls, .done = on_done, .ctx = h};
	int status;

	o->in = g_strdup("-");			/* nothing is read from it, so what is typed waits for the shell */
	o->out = g_strdup("null");
	if (!app_init(&h->app, o, &status))
		return status;
	h->missed = missed_new(h->app.phone, h->app.keeper, h->app.account->jid, h->all, &missed);
	status = app_run(&h->app, &events);
	missed_free(h->missed);
	app_free(&h->app);
	return status;
}

static int run_history(struct history *h, struct common *o)
{
	g_autoptr(GError) error = NULL;

	h->json = o->json;
	h->quiet = o->quiet;
	if (h->only_missed)
		return run_missed(h, o);
	return show_list(h, o, &error) ? 0 : report_error(error);
}

static int history_main(int argc, char **argv)
{
	struct history h = {.last = G_MAXINT};
	const GOptionEntry entries[] = {
		{"last", 'n', 0, G_OPTION_ARG_INT, &h.last, "Only the latest calls, so many", "N"},
		{"missed", 'm', 0, G_OPTION_ARG_NONE, &h.only_missed, "Ask the server for calls nobody took, and show the new ones", NULL},
		{"all", 0, 0, G_OPTION_ARG_NONE, &h.all, "With --missed: also those shown before", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};
	struct common o;
	int status = jc_exit_status(JC_USAGE);

	if (common_parse_plain(&o, entries, "Lists the calls of this machine; with --missed logs in and lists those that nobody took.",
			       &argc, &argv, &status)) {
		status = jc_exit_status(JC_USAGE);
		if (argc > 1)
			log_error("history", "'%s' is not understood; try 'jcall history --help'", argv[1]);
		else if (h.all && !h.only_missed)
			log_error("history", "--all goes with --missed; without it all calls are listed anyway");
		else if (h.last < 1 || (h.last < G_MAXINT && h.only_missed))
			log_error("history", h.last < 1 ? "-n takes a number of calls, 1 or more" :
				  "-n goes without --missed: calls not shown now would not be shown the next time");
		else
			status = run_history(&h, &o);
	}
	common_free(&o);
	return status;
}

const struct command cmd_history = {"history", "list calls, and those missed", history_main};
