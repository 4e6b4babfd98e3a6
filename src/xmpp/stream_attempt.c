#include "stream_thread.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../post.h"
#include "../random.h"
#include "../text.h"
#include "stream_guard.h"

enum {
	STACK_BYTES = 64 << 20,		/* libstrophe recurses into a nested stanza: 70,000 levels need 8 MB */
	KEEPALIVE_ANSWER_S = 20,
	BACKOFF_LAST_MS = 60000,
	MAX_REDIRECTIONS = 5,		/* in a row */
	STOP_MS = 1000,			/* [ms] a thread that has not ended by then is left behind */
};

static void begin_attempt(struct stream_thread *t);

void thread_report(struct stream_thread *t, struct report r)
{
	report_post(&t->reporter, &r);
}

void thread_phase(struct stream_thread *t, const char *phase)
{
	thread_report(t, (struct report){.kind = REPORT_PHASE, .phase = phase, .at_us = g_get_monotonic_time()});
}

/* ---- timers of this thread ---- */

void thread_timer(struct stream_thread *t, GSource **slot, guint ms, GSourceFunc fn)
{
	source_drop(slot);
	if (!fn)
		return;
	*slot = ms >= 10000 ? g_timeout_source_new_seconds(ms / 1000) : g_timeout_source_new(ms);
	g_source_set_callback(*slot, fn, t, NULL);
	g_source_attach(*slot, t->link.ctx);
}

/* XEP-0199: a connection on which nothing was heard for a minute is asked; one that does not answer is dead. */
gboolean attempt_keepalive(gpointer data)
{
	struct stream_thread *t = data;
	gint64 quiet_s = (g_get_monotonic_time() - t->last_heard_us) / G_USEC_PER_SEC, wait_s;

	if (t->pinging && quiet_s >= KEEPALIVE_ANSWER_S) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_LOST, "the server does not answer any more"));
		thread_pump(t);
		return G_SOURCE_CONTINUE;
	}
	t->pinging = !t->pinging && quiet_s >= KEEPALIVE_S - 1;
	if (t->pinging)
		thread_ping(t);
	wait_s = t->pinging ? KEEPALIVE_ANSWER_S : MAX(KEEPALIVE_S - quiet_s, 10);
	thread_timer(t, &t->keepalive, (guint)wait_s * 1000, attempt_keepalive);
	return G_SOURCE_REMOVE;
}

/* ---- attempts ---- */

static gboolean on_retry(gpointer data)
{
	struct stream_thread *t = data;

	thread_timer(t, &t->retry, 0, NULL);
	begin_attempt(t);
	return G_SOURCE_REMOVE;
}

static void give_up_or_retry(struct stream_thread *t)
{
	gboolean final = !t->reconnect || !t->ever_online || t->conflict ||
		g_error_matches(t->why, JC_ERROR, JC_CONFIG) || (g_error_matches(t->why, JC_ERROR, JC_LOGIN) && !t->passing);

	t->redirections = 0;
	thread_report(t, (struct report){.kind = REPORT_OFFLINE, .error = g_steal_pointer(&t->why), .flag = final});
	if (final)
		return;
	thread_timer(t, &t->retry, t->backoff_ms + random_u32() % (t->backoff_ms / 4 + 1), on_retry);
	t->backoff_ms = MIN(t->backoff_ms * 2, BACKOFF_LAST_MS);
}

static void describe_loss(struct stream_thread *t)
{
	const struct target *target = t->next_target ? &g_array_index(t->targets, struct target, t->next_target - 1) : NULL;
	const char *text = t->words;

	if (t->why)
		return;
	if (t->targets && !t->targets->len)
		t->why = g_error_new(JC_ERROR, JC_SERVER, "the domain of %s says that it has no XMPP service", t->bare);
	else if (t->conflict)
		t->why = g_error_new(JC_ERROR, JC_LOST, "another client took the resource of %s", t->jid);
	else if (t->online)
		t->why = g_error_new(JC_ERROR, JC_LOST, "the connection to the server was lost%s%s", text ? ": " : "", text ? text : "");
	else if (g_atomic_int_get(&t->link.overdue))
		t->why = g_error_new(JC_ERROR, JC_SERVER, "the server of %s takes too long (%s)", t->bare, !t->tcp_up ? "connecting" :
				     !t->secured ? "encryption" : !t->logged_in ? "login" : "binding");
	else if (t->tcp_up && !t->secured && !text)
		t->why = g_error_new(JC_ERROR, JC_SERVER, "the server of %s offers no usable encryption (TLS)", t->bare);
	else if (!t->secured && target && !text)
		t->why = g_error_new(JC_ERROR, JC_SERVER, "cannot connect to %s, port %u", target->host, target->port);
	else
		t->why = g_error_new(JC_ERROR, JC_SERVER, "the server of %s ended the login%s%s", t->bare, text ? ": " : "",
				     text ? text : "");
}

