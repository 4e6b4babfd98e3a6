#include <string.h>

#include "dial_priv.h"
#include "text.h"

enum { FOLLOW_UP_S = 20 };

static void stop_looking(struct dial *d)
{
	if (d->disco_handle)
		disco_cancel(phone_disco(d->phone), d->disco_handle);
	d->disco_handle = 0;
	g_clear_handle_id(&d->ask_timer, g_source_remove);
	d->falling_back = FALSE;
}

static void give_up_ours(struct dial *d)
{
	stop_looking(d);
	talk_drop_call(d->talk);	/* he answers our offer with tie-break: nothing is left to be ended */
	d->crossed = TRUE;
	ui_event(d->ui, "crossed", "peer", "s", d->shown, NULL);
}

/* Our user wants to talk to the one who calls: nobody need be asked. The session is to be his. */
static void accept_proposal(struct dial *d, const char *id, const char *from)
{
	struct jmi_ring *ring = jmi_ring_new(id, phone_jid(d->phone), from, TRUE);

	d->crossed = TRUE;
	phone_send_all(d->phone, jmi_ring_accept(ring));
	jmi_ring_free(ring);
	g_free(d->sid);
	d->sid = g_strdup(id);
	g_free(d->proceeded);
	d->proceeded = g_strdup(from);
}

static void take_proposal(struct dial *d, const char *id, const char *from)
{
	give_up_ours(d);
	dial_pump(d);			/* its <retract/>: other devices of his ring for ours */
	dial_close_proposal(d);
	accept_proposal(d, id, from);
}

/* The callee goes on from another of its devices: XEP-0353 "Existing session". There is one from the <proceed/> on, whether the
 * offer is out or not: what was to become of it does not matter any more. */
static void migrate(struct dial *d, const char *id, const char *from)
{
	const struct call *c = talk_call(d->talk);

	stop_looking(d);
	dial_close_proposal(d);
	d->crossed = TRUE;
	ui_event(d->ui, "migrated", "peer", "s", d->shown, NULL);
	phone_send(d->phone, jmi_write_migrated(c ? call_peer(c) : d->proceeded, c ? call_sid(c) : d->sid, id));
	d->next_id = g_strdup(id);
	d->next_from = g_strdup(from);
	talk_move(d->talk, from);
}

void dial_cross_moved(void *self)
{
	struct dial *d = self;

	accept_proposal(d, d->next_id, d->next_from);
	g_clear_pointer(&d->next_id, g_free);
	g_clear_pointer(&d->next_from, g_free);
	g_clear_handle_id(&d->ring_timer, g_source_remove);
	d->ring_timer = g_timeout_add_seconds(FOLLOW_UP_S, dial_on_ring_timeout, d);
}

/* The lower session id wins, of equal ones the lower JID's. Before our offer is out there is no tie, and his is as good. */
static gboolean ours_wins(const struct dial *d, const char *from, const char *their_sid)
{
	const struct call *c = talk_call(d->talk);
	int order;

	if (!c || !call_was_offered(c))
		return FALSE;
	order = strcmp(call_sid(c), their_sid);
	return order < 0 || (order == 0 && strcmp(phone_jid(d->phone), from) < 0);
}

/* A session exists once the call is taken; the device that took it is in it, and proposes nothing of its own. */
static gboolean has_session(const struct dial *d, const char *from)
{
	return talk_is_accepted(d->talk) || (d->proceeded && strcmp(d->proceeded, from) != 0);
}

/* We are calling another: a proposal to this very device is for us alone to answer. */
void dial_cross_refuse(struct dial *d, const char *from, const char *id)
{
	if (phone_may_know(d->phone, from))
		phone_send(d->phone, jmi_write(JMI_REJECT, from, id, REASON_BUSY, NULL));
}

void dial_cross_proposal(struct dial *d, const char *from, const struct jmi_msg *m)
{
	gboolean sound = m->audio && jid_resource(from) && !talk_is_ending(d->talk);

	if (sound && has_session(d, from) && !d->next_id)
		migrate(d, m->id, from);
	else if (sound && d->jmi && !jmi_call_tie(d->jmi, m->id, from, clock_ms()))
		take_proposal(d, m->id, from);
	dial_pump(d);
}

void dial_offer(struct dial *d, struct iq *iq, const struct jingle_msg *m)
{
	const char *from = iq_from(iq);

	if (talk_is_ending(d->talk) || talk_is_accepted(d->talk) || !d->begun || !jid_same_bare(from, d->bare)) {
		phone_refuse(d->phone, iq, m, JC_BUSY);
		return;
	}
	if (d->crossed && (talk_call(d->talk) || strcmp(m->sid, d->sid) != 0)) {	/* not what was agreed on */
		phone_refuse(d->phone, iq, m, JC_BUSY);
		dial_spoilt(d, from);
		return;
	}
	if (!d->crossed && ours_wins(d, from, m->sid)) {
		iq_answer(iq, COND_TIE_BREAK, NULL);
		return;
	}
	if (!d->crossed) {
		if (d->jmi)
			jmi_call_retract(d->jmi, JC_CANCELLED, clock_ms());
		give_up_ours(d);
		dial_pump(d);
		dial_close_proposal(d);
	}
	talk_take(d->talk, iq, m);
}
