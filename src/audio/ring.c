#include "ring.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>

struct ring {
	size_t mask;
	atomic_size_t written, taken;		/* ever; their difference is the fill */
	int16_t samples[];
};

struct ring *ring_new(size_t capacity)
{
	size_t size = 1;
	struct ring *r;

	while (size < capacity)
		size *= 2;
	r = g_malloc0(sizeof(*r) + size * sizeof(r->samples[0]));
	r->mask = size - 1;
	return r;
}

void ring_free(struct ring *r)
{
	g_free(r);
}

size_t ring_capacity(const struct ring *r)
{
	return r->mask + 1;
}

size_t ring_fill(const struct ring *r)
{
	size_t taken = atomic_load_explicit(&((struct ring *)r)->taken, memory_order_acquire);

	return atomic_load_explicit(&((struct ring *)r)->written, memory_order_acquire) - taken;
}

size_t ring_write(struct ring *r, const int16_t *pcm, size_t n)
{
	size_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
	size_t room = r->mask + 1 - (written - atomic_load_explicit(&r->taken, memory_order_acquire));
	size_t at = written & r->mask, first;

	n = n < room ? n : room;
	first = n < r->mask + 1 - at ? n : r->mask + 1 - at;
	memcpy(r->samples + at, pcm, first * sizeof(*pcm));
	memcpy(r->samples, pcm + first, (n - first) * sizeof(*pcm));
	atomic_store_explicit(&r->written, written + n, memory_order_release);
	return n;
}

size_t ring_read(struct ring *r, int16_t *pcm, size_t n)
{
	size_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
	size_t fill = atomic_load_explicit(&r->written, memory_order_acquire) - taken;
	size_t at = taken & r->mask, first;

	n = n < fill ? n : fill;
	first = n < r->mask + 1 - at ? n : r->mask + 1 - at;
	memcpy(pcm, r->samples + at, first * sizeof(*pcm));
	memcpy(pcm + first, r->samples, (n - first) * sizeof(*pcm));
	atomic_store_explicit(&r->taken, taken + n, memory_order_release);
	return n;
}

size_t ring_skip(struct ring *r, size_t n)
{
	size_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
	size_t fill = atomic_load_explicit(&r->written, memory_order_acquire) - taken;

	n = n < fill ? n : fill;
	atomic_store_explicit(&r->taken, taken + n, memory_order_release);
	return n;
}
