/* The plug-ins of a Jingle content and message initiation, by the interoperability rules (R4-R25). */
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/jmi.h"
#include "jingle/rtp.h"
#include "xml.h"

#define FP "D7:35:BA:90:57:7C:1C:06:15:66:DE:16:B3:50:15:0F:B6:68:A4:93:AB:14:FB:FC:DA:1A:5A:00:26:B8:6C:9F"
#define FP2 "00:35:BA:90:57:7C:1C:06:15:66:DE:16:B3:50:15:0F:B6:68:A4:93:AB:14:FB:FC:DA:1A:5A:00:26:B8:6C:9F"

/* ---- the WHAT ---- */

static struct rtp_app *app(void)
{
	struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 10, .fec = true};

	return rtp_app_new(&wishes, 42, "name");
}

static enum jc_err answer(struct rtp_app *a, const char *payloads, struct media_params *params)
{
	g_autofree char *text = g_strdup_printf("<description xmlns='" NS_RTP "' media='audio'>%s</description>", payloads);
	elem_auto d = xml(text);
	enum jc_err err = jingle_rtp.answer(a, d);

	rtp_app_params(a, params);
	return err;
}

static void r18_the_offer_names_everything(void **state)
{
	struct rtp_app *a = app();
	elem_auto d = jingle_rtp.offer(a);
	const struct elem *p = elem_child(d, "payload-type", NULL);

	assert_string_equal(elem_attr(d, "media"), "audio");
	assert_string_equal(elem_attr(p, "id"), "111");
	assert_string_equal(elem_attr(p, "name"), "opus");
	assert_string_equal(elem_attr(p, "clockrate"), "48000");
	assert_string_equal(elem_attr(p, "channels"), "2");
	assert_non_null(elem_child(d, "rtcp-mux", NULL));
	assert_null(elem_child(d, "encryption", NULL));		/* R14 */
	for (const struct elem *q = elem_child(p, "parameter", NULL); q; q = elem_next(q, "parameter", NULL))
		assert_true(elem_attr(q, "name") && elem_attr(q, "value"));
	rtp_app_free(a);
}

static void opus_is_found_however_it_is_written(void **state)
{
	static const char *const written[] = {
		"<payload-type id='97' name='OPUS' clockrate='48000' channels='0'/><rtcp-mux/>",		/* libpurple */
		"<payload-type id='97' name='opus' clockrate='48000'/><rtcp-mux/>",			/* Gajim */
		"<payload-type id='96' name='speex' clockrate='16000'/><payload-type id='97' name='opus'/><rtcp-mux/>",
		"<rtcp-mux/><payload-type id='x' name='opus'/><payload-type id='97' name='opus' clockrate='48000'/>"};
	struct media_params params;

	for (size_t i = 0; i < G_N_ELEMENTS(written); i++) {
		struct rtp_app *a = app();

		assert_int_equal(answer(a, written[i], &params), JC_OK);
		assert_int_equal(params.tx_pt, 97);
		rtp_app_free(a);
	}
}

static void no_opus_or_no_mux_is_no_common_codec(void **state)
{
	static const char *const written[] = {"<payload-type id='0' name='PCMU' clockrate='8000'/>", "",
		"<payload-type id='3' name='GSM' clockrate='8000'/><rtcp-mux/>",
		"<payload-type id='97' name='opus' clockrate='48000'/>", "<payload-type id='128' name='opus' clockrate='48000'/><rtcp-mux/>",
		"<payload-type id='97' name='opus' clockrate='16000'/><rtcp-mux/>"};
	struct media_params params;

	for (size_t i = 0; i < G_N_ELEMENTS(written); i++) {
		struct rtp_app *a = app();

		assert_int_equal(answer(a, written[i], &params), JC_NO_CODEC);
		rtp_app_free(a);
	}
}

static void what_the_peer_says_of_his_decoder_is_obeyed(void **state)
{
	struct media_params p;
	struct rtp_app *a = app();

	assert_int_equal(answer(a, "<payload-type id='97' name='opus' clockrate='48000' maxptime='10'><parameter name='useinbandfec' value='1'/>"
				"<parameter name='maxaveragebitrate' value='16000'/></payload-type><rtcp-mux/>", &p), JC_OK);
	assert_int_equal(p.ptime_ms, 10);
	assert_int_equal(p.bitrate_bps, 16000);
	assert_true(p.fec);
	assert_int_equal(answer(a, "<payload-type id='97' name='opus' clockrate='48000' ptime='4000000000'>"
				"<parameter name='maxaveragebitrate' value='1'/></payload-type><rtcp-mux/>", &p), JC_OK);
	assert_int_equal(p.ptime_ms, 20);
	assert_int_equal(p.bitrate_bps, 6000);
	assert_false(p.fec);
	rtp_app_free(a);
}

