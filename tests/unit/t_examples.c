/* The example stanzas of the specifications, as they stand there (tests/conformance/examples), read with our own parsers, from
 * libstrophe's up. The table examples.tsv says what each means to us. */
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
#include "xmpp/stanza.h"

#define NS_DISCO "http://jabber.org/protocol/disco#info"

static const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true, .dtx = true};
static const struct dtls_fingerprint our_fp = {.hash = DTLS_SHA256, .len = 32, .value = {2, 0x1a}};

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
	g_autofree char *path = g_build_filename(CONFORM "examples", folder, NULL);
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
	g_autoptr(GPtrArray) rows = conform_table(CONFORM "examples.tsv", 3), files = all_examples();
	unsigned wrong = 0;

	assert_true(files->len > 100);
	for (guint i = 0; i < files->len; i++) {
		const char *file = files->pdata[i];
		g_autofree char *text = conform_example(file), *means = meaning(text);
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_example_is_read_as_the_table_says)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
