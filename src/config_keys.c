#include "config_priv.h"

#include <string.h>

#include "audio/audio.h"
#include "jid.h"
#include "text.h"

/* ---- one reader per kind of value ---- */

static gboolean get_number(struct reading *r, const char *value, guint min, guint max, guint *out)
{
	guint64 n;

	if (!text_uint(value, min, max, &n))
		return config_fail(r, "'%s' is a whole number from %u to %u, not '%s'", r->key, min, max, value);
	*out = (guint)n;
	return TRUE;
}

static gboolean get_switch(struct reading *r, const char *value, gboolean *out)
{
	gboolean on = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;

	if (!on && strcmp(value, "false") != 0 && strcmp(value, "no") != 0)
		return config_fail(r, "'%s' is true or false, not '%s'", r->key, value);
	*out = on;
	return TRUE;
}

static gboolean get_text(struct reading *r, const char *value, char **out)
{
	if (!*value)
		return config_fail(r, "'%s' is empty", r->key);
	g_free(*out);
	*out = g_strdup(value);
	return TRUE;
}

/* Relative to the home directory with ~/, else to the directory of the configuration. */
static gboolean get_path(struct reading *r, const char *value, char **out)
{
	g_autofree char *folder = g_path_get_dirname(r->path), *here = g_canonicalize_filename(folder, NULL);

	if (!*value)
		return config_fail(r, "'%s' is empty", r->key);
	g_free(*out);
	*out = g_str_has_prefix(value, "~/") ? g_build_filename(g_get_home_dir(), value + 2, NULL) :
		g_canonicalize_filename(value, here);
	return TRUE;
}

static gboolean is_host(const char *host)
{
	return *host && strlen(host) <= 255 && !strpbrk(host, "/@[]\"'\\ \t");
}

/* host, host:port, [address]:port or a bare IPv6 address */
static gboolean get_host(struct reading *r, const char *value, char **host, guint16 *port)
{
	const char *end = *value == '[' ? strchr(value, ']') : NULL;
	const char *colon = end ? end + 1 : strchr(value, ':');
	g_autofree char *name = NULL;
	guint64 n = 0;

	if (!end && colon && strchr(colon + 1, ':'))
		colon = NULL;
	name = end ? g_strndup(value + 1, (gsize)(end - value - 1)) :
		colon ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
	if (!is_host(name) || (colon && *colon && (*colon != ':' || !text_uint(colon + 1, 1, 65535, &n))))
		return config_fail(r, "'%s' is host, host:port or [address]:port, not '%s'", r->key, value);
	g_free(*host);
	*host = g_steal_pointer(&name);
	*port = (guint16)n;
	return TRUE;
}

static gboolean get_spec(struct reading *r, const char *value, gboolean output, char **out)
{
	g_autoptr(GError) error = NULL;
	const char *arg;

	if (!audio_find(value, output, &arg, &error))
		return config_fail(r, "%s", error->message);
	return get_text(r, value, out);
}

/* Some of NAMES (up to the first NULL), each at most once, in the order wanted. */
static gboolean get_list(struct reading *r, const char *value, const char *const *names, unsigned *out, size_t *n)
{
	g_autofree char *known = g_strjoinv(", ", (char **)names);
	g_auto(GStrv) words = g_strsplit_set(value, "; ,\t", -1);

	*n = 0;
	for (char **w = words; *w; w++) {
		unsigned kind = 0;

		if (!**w)
			continue;
		while (names[kind] && strcmp(*w, names[kind]) != 0)
			kind++;
		if (!names[kind])
			return config_fail(r, "'%s' knows %s, not '%s'", r->key, known, *w);
		for (size_t i = 0; i < *n; i++)
			if (out[i] == kind)
				return config_fail(r, "'%s' is named twice", *w);
		out[(*n)++] = kind;
	}
	return *n || config_fail(r, "'%s' is empty", r->key);
}

/* ---- the keys ---- */

static gboolean read_jid(struct reading *r, const char *v)
{
	g_autofree char *jid = jid_prepare_typed(v);

	if (!jid || !memchr(jid, '@', strcspn(jid, "/")))
		return config_fail(r, "'%s' is not an address like romeo@montague.lit", v);
	return get_text(r, jid, &r->account->jid);
}

static gboolean check_private(struct reading *r)
{
	return r->is_private || config_fail(r, "there is a password in this file, and others can read it; run: chmod 600 '%s'", r->path);
}

