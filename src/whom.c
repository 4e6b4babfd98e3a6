#include "whom.h"

#include <string.h>

#include "err.h"
#include "known.h"
#include "text.h"

enum { MAX_NAMED = 6 };			/* of those that could be meant */

struct search {
	const char *text, *folded;	/* as it was typed; as it is compared */
	GPtrArray *jids, *words;	/* found: const char *, borrowed; of one person once */
	GHashTable *seen;		/* char *: the keys of JIDS */
	gboolean whole;			/* TEXT is all of the words found */
};

static void add(struct search *s, const char *word, const char *jid)
{
	if (!g_hash_table_add(s->seen, jid_key(jid)))
		return;
	g_ptr_array_add(s->jids, (gpointer)jid);
	g_ptr_array_add(s->words, (gpointer)word);
}

/* Without large letters, and composed: a file of another system, or its keyboard, may take letters and accents apart. */
static char *fold(const char *text)
{
	g_autofree char *small = g_utf8_casefold(text, -1);

	return g_utf8_normalize(small, -1, G_NORMALIZE_NFC);
}

static void look_at(struct search *s, const char *word, const char *jid)
{
	g_autofree char *folded = fold(word);
	gboolean whole;

	if (!*s->folded || !g_str_has_prefix(folded, s->folded))
		return;
	whole = strlen(folded) == strlen(s->folded);
	if (whole && !s->whole) {
		g_ptr_array_set_size(s->jids, 0);
		g_ptr_array_set_size(s->words, 0);
		g_hash_table_remove_all(s->seen);
		s->whole = TRUE;
	}
	if (whole == s->whole)
		add(s, word, jid);
}

static void look_at_contacts(struct search *s, const struct config *config)
{
	for (guint i = 0; i < config->contacts->len; i++) {
		const struct contact *c = config->contacts->pdata[i];

		look_at(s, c->name, c->jid);
	}
}

static void look_at_known(struct search *s, const GPtrArray *known)
{
	for (guint i = 0; i < known->len; i++) {
		const struct known *k = known->pdata[i];

		look_at(s, k->name, k->jid);
		look_at(s, k->jid, k->jid);
	}
}

/* "julie (juliet@capulet.lit), julius@rome.lit or 3 others" */
static char *name_all(const struct search *s)
{
	GString *names = g_string_new(NULL);
	guint shown = MIN(s->jids->len, MAX_NAMED);

	for (guint i = 0; i < shown; i++) {
		g_autofree char *word = text_clean(s->words->pdata[i], TEXT_SHORT), *jid = text_clean(s->jids->pdata[i], TEXT_SHORT);

		g_string_append(names, i == 0 ? "" : i + 1 == s->jids->len ? " or " : ", ");
		g_string_append_printf(names, strcmp(word, jid) == 0 ? "%s" : "%s (%s)", word, jid);
	}
	if (s->jids->len > shown)
		g_string_append_printf(names, " or %u other%s", s->jids->len - shown, s->jids->len - shown == 1 ? "" : "s");
	return g_string_free(names, FALSE);
}

static char *usage_error(GError **error, const char *text, const char *what)
{
	g_autofree char *clean = text_clean(text, TEXT_SHORT);

	g_set_error(error, JC_ERROR, JC_USAGE, "'%s' %s", clean, what);
	return NULL;
}

static char *conclude(const struct search *s, GError **error)
{
	g_autofree char *names = NULL, *what = NULL;

	if (s->jids->len == 1)
		return g_strdup(s->jids->pdata[0]);
	names = name_all(s);
	what = g_strconcat("could be ", names, NULL);
	return usage_error(error, s->text, what);
}

static char *as_address(const char *text, GError **error)
{
	char *jid = jid_read(text);

	return jid ? jid : usage_error(error, text, "is neither an address like juliet@capulet.lit nor a phone number like +15551234567, "
				       "and no contact known here begins like that");
}

static char *by_beginning(const struct config *config, const GPtrArray *known, const char *text, GError **error)
{
	g_autoptr(GPtrArray) jids = g_ptr_array_new(), words = g_ptr_array_new();
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *folded = g_utf8_validate(text, -1, NULL) ? fold(text) : g_strdup("");
	struct search s = {.text = text, .folded = folded, .jids = jids, .words = words, .seen = seen};

	look_at_contacts(&s, config);
	if (!jids->len)
		look_at_known(&s, known);
	return jids->len ? conclude(&s, error) : as_address(text, error);
}

static char *by_number(const struct account *account, const char *number, GError **error)
{
	if (account->gateway)
		return g_strconcat(number, "@", account->gateway, NULL);
	g_set_error(error, JC_ERROR, JC_CONFIG, "no gateway takes phone numbers: name one as 'gateway' of the account in the configuration");
	return NULL;
}

char *whom_find(const struct config *config, const struct account *account, const GPtrArray *known, const char *text, GError **error)
{
	const struct contact *contact = config_contact_named(config, text);
	g_autofree char *number = contact ? NULL : phone_number_read(text);

	if (contact)
		return g_strdup(contact->jid);
	if (number)
		return by_number(account, number, error);
	if (strpbrk(text, "@/") || g_ascii_strncasecmp(text, "xmpp:", 5) == 0)
		return as_address(text, error);
	return by_beginning(config, known, text, error);
}

char *whom_read(const char *config_path, const char *account_name, const char *text, GError **error)
{
	struct config *config = config_load(config_path, error);
	const struct account *account = config ? config_account(config, account_name, error) : NULL;
	g_autoptr(GPtrArray) known = account ? known_load(account->jid) : NULL;
	char *jid = account ? whom_find(config, account, known, text, error) : NULL;

	config_free(config);
	return jid;
}
