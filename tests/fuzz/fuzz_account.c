/* What our server and other clients say of who is there and what they can do: contact list, presence, capabilities, service
 * discovery, message archive, STUN and TURN servers. Each line is a stanza that comes in; an answer whose id is # and a number goes
 * to that one of the questions which are open, any other is matched by id and sender as the stream does it.
 *
 * What must hold: nobody but our own account changes who is on the contact list, and what is found stays within its bounds. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "fake_stream.h"
#include "log.h"
#include "text.h"
#include "xmpp/archive.h"
#include "xmpp/disco.h"
#include "xmpp/extdisco.h"
#include "xmpp/roster.h"
#include "xmpp/stanza.h"

#define US "juliet@lab.test"

enum { MAX_LINES = 150, MOST_OPEN = 30, SINCE_S = 1700000000, NOW_S = 1763719200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
	struct stream *stream;
	struct roster *roster;
	struct extdisco *extdisco;
	struct disco *disco;
	struct archive *archive;
	guint contacts, messages, ends;
};

static gint64 now_s(void)
{
	return NOW_S;
}

/* ---- what they tell ---- */

static void on_online(void *self, const char *full_jid, gboolean resumed)
{
}

static void on_offline(void *self, const GError *error, gboolean final)
{
}

static void on_iq(void *self, struct iq *iq)
{
	struct rig *r = self;

	if (!roster_iq(r->roster, iq) && !extdisco_iq(r->extdisco, iq))
		disco_iq(r->disco, iq);
}

static void on_phase(void *self, const char *phase, gint64 now_us)
{
}

static void on_message(void *self, const struct elem *message)
{
	archive_message(((struct rig *)self)->archive, message);
}

static void on_presence(void *self, const struct elem *presence)
{
	struct rig *r = self;
	const char *from = elem_attr(presence, "from");

	disco_presence(r->disco, presence, from && (jid_same_bare(from, US) || roster_has(r->roster, from)));
}

static void on_done(void *ctx)
{
}

static void on_can(void *ctx, enum iq_cond cond, unsigned can)
{
	g_assert_true(cond == COND_OK || !can);
}

static void on_best(void *ctx, const char *full_jid, unsigned can, unsigned online)
{
	g_assert_true(!full_jid || ((can & CAN_CALL) == CAN_CALL && online > 0));
}

static void on_archived(void *ctx, const struct elem *message, gint64 at_s)
{
	struct rig *r = ctx;

	g_assert_cmpint(at_s, >=, SINCE_S);
	g_assert_cmpuint(r->ends, ==, 0);
	r->messages++;
}

static void on_archive_done(void *ctx, enum archive_end how, enum iq_cond cond)
{
	struct rig *r = ctx;

	g_assert_cmpuint(++r->ends, ==, 1);
	g_assert_cmpuint(r->messages, <=, ARCHIVE_MAX + ARCHIVE_PAGE);
}

static void count_contact(void *ctx, const char *jid, const char *name)
{
	struct rig *r = ctx;

	g_assert_true(jid_valid(jid) && !jid_resource(jid));
	r->contacts += 1 + roster_sees_us(r->roster, jid);
}

static guint count_contacts(struct rig *r)
{
	r->contacts = 0;
	roster_each(r->roster, count_contact, r);
	return r->contacts;
}

/* ---- a stanza ---- */

static gboolean is_ours(const char *from)
{
	return !from || jid_same_bare(from, US) || g_ascii_strcasecmp(from, "lab.test") == 0;
}

static void ask_about(struct rig *r, const char *jid)
{
	if (fake_stream_open(r->stream) < MOST_OPEN) {
		disco_query(r->disco, jid, on_can, NULL);
		disco_best(r->disco, jid, CAN_CALL, on_best, NULL);
	}
	roster_name(r->roster, jid);
	disco_known(r->disco, jid);
	g_assert_cmpuint(disco_online(r->disco, jid), <=, 2000);
}

static void hear(struct rig *r, const struct elem *stanza)
{
	const char *id = elem_attr(stanza, "id"), *from = elem_attr(stanza, "from"), *type = elem_attr(stanza, "type");
	guint before = count_contacts(r), open = fake_stream_open(r->stream);
	gboolean is_answer = elem_is(stanza, "iq", NULL) && type && (strcmp(type, "result") == 0 || strcmp(type, "error") == 0);

	if (is_answer && id && *id == '#' && open) {
		fake_stream_answer(r->stream, (guint)(g_ascii_strtoull(id + 1, NULL, 10) % open), cond_read(stanza), stanza);
		return;
	}
	fake_stream_hear(r->stream, stanza);
	if (!is_ours(from))
		g_assert_cmpuint(count_contacts(r), ==, before);
	if (from)
		ask_about(r, from);
}

static void set_up(struct rig *r)
{
	struct stream_options options = {.jid = US};
	struct stream_handlers handlers = {.online = on_online, .offline = on_offline, .iq = on_iq, .message = on_message,
					   .presence = on_presence, .phase = on_phase, .self = r};
	struct archive_reader reader = {.message = on_archived, .done = on_archive_done, .ctx = r};

	log_threshold = LOG_ERROR;
	r->stream = stream_new(&options, &handlers);
	fake_stream_online(r->stream, US "/me", FALSE);
	r->roster = roster_new(r->stream);
	r->extdisco = extdisco_new(r->stream, now_s, on_done, NULL);
	r->disco = disco_new(r->stream);
	r->archive = archive_new(r->stream);
	roster_fetch(r->roster, on_done, NULL);
	extdisco_fetch(r->extdisco);
	archive_read(r->archive, SINCE_S, &reader);
}

static void tear_down(struct rig *r)
{
	struct server_list none = {.count = 0}, merged;

	extdisco_merge(r->extdisco, &none, &merged);
	g_assert_cmpuint(merged.count, <=, MAX_SERVERS);
	archive_free(r->archive);
	roster_free(r->roster);
	extdisco_free(r->extdisco);
	disco_free(r->disco);
	stream_free(r->stream);
	while (g_main_context_iteration(NULL, FALSE))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_LINES);
	struct rig r = {0};

	set_up(&r);
	for (char **line = lines; *line; line++) {
		elem_auto stanza = elem_parse(*line);

		if (stanza)
			hear(&r, stanza);
	}
	tear_down(&r);
	return 0;
}
