#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/iceudp.h"
#include "xml.h"

#define T "xmlns='urn:xmpp:jingle:transports:ice-udp:1'"

static struct ice_cand host(const char *ip, uint16_t port)
{
	struct ice_cand c = {.foundation = "1", .component = 1, .id = "6c0c1f0e-3c2a-4a48-9f3b-5a0c3a9ad7c1", .port = port,
			     .priority = 2015363327, .type = ICE_HOST};

	g_strlcpy(c.ip, ip, sizeof(c.ip));
	return c;
}

static void every_attribute_is_written_rule_r21(void **state)
{
	struct ice_cand c = host("192.0.2.2", 36163);
	elem_auto e = iceudp_cand_write(&c);

	assert_elem_equal("<candidate " T " component='1' foundation='1' generation='0' ip='192.0.2.2' network='0' port='36163' "
		"id='6c0c1f0e-3c2a-4a48-9f3b-5a0c3a9ad7c1' priority='2015363327' protocol='udp' type='host'/>", e);
}

static void a_reflexive_or_relayed_one_names_its_base_rule_r21(void **state)
{
	struct ice_cand c = host("203.0.113.9", 1024);
	elem_auto srflx = NULL;
	elem_auto relay = NULL;

	c.type = ICE_SRFLX;
	g_strlcpy(c.rel_ip, "10.0.0.1", sizeof(c.rel_ip));
	c.rel_port = 5000;
	srflx = iceudp_cand_write(&c);
	assert_elem_equal("<candidate " T " component='1' foundation='1' generation='0' ip='203.0.113.9' network='0' port='1024' "
		"id='*' priority='*' protocol='udp' type='srflx' rel-addr='10.0.0.1' rel-port='5000'/>", srflx);
	c.type = ICE_RELAY;
	relay = iceudp_cand_write(&c);
	assert_string_equal(elem_attr(relay, "type"), "relay");
	assert_string_equal(elem_attr(relay, "rel-addr"), "10.0.0.1");
}

static void reading_is_the_inverse_of_writing(void **state)
{
	for (int type = ICE_HOST; type <= ICE_RELAY; type++) {
		struct ice_cand c = host("2001:db8::17", 65535), back;
		elem_auto e = NULL;

		c.type = (enum ice_cand_type)type;
		c.generation = 3;
		c.network = 2;
		if (type != ICE_HOST) {
			g_strlcpy(c.rel_ip, "fd00::2", sizeof(c.rel_ip));
			c.rel_port = 9;
		}
		e = iceudp_cand_write(&c);
		assert_true(iceudp_cand_read(e, &back));
		assert_memory_equal(&c, &back, sizeof(c));
	}
}

static gboolean reads(const char *text, struct ice_cand *out)
{
	elem_auto e = xml(text);

	return iceudp_cand_read(e, out);
}

static void a_candidate_of_chromium_needs_no_id_generation_or_network(void **state)
{
	struct ice_cand c;

	assert_true(reads("<candidate " T " component='1' foundation='1092306549' ip='127.0.0.1' port='42626' "
			  "priority='2122194687' protocol='udp' type='host'/>", &c));
	assert_string_equal(c.foundation, "1092306549");
	assert_int_equal(c.component, 1);
	assert_int_equal(c.priority, 2122194687);
	assert_string_equal(c.id, "");
	assert_int_equal(c.generation, 0);
}

static void monals_rel_port_is_read_rule_r22(void **state)
{
	struct ice_cand c;

	assert_true(reads("<candidate " T " component='1' foundation='7' generation='0' id='x' ip='203.0.113.9' network='0' "
		"port='1' priority='1' protocol='UDP' type='srflx' rel-addr='10.0.0.1' rel_port='5000'/>", &c));
	assert_int_equal(c.rel_port, 5000);
	assert_int_equal(c.type, ICE_SRFLX);
}

static void what_is_no_candidate_is_not_read(void **state)
{
	static const struct {
		const char *attr, *value;
	} broken[] = {
		{"component", "0"}, {"component", "257"}, {"component", ""}, {"component", "x"}, {"port", "0"}, {"port", "65536"},
		{"port", "-1"}, {"port", ""}, {"priority", "0"}, {"priority", "4294967296"}, {"priority", ""},
		{"protocol", "tcp"}, {"protocol", ""}, {"type", "nat"}, {"type", ""}, {"foundation", ""},
		{"foundation", "123456789012345678901234567890123"}, {"ip", ""},
		{"ip", "1111:2222:3333:4444:5555:6666:255.255.255.2555"}};
	elem_auto e = xml("<candidate " T " component='1' foundation='12345678901234567890123456789012' ip='192.0.2.2' "
			  "port='1' priority='4294967295' protocol='udp' type='prflx'/>");
	struct ice_cand c;

	assert_true(iceudp_cand_read(e, &c));
	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
		elem_auto copy = elem_copy(e);
		elem_auto without = elem_copy(e);

		elem_set(copy, broken[i].attr, broken[i].value);
		if (iceudp_cand_read(copy, &c))
			fail_msg("%s='%s' was read", broken[i].attr, broken[i].value);
		elem_set(without, broken[i].attr, NULL);
		if (iceudp_cand_read(without, &c))
			fail_msg("without %s it was read", broken[i].attr);
	}
}

static void an_overlong_id_or_related_address_is_left_out(void **state)
{
	struct ice_cand c;
	g_autofree char *id = g_strnfill(64, 'x');
	elem_auto e = xml("<candidate " T " component='1' foundation='1' ip='192.0.2.2' port='1' priority='1' protocol='udp' "
			  "type='srflx' rel-port='70000' generation='-1' network='x'/>");

	elem_set(e, "id", id);
	elem_set(e, "rel-addr", id);
	assert_true(iceudp_cand_read(e, &c));
	assert_string_equal(c.id, "");
	assert_string_equal(c.rel_ip, "");
	assert_int_equal(c.rel_port, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_is_written_rule_r21),
		cmocka_unit_test(a_reflexive_or_relayed_one_names_its_base_rule_r21),
		cmocka_unit_test(reading_is_the_inverse_of_writing),
		cmocka_unit_test(a_candidate_of_chromium_needs_no_id_generation_or_network),
		cmocka_unit_test(monals_rel_port_is_read_rule_r22),
		cmocka_unit_test(what_is_no_candidate_is_not_read),
		cmocka_unit_test(an_overlong_id_or_related_address_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
