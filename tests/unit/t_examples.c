/* The example stanzas of the specifications, as they stand there (tests/conformance/examples): each is read with our own
 * parsers, from libstrophe's up, and what we write ourselves is compared with them: elements, namespaces, attributes, nesting.
 *
 * Two tables say what is expected: examples.tsv what each example means to us, differences.tsv where what we write may
 * differ in shape, and why. A row that nothing needs any more fails as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/jmi.h"
#include "jingle/rawudp.h"
#include "jingle/rtp.h"
#include "jingle/session.h"
#include "xmpp/stanza.h"

#define FOLDER "tests/conformance/"
#define NS_DISCO "http://jabber.org/protocol/disco#info"

static const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true, .dtx = true};
static const struct dtls_fingerprint our_fp = {.hash = DTLS_SHA256, .len = 32, .value = {2, 0x1a}};

static char *slurp(const char *path)
{
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, &error))
		fail_msg("%s (tests run at the top of the source)", error->message);
	return text;
}

/* ---- tables: lines of columns; comments and the rest of the file are the reader's ---- */

struct row {
	char **column;			/* as many as asked for */
	gboolean used;
};

static void row_free(gpointer data)
{
	struct row *r = data;

	g_strfreev(r->column);
	g_free(r);
}

static GPtrArray *read_table(const char *path, guint columns)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
	g_autofree char *text = slurp(path);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++) {
		struct row *r;

		if (!**line || **line == '#')
			continue;
		r = g_new0(struct row, 1);
		r->column = g_strsplit(*line, "\t", -1);
		g_ptr_array_add(rows, r);
		if (g_strv_length(r->column) != columns)
			fail_msg("%s: not %u columns: %s", path, columns, *line);
	}
	return rows;
}

/* ---- what an example means to us, in one line ---- */

static void say_description(GString *out, enum jingle_action action, const struct elem *description)
{
	struct rtp_app *app = rtp_app_new(&wishes, 1, "cname");
	enum jc_err err;

	if (action == JINGLE_DESCRIPTION_INFO)
		g_string_append_printf(out, " rtp:%s", cond_words(jingle_rtp.description_info(app, description)));
	else {
		err = (action == JINGLE_SESSION_ACCEPT || action == JINGLE_CONTENT_ACCEPT ? jingle_rtp.agree : jingle_rtp.answer)(
			app, description);
		g_string_append_printf(out, " rtp:%s", jc_symbol(err));
	}
	rtp_app_free(app);
}

static void say_ice(GString *out, enum jingle_action action, const struct elem *transport)
{
	struct iceudp *ice = iceudp_new();
	enum jc_err err = jingle_iceudp.read(ice, action, transport);
	struct ice_creds creds;
	struct ice_cand cand;
	unsigned taken = 0;

	g_string_append_printf(out, " ice:%s", jc_symbol(err));
	if (iceudp_remote_creds(ice, &creds))
		g_string_append_printf(out, ",%s", creds.ufrag);
	while (iceudp_remote_cand(ice, &cand))
		taken++;
	g_string_append_printf(out, ",%u+%u", taken, iceudp_skipped(ice));
	iceudp_free(ice);
}

static void say_raw(GString *out, enum jingle_action action, const struct elem *transport)
{
	struct rawudp *raw = rawudp_new();
	struct ice_cand cand;

	g_string_append_printf(out, " raw:%s", jc_symbol(jingle_rawudp.read(raw, action, transport)));
	if (rawudp_remote(raw, &cand))
		g_string_append_printf(out, ",%s port %u", cand.ip, cand.port);
	g_string_append_printf(out, "+%u", rawudp_skipped(raw));
	rawudp_free(raw);
}

