#include "cmd.h"

#include <stdio.h>

#include "contacts.h"
#include "known.h"
#include "log.h"
#include "text.h"

enum {
	QUIET_MS = 1500, PRESENCE_MS = 4000,	/* presence has come when none came for so long; and in any case by then */
	ANSWER_MS = 3000,			/* after the last question: who does not answer by then is silent */
	LIST_MS = 30000,			/* for the contact list, from the login on: as long as roster.c waits for it */
	LIMIT_MS = 8000,			/* for all that follows it */
	AT_ONCE = 16, STEP_MS = 500,		/* so many people are asked side by side, of whom others with the same client profit;
						 * and so many more each time they have been slow for so long */
	PRIORITY = -1,				/* no message is to come here */
	NAME_WIDTH = 30, JID_WIDTH = 40,	/* of the columns, at most */
};

struct asking {				/* what the devices of one person can do */
	struct contacts *c;
	struct contact_row *row;
	guint handle;
};

struct contacts {
	struct app app;
	gboolean json, quiet;
	GPtrArray *rows;		/* struct contact_row *; NULL: the contact list is not there yet */
	GPtrArray *askings;		/* struct asking * */
	guint asked, open, window;	/* so many of ASKINGS are out, or done; so many of these out; so many may be */
	gint64 presence_end_ms;
	guint quiet_timer, step_timer, answer_timer, limit_timer;
};

/* ---- printing ---- */

/* A column of WIDTH characters; what is longer takes the room it needs. */
static char *padded(const char *text, glong width)
{
	glong missing = width - g_utf8_strlen(text, -1);
	g_autofree char *room = g_strnfill((gsize)MAX(missing, 0), ' ');

	return g_strconcat(text, room, NULL);
}

static char *title_of(const struct contact_row *row)
{
	if (row->alias && row->name)
		return g_strdup_printf("%s (%s)", row->alias, row->name);
	return g_strdup(row->alias ? row->alias : row->name ? row->name : "-");
}

static void measure(const GPtrArray *rows, glong *name_width, glong *jid_width)
{
	for (guint i = 0; i < rows->len; i++) {
		g_autofree char *title = title_of(rows->pdata[i]);

		*name_width = MIN(MAX(*name_width, g_utf8_strlen(title, -1)), NAME_WIDTH);
		*jid_width = MIN(MAX(*jid_width, g_utf8_strlen(((struct contact_row *)rows->pdata[i])->jid, -1)), JID_WIDTH);
	}
}

static void print_row(const struct contact_row *row, glong name_width, glong jid_width)
{
	g_autofree char *title = title_of(row), *name = padded(title, name_width);
	g_autofree char *clean = text_clean(row->jid, TEXT_LONG), *jid = padded(clean, jid_width);

	if (row->devices > 1)
		printf("%s  %s  %s; %u devices\n", name, jid, contact_state_words(row->state), row->devices);
	else
		printf("%s  %s  %s\n", name, jid, contact_state_words(row->state));
}

static void tell_rows(struct contacts *c)
{
	glong name_width = 0, jid_width = 0;

	contacts_sort(c->rows);
	measure(c->rows, &name_width, &jid_width);
	for (guint i = 0; i < c->rows->len; i++) {
		const struct contact_row *row = c->rows->pdata[i];
		g_autofree char *jid = text_clean(row->jid, TEXT_LONG);

		ui_event(c->app.ui, "contact", "peer", "s", jid, "alias", "s", row->alias, "name", "s", row->name,
			 "state", "s", contact_state_symbol(row->state), "devices", "i", (gint64)row->devices, NULL);
		if (!c->json && !c->quiet)
			print_row(row, name_width, jid_width);
	}
	if (!c->rows->len)
		ui_say(c->app.ui, "There are no contacts, neither on the contact list nor in the configuration");
	fflush(stdout);
}

/* What to dial, address, name: separated by tabs, for completions. Whose address could not be typed as it is shown is left out. */
static void tell_cached(const GPtrArray *rows, struct ui *ui, const struct common *o)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct contact_row *row = rows->pdata[i];
		g_autofree char *jid = text_clean(row->jid, TEXT_LONG);

		ui_event(ui, "contact", "peer", "s", jid, "alias", "s", row->alias, "name", "s", row->name, NULL);
		if (!o->json && !o->quiet && g_strcmp0(jid, row->jid) == 0)
			printf("%s\t%s\t%s\n", row->alias ? row->alias : jid, jid, row->name ? row->name : "");
	}
}

