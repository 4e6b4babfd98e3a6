/* On what terms a call is made: transports, keys and addresses, by the configuration, by what the peer can do, and by who he is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "terms.h"
#include "xmpp/disco.h"

#define JULIET "juliet@capulet.lit/balcony"
#define ALL (CAN_CALL | CAN_ICE_UDP | CAN_RAW_UDP)

/* For a configuration with TEXT beside an account. */
static struct call_terms terms(const char *text, unsigned can, gboolean we_call, gboolean is_friend)
{
	g_autofree char *all = g_strdup_printf("[account a]\njid = a@b\n%s", text);
	struct config *c = config_parse("x", all, strlen(all), TRUE, NULL);
	struct terms_of of = {.config = c, .peer = JULIET, .can = can, .we_call = we_call, .is_friend = is_friend};
	struct call_terms out;

	assert_non_null(c);
	terms_make(&out, &of);
	config_free(c);
	return out;
}

static void transports_are_ours_without_those_he_is_known_to_lack(void **state)
{
	static const struct { unsigned can; size_t count; enum transport_kind first; } table[] = {
		{0, 2, TRANSPORT_ICE_UDP}, {ALL, 2, TRANSPORT_ICE_UDP}, {CAN_CALL | CAN_RAW_UDP, 1, TRANSPORT_RAW_UDP},
		{CAN_CALL | CAN_ICE_UDP, 1, TRANSPORT_ICE_UDP}, {CAN_CALL, 2, TRANSPORT_ICE_UDP}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct call_terms t = terms("", table[i].can, TRUE, TRUE);

		assert_int_equal(t.transports.count, table[i].count);
		assert_int_equal(t.transports.kind[0], table[i].first);
	}
}

static void a_call_of_his_may_use_all_of_ours(void **state)
{
	assert_int_equal(terms("", CAN_CALL | CAN_RAW_UDP, FALSE, TRUE).transports.count, 2);
}

static void beside_dtls_nothing_is_offered_to_who_has_it_rule_r14(void **state)
{
	static const char both[] = "[call]\nencryption = dtls sdes\n";

	assert_int_equal(terms(both, ALL, TRUE, TRUE).keyings.count, 1);
	assert_int_equal(terms(both, 0, TRUE, TRUE).keyings.count, 2);
	assert_int_equal(terms(both, ALL & ~(unsigned)CAN_DTLS, TRUE, TRUE).keyings.count, 2);
	assert_int_equal(terms(both, ALL, FALSE, TRUE).keyings.count, 2);
}

static void what_holds_for_one_contact_goes_before_what_holds_for_all(void **state)
{
	struct call_terms t = terms("[contact j]\njid = juliet@capulet.lit\nencryption = sdes\n", 0, TRUE, TRUE);

	assert_int_equal(t.keyings.count, 1);
	assert_int_equal(t.keyings.kind[0], KEYING_SDES);
	t = terms("[contact j]\njid = nurse@capulet.lit\nencryption = sdes\n", 0, TRUE, TRUE);
	assert_int_equal(t.keyings.kind[0], KEYING_DTLS);
}

static void strangers_who_call_get_a_relay_where_there_is_one(void **state)
{
	assert_int_equal(terms("", ALL, FALSE, FALSE).relay, RELAY_IF_THERE);
	assert_int_equal(terms("", ALL, FALSE, TRUE).relay, RELAY_FREE);
	assert_int_equal(terms("", ALL, TRUE, FALSE).relay, RELAY_FREE);
	assert_int_equal(terms("[contact j]\njid = capulet.lit\n", ALL, FALSE, FALSE).relay, RELAY_FREE);
}

static void who_hides_uses_ice_alone(void **state)
{
	static const char *const ways[] = {"[network]\nrelay_only = true\n", "[contact j]\njid = juliet@capulet.lit\nrelay_only = true\n"};

	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
		for (int we_call = 0; we_call < 2; we_call++) {
			struct call_terms t = terms(ways[i], CAN_CALL | CAN_RAW_UDP, we_call, TRUE);

			assert_int_equal(t.relay, RELAY_ONLY);
			assert_int_equal(t.transports.count, 1);
			assert_int_equal(t.transports.kind[0], TRANSPORT_ICE_UDP);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transports_are_ours_without_those_he_is_known_to_lack),
		cmocka_unit_test(a_call_of_his_may_use_all_of_ours),
		cmocka_unit_test(beside_dtls_nothing_is_offered_to_who_has_it_rule_r14),
		cmocka_unit_test(what_holds_for_one_contact_goes_before_what_holds_for_all),
		cmocka_unit_test(strangers_who_call_get_a_relay_where_there_is_one),
		cmocka_unit_test(who_hides_uses_ice_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
