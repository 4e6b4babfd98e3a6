/* Which codecs are offered, taken and used, and with which numbers: XEP-0167 "Application Format" and "Negotiating a Jingle RTP
 * Session", XEP-0266. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/rtp.h"
#include "xml.h"

#define D "xmlns='urn:xmpp:jingle:apps:rtp:1'"
#define LEVEL "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level' id='1'/>"
#define G722(id) "<payload-type id='" id "' name='G722' clockrate='8000' channels='1' ptime='20'/>"
#define PCMU(id) "<payload-type id='" id "' name='PCMU' clockrate='8000' channels='1' ptime='20'/>"
#define PCMA(id) "<payload-type id='" id "' name='PCMA' clockrate='8000' channels='1' ptime='20'/>"
#define EVENT(id) "<payload-type id='" id "' name='telephone-event' clockrate='8000' channels='1'/>"
#define EVENT48(id) "<payload-type id='" id "' name='telephone-event' clockrate='48000' channels='1'/>"
#define CN(id) "<payload-type id='" id "' name='CN' clockrate='8000' channels='1'/>"
#define OPUS(id) "<payload-type id='" id "' name='opus' clockrate='48000' channels='2' ptime='20'>" \
	"<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/></payload-type>"

static const struct codec_list every = {{CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA}, 4};

static struct rtp_app *app(struct codec_list codecs)
{
	struct rtp_wishes wishes = {.codecs = codecs, .ptime_ms = 20, .bitrate_bps = 32000, .fec = true};

	return rtp_app_new(&wishes, 1, "");
}

static struct elem *describe(const char *payloads)
{
	g_autofree char *text = g_strdup_printf("<description " D " media='audio'>%s<rtcp-mux/></description>", payloads);

	return xml(text);
}

static struct media_params params(const struct rtp_app *a)
{
	struct media_params p;

	rtp_app_params(a, &p);
	return p;
}

/* Our answer to an offer of PAYLOADS, as text in REPLY; CODEC and PT: what we send. */
static void assert_answer(struct codec_list codecs, const char *payloads, const char *reply, enum media_codec codec, uint8_t pt)
{
	struct rtp_app *a = app(codecs);
	elem_auto theirs = describe(payloads);
	elem_auto ours = NULL;
	g_autofree char *want = g_strdup_printf("<description " D " media='audio'>%s<rtcp-mux/></description>", reply);

	assert_int_equal(jingle_rtp.answer(a, theirs), JC_OK);
	ours = jingle_rtp.reply(a);
	assert_elem_equal(want, ours);
	assert_int_equal(params(a).codec, codec);
	assert_int_equal(params(a).tx_pt, pt);
	rtp_app_free(a);
}

/* What we send after this answer to our offer of everything; < 0: there is no call. */
static int sent_after(struct rtp_app *a, const char *payloads)
{
	elem_auto offer = jingle_rtp.offer(a);
	elem_auto theirs = describe(payloads);

	return jingle_rtp.agree(a, theirs) == JC_OK ? (int)params(a).codec : -1;
}

static void the_offer_holds_all_we_can_the_preferred_first(void **state)
{
	struct rtp_app *a = app(every), *unsaid = app((struct codec_list){.count = 0});
	elem_auto e = jingle_rtp.offer(a);
	elem_auto same = jingle_rtp.offer(unsaid);
	static const char want[] = "<description " D " media='audio'>" OPUS("111") G722("9") PCMU("0") PCMA("8") CN("13")
		EVENT("126") EVENT48("110") LEVEL "<rtcp-mux/></description>";

	assert_elem_equal(want, e);
	assert_elem_equal(want, same);
	rtp_app_free(a);
	rtp_app_free(unsaid);
}

static void the_user_chooses_codecs_and_their_order(void **state)
{
	struct rtp_app *a = app((struct codec_list){{CODEC_PCMA, CODEC_OPUS}, 2});
	elem_auto e = jingle_rtp.offer(a);

	assert_elem_equal("<description " D " media='audio'>" PCMA("8") OPUS("111") CN("13") EVENT("126") EVENT48("110")
			  LEVEL "<rtcp-mux/></description>", e);
	rtp_app_free(a);
}

static void comfort_noise_is_offered_beside_what_has_none_of_its_own(void **state)
{
	struct rtp_app *a = app((struct codec_list){{CODEC_OPUS}, 1});
	elem_auto e = jingle_rtp.offer(a);

	assert_elem_equal("<description " D " media='audio'>" OPUS("111") EVENT48("110") LEVEL "<rtcp-mux/></description>", e);
	rtp_app_free(a);
}

