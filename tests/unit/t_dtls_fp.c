#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/dtls_fp.h"
#include "xml.h"

#define T "xmlns='urn:xmpp:jingle:transports:ice-udp:1'"
#define F "xmlns='urn:xmpp:jingle:apps:dtls:0'"
#define OUR_HEX "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:FF"
/* of Dino and of Chromium */
#define HEX "D7:35:BA:90:57:7C:1C:06:15:66:DE:16:B3:50:15:0F:B6:68:A4:93:AB:14:FB:FC:DA:1A:5A:00:26:B8:6C:9F"
#define OTHER "EA:E5:2B:D0:BE:45:E5:10:29:6F:F2:82:76:3C:1B:BB:07:3E:AB:3A:96:FB:52:7B:B3:18:DE:13:DF:3D:57:5B"
#define HEX16 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define HEX48 HEX16 ":" HEX16 ":" HEX16
#define HEX64 HEX48 ":" HEX16
#define SHA1 "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD"

static int setup(void **state)
{
	struct dtls_fingerprint ours = {.hash = DTLS_SHA256, .len = 32, .setup = DTLS_HOLDCONN};

	for (uint8_t i = 0; i < 31; i++)
		ours.value[i] = i;
	ours.value[31] = 0xff;
	*state = dtls_fp_new(&ours);
	return 0;
}

static int teardown(void **state)
{
	dtls_fp_free(*state);
	return 0;
}

/* Our K anew, after WRITTEN, if any, was written. */
static struct dtls_fp *fresh(void **state, enum jingle_action written)
{
	elem_auto transport = elem_new("transport", NS_ICE_UDP);

	teardown(state);
	setup(state);
	if (written != JINGLE_ACTION_NONE)
		jingle_dtls_fp.write(*state, written, NULL, transport);
	return *state;
}

static void assert_writes(struct dtls_fp *k, enum jingle_action action, const char *setup_word)
{
	elem_auto transport = elem_new("transport", NS_ICE_UDP);
	g_autofree char *expected = g_strdup_printf("<transport " T "><fingerprint " F " hash='sha-256' setup='%s'>" OUR_HEX
						    "</fingerprint></transport>", setup_word ? setup_word : "");

	jingle_dtls_fp.write(k, action, NULL, transport);
	assert_elem_equal(setup_word ? expected : "<transport " T "/>", transport);
}

/* What ACTION with these FINGERPRINTS comes to. */
static enum jc_err hear(struct dtls_fp *k, enum jingle_action action, const char *fingerprints)
{
	g_autofree char *text = g_strdup_printf("<transport " T " ufrag='bhxt'>%s</transport>", fingerprints);
	elem_auto e = xml(text);

	return jingle_dtls_fp.read(k, action, NULL, e);
}

static enum jc_err hear_one(struct dtls_fp *k, enum jingle_action action, const char *attrs, const char *hex)
{
	g_autofree char *text = g_strdup_printf("<fingerprint " F " %s>%s</fingerprint>", attrs, hex);

	return hear(k, action, text);
}

/* ---- ours ---- */

static void our_offer_is_actpass_in_upper_case_with_colons_rule_r13(void **state)
{
	assert_writes(*state, JINGLE_SESSION_INITIATE, "actpass");
}

static void no_fingerprint_goes_into_a_transport_info_rule_r13(void **state)
{
	assert_writes(*state, JINGLE_TRANSPORT_INFO, NULL);
	assert_writes(*state, JINGLE_SESSION_INITIATE, "actpass");
	assert_writes(*state, JINGLE_TRANSPORT_INFO, NULL);
}