static void hold_and_mute_are_understood_and_nonsense_is_not(void **state)
{
	struct rtp_app *a = app();
	elem_auto hold = xml("<hold xmlns='" NS_RTP_INFO "'/>");
	elem_auto active = xml("<active xmlns='" NS_RTP_INFO "'/>");
	elem_auto other = xml("<dance xmlns='" NS_RTP_INFO "'/>");

	assert_int_equal(jingle_rtp.session_info(a, hold), COND_OK);
	assert_int_equal(rtp_app_flags(a), RTP_HELD_BY_PEER);
	assert_int_equal(jingle_rtp.session_info(a, active), COND_OK);
	assert_int_equal(rtp_app_flags(a), 0);
	assert_int_equal(jingle_rtp.session_info(a, other), COND_UNSUPPORTED_INFO);
	rtp_app_free(a);
}

/* ---- the HOW ---- */

static const struct ice_creds ours = {"abcd", "abcdefghijklmnopqrstuv"};

static unsigned take(struct iceudp *t, const char *candidates, struct ice_cand *last)
{
	g_autofree char *text = g_strdup_printf("<transport xmlns='" NS_ICE_UDP "' ufrag='wxyz' pwd='abcdefghijklmnopqrstuv'>%s</transport>",
						candidates);
	elem_auto e = xml(text);
	unsigned n = 0;

	assert_int_equal(jingle_iceudp.read(t, JINGLE_TRANSPORT_INFO, e), JC_OK);
	while (iceudp_remote_cand(t, last))
		n++;
	return n;
}

static void r21_a_candidate_survives_writing_and_reading(void **state)
{
	struct ice_cand c = {.foundation = "1", .component = 1, .id = "id", .ip = "192.0.2.1", .port = 1000, .priority = 5,
			     .type = ICE_SRFLX, .rel_ip = "10.0.0.1", .rel_port = 9}, back;
	elem_auto e = iceudp_cand_write(&c);

	static const char *const all[] = {"component", "foundation", "generation", "id", "ip", "network", "port", "priority",
					  "protocol", "type", "rel-addr", "rel-port"};
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		assert_non_null(elem_attr(e, all[i]));
	assert_true(iceudp_cand_read(e, &back));
	assert_memory_equal(&c, &back, sizeof(c));
}

static void r22_later_candidates_go_one_by_one_with_both_credentials(void **state)
{
	struct iceudp *t = iceudp_new();
	struct ice_cand c = {.foundation = "1", .component = 1, .id = "i", .ip = "192.0.2.1", .port = 1, .priority = 1};

	iceudp_local_creds(t, &ours);
	iceudp_local_cand(t, &c);
	{
		elem_auto offer = jingle_iceudp.write(t, JINGLE_SESSION_INITIATE);

		assert_non_null(elem_child(offer, "candidate", NULL));
	}
	iceudp_local_cand(t, &c);
	iceudp_local_cand(t, &c);
	for (int i = 0; i < 2; i++) {
		elem_auto info = jingle_iceudp.write(t, JINGLE_TRANSPORT_INFO);

		assert_string_equal(elem_attr(info, "ufrag"), "abcd");
		assert_string_equal(elem_attr(info, "pwd"), ours.pwd);
		assert_null(elem_next(elem_child(info, "candidate", NULL), "candidate", NULL));
	}
	assert_null(jingle_iceudp.write(t, JINGLE_TRANSPORT_INFO));
	iceudp_free(t);
}

static void r22_missing_credentials_mean_unchanged(void **state)
{
	struct iceudp *t = iceudp_new();
	struct ice_creds got;
	struct ice_cand c;
	elem_auto movim = xml("<transport xmlns='" NS_ICE_UDP "' ufrag='wxyz'><candidate component='1' foundation='1' ip='192.0.2.7' port='7' "
			      "priority='1' protocol='udp' type='host'/></transport>");

	take(t, "", &c);
	assert_true(iceudp_remote_creds(t, &got));
	assert_int_equal(jingle_iceudp.read(t, JINGLE_TRANSPORT_INFO, movim), JC_OK);
	assert_false(iceudp_remote_creds(t, &got));
	assert_true(iceudp_remote_cand(t, &c));
	iceudp_free(t);
}

