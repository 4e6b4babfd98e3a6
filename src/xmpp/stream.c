#include <string.h>

#include "../log.h"
#include "../random.h"
#include "../text.h"
#include "stream_priv.h"

enum { MAX_KEPT = 100, KEPT_US = 30 * G_USEC_PER_SEC };

struct query {				/* an iq of ours whose answer is awaited */
	struct stream *x;
	guint handle, timer;
	char *id, *to;
	struct elem *iq;		/* kept to be sent again on a fresh stream */
	gboolean sent;			/* handed over to be sent, and not come back */
	void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply);
	void *ctx;
};

struct kept {				/* to be sent once we are online again */
	struct elem *stanza;
	gint64 at_us;
};

struct iq {
	struct stream *x;
	struct elem *stanza;
	const char *from;
	gboolean answered;
};

struct stream {
	struct stream_handlers h;
	struct stream_link *link;
	char *jid, *bare, *domain;
	gboolean online, has_sm, done_called;
	gboolean over;			/* it will not be tried again: what the thread still says does not count */
	guint phase_limit_ms;
	GHashTable *queries;		/* id -> struct query, owned */
	GHashTable *by_handle;		/* handle -> struct query */
	GQueue kept;			/* struct kept */
	guint last_handle, watchdog, close_timer;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- watchdog: no phase of a login may last longer, whatever blocks ---- */

static void give_up(struct stream *x, const GError *error);

static gboolean on_watchdog(gpointer data)
{
	struct stream *x = data;
	g_autoptr(GError) error = NULL;

	x->watchdog = 0;
	g_atomic_int_set(&x->link->overdue, 1);
	if (link_cut(x->link)) {
		log_info("stream", "the server took too long in the login");
	} else {
		error = g_error_new(JC_ERROR, JC_SERVER, "the name look-up for %s does not end", x->domain);
		give_up(x, error);
	}
	return G_SOURCE_REMOVE;
}

static void watch(struct stream *x, gboolean on)
{
	g_clear_handle_id(&x->watchdog, g_source_remove);
	x->watchdog = on ? g_timeout_add(x->phase_limit_ms, on_watchdog, x) : 0;
}

/* ---- queries ---- */

static void query_free(gpointer data)
{
	struct query *q = data;

	g_hash_table_remove(q->x->by_handle, GUINT_TO_POINTER(q->handle));
	g_clear_handle_id(&q->timer, g_source_remove);
	g_free(q->id);
	g_free(q->to);
	elem_free(q->iq);
	g_free(q);
}

static void query_done(struct stream *x, struct query *q, enum iq_cond cond, const struct elem *reply)
{
	void (*done)(void *, enum iq_cond, const struct elem *) = q->done;
	void *ctx = q->ctx;

	g_hash_table_remove(x->queries, q->id);
	done(ctx, cond, reply);
}

static gboolean on_query_timeout(gpointer data)
{
	struct query *q = data;

	q->timer = 0;
	query_done(q->x, q, COND_TIMEOUT, NULL);
	return G_SOURCE_REMOVE;
}

static gboolean on_query_given_up(gpointer data)
{
	struct query *q = data;

	q->timer = 0;
	query_done(q->x, q, COND_DISCONNECTED, NULL);
	return G_SOURCE_REMOVE;
}

/* Nobody will answer them; told from the main loop, for what is told may do anything to the stream. */
static void give_up_queries(struct stream *x)
{
	GHashTableIter i;
	gpointer value;

	g_hash_table_iter_init(&i, x->queries);
	while (g_hash_table_iter_next(&i, NULL, &value)) {
		struct query *q = value;

		g_source_remove(q->timer);
		q->timer = g_idle_add_full(G_PRIORITY_DEFAULT, on_query_given_up, q, NULL);
	}
}

/* The answer must come from whom we asked. Our server speaks for our account under several names, or none. */
static gboolean is_from(const struct stream *x, const char *to, const char *from)
{
	if (!from)
		from = x->bare;
	if (to && g_ascii_strcasecmp(to, x->bare) != 0)
		return jid_same_bare(to, from) && g_strcmp0(jid_resource(to), jid_resource(from)) == 0;
	return g_ascii_strcasecmp(from, x->bare) == 0 || strcmp(from, x->jid) == 0 ||
		(!to && g_ascii_strcasecmp(from, x->domain) == 0);
}

static void take_answer(struct stream *x, const struct elem *iq, enum iq_cond cond)
{
	const char *id = elem_attr(iq, "id");
	struct query *q = id ? g_hash_table_lookup(x->queries, id) : NULL;

	if (q && is_from(x, q->to, elem_attr(iq, "from")))
		query_done(x, q, cond, iq);
}

static void ask(struct query *q)
{
	q->sent = TRUE;
	link_send(q->x->link, elem_copy(q->iq));
}

guint stream_query(struct stream *x, const char *to, const char *type, struct elem *payload, guint timeout_ms,
		 void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply), void *ctx)
{
	struct query *q = g_new0(struct query, 1);

	q->x = x;
	q->handle = ++x->last_handle;
	q->id = random_uuid();
	q->to = g_strdup(to);
	q->done = done;
	q->ctx = ctx;
	q->iq = elem_new("iq", "jabber:client");
	elem_set(q->iq, "type", type);
	elem_set(q->iq, "id", q->id);
	elem_set(q->iq, "to", to);
	elem_adopt(q->iq, payload);
	q->timer = x->over ? g_idle_add_full(G_PRIORITY_DEFAULT, on_query_given_up, q, NULL) :
		g_timeout_add(timeout_ms, on_query_timeout, q);
	g_hash_table_insert(x->queries, q->id, q);
	g_hash_table_insert(x->by_handle, GUINT_TO_POINTER(q->handle), q);
	if (x->online)
		ask(q);
	return q->handle;
}

