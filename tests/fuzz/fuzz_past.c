/* Archived messages, a stanza in each line: which calls were missed. Each is told once, by an address that is one. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "jingle/past.h"
#include "missed.h"
#include "text.h"
#include "xmpp/stanza.h"

enum { NOW = 1763719200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	GHashTable *calls;
	gint64 before_s;
};

static void on_missed(void *ctx, const struct past_call *c)
{
	struct seen *seen = ctx;
	g_autofree char *words = missed_words(c->peer, 1, c->at_s, NOW);

	g_assert_true(jid_valid(c->peer) && !jid_resource(c->peer));
	g_assert_false(jid_same_bare(c->peer, "juliet@capulet.lit"));
	g_assert_true(g_utf8_validate(words, -1, NULL) && !strpbrk(words, "\n\r\x1b"));
	g_assert_cmpint(c->at_s, >=, seen->before_s);
	seen->before_s = c->at_s;
	g_assert_true(g_hash_table_add(seen->calls, g_strdup_printf("%s %s", c->peer, c->id)));
}

static void settle(struct past *p, gint64 now_s)
{
	struct seen seen = {.calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	gint64 open = past_settle(p, now_s, on_missed, &seen);

	g_assert_cmpint(open, >, now_s - PAST_RINGS_S);
	g_hash_table_unref(seen.calls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 200);
	struct past *p = past_new("juliet@capulet.lit/balcony");

	for (guint i = 0; lines[i]; i++) {
		elem_auto e = elem_parse(lines[i]);
		struct jmi_msg m;

		if (!e || !jmi_read(e, &m))
			continue;
		past_note(p, elem_attr(e, "from"), elem_attr(e, "to"), &m, jmi_sent_at(e, NOW));
		if (i % 8 == 7)
			settle(p, NOW - 1000 + (gint64)i);
	}
	settle(p, NOW);
	settle(p, NOW + PAST_RINGS_S);
	past_free(p);
	return 0;
}
