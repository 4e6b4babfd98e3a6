#include "stream_priv.h"

#include <string.h>
#include <strophe.h>
#include <sys/socket.h>
#include <time.h>

#include "../log.h"
#include "../post.h"
#include "../text.h"
#include "report.h"
#include "socket.h"
#include "stanza.h"
#include "stream_guard.h"
#include "targets.h"

enum {
	STACK_BYTES = 64 << 20,		/* libstrophe recurses into a nested stanza: 70,000 levels need 8 MB */
	PUMPS = 6,			/* a TLS record of 16 KB is read in four steps, then handled, then answered */
	TICK_MS = 250,			/* libstrophe's own timers, needed only while it connects or disconnects */
	KEEPALIVE_S = 60, KEEPALIVE_ANSWER_S = 20,
	BACKOFF_FIRST_MS = 200, BACKOFF_LAST_MS = 60000,
};

struct stream_thread {
	struct stream_link link;
	struct reporter reporter;
	/* options */
	char *jid, *bare, *password, *host, *ca_file, *pin;
	guint16 port;
	gboolean reconnect;
	/* libstrophe */
	xmpp_ctx_t *ctx;
	xmpp_conn_t *conn;
	xmpp_log_t log;
	GSource *source, *tick, *keepalive, *retry;
	gpointer fd_tag;
	GIOCondition wanted;
	/* this attempt */
	GArray *targets;
	guint next_target, backoff_ms;
	gboolean connecting, online, ever_online, closing, tcp_up, secured, verified, logged_in, resumed, pinging;
	char *cert_words;		/* what is wrong with the certificate; NULL: nothing so far */
	gint64 last_heard_us;
	GError *why;			/* the first thing that went wrong in this attempt */
	gboolean passing;		/* the login failed for a cause that may pass */
	gboolean ended, conflict;	/* libstrophe let go of the connection; because another client took our resource */
	char *words;			/* what the server said to that, cleaned */
};

static void begin_attempt(struct stream_thread *t);
static void settle(struct stream_thread *t);

static void report(struct stream_thread *t, struct report r)
{
	report_post(&t->reporter, &r);
}

static void report_phase(struct stream_thread *t, const char *phase)
{
	report(t, (struct report){.kind = REPORT_PHASE, .phase = phase, .at_us = g_get_monotonic_time()});
}

/* ---- ending a connection from inside ---- */

/* Nothing that is queued can leave any more: libstrophe finds out at its next write. */
static void cut(struct stream_thread *t)
{
	int fd = g_atomic_int_get(&t->link.fd);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

/* Takes ERROR. Whatever libstrophe does next, the password is not with it any more. */
static void refuse(struct stream_thread *t, GError *error)
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
	t->secured = TRUE;
	cert = xmpp_conn_get_peer_cert(t->conn);
	shown = guard_pin(cert ? xmpp_tlscert_get_string(cert, XMPP_CERT_FINGERPRINT_SHA256) : NULL);
	g_clear_pointer(&cert, xmpp_tlscert_free);
	if (t->pin && strcmp(shown, t->pin) != 0)
		refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the certificate of %s has not the pinned hash; it has %s", t->bare, shown));
	else if (!t->pin && (t->cert_words || !t->verified))
		refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the certificate of %s is not to be trusted (%s); if it is yours, name "
				      "its authority by ca_file, or the certificate itself by pin = %s", t->bare,
				      t->cert_words ? t->cert_words : "not verified", shown));
	else
		report_phase(t, "tls");
	return t->why == NULL;
}

/* For what libstrophe 0.12.2 does not survive or never ends once this call-back of its log returns: so it does not return, the
 * thread ends here, and what it holds stays behind. Takes ERROR. */
G_GNUC_NORETURN static void leave(struct stream_thread *t, GError *error)
{
	refuse(t, error);
	report(t, (struct report){.kind = REPORT_OFFLINE, .error = g_steal_pointer(&t->why), .flag = TRUE});
	pthread_exit(NULL);
}

static void check_features(struct stream_thread *t, const char *xml)
{
	enum guard_stage stage = t->logged_in ? GUARD_LOGGED_IN : xmpp_conn_is_secured(t->conn) ? GUARD_SECURED : GUARD_OPEN;
	GError *error = guard_features(xml, stage, t->bare);

	if (error && stage == GUARD_LOGGED_IN)
		leave(t, error);
	else if (error)
		refuse(t, error);
	else if (stage == GUARD_SECURED && check_secured(t))
		xmpp_conn_set_pass(t->conn, t->password);	/* lent for this moment only */
}