static void we_answer_active_where_we_may_rule_r13(void **state)
{
	static const struct {
		const char *theirs, *ours;
		gboolean client;
	} table[] = {{"hash='sha-256' setup='actpass'", "active", TRUE}, {"hash='sha-256' setup='passive'", "active", TRUE},
		     {"hash='sha-256' setup='active'", "passive", FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct dtls_fp *k = fresh(state, JINGLE_ACTION_NONE);

		assert_int_equal(hear_one(k, JINGLE_SESSION_INITIATE, table[i].theirs, HEX), JC_OK);
		assert_writes(k, JINGLE_SESSION_ACCEPT, table[i].ours);
		assert_int_equal(dtls_fp_we_are_client(k), table[i].client);
	}
}

/* ---- theirs ---- */

static void an_offer_is_remembered(void **state)
{
	struct dtls_fingerprint fp;

	assert_false(dtls_fp_remote(*state, &fp));
	assert_int_equal(hear_one(*state, JINGLE_SESSION_INITIATE, "hash='sha-256' setup='actpass'", HEX), JC_OK);
	assert_true(dtls_fp_remote(*state, &fp));
	assert_int_equal(fp.hash, DTLS_SHA256);
	assert_int_equal(fp.setup, DTLS_ACTPASS);
	assert_int_equal(fp.len, 32);
	assert_int_equal(fp.value[0], 0xd7);
	assert_int_equal(fp.value[31], 0x9f);
}

static void the_role_follows_from_the_answer(void **state)
{
	struct dtls_fp *k = fresh(state, JINGLE_SESSION_INITIATE);

	assert_int_equal(hear_one(k, JINGLE_SESSION_ACCEPT, "hash='sha-256' setup='active'", HEX), JC_OK);
	assert_false(dtls_fp_we_are_client(k));
	k = fresh(state, JINGLE_SESSION_INITIATE);
	assert_int_equal(hear_one(k, JINGLE_SESSION_ACCEPT, "hash='sha-256' setup='passive'", HEX), JC_OK);
	assert_true(dtls_fp_we_are_client(k));
}

static void a_setup_that_does_not_fit_ends_the_call(void **state)
{
	static const char *const answers[] = {"hash='sha-256' setup='actpass'", "hash='sha-256' setup='holdconn'",
		"hash='sha-256'", "hash='sha-256' setup=''", "hash='sha-256' setup='ACTIVE'", "hash='sha-256' setup='x'"};
	static const char *const offers[] = {"hash='sha-256' setup='holdconn'", "hash='sha-256'", "hash='sha-256' setup='x'"};
	struct dtls_fingerprint fp;

	for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
		assert_int_equal(hear_one(fresh(state, JINGLE_SESSION_INITIATE), JINGLE_SESSION_ACCEPT, answers[i], HEX),
				 JC_SECURITY);
		assert_false(dtls_fp_remote(*state, &fp));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(offers); i++)
		assert_int_equal(hear_one(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE, offers[i], HEX),
				 JC_SECURITY);
}

static void an_answer_without_fingerprint_is_a_downgrade(void **state)
{
	/* libpurple, Gajim and QXmpp accept a DTLS offer so */
	assert_int_equal(hear(fresh(state, JINGLE_SESSION_INITIATE), JINGLE_SESSION_ACCEPT, ""), JC_SECURITY);
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE, ""), JC_SECURITY);
	assert_int_equal(hear(fresh(state, JINGLE_SESSION_INITIATE), JINGLE_TRANSPORT_INFO, ""), JC_OK);
}

static void sdes_does_not_stand_in_for_it_rule_r14(void **state)
{
	elem_auto description = xml("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><encryption><crypto "
		"key-params='inline:SLhl0Clqmp9rA1+OYMRT9/Cmu3RNxeR2PAaSnexA' crypto-suite='AES_CM_128_HMAC_SHA1_80' tag='1'/>"
		"</encryption></description>");
	elem_auto transport = elem_new("transport", NS_ICE_UDP);

	assert_int_equal(jingle_dtls_fp.read(*state, JINGLE_SESSION_INITIATE, description, transport), JC_SECURITY);
}

static void it_is_in_a_message_that_has_a_fingerprint_of_any_kind(void **state)
{
	static const struct { const char *text; gboolean in; } table[] = {
		{"<transport " T "><fingerprint " F " hash='sha-256' setup='actpass'>" HEX "</fingerprint></transport>", TRUE},
		{"<transport " T "><fingerprint " F "/></transport>", TRUE},		/* read() will say what it is worth */
		{"<transport " T "><fingerprint xmlns='http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification'/></transport>", TRUE},
		{"<transport " T "><fingerprint/></transport>", FALSE}, {"<transport " T "/>", FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		elem_auto transport = xml(table[i].text);

		assert_int_equal(jingle_dtls_fp.in(NULL, transport), table[i].in);
	}
	assert_false(jingle_dtls_fp.in(NULL, NULL));
}

static void required_encryption_beside_it_is_satisfied(void **state)
{
	elem_auto description = xml("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><encryption required='1'/>"
				    "</description>");
	elem_auto transport = xml("<transport " T "><fingerprint " F " hash='sha-256' setup='actpass'>" HEX "</fingerprint>"
				  "</transport>");

	assert_int_equal(jingle_dtls_fp.read(*state, JINGLE_SESSION_INITIATE, description, transport), JC_OK);
	jingle_dtls_fp.write(*state, JINGLE_SESSION_ACCEPT, description, transport);
	assert_null(elem_child(elem_child(description, "encryption", NULL), "crypto", NULL));
}

static void one_that_only_omemo_can_read_is_none_rule_r16(void **state)
{
	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, "<fingerprint "
		"xmlns='http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification' hash='sha-256' setup='actpass'>"
		"<encrypted xmlns='eu.siacs.conversations.axolotl'/></fingerprint>"), JC_SECURITY);
	assert_non_null(strstr(jingle_dtls_fp.why(*state), "OMEMO"));
	assert_int_equal(hear_one(*state, JINGLE_SESSION_INITIATE, "hash='sha-256' setup='actpass'", HEX), JC_OK);
	assert_null(jingle_dtls_fp.why(*state));
}

