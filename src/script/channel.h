/* channel.h - lines both ways over a socket of ours: a client of the control socket, the command of a call. Main thread.
 *
 * Whoever is at the other end may send garbage, half a line, or one without an end, and may stop reading: a line of more than
 * REQUEST_MAX bytes is told once and left out up to its end; of one who lets CHANNEL_ROOM bytes wait nothing more is heard. Who has ended what he
 * says gets what waits for him all the same. */
#ifndef JCALL_CHANNEL_H
#define JCALL_CHANNEL_H

#include <glib.h>

struct channel;

enum { CHANNEL_ROOM = 1 << 18 };

struct channel_events {
	void (*line)(void *self, const char *line, gsize len);	/* without its end; not terminated; may call channel_free */
	void (*too_long)(void *self);
	void (*closed)(void *self);	/* the other end is gone; once, and the last; channel_free is the next thing to do */
	void *self;
};

/* Takes FD, a connected stream socket. */
struct channel *channel_new(int fd, const struct channel_events *events);
void            channel_free(struct channel *c);	/* also from inside its events */
void            channel_send(struct channel *c, const char *line);
gsize           channel_waiting(const struct channel *c);	/* [bytes] for the other end to read */
void            channel_flush(struct channel *c, int limit_ms);	/* blocks */

#endif
