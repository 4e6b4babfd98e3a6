#include "service.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "post.h"
#include "text.h"

enum { MAX_STATUS = 400 };		/* [characters] */

/* Referred to by its owner and by each ping under way. */
struct service {
	int fd;				/* -1: nobody is to be told */
	struct sockaddr_un to;
	socklen_t to_len;
	guint64 watchdog_us;		/* 0: there is none */
	struct media_thread *media;
	guint beat_timer;
	gboolean asked;			/* the media thread, and it has not answered */
	gboolean ready, stopping;
	char *told;			/* the last status */
};

/* ---- one word ---- */

static void tell(struct service *s, const char *word)
{
	if (s->fd >= 0 && sendto(s->fd, word, strlen(word), MSG_NOSIGNAL, (struct sockaddr *)&s->to, s->to_len) < 0)
		log_warn("service", "the service manager cannot be told %s: %s", word, g_strerror(errno));
}

/* A path, or an abstract name whose first byte is written as @. */
static gboolean read_address(struct service *s, const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(s->to.sun_path))
		return FALSE;
	s->to.sun_family = AF_UNIX;
	memcpy(s->to.sun_path, name, len + 1);
	s->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	if (name[0] == '@') {
		s->to.sun_path[0] = '\0';
		s->to_len--;			/* the end of an abstract name is its length */
	}
	return TRUE;
}

/* ---- what the environment says ---- */

static void open_socket(struct service *s)
{
	const char *name = g_getenv("NOTIFY_SOCKET");

	if (!name || !*name)
		return;
	if (!read_address(s, name))
		log_warn("service", "NOTIFY_SOCKET is neither the path nor the abstract name of a socket: '%s'", name);
	else if ((s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		log_warn("service", "the service manager cannot be told anything: %s", g_strerror(errno));
}

static guint64 number_of(const char *variable)
{
	const char *text = g_getenv(variable);
	guint64 n = 0;

	return text && g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &n, NULL) ? n : 0;
}

struct service *service_new(void)
{
	struct service *s = g_rc_box_new0(struct service);
	const char *pid = g_getenv("WATCHDOG_PID");

	s->fd = -1;
	open_socket(s);
	if (!pid || number_of("WATCHDOG_PID") == (guint64)getpid())
		s->watchdog_us = number_of("WATCHDOG_USEC");
	g_unsetenv("NOTIFY_SOCKET");
	g_unsetenv("WATCHDOG_USEC");
	g_unsetenv("WATCHDOG_PID");
	return s;
}

static void clear(void *data)
{
	struct service *s = data;

	g_free(s->told);
}

void service_free(struct service *s)
{
	if (!s)
		return;
	g_clear_handle_id(&s->beat_timer, g_source_remove);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;				/* an answer may still be on its way */
	g_rc_box_release_full(s, clear);
}

/* ---- the watchdog ---- */

/* In the main thread again: both threads turn. */
static void on_answer(void *self, void *arg)
{
	struct service *s = self;

	s->asked = FALSE;
	tell(s, "WATCHDOG=1");
	g_rc_box_release_full(s, clear);
}

/* In the media thread. */
static void on_ping(void *self, void *arg)
{
	post_to(NULL, on_answer, self, NULL, 0);
}

static gboolean on_beat(gpointer data)
{
	struct service *s = data;

	if (s->asked) {
		log_warn("service", "the media thread does not answer: the watchdog is not told that all is well");
	} else {
		s->asked = TRUE;
		post_to(media_thread_context(s->media), on_ping, g_rc_box_acquire(s), NULL, 0);
	}
	return G_SOURCE_CONTINUE;
}

void service_watch(struct service *s, struct media_thread *media)
{
	if (s->fd < 0 || !s->watchdog_us)
		return;
	s->media = media;
	s->beat_timer = g_timeout_add((guint)CLAMP(s->watchdog_us / 2000, 1, G_MAXUINT), on_beat, s);
	on_beat(s);
}

/* ---- what goes on ---- */

void service_ready(struct service *s)
{
	if (!s->ready && !s->stopping)
		tell(s, "READY=1");
	s->ready = TRUE;
}

void service_status(struct service *s, const char *format, ...)
{
	g_autofree char *raw = NULL, *clean = NULL, *word = NULL;
	va_list ap;

	if (s->fd < 0)
		return;
	va_start(ap, format);
	raw = g_strdup_vprintf(format, ap);
	va_end(ap);
	clean = text_clean(raw, MAX_STATUS);
	if (g_strcmp0(clean, s->told) == 0)
		return;
	word = g_strconcat("STATUS=", clean, NULL);
	tell(s, word);
	g_free(s->told);
	s->told = g_steal_pointer(&clean);
}

void service_stopping(struct service *s)
{
	if (!s->stopping)
		tell(s, "STOPPING=1");
	s->stopping = TRUE;
}
