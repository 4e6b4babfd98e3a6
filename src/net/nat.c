#include "nat.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stun.h"

enum {
	FIRST_MS = 200,			/* until a question is repeated; then twice as long, and so on */
	OTHER_LAST_MS = 800,		/* another address of a server that answers is not waited for any longer than that again */
	CHANGED_ADDRESS = 0x0005, OTHER_ADDRESS = 0x802c,	/* RFC 3489's, RFC 5780's */
};

struct asked {
	struct nat_probe *owner;
	size_t index;
	struct nat_answer answer;
	GCancellable *looking;		/* NULL: its name is known, or has none */
	struct sockaddr_storage to;
	socklen_t to_size;
	uint8_t id[STUN_ID_SIZE];
	guint timer, wait_ms;
	gboolean done;
};

struct way {				/* one family of addresses */
	int fd;				/* -1: not opened */
	guint source;
};

struct nat_probe {
	struct asked asked[NAT_MAX_ANSWERS];
	size_t servers, count, open;	/* COUNT with other addresses; OPEN: not settled */
	struct way ways[2];		/* IPv4, IPv6 */
	guint limit;
	struct nat_events ev;
};

/* ---- the verdict ---- */

static gboolean is_v6(const char *ip)
{
	return strchr(ip, ':') != NULL;
}

static gboolean is_translated(const struct nat_answer *a)
{
	return a->how == NAT_ANSWER && (strcmp(a->ip, a->own_ip) != 0 || a->port != a->own_port);
}

static enum nat_kind compare(const struct nat_answer *a, const struct nat_answer *b)
{
	if (!is_translated(a) || !is_translated(b) || is_v6(a->ip) != is_v6(b->ip))
		return NAT_UNKNOWN;
	if (strcmp(a->ip, b->ip) != 0 || a->port != b->port)
		return NAT_DEPENDENT;
	return strcmp(a->server_ip, b->server_ip) != 0 ? NAT_INDEPENDENT : NAT_SOME;
}

enum nat_kind nat_judge(const struct nat_answer *answers, size_t n)
{
	enum nat_kind kind = NAT_UNKNOWN;

	for (size_t i = 0; i < n; i++) {
		if (answers[i].how == NAT_ANSWER)
			kind = MAX(kind, is_translated(&answers[i]) ? NAT_SOME : NAT_NONE);
		for (size_t j = 0; j < i; j++)
			kind = MAX(kind, compare(&answers[i], &answers[j]));
	}
	return kind;
}

/* ---- asking ---- */

static void settle(struct asked *q)
{
	if (q->done)
		return;
	q->done = TRUE;
	g_clear_handle_id(&q->timer, g_source_remove);
	q->owner->ev.answer(q->owner->ev.ctx, q->index, &q->answer);
	if (--q->owner->open == 0)
		q->owner->ev.done(q->owner->ev.ctx);
}

static gboolean on_repeat(gpointer data);

static void ask(struct asked *q)
{
	uint8_t request[STUN_REQUEST_SIZE];

	stun_request(request, q->id);
	sendto(q->owner->ways[q->to.ss_family == AF_INET6].fd, request, sizeof(request), MSG_NOSIGNAL, (struct sockaddr *)&q->to,
	       q->to_size);
	q->timer = g_timeout_add(q->wait_ms, on_repeat, q);
	q->wait_ms *= 2;
}

static gboolean on_repeat(gpointer data)
{
	struct asked *q = data;

	q->timer = 0;
	if (q->index >= q->owner->servers && q->wait_ms > OTHER_LAST_MS)
		settle(q);
	else
		ask(q);
	return G_SOURCE_REMOVE;
}

static void number_of(const struct sockaddr_storage *address, char ip[46], uint16_t *port)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	gboolean is_6 = address->ss_family == AF_INET6;

	inet_ntop(address->ss_family, is_6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, ip, 46);
	*port = ntohs(is_6 ? v6->sin6_port : v4->sin_port);
}

/* The port is that of the socket that asks; which of our addresses it leaves from depends on where it goes. */
static void find_self(struct asked *q)
{
	struct sockaddr_storage self;
	socklen_t size = sizeof(self);
	uint16_t unused;
	int fd = socket(q->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&q->to, q->to_size) == 0 && getsockname(fd, (struct sockaddr *)&self, &size) == 0)
		number_of(&self, q->answer.own_ip, &unused);
	if (fd >= 0)
		close(fd);
	size = sizeof(self);
	if (getsockname(q->owner->ways[q->to.ss_family == AF_INET6].fd, (struct sockaddr *)&self, &size) == 0) {
		char any[46];

		number_of(&self, any, &q->answer.own_port);
	}
}

static struct asked *new_question(struct nat_probe *p)
{
	struct asked *q = &p->asked[p->count];

	*q = (struct asked){.owner = p, .index = p->count++, .wait_ms = FIRST_MS};
	p->open++;
	return q;
}

