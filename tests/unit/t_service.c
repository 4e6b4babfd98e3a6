#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "capture.h"
#include "post.h"
#include "service.h"

enum { BEAT_MS = 20, PATIENCE_MS = 30000 };

/* A service manager of the test's own. */
struct manager {
	int fd;
	char *path;			/* NULL: an abstract name */
};

static struct manager listen_at(const char *name)
{
	struct manager m = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), .path = name[0] == '@' ? NULL : g_strdup(name)};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	gsize len = strlen(name);

	memcpy(at.sun_path, name, len);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(m.fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	g_setenv("NOTIFY_SOCKET", name, TRUE);
	return m;
}

static struct manager listen_somewhere(void)
{
	g_autofree char *name = g_strdup_printf("%s/jcall-notify-%d", g_get_tmp_dir(), (int)getpid());

	g_unlink(name);
	return listen_at(name);
}

static void forget(struct manager *m)
{
	close(m->fd);
	if (m->path)
		g_unlink(m->path);
	g_free(m->path);
}

/* The next word, "" when there is none yet. */
static const char *heard(struct manager *m)
{
	static char word[2000];
	ssize_t n = recv(m->fd, word, sizeof(word) - 1, 0);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	word[MAX(n, 0)] = '\0';
	return word;
}

static gboolean on_over(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static void turn_for(guint ms)
{
	gboolean over = FALSE;

	g_timeout_add(ms, on_over, &over);
	while (!over)
		g_main_context_iteration(NULL, TRUE);
}

static void wait_for(struct manager *m, const char *word)
{
	for (guint ms = 0; ms < PATIENCE_MS; ms += BEAT_MS / 2) {
		if (strcmp(heard(m), word) == 0)
			return;
		turn_for(BEAT_MS / 2);
	}
	fail_msg("%s never came", word);
}

static int clean_environment(void **state)
{
	g_unsetenv("NOTIFY_SOCKET");
	g_unsetenv("WATCHDOG_USEC");
	g_unsetenv("WATCHDOG_PID");
	return 0;
}

static void set_watchdog(const char *pid)
{
	g_autofree char *us = g_strdup_printf("%d", 2 * BEAT_MS * 1000);

	g_setenv("WATCHDOG_USEC", us, TRUE);
	if (pid)
		g_setenv("WATCHDOG_PID", pid, TRUE);
}

/* ---- words ---- */

static void each_word_is_a_datagram_and_said_once(void **state)
{
	struct manager m = listen_somewhere();
	struct service *s = service_new();

	service_status(s, "Waiting for calls to %s", "romeo@lab.test");
	service_status(s, "Waiting for calls to %s", "romeo@lab.test");
	service_ready(s);
	service_ready(s);
	service_stopping(s);
	service_stopping(s);
	assert_string_equal(heard(&m), "STATUS=Waiting for calls to romeo@lab.test");
	assert_string_equal(heard(&m), "READY=1");
	assert_string_equal(heard(&m), "STOPPING=1");
	assert_string_equal(heard(&m), "");
	service_free(s);
	forget(&m);
}

static void who_stops_before_he_is_ready_is_never_ready(void **state)
{
	struct manager m = listen_somewhere();
	struct service *s = service_new();

	service_stopping(s);
	service_ready(s);
	assert_string_equal(heard(&m), "STOPPING=1");
	assert_string_equal(heard(&m), "");
	service_free(s);
	forget(&m);
}

static void the_name_may_be_abstract(void **state)
{
	g_autofree char *name = g_strdup_printf("@jcall-test-%d", (int)getpid());
	struct manager m = listen_at(name);
	struct service *s = service_new();

	service_ready(s);
	assert_string_equal(heard(&m), "READY=1");
	service_free(s);
	forget(&m);
}

/* A word of ours is a line of NAME=VALUE: a peer's name must not become one of its own. */
static void a_peer_cannot_forge_a_word(void **state)
{
	struct manager m = listen_somewhere();
	struct service *s = service_new();
	g_autofree char *flood = g_strnfill(100000, 'x');

	service_status(s, "Talking with %s", "a@b\nSTOPPING=1\xff\x1b");
	assert_string_equal(heard(&m), "STATUS=Talking with a@b\\x0aSTOPPING=1\\xff\\x1b");
	service_status(s, "%s", flood);
	assert_true(strlen(heard(&m)) < 500);
	service_free(s);
	forget(&m);
}

static void children_do_not_inherit_the_socket(void **state)
{
	struct manager m = listen_somewhere();
	struct service *s;

	set_watchdog("1");
	s = service_new();
	assert_null(g_getenv("NOTIFY_SOCKET"));
	assert_null(g_getenv("WATCHDOG_USEC"));
	assert_null(g_getenv("WATCHDOG_PID"));
	service_free(s);
	forget(&m);
}

static void without_a_service_manager_nothing_happens(void **state)
{
	g_autofree char *too_long = g_strnfill(108, '/');
	const struct { const char *name; guint warnings; } table[] = {
		{NULL, 0}, {"", 0},					/* there is none: not a word */
		{"/", 1}, {"@", 1}, {"vsock:2:1234", 1}, {"relative/path", 1}, {too_long, 1},
		{"/nobody/is/there", 3}};				/* each word that was not heard */

	for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
		struct capture c = capture_begin();
		g_autofree char *text = NULL;
		struct service *s;
		guint warnings = 0;

		if (table[i].name)
			g_setenv("NOTIFY_SOCKET", table[i].name, TRUE);
		s = service_new();
		service_status(s, "x");
		service_ready(s);
		service_stopping(s);
		service_free(s);
		text = capture_end(&c);
		for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
			warnings++;
		if (warnings != table[i].warnings)
			fail_msg("%s: %s", table[i].name ? table[i].name : "(unset)", text);
	}
}

