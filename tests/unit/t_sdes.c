/* SDES as a security condition: RFC 4568 in the words of XEP-0167 "Negotiation of SRTP". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/rtp.h"
#include "jingle/sdes.h"
#include "jingle/session.h"
#include "xml.h"

#define D "xmlns='urn:xmpp:jingle:apps:rtp:1'"
#define CM80 "AES_CM_128_HMAC_SHA1_80"
#define CM32 "AES_CM_128_HMAC_SHA1_32"
#define GCM128 "AEAD_AES_128_GCM"
#define GCM256 "AEAD_AES_256_GCM"
#define KEY30 "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"		/* of the examples of XEP-0167 */
#define OTHER30 "inline:SLhl0Clqmp9rA1+OYMRT9/Cmu3RNxeR2PAaSnexA"		/* of Dino */
#define KEY28 "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define KEY44 "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis="
#define C(suite, key, tag) "<crypto crypto-suite='" suite "' key-params='" key "' tag='" tag "'/>"
#define C_WITH(session) "<crypto crypto-suite='" CM80 "' key-params='" KEY30 "' session-params='" session "' tag='1'/>"
#define ENC(lines) "<encryption>" lines "</encryption>"

static uint8_t next_byte;

/* Each byte differs from the 255 before it. */
static void counting(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = next_byte++;
}

static int setup(void **state)
{
	next_byte = 0;
	*state = sdes_new(counting);
	return 0;
}

static int teardown(void **state)
{
	sdes_free(*state);
	return 0;
}

static struct sdes *fresh(void **state)
{
	teardown(state);
	setup(state);
	return *state;
}

static struct elem *description(const char *inside)
{
	g_autofree char *text = g_strdup_printf("<description " D " media='audio'><payload-type id='111' name='opus'/><rtcp-mux/>%s"
						"</description>", inside);

	return xml(text);
}

static enum jc_err hear(struct sdes *s, enum jingle_action action, const char *inside)
{
	elem_auto d = description(inside);

	return jingle_sdes.read(s, action, d, NULL);
}

static struct elem *say(struct sdes *s, enum jingle_action action)
{
	struct elem *d = elem_new("description", NS_RTP);

	jingle_sdes.write(s, action, d, NULL);
	return d;
}

/* S has made our offer. */
static struct sdes *offering(void **state)
{
	struct sdes *s = fresh(state);
	elem_auto offer = say(s, JINGLE_SESSION_INITIATE);

	return s;
}

static void assert_no_keys(const struct sdes *s)
{
	struct srtp_keys tx, rx;

	assert_false(sdes_keys(s, &tx, &rx));
}

static void assert_refused(void **state, const char *offer)
{
	if (hear(fresh(state), JINGLE_SESSION_INITIATE, offer) != JC_SECURITY)
		fail_msg("%s was taken", offer);
	assert_no_keys(*state);
}

/* ---- ours ---- */

static void the_offer_has_each_suite_with_a_key_of_its_own_the_strongest_first(void **state)
{
	elem_auto d = say(*state, JINGLE_SESSION_INITIATE);

	assert_elem_equal("<description " D "><encryption required='1'>"
		C(GCM256, "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=", "1")
		C(GCM128, "inline:LC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREVGRw==", "2")
		C(CM80, "inline:SElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2Rl", "3")
		C(CM32, "inline:ZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKD", "4") "</encryption></description>", d);
	assert_no_keys(*state);
}

static void the_accept_has_the_tag_of_the_offer_and_a_key_of_ours(void **state)
{
	elem_auto d = NULL;
	struct srtp_keys tx, rx;

	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, ENC(C(CM80, KEY30, "7"))), JC_OK);
	assert_no_keys(*state);				/* our user has not accepted */
	d = say(*state, JINGLE_SESSION_ACCEPT);
	assert_elem_equal("<description " D "><encryption>" C(CM80, "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd", "7")
			  "</encryption></description>", d);
	assert_true(sdes_keys(*state, &tx, &rx));
	assert_int_equal(tx.suite, SRTP_AES128_CM_SHA1_80);
	assert_int_equal(rx.suite, SRTP_AES128_CM_SHA1_80);
	assert_int_equal(tx.key[15], 15);
	assert_int_equal(tx.salt[0], 16);
	assert_int_equal(tx.salt[13], 29);
	assert_memory_equal(rx.key, "YS___semctl () {", 16);
	assert_memory_equal(rx.salt, "\t220;}\n}\nunles", 14);
}

static void no_other_message_gets_keys(void **state)
{
	static const enum jingle_action others[] = {JINGLE_TRANSPORT_INFO, JINGLE_TRANSPORT_REPLACE, JINGLE_TRANSPORT_ACCEPT,
		JINGLE_DESCRIPTION_INFO, JINGLE_SESSION_ACCEPT};	/* the last: nothing was offered to us */
	elem_auto transport = elem_new("transport", NS_ICE_UDP);

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		elem_auto d = say(*state, others[i]);

		assert_elem_equal("<description " D "/>", d);
		jingle_sdes.write(*state, others[i], NULL, transport);
	}
	assert_elem_equal("<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>", transport);
}

