/* Sentences of the specifications that no other test states: each is named in a table of tests/conformance. */
#include "jworld.h"

#include <string.h>

#include "fake_stream.h"
#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/jmi.h"
#include "jingle/rtp.h"
#include "random.h"
#include "text.h"
#include "xmpp/disco.h"

#define OTHER "tybalt@capulet.lit/cellar"
#define INFO  "http://jabber.org/protocol/disco#info"
#define HOLD  "<hold xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"

/* Everything that S has to send, in one element. */
static struct elem *all_sent(struct jingle_session *s)
{
	struct elem *all = elem_new("all", "test");
	struct jingle_out out;

	while (jingle_next(s, &out))
		if (out.kind == JINGLE_OUT_SEND)
			elem_adopt(all, out.jingle);
	return all;
}

static const struct elem *find_action(const struct elem *all, const char *action)
{
	const struct elem *e = elem_child(all, "jingle", NS_JINGLE);

	while (e && g_strcmp0(elem_attr(e, "action"), action) != 0)
		e = elem_next(e, "jingle", NS_JINGLE);
	return e;
}

/* A call in which this side says as much as it can. */
static struct elem *a_talkative_call(gboolean initiator)
{
	void *state = new_world(initiator);
	struct world *w = state;
	struct elem *all;

	w->fake.news = 2;
	if (initiator) {
		jingle_start(w->s, 0);
		assert_int_equal(recv_text(w, J("session-accept", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
	} else {
		assert_int_equal(recv_text(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT))), COND_OK);
		jingle_ring(w->s, 0);
		jingle_accept(w->s, 0);
	}
	jingle_trickle(w->s, 0);
	jingle_info(w->s, NULL, 0);
	jingle_info(w->s, elem_new("active", NS_RTP_INFO), 0);
	jingle_senders(w->s, SENDERS_NONE, 0);
	assert_int_equal(recv_text(w, J("content-add", VIDEO)), COND_OK);
	assert_int_equal(recv_text(w, J("transport-replace", AUDIO("<transport xmlns='x'/>"))), COND_OK);
	jingle_end(w->s, JC_OK, NULL, 0);
	all = all_sent(w->s);
	teardown(&state);
	return all;
}

/* ---- XEP-0166 "Jingle Element" ---- */

static void initiator_is_named_in_the_offer_and_responder_in_the_accept_only(void **state)
{
	for (int initiator = 0; initiator < 2; initiator++) {
		elem_auto all = a_talkative_call(initiator);
		unsigned named = 0;

		for (const struct elem *e = elem_child(all, NULL, NULL); e; e = elem_next(e, NULL, NULL)) {
			gboolean offer = strcmp(elem_attr(e, "action"), "session-initiate") == 0;
			gboolean accept = strcmp(elem_attr(e, "action"), "session-accept") == 0;
			const char *i = elem_attr(e, "initiator"), *r = elem_attr(e, "responder");

			assert_true(offer ? g_strcmp0(i, US) == 0 : !i);
			assert_true(accept ? g_strcmp0(r, US) == 0 : !r);
			named += offer || accept;
		}
		assert_int_equal(named, 1);
		assert_non_null(find_action(all, "session-terminate"));
	}
}

static void initiator_and_responder_are_ignored_where_they_do_not_belong(void **state)
{
	static const char *const actions[] = {"session-info", "transport-info", "description-info", "content-modify"};

	for (int where = 0; where < NSTATES; where++)
		for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
			void *w = world_in(where);
			g_autofree char *text = g_strdup_printf("<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='%s' initiator='" OTHER
				"' responder='not even a JID'>%s</jingle>", actions[i], i == 0 ? HOLD :
				"<content creator='initiator' name='audio' senders='both'>" DESCRIPTION TRANSPORT "</content>");

			assert_int_equal(recv_text(w, text), COND_OK);
			assert_string_equal(jingle_peer(((struct world *)w)->s), PEER);
			teardown(&w);
		}
}

static gboolean mentions(const struct elem *e, const char *what)
{
	g_autofree char *text = elem_to_string(e);

	return strstr(text, what) != NULL;
}

static void an_initiator_who_is_not_the_sender_is_ignored(void **state)
{
	struct world *w = *state;
	elem_auto all = NULL;

	assert_int_equal(recv_text(w, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-initiate' initiator='" OTHER "'>"
				   AUDIO(DESCRIPTION TRANSPORT) "</jingle>"), COND_OK);
	jingle_ring(w->s, 0);
	jingle_accept(w->s, 0);
	jingle_end(w->s, JC_OK, NULL, 0);
	assert_string_equal(jingle_peer(w->s), PEER);
	all = all_sent(w->s);
	assert_non_null(find_action(all, "session-accept"));
	assert_false(mentions(all, OTHER));
}

