/* The little of TURN that the doctor speaks: what it asks, and which answers it believes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/turn.h"

static const uint8_t id[STUN_ID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

struct message {
	uint8_t data[4096];
	size_t len;
};

static void begin(struct message *m, unsigned type)
{
	static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

	memset(m, 0, sizeof(*m));
	m->data[0] = (uint8_t)(type >> 8);
	m->data[1] = (uint8_t)type;
	memcpy(m->data + 4, cookie, 4);
	memcpy(m->data + 8, id, STUN_ID_SIZE);
	m->len = 20;
}

static void add(struct message *m, unsigned type, const void *value, size_t size)
{
	uint8_t *p = m->data + m->len;

	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)(size >> 8);
	p[3] = (uint8_t)size;
	memcpy(p + 4, value, size);
	m->len += 4 + ((size + 3) & ~(size_t)3);
	m->data[2] = (uint8_t)((m->len - 20) >> 8);
	m->data[3] = (uint8_t)(m->len - 20);
}

static void refusal(struct message *m, unsigned code, const char *words)
{
	uint8_t value[600] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
	size_t size = strlen(words);

	memcpy(value + 4, words, size);
	begin(m, 0x0113);
	add(m, 0x0009, value, 4 + size);
}

static void challenge(struct message *m, unsigned code, const char *nonce)
{
	refusal(m, code, "Unauthorized");
	add(m, 0x0014, "lab.test", 8);
	add(m, 0x0015, nonce, strlen(nonce));
}

static enum turn_verdict understand(const struct message *m, struct turn_login *login, struct turn_answer *answer)
{
	return turn_read(m->data, m->len, id, login, answer);
}

static void the_first_request_names_nobody(void **state)
{
	static const uint8_t wanted[] = {0x00, 0x03, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
					 0x00, 0x19, 0x00, 0x04, 17, 0, 0, 0};
	struct turn_login login = {.user = "romeo", .password = "secret"};
	uint8_t out[TURN_REQUEST_MAX];

	assert_int_equal(turn_allocate(out, id, &login), sizeof(wanted));
	assert_memory_equal(out, wanted, sizeof(wanted));
}

static void once_asked_who_it_is_it_signs(void **state)
{
	struct turn_login login = {.user = "romeo", .password = "secret", .realm = "lab.test", .nonce = "n1"};
	uint8_t out[TURN_REQUEST_MAX], digest[20];
	size_t len = turn_allocate(out, id, &login), size;
	const uint8_t *value;
	gsize digest_size = sizeof(digest);
	g_autoptr(GChecksum) md5 = g_checksum_new(G_CHECKSUM_MD5);
	GHmac *hmac;
	uint8_t key[16];
	gsize key_size = sizeof(key);

	value = stun_attribute(out, len, 0x0006, &size);
	assert_memory_equal(value, "romeo", size);
	value = stun_attribute(out, len, 0x0015, &size);
	assert_memory_equal(value, "n1", size);
	value = stun_attribute(out, len, 0x0008, &size);
	assert_int_equal(size, sizeof(digest));
	assert_ptr_equal(value + size, out + len);
	assert_int_equal(out[2] << 8 | out[3], len - 20);
	g_checksum_update(md5, (const guchar *)"romeo:lab.test:secret", -1);
	g_checksum_get_digest(md5, key, &key_size);
	hmac = g_hmac_new(G_CHECKSUM_SHA1, key, key_size);
	g_hmac_update(hmac, out, (gssize)len - 24);
	g_hmac_get_digest(hmac, digest, &digest_size);
	g_hmac_unref(hmac);
	assert_memory_equal(value, digest, sizeof(digest));
}

/* User, realm, password and nonce are those of RFC 5769 2.4. The bytes were made by Python's hashlib and hmac,
 * by a script that gives the message of 2.4 its very MESSAGE-INTEGRITY. */
