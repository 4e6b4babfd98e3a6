#include "call_priv.h"

#include "jingle/addr.h"
#include "log.h"
#include "xmpp/extdisco.h"

static const struct { const struct jingle_transport *plug; const char *name; } kinds[] = {
	[TRANSPORT_ICE_UDP] = {&jingle_iceudp, "ICE-UDP"}, [TRANSPORT_RAW_UDP] = {&jingle_rawudp, "Raw UDP"}};

static enum transport_kind kind_of(const struct jingle_transport *plug)
{
	return plug == &jingle_rawudp ? TRANSPORT_RAW_UDP : TRANSPORT_ICE_UDP;
}

void call_way_init(struct call *c, const struct transport_list *transports, struct jingle_plugs *plugs)
{
	c->transports = *transports;
	c->way = transports->kind[0];
	call_names_init(c);
	c->ice = iceudp_new();
	c->raw = rawudp_new();
	iceudp_allow_loopback(c->ice, c->env->ice.loopback);
	rawudp_allow_loopback(c->raw, c->env->ice.loopback);
	for (size_t i = 0; i < transports->count; i++) {
		enum transport_kind kind = transports->kind[i];

		plugs->transports[plugs->ntransports++] = (struct jingle_how){
			.plug = kinds[kind].plug, .self = kind == TRANSPORT_RAW_UDP ? (void *)c->raw : (void *)c->ice};
	}
}

void call_way_free(struct call *c)
{
	call_names_free(c);
	g_clear_handle_id(&c->hopeless_source, g_source_remove);
	iceudp_free(c->ice);
	rawudp_free(c->raw);
}

/* ---- ours ---- */

gboolean call_way_has_relay(const struct call_env *env)
{
	return extdisco_has_relay(&env->ice.servers);
}

gboolean call_way_hides(const struct call_env *env, enum call_relay relay)
{
	return relay == RELAY_ONLY || (relay == RELAY_IF_THERE && call_way_has_relay(env));
}

static gboolean relay_only(const struct call *c)
{
	return call_way_hides(c->env, c->relay);
}

static void take_way(struct call *c, enum transport_kind way)
{
	c->way = way;
	c->gathering = TRUE;
	c->have_creds = c->have_address = FALSE;
	c->tried |= 1u << way;
}

static void start_way(struct call *c)
{
	path_way(c->path, c->way, &c->env->ice.servers, relay_only(c));
	path_gather(c->path);
}

static void open_way(struct call *c, enum transport_kind way)
{
	take_way(c, way);
	start_way(c);
}

static gboolean on_hopeless(gpointer data)
{
	struct call *c = data;

	c->hopeless_source = 0;
	call_hangup(c, JC_NO_PATH, "only a relay may be used, and neither the server nor the configuration names one");
	return G_SOURCE_REMOVE;
}

void call_way_begin(struct call *c)
{
	if (c->gathering)
		return;
	c->wants_way = c->env->awaits_servers;
	if (c->wants_way)
		return;				/* call_servers_known comes back here */
	if (c->relay == RELAY_ONLY && !call_way_has_relay(c->env)) {
		if (!c->hopeless_source)		/* our caller's call lives until he has returned */
			c->hopeless_source = g_idle_add(on_hopeless, c);
		return;
	}
	take_way(c, jingle_is_initiator(c->session) ? c->way : kind_of(jingle_current_transport(c->session)));
	if (c->way == TRANSPORT_ICE_UDP && call_ahead_begin(c))
		return;
	call_ahead_drop(c);			/* first: a relay may have but one address for us */
	start_way(c);
}

void call_servers_known(struct call *c)
{
	if (c->wants_way)
		call_way_begin(c);
}

/* ICE can go on telling addresses (RFC 8838); the one of Raw UDP is REQUIRED from the start (XEP-0177). */
gboolean call_way_ready(const struct call *c)
{
	return c->way == TRANSPORT_RAW_UDP ? c->have_address : c->have_creds;
}

void call_way_creds(struct call *c, const struct ice_creds *local)
{
	c->have_creds = TRUE;
	iceudp_local_creds(c->ice, local);
}

void call_way_candidate(struct call *c, const struct ice_cand *local)
{
	c->have_address = TRUE;
	if (c->way == TRANSPORT_RAW_UDP)
		rawudp_local(c->raw, local);
	else
		iceudp_local_cand(c->ice, local);
}

/* ---- theirs ---- */

void call_way_pass(struct call *c)
{
	struct ice_creds creds;
	struct ice_cand cand;

	if (c->way == TRANSPORT_RAW_UDP) {
		if (rawudp_remote(c->raw, &cand))
			path_remote_cand(c->path, &cand);
		return;
	}
	if (iceudp_remote_creds(c->ice, &creds))
		path_remote_creds(c->path, &creds);
	while (iceudp_remote_cand(c->ice, &cand)) {
		if (addr_is_mdns(cand.ip))
			call_names_add(c, &cand);
		else
			path_remote_cand(c->path, &cand);
	}
	c->names_done = c->names_done || iceudp_remote_done(c->ice);
	call_names_settle(c);
}

/* ---- one after the other (XEP-0166 transport-replace) ---- */

void call_way_send_change(struct call *c)
{
	int change = c->change;

	if (change == SETTLED || !call_way_ready(c))
		return;
	c->change = SETTLED;
	if (change == TO_REPLACE)
		jingle_replace(c->session, call_now(c));
	else
		jingle_replace_accept(c->session, call_now(c));
}

/* A new way by ICE is sought while the old one stays in force. Where the peer seeks one already, our answer is as good. */
void call_way_renew(struct call *c)
{
	if (iceudp_owes_answer(c->ice))
		return;
	if (c->accepted && c->way == TRANSPORT_ICE_UDP && c->change == SETTLED)
		path_renew(c->path, &c->env->ice.servers, relay_only(c));
}

/* Raw UDP has no relay: there is nothing to fall back to where only that may be used. */
static gboolean next_way(const struct call *c, enum transport_kind *out)
{
	if (relay_only(c))
		return FALSE;
	for (size_t i = 0; i < c->transports.count; i++)
		if (!(c->tried & 1u << c->transports.kind[i])) {
			*out = c->transports.kind[i];
			return TRUE;
		}
	return FALSE;
}

/* The way has led nowhere: the next one, or the end. */
void call_way_failed(struct call *c, const GError *error)
{
	enum transport_kind next;

	if (!c->offered && !c->accepted) {
		call_hangup(c, (enum jc_err)error->code, error->message);
	} else if (c->change != SETTLED || !next_way(c, &next)) {
		call_hangup(c, JC_FAILED_TRANSPORT, error->message);
	} else {
		log_info("call", "%s failed (%s); trying %s", kinds[c->way].name, error->message, kinds[next].name);
		c->change = TO_REPLACE;
		open_way(c, next);
	}
}

/* Both may find out at the same time and want the same: then our side of it is known, or soon will be. The one in force
 * can be asked for, too: it is defined anew. */
void call_way_asked(struct call *c)
{
	enum transport_kind way = kind_of(jingle_asked_transport(c->session));

	if (!c->gathering) {			/* our user has not accepted: our address goes with the session-accept */
		jingle_replace_accept(c->session, call_now(c));
		return;
	}
	c->change = TO_TAKE;
	if (c->way != way || way == kind_of(jingle_current_transport(c->session)))
		open_way(c, way);
	call_way_send_change(c);
}