/* Nobody is to send us elsewhere than to an address of his own kind. */
static gboolean is_fit(const char *ip, const struct nat_answer *server)
{
	g_autoptr(GInetAddress) other = g_inet_address_new_from_string(ip), known = g_inet_address_new_from_string(server->server_ip);

	return other && known && !g_inet_address_equal(other, known) && g_inet_address_get_family(other) == g_inet_address_get_family(known) &&
		g_inet_address_get_is_loopback(other) == g_inet_address_get_is_loopback(known) && !g_inet_address_get_is_any(other) &&
		!g_inet_address_get_is_multicast(other) && !g_inet_address_get_is_link_local(other);
}

static gboolean set_address(struct asked *q, const char *ip, uint16_t port)
{
	g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string(ip, port);

	if (!address)
		return FALSE;
	q->to_size = (socklen_t)g_socket_address_get_native_size(address);
	g_strlcpy(q->answer.server_ip, ip, sizeof(q->answer.server_ip));
	q->answer.how = NAT_NO_ANSWER;
	return g_socket_address_to_native(address, &q->to, sizeof(q->to), NULL);
}

static void ask_other(const struct asked *of, const uint8_t *packet, size_t len)
{
	size_t size;
	const uint8_t *value = stun_attribute(packet, len, OTHER_ADDRESS, &size);
	struct asked *q;
	uint16_t port;
	char ip[46];

	if (!value)
		value = stun_attribute(packet, len, CHANGED_ADDRESS, &size);
	if (!value || of->index >= of->owner->servers || !stun_address(value, size, NULL, ip, &port) || !is_fit(ip, &of->answer))
		return;
	q = new_question(of->owner);
	if (set_address(q, ip, port) && stun_new_id(q->id))
		ask(q);
	else
		settle(q);
}

static gboolean on_datagram(gint fd, GIOCondition condition, gpointer data)
{
	struct nat_probe *p = data;
	uint8_t packet[DATAGRAM_MAX];
	ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);

	for (size_t i = 0; n > 0 && i < p->count; i++) {
		struct asked *q = &p->asked[i];

		if (q->done || !stun_mapped(packet, (size_t)n, q->id, q->answer.ip, &q->answer.port))
			continue;
		q->answer.how = NAT_ANSWER;
		find_self(q);
		ask_other(q, packet, (size_t)n);
		settle(q);
	}
	return G_SOURCE_CONTINUE;
}

static gboolean open_way(struct nat_probe *p, int family)
{
	struct way *w = &p->ways[family == AF_INET6];

	if (w->fd >= 0)
		return TRUE;
	w->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0)
		return FALSE;
	w->source = g_unix_fd_add(w->fd, G_IO_IN, on_datagram, p);
	return TRUE;
}

/* ---- whom ---- */

/* IPv4 where it is to be had: that is where the NATs are. */
static GInetAddress *choose(GList *addresses)
{
	for (GList *l = addresses; l; l = l->next)
		if (g_inet_address_get_family(l->data) == G_SOCKET_FAMILY_IPV4)
			return l->data;
	return addresses ? addresses->data : NULL;
}

static void on_name(GObject *resolver, GAsyncResult *result, gpointer data)
{
	struct asked *q = data;
	g_autoptr(GError) error = NULL;
	GList *list = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
	GInetAddress *chosen = choose(list);
	g_autofree char *ip = chosen ? g_inet_address_to_string(chosen) : NULL;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;			/* the probe is gone */
	g_clear_object(&q->looking);
	g_resolver_free_addresses(list);
	if (q->done)
		return;
	if (ip && set_address(q, ip, q->answer.port) && open_way(q->owner, q->to.ss_family) && stun_new_id(q->id))
		ask(q);
	else
		settle(q);
}

static void look_up(struct asked *q, const struct ice_server *server)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();

	q->answer.port = server->port;
	q->looking = g_cancellable_new();
	g_resolver_lookup_by_name_async(resolver, server->host, q->looking, on_name, q);
}

static gboolean on_limit(gpointer data)
{
	struct nat_probe *p = data;

	p->limit = 0;
	for (size_t i = 0; i < p->count; i++)
		settle(&p->asked[i]);
	return G_SOURCE_REMOVE;
}

struct nat_probe *nat_ask(const struct server_list *servers, guint limit_ms, const struct nat_events *events)
{
	struct nat_probe *p = g_new0(struct nat_probe, 1);

	p->ev = *events;
	p->ways[0].fd = p->ways[1].fd = -1;
	p->servers = servers->count;
	p->limit = g_timeout_add(limit_ms, on_limit, p);
	for (size_t i = 0; i < servers->count; i++)
		look_up(new_question(p), &servers->server[i]);
	return p;
}

void nat_probe_free(struct nat_probe *p)
{
	if (!p)
		return;
	g_clear_handle_id(&p->limit, g_source_remove);
	for (size_t i = 0; i < p->count; i++) {
		g_clear_handle_id(&p->asked[i].timer, g_source_remove);
		if (p->asked[i].looking)
			g_cancellable_cancel(p->asked[i].looking);	/* its callback comes back without touching the probe */
		g_clear_object(&p->asked[i].looking);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(p->ways); i++) {
		g_clear_handle_id(&p->ways[i].source, g_source_remove);
		if (p->ways[i].fd >= 0)
			close(p->ways[i].fd);
	}
	g_free(p);
}
