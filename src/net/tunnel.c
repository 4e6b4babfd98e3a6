#include "tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../err.h"
#include "../log.h"
#include "../post.h"
#include "../text.h"

enum { MAX_BRIDGES = 8, ROOM = 16384 };

struct buffer {
	uint8_t data[ROOM];
	size_t at, len;
};

struct bridge {				/* one connection of ours, and the one to the server that belongs to it */
	struct tunnel *owner;
	int near, far;			/* sockets; FAR < 0: not connected yet */
	SSL *ssl;
	GCancellable *connecting;
	GSource *near_source, *far_source;
	struct buffer up, down;
	gboolean shaken;		/* the handshake is done */
};

struct tunnel {
	GMainContext *ctx;
	char *host;
	guint16 port, own_port;
	int listener;
	GSource *source;
	SSL_CTX *ssl;
	GPtrArray *bridges;
	char *problem;			/* of the last bridge that failed; NULL: none has */
	gboolean reached;		/* that one was connected */
};

/* ---- one connection ---- */

static void bridge_free(gpointer data)
{
	struct bridge *b = data;

	source_drop(&b->near_source);
	source_drop(&b->far_source);
	if (b->connecting)
		g_cancellable_cancel(b->connecting);	/* its callback comes back without touching the bridge */
	g_clear_object(&b->connecting);
	SSL_free(b->ssl);
	if (b->far >= 0)
		close(b->far);
	close(b->near);
	explicit_bzero(&b->up, sizeof(b->up));
	g_free(b);
}

static void give_up(struct bridge *b, const char *why)
{
	if (why) {
		log_warn("tunnel", "the relay %s cannot be used by TLS: %s", b->owner->host, why);
		g_free(b->owner->problem);
		b->owner->problem = g_strdup(why);
		b->owner->reached = b->far >= 0;
	}
	g_ptr_array_remove_fast(b->owner->bridges, b);
}

static const char *tls_problem(const struct bridge *b)
{
	long verdict = SSL_get_verify_result(b->ssl);
	unsigned long code = ERR_get_error();

	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return code ? ERR_reason_error_string(code) : "the connection was closed";
}