/* After the end of a connection, outside libstrophe: it does not bear a new one from inside its handlers. */
void attempt_settle(struct stream_thread *t)
{
	gboolean was_connecting = t->connecting;

	t->ended = FALSE;
	thread_unwatch(t);
	thread_timer(t, &t->tick, 0, NULL);
	thread_timer(t, &t->keepalive, 0, NULL);
	if (t->closing) {
		thread_report(t, (struct report){.kind = REPORT_CLOSED});
		return;
	}
	if (t->stale)
		t->next_target--;
	/* Its certificate must be that of our domain all the same, and nothing is said without TLS there either. */
	if (was_connecting && t->other_host && !t->why && t->redirections < MAX_REDIRECTIONS) {
		t->resumable = FALSE;
		begin_attempt(t);
		return;
	}
	/* A second failure would have libstrophe forget what to resume but believe that it can. */
	if (!t->online)
		t->resumable = FALSE;
	describe_loss(t);
	t->online = FALSE;
	/* Another address may do where this one could not even be reached; a refusal would be the same there. */
	if (was_connecting && (t->stale || !t->secured) && t->next_target < t->targets->len && thread_try_next(t))
		return;
	t->connecting = FALSE;
	give_up_or_retry(t);
}

static void begin_attempt(struct stream_thread *t)
{
	t->connecting = TRUE;
	t->pinging = FALSE;
	t->last_heard_us = g_get_monotonic_time();
	g_clear_pointer(&t->targets, g_array_unref);
	if (t->other_host && t->redirections++ < MAX_REDIRECTIONS)
		t->targets = targets_elsewhere(t->bare, t->other_host);
	else
		t->targets = targets_find(t->bare, t->host, t->port);
	g_clear_pointer(&t->other_host, g_free);
	t->next_target = 0;
	thread_phase(t, "dns");
	if (thread_try_next(t))
		return;
	t->connecting = FALSE;
	describe_loss(t);
	give_up_or_retry(t);
}

/* ---- the network has changed ---- */

/* Nothing comes by a socket whose address the machine has no more; TCP would find out in a quarter of an hour. */
static gboolean is_address_gone(int fd)
{
	struct sockaddr_storage here;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&here;
	socklen_t size = sizeof(here);
	gboolean gone;
	int probe;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&here, &size) != 0)
		return FALSE;
	v6->sin6_port = 0;			/* which lies where IPv4 has its own */
	probe = socket(here.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	gone = probe >= 0 && bind(probe, (struct sockaddr *)&here, size) != 0 && errno == EADDRNOTAVAIL;
	if (probe >= 0)
		close(probe);
	return gone;
}

void attempt_network(void *self, void *arg)
{
	struct stream_thread *t = self;

	if (t->closing)
		return;
	if (t->retry) {
		t->backoff_ms = BACKOFF_FIRST_MS;
		on_retry(t);
	} else if (t->online && is_address_gone(t->fd)) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_LOST, "the address of this machine has changed"));
		thread_pump(t);
	} else if (t->online && !t->pinging) {
		t->pinging = TRUE;
		thread_ping(t);
		thread_timer(t, &t->keepalive, KEEPALIVE_ANSWER_S * 1000, attempt_keepalive);
	}
}

/* ---- commands: main thread -> xmpp thread ---- */

static void do_connect(void *self, void *arg)
{
	begin_attempt(self);
}

static void do_stop(void *self, void *arg)
{
	struct stream_thread *t = self;

	g_main_loop_quit(t->link.loop);
}

/* ---- birth and death of the thread, in the main thread ---- */

