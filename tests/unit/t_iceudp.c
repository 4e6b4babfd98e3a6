#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/iceudp.h"
#include "xml.h"

#define T "xmlns='urn:xmpp:jingle:transports:ice-udp:1'"
#define OUR_UFRAG "jUst"
#define OUR_PWD "0123456789abcdefghijkl"
#define PWD "SYzg1hFEJnDYTIwvm0cfuT+7"

static const struct ice_creds ours = {.ufrag = OUR_UFRAG, .pwd = OUR_PWD};
static const struct ice_creds newer = {.ufrag = "neWr", .pwd = "ABCDEFGHIJKLMNOPQRSTUV"};

static int setup(void **state)
{
	*state = iceudp_new();
	return 0;
}

static int teardown(void **state)
{
	iceudp_free(*state);
	return 0;
}

static struct ice_cand host(const char *ip, uint16_t port)
{
	struct ice_cand c = {.foundation = "1", .component = 1, .id = "6c0c1f0e-3c2a-4a48-9f3b-5a0c3a9ad7c1", .port = port,
			     .priority = 2015363327, .type = ICE_HOST};

	g_strlcpy(c.ip, ip, sizeof(c.ip));
	return c;
}

static void gather(struct iceudp *t, const char *ip, uint16_t port)
{
	struct ice_cand c = host(ip, port);

	iceudp_local_cand(t, &c);
}

static void assert_writes(struct iceudp *t, enum jingle_action action, const char *expected)
{
	elem_auto e = jingle_iceudp.write(t, action);

	if (!expected)
		assert_null(e);
	else
		assert_elem_equal(expected, e);
}

static enum jc_err hear_as(struct iceudp *t, enum jingle_action action, const char *text)
{
	elem_auto e = xml(text);

	return jingle_iceudp.read(t, action, e);
}

static enum jc_err hear(struct iceudp *t, const char *text)
{
	return hear_as(t, JINGLE_TRANSPORT_INFO, text);
}

/* Takes a candidate at IP, with PORT, beside the credentials given by ATTRS. */
static void hear_cand(struct iceudp *t, const char *attrs, const char *ip, unsigned port)
{
	g_autofree char *text = g_strdup_printf("<transport " T " %s><candidate component='1' foundation='1' ip='%s' "
		"port='%u' priority='2122194687' protocol='udp' type='host'/></transport>", attrs, ip, port);

	assert_int_equal(hear(t, text), JC_OK);
}

static void assert_next(struct iceudp *t, const char *ip, unsigned port)
{
	struct ice_cand c;

	assert_true(iceudp_remote_cand(t, &c));
	assert_string_equal(c.ip, ip);
	assert_int_equal(c.port, port);
}

static void assert_none(struct iceudp *t)
{
	struct ice_cand c;

	assert_false(iceudp_remote_cand(t, &c));
}

static void assert_creds(struct iceudp *t, const char *ufrag, const char *pwd)
{
	struct ice_creds c;

	assert_true(iceudp_remote_creds(t, &c));
	assert_string_equal(c.ufrag, ufrag);
	assert_string_equal(c.pwd, pwd);
	assert_false(iceudp_remote_creds(t, &c));
}

/* ---- what we write ---- */

