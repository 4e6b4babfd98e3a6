/* fake_stream.h - xmpp/stream.h without a network, for tests of what stands on it: questions are kept, the test answers.
 *
 * It defines functions: included by a test program itself and not part of the helper library, because there it would
 * take the place of the real stream in every test. */
#ifndef JCALL_TEST_FAKE_STREAM_H
#define JCALL_TEST_FAKE_STREAM_H

#include <string.h>

#include "xml.h"
#include "xmpp/stream.h"

struct fake_query {
	guint handle, timeout_ms;
	char *to, *type;
	struct elem *payload;
	void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply);
	void *ctx;
	gboolean answered, cancelled;
};

struct stream {
	const char *jid;
	GPtrArray *queries;		/* struct fake_query, in the order they were asked */
	GPtrArray *sent;		/* struct elem */
};

struct iq {
	struct elem *stanza;
	unsigned answers;
	enum iq_cond cond;
	struct elem *answer;
};

static void fake_query_free(gpointer data)
{
	struct fake_query *q = data;

	g_free(q->to);
	g_free(q->type);
	elem_free(q->payload);
	g_free(q);
}

static void fake_sent_free(gpointer data)
{
	elem_free(data);
}

G_GNUC_UNUSED static void fake_stream_init(struct stream *x, const char *full_jid)
{
	x->jid = full_jid;
	x->queries = g_ptr_array_new_with_free_func(fake_query_free);
	x->sent = g_ptr_array_new_with_free_func(fake_sent_free);
}

G_GNUC_UNUSED static void fake_stream_clear(struct stream *x)
{
	g_ptr_array_unref(x->queries);
	g_ptr_array_unref(x->sent);
}

/* The Nth question that is neither answered nor cancelled; if there is none, the Nth of all. */
G_GNUC_UNUSED static struct fake_query *fake_stream_query(struct stream *x, guint n)
{
	guint open = 0;

	for (guint i = 0; i < x->queries->len; i++) {
		struct fake_query *q = x->queries->pdata[i];

		if (!q->answered && !q->cancelled && open++ == n)
			return q;
	}
	return n < x->queries->len ? x->queries->pdata[n] : NULL;
}

G_GNUC_UNUSED static guint fake_stream_open(struct stream *x)
{
	guint open = 0;

	for (guint i = 0; i < x->queries->len; i++) {
		struct fake_query *q = x->queries->pdata[i];

		open += q->answered || q->cancelled ? 0 : 1;
	}
	return open;
}

/* Answers the Nth open question; PAYLOAD (XML) goes into the <iq/> of a result. */
G_GNUC_UNUSED static void fake_stream_reply(struct stream *x, guint n, enum iq_cond cond, const char *payload)
{
	struct fake_query *q = fake_stream_query(x, n);
	elem_auto iq = cond == COND_TIMEOUT || cond == COND_DISCONNECTED ? NULL : elem_new("iq", "jabber:client");

	if (iq)
		elem_set(iq, "type", cond == COND_OK ? "result" : "error");
	if (iq && payload)
		elem_adopt(iq, xml(payload));
	q->answered = TRUE;
	q->done(q->ctx, cond, iq);
}

G_GNUC_UNUSED static void fake_iq_init(struct iq *iq, const char *from, const char *type, const char *payload)
{
	memset(iq, 0, sizeof(*iq));
	iq->stanza = elem_new("iq", "jabber:client");
	elem_set(iq->stanza, "from", from);
	elem_set(iq->stanza, "type", type);
	elem_adopt(iq->stanza, xml(payload));
}

G_GNUC_UNUSED static void fake_iq_clear(struct iq *iq)
{
	elem_free(iq->stanza);
	elem_free(iq->answer);
}

/* ---- xmpp/stream.h ---- */

const char *stream_jid(const struct stream *x)
{
	return x->jid;
}

void stream_send(struct stream *x, struct elem *stanza)
{
	g_ptr_array_add(x->sent, stanza);
}

guint stream_query(struct stream *x, const char *to, const char *type, struct elem *payload, guint timeout_ms,
		   void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply), void *ctx)
{
	struct fake_query *q = g_new0(struct fake_query, 1);

	g_ptr_array_add(x->queries, q);
	q->handle = x->queries->len;
	q->timeout_ms = timeout_ms;
	q->to = g_strdup(to);
	q->type = g_strdup(type);
	q->payload = payload;
	q->done = done;
	q->ctx = ctx;
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
	return elem_attr(iq->stanza, "from");
}

const struct elem *iq_payload(const struct iq *iq)
{
	return elem_child(iq->stanza, NULL, NULL);
}

gboolean iq_is_set(const struct iq *iq)
{
	return g_strcmp0(elem_attr(iq->stanza, "type"), "set") == 0;
}

void iq_answer(struct iq *iq, enum iq_cond cond, struct elem *payload)
{
	iq->answers++;
	iq->cond = cond;
	elem_free(iq->answer);
	iq->answer = payload;
}

#endif
