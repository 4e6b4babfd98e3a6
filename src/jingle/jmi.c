#include "jmi.h"

#include <string.h>

#include "../text.h"

#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_DELAY "urn:xmpp:delay"

enum { MAX_ID = 128, OLD_S = 60 };

static const char *const kinds[] = {[JMI_PROPOSE] = "propose", [JMI_RINGING] = "ringing", [JMI_PROCEED] = "proceed",
	[JMI_REJECT] = "reject", [JMI_RETRACT] = "retract", [JMI_FINISH] = "finish", [JMI_ACCEPT] = "accept"};

static gboolean id_valid(const char *id)
{
	size_t len = id ? strlen(id) : 0;

	for (size_t i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~')
			return FALSE;
	return len > 0 && len <= MAX_ID;
}

static enum jmi_kind kind_of(const struct elem *e)
{
	for (int i = JMI_PROPOSE; i < (int)G_N_ELEMENTS(kinds); i++)
		if (elem_is(e, kinds[i], NS_JMI))
			return (enum jmi_kind)i;
	return JMI_NONE;
}

static void read_media(struct jmi_msg *out, const struct elem *propose)
{
	for (const struct elem *d = elem_child(propose, "description", NULL); d; d = elem_next(d, "description", NULL)) {
		if (strcmp(elem_ns(d), NS_RTP) == 0 && g_strcmp0(elem_attr(d, "media"), "audio") == 0)
			out->audio = TRUE;
		else
			out->other_media = TRUE;
	}
}

gboolean jmi_read(const struct elem *message, struct jmi_msg *out)
{
	const char *type = elem_attr(message, "type");
	const struct elem *e = elem_child(message, NULL, NS_JMI);

	memset(out, 0, sizeof(*out));
	if (type && strcmp(type, "chat") != 0 && strcmp(type, "normal") != 0)
		return FALSE;
	out->kind = kind_of(e);
	out->id = elem_attr(e, "id");
	if (out->kind == JMI_NONE || !id_valid(out->id))
		return FALSE;
	read_media(out, e);
	jingle_reason_child(e, &out->reason, &out->text);
	out->tie_break = elem_child(e, "tie-break", NULL) != NULL;
	out->migrated_to = elem_attr(elem_child(e, "migrated", NULL), "to");
	return TRUE;
}

struct elem *jmi_write(enum jmi_kind kind, const char *to, const char *id, enum jingle_reason reason, const char *text)
{
	struct elem *message = elem_new("message", "jabber:client"), *e;

	elem_set(message, "type", "chat");
	elem_set(message, "to", to);
	elem_setf(message, "id", "jm-%s-%s", kinds[kind], id);	/* rule R7 */
	e = elem_add(message, kinds[kind], NS_JMI);
	elem_set(e, "id", id);
	if (kind == JMI_PROPOSE)
		elem_set(elem_add(e, "description", NS_RTP), "media", "audio");
	if (reason != REASON_NONE)
		jingle_reason_write(e, reason, text);
	elem_add(message, "store", "urn:xmpp:hints");
	return message;
}

struct elem *jmi_write_migrated(const char *to, const char *id, const char *new_id)
{
	struct elem *message = jmi_write(JMI_FINISH, to, id, REASON_EXPIRED, "Session migrated");
	struct elem *finish = (struct elem *)elem_child(message, "finish", NS_JMI);

	elem_set(elem_add(finish, "migrated", NULL), "to", new_id);
	return message;
}

const struct elem *jmi_unwrap_carbon(const struct elem *message, const char *our_bare_jid, gboolean *sent)
{
	const struct elem *carbon = elem_child(message, "sent", NS_CARBONS), *forwarded;
	const char *from = elem_attr(message, "from");

	*sent = carbon != NULL;
	if (!carbon)			/* there is a <private/> as well, which wraps nothing */
		carbon = elem_child(message, "received", NS_CARBONS);
	if (!carbon || (from && g_ascii_strcasecmp(from, our_bare_jid) != 0))
		return NULL;
	forwarded = elem_child(carbon, "forwarded", "urn:xmpp:forward:0");
	return elem_child(forwarded, "message", NULL);
}

gboolean jmi_is_old(const struct elem *message, gint64 now_s)
{
	/* Each server on the way may have added one; any may tell the truth. */
	for (const struct elem *e = elem_child(message, "delay", NS_DELAY); e; e = elem_next(e, "delay", NS_DELAY)) {
		gint64 at_s;

		if (!text_stamp(elem_attr(e, "stamp"), &at_s) || now_s - at_s > OLD_S)
			return TRUE;
	}
	return FALSE;
}

gint64 jmi_sent_at(const struct elem *message, gint64 now_s)
{
	gint64 latest = -1, at_s;

	for (const struct elem *e = elem_child(message, "delay", NS_DELAY); e; e = elem_next(e, "delay", NS_DELAY))
		if (text_stamp(elem_attr(e, "stamp"), &at_s))
			latest = MAX(latest, at_s);
	return latest < 0 ? now_s : MIN(latest, now_s);
}
