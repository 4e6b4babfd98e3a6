#include "timeline.h"

#include <math.h>
#include <string.h>

#include "../types.h"

enum {
	MS = AUDIO_RATE / 1000,
	SLACK = TIMELINE_SLACK_MS * MS,
	STEP = TIMELINE_STEP_MS * MS,
	SETTLED = MS / 2,			/* a drift is made good when so little is left of it */
	LOOK_AHEAD_US = 200000,			/* of blocks that are asked where one of them belongs */
	PATIENCE_US = TIMELINE_PATIENCE_MS * 1000,
	PER_SAMPLE = 10 * MS,			/* so many samples become one more, or one less */
	MOST = AUDIO_RATE,			/* [samples] of silence made, or settled, in advance */
};

struct block {
	gint64 at_us;
	size_t n, used;
	gint16 pcm[];
};

struct side {
	GQueue blocks;			/* struct block *, not settled yet */
	GArray *settled;		/* gint16 */
	gint64 end;			/* [samples] on the line: up to there it is settled */
	gint16 last;
	int steering;			/* 1: it is being made longer; -1: shorter; 0: left as it is */
	size_t since;			/* [samples] since one was put in or taken out */
	gboolean placed;		/* the last block was put where it belongs: the next need not be just there */
};

struct timeline {
	struct side sides[TIMELINE_SIDES];
	gboolean begun, ended;
	gint64 start_us;
};

struct timeline *timeline_new(void)
{
	struct timeline *t = g_new0(struct timeline, 1);

	for (unsigned i = 0; i < TIMELINE_SIDES; i++) {
		g_queue_init(&t->sides[i].blocks);
		t->sides[i].settled = g_array_new(FALSE, FALSE, sizeof(gint16));
	}
	return t;
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < TIMELINE_SIDES; i++) {
		g_queue_clear_full(&t->sides[i].blocks, g_free);
		g_array_unref(t->sides[i].settled);
	}
	g_free(t);
}

void timeline_put(struct timeline *t, unsigned side, const gint16 *pcm, size_t n, gint64 at_us)
{
	struct block *b;

	if (!n)
		return;
	b = g_malloc(sizeof(*b) + n * sizeof(*pcm));
	b->at_us = at_us;
	b->n = n;
	b->used = 0;
	memcpy(b->pcm, pcm, n * sizeof(*pcm));
	g_queue_push_tail(&t->sides[side].blocks, b);
}

/* ---- where a block belongs ---- */

static gint64 place_of(const struct timeline *t, gint64 at_us)
{
	return (at_us - t->start_us) * MS / 1000;
}

/* [samples] that the next block lies behind its place, if it is put where the side ends. Each of those that follow is asked, too:
 * who is late for a moment is not late for good. */
static gint64 lag(const struct timeline *t, const struct side *s)
{
	const struct block *first = g_queue_peek_head((GQueue *)&s->blocks);
	gint64 end = s->end, least = G_MAXINT64;

	for (const GList *l = s->blocks.head; l; l = l->next) {
		const struct block *b = l->data;

		if (b->at_us - first->at_us > LOOK_AHEAD_US)
			break;
		least = MIN(least, place_of(t, b->at_us) + (gint64)b->used - end);
		end += (gint64)(b->n - b->used);
	}
	return least;
}

static void add_silence(struct side *s, gint64 n)
{
	guint len = s->settled->len;

	n = MIN(n, MOST);
	g_array_set_size(s->settled, len + (guint)n);
	memset(&g_array_index(s->settled, gint16, len), 0, (size_t)n * sizeof(gint16));
	s->end += n;
	s->last = 0;
}

/* ---- longer or shorter ---- */

/* The sample at I of the block at hand; the one before it is the last that was settled, those behind are the next block's. */
static float sample(const struct side *s, const struct block *b, gint64 i)
{
	const struct block *next = s->blocks.head->next ? s->blocks.head->next->data : NULL;

	i += (gint64)b->used;
	if (i < (gint64)b->used)
		return s->last;
	if (i < (gint64)b->n)
		return b->pcm[i];
	i -= (gint64)b->n;
	return next && i < (gint64)next->n ? next->pcm[i] : b->pcm[b->n - 1];
}

/* A cubic through four samples (Catmull-Rom). */
static gint16 between(const struct side *s, const struct block *b, double at)
{
	gint64 i = (gint64)at;
	float x = (float)(at - (double)i);
	float p0 = sample(s, b, i - 1), p1 = sample(s, b, i), p2 = sample(s, b, i + 1), p3 = sample(s, b, i + 2);
	float y = p1 + 0.5f * x * (p2 - p0 + x * (2 * p0 - 5 * p1 + 4 * p2 - p3 + x * (3 * (p1 - p2) + p3 - p0)));

	return (gint16)lrintf(CLAMP(y, -32768.0f, 32767.0f));
}

