#include "answer.h"

#include <string.h>

#include "busy.h"
#include "incoming.h"
#include "log.h"
#include "process.h"
#include "strangers.h"
#include "text.h"

enum { STORED_MOST = 32 };			/* proposals the server had kept; one more is for the list of missed calls */

struct answer {
	struct phone *phone;
	struct ui *ui;
	struct answer_options options;
	void (*done)(void *ctx, const char *peer, enum jc_err err, const char *text);
	void *ctx;
	struct busy *busy;
	struct strangers *strangers;
	GPtrArray *stored;		/* struct stored *: proposals the server had kept, the oldest first */
	gboolean waits;			/* with them, for what else the server has kept */
	GPtrArray *calls;		/* struct incoming *, the one that came last at the end */
	guint count;			/* of all that came */
};

struct stored {
	char *from, *id;
	gint64 at_s;
};

static void free_stored(gpointer data)
{
	struct stored *s = data;

	g_free(s->from);
	g_free(s->id);
	g_free(s);
}

/* ---- who may ---- */

static gboolean is_wanted(const struct answer *a, const char *from)
{
	switch (phone_standing(a->phone, from)) {
	case STANDING_BLOCKED:
	case STANDING_SERVER:
		return FALSE;
	case STANDING_STRANGER:
		return !a->options.ignore_strangers;
	default:
		return TRUE;
	}
}

static gboolean may_ring(const struct answer *a, const char *from)
{
	gboolean may = a->options.auto_accept ? phone_is_allowed(a->phone, from) : is_wanted(a, from);

	if (!may)
		log_info("answer", "a call of %s, whose calls are not taken, was ignored", from);
	return may;
}

static gboolean is_stranger(const struct answer *a, const char *from)
{
	return !a->options.auto_accept && phone_standing(a->phone, from) == STANDING_STRANGER;
}

static struct incoming *ringing_stranger(const struct answer *a)
{
	for (guint i = 0; i < a->calls->len; i++)
		if (incoming_is_from_stranger(a->calls->pdata[i]))
			return a->calls->pdata[i];
	return NULL;
}

/* Whoever is no stranger does not count a stranger who rings: that call makes way for theirs. */
static guint count_firm(const struct answer *a)
{
	guint count = 0;

	for (guint i = 0; i < a->calls->len; i++)
		count += !incoming_is_from_stranger(a->calls->pdata[i]);
	return count;
}

static gboolean has_files(void)
{
	gboolean has = process_has_files(FILES_OF_CALL);

	if (!has)
		log_warn("answer", "a caller hears busy: no more files may be opened (ulimit -n)");
	return has;
}

static gboolean is_full(const struct answer *a)
{
	return count_firm(a) >= a->options.max_calls || !has_files();
}

/* For the call of somebody who is no stranger. */
static void make_way(struct answer *a)
{
	struct incoming *stranger = ringing_stranger(a);

	if (stranger && a->calls->len >= a->options.max_calls)
		incoming_leave(stranger);
}

/* One stranger rings at a time, beside nobody, and not too often (strangers.h): a flood of them is no more than that. */
static gboolean stranger_may_ring(struct answer *a, const char *from)
{
	gboolean may = a->calls->len < a->options.max_calls && !ringing_stranger(a) &&
		strangers_may_ring(a->strangers, from, clock_ms());

	if (!may)
		log_info("answer", "a call of %s, a stranger, was ignored: there are too many", from);
	return may;
}

/* ---- what the calls say ---- */

static void on_keep(void *ctx, const struct call_entry *e, gboolean over)
{
	struct answer *a = ctx;

	a->options.keep(a->ctx, e, over);
}

/* Nobody was asked. */
static void keep_refused(void *ctx, const char *from, const char *id)
{
	struct answer *a = ctx;
	struct call_entry e = {.at_s = clock_s(), .incoming = TRUE, .outcome = JC_BUSY, .peer = (char *)from, .id = (char *)id};
	g_autofree char *shown = text_clean(from, TEXT_SHORT);

	ui_event(a->ui, "refused", "peer", "s", shown, "reason", "s", jc_symbol(JC_BUSY), NULL);
	a->options.keep(a->ctx, &e, TRUE);
}

