#include <string.h>

#include "dial_priv.h"
#include "log.h"
#include "random.h"
#include "text.h"

enum { FALLBACK_MS = 3000, BOUNCE_GRACE_MS = 1000, MAX_TOLD = 8, MAX_REDIRECTIONS = 3, PRIORITY = -1, CALL_NUMBER = 1 };

/* ---- the proposal's clock ---- */

static gboolean on_timer(gpointer data)
{
	struct dial *d = data;

	d->timer = 0;
	jmi_call_expire(d->jmi, clock_ms());
	dial_pump(d);
	return G_SOURCE_REMOVE;
}

static void schedule(struct dial *d)
{
	gint64 deadline = d->jmi ? jmi_call_deadline(d->jmi) : G_MAXINT64;

	g_clear_handle_id(&d->timer, g_source_remove);
	if (deadline != G_MAXINT64)
		d->timer = g_timeout_add((guint)CLAMP(deadline - clock_ms(), 0, G_MAXINT), on_timer, d);
}

void dial_close_proposal(struct dial *d)
{
	g_clear_handle_id(&d->timer, g_source_remove);
	g_clear_handle_id(&d->unsafe_timer, g_source_remove);
	g_clear_pointer(&d->jmi, jmi_call_free);
}

/* ---- outcomes ---- */

static void tell_ringing(struct dial *d)
{
	if (d->told_ringing)
		return;
	d->told_ringing = TRUE;
	talk_prepare(d->talk, d->bare, TRUE);
	g_clear_handle_id(&d->unsafe_timer, g_source_remove);
	ui_event(d->ui, "ringing", "peer", "s", d->shown, NULL);
	ui_say(d->ui, "Ringing");
	talk_tone(d->talk);
}

/* Nobody took it: was there anybody? */
static enum jc_err nobody(const struct dial *d)
{
	if (d->told_ringing || disco_online(phone_disco(d->phone), d->bare))
		return JC_NO_ANSWER;
	return JC_UNAVAILABLE;
}

void dial_end(struct dial *d, enum jc_err err, const char *text)
{
	if (err == JC_NO_ANSWER)
		err = nobody(d);
	if (err == JC_UNAVAILABLE && !text && !roster_sees_us(phone_roster(d->phone), d->bare))
		text = "it is offline, or its client does not ring for people who are not among its contacts";	/* rule R30 */
	talk_end(d->talk, err, text);
}

gboolean dial_on_ring_timeout(gpointer data)
{
	struct dial *d = data;

	d->ring_timer = 0;
	if (d->jmi) {
		jmi_call_retract(d->jmi, JC_NO_ANSWER, clock_ms());
		dial_pump(d);
	}
	dial_end(d, JC_NO_ANSWER, NULL);
	return G_SOURCE_REMOVE;
}

/* ---- JMI ---- */

static void on_proceed(struct dial *d, const char *peer)
{
	g_autofree char *clean = text_clean(peer, TEXT_SHORT);

	if (d->disco_handle)
		disco_cancel(phone_disco(d->phone), d->disco_handle);
	d->disco_handle = 0;
	if (d->falling_back)
		talk_drop_call(d->talk);
	d->falling_back = FALSE;
	d->proceeded = g_strdup(peer);
	ui_event(d->ui, "proceed", "peer", "s", clean, NULL);
	dial_offer_informed(d);
}

static void on_jmi_event(struct dial *d, const struct jmi_out *out)
{
	g_autofree char *text = text_clean(out->text, TEXT_SHORT);

	switch (out->event) {
	case JMI_CALL_RINGING:
		dial_ask_ahead(d, out->peer);
		tell_ringing(d);
		break;
	case JMI_CALL_PROCEED:
		on_proceed(d, out->peer);
		break;
	case JMI_CALL_FALLBACK:
		dial_look_for_other(d);
		break;
	case JMI_CALL_TIE_LOST:
		break;
	case JMI_CALL_ENDED:
		if (!talk_call(d->talk) && !d->crossed)
			dial_end(d, out->err, *text ? text : NULL);
		break;
	}
}

void dial_pump(struct dial *d)
{
	struct jmi_out out;

	while (d->jmi && jmi_call_next(d->jmi, &out)) {
		if (out.kind == JMI_OUT_SEND)
			phone_send(d->phone, out.message);
		else
			on_jmi_event(d, &out);
	}
	schedule(d);
}