/* How many samples the block shall have more than it has. */
static int correction(struct side *s, gint64 behind, size_t n)
{
	int change;

	if (s->steering && behind * s->steering < SETTLED)
		s->steering = 0;
	if (!s->steering && ABS(behind) > SLACK)
		s->steering = behind > 0 ? 1 : -1;
	s->since = MIN(s->since + n, MAX(n, PER_SAMPLE));
	if (!s->steering || s->since < PER_SAMPLE)
		return 0;
	change = s->steering * (int)(s->since / PER_SAMPLE);
	s->since %= PER_SAMPLE;
	return change;
}

static void settle_block(struct side *s, gint64 behind)
{
	struct block *b = g_queue_peek_head(&s->blocks);
	size_t n = b->n - b->used, m = n + (size_t)correction(s, behind, n);

	if (m == n)
		g_array_append_vals(s->settled, b->pcm + b->used, (guint)n);
	for (size_t i = 0; m != n && i < m; i++) {
		gint16 y = between(s, b, (double)i * (double)n / (double)m);

		g_array_append_val(s->settled, y);
	}
	s->end += (gint64)m;
	s->last = b->pcm[b->n - 1];
	g_free(g_queue_pop_head(&s->blocks));
}

/* ---- settling ---- */

static void skip(struct side *s, gint64 n)
{
	struct block *b = g_queue_peek_head(&s->blocks);

	b->used += (size_t)MIN(n, (gint64)(b->n - b->used));
	if (b->used == b->n)
		g_free(g_queue_pop_head(&s->blocks));
}

static gboolean is_due(const struct timeline *t, const struct side *s, gint64 now_us)
{
	const struct block *b = g_queue_peek_head((GQueue *)&s->blocks);

	return b && s->settled->len < MOST && (t->ended || now_us - b->at_us >= LOOK_AHEAD_US);
}

static void settle_next(struct timeline *t, struct side *s)
{
	gint64 behind = lag(t, s), most = s->placed ? STEP : 0;

	s->placed = ABS(behind) <= most;
	if (behind > most)
		add_silence(s, behind);
	else if (behind < -most)
		skip(s, -behind);
	else
		settle_block(s, behind);
}

static void settle(struct timeline *t, struct side *s, gint64 now_us)
{
	gint64 missing;

	while (is_due(t, s, now_us))
		settle_next(t, s);
	missing = place_of(t, now_us - PATIENCE_US) - s->end;
	if (!t->ended && missing > 0 && s->settled->len < MOST) {
		add_silence(s, missing);
		s->placed = FALSE;
	}
}

/* Once both sides have had the time to tell of the first moment. */
static gboolean begin(struct timeline *t, gint64 now_us)
{
	gint64 first = G_MAXINT64;

	for (unsigned i = 0; i < TIMELINE_SIDES && !t->begun; i++) {
		const struct block *b = g_queue_peek_head(&t->sides[i].blocks);

		if (b)
			first = MIN(first, b->at_us);
	}
	if (first < G_MAXINT64 && (t->ended || now_us - first >= LOOK_AHEAD_US)) {
		t->begun = TRUE;
		t->start_us = first;
	}
	return t->begun;
}

/* Both sides end together. */
static void level_ends(struct timeline *t)
{
	for (unsigned i = 0; i < TIMELINE_SIDES; i++) {
		struct side *s = &t->sides[i];
		gint64 shorter = t->sides[!i].end - s->end;

		if (!s->blocks.length && shorter > 0)
			add_silence(s, shorter);
	}
}

size_t timeline_get(struct timeline *t, gint64 now_us, gint16 *sent, gint16 *heard, size_t room)
{
	gint16 *out[TIMELINE_SIDES] = {sent, heard};
	size_t n = room;

	if (!begin(t, now_us))
		return 0;
	for (unsigned i = 0; i < TIMELINE_SIDES; i++)
		settle(t, &t->sides[i], now_us);
	if (t->ended)
		level_ends(t);
	for (unsigned i = 0; i < TIMELINE_SIDES; i++)
		n = MIN(n, t->sides[i].settled->len);
	for (unsigned i = 0; i < TIMELINE_SIDES && n; i++) {
		memcpy(out[i], t->sides[i].settled->data, n * sizeof(gint16));
		g_array_remove_range(t->sides[i].settled, 0, (guint)n);
	}
	return n;
}

void timeline_end(struct timeline *t)
{
	t->ended = TRUE;
}
