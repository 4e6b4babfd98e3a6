#include "iceudp.h"

#include <string.h>

#include "../text.h"
#include "addr.h"

enum { MAX_LOCAL = 40 };

struct iceudp {
	gboolean loopback;
	struct ice_creds local, remote;
	GQueue ours;			/* struct ice_cand *: not told yet */
	GQueue theirs;			/* struct ice_cand *: not handed on yet */
	GPtrArray *known;		/* char *: "ip port" of every candidate taken in this generation */
	unsigned told, skipped;		/* told: in this generation */
	gboolean creds_told, remote_news, done_news;
	gboolean just_asked;		/* what was written last is a restart of ours */
	gboolean asked;			/* the peer has restarted ICE; our new credentials will answer that */
	enum { QUIET, TO_ASK, ASKED } restart;	/* one of our own: to be told, told and not yet answered */
};

struct iceudp *iceudp_new(void)
{
	struct iceudp *t = g_new0(struct iceudp, 1);

	g_queue_init(&t->ours);
	g_queue_init(&t->theirs);
	t->known = g_ptr_array_new_with_free_func(g_free);
	return t;
}

void iceudp_free(struct iceudp *t)
{
	if (!t)
		return;
	g_queue_clear_full(&t->ours, g_free);
	g_queue_clear_full(&t->theirs, g_free);
	g_ptr_array_unref(t->known);
	explicit_bzero(&t->local, sizeof(t->local));
	g_free(t);
}

void iceudp_allow_loopback(struct iceudp *t, gboolean allow)
{
	t->loopback = allow;
}

/* ---- ours ---- */

void iceudp_local_creds(struct iceudp *t, const struct ice_creds *creds)
{
	if (strcmp(t->local.ufrag, creds->ufrag) == 0 && strcmp(t->local.pwd, creds->pwd) == 0)
		return;
	if (t->creds_told && !t->asked)
		t->restart = TO_ASK;
	t->asked = FALSE;
	t->local = *creds;
	t->creds_told = FALSE;
	g_queue_clear_full(&t->ours, g_free);
	t->told = 0;
}

void iceudp_local_cand(struct iceudp *t, const struct ice_cand *cand)
{
	if (t->told + t->ours.length < MAX_LOCAL)
		g_queue_push_tail(&t->ours, g_memdup2(cand, sizeof(*cand)));
}

gboolean iceudp_owes_answer(const struct iceudp *t)
{
	return t->asked;
}

gboolean iceudp_has_news(const struct iceudp *t)
{
	return t->local.ufrag[0] && (t->ours.length > 0 || t->restart == TO_ASK);
}

static const char *const types[] = {[ICE_HOST] = "host", [ICE_SRFLX] = "srflx", [ICE_PRFLX] = "prflx",
				    [ICE_RELAY] = "relay"};

/* Rule R21: every attribute, always; chan_motif hangs up on a missing one, libpurple crashes. */
struct elem *iceudp_cand_write(const struct ice_cand *cand)
{
	struct elem *e = elem_new("candidate", NS_ICE_UDP);

	elem_setf(e, "component", "%u", cand->component);
	elem_set(e, "foundation", cand->foundation);
	elem_setf(e, "generation", "%u", cand->generation);
	elem_set(e, "id", cand->id);
	elem_set(e, "ip", cand->ip);
	elem_setf(e, "network", "%u", cand->network);
	elem_setf(e, "port", "%u", cand->port);
	elem_setf(e, "priority", "%u", cand->priority);
	elem_set(e, "protocol", "udp");
	elem_set(e, "type", types[cand->type]);
	if (cand->type != ICE_HOST && cand->rel_ip[0]) {
		elem_set(e, "rel-addr", cand->rel_ip);
		elem_setf(e, "rel-port", "%u", cand->rel_port);
	}
	return e;
}

static void adopt_next(struct iceudp *t, struct elem *transport)
{
	struct ice_cand *cand = g_queue_pop_head(&t->ours);

	if (!cand)
		return;
	elem_adopt(transport, iceudp_cand_write(cand));
	g_free(cand);
	t->told++;
}

