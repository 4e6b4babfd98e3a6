#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/rtp.h"
#include "xml.h"

#define D "xmlns='urn:xmpp:jingle:apps:rtp:1'"
#define I "xmlns='urn:xmpp:jingle:apps:rtp:info:1'"

/* The other codecs: t_jingle_codecs. */
#define HDREXT "xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'"
#define LEVEL(id, more) "<rtp-hdrext " HDREXT " uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level' id='" id "'" more "/>"

static struct rtp_wishes wishes = {.codecs = {{CODEC_OPUS}, 1}, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 9, .fec = true};

static int setup(void **state)
{
	*state = rtp_app_new(&wishes, 305419896, "4f1d9a2b-77c0");
	return 0;
}

static int teardown(void **state)
{
	rtp_app_free(*state);
	return 0;
}

static enum jc_err answer(struct rtp_app *a, const char *text)
{
	elem_auto e = xml(text);

	return jingle_rtp.answer(a, e);
}

static enum jc_err agree(struct rtp_app *a, const char *text)
{
	elem_auto e = xml(text);

	return jingle_rtp.agree(a, e);
}

static enum iq_cond description_info(struct rtp_app *a, const char *text)
{
	elem_auto e = xml(text);

	return jingle_rtp.description_info(a, e);
}

static enum iq_cond session_info(struct rtp_app *a, const char *text)
{
	elem_auto e = xml(text);

	return jingle_rtp.session_info(a, e);
}

/* The judgement of an offer with one payload, ATTRS and parameters given. */
static enum jc_err answer_one(struct rtp_app *a, const char *attrs, const char *parameters)
{
	g_autofree char *text = g_strdup_printf("<description " D " media='audio'><payload-type %s>%s</payload-type>"
		"<rtcp-mux/></description>", attrs, parameters);

	return answer(a, text);
}

static struct media_params params(const struct rtp_app *a)
{
	struct media_params p;

	rtp_app_params(a, &p);
	return p;
}

/* ---- what we write ---- */

static void the_offer_is_opus_111_with_every_attribute_and_value_rules_r14_r18_r19_r20(void **state)
{
	elem_auto e = jingle_rtp.offer(*state);

	assert_elem_equal("<description " D " media='audio'>"
		"<payload-type id='111' name='opus' clockrate='48000' channels='2' ptime='20'>"
		"<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/></payload-type>"
		"<payload-type id='110' name='telephone-event' clockrate='48000' channels='1'/>"
		"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='305419896'>"
		"<parameter name='cname' value='4f1d9a2b-77c0'/></source>" LEVEL("1", "") "<rtcp-mux/></description>", e);
}

static void dtx_is_asked_for_only_when_wished(void **state)
{
	struct rtp_wishes quiet = {.codecs = {{CODEC_OPUS}, 1}, .ptime_ms = 60, .bitrate_bps = 16000, .dtx = true};
	struct rtp_app *a = rtp_app_new(&quiet, 1, "");
	elem_auto e = jingle_rtp.offer(a);

	/* and an empty cname is left out: a parameter without value breaks Monal (rule R18) */
	assert_elem_equal("<description " D " media='audio'>"
		"<payload-type id='111' name='opus' clockrate='48000' channels='2' ptime='60'>"
		"<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/>"
		"<parameter name='usedtx' value='1'/></payload-type>"
		"<payload-type id='110' name='telephone-event' clockrate='48000' channels='1'/>" LEVEL("1", "")
		"<rtcp-mux/></description>", e);
	rtp_app_free(a);
}

static void the_reply_has_the_offerers_number_and_our_parameters_rule_r18(void **state)
{
	elem_auto e = NULL;

	assert_int_equal(answer_one(*state, "id='98' name='opus' clockrate='48000' channels='2'",
				    "<parameter name='stereo' value='1'/><parameter name='sprop-stereo' value='1'/>"), JC_OK);
	e = jingle_rtp.reply(*state);
	assert_elem_equal("<description " D " media='audio'>"
		"<payload-type id='98' name='opus' clockrate='48000' channels='2' ptime='20'>"
		"<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/></payload-type>"
		"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='*'><parameter name='cname' value='*'/></source>"
		"<rtcp-mux/></description>", e);
	assert_int_equal(params(*state).tx_pt, 98);
	assert_int_equal(params(*state).rx[0].pt, 98);
}

