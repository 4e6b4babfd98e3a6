#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/jmi.h"
#include "xml.h"

#define J "xmlns='urn:xmpp:jingle-message:0'"
#define STORE "<store xmlns='urn:xmpp:hints'/>"
#define US "juliet@example.org/balcony"
#define SIBLING "juliet@example.org/phone"
#define OUR_BARE "juliet@example.org"
#define HIM "romeo@example.net/orchard"
#define ID "00178a7f-a784-4635-8063-7736dca1fab0"

/* Reads TEXT; what M borrows lives until the next call. */
static gboolean read_text(struct jmi_msg *m, const char *text)
{
	static struct elem *last;

	elem_free(last);
	last = text ? xml(text) : NULL;
	return jmi_read(last, m);
}

static void forget_text(void)
{
	struct jmi_msg m;

	read_text(&m, NULL);
}

/* ---- messages ---- */

static void a_proposal_is_a_chat_message_with_store_hint_rules_r4_r7(void **state)
{
	elem_auto e = jmi_write(JMI_PROPOSE, OUR_BARE, ID, REASON_NONE, NULL);

	assert_elem_equal("<message xmlns='jabber:client' type='chat' to='" OUR_BARE "' id='jm-propose-" ID "'><propose " J
		" id='" ID "'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>" STORE "</message>", e);
}

static void a_reject_has_its_reason_and_text(void **state)
{
	elem_auto e = jmi_write(JMI_REJECT, HIM, ID, REASON_BUSY, "on the phone");

	assert_elem_equal("<message xmlns='jabber:client' type='chat' to='" HIM "' id='jm-reject-" ID "'><reject " J " id='" ID
		"'><reason xmlns='urn:xmpp:jingle:1'><busy/><text>on the phone</text></reason></reject>" STORE "</message>", e);
}

static void every_kind_is_read_as_it_was_written_rule_r7(void **state)
{
	static const char *const names[] = {NULL, "propose", "ringing", "proceed", "reject", "retract", "finish", "accept"};

	for (int kind = JMI_PROPOSE; kind <= JMI_ACCEPT; kind++) {
		elem_auto e = jmi_write((enum jmi_kind)kind, HIM, ID, REASON_NONE, NULL);
		g_autofree char *stanza_id = g_strdup_printf("jm-%s-" ID, names[kind]);
		struct jmi_msg m;

		assert_string_equal(elem_attr(e, "id"), stanza_id);
		assert_non_null(elem_child(e, "store", "urn:xmpp:hints"));
		assert_non_null(elem_child(e, names[kind], NS_JMI));
		assert_true(jmi_read(e, &m));
		assert_int_equal(m.kind, kind);
		assert_string_equal(m.id, ID);
		assert_int_equal(m.audio, kind == JMI_PROPOSE);
		assert_int_equal(m.reason, REASON_NONE);
		assert_null(m.text);
	}
}

static void the_proceed_of_dino_is_read(void **state)
{
	struct jmi_msg m;

	assert_true(read_text(&m, "<message type='chat' to='romeo@lab.test/dino.9759558a' from='juliet@lab.test/dino.f01e3a72' "
		"id='e634eb06' xml:lang='en'><proceed " J " id='" ID "'><device id='1288554053' "
		"xmlns='http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification'/></proceed>"
		"<stanza-id by='romeo@lab.test' id='W_SyZuPQJftEsRt97BpvaHtA' xmlns='urn:xmpp:sid:0'/></message>"));
	assert_int_equal(m.kind, JMI_PROCEED);
	forget_text();
}

static void the_busy_reject_of_stanza_is_read(void **state)
{
	struct jmi_msg m;

	assert_true(read_text(&m, "<message xmlns='jabber:client' to='romeo@chromium.test/chromium' type='chat' "
		"from='juliet@chromium.test/chromium' id='ea1659c4' xml:lang='en'><origin-id xmlns='urn:xmpp:sid:0' id='ea16'/>"
		"<reject " J " id='" ID "'><reason xmlns='urn:xmpp:jingle:1'><busy/></reason></reject>" STORE "</message>"));
	assert_int_equal(m.kind, JMI_REJECT);
	assert_int_equal(m.reason, REASON_BUSY);
	assert_false(m.tie_break);
	forget_text();
}

