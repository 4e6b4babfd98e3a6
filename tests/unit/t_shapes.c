/* What we write, compared with the example stanzas of the specifications (tests/conformance/examples): elements, namespaces,
 * attributes and nesting, not values. The table differences.tsv says where they may differ, and why; a row of it that nothing
 * needs any more fails as well. */
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
#include "jingle/rawudp.h"
#include "jingle/rtp.h"
#include "jingle/session.h"
#include "xmpp/stanza.h"

static const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true, .dtx = true};
static const struct dtls_fingerprint our_fp = {.hash = DTLS_SHA256, .len = 32, .value = {2, 0x1a}};

/* ---- the shape of an element: every path of names, and every attribute on it ---- */

struct shape {
	GHashTable *paths;		/* "jingle/content@name" */
	const char *path;
};

static void add_attr(void *ctx, const char *name, const char *value)
{
	const struct shape *s = ctx;

	if (strcmp(name, "xmlns") != 0)
		g_hash_table_add(s->paths, g_strdup_printf("%s@%s", s->path, name));
}

static void add_paths(GHashTable *paths, const struct elem *e, const char *above, const char *ns_above)
{
	g_autofree char *path = NULL;
	gboolean foreign = strcmp(elem_ns(e), ns_above) != 0 && strcmp(elem_ns(e), "jabber:client") != 0;

	path = g_strdup_printf("%s%s%s%s%s%s", above, *above ? "/" : "", elem_name(e), foreign ? "{" : "", foreign ? elem_ns(e) : "",
			       foreign ? "}" : "");
	g_hash_table_add(paths, g_strdup(path));
	elem_each_attr(e, add_attr, &(struct shape){.paths = paths, .path = path});
	for (const struct elem *c = elem_child(e, NULL, NULL); c; c = elem_next(c, NULL, NULL))
		add_paths(paths, c, path, elem_ns(e));
}

static GHashTable *shape_of(const struct elem *e)
{
	GHashTable *paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	add_paths(paths, e, "", "");
	return paths;
}

/* Each path of A that B has not, looked for in the table of what may differ. */
static unsigned compare(const char *what, const char *sign, GHashTable *a, GHashTable *b, GPtrArray *allowed)
{
	GHashTableIter iter;
	gpointer path;
	unsigned wrong = 0;

	g_hash_table_iter_init(&iter, a);
	while (g_hash_table_iter_next(&iter, &path, NULL)) {
		gboolean listed = FALSE;

		if (g_hash_table_contains(b, path))
			continue;
		for (guint i = 0; i < allowed->len; i++) {
			struct row *r = allowed->pdata[i];

			if (strcmp(r->column[1], sign) == 0 && g_pattern_match_simple(r->column[0], what) &&
			    g_pattern_match_simple(r->column[2], path))
				listed = r->used = TRUE;
		}
		if (!listed) {
			print_error("%s\t%s\t%s\n", what, sign, (char *)path);
			wrong++;
		}
	}
	return wrong;
}

/* OURS (taken) against the element of that name in the example; INSTEAD: "a=b", the example is read with b for a. */
static unsigned judge(GPtrArray *allowed, const char *what, struct elem *ours, const char *example, const char *instead)
{
	g_autofree char *text = conform_example(example);
	g_auto(GStrv) words = instead ? g_strsplit(instead, "=", 2) : NULL;
	g_auto(GStrv) parts = instead ? g_strsplit(text, words[0], -1) : g_strsplit(text, "\x01", -1);
	g_autofree char *used = g_strjoinv(instead ? words[1] : "", parts);
	elem_auto theirs = elem_parse(used);
	elem_auto mine = ours;
	const struct elem *e = elem_is(theirs, elem_name(mine), NULL) ? theirs : elem_child(theirs, elem_name(mine), NULL);
	g_autoptr(GHashTable) a = shape_of(mine), b = NULL;

	if (!e)
		fail_msg("%s has no <%s/>", example, elem_name(mine));
	b = shape_of(e);
	return compare(what, "+", a, b, allowed) + compare(what, "-", b, a, allowed);
}

/* ---- what we write ---- */

struct side {
	struct rtp_app *rtp;
	struct iceudp *ice;
	struct dtls_fp *dtls;
	struct jingle_session *s;
};