static void an_answer_is_what_both_have_in_our_order_with_their_numbers(void **state)
{
	assert_answer(every, CN("13") PCMA("8") PCMU("0") "<payload-type id='3' name='GSM'/>" OPUS("97"),
		      OPUS("97") PCMU("0") PCMA("8") CN("13"), CODEC_OPUS, 97);
	assert_answer(every, PCMA("98") G722("99"), G722("99") PCMA("98"), CODEC_G722, 99);
	assert_answer((struct codec_list){{CODEC_PCMA, CODEC_PCMU}, 2}, OPUS("111") PCMU("0") PCMA("8") CN("13"),
		      PCMA("8") PCMU("0") CN("13"), CODEC_PCMA, 8);
	assert_answer(every, OPUS("111") CN("13"), OPUS("111"), CODEC_OPUS, 111);
}

static void g711_alone_makes_a_call(void **state)
{
	assert_answer(every, PCMU("0"), PCMU("0"), CODEC_PCMU, 0);
	assert_answer(every, PCMA("8"), PCMA("8"), CODEC_PCMA, 8);
}

static void the_responders_first_is_what_we_send(void **state)
{
	struct rtp_app *a = app(every);

	assert_int_equal(sent_after(a, OPUS("111") PCMU("0")), CODEC_OPUS);
	assert_int_equal(sent_after(a, PCMU("0") OPUS("111")), CODEC_PCMU);
	assert_int_equal(sent_after(a, CN("13") "<payload-type id='3' name='GSM'/>" PCMA("100") PCMU("0")), CODEC_PCMA);
	assert_int_equal(params(a).tx_pt, 100);
	assert_int_equal(sent_after(a, CN("13")), -1);
	assert_int_equal(sent_after(a, ""), -1);
	rtp_app_free(a);
}

static void an_answer_with_what_was_not_offered_is_none(void **state)
{
	struct rtp_app *a = app((struct codec_list){{CODEC_OPUS, CODEC_PCMU}, 2});

	assert_int_equal(sent_after(a, PCMA("8")), -1);
	assert_int_equal(sent_after(a, PCMA("8") PCMU("0")), CODEC_PCMU);
	rtp_app_free(a);
}

static void we_hear_by_the_numbers_we_announced_whatever_the_answer_says(void **state)
{
	struct rtp_app *a = app(every);
	static const struct payload_type want[] = {{111, CODEC_OPUS}, {9, CODEC_G722}, {0, CODEC_PCMU}, {8, CODEC_PCMA},
						   {13, CODEC_CN}, {126, CODEC_EVENT}, {110, CODEC_EVENT_48}};

	assert_int_equal(sent_after(a, OPUS("96") PCMU("101")), CODEC_OPUS);
	assert_int_equal(params(a).rx_count, G_N_ELEMENTS(want));
	for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
		assert_int_equal(params(a).rx[i].pt, want[i].pt);
		assert_int_equal(params(a).rx[i].codec, want[i].codec);
	}
	rtp_app_free(a);
}

static void a_static_number_needs_no_name_and_a_dynamic_one_does(void **state)
{
	struct rtp_app *a = app(every);

	assert_int_equal(sent_after(a, "<payload-type id='0'/>"), CODEC_PCMU);
	assert_int_equal(sent_after(a, "<payload-type id='8'/>"), CODEC_PCMA);
	assert_int_equal(sent_after(a, "<payload-type id='9'/>"), CODEC_G722);
	assert_int_equal(sent_after(a, "<payload-type id='111'/>"), -1);	/* our own number for Opus means nothing elsewhere */
	assert_int_equal(sent_after(a, "<payload-type id='8' name='PCMU'/>"), CODEC_PCMU);
	assert_int_equal(sent_after(a, "<payload-type id='0' name='speex'/>"), -1);
	rtp_app_free(a);
}

static void without_channels_it_is_one_and_of_the_telephones_codecs_two_are_another_format(void **state)
{
	static const struct {
		const char *attrs;
		int codec;
	} table[] = {{"", CODEC_PCMU}, {"channels='1'", CODEC_PCMU}, {"channels='0'", CODEC_PCMU}, {"channels='2'", -1},
		     {"channels='x'", -1}, {"clockrate='8000'", CODEC_PCMU}, {"clockrate='16000'", -1}, {"clockrate=''", -1}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct rtp_app *a = app(every);
		g_autofree char *payload = g_strdup_printf("<payload-type id='0' name='pcmu' %s/>", table[i].attrs);

		if (sent_after(a, payload) != table[i].codec)
			fail_msg("%s", payload);
		rtp_app_free(a);
	}
}

static void a_number_that_stands_for_several_is_one_of_them(void **state)
{
	assert_answer(every, OPUS("97") PCMU("97") PCMA("8"), OPUS("97") PCMA("8"), CODEC_OPUS, 97);
}