static void free_thread(struct stream_thread *t)
{
	g_clear_pointer(&t->targets, g_array_unref);
	g_main_loop_unref(t->link.loop);
	g_main_context_unref(t->link.ctx);
	secret_free(t->password);
	g_free(t->jid);
	g_free(t->bare);
	g_free(t->host);
	g_free(t->ca_file);
	g_free(t->pin);
	g_free(t->cert_words);
	g_free(t->words);
	g_free(t->other_host);
	g_clear_error(&t->why);
	g_free(t);
}

/* A resource that nobody can guess: who knows it can reach this client past every list of contacts. */
static char *full_jid_of(const char *jid)
{
	g_autofree char *number = random_word();

	return jid_resource(jid) ? g_strdup(jid) : g_strconcat(jid, "/jcall-", number, NULL);
}

struct stream_link *link_start(const struct stream_options *options, const struct stream_reports *reports, void *self)
{
	struct stream_thread *t = g_new0(struct stream_thread, 1);

	t->reporter = (struct reporter){.link = &t->link, .reports = *reports, .self = self};
	t->bare = jid_bare(options->jid);
	t->jid = full_jid_of(options->jid);
	t->password = secret_new(options->password);
	t->host = g_strdup(options->host);
	t->port = options->port;
	t->ca_file = g_strdup(options->ca_file);
	t->pin = options->pin ? guard_pin(options->pin) : NULL;
	t->reconnect = options->reconnect;
	t->backoff_ms = BACKOFF_FIRST_MS;
	t->link.fd = t->fd = -1;
	t->link.ctx = g_main_context_new();
	t->link.loop = g_main_loop_new(t->link.ctx, FALSE);
	if (!worker_start(&t->link.thread, "xmpp", STACK_BYTES, thread_run, t))
		g_error("no thread for the XMPP stream");
	return &t->link;
}

static void free_late(void *self, void *arg)
{
	free_thread(self);
}

void link_stop(struct stream_link *link)
{
	struct stream_thread *t = (struct stream_thread *)link;

	g_clear_handle_id(&link->flush, g_source_remove);
	g_clear_pointer(&link->outbox, g_ptr_array_unref);
	g_atomic_int_set(&link->abandoned, 1);
	post_to(link->ctx, do_stop, t, NULL, 0);
	link_cut(link);
	if (g_atomic_int_get(&link->stuck)) {
		worker_leave(link->thread);
	} else if (worker_join(link->thread, STOP_MS)) {
		g_clear_pointer(&t->password, secret_free);	/* now: at the end of the process nothing that is posted is done */
		post_to(NULL, free_late, t, NULL, 0);	/* passes every report still under way */
	}
}

gboolean link_cut(struct stream_link *link)
{
	int fd = g_atomic_int_exchange(&link->fd, -1);

	if (fd < 0)
		return FALSE;
	shutdown(fd, SHUT_RDWR);
	close(fd);
	return TRUE;
}

void link_network(struct stream_link *link)
{
	post_to(link->ctx, attempt_network, link, NULL, 0);
}

void link_connect(struct stream_link *link)
{
	post_to(link->ctx, do_connect, link, NULL, 0);
}

static void flush(struct stream_link *link)
{
	GPtrArray *stanzas = g_steal_pointer(&link->outbox);

	g_clear_handle_id(&link->flush, g_source_remove);
	if (stanzas)
		post_to(link->ctx, thread_send, link, &stanzas, sizeof(stanzas));
}

static gboolean on_idle(gpointer data)
{
	struct stream_link *link = data;

	link->flush = 0;
	flush(link);
	return G_SOURCE_REMOVE;
}

static void free_stanza(gpointer stanza)
{
	elem_free(stanza);
}

void link_send(struct stream_link *link, struct elem *stanza)
{
	if (!link->outbox)
		link->outbox = g_ptr_array_new_with_free_func(free_stanza);
	g_ptr_array_add(link->outbox, stanza);
	if (!link->flush)
		link->flush = g_idle_add_full(G_PRIORITY_LOW, on_idle, link, NULL);
}

void link_close(struct stream_link *link)
{
	flush(link);
	post_to(link->ctx, thread_close, link, NULL, 0);
}
