/* file_app.h - another WHAT: one file offered, in the manner of XEP-0234, by a struct jingle_app. For tests that the session core
 * serves any application; nothing is transferred. */
#ifndef TEST_FILE_APP_H
#define TEST_FILE_APP_H

#include "jingle/plug.h"

#define NS_FILE "urn:xmpp:jingle:apps:file-transfer:5"

struct file_app {		/* zeroed, then the first group is set */
	const char *name;	/* NULL: we only take */
	guint64 size, most;	/* [bytes] most: larger ones are refused */

	char *got_name;		/* g_free() */
	guint64 got_size;
	gboolean received, range;	/* the peer said it has all; from where on was agreed */
};

extern const struct jingle_app file_app;	/* its self: struct file_app */

#endif