static void the_offer_has_all_that_is_known_and_the_rest_goes_one_by_one_rule_r22(void **state)
{
	struct iceudp *t = *state;

	iceudp_local_creds(t, &ours);
	gather(t, "192.0.2.2", 1);
	gather(t, "fd00::2", 2);
	assert_writes(t, JINGLE_SESSION_INITIATE, "<transport " T " ufrag='" OUR_UFRAG "' pwd='" OUR_PWD "'>"
		"<candidate ip='192.0.2.2' component='1' foundation='1' generation='0' network='0' port='1' id='*' priority='*' "
		"protocol='udp' type='host'/><candidate ip='fd00::2' component='1' foundation='1' generation='0' network='0' "
		"port='2' id='*' priority='*' protocol='udp' type='host'/></transport>");
	assert_false(iceudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
	gather(t, "198.51.100.1", 3);
	gather(t, "198.51.100.2", 4);
	for (int i = 1; i <= 2; i++) {
		g_autofree char *expected = g_strdup_printf("<transport " T " ufrag='" OUR_UFRAG "' pwd='" OUR_PWD "'>"
			"<candidate ip='198.51.100.%d' component='1' foundation='1' generation='0' network='0' port='%d' id='*' "
			"priority='*' protocol='udp' type='host'/></transport>", i, i + 2);

		assert_true(iceudp_has_news(t));
		assert_writes(t, JINGLE_TRANSPORT_INFO, expected);
	}
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
}

static void an_accept_without_candidates_yet_has_the_credentials(void **state)
{
	iceudp_local_creds(*state, &ours);
	assert_writes(*state, JINGLE_SESSION_ACCEPT, "<transport " T " ufrag='" OUR_UFRAG "' pwd='" OUR_PWD "'/>");
}

static void nothing_is_trickled_before_there_are_credentials(void **state)
{
	gather(*state, "192.0.2.2", 1);
	assert_false(iceudp_has_news(*state));
	assert_writes(*state, JINGLE_TRANSPORT_INFO, NULL);
}

static void the_same_credentials_again_are_no_restart(void **state)
{
	struct iceudp *t = *state;

	iceudp_local_creds(t, &ours);
	gather(t, "192.0.2.2", 1);
	iceudp_local_creds(t, &ours);
	elem_free(jingle_iceudp.write(t, JINGLE_SESSION_INITIATE));
	iceudp_local_creds(t, &ours);
	assert_false(iceudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
}

static void there_are_only_so_many_of_ours(void **state)
{
	struct iceudp *t = *state;
	elem_auto e = NULL;
	int n = 0;

	iceudp_local_creds(t, &ours);
	for (uint16_t port = 1; port <= 100; port++)
		gather(t, "192.0.2.2", port);
	e = jingle_iceudp.write(t, JINGLE_SESSION_INITIATE);
	for (const struct elem *c = elem_child(e, "candidate", NULL); c; c = elem_next(c, "candidate", NULL))
		n++;
	assert_int_equal(n, 40);
	gather(t, "192.0.2.2", 101);
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
}

/* ---- what the peer says ---- */

static void libpurples_six_candidates_are_two_rules_r19_r25(void **state)
{
	struct iceudp *t = *state;

	assert_int_equal(hear_as(t, JINGLE_SESSION_INITIATE, "<transport pwd='WhTtsJg483Zc3p6H76NR95' " T " ufrag='tGUL'>"
		"<candidate protocol='udp' component='2' id='purple97f3026f' type='host' priority='2015363326' ip='192.0.2.2' "
		"port='49149' network='0' foundation='1' generation='0'/>"
		"<candidate protocol='udp' component='1' id='purple97f30270' type='host' priority='2015363327' ip='192.0.2.2' "
		"port='37173' network='0' foundation='1' generation='0'/>"
		"<candidate protocol='udp' component='1' id='purple97f30271' type='host' priority='2015363583' ip='fd00::2' "
		"port='34314' network='0' foundation='4' generation='0'/>"
		"<candidate protocol='udp' component='1' id='purple97f30272' type='host' priority='2015363839' "
		"ip='fe80::fc:ff:fe00:1' port='57298' network='0' foundation='7' generation='0'/>"
		"<candidate protocol='udp' component='2' id='purple97f30273' type='host' priority='2015363582' ip='fd00::2' "
		"port='39559' network='0' foundation='4' generation='0'/>"
		"<candidate protocol='udp' component='2' id='purple97f30274' type='host' priority='2015363838' "
		"ip='fe80::fc:ff:fe00:1' port='40594' network='0' foundation='7' generation='0'/></transport>"), JC_OK);
	assert_creds(t, "tGUL", "WhTtsJg483Zc3p6H76NR95");
	assert_next(t, "192.0.2.2", 37173);
	assert_next(t, "fd00::2", 34314);
	assert_none(t);
	assert_int_equal(iceudp_skipped(t), 4);
}

static void qxmpps_foundation_of_32_characters_fits(void **state)
{
	assert_int_equal(hear(*state, "<transport pwd='m0lQbQYuYLqQSbi4LlnYPf' " T " ufrag='n0yY'><candidate protocol='udp' "
		"component='1' id='mXScEjyZ4f' type='host' priority='2130706431' ip='192.0.2.2' port='49152' network='0' "
		"foundation='e511effe91667546d0c914c88f6b74d6' generation='0'/></transport>"), JC_OK);
	assert_next(*state, "192.0.2.2", 49152);
}

static void chromiums_tcp_candidate_is_skipped_rule_r21(void **state)
{
	assert_int_equal(hear(*state, "<transport " T " ufrag='4B5T'><candidate component='1' foundation='387724994' "
		"ip='192.0.2.2' port='9' priority='1518214911' protocol='tcp' tcptype='active' type='host'/></transport>"), JC_OK);
	assert_none(*state);
	assert_int_equal(iceudp_skipped(*state), 1);
}

static void addresses_nobody_can_be_reached_at_are_skipped_rule_r25(void **state)
{
	static const char *const good[] = {"192.0.2.2", "10.0.0.1", "169.254.1.1", "223.255.255.255", "2001:db8::1", "fd00::1"};
	static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1",
		"127.0.0.1", "127.255.0.1", "::1", "::", "ff02::1", "fe80::1", "febf::1", "fe80::1%eth0", "::ffff:192.0.2.2",
		"::192.0.2.2", "3b7d5a52-6f3a-4c2e.local", "example.org", "192.0.2", "192.0.2.2 ", "1", "[fd00::1]", "010.1.1.1"};
	struct iceudp *t = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		hear_cand(t, "", good[i], 1);
		assert_next(t, good[i], 1);
	}
	assert_int_equal(iceudp_skipped(t), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		hear_cand(t, "", bad[i], 1);
		if (iceudp_skipped(t) != i + 1)
			fail_msg("%s was taken", bad[i]);
	}
	assert_none(t);
}

