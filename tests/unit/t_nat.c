/* What the answers of several STUN servers tell of the NAT before us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/nat.h"

#define US .own_ip = "10.0.0.2", .own_port = 5000
#define SEEN(server, at, by_port) {.how = NAT_ANSWER, US, .server_ip = server, .ip = at, .port = by_port}

static enum nat_kind judge(size_t n, const struct nat_answer *answers)
{
	return nat_judge(answers, n);
}

static void nobody_who_answers_tells_nothing(void **state)
{
	const struct nat_answer silent[] = {{.how = NAT_NO_ANSWER, .server_ip = "192.0.2.1"}, {.how = NAT_NO_NAME}};

	assert_int_equal(judge(0, NULL), NAT_UNKNOWN);
	assert_int_equal(judge(2, silent), NAT_UNKNOWN);
}

static void our_own_address_is_no_nat(void **state)
{
	const struct nat_answer a[] = {SEEN("192.0.2.1", "10.0.0.2", 5000), {.how = NAT_NO_ANSWER}};

	assert_int_equal(judge(2, a), NAT_NONE);
}

static void our_address_with_another_port_is_a_nat(void **state)
{
	const struct nat_answer a[] = {SEEN("192.0.2.1", "10.0.0.2", 5001)};

	assert_int_equal(judge(1, a), NAT_SOME);
}

static void one_address_of_a_server_cannot_tell_the_kind_but_may_show_the_worst(void **state)
{
	const struct nat_answer same[] = {SEEN("192.0.2.1", "203.0.113.5", 7000), SEEN("192.0.2.1", "203.0.113.5", 7000)};
	const struct nat_answer differs[] = {SEEN("192.0.2.1", "203.0.113.5", 7000), SEEN("192.0.2.1", "203.0.113.5", 7001)};

	assert_int_equal(judge(2, same), NAT_SOME);
	assert_int_equal(judge(2, differs), NAT_DEPENDENT);
}

static void two_servers_that_agree_show_an_endpoint_independent_mapping(void **state)
{
	const struct nat_answer a[] = {SEEN("192.0.2.1", "203.0.113.5", 7000), SEEN("192.0.2.9", "203.0.113.5", 7000)};

	assert_int_equal(judge(2, a), NAT_INDEPENDENT);
}

static void one_that_differs_is_enough(void **state)
{
	const struct nat_answer a[] = {SEEN("192.0.2.1", "203.0.113.5", 7000), SEEN("192.0.2.9", "203.0.113.5", 7000),
				       SEEN("198.51.100.3", "203.0.113.6", 7000)};

	assert_int_equal(judge(3, a), NAT_DEPENDENT);
}

static void a_server_on_our_side_of_the_nat_does_not_count(void **state)
{
	const struct nat_answer a[] = {SEEN("10.0.0.9", "10.0.0.2", 5000), SEEN("192.0.2.9", "203.0.113.5", 7000)};

	assert_int_equal(judge(2, a), NAT_SOME);
}

static void families_do_not_compare(void **state)
{
	const struct nat_answer a[] = {SEEN("192.0.2.1", "203.0.113.5", 7000), SEEN("2001:db8::9", "2001:db8::5", 7001)};

	assert_int_equal(judge(2, a), NAT_SOME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_who_answers_tells_nothing), cmocka_unit_test(our_own_address_is_no_nat),
		cmocka_unit_test(our_address_with_another_port_is_a_nat),
		cmocka_unit_test(one_address_of_a_server_cannot_tell_the_kind_but_may_show_the_worst),
		cmocka_unit_test(two_servers_that_agree_show_an_endpoint_independent_mapping),
		cmocka_unit_test(one_that_differs_is_enough), cmocka_unit_test(a_server_on_our_side_of_the_nat_does_not_count),
		cmocka_unit_test(families_do_not_compare)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