/* TRUE: bytes moved. FALSE with *OVER: an end has closed or failed. */
static gboolean fill_up(struct bridge *b, gboolean *over)
{
	ssize_t n;

	if (b->up.len)
		return FALSE;
	n = recv(b->near, b->up.data, ROOM, 0);
	*over = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	b->up.at = 0;
	b->up.len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static gboolean is_over(const struct bridge *b, int result)
{
	int why = SSL_get_error(b->ssl, result);

	return why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
}

static gboolean drain_up(struct bridge *b, gboolean *over)
{
	int n;

	if (!b->up.len)
		return FALSE;
	n = SSL_write(b->ssl, b->up.data + b->up.at, (int)b->up.len);
	if (n <= 0) {
		*over = is_over(b, n);
		return FALSE;
	}
	b->up.at += (size_t)n;
	b->up.len -= (size_t)n;
	return TRUE;
}

static gboolean fill_down(struct bridge *b, gboolean *over)
{
	int n;

	if (b->down.len)
		return FALSE;
	n = SSL_read(b->ssl, b->down.data, ROOM);
	if (n <= 0) {
		*over = is_over(b, n);
		return FALSE;
	}
	b->down.at = 0;
	b->down.len = (size_t)n;
	return TRUE;
}

static gboolean drain_down(struct bridge *b, gboolean *over)
{
	ssize_t n;

	if (!b->down.len)
		return FALSE;
	n = send(b->near, b->down.data + b->down.at, b->down.len, MSG_NOSIGNAL);
	*over = n < 0 && errno != EAGAIN && errno != EINTR;
	if (n <= 0)
		return FALSE;
	b->down.at += (size_t)n;
	b->down.len -= (size_t)n;
	return TRUE;
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data);

static void watch(struct bridge *b, GSource **source, int fd, GIOCondition want)
{
	source_drop(source);
	if (!want)
		return;
	*source = g_unix_fd_source_new(fd, want);
	g_source_set_callback(*source, G_SOURCE_FUNC(on_ready), b, NULL);
	g_source_attach(*source, b->owner->ctx);
}

static void wait_for_more(struct bridge *b)
{
	watch(b, &b->near_source, b->near, (b->shaken && !b->up.len ? G_IO_IN : 0) | (b->down.len ? G_IO_OUT : 0));
	watch(b, &b->far_source, b->far, (b->down.len ? 0 : G_IO_IN) | (SSL_want_write(b->ssl) ? G_IO_OUT : 0));
}

static void pump(struct bridge *b)
{
	gboolean over = FALSE, moved = TRUE;

	ERR_clear_error();
	if (!b->shaken) {
		int n = SSL_connect(b->ssl);

		if (n != 1 && is_over(b, n)) {
			give_up(b, tls_problem(b));
			return;
		}
		b->shaken = n == 1;
	}
	while (b->shaken && moved && !over) {
		moved = fill_up(b, &over) && !over;
		moved |= !over && drain_up(b, &over);
		moved |= !over && fill_down(b, &over);
		moved |= !over && drain_down(b, &over);
	}
	if (over)
		give_up(b, NULL);
	else
		wait_for_more(b);
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data)
{
	pump(data);			/* which makes its sources anew, or frees all */
	return G_SOURCE_REMOVE;
}

/* ---- to the server ---- */

static gboolean is_number(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static gboolean begin_tls(struct bridge *b)
{
	const char *host = b->owner->host;

	b->ssl = SSL_new(b->owner->ssl);
	if (!b->ssl || SSL_set_fd(b->ssl, b->far) != 1)
		return FALSE;
	if (is_number(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(b->ssl), host) == 1;
	return SSL_set1_host(b->ssl, host) == 1 && SSL_set_tlsext_host_name(b->ssl, host) == 1;
}

static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
	struct bridge *b = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocketConnection) connection = g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;			/* the bridge is gone */
	g_clear_object(&b->connecting);
	if (!connection) {
		give_up(b, error->message);
		return;
	}
	b->far = dup(g_socket_get_fd(g_socket_connection_get_socket(connection)));
	if (b->far < 0 || !begin_tls(b)) {
		give_up(b, "no more file descriptors, or no memory");
		return;
	}
	no_delay(b->far);
	pump(b);
}

/* Is A where B is? Both are of IPv4, as the listener is. */
static gboolean is_same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_family == b->sin_family && a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Is FD the socket at the other end of one that is bound to HERE and connected to THERE? */
static gboolean is_other_end(int fd, const struct sockaddr_in *here, const struct sockaddr_in *there)
{
	struct sockaddr_in own = {0}, peer = {0};
	socklen_t own_size = sizeof(own), peer_size = sizeof(peer);

	return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 && getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
		is_same(&own, there) && is_same(&peer, here);
}

/* Any process of this machine can connect to the listener, and TURN over the tunnel would then be tried with this account's TLS
 * connection. The other end of a connection of ours is among our own file descriptors. Without /proc nobody is served. */
static gboolean is_our_own(int near)
{
	g_autoptr(GDir) open = g_dir_open("/proc/self/fd", 0, NULL);
	struct sockaddr_in here = {0}, there = {0};
	socklen_t here_size = sizeof(here), there_size = sizeof(there);
	gboolean found = FALSE;
	const char *number;
	guint64 fd;

	if (!open || getsockname(near, (struct sockaddr *)&here, &here_size) != 0 ||
	    getpeername(near, (struct sockaddr *)&there, &there_size) != 0)
		return FALSE;
	while (!found && (number = g_dir_read_name(open)) != NULL)
		found = text_uint(number, 0, G_MAXINT, &fd) && is_other_end((int)fd, &here, &there);
	return found;
}

static gboolean on_near(gint fd, GIOCondition condition, gpointer data)
{
	struct tunnel *t = data;
	g_autoptr(GSocketClient) client = NULL;
	struct bridge *b;
	int near = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (near < 0)
		return G_SOURCE_CONTINUE;
	if (!is_our_own(near)) {
		log_info("tunnel", "another process of this machine tried to use the way to the relay %s, and was turned away", t->host);
		close(near);
		return G_SOURCE_CONTINUE;
	}
	if (t->bridges->len >= MAX_BRIDGES) {
		close(near);
		return G_SOURCE_CONTINUE;
	}
	b = g_new0(struct bridge, 1);
	b->owner = t;
	b->near = near;
	b->far = -1;
	b->connecting = g_cancellable_new();
	no_delay(near);
	g_ptr_array_add(t->bridges, b);
	client = g_socket_client_new();
	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_connect_to_host_async(client, t->host, t->port, b->connecting, on_connected, b);
	return G_SOURCE_CONTINUE;
}

/* ---- for the owner ---- */

static gboolean listen_here(struct tunnel *t, GError **error)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);

	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->listener < 0 || bind(t->listener, (struct sockaddr *)&here, size) != 0 || listen(t->listener, MAX_BRIDGES) != 0 ||
	    getsockname(t->listener, (struct sockaddr *)&here, &size) != 0) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "no port for TLS to the relay %s: %s", t->host, g_strerror(errno));
		return FALSE;
	}
	t->own_port = ntohs(here.sin_port);
	t->source = g_unix_fd_source_new(t->listener, G_IO_IN);
	g_source_set_callback(t->source, G_SOURCE_FUNC(on_near), t, NULL);
	g_source_attach(t->source, t->ctx);
	return TRUE;
}

static gboolean prepare_tls(struct tunnel *t, const char *ca_file, GError **error)
{
	t->ssl = SSL_CTX_new(TLS_client_method());
	if (!t->ssl || SSL_CTX_set_default_verify_paths(t->ssl) != 1 || SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION) != 1) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "the TLS library does not start");
		return FALSE;
	}
	if (ca_file && SSL_CTX_load_verify_locations(t->ssl, ca_file, NULL) != 1) {
		g_set_error(error, JC_ERROR, JC_CONFIG, "no certificates can be read from %s (ca_file)", ca_file);
		return FALSE;
	}
	SSL_CTX_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return TRUE;
}

struct tunnel *tunnel_open(GMainContext *ctx, const char *host, guint16 port, const char *ca_file, GError **error)
{
	struct tunnel *t = g_new0(struct tunnel, 1);

	t->ctx = ctx;
	t->host = g_strdup(host);
	t->port = port;
	t->listener = -1;
	t->bridges = g_ptr_array_new_with_free_func(bridge_free);
	if (prepare_tls(t, ca_file, error) && listen_here(t, error))
		return t;
	tunnel_free(t);
	return NULL;
}

void tunnel_free(struct tunnel *t)
{
	if (!t)
		return;
	source_drop(&t->source);
	g_ptr_array_unref(t->bridges);
	if (t->listener >= 0)
		close(t->listener);
	SSL_CTX_free(t->ssl);
	g_free(t->host);
	g_free(t->problem);
	g_free(t);
}

guint16 tunnel_port(const struct tunnel *t)
{
	return t->own_port;
}

const char *tunnel_problem(const struct tunnel *t, gboolean *reached)
{
	*reached = t->reached;
	return t->problem;
}
