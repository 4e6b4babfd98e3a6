#include "disco.h"

#include <string.h>

#include "../text.h"

#define NS_INFO  "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_CAPS  "http://jabber.org/protocol/caps"
#define NS_DATA  "jabber:x:data"
#define NODE     "urn:jcall"

enum { MAX_RESOURCES = 2000, MAX_HASHES = 200, MAX_ASKED = 10, TIMEOUT_MS = 5000, MAX_LISTED = 500 };

/* What this build can do (rules R1 and R2), in the order of i;octet that the hash wants. */
static const char *const features[] = {NS_CAPS, NS_INFO, "urn:xmpp:jingle-message:0", "urn:xmpp:jingle:1",
	"urn:xmpp:jingle:apps:dtls:0", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio",
	"urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:ping"};

struct resource {
	char *hash, *ver, *node;	/* of its caps; NULL: none */
	int priority;
	guint64 seen;
};

struct question {			/* somebody waits for what one JID, or the best of several, can do */
	struct disco *d;
	guint handle;
	char *bare;			/* NULL: one JID only */
	unsigned open, online, best_can, all_can;
	char *best;
	int best_priority;
	guint64 best_seen;
	guint idle;
	void (*one)(void *ctx, enum iq_cond cond, unsigned can);
	void (*many)(void *ctx, const char *full_jid, unsigned can, unsigned online);
	void *ctx;
	enum iq_cond cond;
	GPtrArray *asked;		/* struct asked */
};

struct asked {
	struct question *q;
	char *jid;
	guint query;
};

struct disco {
	struct stream *stream;
	GHashTable *resources;		/* full JID -> struct resource */
	GHashTable *hashes;		/* ver -> GUINT of enum disco_can, verified */
	GPtrArray *questions;
	char *ver;
	guint last_handle;
	guint64 clock;
};

static void resource_free(gpointer data)
{
	struct resource *r = data;

	g_free(r->hash);
	g_free(r->ver);
	g_free(r->node);
	g_free(r);
}

/* ---- our own ---- */

static struct elem *our_info(void)
{
	struct elem *query = elem_new("query", NS_INFO), *identity = elem_add(query, "identity", NULL);

	elem_set(identity, "category", "client");
	elem_set(identity, "type", "console");
	elem_set(identity, "name", "jcall");
	for (size_t i = 0; i < G_N_ELEMENTS(features); i++)
		elem_set(elem_add(query, "feature", NULL), "var", features[i]);
	return query;
}

struct disco *disco_new(struct stream *x)
{
	struct disco *d = g_new0(struct disco, 1);
	elem_auto info = our_info();

	d->stream = x;
	d->resources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, resource_free);
	d->hashes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	d->questions = g_ptr_array_new();
	d->ver = disco_hash(info);
	return d;
}

const char *disco_caps_hash(struct disco *d)
{
	return d->ver;
}

struct elem *disco_caps_elem(struct disco *d)
{
	struct elem *c = elem_new("c", NS_CAPS);

	elem_set(c, "hash", "sha-1");
	elem_set(c, "node", NODE);
	elem_set(c, "ver", d->ver);
	return c;
}

gboolean disco_iq(struct disco *d, struct iq *iq)
{
	const struct elem *query = iq_payload(iq);
	g_autofree char *caps_node = g_strconcat(NODE "#", d->ver, NULL);
	const char *node = elem_attr(query, "node");
	struct elem *info;

	if (iq_is_set(iq))
		return FALSE;
	if (elem_is(query, "query", NS_ITEMS)) {
		iq_answer(iq, node ? COND_ITEM_NOT_FOUND : COND_OK, node ? NULL : elem_new("query", NS_ITEMS));
		return TRUE;
	}
	if (!elem_is(query, "query", NS_INFO))
		return FALSE;
	if (node && strcmp(node, caps_node) != 0) {
		iq_answer(iq, COND_ITEM_NOT_FOUND, NULL);
		return TRUE;
	}
	info = our_info();
	elem_set(info, "node", node);
	iq_answer(iq, COND_OK, info);
	return TRUE;
}

