#include "call_priv.h"

#include <string.h>

#include "log.h"
#include "random.h"
#include "text.h"

enum { OFFER_WAIT_MS = 500, FULL_WAIT_MS = 2000, ACK_TIMEOUT_MS = 20000, LEFT_WAIT_MS = 2000, PING_MS = 5000 };

struct query {			/* an IQ of ours that the peer has not answered yet */
	struct call *call;
	guint handle, tag;
};

gint64 call_now(const struct call *c)
{
	return c->env->now_ms();
}

/* ---- outputs of the session ---- */

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

/* RFC 6120 8.3.3.14: the address is the text of the condition. */
static const char *redirect_target(const struct elem *reply)
{
	return elem_text(elem_child(elem_child(reply, "error", NULL), "redirect", NS_STANZAS));
}

/* Any IQ of ours may be answered by <redirect/>, but only an offer that waits for its answer has
 * another address to go to. To every other one a redirection is a refusal like any other. */
static void on_answer(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct query *q = ctx;
	struct call *c = q->call;
	const char *to = redirect_target(reply);
	guint tag = q->tag;

	g_ptr_array_remove_fast(c->queries, q);
	if (cond == COND_REDIRECT && jingle_offer_waits(c->session, tag) && to) {
		c->ev.redirected(c->ev.self, to);
		return;
	}
	jingle_acked(c->session, tag, cond, call_now(c));
	call_pump(c);
}

static void send_jingle(struct call *c, struct elem *jingle, guint tag)
{
	struct query *q = g_new0(struct query, 1);

	q->call = c;
	q->tag = tag;
	g_ptr_array_add(c->queries, q);
	q->handle = stream_query(c->env->xmpp, jingle_peer(c->session), "set", jingle, ACK_TIMEOUT_MS, on_answer, q);
}

/* What the transport plug-in learnt of the peer goes to the media side. */
static void pass_transport(struct call *c)
{
	/* Before our own accept nothing of ours is up and our DTLS role is not settled: the plug-ins keep it. */
	if (!c->gathering || (!jingle_is_initiator(c->session) && !c->accepted))
		return;
	call_way_pass(c);
	call_keys_pass(c);
}

static void on_event(struct call *c, const struct jingle_out *out)
{
	switch (out->event) {
	case JINGLE_EV_INCOMING:
		c->ev.incoming(c->ev.self);
		break;
	case JINGLE_EV_DELIVERED:
		c->delivered = TRUE;
		c->ev.delivered(c->ev.self);
		break;
	case JINGLE_EV_RINGING:
		c->delivered = TRUE;
		c->ev.ringing(c->ev.self);
		break;
	case JINGLE_EV_ACCEPTED:
		c->accepted = TRUE;
		call_sound_accepted(c);
		c->ev.accepted(c->ev.self);	/* first: a ring tone on the output ends before the path takes it */
		if (!c->freed) {
			pass_transport(c);
			call_sound_go(c);
		}
		break;
	case JINGLE_EV_TRANSPORT:
		pass_transport(c);
		break;
	case JINGLE_EV_REPLACE_ASKED:
		call_way_asked(c);
		break;
	case JINGLE_EV_REPLACED:
		pass_transport(c);
		jingle_trickle(c->session, call_now(c));	/* what was found in between */
		break;
	case JINGLE_EV_CHANGED:
		call_sound_changed(c);
		break;
	case JINGLE_EV_ENDED:
		c->ev.ended(c->ev.self, out->err, out->reason, out->text, out->by_peer);
		break;
	}
}

static gboolean on_deadline(gpointer data)
{
	struct call *c = data;

	c->deadline_source = 0;
	jingle_expire(c->session, call_now(c));
	call_pump(c);
	return G_SOURCE_REMOVE;
}

static void schedule(struct call *c)
{
	gint64 deadline = jingle_deadline(c->session);

	if (deadline == c->deadline_ms && (c->deadline_source || deadline == G_MAXINT64))
		return;
	g_clear_handle_id(&c->deadline_source, g_source_remove);
	c->deadline_ms = deadline;
	if (deadline != G_MAXINT64)
		c->deadline_source = g_timeout_add((guint)CLAMP(deadline - call_now(c), 0, G_MAXINT), on_deadline, c);
}

/* An event's receiver may free the call. */
void call_pump(struct call *c)
{
	struct jingle_out out;

	c->pumping++;
	while (!c->freed && jingle_next(c->session, &out)) {
		if (out.kind == JINGLE_OUT_SEND)
			send_jingle(c, out.jingle, out.tag);
		else
			on_event(c, &out);
	}
	c->pumping--;
	if (!c->freed)
		schedule(c);
	else if (!c->pumping)
		g_free(c);
}

/* ---- what the path says ---- */

static void send_offer(struct call *c)
{
	if (!c->want_offer || c->offered || !call_way_ready(c))
		return;
	c->offered = TRUE;
	jingle_start(c->session, call_now(c));
	call_pump(c);
}

