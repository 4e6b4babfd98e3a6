/* Calls recorded from real clients (tests/transcripts), replayed against the session core with its real plug-ins: once we are the one
 * who called, once the one who was called. What the other said comes as it was recorded; what our side did is done by the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conform.h"
#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/jmi.h"
#include "jingle/rtp.h"
#include "jingle/session.h"
#include "text.h"
#include "xml.h"

#define FOLDER "tests/transcripts/"

enum { FILE_NAME, SID, CALLING, SENT_CALLING, CALLED, SENT_CALLED, COLUMNS };

struct replay {
	const struct elem *transcript;
	const char *sid;
	gboolean calling;
	const char *us, *them;			/* full JIDs */
	const char *audio;			/* their name of the content that is our "audio" */
	struct rtp_app *rtp;
	struct iceudp *ice;
	struct dtls_fp *dtls;
	struct jingle_session *s;
	struct jmi_call *call;
	struct jmi_ring *ring;
	gboolean accepted, ended;
	enum jc_err outcome;
	unsigned generations, candidates;	/* of theirs */
};

static const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true, .dtx = true};
static const struct dtls_fingerprint our_fp = {.hash = DTLS_SHA256, .len = 32, .value = {2, 0x1a}};

/* ---- who says what ---- */

static const struct elem *jingle_of(const struct elem *stanza)
{
	return elem_child(stanza, "jingle", NULL);
}

static gboolean is_of(const struct replay *r, const struct elem *stanza)
{
	const char *sid = jingle_of(stanza) ? elem_attr(jingle_of(stanza), "sid") : elem_attr(elem_child(stanza, NULL, NS_JMI), "id");

	return g_str_has_prefix(sid, r->sid);
}

static void find_sides(struct replay *r)
{
	const char *initiator = NULL, *responder = NULL;

	for (const struct elem *e = elem_child(r->transcript, NULL, NULL); e; e = elem_next(e, NULL, NULL)) {
		const char *from = elem_attr(e, "from");

		if (!is_of(r, e))
			continue;
		if (!initiator) {
			initiator = from;
			responder = elem_attr(e, "to");
			r->sid = jingle_of(e) ? elem_attr(jingle_of(e), "sid") : elem_attr(elem_child(e, NULL, NS_JMI), "id");
		} else if (strcmp(from, initiator) != 0) {
			responder = from;
		}
		for (const struct elem *c = elem_child(jingle_of(e), "content", NULL); c && !r->audio; c = elem_next(c, "content", NULL))
			if (strcmp(elem_attr(elem_child(c, "description", NULL), "media"), "audio") == 0)
				r->audio = elem_attr(c, "name");
	}
	assert_non_null(responder);
	r->us = r->calling ? initiator : responder;
	r->them = r->calling ? responder : initiator;
}

/* ---- the core ---- */

static void begin_session(struct replay *r)
{
	struct jingle_plugs plugs = {.apps = {{&jingle_rtp, r->rtp}}, .napps = 1, .transports = {{&jingle_iceudp, r->ice}},
		.ntransports = 1, .keyings = {{&jingle_dtls_fp, r->dtls}}, .nkeyings = 1};
	const struct ice_creds creds = {.ufrag = "8hhy", .pwd = "asd88fgpdd777uzjYhagZg"};

	r->s = (r->calling ? jingle_dial : jingle_incoming)(r->sid, r->us, r->them, &plugs);
	iceudp_local_creds(r->ice, &creds);
}

static void end(struct replay *r, enum jc_err outcome)
{
	if (!r->ended)
		r->outcome = outcome;
	r->ended = TRUE;
}

static void pump(struct replay *r)
{
	struct jingle_out out;
	struct ice_creds creds;
	struct ice_cand cand;

	while (jingle_next(r->s, &out)) {
		if (out.kind == JINGLE_OUT_SEND) {
			elem_free(out.jingle);
			jingle_acked(r->s, out.tag, COND_OK, 0);
		} else if (out.event == JINGLE_EV_ACCEPTED) {
			r->accepted = TRUE;
		} else if (out.event == JINGLE_EV_ENDED) {
			end(r, out.err);
		}
	}
	r->generations += iceudp_remote_creds(r->ice, &creds);
	while (iceudp_remote_cand(r->ice, &cand))
		r->candidates++;
}

