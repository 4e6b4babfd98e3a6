#include "past.h"

#include <string.h>

#include "../text.h"

struct note {
	enum jmi_kind kind;
	enum jingle_reason reason;
	gboolean ours, tie_break;
	char *id, *peer;		/* the other side, bare; NULL: from ourselves to ourselves */
	gint64 at_s;
};

struct call {
	const struct note *propose;	/* the first */
	gboolean taken, declined, busy, given_up;
};

struct past {
	char *us;
	GPtrArray *notes;		/* struct note * */
};

static void note_free(gpointer data)
{
	struct note *n = data;

	g_free(n->id);
	g_free(n->peer);
	g_free(n);
}

struct past *past_new(const char *our_bare_jid)
{
	struct past *p = g_new0(struct past, 1);

	p->us = jid_bare(our_bare_jid);
	p->notes = g_ptr_array_new_with_free_func(note_free);
	return p;
}

void past_free(struct past *p)
{
	if (!p)
		return;
	g_free(p->us);
	g_ptr_array_unref(p->notes);
	g_free(p);
}

static char *key_of(const char *jid)
{
	g_autofree char *bare = jid_bare(jid);

	return g_ascii_strdown(bare, -1);
}

void past_note(struct past *p, const char *from, const char *to, const struct jmi_msg *m, gint64 at_s)
{
	const char *sender = from ? from : p->us, *receiver = to ? to : p->us;
	gboolean ours = jid_same_bare(sender, p->us), to_us = jid_same_bare(receiver, p->us);
	const char *peer = ours ? receiver : sender;
	struct note *n;

	if (p->notes->len >= PAST_NOTES || (!ours && !to_us) || !jid_valid(peer) || (m->kind == JMI_PROPOSE && !m->audio))
		return;
	n = g_new0(struct note, 1);
	n->kind = m->kind;
	n->reason = m->reason;
	n->tie_break = m->tie_break;
	n->ours = ours;
	n->id = g_strdup(m->id);
	n->peer = ours && to_us ? NULL : key_of(peer);
	n->at_s = at_s;
	g_ptr_array_add(p->notes, n);
}

static gboolean opens(const struct note *n)
{
	return n->kind == JMI_PROPOSE && !n->ours;
}

gboolean past_is_open(const struct past *p, const char *id)
{
	for (guint i = 0; i < p->notes->len; i++) {
		const struct note *n = p->notes->pdata[i];

		if (opens(n) && strcmp(n->id, id) == 0)
			return TRUE;
	}
	return FALSE;
}

/* ---- what became of them ---- */

static gint by_time(gconstpointer a, gconstpointer b)
{
	const struct note *x = *(struct note *const *)a, *y = *(struct note *const *)b;

	return x->at_s < y->at_s ? -1 : x->at_s > y->at_s;
}

static struct call *find(GPtrArray *same_id, const char *peer)
{
	for (guint i = 0; same_id && i < same_id->len; i++) {
		struct call *c = same_id->pdata[i];

		if (strcmp(c->propose->peer, peer) == 0)
			return c;
	}
	return NULL;
}

/* The calls, oldest first; BY_ID: lists of those of the same id, which different people may have used. */
static GPtrArray *find_calls(struct past *p, GHashTable *by_id)
{
	GPtrArray *calls = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_sort(p->notes, by_time);
	for (guint i = 0; i < p->notes->len; i++) {
		const struct note *n = p->notes->pdata[i];
		GPtrArray *same = g_hash_table_lookup(by_id, n->id);
		struct call *c;

		if (!opens(n) || find(same, n->peer))
			continue;
		c = g_new0(struct call, 1);
		c->propose = n;
		g_ptr_array_add(calls, c);
		if (!same) {
			same = g_ptr_array_new();
			g_hash_table_insert(by_id, n->id, same);
		}
		g_ptr_array_add(same, c);
	}
	return calls;
}

/* A <finish/> of the caller ends a session, so somebody took the call, though not every archive has the messages that said so
 * (Dino does not ask for them to be stored). But where it gives a reason why there was no session, there was none. */
