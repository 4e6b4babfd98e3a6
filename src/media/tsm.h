/* tsm.h - time-scale modification: sound made a little longer or shorter without changing its pitch (WSOLA-like, by whole
 * pitch periods). Pure, one thread, no allocation after _new. */
#ifndef JCALL_MEDIA_TSM_H
#define JCALL_MEDIA_TSM_H

#include <stddef.h>
#include <stdint.h>

/* Works in place on the N samples at PCM, at most CAP of them afterwards; below 10 ms nothing is done. WANTED > 0 lengthens,
 * < 0 shortens, by at most 12.5 ms per call. Only where it will not be heard: by a pitch period where periods are similar
 * enough, by any length in silence. Returns the change made, in samples (0: not now): shortening never more than |WANTED|,
 * lengthening at most one period beyond it. The first and last 2.5 ms stay as they are. */
int tsm_change(int16_t *pcm, size_t n, size_t cap, int wanted);

#endif
