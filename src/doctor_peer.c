#include "doctor.h"

#include "text.h"
#include "xmpp/disco.h"

enum { PRESENCE_MS = 2000, ANSWER_MS = 4000 };	/* for presence to come; and for its devices to tell what they can do */

#define NOT_SEEN "if that is a mistake: each must have the other on the contact list, and see his presence"

struct peer_check {
	struct finding *g;
	struct disco *disco;
	const char *peer;
	unsigned needed;
	guint handle, timer;
};

static void stop(struct peer_check *p)
{
	disco_cancel(p->disco, p->handle);
	p->handle = 0;
	g_clear_handle_id(&p->timer, g_source_remove);
}

/* What a device, or all of them together, cannot. */
static void tell_lack(struct peer_check *p, unsigned can)
{
	if (!(can & CAN_JINGLE) || !(can & CAN_RTP_AUDIO))
		finding_fail(p->g, JC_UNAVAILABLE, "he needs a client for voice calls by Jingle", "his client does not take Jingle voice calls");
	else if (p->needed & ~can & CAN_DTLS)
		finding_fail(p->g, JC_SECURITY, "he needs a client with DTLS-SRTP; or allow SDES for this contact in the configuration",
			     "his client cannot encrypt calls (DTLS-SRTP), so it is not called");
	else
		finding_fail(p->g, JC_UNSUPPORTED_TRANSPORT, "see 'transports' in the configuration", "his client has no transport that we have");
}

static void on_one(void *ctx, enum iq_cond cond, unsigned can)
{
	struct peer_check *p = ctx;

	p->handle = 0;
	stop(p);
	if (cond != COND_OK)
		finding_fail(p->g, JC_UNAVAILABLE, NOT_SEEN, "that device cannot be asked: %s", cond_words(cond));
	else if (disco_fits(p->disco, can, p->needed))
		finding_ok(p->g, "that device can be called");
	else
		tell_lack(p, can);
}

static void on_best(void *ctx, const char *full_jid, unsigned can, unsigned online)
{
	struct peer_check *p = ctx;
	g_autofree char *shown = text_clean(full_jid, TEXT_LONG);

	p->handle = 0;
	stop(p);
	if (!online)
		finding_warn(p->g, NOT_SEEN, "none of his devices is to be seen; a phone that is asleep may ring all the same");
	else if (full_jid)
		finding_ok(p->g, "would ring: %u device%s online, best is %s", online, online == 1 ? "" : "s", shown);
	else if (!can)
		finding_warn(p->g, NULL, "%u device%s online, but none tells what it can do", online, online == 1 ? "" : "s");
	else
		tell_lack(p, can);
}

static gboolean on_silence(gpointer data)
{
	struct peer_check *p = data;

	p->timer = 0;
	stop(p);
	finding_warn(p->g, NULL, "his devices do not tell within %d s what they can do", ANSWER_MS / 1000);
	return G_SOURCE_REMOVE;
}

static gboolean on_presence_there(gpointer data)
{
	struct peer_check *p = data;

	p->timer = g_timeout_add(ANSWER_MS, on_silence, p);
	p->handle = disco_best(p->disco, p->peer, p->needed, on_best, p);
	return G_SOURCE_REMOVE;
}

struct peer_check *peer_check_begin(struct finding *g, struct disco *disco, const char *peer, unsigned needed)
{
	struct peer_check *p = g_new0(struct peer_check, 1);

	*p = (struct peer_check){.g = g, .disco = disco, .peer = peer, .needed = needed};
	if (jid_resource(peer)) {
		p->timer = g_timeout_add(ANSWER_MS, on_silence, p);
		p->handle = disco_query(disco, peer, on_one, p);
	} else {
		p->timer = g_timeout_add(PRESENCE_MS, on_presence_there, p);
	}
	return p;
}

void peer_check_free(struct peer_check *p)
{
	if (!p)
		return;
	stop(p);
	g_free(p);
}