static void both_roles_get_the_same_keys_crosswise_in_every_suite(void **state)
{
	static const struct { const char *name; enum srtp_suite suite; } table[] = {
		{GCM256, SRTP_AEAD_AES_256_GCM}, {GCM128, SRTP_AEAD_AES_128_GCM}, {CM80, SRTP_AES128_CM_SHA1_80},
		{CM32, SRTP_AES128_CM_SHA1_32}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct sdes *romeo = fresh(state), *juliet = sdes_new(counting);
		elem_auto offer = say(romeo, JINGLE_SESSION_INITIATE);
		elem_auto accept = NULL;
		elem_auto only = elem_new("description", NS_RTP);
		struct elem *encryption = elem_add(only, "encryption", NULL);
		struct srtp_keys rtx, rrx, jtx, jrx;

		for (const struct elem *e = elem_child(elem_child(offer, "encryption", NULL), "crypto", NULL); e;
		     e = elem_next(e, "crypto", NULL))
			if (strcmp(elem_attr(e, "crypto-suite"), table[i].name) == 0)
				elem_adopt(encryption, elem_copy(e));
		assert_int_equal(jingle_sdes.read(juliet, JINGLE_SESSION_INITIATE, only, NULL), JC_OK);
		accept = say(juliet, JINGLE_SESSION_ACCEPT);
		assert_int_equal(jingle_sdes.read(romeo, JINGLE_SESSION_ACCEPT, accept, NULL), JC_OK);
		assert_true(sdes_keys(romeo, &rtx, &rrx) && sdes_keys(juliet, &jtx, &jrx));
		assert_memory_equal(&rtx, &jrx, sizeof(rtx));
		assert_memory_equal(&rrx, &jtx, sizeof(rrx));
		assert_int_equal(rtx.suite, table[i].suite);
		assert_memory_not_equal(rtx.key, rrx.key, 16);
		sdes_free(juliet);
	}
}

/* ---- an offer ---- */

static void it_is_in_a_message_that_has_a_crypto(void **state)
{
	static const struct { const char *inside; gboolean in; } table[] = {
		{ENC(C(CM80, KEY30, "1")), TRUE}, {"<encryption required='1'><crypto/></encryption>", TRUE},
		{"<encryption required='1'/>", FALSE}, {"", FALSE}, {C(CM80, KEY30, "1"), FALSE},
		{"<encryption xmlns='urn:other'><crypto/></encryption>", FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		elem_auto d = description(table[i].inside);

		assert_int_equal(jingle_sdes.in(d, NULL), table[i].in);
	}
	assert_false(jingle_sdes.in(NULL, NULL));
}

static void the_first_usable_line_is_taken(void **state)
{
	struct srtp_keys tx, rx;
	elem_auto d = NULL;

	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, ENC(C("F8_128_HMAC_SHA1_80", KEY30, "1") C(CM80, KEY28, "2")
		C(GCM128, KEY28, "3") C(CM80, KEY30, "4"))), JC_OK);
	d = say(*state, JINGLE_SESSION_ACCEPT);
	assert_string_equal(elem_attr(elem_child(elem_child(d, "encryption", NULL), "crypto", NULL), "tag"), "3");
	assert_true(sdes_keys(*state, &tx, &rx));
	assert_int_equal(rx.suite, SRTP_AEAD_AES_128_GCM);
	assert_int_equal(rx.key[15], 15);
	assert_int_equal(rx.salt[11], 27);
}

static void nothing_of_a_line_that_was_passed_over_stays(void **state)
{
	static const uint8_t nothing[16];
	struct srtp_keys tx, rx;
	elem_auto d = NULL;

	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, ENC("<crypto crypto-suite='" GCM256 "' key-params='" KEY44 "' "
		"session-params='KDR=1' tag='1'/>" C(CM80, KEY30, "2"))), JC_OK);
	d = say(*state, JINGLE_SESSION_ACCEPT);
	assert_true(sdes_keys(*state, &tx, &rx));
	assert_memory_equal(rx.key + 16, nothing, 16);
}

static void without_a_usable_line_it_is_a_security_error(void **state)
{
	static const char *const offers[] = {"", "<encryption/>", "<encryption required='1'/>", ENC("<crypto/>"),
		ENC("<crypto crypto-suite='" CM80 "' tag='1'/>"), ENC("<crypto key-params='" KEY30 "' tag='1'/>"),
		ENC("<crypto crypto-suite='" CM80 "' key-params='" KEY30 "'/>"),
		ENC(C("NULL_HMAC_SHA1_80", KEY30, "1")), ENC(C("", KEY30, "1")), ENC(C("AES_256_CM_HMAC_SHA1_80", KEY44, "1")),
		ENC(C(CM80 "0", KEY30, "1")), ENC(C(CM80, KEY30, "")), ENC(C(CM80, KEY30, "x")), ENC(C(CM80, KEY30, "-1")),
		ENC(C(CM80, KEY30, "1234567890")), ENC(C(CM80, KEY30, "1 "))};

	for (size_t i = 0; i < G_N_ELEMENTS(offers); i++)
		assert_refused(state, offers[i]);
}

