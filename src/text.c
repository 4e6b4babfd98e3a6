#include "text.h"

#include <string.h>

#include "jid.h"

enum { SAFE_MAX = 200 };

/* Invisible or direction-changing characters can make one name look like another, or hide text. */
static gboolean is_harmless(gunichar c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return FALSE;
	if (c == 0xad || c == 0x61c || c == 0x34f || c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0 ||
	    (c >= 0x180b && c <= 0x180f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe0fff))
		return FALSE;
	switch (g_unichar_type(c)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_PRIVATE_USE:
	case G_UNICODE_SURROGATE:
	case G_UNICODE_UNASSIGNED:
		return FALSE;
	default:
		return TRUE;
	}
}

/* The character at P as it is shown; returns what follows it. */
static const char *show(const char *p, char shown[16])
{
	gunichar c = g_utf8_get_char_validated(p, -1);

	if (c == (gunichar)-1 || c == (gunichar)-2) {
		g_snprintf(shown, 16, "\\x%02x", (unsigned char)*p);
		return p + 1;
	}
	if (is_harmless(c))
		shown[g_unichar_to_utf8(c, shown)] = '\0';
	else
		g_snprintf(shown, 16, c < 0x80 ? "\\x%02x" : "\\u{%04x}", c);
	return g_utf8_next_char(p);
}

char *text_clean(const char *s, size_t max_chars)
{
	GString *out = g_string_new(NULL);
	size_t chars = 0;

	for (const char *p = s ? s : ""; *p;) {
		char shown[16];

		p = show(p, shown);
		chars += (size_t)g_utf8_strlen(shown, -1);
		if (chars > max_chars) {
			g_string_append(out, "…");
			break;
		}
		g_string_append(out, shown);
	}
	return g_string_free(out, FALSE);
}

char *text_clean_json(const char *line)
{
	GString *out = g_string_new(NULL);

	for (const char *p = line; *p;) {
		gunichar c = g_utf8_get_char_validated(p, -1);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append(out, "\\ufffd");
			p++;
			continue;
		}
		if (is_harmless(c))
			g_string_append_unichar(out, c);
		else if (c < 0x10000)
			g_string_append_printf(out, "\\u%04x", c);
		else
			g_string_append_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
		p = g_utf8_next_char(p);
	}
	return g_string_free(out, FALSE);
}

/* No value leads out of the folder that a script puts it behind, and none is an option of the command it is given to. The first
 * slash stays, which parts an address from its resource. */
static void keep_in_folder(char *s)
{
	gboolean parted = *s == '/';

	if (parted)
		*s = '_';
	for (char *p = s; *p; p++) {
		if (p[0] == '.' && p[1] == '.')
			p[0] = p[1] = '_';
		if (*p == '/' && parted)
			*p = '_';
		parted |= *p == '/';
	}
	if (*s == '.' || *s == '-')
		*s = '_';
}

char *text_safe(const char *s)
{
	char *copy = g_strndup(s ? s : "", SAFE_MAX);

	for (char *p = copy; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr("@._+:/=-", *p))
			*p = '_';
	keep_in_folder(copy);
	return copy;
}

char *jid_bare(const char *jid)
{
	return g_strndup(jid, strcspn(jid, "/"));
}

const char *jid_resource(const char *jid)
{
	const char *slash = strchr(jid, '/');

	return slash && slash[1] ? slash + 1 : NULL;
}

static gboolean part_valid(const char *part, size_t len)
{
	if (len == 0 || len > 1023)
		return FALSE;
	for (size_t i = 0; i < len; i++)
		if (part[i] == ' ' || strchr("\"&'<>@:", part[i]))
			return FALSE;
	return TRUE;
}

static gboolean has_control(const char *s)
{
	for (; *s; s = g_utf8_next_char(s))
		if (g_unichar_iscntrl(g_utf8_get_char(s)))
			return TRUE;
	return FALSE;
}

gboolean jid_valid(const char *jid)
{
	size_t bare = strcspn(jid, "/");
	const char *at = memchr(jid, '@', bare), *domain = at ? at + 1 : jid;
	const char *resource = jid[bare] ? jid + bare + 1 : NULL;

	if (strlen(jid) > 3071 || !g_utf8_validate(jid, -1, NULL) || has_control(jid))
		return FALSE;
	if (at && !part_valid(jid, (size_t)(at - jid)))
		return FALSE;
	if (!part_valid(domain, bare - (size_t)(domain - jid)))
		return FALSE;
	return !resource || (*resource && strlen(resource) <= 1023);
}

char *jid_read(const char *text)
{
	g_autofree char *uri = NULL;
	g_autofree char *jid = NULL;
	char *query;

	if (g_ascii_strncasecmp(text, "xmpp:", 5) != 0)
		return jid_prepare_typed(text);
	uri = g_strdup(text + 5);
	query = strchr(uri, '?');
	if (query)
		*query = '\0';
	jid = g_uri_unescape_string(uri, NULL);
	return jid ? jid_prepare_typed(jid) : NULL;
}

char *phone_number_read(const char *text)
{
	char digits[16] = "+";			/* and 15 at most */
	size_t n = 1;

	if (g_ascii_strncasecmp(text, "tel:", 4) == 0)
		text += 4;
	if (*text++ != '+')
		return NULL;
	for (; *text && *text != ';'; text++) {		/* a tel: URI may have parameters */
		if (g_ascii_isdigit(*text) && n < sizeof(digits))
			digits[n++] = *text;
		else if (!strchr(" -.()/", *text))
			return NULL;
	}
	return n >= 4 ? g_strndup(digits, n) : NULL;
}

gboolean jid_same_bare(const char *a, const char *b)
{
	size_t la, lb;

	if (!a || !b)
		return FALSE;
	la = strcspn(a, "/");
	lb = strcspn(b, "/");
	return la == lb && g_ascii_strncasecmp(a, b, la) == 0;
}

char *jid_key(const char *jid)
{
	return g_ascii_strdown(jid, (gssize)strcspn(jid, "/"));
}

gboolean text_uint(const char *s, guint64 min, guint64 max, guint64 *out)
{
	guint64 value = 0;

	if (!s || !*s || strlen(s) > 20)
		return FALSE;
	for (; *s; s++) {
		guint64 digit = (guint64)(*s - '0');

		if (*s < '0' || *s > '9' || value > (G_MAXUINT64 - digit) / 10)
			return FALSE;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return FALSE;
	*out = value;
	return TRUE;
}

gboolean text_stamp(const char *s, gint64 *at_s)
{
	g_autoptr(GDateTime) t = s ? g_date_time_new_from_iso8601(s, NULL) : NULL;
	gint64 seconds = t ? g_date_time_to_unix(t) : -1;

	if (seconds < 0)
		return FALSE;
	*at_s = seconds;
	return TRUE;
}
