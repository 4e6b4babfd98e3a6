#include "answer.h"

#include <string.h>

#include "busy.h"
#include "log.h"
#include "text.h"

enum { FOLLOW_UP_S = 20, CONTESTED_S = 3, BELL_S = 4 };

struct answer {
	struct phone *phone;
	struct ui *ui;
	struct answer_options options;
	void (*done)(void *ctx, const char *peer, enum jc_err err, const char *text);
	void *ctx;
	/* the call at hand */
	struct busy *busy;
	struct talk *talk;		/* NULL: idle */
	struct jmi_ring *ring;		/* it came by JMI; NULL: by a direct session-initiate */
	char *peer;			/* full JID */
	char *id;			/* of the proposal, or the session */
	gint64 came_s, accepted_ms;	/* accepted_ms 0: not */
	char *shown;
	gboolean taken;			/* the user, or the list, has accepted */
	gboolean contested;		/* and so has another device of ours, in the same moment */
	guint ring_timer, bell_timer;
};

/* ---- who may ---- */

static gboolean on_list(const struct answer *a, const char *from)
{
	for (guint i = 0; i < a->options.allow->len; i++)
		if (allow_matches(a->options.allow->pdata[i], from))
			return TRUE;
	return a->options.allow_contacts && roster_sees_us(phone_roster(a->phone), from);
}

static gboolean may_ring(const struct answer *a, const char *from)
{
	if (!a->options.auto_accept || on_list(a, from))
		return TRUE;
	log_info("answer", "a call of %s, who is not on the list, was not taken", from);
	return FALSE;
}

/* ---- the end of a call ---- */

static void stop_ringing(struct answer *a)
{
	g_clear_handle_id(&a->ring_timer, g_source_remove);
	g_clear_handle_id(&a->bell_timer, g_source_remove);
}

static void send_finish(struct answer *a, enum jc_err err)
{
	enum jingle_reason reason = jingle_reason_of(err);

	/* Where another device of ours has the call it is his to finish. */
	if (a->ring && a->taken && err != JC_ELSEWHERE && phone_is_online(a->phone))
		phone_send(a->phone, jmi_write(JMI_FINISH, a->peer, jmi_ring_id(a->ring),
					       reason == REASON_NONE ? REASON_SUCCESS : reason, NULL));
}

/* ---- for the list of calls ---- */

static void keep(struct answer *a, enum jc_err err, gboolean over)
{
	struct call_entry e = {.at_s = a->came_s, .incoming = TRUE, .shown = TRUE, .outcome = err, .peer = a->peer, .id = a->id,
			       .duration_s = a->accepted_ms ? (guint)((clock_ms() - a->accepted_ms + 500) / 1000) : 0};

	a->options.keep(a->ctx, &e, over);
}

/* Nobody was asked. */
static void keep_refused(void *ctx, const char *from, const char *id)
{
	struct answer *a = ctx;
	struct call_entry e = {.at_s = clock_s(), .incoming = TRUE, .outcome = JC_BUSY, .peer = (char *)from, .id = (char *)id};

	a->options.keep(a->ctx, &e, TRUE);
}

static void on_ended(void *self, enum jc_err err, const char *text)
{
	struct answer *a = self;
	g_autofree char *shown = g_steal_pointer(&a->shown), *words = g_strdup(text);

	stop_ringing(a);
	send_finish(a, err);
	keep(a, err, TRUE);
	g_clear_pointer(&a->ring, jmi_ring_free);
	g_clear_pointer(&a->talk, talk_free);
	g_clear_pointer(&a->peer, g_free);
	g_clear_pointer(&a->id, g_free);
	a->taken = a->contested = FALSE;
	a->done(a->ctx, shown, err, words);
}

static void decline(struct answer *a, enum jc_err err, const char *text)
{
	stop_ringing(a);
	if (a->ring && !a->taken)
		phone_send_all(a->phone, jmi_ring_reject(a->ring, err));
	talk_end(a->talk, err, text);
}

/* ---- ringing ---- */

static gboolean on_ring_timeout(gpointer data)
{
	struct answer *a = data;

	a->ring_timer = 0;
	if (a->contested) {
		talk_end(a->talk, JC_ELSEWHERE, NULL);
	} else if (a->taken) {
		talk_end(a->talk, JC_PROTOCOL, "its client did not go on with the call");
	} else if (a->ring) {			/* the caller gives up by himself; nothing tells him that we are here */
		stop_ringing(a);
		talk_end(a->talk, JC_NO_ANSWER, NULL);
	} else {
		decline(a, JC_NO_ANSWER, NULL);
	}
	return G_SOURCE_REMOVE;
}

static gboolean on_bell(gpointer data)
{
	struct answer *a = data;

	ui_bell(a->ui);
	return G_SOURCE_CONTINUE;
}

