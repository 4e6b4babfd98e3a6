#include "control.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../err.h"
#include "../log.h"

enum { BACKLOG = 64, LAST_WORDS_MS = 200, PAUSE_MS = 1000 };

struct control {
	struct events *events;
	struct request_handler handler;
	int fd;
	guint source;
	char *path;
	GPtrArray *clients;		/* struct client * */
};

char *control_folder(void)
{
	const char *runtime = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *usual = g_strdup_printf("/run/user/%u", (unsigned)geteuid());

	if (!runtime || !g_path_is_absolute(runtime))
		runtime = g_file_test(usual, G_FILE_TEST_IS_DIR) ? usual : NULL;
	return runtime ? g_build_filename(runtime, "jcall", NULL) : NULL;
}

static gboolean is_ours(const char *path, mode_t kind, struct stat *st)
{
	return lstat(path, st) == 0 && (st->st_mode & S_IFMT) == kind && st->st_uid == geteuid();
}

static gboolean refuse(GError **error, const char *path, const char *why)
{
	g_set_error(error, JC_ERROR, JC_FILE, "%s%s", path, why);
	return FALSE;
}

/* Whoever could put something there could listen for us. */
static gboolean make_folder(const char *folder, GError **error)
{
	struct stat st;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
		g_set_error(error, JC_ERROR, JC_FILE, "%s: %s", folder, g_strerror(errno));
		return FALSE;
	}
	if (!is_ours(folder, S_IFDIR, &st) || ((st.st_mode & 077) && chmod(folder, 0700) < 0))
		return refuse(error, folder, " is not a folder of yours alone");
	return TRUE;
}

/* It appears when it can be connected to, in the place of what one who had our number before has left, who was killed:
 * whoever finds nobody at a socket removes it. */
static int listen_at(const char *path, GError **error)
{
	g_autofree char *unready = g_strconcat(path, "~", NULL);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = -1;

	if (g_strlcpy(addr.sun_path, unready, sizeof(addr.sun_path)) >= sizeof(addr.sun_path)) {
		g_set_error(error, JC_ERROR, JC_FILE, "%s is too long for a socket", path);
		return -1;
	}
	unlink(unready);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, BACKLOG) == 0 &&
	    rename(unready, path) == 0)
		return fd;
	g_set_error(error, JC_ERROR, JC_FILE, "%s: %s", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(unready);
	return -1;
}

static void on_gone(void *ctx, struct client *client)
{
	struct control *c = ctx;

	g_ptr_array_remove_fast(c->clients, client);
	client_free(client, 0);
}

/* The user who connected to us, or who listens where we have connected to; (uid_t)-1: nobody can tell. */
static uid_t user_at(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.uid : (uid_t)-1;
}

/* The folder keeps others out; this holds where it does not. */
static gboolean is_friend(int fd)
{
	uid_t user = user_at(fd);

	return user == geteuid() || user == 0;
}

static gboolean on_connection(gint listener, GIOCondition condition, gpointer data);

static gboolean on_pause_over(gpointer data)
{
	struct control *c = data;

	c->source = g_unix_fd_add(c->fd, G_IO_IN, on_connection, c);
	return G_SOURCE_REMOVE;
}

static void turn_away(int fd)
{
	static const char words[] = "{\"ok\":false,\"error\":\"too many are connected\"}\n";

	log_info("control", "somebody was turned away from the control socket");
	send(fd, words, sizeof(words) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static gboolean on_connection(gint listener, GIOCondition condition, gpointer data)
{
	struct control *c = data;
	struct client_options options = {.events = c->events, .handler = c->handler, .gone = on_gone, .ctx = c};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {	/* it would wake us again at once, and again */
		c->source = g_timeout_add(PAUSE_MS, on_pause_over, c);
		return G_SOURCE_REMOVE;
	}
	if (fd < 0)
		return G_SOURCE_CONTINUE;
	if (!is_friend(fd) || c->clients->len >= CONTROL_CLIENTS) {
		turn_away(fd);
		return G_SOURCE_CONTINUE;
	}
	g_ptr_array_add(c->clients, client_new(fd, &options));
	return G_SOURCE_CONTINUE;
}

/* ---- the other end ---- */

static gboolean check_place(const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	struct stat st;

	if (!is_ours(folder, S_IFDIR, &st) || (st.st_mode & 022))
		return refuse(error, folder, " is not a folder of yours alone, so what is in it is not spoken to");
	if (!is_ours(path, S_IFSOCK, &st))
		return refuse(error, path, " is not a socket of yours, and is not spoken to");
	return TRUE;
}

int control_connect(const char *path, guint timeout_s, GError **error)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = timeout_s};
	int fd;

	if (!check_place(path, error) || g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path)) >= sizeof(addr.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		if (user_at(fd) == geteuid())
			return fd;
		refuse(error, path, ": another user listens there, and is not spoken to");
	} else if (errno == ECONNREFUSED) {	/* it was killed */
		unlink(path);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

struct control *control_new(struct events *events, const struct request_handler *handler, GError **error)
{
	g_autofree char *folder = control_folder(), *path = NULL;
	struct control *c;
	int fd;

	if (!folder) {
		g_set_error(error, JC_ERROR, JC_FILE, "XDG_RUNTIME_DIR names no folder");
		return NULL;
	}
	path = g_strdup_printf("%s/%d.sock", folder, (int)getpid());
	fd = make_folder(folder, error) ? listen_at(path, error) : -1;
	if (fd < 0)
		return NULL;
	c = g_new0(struct control, 1);
	c->events = events;
	c->handler = *handler;
	c->fd = fd;
	c->path = g_steal_pointer(&path);
	c->clients = g_ptr_array_new();
	c->source = g_unix_fd_add(fd, G_IO_IN, on_connection, c);
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	g_clear_handle_id(&c->source, g_source_remove);
	close(c->fd);
	unlink(c->path);
	for (guint i = 0; i < c->clients->len; i++)
		client_free(c->clients->pdata[i], LAST_WORDS_MS);
	g_ptr_array_unref(c->clients);
	g_free(c->path);
	g_free(c);
}