static void hostile_and_useless_candidates_are_skipped(void **state)
{
#define CAND(ip, port, rest) "<candidate component='1' foundation='1' ip='" ip "' port='" port "' priority='1' protocol='udp' type='host' " rest "/>"
	static const char *const bad[] = {CAND("224.0.0.1", "1", ""), CAND("255.255.255.255", "1", ""), CAND("0.0.0.0", "1", ""),
		CAND("127.0.0.1", "1", ""), CAND("::1", "1", ""), CAND("ff02::1", "1", ""), CAND("fe80::1", "1", ""),
		CAND("abc.local", "1", ""), CAND("192.0.2.1", "0", ""), CAND("192.0.2.1", "70000", ""), CAND("192.0.2.1", "-1", ""),
		"<candidate component='2' foundation='1' ip='192.0.2.1' port='1' priority='1' protocol='udp' type='host'/>",
		"<candidate component='1' foundation='1' ip='192.0.2.1' port='9' priority='1' protocol='tcp' type='host'/>",
		"<candidate component='1' foundation='1' ip='192.0.2.1' port='9' priority='0' protocol='udp' type='host'/>",
		"<candidate component='1' foundation='1' ip='192.0.2.1' port='9' priority='1' protocol='udp' type='quantum'/>", "<candidate/>",
		"<gathering-complete/>"};
	struct ice_cand c;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct iceudp *t = iceudp_new();

		assert_int_equal(take(t, bad[i], &c), 0);
		iceudp_free(t);
	}
}

static void no_more_candidates_are_taken_than_can_be_used(void **state)
{
	struct iceudp *t = iceudp_new();
	GString *many = g_string_new(NULL);
	struct ice_cand c;

	for (int i = 1; i <= 1000; i++)
		g_string_append_printf(many, "<candidate component='1' foundation='1' ip='192.0.2.1' port='%d' priority='1' protocol='udp' type='host'/>", i);
	assert_int_equal(take(t, many->str, &c), MAX_REMOTE_CANDIDATES);
	g_string_free(many, TRUE);
	iceudp_free(t);
}

static void monals_rel_port_is_taken(void **state)
{
	struct iceudp *t = iceudp_new();
	struct ice_cand c;

	assert_int_equal(take(t, "<candidate component='1' foundation='1' ip='192.0.2.1' port='2' priority='1' protocol='udp' type='srflx' "
			      "rel-addr='10.0.0.1' rel_port='77'/>", &c), 1);
	assert_int_equal(c.rel_port, 77);
	iceudp_free(t);
}

/* ---- the CONDITION ---- */

static enum jc_err read_fp(struct dtls_fp *k, enum jingle_action action, const char *inside)
{
	g_autofree char *text = g_strdup_printf("<transport xmlns='" NS_ICE_UDP "'>%s</transport>", inside);
	elem_auto t = xml(text);

	return jingle_dtls_fp.read(k, action, NULL, t);
}

#define PRINT(hash, setup, value) "<fingerprint xmlns='" NS_DTLS "' hash='" hash "' setup='" setup "'>" value "</fingerprint>"

static struct dtls_fp *keying(gboolean offered)
{
	struct dtls_fingerprint fp = {.hash = DTLS_SHA256, .len = 32, .value = {0xab}};
	struct dtls_fp *k = dtls_fp_new(&fp);
	elem_auto t = elem_new("transport", NS_ICE_UDP);

	if (offered)
		jingle_dtls_fp.write(k, JINGLE_SESSION_INITIATE, NULL, t);
	return k;
}

static void r13_setup_is_actpass_then_active_and_upper_case(void **state)
{
	struct dtls_fp *k = keying(FALSE);
	elem_auto t = elem_new("transport", NS_ICE_UDP);
	const struct elem *e;

	assert_int_equal(read_fp(k, JINGLE_SESSION_INITIATE, PRINT("sha-256", "actpass", FP)), JC_OK);
	jingle_dtls_fp.write(k, JINGLE_SESSION_ACCEPT, NULL, t);
	e = elem_child(t, "fingerprint", NS_DTLS);
	assert_string_equal(elem_attr(e, "setup"), "active");
	assert_int_equal(strlen(elem_text(e)), 95);
	assert_true(g_str_has_prefix(elem_text(e), "AB:00:"));
	assert_true(dtls_fp_we_are_client(k));
	dtls_fp_free(k);
}

static void an_active_offer_is_answered_passive(void **state)
{
	struct dtls_fp *k = keying(FALSE);
	elem_auto t = elem_new("transport", NS_ICE_UDP);

	assert_int_equal(read_fp(k, JINGLE_SESSION_INITIATE, PRINT("SHA-256", "active", FP)), JC_OK);
	jingle_dtls_fp.write(k, JINGLE_SESSION_ACCEPT, NULL, t);
	assert_string_equal(elem_attr(elem_child(t, "fingerprint", NULL), "setup"), "passive");
	assert_false(dtls_fp_we_are_client(k));
	dtls_fp_free(k);
}