static gboolean read_password(struct reading *r, const char *v)
{
	return check_private(r) && get_text(r, v, &r->account->password);
}

static gboolean get_command(struct reading *r, const char *v, char **out)
{
	g_auto(GStrv) argv = NULL;

	if (!g_shell_parse_argv(v, NULL, &argv, NULL))
		return config_fail(r, "'%s' is not a command line: '%s'", r->key, v);
	return get_text(r, v, out);
}

static gboolean read_password_command(struct reading *r, const char *v)
{
	return get_command(r, v, &r->account->password_command);
}

static gboolean read_server(struct reading *r, const char *v)
{
	return get_host(r, v, &r->account->host, &r->account->port);
}

static gboolean read_ca_file(struct reading *r, const char *v)
{
	if (!get_path(r, v, &r->account->ca_file))
		return FALSE;
	if (!g_file_test(r->account->ca_file, G_FILE_TEST_IS_REGULAR))
		return config_fail(r, "'ca_file': there is no file '%s'", r->account->ca_file);
	return TRUE;
}

static gboolean read_pin(struct reading *r, const char *v)
{
	GString *pin = g_string_new("sha256:");
	const char *hex = g_str_has_prefix(v, "sha256:") ? v + 7 : "";

	for (; *hex; hex++)
		if (g_ascii_isxdigit(*hex))
			g_string_append_c(pin, g_ascii_tolower(*hex));
		else if (*hex != ':')
			break;
	g_free(r->account->pin);
	r->account->pin = g_string_free(pin, FALSE);
	if (*hex || strlen(r->account->pin) != 7 + 64)
		return config_fail(r, "'pin' is sha256: and 64 hexadecimal digits");
	return TRUE;
}

static gboolean read_gateway(struct reading *r, const char *v)
{
	g_autofree char *domain = jid_prepare_typed(v);

	if (!domain || strpbrk(domain, "@/"))
		return config_fail(r, "'%s' is not a domain like cheogram.com", v);
	return get_text(r, domain, &r->account->gateway);
}

static gboolean read_in(struct reading *r, const char *v)
{
	return get_spec(r, v, FALSE, &r->config->audio_in);
}

static gboolean read_out(struct reading *r, const char *v)
{
	return get_spec(r, v, TRUE, &r->config->audio_out);
}

static gboolean read_ring(struct reading *r, const char *v)
{
	return get_spec(r, v, TRUE, &r->config->audio_ring);
}

static gboolean read_bitrate(struct reading *r, const char *v)
{
	return get_number(r, v, 6000, 128000, &r->config->bitrate_bps);
}

static gboolean read_ptime(struct reading *r, const char *v)
{
	guint ms = 0;

	if (!get_number(r, v, 10, 60, &ms))
		return FALSE;
	if (ms != 10 && ms != 20 && ms != 40 && ms != 60)
		return config_fail(r, "'ptime' is 10, 20, 40 or 60, not '%s'", v);
	r->config->ptime_ms = ms;
	return TRUE;
}

static gboolean read_codecs(struct reading *r, const char *v)
{
	static const char *const names[] = {[CODEC_OPUS] = "opus", [CODEC_G722] = "g722", [CODEC_PCMU] = "pcmu",
					    [CODEC_PCMA] = "pcma", NULL};
	struct codec_list *list = &r->config->codecs;
	unsigned kinds[CODEC_CN];

	if (!get_list(r, v, names, kinds, &list->count))
		return FALSE;
	for (size_t i = 0; i < list->count; i++)
		list->kind[i] = (enum media_codec)kinds[i];
	return TRUE;
}

static gboolean read_complexity(struct reading *r, const char *v)
{
	return get_number(r, v, 0, 10, &r->config->complexity);
}

static gboolean read_fec(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->fec);
}

static gboolean read_dtx(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->dtx);
}

/* V prepared, which is a bare address or a domain; caller frees. NULL: it is neither. */
static char *get_bare(const char *v)
{
	return strpbrk(v, "/*?") ? NULL : jid_prepare_typed(v);
}

static gboolean read_allow(struct reading *r, const char *v)
{
	g_auto(GStrv) words = g_strsplit_set(v, "; ,\t", -1);

	for (char **w = words; *w; w++) {
		char *bare = **w ? get_bare(*w) : NULL;

		if (!**w)
			continue;
		if (!bare)
			return config_fail(r, "'%s' is neither an address like romeo@montague.lit nor a domain", *w);
		g_ptr_array_add(r->config->answer_allow, bare);
	}
	return TRUE;
}

