#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "phone.h"
#include "terms.h"
#include "text.h"

enum { LOGIN_MS = 11000, ANSWER_MS = 5000, CLOSE_MS = 1000, SOON_DAYS = 14, DAY_S = 86400 };

enum stage { STAGE_NAMES, STAGE_CONNECTING, STAGE_SECURING, STAGE_LOGIN, STAGE_ONLINE };

struct login {
	struct finding *certificate, *login, *sm, *carbons, *archive, *capabilities, *services, *peer;
	const struct config *config;
	struct stream *xmpp;
	struct disco *disco;
	struct extdisco *extdisco;
	struct archive *reader;
	struct peer_check *peer_check;
	const char *peer_jid;
	char *bare;
	enum stage stage;
	gint64 expires_s;		/* of the certificate; 0: not known */
	gboolean pinned, told_servers, closing;
	guint limit;
	void (*servers)(void *ctx, const struct server_list *list);
	void *ctx;
};

/* ---- what the end of a stage tells ---- */

/* As OpenSSL writes it: "Nov 21 08:52:47 2027 GMT". */
gboolean certificate_time(const char *text, gint64 *at_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int day, hour, minute, second, year;
	g_autoptr(GDateTime) at = NULL;
	const char *month;
	char name[4];

	if (sscanf(text, "%3s %d %d:%d:%d %d", name, &day, &hour, &minute, &second, &year) != 6 || strlen(name) != 3)
		return FALSE;
	month = strstr(months, name);
	at = month && (month - months) % 3 == 0 ? g_date_time_new_utc(year, (gint)(month - months) / 3 + 1, day, hour, minute, second) : NULL;
	if (at)
		*at_s = g_date_time_to_unix(at);
	return at != NULL;
}

static char *day_of(gint64 at_s)
{
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_local(at_s);

	return at ? g_date_time_format(at, "%Y-%m-%d %H:%M") : g_strdup("an unknown day");
}

static void tell_certificate(struct login *l)
{
	g_autofree char *day = l->expires_s ? day_of(l->expires_s) : NULL;
	gint64 days = (l->expires_s - clock_s()) / DAY_S;

	if (day && days < SOON_DAYS && !l->pinned)
		finding_warn(l->certificate, "renew it, and see why that is not done by itself",
			     "trusted, but it expires in %" G_GINT64_FORMAT " days, on %s", MAX(days, 0), day);
	else
		finding_ok(l->certificate, "%s%s%s", l->pinned ? "it is the pinned one" : "trusted, and made for this domain",
			   day ? ", valid until " : "", day ? day : "");
}

/* The first that is open fails with ERROR, since what follows depends on it. */
static void end_all(struct login *l, const GError *error, const char *fix)
{
	struct finding *all[] = {l->certificate, l->login, l->sm, l->carbons, l->archive, l->capabilities, l->services, l->peer};
	gboolean told = FALSE;

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		if (!all[i] || !finding_is_open(all[i]))
			continue;
		if (told)
			finding_skipped(all[i], l->stage == STAGE_ONLINE ? "the connection was lost" : "there is no login");
		else
			finding_fail(all[i], (enum jc_err)error->code, fix, "%s", error->message);
		told = TRUE;
	}
}

static void tell_servers(struct login *l)
{
	struct server_list list;

	if (l->told_servers)
		return;
	l->told_servers = TRUE;
	extdisco_merge(l->extdisco, &l->config->servers, &list);
	l->servers(l->ctx, &list);
	explicit_bzero(&list, sizeof(list));
}

static const char *fix_of(enum stage stage, const GError *error)
{
	if (error->code == JC_CONFIG)
		return "repair that in the configuration";
	if (stage == STAGE_SECURING)
		return "renew or repair the certificate of the server; one of your own is trusted by 'ca_file' or 'pin'";
	if (error->code == JC_LOGIN)
		return "check address and password of the account; another client tells whether they are right";
	return stage < STAGE_SECURING ? "see the checks above" : "see the log of the server";
}

static void tell_failure(struct login *l, const GError *error)
{
	tell_servers(l);		/* those of the configuration; first, so that their findings are open */
	if (l->stage < STAGE_SECURING)
		finding_skipped(l->certificate, "the server was not reached");
	end_all(l, error, fix_of(l->stage, error));
}

/* ---- once online ---- */

static void on_carbons(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct login *l = ctx;

	/* The answer to the stream's own request for resumption came before this one: it had been sent before. */
	if (stream_has_sm(l->xmpp))
		finding_ok(l->sm, "a connection that breaks is taken up again (XEP-0198)");
	else
		finding_warn(l->sm, "the server should offer stream management (XEP-0198; mod_smacks of Prosody)",
			     "the server cannot take up a connection that broke: calls may be missed after each");
	if (cond == COND_OK)
		finding_ok(l->carbons, "other devices of the account stop ringing when one answers (XEP-0280)");
	else
		finding_warn(l->carbons, "the server should offer message carbons (XEP-0280; mod_carbons of Prosody)",
			     "the devices of the account do not hear of each other: %s", cond_words(cond));
}

static void on_archived(void *ctx, const struct elem *message, gint64 at_s)
{
}

