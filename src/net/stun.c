#include "stun.h"

#include <arpa/inet.h>
#include <string.h>

enum { HEADER = 20, BINDING_REQUEST = 0x0001, BINDING_SUCCESS = 0x0101, MAPPED_ADDRESS = 0x0001, XOR_MAPPED_ADDRESS = 0x0020 };

static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

void stun_request(uint8_t out[STUN_REQUEST_SIZE], const uint8_t id[STUN_ID_SIZE])
{
	memset(out, 0, STUN_REQUEST_SIZE);
	out[1] = BINDING_REQUEST;
	memcpy(out + 4, cookie, sizeof(cookie));
	memcpy(out + 8, id, STUN_ID_SIZE);
}

/* RFC 5389 15.1, 15.2. MASK: the cookie and the id, or zeros. */
static gboolean read_address(const uint8_t *value, size_t len, const uint8_t mask[16], char ip[46], uint16_t *port)
{
	size_t size = len == 8 && value[1] == 1 ? 4 : len == 20 && value[1] == 2 ? 16 : 0;
	uint8_t address[16];

	if (!size)
		return FALSE;
	for (size_t i = 0; i < size; i++)
		address[i] = value[4 + i] ^ mask[i];
	*port = (uint16_t)((value[2] ^ mask[0]) << 8 | (value[3] ^ mask[1]));
	return *port && inet_ntop(size == 4 ? AF_INET : AF_INET6, address, ip, 46);
}

/* Old servers send the plain attribute alone. */
gboolean stun_mapped(const uint8_t *data, size_t len, const uint8_t id[STUN_ID_SIZE], char ip[46], uint16_t *port)
{
	static const uint8_t none[16];
	gboolean found = FALSE;

	if (len < HEADER || get16(data) != BINDING_SUCCESS || get16(data + 2) != len - HEADER ||
	    memcmp(data + 4, cookie, sizeof(cookie)) != 0 || memcmp(data + 8, id, STUN_ID_SIZE) != 0)
		return FALSE;
	for (size_t at = HEADER; len - at >= 4;) {
		unsigned type = get16(data + at), size = get16(data + at + 2);

		at += 4;
		if (size > len - at)
			return FALSE;
		if (type == XOR_MAPPED_ADDRESS)
			return read_address(data + at, size, data + 4, ip, port);
		if (type == MAPPED_ADDRESS)
			found = read_address(data + at, size, none, ip, port);
		at += MIN((size + 3u) & ~3u, len - at);
	}
	return found;
}