/* ---- offers and answers of real clients ---- */

static void chromiums_offer_is_taken(void **state)
{
	assert_int_equal(answer(*state, "<description " D " xmlns:rtcpf='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' "
		"xmlns:rtph='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' media='audio' ssrc='2563438032'><rtcp-mux/>"
		"<rtcp-reduced-size/><payload-type channels='2' clockrate='48000' id='111' name='opus'>"
		"<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/>"
		"<rtcpf:rtcp-fb type='transport-cc'/></payload-type>"
		"<payload-type channels='2' clockrate='48000' id='63' name='red'><parameter name='111/111'/></payload-type>"
		"<payload-type channels='1' clockrate='8000' id='9' name='G722'/>"
		"<payload-type channels='1' clockrate='48000' id='110' name='telephone-event'/>"
		"<rtph:rtp-hdrext id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>"
		"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='2563438032'>"
		"<parameter name='cname' value='VG3wmpHsR9zfFIn8'/></source>"
		"<stream xmlns='urn:xmpp:jingle:apps:rtp:msid:0' id='d4b75650' track='43a1dba0'/></description>"), JC_OK);
	assert_int_equal(params(*state).tx_pt, 111);
	assert_true(params(*state).fec);
	assert_false(params(*state).dtx);
	assert_int_equal(params(*state).ptime_ms, 20);
	assert_int_equal(params(*state).bitrate_bps, 32000);
	assert_int_equal(params(*state).complexity, 9);
	assert_int_equal(params(*state).tx_ssrc, 305419896);
	assert_string_equal(params(*state).cname, "4f1d9a2b-77c0");
}

#define DINO_CODECS "<payload-type name='opus' channels='2' clockrate='48000' id='111'>" \
	"<parameter name='useinbandfec' value='1'/></payload-type>" \
	"<payload-type name='speex' clockrate='32000' id='112'/><payload-type name='PCMU' clockrate='8000' id='0'/>"

static void dinos_sdes_beside_dtls_is_passed_over_and_never_answered_rule_r14(void **state)
{
	elem_auto reply = NULL;

	assert_int_equal(answer(*state, "<description " D " media='audio'>" DINO_CODECS "<encryption required='1'>"
		"<crypto key-params='inline:SLhl0Clqmp9rA1+OYMRT9/Cmu3RNxeR2PAaSnexA' crypto-suite='AES_CM_128_HMAC_SHA1_80' "
		"tag='1'/></encryption><rtcp-mux/></description>"), JC_OK);
	reply = jingle_rtp.reply(*state);
	assert_null(elem_child(reply, "encryption", NULL));
	assert_non_null(elem_child(reply, "rtcp-mux", NULL));
}

static void an_answer_gives_the_number_we_send_with_and_ours_stays_rule_r18(void **state)
{
	assert_int_equal(agree(*state, "<description " D " media='audio'>"
		"<payload-type id='96' name='opus' clockrate='48000' channels='2'/><rtcp-mux/></description>"), JC_OK);
	assert_int_equal(params(*state).tx_pt, 96);
	assert_int_equal(params(*state).rx[0].pt, 111);
	assert_false(params(*state).fec);	/* RFC 7587 6.1: useinbandfec is 0 by default */
}

#define PURPLE_CODECS "<payload-type channels='1' name='SPEEX' id='103' clockrate='16000'/>" \
	"<payload-type channels='0' name='OPUS' id='96' clockrate='48000'/>" \
	"<payload-type channels='0' name='SIREN' id='97' clockrate='16000'><parameter name='bitrate' value='16000'/></payload-type>" \
	"<payload-type channels='0' name='PCMU' id='0' clockrate='8000'/>" \
	"<payload-type channels='0' name='MPA-ROBUST' id='14' clockrate='90000'/>" \
	"<payload-type channels='0' name='X-MP3-DRAFT-00' id='14' clockrate='90000'/>" \
	"<payload-type channels='0' name='telephone-event' id='98' clockrate='48000'>" \
	"<parameter name='events' value='0-15'/></payload-type>"