static void a_finish_may_tell_of_a_migration_and_a_reject_of_a_tie(void **state)
{
	struct jmi_msg m;

	assert_true(read_text(&m, "<message type='chat'><finish " J " id='a'><reason xmlns='urn:xmpp:jingle:1'><expired/>"
		"<text>moved</text></reason><migrated to='b'/></finish></message>"));
	assert_string_equal(m.migrated_to, "b");
	assert_string_equal(m.text, "moved");
	assert_int_equal(m.reason, REASON_EXPIRED);
	assert_true(read_text(&m, "<message type='chat'><reject " J " id='a'><reason xmlns='urn:xmpp:jingle:1'><expired/>"
		"</reason><tie-break/></reject></message>"));
	assert_true(m.tie_break);
	forget_text();
}

static void a_proposal_tells_which_media(void **state)
{
	static const struct {
		const char *descriptions;
		gboolean audio, other;
	} table[] = {{"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>", TRUE, FALSE},
		     {"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>", FALSE, TRUE},
		     {"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
		      "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>", TRUE, TRUE},
		     {"<description xmlns='urn:xmpp:jingle:apps:file-transfer:5' media='audio'/>", FALSE, TRUE},
		     {"<description xmlns='urn:xmpp:jingle:apps:rtp:1'/>", FALSE, TRUE}, {"", FALSE, FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf("<message type='chat'><propose " J " id='a'>%s</propose></message>",
							table[i].descriptions);
		struct jmi_msg m;

		assert_true(read_text(&m, text));
		assert_int_equal(m.audio, table[i].audio);
		assert_int_equal(m.other_media, table[i].other);
	}
	forget_text();
}

static void normal_messages_count_and_errors_and_rooms_do_not_rule_r7(void **state)
{
	static const struct {
		const char *type;
		gboolean read;
	} table[] = {{"type='chat'", TRUE}, {"type='normal'", TRUE}, {"", TRUE},	/* Cheogram's proceed is normal */
		     {"type='error'", FALSE}, {"type='groupchat'", FALSE}, {"type='headline'", FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf("<message %s><proceed " J " id='a'/></message>", table[i].type);
		struct jmi_msg m;

		assert_int_equal(read_text(&m, text), table[i].read);
	}
	forget_text();
}

static void what_is_malformed_is_not_read(void **state)
{
	g_autofree char *longest = g_strnfill(128, 'x'), *too_long = g_strnfill(129, 'x');
	const char *const bad[] = {"", too_long, "a b", "a\xc3\xa9", "a&#9;b"};
	struct jmi_msg m;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *text = g_strdup_printf("<message type='chat'><proceed " J " id='%s'/></message>", bad[i]);

		assert_false(read_text(&m, text));
	}
	{
		g_autofree char *text = g_strdup_printf("<message type='chat'><proceed " J " id='%s'/></message>", longest);

		assert_true(read_text(&m, text));
	}
	assert_false(read_text(&m, "<message type='chat'><proceed " J "/></message>"));
	assert_false(read_text(&m, "<message type='chat'><dance " J " id='a'/></message>"));
	assert_false(read_text(&m, "<message type='chat'><proceed xmlns='urn:xmpp:jingle-message:1' id='a'/></message>"));
	assert_false(read_text(&m, "<message type='chat'><body>proceed</body></message>"));
	forget_text();
}

/* ---- being called ---- */

static struct jmi_msg msg(enum jmi_kind kind)
{
	return (struct jmi_msg){.kind = kind, .id = ID};
}

/* Sends nothing more than these; takes MESSAGES. */
static void assert_messages(GPtrArray *messages, const char *first, const char *second)
{
	const char *const expected[] = {first, second};
	guint n = !first ? 0 : second ? 2 : 1;

	assert_int_equal(messages->len, n);
	for (guint i = 0; i < n; i++) {
		assert_elem_equal(expected[i], messages->pdata[i]);
		elem_free(messages->pdata[i]);
	}
	g_ptr_array_unref(messages);
}

static void whom_we_trust_hears_that_we_ring_at_his_full_jid_rules_r4_r8(void **state)
{
	struct jmi_ring *r = jmi_ring_new(ID, US, HIM, TRUE);

	assert_string_equal(jmi_ring_id(r), ID);
	assert_string_equal(jmi_ring_caller(r), HIM);
	assert_messages(jmi_ring_begin(r), "<message xmlns='jabber:client' type='chat' to='" HIM "' id='jm-ringing-" ID "'>"
			"<ringing " J " id='" ID "'/>" STORE "</message>", NULL);
	jmi_ring_free(r);
}

static void a_stranger_hears_nothing_until_we_accept_rule_r8(void **state)
{
	struct jmi_ring *r = jmi_ring_new(ID, US, HIM, FALSE);

	assert_messages(jmi_ring_begin(r), NULL, NULL);
	jmi_ring_free(r);
}

static void our_own_devices_hear_accept_before_the_caller_hears_proceed_rule_r5(void **state)
{
	struct jmi_ring *r = jmi_ring_new(ID, US, HIM, TRUE);

	assert_messages(jmi_ring_accept(r), "<message xmlns='jabber:client' type='chat' to='" OUR_BARE "' id='jm-accept-" ID
			"'><accept " J " id='" ID "'/>" STORE "</message>", /* and no device element, rule R16 */
			"<message xmlns='jabber:client' type='chat' to='" HIM "' id='jm-proceed-" ID "'><proceed " J " id='" ID
			"'/>" STORE "</message>");
	jmi_ring_free(r);
}

static void a_reject_goes_to_the_caller_and_to_our_own_devices_rule_r6(void **state)
{
	struct jmi_ring *r = jmi_ring_new(ID, US, HIM, TRUE);

#define REJECT(to, reason) "<message xmlns='jabber:client' type='chat' to='" to "' id='jm-reject-" ID "'><reject " J " id='" ID \
	"'><reason xmlns='urn:xmpp:jingle:1'><" reason "/></reason></reject>" STORE "</message>"
	assert_messages(jmi_ring_reject(r, JC_DECLINED), REJECT(HIM, "decline"), REJECT(OUR_BARE, "decline"));
	assert_messages(jmi_ring_reject(r, JC_BUSY), REJECT(HIM, "busy"), REJECT(OUR_BARE, "busy"));
	jmi_ring_free(r);
}

static void what_ends_the_ringing(void **state)
{
	static const struct {
		const char *from;
		enum jmi_kind kind;
		gboolean ours, over;
		enum jc_err err;
	} table[] = {
		{SIBLING, JMI_ACCEPT, TRUE, TRUE, JC_ELSEWHERE}, {SIBLING, JMI_PROCEED, TRUE, TRUE, JC_ELSEWHERE},
		{SIBLING, JMI_REJECT, TRUE, TRUE, JC_DECLINED},
		{HIM, JMI_RETRACT, FALSE, TRUE, JC_NO_ANSWER}, {"Romeo@Example.NET", JMI_RETRACT, FALSE, TRUE, JC_NO_ANSWER},
		{"romeo@example.net/other", JMI_RETRACT, FALSE, TRUE, JC_NO_ANSWER},
		{HIM, JMI_FINISH, FALSE, TRUE, JC_NO_ANSWER},
		{US, JMI_ACCEPT, TRUE, FALSE, JC_OK}, {US, JMI_REJECT, TRUE, FALSE, JC_OK},	/* our own, come back */
		{SIBLING, JMI_RINGING, TRUE, FALSE, JC_OK},
		{HIM, JMI_ACCEPT, FALSE, FALSE, JC_OK},		/* rule R5: from nobody but ourselves */
		{HIM, JMI_PROCEED, FALSE, FALSE, JC_OK}, {HIM, JMI_REJECT, FALSE, FALSE, JC_OK},
		{"mallory@example.net/x", JMI_RETRACT, FALSE, FALSE, JC_OK},
		{"mallory@example.net/x", JMI_FINISH, FALSE, FALSE, JC_OK}, {HIM, JMI_PROPOSE, FALSE, FALSE, JC_OK}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct jmi_ring *r = jmi_ring_new(ID, US, HIM, TRUE);
		struct jmi_msg m = msg(table[i].kind);
		enum jc_err err = JC_OK;

		if (jmi_ring_recv(r, table[i].from, &m, table[i].ours, &err) != table[i].over || err != table[i].err)
			fail_msg("row %zu", i);
		jmi_ring_free(r);
	}
}

static void another_call_does_not_end_it(void **state)
{
	struct jmi_ring *r = jmi_ring_new(ID, US, HIM, TRUE);
	struct jmi_msg m = {.kind = JMI_RETRACT, .id = "another"};
	enum jc_err err;

	assert_false(jmi_ring_recv(r, HIM, &m, FALSE, &err));
	m.kind = JMI_ACCEPT;
	assert_false(jmi_ring_recv(r, SIBLING, &m, TRUE, &err));
	jmi_ring_free(r);
}

static void our_proceed_come_back_means_that_the_call_is_off_rule_r7(void **state)
{
	struct jmi_ring *r = jmi_ring_new(ID, US, HIM, TRUE);

	assert_true(jmi_ring_bounced(r, "jm-proceed-" ID));
	assert_false(jmi_ring_bounced(r, "jm-ringing-" ID));
	assert_false(jmi_ring_bounced(r, "jm-proceed-" ID "0"));
	assert_false(jmi_ring_bounced(r, "jm-proceed-"));
	assert_false(jmi_ring_bounced(r, ""));
	jmi_ring_free(r);
}

/* ---- wrapping ---- */

#define CARBON(from, wrapper) "<message xmlns='jabber:client' " from " to='" US "' type='chat'><" wrapper \
	" xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" SIBLING \
	"' to='" HIM "' type='chat'><proceed " J " id='" ID "'/></message></forwarded></" wrapper "></message>"

static void a_carbon_of_our_own_account_is_unwrapped(void **state)
{
	static const struct {
		const char *text;
		gboolean sent;
	} table[] = {{CARBON("from='" OUR_BARE "'", "sent"), TRUE}, {CARBON("from='" OUR_BARE "'", "received"), FALSE},
		     {CARBON("", "sent"), TRUE}};	/* RFC 6120 8.1.2.1: of our own account */

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		elem_auto e = xml(table[i].text);
		gboolean sent = !table[i].sent;
		const struct elem *inner = jmi_unwrap_carbon(e, OUR_BARE, &sent);

		assert_non_null(inner);
		assert_string_equal(elem_attr(inner, "from"), SIBLING);
		assert_int_equal(sent, table[i].sent);
	}
}