static gboolean ends_session(enum jingle_reason reason)
{
	switch (reason) {
	case REASON_BUSY:
	case REASON_CANCEL:
	case REASON_DECLINE:
	case REASON_EXPIRED:
	case REASON_GONE:
	case REASON_TIMEOUT:
		return FALSE;
	default:
		return TRUE;
	}
}

static void apply(struct call *c, const struct note *n)
{
	switch (n->kind) {
	case JMI_PROCEED:
	case JMI_ACCEPT:
		c->taken |= n->ours;
		break;
	case JMI_REJECT:
		if (n->ours && n->reason == REASON_BUSY && !n->tie_break)
			c->busy = TRUE;
		else
			c->declined |= n->ours;
		break;
	case JMI_RETRACT:
		c->given_up |= !n->ours;
		c->declined |= !n->ours && n->tie_break;	/* our own call to him went on instead */
		break;
	case JMI_FINISH:
		c->taken |= n->ours || ends_session(n->reason);
		c->given_up |= !n->ours;
		break;
	default:
		break;
	}
}

static void apply_all(const struct past *p, GHashTable *by_id)
{
	for (guint i = 0; i < p->notes->len; i++) {
		const struct note *n = p->notes->pdata[i];
		GPtrArray *same = g_hash_table_lookup(by_id, n->id);

		for (guint k = 0; same && k < same->len; k++) {
			struct call *c = same->pdata[k];

			/* What we tell our own devices (<accept/>, <reject/>) names no caller. */
			if (!n->peer || strcmp(n->peer, c->propose->peer) == 0)
				apply(c, n);
		}
	}
}

/* Two who called each other at once were in one call, and the second proposal was refused as busy. */
static gboolean was_talking_with(const struct past *p, const struct call *c)
{
	for (guint i = 0; i < p->notes->len; i++) {
		const struct note *n = p->notes->pdata[i];

		if (n->kind == JMI_PROCEED && n->peer && strcmp(n->peer, c->propose->peer) == 0 &&
		    ABS(n->at_s - c->propose->at_s) <= PAST_RINGS_S)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_decided(const struct call *c, gint64 now_s)
{
	return c->taken || c->declined || c->busy || c->given_up || now_s - c->propose->at_s >= PAST_RINGS_S;
}

static gboolean is_missed(const struct past *p, const struct call *c)
{
	return !c->taken && !c->declined && !(c->busy && was_talking_with(p, c));
}

/* Of the calls that are open all is kept, also what came before its proposal: pages come in any order. */
static void forget_decided(struct past *p, GHashTable *open_ids)
{
	for (guint i = p->notes->len; i-- > 0;) {
		const struct note *n = p->notes->pdata[i];

		if (!g_hash_table_contains(open_ids, n->id))
			g_ptr_array_remove_index(p->notes, i);
	}
}

static void list_free(gpointer data)
{
	g_ptr_array_unref(data);
}

gint64 past_settle(struct past *p, gint64 now_s, void (*missed)(void *ctx, const struct past_call *call), void *ctx)
{
	g_autoptr(GHashTable) by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, list_free);
	g_autoptr(GHashTable) open_ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) calls = find_calls(p, by_id);
	gint64 earliest = G_MAXINT64;

	apply_all(p, by_id);
	for (guint i = 0; i < calls->len; i++) {
		const struct call *c = calls->pdata[i];
		struct past_call out = {.peer = c->propose->peer, .id = c->propose->id, .at_s = c->propose->at_s, .busy = c->busy};

		if (!is_decided(c, now_s)) {
			g_hash_table_add(open_ids, g_strdup(c->propose->id));
			earliest = MIN(earliest, c->propose->at_s);
		} else if (is_missed(p, c)) {
			missed(ctx, &out);
		}
	}
	g_hash_table_remove_all(by_id);		/* its keys are about to go */
	forget_decided(p, open_ids);
	return earliest;
}