static void on_over(void *ctx, struct incoming *c, const char *peer, enum jc_err err, const char *text)
{
	struct answer *a = ctx;
	g_autofree char *who = g_strdup(peer), *words = g_strdup(text);

	gboolean displaced = incoming_was_displaced(c);

	g_ptr_array_remove(a->calls, c);
	incoming_free(c);
	if (!displaced)			/* else its caller has gone on in another call */
		a->done(a->ctx, who, err, words);
}

static gboolean on_request(void *self, const struct request *r, struct fields *reply, GError **error)
{
	return answer_request(self, r, reply, error);
}

static struct incoming_env env_of(struct answer *a)
{
	return (struct incoming_env){.phone = a->phone, .ui = a->ui, .options = &a->options,
		.handler = {.request = on_request, .self = a}, .keep = on_keep, .over = on_over, .ctx = a};
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
	a->strangers = strangers_new();
	a->stored = g_ptr_array_new_with_free_func(free_stored);
	a->calls = g_ptr_array_new();
	phone_allow(phone, options->allow, options->allow_contacts);
	return a;
}

void answer_free(struct answer *a)
{
	if (!a)
		return;
	busy_free(a->busy);
	strangers_free(a->strangers);
	g_ptr_array_unref(a->stored);
	g_ptr_array_unref(a->calls);
	g_free(a);
}

static gboolean has_come(const struct answer *a, const char *from, const char *id)
{
	for (guint i = 0; i < a->calls->len; i++)
		if (incoming_is(a->calls->pdata[i], from, id))
			return TRUE;
	return FALSE;
}

static gboolean migrates(struct answer *a, const char *id, const char *from)
{
	for (guint i = 0; i < a->calls->len; i++)
		if (incoming_migrate(a->calls->pdata[i], id, from))
			return TRUE;
	return FALSE;
}

/* FROM's call with a command goes on as another call with another command. */
static gboolean displaces(struct answer *a, const char *id, const char *from)
{
	struct incoming_env env = env_of(a);
	struct incoming *next;

	for (guint i = 0; i < a->calls->len; i++)
		if (incoming_displace(a->calls->pdata[i], id, from)) {
			next = incoming_propose(&env, ++a->count, from, id);
			g_ptr_array_add(a->calls, next);
			incoming_take(next);
			return TRUE;
		}
	return FALSE;
}

static void take_proposal(struct answer *a, const char *from, const char *id)
{
	struct incoming_env env = env_of(a);

	if (has_come(a, from, id))		/* once more: by a carbon, or to this device by itself */
		return;
	if (migrates(a, id, from) || displaces(a, id, from))
		return;
	if (is_stranger(a, from) && !stranger_may_ring(a, from))
		return;
	if (is_full(a)) {
		busy_propose(a->busy, from, id);
		return;
	}
	make_way(a);
	g_ptr_array_add(a->calls, incoming_propose(&env, ++a->count, from, id));
}

/* ---- what the server had kept for us: a proposal may be followed by its end, and then nobody is there any more ---- */

static void on_all_come(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct answer *a = ctx;
	GPtrArray *stored = g_steal_pointer(&a->stored);

	a->stored = g_ptr_array_new_with_free_func(free_stored);
	a->waits = FALSE;
	for (guint i = 0; i < stored->len; i++) {
		struct stored *s = stored->pdata[i];

		take_proposal(a, s->from, s->id);
	}
	g_ptr_array_unref(stored);
}