/* ---- the watchdog ---- */

static void the_watchdog_is_fed_while_both_threads_turn(void **state)
{
	struct manager m = listen_somewhere();
	struct media_thread *media = media_thread_new();
	struct service *s;

	set_watchdog(NULL);
	s = service_new();
	service_watch(s, media);
	for (int i = 0; i < 5; i++)
		wait_for(&m, "WATCHDOG=1");
	service_stopping(s);
	wait_for(&m, "STOPPING=1");
	wait_for(&m, "WATCHDOG=1");		/* a last call may take its time to end */
	media_thread_free(media);
	service_free(s);
	turn_for(1);				/* an answer under way finds its service */
	forget(&m);
}

struct jam {
	GMutex lock;
	GCond changed;
	gboolean jammed, release;
};

static void hang(void *self, void *arg)
{
	struct jam *j = self;

	g_mutex_lock(&j->lock);
	j->jammed = TRUE;
	g_cond_signal(&j->changed);
	while (!j->release)
		g_cond_wait(&j->changed, &j->lock);
	g_mutex_unlock(&j->lock);
}

static void jam_thread(struct jam *j, struct media_thread *media)
{
	post_to(media_thread_context(media), hang, j, NULL, 0);
	g_mutex_lock(&j->lock);
	while (!j->jammed)
		g_cond_wait(&j->changed, &j->lock);
	g_mutex_unlock(&j->lock);
}

static void let_go(struct jam *j)
{
	g_mutex_lock(&j->lock);
	j->release = TRUE;
	g_cond_signal(&j->changed);
	g_mutex_unlock(&j->lock);
}

static void a_media_thread_that_hangs_starves_the_watchdog(void **state)
{
	struct manager m = listen_somewhere();
	struct media_thread *media = media_thread_new();
	struct jam jam = {.jammed = FALSE};
	struct service *s;

	g_mutex_init(&jam.lock);
	g_cond_init(&jam.changed);
	set_watchdog(NULL);
	s = service_new();
	service_watch(s, media);
	wait_for(&m, "WATCHDOG=1");
	jam_thread(&jam, media);
	turn_for(BEAT_MS);			/* what was answered before it hung is said */
	while (*heard(&m))
		continue;
	turn_for(10 * BEAT_MS);
	assert_string_equal(heard(&m), "");
	let_go(&jam);
	wait_for(&m, "WATCHDOG=1");
	media_thread_free(media);
	service_free(s);
	turn_for(1);
	g_cond_clear(&jam.changed);
	g_mutex_clear(&jam.lock);
	forget(&m);
}

static void a_watchdog_of_another_process_is_not_ours(void **state)
{
	struct manager m = listen_somewhere();
	struct media_thread *media = media_thread_new();
	struct service *s;

	set_watchdog("1");
	s = service_new();
	service_watch(s, media);
	turn_for(5 * BEAT_MS);
	assert_string_equal(heard(&m), "");
	media_thread_free(media);
	service_free(s);
	forget(&m);
}

static void a_watchdog_named_by_our_pid_is_ours(void **state)
{
	struct manager m = listen_somewhere();
	struct media_thread *media = media_thread_new();
	g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
	struct service *s;

	set_watchdog(pid);
	s = service_new();
	service_watch(s, media);
	wait_for(&m, "WATCHDOG=1");
	media_thread_free(media);
	service_free(s);
	turn_for(1);
	forget(&m);
}

#define T(test) cmocka_unit_test_setup(test, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_word_is_a_datagram_and_said_once),
		T(who_stops_before_he_is_ready_is_never_ready),
		T(the_name_may_be_abstract),
		T(a_peer_cannot_forge_a_word),
		T(children_do_not_inherit_the_socket),
		T(without_a_service_manager_nothing_happens),
		T(the_watchdog_is_fed_while_both_threads_turn),
		T(a_media_thread_that_hangs_starves_the_watchdog),
		T(a_watchdog_of_another_process_is_not_ours),
		T(a_watchdog_named_by_our_pid_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
