/* Raw UDP's elements, XEP-0177: what we say, what of theirs we take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/rawudp.h"
#include "xml.h"

#define T "xmlns='urn:xmpp:jingle:transports:raw-udp:1'"
#define CAND(component, generation, id, ip, port) "<candidate component='" component "' generation='" generation "' id='" id \
	"' ip='" ip "' port='" port "'/>"
#define GOOD CAND("1", "0", "a9j3mnbtu1", "10.1.1.104", "13540")

static int setup(void **state)
{
	*state = rawudp_new();
	return 0;
}

static int teardown(void **state)
{
	rawudp_free(*state);
	return 0;
}

static struct ice_cand at(const char *ip, uint16_t port)
{
	struct ice_cand c = {.component = 1, .id = "raw-1", .port = port, .type = ICE_HOST};

	g_strlcpy(c.ip, ip, sizeof(c.ip));
	return c;
}

static void bind_to(struct rawudp *t, const char *ip, uint16_t port)
{
	struct ice_cand c = at(ip, port);

	rawudp_local(t, &c);
}

static void assert_writes(struct rawudp *t, enum jingle_action action, const char *expected)
{
	elem_auto e = jingle_rawudp.write(t, action);

	if (expected)
		assert_elem_equal(expected, e);
	else
		assert_null(e);
}

static void hear_as(struct rawudp *t, enum jingle_action action, const char *inside)
{
	g_autofree char *text = g_strdup_printf("<transport " T ">%s</transport>", inside);
	elem_auto e = xml(text);

	assert_int_equal(jingle_rawudp.read(t, action, e), JC_OK);
}

static void hear(struct rawudp *t, const char *inside)
{
	hear_as(t, JINGLE_TRANSPORT_INFO, inside);
}

static void assert_remote(struct rawudp *t, const char *ip, unsigned port)
{
	struct ice_cand c;

	assert_true(rawudp_remote(t, &c));
	assert_string_equal(c.ip, ip);
	assert_int_equal(c.port, port);
	assert_int_equal(c.component, 1);
	assert_false(rawudp_remote(t, &c));
}

static void assert_no_news(struct rawudp *t)
{
	struct ice_cand c;

	assert_false(rawudp_remote(t, &c));
}

/* ---- ours ---- */

/* XEP-0177 "Transport Initiation", "Responder Response"; XEP-0166 transport-replace. */
static void our_candidate_is_in_every_action_that_defines_the_transport(void **state)
{
	static const enum jingle_action actions[] = {JINGLE_SESSION_INITIATE, JINGLE_SESSION_ACCEPT, JINGLE_TRANSPORT_REPLACE,
						     JINGLE_TRANSPORT_ACCEPT};
	struct rawudp *t = *state;

	bind_to(t, "192.0.2.2", 36163);
	for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
		assert_writes(t, actions[i], "<transport " T "><candidate component='1' generation='0' id='raw-1' "
			      "ip='192.0.2.2' port='36163' type='host'/></transport>");
}

static void without_an_address_the_transport_is_named_alone(void **state)
{
	assert_false(rawudp_has_local(*state));
	assert_writes(*state, JINGLE_SESSION_ACCEPT, "<transport " T "/>");
	assert_writes(*state, JINGLE_TRANSPORT_INFO, NULL);
}

static void an_address_that_was_told_is_no_news(void **state)
{
	struct rawudp *t = *state;

	bind_to(t, "192.0.2.2", 36163);
	assert_true(rawudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T "><candidate component='1' generation='0' id='raw-1' "
		      "ip='192.0.2.2' port='36163' type='host'/></transport>");
	assert_false(rawudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, NULL);
	bind_to(t, "192.0.2.2", 36163);
	assert_false(rawudp_has_news(t));
}

/* "if the candidate is redefined mid-stream, for example if the port is changed" */
static void another_address_is_another_generation(void **state)
{
	struct rawudp *t = *state;

	bind_to(t, "192.0.2.2", 36163);
	assert_writes(t, JINGLE_SESSION_INITIATE, "<transport " T "><candidate component='1' generation='0' id='raw-1' "
		      "ip='192.0.2.2' port='36163' type='host'/></transport>");
	bind_to(t, "2001:db8::2", 36164);
	assert_true(rawudp_has_news(t));
	assert_writes(t, JINGLE_TRANSPORT_INFO, "<transport " T "><candidate component='1' generation='1' id='raw-1' "
		      "ip='2001:db8::2' port='36164' type='host'/></transport>");
}