static void loopback_is_taken_where_the_owner_allows(void **state)
{
	struct iceudp *t = *state;

	iceudp_allow_loopback(t, TRUE);
	hear_cand(t, "", "127.0.0.1", 1);
	hear_cand(t, "", "::1", 2);
	assert_next(t, "127.0.0.1", 1);
	assert_next(t, "::1", 2);
	hear_cand(t, "", "::ffff:127.0.0.1", 2);
	assert_none(t);
}

static void what_is_said_twice_is_taken_once(void **state)
{
	struct iceudp *t = *state;

	hear_cand(t, "", "192.0.2.2", 1);
	hear_cand(t, "", "192.0.2.2", 2);
	hear_cand(t, "", "192.0.2.2", 1);
	assert_next(t, "192.0.2.2", 1);
	assert_next(t, "192.0.2.2", 2);
	assert_none(t);
	hear_cand(t, "", "192.0.2.2", 1);
	assert_none(t);
	assert_int_equal(iceudp_skipped(t), 0);
}

static void only_so_many_are_taken(void **state)
{
	struct iceudp *t = *state;
	struct ice_cand c;
	int n = 0;

	for (unsigned port = 1; port <= 1000; port++)
		hear_cand(t, "", "192.0.2.2", port);
	while (iceudp_remote_cand(t, &c))
		n++;
	assert_int_equal(n, MAX_REMOTE_CANDIDATES);
	assert_int_equal(iceudp_skipped(t), 1000 - MAX_REMOTE_CANDIDATES);
	hear_cand(t, "", "192.0.2.3", 1);		/* handing them on makes no room */
	assert_none(t);
}

static void a_ufrag_alone_and_no_credentials_mean_unchanged_rule_r22(void **state)
{
	struct iceudp *t = *state;
	struct ice_creds c;

	hear_cand(t, "ufrag='veQx' pwd='" PWD "'", "192.0.2.2", 1);
	assert_creds(t, "veQx", PWD);
	hear_cand(t, "ufrag='veQx'", "192.0.2.2", 2);
	hear_cand(t, "", "192.0.2.2", 3);
	hear_cand(t, "ufrag='veQx' pwd='" PWD "'", "192.0.2.2", 4);
	assert_false(iceudp_remote_creds(t, &c));
	for (unsigned port = 1; port <= 4; port++)
		assert_next(t, "192.0.2.2", port);
}

static void candidates_may_come_before_the_credentials_rule_r24(void **state)
{
	struct iceudp *t = *state;

	hear_cand(t, "ufrag='veQx'", "192.0.2.2", 1);
	assert_next(t, "192.0.2.2", 1);
	assert_int_equal(hear(t, "<transport " T " ufrag='veQx' pwd='" PWD "'/>"), JC_OK);
	assert_creds(t, "veQx", PWD);
}

