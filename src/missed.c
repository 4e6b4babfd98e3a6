#include "missed.h"

#include <string.h>

#include "log.h"
#include "text.h"

enum {
	OVERLAP_S = 300,		/* [s] read once more: what belongs to one call may have been archived on both sides */
	LATE_MS = 2000,			/* messages kept for us come in a burst */
	LATE_MAX = 200,			/* proposals that come late are counted, after each login */
	TOLD_MAX = 500,
	MINE_MAX = 8,
	TELL_LINES = 20,		/* callers named at once */
};

struct missed {
	struct phone *phone;
	struct keeper *keeper;
	GPtrArray *tasks;		/* struct task *: what the keeper still has of us */
	struct missed_events ev;
	gboolean all;
	char *path;
	struct past *past;
	char *us;			/* bare */
	GPtrArray *told;		/* char *, "peer id" of what this process has told; the oldest first */
	GPtrArray *mine;		/* and of the calls it has dealt with lately */
	gboolean warned;		/* that the list cannot be kept */
	gint64 newest_s;		/* of what was read now */
	gint64 until_s;			/* up to when this process has read the archive; 0: not yet */
	guint timer, late;
	gint64 timer_ms;		/* when it is due */
	GPtrArray *found;		/* while settling: struct call_entry * */
};

/* ---- settling: what is missed, and not told yet ---- */

static gboolean is_in(const GPtrArray *keys, const char *peer, const char *id)
{
	g_autofree char *key = g_strdup_printf("%s %s", peer, id);

	return g_ptr_array_find_with_equal_func((GPtrArray *)keys, key, g_str_equal, NULL);
}

static gboolean is_told(const struct missed *m, const char *peer, const char *id)
{
	return is_in(m->told, peer, id) || is_in(m->mine, peer, id);
}

static void remember(GPtrArray *keys, guint most, const char *peer, const char *id)
{
	g_autofree char *bare = jid_bare(peer), *lower = g_ascii_strdown(bare, -1);

	if (keys->len >= most)
		g_ptr_array_remove_index(keys, 0);
	g_ptr_array_add(keys, g_strdup_printf("%s %s", lower, id));
}

void missed_leave(struct missed *m, const char *peer, const char *id)
{
	remember(m->mine, MINE_MAX, peer, id);
}

static void on_missed(void *ctx, const struct past_call *call)
{
	struct missed *m = ctx;
	struct call_entry *e;

	if (is_told(m, call->peer, call->id))
		return;
	e = g_new0(struct call_entry, 1);
	e->at_s = call->at_s;
	e->incoming = TRUE;
	e->stranger = !phone_may_know(m->phone, call->peer);
	e->outcome = call->busy ? JC_BUSY : JC_NO_ANSWER;
	e->peer = g_strdup(call->peer);
	e->id = g_strdup(call->id);
	g_ptr_array_add(m->found, e);
}

/* What the keeper does for us, which may wait for the disk, and what comes of it. */
struct task {
	struct missed *owner;		/* NULL: gone meanwhile */
	char *path;
	gboolean all;
	GPtrArray *found;		/* struct call_entry *: new for the list */
	GPtrArray *known;		/* char *, "peer id": not to be told, whatever the list says */
	gint64 until_s;			/* up to when the archive has been read; 0: unknown. Of a look-up the answer */
	GPtrArray *calls;		/* the answer: struct call_entry *, to be told */
	GError *error;			/* the list cannot be read or written */
	gboolean is_end;		/* of a reading of the archive */
	GError *read_error;		/* why that one failed */
};

static void free_task(struct task *t)
{
	if (t->owner)
		g_ptr_array_remove_fast(t->owner->tasks, t);
	g_clear_pointer(&t->found, g_ptr_array_unref);
	g_clear_pointer(&t->known, g_ptr_array_unref);
	g_clear_pointer(&t->calls, g_ptr_array_unref);
	g_clear_error(&t->error);
	g_clear_error(&t->read_error);
	g_free(t->path);
	g_free(t);
}

static struct task *new_task(struct missed *m)
{
	struct task *t = g_new0(struct task, 1);