static void required_is_obeyed_in_each_spelling(void **state)
{
	static const char *const spellings[] = {"required='1'", "required='true'", "required='0'", "required='false'", ""};

	for (size_t i = 0; i < G_N_ELEMENTS(spellings); i++) {
		g_autofree char *good = g_strdup_printf("<encryption %s>" C(CM80, KEY30, "1") "</encryption>", spellings[i]);
		g_autofree char *bad = g_strdup_printf("<encryption %s>" C("X", KEY30, "1") "</encryption>", spellings[i]);

		assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, good), JC_OK);
		assert_refused(state, bad);		/* we require it in any case */
	}
}

static void keys_are_read_strictly(void **state)
{
	static const char *const bad[] = {"", "inline:", "inline", "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
		"outline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", " " KEY30, KEY30 " ", KEY30 "=", KEY30 "AAAA", KEY28,
		"inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV", "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubG==",
		"inline: VNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", "inline:_VNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
		"inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubG\xc3\xa4"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *offer = g_strdup_printf(ENC("<crypto crypto-suite='" CM80 "' key-params='%s' tag='1'/>"), bad[i]);

		assert_refused(state, offer);
	}
	/* 28 bytes in another spelling of the last character, or without padding */
	assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, ENC(C(GCM128, KEY28, "1"))), JC_OK);
	assert_refused(state, ENC(C(GCM128, "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGx==", "1")));
	assert_refused(state, ENC(C(GCM128, "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw", "1")));
	assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, ENC(C(GCM256, KEY44, "1"))), JC_OK);
	assert_refused(state, ENC(C(GCM256, KEY28, "1")));
}

static void a_lifetime_is_no_matter(void **state)
{
	static const char *const good[] = {KEY30 "|2^20", KEY30 "|2^48", KEY30 "|1048576", KEY30 "|1"};
	static const char *const bad[] = {KEY30 "|", KEY30 "|2^", KEY30 "|2^49", KEY30 "|2^0", KEY30 "|3^20", KEY30 "|0", KEY30 "|-1",
		KEY30 "|x", KEY30 "|2^20|", KEY30 "||2^20"};

	for (size_t i = 0; i < G_N_ELEMENTS(good) + G_N_ELEMENTS(bad); i++) {
		gboolean is_good = i < G_N_ELEMENTS(good);
		g_autofree char *offer = g_strdup_printf(ENC("<crypto crypto-suite='" CM80 "' key-params='%s' tag='1'/>"),
							 is_good ? good[i] : bad[i - G_N_ELEMENTS(good)]);

		if (is_good)
			assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, offer), JC_OK);
		else
			assert_refused(state, offer);
	}
}

static void an_mki_and_several_keys_are_passed_over(void **state)
{
	static const char *const bad[] = {KEY30 "|2^20|1:32", KEY30 "|1:4", KEY30 "|2^20|1:4", KEY30 ";" OTHER30, KEY30 ";",
		KEY30 "|2^20|1:4;" OTHER30 "|2^20|2:4"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *alone = g_strdup_printf(ENC("<crypto crypto-suite='" CM80 "' key-params='%s' tag='1'/>"), bad[i]);
		g_autofree char *more = g_strdup_printf(ENC("<crypto crypto-suite='" CM80 "' key-params='%s' tag='1'/>"
							    C(CM80, OTHER30, "2")), bad[i]);

		assert_refused(state, alone);
		assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, more), JC_OK);
	}
}

static void a_session_parameter_that_weakens_or_is_unknown_is_passed_over(void **state)
{
	static const char *const bad[] = {ENC(C_WITH("UNENCRYPTED_SRTP")), ENC(C_WITH("UNENCRYPTED_SRTCP")),
		ENC(C_WITH("UNAUTHENTICATED_SRTP")), ENC(C_WITH("-UNENCRYPTED_SRTP")), ENC(C_WITH("unencrypted_srtcp")),
		ENC(C_WITH("KDR=1")), ENC(C_WITH("KDR=0 UNENCRYPTED_SRTCP")), ENC(C_WITH("KDR=1 UNENCRYPTED_SRTCP")),
		ENC(C_WITH("KDR=")), ENC(C_WITH("KDR")), ENC(C_WITH("KDR=24")), ENC(C_WITH("-KDR=1")),
		ENC(C_WITH("FEC_ORDER=SRTP_FEC")), ENC(C_WITH("FEC_KEY=" KEY30)), ENC(C_WITH("WSH=63")), ENC(C_WITH("WSH=x")),
		ENC(C_WITH("SOMETHING")), ENC(C_WITH("-")), ENC(C_WITH("-A B"))};
	static const char *const good[] = {ENC(C_WITH("")), ENC(C_WITH(" ")), ENC(C_WITH("KDR=0")), ENC(C_WITH("kdr=0")),
		ENC(C_WITH("WSH=64")), ENC(C_WITH("WSH=1024 KDR=0")), ENC(C_WITH("-SOMETHING")), ENC(C_WITH("-A -B=1  KDR=0"))};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_refused(state, bad[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, good[i]), JC_OK);
	/* the example of XEP-0167: KDR, UNENCRYPTED_SRTCP and an MKI */
	assert_refused(state, ENC("<crypto crypto-suite='" CM80 "' key-params='" KEY30 "|2^20|1:32' "
				  "session-params='KDR=1 UNENCRYPTED_SRTCP' tag='1'/>"));
}