static void check_received(struct stream_thread *t, const char *line)
{
	const char *xml;
	GError *error;

	if ((xml = guard_received(line, "features")) != NULL) {
		check_features(t, xml);
	} else if ((xml = guard_received(line, "challenge")) != NULL) {
		error = guard_challenge(xml, t->bare);
		if (error)
			leave(t, error);
	} else if ((xml = guard_received(line, "failure")) != NULL) {
		t->passing = strstr(xml, "<temporary-auth-failure") != NULL;
		refuse(t, guard_failure(xml, t->secured ? GUARD_SECURED : GUARD_OPEN, t->bare));
	} else if (guard_received(line, "success")) {
		t->logged_in = TRUE;
		xmpp_conn_set_pass(t->conn, "");
		report_phase(t, "auth");
	}
}

static void on_log(void *self, xmpp_log_level_t level, const char *area, const char *message)
{
	struct stream_thread *t = self;

	if (!t->conn || t->online)
		return;
	if (g_str_has_prefix(message, "RECV: ")) {
		check_received(t, message);
	} else if (g_str_has_prefix(message, "Certificate verification ")) {
		t->verified = strstr(message, "passed") != NULL;
		check_secured(t);
	} else if (strcmp(message, "connection successful") == 0) {
		t->tcp_up = TRUE;
		report_phase(t, "tcp");
	} else if (strcmp(message, "Session resumed successfully.") == 0) {
		t->resumed = TRUE;
	} else if (g_str_has_prefix(message, "SSL_CTX_load_verify_locations")) {
		refuse(t, g_error_new(JC_ERROR, JC_CONFIG, "no certificates can be read from %s (ca_file)", t->ca_file));
	} else if (g_str_has_prefix(message, "didn't get stream features")) {
		refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server of %s does not say what it offers", t->bare));
	} else if (g_str_has_prefix(message, "Binding failed")) {
		refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server refuses to bind the resource of %s", t->jid));
	}
}

/* The handler of libstrophe 0.12 is given no connection and no user data: one stream per thread makes this sound. */
static __thread struct stream_thread *this_thread;

/* Called for an issuer before the server's own certificate is to be had: this only notes why, check_secured decides. */
static int on_bad_cert(const xmpp_tlscert_t *cert, const char *words)
{
	struct stream_thread *t = this_thread;

	if (!t->cert_words)
		t->cert_words = text_clean(words, TEXT_SHORT);
	return 1;
}

/* ---- the socket ---- */

static int on_socket(xmpp_conn_t *conn, void *sock)
{
	struct stream_thread *t = this_thread;
	int fd = *(int *)sock;

	socket_tune(fd);
	g_atomic_int_set(&t->link.fd, fd);
	return 0;
}