static void lower_case_and_blanks_around_are_read(void **state)
{
	g_autofree char *lower = g_ascii_strdown("\n  " HEX "  \n", -1);
	struct dtls_fingerprint fp;

	assert_int_equal(hear_one(*state, JINGLE_SESSION_INITIATE, "hash='SHA-256' setup='actpass'", lower), JC_OK);
	assert_true(dtls_fp_remote(*state, &fp));
	assert_int_equal(fp.value[0], 0xd7);
}

static void longer_hashes_are_taken(void **state)
{
	struct dtls_fingerprint fp;

	assert_int_equal(hear_one(*state, JINGLE_SESSION_INITIATE, "hash='sha-384' setup='actpass'", HEX48), JC_OK);
	assert_true(dtls_fp_remote(*state, &fp));
	assert_int_equal(fp.hash, DTLS_SHA384);
	assert_int_equal(fp.len, 48);
	fresh(state, JINGLE_ACTION_NONE);
	assert_int_equal(hear_one(*state, JINGLE_SESSION_INITIATE, "hash='sha-512' setup='actpass'", HEX64), JC_OK);
	assert_true(dtls_fp_remote(*state, &fp));
	assert_int_equal(fp.hash, DTLS_SHA512);
	assert_int_equal(fp.len, 64);
	assert_int_equal(fp.value[63], 0xff);
}

static void a_malformed_value_ends_the_call(void **state)
{
	static const char *const bad[] = {"", ":", "D7", HEX16, HEX48, HEX ":", ":" HEX, HEX ":00", HEX "0",
		"G" HEX16 ":" HEX16, "0" HEX16 ":" HEX16, "00 11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:" HEX16,
		"0:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:" HEX16, "00112233445566778899AABBCCDDEEFF" HEX16,
		"00:1G:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:" HEX16, "00::22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:" HEX16};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (hear_one(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE, "hash='sha-256' setup='actpass'",
			     bad[i]) != JC_SECURITY)
			fail_msg("%s was read", bad[i]);
}

static void a_weak_or_unknown_hash_alone_ends_the_call(void **state)
{
	static const char *const bad[] = {"hash='sha-1' setup='actpass'", "hash='md5' setup='actpass'",
		"hash='sha-224' setup='actpass'", "hash='blake2b256' setup='actpass'", "hash='' setup='actpass'",
		"setup='actpass'"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_int_equal(hear_one(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE, bad[i],
					  strstr(bad[i], "sha-1") ? SHA1 : HEX), JC_SECURITY);
}

#define FP(hash, setup, hex) "<fingerprint " F " hash='" hash "' setup='" setup "'>" hex "</fingerprint>"

static void the_strongest_of_several_counts(void **state)
{
	struct dtls_fingerprint fp;

	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, FP("sha-1", "actpass", SHA1) FP("sha-256", "actpass", HEX)
		FP("sha-512", "actpass", HEX64) FP("sha-384", "actpass", HEX48) FP("sha3-256", "actpass", OTHER)), JC_OK);
	assert_true(dtls_fp_remote(*state, &fp));
	assert_int_equal(fp.hash, DTLS_SHA512);
	assert_int_equal(hear(*state, JINGLE_TRANSPORT_INFO, FP("sha-256", "actpass", HEX) FP("sha-512", "actpass", HEX64)),
			 JC_OK);
}

static void several_that_contradict_each_other_end_the_call(void **state)
{
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE,
			      FP("sha-256", "actpass", HEX) FP("sha-256", "actpass", OTHER)), JC_SECURITY);
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE,
			      FP("sha-256", "actpass", HEX) FP("sha-512", "active", HEX64)), JC_SECURITY);
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE,
			      FP("sha-256", "actpass", HEX) FP("sha-512", "actpass", HEX)), JC_SECURITY);
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE,
			      FP("sha-256", "actpass", HEX) FP("sha-256", "actpass", HEX)), JC_OK);
}

