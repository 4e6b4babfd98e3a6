#include "stream_thread.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../jid.h"
#include "../log.h"
#include "../text.h"
#include "socket.h"
#include "stanza.h"
#include "stream_guard.h"

enum {
	PUMPS = 6,			/* what OpenSSL may hold without the socket's telling, a TLS record of 16 KB, is read in four
					 * steps; one more hands over what came of it, one sends the answer */
	PUMPS_AT_ONCE = 64,		/* 256 KB: then others of this thread have their turn */
	TICK_MS = 250,			/* libstrophe's own timers, needed only while it connects or disconnects */
};

/* ---- ending a connection from inside ---- */

/* Nothing that is queued can leave any more: libstrophe finds out at its next write. */
static void cut(struct stream_thread *t)
{
	if (t->fd >= 0)
		shutdown(t->fd, SHUT_RDWR);
}

/* Takes ERROR. Whatever libstrophe does next, the password is not with it any more. */
void thread_refuse(struct stream_thread *t, GError *error)
{
	if (!t->why)
		t->why = error;
	else
		g_error_free(error);
	if (t->conn)
		xmpp_conn_set_pass(t->conn, "");
	cut(t);
}

/* ---- what libstrophe says in its log is the only place where some things can be seen in time ---- */

/* When the handshake is over, before anything is sent under it: the verdict on the server's own certificate. A pin, where there
 * is one, decides alone. */
static gboolean check_secured(struct stream_thread *t)
{
	g_autofree char *shown = NULL;
	xmpp_tlscert_t *cert;

	if (t->secured)
		return t->why == NULL;
	cert = xmpp_conn_get_peer_cert(t->conn);
	if (!cert)
		return FALSE;			/* the handshake did not come that far, whatever libstrophe says */
	t->secured = TRUE;
	shown = guard_pin(xmpp_tlscert_get_string(cert, XMPP_CERT_FINGERPRINT_SHA256));
	thread_report(t, (struct report){.kind = REPORT_CERTIFICATE, .text = g_strdup(xmpp_tlscert_get_string(cert, XMPP_CERT_NOTAFTER))});
	xmpp_tlscert_free(cert);
	if (t->pin && strcmp(shown, t->pin) != 0)
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the certificate of %s has not the pinned hash; it has %s", t->bare, shown));
	else if (!t->pin && (t->cert_words || !t->verified))
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the certificate of %s is not to be trusted (%s); if it is yours, name "
				      "its authority by ca_file, or the certificate itself by pin = %s", t->bare,
				      t->cert_words ? t->cert_words : "not verified", shown));
	else
		thread_phase(t, "tls");
	return t->why == NULL;
}

/* For what libstrophe 0.12.2 does not survive or never ends once this call-back of its log returns: so it does not return. The
 * thread stays here for ever, and what it holds with it: ended from here it would leave GLib's loop half-way. Takes ERROR. */
G_GNUC_NORETURN static void leave(struct stream_thread *t, GError *error)
{
	thread_refuse(t, error);
	thread_report(t, (struct report){.kind = REPORT_OFFLINE, .error = g_steal_pointer(&t->why), .flag = TRUE});
	thread_unwatch(t);
	g_atomic_int_set(&t->link.stuck, 1);
	for (;;)
		pause();
}

/* For this moment only: once the server has said yes or no it is taken back (check_received). */
static void lend_password(struct stream_thread *t)
{
	char *password = t->password ? secret_open(t->password) : NULL;

	xmpp_conn_set_pass(t->conn, password ? password : "");
	secret_close(password);
}

static void check_features(struct stream_thread *t, const char *xml)
{
	enum guard_stage stage = t->logged_in ? GUARD_LOGGED_IN : xmpp_conn_is_secured(t->conn) ? GUARD_SECURED : GUARD_OPEN;
	GError *error = guard_features(xml, stage, t->bare);

	if (error && stage == GUARD_LOGGED_IN)
		leave(t, error);
	else if (error)
		thread_refuse(t, error);
	else if (stage == GUARD_SECURED && check_secured(t))
		lend_password(t);
	else if (stage == GUARD_SECURED && !t->why)
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server of %s shows no certificate", t->bare));
}

/* Until TLS is there, anybody on the way can speak for the server. What comes in one breath with its
 * <proceed/> libstrophe handles after the handshake, as if TLS had protected it (the kind of fault of
 * CVE-2011-0411). TRUE: LINE is such a word. */