/* In their answers to our offer the content has our name. */
static void rename_contents(const struct replay *r, struct elem *jingle)
{
	for (const struct elem *c = elem_child(jingle, "content", NULL); c; c = elem_next(c, "content", NULL))
		if (r->audio && strcmp(elem_attr(c, "name"), r->audio) == 0)
			elem_set((struct elem *)c, "name", "audio");
}

static void hear_jingle(struct replay *r, const struct elem *said)
{
	elem_auto jingle = elem_copy(said);
	struct jingle_msg m;

	if (!r->s)
		begin_session(r);
	if (r->calling)
		rename_contents(r, jingle);
	assert_int_equal(jingle_msg_read(&m, jingle), COND_OK);
	assert_int_equal(jingle_recv(r->s, &m, 0), COND_OK);
	pump(r);
}

/* Whoever called says cancel before the accept; libpurple says success and QXmpp nothing. */
static enum jc_err wish(const struct replay *r, const struct elem *element)
{
	enum jingle_reason reason = REASON_NONE;
	const char *text;

	jingle_reason_child(element, &reason, &text);
	return r->calling && !r->accepted ? JC_CANCELLED : jingle_outcome(reason, r->accepted);
}

static void do_jingle(struct replay *r, const struct elem *done)
{
	enum jingle_action action = jingle_action_read(elem_attr(done, "action"));

	if (!r->s)
		begin_session(r);
	if (action == JINGLE_SESSION_INITIATE)
		jingle_start(r->s, 0);
	else if (action == JINGLE_SESSION_ACCEPT)
		jingle_accept(r->s, 0);
	else if (action == JINGLE_SESSION_TERMINATE)
		jingle_end(r->s, wish(r, done), NULL, 0);
	pump(r);
}

/* ---- what comes before it ---- */

static void send_all(GPtrArray *messages)
{
	for (guint i = 0; i < messages->len; i++)
		elem_free(messages->pdata[i]);
	g_ptr_array_unref(messages);
}

static void pump_call(struct replay *r)
{
	struct jmi_out out;

	while (r->call && jmi_call_next(r->call, &out)) {
		if (out.kind == JMI_OUT_SEND)
			elem_free(out.message);
		else if (out.event == JMI_CALL_ENDED)
			end(r, out.err);
	}
}

static void hear_jmi(struct replay *r, const struct elem *message, const struct jmi_msg *m)
{
	enum jc_err err;

	if (m->kind == JMI_PROPOSE) {
		assert_true(m->audio);
		r->ring = jmi_ring_new(m->id, r->us, r->them, TRUE);
		send_all(jmi_ring_begin(r->ring));
	} else if (r->ring && !r->s && jmi_ring_recv(r->ring, r->them, m, FALSE, &err)) {
		end(r, err);
	} else if (r->call) {
		jmi_call_recv(r->call, elem_attr(message, "from"), m, 0);
		pump_call(r);
	}
}

static void do_jmi(struct replay *r, const struct elem *message, const struct jmi_msg *m)
{
	g_autofree char *callee = jid_bare(r->them);

	if (m->kind == JMI_PROPOSE) {
		r->call = jmi_call_new(r->sid, r->us, callee, G_MAXINT64, 45000);
		jmi_call_start(r->call, 0);
	} else if (m->kind == JMI_RETRACT) {
		jmi_call_retract(r->call, JC_CANCELLED, 0);
	} else if (m->kind == JMI_PROCEED) {
		send_all(jmi_ring_accept(r->ring));
	} else if (m->kind == JMI_REJECT) {
		end(r, wish(r, elem_child(message, NULL, NS_JMI)));
	}
	pump_call(r);
}

/* ---- a call ---- */

static void take(struct replay *r, const struct elem *stanza)
{
	gboolean ours = strcmp(elem_attr(stanza, "from"), r->us) == 0;
	struct jmi_msg m;

	if (r->ended || (!ours && !jid_same_bare(elem_attr(stanza, "to"), r->us)))	/* their siblings' business */
		return;
	if (jingle_of(stanza)) {
		(ours ? do_jingle : hear_jingle)(r, jingle_of(stanza));
	} else {
		assert_true(jmi_read(stanza, &m));
		(ours ? do_jmi : hear_jmi)(r, stanza, &m);
	}
}

static const char *codec_of(const struct replay *r)
{
	static const char *const names[CODEC_COUNT] = {[CODEC_OPUS] = "opus", [CODEC_PCMU] = "PCMU"};
	struct media_params p;

	rtp_app_params(r->rtp, &p);
	return names[p.codec];
}