static void propose(struct dial *d)
{
	d->jmi = jmi_call_new(d->sid, phone_jid(d->phone), d->bare, FALLBACK_MS, d->options.ring_timeout_s * 1000LL);
	jmi_call_start(d->jmi, clock_ms());
	dial_pump(d);
}

static void begin(struct dial *d)
{
	if (d->begun || !d->online || !talk_is_open(d->talk) || talk_is_ending(d->talk))
		return;
	d->begun = TRUE;
	d->began_s = clock_s();
	/* Negative priority: chat messages stay with the user's other clients, or wait for them on the server. The callee
	 * gets a directed presence as well, whatever the roster says, so that his client can see what ours can do. */
	phone_presence(d->phone, NULL, PRIORITY);
	phone_presence(d->phone, d->bare, PRIORITY);
	phone_expose_to(d->phone, d->options.callee);
	ui_event(d->ui, "calling", "peer", "s", d->shown, "sid", "s", d->sid, NULL);
	ui_say(d->ui, "Calling %s", d->shown);
	d->ring_timer = g_timeout_add_seconds(d->options.ring_timeout_s, dial_on_ring_timeout, d);
	if (jid_resource(d->options.callee))
		dial_full_jid(d);
	else
		propose(d);
}

/* ---- events of the talk ---- */

static void on_opened(void *self)
{
	begin(self);
}

static void on_ringing(void *self)
{
	tell_ringing(self);
}

static void on_incoming(void *self)
{
	struct dial *d = self;

	talk_accept(d->talk);
}

/* XEP-0166 "Errors" and "Redirection": a redirection is followed within the same account only, and not for ever. */
static void on_redirected(void *self, const char *to)
{
	struct dial *d = self;
	g_autofree char *copy = g_strstrip(g_strdup(to)), *jid = jid_read(copy), *sid = NULL;
	g_autofree char *clean = text_clean(copy, TEXT_SHORT), *words = NULL;

	talk_drop_call(d->talk);
	if (jid && jid_resource(jid) && jid_same_bare(jid, d->bare) && d->redirections++ < MAX_REDIRECTIONS) {
		sid = random_uuid();
		dial_offer_to(d, sid, jid);
		return;
	}
	if (*clean)
		words = g_strdup_printf("it refers to %s, which is not followed: "
					"call that address if you trust it", clean);
	else
		words = g_strdup("it refers to another address, but does not say which");
	talk_end(d->talk, JC_UNAVAILABLE, words);
}

static void on_delivered(void *self)
{
	struct dial *d = self;

	if (!d->falling_back || !d->jmi)
		return;
	jmi_call_retract(d->jmi, JC_CANCELLED, clock_ms());	/* the direct call has arrived: stop the others */
	dial_pump(d);
	dial_close_proposal(d);
}

static void on_accepted(void *self)
{
	struct dial *d = self;

	g_clear_handle_id(&d->ring_timer, g_source_remove);
	dial_close_proposal(d);
	if (!d->accepted_ms)
		d->accepted_ms = clock_ms();
	ui_say(d->ui, "%s has answered", d->shown);
}

/* XEP-0353 "Finishing a Started Session", rule R12: both the session-terminate and a <finish/>. */
static void send_finish(struct dial *d, enum jc_err err)
{
	enum jingle_reason reason = jingle_reason_of(err);

	if (d->proceeded && err != JC_MOVED && phone_is_online(d->phone))
		phone_send(d->phone, jmi_write(JMI_FINISH, d->proceeded, d->sid,
					       reason == REASON_NONE ? REASON_SUCCESS : reason, NULL));
}

static void keep(struct dial *d, enum jc_err err)
{
	struct call_entry e = {.at_s = d->began_s, .shown = TRUE, .outcome = err, .peer = d->bare, .id = d->sid,
			       .duration_s = d->accepted_ms ? (guint)((clock_ms() - d->accepted_ms + 500) / 1000) : 0};

	if (d->begun)
		d->options.keep(d->ctx, &e);
}

static void on_ended(void *self, enum jc_err err, const char *text)
{
	struct dial *d = self;

	if (d->jmi) {			/* a direct call beside it was the one that ended */
		jmi_call_retract(d->jmi, err, clock_ms());
		dial_pump(d);
	}
	send_finish(d, err);
	keep(d, err);
	d->done(d->ctx, err, text);
}

