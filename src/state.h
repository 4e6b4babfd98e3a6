/* state.h - small files that jcall keeps of an account, in $XDG_STATE_HOME/jcall/: readable by their owner alone, replaced as
 * a whole. Any thread that may wait for the disk (keeper.h).
 *
 * What is in them may have been put there by somebody else: a reader leaves out what it does not understand. */
#ifndef JCALL_STATE_H
#define JCALL_STATE_H

#include <glib.h>

#include "err.h"

enum { STATE_MAX_BYTES = 16 << 20 };	/* the largest file: 50,000 contacts of 300 bytes */

/* The file of the account JID that ends in ENDING (".calls"). Caller frees. */
char    *state_path(const char *jid, const char *ending);
/* Appends what is in PATH to TEXT, STATE_MAX_BYTES at most; a file that is not there is empty. FALSE with JC_FILE, in which WHAT ("list of
 * calls") is said not to be readable. */
gboolean state_read(const char *path, const char *what, GString *text, GError **error);
/* Replaces PATH, and makes its folder. FALSE with JC_FILE. */
gboolean state_write(const char *path, const char *what, const char *text, GError **error);

#endif
