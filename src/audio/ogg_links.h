/* ogg_links.h - where the parts of a chained Ogg file begin (RFC 3533 section 4: "sequential multiplexing"): two Ogg files one
 * behind the other are an Ogg file, of which libsndfile plays the first alone. Any thread; it waits for the disk. */
#ifndef JCALL_AUDIO_OGG_LINKS_H
#define JCALL_AUDIO_OGG_LINKS_H

#include <glib.h>

struct ogg_link {
	gint64 start, length;		/* [bytes] in the file */
};

enum { OGG_LINKS_MAX = 10000 };		/* what comes beyond that is left to the last */

/* Of the file FD, SIZE bytes long. Caller unrefs. Never empty: what is no Ogg file, or no chain, is one link, the whole. */
GArray *ogg_links(int fd, gint64 size);

#endif