static void too_many_end_the_call(void **state)
{
#define ONE FP("sha-256", "actpass", HEX)
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE, ONE ONE ONE ONE), JC_OK);
	assert_int_equal(hear(fresh(state, JINGLE_ACTION_NONE), JINGLE_SESSION_INITIATE, ONE ONE ONE ONE ONE), JC_SECURITY);
}

/* ---- before and after the accept ---- */

static void it_may_come_before_the_accept_rule_r15(void **state)
{
	struct dtls_fp *k = fresh(state, JINGLE_SESSION_INITIATE);
	struct dtls_fingerprint fp;

	assert_int_equal(hear_one(k, JINGLE_TRANSPORT_INFO, "hash='sha-256' setup='active'", HEX), JC_OK);
	assert_true(dtls_fp_remote(k, &fp));			/* the handshake may begin */
	assert_false(dtls_fp_we_are_client(k));
	assert_int_equal(hear(k, JINGLE_SESSION_ACCEPT, ""), JC_OK);
	assert_int_equal(hear_one(k, JINGLE_SESSION_ACCEPT, "hash='sha-256' setup='active'", HEX), JC_OK);
	assert_int_equal(hear_one(k, JINGLE_SESSION_ACCEPT, "hash='sha-256'", HEX), JC_OK);
}

static void what_came_early_may_not_change_in_the_accept_rule_r15(void **state)
{
	static const char *const changed[] = {FP("sha-256", "active", OTHER), FP("sha-256", "passive", HEX),
		FP("sha-512", "active", HEX64), FP("sha-256", "actpass", HEX)};

	for (size_t i = 0; i < G_N_ELEMENTS(changed); i++) {
		struct dtls_fp *k = fresh(state, JINGLE_SESSION_INITIATE);

		assert_int_equal(hear_one(k, JINGLE_TRANSPORT_INFO, "hash='sha-256' setup='active'", HEX), JC_OK);
		assert_int_equal(hear(k, JINGLE_SESSION_ACCEPT, changed[i]), JC_SECURITY);
	}
}

static void an_early_one_without_role_waits_for_the_accept(void **state)
{
	static const char *const early[] = {"hash='sha-256'", "hash='sha-256' setup='actpass'"};
	struct dtls_fingerprint fp;

	for (size_t i = 0; i < G_N_ELEMENTS(early); i++) {
		struct dtls_fp *k = fresh(state, JINGLE_SESSION_INITIATE);

		assert_int_equal(hear_one(k, JINGLE_TRANSPORT_INFO, early[i], HEX), JC_OK);
		assert_false(dtls_fp_remote(k, &fp));
		assert_int_equal(hear_one(k, JINGLE_SESSION_ACCEPT, "hash='sha-256' setup='passive'", HEX), JC_OK);
		assert_true(dtls_fp_remote(k, &fp));
		assert_true(dtls_fp_we_are_client(k));

		k = fresh(state, JINGLE_SESSION_INITIATE);
		assert_int_equal(hear_one(k, JINGLE_TRANSPORT_INFO, early[i], HEX), JC_OK);
		assert_int_equal(hear(k, JINGLE_SESSION_ACCEPT, ""), JC_SECURITY);
		assert_int_equal(hear_one(k, JINGLE_SESSION_ACCEPT, "hash='sha-256' setup='active'", OTHER), JC_SECURITY);
		assert_int_equal(hear_one(k, JINGLE_TRANSPORT_INFO, "hash='sha-256'", OTHER), JC_SECURITY);
	}
	assert_int_equal(hear_one(fresh(state, JINGLE_SESSION_INITIATE), JINGLE_TRANSPORT_INFO,
				  "hash='sha-256' setup='holdconn'", HEX), JC_SECURITY);
}