/* ---- theirs ---- */

static void the_examples_of_the_text_are_understood(void **state)
{
	struct rawudp *t = *state;

	hear_as(t, JINGLE_SESSION_INITIATE, CAND("1", "0", "a9j3mnbtu1", "10.1.1.104", "13540"));
	assert_remote(t, "10.1.1.104", 13540);
	assert_int_equal(rawudp_skipped(t), 0);
	rawudp_free(t);
	*state = t = rawudp_new();
	hear_as(t, JINGLE_SESSION_ACCEPT, CAND("1", "0", "z7sdjb01hf", "208.68.163.214", "9876")
		CAND("2", "0", "hg92lsn10b", "208.68.163.214", "9877"));
	assert_remote(t, "208.68.163.214", 9876);
	assert_int_equal(rawudp_skipped(t), 1);		/* RTCP goes with RTP */
	rawudp_free(t);
	*state = t = rawudp_new();			/* XEP-0176 "Fallback to Raw UDP": without component */
	hear_as(t, JINGLE_TRANSPORT_REPLACE, "<candidate generation='0' id='a9j3mnbtu1' ip='10.1.1.104' port='13540'/>");
	assert_remote(t, "10.1.1.104", 13540);
}

static enum jc_err answer_to_replacement(struct rawudp *t, const char *inside)
{
	g_autofree char *text = g_strdup_printf("<transport " T ">%s</transport>", inside);
	elem_auto e = xml(text);

	return jingle_rawudp.read(t, JINGLE_TRANSPORT_REPLACE, e);
}

/* The way in force would be given up for one that leads nowhere (XEP-0177: the candidate is REQUIRED). */
static void a_replacement_needs_an_address(void **state)
{
	assert_int_equal(answer_to_replacement(*state, ""), JC_PROTOCOL);
	assert_int_equal(answer_to_replacement(*state, CAND("1", "0", "a", "not an ip", "5")), JC_PROTOCOL);
	assert_int_equal(answer_to_replacement(*state, CAND("1", "0", "a", "10.1.1.1", "70000")), JC_PROTOCOL);
	assert_no_news(*state);
	assert_int_equal(answer_to_replacement(*state, CAND("1", "0", "a", "10.1.1.1", "5")), JC_OK);
	assert_remote(*state, "10.1.1.1", 5);
}

static void the_type_is_a_hint(void **state)
{
	static const struct { const char *text; enum ice_cand_type type; } cases[] = {
		{"host", ICE_HOST}, {"prflx", ICE_PRFLX}, {"relay", ICE_RELAY}, {"srflx", ICE_SRFLX}, {"magic", ICE_HOST}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct rawudp *t = rawudp_new();
		g_autofree char *text = g_strdup_printf("<candidate component='1' generation='0' id='a' ip='10.1.1.1' port='5' "
							"type='%s'/>", cases[i].text);
		struct ice_cand c;

		hear(t, text);
		assert_true(rawudp_remote(t, &c));
		assert_int_equal(c.type, cases[i].type);
		rawudp_free(t);
	}
}

/* "All attributes are REQUIRED." */
static void a_candidate_that_lacks_an_attribute_or_is_out_of_range_is_skipped(void **state)
{
	static const char *const bad[] = {
		"<candidate component='1' id='a' ip='10.1.1.1' port='5'/>",
		"<candidate component='1' generation='0' ip='10.1.1.1' port='5'/>",
		"<candidate component='1' generation='0' id='a' port='5'/>",
		"<candidate component='1' generation='0' id='a' ip='10.1.1.1'/>",
		CAND("0", "0", "a", "10.1.1.1", "5"), CAND("2", "0", "a", "10.1.1.1", "5"), CAND("256", "0", "a", "10.1.1.1", "5"),
		CAND("1", "256", "a", "10.1.1.1", "5"), CAND("1", "-1", "a", "10.1.1.1", "5"), CAND("1", "x", "a", "10.1.1.1", "5"),
		CAND("1", "0", "", "10.1.1.1", "5"), CAND("1", "0", "a", "10.1.1.1", "0"), CAND("1", "0", "a", "10.1.1.1", "65536"),
		CAND("1", "0", "a", "10.1.1.1", "5 "),
		CAND("1", "0", "0123456789012345678901234567890123456789012345678901234567890123", "10.1.1.1", "5")};
	struct rawudp *t = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		hear(t, bad[i]);
		assert_no_news(t);
		assert_int_equal(rawudp_skipped(t), i + 1);
	}
	hear(t, GOOD);
	assert_remote(t, "10.1.1.104", 13540);
}