static struct side new_side(gboolean initiator)
{
	struct side w = {.rtp = rtp_app_new(&wishes, 1, "cname"), .ice = iceudp_new(), .dtls = dtls_fp_new(&our_fp)};
	struct jingle_plugs plugs = {.apps = {{&jingle_rtp, w.rtp}}, .napps = 1, .transports = {{&jingle_iceudp, w.ice}},
		.ntransports = 1, .keyings = {{&jingle_dtls_fp, w.dtls}}, .nkeyings = 1};
	const struct ice_creds creds = {.ufrag = "8hhy", .pwd = "asd88fgpdd777uzjYhagZg"};
	struct ice_cand cand = {.foundation = "1", .component = 1, .id = "el0747fg11", .ip = "192.0.2.1", .port = 8998,
		.priority = 2130706431, .type = ICE_HOST};

	w.s = (initiator ? jingle_dial : jingle_incoming)("a73sjjvkla37jfea", "us@here/1", "them@there/2", &plugs);
	iceudp_local_creds(w.ice, &creds);
	iceudp_local_cand(w.ice, &cand);
	cand.type = ICE_SRFLX;
	g_strlcpy(cand.rel_ip, "10.0.1.1", sizeof(cand.rel_ip));
	iceudp_local_cand(w.ice, &cand);
	return w;
}

static void free_side(struct side *w)
{
	jingle_free(w->s);
	rtp_app_free(w->rtp);
	iceudp_free(w->ice);
	dtls_fp_free(w->dtls);
}

/* The next thing it sends; what happens in between is of no interest here. */
static struct elem *sent(struct side *w)
{
	struct jingle_out out;

	while (jingle_next(w->s, &out))
		if (out.kind == JINGLE_OUT_SEND)
			return out.jingle;
	fail_msg("nothing was sent");
	return NULL;
}

static void hear(struct side *w, const struct elem *jingle)
{
	struct jingle_msg m;

	assert_int_equal(jingle_msg_read(&m, jingle), COND_OK);
	assert_int_equal(jingle_recv(w->s, &m, 0), COND_OK);
}

static unsigned judge_call(GPtrArray *allowed)
{
	static const char *const infos[][2] = {{"active", "15-responder-sends-active-message"}, {"hold", "16-responder-sends-hold-message"},
		{"unhold", "17-responder-ends-the-hold-state"}, {"ringing", "20-responder-sends-ringing-message"}};
	struct side dialer = new_side(TRUE), called = new_side(FALSE);
	const struct ice_cand cand = {.foundation = "1", .component = 1, .id = "m3110wc4nd", .ip = "192.0.2.1", .port = 9001,
		.priority = 1, .type = ICE_HOST};
	elem_auto offer = NULL;
	unsigned wrong;

	jingle_start(dialer.s, 0);
	offer = sent(&dialer);
	hear(&called, offer);
	wrong = judge(allowed, "session-initiate", elem_copy(offer), "xep-0320/03-initiator-sends-session-invitation-with-dtls-fingerprint.xml",
		      NULL);
	jingle_accept(called.s, 0);
	wrong += judge(allowed, "session-accept", sent(&called), "xep-0320/04-responder-sends-session-accept.xml", NULL);
	iceudp_local_cand(dialer.ice, &cand);
	jingle_trickle(dialer.s, 0);
	wrong += judge(allowed, "transport-info", sent(&dialer), "xep-0176/05-initiator-sends-a-subsequent-candidate.xml", NULL);
	jingle_info(called.s, NULL, 0);
	wrong += judge(allowed, "session-info", sent(&called), "xep-0166/32-responder-sends-session-ping.xml", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(infos); i++) {
		g_autofree char *what = g_strdup_printf("session-info %s", infos[i][0]);
		g_autofree char *example = g_strdup_printf("xep-0167/%s.xml", infos[i][1]);

		jingle_info(called.s, elem_new(infos[i][0], NS_RTP_INFO), 0);
		wrong += judge(allowed, what, sent(&called), example, NULL);
	}
	jingle_info_of_content(called.s, elem_new("mute", NS_RTP_INFO), 0);
	wrong += judge(allowed, "session-info mute", sent(&called), "xep-0167/18-responder-sends-mute-message.xml", NULL);
	jingle_info_of_content(called.s, elem_new("unmute", NS_RTP_INFO), 0);
	wrong += judge(allowed, "session-info unmute", sent(&called), "xep-0167/19-responder-ends-the-mute-state.xml", NULL);
	jingle_senders(called.s, SENDERS_NONE, 0);
	wrong += judge(allowed, "content-modify", sent(&called), "xep-0167/57-responder-sends-content-modify-message.xml", NULL);
	free_side(&dialer);
	free_side(&called);
	return wrong;
}

