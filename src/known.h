/* known.h - who is on the contact list of an account, as this machine saw it last: a small text file, so that people can be
 * named and completed without a login. Any thread that may wait for the disk (keeper.h).
 *
 * $XDG_STATE_HOME/jcall/ADDRESS.contacts (state.h), one line each, KNOWN_MAX at most: address, tab, name. It decides nothing:
 * who may call and who sees what is decided by the contact list itself. */
#ifndef JCALL_KNOWN_H
#define JCALL_KNOWN_H

#include <glib.h>

#include "err.h"

enum { KNOWN_MAX = 50000 };

struct known {
	char *jid;		/* bare and prepared (jid.h); raw */
	char *name;		/* clean; "": none */
};

GPtrArray *known_new(void);			/* of struct known *, which it owns; caller unrefs */
/* Adds the bare address of JID, and a clean copy of NAME (NULL: none). No address, or one too many: nothing happens. */
void       known_add(GPtrArray *people, const char *jid, const char *name);
/* What the file of the account JID says; nobody if it cannot be read. Sorted by address. Caller unrefs. */
GPtrArray *known_load(const char *jid);
/* Sorts PEOPLE by address, and makes them what the file of the account JID says; it is written only if that is something else.
 * FALSE with JC_FILE. */
gboolean   known_keep(const char *jid, GPtrArray *people, GError **error);

#endif