static void chromium_repeats_it_unchanged_at_an_ice_restart(void **state)
{
	struct dtls_fp *k = fresh(state, JINGLE_ACTION_NONE);

	assert_int_equal(hear(k, JINGLE_SESSION_INITIATE, FP("sha-256", "active", HEX)), JC_OK);
	assert_writes(k, JINGLE_SESSION_ACCEPT, "passive");
	assert_int_equal(hear(k, JINGLE_TRANSPORT_INFO, FP("sha-256", "actpass", HEX)), JC_OK);
	assert_false(dtls_fp_we_are_client(k));			/* the handshake was, and the roles stay */
	assert_int_equal(hear(k, JINGLE_TRANSPORT_INFO, FP("sha-256", "actpass", OTHER)), JC_SECURITY);

	k = fresh(state, JINGLE_SESSION_INITIATE);
	assert_int_equal(hear(k, JINGLE_SESSION_ACCEPT, FP("sha-256", "active", HEX)), JC_OK);
	assert_int_equal(hear(k, JINGLE_TRANSPORT_INFO, FP("sha-256", "actpass", HEX)), JC_OK);
	assert_false(dtls_fp_we_are_client(k));
	assert_int_equal(hear(k, JINGLE_TRANSPORT_INFO, FP("sha-256", "active", OTHER)), JC_SECURITY);
}

/* Another transport has the same certificate, and the roles stay as they were. */
static void a_replaced_transport_repeats_it_and_may_not_change_it(void **state)
{
	static const enum jingle_action actions[] = {JINGLE_TRANSPORT_REPLACE, JINGLE_TRANSPORT_ACCEPT};

	for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
		struct dtls_fp *k = fresh(state, JINGLE_SESSION_INITIATE);
		struct dtls_fingerprint fp;

		assert_int_equal(hear(k, JINGLE_SESSION_ACCEPT, FP("sha-256", "active", HEX)), JC_OK);
		assert_writes(k, actions[i], "passive");
		assert_int_equal(hear(k, actions[i], FP("sha-256", "active", HEX)), JC_OK);
		assert_int_equal(hear(k, actions[i], ""), JC_OK);		/* nothing else is in force by that */
		assert_int_equal(hear(k, actions[i], FP("sha-256", "active", OTHER)), JC_SECURITY);
		assert_true(dtls_fp_remote(k, &fp));
		assert_int_equal(fp.value[0], 0xd7);

		k = fresh(state, JINGLE_ACTION_NONE);
		assert_int_equal(hear(k, JINGLE_SESSION_INITIATE, FP("sha-256", "actpass", HEX)), JC_OK);
		assert_writes(k, actions[i], NULL);				/* the session-accept will tell */
		assert_writes(k, JINGLE_SESSION_ACCEPT, "active");
		assert_writes(k, actions[i], "active");
		assert_int_equal(hear(k, actions[i], FP("sha-256", "passive", OTHER)), JC_SECURITY);
	}
}

static void a_refused_change_leaves_the_first_one(void **state)
{
	struct dtls_fingerprint fp;

	assert_int_equal(hear(*state, JINGLE_SESSION_INITIATE, FP("sha-256", "actpass", HEX)), JC_OK);
	assert_int_equal(hear(*state, JINGLE_TRANSPORT_INFO, FP("sha-256", "actpass", OTHER)), JC_SECURITY);
	assert_true(dtls_fp_remote(*state, &fp));
	assert_int_equal(fp.value[0], 0xd7);
}

#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T_(our_offer_is_actpass_in_upper_case_with_colons_rule_r13),
		T_(no_fingerprint_goes_into_a_transport_info_rule_r13),
		T_(we_answer_active_where_we_may_rule_r13),
		T_(an_offer_is_remembered),
		T_(the_role_follows_from_the_answer),
		T_(a_setup_that_does_not_fit_ends_the_call),
		T_(an_answer_without_fingerprint_is_a_downgrade),
		T_(sdes_does_not_stand_in_for_it_rule_r14),
		T_(it_is_in_a_message_that_has_a_fingerprint_of_any_kind),
		T_(required_encryption_beside_it_is_satisfied),
		T_(one_that_only_omemo_can_read_is_none_rule_r16),
		T_(lower_case_and_blanks_around_are_read),
		T_(longer_hashes_are_taken),
		T_(a_malformed_value_ends_the_call),
		T_(a_weak_or_unknown_hash_alone_ends_the_call),
		T_(the_strongest_of_several_counts),
		T_(several_that_contradict_each_other_end_the_call),
		T_(too_many_end_the_call),
		T_(it_may_come_before_the_accept_rule_r15),
		T_(what_came_early_may_not_change_in_the_accept_rule_r15),
		T_(an_early_one_without_role_waits_for_the_accept),
		T_(chromium_repeats_it_unchanged_at_an_ice_restart),
		T_(a_replaced_transport_repeats_it_and_may_not_change_it),
		T_(a_refused_change_leaves_the_first_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
