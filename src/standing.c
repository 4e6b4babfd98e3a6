#include "standing.h"

#include <string.h>

#include "config.h"
#include "text.h"

enum {
	MAX_KNOWN = 32,			/* [people] an answering machine meets many callers: the latest matter */
	MAX_ROOMS = 64,			/* [rooms] anybody can pretend to be one, of their own address only */
};

struct standings {
	char *us, *server;		/* our bare address, and its domain */
	const struct roster *roster;
	const struct blocklist *blocklist;
	const GPtrArray *allow;		/* NULL: nobody */
	gboolean allow_contacts;
	GPtrArray *known, *rooms;	/* char *, the latest at the end */
};

static char *domain_of(const char *bare)
{
	const char *at = strchr(bare, '@');

	return g_strdup(at ? at + 1 : bare);
}

struct standings *standings_new(const char *account, const struct roster *roster, const struct blocklist *blocklist)
{
	struct standings *s = g_new0(struct standings, 1);

	s->us = jid_bare(account);
	s->server = domain_of(s->us);
	s->roster = roster;
	s->blocklist = blocklist;
	s->known = g_ptr_array_new_with_free_func(g_free);
	s->rooms = g_ptr_array_new_with_free_func(g_free);
	return s;
}

void standings_free(struct standings *s)
{
	if (!s)
		return;
	g_ptr_array_unref(s->known);
	g_ptr_array_unref(s->rooms);
	g_free(s->us);
	g_free(s->server);
	g_free(s);
}

void standings_allow(struct standings *s, const GPtrArray *allow, gboolean contacts)
{
	s->allow = allow;
	s->allow_contacts = contacts;
}

static void remember(GPtrArray *list, guint most, const char *jid)
{
	for (guint i = 0; i < list->len; i++)
		if (strcmp(list->pdata[i], jid) == 0) {
			g_ptr_array_add(list, g_ptr_array_steal_index(list, i));
			return;
		}
	g_ptr_array_add(list, g_strdup(jid));
	if (list->len > most)
		g_ptr_array_remove_index(list, 0);
}

void standings_note_room(struct standings *s, const char *jid)
{
	g_autofree char *bare = jid_bare(jid);

	if (!jid_same_bare(bare, s->us) && !jid_same_bare(bare, s->server))
		remember(s->rooms, MAX_ROOMS, bare);
}

/* ---- who is who ---- */

static gboolean is_in_room(const struct standings *s, const char *jid)
{
	for (guint i = 0; jid_resource(jid) && i < s->rooms->len; i++)
		if (jid_same_bare(jid, s->rooms->pdata[i]))
			return TRUE;
	return FALSE;
}

void standings_know(struct standings *s, const char *jid)
{
	g_autofree char *bare = jid_bare(jid);

	remember(s->known, MAX_KNOWN, is_in_room(s, jid) ? jid : bare);
}

static gboolean is_known(const struct standings *s, const char *jid, gboolean in_room)
{
	for (guint i = 0; i < s->known->len; i++)
		if (in_room ? strcmp(jid, s->known->pdata[i]) == 0 : jid_same_bare(jid, s->known->pdata[i]))
			return TRUE;
	return FALSE;
}

static gboolean is_listed(const struct standings *s, const char *jid)
{
	for (guint i = 0; s->allow && i < s->allow->len; i++)
		if (allow_matches(s->allow->pdata[i], jid))
			return TRUE;
	return FALSE;
}

enum standing standings_of(const struct standings *s, const char *jid)
{
	gboolean in_room;

	if (jid_same_bare(jid, s->us))
		return STANDING_SELF;
	if (g_ascii_strcasecmp(jid, s->server) == 0)
		return STANDING_SERVER;
	if (blocklist_has(s->blocklist, jid))
		return STANDING_BLOCKED;
	in_room = is_in_room(s, jid);
	if (!in_room && roster_sees_us(s->roster, jid))
		return STANDING_CONTACT;
	if (!in_room && is_listed(s, jid))
		return STANDING_ALLOWED;
	return is_known(s, jid, in_room) ? STANDING_KNOWN : STANDING_STRANGER;
}

gboolean standings_is_allowed(const struct standings *s, const char *jid)
{
	enum standing standing = standings_of(s, jid);

	if (standing == STANDING_BLOCKED || is_in_room(s, jid))
		return FALSE;
	return is_listed(s, jid) || (s->allow_contacts && standing == STANDING_CONTACT);
}

gboolean standing_may_know(enum standing standing)
{
	return standing > STANDING_STRANGER;
}