/* The one who sends the fingerprint answers us, unless it is an offer. */
static void say_dtls(GString *out, enum jingle_action action, const struct elem *transport)
{
	struct dtls_fp *dtls = dtls_fp_new(&our_fp);
	elem_auto ours = elem_new("transport", NS_ICE_UDP);
	struct dtls_fingerprint fp;
	enum jc_err err;

	if (action != JINGLE_SESSION_INITIATE)
		jingle_dtls_fp.write(dtls, JINGLE_SESSION_INITIATE, NULL, ours);
	err = jingle_dtls_fp.read(dtls, action, NULL, transport);
	g_string_append_printf(out, " dtls:%s", jc_symbol(err));
	if (err == JC_OK && dtls_fp_remote(dtls, &fp))
		g_string_append_printf(out, ",%02X..%02X", fp.value[0], fp.value[fp.len - 1]);
	dtls_fp_free(dtls);
}

static void say_content(GString *out, enum jingle_action action, const struct jingle_content *c)
{
	static const char *const senders[] = {"both", "none", "initiator", "responder"};

	g_string_append_printf(out, " %s/%s", c->creator == CREATOR_INITIATOR ? "initiator" : "responder", c->name);
	if (c->senders_given)
		g_string_append_printf(out, "/%s", senders[c->senders]);
	if (elem_is(c->description, NULL, NS_RTP))
		say_description(out, action, c->description);
	if (elem_is(c->transport, NULL, NS_ICE_UDP))
		say_ice(out, action, c->transport);
	else if (elem_is(c->transport, NULL, NS_RAW_UDP))
		say_raw(out, action, c->transport);
	else if (c->transport)
		g_string_append_printf(out, " %s", elem_ns(c->transport));
	if (elem_child(c->transport, "fingerprint", NS_DTLS))
		say_dtls(out, action, c->transport);
	if (c->security)
		g_string_append_printf(out, " %s", elem_ns(c->security));
}

static void say_jingle(GString *out, const struct elem *jingle)
{
	struct jingle_msg m;
	enum iq_cond cond = jingle_msg_read(&m, jingle);

	if (cond != COND_OK) {
		g_string_append(out, cond_words(cond));
		return;
	}
	g_string_append(out, jingle_action_text(m.action));
	for (size_t i = 0; i < m.ncontents; i++)
		say_content(out, m.action, &m.contents[i]);
	if (m.reason != REASON_NONE)
		g_string_append_printf(out, " %s", jingle_reason_text(m.reason));
	if (m.alternative_sid)
		g_string_append_printf(out, " sid=%s", m.alternative_sid);
	if (m.reason_text)
		g_string_append_printf(out, " \"%s\"", m.reason_text);
	if (m.info) {
		struct rtp_app *app = rtp_app_new(&wishes, 1, "cname");

		g_string_append_printf(out, " %s:%s", elem_name(m.info), cond_words(jingle_rtp.session_info(app, m.info)));
		rtp_app_free(app);
	}
}

static void say_message(GString *out, const struct elem *message)
{
	struct jmi_msg m;

	if (!jmi_read(message, &m)) {
		g_string_append(out, "no message of ours");
		return;
	}
	g_string_append_printf(out, "jmi %s %.8s", elem_name(elem_child(message, NULL, NS_JMI)), m.id);
	if (m.kind == JMI_PROPOSE)
		g_string_append(out, m.audio && !m.other_media ? " audio" : " other");
	if (m.reason != REASON_NONE)
		g_string_append_printf(out, " %s", jingle_reason_text(m.reason));
	if (m.text)
		g_string_append_printf(out, " \"%s\"", m.text);
	if (m.tie_break)
		g_string_append(out, " tie-break");
	if (m.migrated_to)
		g_string_append_printf(out, " migrated to %.8s", m.migrated_to);
}

static void say_iq(GString *out, const struct elem *iq)
{
	const char *type = elem_attr(iq, "type");
	const struct elem *query = elem_child(iq, "query", NS_DISCO);
	unsigned features = 0;

	if (elem_child(iq, "jingle", NS_JINGLE)) {
		say_jingle(out, elem_child(iq, "jingle", NS_JINGLE));
	} else if (query) {
		for (const struct elem *f = elem_child(query, "feature", NS_DISCO); f; f = elem_next(f, "feature", NS_DISCO))
			features++;
		g_string_append_printf(out, "disco#info %s, %u features", type, features);
	} else {
		g_string_append_printf(out, "%s: %s", type, cond_words(cond_read(iq)));
	}
}