/* ---- XEP-0115 5.1 ---- */

static int by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends the sorted strings, each with '<'; FALSE: two are the same. */
static gboolean append_sorted(GString *s, GPtrArray *list)
{
	g_ptr_array_sort(list, by_text);
	for (guint i = 0; i < list->len; i++) {
		if (i && strcmp(list->pdata[i], list->pdata[i - 1]) == 0)
			return FALSE;
		g_string_append_printf(s, "%s<", (const char *)list->pdata[i]);
	}
	return TRUE;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static char *field_text(const struct elem *field)
{
	g_autoptr(GPtrArray) values = g_ptr_array_new();
	GString *s = g_string_new(NULL);

	g_string_append_printf(s, "%s<", or_empty(elem_attr(field, "var")));
	for (const struct elem *v = elem_child(field, "value", NULL); v; v = elem_next(v, "value", NULL))
		g_ptr_array_add(values, (gpointer)elem_text(v));
	g_ptr_array_sort(values, by_text);
	for (guint i = 0; i < values->len; i++)
		g_string_append_printf(s, "%s<", (const char *)values->pdata[i]);
	return g_string_free(s, FALSE);
}

/* A form counts by its FORM_TYPE, if that is a hidden field. */
static char *form_text(const struct elem *form)
{
	g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
	const char *type = NULL;
	GString *s;

	for (const struct elem *f = elem_child(form, "field", NULL); f; f = elem_next(f, "field", NULL)) {
		if (g_strcmp0(elem_attr(f, "var"), "FORM_TYPE") == 0) {
			if (g_strcmp0(elem_attr(f, "type"), "hidden") == 0)
				type = elem_text(elem_child(f, "value", NULL));
		} else {
			g_ptr_array_add(fields, field_text(f));
		}
	}
	if (!type)
		return NULL;
	s = g_string_new(type);
	g_string_append_c(s, '<');
	g_ptr_array_sort(fields, by_text);
	for (guint i = 0; i < fields->len; i++)
		g_string_append(s, fields->pdata[i]);
	return g_string_free(s, FALSE);
}

char *disco_hash(const struct elem *query)
{
	g_autoptr(GPtrArray) identities = g_ptr_array_new_with_free_func(g_free), vars = g_ptr_array_new();
	g_autoptr(GPtrArray) forms = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) s = g_string_new(NULL);
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
	guint8 digest[20];
	gsize len = sizeof(digest);
	gboolean sound;

	for (const struct elem *e = elem_child(query, "identity", NULL); e; e = elem_next(e, "identity", NULL))
		g_ptr_array_add(identities, g_strdup_printf("%s/%s/%s/%s", or_empty(elem_attr(e, "category")),
			or_empty(elem_attr(e, "type")), or_empty(elem_attr(e, "lang")), or_empty(elem_attr(e, "name"))));
	for (const struct elem *e = elem_child(query, "feature", NULL); e; e = elem_next(e, "feature", NULL))
		g_ptr_array_add(vars, (gpointer)or_empty(elem_attr(e, "var")));
	for (const struct elem *e = elem_child(query, "x", NS_DATA); e; e = elem_next(e, "x", NS_DATA)) {
		char *text = form_text(e);

		if (text)
			g_ptr_array_add(forms, text);
	}
	if (identities->len > MAX_LISTED || vars->len > MAX_LISTED || forms->len > MAX_LISTED)
		return NULL;
	sound = append_sorted(s, identities) && append_sorted(s, vars);
	g_ptr_array_sort(forms, by_text);
	for (guint i = 0; i < forms->len; i++)
		g_string_append(s, forms->pdata[i]);
	g_checksum_update(sum, (const guchar *)s->str, (gssize)s->len);
	g_checksum_get_digest(sum, digest, &len);
	return sound ? g_base64_encode(digest, len) : NULL;
}

/* ---- others' presence ---- */

static void trim_resources(struct disco *d)
{
	GHashTableIter i;
	gpointer key;

	if (g_hash_table_size(d->resources) < MAX_RESOURCES)
		return;
	g_hash_table_iter_init(&i, d->resources);
	if (g_hash_table_iter_next(&i, &key, NULL))
		g_hash_table_iter_remove(&i);
}

