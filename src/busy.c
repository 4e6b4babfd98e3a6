#include "busy.h"

#include <string.h>

#include "text.h"

enum { GRACE_MS = 1000 };		/* for <ringing/> of another device, which comes as a carbon */

struct waiting {
	struct busy *owner;
	char *id, *caller;
	guint timer;
};

struct busy {
	struct phone *phone;
	void (*refused)(void *ctx, const char *from, const char *id);
	void *ctx;
	GPtrArray *waiting;		/* struct waiting */
};

static void waiting_free(gpointer data)
{
	struct waiting *w = data;

	g_clear_handle_id(&w->timer, g_source_remove);
	g_free(w->id);
	g_free(w->caller);
	g_free(w);
}

struct busy *busy_new(struct phone *phone, void (*refused)(void *ctx, const char *from, const char *id), void *ctx)
{
	struct busy *b = g_new0(struct busy, 1);

	b->phone = phone;
	b->refused = refused;
	b->ctx = ctx;
	b->waiting = g_ptr_array_new_with_free_func(waiting_free);
	return b;
}

void busy_free(struct busy *b)
{
	if (!b)
		return;
	g_ptr_array_unref(b->waiting);
	g_free(b);
}

static void reject(struct busy *b, const char *caller, const char *id)
{
	struct jmi_ring *ring = jmi_ring_new(id, phone_jid(b->phone), caller, FALSE);

	phone_send_all(b->phone, jmi_ring_reject(ring, JC_BUSY));
	jmi_ring_free(ring);
	b->refused(b->ctx, caller, id);
}

static gboolean on_grace_over(gpointer data)
{
	struct waiting *w = data;
	struct busy *b = w->owner;

	w->timer = 0;
	if (phone_is_online(b->phone))
		reject(b, w->caller, w->id);
	g_ptr_array_remove_fast(b->waiting, w);
	return G_SOURCE_REMOVE;
}

void busy_propose(struct busy *b, const char *from, const char *id)
{
	struct waiting *w;

	if (!phone_may_know(b->phone, from) || !phone_may_refuse(b->phone))
		return;
	if (!disco_siblings(phone_disco(b->phone))) {
		reject(b, from, id);
		return;
	}
	w = g_new0(struct waiting, 1);
	w->owner = b;
	w->id = g_strdup(id);
	w->caller = g_strdup(from);
	w->timer = g_timeout_add(GRACE_MS, on_grace_over, w);
	g_ptr_array_add(b->waiting, w);
}

void busy_hear(struct busy *b, const char *from, const struct jmi_msg *m, gboolean ours)
{
	for (guint i = b->waiting->len; i-- > 0;) {
		struct waiting *w = b->waiting->pdata[i];

		if (m->kind != JMI_PROPOSE && strcmp(w->id, m->id) == 0 && (ours || jid_same_bare(from, w->caller)))
			g_ptr_array_remove_index_fast(b->waiting, i);
	}
}