static void credentials_are_of_the_lengths_and_characters_of_rfc_8445(void **state)
{
	g_autofree char *longest = g_strnfill(256, 'a'), *too_long = g_strnfill(257, 'a');
	const struct {
		const char *ufrag, *pwd;
		enum jc_err err;
	} table[] = {{"abcd", "0123456789012345678901", JC_OK}, {"a+/9", "abcdefghijklmnopqrst+/", JC_OK},
		     {longest, longest, JC_OK}, {"abc", PWD, JC_PROTOCOL}, {"", PWD, JC_PROTOCOL},
		     {"abcd", "012345678901234567890", JC_PROTOCOL}, {"abcd", "", JC_PROTOCOL}, {too_long, PWD, JC_PROTOCOL},
		     {"abcd", too_long, JC_PROTOCOL}, {"ab d", PWD, JC_PROTOCOL}, {"abc=", PWD, JC_PROTOCOL},
		     {"abc\xc3\xa9", PWD, JC_PROTOCOL}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct iceudp *t = iceudp_new();
		elem_auto e = elem_new("transport", NS_ICE_UDP);
		struct ice_creds c;

		elem_set(e, "ufrag", table[i].ufrag);
		elem_set(e, "pwd", table[i].pwd);
		if (jingle_iceudp.read(t, JINGLE_SESSION_INITIATE, e) != table[i].err)
			fail_msg("row %zu", i);
		assert_int_equal(iceudp_remote_creds(t, &c), table[i].err == JC_OK);
		iceudp_free(t);
	}
}

static void gathering_complete_is_told_once_and_is_no_candidate_rule_r24(void **state)
{
	struct iceudp *t = *state;

	assert_false(iceudp_remote_done(t));
	assert_int_equal(hear(t, "<transport " T " ufrag='veQx'><gathering-complete/></transport>"), JC_OK);
	assert_true(iceudp_remote_done(t));
	assert_false(iceudp_remote_done(t));
	assert_none(t);
	assert_int_equal(iceudp_skipped(t), 0);
}

/* ---- ICE restart, rule R23 ---- */

static void begin_call(struct iceudp *t)
{
	iceudp_local_creds(t, &ours);
	gather(t, "192.0.2.1", 1);
	elem_free(jingle_iceudp.write(t, JINGLE_SESSION_INITIATE));
	hear_cand(t, "ufrag='cfQs' pwd='" PWD "'", "192.0.2.2", 1);
	assert_creds(t, "cfQs", PWD);
	assert_next(t, "192.0.2.2", 1);
}

static void chromiums_restart_gives_new_credentials_and_forgets_old_candidates(void **state)
{
	struct iceudp *t = *state;

	begin_call(t);
	hear_cand(t, "ufrag='cfQs'", "192.0.2.2", 2);		/* not handed on yet */
	assert_int_equal(hear(t, "<transport " T " ufrag='cfQs'><gathering-complete/></transport>"), JC_OK);
	assert_int_equal(hear(t, "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"), JC_OK);
	assert_creds(t, "4B5T", "po9Cm9x0QKpkV0EDKjWEy25f");
	assert_none(t);
	assert_false(iceudp_remote_done(t));
	hear_cand(t, "ufrag='cfQs'", "192.0.2.2", 3);		/* a late one of before */
	assert_none(t);
	assert_int_equal(iceudp_skipped(t), 1);
	hear_cand(t, "ufrag='4B5T'", "192.0.2.2", 1);		/* the same address counts again */
	assert_next(t, "192.0.2.2", 1);
}

/* Where the peer asks for ICE anew the way in force is given up for it: that must lead somewhere. */
static void a_replacement_needs_new_credentials(void **state)
{
	static const char *const no[] = {"<transport " T "/>", "<transport " T " ufrag='4B5T'/>", "<transport " T " pwd='" PWD "'/>",
					 "<transport " T " ufrag='a b' pwd='short'/>",
					 "<transport " T " ufrag='cfQs' pwd='" PWD "'/>"};	/* those in force */
	struct iceudp *t = *state;
	struct ice_creds c;

	assert_int_equal(hear(t, "<transport " T " ufrag='cfQs' pwd='" PWD "'/>"), JC_OK);
	assert_true(iceudp_remote_creds(t, &c));
	for (size_t i = 0; i < G_N_ELEMENTS(no); i++)
		assert_int_equal(hear_as(t, JINGLE_TRANSPORT_REPLACE, no[i]), JC_PROTOCOL);
	assert_false(iceudp_remote_creds(t, &c));
	assert_int_equal(hear_as(t, JINGLE_TRANSPORT_REPLACE, "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"), JC_OK);
	assert_creds(t, "4B5T", "po9Cm9x0QKpkV0EDKjWEy25f");
}