static void every_downgrade_is_a_security_error(void **state)
{
	static const char *const bad[] = {"", PRINT("sha-1", "active", "AA:BB"), PRINT("sha-256", "actpass", FP), PRINT("sha-256", "holdconn", FP),
		PRINT("sha-256", "active", "D7:35"), PRINT("sha-256", "active", FP ":00"), PRINT("sha-256", "active", "zz" FP),
		"<fingerprint xmlns='" NS_DTLS "' hash='sha-256'>" FP "</fingerprint>",
		PRINT("sha-256", "active", FP) PRINT("sha-256", "active", FP2),
		"<fingerprint xmlns='http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification'/>"};	/* R16 */

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct dtls_fp *k = keying(TRUE);

		assert_int_equal(read_fp(k, JINGLE_SESSION_ACCEPT, bad[i]), JC_SECURITY);
		dtls_fp_free(k);
	}
}

static void r15_an_early_fingerprint_counts_and_may_not_change(void **state)
{
	struct dtls_fp *k = keying(TRUE);

	assert_int_equal(read_fp(k, JINGLE_TRANSPORT_INFO, PRINT("sha-256", "active", FP)), JC_OK);
	assert_int_equal(read_fp(k, JINGLE_SESSION_ACCEPT, PRINT("sha-256", "active", FP)), JC_OK);
	assert_int_equal(read_fp(k, JINGLE_TRANSPORT_INFO, ""), JC_OK);
	assert_int_equal(read_fp(k, JINGLE_TRANSPORT_INFO, PRINT("sha-256", "active", FP2)), JC_SECURITY);
	dtls_fp_free(k);
}

/* ---- message initiation ---- */

static void r7_messages_are_chat_with_a_store_hint(void **state)
{
	static const enum jmi_kind kinds[] = {JMI_PROPOSE, JMI_RINGING, JMI_PROCEED, JMI_REJECT, JMI_RETRACT, JMI_FINISH};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		elem_auto m = jmi_write(kinds[i], "a@b", "sid", kinds[i] >= JMI_REJECT ? REASON_BUSY : REASON_NONE, NULL);
		struct jmi_msg back;

		assert_string_equal(elem_attr(m, "type"), "chat");
		assert_non_null(elem_child(m, "store", "urn:xmpp:hints"));
		assert_true(jmi_read(m, &back));
		assert_int_equal(back.kind, kinds[i]);
		assert_string_equal(back.id, "sid");
	}
}

static struct jmi_call *open_call(void)
{
	struct jmi_call *c = jmi_call_new("m", "romeo@m.lit/x", "juliet@c.lit", 3000, 45000);
	struct jmi_out out;

	jmi_call_start(c, 0);
	assert_true(jmi_call_next(c, &out));
	assert_string_equal(elem_attr(out.message, "to"), "juliet@c.lit");	/* R4 */
	elem_free(out.message);
	return c;
}

static void the_first_device_that_proceeds_has_the_call(void **state)
{
	struct jmi_call *c = open_call();
	struct jmi_msg m = {.kind = JMI_PROCEED, .id = "m"};
	struct jmi_out out;

	assert_false(jmi_call_recv(c, "mercutio@m.lit/x", &m, 1));		/* forged */
	assert_true(jmi_call_recv(c, "juliet@c.lit/phone", &m, 2));
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.event, JMI_CALL_PROCEED);
	assert_string_equal(out.peer, "juliet@c.lit/phone");
	jmi_call_recv(c, "juliet@c.lit/tablet", &m, 3);
	assert_false(jmi_call_next(c, &out));
	jmi_call_free(c);
}

static void silence_falls_back_once_and_ends_at_the_time_limit(void **state)
{
	struct jmi_call *c = open_call();
	struct jmi_out out;

	assert_int_equal(jmi_call_deadline(c), 3000);
	jmi_call_expire(c, 3000);
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.event, JMI_CALL_FALLBACK);
	assert_int_equal(jmi_call_deadline(c), 45000);
	jmi_call_expire(c, 45000);
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.kind, JMI_OUT_SEND);		/* the retract */
	elem_free(out.message);
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.err, JC_NO_ANSWER);
	jmi_call_free(c);
}

static void r11_the_lower_id_wins(void **state)
{
	struct jmi_call *c = open_call();

	assert_true(jmi_call_tie(c, "z", "juliet@c.lit/x", 1));
	assert_false(jmi_call_tie(c, "a", "juliet@c.lit/x", 1));
	jmi_call_free(c);
}