static void a_carbon_of_anybody_else_is_not(void **state)
{
	static const char *const forged[] = {CARBON("from='" HIM "'", "sent"), CARBON("from='romeo@example.net'", "received"),
		CARBON("from='" SIBLING "'", "sent"), CARBON("from='example.org'", "sent"), CARBON("from=''", "sent")};
	gboolean sent;

	for (size_t i = 0; i < G_N_ELEMENTS(forged); i++) {
		elem_auto e = xml(forged[i]);

		assert_null(jmi_unwrap_carbon(e, OUR_BARE, &sent));
	}
}

static void what_wraps_nothing_is_no_carbon(void **state)
{
	static const char *const texts[] = {"<message xmlns='jabber:client' from='" OUR_BARE "'/>",
		"<message xmlns='jabber:client' from='" OUR_BARE "'><private xmlns='urn:xmpp:carbons:2'/></message>",
		"<message xmlns='jabber:client' from='" OUR_BARE "'><sent xmlns='urn:xmpp:carbons:2'/></message>",
		"<message xmlns='jabber:client' from='" OUR_BARE "'><sent xmlns='urn:xmpp:carbons:2'><message/></sent></message>",
		"<message xmlns='jabber:client' from='" OUR_BARE "'><forwarded xmlns='urn:xmpp:forward:0'>"
		"<message xmlns='jabber:client'/></forwarded></message>"};
	gboolean sent;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		elem_auto e = xml(texts[i]);

		assert_null(jmi_unwrap_carbon(e, OUR_BARE, &sent));
	}
}

