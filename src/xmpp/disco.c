#include "disco.h"

#include <string.h>

#include "../text.h"
#include "resources.h"

#define NS_INFO  "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_CAPS  "http://jabber.org/protocol/caps"
#define NODE     "urn:jcall"

enum {
	MAX_HASHES = 1000,		/* one for each client and version of it in use */
	MAX_TOLD = 1000,		/* devices whose hash said nothing */
	MAX_ASKED = 10,
	TIMEOUT_MS = 5000,
	MAX_JID = 3071,			/* [bytes] RFC 7622 */
};

#define FEATURE_ICE_UDP "urn:xmpp:jingle:transports:ice-udp:1"
#define FEATURE_DTLS    "urn:xmpp:jingle:apps:dtls:0"
#define FEATURE_RAW_UDP "urn:xmpp:jingle:transports:raw-udp:1"

/* What this build can do (rules R1 and R2), in the order of i;octet that the hash wants. */
static const char *const features[] = {NS_CAPS, NS_INFO, "urn:ietf:rfc:5576", "urn:ietf:rfc:5888",
	"urn:xmpp:jingle-message:0", "urn:xmpp:jingle:1", FEATURE_DTLS, "urn:xmpp:jingle:apps:rtp:1",
	"urn:xmpp:jingle:apps:rtp:audio", "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0", FEATURE_ICE_UDP, FEATURE_RAW_UDP, "urn:xmpp:ping"};

struct question {			/* somebody waits for what one JID, or the best of several, can do */
	struct disco *d;
	guint handle;
	GPtrArray *asked;		/* struct asked *, not owned: OPEN of them */
	unsigned open, online, needed, best_can, all_can;
	char *best;
	int best_priority;
	guint64 best_seen;
	guint idle;
	void (*one)(void *ctx, enum iq_cond cond, unsigned can);
	void (*many)(void *ctx, const char *full_jid, unsigned can, unsigned online);
	void *ctx;
	enum iq_cond cond;
};

struct asked {				/* one JID, once, whoever wants to know it */
	struct disco *d;
	char *jid;
	guint query;
	gboolean by_node;		/* asked for the caps' node, not yet plainly */
	GPtrArray *waiting;		/* struct question *, not owned; without any it is withdrawn */
};

struct disco {
	struct stream *stream;
	struct resources *resources;	/* of others, that are online */
	GHashTable *hashes;		/* ver -> GUINT of enum disco_can, verified */
	GHashTable *told;		/* full JID -> GUINT of enum disco_can: what it answered when asked */
	GHashTable *questions;		/* handle -> struct question, not owned */
	GHashTable *asked;		/* full JID -> struct asked, under way */
	unsigned transports;		/* of ours */
	gboolean dtls;
	char *ver;
	guint last_handle;
};

static void asked_free(gpointer data);
static unsigned read_features(const struct elem *query);

/* ---- our own ---- */

static gboolean is_ours(const struct disco *d, const char *feature)
{
	unsigned flag = strcmp(feature, FEATURE_ICE_UDP) == 0 ? CAN_ICE_UDP : strcmp(feature, FEATURE_RAW_UDP) == 0 ? CAN_RAW_UDP : 0;

	if (strcmp(feature, FEATURE_DTLS) == 0)
		return d->dtls;
	return !flag || (d->transports & flag);
}

static struct elem *our_info(const struct disco *d)
{
	struct elem *query = elem_new("query", NS_INFO), *identity = elem_add(query, "identity", NULL);

	elem_set(identity, "category", "client");
	elem_set(identity, "type", "console");
	elem_set(identity, "name", "jcall");
	for (size_t i = 0; i < G_N_ELEMENTS(features); i++)
		if (is_ours(d, features[i]))
			elem_set(elem_add(query, "feature", NULL), "var", features[i]);
	return query;
}

struct disco *disco_new(struct stream *x)
{
	struct disco *d = g_new0(struct disco, 1);

	d->stream = x;
	d->resources = resources_new();
	d->hashes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	d->questions = g_hash_table_new(NULL, NULL);
	d->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	d->asked = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, asked_free);
	d->dtls = TRUE;
	disco_set_transports(d, CAN_ICE_UDP | CAN_RAW_UDP);
	return d;
}

/* Who shows our own hash need not be asked: it is another jcall. */
static void hash_anew(struct disco *d)
{
	elem_auto info = our_info(d);

	if (d->ver)
		g_hash_table_remove(d->hashes, d->ver);
	g_free(d->ver);
	d->ver = disco_hash(info);
	g_hash_table_replace(d->hashes, g_strdup(d->ver), GUINT_TO_POINTER(read_features(info)));
}

void disco_set_transports(struct disco *d, unsigned transports)
{
	d->transports = transports;
	hash_anew(d);
}

void disco_set_dtls(struct disco *d, gboolean dtls)
{
	d->dtls = dtls;
	hash_anew(d);
}