static void names_are_read_in_either_case(void **state)
{
	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, ENC(C("aes_cm_128_hmac_sha1_80",
		"INLINE:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", "1"))), JC_OK);
}

static void what_is_ambiguous_is_a_security_error(void **state)
{
	assert_refused(state, ENC(C(CM80, KEY30, "1") C(CM32, OTHER30, "1")));
	assert_refused(state, ENC(C(CM80, KEY30, "1")) ENC(C(CM80, OTHER30, "2")));
}

static void enormous_offers_are_bounded(void **state)
{
	g_autoptr(GString) lines = g_string_new("<encryption>");
	g_autofree char *spaces = g_strnfill(2000, ' '), *digits = g_strnfill(2000, '1');
	g_autofree char *session = g_strdup_printf(ENC("<crypto crypto-suite='" CM80 "' key-params='" KEY30 "' session-params='%s' "
						       "tag='1'/>"), spaces);
	g_autofree char *lifetime = g_strdup_printf(ENC("<crypto crypto-suite='" CM80 "' key-params='" KEY30 "|%s' tag='1'/>"), digits);

	for (unsigned i = 0; i < 1000; i++)
		g_string_append_printf(lines, "<crypto crypto-suite='" CM80 "' key-params='" KEY30 "' tag='%u'/>", i);
	g_string_append(lines, "</encryption>");
	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, lines->str), JC_OK);
	assert_refused(state, session);
	assert_refused(state, lifetime);
}

/* ---- an answer ---- */

static void a_sound_answer_gives_the_keys(void **state)
{
	struct sdes *s = offering(state);
	struct srtp_keys tx, rx;

	assert_int_equal(hear(s, JINGLE_SESSION_ACCEPT, ENC(C(CM80, KEY30, "3"))), JC_OK);
	assert_true(sdes_keys(s, &tx, &rx));
	assert_int_equal(tx.suite, SRTP_AES128_CM_SHA1_80);
	assert_int_equal(tx.key[0], 72);
	assert_int_equal(rx.key[0], 'Y');
}

static void an_answer_that_was_not_offered_is_a_downgrade(void **state)
{
	static const char *const answers[] = {"", "<encryption/>", "<encryption required='1'/>",	/* stripped */
		ENC(C(CM80, KEY30, "5")), ENC(C(CM80, KEY30, "0")), ENC(C(CM80, KEY30, "33")),		/* tags never offered */
		ENC(C(CM80, KEY30, "4")), ENC(C(CM32, KEY30, "3")), ENC(C(CM80, KEY30, "1")),		/* of another suite */
		ENC(C(CM80, KEY30, "3") C(CM32, OTHER30, "4")), ENC(C(CM80, KEY30, "3") "<crypto/>"),	/* several */
		ENC("<crypto crypto-suite='" CM80 "' key-params='" KEY30 "' session-params='UNENCRYPTED_SRTP' tag='3'/>"),
		ENC(C(CM80, KEY30 "|2^20|1:4", "3")), ENC(C(CM80, KEY28, "3")),
		ENC(C(CM80, KEY30, "3")) ENC(C(CM80, KEY30, "3"))};

	for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
		if (hear(offering(state), JINGLE_SESSION_ACCEPT, answers[i]) != JC_SECURITY)
			fail_msg("%s was taken", answers[i]);
		assert_no_keys(*state);
	}
}

static void our_own_key_sent_back_is_an_attack(void **state)
{
	/* of the very line, and of another one */
	assert_int_equal(hear(offering(state), JINGLE_SESSION_ACCEPT,
			      ENC(C(CM80, "inline:SElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2Rl", "3"))), JC_SECURITY);
	assert_int_equal(hear(offering(state), JINGLE_SESSION_ACCEPT,
			      ENC(C(CM80, "inline:ZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKD", "3"))), JC_SECURITY);
	assert_int_equal(hear(offering(state), JINGLE_SESSION_ACCEPT,	/* another salt makes no other key */
			      ENC(C(CM80, "inline:SElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2R/", "3"))), JC_SECURITY);
	assert_no_keys(*state);
}

/* ---- later ---- */