	t->owner = m;
	t->path = g_strdup(m->path);
	t->all = m->all;
	g_ptr_array_add(m->tasks, t);
	return t;
}

static struct call_entry *copy_entry(const struct call_entry *e)
{
	struct call_entry *copy = g_new(struct call_entry, 1);

	*copy = *e;
	copy->peer = g_strdup(e->peer);
	copy->id = g_strdup(e->id);
	return copy;
}

/* What of ENTRIES was missed and is to be told. LOG NULL: they are not of a list. */
static void choose(struct task *t, GPtrArray *entries, struct calllog *log)
{
	for (guint i = 0; i < entries->len; i++) {
		struct call_entry *e = entries->pdata[i];

		if (!call_entry_is_missed(e) || (!t->all && (e->shown || is_in(t->known, e->peer, e->id))))
			continue;
		g_ptr_array_add(t->calls, copy_entry(e));
		if (log)
			calllog_show(log, e);
	}
}

/* In the keeper's thread. Without a list that can be kept they are told all the same, once in this process. */
static void merge(void *data)
{
	struct task *t = data;
	struct calllog *log = calllog_open(t->path, &t->error);

	t->calls = g_ptr_array_new_with_free_func(call_entry_free);
	if (!log) {
		choose(t, t->found, NULL);
		return;
	}
	for (guint i = 0; i < t->found->len; i++)
		calllog_add(log, t->found->pdata[i]);
	if (t->until_s > calllog_until(log))
		calllog_set_until(log, t->until_s);
	choose(t, calllog_entries(log), log);
	calllog_close(log, &t->error);
}

static void tell(struct missed *m, const GPtrArray *calls)
{
	for (guint i = 0; i < calls->len; i++) {
		const struct call_entry *e = calls->pdata[i];

		remember(m->told, TOLD_MAX, e->peer, e->id);
	}
	if (calls->len)
		m->ev.calls(m->ev.ctx, calls);
}

static void warn_once(struct missed *m, const GError *error)
{
	if (!m->warned)
		log_warn("missed", "%s", error->message);
	m->warned = TRUE;
}

static void on_merged(void *data)
{
	struct task *t = data;
	struct missed *m = t->owner;

	if (m)
		tell(m, t->calls);
	if (m && t->is_end)
		m->ev.done(m->ev.ctx, t->read_error ? t->read_error : t->error);
	else if (m && t->error)
		warn_once(m, t->error);
	free_task(t);
}

static void settle_in(struct missed *m, gint64 ms);

static void copy_keys(GPtrArray *to, const GPtrArray *from)
{
	for (guint i = 0; i < from->len; i++)
		g_ptr_array_add(to, g_strdup(from->pdata[i]));
}

/* What is decided by now, to be put into the list, and told where it is new. The caller hands the task to have_merged. */
static struct task *settle(struct missed *m, gboolean was_read)
{
	struct task *t = new_task(m);
	gint64 now = clock_s(), open;

	t->found = g_ptr_array_new_with_free_func(call_entry_free);
	m->found = t->found;
	open = past_settle(m->past, now, on_missed, m);
	m->found = NULL;
	if (open != G_MAXINT64)			/* decided by what is heard of them, or by then */
		settle_in(m, (open + PAST_RINGS_S + 1 - now) * 1000);
	if (was_read)
		m->until_s = MAX(m->until_s, MIN(MIN(m->newest_s, now), open));
	t->until_s = was_read ? m->until_s : 0;
	t->known = g_ptr_array_new_with_free_func(g_free);
	copy_keys(t->known, m->told);
	copy_keys(t->known, m->mine);
	return t;
}

static void have_merged(struct missed *m, struct task *t)
{
	keeper_do(m->keeper, "list of calls", merge, on_merged, t);
}

static gboolean on_timer(gpointer data)
{
	struct missed *m = data;

	m->timer = 0;
	if (!archive_is_reading(phone_archive(m->phone)))
		have_merged(m, settle(m, FALSE));
	return G_SOURCE_REMOVE;
}

