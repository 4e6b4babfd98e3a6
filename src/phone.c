#include "phone.h"

#include <string.h>

#include "log.h"
#include "net/netwatch.h"
#include "terms.h"
#include "text.h"

enum { AFTER_MS = 3000, REFUSALS = 8, REFUSALS_MS = 10000 };	/* so many callers are told that we are busy in that time */

struct phone {
	struct phone_events ev;
	struct ui *ui;
	const struct config *config;
	struct stream *xmpp;
	struct disco *disco;
	struct roster *roster;
	struct blocklist *blocklist;
	struct standings *standings;
	struct extdisco *extdisco;
	struct netwatch *netwatch;
	gboolean relay_only;		/* with everybody */
	struct archive *archive;
	struct media_thread *media;
	struct dtls_cert *cert;
	struct call_env env;
	GPtrArray *calls;		/* struct call *, not owned */
	struct { gint64 start, dns, tcp, tls, auth, bind; } phases;	/* [us, monotonic] */
	gint64 refused_ms[REFUSALS];	/* when; 0: not yet */
	unsigned refusals;
};

gint64 clock_ms(void)
{
	return g_get_monotonic_time() / 1000;
}

gint64 clock_s(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

/* ---- routing ---- */

static struct call *find_call(const struct phone *p, const char *peer, const char *sid)
{
	for (guint i = 0; i < p->calls->len; i++) {
		struct call *c = p->calls->pdata[i];

		if (strcmp(call_sid(c), sid) == 0 && strcmp(call_peer(c), peer) == 0)
			return c;
	}
	return NULL;
}

static gboolean is_ours(const struct phone *p, const char *jid)
{
	return jid_same_bare(jid, stream_jid(p->xmpp));
}

static gboolean has_call_with(const struct phone *p, const char *jid)
{
	for (guint i = 0; i < p->calls->len; i++)
		if (jid_same_bare(jid, call_peer(p->calls->pdata[i])))
			return TRUE;
	return FALSE;
}

enum standing phone_standing(const struct phone *p, const char *jid)
{
	enum standing standing = standings_of(p->standings, jid);

	return standing == STANDING_STRANGER && has_call_with(p, jid) ? STANDING_KNOWN : standing;
}

gboolean phone_may_know(const struct phone *p, const char *jid)
{
	return standing_may_know(phone_standing(p, jid));
}

void phone_allow(struct phone *p, const GPtrArray *allow, gboolean contacts)
{
	standings_allow(p->standings, allow, contacts);
}

gboolean phone_is_allowed(const struct phone *p, const char *jid)
{
	return standings_is_allowed(p->standings, jid);
}

void phone_expose_to(struct phone *p, const char *jid)
{
	standings_know(p->standings, jid);
}

/* An offer by the sid of our own, which is not answered yet: both dialled, by the same random number (XEP-0166 "Tie
 * Breaking"). It is an offer like any other that crosses ours. */
static gboolean crosses(const struct call *c, const struct jingle_msg *m)
{
	return m->action == JINGLE_SESSION_INITIATE && call_was_offered(c) && !call_is_accepted(c);
}

/* Who sent an accept that we refuse has no session: the call that it was for need not ring on. */
static void end_refused(struct phone *p, const char *from)
{
	for (guint i = p->calls->len; i-- > 0;)
		if (call_awaits(p->calls->pdata[i], from))
			call_hangup(p->calls->pdata[i], JC_PROTOCOL, "its answer could not be used");
}

/* XEP-0166 "Errors": what belongs to no session is unknown-session. Whoever sent IQ may know that we are here (may_ask). */
static void jingle_iq(struct phone *p, struct iq *iq, const struct elem *jingle)
{
	const char *from = iq_from(iq);
	struct jingle_msg m;
	enum iq_cond cond = jingle_msg_read(&m, jingle);
	struct call *c = m.sid ? find_call(p, from, m.sid) : NULL;

	if (cond == COND_OK && !c && m.action == JINGLE_SESSION_INITIATE)	/* before anybody hears of it, busy or not */
		cond = jingle_offer_is_sound(&m) ? COND_OK : COND_BAD_REQUEST;
	if (c && cond == COND_OK && !crosses(c, &m)) {
		iq_answer(iq, call_recv(c, &m), NULL);
		call_pump(c);
	} else if (cond == COND_OK && m.action == JINGLE_SESSION_INITIATE) {
		if (phone_may_know(p, from))		/* else it names a live session, and is nobody's */
			p->ev.offer(p->ev.self, iq, &m);
	} else {
		iq_answer(iq, cond == COND_OK ? COND_UNKNOWN_SESSION : cond, NULL);
		if (m.action == JINGLE_SESSION_ACCEPT)
			end_refused(p, from);
		else if (m.action == JINGLE_SESSION_INITIATE && !c && p->ev.spoilt)
			p->ev.spoilt(p->ev.self, from);
	}
}

/* Whoever knows the id of a session that both sides have accepted knows that we are here. */
static gboolean names_live_session(const struct phone *p, const struct iq *iq)
{
	const struct elem *jingle = iq_payload(iq);
	const char *sid = elem_attr(jingle, "sid");

	if (!elem_is(jingle, "jingle", NS_JINGLE) || !iq_is_set(iq) || !sid)
		return FALSE;
	for (guint i = 0; i < p->calls->len; i++)
		if (call_is_accepted(p->calls->pdata[i]) && strcmp(call_sid(p->calls->pdata[i]), sid) == 0)
			return TRUE;
	return FALSE;
}

/* May whoever sent IQ get an answer of ours? All others must not be able to tell a client that is here from one that is not,
 * whatever they ask. */
static gboolean may_ask(const struct phone *p, const struct iq *iq)
{
	const char *from = iq_from(iq);

	return phone_may_know(p, from) || has_call_with(p, from) || names_live_session(p, iq);
}

static void on_iq(void *self, struct iq *iq)
{
	struct phone *p = self;
	const struct elem *payload = iq_payload(iq);

	if (!may_ask(p, iq))
		return;				/* the stream answers service-unavailable */
	if (roster_iq(p->roster, iq) || blocklist_iq(p->blocklist, iq) || extdisco_iq(p->extdisco, iq))
		return;
	if (elem_is(payload, "jingle", NS_JINGLE) && iq_is_set(iq))
		jingle_iq(p, iq, payload);
	else if (elem_is(payload, "ping", "urn:xmpp:ping") && !iq_is_set(iq))
		iq_answer(iq, COND_OK, NULL);
	else
		disco_iq(p->disco, iq);
}

static const char *bounce_condition(const struct elem *message)
{
	const struct elem *error = elem_child(message, "error", NULL);

	return error ? elem_name(elem_child(error, NULL, "urn:ietf:params:xml:ns:xmpp-stanzas")) : NULL;
}

/* XEP-0045 marks what a room sends, or passes on from one of its occupants. */
static gboolean is_of_room(const struct elem *stanza)
{
	return elem_child(stanza, "x", "http://jabber.org/protocol/muc#user") ||
		g_strcmp0(elem_attr(stanza, "type"), "groupchat") == 0;
}

/* May a message about calls from FROM be heard? The occupant of a room cannot be called back, since we are in no room, and may be
 * somebody who is blocked. */
static gboolean may_speak(struct phone *p, const char *from, const struct elem *message)
{
	if (is_of_room(message)) {
		standings_note_room(p->standings, from);
		return FALSE;
	}
	return phone_standing(p, from) != STANDING_BLOCKED || has_call_with(p, from);
}

static void on_message(void *self, const struct elem *message)
{
	struct phone *p = self;
	g_autofree char *us = jid_bare(stream_jid(p->xmpp));
	gboolean sent = FALSE;
	const struct elem *inner = jmi_unwrap_carbon(message, us, &sent);
	const struct elem *use = inner ? inner : message;
	const char *from = elem_attr(use, "from") ? elem_attr(use, "from") : us, *type = elem_attr(use, "type");
	struct jmi_msg m;

	if (archive_message(p->archive, message))
		return;
	if (!inner && (elem_child(message, "received", "urn:xmpp:carbons:2") ||
		       elem_child(message, "sent", "urn:xmpp:carbons:2")))
		return;				/* a forged carbon; <private/> is none */
	if (type && strcmp(type, "error") == 0) {
		if (!inner && elem_attr(message, "id"))
			p->ev.bounced(p->ev.self, from, elem_attr(message, "id"), bounce_condition(message));
		return;
	}
	if (may_speak(p, from, use) && jmi_read(use, &m))
		p->ev.jmi(p->ev.self, message, from, &m, is_ours(p, from));
}

static int priority_of(const struct elem *presence)
{
	const char *text = elem_text(elem_child(presence, "priority", NULL));

	return text ? (int)CLAMP(g_ascii_strtoll(text, NULL, 10), -128, 127) : 0;
}

static void on_presence(void *self, const struct elem *presence)
{
	struct phone *p = self;
	const char *from = elem_attr(presence, "from"), *type = elem_attr(presence, "type");

	if (from && is_of_room(presence))
		standings_note_room(p->standings, from);
	disco_presence(p->disco, presence, from && (is_ours(p, from) || roster_has(p->roster, from)));
	if (from && !type && p->ev.here)
		p->ev.here(p->ev.self, from, priority_of(presence));
	if (!from || !type || strcmp(type, "unavailable") != 0)
		return;
	for (guint i = 0; i < p->calls->len; i++)
		if (strcmp(call_peer(p->calls->pdata[i]), from) == 0) {
			p->ev.gone(p->ev.self, from);
			return;
		}
}

/* ---- the stream ---- */

static void on_roster(void *ctx)
{
	struct phone *p = ctx;

	p->ev.roster(p->ev.self);
}

static void on_blocklist(void *ctx)
{
	struct phone *p = ctx;

	if (p->ev.blocked)
		p->ev.blocked(p->ev.self);
}

static double span_ms(gint64 from, gint64 to)
{
	return from && to >= from ? (double)(to - from) / 1000 : 0;
}

static void carbons_done(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	if (cond != COND_OK)
		log_info("phone", "the server has no message carbons: %s", cond_words(cond));
}

const char *phone_jid_kind(const struct phone *p)
{
	const char *resource = jid_resource(phone_jid(p));
	g_autofree char *safe = text_safe(resource);

	return !resource || g_str_equal(resource, safe) ? "u" : "s";
}

static void on_online(void *self, const char *full_jid, gboolean resumed)
{
	struct phone *p = self;
	g_autofree char *jid = text_clean(full_jid, TEXT_LONG);

	ui_event(p->ui, "connected", "jid", phone_jid_kind(p), jid, "resumed", "b", resumed,
		 "dns_ms", "d", span_ms(p->phases.start, p->phases.dns), "tcp_ms", "d", span_ms(p->phases.dns, p->phases.tcp),
		 "tls_ms", "d", span_ms(p->phases.tcp, p->phases.tls), "auth_ms", "d", span_ms(p->phases.tls, p->phases.auth),
		 "bind_ms", "d", span_ms(p->phases.auth, p->phases.bind), NULL);
	log_info("phone", "logged in as %s%s", jid, resumed ? " (resumed)" : "");
	if (!resumed) {
		disco_reset(p->disco);
		stream_query(p->xmpp, NULL, "set", elem_new("enable", "urn:xmpp:carbons:2"), 10000, carbons_done, p);
		roster_fetch(p->roster, on_roster, p);
		blocklist_fetch(p->blocklist, on_blocklist, p);
		p->env.awaits_servers = TRUE;
		extdisco_fetch(p->extdisco);
	}
	p->ev.online(p->ev.self, resumed);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct phone *p = self;

	p->phases.start = 0;			/* the next attempt begins nobody knows when */
	p->ev.offline(p->ev.self, error, final);
}

static void on_network(void *self)
{
	struct phone *p = self;

	stream_network_changed(p->xmpp);
}

static void on_phase(void *self, const char *phase, gint64 now_us)
{
	struct phone *p = self;
	gint64 *slot = strcmp(phase, "dns") == 0 ? &p->phases.dns : strcmp(phase, "tcp") == 0 ? &p->phases.tcp :
		strcmp(phase, "tls") == 0 ? &p->phases.tls : strcmp(phase, "auth") == 0 ? &p->phases.auth : &p->phases.bind;

	*slot = now_us;
}

static void on_trace(void *self, gboolean out, const char *xml)
{
	log_write(LOG_ERROR, out ? "xml >" : "xml <", "%s", xml);
}

/* ---- ways for the media ---- */

static void on_servers(void *ctx)
{
	struct phone *p = ctx;

	extdisco_merge(p->extdisco, &p->config->servers, &p->env.ice.servers);
	if (!p->env.awaits_servers)
		return;
	p->env.awaits_servers = FALSE;
	for (guint i = p->calls->len; i-- > 0;)
		call_servers_known(p->calls->pdata[i]);
}

static void make_terms(const struct phone *p, const char *peer, gboolean we_call, struct call_terms *out)
{
	struct terms_of of = {.config = p->config, .peer = peer, .can = disco_known(p->disco, peer), .we_call = we_call,
		.is_friend = phone_standing(p, peer) >= STANDING_CONTACT, .relay_only = p->relay_only};

	terms_make(out, &of);
}

/* ---- for the owner ---- */

struct phone *phone_new(const struct config *config, const struct account *account, const char *password, struct ui *ui,
			gboolean trace, const struct phone_events *events)
{
	struct phone *p = g_new0(struct phone, 1);
	struct stream_options options = {.jid = account->jid, .password = password, .host = account->host,
		.port = account->port, .ca_file = account->ca_file, .pin = account->pin, .reconnect = TRUE};
	struct stream_handlers handlers = {.online = on_online, .offline = on_offline, .iq = on_iq, .message = on_message,
		.presence = on_presence, .phase = on_phase, .trace = trace ? on_trace : NULL, .self = p};

	p->ev = *events;
	p->ui = ui;
	p->config = config;
	p->calls = g_ptr_array_new();
	p->xmpp = stream_new(&options, &handlers);
	p->disco = disco_new(p->xmpp);
	disco_set_transports(p->disco, terms_transports(&config->transports));
	disco_set_dtls(p->disco, config->keyings.kind[0] == KEYING_DTLS);
	p->roster = roster_new(p->xmpp);
	p->blocklist = blocklist_new(p->xmpp);
	p->standings = standings_new(account->jid, p->roster, p->blocklist);
	p->extdisco = extdisco_new(p->xmpp, clock_s, on_servers, p);
	p->archive = archive_new(p->xmpp);
	p->media = media_thread_new();
	p->env = (struct call_env){.xmpp = p->xmpp, .media = p->media, .now_ms = clock_ms,
		.wishes = {.codecs = config->codecs, .ptime_ms = config->ptime_ms, .bitrate_bps = config->bitrate_bps,
			   .complexity = config->complexity, .fec = config->fec, .dtx = config->dtx},
		.transports = config->transports,
		.ice = {.loopback = config->loopback, .ca_file = account->ca_file}};
	extdisco_merge(p->extdisco, &config->servers, &p->env.ice.servers);
	return p;
}

void phone_hide(struct phone *p)
{
	p->relay_only = TRUE;
}

void phone_free(struct phone *p)
{
	if (!p)
		return;
	archive_free(p->archive);
	standings_free(p->standings);
	blocklist_free(p->blocklist);
	roster_free(p->roster);
	extdisco_free(p->extdisco);
	netwatch_free(p->netwatch);
	disco_free(p->disco);
	stream_free(p->xmpp);
	media_thread_free(p->media);
	dtls_cert_free(p->cert);
	g_ptr_array_unref(p->calls);
	explicit_bzero(&p->env.ice.servers, sizeof(p->env.ice.servers));
	g_free(p);
}

void phone_connect(struct phone *p)
{
	g_autoptr(GError) error = NULL;

	p->phases.start = g_get_monotonic_time();
	stream_connect(p->xmpp);
	p->netwatch = netwatch_new(NULL, on_network, p);
	/* The first key of a process costs OpenSSL 25 ms: spent here, beside the login in the other thread. */
	p->cert = dtls_cert_new(&error);
	if (!p->cert)
		g_error("no certificate for the calls: %s", error->message);
	p->env.cert = p->cert;
}

void phone_close(struct phone *p, void (*done)(void *ctx), void *ctx)
{
	stream_close(p->xmpp, 3000, done, ctx);
}

void phone_presence(struct phone *p, const char *to, int priority)
{
	struct elem *presence = elem_new("presence", "jabber:client");

	elem_set(presence, "to", to);
	elem_adopt(presence, disco_caps_elem(p->disco));
	if (!to) {
		g_autofree char *text = g_strdup_printf("%d", priority);

		elem_set_text(elem_add(presence, "priority", NULL), text);
	}
	stream_send(p->xmpp, presence);
}

void phone_send(struct phone *p, struct elem *stanza)
{
	stream_send(p->xmpp, stanza);
}

void phone_send_all(struct phone *p, GPtrArray *stanzas)
{
	for (guint i = 0; i < stanzas->len; i++)
		phone_send(p, stanzas->pdata[i]);
	g_ptr_array_unref(stanzas);
}

gboolean phone_should_ask(const struct phone *p, const char *peer)
{
	return terms_are_open(p->config, peer) && !disco_known(p->disco, peer);
}

unsigned phone_needs(const struct phone *p, const char *peer)
{
	return terms_need(p->config, peer);
}

struct call_ahead *phone_prepare(struct phone *p, const char *peer, gboolean we_call)
{
	struct call_terms terms;

	make_terms(p, peer, we_call, &terms);
	return call_ahead_new(&p->env, &terms, we_call);
}

struct call *phone_dial(struct phone *p, const char *sid, const char *peer, const struct call_events *events)
{
	struct call_terms terms;
	struct call *c;

	make_terms(p, peer, TRUE, &terms);
	c = call_dial(&p->env, sid, peer, &terms, events);
	if (disco_known(p->disco, peer) & CAN_FULL_OFFER)
		call_want_all(c);
	g_ptr_array_add(p->calls, c);
	return c;
}

struct call *phone_take(struct phone *p, struct iq *iq, const struct jingle_msg *m,
			const struct call_events *events)
{
	struct call_terms terms;
	struct call *c;

	make_terms(p, iq_from(iq), FALSE, &terms);
	c = call_incoming(&p->env, m->sid, iq_from(iq), &terms, events);
	if (disco_known(p->disco, iq_from(iq)) & CAN_FULL_OFFER)
		call_want_all(c);
	g_ptr_array_add(p->calls, c);
	iq_answer(iq, call_recv(c, m), NULL);
	return c;
}

void phone_drop(struct phone *p, struct call *c, void (*done)(void *ctx, const struct media_stats *stats), void *ctx)
{
	g_ptr_array_remove_fast(p->calls, c);
	call_free(c, done, ctx);
}

const char *phone_jid(const struct phone *p)
{
	return stream_jid(p->xmpp);
}

gboolean phone_is_online(const struct phone *p)
{
	return stream_is_online(p->xmpp);
}

void phone_after(struct phone *p, void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply), void *ctx)
{
	stream_query(p->xmpp, NULL, "get", elem_new("ping", "urn:xmpp:ping"), AFTER_MS, done, ctx);
}
struct disco *phone_disco(struct phone *p)
{
	return p->disco;
}