static void our_answer_to_a_restart_has_a_candidate_rule_r23(void **state)
{
	struct iceudp *t = *state;

	begin_call(t);
	assert_int_equal(hear(t, "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"), JC_OK);
	iceudp_local_creds(t, &newer);
	assert_false(iceudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
	gather(t, "192.0.2.1", 7);
	assert_true(iceudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T " ufrag='neWr' pwd='ABCDEFGHIJKLMNOPQRSTUV'><candidate "
		"ip='192.0.2.1' component='1' foundation='1' generation='0' network='0' port='7' id='*' priority='*' "
		"protocol='udp' type='host'/></transport>");
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
}

static void once_answered_his_restart_does_not_make_ours_an_answer(void **state)
{
	struct iceudp *t = *state;
	static const struct ice_creds third = {.ufrag = "thrd", .pwd = "aaaaaaaaaaaaaaaaaaaaaaaa"};

	begin_call(t);
	assert_int_equal(hear(t, "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"), JC_OK);
	iceudp_local_creds(t, &newer);
	gather(t, "192.0.2.1", 7);
	elem_free(jingle_iceudp.write(t, JINGLE_TRANSPORT_INFO));
	iceudp_local_creds(t, &third);
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T " ufrag='thrd' pwd='aaaaaaaaaaaaaaaaaaaaaaaa'/>");
}

static void a_restart_of_ours_is_credentials_alone_and_candidates_after_them_rule_r23(void **state)
{
	struct iceudp *t = *state;

	begin_call(t);
	gather(t, "192.0.2.1", 6);				/* of before: forgotten */
	iceudp_local_creds(t, &newer);
	gather(t, "192.0.2.1", 7);
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T " ufrag='neWr' pwd='ABCDEFGHIJKLMNOPQRSTUV'/>");
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T " ufrag='neWr' pwd='ABCDEFGHIJKLMNOPQRSTUV'><candidate "
		"ip='192.0.2.1' component='1' foundation='1' generation='0' network='0' port='7' id='*' priority='*' "
		"protocol='udp' type='host'/></transport>");
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
}

static void the_answer_to_our_restart_is_no_restart_of_his(void **state)
{
	struct iceudp *t = *state;
	static const struct ice_creds third = {.ufrag = "thrd", .pwd = "aaaaaaaaaaaaaaaaaaaaaaaa"};

	begin_call(t);
	iceudp_local_creds(t, &newer);
	elem_free(jingle_iceudp.write(t, JINGLE_TRANSPORT_INFO));
	hear_cand(t, "ufrag='ODhb' pwd='+UciBh6DVLLms/cEIc1AyP/i'", "192.0.2.2", 5);
	assert_creds(t, "ODhb", "+UciBh6DVLLms/cEIc1AyP/i");
	iceudp_local_creds(t, &third);				/* so this asks again */
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T " ufrag='thrd' pwd='aaaaaaaaaaaaaaaaaaaaaaaa'/>");
}

static void where_both_restart_what_we_had_not_told_yet_is_our_answer(void **state)
{
	struct iceudp *t = *state;

	begin_call(t);
	iceudp_local_creds(t, &newer);
	assert_int_equal(hear(t, "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"), JC_OK);
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
	gather(t, "192.0.2.1", 7);
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T " ufrag='neWr' pwd='*'><candidate ip='192.0.2.1' "
		"component='1' foundation='1' generation='0' network='0' port='7' id='*' priority='*' protocol='udp' "
		"type='host'/></transport>");
}

static gboolean crosses(struct iceudp *t, const char *text)
{
	elem_auto e = xml(text);

	return jingle_iceudp.crosses(t, e);
}