static void settle_in(struct missed *m, gint64 ms)
{
	gint64 due = clock_ms() + ms;

	if (m->timer && m->timer_ms <= due)
		return;
	g_clear_handle_id(&m->timer, g_source_remove);
	m->timer_ms = due;
	m->timer = g_timeout_add((guint)ms, on_timer, m);
}

/* ---- the archive ---- */

static void on_message(void *ctx, const struct elem *message, gint64 at_s)
{
	struct missed *m = ctx;
	struct jmi_msg jmi;

	m->newest_s = MAX(m->newest_s, at_s);
	if (jmi_read(message, &jmi))
		past_note(m->past, elem_attr(message, "from"), elem_attr(message, "to"), &jmi, MIN(at_s, clock_s()));
}

static GError *read_fault(const struct missed *m, enum archive_end end, enum iq_cond cond)
{
	if (end == ARCHIVE_NONE)
		return g_error_new(JC_ERROR, JC_NO_ARCHIVE, "the server of %s keeps no archive of messages (XEP-0313), so calls missed "
				   "while nobody is logged in cannot be found", phone_jid(m->phone));
	if (end == ARCHIVE_FAILED)
		return g_error_new(JC_ERROR, JC_SERVER, "the archive of %s cannot be read: %s", phone_jid(m->phone), cond_words(cond));
	return NULL;
}

static void on_read(void *ctx, enum archive_end end, enum iq_cond cond)
{
	struct missed *m = ctx;
	struct task *t = settle(m, end == ARCHIVE_DONE || end == ARCHIVE_CUT);

	t->is_end = TRUE;
	t->read_error = read_fault(m, end, cond);
	m->all = FALSE;				/* asked for once, told once */
	if (end == ARCHIVE_CUT)
		log_info("missed", "only the latest %d messages of the archive were looked at", ARCHIVE_MAX);
	have_merged(m, t);
}

/* In the keeper's thread: up to when has the archive been read, by this process or one before? */
static void look_up(void *data)
{
	struct task *t = data;
	struct calllog *log = calllog_open(t->path, NULL);

	if (!log)
		return;
	t->until_s = calllog_until(log);
	calllog_close(log, NULL);
}

/* Nothing but the calls of the last time is known of an archive that was read before. */
static void on_looked_up(void *data)
{
	struct task *t = data;
	struct missed *m = t->owner;
	gint64 now = clock_s(), until = m ? MAX(m->until_s, t->until_s) : 0;
	struct archive_reader reader = {.message = on_message, .done = on_read, .ctx = m};

	if (m)
		archive_read(phone_archive(m->phone), until ? MIN(until, now) - OVERLAP_S : now - MISSED_FIRST_S, &reader);
	free_task(t);
}

void missed_catch_up(struct missed *m)
{
	m->newest_s = 0;
	m->late = 0;
	keeper_do(m->keeper, "list of calls", look_up, on_looked_up, new_task(m));
}

/* ---- what comes in, and what this process does ---- */

void missed_hear(struct missed *m, const struct elem *message, const char *from, const struct jmi_msg *jmi)
{
	gint64 now = clock_s();
	gboolean sent;
	const struct elem *inner = jmi_unwrap_carbon(message, m->us, &sent);

	if (!jmi_is_old(message, now) && (jmi->kind == JMI_PROPOSE || !past_is_open(m->past, jmi->id)))
		return;
	/* Anybody can say that his message is late: whoever does so in masses is found in the archive, the next time. */
	if (jmi->kind == JMI_PROPOSE && ++m->late > LATE_MAX)
		return;
	past_note(m->past, from, elem_attr(inner ? inner : message, "to"), jmi, jmi_sent_at(message, now));
	settle_in(m, LATE_MS);
}

void missed_keep(struct missed *m, const struct call_entry *e)
{
	calllog_keep_by(m->keeper, m->path, e);
	if (call_entry_is_missed(e) && !e->shown)
		settle_in(m, 0);
}

struct missed *missed_new(struct phone *phone, struct keeper *keeper, const char *jid, gboolean all, const struct missed_events *events)
{
	struct missed *m = g_new0(struct missed, 1);