static void what_was_agreed_may_be_said_again(void **state)
{
	struct sdes *s = offering(state);
	elem_auto transport = elem_new("transport", NS_ICE_UDP);

	assert_int_equal(hear(s, JINGLE_SESSION_ACCEPT, ENC(C(CM80, KEY30, "3"))), JC_OK);
	assert_int_equal(hear(s, JINGLE_DESCRIPTION_INFO, ""), JC_OK);		/* only what changes is in it */
	assert_int_equal(hear(s, JINGLE_DESCRIPTION_INFO, ENC(C(CM80, KEY30, "3"))), JC_OK);
	assert_int_equal(jingle_sdes.read(s, JINGLE_TRANSPORT_INFO, NULL, transport), JC_OK);
	assert_int_equal(jingle_sdes.read(s, JINGLE_TRANSPORT_REPLACE, NULL, transport), JC_OK);

	s = fresh(state);						/* the whole offer again */
	assert_int_equal(hear(s, JINGLE_SESSION_INITIATE, ENC(C(CM80, KEY30, "1") C(CM32, OTHER30, "2"))), JC_OK);
	assert_int_equal(hear(s, JINGLE_DESCRIPTION_INFO, ENC(C(CM32, OTHER30, "2") C(CM80, KEY30, "1"))), JC_OK);
}

static void a_later_change_is_a_downgrade(void **state)
{
	static const char *const changes[] = {"<encryption/>", ENC("<crypto/>"), ENC(C(CM80, OTHER30, "3")), ENC(C(CM80, KEY30, "4")),
		ENC(C(CM32, KEY30, "3")), ENC(C(CM80, "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV0", "3")),
		ENC("<crypto crypto-suite='" CM80 "' key-params='" KEY30 "' session-params='UNENCRYPTED_SRTP' tag='3'/>")};
	struct srtp_keys tx, rx;

	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
		struct sdes *s = offering(state);

		assert_int_equal(hear(s, JINGLE_SESSION_ACCEPT, ENC(C(CM80, KEY30, "3"))), JC_OK);
		if (hear(s, JINGLE_DESCRIPTION_INFO, changes[i]) != JC_SECURITY)
			fail_msg("%s was taken", changes[i]);
		s = fresh(state);
		assert_int_equal(hear(s, JINGLE_SESSION_INITIATE, ENC(C(CM80, KEY30, "3"))), JC_OK);
		assert_int_equal(hear(s, JINGLE_DESCRIPTION_INFO, changes[i]), JC_SECURITY);
		elem_free(say(s, JINGLE_SESSION_ACCEPT));
		assert_true(sdes_keys(s, &tx, &rx));		/* and what was agreed stays */
		assert_int_equal(rx.key[0], 'Y');
	}
}

static void what_comes_before_the_accept_gives_no_keys(void **state)
{
	struct sdes *s = offering(state);

	assert_int_equal(hear(s, JINGLE_DESCRIPTION_INFO, ENC(C(CM80, OTHER30, "3"))), JC_OK);
	assert_no_keys(s);
	assert_int_equal(hear(s, JINGLE_SESSION_ACCEPT, ""), JC_SECURITY);
	assert_int_equal(hear(s, JINGLE_SESSION_ACCEPT, ENC(C(CM80, KEY30, "3"))), JC_OK);
}

/* ---- real clients, whole sessions ---- */

/* The audio of an offer and of its answer as recorded from Dino 0.4.2; the tag of the answer is the one of our offer. */
#define DINO_OPUS "<payload-type name='opus' channels='2' clockrate='48000' id='111'><parameter name='useinbandfec' value='1'/>" \
	"</payload-type>"
#define DINO_OFFER(fingerprint) "<jingle action='session-initiate' initiator='romeo@lab.test/dino.9759558a' sid='s1' " \
	"xmlns='urn:xmpp:jingle:1'><content creator='initiator' name='audio' senders='both'><description media='audio' " D ">" \
	DINO_OPUS "<payload-type name='speex' clockrate='32000' id='112'/><payload-type name='speex' clockrate='16000' id='113'/>" \
	"<payload-type name='speex' clockrate='8000' id='114'/><payload-type name='PCMU' clockrate='8000' id='0'/>" \
	"<payload-type name='PCMA' clockrate='8000' id='8'/><encryption><crypto " \
	"key-params='inline:ZivzE3fhD4pJ0L5bfbCdw5dtm+UXqM0Aony5hFbj' crypto-suite='AES_CM_128_HMAC_SHA1_80' tag='1'/>" \
	"</encryption><rtcp-mux/></description><transport pwd='wz0abndsvsA0DrfI9xJbdp' ufrag='GBlU' " \
	"xmlns='urn:xmpp:jingle:transports:ice-udp:1'>" fingerprint "<candidate ip='192.0.2.2' protocol='udp' network='0' " \
	"foundation='1' component='1' generation='0' priority='2015363327' type='host' port='36547' id='5b2322e8'/></transport>" \
	"</content></jingle>"
#define DINO_FINGERPRINT(setup) "<fingerprint setup='" setup "' hash='sha-256' xmlns='urn:xmpp:jingle:apps:dtls:0'>D7:35:BA:90:57:" \
	"7C:1C:06:15:66:DE:16:B3:50:15:0F:B6:68:A4:93:AB:14:FB:FC:DA:1A:5A:00:26:B8:6C:9F</fingerprint>"
