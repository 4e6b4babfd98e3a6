#include "addr.h"

#include <arpa/inet.h>
#include <string.h>

gboolean addr_usable(const char *ip, gboolean loopback)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (!ip)
		return FALSE;
	if (inet_pton(AF_INET, ip, &v4) == 1) {
		uint32_t a = ntohl(v4.s_addr);

		if (a >> 24 == 127)
			return loopback;
		return a >> 24 != 0 && a >> 28 != 14 && a >> 28 != 15;	/* 0/8, multicast, reserved and broadcast */
	}
	if (inet_pton(AF_INET6, ip, &v6) != 1)
		return FALSE;
	if (IN6_IS_ADDR_LOOPBACK(&v6))
		return loopback;
	return !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_MULTICAST(&v6) && !IN6_IS_ADDR_LINKLOCAL(&v6) &&
		!IN6_IS_ADDR_V4MAPPED(&v6) && !IN6_IS_ADDR_V4COMPAT(&v6);
}

gboolean addr_is_mdns(const char *name)
{
	enum { UUID = 36 };

	if (strlen(name) != UUID + strlen(".local") || g_ascii_strcasecmp(name + UUID, ".local") != 0)
		return FALSE;
	for (int i = 0; i < UUID; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? name[i] != '-' : !g_ascii_isxdigit(name[i]))
			return FALSE;
	return TRUE;
}