static unsigned judge_content_reject(GPtrArray *allowed)
{
	struct side dialer = new_side(TRUE), called = new_side(FALSE);
	g_autofree char *text = conform_example("xep-0167/50-adding-video.xml");
	elem_auto add = elem_parse(text);
	elem_auto offer = NULL;
	unsigned wrong;

	jingle_start(dialer.s, 0);
	offer = sent(&dialer);
	hear(&called, offer);
	jingle_accept(called.s, 0);
	elem_free(sent(&called));
	hear(&called, elem_child(add, "jingle", NS_JINGLE));
	wrong = judge(allowed, "content-reject", sent(&called), "xep-0167/54-alternate-flow-responder-sends-content-reject.xml", NULL);
	free_side(&dialer);
	free_side(&called);
	return wrong;
}

/* The action that brings Raw UDP in; what a session makes of it is another matter. */
static unsigned judge_raw(GPtrArray *allowed)
{
	const struct ice_cand ours = {.id = "a9j3mnbtu1", .ip = "10.1.1.104", .port = 13540, .type = ICE_HOST};
	struct jingle_msg m = {.action = JINGLE_TRANSPORT_REPLACE, .sid = "a73sjjvkla37jfea", .ncontents = 1};
	struct rawudp *raw = rawudp_new();
	unsigned wrong;

	rawudp_local(raw, &ours);
	m.contents[0].name = "voice";
	m.contents[0].transport = jingle_rawudp.write(raw, JINGLE_TRANSPORT_REPLACE);
	wrong = judge(allowed, "transport-replace", jingle_msg_write(&m),
		      "xep-0176/11-gateway-sends-transport-replace-on-behalf-of-responder.xml", NULL);
	rawudp_free(raw);
	return wrong;
}

/* Those that no example shows are as the example of success, each with its own condition. */
static unsigned judge_reasons(GPtrArray *allowed)
{
	static const char *const shown[REASON_COUNT] = {[REASON_SUCCESS] = "19-terminating-the-session-success",
		[REASON_BUSY] = "20-terminating-the-session-busy",
		[REASON_DECLINE] = "21-terminating-the-session-session-formally-declined",
		[REASON_ALTERNATIVE_SESSION] = "22-terminating-the-session-existing-session",
		[REASON_UNSUPPORTED_TRANSPORTS] = "23-terminating-the-session-no-offered-transport-method-supporte",
		[REASON_FAILED_TRANSPORT] = "24-terminating-the-session-transport-negotiation-failed",
		[REASON_UNSUPPORTED_APPLICATIONS] = "25-terminating-the-session-no-offered-application-type-supporte",
		[REASON_FAILED_APPLICATION] = "26-terminating-the-session-application-setup-failed",
		[REASON_INCOMPATIBLE_PARAMETERS] = "27-terminating-the-session-incompatible-parameters"};
	unsigned wrong = 0;

	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const char *word = jingle_reason_text((enum jingle_reason)r);
		struct jingle_msg m = {.action = JINGLE_SESSION_TERMINATE, .sid = "a73sjjvkla37jfea", .reason = (enum jingle_reason)r,
			.alternative_sid = r == REASON_ALTERNATIVE_SESSION ? "b84tkkwlmb48kgfb" : NULL};
		g_autofree char *what = g_strdup_printf("session-terminate %s", word), *instead = g_strdup_printf("<success/>=<%s/>", word);
		g_autofree char *example = g_strdup_printf("xep-0166/%s.xml", shown[shown[r] ? r : REASON_SUCCESS]);

		wrong += judge(allowed, what, jingle_msg_write(&m), example, shown[r] ? NULL : instead);
	}
	return wrong;
}