static void store(struct answer *a, const struct elem *message, const char *from, const char *id)
{
	struct stored *s;

	if (a->stored->len >= STORED_MOST)
		return;
	s = g_new(struct stored, 1);
	*s = (struct stored){.from = g_strdup(from), .id = g_strdup(id), .at_s = jmi_sent_at(message, clock_s())};
	g_ptr_array_add(a->stored, s);
	if (!a->waits)
		phone_after(a->phone, on_all_come, a);
	a->waits = TRUE;
}

/* Its end came with it: one who has given up was missed; what another device of ours has dealt with is nothing to us. */
static void end_stored(struct answer *a, const char *from, const struct jmi_msg *m, gboolean ours)
{
	for (guint i = a->stored->len; i-- > 0;) {
		struct stored *s = a->stored->pdata[i];
		struct call_entry e = {.at_s = s->at_s, .incoming = TRUE, .outcome = JC_NO_ANSWER, .peer = s->from, .id = s->id};

		if (m->kind == JMI_RINGING || strcmp(s->id, m->id) != 0 || !(ours || jid_same_bare(from, s->from)))
			continue;
		if (!ours)
			a->options.keep(a->ctx, &e, TRUE);
		g_ptr_array_remove_index(a->stored, i);
	}
}

static void on_propose(struct answer *a, const struct elem *message, const char *from, const struct jmi_msg *m)
{
	if (jmi_is_old(message, clock_s()) || !m->audio || !jid_resource(from) || !may_ring(a, from))
		return;
	if (elem_child(message, "delay", "urn:xmpp:delay"))
		store(a, message, from, m->id);
	else
		take_proposal(a, from, m->id);
}

void answer_jmi(struct answer *a, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours)
{
	if (m->kind == JMI_PROPOSE) {
		if (!ours)
			on_propose(a, message, from, m);
		return;
	}
	busy_hear(a->busy, from, m, ours);
	end_stored(a, from, m, ours);
	for (guint i = 0; i < a->calls->len; i++)
		incoming_jmi(a->calls->pdata[i], from, m, ours);
}

void answer_spoilt(struct answer *a, const char *from)
{
	for (guint i = 0; i < a->calls->len; i++)
		incoming_spoilt(a->calls->pdata[i], from);
}

void answer_offer(struct answer *a, struct iq *iq, const struct jingle_msg *m)
{
	struct incoming_env env = env_of(a);
	const char *from = iq_from(iq);

	for (guint i = 0; i < a->calls->len; i++)
		if (incoming_follow_up(a->calls->pdata[i], iq, m))
			return;
	if (!may_ring(a, from))
		return;				/* answered like any unknown request */
	if (is_full(a)) {
		if (phone_refuse(a->phone, iq, m, JC_BUSY))
			keep_refused(a, from, m->sid);
		answer_spoilt(a, from);		/* it has another id than the call that waits for it */
		return;
	}
	make_way(a);
	g_ptr_array_add(a->calls, incoming_offer(&env, ++a->count, iq, m));
}

void answer_bounced(struct answer *a, const char *from, const char *message_id)
{
	for (guint i = 0; i < a->calls->len; i++)
		incoming_bounced(a->calls->pdata[i], from, message_id);
}

void answer_blocked(struct answer *a)
{
	for (guint i = 0; i < a->calls->len; i++)
		incoming_blocked(a->calls->pdata[i]);
}

void answer_gone(struct answer *a, const char *full_jid)
{
	for (guint i = 0; i < a->calls->len; i++)
		incoming_gone(a->calls->pdata[i], full_jid);
}

gboolean answer_is_idle(const struct answer *a)
{
	return a->calls->len == 0;
}

/* ---- which call ---- */

static struct incoming *by_number(const struct answer *a, guint number)
{
	for (guint i = 0; i < a->calls->len; i++)
		if (incoming_number(a->calls->pdata[i]) == number)
			return a->calls->pdata[i];
	return NULL;
}

static struct incoming *last(const struct answer *a, gboolean ringing)
{
	for (guint i = a->calls->len; i-- > 0;)
		if (incoming_is_ringing(a->calls->pdata[i]) == ringing)
			return a->calls->pdata[i];
	return NULL;
}