#define DINO_ACCEPT(crypto, fingerprint) "<jingle action='session-accept' sid='s1' xmlns='urn:xmpp:jingle:1'><content " \
	"creator='initiator' name='audio' senders='both'><description media='audio' " D ">" DINO_OPUS crypto "<rtcp-mux/>" \
	"</description><transport pwd='fLDITnwK7TokLlRanx8LSw' ufrag='GdGE' xmlns='urn:xmpp:jingle:transports:ice-udp:1'>" \
	fingerprint "</transport></content></jingle>"
#define DINO_CRYPTO "<encryption><crypto key-params='inline:yDg7yLZCDmmNvAiiaycxWC4mxWp76L9jjzuXv8Oo' " \
	"crypto-suite='AES_CM_128_HMAC_SHA1_80' tag='3'/></encryption>"
#define TERMINATED(why) "<jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='s1'><reason><security-error/>" why \
	"</reason></jingle>"
#define REQUIRED "<crypto-required xmlns='urn:xmpp:jingle:apps:rtp:errors:1'/>"
#define INVALID "<invalid-crypto xmlns='urn:xmpp:jingle:apps:rtp:errors:1'/>"

enum { DTLS = 1, SDES = 2 };

struct one {				/* side of a session with the real plug-ins */
	struct rtp_app *app;
	struct iceudp *ice;
	struct dtls_fp *fp;
	struct sdes *sdes;
	struct jingle_session *s;
	struct elem *sent;		/* the last */
};

static void drain(struct one *o)
{
	struct jingle_out out;

	while (jingle_next(o->s, &out))
		if (out.kind == JINGLE_OUT_SEND) {
			elem_free(o->sent);
			o->sent = out.jingle;
		}
}

static void begin(struct one *o, gboolean initiator, unsigned keyings)
{
	struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000};
	struct dtls_fingerprint ours = {.len = 32};
	struct ice_creds creds = {"abcd", "abcdefghijklmnopqrstuv"};
	struct jingle_plugs plugs = {.napps = 1, .ntransports = 1};

	next_byte = 0;
	*o = (struct one){.app = rtp_app_new(&wishes, 1, "x"), .ice = iceudp_new(), .fp = dtls_fp_new(&ours), .sdes = sdes_new(counting)};
	iceudp_local_creds(o->ice, &creds);
	plugs.apps[0] = (struct jingle_what){&jingle_rtp, o->app};
	plugs.transports[0] = (struct jingle_how){&jingle_iceudp, o->ice};
	if (keyings & DTLS)
		plugs.keyings[plugs.nkeyings++] = (struct jingle_condition){&jingle_dtls_fp, o->fp};
	if (keyings & SDES)
		plugs.keyings[plugs.nkeyings++] = (struct jingle_condition){&jingle_sdes, o->sdes};
	o->s = (initiator ? jingle_dial : jingle_incoming)("s1", "a@b/c", "d@e/f", &plugs);
	if (initiator)
		jingle_start(o->s, 0);
	drain(o);
}

static void tell(struct one *o, const char *text)
{
	elem_auto e = xml(text);
	struct jingle_msg m;

	assert_int_equal(jingle_msg_read(&m, e), COND_OK);
	assert_int_equal(jingle_recv(o->s, &m, 1), COND_OK);
	drain(o);
}

static void finish(struct one *o)
{
	jingle_free(o->s);
	rtp_app_free(o->app);
	iceudp_free(o->ice);
	dtls_fp_free(o->fp);
	sdes_free(o->sdes);
	elem_free(o->sent);
}

static const struct elem *sent_crypto(const struct one *o)
{
	const struct elem *d = elem_child(elem_child(o->sent, "content", NULL), "description", NULL);

	return elem_child(elem_child(d, "encryption", NULL), "crypto", NULL);
}

static const struct elem *sent_fingerprint(const struct one *o)
{
	return elem_child(elem_child(elem_child(o->sent, "content", NULL), "transport", NULL), "fingerprint", NULL);
}

static void dinos_offer_of_both_is_met_by_the_one_that_is_preferred_rule_r14(void **state)
{
	static const struct { unsigned ours; const struct jingle_keying *chosen; } table[] = {
		{DTLS, &jingle_dtls_fp}, {DTLS | SDES, &jingle_dtls_fp}, {SDES, &jingle_sdes}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		gboolean sdes = table[i].chosen == &jingle_sdes;
		struct one juliet;

		begin(&juliet, FALSE, table[i].ours);
		tell(&juliet, DINO_OFFER(DINO_FINGERPRINT("actpass")));
		jingle_accept(juliet.s, 2);
		drain(&juliet);
		assert_ptr_equal(jingle_current_keying(juliet.s), table[i].chosen);
		assert_int_equal(sent_crypto(&juliet) != NULL, sdes);
		assert_int_equal(sent_fingerprint(&juliet) != NULL, !sdes);
		if (sdes)
			assert_elem_equal("<crypto " D " crypto-suite='" CM80 "' tag='1' "
					  "key-params='inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd'/>", sent_crypto(&juliet));
		finish(&juliet);
	}
}

