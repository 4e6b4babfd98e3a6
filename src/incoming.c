#include "incoming.h"

#include <string.h>

#include "exec.h"
#include "text.h"

enum { FOLLOW_UP_S = 20, CONTESTED_S = 3, BELL_S = 4 };

struct incoming {
	struct incoming_env env;
	guint number;
	struct ui *ui;			/* of this call */
	struct talk_options options;
	struct talk *talk;
	struct exec *exec;		/* NULL: no command is wanted */
	struct jmi_ring *ring;		/* it came by JMI; NULL: by a direct session-initiate */
	char *peer;			/* full JID */
	char *id;			/* of the proposal, or the session */
	gint64 came_s, accepted_ms;	/* accepted_ms 0: not */
	char *shown;
	gboolean stranger;		/* the caller was one when the call came */
	gboolean taken;			/* the user, or the list, has accepted */
	gboolean displaced;		/* its caller goes on from another device, with another command */
	gboolean contested;		/* and so has another device of ours, in the same moment */
	guint ring_timer, bell_timer;
};

/* ---- the end of a call ---- */

static void stop_ringing(struct incoming *c)
{
	g_clear_handle_id(&c->ring_timer, g_source_remove);
	g_clear_handle_id(&c->bell_timer, g_source_remove);
}

static void send_finish(struct incoming *c, enum jc_err err)
{
	enum jingle_reason reason = jingle_reason_of(err);

	/* Where another device of ours has the call it is his to finish. */
	if (c->ring && c->taken && err != JC_ELSEWHERE && err != JC_MOVED && !c->displaced && phone_is_online(c->env.phone))
		phone_send(c->env.phone, jmi_write(JMI_FINISH, c->peer, jmi_ring_id(c->ring),
					       reason == REASON_NONE ? REASON_SUCCESS : reason, NULL));
}

/* ---- for the list of calls ---- */

static void keep(struct incoming *c, enum jc_err err, gboolean over)
{
	struct call_entry e = {.at_s = c->came_s, .incoming = TRUE, .shown = TRUE, .outcome = err, .peer = c->peer, .id = c->id,
			       .stranger = incoming_is_from_stranger(c),
			       .duration_s = c->accepted_ms ? (guint)((clock_ms() - c->accepted_ms + 500) / 1000) : 0};

	c->env.keep(c->env.ctx, &e, over);
}

static void on_ended(void *self, enum jc_err err, const char *text)
{
	struct incoming *c = self;

	stop_ringing(c);
	send_finish(c, err);
	keep(c, err, TRUE);
	c->env.over(c->env.ctx, c, c->shown, err, text);
}

static void decline(struct incoming *c, enum jc_err err, const char *text)
{
	stop_ringing(c);
	if (c->ring && !c->taken)
		phone_send_all(c->env.phone, jmi_ring_reject(c->ring, err));
	talk_end(c->talk, err, text);
}

/* ---- ringing ---- */

static gboolean on_ring_timeout(gpointer data)
{
	struct incoming *c = data;

	c->ring_timer = 0;
	if (c->contested) {
		talk_end(c->talk, JC_ELSEWHERE, NULL);
	} else if (c->taken) {
		talk_end(c->talk, JC_PROTOCOL, "its client did not go on with the call");
	} else if (c->ring) {			/* the caller gives up by himself; nothing tells him that we are here */
		stop_ringing(c);
		talk_end(c->talk, JC_NO_ANSWER, NULL);
	} else {
		decline(c, JC_NO_ANSWER, NULL);
	}
	return G_SOURCE_REMOVE;
}

static gboolean on_bell(gpointer data)
{
	struct incoming *c = data;

	ui_bell(c->ui);
	return G_SOURCE_CONTINUE;
}

static void ring(struct incoming *c)
{
	const char *name = roster_name(phone_roster(c->env.phone), c->peer);
	g_autofree char *clean = text_clean(name, TEXT_SHORT);

	ui_event(c->ui, "incoming", "peer", "s", c->shown, "name", "s", name ? clean : NULL, NULL);
	ui_say(c->ui, "%s%s%s%s is calling%s", name ? clean : "", name ? " (" : "", c->shown, name ? ")" : "",
	       c->env.options->auto_accept ? "" : ui_has_keys(c->ui) ? "; take the call? y/n" : "; 'jcall ctl answer' takes the call");
	c->ring_timer = g_timeout_add_seconds(c->env.options->ring_timeout_s, on_ring_timeout, c);
	if (c->env.options->auto_accept)
		return;
	ui_bell(c->ui);
	c->bell_timer = g_timeout_add_seconds(BELL_S, on_bell, c);
	talk_tone(c->talk);
}