/* An answer has a candidate; what crosses ours is credentials alone, and new ones. */
static void a_restart_of_the_peers_crosses_ours_until_ours_is_answered(void **state)
{
	static const char theirs[] = "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>";
	struct iceudp *t = *state;

	begin_call(t);
	assert_false(jingle_iceudp.asks(t));
	assert_false(crosses(t, theirs));
	iceudp_local_creds(t, &newer);
	gather(t, "192.0.2.1", 7);
	elem_free(jingle_iceudp.write(t, JINGLE_TRANSPORT_INFO));
	assert_true(jingle_iceudp.asks(t));
	elem_free(jingle_iceudp.write(t, JINGLE_TRANSPORT_INFO));
	assert_false(jingle_iceudp.asks(t));
	assert_true(crosses(t, theirs));
	assert_false(crosses(t, "<transport " T " ufrag='cfQs' pwd='" PWD "'/>"));
	hear_cand(t, "ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'", "192.0.2.2", 5);
	assert_false(crosses(t, "<transport " T " ufrag='5B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"));
}

static void a_restart_of_the_peers_is_owed_an_answer(void **state)
{
	struct iceudp *t = *state;

	begin_call(t);
	assert_false(iceudp_owes_answer(t));
	assert_int_equal(hear(t, "<transport " T " ufrag='4B5T' pwd='po9Cm9x0QKpkV0EDKjWEy25f'/>"), JC_OK);
	assert_true(iceudp_owes_answer(t));
	iceudp_local_creds(t, &newer);
	assert_false(iceudp_owes_answer(t));
}

static void new_credentials_before_the_offer_are_no_restart(void **state)
{
	iceudp_local_creds(*state, &ours);
	iceudp_local_creds(*state, &newer);
	assert_writes(*state, JINGLE_SESSION_INITIATE, "<transport " T " ufrag='neWr' pwd='*'/>");
	assert_writes(*state, JINGLE_TRANSPORT_INFO, NULL);
}

static void bad_credentials_leave_the_old_ones_and_take_no_candidate(void **state)
{
	struct iceudp *t = *state;

	begin_call(t);
	assert_int_equal(hear(t, "<transport " T " ufrag='x' pwd='y'><candidate component='1' foundation='1' ip='192.0.2.9' "
		"port='1' priority='1' protocol='udp' type='host'/></transport>"), JC_PROTOCOL);
	assert_none(t);
	hear_cand(t, "ufrag='cfQs' pwd='" PWD "'", "192.0.2.2", 2);
	assert_next(t, "192.0.2.2", 2);
}

#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T_(the_offer_has_all_that_is_known_and_the_rest_goes_one_by_one_rule_r22),
		T_(an_accept_without_candidates_yet_has_the_credentials),
		T_(nothing_is_trickled_before_there_are_credentials),
		T_(the_same_credentials_again_are_no_restart),
		T_(there_are_only_so_many_of_ours),
		T_(libpurples_six_candidates_are_two_rules_r19_r25),
		T_(qxmpps_foundation_of_32_characters_fits),
		T_(chromiums_tcp_candidate_is_skipped_rule_r21),
		T_(addresses_nobody_can_be_reached_at_are_skipped_rule_r25),
		T_(loopback_is_taken_where_the_owner_allows),
		T_(what_is_said_twice_is_taken_once),
		T_(only_so_many_are_taken),
		T_(a_ufrag_alone_and_no_credentials_mean_unchanged_rule_r22),
		T_(candidates_may_come_before_the_credentials_rule_r24),
		T_(credentials_are_of_the_lengths_and_characters_of_rfc_8445),
		T_(gathering_complete_is_told_once_and_is_no_candidate_rule_r24),
		T_(chromiums_restart_gives_new_credentials_and_forgets_old_candidates),
		T_(a_replacement_needs_new_credentials),
		T_(our_answer_to_a_restart_has_a_candidate_rule_r23),
		T_(once_answered_his_restart_does_not_make_ours_an_answer),
		T_(a_restart_of_ours_is_credentials_alone_and_candidates_after_them_rule_r23),
		T_(the_answer_to_our_restart_is_no_restart_of_his),
		T_(where_both_restart_what_we_had_not_told_yet_is_our_answer),
		T_(a_restart_of_the_peers_crosses_ours_until_ours_is_answered),
		T_(a_restart_of_the_peers_is_owed_an_answer),
		T_(new_credentials_before_the_offer_are_no_restart),
		T_(bad_credentials_leave_the_old_ones_and_take_no_candidate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