static int run_cached(const struct common *o)
{
	g_autoptr(GError) error = NULL;
	struct ui_options options = {.json = o->json, .quiet = o->quiet};
	struct config *config = config_load(o->config_path, &error);
	const struct account *account = config ? config_account(config, o->account_name, &error) : NULL;
	g_autoptr(GPtrArray) known = account ? known_load(account->jid) : known_new();
	struct ui *ui = ui_new(&options);

	if (account) {
		g_autoptr(GPtrArray) rows = contacts_rows(config, known);

		contacts_sort(rows);
		tell_cached(rows, ui, o);
	}
	ui_free(ui);
	config_free(config);
	return error ? report_error(error) : 0;
}

/* ---- what the devices can do ---- */

static void leave(struct contacts *c, int status)
{
	g_clear_handle_id(&c->quiet_timer, g_source_remove);
	g_clear_handle_id(&c->step_timer, g_source_remove);
	g_clear_handle_id(&c->answer_timer, g_source_remove);
	g_clear_handle_id(&c->limit_timer, g_source_remove);
	for (guint i = 0; i < c->askings->len; i++)
		disco_cancel(phone_disco(c->app.phone), ((struct asking *)c->askings->pdata[i])->handle);
	g_ptr_array_set_size(c->askings, 0);
	app_quit(&c->app, status);
}

static void conclude(struct contacts *c)
{
	tell_rows(c);
	leave(c, 0);
}

static gboolean on_silence(gpointer data)
{
	struct contacts *c = data;

	c->answer_timer = 0;
	conclude(c);
	return G_SOURCE_REMOVE;
}

static void ask_more(struct contacts *c);

static void on_best(void *ctx, const char *full_jid, unsigned can, unsigned online)
{
	struct asking *a = ctx;

	a->handle = 0;
	a->c->open--;
	a->row->state = full_jid ? CONTACT_CALLABLE : CONTACT_ONLINE;
	ask_more(a->c);
}

static void ask_more(struct contacts *c)
{
	struct phone *phone = c->app.phone;

	while (c->open < c->window && c->asked < c->askings->len) {
		struct asking *a = c->askings->pdata[c->asked++];

		c->open++;
		a->handle = disco_best(phone_disco(phone), a->row->jid, phone_needs(phone, a->row->jid), on_best, a);
		g_clear_handle_id(&c->answer_timer, g_source_remove);
		c->answer_timer = g_timeout_add(ANSWER_MS, on_silence, c);
	}
	if (!c->open)
		conclude(c);
}

static gboolean on_step(gpointer data)
{
	struct contacts *c = data;

	c->window += AT_ONCE;
	ask_more(c);
	return G_SOURCE_CONTINUE;
}

/* ---- who is there ---- */

static gboolean on_settled(gpointer data)
{
	struct contacts *c = data;

	c->quiet_timer = 0;
	for (guint i = 0; i < c->rows->len; i++) {
		struct contact_row *row = c->rows->pdata[i];
		struct asking *a;

		row->devices = disco_online(phone_disco(c->app.phone), row->jid);
		row->state = row->devices ? CONTACT_SILENT :
			roster_shows(phone_roster(c->app.phone), row->jid) ? CONTACT_OFFLINE : CONTACT_HIDDEN;
		if (!row->devices)
			continue;
		a = g_new0(struct asking, 1);
		*a = (struct asking){.c = c, .row = row};
		g_ptr_array_add(c->askings, a);
	}
	c->window = AT_ONCE;
	c->step_timer = g_timeout_add(STEP_MS, on_step, c);
	ask_more(c);
	return G_SOURCE_REMOVE;
}

static void wait_for_quiet(struct contacts *c)
{
	g_clear_handle_id(&c->quiet_timer, g_source_remove);
	c->quiet_timer = g_timeout_add((guint)CLAMP(c->presence_end_ms - clock_ms(), 0, QUIET_MS), on_settled, c);
}

static void on_here(void *self, const char *full_jid, int priority)
{
	struct contacts *c = self;

	if (c->quiet_timer)
		wait_for_quiet(c);
}

static void add_known(void *ctx, const char *jid, const char *name)
{
	known_add(ctx, jid, name);
}

static GPtrArray *listed(struct phone *phone)
{
	GPtrArray *known = known_new();

	roster_each(phone_roster(phone), add_known, known);
	return known;
}