static void all_that_follows_goes_to_whom_the_session_is_with(void **state)
{
	struct world *w = *state;

	offer_delivered(w);
	assert_int_equal(recv_text(w, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-accept' responder='" OTHER "'>"
				   AUDIO(DESCRIPTION TRANSPORT) "</jingle>"), COND_OK);
	expect_event(w, JINGLE_EV_ACCEPTED);
	assert_string_equal(jingle_peer(w->s), PEER);
	jingle_end(w->s, JC_OK, NULL, 0);
	expect_send(w, TERMINATE("success"));
}

/* The production Nmtoken, of which ASCII is enough here. */
static gboolean is_nmtoken(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr(".-_:", *p))
			return FALSE;
	return *s != '\0';
}

static void our_session_ids_are_nmtokens_and_random(void **state)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (int i = 0; i < 1000; i++) {
		char *sid = random_uuid();

		assert_true(is_nmtoken(sid));
		assert_true(g_hash_table_add(seen, sid));
	}
}

/* ---- XEP-0166 "Action Attribute" ---- */

static void an_unknown_action_is_a_bad_request_and_changes_nothing(void **state)
{
	struct world *w = *state;
	elem_auto e = xml("<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-transfer'>" AUDIO(DESCRIPTION) "</jingle>");
	struct jingle_msg m;

	accepted_by_peer(w);
	assert_int_equal(jingle_msg_read(&m, e), COND_BAD_REQUEST);
	assert_string_equal(m.sid, "s1");		/* the owner answers, the session never sees it */
	expect_nothing(w);
	assert_int_equal(recv_text(w, J("session-info", "")), COND_OK);
}

static void a_ping_is_answered_in_both_roles_while_the_session_lives(void **state)
{
	for (int where = 0; where < NSTATES; where++) {
		void *w = world_in(where);

		assert_int_equal(recv_text(w, J("session-info", "")), COND_OK);
		expect_nothing(w);
		assert_int_equal(recv_text(w, TERMINATE("success")), COND_OK);
		assert_int_equal(recv_text(w, J("session-info", "")), COND_UNKNOWN_SESSION);
		teardown(&w);
	}
}

/* "The sender MUST specify only the added content definition(s)." */
static void a_content_that_is_there_already_cannot_be_added(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("content-add", AUDIO(DESCRIPTION TRANSPORT) VIDEO)), COND_BAD_REQUEST);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

static void a_direction_is_acknowledged_and_never_content_accepted(void **state)
{
	static const char *const directions[] = {MODIFY("none"), MODIFY("initiator"), MODIFY("responder"), MODIFY("both")};

	for (int where = 0; where < NSTATES; where++) {
		void *state_of_row = world_in(where);
		struct world *w = state_of_row;
		elem_auto all = NULL;

		for (size_t i = 0; i < G_N_ELEMENTS(directions); i++)
			assert_int_equal(recv_text(w, directions[i]), COND_OK);
		all = all_sent(w->s);
		assert_null(find_action(all, "content-accept"));
		assert_int_not_equal(jingle_state(w->s), JINGLE_ENDED);
		teardown(&state_of_row);
	}
}

static void a_content_modify_without_senders_is_a_bad_request(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, MODIFY("none")), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
	assert_int_equal(recv_text(w, J("content-modify", AUDIO(""))), COND_BAD_REQUEST);
	expect_nothing(w);
	assert_int_equal(jingle_current_senders(w->s), SENDERS_NONE);
}

static void a_security_info_is_answered_unsupported_and_ends_nothing(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, J("security-info", AUDIO("<security xmlns='urn:xmpp:jingle:security:xtls:0'>"
					"<method name='x509'/></security>"))), COND_UNSUPPORTED_INFO);
	expect_nothing(w);
	assert_int_equal(jingle_state(w->s), JINGLE_ACTIVE);
}

/* ---- XEP-0166 "Content Element", "Reason Element", "Security Preconditions" ---- */

static void the_creator_stays_who_it_was_in_all_that_both_say(void **state)
{
	for (int initiator = 0; initiator < 2; initiator++) {
		elem_auto all = a_talkative_call(initiator);
		unsigned contents = 0;

		for (const struct elem *e = elem_child(all, NULL, NULL); e; e = elem_next(e, NULL, NULL)) {
			const struct elem *content = elem_child(e, "content", NS_JINGLE);

			if (!content || strcmp(elem_attr(content, "name"), "audio") != 0)
				continue;
			assert_string_equal(elem_attr(content, "creator"), "initiator");
			contents++;
		}
		assert_true(contents >= 4);
	}
}

