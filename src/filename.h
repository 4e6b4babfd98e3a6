/* filename.h - names of files that differ from call to call: the placeholders of --record and --out. Pure functions, any thread.
 *
 *   %n  the number of the call in this process: 1, 2, ...
 *   %p  the peer's bare address, each byte but [A-Za-z0-9@._-] made '_', at most FILENAME_PEER bytes, never empty and never
 *       beginning with '.' or '-': no caller chooses a folder, a hidden file or an option
 *   %t  the moment, in local time, as 20261121-140305
 *   %%  a percent sign */
#ifndef JCALL_FILENAME_H
#define JCALL_FILENAME_H

#include <glib.h>

enum { FILENAME_PEER = 100 };

struct filename_values {
	guint number;
	const char *peer;		/* a JID, bare or full, raw */
	gint64 at_s;			/* since 1970 */
};

/* NULL with JC_USAGE where anything else follows a '%'. Caller frees. */
char *filename_expand(const char *template, const struct filename_values *v, GError **error);
/* The same for a SPEC of audio/audio.h, in which only a file has placeholders. */
char *filename_expand_spec(const char *spec, const struct filename_values *v, GError **error);

#endif
