#include "fake_stream.h"

#include "text.h"

static struct stream *last;

static void query_free(gpointer data)
{
	struct fake_query *q = data;

	g_free(q->id);
	g_free(q->to);
	g_free(q->type);
	elem_free(q->payload);
	g_free(q);
}

static void sent_free(gpointer data)
{
	elem_free(data);
}

void fake_stream_init(struct stream *x, const char *full_jid)
{
	memset(x, 0, sizeof(*x));
	x->jid = full_jid;
	x->bare = jid_bare(full_jid);
	x->online = TRUE;
	x->queries = g_ptr_array_new_with_free_func(query_free);
	x->sent = g_ptr_array_new_with_free_func(sent_free);
}

void fake_stream_clear(struct stream *x)
{
	g_ptr_array_unref(x->queries);
	g_ptr_array_unref(x->sent);
	g_free(x->bare);
	g_free(x->bound);
}

struct stream *fake_stream_last(void)
{
	return last;
}

/* ---- questions ---- */

static gboolean is_open(const struct fake_query *q)
{
	return !q->answered && !q->cancelled;
}

struct fake_query *fake_stream_query(struct stream *x, guint n)
{
	guint open = 0;

	for (guint i = 0; i < x->queries->len; i++)
		if (is_open(x->queries->pdata[i]) && open++ == n)
			return x->queries->pdata[i];
	return n < x->queries->len ? x->queries->pdata[n] : NULL;
}

guint fake_stream_open(struct stream *x)
{
	guint open = 0;

	for (guint i = 0; i < x->queries->len; i++)
		open += is_open(x->queries->pdata[i]) ? 1 : 0;
	return open;
}

void fake_stream_answer(struct stream *x, guint n, enum iq_cond cond, const struct elem *iq)
{
	struct fake_query *q = fake_stream_query(x, n);

	q->answered = TRUE;
	q->done(q->ctx, cond, iq);
}

/* ---- what comes in ---- */

void fake_stream_online(struct stream *x, const char *full_jid, gboolean resumed)
{
	g_free(x->bound);
	x->jid = x->bound = g_strdup(full_jid);
	x->online = TRUE;
	x->on.online(x->on.self, x->jid, resumed);
}

void fake_stream_offline(struct stream *x, enum jc_err err, gboolean final)
{
	g_autoptr(GError) error = g_error_new(JC_ERROR, (int)err, "the test has cut the stream");

	x->online = FALSE;
	x->on.offline(x->on.self, error, final);
}

/* As in the real stream: our server speaks for our account under several names, or none. */
static gboolean is_from(const struct stream *x, const char *to, const char *from)
{
	if (!from)
		from = x->bare;
	if (to && g_ascii_strcasecmp(to, x->bare) != 0)
		return jid_same_bare(to, from) && g_strcmp0(jid_resource(to), jid_resource(from)) == 0;
	return g_ascii_strcasecmp(from, x->bare) == 0 || strcmp(from, x->jid) == 0 ||
		(!to && g_str_has_suffix(x->bare, from) && x->bare[strlen(x->bare) - strlen(from) - 1] == '@');
}

static void hear_answer(struct stream *x, const struct elem *iq)
{
	for (guint i = 0; i < x->queries->len; i++) {
		struct fake_query *q = x->queries->pdata[i];

		if (is_open(q) && g_strcmp0(q->id, elem_attr(iq, "id")) == 0 && is_from(x, q->to, elem_attr(iq, "from"))) {
			q->answered = TRUE;
			q->done(q->ctx, cond_read(iq), iq);
			return;
		}
	}
}

static void hear_request(struct stream *x, const struct elem *stanza)
{
	struct iq iq = {.stream = x, .stanza = elem_copy(stanza)};

	x->on.iq(x->on.self, &iq);
	if (!iq.answers)
		iq_answer(&iq, COND_SERVICE_UNAVAILABLE, NULL);
	fake_iq_clear(&iq);
}

void fake_stream_hear(struct stream *x, const struct elem *stanza)
{
	const char *type = elem_attr(stanza, "type");

	if (elem_is(stanza, "message", NULL))
		x->on.message(x->on.self, stanza);
	else if (elem_is(stanza, "presence", NULL))
		x->on.presence(x->on.self, stanza);
	else if (g_strcmp0(type, "get") != 0 && g_strcmp0(type, "set") != 0)
		hear_answer(x, stanza);
	else if (elem_attr(stanza, "id"))
		hear_request(x, stanza);
}

