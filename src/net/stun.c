#include "stun.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>

enum { HEADER = 20, BINDING_REQUEST = 0x0001, BINDING_SUCCESS = 0x0101 };

static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

gboolean stun_new_id(uint8_t id[STUN_ID_SIZE])
{
	return getrandom(id, STUN_ID_SIZE, 0) == STUN_ID_SIZE;
}

void stun_request(uint8_t out[STUN_REQUEST_SIZE], const uint8_t id[STUN_ID_SIZE])
{
	memset(out, 0, STUN_REQUEST_SIZE);
	out[1] = BINDING_REQUEST;
	memcpy(out + 4, cookie, sizeof(cookie));
	memcpy(out + 8, id, STUN_ID_SIZE);
}

/* RFC 5389 15.1, 15.2. */
gboolean stun_address(const uint8_t *value, size_t len, const uint8_t *message, char ip[46], uint16_t *port)
{
	static const uint8_t none[16];
	const uint8_t *mask = message ? message + 4 : none;
	size_t size = len == 8 && value[1] == 1 ? 4 : len == 20 && value[1] == 2 ? 16 : 0;
	uint8_t address[16];

	if (!size)
		return FALSE;
	for (size_t i = 0; i < size; i++)
		address[i] = value[4 + i] ^ mask[i];
	*port = (uint16_t)((value[2] ^ mask[0]) << 8 | (value[3] ^ mask[1]));
	return *port && inet_ntop(size == 4 ? AF_INET : AF_INET6, address, ip, 46);
}

unsigned stun_answer_type(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE])
{
	if (len < HEADER || get16(data + 2) != len - HEADER || memcmp(data + 4, cookie, sizeof(cookie)) != 0 ||
	    memcmp(data + 8, id, STUN_ID_SIZE) != 0)
		return 0;
	return get16(data);
}

const uint8_t *stun_attribute(const uint8_t *data, size_t len, unsigned wanted, size_t *size)
{
	for (size_t at = HEADER; len - at >= 4;) {
		unsigned type = get16(data + at);

		*size = get16(data + at + 2);
		at += 4;
		if (*size > len - at)
			return NULL;
		if (type == wanted)
			return data + at;
		at += MIN((*size + 3u) & ~(size_t)3, len - at);
	}
	return NULL;
}

/* Old servers send the plain attribute alone. */
gboolean stun_mapped(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE], char ip[46], uint16_t *port)
{
	const uint8_t *value;
	size_t size;

	if (stun_answer_type(data, len, id) != BINDING_SUCCESS)
		return FALSE;
	if ((value = stun_attribute(data, len, STUN_XOR_MAPPED_ADDRESS, &size)) != NULL)
		return stun_address(value, size, data, ip, port);
	value = stun_attribute(data, len, STUN_MAPPED_ADDRESS, &size);
	return value && stun_address(value, size, NULL, ip, port);
}
