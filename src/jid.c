#include "jid.h"

#include <glib.h>
#include <idn2.h>
#include <string.h>

#include "text.h"

enum { CAPITAL_I_WITH_DOT = 0x130, SHARP_S = 0xdf, FINAL_SIGMA = 0x3c2, SIGMA = 0x3c3 };

/* Is there nothing to be prepared in S: ASCII, no capitals, no label of IDNA? Nearly every address is so. */
static gboolean is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((guchar)s[i] >= 0x80 || g_ascii_isupper(s[i]))
			return FALSE;
	return !g_strstr_len(s, (gssize)len, "xn--");
}

/* The ordinary form of a character that exists in two widths (Unicode: <wide> and <narrow>); any other as it is. */
static gunichar ordinary_width(gunichar c)
{
	gunichar out[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];

	if (c != 0x3000 && (c < 0xff01 || c > 0xffee))
		return c;
	return g_unichar_fully_decompose(c, TRUE, out, G_N_ELEMENTS(out)) >= 1 ? out[0] : c;
}

/* Letter by letter: GLib's function for strings asks the locale, and Turkish has other small letters. */
static void append_small(GString *out, gunichar c, gboolean typed)
{
	gunichar small = g_unichar_tolower(c);

	if (c == CAPITAL_I_WITH_DOT)
		g_string_append(out, "i\xcc\x87");
	else if (typed && small == SHARP_S)
		g_string_append(out, "ss");
	else
		g_string_append_unichar(out, typed && small == FINAL_SIGMA ? SIGMA : small);
}

/* Fullwidth characters may have become some that part an address: they do not part this one. */
static char *check_part(char *part, const char *forbidden)
{
	if (part && *part && !strpbrk(part, forbidden))
		return part;
	g_free(part);
	return NULL;
}

static char *prepare_local(const char *s, size_t len, gboolean typed)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (const char *p = s; p < s + len; p = g_utf8_next_char(p))
		append_small(out, ordinary_width(g_utf8_get_char(p)), typed);
	return check_part(g_utf8_normalize(out->str, -1, G_NORMALIZE_NFC), "\"&'/:<>@ ");
}

/* Small letters, and "xn--" as what it stands for. NULL: IDNA2008 does not allow it. */
static char *prepare_domain(const char *s, size_t len)
{
	g_autofree char *given = g_strndup(s, len), *composed = NULL;
	g_autoptr(GString) small = g_string_new(NULL);
	char *ascii = NULL, *unicode = NULL, *out = NULL;

	for (const char *p = given; *p; p = g_utf8_next_char(p)) {
		gunichar c = ordinary_width(g_utf8_get_char(p));

		/* RFC 5895 2: the full stops of East Asia */
		append_small(small, c == 0x3002 || c == 0xff61 ? '.' : c, FALSE);
	}
	if (small->len && small->str[small->len - 1] == '.')
		g_string_truncate(small, small->len - 1);
	if (g_str_has_suffix(small->str, "."))
		return NULL;
	composed = g_utf8_normalize(small->str, -1, G_NORMALIZE_NFC);
	if (is_plain(composed, strlen(composed)))
		return check_part(g_steal_pointer(&composed), "\"&'/:<>@ ");
	if (idn2_lookup_u8((const uint8_t *)composed, (uint8_t **)&ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
	    idn2_to_unicode_8z8z(ascii, &unicode, 0) == IDN2_OK)
		out = g_strdup(unicode);
	idn2_free(ascii);
	idn2_free(unicode);
	return check_part(out, "\"&'/:<>@ ");
}

static char *prepare_resource(const char *s)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (const char *p = s; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		g_string_append_unichar(out, g_unichar_type(c) == G_UNICODE_SPACE_SEPARATOR ? ' ' : c);
	}
	return g_utf8_normalize(out->str, -1, G_NORMALIZE_NFC);
}

static char *prepare(const char *jid, gboolean typed)
{
	size_t bare = strcspn(jid, "/");
	const char *at = memchr(jid, '@', bare), *domain = at ? at + 1 : jid;
	g_autofree char *l = NULL, *d = NULL, *r = NULL;
	char *all;

	if (!g_utf8_validate(jid, -1, NULL))
		return NULL;
	if (is_plain(jid, strlen(jid)) && !(bare && jid[bare - 1] == '.'))
		return jid_valid(jid) ? g_strdup(jid) : NULL;
	l = at ? prepare_local(jid, (size_t)(at - jid), typed) : NULL;
	d = prepare_domain(domain, bare - (size_t)(domain - jid));
	r = jid[bare] ? prepare_resource(jid + bare + 1) : NULL;
	if ((at && !l) || !d)
		return NULL;
	all = g_strconcat(l ? l : "", l ? "@" : "", d, r ? "/" : "", r, NULL);
	if (jid_valid(all))
		return all;
	g_free(all);
	return NULL;
}

char *jid_prepare(const char *jid)
{
	return prepare(jid, FALSE);
}

char *jid_prepare_typed(const char *jid)
{
	return prepare(jid, TRUE);
}

char *jid_domain_ascii(const char *domain)
{
	g_autofree char *copy = NULL;
	char *ascii = NULL;

	if (!is_plain(domain, strlen(domain)) &&
	    idn2_lookup_u8((const uint8_t *)domain, (uint8_t **)&ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		copy = g_strdup(ascii);
	idn2_free(ascii);
	return copy ? g_steal_pointer(&copy) : g_strdup(domain);
}
