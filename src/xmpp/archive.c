#include "archive.h"

#include <string.h>

#include "../log.h"
#include "../random.h"
#include "../text.h"

#define NS_MAM "urn:xmpp:mam:2"
#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_FORM "jabber:x:data"
#define NS_INFO "http://jabber.org/protocol/disco#info"

enum { TIMEOUT_MS = 20000, MAX_PLACE = 1024 };

struct archive {
	struct stream *stream;
	struct archive_reader reader;
	gint64 since_s;
	guint query;			/* 0: nothing is asked */
	char *query_id;			/* of the question at hand; NULL: results are not awaited */
	char *before;			/* where the page at hand ends; NULL: the latest */
	unsigned messages, pages;
	gboolean leave_rooms;		/* the server can leave out what was said in rooms */
};

struct archive *archive_new(struct stream *x)
{
	struct archive *a = g_new0(struct archive, 1);

	a->stream = x;
	return a;
}

void archive_stop(struct archive *a)
{
	stream_query_cancel(a->stream, a->query);
	a->query = 0;
	g_clear_pointer(&a->query_id, g_free);
	g_clear_pointer(&a->before, g_free);
}

void archive_free(struct archive *a)
{
	if (!a)
		return;
	archive_stop(a);
	g_free(a);
}

gboolean archive_is_reading(const struct archive *a)
{
	return a->query != 0;
}

static void end(struct archive *a, enum archive_end how, enum iq_cond cond)
{
	archive_stop(a);
	a->reader.done(a->reader.ctx, how, cond);
}

/* ---- the results ---- */

/* Who sends us a message without a "from" is our own server, for our account (RFC 6120 8.1.2.1). */
static gboolean is_from_us(const struct archive *a, const struct elem *message)
{
	const char *from = elem_attr(message, "from");

	return !from || (!jid_resource(from) && jid_same_bare(from, stream_jid(a->stream)));
}

gboolean archive_message(struct archive *a, const struct elem *message)
{
	const struct elem *result = elem_child(message, "result", NS_MAM);
	const struct elem *forwarded = elem_child(result, "forwarded", "urn:xmpp:forward:0");
	const struct elem *inner = elem_child(forwarded, "message", NULL);
	const char *query_id = elem_attr(result, "queryid");
	gint64 at_s;

	if (!result)
		return FALSE;
	if (!a->query_id || g_strcmp0(query_id, a->query_id) != 0 || !is_from_us(a, message)) {
		log_info("archive", "a message that is not of our archive is ignored");
		return TRUE;
	}
	if (a->messages >= ARCHIVE_MAX)
		return TRUE;
	a->messages++;
	if (inner && text_stamp(elem_attr(elem_child(forwarded, "delay", "urn:xmpp:delay"), "stamp"), &at_s) &&
	    at_s >= a->since_s)
		a->reader.message(a->reader.ctx, inner, at_s);
	return TRUE;
}

/* ---- the questions ---- */

static void add_field(struct elem *form, const char *var, const char *type, const char *value)
{
	struct elem *field = elem_add(form, "field", NULL);

	elem_set(field, "var", var);
	elem_set(field, "type", type);
	elem_set_text(elem_add(field, "value", NULL), value);
}

static struct elem *write_query(const struct archive *a)
{
	struct elem *query = elem_new("query", NS_MAM), *form = elem_add(query, "x", NS_FORM), *set;
	g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(a->since_s);
	g_autofree char *start = g_date_time_format(since, "%Y-%m-%dT%H:%M:%SZ"), *max = g_strdup_printf("%d", ARCHIVE_PAGE);

	elem_set(query, "queryid", a->query_id);
	elem_set(form, "type", "submit");
	add_field(form, "FORM_TYPE", "hidden", NS_MAM);
	add_field(form, "start", NULL, start);
	if (a->leave_rooms)
		add_field(form, "include-groupchat", NULL, "false");
	set = elem_add(query, "set", NS_RSM);
	elem_set_text(elem_add(set, "before", NULL), a->before ? a->before : "");
	elem_set_text(elem_add(set, "max", NULL), max);
	return query;
}

static void ask_page(struct archive *a);

static void on_page(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct archive *a = ctx;
	const struct elem *fin = elem_child(reply, "fin", NS_MAM);
	const char *first = elem_text(elem_child(elem_child(fin, "set", NS_RSM), "first", NULL));
	const char *complete = elem_attr(fin, "complete");

	a->query = 0;
	if (cond != COND_OK || !fin) {
		end(a, ARCHIVE_FAILED, cond == COND_OK ? COND_BAD_REQUEST : cond);
	} else if (g_strcmp0(complete, "true") == 0 || g_strcmp0(complete, "1") == 0 || !first || !*first ||
		   g_strcmp0(first, a->before) == 0) {
		end(a, ARCHIVE_DONE, COND_OK);
	} else if (a->messages >= ARCHIVE_MAX || a->pages >= ARCHIVE_PAGES || strlen(first) > MAX_PLACE) {
		end(a, ARCHIVE_CUT, COND_OK);
	} else {
		g_free(a->before);
		a->before = g_strdup(first);
		ask_page(a);
	}
}

static void ask_page(struct archive *a)
{
	g_free(a->query_id);
	a->query_id = random_uuid();
	a->pages++;
	a->query = stream_query(a->stream, NULL, "set", write_query(a), TIMEOUT_MS, on_page, a);
}

static gboolean has_feature(const struct elem *info, const char *feature)
{
	const struct elem *f = elem_child(info, "feature", NULL);

	while (f && g_strcmp0(elem_attr(f, "var"), feature) != 0)
		f = elem_next(f, "feature", NULL);
	return f != NULL;
}

static void on_features(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct archive *a = ctx;
	const struct elem *info = elem_child(reply, "query", NS_INFO);

	a->query = 0;
	a->leave_rooms = has_feature(info, NS_MAM "#groupchat-field");
	if (cond != COND_OK)
		end(a, ARCHIVE_FAILED, cond);
	else if (!has_feature(info, NS_MAM))
		end(a, ARCHIVE_NONE, COND_OK);
	else
		ask_page(a);
}

void archive_read(struct archive *a, gint64 since_s, const struct archive_reader *reader)
{
	g_autofree char *us = jid_bare(stream_jid(a->stream));

	archive_stop(a);
	a->reader = *reader;
	a->since_s = MAX(since_s, 0);
	a->messages = a->pages = 0;
	a->query = stream_query(a->stream, us, "get", elem_new("query", NS_INFO), TIMEOUT_MS, on_features, a);
}
