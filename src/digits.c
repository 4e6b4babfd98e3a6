#include "digits.h"

#include <string.h>

static void forget(struct digits *d, gsize at)
{
	memmove(d->told + at, d->told + at + 1, (d->count - at - 1) * sizeof(d->told[0]));
	d->count--;
}

gboolean digits_come(struct digits *d, char digit, enum digit_way way, gint64 now_ms)
{
	while (d->count && (d->count == DIGITS_KEPT || now_ms - d->told[0].at_ms > DIGITS_WINDOW_MS))
		forget(d, 0);
	for (gsize i = 0; i < d->count; i++)
		if (d->told[i].digit == digit && d->told[i].way != way) {
			forget(d, i);
			return FALSE;
		}
	d->told[d->count].digit = digit;
	d->told[d->count].way = way;
	d->told[d->count++].at_ms = now_ms;
	return TRUE;
}