/* ---- for the owner ---- */

struct dial *dial_new(struct phone *phone, struct ui *ui, const struct dial_options *options,
		      void (*done)(void *ctx, enum jc_err err, const char *text), void *ctx)
{
	struct dial *d = g_new0(struct dial, 1);
	struct talk_events events = {.opened = on_opened, .incoming = on_incoming, .ringing = on_ringing, .redirected = on_redirected,
				     .delivered = on_delivered, .accepted = on_accepted, .moved = dial_cross_moved, .ended = on_ended, .self = d};

	d->phone = phone;
	d->ui = ui_of_call(ui, CALL_NUMBER);
	d->options = *options;
	d->done = done;
	d->ctx = ctx;
	d->sid = random_uuid();
	d->told = g_ptr_array_new_with_free_func(g_free);
	d->bare = jid_bare(options->callee);
	d->shown = text_clean(options->callee, TEXT_SHORT);
	d->talk = talk_new(phone, d->ui, &options->talk, options->callee, &events);
	return d;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	g_clear_handle_id(&d->ring_timer, g_source_remove);
	g_clear_handle_id(&d->bounce_timer, g_source_remove);
	g_clear_handle_id(&d->ask_timer, g_source_remove);
	if (d->disco_handle)
		disco_cancel(phone_disco(d->phone), d->disco_handle);
	dial_close_proposal(d);
	g_ptr_array_unref(d->told);
	g_free(d->bounced_id);
	g_free(d->bounced_with);
	g_free(d->next_id);
	g_free(d->next_from);
	talk_free(d->talk);
	ui_free(d->ui);
	g_free(d->sid);
	g_free(d->bare);
	g_free(d->shown);
	g_free(d->proceeded);
	g_free(d);
}

void dial_online(struct dial *d)
{
	d->online = TRUE;
	begin(d);
}

/* Movim and Monal end a call by <finish/> alone (rule R12). Another device of the callee's does not speak for the one that has
 * the call; and while the call moves on, its last session has nothing more to say about it. Whoever is to go on with the call
 * may change its mind until it has offered its session. */
static gboolean ends_call(const struct dial *d, const char *from, const struct jmi_msg *m)
{
	const char *id = d->next_id ? d->next_id : d->sid, *who = d->next_id ? d->next_from : d->proceeded;
	gboolean awaited = d->next_id || (d->crossed && !talk_call(d->talk));

	return g_strcmp0(m->id, id) == 0 && g_strcmp0(from, who) == 0 &&
		(m->kind == JMI_FINISH || (m->kind == JMI_RETRACT && awaited));
}

static void end_as_said(struct dial *d, const struct jmi_msg *m)
{
	if (m->migrated_to)
		talk_end(d->talk, JC_MOVED, NULL);
	else if (d->accepted_ms)
		talk_end_by_peer(d->talk);
	else
		talk_end(d->talk, m->kind == JMI_RETRACT ? JC_NO_ANSWER : jingle_outcome(m->reason, FALSE), NULL);
}

void dial_jmi(struct dial *d, const char *from, const struct jmi_msg *m, gboolean ours, gboolean to_us)
{
	if (m->kind == JMI_PROPOSE && !ours) {
		if (jid_same_bare(from, d->bare))
			dial_cross_proposal(d, from, m);
		else if (to_us)
			dial_cross_refuse(d, from, m->id);
		return;
	}
	if (d->jmi && (ours || jid_same_bare(from, d->bare))) {
		jmi_call_recv(d->jmi, from, m, clock_ms());
		dial_pump(d);
	}
	if (ends_call(d, from, m))
		end_as_said(d, m);
}

/* The server found no device that takes messages. One of negative priority does not, and one that calls us at this very
 * moment may be on its way: they show up by presence. */
static gboolean on_bounce_timer(gpointer data)
{
	struct dial *d = data;

	d->bounce_timer = 0;
	if (d->jmi && !d->told->len) {
		jmi_call_bounced(d->jmi, d->bounced_id, d->bounced_with, clock_ms());
		dial_pump(d);
	}
	return G_SOURCE_REMOVE;
}

