/* tsm.h - time-scale modification: sound made a little longer or shorter without changing its pitch (WSOLA-like, by whole
 * pitch periods). Pure, one thread, no allocation after _new. */
#ifndef JCALL_MEDIA_TSM_H
#define JCALL_MEDIA_TSM_H

#include <stddef.h>
#include <stdint.h>

/* Works in place on the N samples at PCM (N >= 960; CAP >= N + 960). WANTED > 0 lengthens, < 0 shortens, by at most about 15 ms
 * per call. Only where it will not be heard: similar enough periods, or silence. Returns the change actually made, in
 * samples (0: not now); never more than one pitch period beyond |WANTED|. The first and last 2.5 ms stay as they are. */
int tsm_change(int16_t *pcm, size_t n, size_t cap, int wanted);

#endif