/* A lone element: a slot, or what stands in one. */
static void say_piece(GString *out, const struct elem *e)
{
	const struct elem *description = elem_is(e, "content", NULL) ? elem_child(e, "description", NULL) : e;

	g_string_append(out, elem_name(e));
	if (elem_is(description, "description", NS_RTP))
		say_description(out, JINGLE_SESSION_INITIATE, description);
	if (elem_is(e, "fingerprint", NS_DTLS)) {
		elem_auto transport = elem_new("transport", NS_ICE_UDP);

		elem_adopt(transport, elem_copy(e));
		say_dtls(out, JINGLE_SESSION_INITIATE, transport);
	}
}

static char *meaning(const char *text)
{
	GString *out = g_string_new(NULL);
	elem_auto e = elem_parse(text);

	if (!e)
		g_string_append(out, "not well-formed");
	else if (elem_is(e, "iq", NULL))
		say_iq(out, e);
	else if (elem_is(e, "message", NULL))
		say_message(out, e);
	else
		say_piece(out, e);
	return g_string_free(out, FALSE);
}

/* ---- each example and its row ---- */

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_files(GPtrArray *files, const char *folder)
{
	g_autofree char *path = g_build_filename(FOLDER "examples", folder, NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL)
		g_ptr_array_add(files, folder ? g_build_filename(folder, name, NULL) : g_strdup(name));
}

static GPtrArray *all_examples(void)
{
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);

	add_files(folders, NULL);
	for (guint i = 0; i < folders->len; i++)
		add_files(files, folders->pdata[i]);
	g_ptr_array_sort(files, by_name);
	return files;
}

static struct row *find_row(GPtrArray *rows, const char *key)
{
	for (guint i = 0; i < rows->len; i++) {
		struct row *r = rows->pdata[i];

		if (strcmp(r->column[0], key) == 0)
			return r;
	}
	return NULL;
}

static void every_example_is_read_as_the_table_says(void **state)
{
	g_autoptr(GPtrArray) rows = read_table(FOLDER "examples.tsv", 3), files = all_examples();
	unsigned wrong = 0;

	assert_true(files->len > 100);
	for (guint i = 0; i < files->len; i++) {
		const char *file = files->pdata[i];
		g_autofree char *path = g_build_filename(FOLDER "examples", file, NULL), *text = slurp(path);
		g_autofree char *means = meaning(text);
		struct row *r = find_row(rows, file);

		if (r)
			r->used = TRUE;
		if (!r || strcmp(r->column[1], means) != 0) {
			print_error("%s\t%s\t%s\n", file, means, r ? r->column[2] : "");
			wrong++;
		}
	}
	for (guint i = 0; i < rows->len; i++) {
		const struct row *r = rows->pdata[i];

		if (!r->used) {
			print_error("there is no example %s\n", r->column[0]);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

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
	g_autofree char *path = g_build_filename(FOLDER "examples", example, NULL), *text = slurp(path);
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
	jingle_senders(called.s, SENDERS_NONE, 0);
	wrong += judge(allowed, "content-modify", sent(&called), "xep-0167/57-responder-sends-content-modify-message.xml", NULL);
	free_side(&dialer);
	free_side(&called);
	return wrong;
}

static unsigned judge_content_reject(GPtrArray *allowed)
{
	struct side dialer = new_side(TRUE), called = new_side(FALSE);
	g_autofree char *text = slurp(FOLDER "examples/xep-0167/50-adding-video.xml");
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
	g_autofree char *path = g_build_filename(FOLDER "examples", example, NULL), *text = slurp(path);
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
	g_autoptr(GPtrArray) allowed = read_table(FOLDER "differences.tsv", 4);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_is_read_as_the_table_says),
		cmocka_unit_test(what_we_write_has_the_shape_of_the_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
