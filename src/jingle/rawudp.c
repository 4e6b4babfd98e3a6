#include "rawudp.h"

#include <string.h>

#include "../text.h"
#include "addr.h"

enum { MAX_GENERATION = 255 };		/* xs:unsignedByte */

struct rawudp {
	gboolean loopback;
	struct ice_cand ours, theirs;			/* port 0: not known yet */
	gboolean told, news;				/* of ours, of theirs */
	unsigned skipped;
};

struct rawudp *rawudp_new(void)
{
	return g_new0(struct rawudp, 1);
}

void rawudp_free(struct rawudp *t)
{
	g_free(t);
}

void rawudp_allow_loopback(struct rawudp *t, gboolean allow)
{
	t->loopback = allow;
}

static const char *const types[] = {[ICE_HOST] = "host", [ICE_SRFLX] = "srflx", [ICE_PRFLX] = "prflx",
				    [ICE_RELAY] = "relay"};

/* ---- ours ---- */

void rawudp_local(struct rawudp *t, const struct ice_cand *ours)
{
	unsigned generation = 0;

	if (t->ours.port) {
		if (t->ours.port == ours->port && strcmp(t->ours.ip, ours->ip) == 0)
			return;
		generation = MIN(t->ours.generation + 1, MAX_GENERATION);
	}
	t->ours = *ours;
	t->ours.generation = generation;
	t->told = FALSE;
}

gboolean rawudp_has_local(const struct rawudp *t)
{
	return t->ours.port != 0;
}

gboolean rawudp_has_news(const struct rawudp *t)
{
	return t->ours.port && !t->told;
}

static struct elem *write_transport(void *self, enum jingle_action action)
{
	struct rawudp *t = self;
	struct elem *transport, *e;

	if (action == JINGLE_TRANSPORT_INFO && !rawudp_has_news(t))
		return NULL;
	transport = elem_new("transport", NS_RAW_UDP);
	if (!t->ours.port)
		return transport;
	e = elem_add(transport, "candidate", NULL);
	elem_set(e, "component", "1");
	elem_setf(e, "generation", "%u", t->ours.generation);
	elem_set(e, "id", t->ours.id);
	elem_set(e, "ip", t->ours.ip);
	elem_setf(e, "port", "%u", t->ours.port);
	elem_set(e, "type", types[t->ours.type]);
	t->told = TRUE;
	return transport;
}

/* ---- theirs ---- */

/* The type is a mere hint: one that is unknown harms nothing. */
static enum ice_cand_type read_type(const char *text)
{
	for (size_t i = 0; text && i < G_N_ELEMENTS(types); i++)
		if (strcmp(text, types[i]) == 0)
			return (enum ice_cand_type)i;
	return ICE_HOST;
}

static gboolean copy(char *out, size_t size, const char *text)
{
	return text && *text && g_strlcpy(out, text, size) < size;
}

static gboolean read_candidate(const struct rawudp *t, const struct elem *e, struct ice_cand *out)
{
	const char *which = elem_attr(e, "component");		/* REQUIRED, but the examples of XEP-0176 leave it out */
	guint64 component = 1, generation, port;

	memset(out, 0, sizeof(*out));
	if ((which && !text_uint(which, 1, 1, &component)) ||
	    !text_uint(elem_attr(e, "generation"), 0, MAX_GENERATION, &generation) ||
	    !text_uint(elem_attr(e, "port"), 1, 65535, &port) || !copy(out->id, sizeof(out->id), elem_attr(e, "id")) ||
	    !copy(out->ip, sizeof(out->ip), elem_attr(e, "ip")) || !addr_usable(out->ip, t->loopback))
		return FALSE;
	out->component = (unsigned)component;
	out->generation = (unsigned)generation;
	out->port = (uint16_t)port;
	out->type = read_type(elem_attr(e, "type"));
	return TRUE;
}

/* AFRESH: of a definition that replaces whatever was known. */
static gboolean take_candidate(struct rawudp *t, const struct elem *e, gboolean afresh)
{
	struct ice_cand cand;

	if (!read_candidate(t, e, &cand)) {
		t->skipped++;
		return FALSE;
	}
	if (!afresh && t->theirs.port && cand.generation <= t->theirs.generation)
		return FALSE;			/* repeated, a second choice, or of before */
	t->theirs = cand;
	t->news = TRUE;
	return TRUE;
}

static enum jc_err read_transport(void *self, enum jingle_action action, const struct elem *theirs)
{
	struct rawudp *t = self;
	gboolean afresh = action == JINGLE_TRANSPORT_REPLACE || action == JINGLE_TRANSPORT_ACCEPT;

	for (const struct elem *e = elem_child(theirs, "candidate", NULL); e; e = elem_next(e, "candidate", NULL))
		if (take_candidate(t, e, afresh))
			afresh = FALSE;
	/* An address is REQUIRED; without one the way in force would be given up for none. */
	return action == JINGLE_TRANSPORT_REPLACE && afresh ? JC_PROTOCOL : JC_OK;
}

gboolean rawudp_remote(struct rawudp *t, struct ice_cand *out)
{
	if (!t->news)
		return FALSE;
	t->news = FALSE;
	*out = t->theirs;
	return TRUE;
}

unsigned rawudp_skipped(const struct rawudp *t)
{
	return t->skipped;
}

const struct jingle_transport jingle_rawudp = {.ns = NS_RAW_UDP, .write = write_transport, .read = read_transport};
