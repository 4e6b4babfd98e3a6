#include "socket.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void socket_tune(int fd)
{
	int on = 1, idle_s = 20, interval_s = 5, probes = 3;
	unsigned limit_ms = 20000;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
}

/* A server that writes in small pieces waits for our acknowledgement of each, which the kernel would hold back for 40 ms. */
void socket_acknowledge_quickly(int fd)
{
	int on = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

bool socket_was_read(int fd, uint64_t *taken)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	uint64_t before = *taken;
	int left = 0;

	/* In this order: what comes in between is in LEFT, and says so by itself. */
	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || ioctl(fd, FIONREAD, &left) != 0)
		return false;
	*taken = info.tcpi_bytes_received - (uint64_t)left;
	return left > 0 || *taken != before;
}
