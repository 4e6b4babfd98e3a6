#include "stream_guard.h"

#include <stdlib.h>
#include <string.h>

#include "../err.h"
#include "../text.h"
#include "stanza.h"

#define NS_TLS  "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"

enum { MAX_ROUNDS = 1000000 };

#define error(code, ...) g_error_new(JC_ERROR, (gint)(code), __VA_ARGS__)

const char *guard_received(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (!g_str_has_prefix(line, "RECV: <") || strncmp(line + 7, name, n) != 0 || !line[7 + n] ||
	    !strchr(" />", line[7 + n]))
		return NULL;
	return line + 6;
}

/* The names libstrophe takes for SCRAM: not those with "-PLUS", which would leave it with PLAIN. */
static gboolean is_scram(const char *mechanism)
{
	return g_ascii_strcasecmp(mechanism, "SCRAM-SHA-1") == 0 || g_ascii_strcasecmp(mechanism, "SCRAM-SHA-256") == 0 ||
		g_ascii_strcasecmp(mechanism, "SCRAM-SHA-512") == 0;
}

static gboolean offers_scram(const struct elem *features)
{
	const struct elem *list = elem_child(features, "mechanisms", NULL);	/* the first, as libstrophe reads it */

	if (!elem_is(list, "mechanisms", NS_SASL))
		return FALSE;
	for (const struct elem *m = elem_child(list, "mechanism", NULL); m; m = elem_next(m, "mechanism", NULL))
		if (is_scram(elem_text(m)))
			return TRUE;
	return FALSE;
}

GError *guard_features(const char *xml, enum guard_stage stage, const char *account)
{
	elem_auto features = elem_parse(xml);

	if (!features)
		return error(JC_SERVER, "the server of %s says in no intelligible way what it offers", account);
	if (stage == GUARD_OPEN && !elem_is(elem_child(features, "starttls", NULL), "starttls", NS_TLS))
		return error(JC_SERVER, "the server of %s offers no encryption (TLS), and jcall sends no password without it",
			     account);
	if (stage == GUARD_SECURED && !offers_scram(features))
		return error(JC_SERVER, "the server of %s offers no SCRAM login, and jcall sends no password in any other way",
			     account);
	if (stage == GUARD_LOGGED_IN && !elem_child(features, "bind", NULL))
		return error(JC_SERVER, "the server of %s does not let clients bind a resource", account);
	return NULL;
}

GError *guard_challenge(const char *xml, const char *account)
{
	elem_auto challenge = elem_parse(xml);
	g_autofree guchar *bytes = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) parts = NULL;
	gsize n = 0;
	long rounds = 0;

	if (challenge)
		bytes = g_base64_decode(elem_text(challenge), &n);
	text = g_strndup(bytes ? (const char *)bytes : "", n);
	parts = g_strsplit(text, ",", 0);
	for (char **p = parts; *p; p++)
		if (g_str_has_prefix(*p, "i="))
			rounds = strtol(*p + 2, NULL, 10);	/* libstrophe takes the last, and reads it so */
	if (rounds >= 1 && rounds <= MAX_ROUNDS)
		return NULL;
	return error(JC_SERVER, "the server of %s wants the password hashed %ld times; jcall does not go beyond %d", account,
		     rounds, MAX_ROUNDS);
}

GError *guard_failure(const char *xml, enum guard_stage stage, const char *account)
{
	elem_auto failure = elem_parse(xml);
	const struct elem *condition = elem_child(failure, NULL, NULL);
	g_autofree char *name = text_clean(condition ? elem_name(condition) : "no reason given", TEXT_SHORT);

	if (stage == GUARD_OPEN)
		return error(JC_SERVER, "the server of %s refuses to begin encryption (TLS)", account);
	if (strcmp(name, "temporary-auth-failure") == 0)
		return error(JC_SERVER, "the server of %s cannot check passwords at the moment", account);
	if (strcmp(name, "not-authorized") == 0)
		return error(JC_LOGIN, "the server does not accept the password of %s", account);
	return error(JC_LOGIN, "the server does not let %s log in (%s)", account, name);
}

gboolean guard_is_account(const char *bound, const char *account)
{
	return bound && jid_resource(bound) && jid_same_bare(bound, account);
}

char *guard_pin(const char *raw)
{
	GString *pin = g_string_new("sha256:");

	if (raw && g_ascii_strncasecmp(raw, "sha256:", 7) == 0)
		raw += 7;
	for (; raw && *raw; raw++)
		if (g_ascii_isxdigit(*raw))
			g_string_append_c(pin, g_ascii_tolower(*raw));
	return g_string_free(pin, FALSE);
}