static void on_archive(void *ctx, enum archive_end end, enum iq_cond cond)
{
	struct login *l = ctx;
	static const char fix[] = "the server should keep an archive (XEP-0313; mod_mam of Prosody), or missed calls are not known";

	if (end == ARCHIVE_DONE || end == ARCHIVE_CUT)
		finding_ok(l->archive, "the server keeps messages, so calls missed while offline are known (XEP-0313)");
	else if (end == ARCHIVE_NONE)
		finding_warn(l->archive, fix, "the server keeps no archive of messages");
	else
		finding_warn(l->archive, fix, "the server does not let its archive be read: %s", cond_words(cond));
}

static void on_self(void *ctx, enum iq_cond cond, unsigned can)
{
	struct login *l = ctx;

	if (cond != COND_OK)
		finding_fail(l->capabilities, JC_SERVER, "the server does not carry requests between two devices of the account",
			     "nobody can ask this device what it can do: %s", cond_words(cond));
	else if (!disco_fits(l->disco, can, can & CAN_DTLS ? CAN_CALL : CAN_CALL_SDES))
		finding_fail(l->capabilities, JC_INTERNAL, "look at it by --xml", "what this device tells others of itself is not whole");
	else
		finding_ok(l->capabilities, "others see a device for voice calls: %s%s%s%s", can & CAN_DTLS ? "DTLS-SRTP" : "SDES",
			   can & CAN_ICE_UDP ? ", ICE" : "", can & CAN_RAW_UDP ? ", Raw UDP" : "", can & CAN_JMI ? ", ringing on all devices" : "");
}

/* "2 STUN, 1 TURN by UDP, 1 TURN by TLS" */
static char *count_servers(const struct server_list *list)
{
	static const char *const words[] = {[SERVER_STUN] = "STUN", [SERVER_TURN_UDP] = "TURN by UDP", [SERVER_TURN_TCP] = "TURN by TCP",
					    [SERVER_TURN_TLS] = "TURN by TLS"};
	g_autoptr(GString) s = g_string_new(NULL);
	unsigned counts[G_N_ELEMENTS(words)] = {0};

	for (size_t i = 0; i < list->count; i++)
		counts[list->server[i].kind]++;
	for (size_t k = 0; k < G_N_ELEMENTS(words); k++)
		if (counts[k])
			g_string_append_printf(s, "%s%u %s", s->len ? ", " : "", counts[k], words[k]);
	return g_string_free(g_steal_pointer(&s), FALSE);
}

static void tell_services(struct login *l)
{
	const struct server_list *theirs = extdisco_servers(l->extdisco), *ours = &l->config->servers;
	g_autofree char *named = count_servers(theirs), *own = count_servers(ours), *day = day_of(extdisco_expires_s(l->extdisco));
	gint64 left_s = extdisco_expires_s(l->extdisco) - clock_s();

	if (!theirs->count && !ours->count)
		finding_warn(l->services, "let the server name a TURN server (XEP-0215; mod_external_services of Prosody), or name one by "
			     "'turn' in the configuration", "there is no STUN or TURN server: between two home networks there may be no sound");
	else if (!extdisco_has_relay(theirs) && !extdisco_has_relay(ours))
		finding_warn(l->services, "let the server name a TURN server as well, or name one by 'turn' in the configuration",
			     "there is no TURN server (relay), only %s%s%s", own, *own && *named ? ", " : "", named);
	else if (!theirs->count)
		finding_ok(l->services, "the configuration names %s; the XMPP server none", own);
	else if (extdisco_expires_s(l->extdisco) && left_s <= 0)
		finding_fail(l->services, JC_NO_PATH, "set the clocks right, here and at the server", "the passwords for TURN expired on %s", day);
	else
		finding_ok(l->services, "the server names %s%s%s%s%s", named, extdisco_expires_s(l->extdisco) ? ", with passwords until " : "",
			   extdisco_expires_s(l->extdisco) ? day : "", *own ? "; the configuration names " : "", own);
}

static void on_services(void *ctx)
{
	struct login *l = ctx;

	if (l->told_servers)
		return;
	tell_servers(l);		/* first, so that its findings are open */
	tell_services(l);
}

static void begin_peer(struct login *l)
{
	struct elem *presence = elem_new("presence", "jabber:client");

	elem_adopt(presence, disco_caps_elem(l->disco));
	elem_set_text(elem_add(presence, "priority", NULL), "-1");	/* no message is to come here */
	stream_send(l->xmpp, presence);
	l->peer_check = peer_check_begin(l->peer, l->disco, l->peer_jid, terms_need(l->config, l->peer_jid));
}

static void on_online(void *self, const char *full_jid, gboolean resumed)
{
	struct login *l = self;
	struct finding *parts[] = {l->sm, l->carbons, l->archive, l->capabilities, l->services, l->peer};
	struct archive_reader reader = {.message = on_archived, .done = on_archive, .ctx = l};
	g_autofree char *jid = text_clean(full_jid, TEXT_LONG);

	l->stage = STAGE_ONLINE;
	g_clear_handle_id(&l->limit, g_source_remove);
	finding_ok(l->login, "logged in as %s", jid);
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		if (parts[i])
			finding_restart(parts[i]);
	disco_reset(l->disco);
	stream_query(l->xmpp, NULL, "set", elem_new("enable", "urn:xmpp:carbons:2"), ANSWER_MS, on_carbons, l);
	archive_read(l->reader, clock_s(), &reader);
	disco_query(l->disco, full_jid, on_self, l);
	extdisco_fetch(l->extdisco);
	if (l->peer)
		begin_peer(l);
}

