#include "cmd.h"

#include <string.h>

#include "dial.h"
#include "log.h"
#include "text.h"
#include "whom.h"

struct dialling {
	struct app app;
	struct dial *dial;
	char *callee;
};

static void on_done(void *ctx, enum jc_err err, const char *text)
{
	struct dialling *d = ctx;

	if (err == JC_UNAVAILABLE && !strpbrk(d->callee, "@.:"))	/* hardly the domain as which it was called */
		text = "no contact known here begins like that; 'jcall contacts' reads the list anew";
	report_outcome(d->app.ui, d->callee, err, text);
	app_quit(&d->app, jc_exit_status(err));
}

static void on_keep(void *ctx, const struct call_entry *e)
{
	const struct dialling *d = ctx;
	g_autofree char *path = calllog_path(d->app.account->jid);

	calllog_keep_by(d->app.keeper, path, e);
}

static void on_online(void *self, gboolean resumed)
{
	struct dialling *d = self;

	dial_online(d->dial);
}

/* Sound does not need the server: a call that is up goes on, and the stream comes back in the background. */
static void on_offline(void *self, const GError *error, gboolean final)
{
	struct dialling *d = self;

	ui_event(d->app.ui, "disconnected", "text", "s", error->message, NULL);
	log_info("dial", "%s", error->message);
	if (!dial_is_talking(d->dial) || final)
		dial_hangup(d->dial, (enum jc_err)error->code, error->message);
}

static void on_roster(void *self)
{
	remember_contacts(&((struct dialling *)self)->app);
}

static void on_jmi(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	struct dialling *d = self;

	dial_jmi(d->dial, from, m, ours, g_strcmp0(elem_attr(message, "to"), phone_jid(d->app.phone)) == 0);
}

static void on_bounced(void *self, const char *from, const char *message_id, const char *condition)
{
	struct dialling *d = self;

	dial_bounced(d->dial, from, message_id, condition);
}

static void on_offer(void *self, struct iq *iq, const struct jingle_msg *m)
{
	struct dialling *d = self;

	dial_offer(d->dial, iq, m);
}

static void on_spoilt(void *self, const char *from)
{
	struct dialling *d = self;

	dial_spoilt(d->dial, from);
}

static void on_here(void *self, const char *full_jid, int priority)
{
	struct dialling *d = self;

	dial_here(d->dial, full_jid, priority);
}

static void on_gone(void *self, const char *full_jid)
{
	struct dialling *d = self;

	dial_gone(d->dial, full_jid);
}

static void on_interrupted(void *self, int signum)
{
	struct dialling *d = self;

	dial_hangup(d->dial, JC_OK, NULL);
}

static void on_key(void *self, int c)
{
	struct dialling *d = self;

	dial_key(d->dial, c);
}

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	struct dialling *d = self;

	return dial_request(d->dial, r, reply, error);
}

static void on_mute(void *self, gboolean muted)
{
	struct dialling *d = self;

	dial_mute(d->dial, muted);
}

static int run_dial(struct dialling *d, const struct common *o)
{
	struct app_events events = {.phone = {.online = on_online, .offline = on_offline, .roster = on_roster, .jmi = on_jmi,
		.bounced = on_bounced, .offer = on_offer, .spoilt = on_spoilt, .here = on_here, .gone = on_gone, .self = d},
		.interrupted = on_interrupted, .key = on_key, .request = on_request, .mute = on_mute, .command = "dial", .self = d};
	struct dial_options options;
	int status;

	if (!app_init(&d->app, o, &status))
		return status;
	if (jid_same_bare(d->callee, d->app.account->jid) && !jid_resource(d->callee)) {
		log_error("dial", "that is your own account; to call another device of yours, name its resource");
		status = jc_exit_status(JC_USAGE);
	} else {
		d->app.ends_with_call = TRUE;
		options = (struct dial_options){.callee = d->callee, .ring_timeout_s = d->app.ring_timeout_s,
						.talk = d->app.talk, .keep = on_keep};
		d->dial = dial_new(d->app.phone, d->app.ui, &options, on_done, d);
		status = app_run(&d->app, &events);
	}
	dial_free(d->dial);
	app_free(&d->app);
	return status;
}

/* Before a password is asked for, it is known whom to call. */
static int dial_whom(struct dialling *d, const struct common *o, const char *whom)
{
	g_autoptr(GError) error = NULL;

	d->callee = whom_read(o->config_path, o->account_name, whom, &error);
	return d->callee ? run_dial(d, o) : report_error(error);
}

static int dial_main(int argc, char **argv)
{
	struct dialling d = {0};
	struct common o;
	int status = jc_exit_status(JC_USAGE);

	if (common_parse(&o, NULL, "JID", "Calls JID: a bare address rings all devices, a full one just that device. A phone number like\n"
			 "+15551234567 is called through the gateway of the account, a contact by the beginning of its name.", &argc, &argv,
			 &status)) {
		status = jc_exit_status(JC_USAGE);
		if (argc > 2)
			log_error("dial", "one is called at a time, so '%s' is too much; a name with spaces needs quotes", argv[2]);
		else if (argc < 2)
			log_error("dial", "whom to call? Usage: jcall dial [OPTIONS] JID");
		else
			status = dial_whom(&d, &o, argv[1]);
	}
	g_free(d.callee);
	common_free(&o);
	return status;
}

const struct command cmd_dial = {"dial", "call somebody", dial_main};