#define QXMPP_CODECS "<payload-type id='98' clockrate='48000' name='OPUS' channels='2'/>" \
	"<payload-type id='98' clockrate='48000' name='OPUS'/><payload-type id='97' clockrate='48000' name='SPEEX'/>" \
	"<payload-type id='97' clockrate='44100' name='SPEEX'/><payload-type id='8' clockrate='8000' name='PCMA'/>"
#define GAJIM_CODECS "<payload-type name='OPUS' clockrate='48000' id='96'/>" \
	"<payload-type channels='1' name='SPEEX' id='103' clockrate='32000'/><payload-type name='PCMA' clockrate='8000' id='8'/>"

static void no_rtcp_mux_is_refused_in_offer_and_answer_rule_r19(void **state)
{
	static const char *const texts[] = {"<description " D " media='audio'>" PURPLE_CODECS "</description>",
		"<description " D " media='audio' ssrc='2069952133'>" QXMPP_CODECS "</description>",
		"<description " D " media='audio'>" GAJIM_CODECS "</description>"};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		assert_int_equal(answer(*state, texts[i]), JC_NO_CODEC);
		assert_int_equal(agree(*state, texts[i]), JC_NO_CODEC);
		assert_non_null(strstr(jingle_rtp.why(*state), "rtcp-mux"));
	}
	assert_string_equal(jc_reason(JC_NO_CODEC), "incompatible-parameters");
}

static void the_opus_of_libpurple_qxmpp_and_gajim_is_found_where_rtcp_is_muxed(void **state)
{
	assert_int_equal(answer(*state, "<description " D " media='audio'>" PURPLE_CODECS "<rtcp-mux/></description>"), JC_OK);
	assert_int_equal(params(*state).tx_pt, 96);
	assert_int_equal(answer(*state, "<description " D " media='audio'>" QXMPP_CODECS "<rtcp-mux/></description>"), JC_OK);
	assert_int_equal(params(*state).tx_pt, 98);
	assert_int_equal(answer(*state, "<description " D " media='audio'>" GAJIM_CODECS "<rtcp-mux/></description>"), JC_OK);
	assert_int_equal(params(*state).tx_pt, 96);
}

static void without_opus_there_is_no_common_codec(void **state)
{
	static const char text[] = "<description " D " media='audio'><payload-type channels='1' clockrate='8000' id='0' "
		"name='PCMU'/><rtcp-mux/></description>";

	assert_int_equal(answer(*state, text), JC_NO_CODEC);
	assert_int_equal(agree(*state, text), JC_NO_CODEC);
	assert_int_equal(answer(*state, "<description " D " media='audio'><rtcp-mux/></description>"), JC_NO_CODEC);
}

static void other_media_are_no_application_of_ours(void **state)
{
	static const char text[] = "<description " D " media='video'>" DINO_CODECS "<rtcp-mux/></description>";

	assert_int_equal(answer(*state, text), JC_UNSUPPORTED_APP);
	assert_int_equal(agree(*state, text), JC_UNSUPPORTED_APP);
}

/* ---- payloads ---- */