/* Of errors the type counts too. RFC 6120 8.3.3.1 has bad-request as "modify", against the example. */
static unsigned judge_type(enum iq_cond cond, const struct elem *error, const char *example)
{
	g_autofree char *text = conform_example(example);
	elem_auto theirs = elem_parse(text);
	const char *wanted = cond == COND_BAD_REQUEST ? "modify" : elem_attr(elem_child(theirs, "error", NULL), "type");

	if (g_strcmp0(elem_attr(error, "type"), wanted) == 0)
		return 0;
	print_error("%s is not of type %s\n", cond_words(cond), wanted);
	return 1;
}

static unsigned judge_errors(GPtrArray *allowed)
{
	static const struct {
		enum iq_cond cond;
		const char *example;
	} rows[] = {{COND_SERVICE_UNAVAILABLE, "12-initiator-is-unknown-to-responder"}, {COND_REDIRECT, "14-responder-redirection"},
		    {COND_RESOURCE_CONSTRAINT, "15-responder-has-insufficent-resources"},
		    {COND_BAD_REQUEST, "16-initiation-request-malformed"}, {COND_UNKNOWN_SESSION, "29-unknown-session-error"},
		    {COND_UNSUPPORTED_INFO, "31-responder-returns-unsupported-info-error"},
		    {COND_TIE_BREAK, "34-initiator-returns-conflict-error-on-tie-break"},
		    {COND_SECURITY_REQUIRED, "37-initiator-sends-security-required-error"}};
	unsigned wrong = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		elem_auto iq = elem_new("iq", "jabber:client");
		g_autofree char *example = g_strdup_printf("xep-0166/%s.xml", rows[i].example);
		g_autofree char *what = g_strdup_printf("error %s", cond_words(rows[i].cond));

		cond_write(iq, rows[i].cond);
		wrong += judge_type(rows[i].cond, elem_child(iq, "error", NULL), example);
		wrong += judge(allowed, what, elem_copy(elem_child(iq, "error", NULL)), example, NULL);
	}
	return wrong;
}

static unsigned judge_jmi(GPtrArray *allowed)
{
	static const struct {
		enum jmi_kind kind;
		enum jingle_reason reason;
		const char *what, *example;
	} rows[] = {{JMI_PROPOSE, REASON_NONE, "propose", "01-initiator-sends-intent-message"},
		    {JMI_RINGING, REASON_NONE, "ringing", "03-one-of-responder"},
		    {JMI_RETRACT, REASON_CANCEL, "retract", "04-initiator-sends-retract-message"},
		    {JMI_PROCEED, REASON_NONE, "proceed", "05-one-of-responder"},
		    {JMI_REJECT, REASON_BUSY, "reject", "07-one-of-responder"},
		    {JMI_FINISH, REASON_SUCCESS, "finish", "09-initiator-sends-finish-message"}};
	struct jmi_call *call = jmi_call_new("ca3cf894", "romeo@m/o", "juliet@c", G_MAXINT64, 1000);
	struct jmi_out out;
	unsigned wrong = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *what = g_strdup_printf("jmi %s", rows[i].what), *example = g_strdup_printf("xep-0353/%s.xml", rows[i].example);

		wrong += judge(allowed, what, jmi_write(rows[i].kind, "juliet@c", "ca3cf894", rows[i].reason, NULL), example, NULL);
	}
	jmi_call_start(call, 0);
	assert_true(jmi_call_tie(call, "fecbea35", "juliet@c/phone", 0));
	while (jmi_call_next(call, &out))
		if (out.kind == JMI_OUT_SEND && elem_child(out.message, "reject", NS_JMI))
			wrong += judge(allowed, "jmi reject of a tie", out.message, "xep-0353/13-tie-break-in-propose-state.xml", NULL);
		else if (out.kind == JMI_OUT_SEND)
			elem_free(out.message);
	jmi_call_free(call);
	return wrong;
}

static void what_we_write_has_the_shape_of_the_examples(void **state)
{
	g_autoptr(GPtrArray) allowed = conform_table(CONFORM "differences.tsv", 4);
	unsigned wrong = judge_call(allowed) + judge_content_reject(allowed) + judge_raw(allowed) + judge_reasons(allowed) +
		judge_errors(allowed) + judge_jmi(allowed);

	for (guint i = 0; i < allowed->len; i++) {
		const struct row *r = allowed->pdata[i];

		if (r->used)
			continue;
		print_error("no longer so: %s %s %s\n", r->column[0], r->column[1], r->column[2]);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_we_write_has_the_shape_of_the_examples)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