gboolean disco_fits(const struct disco *d, unsigned can, unsigned needed)
{
	return (can & needed) == needed && (can & d->transports);
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
	info = our_info(d);
	elem_set(info, "node", node);
	iq_answer(iq, COND_OK, info);
	return TRUE;
}

/* ---- others' presence ---- */

void disco_presence(struct disco *d, const struct elem *presence, gboolean of_contact)
{
	const char *from = elem_attr(presence, "from"), *type = elem_attr(presence, "type");
	const struct elem *c = elem_child(presence, "c", NS_CAPS);
	const char *priority = elem_text(elem_child(presence, "priority", NULL));
	struct resource *r;

	if (!from || strlen(from) > MAX_JID || !jid_resource(from) || g_strcmp0(from, stream_jid(d->stream)) == 0)
		return;
	g_hash_table_remove(d->told, from);		/* it may be another client by now */
	if (type) {
		if (strcmp(type, "unavailable") == 0)
			resources_remove(d->resources, from);
		return;
	}
	r = resources_see(d->resources, from, of_contact ? CIRCLE_CONTACTS : CIRCLE_OTHERS);
	if (c)			/* a server may leave out what has not changed (XEP-0115 "Caps Optimization") */
		resource_take_caps(r, c);
	r->priority = priority ? (int)CLAMP(g_ascii_strtoll(priority, NULL, 10), -128, 127) : 0;
}

void disco_reset(struct disco *d)
{
	resources_clear(d->resources);
	g_hash_table_remove_all(d->told);
}

unsigned disco_siblings(const struct disco *d)
{
	const char *us = stream_jid(d->stream);
	const GPtrArray *there = us ? resources_of(d->resources, us) : NULL;	/* never this one: see disco_presence */

	return there ? there->len : 0;
}

unsigned disco_online(struct disco *d, const char *bare_jid)
{
	const GPtrArray *there = resources_of(d->resources, bare_jid);

	return there ? there->len : 0;
}

/* ---- what they can do ---- */

