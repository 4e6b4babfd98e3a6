#include "msg.h"

#include <string.h>

static const char *const senders_words[] = {[SENDERS_BOTH] = "both", [SENDERS_NONE] = "none",
					    [SENDERS_INITIATOR] = "initiator", [SENDERS_RESPONDER] = "responder"};

static gboolean read_senders(const char *text, struct jingle_content *c)
{
	c->senders = SENDERS_BOTH;
	c->senders_given = text != NULL;
	if (!text)
		return TRUE;
	for (size_t i = 0; i < G_N_ELEMENTS(senders_words); i++)
		if (strcmp(senders_words[i], text) == 0) {
			c->senders = (enum jingle_senders)i;
			return TRUE;
		}
	return FALSE;
}

/* The slots are told by their local names; each may be of any namespace. */
static gboolean read_content(struct jingle_content *c, const struct elem *e)
{
	const char *creator = elem_attr(e, "creator");

	memset(c, 0, sizeof(*c));
	c->name = elem_attr(e, "name");
	c->disposition = elem_attr(e, "disposition");
	if (!c->disposition)
		c->disposition = "session";
	/* REQUIRED by the text, but left out by some; the initiator is then meant. */
	if (creator && strcmp(creator, "responder") == 0)
		c->creator = CREATOR_RESPONDER;
	else if (creator && strcmp(creator, "initiator") != 0)
		return FALSE;
	c->description = (struct elem *)elem_child(e, "description", NULL);
	c->transport = (struct elem *)elem_child(e, "transport", NULL);
	c->security = (struct elem *)elem_child(e, "security", NULL);
	return c->name && *c->name && strlen(c->name) <= JINGLE_MAX_NAME && read_senders(elem_attr(e, "senders"), c);
}

