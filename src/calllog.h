/* calllog.h - the calls of an account that this machine knows of: a small text file, one line each. Any thread; one
 * that must not wait for the disk has it done by a keeper (keeper.h).
 *
 * $XDG_STATE_HOME/jcall/ADDRESS.calls, readable by its owner alone, replaced as a whole, CALLLOG_MAX calls at most (the
 * latest), and beside them CALLLOG_STRANGERS that strangers have made in vain: however many those are, no other call is
 * forgotten for them. Several jcalls may keep it: each opens it for a moment only, and nobody else can in that time. What in it is
 * not understood is left out. */
#ifndef JCALL_CALLLOG_H
#define JCALL_CALLLOG_H

#include <glib.h>

#include "err.h"
#include "keeper.h"

enum { CALLLOG_MAX = 300, CALLLOG_STRANGERS = 50 };

struct call_entry {
	gint64 at_s;			/* when it began [seconds since 1970] */
	gboolean incoming;
	gboolean shown;			/* the user has been told of it */
	gboolean stranger;		/* the caller was one (standing.h), and the call was not taken */
	enum jc_err outcome;
	guint duration_s;		/* of the talk */
	char *peer, *id;		/* in a list: bare JID in lower case, raw; the id of the session, clean */
};

struct calllog;

/* Where the calls of the account JID are kept. Caller frees. */
char           *calllog_path(const char *jid);
/* Reads PATH; a file that is not there is an empty list. NULL with JC_FILE. */
struct calllog *calllog_open(const char *path, GError **error);
/* Writes what was changed, and frees L. FALSE with JC_FILE: it is lost. */
gboolean        calllog_close(struct calllog *l, GError **error);

GPtrArray      *calllog_entries(struct calllog *l);		/* struct call_entry *, oldest first; borrowed */
/* Adds a copy of E (of its peer the bare JID, its id made harmless); FALSE: a call of that peer, id and direction is there
 * already, or they are no such things. */
gboolean        calllog_add(struct calllog *l, const struct call_entry *e);
void            calllog_show(struct calllog *l, struct call_entry *e);	/* an entry of L: the user has been told */
/* Up to when the archive of the account has been read; 0: never. */
gint64          calllog_until(const struct calllog *l);
void            calllog_set_until(struct calllog *l, gint64 until_s);

/* Did nobody of us hear of it when it came? */
gboolean        call_entry_is_missed(const struct call_entry *e);
void            call_entry_free(gpointer e);

/* Adds E to the list in PATH, as a line at its end. FALSE with JC_FILE. */
gboolean        calllog_keep(const char *path, const struct call_entry *e, GError **error);
/* The same, some time later and by K; that it failed is told in the log. */
void            calllog_keep_by(struct keeper *k, const char *path, const struct call_entry *e);

#endif