	m->phone = phone;
	m->keeper = keeper;
	m->tasks = g_ptr_array_new();
	m->ev = *events;
	m->all = all;
	m->us = jid_bare(jid);
	m->path = calllog_path(jid);
	m->past = past_new(jid);
	m->told = g_ptr_array_new_with_free_func(g_free);
	m->mine = g_ptr_array_new_with_free_func(g_free);
	return m;
}

void missed_free(struct missed *m)
{
	if (!m)
		return;
	g_clear_handle_id(&m->timer, g_source_remove);
	archive_stop(phone_archive(m->phone));
	for (guint i = 0; i < m->tasks->len; i++)
		((struct task *)m->tasks->pdata[i])->owner = NULL;
	g_ptr_array_unref(m->tasks);
	past_free(m->past);
	g_ptr_array_unref(m->told);
	g_ptr_array_unref(m->mine);
	g_free(m->us);
	g_free(m->path);
	g_free(m);
}

/* ---- words ---- */

static char *ago(gint64 seconds)
{
	if (seconds < 60)
		return g_strdup("just now");
	if (seconds < 3600)
		return g_strdup_printf("%d min ago", (int)(seconds / 60));
	if (seconds < 2 * 24 * 3600)
		return g_strdup_printf("%d h ago", (int)(seconds / 3600));
	return g_strdup_printf("%d days ago", (int)(seconds / (24 * 3600)));
}

char *missed_words(const char *peer, guint count, gint64 at_s, gint64 now_s)
{
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_local(at_s), now = g_date_time_new_from_unix_local(now_s);
	g_autofree char *clean = text_clean(peer, TEXT_SHORT), *past = ago(MAX(now_s - at_s, 0)), *day = NULL, *today = NULL, *time = NULL;

	day = g_date_time_format(at, "%Y-%m-%d");
	today = g_date_time_format(now, "%Y-%m-%d");
	time = g_date_time_format(at, strcmp(day, today) == 0 ? "at %H:%M" : "on %Y-%m-%d at %H:%M");
	if (count == 1)
		return g_strdup_printf("Missed a call from %s %s (%s)", clean, time, past);
	return g_strdup_printf("Missed %u calls from %s, the last %s (%s)", count, clean, time, past);
}

/* The line of the caller whose last call CALLS[LAST] is; 0: a later one of his follows. */
static guint calls_up_to(const GPtrArray *calls, guint last)
{
	const struct call_entry *e = calls->pdata[last];
	guint count = 0;

	for (guint i = 0; i < calls->len; i++) {
		const struct call_entry *other = calls->pdata[i];

		if (strcmp(other->peer, e->peer) != 0)
			continue;
		if (i > last)
			return 0;
		count++;
	}
	return count;
}

void missed_tell(struct ui *ui, const struct roster *roster, const GPtrArray *calls)
{
	guint lines = 0, callers = 0;

	for (guint i = 0; i < calls->len; i++) {
		const struct call_entry *e = calls->pdata[i];
		const char *name = roster_name(roster, e->peer);
		g_autofree char *shown = text_clean(e->peer, TEXT_SHORT), *clean = text_clean(name, TEXT_SHORT);

		ui_event(ui, "missed", "peer", "s", shown, "name", "s", name ? clean : NULL, "at", "i", e->at_s,
			 "reason", "s", jc_symbol(e->outcome), NULL);
		callers += calls_up_to(calls, i) > 0;
	}
	for (guint i = 0; i < calls->len; i++) {
		const struct call_entry *e = calls->pdata[i];
		guint count = calls_up_to(calls, i);
		const char *name = roster_name(roster, e->peer);
		g_autofree char *who = name ? g_strdup_printf("%s (%s)", name, e->peer) : g_strdup(e->peer);
		g_autofree char *words = count ? missed_words(who, count, e->at_s, clock_s()) : NULL;

		if (count && ++lines + TELL_LINES > callers)	/* of many the latest */
			ui_say(ui, "%s", words);
	}
	if (callers > TELL_LINES)
		ui_say(ui, "These are the latest; 'jcall history --missed --all' shows all");
}
