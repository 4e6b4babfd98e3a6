#include "allocation.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

#include "tunnel.h"

enum {
	FIRST_MS = 250,			/* until a question is repeated by UDP; then twice as long, and so on */
	TRIES = 3,			/* a nonce may be old, but not for ever */
	HEAD = 20,
};

struct allocation {
	struct ice_server server;
	struct turn_login login;
	struct tunnel *tunnel;		/* by TLS; else NULL */
	GError *no_tunnel;		/* why there is none */
	GCancellable *connecting;	/* NULL: not any more */
	GSocketConnection *connection;
	guint source, limit, repeat, wait_ms;
	unsigned tries;
	uint8_t id[STUN_ID_SIZE], request[TURN_REQUEST_MAX], in[4096];
	size_t request_len, in_len;
	gboolean over;
	void (*done)(void *ctx, enum allocation_end end, const struct turn_answer *answer, const char *words);
	void *ctx;
};

static gboolean is_stream(const struct allocation *a)
{
	return a->server.kind != SERVER_TURN_UDP;
}

static void finish(struct allocation *a, enum allocation_end end, const struct turn_answer *answer, const char *words)
{
	if (a->over)
		return;
	a->over = TRUE;
	g_clear_handle_id(&a->source, g_source_remove);
	g_clear_handle_id(&a->repeat, g_source_remove);
	g_clear_handle_id(&a->limit, g_source_remove);
	a->done(a->ctx, end, answer, words);
}

/* The connection came to its end. What ended it is known by the tunnel, if there is one. */
static void fail(struct allocation *a, const char *words)
{
	gboolean reached = FALSE;
	const char *problem = a->tunnel ? tunnel_problem(a->tunnel, &reached) : NULL;

	finish(a, reached ? ALLOCATION_INSECURE : ALLOCATION_UNREACHABLE, NULL, problem ? problem : words);
}

/* ---- asking ---- */

static int socket_of(const struct allocation *a)
{
	return g_socket_get_fd(g_socket_connection_get_socket(a->connection));
}

static gboolean on_repeat(gpointer data);