static const uint8_t known_allocate[] = {
	0x00, 0x03, 0x00, 0x68, 0x21, 0x12, 0xa4, 0x42, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0a, 0x0b, 0x0c, 0x00, 0x19, 0x00, 0x04, 0x11, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00, 0x12,
	0xe3, 0x83, 0x9e, 0xe3, 0x83, 0x88, 0xe3, 0x83, 0xaa, 0xe3, 0x83, 0x83, 0xe3, 0x82, 0xaf, 0xe3,
	0x82, 0xb9, 0x00, 0x00, 0x00, 0x14, 0x00, 0x0b, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e,
	0x6f, 0x72, 0x67, 0x00, 0x00, 0x15, 0x00, 0x1c, 0x66, 0x2f, 0x2f, 0x34, 0x39, 0x39, 0x6b, 0x39,
	0x35, 0x34, 0x64, 0x36, 0x4f, 0x4c, 0x33, 0x34, 0x6f, 0x4c, 0x39, 0x46, 0x53, 0x54, 0x76, 0x79,
	0x36, 0x34, 0x73, 0x41, 0x00, 0x08, 0x00, 0x14, 0xd9, 0xfc, 0x0a, 0xd5, 0x27, 0x9a, 0xfb, 0xd0,
	0x57, 0xb2, 0x1f, 0x28, 0xf8, 0x32, 0xa2, 0x72, 0xb8, 0x8c, 0x84, 0x6b,
};
static const uint8_t known_refresh[] = {
	0x00, 0x04, 0x00, 0x68, 0x21, 0x12, 0xa4, 0x42, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0a, 0x0b, 0x0c, 0x00, 0x0d, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00, 0x12,
	0xe3, 0x83, 0x9e, 0xe3, 0x83, 0x88, 0xe3, 0x83, 0xaa, 0xe3, 0x83, 0x83, 0xe3, 0x82, 0xaf, 0xe3,
	0x82, 0xb9, 0x00, 0x00, 0x00, 0x14, 0x00, 0x0b, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e,
	0x6f, 0x72, 0x67, 0x00, 0x00, 0x15, 0x00, 0x1c, 0x66, 0x2f, 0x2f, 0x34, 0x39, 0x39, 0x6b, 0x39,
	0x35, 0x34, 0x64, 0x36, 0x4f, 0x4c, 0x33, 0x34, 0x6f, 0x4c, 0x39, 0x46, 0x53, 0x54, 0x76, 0x79,
	0x36, 0x34, 0x73, 0x41, 0x00, 0x08, 0x00, 0x14, 0xfb, 0x53, 0xbf, 0x9c, 0xba, 0xea, 0xb2, 0xcc,
	0xba, 0x85, 0x6f, 0x39, 0x5f, 0x18, 0x51, 0x9d, 0xcf, 0x86, 0x3b, 0x8f,
};

static void requests_are_signed_as_another_implementation_signs_them(void **state)
{
	struct turn_login login = {.user = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9", .password = "TheMatrIX",
				   .realm = "example.org", .nonce = "f//499k954d6OL34oL9FSTvy64sA"};
	uint8_t out[TURN_REQUEST_MAX];

	assert_int_equal(turn_allocate(out, id, &login), sizeof(known_allocate));
	assert_memory_equal(out, known_allocate, sizeof(known_allocate));
	assert_int_equal(turn_release(out, id, &login), sizeof(known_refresh));
	assert_memory_equal(out, known_refresh, sizeof(known_refresh));
}

/* RFC 8656 7.1, 18.1: a Refresh whose lifetime is 0 deletes the allocation. */
static void giving_an_address_back_is_a_refresh_for_no_time(void **state)
{
	static const uint8_t wanted[] = {0x00, 0x04, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
					 0x00, 0x0d, 0x00, 0x04, 0, 0, 0, 0};
	struct turn_login login = {.user = "romeo", .password = "secret"};
	uint8_t out[TURN_REQUEST_MAX];

	memset(out, 0xff, sizeof(out));
	assert_int_equal(turn_release(out, id, &login), sizeof(wanted));
	assert_memory_equal(out, wanted, sizeof(wanted));
}

static void the_longest_login_fits(void **state)
{
	struct turn_login login = {.user = NULL};
	g_autofree char *long_text = g_strnfill(4000, 'x');
	uint8_t out[TURN_REQUEST_MAX];

	login.user = login.password = long_text;
	g_strlcpy(login.realm, long_text, sizeof(login.realm));
	g_strlcpy(login.nonce, long_text, sizeof(login.nonce));
	assert_true(turn_allocate(out, id, &login) <= sizeof(out));
	assert_true(turn_release(out, id, &login) <= sizeof(out));
}

static void a_challenge_is_a_question_once_and_then_a_refusal(void **state)
{
	struct turn_login login = {.user = "romeo", .password = "secret"};
	struct turn_answer answer;
	struct message m;

	challenge(&m, 401, "n1");
	assert_int_equal(understand(&m, &login, &answer), TURN_WHO);
	assert_string_equal(login.realm, "lab.test");
	assert_string_equal(login.nonce, "n1");
	challenge(&m, 438, "n2");
	assert_int_equal(understand(&m, &login, &answer), TURN_WHO);
	assert_string_equal(login.nonce, "n2");
	challenge(&m, 401, "n3");
	assert_int_equal(understand(&m, &login, &answer), TURN_REFUSED);
	assert_int_equal(answer.code, 401);
	assert_string_equal(answer.words, "Unauthorized");
	assert_string_equal(login.nonce, "n2");
}