static gboolean is_forged(struct stream_thread *t, const char *line)
{
	if (guard_received(line, "stream:stream"))
		t->proceeding = FALSE;
	if (t->proceeding)
		return TRUE;
	if (guard_received(line, "proceed"))
		t->proceeding = TRUE;
	return !t->secured && (guard_received(line, "challenge") || guard_received(line, "success") ||
			       guard_received(line, "failed"));
}

static void check_received(struct stream_thread *t, const char *line)
{
	const char *xml;
	GError *error;

	if (is_forged(t, line)) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER,
					     "somebody speaks for the server of %s without encryption", t->bare));
	} else if ((xml = guard_received(line, "features")) != NULL) {
		check_features(t, xml);
	} else if ((xml = guard_received(line, "challenge")) != NULL) {
		error = guard_challenge(xml, t->bare);
		if (error)
			leave(t, error);
	} else if ((xml = guard_received(line, "failure")) != NULL) {
		t->passing = strstr(xml, "<temporary-auth-failure") != NULL;
		thread_refuse(t, guard_failure(xml, t->secured ? GUARD_SECURED : GUARD_OPEN, t->bare));
	} else if (guard_received(line, "success")) {
		t->logged_in = TRUE;
		xmpp_conn_set_pass(t->conn, "");
		thread_phase(t, "auth");
	} else if (guard_received(line, "failed")) {
		/* No resumption. libstrophe would bind afresh but count on from the old stream, and never again forget what it
		 * sent: so once more, with a new connection. */
		t->stale = TRUE;
		cut(t);
	}
}

/* XEP-0198 is switched on after the login, and an orderly end of the stream is final. */
static void check_online(struct stream_thread *t, const char *line)
{
	if (guard_received(line, "enabled")) {
		t->resumable = strstr(line, "resume=") != NULL;
		thread_report(t, (struct report){.kind = REPORT_SM});
	} else if (strcmp(line, "RECV: </stream:stream>") == 0) {
		t->resumable = FALSE;
	}
}

static void on_log(void *self, xmpp_log_level_t level, const char *area, const char *message)
{
	struct stream_thread *t = self;

	if (!t->conn)
		return;
	if (t->online) {
		check_online(t, message);
	} else if (g_str_has_prefix(message, "RECV: ")) {
		check_received(t, message);
	} else if (g_str_has_prefix(message, "Certificate verification ")) {
		t->verified = strstr(message, "passed") != NULL;
		check_secured(t);
	} else if (strcmp(message, "connection successful") == 0) {
		t->tcp_up = TRUE;
		thread_phase(t, "tcp");
	} else if (strcmp(message, "Session resumed successfully.") == 0) {
		t->resumed = TRUE;
	} else if (g_str_has_prefix(message, "SSL_CTX_load_verify_locations")) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_CONFIG, "no certificates can be read from %s (ca_file)", t->ca_file));
	} else if (g_str_has_prefix(message, "didn't get stream features")) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server of %s does not say what it offers", t->bare));
	} else if (g_str_has_prefix(message, "Binding failed")) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server refuses to bind the resource of %s", t->jid));
	}
}

/* The handler of libstrophe 0.12 is given no connection and no user data: one stream per thread makes this sound. */
static __thread struct stream_thread *this_thread;

/* A machine without a battery for its clock begins in 1970. */
static char *words_of_clock(const char *words)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *clean = text_clean(words, TEXT_SHORT), *date = g_date_time_format(now, "%Y-%m-%d %H:%M UTC");

	return g_strdup_printf("%s; the clock of this machine says %s", clean, date);
}

/* Called for an issuer before the server's own certificate is to be had: this only notes why, check_secured decides. */
static int on_bad_cert(const xmpp_tlscert_t *cert, const char *words)
{
	struct stream_thread *t = this_thread;

	if (!t->cert_words && strstr(words, "not yet valid"))
		t->cert_words = words_of_clock(words);
	else if (!t->cert_words)
		t->cert_words = text_clean(words, TEXT_SHORT);
	return 1;
}

/* ---- the socket ---- */

/* Lets the main thread end what blocks on FD; -1: nothing does. */
static void offer_fd(struct stream_thread *t, int fd)
{
	int old = g_atomic_int_exchange(&t->link.fd, fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0));

	if (old >= 0)
		close(old);
}