static void the_keys_that_dino_was_recorded_with_are_read(void **state)
{
	static const char *const keys[] = {"ZivzE3fhD4pJ0L5bfbCdw5dtm+UXqM0Aony5hFbj", "IsLQMLNq3z5G+zaOczCXrUiOC8zqkonieJTy+Iwr",
		"yDg7yLZCDmmNvAiiaycxWC4mxWp76L9jjzuXv8Oo", "L8t+7gjK+4nhlk4Lo6+5NvLjLTlFOoYG6jYSuTTE",
		"SLhl0Clqmp9rA1+OYMRT9/Cmu3RNxeR2PAaSnexA", "Dp5p9yEpxOG+y9zhG30XvKcwvEQNqEd6OTZCTbpB",
		"b/PV67jFT8zVQNBBLKS8dxKmnP1DAFNhHPvbd12P", "tQjABkbo9HCLNlY9vc7T7gI18Dz4O3LmLv8HsuFq"};

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *offer = g_strdup_printf("<encryption><crypto key-params='inline:%s' crypto-suite='AES_CM_128_HMAC_SHA1_80' "
							 "tag='1'/></encryption>", keys[i]);

		assert_int_equal(hear(fresh(state), JINGLE_SESSION_INITIATE, offer), JC_OK);
	}
}

#define OFFER_WITH(description, transport, more) "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1'><content " \
	"creator='initiator' name='a'><description " D " media='audio'>" DINO_OPUS "<rtcp-mux/>" description "</description>" \
	"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='Iy1F' pwd='pGSi4WFfwxxsEW7nLmWKHF'>" transport \
	"</transport>" more "</content></jingle>"

static void what_requires_encryption_beside_a_fingerprint_is_satisfied_by_dtls(void **state)
{
	static const char *const offers[] = {
		OFFER_WITH("<encryption required='1'/>", DINO_FINGERPRINT("actpass"), ""),
		OFFER_WITH("<encryption required='true'>" C("F8_128_HMAC_SHA1_80", KEY30, "1") "</encryption>",
			   DINO_FINGERPRINT("actpass"), ""),
		OFFER_WITH("<encryption required='1'>" C(CM80, KEY30, "1") "</encryption>", DINO_FINGERPRINT("actpass"), ""),
		OFFER_WITH("", DINO_FINGERPRINT("actpass"), "<security xmlns='urn:xmpp:jingle:security:stub:0'/>")};

	for (size_t i = 0; i < 2 * G_N_ELEMENTS(offers); i++) {
		struct one juliet;

		begin(&juliet, FALSE, i & 1 ? DTLS : DTLS | SDES);
		tell(&juliet, offers[i / 2]);
		jingle_accept(juliet.s, 2);
		drain(&juliet);
		assert_int_equal(jingle_state(juliet.s), JINGLE_ACTIVE);
		assert_ptr_equal(jingle_current_keying(juliet.s), &jingle_dtls_fp);
		assert_non_null(sent_fingerprint(&juliet));
		assert_null(sent_crypto(&juliet));
		finish(&juliet);
	}
}

/* Neither may be left out where it is required and there is nothing else. */
static void what_requires_encryption_that_we_cannot_do_is_a_security_error(void **state)
{
	static const struct { unsigned ours; const char *offer, *end; } table[] = {
		{DTLS, OFFER_WITH("<encryption required='1'>" C(CM80, KEY30, "1") "</encryption>", "", ""), TERMINATED(REQUIRED)},
		{SDES, OFFER_WITH("<encryption required='1'/>", DINO_FINGERPRINT("actpass"), ""), TERMINATED(REQUIRED)},
		{SDES, OFFER_WITH("", "", "<security xmlns='urn:xmpp:jingle:security:stub:0'/>"), TERMINATED(REQUIRED)},
		{DTLS | SDES, OFFER_WITH("<encryption required='1'>" C("X", KEY30, "1") "</encryption>", "", ""), TERMINATED(INVALID)},
		{SDES, OFFER_WITH("<encryption required='1'>" C("F8_128_HMAC_SHA1_80", KEY30, "1") "</encryption>", "", ""),
		 TERMINATED(INVALID)}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct one juliet;

		begin(&juliet, FALSE, table[i].ours);
		tell(&juliet, table[i].offer);
		assert_elem_equal(table[i].end, juliet.sent);
		finish(&juliet);
	}
}

static void dinos_answer_chooses_sdes_where_it_was_offered(void **state)
{
	struct srtp_keys tx, rx;
	struct one romeo;

	begin(&romeo, TRUE, DTLS | SDES);
	assert_non_null(sent_crypto(&romeo));
	assert_non_null(sent_fingerprint(&romeo));
	tell(&romeo, DINO_ACCEPT(DINO_CRYPTO, ""));
	assert_ptr_equal(jingle_current_keying(romeo.s), &jingle_sdes);
	assert_int_equal(jingle_state(romeo.s), JINGLE_ACTIVE);
	assert_true(sdes_keys(romeo.sdes, &tx, &rx));
	assert_int_equal(rx.key[0], 0xc8);
	finish(&romeo);
}