void dial_bounced(struct dial *d, const char *from, const char *message_id, const char *condition)
{
	if (!d->jmi || d->bounce_timer || d->told->len || !jid_same_bare(from, d->bare) ||
	    !jmi_call_is_propose(d->jmi, message_id))
		return;
	d->bounced_id = g_strdup(message_id);
	d->bounced_with = g_strdup(condition);
	d->bounce_timer = g_timeout_add(BOUNCE_GRACE_MS, on_bounce_timer, d);
}

void dial_here(struct dial *d, const char *full_jid, int priority)
{
	dial_ask_ahead(d, full_jid);
	if (!d->jmi || priority >= 0 || d->told->len >= MAX_TOLD || !jid_resource(full_jid) ||
	    !jid_same_bare(full_jid, d->bare) || strcmp(full_jid, phone_jid(d->phone)) == 0 ||
	    g_ptr_array_find_with_equal_func(d->told, full_jid, g_str_equal, NULL))
		return;
	g_ptr_array_add(d->told, g_strdup(full_jid));
	jmi_call_tell(d->jmi, full_jid);
	dial_pump(d);
}

void dial_spoilt(struct dial *d, const char *from)
{
	if (d->crossed && !d->next_id && !talk_call(d->talk) && g_strcmp0(d->proceeded, from) == 0)
		talk_end(d->talk, JC_PROTOCOL, "its offer could not be used");
}

void dial_gone(struct dial *d, const char *full_jid)
{
	if (talk_call(d->talk) && g_strcmp0(call_peer(talk_call(d->talk)), full_jid) == 0)
		talk_peer_gone(d->talk);
}

/* The proposal was taken, and our offer is not out: there is no session to be ended, and Conversations heeds no <finish/> yet. */
static gboolean is_between(const struct dial *d)
{
	const struct call *c = talk_call(d->talk);

	return d->proceeded && !d->crossed && !(c && call_was_offered(c)) && phone_is_online(d->phone);
}

void dial_hangup(struct dial *d, enum jc_err err, const char *text)
{
	if (talk_is_ending(d->talk))
		return;
	if (err == JC_OK && !talk_is_accepted(d->talk))
		err = JC_CANCELLED;
	if (d->jmi) {
		jmi_call_retract(d->jmi, err, clock_ms());
		dial_pump(d);
	}
	if (is_between(d))
		phone_send(d->phone, jmi_write(JMI_RETRACT, d->bare, d->sid, REASON_CANCEL, NULL));
	talk_end(d->talk, err, text);
}

static void say_keys(struct dial *d)
{
	ui_say(d->ui, "  q         hangs up");
	talk_say_keys(d->talk);
}

void dial_key(struct dial *d, int c)
{
	if (c == 'q' || c == 'Q')
		dial_hangup(d, JC_OK, NULL);
	else if (c == '?')
		say_keys(d);
	else
		talk_key(d->talk, c);
}

gboolean dial_is_talking(const struct dial *d)
{
	return talk_is_accepted(d->talk);
}

void dial_mute(struct dial *d, gboolean muted)
{
	talk_mute(d->talk, muted);
}

static void tell_status(const struct dial *d, struct fields *reply)
{
	GPtrArray *list = g_ptr_array_new();
	struct fields *one = fields_new();

	fields_add_int(one, "call", CALL_NUMBER);
	fields_add_string(one, "direction", "out");
	talk_status(d->talk, d->told_ringing ? "ringing" : "calling", one);
	g_ptr_array_add(list, one);
	fields_add_list(reply, "calls", list);
}

gboolean dial_request(struct dial *d, const struct request *r, struct fields *reply, GError **error)
{
	if (r->call > CALL_NUMBER) {
		g_set_error(error, JC_ERROR, JC_REFUSED, "there is no call %u", r->call);
		return FALSE;
	}
	if (r->verb == VERB_STATUS) {
		tell_status(d, reply);
	} else if (r->verb == VERB_HANGUP) {
		dial_hangup(d, JC_OK, NULL);
	} else if (r->verb == VERB_ANSWER || r->verb == VERB_REJECT) {
		g_set_error(error, JC_ERROR, JC_REFUSED, "no call rings: this jcall calls somebody");
		return FALSE;
	} else {
		return talk_request(d->talk, r, reply, error);
	}
	return TRUE;
}