static int on_socket(xmpp_conn_t *conn, void *sock)
{
	struct stream_thread *t = this_thread;
	int fd = *(int *)sock;

	if (fd >= FD_SETSIZE)
		return -1;			/* libstrophe uses select */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	socket_tune(fd);
	t->fd = fd;
	offer_fd(t, fd);
	return 0;
}

static void watch_fd(struct stream_thread *t)
{
	int fd = t->fd;
	GIOCondition want = G_IO_IN | G_IO_HUP | G_IO_ERR;

	if (t->fd_tag && t->wanted == 0)
		t->fd_tag = NULL;
	if (fd < 0)
		return;
	if (t->connecting ? !t->secured && !t->tcp_up : xmpp_conn_send_queue_len(t->conn) > 0)
		want |= G_IO_OUT;
	if (!t->fd_tag)
		t->fd_tag = g_source_add_unix_fd(t->source, fd, want);
	else if (want != t->wanted)		/* each call wakes the context: only on a change, or it spins */
		g_source_modify_unix_fd(t->source, t->fd_tag, want);
	t->wanted = want;
}

void thread_unwatch(struct stream_thread *t)
{
	if (t->fd_tag)
		g_source_remove_unix_fd(t->source, t->fd_tag);
	t->fd_tag = NULL;
	t->fd = -1;
	offer_fd(t, -1);
}

/* During the attempts on several addresses libstrophe opens one socket after the other. */
static void pump_once(struct stream_thread *t)
{
	int before = t->fd;

	socket_acknowledge_quickly(before);
	xmpp_run_once(t->ctx, 0);
	if (t->fd != before && t->fd_tag && before >= 0) {
		g_source_remove_unix_fd(t->source, t->fd_tag);
		t->fd_tag = NULL;
	}
}

/* Until nothing is left, neither in the socket nor in OpenSSL, which takes a whole record out of the socket while libstrophe reads 4 KB
 * of it in each step: nobody would wake us for the rest. */
void thread_pump(struct stream_thread *t)
{
	uint64_t taken = 0;
	int since_read = 0;

	for (int i = 0; i < PUMPS_AT_ONCE && since_read < PUMPS && !t->ended; i++) {
		pump_once(t);
		since_read = socket_was_read(t->fd, &taken) ? 0 : since_read + 1;
	}
	if (since_read < PUMPS && !t->ended)
		g_source_set_ready_time(t->source, 0);
	if (t->ended)
		attempt_settle(t);
	else if (t->conn)
		watch_fd(t);
}

