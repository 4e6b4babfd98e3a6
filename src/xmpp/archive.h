/* archive.h - the account's own message archive, XEP-0313 (urn:xmpp:mam:2), read backwards from the latest message. Main thread.
 *
 * One reading at a time. Only results that our own account sent to the question at hand are believed: anybody can send a
 * message that looks like one. Bounded: ARCHIVE_MAX messages and ARCHIVE_PAGES questions, whatever the server says. */
#ifndef JCALL_XMPP_ARCHIVE_H
#define JCALL_XMPP_ARCHIVE_H

#include "stream.h"

enum { ARCHIVE_MAX = 2000, ARCHIVE_PAGES = 50, ARCHIVE_PAGE = 100 };

struct archive;

enum archive_end {
	ARCHIVE_DONE,			/* everything was read */
	ARCHIVE_CUT,			/* there was too much: the latest was read */
	ARCHIVE_NONE,			/* the server keeps no archive for us */
	ARCHIVE_FAILED,			/* it refused, or did not answer */
};

struct archive_reader {
	/* A MESSAGE (borrowed) that was archived at AT_S (seconds since 1970, never before those asked for). Within a page
	 * the oldest comes first, but the latest page comes first. A page may come twice, after a reconnect. */
	void (*message)(void *ctx, const struct elem *message, gint64 at_s);
	void (*done)(void *ctx, enum archive_end end, enum iq_cond cond);	/* last, exactly once; COND of ARCHIVE_FAILED */
	void *ctx;
};

struct archive *archive_new(struct stream *x);			/* borrows X */
void            archive_free(struct archive *a);
/* Reads what was archived since SINCE_S (seconds since 1970). Another reading that is under way is stopped. */
void            archive_read(struct archive *a, gint64 since_s, const struct archive_reader *reader);
void            archive_stop(struct archive *a);		/* done is not called */
gboolean        archive_is_reading(const struct archive *a);
/* Every message that comes in: TRUE: it is, or claims to be, from an archive, and is nothing else. */
gboolean        archive_message(struct archive *a, const struct elem *message);

#endif