void fake_iq_clear(struct iq *iq)
{
	elem_free(iq->stanza);
	elem_free(iq->answer);
}

/* ---- xmpp/stream.h ---- */

static void leave(struct stream *x, struct elem *stanza)
{
	if (x->leaves)
		x->leaves(x->leaves_ctx, stanza);
	g_ptr_array_add(x->sent, stanza);
}

struct stream *stream_new(const struct stream_options *options, const struct stream_handlers *handlers)
{
	struct stream *x = g_new0(struct stream, 1);

	fake_stream_init(x, options->jid);
	x->on = *handlers;
	x->jid = x->bare;
	x->online = FALSE;
	last = x;
	return x;
}

void stream_connect(struct stream *x)
{
}

void stream_network_changed(struct stream *x)
{
}

static gboolean on_closed(gpointer data)
{
	struct stream *x = data;

	x->closing = 0;
	x->online = FALSE;
	x->closed(x->closed_ctx);
	return G_SOURCE_REMOVE;
}

void stream_close(struct stream *x, guint timeout_ms, void (*done)(void *ctx), void *ctx)
{
	x->closed = done;
	x->closed_ctx = ctx;
	x->closing = g_idle_add(on_closed, x);
}

void stream_free(struct stream *x)
{
	if (!x)
		return;
	if (x == last)
		last = NULL;
	g_clear_handle_id(&x->closing, g_source_remove);
	fake_stream_clear(x);
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
	return x->online;
}

void stream_send(struct stream *x, struct elem *stanza)
{
	leave(x, stanza);
}

guint stream_query(struct stream *x, const char *to, const char *type, struct elem *payload, guint timeout_ms,
		   void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply), void *ctx)
{
	struct fake_query *q = g_new0(struct fake_query, 1);
	struct elem *iq = elem_new("iq", "jabber:client");

	g_ptr_array_add(x->queries, q);
	q->handle = x->queries->len;
	q->id = g_strdup_printf("q%u", q->handle);
	q->timeout_ms = timeout_ms;
	q->to = g_strdup(to);
	q->type = g_strdup(type);
	q->payload = payload;
	q->done = done;
	q->ctx = ctx;
	elem_set(iq, "type", type);
	elem_set(iq, "id", q->id);
	elem_set(iq, "to", to);
	elem_adopt(iq, elem_copy(payload));
	leave(x, iq);
	return q->handle;
}

void stream_query_cancel(struct stream *x, guint handle)
{
	if (handle)
		((struct fake_query *)x->queries->pdata[handle - 1])->cancelled = TRUE;
}

const struct elem *iq_stanza(const struct iq *iq)
{
	return iq->stanza;
}

const char *iq_from(const struct iq *iq)
{
	const char *from = elem_attr(iq->stanza, "from");

	return from || !iq->stream ? from : iq->stream->bare;
}

const struct elem *iq_payload(const struct iq *iq)
{
	return elem_child(iq->stanza, NULL, NULL);
}

gboolean iq_is_set(const struct iq *iq)
{
	return g_strcmp0(elem_attr(iq->stanza, "type"), "set") == 0;
}

static void send_answer(const struct iq *iq)
{
	struct elem *answer = elem_new("iq", "jabber:client");

	elem_set(answer, "type", iq->cond == COND_OK ? "result" : "error");
	elem_set(answer, "id", elem_attr(iq->stanza, "id"));
	elem_set(answer, "to", elem_attr(iq->stanza, "from"));
	if (iq->answer)
		elem_adopt(answer, elem_copy(iq->answer));
	if (iq->cond != COND_OK)
		cond_write(answer, iq->cond);
	leave(iq->stream, answer);
}

void iq_answer(struct iq *iq, enum iq_cond cond, struct elem *payload)
{
	g_assert(!iq->stream || !iq->answers);		/* stream.h: at most once */
	iq->answers++;
	iq->cond = cond;
	elem_free(iq->answer);
	iq->answer = payload;
	if (iq->stream)
		send_answer(iq);
}