static void a_reason_may_stand_in_any_action(void **state)
{
	static const char *const texts[] = {
		J("session-info", "<reason><success/><text>hello</text></reason>" HOLD),
		J("transport-info", AUDIO(TRANSPORT) "<reason><connectivity-error/></reason>"),
		J("content-modify", "<content creator='initiator' name='audio' senders='none'/><reason><media-error/></reason>"),
		J("content-remove", CONTENT("video", "") "<reason><failed-application/></reason>"),
		J("session-info", "<reason><success/></reason>")};	/* nothing else: still a ping */

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		void *w = world_in(UP_DIALER);

		assert_int_equal(recv_text(w, texts[i]), COND_OK);
		assert_int_equal(jingle_state(((struct world *)w)->s), JINGLE_ACTIVE);
		teardown(&w);
	}
}

static void an_unknown_precondition_in_an_offer_does_no_harm(void **state)
{
	struct world *w = *state;

	assert_int_equal(recv_text(w, J("session-initiate", AUDIO(DESCRIPTION TRANSPORT
					"<security xmlns='urn:xmpp:jingle:security:stub:0'/>"))), COND_OK);
	expect_event(w, JINGLE_EV_INCOMING);
	accept_ours(w);			/* without it, and with the encryption that is ours */
}

/* ---- XEP-0353 ---- */

static void every_jmi_message_is_a_chat_with_a_store_hint(void **state)
{
	for (int kind = JMI_PROPOSE; kind <= JMI_ACCEPT; kind++) {
		elem_auto e = jmi_write((enum jmi_kind)kind, PEER, "an-id", REASON_NONE, NULL);

		assert_string_equal(elem_attr(e, "type"), "chat");
		assert_non_null(elem_child(e, "store", "urn:xmpp:hints"));
		assert_string_equal(elem_attr(elem_child(e, NULL, NS_JMI), "id"), "an-id");
	}
}

static void a_finish_says_why_to_the_full_jid(void **state)
{
	static const enum jingle_reason reasons[] = {REASON_SUCCESS, REASON_EXPIRED, REASON_CONNECTIVITY_ERROR};

	for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
		elem_auto e = jmi_write(JMI_FINISH, PEER, "an-id", reasons[i], NULL);
		struct jmi_msg m;

		assert_string_equal(elem_attr(e, "to"), PEER);
		assert_true(jmi_read(e, &m));
		assert_int_equal(m.kind, JMI_FINISH);
		assert_int_equal(m.reason, reasons[i]);
	}
}

/* ---- XEP-0167, XEP-0176 ---- */

static void our_offer_needs_no_component_for_rtcp(void **state)
{
	const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000};
	struct rtp_app *app = rtp_app_new(&wishes, 1, "cname");
	elem_auto description = jingle_rtp.offer(app);

	assert_non_null(elem_child(description, "rtcp-mux", NS_RTP));
	rtp_app_free(app);
}

static void a_second_component_is_accepted_where_rtcp_is_muxed(void **state)
{
	elem_auto e = xml("<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'>"
		"<candidate component='2' foundation='1' generation='0' id='a' ip='192.0.2.1' port='9' priority='1' protocol='udp' "
		"type='host'/><candidate component='1' foundation='1' generation='0' id='b' ip='192.0.2.1' port='8' priority='1' "
		"protocol='udp' type='host'/></transport>");
	struct iceudp *ice = iceudp_new();
	struct ice_cand cand;

	assert_int_equal(jingle_iceudp.read(ice, JINGLE_SESSION_INITIATE, e), JC_OK);
	assert_true(iceudp_remote_cand(ice, &cand));
	assert_int_equal(cand.port, 8);
	assert_false(iceudp_remote_cand(ice, &cand));
	iceudp_free(ice);
}

/* Judges an offer whose Opus has PARAMETERS; what we would send is in *OUT. */
static enum jc_err judge_offer(const char *attributes, const char *parameters, const char *after, struct media_params *out)
{
	const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 64000, .fec = true, .dtx = true};
	struct rtp_app *app = rtp_app_new(&wishes, 1, "cname");
	g_autofree char *text = g_strdup_printf("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio' %s>"
		"<payload-type id='111' name='opus' clockrate='48000' channels='2'>%s</payload-type>%s<rtcp-mux/></description>",
		attributes, parameters, after);
	elem_auto e = xml(text);
	enum jc_err err = jingle_rtp.answer(app, e);

	rtp_app_params(app, out);
	rtp_app_free(app);
	return err;
}