static void a_payload_counts_only_when_it_is_legible(void **state)
{
	static const struct {
		const char *attrs;
		enum jc_err err;
	} table[] = {
		{"id='0' name='opus' clockrate='48000'", JC_OK}, {"id='127' name='Opus' clockrate='48000'", JC_OK},
		{"id='111' name='opus'", JC_OK}, {"id='111' name='opus' channels='1' clockrate='48000'", JC_OK},
		{"id='128' name='opus'", JC_NO_CODEC}, {"id='-1' name='opus'", JC_NO_CODEC}, {"id='' name='opus'", JC_NO_CODEC},
		{"id='1e1' name='opus'", JC_NO_CODEC}, {"name='opus'", JC_NO_CODEC}, {"id='111'", JC_NO_CODEC},
		{"id='111' name='opus' clockrate='16000'", JC_NO_CODEC}, {"id='111' name='opus' clockrate='x'", JC_NO_CODEC},
		{"id='111' name='opus2'", JC_NO_CODEC}, {"id='99999999999999999999999' name='opus'", JC_NO_CODEC}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		if (answer_one(*state, table[i].attrs, "") != table[i].err)
			fail_msg("%s", table[i].attrs);
}

static void numbers_that_look_like_rtcp_are_passed_over(void **state)
{
	assert_int_equal(answer_one(*state, "id='64' name='opus'", ""), JC_NO_CODEC);
	assert_int_equal(answer_one(*state, "id='95' name='opus'", ""), JC_NO_CODEC);
	assert_int_equal(answer_one(*state, "id='63' name='opus'", ""), JC_OK);
	assert_int_equal(answer(*state, "<description " D " media='audio'><payload-type id='72' name='opus'/>"
				"<payload-type id='96' name='opus'/><rtcp-mux/></description>"), JC_OK);
	assert_int_equal(params(*state).tx_pt, 96);
}

static void only_so_many_payloads_are_looked_at(void **state)
{
	for (int before = MAX_PAYLOAD_TYPES - 1; before <= MAX_PAYLOAD_TYPES; before++) {
		elem_auto d = xml("<description " D " media='audio'><rtcp-mux/></description>");
		struct elem *opus;

		for (int i = 0; i < before; i++)
			elem_set(elem_add(d, "payload-type", NULL), "name", "x");
		opus = elem_add(d, "payload-type", NULL);
		elem_set(opus, "name", "opus");
		elem_set(opus, "id", "96");
		assert_int_equal(jingle_rtp.answer(*state, d), before < MAX_PAYLOAD_TYPES ? JC_OK : JC_NO_CODEC);
	}
}

/* ---- what the peer can hear governs what we send ---- */

static void frames_are_as_long_as_we_wish_the_peer_asks_or_can_take(void **state)
{
	static const struct {
		unsigned wish;
		const char *attrs, *parameters;
		unsigned ptime_ms;
	} table[] = {
		{20, "", "", 20}, {10, "", "", 10}, {60, "", "", 60},
		{20, "ptime='40'", "", 40}, {20, "", "<parameter name='ptime' value='60'/>", 60}, {60, "ptime='10'", "", 10},
		{60, "maxptime='40'", "", 40}, {60, "", "<parameter name='maxptime' value='20'/>", 20},
		{40, "maxptime='30'", "", 20}, {20, "ptime='40' maxptime='20'", "", 20},
		{10, "", "<parameter name='minptime' value='20'/>", 20}, {20, "", "<parameter name='minptime' value='30'/>", 40},
		{20, "maxptime='20'", "<parameter name='minptime' value='40'/>", 20},
		{20, "ptime='120'", "", 60}, {20, "ptime='3'", "", 10}, {20, "maxptime='3'", "", 10},
		{20, "ptime='1000'", "", 60}, {20, "ptime='1001'", "", 20},		/* more is no packet time */
		{20, "", "<parameter name='minptime' value='120'/>", 60},
		{20, "", "<parameter name='minptime' value='121'/>", 20}, {20, "ptime='2'", "", 20},
		{20, "ptime='0'", "", 20}, {20, "ptime='99999'", "", 20}, {20, "ptime='x' maxptime=''", "", 20}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct rtp_wishes w = {.ptime_ms = table[i].wish, .bitrate_bps = 32000};
		struct rtp_app *a = rtp_app_new(&w, 1, "c");
		g_autofree char *attrs = g_strdup_printf("id='111' name='opus' %s", table[i].attrs);

		assert_int_equal(answer_one(a, attrs, table[i].parameters), JC_OK);
		if (params(a).ptime_ms != table[i].ptime_ms)
			fail_msg("%u %s %s: %u", table[i].wish, table[i].attrs, table[i].parameters, params(a).ptime_ms);
		rtp_app_free(a);
	}
}

static void the_bitrate_is_capped_by_what_the_peer_takes_but_never_below_6000(void **state)
{
	static const struct {
		const char *most;
		unsigned bps;
	} table[] = {{"20000", 20000}, {"64000", 32000}, {"500", 6000}, {"0", 32000}, {"-1", 32000}, {"many", 32000},
		     {"99999999999999999999", 32000}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *p = g_strdup_printf("<parameter name='maxaveragebitrate' value='%s'/>", table[i].most);

		assert_int_equal(answer_one(*state, "id='111' name='opus'", p), JC_OK);
		assert_int_equal(params(*state).bitrate_bps, table[i].bps);
	}
}

static void fec_goes_to_a_peer_who_can_use_it_if_we_wish(void **state)
{
	static const struct {
		const char *parameter;
		bool fec;
	} table[] = {{"value='1'", true}, {"value='true'", true}, {"value='0'", false}, {"value='false'", false},
		     {"value='yes'", false}, {"", false}};
	struct rtp_wishes without = wishes;
	struct rtp_app *a;

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *p = g_strdup_printf("<parameter name='useinbandfec' %s/>", table[i].parameter);

		assert_int_equal(answer_one(*state, "id='111' name='opus'", p), JC_OK);
		assert_int_equal(params(*state).fec, table[i].fec);
	}
	without.fec = false;
	a = rtp_app_new(&without, 1, "c");
	assert_int_equal(answer_one(a, "id='111' name='opus'", "<parameter name='useinbandfec' value='1'/>"), JC_OK);
	assert_false(params(a).fec);
	rtp_app_free(a);
}