/* The offer and the accept carry all we know; after them one candidate goes per transport-info, each with the same
 * credentials (rule R22: Monal reads only the first, and refuses one without pwd). Rule R23: new credentials alone ask for
 * an ICE restart, with a candidate they answer one. */
static struct elem *write_transport(void *self, enum jingle_action action)
{
	struct iceudp *t = self;
	gboolean whole = action == JINGLE_SESSION_INITIATE || action == JINGLE_SESSION_ACCEPT;
	struct elem *transport;

	t->just_asked = FALSE;
	if (!whole && !iceudp_has_news(t))
		return NULL;
	transport = elem_new("transport", NS_ICE_UDP);
	if (t->local.ufrag[0]) {
		elem_set(transport, "ufrag", t->local.ufrag);
		elem_set(transport, "pwd", t->local.pwd);
		t->creds_told = TRUE;
	}
	if (!whole && t->restart == TO_ASK) {
		t->restart = ASKED;
		t->just_asked = TRUE;
		return transport;
	}
	do
		adopt_next(t, transport);
	while (whole && t->ours.length > 0);
	return transport;
}

/* ---- theirs ---- */

static gboolean copy_text(char *out, size_t size, const char *text, gboolean required)
{
	if (!text || !*text)
		return !required;
	return g_strlcpy(out, text, size) < size;
}

static gboolean read_type(const char *text, enum ice_cand_type *type)
{
	for (size_t i = 0; text && i < G_N_ELEMENTS(types); i++)
		if (strcmp(text, types[i]) == 0) {
			*type = (enum ice_cand_type)i;
			return TRUE;
		}
	return FALSE;
}

gboolean iceudp_cand_read(const struct elem *e, struct ice_cand *out)
{
	const char *rel_port = elem_attr(e, "rel-port"), *protocol = elem_attr(e, "protocol");
	guint64 component = 1, port, priority, generation = 0, network = 0, rel = 0;

	memset(out, 0, sizeof(*out));
	if (!text_uint(elem_attr(e, "component"), 1, 256, &component) ||
	    !text_uint(elem_attr(e, "port"), 1, 65535, &port) ||
	    !text_uint(elem_attr(e, "priority"), 1, G_MAXUINT32, &priority) ||
	    !protocol || g_ascii_strcasecmp(protocol, "udp") != 0 || !read_type(elem_attr(e, "type"), &out->type) ||
	    !copy_text(out->foundation, sizeof(out->foundation), elem_attr(e, "foundation"), TRUE) ||
	    !copy_text(out->ip, sizeof(out->ip), elem_attr(e, "ip"), TRUE))
		return FALSE;
	if (!copy_text(out->id, sizeof(out->id), elem_attr(e, "id"), FALSE))
		out->id[0] = '\0';
	if (!copy_text(out->rel_ip, sizeof(out->rel_ip), elem_attr(e, "rel-addr"), FALSE))
		out->rel_ip[0] = '\0';
	text_uint(rel_port ? rel_port : elem_attr(e, "rel_port"), 0, 65535, &rel);	/* Monal writes rel_port */
	text_uint(elem_attr(e, "generation"), 0, 1000, &generation);
	text_uint(elem_attr(e, "network"), 0, 1000, &network);
	out->component = (unsigned)component;
	out->port = (uint16_t)port;
	out->priority = (uint32_t)priority;
	out->generation = (unsigned)generation;
	out->network = (unsigned)network;
	out->rel_port = (uint16_t)rel;
	return TRUE;
}

static gboolean is_address(const struct iceudp *t, const struct ice_cand *cand)
{
	return addr_usable(cand->ip, t->loopback) || (cand->type == ICE_HOST && addr_is_mdns(cand->ip));
}

static void take_candidate(struct iceudp *t, const struct elem *e)
{
	struct ice_cand cand;
	g_autofree char *key = NULL;

	if (!iceudp_cand_read(e, &cand) || cand.component != 1 || !is_address(t, &cand) || t->known->len >= MAX_REMOTE_CANDIDATES) {
		t->skipped++;
		return;
	}
	key = g_strdup_printf("%s %u", cand.ip, cand.port);
	for (guint i = 0; i < t->known->len; i++)
		if (strcmp(t->known->pdata[i], key) == 0)
			return;
	g_ptr_array_add(t->known, g_steal_pointer(&key));
	g_queue_push_tail(&t->theirs, g_memdup2(&cand, sizeof(cand)));
}