void disco_presence(struct disco *d, const struct elem *presence)
{
	const char *from = elem_attr(presence, "from"), *type = elem_attr(presence, "type");
	const struct elem *c = elem_child(presence, "c", NS_CAPS);
	const char *priority = elem_text(elem_child(presence, "priority", NULL));
	struct resource *r;

	if (!from || !jid_resource(from) || strcmp(from, stream_jid(d->stream)) == 0)
		return;
	if (type) {
		if (strcmp(type, "unavailable") == 0)
			g_hash_table_remove(d->resources, from);
		return;
	}
	trim_resources(d);
	r = g_new0(struct resource, 1);
	r->hash = g_strdup(elem_attr(c, "hash"));
	r->ver = g_strdup(elem_attr(c, "ver"));
	r->node = g_strdup(elem_attr(c, "node"));
	r->priority = priority ? CLAMP((int)g_ascii_strtoll(priority, NULL, 10), -128, 127) : 0;
	r->seen = ++d->clock;
	g_hash_table_replace(d->resources, g_strdup(from), r);
}

void disco_reset(struct disco *d)
{
	g_hash_table_remove_all(d->resources);
}

unsigned disco_online(struct disco *d, const char *bare_jid)
{
	GHashTableIter i;
	gpointer key;
	unsigned n = 0;

	g_hash_table_iter_init(&i, d->resources);
	while (g_hash_table_iter_next(&i, &key, NULL))
		n += jid_same_bare(key, bare_jid) ? 1 : 0;
	return n;
}

/* ---- what they can do ---- */

static unsigned read_features(const struct elem *query)
{
	static const struct { const char *var; unsigned flag; } known[] = {
		{"urn:xmpp:jingle:1", CAN_JINGLE}, {"urn:xmpp:jingle:transports:ice-udp:1", CAN_ICE_UDP},
		{"urn:xmpp:jingle:apps:dtls:0", CAN_DTLS}, {"urn:xmpp:jingle-message:0", CAN_JMI},
		{"urn:xmpp:jingle:transports:raw-udp:1", CAN_RAW_UDP}, {"urn:ietf:rfc:3264", CAN_FULL_OFFER}};
	gboolean rtp = FALSE, audio = FALSE;
	unsigned can = 0;

	for (const struct elem *e = elem_child(query, "feature", NULL); e; e = elem_next(e, "feature", NULL)) {
		const char *var = or_empty(elem_attr(e, "var"));

		rtp = rtp || strcmp(var, "urn:xmpp:jingle:apps:rtp:1") == 0;
		audio = audio || strcmp(var, "urn:xmpp:jingle:apps:rtp:audio") == 0;
		for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
			if (strcmp(var, known[i].var) == 0)
				can |= known[i].flag;
	}
	return rtp && audio ? can | CAN_RTP_AUDIO : can;
}

static void asked_free(gpointer data)
{
	struct asked *a = data;

	stream_query_cancel(a->q->d->stream, a->query);
	g_free(a->jid);
	g_free(a);
}

static void question_free(struct question *q)
{
	g_ptr_array_remove_fast(q->d->questions, q);
	if (q->idle)
		g_source_remove(q->idle);
	g_ptr_array_unref(q->asked);
	g_free(q->bare);
	g_free(q->best);
	g_free(q);
}

static void finish(struct question *q)
{
	struct question last = *q;
	g_autofree char *best = g_strdup(q->best);

	question_free(q);
	if (last.one)
		last.one(last.ctx, last.cond, last.all_can);
	else
		last.many(last.ctx, best, best ? last.best_can : last.all_can, last.online);
}

static gboolean finish_idle(gpointer data)
{
	struct question *q = data;

	q->idle = 0;
	finish(q);
	return G_SOURCE_REMOVE;
}