struct roster *phone_roster(struct phone *p)
{
	return p->roster;
}

gboolean phone_knows_people(const struct phone *p)
{
	return roster_ready(p->roster) && blocklist_ready(p->blocklist);
}

struct archive *phone_archive(struct phone *p)
{
	return p->archive;
}

void phone_set_events(struct phone *p, const struct phone_events *events)
{
	p->ev = *events;
}

/* The call with that very client which is up; NULL: none. */
static const struct call *call_with(const struct phone *p, const char *full_jid)
{
	for (guint i = 0; i < p->calls->len; i++)
		if (strcmp(call_peer(p->calls->pdata[i]), full_jid) == 0 && call_is_accepted(p->calls->pdata[i]))
			return p->calls->pdata[i];
	return NULL;
}

gboolean phone_may_refuse(struct phone *p)
{
	gint64 now = clock_ms(), *slot = &p->refused_ms[p->refusals % REFUSALS];

	if (*slot && now - *slot < REFUSALS_MS)
		return FALSE;
	*slot = now;
	p->refusals++;
	return TRUE;
}

gboolean phone_refuse(struct phone *p, struct iq *iq, const struct jingle_msg *m, enum jc_err err)
{
	struct jingle_msg end = {.action = JINGLE_SESSION_TERMINATE, .sid = m->sid, .reason = jingle_reason_of(err)};
	const struct call *instead = err == JC_BUSY ? call_with(p, iq_from(iq)) : NULL;
	struct elem *terminate;

	if (!phone_may_refuse(p)) {
		iq_answer(iq, COND_RESOURCE_CONSTRAINT, NULL);
		return FALSE;
	}
	terminate = elem_new("iq", "jabber:client");
	if (instead) {
		end.reason = REASON_ALTERNATIVE_SESSION;
		end.alternative_sid = call_sid(instead);
	}
	elem_set(terminate, "type", "set");
	elem_set(terminate, "to", iq_from(iq));
	elem_adopt(terminate, jingle_msg_write(&end));
	iq_answer(iq, COND_OK, NULL);
	stream_send(p->xmpp, terminate);
	return TRUE;
}

struct media_thread *phone_media(struct phone *p)
{
	return p->media;
}