void incoming_take(struct incoming *c)
{
	if (c->taken || talk_is_ending(c->talk))
		return;
	c->taken = TRUE;
	stop_ringing(c);
	talk_open_in(c->talk);
	phone_expose_to(c->env.phone, c->peer);
	if (!roster_sees_us(phone_roster(c->env.phone), c->peer)) {
		g_autofree char *bare = jid_bare(c->peer);

		phone_presence(c->env.phone, bare, 0);	/* XEP-0353 3.4: so that he can see what our client can do */
	}
	if (c->ring) {
		phone_send_all(c->env.phone, jmi_ring_accept(c->ring));
		talk_prepare(c->talk, c->peer, FALSE);
		c->ring_timer = g_timeout_add_seconds(FOLLOW_UP_S, on_ring_timeout, c);
	} else {
		talk_accept(c->talk);
	}
}

/* ---- events of the talk ---- */

static void on_opened(void *self)
{
}

static void on_incoming(void *self)
{
	struct incoming *c = self;

	if (c->taken) {				/* what was accepted by JMI has come */
		stop_ringing(c);
		talk_accept(c->talk);
		return;
	}
	if (phone_may_know(c->env.phone, c->peer))
		talk_ring(c->talk);
	ring(c);
	if (c->env.options->auto_accept)
		incoming_take(c);
}

/* Ringing, delivered, redirected: who dials learns that of the callee. */
static void on_nothing(void *self)
{
}

static void on_redirected(void *self, const char *to)
{
}

static void on_accepted(void *self)
{
	struct incoming *c = self;
	g_autoptr(GError) error = NULL;

	ui_say(c->ui, "Answered %s", c->shown);
	if (c->accepted_ms)			/* it has moved to another device */
		return;
	c->accepted_ms = clock_ms();
	if (c->exec && !exec_start(c->exec, &error))
		talk_end(c->talk, (enum jc_err)error->code, error->message);
}

/* ---- a call that moves to another device of the caller's: XEP-0353 "Existing session" ---- */

static gboolean is_migration(const struct incoming *c, const char *from)
{
	return jid_same_bare(from, c->peer) && c->taken && !talk_is_ending(c->talk) && c->env.options->migrate;
}

static void set_peer(struct incoming *c, const char *peer)
{
	g_free(c->peer);
	g_free(c->shown);
	c->peer = g_strdup(peer);
	c->shown = text_clean(peer, TEXT_SHORT);
}

static void tell_migrated(struct incoming *c, const char *id)
{
	ui_event(c->ui, "migrated", "peer", "s", c->shown, NULL);
	phone_send(c->env.phone, jmi_write_migrated(c->peer, c->ring ? jmi_ring_id(c->ring) : c->id, id));
}

gboolean incoming_displace(struct incoming *c, const char *id, const char *from)
{
	if (!is_migration(c, from) || !c->exec)
		return FALSE;
	tell_migrated(c, id);
	c->displaced = TRUE;
	talk_end(c->talk, JC_OK, NULL);
	return TRUE;
}

gboolean incoming_was_displaced(const struct incoming *c)
{
	return c->displaced;
}

gboolean incoming_migrate(struct incoming *c, const char *id, const char *from)
{
	if (!is_migration(c, from) || c->exec)
		return FALSE;
	tell_migrated(c, id);
	stop_ringing(c);
	c->contested = FALSE;
	g_clear_pointer(&c->ring, jmi_ring_free);
	c->ring = jmi_ring_new(id, phone_jid(c->env.phone), from, TRUE);
	c->taken = FALSE;
	set_peer(c, from);
	talk_move(c->talk, from);
	return TRUE;
}

/* Whom we talked with is asked nothing again. */
static void on_moved(void *self)
{
	incoming_take(self);
}

/* ---- the beginning ---- */