/* RFC 8445 5.3, 8839 5.4: ice-char only. */
static gboolean creds_valid(const char *text, size_t min)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++)
		if (!g_ascii_isalnum(*p) && *p != '+' && *p != '/')
			return FALSE;
	return len >= min && len <= 256;
}

static enum jc_err take_creds(struct iceudp *t, const char *ufrag, const char *pwd)
{
	if (!ufrag || !pwd)		/* Movim and stanza.js repeat the ufrag alone: unchanged (rule R22) */
		return JC_OK;
	if (strcmp(t->remote.ufrag, ufrag) == 0 && strcmp(t->remote.pwd, pwd) == 0)
		return JC_OK;
	if (!creds_valid(ufrag, 4) || !creds_valid(pwd, 22))
		return JC_PROTOCOL;
	t->asked = t->remote.ufrag[0] && t->restart == QUIET;
	t->restart = QUIET;		/* answered; where both restart at once, what we were to ask is our answer */
	g_strlcpy(t->remote.ufrag, ufrag, sizeof(t->remote.ufrag));
	g_strlcpy(t->remote.pwd, pwd, sizeof(t->remote.pwd));
	t->remote_news = TRUE;
	t->done_news = FALSE;
	g_ptr_array_set_size(t->known, 0);
	g_queue_clear_full(&t->theirs, g_free);
	return JC_OK;
}

/* ICE that begins anew needs both, and new ones (RFC 8445 9); without them the way in force would be given up for none. */
static gboolean begins_anew(const struct iceudp *t, const char *ufrag, const char *pwd)
{
	return ufrag && pwd && (strcmp(ufrag, t->remote.ufrag) != 0 || strcmp(pwd, t->remote.pwd) != 0);
}

static enum jc_err read_transport(void *self, enum jingle_action action, const struct elem *theirs)
{
	struct iceudp *t = self;
	const char *ufrag = elem_attr(theirs, "ufrag"), *pwd = elem_attr(theirs, "pwd");
	enum jc_err err;

	if (action == JINGLE_TRANSPORT_REPLACE && !begins_anew(t, ufrag, pwd))
		return JC_PROTOCOL;
	err = take_creds(t, ufrag, pwd);
	if (err != JC_OK)
		return err;
	if (ufrag && t->remote.ufrag[0] && strcmp(ufrag, t->remote.ufrag) != 0) {
		t->skipped++;		/* a ufrag alone, of before a restart: its candidates are gone */
		return JC_OK;
	}
	for (const struct elem *e = elem_child(theirs, "candidate", NULL); e; e = elem_next(e, "candidate", NULL))
		take_candidate(t, e);
	if (elem_child(theirs, "gathering-complete", NULL))
		t->done_news = TRUE;
	return JC_OK;
}

gboolean iceudp_remote_creds(struct iceudp *t, struct ice_creds *out)
{
	if (!t->remote_news)
		return FALSE;
	t->remote_news = FALSE;
	*out = t->remote;
	return TRUE;
}

gboolean iceudp_remote_cand(struct iceudp *t, struct ice_cand *out)
{
	g_autofree struct ice_cand *cand = g_queue_pop_head(&t->theirs);

	if (cand)
		*out = *cand;
	return cand != NULL;
}

gboolean iceudp_remote_done(struct iceudp *t)
{
	gboolean done = t->done_news;

	t->done_news = FALSE;
	return done;
}

unsigned iceudp_skipped(const struct iceudp *t)
{
	return t->skipped;
}

static gboolean asks(void *self)
{
	return ((struct iceudp *)self)->just_asked;
}

static gboolean crosses(void *self, const struct elem *theirs)
{
	struct iceudp *t = self;

	return t->restart == ASKED && begins_anew(t, elem_attr(theirs, "ufrag"), elem_attr(theirs, "pwd")) &&
		!elem_child(theirs, "candidate", NULL);
}

const struct jingle_transport jingle_iceudp = {.ns = NS_ICE_UDP, .write = write_transport, .read = read_transport,
	.asks = asks, .crosses = crosses};