static gboolean is_encrypted(const struct replay *r, const char *file)
{
	struct dtls_fingerprint fp;
	gboolean client = !r->calling || strstr(file, "passive");	/* we answer active ourselves, and all others do */

	return jingle_current_keying(r->s) == &jingle_dtls_fp && dtls_fp_remote(r->dtls, &fp) &&
		dtls_fp_we_are_client(r->dtls) == client;
}

static unsigned judge(const struct replay *r, const struct row *row)
{
	const char *file = row->column[FILE_NAME], *expected = row->column[r->calling ? CALLING : CALLED];
	const char *sent = row->column[r->calling ? SENT_CALLING : SENT_CALLED];
	gboolean right = r->ended && strcmp(jc_symbol(r->outcome), expected) == 0;

	if (r->accepted)
		right = right && strcmp(codec_of(r), sent) == 0 && is_encrypted(r, file) && r->candidates > 0 &&
			r->generations == (strstr(file, "restart") ? 2 : 1);
	else
		right = right && strcmp(sent, "-") == 0;
	if (!right)
		print_error("%s %s, %s: %s instead of %s; %s, %u generations, %u candidates\n", file, row->column[SID],
			    r->calling ? "calling" : "called", r->ended ? jc_symbol(r->outcome) : "nothing", expected,
			    r->accepted ? codec_of(r) : "not accepted", r->generations, r->candidates);
	return !right;
}

static unsigned replay(const struct row *row, gboolean calling)
{
	g_autofree char *path = g_strconcat(FOLDER, row->column[FILE_NAME], ".xml", NULL), *text = conform_text(path);
	elem_auto transcript = xml(text);
	struct replay r = {.transcript = transcript, .sid = row->column[SID], .calling = calling,
		.rtp = rtp_app_new(&wishes, 1, "cname"), .ice = iceudp_new(), .dtls = dtls_fp_new(&our_fp)};
	unsigned wrong;

	find_sides(&r);
	iceudp_allow_loopback(r.ice, TRUE);
	for (const struct elem *e = elem_child(transcript, NULL, NULL); e; e = elem_next(e, NULL, NULL))
		if (is_of(&r, e))
			take(&r, e);
	wrong = judge(&r, row);
	jmi_call_free(r.call);
	jmi_ring_free(r.ring);
	jingle_free(r.s);
	rtp_app_free(r.rtp);
	iceudp_free(r.ice);
	dtls_fp_free(r.dtls);
	return wrong;
}

/* ---- tests ---- */

static void replay_all(gboolean calling)
{
	g_autoptr(GPtrArray) rows = conform_table(FOLDER "outcomes.tsv", COLUMNS);
	unsigned wrong = 0;

	for (guint i = 0; i < rows->len; i++)
		wrong += replay(rows->pdata[i], calling);
	assert_true(rows->len > 0);
	assert_int_equal(wrong, 0);
}

static void whom_we_had_called_would_have_had_the_right_outcome(void **state)
{
	replay_all(TRUE);
}

static void who_had_called_us_would_have_had_the_right_outcome(void **state)
{
	replay_all(FALSE);
}

static gboolean is_listed(const GPtrArray *rows, const char *client, const char *file)
{
	for (guint i = 0; i < rows->len; i++) {
		g_autofree char *name = g_strdup_printf("%s/%s", client, file), *listed = NULL;

		listed = g_strconcat(((struct row *)rows->pdata[i])->column[FILE_NAME], ".xml", NULL);
		if (strcmp(name, listed) == 0)
			return TRUE;
	}
	return FALSE;
}

static void every_recording_is_replayed(void **state)
{
	static const char *const clients[] = {"chromium", "dino", "gajim", "libpurple", "qxmpp"};
	g_autoptr(GPtrArray) rows = conform_table(FOLDER "outcomes.tsv", COLUMNS);

	for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *path = g_strconcat(FOLDER, clients[i], NULL);
		g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
		const char *file;

		assert_non_null(dir);
		while ((file = g_dir_read_name(dir)) != NULL)
			if (!is_listed(rows, clients[i], file))
				fail_msg("%s/%s has no line in outcomes.tsv", clients[i], file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_we_had_called_would_have_had_the_right_outcome),
		cmocka_unit_test(who_had_called_us_would_have_had_the_right_outcome),
		cmocka_unit_test(every_recording_is_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