static void ring(struct answer *a)
{
	const char *name = roster_name(phone_roster(a->phone), a->peer);
	g_autofree char *clean = text_clean(name, TEXT_SHORT);

	ui_event(a->ui, "incoming", "peer", "s", a->shown, "name", "s", name ? clean : NULL, NULL);
	ui_say(a->ui, "%s%s%s%s is calling%s", name ? clean : "", name ? " (" : "", a->shown, name ? ")" : "",
	       ui_has_keys(a->ui) && !a->options.auto_accept ? "; take the call? y/n" : "");
	a->ring_timer = g_timeout_add_seconds(a->options.ring_timeout_s, on_ring_timeout, a);
	if (a->options.auto_accept)
		return;
	ui_bell(a->ui);
	a->bell_timer = g_timeout_add_seconds(BELL_S, on_bell, a);
	talk_tone(a->talk);
}

static void take(struct answer *a)
{
	if (a->taken || !a->talk || talk_is_ending(a->talk))
		return;
	a->taken = TRUE;
	stop_ringing(a);
	phone_expose_to(a->phone, a->peer);
	if (!roster_sees_us(phone_roster(a->phone), a->peer)) {
		g_autofree char *bare = jid_bare(a->peer);

		phone_presence(a->phone, bare, 0);	/* XEP-0353 3.4: so that he can see what our client can do */
	}
	if (a->ring) {
		phone_send_all(a->phone, jmi_ring_accept(a->ring));
		talk_prepare(a->talk, a->peer, FALSE);
		a->ring_timer = g_timeout_add_seconds(FOLLOW_UP_S, on_ring_timeout, a);
	} else {
		talk_accept(a->talk);
	}
}

/* ---- events of the talk ---- */

static void on_opened(void *self)
{
}

static void on_incoming(void *self)
{
	struct answer *a = self;

	if (a->taken) {				/* what was accepted by JMI has come */
		stop_ringing(a);
		talk_accept(a->talk);
		return;
	}
	if (phone_may_know(a->phone, a->peer))
		talk_ring(a->talk);
	ring(a);
	if (a->options.auto_accept)
		take(a);
}

static void on_nothing(void *self)
{
}

static void on_accepted(void *self)
{
	struct answer *a = self;

	ui_say(a->ui, "Answered %s", a->shown);
	if (!a->accepted_ms)
		a->accepted_ms = clock_ms();
}

/* ---- a call that moves to another device of the caller's: XEP-0353 "Existing session" ---- */

static gboolean is_migration(const struct answer *a, const char *from)
{
	return a->talk && jid_same_bare(from, a->peer) && talk_is_accepted(a->talk) && !talk_is_ending(a->talk);
}

static void set_peer(struct answer *a, const char *peer)
{
	g_free(a->peer);
	g_free(a->shown);
	a->peer = g_strdup(peer);
	a->shown = text_clean(peer, TEXT_SHORT);
}

static void migrate(struct answer *a, const char *id, const char *from)
{
	ui_event(a->ui, "migrated", "peer", "s", a->shown, NULL);
	phone_send(a->phone, jmi_write_migrated(a->peer, call_sid(talk_call(a->talk)), id));
	g_clear_pointer(&a->ring, jmi_ring_free);
	a->ring = jmi_ring_new(id, phone_jid(a->phone), from, TRUE);
	a->taken = FALSE;
	set_peer(a, from);
	talk_move(a->talk, from);
}

/* Whom we talked with is asked nothing again. */
static void on_moved(void *self)
{
	take(self);
}

static void begin(struct answer *a, const char *peer, const char *id)
{
	struct talk_events events = {.opened = on_opened, .incoming = on_incoming, .ringing = on_nothing,
				     .delivered = on_nothing, .accepted = on_accepted, .moved = on_moved, .ended = on_ended, .self = a};

	set_peer(a, peer);
	a->id = g_strdup(id);
	a->came_s = clock_s();
	a->accepted_ms = 0;
	keep(a, JC_OK, FALSE);
	a->options.talk.number++;
	a->talk = talk_new(a->phone, a->ui, &a->options.talk, peer, &events);
}

/* ---- for the owner ---- */

struct answer *answer_new(struct phone *phone, struct ui *ui, const struct answer_options *options,
			  void (*done)(void *ctx, const char *peer, enum jc_err err, const char *text), void *ctx)
{
	struct answer *a = g_new0(struct answer, 1);

	a->phone = phone;
	a->ui = ui;
	a->options = *options;
	a->done = done;
	a->ctx = ctx;
	a->busy = busy_new(phone, keep_refused, a);
	return a;
}

void answer_free(struct answer *a)
{
	if (!a)
		return;
	busy_free(a->busy);
	g_free(a);
}

