#include "phone_rig.h"

#include "fake_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loop.h"

#define ROSTER "<query xmlns='jabber:iq:roster'>" \
	"<item jid='" ROMEO_BARE "' name='Romeo' subscription='both'/><item jid='paris@verona.lit' subscription='to'/></query>"
#define CONFIG "[account capulet]\njid = " US_BARE "\n[network]\nloopback = true\n"

/* ---- what the program tells ---- */

static void on_event(void *ctx, const struct event *e)
{
	struct phone_rig *r = ctx;
	const char *peer = fields_string(e->fields, "peer");
	gint64 percent;

	g_string_append_printf(r->told, "%s%s%s", e->name, peer ? " " : "", peer ? peer : "");
	if (fields_int(e->fields, "percent", &percent))
		g_string_append_printf(r->told, " %d", (int)percent);
	g_string_append(r->told, "; ");
}

static void on_kept(void *ctx, const struct call_entry *e, gboolean over)
{
	struct phone_rig *r = ctx;

	g_string_append_printf(r->kept, "%s %s%s; ", e->id, jc_symbol(e->outcome), over ? " over" : "");
	r->durations_s += e->duration_s;
}

static void on_dial_kept(void *ctx, const struct call_entry *e)
{
	on_kept(ctx, e, TRUE);
}

static void note_end(struct phone_rig *r, enum jc_err err, const char *text)
{
	r->done++;
	r->err = err;
	g_free(r->text);
	r->text = g_strdup(text);
}

static void on_answer_done(void *ctx, const char *peer, enum jc_err err, const char *text)
{
	struct phone_rig *r = ctx;

	g_free(r->peer);
	r->peer = g_strdup(peer);
	note_end(r, err, text);
}

static void on_dial_done(void *ctx, enum jc_err err, const char *text)
{
	note_end(ctx, err, text);
}

/* ---- events of the phone ---- */

static void on_online(void *self, gboolean resumed)
{
	struct phone_rig *r = self;

	if (r->dial)
		dial_online(r->dial);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
}

static void on_roster(void *self)
{
}

static void on_jmi(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	struct phone_rig *r = self;

	if (r->answer)
		answer_jmi(r->answer, message, from, m, ours);
	if (r->dial)
		dial_jmi(r->dial, from, m, ours, g_strcmp0(elem_attr(message, "to"), US) == 0);
}

static void on_blocked(void *self)
{
	struct phone_rig *r = self;

	if (r->answer)
		answer_blocked(r->answer);
}

static void on_bounced(void *self, const char *from, const char *message_id, const char *condition)
{
	struct phone_rig *r = self;

	if (r->answer)
		answer_bounced(r->answer, from, message_id);
	if (r->dial)
		dial_bounced(r->dial, from, message_id, condition);
}

static void on_offer(void *self, struct iq *iq, const struct jingle_msg *m)
{
	struct phone_rig *r = self;

	if (r->answer)
		answer_offer(r->answer, iq, m);
	if (r->dial)
		dial_offer(r->dial, iq, m);
}

static void on_here(void *self, const char *full_jid, int priority)
{
	struct phone_rig *r = self;

	if (r->dial)
		dial_here(r->dial, full_jid, priority);
}

static void on_gone(void *self, const char *full_jid)
{
	struct phone_rig *r = self;

	if (r->answer)
		answer_gone(r->answer, full_jid);
	if (r->dial)
		dial_gone(r->dial, full_jid);
}

/* ---- the account ---- */

/* The server answers what is asked at every login: it knows the contact list, and has nothing else. */
static void answer_login(struct stream *x)
{
	while (fake_stream_open(x)) {
		gboolean roster = elem_is(fake_stream_query(x, 0)->payload, "query", "jabber:iq:roster");

		fake_stream_reply(x, 0, roster ? COND_OK : COND_SERVICE_UNAVAILABLE, roster ? ROSTER : NULL);
	}
}

void rig_open(struct phone_rig *r, const char *more)
{
	struct phone_events events = {
		.online = on_online,
		.offline = on_offline,
		.roster = on_roster,
		.blocked = on_blocked,
		.jmi = on_jmi,
		.bounced = on_bounced,
		.offer = on_offer,
		.here = on_here,
		.gone = on_gone,
		.self = r,
	};
	struct ui_options quiet = {.quiet = TRUE};
	g_autofree char *text = g_strconcat(CONFIG, more, NULL);

	memset(r, 0, sizeof(*r));
	r->config = config_parse("config", text, strlen(text), TRUE, NULL);
	assert_non_null(r->config);
	r->ui = ui_new(&quiet);
	r->told = g_string_new(NULL);
	r->kept = g_string_new(NULL);
	r->allow = g_ptr_array_new_with_free_func(g_free);
	events_listen(ui_events(r->ui), on_event, r);
	r->phone = phone_new(r->config, config_account(r->config, NULL, NULL), "secret", r->ui, FALSE, &events);
	r->x = fake_stream_last();
	phone_connect(r->phone);
	fake_stream_online(r->x, US, FALSE);
	answer_login(r->x);
	r->seen = r->x->sent->len;
	g_string_truncate(r->told, 0);
}

