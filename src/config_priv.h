/* config_priv.h - what the two halves of the configuration share: config.c reads the file, config_keys.c its values. */
#ifndef JCALL_CONFIG_PRIV_H
#define JCALL_CONFIG_PRIV_H

#include <sys/types.h>

#include "config.h"

struct reading {
	struct config *config;
	struct account *account;	/* of the group at hand */
	struct contact *contact;	/* likewise */
	GKeyFile *file;
	const char *path, *text;
	const char *group, *key;	/* what is being read; KEY NULL: the group itself */
	gboolean is_private;		/* nobody else may read the file */
	GError **error;
};

/* All is read: TURN servers get their user and password, which they need. */
gboolean config_finish_servers(struct reading *r);
/* Sets the error, with file and line of what is being read, and returns FALSE. */
gboolean config_fail(struct reading *r, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