static gboolean read_allow_contacts(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->answer_allow_contacts);
}

static gboolean read_strangers(struct reading *r, const char *v)
{
	if (strcmp(v, "ring") != 0 && strcmp(v, "ignore") != 0)
		return config_fail(r, "'%s' is neither ring nor ignore", v);
	r->config->answer_strangers = strcmp(v, "ring") == 0;
	return TRUE;
}

static gboolean read_migrate(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->answer_migrate);
}

static gboolean read_notify(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->answer_notify);
}

static gboolean read_ring_timeout(struct reading *r, const char *v)
{
	return get_number(r, v, 1, 3600, &r->config->ring_timeout_s);
}

static gboolean add_server(struct reading *r, enum server_kind kind, const char *value)
{
	static const guint16 usual[] = {[SERVER_STUN] = 3478, [SERVER_TURN_UDP] = 3478, [SERVER_TURN_TCP] = 3478, [SERVER_TURN_TLS] = 5349};
	struct server_list *list = &r->config->servers;
	struct ice_server *s = &list->server[list->count];
	g_autofree char *host = NULL;
	guint16 port = 0;

	if (!get_host(r, value, &host, &port))
		return FALSE;
	if (list->count == MAX_SERVERS)
		return config_fail(r, "more than %d servers", MAX_SERVERS);
	s->kind = kind;
	s->port = port ? port : usual[kind];
	g_strlcpy(s->host, host, sizeof(s->host));
	list->count++;
	return TRUE;
}

/* RFC 7065 */
static gboolean add_turn(struct reading *r, const char *uri)
{
	const char *transport = strstr(uri, "?transport="), *host = strchr(uri, ':');
	gboolean tls = g_str_has_prefix(uri, "turns:");
	g_autofree char *place = NULL;
	enum server_kind kind = tls ? SERVER_TURN_TLS : SERVER_TURN_UDP;

	if (transport && strcmp(transport, "?transport=tcp") == 0)
		kind = tls ? SERVER_TURN_TLS : SERVER_TURN_TCP;
	else if (transport && (tls || strcmp(transport, "?transport=udp") != 0))
		host = NULL;
	if (!host || (!tls && !g_str_has_prefix(uri, "turn:")))
		return config_fail(r, "'%s' is written turn:HOST:PORT, turn:HOST:PORT?transport=tcp or turns:HOST:PORT, not '%s'", r->key, uri);
	place = transport ? g_strndup(host + 1, (gsize)(transport - host - 1)) : g_strdup(host + 1);
	return add_server(r, kind, place);
}

static gboolean read_turn(struct reading *r, const char *v)
{
	g_auto(GStrv) words = g_strsplit_set(v, "; ,\t", -1);

	for (char **w = words; *w; w++)
		if (**w && !add_turn(r, *w))
			return FALSE;
	return TRUE;
}

static gboolean read_turn_user(struct reading *r, const char *v)
{
	return get_text(r, v, &r->config->turn_user);
}

static gboolean read_turn_password(struct reading *r, const char *v)
{
	return check_private(r) && get_text(r, v, &r->config->turn_password);
}

gboolean config_finish_servers(struct reading *r)
{
	struct config *c = r->config;

	r->group = "network";
	r->key = "turn";
	for (size_t i = 0; i < c->servers.count; i++) {
		struct ice_server *s = &c->servers.server[i];

		if (s->kind == SERVER_STUN)
			continue;
		if (!c->turn_user || !c->turn_password)
			return config_fail(r, "'turn' needs 'turn_user' and 'turn_password' as well");
		if (g_strlcpy(s->user, c->turn_user, sizeof(s->user)) >= sizeof(s->user) ||
		    g_strlcpy(s->password, c->turn_password, sizeof(s->password)) >= sizeof(s->password))
			return config_fail(r, "'turn_user' or 'turn_password' is too long");
	}
	return TRUE;
}

static gboolean read_relay_only(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->relay_only);
}

static gboolean read_stun(struct reading *r, const char *v)
{
	return add_server(r, SERVER_STUN, v);
}

static gboolean read_loopback(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->loopback);
}

static gboolean read_transports(struct reading *r, const char *v)
{
	static const char *const names[] = {[TRANSPORT_ICE_UDP] = "ice-udp", [TRANSPORT_RAW_UDP] = "raw-udp", NULL};
	struct transport_list *list = &r->config->transports;
	unsigned kinds[TRANSPORT_COUNT];

	if (!get_list(r, v, names, kinds, &list->count))
		return FALSE;
	for (size_t i = 0; i < list->count; i++)
		list->kind[i] = (enum transport_kind)kinds[i];
	return TRUE;
}