static void end_calls(struct phone_rig *r)
{
	if (r->answer) {
		answer_hangup(r->answer);
		loop_until(answer_is_idle(r->answer));
		answer_free(r->answer);
	}
	if (r->dial) {
		dial_hangup(r->dial, JC_OK, NULL);
		loop_until(r->done);
		dial_free(r->dial);
	}
}

void rig_close(struct phone_rig *r)
{
	end_calls(r);
	phone_free(r->phone);
	while (g_main_context_iteration(NULL, FALSE))
		;
	ui_free(r->ui);
	config_free(r->config);
	g_ptr_array_unref(r->allow);
	g_string_free(r->told, TRUE);
	g_string_free(r->kept, TRUE);
	g_free(r->text);
	g_free(r->peer);
}

struct answer_options rig_answer_options(struct phone_rig *r)
{
	return (struct answer_options){.allow = r->allow, .migrate = TRUE, .ring_timeout_s = 45, .max_calls = 1,
				       .talk = {.in = "tone:440", .out = "null"}, .keep = on_kept};
}

void rig_answer(struct phone_rig *r, const struct answer_options *options)
{
	r->answer = answer_new(r->phone, r->ui, options, on_answer_done, r);
}

void rig_dial(struct phone_rig *r, const char *callee, guint ring_timeout_s)
{
	struct dial_options options = {.callee = callee, .ring_timeout_s = ring_timeout_s,
				       .talk = {.in = "tone:440", .out = "null"}, .keep = on_dial_kept};

	r->dial = dial_new(r->phone, r->ui, &options, on_dial_done, r);
	dial_online(r->dial);
}

/* ---- what comes in ---- */

static void hear(struct phone_rig *r, const char *text)
{
	elem_auto stanza = xml(text);

	fake_stream_hear(r->x, stanza);
}

void rig_message(struct phone_rig *r, const char *from, const char *inside)
{
	g_autofree char *text = g_strdup_printf("<message xmlns='jabber:client' type='chat' from='%s' to='%s' id='m'>%s</message>", from,
						US, inside);

	hear(r, text);
}

void rig_carbon_sent(struct phone_rig *r, const char *to, const char *inside)
{
	g_autofree char *text = g_strdup_printf("<message xmlns='jabber:client' from='%s' to='%s'><sent xmlns='urn:xmpp:carbons:2'>"
		"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat' from='%s/chamber' to='%s'>%s</message>"
		"</forwarded></sent></message>", US_BARE, US, US_BARE, to, inside);

	hear(r, text);
}

void rig_bounce(struct phone_rig *r, const char *from, const char *message_id)
{
	g_autofree char *text = g_strdup_printf("<message xmlns='jabber:client' type='error' from='%s' to='%s' id='%s'><error type='cancel'>"
		"<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", from, US, message_id);

	hear(r, text);
}

/* The answer is the first thing that leaves, or nothing of the program's own leaves before it. */
enum iq_cond rig_iq(struct phone_rig *r, const char *from, const char *type, const char *payload)
{
	g_autofree char *id = g_strdup_printf("peer%u", ++r->iqs);
	g_autofree char *text = g_strdup_printf("<iq xmlns='jabber:client' type='%s' from='%s' to='%s' id='%s'>%s</iq>", type, from, US,
						id, payload);
	guint at = r->x->sent->len;

	hear(r, text);
	for (; at < r->x->sent->len; at++) {
		const struct elem *e = r->x->sent->pdata[at];

		if (elem_is(e, "iq", NULL) && g_strcmp0(elem_attr(e, "id"), id) == 0) {
			assert_string_equal(elem_attr(e, "to"), from);
			return g_strcmp0(elem_attr(e, "type"), "result") == 0 ? COND_OK : cond_read(e);
		}
	}
	fail_msg("not answered: %s", payload);
	return COND_OK;
}

void rig_presence(struct phone_rig *r, const char *from, const char *type)
{
	g_autofree char *text = g_strdup_printf("<presence xmlns='jabber:client' from='%s' to='%s'%s%s%s/>", from, US, type ? " type='" : "",
						type ? type : "", type ? "'" : "");

	hear(r, text);
}

/* ---- what left ---- */

static const char *action_of(const struct elem *e)
{
	return elem_attr(elem_child(e, "jingle", "urn:xmpp:jingle:1"), "action");
}