static void watch_fd(struct stream_thread *t)
{
	int fd = g_atomic_int_get(&t->link.fd);
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

static void unwatch_fd(struct stream_thread *t)
{
	if (t->fd_tag)
		g_source_remove_unix_fd(t->source, t->fd_tag);
	t->fd_tag = NULL;
	g_atomic_int_set(&t->link.fd, -1);
}

/* During the attempts on several addresses libstrophe opens one socket after the other. */
static void pump(struct stream_thread *t)
{
	for (int i = 0; i < PUMPS && !t->ended; i++) {
		int before = g_atomic_int_get(&t->link.fd);

		socket_acknowledge_quickly(g_atomic_int_get(&t->link.fd));
		xmpp_run_once(t->ctx, 0);
		if (g_atomic_int_get(&t->link.fd) != before && t->fd_tag && before >= 0) {
			g_source_remove_unix_fd(t->source, t->fd_tag);
			t->fd_tag = NULL;
		}
	}
	if (t->ended)
		settle(t);
	else if (t->conn)
		watch_fd(t);
}

static gboolean on_fd(GSource *source, GSourceFunc callback, gpointer data)
{
	struct stream_thread *t = data;

	t->last_heard_us = g_get_monotonic_time();
	pump(t);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs fd_funcs = {.dispatch = on_fd};

/* ---- timers of this thread ---- */

static void set_timer(struct stream_thread *t, GSource **slot, guint ms, GSourceFunc fn)
{
	if (*slot) {
		g_source_destroy(*slot);
		g_source_unref(*slot);
		*slot = NULL;
	}
	if (!fn)
		return;
	*slot = ms >= 10000 ? g_timeout_source_new_seconds(ms / 1000) : g_timeout_source_new(ms);
	g_source_set_callback(*slot, fn, t, NULL);
	g_source_attach(*slot, t->link.ctx);
}

static gboolean on_tick(gpointer data)
{
	pump(data);
	return G_SOURCE_CONTINUE;
}

static void send_ping(struct stream_thread *t)
{
	xmpp_stanza_t *ping = stanza_ping(t->ctx);

	xmpp_send(t->conn, ping);
	xmpp_stanza_release(ping);
	pump(t);
}

/* XEP-0199: a connection on which nothing was heard for a minute is asked; one that does not answer is dead. */
static gboolean on_keepalive(gpointer data)
{
	struct stream_thread *t = data;
	gint64 quiet_s = (g_get_monotonic_time() - t->last_heard_us) / G_USEC_PER_SEC;

	if (t->pinging && quiet_s >= KEEPALIVE_ANSWER_S) {
		refuse(t, g_error_new(JC_ERROR, JC_LOST, "the server does not answer any more"));
		pump(t);
		return G_SOURCE_CONTINUE;
	}
	t->pinging = !t->pinging && quiet_s >= KEEPALIVE_S - 1;
	if (t->pinging)
		send_ping(t);
	set_timer(t, &t->keepalive, (t->pinging ? KEEPALIVE_ANSWER_S : KEEPALIVE_S) * 1000, on_keepalive);
	return G_SOURCE_REMOVE;
}

/* ---- connecting ---- */

static int on_stanza(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	struct stream_thread *t = data;
	const char *why = NULL, *name = xmpp_stanza_get_name(stanza);
	struct elem *e;

	if (!name || (strcmp(name, "message") != 0 && strcmp(name, "presence") != 0 && strcmp(name, "iq") != 0))
		return 1;			/* XEP-0198 is libstrophe's own affair */
	e = elem_from_stanza(stanza, &why);
	if (!e) {
		log_warn("stream", "a stanza from the server was left out: %s", why ? why : "it has no name");
		return 1;
	}
	if (t->reporter.reports.trace)
		report(t, (struct report){.kind = REPORT_TRACE, .flag = FALSE, .text = elem_to_string(e)});
	report(t, (struct report){.kind = REPORT_STANZA, .stanza = e});
	return 1;
}

static void on_connected(struct stream_thread *t)
{
	const char *bound = xmpp_conn_get_bound_jid(t->conn);

	/* libstrophe verifies neither the server's nonce nor its signature: at least it must be our account. */
	if (!guard_is_account(bound, t->bare)) {
		refuse(t, g_error_new(JC_ERROR, JC_SERVER, "the server logged us in as somebody else than %s", t->bare));
		return;
	}
	t->connecting = FALSE;
	t->online = t->ever_online = TRUE;
	t->backoff_ms = BACKOFF_FIRST_MS;
	set_timer(t, &t->tick, 0, NULL);
	set_timer(t, &t->keepalive, KEEPALIVE_S * 1000, on_keepalive);
	xmpp_handler_delete(t->conn, on_stanza);
	/* One handler for all: libstrophe takes the same function only once, whatever it is to match. */
	xmpp_handler_add(t->conn, on_stanza, NULL, NULL, NULL, t);
	report_phase(t, "bind");
	report(t, (struct report){.kind = REPORT_ONLINE, .text = g_strdup(bound), .flag = t->resumed, .flag2 = TRUE});
}

static gboolean on_retry(gpointer data)
{
	struct stream_thread *t = data;

	set_timer(t, &t->retry, 0, NULL);
	begin_attempt(t);
	return G_SOURCE_REMOVE;
}

static void give_up_or_retry(struct stream_thread *t)
{
	gboolean final = !t->reconnect || !t->ever_online || t->conflict ||
		g_error_matches(t->why, JC_ERROR, JC_CONFIG) || (g_error_matches(t->why, JC_ERROR, JC_LOGIN) && !t->passing);

	report(t, (struct report){.kind = REPORT_OFFLINE, .error = g_steal_pointer(&t->why), .flag = final});
	if (final)
		return;
	set_timer(t, &t->retry, t->backoff_ms + (guint)g_random_int_range(0, (gint32)t->backoff_ms / 4 + 1), on_retry);
	t->backoff_ms = MIN(t->backoff_ms * 2, BACKOFF_LAST_MS);
}

static void describe_loss(struct stream_thread *t)
{
	const struct target *target = t->next_target ? &g_array_index(t->targets, struct target, t->next_target - 1) : NULL;
	const char *text = t->words;

	if (t->why)
		return;
	if (t->conflict)
		t->why = g_error_new(JC_ERROR, JC_LOST, "another client took the resource of %s", t->jid);
	else if (t->online)
		t->why = g_error_new(JC_ERROR, JC_LOST, "the connection to the server was lost%s%s", text ? ": " : "", text ? text : "");
	else if (t->tcp_up && !t->secured)
		t->why = g_error_new(JC_ERROR, JC_SERVER, "the server of %s offers no usable encryption (TLS)", t->bare);
	else if (!t->secured && target)
		t->why = g_error_new(JC_ERROR, JC_SERVER, "cannot connect to %s, port %u", target->host, target->port);
	else
		t->why = g_error_new(JC_ERROR, JC_SERVER, "the server of %s ended the login%s%s", t->bare, text ? ": " : "",
				     text ? text : "");
}

static gboolean try_next_target(struct stream_thread *t);

/* After the end of a connection, outside libstrophe: it does not bear a new one from inside its handlers. */
static void settle(struct stream_thread *t)
{
	gboolean was_connecting = t->connecting;

	t->ended = FALSE;
	unwatch_fd(t);
	set_timer(t, &t->tick, 0, NULL);
	set_timer(t, &t->keepalive, 0, NULL);
	if (t->closing) {
		report(t, (struct report){.kind = REPORT_CLOSED});
		return;
	}
	describe_loss(t);
	t->online = FALSE;
	/* Another address may do where this one could not even be reached; a refusal would be the same there. */
	if (was_connecting && !t->secured && t->next_target < t->targets->len && try_next_target(t))
		return;
	t->connecting = FALSE;
	give_up_or_retry(t);
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
	g_free(t->words);
	t->words = stream_error && stream_error->text ? text_clean(stream_error->text, TEXT_SHORT) : NULL;
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

static gboolean try_next_target(struct stream_thread *t)
{
	const struct target *target = &g_array_index(t->targets, struct target, t->next_target++);

	t->tcp_up = t->secured = t->verified = t->logged_in = t->resumed = FALSE;
	g_clear_error(&t->why);
	g_clear_pointer(&t->cert_words, g_free);
	g_clear_pointer(&t->words, g_free);
	t->conflict = t->passing = FALSE;
	configure(t, target->direct);
	if (xmpp_connect_client(t->conn, target->host, target->port, on_conn, t) != XMPP_EOK)
		return t->next_target < t->targets->len && try_next_target(t);
	set_timer(t, &t->tick, TICK_MS, on_tick);
	watch_fd(t);
	return TRUE;
}

static void begin_attempt(struct stream_thread *t)
{
	t->connecting = TRUE;
	t->pinging = FALSE;
	t->last_heard_us = g_get_monotonic_time();
	if (!t->conn)
		t->conn = xmpp_conn_new(t->ctx);
	g_clear_pointer(&t->targets, g_array_unref);
	t->targets = targets_find(t->bare, t->host, t->port);
	t->next_target = 0;
	report_phase(t, "dns");
	if (try_next_target(t))
		return;
	t->connecting = FALSE;
	describe_loss(t);
	give_up_or_retry(t);
}

/* ---- commands: main thread -> xmpp thread ---- */

static void do_connect(void *self, void *arg)
{
	begin_attempt(self);
}

static void do_send(void *self, void *arg)
{
	struct stream_thread *t = self;
	struct elem *e = *(struct elem **)arg;
	xmpp_stanza_t *stanza;

	if (t->online && !t->closing) {
		stanza = elem_to_stanza(t->ctx, e);
		if (t->reporter.reports.trace)
			report(t, (struct report){.kind = REPORT_TRACE, .flag = TRUE, .text = elem_to_string(e)});
		xmpp_send(t->conn, stanza);
		xmpp_stanza_release(stanza);
		pump(t);
	}
	elem_free(e);
}

static void do_close(void *self, void *arg)
{
	struct stream_thread *t = self;

	t->closing = TRUE;
	set_timer(t, &t->retry, 0, NULL);
	if (!t->online) {
		cut(t);
		report(t, (struct report){.kind = REPORT_CLOSED});
		return;
	}
	pump(t);
	xmpp_disconnect(t->conn);
	set_timer(t, &t->tick, 20, on_tick);
	pump(t);
}

static void do_stop(void *self, void *arg)
{
	struct stream_thread *t = self;

	g_main_loop_quit(t->link.loop);
}

/* ---- the thread ---- */

static void free_thread(struct stream_thread *t)
{
	g_clear_pointer(&t->targets, g_array_unref);
	g_main_loop_unref(t->link.loop);
	g_main_context_unref(t->link.ctx);
	if (t->password)
		explicit_bzero(t->password, strlen(t->password));
	g_free(t->password);
	g_free(t->jid);
	g_free(t->bare);
	g_free(t->host);
	g_free(t->ca_file);
	g_free(t->pin);
	g_free(t->cert_words);
	g_free(t->words);
	g_clear_error(&t->why);
	g_free(t);
}

static void *run(void *data)
{
	struct stream_thread *t = data;

	this_thread = t;
	g_main_context_push_thread_default(t->link.ctx);
	t->log = (xmpp_log_t){.handler = on_log, .userdata = t};
	t->ctx = xmpp_ctx_new(NULL, &t->log);
	t->source = g_source_new(&fd_funcs, sizeof(GSource));
	g_source_set_callback(t->source, NULL, t, NULL);
	g_source_attach(t->source, t->link.ctx);
	g_main_loop_run(t->link.loop);
	set_timer(t, &t->tick, 0, NULL);
	set_timer(t, &t->keepalive, 0, NULL);
	set_timer(t, &t->retry, 0, NULL);
	t->closing = TRUE;
	if (t->conn)
		xmpp_conn_release(t->conn);
	xmpp_ctx_free(t->ctx);
	g_source_destroy(t->source);
	g_source_unref(t->source);
	g_main_context_pop_thread_default(t->link.ctx);
	return NULL;
}

struct stream_link *link_start(const struct stream_options *options, const struct stream_reports *reports, void *self)
{
	struct stream_thread *t = g_new0(struct stream_thread, 1);
	pthread_attr_t attr;

	t->reporter = (struct reporter){.link = &t->link, .reports = *reports, .self = self};
	t->bare = jid_bare(options->jid);
	t->jid = jid_resource(options->jid) ? g_strdup(options->jid) :
		g_strdup_printf("%s/jcall-%08x", options->jid, g_random_int());
	t->password = g_strdup(options->password);
	t->host = g_strdup(options->host);
	t->port = options->port;
	t->ca_file = g_strdup(options->ca_file);
	t->pin = options->pin ? guard_pin(options->pin) : NULL;
	t->reconnect = options->reconnect;
	t->backoff_ms = BACKOFF_FIRST_MS;
	t->link.fd = -1;
	t->link.ctx = g_main_context_new();
	t->link.loop = g_main_loop_new(t->link.ctx, FALSE);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (pthread_create(&t->link.thread, &attr, run, t) != 0)
		g_error("no thread for the XMPP stream");
	pthread_attr_destroy(&attr);
	return &t->link;
}

static void free_late(void *self, void *arg)
{
	free_thread(self);
}

void link_stop(struct stream_link *link)
{
	struct stream_thread *t = (struct stream_thread *)link;
	struct timespec until;
	int fd = g_atomic_int_get(&link->fd);

	g_atomic_int_set(&link->abandoned, 1);
	post_to(link->ctx, do_stop, t, NULL, 0);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (pthread_timedjoin_np(link->thread, NULL, &until) == 0)
		post_to(NULL, free_late, t, NULL, 0);	/* passes every report still under way */
	else
		pthread_detach(link->thread);
}

void link_connect(struct stream_link *link)
{
	post_to(link->ctx, do_connect, link, NULL, 0);
}

void link_send(struct stream_link *link, struct elem *stanza)
{
	post_to(link->ctx, do_send, link, &stanza, sizeof(stanza));
}

void link_close(struct stream_link *link)
{
	post_to(link->ctx, do_close, link, NULL, 0);
}