/* What the command of a call reads and writes is there before it is started, which is when the call is taken. */
static void prepare_exec(struct incoming *c)
{
	const char *name = roster_name(phone_roster(c->env.phone), c->peer);
	struct exec_options options = {.argv = c->env.options->exec, .peer = c->peer, .name = name, .call = c->number,
				       .ui = c->env.ui, .handler = c->env.handler};
	g_autoptr(GError) error = NULL;

	if (!c->env.options->exec)
		return;
	c->exec = exec_new(&options, &c->options.ready, &error);
	if (c->exec)
		return;
	ui_error(c->ui, "%s", error->message);
	c->options.in = c->options.out = "null";	/* and then it ends at once */
}

static struct incoming *begin(const struct incoming_env *env, guint number, const char *peer, const char *id)
{
	struct incoming *c = g_new0(struct incoming, 1);
	struct talk_events events = {
		.opened = on_opened,
		.incoming = on_incoming,
		.ringing = on_nothing,
		.delivered = on_nothing,
		.redirected = on_redirected,
		.accepted = on_accepted,
		.moved = on_moved,
		.ended = on_ended,
		.self = c,
	};

	c->env = *env;
	c->number = number;
	c->ui = ui_of_call(env->ui, number);
	c->options = env->options->talk;
	c->options.number = number;
	c->options.late_in = !env->options->auto_accept;	/* the list accepts at once */
	set_peer(c, peer);
	c->id = g_strdup(id);
	c->stranger = phone_standing(env->phone, peer) == STANDING_STRANGER;
	c->came_s = clock_s();
	keep(c, JC_OK, FALSE);
	prepare_exec(c);
	c->talk = talk_new(c->env.phone, c->ui, &c->options, peer, &events);
	if (env->options->exec && !c->exec)
		talk_end(c->talk, JC_FILE, NULL);
	return c;
}

struct incoming *incoming_propose(const struct incoming_env *env, guint number, const char *peer, const char *id)
{
	struct incoming *c = begin(env, number, peer, id);

	c->ring = jmi_ring_new(id, phone_jid(env->phone), peer, phone_may_know(env->phone, peer));
	if (talk_is_ending(c->talk))
		return c;
	phone_send_all(env->phone, jmi_ring_begin(c->ring));
	ring(c);
	if (env->options->auto_accept)
		incoming_take(c);
	return c;
}

struct incoming *incoming_offer(const struct incoming_env *env, guint number, struct iq *iq, const struct jingle_msg *m)
{
	struct incoming *c = begin(env, number, iq_from(iq), m->sid);

	if (!talk_is_ending(c->talk))
		talk_take(c->talk, iq, m);
	return c;
}

void incoming_free(struct incoming *c)
{
	talk_free(c->talk);
	exec_free(c->exec);
	jmi_ring_free(c->ring);
	ui_free(c->ui);
	g_free(c->peer);
	g_free(c->shown);
	g_free(c->id);
	g_free(c);
}

/* ---- what comes ---- */

/* Two devices of ours have accepted in one moment. The caller goes on with one, which may be this. */
static gboolean takes_it_too(const struct incoming *c, const char *from, const struct jmi_msg *m, gboolean ours)
{
	return c->taken && !talk_call(c->talk) && ours && (m->kind == JMI_ACCEPT || m->kind == JMI_PROCEED) &&
		strcmp(m->id, jmi_ring_id(c->ring)) == 0 && jid_resource(from) && strcmp(from, phone_jid(c->env.phone)) != 0;
}

static void contest(struct incoming *c)
{
	if (c->contested)
		return;
	c->contested = TRUE;
	g_clear_handle_id(&c->ring_timer, g_source_remove);
	c->ring_timer = g_timeout_add_seconds(CONTESTED_S, on_ring_timeout, c);
}

/* The caller's last word in a call that was taken. */
static void finish(struct incoming *c, const struct jmi_msg *m)
{
	if (m->migrated_to)
		talk_end(c->talk, JC_MOVED, NULL);
	else if (c->contested && !talk_call(c->talk))
		talk_end(c->talk, JC_ELSEWHERE, NULL);
	else if (c->accepted_ms)
		talk_end_by_peer(c->talk);
	else
		talk_end(c->talk, jingle_outcome(m->reason, FALSE), NULL);
}

