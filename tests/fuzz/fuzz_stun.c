/* What a STUN or TURN server answers, or whoever forges its answer: the input is all of a message behind its magic cookie and id,
 * which a forger would have to guess; its first two bytes are the type. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "net/turn.h"

enum { HEAD = 20, MOST = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t id[STUN_ID_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static gboolean is_address(const char *ip)
{
	return strlen(ip) < 46 && g_hostname_is_ip_address(ip);
}

/* Read as an answer to a request for an address: what it asks of us can be written. */
static void as_turn(const uint8_t *message, size_t len)
{
	struct turn_login login = {.user = "user", .password = "password"};
	struct turn_answer answer = {.port = 0};
	uint8_t out[TURN_REQUEST_MAX];

	switch (turn_read(message, len, id, &login, &answer)) {
	case TURN_NOTHING:
		break;
	case TURN_GRANTED:
		g_assert_true(is_address(answer.ip));
		break;
	case TURN_WHO:
		g_assert_true(*login.realm && *login.nonce);
		g_assert_cmpuint(turn_allocate(out, id, &login), <=, sizeof(out));
		g_assert_cmpuint(turn_release(out, id, &login), <=, sizeof(out));
		break;
	case TURN_REFUSED:
		g_assert_true(answer.code >= 300 && answer.code <= 699 && g_utf8_validate(answer.words, -1, NULL));
		break;
	}
}

static void read_all(const uint8_t *message, size_t len)
{
	char ip[46];
	uint16_t port;
	size_t n;

	if (stun_mapped(message, len, id, ip, &port))
		g_assert_true(is_address(ip));
	for (unsigned kind = 0; kind < 0x30 && stun_answer_type(message, len, id); kind++) {
		const uint8_t *value = stun_attribute(message, len, kind, &n);

		g_assert_true(!value || (value >= message && value + n <= message + len));
	}
	as_turn(message, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {0x0101, 0x0103, 0x0113};
	g_autofree uint8_t *message = NULL;
	size_t len;

	if (size < 2 || size > MOST)
		return 0;
	read_all(data, size);				/* nothing of it is as it should be */
	len = size - 2;
	message = g_malloc0(HEAD + len);		/* no byte more: ASan sees who reads beyond it */
	memcpy(message, (uint8_t[]){data[0], data[1], (uint8_t)(len >> 8), (uint8_t)len, 0x21, 0x12, 0xa4, 0x42}, 8);
	memcpy(message + 8, id, sizeof(id));
	memcpy(message + HEAD, data + 2, len);
	read_all(message, HEAD + len);
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		message[0] = (uint8_t)(types[i] >> 8);
		message[1] = (uint8_t)types[i];
		read_all(message, HEAD + len);
	}
	return 0;
}
