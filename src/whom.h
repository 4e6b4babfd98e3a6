/* whom.h - whom the user means: an address, a phone number, the name of a contact or its beginning.
 *
 * Main thread. Nothing here asks a server. */
#ifndef JCALL_WHOM_H
#define JCALL_WHOM_H

#include "config.h"

/* The address meant by TEXT, the first of these that holds: the name of a contact of CONFIG; a phone number, which goes to the
 * gateway of ACCOUNT; what has an '@', a '/' or "xmpp:" is an address; the beginning of the name of one contact of CONFIG; that
 * of the name or address of one of KNOWN (struct known); else it is an address (a domain). Beginnings are compared
 * with large and small letters alike; one that is all of a name or address goes before those that are longer.
 * Caller frees. NULL: JC_USAGE, it is none of all this or could be several, which are named; or JC_CONFIG, there is no gateway. */
char *whom_find(const struct config *config, const struct account *account, const GPtrArray *known, const char *text, GError **error);
/* The same by the files: the configuration (NULL: the usual one), the account of it (NULL: the first), the contacts known of it.
 * JC_CONFIG also when these cannot be read. */
char *whom_read(const char *config_path, const char *account_name, const char *text, GError **error);

#endif
