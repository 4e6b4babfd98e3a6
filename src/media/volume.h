/* volume.h - louder or softer, without a click and without wrapping. Pure.
 *
 * A gain of up to 2 would cut off what is loud; instead the upper half of the range is bent (y = k + (1 - k) u / (1 + b u)), so
 * that full scale stays full scale and what is below a quarter of it at the input is just as much louder as was asked for. */
#ifndef JCALL_MEDIA_VOLUME_H
#define JCALL_MEDIA_VOLUME_H

#include <glib.h>

enum { VOLUME_MOST = 200 };		/* [%] */

struct volume {
	float gain, wanted;
};

void volume_init(struct volume *v);				/* 100 %: nothing is changed */
void volume_set(struct volume *v, unsigned percent);		/* from the next sample on, within 20 ms */
void volume_apply(struct volume *v, gint16 *pcm, size_t n);

#endif