/* Has TO got addresses of ours by an offer or an accept, before number AT of what left? */
static gboolean knows_addresses(const struct phone_rig *r, const char *to, guint at)
{
	while (at-- > 0) {
		const struct elem *e = r->x->sent->pdata[at];

		if (g_strcmp0(elem_attr(e, "to"), to) == 0 && (g_strcmp0(action_of(e), "session-initiate") == 0 ||
							       g_strcmp0(action_of(e), "session-accept") == 0))
			return TRUE;
	}
	return FALSE;
}

/* More addresses come when they are found. To whom there is no session they are of great interest. */
static gboolean is_of_no_interest(const struct phone_rig *r, guint at)
{
	const struct elem *e = r->x->sent->pdata[at];
	const char *type = elem_attr(e, "type");

	if (!elem_is(e, "iq", NULL))
		return FALSE;
	if (g_strcmp0(action_of(e), "transport-info") == 0)
		return knows_addresses(r, elem_attr(e, "to"), at);
	return g_strcmp0(type, "get") == 0 || g_strcmp0(type, "result") == 0 || g_strcmp0(type, "error") == 0;
}

static const struct elem *peek(struct phone_rig *r)
{
	while (r->seen < r->x->sent->len && is_of_no_interest(r, r->seen))
		r->seen++;
	return r->seen < r->x->sent->len ? r->x->sent->pdata[r->seen] : NULL;
}

static const struct elem *next(struct phone_rig *r)
{
	const struct elem *e;

	loop_until((e = peek(r)) != NULL);
	r->seen++;
	return e;
}

const struct elem *rig_expect(struct phone_rig *r, const char *pattern)
{
	const struct elem *e = next(r);

	assert_elem_equal(pattern, e);
	return e;
}

void rig_expect_jmi(struct phone_rig *r, const char *to, const char *kind, const char *id)
{
	g_autofree char *text = NULL;
	const struct elem *e = next(r), *inside = elem_child(e, kind, "urn:xmpp:jingle-message:0");

	text = elem_to_string(e);
	if (!elem_is(e, "message", NULL) || !inside || g_strcmp0(elem_attr(e, "to"), to) != 0 ||
	    (id && g_strcmp0(elem_attr(inside, "id"), id) != 0))
		fail_msg("not <%s id='%s'/> to %s, but %s", kind, id ? id : "*", to, text);
}

const struct elem *rig_expect_jingle(struct phone_rig *r, const char *to, const char *action)
{
	g_autofree char *text = NULL;
	const struct elem *e = next(r), *jingle = elem_child(e, "jingle", "urn:xmpp:jingle:1");

	text = elem_to_string(e);
	if (!jingle || g_strcmp0(elem_attr(e, "to"), to) != 0 || g_strcmp0(elem_attr(jingle, "action"), action) != 0)
		fail_msg("not %s to %s, but %s", action, to, text);
	return jingle;
}

static gboolean is_about(const struct fake_query *q, const char *to, const char *ns, const char *action)
{
	return !q->answered && !q->cancelled && g_strcmp0(q->to, to) == 0 && g_str_equal(elem_ns(q->payload), ns) &&
		(!action || g_strcmp0(elem_attr(q->payload, "action"), action) == 0);
}

/* Its number among the open questions; -1: there is none. */
static int find_query(struct phone_rig *r, const char *to, const char *ns, const char *action)
{
	guint open = fake_stream_open(r->x);

	for (guint n = 0; n < open; n++)
		if (is_about(fake_stream_query(r->x, n), to, ns, action))
			return (int)n;
	return -1;
}

gboolean rig_is_asked(struct phone_rig *r, const char *to, const char *ns)
{
	return find_query(r, to, ns, NULL) >= 0;
}

void rig_reply(struct phone_rig *r, const char *to, const char *ns, const char *action, enum iq_cond cond, const char *payload)
{
	int n;

	loop_until((n = find_query(r, to, ns, action)) >= 0);
	fake_stream_reply(r->x, (guint)n, cond, payload);
}

void rig_expect_nothing(struct phone_rig *r)
{
	const struct elem *e = peek(r);
	g_autofree char *text = elem_to_string(e);

	if (e)
		fail_msg("it has sent %s", text);
}

gboolean rig_request(struct phone_rig *r, enum verb verb, guint call, char **words)
{
	struct request request = {.verb = verb, .call = call};
	struct fields *reply = fields_new();
	g_autoptr(GError) error = NULL;
	gboolean done = r->answer ? answer_request(r->answer, &request, reply, &error) : dial_request(r->dial, &request, reply, &error);

	if (words)
		*words = done ? fields_write(reply) : g_strdup(error->message);
	fields_free(reply);
	return done;
}