/* Of the clock of what we send, if there is one; of another rather than none. */
static void touch_tones_are_sent_by_the_number_and_the_clock_that_fit(void **state)
{
	static const struct {
		const char *answer;
		unsigned hz, pt;
	} table[] = {{OPUS("111") EVENT("101") EVENT48("102"), 48000, 102}, {PCMA("8") EVENT48("102") EVENT("101"), 8000, 101},
		     {OPUS("111") EVENT("101"), 8000, 101}, {OPUS("111") PCMA("8"), 0, 0},
		     {OPUS("111") "<payload-type id='100' name='telephone-event' clockrate='16000'/>", 0, 0},
		     {PCMU("0") "<payload-type id='100' name='telephone-event'/>", 8000, 100}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct rtp_app *a = app(every);

		assert_true(sent_after(a, table[i].answer) >= 0);
		assert_int_equal(params(a).event_hz, table[i].hz);
		if (table[i].hz)
			assert_int_equal(params(a).event_pt, table[i].pt);
		rtp_app_free(a);
	}
}

/* By signalling anybody on the way could read it, and write it. */
static void a_digit_by_signalling_is_refused_where_it_has_a_place_in_the_media(void **state)
{
	elem_auto dtmf = xml("<dtmf xmlns='urn:xmpp:jingle:dtmf:0' code='7'/>");
	char digits[RTP_DIGITS];

	for (int with = 0; with <= 1; with++) {
		struct rtp_app *a = app(every);

		assert_true(sent_after(a, with ? OPUS("111") EVENT48("102") : OPUS("111")) >= 0);
		assert_int_equal(jingle_rtp.session_info(a, dtmf), with ? COND_SECURITY_REQUIRED : COND_OK);
		assert_int_equal(rtp_app_digits(a, digits), with ? 0 : 1);
		rtp_app_free(a);
	}
}

static void touch_tones_of_an_offer_are_answered_last_with_its_numbers(void **state)
{
	assert_answer(every, EVENT("101") EVENT48("102") PCMA("8") OPUS("97"),
		      OPUS("97") PCMA("8") EVENT("101") EVENT48("102"), CODEC_OPUS, 97);
	assert_answer(every, EVENT("101") EVENT48("102") PCMA("8"), PCMA("8") EVENT("101"), CODEC_PCMA, 8);
}

static void the_peer_says_how_long_the_frames_of_any_codec_are(void **state)
{
	struct rtp_app *a = app(every);
	elem_auto info = describe("<payload-type id='8' name='PCMA' ptime='60'/>");
	elem_auto other = describe("<payload-type id='0' name='PCMU' ptime='10'/>");

	assert_int_equal(sent_after(a, "<payload-type id='8' name='PCMA' maxptime='40' ptime='40'/>"), CODEC_PCMA);
	assert_int_equal(params(a).ptime_ms, 40);
	assert_int_equal(jingle_rtp.description_info(a, other), COND_OK);
	assert_int_equal(params(a).ptime_ms, 40);
	assert_int_equal(jingle_rtp.description_info(a, info), COND_OK);
	assert_int_equal(params(a).ptime_ms, 40);			/* he cannot take 60 */
	assert_int_equal(params(a).codec, CODEC_PCMA);
	rtp_app_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_offer_holds_all_we_can_the_preferred_first),
		cmocka_unit_test(the_user_chooses_codecs_and_their_order),
		cmocka_unit_test(comfort_noise_is_offered_beside_what_has_none_of_its_own),
		cmocka_unit_test(an_answer_is_what_both_have_in_our_order_with_their_numbers),
		cmocka_unit_test(g711_alone_makes_a_call),
		cmocka_unit_test(the_responders_first_is_what_we_send),
		cmocka_unit_test(an_answer_with_what_was_not_offered_is_none),
		cmocka_unit_test(we_hear_by_the_numbers_we_announced_whatever_the_answer_says),
		cmocka_unit_test(a_static_number_needs_no_name_and_a_dynamic_one_does),
		cmocka_unit_test(without_channels_it_is_one_and_of_the_telephones_codecs_two_are_another_format),
		cmocka_unit_test(a_number_that_stands_for_several_is_one_of_them),
		cmocka_unit_test(touch_tones_are_sent_by_the_number_and_the_clock_that_fit),
		cmocka_unit_test(a_digit_by_signalling_is_refused_where_it_has_a_place_in_the_media),
		cmocka_unit_test(touch_tones_of_an_offer_are_answered_last_with_its_numbers),
		cmocka_unit_test(the_peer_says_how_long_the_frames_of_any_codec_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