static void a_message_delayed_by_more_than_a_minute_is_old(void **state)
{
	enum { NOW = 1764547200 };		/* 2025-12-01T00:00:00Z */
	static const struct {
		const char *delays;
		gboolean old;
	} table[] = {
		{"", FALSE}, {"<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:59:00Z'/>", FALSE},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:58:59Z'/>", TRUE},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:59:30.123Z'/>", FALSE},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-12-01T00:59:30+01:00'/>", FALSE},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:59:30+01:00'/>", TRUE},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-12-01T00:10:00Z'/>", FALSE},	/* clocks differ */
		{"<delay xmlns='urn:xmpp:delay' stamp='yesterday'/>", TRUE}, {"<delay xmlns='urn:xmpp:delay'/>", TRUE},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-12-01T00:00:00Z'/>"
		 "<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T12:00:00Z'/>", TRUE},
		{"<delay xmlns='urn:example:other' stamp='2025-11-30T12:00:00Z'/>", FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf("<message type='chat'><propose " J " id='a'/>%s</message>",
							table[i].delays);
		elem_auto e = xml(text);

		if (jmi_is_old(e, NOW) != table[i].old)
			fail_msg("%s", table[i].delays);
	}
}

static void a_message_was_sent_when_the_last_who_delayed_it_says_but_not_in_the_future(void **state)
{
	enum { NOW = 1764547200 };		/* 2025-12-01T00:00:00Z */
	static const struct {
		const char *delays;
		gint64 at_s;
	} table[] = {
		{"", NOW}, {"<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:59:00Z'/>", NOW - 60},
		{"<delay xmlns='urn:xmpp:delay' stamp='1999-12-31T00:00:00Z'/><delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:59:00Z'/>", NOW - 60},
		{"<delay xmlns='urn:xmpp:delay' stamp='2025-11-30T23:59:00Z'/><delay xmlns='urn:xmpp:delay' stamp='x'/>", NOW - 60},
		{"<delay xmlns='urn:xmpp:delay' stamp='2035-11-30T23:59:00Z'/>", NOW}, {"<delay xmlns='urn:xmpp:delay'/>", NOW}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf("<message type='chat'><propose " J " id='a'/>%s</message>", table[i].delays);
		elem_auto e = xml(text);

		assert_int_equal(jmi_sent_at(e, NOW), table[i].at_s);
	}
}