static gboolean on_fd(GSource *source, GSourceFunc callback, gpointer data)
{
	struct stream_thread *t = data;

	g_source_set_ready_time(source, -1);
	t->last_heard_us = g_get_monotonic_time();
	thread_pump(t);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs fd_funcs = {.dispatch = on_fd};

/* ---- timers of this thread ---- */

static gboolean on_tick(gpointer data)
{
	thread_pump(data);
	return G_SOURCE_CONTINUE;
}

void thread_ping(struct stream_thread *t)
{
	xmpp_stanza_t *ping = stanza_ping(t->ctx);

	xmpp_send(t->conn, ping);
	xmpp_stanza_release(ping);
	thread_pump(t);
}

/* ---- connecting ---- */

static int on_stanza(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	struct stream_thread *t = data;
	const char *why = NULL, *name = xmpp_stanza_get_name(stanza), *type = xmpp_stanza_get_type(stanza);
	gboolean is_answer = g_strcmp0(type, "result") == 0 || g_strcmp0(type, "error") == 0;
	struct elem *e;

	if (!name || (strcmp(name, "message") != 0 && strcmp(name, "presence") != 0 && strcmp(name, "iq") != 0))
		return 1;			/* XEP-0198 is libstrophe's own affair */
	e = elem_from_stanza(stanza, stanza_source(stanza, xmpp_conn_get_bound_jid(conn)), &why);
	if (!e) {
		log_warn("stream", "a stanza from the server was left out: %s", why ? why : "it has no name");
		e = elem_head_of(stanza);	/* each request is answered, and who waits for an answer is told */
		if (e && is_answer)
			thread_report(t, (struct report){.kind = REPORT_REFUSED, .stanza = g_steal_pointer(&e)});
	}
	if (!e)
		return 1;
	if (t->reporter.reports.trace)
		thread_report(t, (struct report){.kind = REPORT_TRACE, .flag = FALSE, .text = elem_to_string(e)});
	thread_report(t, (struct report){.kind = REPORT_STANZA, .stanza = e});
	return 1;
}

static void on_connected(struct stream_thread *t)
{
	const char *told = xmpp_conn_get_bound_jid(t->conn);
	g_autofree char *bound = told ? jid_prepare(told) : NULL;

	/* libstrophe verifies neither the server's nonce nor its signature: at least it must be our account. */
	if (!guard_is_account(bound, t->bare)) {
		thread_refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server logged us in as somebody else than %s", t->bare));
		return;
	}
	t->connecting = FALSE;
	t->online = t->ever_online = TRUE;
	t->backoff_ms = BACKOFF_FIRST_MS;
	t->redirections = 0;
	t->resumable = t->resumed;
	thread_timer(t, &t->tick, 0, NULL);
	thread_timer(t, &t->keepalive, KEEPALIVE_S * 1000, attempt_keepalive);
	xmpp_handler_delete(t->conn, on_stanza);
	/* One handler for all: libstrophe takes the same function only once, whatever it is to match. */
	xmpp_handler_add(t->conn, on_stanza, NULL, NULL, NULL, t);
	thread_phase(t, "bind");
	thread_report(t, (struct report){.kind = REPORT_ONLINE, .text = g_steal_pointer(&bound), .flag = t->resumed});
	if (t->resumed)
		thread_report(t, (struct report){.kind = REPORT_SM});
}

/* Why the server ends the stream: in its words, else by the name of the condition. */
static void take_stream_error(struct stream_thread *t, const xmpp_stream_error_t *stream_error)
{
	const char *why;
	elem_auto error = elem_from_stanza(stream_error->stanza, STANZA_OF_ANYBODY, &why);
	const struct elem *condition = elem_child(error, NULL, "urn:ietf:params:xml:ns:xmpp-streams");

	t->words = stream_error->text && *stream_error->text ? text_clean(stream_error->text, TEXT_SHORT) :
		condition ? text_clean(elem_name(condition), TEXT_SHORT) : NULL;
	if (elem_is(condition, "see-other-host", NULL))
		t->other_host = g_strdup(elem_text(condition));
}

static void on_conn(xmpp_conn_t *conn, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream_error, void *data)
{
	struct stream_thread *t = data;

	if (event == XMPP_CONN_CONNECT) {
		on_connected(t);
		return;
	}
	t->ended = TRUE;
	t->conflict = t->online && stream_error && stream_error->type == XMPP_SE_CONFLICT;
	g_clear_pointer(&t->words, g_free);
	g_clear_pointer(&t->other_host, g_free);
	if (stream_error && stream_error->stanza)
		take_stream_error(t, stream_error);
}

static void configure(struct stream_thread *t, gboolean direct)
{
	/* The two exclude each other; nothing is sent before TLS with the one either. */
	xmpp_conn_set_flags(t->conn, direct ? XMPP_CONN_FLAG_LEGACY_SSL : XMPP_CONN_FLAG_MANDATORY_TLS);
	xmpp_conn_set_jid(t->conn, t->jid);
	xmpp_conn_set_pass(t->conn, "");		/* check_features lends it */
	if (t->ca_file)
		xmpp_conn_set_cafile(t->conn, t->ca_file);
	xmpp_conn_set_certfail_handler(t->conn, on_bad_cert);
	xmpp_conn_set_sockopt_callback(t->conn, on_socket);
}

gboolean thread_try_next(struct stream_thread *t)
{
	const struct target *target;

	if (t->next_target >= t->targets->len)
		return FALSE;
	target = &g_array_index(t->targets, struct target, t->next_target++);
	t->tcp_up = t->secured = t->verified = t->logged_in = t->resumed = FALSE;
	g_clear_error(&t->why);
	g_clear_pointer(&t->cert_words, g_free);
	g_clear_pointer(&t->words, g_free);
	t->conflict = t->passing = t->proceeding = FALSE;
	/* Only what can be resumed is gone on with: its counters and queues are a burden to a fresh stream. */
	if (t->conn && !t->resumable)
		xmpp_conn_release(g_steal_pointer(&t->conn));
	if (!t->conn)
		t->conn = xmpp_conn_new(t->ctx);
	t->stale = FALSE;
	g_atomic_int_set(&t->link.overdue, 0);
	configure(t, target->direct);
	if (xmpp_connect_client(t->conn, target->address, target->port, on_conn, t) != XMPP_EOK)
		return t->next_target < t->targets->len && thread_try_next(t);
	thread_timer(t, &t->tick, TICK_MS, on_tick);
	watch_fd(t);
	return TRUE;
}

/* ---- commands: main thread -> xmpp thread ---- */

/* A server ends the connection of who sends it too much, and what others say comes back to them in our answers: a quotation
 * mark in an id takes six bytes there. */
static void put(struct stream_thread *t, const struct elem *e)
{
	g_autofree char *text = elem_to_string(e);
	xmpp_stanza_t *stanza;

	if (strlen(text) > STREAM_MAX_SENT) {
		log_warn("stream", "a stanza of %zu bytes was not sent: the server might not take it", strlen(text));
		return;
	}
	stanza = elem_to_stanza(t->ctx, e);
	if (t->reporter.reports.trace)
		thread_report(t, (struct report){.kind = REPORT_TRACE, .flag = TRUE, .text = g_steal_pointer(&text)});
	xmpp_send(t->conn, stanza);
	xmpp_stanza_release(stanza);
}

void thread_send(void *self, void *arg)
{
	struct stream_thread *t = self;
	g_autoptr(GPtrArray) stanzas = *(GPtrArray **)arg;

	if (!t->online && !t->closing) {
		for (guint i = 0; i < stanzas->len; i++)
			thread_report(t, (struct report){.kind = REPORT_UNSENT, .stanza = g_steal_pointer(&stanzas->pdata[i])});
		return;
	}
	for (guint i = 0; i < stanzas->len && !t->closing; i++)
		put(t, stanzas->pdata[i]);
	thread_pump(t);
}

void thread_close(void *self, void *arg)
{
	struct stream_thread *t = self;

	t->closing = TRUE;
	thread_timer(t, &t->retry, 0, NULL);
	if (!t->online) {
		cut(t);
		thread_report(t, (struct report){.kind = REPORT_CLOSED});
		return;
	}
	thread_pump(t);
	if (!t->online)
		return;
	xmpp_disconnect(t->conn);
	thread_timer(t, &t->tick, 20, on_tick);
	thread_pump(t);
}

/* ---- the thread ---- */

/* What libstrophe frees may have been a password or the SASL exchange: it is wiped. The size stands before each block. */
enum { BLOCK_HEAD = 16 };

static void *block_alloc(size_t size, void *self)
{
	char *block = g_malloc(BLOCK_HEAD + size);

	memcpy(block, &size, sizeof(size));
	return block + BLOCK_HEAD;
}

static void block_free(void *p, void *self)
{
	char *block = p ? (char *)p - BLOCK_HEAD : NULL;
	size_t size;

	if (!block)
		return;
	memcpy(&size, block, sizeof(size));
	explicit_bzero(p, size);
	g_free(block);
}

static void *block_realloc(void *p, size_t size, void *self)
{
	char *block = g_realloc(p ? (char *)p - BLOCK_HEAD : NULL, BLOCK_HEAD + size);

	memcpy(block, &size, sizeof(size));
	return block + BLOCK_HEAD;
}

void *thread_run(void *data)
{
	static const xmpp_mem_t mem = {.alloc = block_alloc, .free = block_free, .realloc = block_realloc};
	struct stream_thread *t = data;
	xmpp_log_t log = {.handler = on_log, .userdata = t};
	sigset_t all;

	/* Signals are for main; and a write to a socket that is shut must raise no SIGPIPE, whatever the process does. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	this_thread = t;
	g_main_context_push_thread_default(t->link.ctx);
	t->ctx = xmpp_ctx_new(&mem, &log);
	t->source = g_source_new(&fd_funcs, sizeof(GSource));
	g_source_set_callback(t->source, NULL, t, NULL);
	g_source_attach(t->source, t->link.ctx);
	g_main_loop_run(t->link.loop);
	thread_timer(t, &t->tick, 0, NULL);
	thread_timer(t, &t->keepalive, 0, NULL);
	thread_timer(t, &t->retry, 0, NULL);
	t->closing = TRUE;
	if (t->conn)
		xmpp_conn_release(t->conn);
	thread_unwatch(t);
	xmpp_ctx_free(t->ctx);
	g_source_destroy(t->source);
	g_source_unref(t->source);
	g_main_context_pop_thread_default(t->link.ctx);
	return NULL;
}