static void dtx_needs_both_sides(void **state)
{
	for (int ours = 0; ours < 2; ours++)
		for (int theirs = 0; theirs < 2; theirs++) {
			struct rtp_wishes w = {.ptime_ms = 20, .bitrate_bps = 32000, .dtx = ours};
			struct rtp_app *a = rtp_app_new(&w, 1, "c");

			assert_int_equal(answer_one(a, "id='111' name='opus'", theirs ?
				"<parameter name='usedtx' value='1'/>" : ""), JC_OK);
			assert_int_equal(params(a).dtx, ours && theirs);
			rtp_app_free(a);
		}
}

static void a_parameter_without_name_or_value_does_no_harm(void **state)
{
	assert_int_equal(answer_one(*state, "id='111' name='opus'", "<parameter/><parameter value='1'/>"
		"<parameter name='usedtx'/><parameter name='maxptime'/><parameter name='useinbandfec' value='1'/>"), JC_OK);
	assert_true(params(*state).fec);
	assert_int_equal(params(*state).ptime_ms, 20);
}

static void what_one_offer_said_is_forgotten_with_it(void **state)
{
	assert_int_equal(answer_one(*state, "id='111' name='opus' ptime='60'",
				    "<parameter name='useinbandfec' value='1'/>"), JC_OK);
	assert_int_equal(answer_one(*state, "id='111' name='opus'", ""), JC_OK);
	assert_int_equal(params(*state).ptime_ms, 20);
	assert_false(params(*state).fec);
}

/* ---- later news ---- */

static void description_info_changes_what_it_names_and_nothing_else(void **state)
{
	assert_int_equal(answer_one(*state, "id='111' name='opus' ptime='40'",
				    "<parameter name='useinbandfec' value='1'/>"), JC_OK);
	assert_int_equal(description_info(*state, "<description " D " media='audio'><payload-type id='111' name='opus'>"
		"<parameter name='maxaveragebitrate' value='16000'/></payload-type></description>"), COND_OK);
	assert_int_equal(params(*state).bitrate_bps, 16000);
	assert_int_equal(params(*state).ptime_ms, 40);
	assert_true(params(*state).fec);
	assert_int_equal(description_info(*state, "<description " D " media='audio'><payload-type id='111' name='opus' "
		"ptime='20'><parameter name='useinbandfec' value='0'/></payload-type></description>"), COND_OK);
	assert_int_equal(params(*state).bitrate_bps, 16000);
	assert_int_equal(params(*state).ptime_ms, 20);
	assert_false(params(*state).fec);
}

static void description_info_of_other_payloads_changes_nothing(void **state)
{
	assert_int_equal(answer_one(*state, "id='96' name='opus'", ""), JC_OK);
	assert_int_equal(description_info(*state, "<description " D " media='audio'><payload-type id='97' name='opus' "
		"ptime='60'/><payload-type id='96' name='speex' ptime='60'/></description>"), COND_OK);
	assert_int_equal(description_info(*state, "<description " D "/>"), COND_OK);
	assert_int_equal(params(*state).ptime_ms, 20);
	assert_int_equal(params(*state).tx_pt, 96);
	assert_int_equal(description_info(*state, "<description " D " media='audio'><payload-type id='97' name='opus'/>"
		"<payload-type id='96' name='opus' ptime='60'/></description>"), COND_OK);
	assert_int_equal(params(*state).ptime_ms, 60);
}

