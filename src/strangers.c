#include "strangers.h"

#include "text.h"

enum { HOUR_MS = 3600 * 1000 };

struct ring {
	char *jid;			/* bare */
	gint64 at_ms;
};

struct strangers {
	GQueue rings;			/* struct ring *, of the last hour, the oldest first */
};

static void ring_free(gpointer data)
{
	struct ring *r = data;

	g_free(r->jid);
	g_free(r);
}

struct strangers *strangers_new(void)
{
	struct strangers *s = g_new0(struct strangers, 1);

	g_queue_init(&s->rings);
	return s;
}

void strangers_free(struct strangers *s)
{
	if (!s)
		return;
	g_queue_clear_full(&s->rings, ring_free);
	g_free(s);
}

static void forget_old(struct strangers *s, gint64 now_ms)
{
	struct ring *oldest;

	while ((oldest = g_queue_peek_head(&s->rings)) != NULL && now_ms - oldest->at_ms >= HOUR_MS)
		ring_free(g_queue_pop_head(&s->rings));
}

static guint count_of(const struct strangers *s, const char *jid)
{
	guint count = 0;

	for (const GList *l = s->rings.head; l; l = l->next)
		count += jid_same_bare(((const struct ring *)l->data)->jid, jid);
	return count;
}

gboolean strangers_may_ring(struct strangers *s, const char *jid, gint64 now_ms)
{
	struct ring *r;

	forget_old(s, now_ms);
	if (s->rings.length >= STRANGERS_PER_HOUR || count_of(s, jid) >= STRANGER_PER_HOUR)
		return FALSE;
	r = g_new(struct ring, 1);
	r->jid = jid_bare(jid);
	r->at_ms = now_ms;
	g_queue_push_tail(&s->rings, r);
	return TRUE;
}
