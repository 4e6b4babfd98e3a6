#include "ogg_links.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* A page's head (RFC 3533 section 6). */
enum {
	HEAD = 27,			/* [bytes] without the table of segments */
	SEGMENTS_MAX = 255,
	AT_VERSION = 4,
	AT_TYPE = 5,
	AT_SEGMENTS = 26,
	FIRST_OF_STREAM = 2,		/* bit of the type */
};

/* The length of the page at AT; 0: there is none. FIRST: a stream begins with it. */
static gint64 read_page(int fd, gint64 at, gboolean *first)
{
	uint8_t head[HEAD + SEGMENTS_MAX];
	ssize_t n = pread(fd, head, sizeof(head), at);
	gint64 length;

	if (n < HEAD || memcmp(head, "OggS", 4) != 0 || head[AT_VERSION] != 0 || n < HEAD + head[AT_SEGMENTS])
		return 0;
	length = HEAD + head[AT_SEGMENTS];
	for (int i = 0; i < head[AT_SEGMENTS]; i++)
		length += head[HEAD + i];
	*first = (head[AT_TYPE] & FIRST_OF_STREAM) != 0;
	return length;
}

GArray *ogg_links(int fd, gint64 size)
{
	GArray *links = g_array_new(FALSE, FALSE, sizeof(struct ogg_link));
	struct ogg_link link = {.start = 0};
	gboolean first, in_heads = TRUE;	/* streams side by side (sound and a picture) begin together: that is no chain */
	gint64 at = 0, length;

	while (at < size && (length = read_page(fd, at, &first)) > 0) {
		if (first && !in_heads && links->len + 1 < OGG_LINKS_MAX) {
			link.length = at - link.start;
			g_array_append_val(links, link);
			link.start = at;
		}
		in_heads = first;
		at += length;
	}
	link.length = size - link.start;
	g_array_append_val(links, link);
	return links;
}