static void send_accept(struct call *c)
{
	if (!c->want_accept || !call_way_ready(c))
		return;
	c->want_accept = FALSE;
	jingle_accept(c->session, call_now(c));
	call_pump(c);
}

static void on_creds(void *self, const struct ice_creds *local)
{
	struct call *c = self;

	call_way_creds(c, local);
	if (c->accepted) {			/* of a new way: a restart (rule R23) */
		jingle_trickle(c->session, call_now(c));
		call_pump(c);
	}
}

/* Host addresses are known at once and all together: waiting until the main loop is idle puts them all into the offer or
 * the accept itself; what STUN and TURN find later is trickled. */
static gboolean on_idle(gpointer data)
{
	struct call *c = data;

	c->wait_source = 0;
	send_offer(c);
	if (c->want_accept)
		send_accept(c);
	return G_SOURCE_REMOVE;
}

static void send_soon(struct call *c)
{
	g_clear_handle_id(&c->wait_source, g_source_remove);
	if (c->want_all && !c->gathered)
		c->wait_source = g_timeout_add(FULL_WAIT_MS, on_idle, c);
	else
		c->wait_source = c->have_address ? g_idle_add(on_idle, c) : g_timeout_add(OFFER_WAIT_MS, on_idle, c);
}

static void on_candidate(void *self, const struct ice_cand *local)
{
	struct call *c = self;
	gboolean first = !c->have_address;

	call_way_candidate(c, local);
	call_way_send_change(c);
	if (c->offered || c->accepted)
		jingle_trickle(c->session, call_now(c));
	else if (first && (c->want_offer || c->want_accept))
		send_soon(c);
	call_pump(c);
}

static void on_gathered(void *self, unsigned candidates)
{
	struct call *c = self;

	log_debug("call", "%u addresses gathered", candidates);
	if (!candidates)
		log_warn("call", "no network address to offer");
	c->gathered = TRUE;
	if (c->want_all && c->wait_source)
		send_soon(c);
}

static void on_connected(void *self, const struct ice_cand *local, const struct ice_cand *remote)
{
	struct call *c = self;

	c->ev.connected(c->ev.self, local, remote);
}

static void on_stale(void *self)
{
	call_way_renew(self);
}

static void on_secured(void *self, const char *suite)
{
	struct call *c = self;

	if (call_keying(c) == KEYING_DTLS)		/* keys that are given prove nothing before something comes */
		jingle_proven(c->session);
	c->ev.secured(c->ev.self, suite);
}

static void on_flowing(void *self, gint64 at_us)
{
	struct call *c = self;

	jingle_proven(c->session);
	c->ev.flowing(c->ev.self, at_us);
}

static void on_heard(void *self, gint64 at_us)
{
	struct call *c = self;

	c->ev.heard(c->ev.self, at_us);
}

static gboolean on_ping(gpointer data)
{
	struct call *c = data;

	jingle_ping(c->session, call_now(c));
	call_pump(c);
	return G_SOURCE_CONTINUE;
}

static void on_unstable(void *self, gboolean silent)
{
	struct call *c = self;

	if (silent && !c->ping_source) {	/* has its client been started anew? Then there is nothing to wait for */
		c->ping_source = g_timeout_add(PING_MS, on_ping, c);
		jingle_ping(c->session, call_now(c));
	} else if (!silent && c->ping_source) {
		g_source_remove(c->ping_source);
		c->ping_source = 0;
	}
	c->ev.unstable(c->ev.self, silent);
	call_pump(c);
}

static void on_digit(void *self, char digit)
{
	struct call *c = self;

	c->ev.digit(c->ev.self, digit);
}

static void on_voice(void *self, gboolean speaking)
{
	struct call *c = self;

	c->ev.voice(c->ev.self, speaking);
}

static void on_in_ended(void *self, const struct audio_in *in, const GError *fault)
{
	struct call *c = self;

	c->ev.in_ended(c->ev.self, in, fault);
}

static void on_out_ended(void *self, const struct audio_out *out, const GError *fault)
{
	struct call *c = self;

	c->ev.out_ended(c->ev.self, out, fault);
}

static void on_measured(void *self)
{
	struct call *c = self;

	c->ev.measured(c->ev.self);
}

static void on_way_failed(void *self, const GError *error)
{
	call_way_failed(self, error);
}

static void on_failed(void *self, const GError *error)
{
	struct call *c = self;

	call_hangup(c, (enum jc_err)error->code, error->message);
}

/* RTCP BYE or a DTLS close normally comes just before the session-terminate, which says more; but it can be all that comes. */
static gboolean on_left_timeout(gpointer data)
{
	struct call *c = data;

	c->left_source = 0;
	call_hangup(c, JC_OK, NULL);
	return G_SOURCE_REMOVE;
}

static void on_peer_left(void *self)
{
	struct call *c = self;

	if (!c->left_source)
		c->left_source = g_timeout_add(LEFT_WAIT_MS, on_left_timeout, c);
}