/* A key is for the call that asks, else for the one taken last. */
static struct incoming *at_hand(const struct answer *a)
{
	struct incoming *ringing = last(a, TRUE);

	return ringing ? ringing : last(a, FALSE);
}

static gboolean is_for_ringing(const struct request *r)
{
	return r->verb == VERB_ANSWER || r->verb == VERB_REJECT;
}

static gboolean can_be_meant(const struct incoming *c, const struct request *r)
{
	return (!r->call || incoming_number(c) == r->call) && (!is_for_ringing(r) || incoming_is_ringing(c));
}

/* The call that R is about: the one it names, else the only one in question. */
static struct incoming *meant(const struct answer *a, const struct request *r, GError **error)
{
	struct incoming *found = NULL;
	guint fit = 0;

	for (guint i = 0; i < a->calls->len; i++)
		if (can_be_meant(a->calls->pdata[i], r)) {
			found = a->calls->pdata[i];
			fit++;
		}
	if (fit == 1)
		return found;
	if (fit > 1)
		g_set_error(error, JC_ERROR, JC_REFUSED, "there are %u calls: say which one", fit);
	else if (r->call && !by_number(a, r->call))
		g_set_error(error, JC_ERROR, JC_REFUSED, "there is no call %u", r->call);
	else
		g_set_error(error, JC_ERROR, JC_REFUSED, is_for_ringing(r) ? "no call rings" : "there is no call");
	return NULL;
}

/* ---- what our user wants ---- */

static void say_keys(struct answer *a, const struct incoming *call)
{
	if (!call) {
		ui_say(a->ui, "  q         ends");
		return;
	}
	if (incoming_is_ringing(call))
		ui_say(a->ui, "  y or a    takes the call\n  n         declines it");
	ui_say(a->ui, "  q         %s", incoming_is_ringing(call) ? "declines it, too" : "hangs up");
	talk_say_keys(incoming_talk(call));
}

void answer_key(struct answer *a, int c)
{
	struct incoming *call = at_hand(a);

	if (c == '?')
		say_keys(a, call);
	if (!call)
		return;
	if (incoming_is_ringing(call) && (c == 'y' || c == 'Y' || c == 'a'))
		incoming_take(call);
	else if (incoming_is_ringing(call) && (c == 'n' || c == 'N'))
		incoming_end(call);
	else
		talk_key(incoming_talk(call), c);
}

gboolean answer_hangup(struct answer *a)
{
	for (guint i = 0; i < a->calls->len; i++)
		incoming_end(a->calls->pdata[i]);
	return a->calls->len > 0;
}

gboolean answer_leave(struct answer *a)
{
	for (guint i = 0; i < a->calls->len; i++)
		incoming_leave(a->calls->pdata[i]);
	return a->calls->len > 0;
}

void answer_mute(struct answer *a, gboolean muted)
{
	for (guint i = 0; i < a->calls->len; i++)
		talk_mute(incoming_talk(a->calls->pdata[i]), muted);
}

static void tell_status(const struct answer *a, struct fields *reply)
{
	GPtrArray *list = g_ptr_array_new();

	for (guint i = 0; i < a->calls->len; i++) {
		struct fields *one = fields_new();

		incoming_status(a->calls->pdata[i], one);
		g_ptr_array_add(list, one);
	}
	fields_add_list(reply, "calls", list);
}

gboolean answer_request(struct answer *a, const struct request *r, struct fields *reply, GError **error)
{
	struct incoming *c;

	if (r->verb == VERB_STATUS) {
		tell_status(a, reply);
		return TRUE;
	}
	c = meant(a, r, error);
	if (!c)
		return FALSE;
	if (r->verb == VERB_ANSWER)
		incoming_take(c);
	else if (r->verb == VERB_REJECT || r->verb == VERB_HANGUP)
		incoming_end(c);
	else
		return talk_request(incoming_talk(c), r, reply, error);
	return TRUE;
}