void stream_query_cancel(struct stream *x, guint handle)
{
	struct query *q = g_hash_table_lookup(x->by_handle, GUINT_TO_POINTER(handle));

	if (q)
		g_hash_table_remove(x->queries, q->id);
}

/* A fresh stream knows nothing of what was asked on the old one. */
static void forget_asked(struct stream *x)
{
	GHashTableIter i;
	gpointer value;

	g_hash_table_iter_init(&i, x->queries);
	while (g_hash_table_iter_next(&i, NULL, &value))
		((struct query *)value)->sent = FALSE;
}

static void ask_unasked(struct stream *x)
{
	GHashTableIter i;
	gpointer value;

	g_hash_table_iter_init(&i, x->queries);
	while (g_hash_table_iter_next(&i, NULL, &value))
		if (!((struct query *)value)->sent)
			ask(value);
}

/* ---- sending ---- */

static void kept_free(gpointer data)
{
	elem_free(((struct kept *)data)->stanza);
	g_free(data);
}

static void keep(struct stream *x, struct elem *stanza)
{
	struct kept *k = g_new0(struct kept, 1);

	k->stanza = stanza;
	k->at_us = g_get_monotonic_time();
	g_queue_push_tail(&x->kept, k);
	if (x->kept.length > MAX_KEPT)
		kept_free(g_queue_pop_head(&x->kept));
}

static void send_kept(struct stream *x)
{
	struct kept *k;

	while ((k = g_queue_pop_head(&x->kept)) != NULL) {
		if (g_get_monotonic_time() - k->at_us < KEPT_US)
			link_send(x->link, g_steal_pointer(&k->stanza));
		kept_free(k);
	}
}

void stream_send(struct stream *x, struct elem *stanza)
{
	g_autofree char *id = NULL;

	if (!elem_attr(stanza, "id") && !elem_is(stanza, "presence", NULL)) {
		id = random_uuid();
		elem_set(stanza, "id", id);
	}
	if (x->online)
		link_send(x->link, stanza);
	else if (elem_is(stanza, "presence", NULL))
		elem_free(stanza);
	else
		keep(x, stanza);
}