static void learn(struct question *q, const char *jid, unsigned can)
{
	struct resource *r = g_hash_table_lookup(q->d->resources, jid);
	int priority = r ? r->priority : 0;
	guint64 seen = r ? r->seen : 0;

	q->all_can |= can;
	if ((can & CAN_CALL) != CAN_CALL)
		return;
	if (q->best && (priority < q->best_priority || (priority == q->best_priority && seen < q->best_seen)))
		return;
	g_free(q->best);
	q->best = g_strdup(jid);
	q->best_can = can;
	q->best_priority = priority;
	q->best_seen = seen;
}

/* A hash that fits what its owner lists may be believed of everybody who shows it; any other only says something of him. */
static void verify(struct disco *d, const char *jid, const struct elem *query, unsigned can)
{
	struct resource *r = g_hash_table_lookup(d->resources, jid);
	g_autofree char *hash = NULL;

	if (!r || !r->ver || g_strcmp0(r->hash, "sha-1") != 0)
		return;
	hash = disco_hash(query);
	if (g_strcmp0(hash, r->ver) == 0 && g_hash_table_size(d->hashes) < MAX_HASHES)
		g_hash_table_replace(d->hashes, g_steal_pointer(&hash), GUINT_TO_POINTER(can));
}

static void on_info(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct asked *a = ctx;
	struct question *q = a->q;
	const struct elem *query = elem_child(reply, "query", NS_INFO);

	a->query = 0;
	q->cond = cond;
	if (cond == COND_OK) {
		unsigned can = read_features(query);

		verify(q->d, a->jid, query, can);
		learn(q, a->jid, can);
	}
	if (--q->open == 0)
		finish(q);
}

static void ask(struct question *q, const char *jid)
{
	struct disco *d = q->d;
	struct resource *r = g_hash_table_lookup(d->resources, jid);
	gpointer known;
	struct asked *a;

	if (r && r->ver && g_hash_table_lookup_extended(d->hashes, r->ver, NULL, &known)) {
		learn(q, jid, GPOINTER_TO_UINT(known));
		return;
	}
	a = g_new0(struct asked, 1);
	a->q = q;
	a->jid = g_strdup(jid);
	q->open++;
	g_ptr_array_add(q->asked, a);
	a->query = stream_query(d->stream, jid, "get", elem_new("query", NS_INFO), TIMEOUT_MS, on_info, a);
}

static struct question *new_question(struct disco *d, void *ctx)
{
	struct question *q = g_new0(struct question, 1);

	q->d = d;
	q->handle = ++d->last_handle;
	q->ctx = ctx;
	q->cond = COND_OK;
	q->asked = g_ptr_array_new_with_free_func(asked_free);
	g_ptr_array_add(d->questions, q);
	return q;
}

guint disco_query(struct disco *d, const char *full_jid,
		  void (*done)(void *ctx, enum iq_cond cond, unsigned can), void *ctx)
{
	struct question *q = new_question(d, ctx);

	q->one = done;
	ask(q, full_jid);
	if (!q->open)
		q->idle = g_idle_add(finish_idle, q);
	return q->handle;
}

guint disco_best(struct disco *d, const char *bare_jid,
		 void (*done)(void *ctx, const char *full_jid, unsigned can, unsigned online), void *ctx)
{
	struct question *q = new_question(d, ctx);
	GHashTableIter i;
	gpointer key;

	q->many = done;
	q->bare = g_strdup(bare_jid);
	g_hash_table_iter_init(&i, d->resources);
	while (g_hash_table_iter_next(&i, &key, NULL))
		if (jid_same_bare(key, bare_jid) && q->online++ < MAX_ASKED)
			ask(q, key);
	if (!q->open)
		q->idle = g_idle_add(finish_idle, q);
	return q->handle;
}

void disco_cancel(struct disco *d, guint handle)
{
	for (guint i = 0; i < d->questions->len; i++) {
		struct question *q = d->questions->pdata[i];

		if (q->handle == handle) {
			question_free(q);
			return;
		}
	}
}

void disco_free(struct disco *d)
{
	if (!d)
		return;
	while (d->questions->len)
		question_free(d->questions->pdata[0]);
	g_ptr_array_unref(d->questions);
	g_hash_table_unref(d->resources);
	g_hash_table_unref(d->hashes);
	g_free(d->ver);
	g_free(d);
}