#define PARAM(name, value) "<parameter name='" name "' value='" value "'/>"

static void the_order_of_parameters_does_not_count_and_their_case_does(void **state)
{
	struct media_params p;

	assert_int_equal(judge_offer("", PARAM("useinbandfec", "1") PARAM("maxaveragebitrate", "20000"), "", &p), JC_OK);
	assert_true(p.fec);
	assert_int_equal(p.bitrate_bps, 20000);
	assert_int_equal(judge_offer("", PARAM("maxaveragebitrate", "20000") PARAM("useinbandfec", "1"), "", &p), JC_OK);
	assert_true(p.fec);
	assert_int_equal(p.bitrate_bps, 20000);
	assert_int_equal(judge_offer("", PARAM("UseInbandFEC", "1") PARAM("MaxAverageBitrate", "20000"), "", &p), JC_OK);
	assert_false(p.fec);
	assert_int_equal(p.bitrate_bps, 64000);
}

static void an_ssrc_or_bandwidth_in_a_description_does_no_harm(void **state)
{
	struct media_params with, without;

	assert_int_equal(judge_offer("", "", "", &without), JC_OK);
	assert_int_equal(judge_offer("ssrc='4294967295'", "", "<bandwidth type='AS'>128</bandwidth>", &with), JC_OK);
	assert_int_equal(with.bitrate_bps, without.bitrate_bps);
	assert_int_equal(judge_offer("ssrc='many'", "", "<bandwidth>lots</bandwidth><bandwidth/>", &with), JC_OK);
	assert_int_equal(with.bitrate_bps, without.bitrate_bps);
}

static void a_remote_candidate_is_acknowledged_and_no_candidate(void **state)
{
	elem_auto e = xml("<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'>"
			  "<remote-candidate component='1' ip='10.0.1.2' port='9001'/></transport>");
	struct iceudp *ice = iceudp_new();
	struct ice_cand cand;

	assert_int_equal(jingle_iceudp.read(ice, JINGLE_TRANSPORT_INFO, e), JC_OK);
	assert_false(iceudp_remote_cand(ice, &cand));
	assert_int_equal(iceudp_skipped(ice), 0);
	iceudp_free(ice);
}

#define MUTE(attributes) J("session-info", "<mute xmlns='urn:xmpp:jingle:apps:rtp:info:1' " attributes "/>")

static void a_mute_is_of_the_content_that_it_names_or_of_all(void **state)
{
	struct world *w = *state;

	accepted_by_peer(w);
	assert_int_equal(recv_text(w, MUTE("creator='initiator' name='webcam'")), COND_OK);
	assert_int_equal(w->fake.session_infos, 0);
	expect_nothing(w);
	assert_int_equal(recv_text(w, MUTE("creator='initiator' name='audio'")), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
	assert_int_equal(recv_text(w, MUTE("")), COND_OK);
	expect_event(w, JINGLE_EV_CHANGED);
}

static gboolean we_list(struct disco *disco, const char *var)
{
	gboolean found = FALSE;
	struct iq iq;

	fake_iq_init(&iq, PEER, "get", "<query xmlns='" INFO "'/>");
	assert_true(disco_iq(disco, &iq));
	for (const struct elem *f = elem_child(iq.answer, "feature", NULL); f; f = elem_next(f, "feature", NULL))
		found = found || strcmp(elem_attr(f, "var"), var) == 0;
	fake_iq_clear(&iq);
	return found;
}

static void what_we_cannot_do_is_not_advertised(void **state)
{
	static const char *const no[] = {"urn:ietf:rfc:3264", "urn:xmpp:jingle:apps:rtp:video", "urn:xmpp:jingle:dtmf:0",
		"urn:xmpp:jingle:apps:rtp:0", "urn:xmpp:jingle:transports:ice-udp:0", "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"};
	struct stream stream;
	struct disco *disco;

	fake_stream_init(&stream, US);
	disco = disco_new(&stream);
	assert_true(we_list(disco, "urn:xmpp:jingle:1"));
	for (size_t i = 0; i < G_N_ELEMENTS(no); i++)
		if (we_list(disco, no[i]))
			fail_msg("%s", no[i]);
	disco_free(disco);
	fake_stream_clear(&stream);
}

#define DTMF(attributes) "<dtmf xmlns='urn:xmpp:jingle:dtmf:0' " attributes "/>"

/* XEP-0181 is not for endpoints that have RTP: it is understood, for those that have not. */
static void a_signalled_digit_is_understood(void **state)
{
	static const struct { const char *text; enum iq_cond cond; const char *digits; } table[] = {
		{DTMF("code='7' duration='400' volume='42'"), COND_OK, "7"},
		{DTMF("code='#'"), COND_OK, "#"}, {DTMF("code='*'"), COND_OK, "*"}, {DTMF("code='D' duration=''"), COND_OK, "D"},
		{DTMF("code='7' duration='0'"), COND_OK, ""},
		{DTMF("code='7' action='button-down'"), COND_OK, "7"}, {DTMF("code='7' action='button-up'"), COND_OK, ""},
		{DTMF("code='12'"), COND_FEATURE_NOT_IMPLEMENTED, ""}, {DTMF("code='x'"), COND_FEATURE_NOT_IMPLEMENTED, ""},
		{DTMF("code='E'"), COND_FEATURE_NOT_IMPLEMENTED, ""}, {DTMF("code='\xc3\xa9'"), COND_FEATURE_NOT_IMPLEMENTED, ""},
		{DTMF(""), COND_BAD_REQUEST, ""}, {DTMF("code=''"), COND_BAD_REQUEST, ""},
		{"<dtmf-method xmlns='urn:xmpp:jingle:dtmf:0' method='rtp'/>", COND_UNSUPPORTED_INFO, ""}};
	const struct rtp_wishes wishes = {.ptime_ms = 20};
	struct rtp_app *app = rtp_app_new(&wishes, 1, "cname");
	char digits[RTP_DIGITS];

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		elem_auto dtmf = xml(table[i].text);

		assert_int_equal(jingle_rtp.session_info(app, dtmf), table[i].cond);
		assert_int_equal(rtp_app_digits(app, digits), strlen(table[i].digits));
		assert_memory_equal(digits, table[i].digits, strlen(table[i].digits));
	}
	rtp_app_free(app);
}