/* ---- requests of others ---- */

void iq_answer(struct iq *iq, enum iq_cond cond, struct elem *payload)
{
	struct elem *answer = elem_new("iq", "jabber:client");

	g_return_if_fail(!iq->answered);
	iq->answered = TRUE;
	elem_set(answer, "type", cond == COND_OK ? "result" : "error");
	elem_set(answer, "id", elem_attr(iq->stanza, "id"));
	elem_set(answer, "to", elem_attr(iq->stanza, "from"));
	if (payload)
		elem_adopt(answer, payload);
	if (cond != COND_OK)
		cond_write(answer, cond);
	stream_send(iq->x, answer);
}

static void take_request(struct stream *x, struct elem *stanza)
{
	struct iq iq = {.x = x, .stanza = stanza, .from = elem_attr(stanza, "from")};

	if (!iq.from)
		iq.from = x->bare;
	if (!elem_attr(stanza, "id"))
		return;			/* RFC 6120 8.2.3: it cannot be answered */
	x->h.iq(x->h.self, &iq);
	if (!iq.answered)
		iq_answer(&iq, COND_SERVICE_UNAVAILABLE, NULL);
}

const struct elem *iq_stanza(const struct iq *iq)
{
	return iq->stanza;
}

const char *iq_from(const struct iq *iq)
{
	return iq->from;
}

const struct elem *iq_payload(const struct iq *iq)
{
	return elem_child(iq->stanza, NULL, NULL);
}

gboolean iq_is_set(const struct iq *iq)
{
	return g_strcmp0(elem_attr(iq->stanza, "type"), "set") == 0;
}

/* ---- what the thread reports ---- */

static void on_phase(void *self, const char *phase, gint64 now_us)
{
	struct stream *x = self;

	if (x->over || x->closed)
		return;
	watch(x, strcmp(phase, "bind") != 0);
	x->h.phase(x->h.self, phase, now_us);
}

static void on_certificate(void *self, const char *expires)
{
	struct stream *x = self;

	if (!x->over && !x->closed && x->h.certificate && expires)
		x->h.certificate(x->h.self, expires);
}

static void on_online(void *self, const char *full_jid, gboolean resumed)
{
	struct stream *x = self;

	if (x->over || x->closed)
		return;
	watch(x, FALSE);
	g_free(x->jid);
	x->jid = g_strdup(full_jid);
	x->online = TRUE;
	x->has_sm = FALSE;
	if (!resumed)
		forget_asked(x);
	x->h.online(x->h.self, full_jid, resumed);
	ask_unasked(x);
	send_kept(x);
}

static void on_sm(void *self)
{
	((struct stream *)self)->has_sm = TRUE;
}

/* The connection went away while it was on its way to the thread. */
static void on_unsent(void *self, struct elem *stanza)
{
	struct stream *x = self;
	const char *id = elem_attr(stanza, "id");
	struct query *q = id ? g_hash_table_lookup(x->queries, id) : NULL;

	if (q)
		q->sent = FALSE;
	if (q || x->over || elem_is(stanza, "presence", NULL))
		elem_free(stanza);
	else
		keep(x, stanza);
}

static void give_up(struct stream *x, const GError *error)
{
	x->over = TRUE;
	x->online = FALSE;
	link_cut(x->link);
	give_up_queries(x);
	if (!x->closed)
		x->h.offline(x->h.self, error, TRUE);
}

static void on_offline(void *self, GError *error, gboolean final)
{
	struct stream *x = self;
	g_autoptr(GError) owned = error;

	watch(x, FALSE);
	x->online = FALSE;
	if (x->over)
		return;
	if (final)
		give_up(x, owned);
	else if (!x->closed)
		x->h.offline(x->h.self, owned, FALSE);
}