struct path_events call_path_events(struct call *c)
{
	return (struct path_events){
		.creds = on_creds, .candidate = on_candidate, .gathered = on_gathered, .connected = on_connected,
		.secured = on_secured, .flowing = on_flowing, .heard = on_heard, .unstable = on_unstable, .digit = on_digit,
		.voice = on_voice, .in_ended = on_in_ended, .out_ended = on_out_ended, .measured = on_measured, .way_failed = on_way_failed, .stale = on_stale, .failed = on_failed,
		.peer_left = on_peer_left, .self = c};
}

/* ---- making and unmaking ---- */

static struct call *new_call(const struct call_env *env, const char *sid, const char *peer, gboolean initiator,
			     const struct call_terms *terms, const struct call_events *events)
{
	struct call *c = g_new0(struct call, 1);
	struct path_events path_events = call_path_events(c);
	struct link_options ice = env->ice;
	g_autofree char *cname = random_uuid();
	struct jingle_plugs plugs = {.napps = 1};

	c->env = env;
	c->ev = *events;
	c->deadline_ms = G_MAXINT64;
	c->volume = 100;
	c->queries = g_ptr_array_new_with_free_func(g_free);
	cname[16] = '\0';
	c->app = rtp_app_new(&env->wishes, random_u32(), cname);
	plugs.apps[0] = (struct jingle_what){&jingle_rtp, c->app};
	c->relay = terms->relay;
	call_keys_init(c, &terms->keyings, &plugs);
	call_way_init(c, &terms->transports, &plugs);
	c->session = (initiator ? jingle_dial : jingle_incoming)(sid, stream_jid(env->xmpp), peer, &plugs);
	ice.controlling = initiator;
	c->path = path_new(env->media, &ice, env->cert, &path_events);
	explicit_bzero(&ice.servers, sizeof(ice.servers));
	return c;
}

struct call *call_dial(const struct call_env *env, const char *sid, const char *peer, const struct call_terms *terms,
		       const struct call_events *events)
{
	return new_call(env, sid, peer, TRUE, terms, events);
}

struct call *call_incoming(const struct call_env *env, const char *sid, const char *peer, const struct call_terms *terms,
			   const struct call_events *events)
{
	return new_call(env, sid, peer, FALSE, terms, events);
}

void call_free(struct call *c, void (*done)(void *ctx, const struct media_stats *stats), void *ctx)
{
	g_clear_handle_id(&c->deadline_source, g_source_remove);
	g_clear_handle_id(&c->wait_source, g_source_remove);
	g_clear_handle_id(&c->left_source, g_source_remove);
	g_clear_handle_id(&c->ping_source, g_source_remove);
	for (guint i = 0; i < c->queries->len; i++)
		stream_query_cancel(c->env->xmpp, ((struct query *)c->queries->pdata[i])->handle);
	g_ptr_array_unref(c->queries);
	call_ahead_drop(c);
	path_close(c->path, done, ctx);
	jingle_free(c->session);
	rtp_app_free(c->app);
	call_way_free(c);
	call_keys_free(c);
	c->freed = TRUE;
	if (!c->pumping)
		g_free(c);
}

/* ---- wishes ---- */

void call_prepare(struct call *c)
{
	call_way_begin(c);
}

void call_want_all(struct call *c)
{
	c->want_all = TRUE;
}

void call_offer(struct call *c)
{
	call_prepare(c);
	c->want_offer = TRUE;
	send_soon(c);
}

enum iq_cond call_recv(struct call *c, const struct jingle_msg *m)
{
	return jingle_recv(c->session, m, call_now(c));
}

void call_ring(struct call *c)
{
	jingle_ring(c->session, call_now(c));
	call_pump(c);
}

void call_accept(struct call *c)
{
	call_prepare(c);
	c->want_accept = TRUE;
	send_soon(c);
}

void call_hangup(struct call *c, enum jc_err err, const char *text)
{
	jingle_end(c->session, err, text, call_now(c));
	call_pump(c);
}

const char *call_sid(const struct call *c)
{
	return jingle_sid(c->session);
}

enum transport_kind call_transport(const struct call *c)
{
	return c->way;
}

const char *call_peer(const struct call *c)
{
	return jingle_peer(c->session);
}

gboolean call_is_accepted(const struct call *c)
{
	return c->accepted;
}

gboolean call_awaits(const struct call *c, const char *peer)
{
	return c->offered && !c->accepted && strcmp(call_peer(c), peer) == 0;
}

gboolean call_was_offered(const struct call *c)
{
	return c->offered;
}

gboolean call_was_delivered(const struct call *c)
{
	return c->delivered;
}

unsigned call_peer_flags(const struct call *c)
{
	return rtp_app_flags(c->app);
}

void call_stats(const struct call *c, struct media_stats *out)
{
	path_stats(c->path, out);
}

void call_watch(struct call *c, gboolean watched)
{
	path_watch(c->path, watched);
}

gint64 call_silent_us(const struct call *c)
{
	return path_silent_us(c->path);
}
