/* The STUN binding question and its answer, with the test vectors of RFC 5769. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/stun.h"

/* RFC 5769 2.2 and 2.3: their transaction id. */
static const uint8_t id[STUN_ID_SIZE] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
static const uint8_t v4[] = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
	0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20,
	0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99,
	0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04,
	0xc0, 0x7d, 0x4c, 0x96};
static const uint8_t v6[] = {0x01, 0x01, 0x00, 0x18, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
	0xfa, 0x87, 0xdf, 0xae, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79,
	0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};

static void a_request_is_a_bare_header_with_the_magic_cookie(void **state)
{
	static const uint8_t head[] = {0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42};
	uint8_t out[STUN_REQUEST_SIZE];

	stun_request(out, id);
	assert_memory_equal(out, head, sizeof(head));
	assert_memory_equal(out + 8, id, STUN_ID_SIZE);
}

static void the_answers_of_rfc_5769_are_read(void **state)
{
	char ip[46];
	uint16_t port;

	assert_true(stun_mapped(v4, sizeof(v4), id, ip, &port));
	assert_string_equal(ip, "192.0.2.1");
	assert_int_equal(port, 32853);
	assert_true(stun_mapped(v6, sizeof(v6), id, ip, &port));
	assert_string_equal(ip, "2001:db8:1234:5678:11:2233:4455:6677");
	assert_int_equal(port, 32853);
}

static void the_plain_attribute_of_old_servers_is_read(void **state)
{
	static const uint8_t attribute[] = {0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x10, 0x01, 203, 0, 113, 9};
	uint8_t data[32];
	char ip[46];
	uint16_t port;

	memcpy(data, v6, 20);
	data[3] = sizeof(attribute);
	memcpy(data + 20, attribute, sizeof(attribute));
	assert_true(stun_mapped(data, sizeof(data), id, ip, &port));
	assert_string_equal(ip, "203.0.113.9");
	assert_int_equal(port, 4097);
}

static void what_is_no_answer_to_this_question_is_none(void **state)
{
	uint8_t data[sizeof(v4)];
	char ip[46];
	uint16_t port;

	for (size_t i = 0; i < 20; i++) {		/* type, length, cookie, id */
		memcpy(data, v4, sizeof(v4));
		data[i] ^= 1;
		assert_false(stun_mapped(data, sizeof(data), id, ip, &port));
	}
}

static void every_shortened_answer_is_survived(void **state)
{
	char ip[46];
	uint16_t port;

	for (size_t n = 0; n < sizeof(v4); n++) {
		g_autofree uint8_t *data = g_memdup2(v4, n + 1);		/* its end is watched by the sanitizer */

		assert_false(stun_mapped(data, n, id, ip, &port));
		if (n >= 20)
			data[3] = (uint8_t)(n - 20);
		stun_mapped(data, n, id, ip, &port);
	}
}

static void addresses_of_a_wrong_size_or_family_are_none(void **state)
{
	static const uint8_t bad[][4] = {{0, 0x20, 0, 7}, {0, 0x20, 0, 9}, {0, 0x20, 0, 0}, {0, 0x20, 0xff, 0xff}, {0, 0x21, 0, 8}};
	uint8_t data[32];
	char ip[46];
	uint16_t port;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		memcpy(data, v4, 20);
		data[3] = 12;
		memcpy(data + 20, bad[i], 4);
		memcpy(data + 24, v4 + 40, 8);
		assert_false(stun_mapped(data, sizeof(data), id, ip, &port));
	}
	memcpy(data + 20, v4 + 36, 12);
	assert_true(stun_mapped(data, sizeof(data), id, ip, &port));
	data[25] = 2;
	assert_false(stun_mapped(data, sizeof(data), id, ip, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_a_bare_header_with_the_magic_cookie),
		cmocka_unit_test(the_answers_of_rfc_5769_are_read),
		cmocka_unit_test(the_plain_attribute_of_old_servers_is_read),
		cmocka_unit_test(what_is_no_answer_to_this_question_is_none),
		cmocka_unit_test(every_shortened_answer_is_survived),
		cmocka_unit_test(addresses_of_a_wrong_size_or_family_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
