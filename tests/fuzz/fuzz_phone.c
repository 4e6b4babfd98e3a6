/* A whole phone that can be called, over a fake stream. The first byte chooses how it answers; then each line is a stanza that
 * comes to us, or, when it begins with !, what our user or the network does.
 *
 * What must hold, whatever comes in whatever order:
 * - A stranger - not ourselves, not our server, not a contact who may see us - gets nothing but service-unavailable until the user
 *   has taken or declined a call of theirs.
 * - Nobody gets an address or an accept of ours but in a call that the user has decided about.
 * - Every call ends when the user hangs up.
 * The server is honest: what it says of our contact list does not change. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "fake_stream.h"
#include "log.h"
#include "text.h"
#include "xmpp/stanza.h"

#define US "juliet@lab.test"
#define US_FULL US "/me"
#define FRIEND "romeo@lab.test"

enum {
	MAX_LINES = 80,
	MEDIA_MS = 3,			/* of real time, for the media thread to answer */
	END_US = 10 * G_USEC_PER_SEC,	/* [us] longer than any wait of a call that ends */
	AUTO = 1, MANY = 2,		/* bits of the first byte */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct row {				/* a call that the phone deals with */
	char *peer, *id;
	gboolean decided, over;		/* by the user: taken, declined or hung up */
};

struct rig {
	gboolean automatic;
	struct phone *phone;
	struct answer *answer;
	struct stream *stream;
	GPtrArray *rows;		/* struct row */
};

static struct ui *ui;
static struct config *config;
static GPtrArray *allow;

/* ---- what must hold ---- */

G_NORETURN static void violated(const char *what, const struct elem *stanza)
{
	g_autofree char *text = stanza ? elem_to_string(stanza) : NULL;

	fprintf(stderr, "%s: %s\n", what, text ? text : "");
	abort();
}