struct keeping {
	char *jid;
	GPtrArray *known;
};

/* In the keeper's thread. */
static void keep(void *data)
{
	struct keeping *job = data;
	g_autoptr(GError) error = NULL;

	if (!known_keep(job->jid, job->known, &error))
		log_info("contacts", "%s", error->message);
	g_ptr_array_unref(job->known);
	g_free(job->jid);
	g_free(job);
}

void remember_contacts(const struct app *a)
{
	struct keeping *job;

	if (!roster_has_come(phone_roster(a->phone)))
		return;
	job = g_new(struct keeping, 1);
	*job = (struct keeping){.jid = g_strdup(a->account->jid), .known = listed(a->phone)};
	keeper_do(a->keeper, "list of contacts", keep, NULL, job);
}

static gboolean on_limit(gpointer data)
{
	struct contacts *c = data;

	c->limit_timer = 0;
	if (c->rows) {
		conclude(c);
	} else {
		log_error("contacts", "the server did not give the contact list within %d s", LIST_MS / 1000);
		leave(c, jc_exit_status(JC_SERVER));
	}
	return G_SOURCE_REMOVE;
}

static void on_roster(void *self)
{
	struct contacts *c = self;
	g_autoptr(GPtrArray) known = NULL;

	if (c->rows || c->app.status >= 0)	/* a second login, or too late */
		return;
	if (!roster_has_come(phone_roster(c->app.phone))) {
		log_error("contacts", "the server does not give the contact list");
		leave(c, jc_exit_status(JC_SERVER));
		return;
	}
	remember_contacts(&c->app);
	known = listed(c->app.phone);
	c->rows = contacts_rows(c->app.config, known);
	contacts_sort(c->rows);
	g_clear_handle_id(&c->limit_timer, g_source_remove);
	c->limit_timer = g_timeout_add(LIMIT_MS, on_limit, c);
	phone_presence(c->app.phone, NULL, PRIORITY);	/* without it the server tells us of nobody's */
	c->presence_end_ms = clock_ms() + PRESENCE_MS;
	wait_for_quiet(c);
}

/* ---- the other events of the phone ---- */

static void on_online(void *self, gboolean resumed)
{
	struct contacts *c = self;

	if (!c->limit_timer && c->app.status < 0)
		c->limit_timer = g_timeout_add(LIST_MS, on_limit, c);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct contacts *c = self;

	if (c->app.status < 0)
		leave(c, report_error(error));
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
	leave(self, jc_exit_status(JC_CANCELLED));
}

static void on_key(void *self, int c)
{
}

/* ---- the command ---- */

static int run_contacts(struct contacts *c, struct common *o)
{
	struct app_events events = {.phone = {.online = on_online, .offline = on_offline, .roster = on_roster, .jmi = on_jmi,
		.bounced = on_bounced, .offer = on_offer, .here = on_here, .gone = on_gone, .self = c},
		.interrupted = on_interrupted, .key = on_key, .self = c};
	int status;

	o->in = g_strdup("-");			/* nothing is read from it, so what is typed waits for the shell */
	o->out = g_strdup("null");
	c->json = o->json;
	c->quiet = o->quiet;
	if (!app_init(&c->app, o, &status))
		return status;
	c->askings = g_ptr_array_new_with_free_func(g_free);
	status = app_run(&c->app, &events);
	app_free(&c->app);
	g_ptr_array_unref(c->askings);
	g_clear_pointer(&c->rows, g_ptr_array_unref);
	return status;
}

static int contacts_main(int argc, char **argv)
{
	struct contacts c = {0};
	gboolean cached = FALSE;
	const GOptionEntry entries[] = {
		{"cached", 0, 0, G_OPTION_ARG_NONE, &cached, "Only the names and addresses seen before, without a login", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};
	struct common o;
	int status = jc_exit_status(JC_USAGE);

	if (common_parse_plain(&o, entries, "Lists the contacts: name, address, and who can be called now.", &argc, &argv, &status)) {
		status = jc_exit_status(JC_USAGE);
		if (argc > 1)
			log_error("contacts", "'%s' is not understood; try 'jcall contacts --help'", argv[1]);
		else
			status = cached ? run_cached(&o) : run_contacts(&c, &o);
	}
	common_free(&o);
	return status;
}

const struct command cmd_contacts = {"contacts", "list contacts, and who can be called", contacts_main};