static void more_signalled_digits_than_are_asked_for_are_refused(void **state)
{
	const struct rtp_wishes wishes = {.ptime_ms = 20};
	struct rtp_app *app = rtp_app_new(&wishes, 1, "cname");
	elem_auto dtmf = xml(DTMF("code='7'"));
	char digits[RTP_DIGITS];

	for (int i = 0; i < RTP_DIGITS; i++)
		assert_int_equal(jingle_rtp.session_info(app, dtmf), COND_OK);
	assert_int_equal(jingle_rtp.session_info(app, dtmf), COND_RESOURCE_CONSTRAINT);
	assert_int_equal(rtp_app_digits(app, digits), RTP_DIGITS);
	assert_int_equal(jingle_rtp.session_info(app, dtmf), COND_OK);
	rtp_app_free(app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initiator_is_named_in_the_offer_and_responder_in_the_accept_only),
		cmocka_unit_test(initiator_and_responder_are_ignored_where_they_do_not_belong),
		CALLED(an_initiator_who_is_not_the_sender_is_ignored),
		DIALER(all_that_follows_goes_to_whom_the_session_is_with),
		cmocka_unit_test(our_session_ids_are_nmtokens_and_random),
		DIALER(an_unknown_action_is_a_bad_request_and_changes_nothing),
		cmocka_unit_test(a_ping_is_answered_in_both_roles_while_the_session_lives),
		DIALER(a_content_that_is_there_already_cannot_be_added),
		cmocka_unit_test(a_direction_is_acknowledged_and_never_content_accepted),
		DIALER(a_content_modify_without_senders_is_a_bad_request),
		DIALER(a_security_info_is_answered_unsupported_and_ends_nothing),
		cmocka_unit_test(the_creator_stays_who_it_was_in_all_that_both_say),
		cmocka_unit_test(a_reason_may_stand_in_any_action),
		CALLED(an_unknown_precondition_in_an_offer_does_no_harm),
		cmocka_unit_test(every_jmi_message_is_a_chat_with_a_store_hint),
		cmocka_unit_test(a_finish_says_why_to_the_full_jid),
		cmocka_unit_test(our_offer_needs_no_component_for_rtcp),
		cmocka_unit_test(a_second_component_is_accepted_where_rtcp_is_muxed),
		cmocka_unit_test(the_order_of_parameters_does_not_count_and_their_case_does),
		cmocka_unit_test(an_ssrc_or_bandwidth_in_a_description_does_no_harm),
		cmocka_unit_test(a_remote_candidate_is_acknowledged_and_no_candidate),
		DIALER(a_mute_is_of_the_content_that_it_names_or_of_all),
		cmocka_unit_test(what_we_cannot_do_is_not_advertised),
		cmocka_unit_test(a_signalled_digit_is_understood),
		cmocka_unit_test(more_signalled_digits_than_are_asked_for_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