/* Has the user decided about a call with JID (NULL: with anybody)? LIVE: one that is not over. */
static gboolean is_decided(const struct rig *r, const char *jid, gboolean live)
{
	for (guint i = 0; i < r->rows->len; i++) {
		const struct row *row = r->rows->pdata[i];

		if (row->decided && !(live && row->over) && (!jid || jid_same_bare(row->peer, jid)))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_stranger(const char *jid)
{
	return jid && !jid_same_bare(jid, US) && !jid_same_bare(jid, FRIEND) && g_ascii_strcasecmp(jid, "lab.test") != 0;
}

static gboolean is_service_unavailable(const struct elem *stanza)
{
	const struct elem *error = elem_child(stanza, NULL, NULL), *condition = elem_child(error, NULL, NULL);

	return elem_is(stanza, "iq", NULL) && g_strcmp0(elem_attr(stanza, "type"), "error") == 0 &&
		elem_is(error, "error", NULL) && !elem_next(error, NULL, NULL) &&
		elem_is(condition, "service-unavailable", NULL) && !elem_next(condition, NULL, NULL);
}

static gboolean tells_where_we_are(const struct elem *stanza)
{
	static const char *const words[] = {"<candidate", "ufrag=", "pwd=", "session-accept", "<proceed", "<accept"};
	g_autofree char *text = elem_to_string(stanza);

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(text, words[i]))
			return TRUE;
	return FALSE;
}

static void on_leaves(void *ctx, const struct elem *stanza)
{
	const struct rig *r = ctx;
	const char *to = elem_attr(stanza, "to");

	if (is_stranger(to) && !is_decided(r, to, FALSE) && !is_service_unavailable(stanza))
		violated("a stranger gets an answer", stanza);
	if (tells_where_we_are(stanza) && !is_decided(r, to && !jid_same_bare(to, US) ? to : NULL, TRUE))
		violated("before the accept this left", stanza);
}

/* ---- the phone, joined to its answering side as in cmd_answer.c ---- */

static void on_online(void *self, gboolean resumed)
{
	struct rig *r = self;

	phone_presence(r->phone, NULL, 0);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
}

static void on_roster(void *self)
{
}

static void on_jmi(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	answer_jmi(((struct rig *)self)->answer, message, from, m, ours);
}

static void on_bounced(void *self, const char *from, const char *message_id, const char *condition)
{
	answer_bounced(((struct rig *)self)->answer, from, message_id);
}

static void on_offer(void *self, struct iq *iq, const struct jingle_msg *m)
{
	answer_offer(((struct rig *)self)->answer, iq, m);
}

static void on_here(void *self, const char *full_jid, int priority)
{
}

static void on_gone(void *self, const char *full_jid)
{
	answer_gone(((struct rig *)self)->answer, full_jid);
}

static void on_done(void *ctx, const char *peer, enum jc_err err, const char *text)
{
}

static void row_free(gpointer data)
{
	struct row *row = data;

	g_free(row->peer);
	g_free(row->id);
	g_free(row);
}

static void on_keep(void *ctx, const struct call_entry *e, gboolean over)
{
	struct rig *r = ctx;
	struct row *row;

	for (guint i = 0; i < r->rows->len; i++) {
		row = r->rows->pdata[i];
		if (!row->over && strcmp(row->peer, e->peer) == 0 && strcmp(row->id, e->id) == 0) {
			row->over = over;
			return;
		}
	}
	row = g_new0(struct row, 1);
	row->peer = g_strdup(e->peer);
	row->id = g_strdup(e->id);
	row->decided = r->automatic && !is_stranger(e->peer);		/* contacts are taken: that was decided before */
	row->over = over;
	g_ptr_array_add(r->rows, row);
}

static void spin(int ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;

	do {
		while (g_main_context_iteration(NULL, FALSE))
			;
		if (ms)
			g_usleep(200);
	} while (g_get_monotonic_time() < end);
}

/* The server has told who our one contact is, as it has in any login before somebody calls. */
static void answer_roster(struct stream *x)
{
	for (guint i = 0; i < fake_stream_open(x); i++)
		if (elem_is(fake_stream_query(x, i)->payload, "query", "jabber:iq:roster")) {
			elem_auto iq = elem_parse("<iq xmlns='jabber:client' type='result'><query xmlns='jabber:iq:roster'>"
						  "<item jid='" FRIEND "' name='Romeo' subscription='both'/></query></iq>");

			fake_stream_answer(x, i, COND_OK, iq);
			return;
		}
}

static void set_up(struct rig *r, uint8_t mode)
{
	struct phone_events events = {.online = on_online, .offline = on_offline, .roster = on_roster, .jmi = on_jmi,
		.bounced = on_bounced, .offer = on_offer, .here = on_here, .gone = on_gone, .self = r};
	struct answer_options options = {.auto_accept = (mode & AUTO) != 0, .allow_contacts = TRUE, .allow = allow,
		.ring_timeout_s = 45, .max_calls = mode & MANY ? 3 : 1, .talk = {.in = "null", .out = "null"}, .keep = on_keep};

	r->automatic = options.auto_accept;
	r->rows = g_ptr_array_new_with_free_func(row_free);
	r->phone = phone_new(config, config_account(config, NULL, NULL), "x", ui, FALSE, &events);
	r->stream = fake_stream_last();
	r->stream->leaves = on_leaves;
	r->stream->leaves_ctx = r;
	r->answer = answer_new(r->phone, ui, &options, on_done, r);
	phone_connect(r->phone);
	fake_stream_online(r->stream, US_FULL, FALSE);
	answer_roster(r->stream);
}

/* ---- what our user and the network do ---- */

static void decide(struct rig *r, enum verb verb)
{
	struct request request = {.verb = verb};
	struct fields *reply = fields_new();
	g_autoptr(GPtrArray) now = g_ptr_array_new();

	for (guint i = 0; i < r->rows->len; i++) {
		struct row *row = r->rows->pdata[i];

		if (!row->over && !row->decided)
			g_ptr_array_add(now, row);
	}
	for (guint i = 0; i < now->len; i++)
		((struct row *)now->pdata[i])->decided = TRUE;
	if (!answer_request(r->answer, &request, reply, NULL))
		for (guint i = 0; i < now->len; i++)
			((struct row *)now->pdata[i])->decided = FALSE;
	fields_free(reply);
}

static void ask(struct rig *r, enum verb verb, char *text)
{
	struct request request = {.verb = verb, .text = text, .percent = 50};
	struct fields *reply = fields_new();

	answer_request(r->answer, &request, reply, NULL);
	fields_free(reply);
}

static void happen(struct rig *r, const char *what)
{
	switch (*what) {
	case 'a': decide(r, VERB_ANSWER); break;
	case 'r': decide(r, VERB_REJECT); break;
	case 'h': decide(r, VERB_HANGUP); break;
	case 'm': ask(r, VERB_MUTE, NULL); break;
	case 'o': ask(r, VERB_HOLD, NULL); break;
	case 'u': ask(r, VERB_RESUME, NULL); break;
	case 'd': ask(r, VERB_DTMF, (char *)"12#"); break;
	case 's': ask(r, VERB_STATUS, NULL); break;
	case 't': spin(MEDIA_MS); break;
	case '-': fake_stream_offline(r->stream, JC_LOST, FALSE); break;
	case '+': fake_stream_online(r->stream, US_FULL, TRUE); break;
	case '*': fake_stream_online(r->stream, US_FULL, FALSE); break;
	default: break;
	}
}

/* As the server gives up a connection: what nobody answered, nobody will. */
static void give_up_questions(struct stream *x)
{
	while (fake_stream_open(x))
		fake_stream_answer(x, 0, COND_DISCONNECTED, NULL);
}

static void tear_down(struct rig *r)
{
	gint64 deadline = g_get_monotonic_time() + END_US;

	answer_leave(r->answer);
	while (!answer_is_idle(r->answer)) {
		give_up_questions(r->stream);
		spin(0);
		if (g_get_monotonic_time() > deadline)
			violated("a call does not end", NULL);
		g_usleep(100);
	}
	answer_free(r->answer);
	phone_free(r->phone);
	spin(0);
	g_ptr_array_unref(r->rows);
}

static void set_up_once(void)
{
	const char *text = "[account a]\njid = " US "\npassword = x\n[network]\nloopback = true\n[call]\nencryption = dtls sdes\n";
	struct ui_options options = {.quiet = TRUE};
	g_autoptr(GError) error = NULL;

	config = config_parse("x", text, strlen(text), TRUE, &error);
	g_assert_no_error(error);
	ui = ui_new(&options);
	allow = g_ptr_array_new();
	log_threshold = LOG_ERROR;
}

static gboolean is_honest(const struct elem *stanza)
{
	const char *from = elem_attr(stanza, "from");

	return !elem_child(stanza, NULL, "jabber:iq:roster") || (from && g_ascii_strcasecmp(from, US) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = size ? g_strndup((const char *)data + 1, size - 1) : NULL;
	g_auto(GStrv) lines = text ? g_strsplit(text, "\n", MAX_LINES) : NULL;
	struct rig r = {0};

	if (!text)
		return 0;
	if (!config)
		set_up_once();
	set_up(&r, data[0]);
	for (char **line = lines; *line; line++) {
		elem_auto stanza = **line == '!' ? NULL : elem_parse(*line);

		if (**line == '!')
			happen(&r, *line + 1);
		else if (stanza && is_honest(stanza))
			fake_stream_hear(r.stream, stanza);
		spin(0);
	}
	tear_down(&r);
	return 0;
}