/* In an offer two of one name are alternatives ("Content Element"); later, creator and name are to tell contents apart. */
static gboolean is_duplicate(const struct jingle_msg *m, const struct jingle_content *c)
{
	if (m->action == JINGLE_SESSION_INITIATE)
		return FALSE;
	for (size_t i = 0; i < m->ncontents; i++)
		if (m->contents[i].creator == c->creator && strcmp(m->contents[i].name, c->name) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_bundle(const struct elem *group)
{
	return g_strcmp0(elem_attr(group, "semantics"), "BUNDLE") == 0;
}

static void read_groups(struct jingle_msg *m, const struct elem *jingle)
{
	const struct elem *group = elem_child(jingle, "group", NS_GROUPING), *e;

	while (group && !is_bundle(group))
		group = elem_next(group, "group", NS_GROUPING);
	for (e = elem_child(group, "content", NULL); e; e = elem_next(e, "content", NULL))
		for (size_t i = 0; i < m->ncontents; i++)
			if (g_strcmp0(elem_attr(e, "name"), m->contents[i].name) == 0)
				m->contents[i].bundled = TRUE;
}

static gboolean read_contents(struct jingle_msg *m, const struct elem *jingle)
{
	const struct elem *e;

	for (e = elem_child(jingle, "content", NS_JINGLE); e; e = elem_next(e, "content", NS_JINGLE)) {
		struct jingle_content c;

		if (m->ncontents == JINGLE_MAX_CONTENTS) {
			m->too_many_contents = TRUE;
			break;
		}
		if (!read_content(&c, e) || is_duplicate(m, &c))
			return FALSE;
		m->contents[m->ncontents++] = c;
	}
	return TRUE;
}

gboolean jingle_reason_child(const struct elem *parent, enum jingle_reason *r, const char **text)
{
	const struct elem *reason = elem_child(parent, "reason", NULL), *c;

	if (!reason)
		return FALSE;
	*r = REASON_NONE;
	*text = elem_text(elem_child(reason, "text", NULL));
	for (c = elem_child(reason, NULL, NULL); c && *r == REASON_NONE; c = elem_next(c, NULL, NULL))
		if (elem_is(c, NULL, NS_JINGLE) || elem_is(c, NULL, elem_ns(reason)))	/* others say details */
			*r = jingle_reason_read(elem_name(c));
	return TRUE;
}

/* session-info carries one payload; nothing at all is a ping, but a word of Jingle that we do not know is not nothing. */
static const struct elem *find_info(const struct elem *jingle)
{
	const struct elem *e;

	for (e = elem_child(jingle, NULL, NULL); e; e = elem_next(e, NULL, NULL))
		if (!elem_is(e, "content", NS_JINGLE) && !elem_is(e, "reason", NS_JINGLE))
			return e;
	return NULL;
}

static gboolean needs_content(enum jingle_action a)
{
	return a != JINGLE_SESSION_INFO && a != JINGLE_SESSION_TERMINATE;
}

enum iq_cond jingle_msg_read(struct jingle_msg *m, const struct elem *jingle)
{
	const struct elem *reason = elem_child(jingle, "reason", NULL);

	memset(m, 0, sizeof(*m));
	m->sid = elem_attr(jingle, "sid");
	if (m->sid && (!*m->sid || strlen(m->sid) > JINGLE_MAX_SID))
		m->sid = NULL;
	m->action = jingle_action_read(elem_attr(jingle, "action"));
	m->initiator = elem_attr(jingle, "initiator");
	m->responder = elem_attr(jingle, "responder");
	if (!m->sid || m->action == JINGLE_ACTION_NONE || !read_contents(m, jingle))
		return COND_BAD_REQUEST;
	if (needs_content(m->action) && m->ncontents == 0)
		return COND_BAD_REQUEST;
	read_groups(m, jingle);
	if (jingle_reason_child(jingle, &m->reason, &m->reason_text))
		m->alternative_sid = elem_text(elem_child(elem_child(reason, "alternative-session", NULL), "sid", NULL));
	if (m->action == JINGLE_SESSION_INFO)
		m->info = find_info(jingle);
	return COND_OK;
}

gboolean jingle_offer_is_sound(const struct jingle_msg *m)
{
	gboolean any = FALSE;

	for (size_t i = 0; i < m->ncontents; i++) {
		const struct jingle_content *c = &m->contents[i];

		if (!c->description || !c->transport || c->creator != CREATOR_INITIATOR)
			return FALSE;
		any = any || strcmp(c->disposition, "session") == 0;
	}
	return any;
}

static struct elem *write_reason(struct elem *parent, enum jingle_reason r, const char *text, const char *alternative_sid)
{
	struct elem *reason = elem_add(parent, "reason", NS_JINGLE), *condition;

	condition = elem_add(reason, jingle_reason_text(r == REASON_NONE ? REASON_SUCCESS : r), NULL);
	if (r == REASON_ALTERNATIVE_SESSION && alternative_sid)
		elem_set_text(elem_add(condition, "sid", NULL), alternative_sid);
	if (text && *text)
		elem_set_text(elem_add(reason, "text", NULL), text);
	return reason;
}

void jingle_reason_write(struct elem *parent, enum jingle_reason r, const char *text)
{
	write_reason(parent, r, text, NULL);
}

static void write_content(struct elem *jingle, const struct jingle_content *c)
{
	struct elem *e = elem_add(jingle, "content", NULL);

	elem_set(e, "creator", c->creator == CREATOR_INITIATOR ? "initiator" : "responder");
	elem_set(e, "name", c->name);
	if (c->disposition && strcmp(c->disposition, "session") != 0)
		elem_set(e, "disposition", c->disposition);
	if (c->senders_given)
		elem_set(e, "senders", senders_words[c->senders]);
	if (c->description)
		elem_adopt(e, c->description);
	if (c->transport)
		elem_adopt(e, c->transport);
	if (c->security)
		elem_adopt(e, c->security);
}

/* Behind the contents, where the schema of <jingle/> has room for it. */
static void write_bundle(struct elem *jingle, const struct jingle_msg *m)
{
	struct elem *group = NULL;

	for (size_t i = 0; i < m->ncontents; i++) {
		if (!m->contents[i].bundled)
			continue;
		if (!group) {
			group = elem_add(jingle, "group", NS_GROUPING);
			elem_set(group, "semantics", "BUNDLE");
		}
		elem_set(elem_add(group, "content", NULL), "name", m->contents[i].name);
	}
}

struct elem *jingle_msg_write(const struct jingle_msg *m)
{
	struct elem *jingle = elem_new("jingle", NS_JINGLE), *reason;

	elem_set(jingle, "action", jingle_action_text(m->action));
	elem_set(jingle, "sid", m->sid);
	elem_set(jingle, "initiator", m->initiator);
	elem_set(jingle, "responder", m->responder);
	for (size_t i = 0; i < m->ncontents; i++)
		write_content(jingle, &m->contents[i]);
	write_bundle(jingle, m);
	if (m->action == JINGLE_SESSION_TERMINATE || m->reason != REASON_NONE) {
		reason = write_reason(jingle, m->reason, m->reason_text, m->alternative_sid);
		if (m->reason_detail)
			elem_add(reason, m->reason_detail, m->reason_detail_ns);
	}
	if (m->info)
		elem_adopt(jingle, (struct elem *)m->info);
	return jingle;
}