static void r5_accepting_tells_our_own_devices_first(void **state)
{
	struct jmi_ring *r = jmi_ring_new("m", "juliet@c.lit/x", "romeo@m.lit/y", TRUE);
	GPtrArray *out = jmi_ring_accept(r);

	assert_int_equal(out->len, 2);
	assert_string_equal(elem_attr(out->pdata[0], "to"), "juliet@c.lit");
	assert_string_equal(elem_attr(out->pdata[1], "to"), "romeo@m.lit/y");
	elem_free(out->pdata[0]);
	elem_free(out->pdata[1]);
	g_ptr_array_unref(out);
	jmi_ring_free(r);
}

static void r8_who_may_not_know_hears_no_ringing(void **state)
{
	struct jmi_ring *r = jmi_ring_new("m", "juliet@c.lit/x", "romeo@m.lit/y", FALSE);
	g_autoptr(GPtrArray) out = jmi_ring_begin(r);

	assert_int_equal(out->len, 0);
	jmi_ring_free(r);
}

static void only_our_own_account_can_say_elsewhere(void **state)
{
	struct jmi_ring *r = jmi_ring_new("m", "juliet@c.lit/x", "romeo@m.lit/y", TRUE);
	struct jmi_msg m = {.kind = JMI_ACCEPT, .id = "m"};
	enum jc_err err;

	assert_false(jmi_ring_recv(r, "mercutio@m.lit/z", &m, FALSE, &err));
	assert_false(jmi_ring_recv(r, "juliet@c.lit/x", &m, TRUE, &err));	/* our own, come back */
	assert_true(jmi_ring_recv(r, "juliet@c.lit/other", &m, TRUE, &err));
	assert_int_equal(err, JC_ELSEWHERE);
	jmi_ring_free(r);
}

static void a_carbon_counts_from_our_own_account_only(void **state)
{
	elem_auto good = xml("<message xmlns='jabber:client' from='juliet@c.lit'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
			     "<message xmlns='jabber:client' from='romeo@m.lit/y'/></forwarded></received></message>");
	elem_auto forged = xml("<message xmlns='jabber:client' from='mallory@m.lit'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
			       "<message xmlns='jabber:client' from='romeo@m.lit/y'/></forwarded></received></message>");
	gboolean sent;

	assert_non_null(jmi_unwrap_carbon(good, "juliet@c.lit", &sent));
	assert_null(jmi_unwrap_carbon(forged, "juliet@c.lit", &sent));
}

static void an_old_proposal_is_old(void **state)
{
	elem_auto m = xml("<message xmlns='jabber:client'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>");
	elem_auto fresh = xml("<message xmlns='jabber:client'/>");

	assert_true(jmi_is_old(m, 1767225600 + 61));
	assert_false(jmi_is_old(m, 1767225600 + 59));
	assert_false(jmi_is_old(fresh, 1767225600));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r18_the_offer_names_everything), cmocka_unit_test(opus_is_found_however_it_is_written),
		cmocka_unit_test(no_opus_or_no_mux_is_no_common_codec), cmocka_unit_test(what_the_peer_says_of_his_decoder_is_obeyed),
		cmocka_unit_test(hold_and_mute_are_understood_and_nonsense_is_not),
		cmocka_unit_test(r21_a_candidate_survives_writing_and_reading),
		cmocka_unit_test(r22_later_candidates_go_one_by_one_with_both_credentials),
		cmocka_unit_test(r22_missing_credentials_mean_unchanged), cmocka_unit_test(hostile_and_useless_candidates_are_skipped),
		cmocka_unit_test(no_more_candidates_are_taken_than_can_be_used), cmocka_unit_test(monals_rel_port_is_taken),
		cmocka_unit_test(r13_setup_is_actpass_then_active_and_upper_case), cmocka_unit_test(an_active_offer_is_answered_passive),
		cmocka_unit_test(every_downgrade_is_a_security_error), cmocka_unit_test(r15_an_early_fingerprint_counts_and_may_not_change),
		cmocka_unit_test(r7_messages_are_chat_with_a_store_hint), cmocka_unit_test(the_first_device_that_proceeds_has_the_call),
		cmocka_unit_test(silence_falls_back_once_and_ends_at_the_time_limit), cmocka_unit_test(r11_the_lower_id_wins),
		cmocka_unit_test(r5_accepting_tells_our_own_devices_first), cmocka_unit_test(r8_who_may_not_know_hears_no_ringing),
		cmocka_unit_test(only_our_own_account_can_say_elsewhere), cmocka_unit_test(a_carbon_counts_from_our_own_account_only),
		cmocka_unit_test(an_old_proposal_is_old)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