static void gajims_description_info_after_the_accept_changes_nothing(void **state)
{
	assert_int_equal(answer(*state, "<description " D " media='audio'>" GAJIM_CODECS "<rtcp-mux/></description>"), JC_OK);
	assert_int_equal(description_info(*state, "<description media='audio' " D ">"
		"<payload-type channels='2' name='OPUS' id='96' clockrate='48000'/>"
		"<payload-type channels='1' name='SPEEX' id='103' clockrate='32000'/>"
		"<payload-type channels='1' name='telephone-event' id='98' clockrate='48000'>"
		"<parameter name='events' value='0-15'/></payload-type></description>"), COND_OK);
	assert_int_equal(params(*state).tx_pt, 96);
	assert_int_equal(params(*state).ptime_ms, 20);
}

static void session_info_sets_and_clears_the_flags(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
	} table[] = {
		{"<ringing " I "/>", RTP_PEER_RINGING},
		{"<hold " I "/>", RTP_PEER_RINGING | RTP_HELD_BY_PEER},
		{"<mute " I " creator='responder' name='audio'/>", RTP_PEER_RINGING | RTP_HELD_BY_PEER | RTP_MUTED_BY_PEER},
		{"<unhold " I "/>", RTP_PEER_RINGING | RTP_MUTED_BY_PEER},
		{"<unmute " I " creator='responder' name='audio'/>", RTP_PEER_RINGING},
		{"<hold " I "/>", RTP_PEER_RINGING | RTP_HELD_BY_PEER},
		{"<active " I "/>", RTP_PEER_RINGING}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		assert_int_equal(session_info(*state, table[i].text), COND_OK);
		assert_int_equal(rtp_app_flags(*state), table[i].flags);
	}
}

static void a_payload_of_another_kind_is_unsupported_info(void **state)
{
	assert_int_equal(session_info(*state, "<dance " I "/>"), COND_UNSUPPORTED_INFO);
	assert_int_equal(session_info(*state, "<hold xmlns='urn:example:other'/>"), COND_UNSUPPORTED_INFO);
	assert_int_equal(rtp_app_flags(*state), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_offer_is_opus_111_with_every_attribute_and_value_rules_r14_r18_r19_r20),
		T(dtx_is_asked_for_only_when_wished),
		T(the_reply_has_the_offerers_number_and_our_parameters_rule_r18),
		T(chromiums_offer_is_taken),
		T(dinos_sdes_beside_dtls_is_passed_over_and_never_answered_rule_r14),
		T(an_answer_gives_the_number_we_send_with_and_ours_stays_rule_r18),
		T(no_rtcp_mux_is_refused_in_offer_and_answer_rule_r19),
		T(the_opus_of_libpurple_qxmpp_and_gajim_is_found_where_rtcp_is_muxed),
		T(without_opus_there_is_no_common_codec),
		T(other_media_are_no_application_of_ours),
		T(a_payload_counts_only_when_it_is_legible),
		T(numbers_that_look_like_rtcp_are_passed_over),
		T(only_so_many_payloads_are_looked_at),
		T(frames_are_as_long_as_we_wish_the_peer_asks_or_can_take),
		T(the_bitrate_is_capped_by_what_the_peer_takes_but_never_below_6000),
		T(fec_goes_to_a_peer_who_can_use_it_if_we_wish),
		T(dtx_needs_both_sides),
		T(a_parameter_without_name_or_value_does_no_harm),
		T(what_one_offer_said_is_forgotten_with_it),
		T(description_info_changes_what_it_names_and_nothing_else),
		T(description_info_of_other_payloads_changes_nothing),
		T(gajims_description_info_after_the_accept_changes_nothing),
		T(session_info_sets_and_clears_the_flags),
		T(a_payload_of_another_kind_is_unsupported_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