static void on_propose(struct answer *a, const struct elem *message, const char *from, const struct jmi_msg *m)
{
	if (jmi_is_old(message, clock_s()) || !m->audio || !jid_resource(from) || !may_ring(a, from))
		return;
	if (a->ring && strcmp(m->id, jmi_ring_id(a->ring)) == 0 && strcmp(from, a->peer) == 0)
		return;				/* the same once more: by a carbon, or to this device by itself */
	if (is_migration(a, from)) {
		migrate(a, m->id, from);
		return;
	}
	if (a->talk) {
		busy_propose(a->busy, from, m->id);
		return;
	}
	a->ring = jmi_ring_new(m->id, phone_jid(a->phone), from, phone_may_know(a->phone, from));
	begin(a, from, m->id);
	phone_send_all(a->phone, jmi_ring_begin(a->ring));
	ring(a);
	if (a->options.auto_accept)
		take(a);
}

/* Two devices of ours have accepted in one moment. The caller goes on with one, which may be this. */
static gboolean takes_it_too(const struct answer *a, const char *from, const struct jmi_msg *m, gboolean ours)
{
	return a->taken && !talk_call(a->talk) && ours && (m->kind == JMI_ACCEPT || m->kind == JMI_PROCEED) &&
		strcmp(m->id, jmi_ring_id(a->ring)) == 0 && jid_resource(from) && strcmp(from, phone_jid(a->phone)) != 0;
}

static void contest(struct answer *a)
{
	if (a->contested)
		return;
	a->contested = TRUE;
	g_clear_handle_id(&a->ring_timer, g_source_remove);
	a->ring_timer = g_timeout_add_seconds(CONTESTED_S, on_ring_timeout, a);
}

/* The caller's last word in a call that was taken. */
static void finish(struct answer *a, const struct jmi_msg *m)
{
	if (a->contested && !talk_call(a->talk))
		talk_end(a->talk, JC_ELSEWHERE, NULL);
	else
		talk_end(a->talk, talk_is_accepted(a->talk) ? JC_OK : jingle_outcome(m->reason, FALSE), NULL);
}

void answer_jmi(struct answer *a, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	enum jc_err err;

	if (m->kind == JMI_PROPOSE) {
		if (!ours)
			on_propose(a, message, from, m);
		return;
	}
	busy_hear(a->busy, from, m, ours);
	if (!a->ring || talk_is_ending(a->talk))
		return;
	if (takes_it_too(a, from, m, ours)) {
		contest(a);
		return;
	}
	if (!a->taken && jmi_ring_recv(a->ring, from, m, ours, &err)) {
		stop_ringing(a);
		talk_end(a->talk, err, NULL);
	} else if (a->taken && m->kind == JMI_FINISH && strcmp(m->id, jmi_ring_id(a->ring)) == 0 && strcmp(from, a->peer) == 0) {
		finish(a, m);
	} else if (a->taken && !talk_call(a->talk) && m->kind == JMI_RETRACT &&
		   strcmp(m->id, jmi_ring_id(a->ring)) == 0 && jid_same_bare(from, a->peer)) {
		talk_end(a->talk, JC_NO_ANSWER, NULL);
	}
}

/* Accepted by JMI means: this sid, from this very device. Anything else is a call of its own. */
static gboolean is_follow_up(const struct answer *a, const char *from, const struct jingle_msg *m)
{
	return a->ring && a->taken && !talk_call(a->talk) && !talk_is_ending(a->talk) &&
		strcmp(m->sid, jmi_ring_id(a->ring)) == 0 && strcmp(from, a->peer) == 0;
}

void answer_offer(struct answer *a, struct iq *iq, const struct jingle_msg *m)
{
	const char *from = iq_from(iq);

	if (a->talk && is_follow_up(a, from, m)) {
		talk_take(a->talk, iq, m);
		return;
	}
	if (!may_ring(a, from))
		return;				/* answered like any unknown request */
	if (a->talk) {
		if (phone_may_know(a->phone, from) && phone_refuse(a->phone, iq, m, JC_BUSY))
			keep_refused(a, from, m->sid);
		return;
	}
	begin(a, from, m->sid);
	talk_take(a->talk, iq, m);
}

void answer_bounced(struct answer *a, const char *message_id)
{
	if (a->ring && a->taken && !talk_call(a->talk) && jmi_ring_bounced(a->ring, message_id))
		talk_end(a->talk, JC_NO_ANSWER, NULL);
}

void answer_gone(struct answer *a, const char *full_jid)
{
	if (a->talk && strcmp(a->peer, full_jid) == 0)
		talk_peer_gone(a->talk);
}

void answer_key(struct answer *a, int c)
{
	if (!a->talk)
		return;
	if (!a->taken && (c == 'y' || c == 'Y' || c == 'a'))
		take(a);
	else if (!a->taken && (c == 'n' || c == 'N'))
		decline(a, JC_DECLINED, NULL);
	else
		talk_key(a->talk, c);
}

gboolean answer_hangup(struct answer *a)
{
	if (!a->talk)
		return FALSE;
	if (a->taken)
		talk_end(a->talk, talk_is_accepted(a->talk) ? JC_OK : JC_CANCELLED, NULL);
	else
		decline(a, JC_DECLINED, NULL);
	return TRUE;
}

gboolean answer_is_idle(const struct answer *a)
{
	return a->talk == NULL;
}