static void a_refusal_is_told_with_its_code_and_harmless_words(void **state)
{
	struct turn_login login = {.user = "romeo", .password = "secret"};
	struct turn_answer answer;
	struct message m;

	refusal(&m, 486, "Quota\033[2J");
	assert_int_equal(understand(&m, &login, &answer), TURN_REFUSED);
	assert_int_equal(answer.code, 486);
	assert_null(strchr(answer.words, '\033'));
	refusal(&m, 401, "without realm and nonce");
	assert_int_equal(understand(&m, &login, &answer), TURN_REFUSED);
}

static void a_refusal_in_too_many_words_is_cut_where_a_character_ends(void **state)
{
	struct turn_login login = {.user = "romeo", .password = "secret"};
	g_autofree char *words = g_strnfill(501, 'x');
	struct turn_answer answer;
	struct message m;

	for (char *p = words + 1; *p; p += 4)
		memcpy(p, "\xf0\x9f\x93\x9e", 4);			/* a telephone, four bytes */
	refusal(&m, 486, words);
	assert_int_equal(understand(&m, &login, &answer), TURN_REFUSED);
	assert_true(g_utf8_validate(answer.words, -1, NULL));
	assert_int_equal(g_utf8_strlen(answer.words, -1), TURN_WORDS + 1);
}

static void an_address_is_what_is_xored(void **state)
{
	static const uint8_t relayed[] = {0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
	struct turn_login login = {.user = "romeo", .password = "secret"};
	struct turn_answer answer;
	struct message m;

	begin(&m, 0x0103);
	add(&m, 0x0016, relayed, sizeof(relayed));
	assert_int_equal(understand(&m, &login, &answer), TURN_GRANTED);
	assert_string_equal(answer.ip, "192.0.2.1");
	assert_int_equal(answer.port, 32853);
}

static void what_is_no_answer_to_this_request_is_nothing(void **state)
{
	struct turn_login login = {.user = "romeo", .password = "secret"};
	struct turn_answer answer;
	struct message m;

	begin(&m, 0x0103);
	assert_int_equal(understand(&m, &login, &answer), TURN_NOTHING);	/* success without an address */
	begin(&m, 0x0113);
	assert_int_equal(understand(&m, &login, &answer), TURN_NOTHING);	/* an error without a code */
	refusal(&m, 200, "OK");
	assert_int_equal(understand(&m, &login, &answer), TURN_NOTHING);
	challenge(&m, 401, "n1");
	m.data[8] ^= 1;
	assert_int_equal(understand(&m, &login, &answer), TURN_NOTHING);	/* another transaction */
	assert_string_equal(login.nonce, "");
	for (size_t n = 0; n < m.len; n++)
		assert_int_equal(turn_read(m.data, n, id, &login, &answer), TURN_NOTHING);
}

static void a_realm_that_is_too_long_or_hides_a_nul_is_not_taken(void **state)
{
	struct turn_login login = {.user = "romeo", .password = "secret"};
	g_autofree char *long_text = g_strnfill(TURN_TEXT, 'x');
	struct turn_answer answer;
	struct message m;

	refusal(&m, 401, "");
	add(&m, 0x0014, long_text, TURN_TEXT);
	add(&m, 0x0015, "n", 1);
	assert_int_equal(understand(&m, &login, &answer), TURN_REFUSED);
	refusal(&m, 401, "");
	add(&m, 0x0014, "a\0b", 3);
	add(&m, 0x0015, "n", 1);
	assert_int_equal(understand(&m, &login, &answer), TURN_REFUSED);
	assert_string_equal(login.nonce, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_names_nobody), cmocka_unit_test(once_asked_who_it_is_it_signs),
		cmocka_unit_test(requests_are_signed_as_another_implementation_signs_them),
		cmocka_unit_test(giving_an_address_back_is_a_refresh_for_no_time), cmocka_unit_test(a_challenge_is_a_question_once_and_then_a_refusal),
		cmocka_unit_test(the_longest_login_fits), cmocka_unit_test(a_challenge_is_a_question_once_and_then_a_refusal),
		cmocka_unit_test(a_refusal_is_told_with_its_code_and_harmless_words),
		cmocka_unit_test(a_refusal_in_too_many_words_is_cut_where_a_character_ends), cmocka_unit_test(an_address_is_what_is_xored),
		cmocka_unit_test(what_is_no_answer_to_this_request_is_nothing),
		cmocka_unit_test(a_realm_that_is_too_long_or_hides_a_nul_is_not_taken)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