/* A fresh connection takes two kilobytes at once; by UDP what is lost is sent again. */
static void send_request(struct allocation *a)
{
	if (send(socket_of(a), a->request, a->request_len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN && is_stream(a)) {
		fail(a, g_strerror(errno));
		return;
	}
	if (!is_stream(a))
		a->repeat = g_timeout_add(a->wait_ms, on_repeat, a);
	a->wait_ms *= 2;
}

static gboolean on_repeat(gpointer data)
{
	struct allocation *a = data;

	a->repeat = 0;
	send_request(a);
	return G_SOURCE_REMOVE;
}

static void ask(struct allocation *a)
{
	g_clear_handle_id(&a->repeat, g_source_remove);
	a->tries++;
	a->wait_ms = FIRST_MS;
	if (!stun_new_id(a->id)) {
		fail(a, "this machine has no random numbers");
		return;
	}
	a->request_len = turn_allocate(a->request, a->id, &a->login);
	send_request(a);
}

/* Whether the relay hears it does not matter much: an allocation that is not used ends by itself. */
static void give_back(struct allocation *a)
{
	if (!stun_new_id(a->id))
		return;
	a->request_len = turn_release(a->request, a->id, &a->login);
	send(socket_of(a), a->request, a->request_len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- listening ---- */

static void take(struct allocation *a, const uint8_t *message, size_t len)
{
	struct turn_answer answer = {.code = 0};

	switch (turn_read(message, len, a->id, &a->login, &answer)) {
	case TURN_GRANTED:
		give_back(a);
		finish(a, ALLOCATION_GRANTED, &answer, NULL);
		break;
	case TURN_REFUSED:
		finish(a, ALLOCATION_REFUSED, &answer, NULL);
		break;
	case TURN_WHO:
		if (a->tries < TRIES)
			ask(a);
		else
			finish(a, ALLOCATION_REFUSED, &answer, NULL);
		break;
	case TURN_NOTHING:
		break;
	}
}

/* By a stream the length in each message's head tells where it ends (RFC 8489 6.2.2). */
static void take_whole(struct allocation *a)
{
	size_t size;

	while (!a->over && a->in_len >= HEAD && (size = HEAD + (size_t)(a->in[2] << 8 | a->in[3])) <= a->in_len) {
		take(a, a->in, size);
		a->in_len -= size;
		memmove(a->in, a->in + size, a->in_len);
	}
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct allocation *a = data;
	size_t kept = is_stream(a) ? a->in_len : 0;
	ssize_t n = recv(fd, a->in + kept, sizeof(a->in) - kept, MSG_DONTWAIT);

	if (n > 0 && !is_stream(a)) {
		take(a, a->in, (size_t)n);
	} else if (n > 0) {
		a->in_len += (size_t)n;
		take_whole(a);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		fail(a, n == 0 ? "the connection was closed" : g_strerror(errno));
	}
	return a->over ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* ---- connecting ---- */

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
	struct allocation *a = data;
	g_autoptr(GError) error = NULL;
	GSocketConnection *connection = g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;			/* the allocation is gone */
	g_clear_object(&a->connecting);
	a->connection = connection;
	if (a->over)
		return;
	if (!connection) {
		finish(a, ALLOCATION_UNREACHABLE, NULL, error->message);
		return;
	}
	a->source = g_unix_fd_add(socket_of(a), G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, a);
	ask(a);
}

static void begin(struct allocation *a, const char *host, guint16 port)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();

	g_socket_client_set_enable_proxy(client, FALSE);
	if (!is_stream(a)) {
		g_socket_client_set_socket_type(client, G_SOCKET_TYPE_DATAGRAM);
		g_socket_client_set_protocol(client, G_SOCKET_PROTOCOL_UDP);
	}
	a->connecting = g_cancellable_new();
	g_socket_client_connect_to_host_async(client, host, port, a->connecting, on_connected, a);
}

static gboolean on_limit(gpointer data)
{
	struct allocation *a = data;

	a->limit = 0;
	finish(a, ALLOCATION_SILENT, NULL, NULL);
	return G_SOURCE_REMOVE;
}

static gboolean on_no_tunnel(gpointer data)
{
	struct allocation *a = data;

	a->limit = 0;
	finish(a, ALLOCATION_UNREACHABLE, NULL, a->no_tunnel->message);
	return G_SOURCE_REMOVE;
}

struct allocation *allocation_try(const struct ice_server *server, const char *ca_file, guint limit_ms,
				  void (*done)(void *ctx, enum allocation_end end, const struct turn_answer *answer, const char *words),
				  void *ctx)
{
	struct allocation *a = g_new0(struct allocation, 1);

	a->server = *server;
	a->login.user = a->server.user;
	a->login.password = a->server.password;
	a->done = done;
	a->ctx = ctx;
	if (server->kind == SERVER_TURN_TLS) {
		a->tunnel = tunnel_open(NULL, server->host, server->port, ca_file, &a->no_tunnel);
		if (!a->tunnel) {
			a->limit = g_idle_add(on_no_tunnel, a);
			return a;
		}
	}
	a->limit = g_timeout_add(limit_ms, on_limit, a);
	begin(a, a->tunnel ? "127.0.0.1" : a->server.host, a->tunnel ? tunnel_port(a->tunnel) : a->server.port);
	return a;
}

void allocation_free(struct allocation *a)
{
	if (!a)
		return;
	g_clear_handle_id(&a->limit, g_source_remove);
	g_clear_handle_id(&a->repeat, g_source_remove);
	g_clear_handle_id(&a->source, g_source_remove);
	if (a->connecting)
		g_cancellable_cancel(a->connecting);	/* its callback comes back without touching the allocation */
	g_clear_object(&a->connecting);
	g_clear_object(&a->connection);
	tunnel_free(a->tunnel);
	g_clear_error(&a->no_tunnel);
	explicit_bzero(a, sizeof(*a));
	g_free(a);
}