static unsigned read_features(const struct elem *query)
{
	static const struct { const char *var; unsigned flag; } known[] = {
		{"urn:xmpp:jingle:1", CAN_JINGLE}, {FEATURE_ICE_UDP, CAN_ICE_UDP}, {FEATURE_RAW_UDP, CAN_RAW_UDP},
		{FEATURE_DTLS, CAN_DTLS}, {"urn:xmpp:jingle-message:0", CAN_JMI},
		{"urn:ietf:rfc:3264", CAN_FULL_OFFER}};
	gboolean rtp = FALSE, audio = FALSE;
	unsigned can = 0;

	for (const struct elem *e = elem_child(query, "feature", NULL); e; e = elem_next(e, "feature", NULL)) {
		const char *var = elem_attr(e, "var") ? elem_attr(e, "var") : "";

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

	stream_query_cancel(a->d->stream, a->query);
	g_ptr_array_unref(a->waiting);
	g_free(a->jid);
	g_free(a);
}

/* What only this question wanted to know is asked no more. */
static void question_free(struct question *q)
{
	for (guint i = 0; i < q->asked->len; i++) {
		struct asked *a = q->asked->pdata[i];

		if (g_ptr_array_remove(a->waiting, q) && !a->waiting->len && a->query)
			g_hash_table_remove(q->d->asked, a->jid);
	}
	g_hash_table_remove(q->d->questions, GUINT_TO_POINTER(q->handle));
	g_clear_handle_id(&q->idle, g_source_remove);
	g_ptr_array_unref(q->asked);
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
	struct resource *r = resources_find(q->d->resources, jid);
	int priority = r ? r->priority : 0;
	guint64 seen = r ? r->seen : 0;

	q->all_can |= can;
	if (!disco_fits(q->d, can, q->needed))
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
	struct resource *r = resources_find(d->resources, jid);
	g_autofree char *hash = NULL;

	if (!r || g_strcmp0(r->hash, "sha-1") != 0 || g_hash_table_size(d->hashes) >= MAX_HASHES ||
	    !disco_is_unambiguous(query))
		return;
	hash = disco_hash(query);
	if (g_strcmp0(hash, r->ver) == 0)
		g_hash_table_replace(d->hashes, g_steal_pointer(&hash), GUINT_TO_POINTER(can));
}

static void send_query(struct asked *a, const char *node);

/* Who hears it may ask and cancel what he likes. */
static void settle(struct asked *a, enum iq_cond cond, unsigned can)
{
	while (a->waiting->len) {
		struct question *q = g_ptr_array_steal_index(a->waiting, 0);

		g_ptr_array_remove_fast(q->asked, a);
		q->cond = cond;
		if (cond == COND_OK)
			learn(q, a->jid, can);
		if (--q->open == 0)
			finish(q);
	}
	g_hash_table_remove(a->d->asked, a->jid);
}

static void on_info(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct asked *a = ctx;
	struct disco *d = a->d;
	const struct elem *query = elem_child(reply, "query", NS_INFO);
	unsigned can = 0;

	a->query = 0;
	if (cond == COND_ITEM_NOT_FOUND && a->by_node) {	/* its caps have changed since, or it knows no nodes */
		send_query(a, NULL);
		return;
	}
	if (cond == COND_OK) {
		can = read_features(query);
		verify(d, a->jid, query, can);
		if (g_hash_table_size(d->told) >= MAX_TOLD)
			g_hash_table_remove_all(d->told);
		g_hash_table_replace(d->told, g_strdup(a->jid), GUINT_TO_POINTER(can));
	}
	settle(a, cond, can);
}

static void send_query(struct asked *a, const char *node)
{
	struct elem *query = elem_new("query", NS_INFO);

	elem_set(query, "node", node);
	a->by_node = node != NULL;
	a->query = stream_query(a->d->stream, a->jid, "get", query, TIMEOUT_MS, on_info, a);
}

static struct asked *begin_to_ask(struct disco *d, const char *jid, const struct resource *r)
{
	g_autofree char *node = r && r->ver ? g_strconcat(r->node, "#", r->ver, NULL) : NULL;
	struct asked *a = g_new0(struct asked, 1);

	a->d = d;
	a->jid = g_strdup(jid);
	a->waiting = g_ptr_array_new();
	g_hash_table_insert(d->asked, a->jid, a);
	send_query(a, node);
	return a;
}

static void ask(struct question *q, const char *jid)
{
	struct disco *d = q->d;
	struct resource *r = resources_find(d->resources, jid);
	gpointer known;
	struct asked *a;

	if (r && g_strcmp0(r->hash, "sha-1") == 0 && g_hash_table_lookup_extended(d->hashes, r->ver, NULL, &known)) {
		learn(q, jid, GPOINTER_TO_UINT(known));
		return;
	}
	a = g_hash_table_lookup(d->asked, jid);
	if (!a)
		a = begin_to_ask(d, jid, r);
	q->open++;
	g_ptr_array_add(q->asked, a);
	g_ptr_array_add(a->waiting, q);
}

unsigned disco_known(const struct disco *d, const char *full_jid)
{
	struct resource *r = resources_find(d->resources, full_jid);
	gpointer known;

	if (r && g_strcmp0(r->hash, "sha-1") == 0 && g_hash_table_lookup_extended(d->hashes, r->ver, NULL, &known))
		return GPOINTER_TO_UINT(known);
	return GPOINTER_TO_UINT(g_hash_table_lookup(d->told, full_jid));
}

static struct question *new_question(struct disco *d, void *ctx)
{
	struct question *q = g_new0(struct question, 1);

	q->d = d;
	q->handle = ++d->last_handle;
	q->ctx = ctx;
	q->cond = COND_OK;
	q->asked = g_ptr_array_new();
	g_hash_table_insert(d->questions, GUINT_TO_POINTER(q->handle), q);
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

/* The likeliest first: highest priority, then latest seen. */
static int by_rank(gconstpointer a, gconstpointer b)
{
	const struct resource *x = *(const struct resource *const *)a, *y = *(const struct resource *const *)b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->seen > y->seen ? -1 : 1;
}

guint disco_best(struct disco *d, const char *bare_jid, unsigned needed,
		 void (*done)(void *ctx, const char *full_jid, unsigned can, unsigned online), void *ctx)
{
	const GPtrArray *online = resources_of(d->resources, bare_jid);
	g_autoptr(GPtrArray) there = g_ptr_array_new();
	struct question *q = new_question(d, ctx);

	q->many = done;
	q->needed = needed;
	for (guint i = 0; online && i < online->len; i++)
		g_ptr_array_add(there, online->pdata[i]);
	g_ptr_array_sort(there, by_rank);
	q->online = there->len;
	for (guint n = 0; n < MIN(there->len, MAX_ASKED); n++)
		ask(q, ((const struct resource *)there->pdata[n])->jid);
	if (!q->open)
		q->idle = g_idle_add(finish_idle, q);
	return q->handle;
}

void disco_cancel(struct disco *d, guint handle)
{
	struct question *q = g_hash_table_lookup(d->questions, GUINT_TO_POINTER(handle));

	if (q)
		question_free(q);
}

void disco_free(struct disco *d)
{
	GList *open;

	if (!d)
		return;
	open = g_hash_table_get_values(d->questions);
	for (GList *l = open; l; l = l->next)
		question_free(l->data);
	g_list_free(open);
	g_hash_table_unref(d->questions);
	g_hash_table_unref(d->asked);
	resources_free(d->resources);
	g_hash_table_unref(d->hashes);
	g_hash_table_unref(d->told);
	g_free(d->ver);
	g_free(d);
}
