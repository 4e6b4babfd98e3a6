/* digits.h - touch tones that come by two ways, in the media (RFC 4733) and by signalling (XEP-0181), told once. Pure: the time is
 * an argument. One thread.
 *
 * A client may send each digit both ways. Whichever comes first is told; the same digit that comes by the other way within
 * DIGITS_WINDOW_MS is its double. Digits of one way are never doubles of each other. */
#ifndef JCALL_DIGITS_H
#define JCALL_DIGITS_H

#include <glib.h>

enum { DIGITS_WINDOW_MS = 2000, DIGITS_KEPT = 32 };

enum digit_way { DIGIT_MEDIA, DIGIT_SIGNALLED };

struct digits {				/* zeroed at birth */
	struct { char digit; enum digit_way way; gint64 at_ms; } told[DIGITS_KEPT];	/* without a double so far, the oldest first */
	gsize count;
};

/* Is it to be told? FALSE: a double. */
gboolean digits_come(struct digits *d, char digit, enum digit_way way, gint64 now_ms);

#endif