/* ---- the stream ---- */

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct login *l = self;

	g_clear_handle_id(&l->limit, g_source_remove);
	if (!l->closing)
		tell_failure(l, error);
}

static gboolean on_limit(gpointer data)
{
	struct login *l = data;
	g_autoptr(GError) error = g_error_new(JC_ERROR, JC_SERVER, "the login did not end within %d s", LOGIN_MS / 1000);

	l->limit = 0;
	tell_failure(l, error);
	return G_SOURCE_REMOVE;
}

static void on_phase(void *self, const char *phase, gint64 now_us)
{
	struct login *l = self;

	if (strcmp(phase, "dns") == 0) {
		l->stage = STAGE_CONNECTING;
	} else if (strcmp(phase, "tcp") == 0) {
		l->stage = STAGE_SECURING;
		finding_restart(l->certificate);
	} else if (strcmp(phase, "tls") == 0) {
		l->stage = STAGE_LOGIN;
		tell_certificate(l);
		finding_restart(l->login);
	}
}

static void on_certificate(void *self, const char *expires)
{
	struct login *l = self;

	if (!certificate_time(expires, &l->expires_s))
		log_info("doctor", "the certificate's end is not understood: %s", expires);
}

static void on_iq(void *self, struct iq *iq)
{
	struct login *l = self;

	if (!extdisco_iq(l->extdisco, iq) && jid_same_bare(iq_from(iq), l->bare))
		disco_iq(l->disco, iq);
}

static void on_message(void *self, const struct elem *message)
{
	archive_message(((struct login *)self)->reader, message);
}

static void on_presence(void *self, const struct elem *presence)
{
	disco_presence(((struct login *)self)->disco, presence, TRUE);
}

static void on_trace(void *self, gboolean out, const char *xml)
{
	log_write(LOG_ERROR, out ? "xml >" : "xml <", "%s", xml);
}

/* ---- for the owner ---- */

static void open_findings(struct login *l, struct findings *f)
{
	l->certificate = finding_open(f, CHECK_CERTIFICATE);
	l->login = finding_open(f, CHECK_LOGIN);
	l->sm = finding_open(f, CHECK_STREAM_MANAGEMENT);
	l->carbons = finding_open(f, CHECK_CARBONS);
	l->archive = finding_open(f, CHECK_ARCHIVE);
	l->capabilities = finding_open(f, CHECK_CAPABILITIES);
	l->services = finding_open(f, CHECK_SERVICES);
	l->peer = l->peer_jid ? finding_open(f, CHECK_PEER) : NULL;
}

struct login *login_begin(struct findings *f, const struct config *config, const struct account *account, const char *password,
			  const char *peer, gboolean trace, void (*servers)(void *ctx, const struct server_list *list), void *ctx)
{
	struct login *l = g_new0(struct login, 1);
	struct stream_options options = {.jid = account->jid, .password = password, .host = account->host, .port = account->port,
		.ca_file = account->ca_file, .pin = account->pin};
	struct stream_handlers handlers = {.online = on_online, .offline = on_offline, .iq = on_iq, .message = on_message,
		.presence = on_presence, .phase = on_phase, .certificate = on_certificate, .trace = trace ? on_trace : NULL, .self = l};

	l->config = config;
	l->peer_jid = peer;
	l->bare = jid_bare(account->jid);
	l->pinned = account->pin != NULL;
	l->servers = servers;
	l->ctx = ctx;
	open_findings(l, f);
	l->xmpp = stream_new(&options, &handlers);
	l->disco = disco_new(l->xmpp);
	disco_set_transports(l->disco, terms_transports(&config->transports));
	disco_set_dtls(l->disco, config->keyings.kind[0] == KEYING_DTLS);
	l->extdisco = extdisco_new(l->xmpp, clock_s, on_services, l);
	l->reader = archive_new(l->xmpp);
	l->limit = g_timeout_add(LOGIN_MS, on_limit, l);
	stream_connect(l->xmpp);
	return l;
}

gboolean login_is_online(const struct login *l)
{
	return l->stage == STAGE_ONLINE && stream_is_online(l->xmpp);
}

void login_close(struct login *l, void (*done)(void *ctx), void *ctx)
{
	l->closing = TRUE;
	stream_close(l->xmpp, CLOSE_MS, done, ctx);
}

void login_free(struct login *l)
{
	if (!l)
		return;
	g_clear_handle_id(&l->limit, g_source_remove);
	peer_check_free(l->peer_check);
	archive_free(l->reader);
	extdisco_free(l->extdisco);
	disco_free(l->disco);
	stream_free(l->xmpp);
	g_free(l->bare);
	g_free(l);
}
