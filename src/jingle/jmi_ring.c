#include <string.h>

#include "../text.h"
#include "jmi.h"

struct jmi_ring {
	char *id, *us, *our_bare, *caller;
	gboolean tell;
};

struct jmi_ring *jmi_ring_new(const char *id, const char *our_full_jid, const char *from, gboolean tell)
{
	struct jmi_ring *r = g_new0(struct jmi_ring, 1);

	r->id = g_strdup(id);
	r->us = g_strdup(our_full_jid);
	r->our_bare = jid_bare(our_full_jid);
	r->caller = g_strdup(from);
	r->tell = tell;
	return r;
}

void jmi_ring_free(struct jmi_ring *r)
{
	if (!r)
		return;
	g_free(r->id);
	g_free(r->us);
	g_free(r->our_bare);
	g_free(r->caller);
	g_free(r);
}

const char *jmi_ring_id(const struct jmi_ring *r)
{
	return r->id;
}

const char *jmi_ring_caller(const struct jmi_ring *r)
{
	return r->caller;
}

GPtrArray *jmi_ring_begin(struct jmi_ring *r)
{
	GPtrArray *out = g_ptr_array_new();

	if (r->tell)
		g_ptr_array_add(out, jmi_write(JMI_RINGING, r->caller, r->id, REASON_NONE, NULL));
	return out;
}

GPtrArray *jmi_ring_accept(struct jmi_ring *r)
{
	GPtrArray *out = g_ptr_array_new();

	g_ptr_array_add(out, jmi_write(JMI_ACCEPT, r->our_bare, r->id, REASON_NONE, NULL));
	g_ptr_array_add(out, jmi_write(JMI_PROCEED, r->caller, r->id, REASON_NONE, NULL));
	return out;
}

GPtrArray *jmi_ring_reject(struct jmi_ring *r, enum jc_err err)
{
	GPtrArray *out = g_ptr_array_new();
	enum jingle_reason reason = jingle_reason_of(err);

	g_ptr_array_add(out, jmi_write(JMI_REJECT, r->caller, r->id, reason, NULL));
	g_ptr_array_add(out, jmi_write(JMI_REJECT, r->our_bare, r->id, reason, NULL));
	return out;
}

gboolean jmi_ring_recv(struct jmi_ring *r, const char *from, const struct jmi_msg *m, gboolean ours, enum jc_err *err)
{
	if (strcmp(m->id, r->id) != 0 || strcmp(from, r->us) == 0)
		return FALSE;		/* our own <accept/> comes back to us as well */
	if (ours && (m->kind == JMI_ACCEPT || m->kind == JMI_PROCEED)) {
		*err = JC_ELSEWHERE;
		return TRUE;
	}
	if (ours && m->kind == JMI_REJECT) {
		*err = JC_DECLINED;	/* on another device of ours */
		return TRUE;
	}
	if ((m->kind == JMI_RETRACT || m->kind == JMI_FINISH) && jid_same_bare(from, r->caller)) {
		*err = JC_NO_ANSWER;
		return TRUE;
	}
	return FALSE;
}

gboolean jmi_ring_bounced(const struct jmi_ring *r, const char *message_id)
{
	return g_str_has_prefix(message_id, "jm-proceed-") && strcmp(message_id + strlen("jm-proceed-"), r->id) == 0;
}
