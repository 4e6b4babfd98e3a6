#include "netwatch.h"

#include <arpa/inet.h>
#include <glib-unix.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../post.h"

enum { SETTLE_MS = 100 };

struct netwatch {
	GMainContext *ctx;
	void (*changed)(void *self);
	void *self;
	int fd;
	GSource *source, *timer;
};

static gboolean on_settled(gpointer data)
{
	struct netwatch *w = data;

	source_drop(&w->timer);
	w->changed(w->self);
	return G_SOURCE_REMOVE;
}

/* What exactly has changed is read from the system afterwards: messages may have been lost. */
static gboolean on_message(gint fd, GIOCondition condition, gpointer data)
{
	struct netwatch *w = data;
	char ignored[8192];

	while (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
		;
	source_drop(&w->timer);
	w->timer = g_timeout_source_new(SETTLE_MS);
	g_source_set_callback(w->timer, on_settled, w, NULL);
	g_source_attach(w->timer, w->ctx);
	return G_SOURCE_CONTINUE;
}

struct netwatch *netwatch_new(GMainContext *ctx, void (*changed)(void *self), void *self)
{
	struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct netwatch *w;

	if (fd < 0)
		return NULL;
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0) {
		close(fd);
		return NULL;
	}
	w = g_new0(struct netwatch, 1);
	w->ctx = ctx;
	w->changed = changed;
	w->self = self;
	w->fd = fd;
	w->source = g_unix_fd_source_new(fd, G_IO_IN);
	g_source_set_callback(w->source, G_SOURCE_FUNC(on_message), w, NULL);
	g_source_attach(w->source, ctx);
	return w;
}

void netwatch_free(struct netwatch *w)
{
	if (!w)
		return;
	source_drop(&w->timer);
	source_drop(&w->source);
	close(w->fd);
	g_free(w);
}

static const void *address_of(const struct sockaddr *a)
{
	return a->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)a)->sin_addr :
		a->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr : NULL;
}

static gboolean is_local(const struct ifaddrs *a)
{
	return (a->ifa_flags & IFF_LOOPBACK) || (a->ifa_addr->sa_family == AF_INET6 &&
		IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)a->ifa_addr)->sin6_addr));
}

gboolean netwatch_has(const char *ip)
{
	struct ifaddrs *list, *a;
	gboolean found = FALSE;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&list) != 0)
		return FALSE;
	for (a = list; a && !found; a = a->ifa_next) {
		if (!a->ifa_addr || !address_of(a->ifa_addr) || !(a->ifa_flags & IFF_UP))
			continue;
		found = ip ? inet_ntop(a->ifa_addr->sa_family, address_of(a->ifa_addr), text, sizeof(text)) && strcmp(text, ip) == 0 :
			!is_local(a);
	}
	freeifaddrs(list);
	return found;
}