void incoming_jmi(struct incoming *c, const char *from, const struct jmi_msg *m, gboolean ours)
{
	enum jc_err err;

	if (!c->ring || talk_is_ending(c->talk))
		return;
	if (takes_it_too(c, from, m, ours)) {
		contest(c);
	} else if (!c->taken && jmi_ring_recv(c->ring, from, m, ours, &err)) {
		stop_ringing(c);
		talk_end(c->talk, err == JC_NO_ANSWER && c->accepted_ms ? JC_OK : err, NULL);
	} else if (c->taken && m->kind == JMI_FINISH && strcmp(m->id, jmi_ring_id(c->ring)) == 0 && strcmp(from, c->peer) == 0) {
		finish(c, m);
	} else if (c->taken && !talk_call(c->talk) && m->kind == JMI_RETRACT &&
		   strcmp(m->id, jmi_ring_id(c->ring)) == 0 && jid_same_bare(from, c->peer)) {
		talk_end(c->talk, JC_NO_ANSWER, NULL);
	}
}

/* Accepted by JMI means: this sid, from this very device. Anything else is a call of its own. */
gboolean incoming_follow_up(struct incoming *c, struct iq *iq, const struct jingle_msg *m)
{
	if (!c->ring || !c->taken || talk_call(c->talk) || talk_is_ending(c->talk) ||
	    strcmp(m->sid, jmi_ring_id(c->ring)) != 0 || strcmp(iq_from(iq), c->peer) != 0)
		return FALSE;
	talk_take(c->talk, iq, m);
	return TRUE;
}

/* Our <proceed/> went to one device: it comes back from that, or from its server, which speaks for the bare address, too. */
static gboolean returns_from(const struct incoming *c, const char *from)
{
	return strcmp(from, c->peer) == 0 || (!jid_resource(from) && jid_same_bare(from, c->peer));
}

void incoming_spoilt(struct incoming *c, const char *from)
{
	if (c->ring && c->taken && !talk_call(c->talk) && strcmp(from, c->peer) == 0)
		talk_end(c->talk, JC_PROTOCOL, "its offer could not be used");
}

void incoming_bounced(struct incoming *c, const char *from, const char *message_id)
{
	if (c->ring && c->taken && !talk_call(c->talk) && returns_from(c, from) && jmi_ring_bounced(c->ring, message_id))
		talk_end(c->talk, JC_NO_ANSWER, NULL);
}

/* The caller hears nothing of it, as of all who are blocked. */
void incoming_blocked(struct incoming *c)
{
	if (c->taken || talk_is_ending(c->talk) || phone_standing(c->env.phone, c->peer) != STANDING_BLOCKED)
		return;
	stop_ringing(c);
	talk_end(c->talk, JC_NO_ANSWER, NULL);
}

void incoming_gone(struct incoming *c, const char *full_jid)
{
	if (strcmp(c->peer, full_jid) == 0)
		talk_peer_gone(c->talk);
}

gboolean incoming_is(const struct incoming *c, const char *peer, const char *id)
{
	return c->ring && strcmp(id, jmi_ring_id(c->ring)) == 0 && strcmp(peer, c->peer) == 0;
}

/* ---- what our user wants ---- */

gboolean incoming_is_ringing(const struct incoming *c)
{
	return !c->taken && !talk_is_ending(c->talk);
}

void incoming_end(struct incoming *c)
{
	if (talk_is_ending(c->talk))
		return;
	if (c->taken)
		talk_end(c->talk, talk_is_accepted(c->talk) ? JC_OK : JC_CANCELLED, NULL);
	else
		decline(c, JC_DECLINED, NULL);
}

gboolean incoming_is_from_stranger(const struct incoming *c)
{
	return c->stranger && !c->taken;
}

void incoming_leave(struct incoming *c)
{
	if (!incoming_is_from_stranger(c)) {
		incoming_end(c);
		return;
	}
	stop_ringing(c);
	talk_end(c->talk, JC_NO_ANSWER, NULL);
}

struct talk *incoming_talk(const struct incoming *c)
{
	return c->talk;
}

guint incoming_number(const struct incoming *c)
{
	return c->number;
}

void incoming_status(const struct incoming *c, struct fields *out)
{
	fields_add_int(out, "call", c->number);
	fields_add_string(out, "direction", "in");
	talk_status(c->talk, c->taken ? "connecting" : "ringing", out);
}