static void an_answer_with_both_is_a_security_error_rule_r14(void **state)
{
	struct one romeo;

	begin(&romeo, TRUE, DTLS | SDES);
	tell(&romeo, DINO_ACCEPT(DINO_CRYPTO, DINO_FINGERPRINT("active")));
	assert_elem_equal(TERMINATED(INVALID), romeo.sent);
	finish(&romeo);
}

static void an_answer_without_keys_ends_with_crypto_required(void **state)
{
	for (unsigned ours = DTLS; ours <= (DTLS | SDES); ours++) {
		struct one romeo;

		begin(&romeo, TRUE, ours);
		tell(&romeo, DINO_ACCEPT("", ""));		/* also what libpurple, Gajim and QXmpp answer */
		assert_elem_equal(TERMINATED(REQUIRED), romeo.sent);
		finish(&romeo);
	}
}

static void an_offer_without_keys_of_ours_ends_with_crypto_required(void **state)
{
	struct one juliet;

	begin(&juliet, FALSE, DTLS);
	tell(&juliet, DINO_OFFER(""));			/* only SDES, which is not switched on */
	assert_elem_equal(TERMINATED(REQUIRED), juliet.sent);
	finish(&juliet);
}

static void an_answer_with_keys_that_cannot_be_used_ends_with_invalid_crypto(void **state)
{
	struct one romeo;

	begin(&romeo, TRUE, SDES);
	tell(&romeo, DINO_ACCEPT(ENC(C(CM80, KEY30, "9")), ""));
	assert_elem_equal(TERMINATED(INVALID), romeo.sent);
	finish(&romeo);
}

static void a_key_changed_by_description_info_ends_the_call(void **state)
{
	struct one romeo;

#define INFO(encryption) "<jingle xmlns='urn:xmpp:jingle:1' action='description-info' sid='s1'><content creator='initiator' " \
	"name='audio'><description " D " media='audio'>" encryption "</description></content></jingle>"
	begin(&romeo, TRUE, SDES);
	tell(&romeo, INFO(ENC(C(CM80, OTHER30, "3"))));		/* too early to mean anything */
	assert_null(jingle_current_keying(romeo.s));
	tell(&romeo, DINO_ACCEPT(DINO_CRYPTO, ""));
	tell(&romeo, INFO(""));
	tell(&romeo, INFO(DINO_CRYPTO));
	assert_int_equal(jingle_state(romeo.s), JINGLE_ACTIVE);
	tell(&romeo, INFO(ENC(C(CM80, KEY30, "3"))));
	assert_elem_equal(TERMINATED(INVALID), romeo.sent);
	finish(&romeo);
}

#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T_(the_offer_has_each_suite_with_a_key_of_its_own_the_strongest_first),
		T_(the_accept_has_the_tag_of_the_offer_and_a_key_of_ours),
		T_(no_other_message_gets_keys),
		T_(both_roles_get_the_same_keys_crosswise_in_every_suite),
		T_(it_is_in_a_message_that_has_a_crypto),
		T_(the_first_usable_line_is_taken),
		T_(nothing_of_a_line_that_was_passed_over_stays),
		T_(without_a_usable_line_it_is_a_security_error),
		T_(required_is_obeyed_in_each_spelling),
		T_(keys_are_read_strictly),
		T_(a_lifetime_is_no_matter),
		T_(an_mki_and_several_keys_are_passed_over),
		T_(a_session_parameter_that_weakens_or_is_unknown_is_passed_over),
		T_(names_are_read_in_either_case),
		T_(what_is_ambiguous_is_a_security_error),
		T_(enormous_offers_are_bounded),
		T_(a_sound_answer_gives_the_keys),
		T_(an_answer_that_was_not_offered_is_a_downgrade),
		T_(our_own_key_sent_back_is_an_attack),
		T_(what_was_agreed_may_be_said_again),
		T_(a_later_change_is_a_downgrade),
		T_(what_comes_before_the_accept_gives_no_keys),
		cmocka_unit_test(dinos_offer_of_both_is_met_by_the_one_that_is_preferred_rule_r14),
		T_(the_keys_that_dino_was_recorded_with_are_read),
		cmocka_unit_test(what_requires_encryption_beside_a_fingerprint_is_satisfied_by_dtls),
		cmocka_unit_test(what_requires_encryption_that_we_cannot_do_is_a_security_error),
		cmocka_unit_test(dinos_answer_chooses_sdes_where_it_was_offered),
		cmocka_unit_test(an_answer_with_both_is_a_security_error_rule_r14),
		cmocka_unit_test(an_answer_without_keys_ends_with_crypto_required),
		cmocka_unit_test(an_offer_without_keys_of_ours_ends_with_crypto_required),
		cmocka_unit_test(an_answer_with_keys_that_cannot_be_used_ends_with_invalid_crypto),
		cmocka_unit_test(a_key_changed_by_description_info_ends_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