/* DTLS goes first in whatever order they are named: nobody can want the keys to be read where they need not be. */
static gboolean get_keyings(struct reading *r, const char *v, struct keying_list *list)
{
	static const char *const names[] = {[KEYING_DTLS] = "dtls", [KEYING_SDES] = "sdes", NULL};
	unsigned kinds[KEYING_COUNT];

	if (!get_list(r, v, names, kinds, &list->count))
		return FALSE;
	list->kind[0] = list->count == KEYING_COUNT ? KEYING_DTLS : (enum keying_kind)kinds[0];
	list->kind[1] = KEYING_SDES;
	return TRUE;
}

static gboolean read_encryption(struct reading *r, const char *v)
{
	return get_keyings(r, v, &r->config->keyings);
}

static gboolean read_contact_encryption(struct reading *r, const char *v)
{
	return get_keyings(r, v, &r->contact->keyings);
}

static gboolean read_contact_relay_only(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->contact->relay_only);
}

static gboolean read_contact_jid(struct reading *r, const char *v)
{
	g_autofree char *bare = get_bare(v);

	if (!bare)
		return config_fail(r, "'%s' is neither an address like juliet@capulet.lit nor a domain", v);
	return get_text(r, bare, &r->contact->jid);
}

static gboolean read_exec(struct reading *r, const char *v)
{
	return get_command(r, v, &r->config->answer_exec);
}

static gboolean read_max_calls(struct reading *r, const char *v)
{
	return get_number(r, v, 1, CONFIG_MAX_CALLS, &r->config->answer_max_calls);
}

/* on_input_ended is of the event input-ended; on_answered has the word that people look for. */
static gboolean read_hook(struct reading *r, const char *v)
{
	struct config_hook *h = g_new0(struct config_hook, 1);

	g_ptr_array_add(r->config->hooks, h);
	h->event = g_strdup(strcmp(r->key, "on_answered") == 0 ? "accepted" : r->key + strlen("on_"));
	g_strdelimit(h->event, "_", '-');
	return get_command(r, v, &h->command);
}

const struct config_key config_keys[] = {
	{"account", "jid", read_jid}, {"account", "password", read_password},
	{"account", "password_command", read_password_command}, {"account", "server", read_server},
	{"account", "ca_file", read_ca_file}, {"account", "pin", read_pin}, {"account", "gateway", read_gateway},
	{"contact", "jid", read_contact_jid}, {"contact", "encryption", read_contact_encryption},
	{"contact", "relay_only", read_contact_relay_only},
	{"audio", "in", read_in}, {"audio", "out", read_out}, {"audio", "ring", read_ring},
	{"audio", "codecs", read_codecs}, {"audio", "bitrate", read_bitrate}, {"audio", "ptime", read_ptime}, {"audio", "complexity", read_complexity},
	{"audio", "fec", read_fec}, {"audio", "dtx", read_dtx},
	{"answer", "allow", read_allow}, {"answer", "allow_contacts", read_allow_contacts}, {"answer", "exec", read_exec},
	{"answer", "max_calls", read_max_calls}, {"answer", "migrate", read_migrate}, {"answer", "notify", read_notify},
	{"answer", "strangers", read_strangers},
	{"hooks", "on_waiting", read_hook}, {"hooks", "on_incoming", read_hook}, {"hooks", "on_ringing", read_hook},
	{"hooks", "on_answered", read_hook}, {"hooks", "on_heard", read_hook}, {"hooks", "on_dtmf", read_hook},
	{"hooks", "on_unstable", read_hook}, {"hooks", "on_recovered", read_hook}, {"hooks", "on_recorded", read_hook},
	{"hooks", "on_refused", read_hook}, {"hooks", "on_missed", read_hook}, {"hooks", "on_ended", read_hook},
	{"hooks", "on_disconnected", read_hook}, {"hooks", "on_connected", read_hook},
	{"call", "ring_timeout", read_ring_timeout}, {"call", "encryption", read_encryption},
	{"network", "stun", read_stun}, {"network", "turn", read_turn}, {"network", "turn_user", read_turn_user},
	{"network", "turn_password", read_turn_password}, {"network", "relay_only", read_relay_only},
	 {"network", "loopback", read_loopback}, {"network", "transports", read_transports},
	{NULL, NULL, NULL}};