static void an_address_where_nobody_can_be_reached_is_skipped(void **state)
{
	static const char *const bad[] = {"", "example.org", "a.local", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"127.0.0.1", "::1", "::", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1", "10.1.1", "10.1.1.1 ", "fe80::1%lo"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *text = g_strdup_printf(CAND("1", "0", "a", "%s", "5"), bad[i]);

		hear(*state, text);
		assert_no_news(*state);
	}
	hear(*state, CAND("1", "0", "a", "2001:db8::1", "5"));
	assert_remote(*state, "2001:db8::1", 5);
}

static void loopback_is_taken_where_it_is_allowed(void **state)
{
	rawudp_allow_loopback(*state, TRUE);
	hear(*state, CAND("1", "0", "a", "127.0.0.1", "5"));
	assert_remote(*state, "127.0.0.1", 5);
}

static void the_first_usable_one_of_a_generation_counts(void **state)
{
	hear(*state, CAND("1", "0", "a", "0.0.0.0", "5") CAND("1", "0", "b", "10.1.1.2", "5") CAND("1", "0", "c", "10.1.1.3", "5"));
	assert_remote(*state, "10.1.1.2", 5);
	hear(*state, CAND("1", "0", "d", "10.1.1.4", "5"));
	assert_no_news(*state);
}

static void a_higher_generation_redefines_it_and_a_lower_is_of_before(void **state)
{
	hear(*state, CAND("1", "1", "a", "10.1.1.1", "5"));
	assert_remote(*state, "10.1.1.1", 5);
	hear(*state, CAND("1", "0", "b", "10.1.1.2", "5"));
	assert_no_news(*state);
	hear(*state, CAND("1", "2", "c", "10.1.1.3", "6"));
	assert_remote(*state, "10.1.1.3", 6);
}

static void a_transport_that_replaces_begins_afresh(void **state)
{
	hear(*state, CAND("1", "7", "a", "10.1.1.1", "5"));
	assert_remote(*state, "10.1.1.1", 5);
	hear_as(*state, JINGLE_TRANSPORT_REPLACE, CAND("1", "0", "b", "10.1.1.2", "6") CAND("1", "0", "c", "10.1.1.3", "6"));
	assert_remote(*state, "10.1.1.2", 6);
	hear_as(*state, JINGLE_TRANSPORT_ACCEPT, CAND("1", "0", "d", "10.1.1.4", "6"));
	assert_remote(*state, "10.1.1.4", 6);
}

static void strange_children_and_no_children_are_nothing(void **state)
{
	hear(*state, "");
	hear(*state, "<trick xmlns='urn:x'/><candidate xmlns='urn:x' component='1' generation='0' id='a' port='5'/>text");
	assert_no_news(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(our_candidate_is_in_every_action_that_defines_the_transport),
		TEST(without_an_address_the_transport_is_named_alone),
		TEST(an_address_that_was_told_is_no_news),
		TEST(another_address_is_another_generation),
		TEST(the_examples_of_the_text_are_understood),
		TEST(a_replacement_needs_an_address),
		TEST(the_type_is_a_hint),
		TEST(a_candidate_that_lacks_an_attribute_or_is_out_of_range_is_skipped),
		TEST(an_address_where_nobody_can_be_reached_is_skipped),
		TEST(loopback_is_taken_where_it_is_allowed),
		TEST(the_first_usable_one_of_a_generation_counts),
		TEST(a_higher_generation_redefines_it_and_a_lower_is_of_before),
		TEST(a_transport_that_replaces_begins_afresh),
		TEST(strange_children_and_no_children_are_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
