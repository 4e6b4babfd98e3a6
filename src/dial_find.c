#include "dial_priv.h"
#include "random.h"
#include "text.h"

enum { UNSAFE_GRACE_S = 9, ASK_MS = 500, MAX_ASKED = 8 };

#define UNSAFE_TEXT "its client cannot encrypt calls (DTLS-SRTP), so it is not called"

/* ---- one device, named by the user ---- */

void dial_offer_to(struct dial *d, const char *sid, const char *full_jid)
{
	g_autofree char *clean = text_clean(full_jid, TEXT_SHORT);

	ui_event(d->ui, "offering", "peer", "s", clean, NULL);
	talk_dial(d->talk, sid, full_jid);
}

static void refuse_peer(struct dial *d, unsigned can)
{
	if ((can & CAN_JINGLE) && !(can & CAN_DTLS))
		dial_end(d, JC_SECURITY, UNSAFE_TEXT);
	else if ((can & CAN_CALL_SDES) == CAN_CALL_SDES)
		dial_end(d, JC_UNSUPPORTED_TRANSPORT, NULL);
	else
		dial_end(d, JC_UNAVAILABLE, "its client does not take Jingle voice calls");
}

static void on_full_jid(void *ctx, enum iq_cond cond, unsigned can)
{
	struct dial *d = ctx;

	d->disco_handle = 0;
	if (cond != COND_OK)
		dial_end(d, JC_UNAVAILABLE, cond == COND_TIMEOUT ? "its client did not answer" : NULL);
	else if (!disco_fits(phone_disco(d->phone), can, phone_needs(d->phone, d->bare)))
		refuse_peer(d, can);
	else
		dial_offer_to(d, d->sid, d->options.callee);
}

void dial_full_jid(struct dial *d)
{
	d->disco_handle = disco_query(phone_disco(d->phone), d->options.callee, on_full_jid, d);
}

/* ---- the other way where nobody takes a proposal ---- */

static gboolean on_unsafe(gpointer data)
{
	struct dial *d = data;

	d->unsafe_timer = 0;
	dial_end(d, JC_SECURITY, UNSAFE_TEXT);		/* which takes the proposal back */
	return G_SOURCE_REMOVE;
}

/* All that is online lacks encryption, and does not know what a proposal is. A phone that is asleep may know better: its
 * server wakes it up for the proposal. */
static void wait_for_better(struct dial *d)
{
	ui_event(d->ui, "unsafe", "peer", "s", d->shown, NULL);
	ui_say(d->ui, "A client that cannot encrypt calls is online, which is not called; waiting for another");
	d->unsafe_timer = g_timeout_add_seconds(UNSAFE_GRACE_S, on_unsafe, d);
}

/* The proposal met silence. A device that knows JMI may still be ringing without a word (Dino), so only one that does not
 * know it is called directly; the proposal stays open until that call has arrived. */
static void on_best(void *ctx, const char *full_jid, unsigned can, unsigned online)
{
	struct dial *d = ctx;
	g_autofree char *sid = NULL;

	d->disco_handle = 0;
	if ((can & CAN_JMI) || talk_call(d->talk))
		return;
	if (!full_jid) {
		if ((can & CAN_JINGLE) && (phone_needs(d->phone, d->bare) & ~can & CAN_DTLS))
			wait_for_better(d);
		return;
	}
	sid = random_uuid();
	d->falling_back = TRUE;
	dial_offer_to(d, sid, full_jid);
}

void dial_look_for_other(struct dial *d)
{
	d->disco_handle = disco_best(phone_disco(d->phone), d->bare, phone_needs(d->phone, d->bare), on_best, d);
}

/* ---- what the device that takes the call likes ---- */

static void ignore_features(void *ctx, enum iq_cond cond, unsigned can)
{
}

void dial_ask_ahead(struct dial *d, const char *full_jid)
{
	if (!d->jmi || d->asked >= MAX_ASKED || !jid_resource(full_jid) || !jid_same_bare(full_jid, d->bare) ||
	    disco_known(phone_disco(d->phone), full_jid))
		return;
	d->asked++;
	disco_query(phone_disco(d->phone), full_jid, ignore_features, NULL);
}

/* Whatever was found out, phone_dial makes the best of it. */
static void on_features(void *ctx, enum iq_cond cond, unsigned can)
{
	struct dial *d = ctx;

	d->disco_handle = 0;
	g_clear_handle_id(&d->ask_timer, g_source_remove);
	if (!talk_is_ending(d->talk))
		talk_dial(d->talk, d->sid, d->proceeded);
}

static gboolean on_ask_timer(gpointer data)
{
	struct dial *d = data;

	d->ask_timer = 0;
	disco_cancel(phone_disco(d->phone), d->disco_handle);
	on_features(d, COND_TIMEOUT, 0);
	return G_SOURCE_REMOVE;
}

/* What the device likes of an offer (rule R2), if that is not known yet; the person there waits already. */
void dial_offer_informed(struct dial *d)
{
	if (disco_known(phone_disco(d->phone), d->proceeded)) {
		talk_dial(d->talk, d->sid, d->proceeded);
		return;
	}
	d->disco_handle = disco_query(phone_disco(d->phone), d->proceeded, on_features, d);
	if (!phone_should_ask(d->phone, d->proceeded))
		d->ask_timer = g_timeout_add(ASK_MS, on_ask_timer, d);
}
