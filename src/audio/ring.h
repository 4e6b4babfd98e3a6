/* ring.h - a lock-free ring of int16 samples for ONE writer thread and ONE reader thread (C11 atomics).
 *
 * ring_write, ring_read, ring_skip and ring_fill never block, allocate or make a system call: they are all that a
 * PortAudio callback may touch. */
#ifndef JCALL_AUDIO_RING_H
#define JCALL_AUDIO_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

struct ring *ring_new(size_t capacity);				/* [samples] rounded up to a power of two */
void         ring_free(struct ring *r);
size_t       ring_write(struct ring *r, const int16_t *pcm, size_t n);	/* writer; returns what fitted */
size_t       ring_read (struct ring *r, int16_t *pcm, size_t n);	/* reader; returns what was there */
size_t       ring_skip (struct ring *r, size_t n);			/* reader; drops the oldest */
size_t       ring_fill (const struct ring *r);				/* either */
size_t       ring_capacity(const struct ring *r);

#endif