static void a_session_that_migrates_is_finished_with_its_heir(void **state)
{
	elem_auto e = jmi_write_migrated(HIM, ID, "new");
	struct jmi_msg m;

	assert_elem_equal("<message xmlns='jabber:client' type='chat' to='" HIM "' id='jm-finish-" ID "'><finish " J " id='" ID
			  "'><reason xmlns='urn:xmpp:jingle:1'><expired/><text>Session migrated</text></reason>"
			  "<migrated to='new'/></finish><store xmlns='urn:xmpp:hints'/></message>", e);
	assert_true(jmi_read(e, &m));
	assert_string_equal(m.migrated_to, "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proposal_is_a_chat_message_with_store_hint_rules_r4_r7),
		cmocka_unit_test(a_reject_has_its_reason_and_text),
		cmocka_unit_test(a_session_that_migrates_is_finished_with_its_heir),
		cmocka_unit_test(every_kind_is_read_as_it_was_written_rule_r7),
		cmocka_unit_test(the_proceed_of_dino_is_read),
		cmocka_unit_test(the_busy_reject_of_stanza_is_read),
		cmocka_unit_test(a_finish_may_tell_of_a_migration_and_a_reject_of_a_tie),
		cmocka_unit_test(a_proposal_tells_which_media),
		cmocka_unit_test(normal_messages_count_and_errors_and_rooms_do_not_rule_r7),
		cmocka_unit_test(what_is_malformed_is_not_read),
		cmocka_unit_test(whom_we_trust_hears_that_we_ring_at_his_full_jid_rules_r4_r8),
		cmocka_unit_test(a_stranger_hears_nothing_until_we_accept_rule_r8),
		cmocka_unit_test(our_own_devices_hear_accept_before_the_caller_hears_proceed_rule_r5),
		cmocka_unit_test(a_reject_goes_to_the_caller_and_to_our_own_devices_rule_r6),
		cmocka_unit_test(what_ends_the_ringing),
		cmocka_unit_test(another_call_does_not_end_it),
		cmocka_unit_test(our_proceed_come_back_means_that_the_call_is_off_rule_r7),
		cmocka_unit_test(a_carbon_of_our_own_account_is_unwrapped),
		cmocka_unit_test(a_carbon_of_anybody_else_is_not),
		cmocka_unit_test(what_wraps_nothing_is_no_carbon),
		cmocka_unit_test(a_message_delayed_by_more_than_a_minute_is_old),
		cmocka_unit_test(a_message_was_sent_when_the_last_who_delayed_it_says_but_not_in_the_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