static void on_stanza(void *self, struct elem *stanza)
{
	struct stream *x = self;
	elem_auto owned = stanza;
	const char *type = elem_attr(stanza, "type");

	if (elem_is(stanza, "message", NULL))
		x->h.message(x->h.self, stanza);
	else if (elem_is(stanza, "presence", NULL))
		x->h.presence(x->h.self, stanza);
	else if (type && (strcmp(type, "get") == 0 || strcmp(type, "set") == 0))
		take_request(x, stanza);
	else
		take_answer(x, stanza, cond_read(stanza));
}

/* Who asked need not wait for the time-out, and learns why. */
static void on_refused(void *self, struct elem *head)
{
	struct stream *x = self;
	elem_auto owned = head;

	take_answer(x, head, COND_TOO_LARGE);
}

static void finish_close(struct stream *x)
{
	void (*closed)(void *ctx) = x->closed;

	g_clear_handle_id(&x->close_timer, g_source_remove);
	x->online = FALSE;
	if (x->done_called || !closed)
		return;
	x->over = x->done_called = TRUE;
	give_up_queries(x);
	closed(x->closed_ctx);
}

static void on_closed(void *self)
{
	finish_close(self);
}

static void on_trace(void *self, gboolean out, char *xml)
{
	struct stream *x = self;

	x->h.trace(x->h.self, out, xml);
	g_free(xml);
}

/* ---- for the owner ---- */

struct stream *stream_new(const struct stream_options *options, const struct stream_handlers *handlers)
{
	struct stream *x = g_new0(struct stream, 1);
	struct stream_reports reports = {.phase = on_phase, .certificate = on_certificate, .online = on_online, .offline = on_offline, .stanza = on_stanza,
					 .closed = on_closed, .sm = on_sm, .unsent = on_unsent, .refused = on_refused,
					 .trace = handlers->trace ? on_trace : NULL};
	const char *at;

	x->h = *handlers;
	x->phase_limit_ms = PHASE_LIMIT_MS;
	x->bare = jid_bare(options->jid);
	x->jid = g_strdup(x->bare);
	at = strchr(x->bare, '@');
	x->domain = g_strdup(at ? at + 1 : x->bare);
	x->queries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, query_free);
	x->by_handle = g_hash_table_new(NULL, NULL);
	g_queue_init(&x->kept);
	x->link = link_start(options, &reports, x);
	return x;
}

void stream_set_phase_limit(struct stream *x, guint ms)
{
	x->phase_limit_ms = ms;
}

void stream_connect(struct stream *x)
{
	watch(x, TRUE);
	link_connect(x->link);
}

void stream_network_changed(struct stream *x)
{
	if (!x->over)
		link_network(x->link);
}

static gboolean on_close_timeout(gpointer data)
{
	struct stream *x = data;

	x->close_timer = 0;
	finish_close(x);
	return G_SOURCE_REMOVE;
}

void stream_close(struct stream *x, guint timeout_ms, void (*done)(void *ctx), void *ctx)
{
	x->closed = done;
	x->closed_ctx = ctx;
	watch(x, FALSE);
	/* Without a login there is nobody to say goodbye to, and the thread may be stuck in a name look-up. */
	x->close_timer = x->online ? g_timeout_add(timeout_ms, on_close_timeout, x) : g_idle_add(on_close_timeout, x);
	link_close(x->link);
}

void stream_free(struct stream *x)
{
	if (!x)
		return;
	watch(x, FALSE);
	g_clear_handle_id(&x->close_timer, g_source_remove);
	link_stop(x->link);
	g_hash_table_unref(x->queries);
	g_hash_table_unref(x->by_handle);
	g_queue_clear_full(&x->kept, kept_free);
	g_free(x->jid);
	g_free(x->bare);
	g_free(x->domain);
	g_free(x);
}

const char *stream_jid(const struct stream *x)
{
	return x->jid;
}

gboolean stream_is_online(const struct stream *x)
{
	return x->online;
}

gboolean stream_has_sm(const struct stream *x)
{
	return x->has_sm;
}
