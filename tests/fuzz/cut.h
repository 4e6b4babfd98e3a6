/* cut.h - an input of a fuzzer cut into packets: each begins with two bytes, its length, the upper byte first. */
#ifndef JCALL_TEST_CUT_H
#define JCALL_TEST_CUT_H

#include <glib.h>
#include <stdint.h>

struct cut {
	const uint8_t *data;
	size_t size;
};

/* A copy of the next packet, which ends where its memory ends, so that ASan sees whoever reads beyond it. What is missing of its
 * length is not there. NULL: there is none any more. Caller frees. */
static inline uint8_t *cut_next(struct cut *c, size_t *len)
{
	uint8_t *packet;

	if (c->size < 2)
		return NULL;
	*len = MIN((size_t)c->data[0] << 8 | c->data[1], c->size - 2);
	packet = g_malloc(MAX(*len, 1));
	for (size_t i = 0; i < *len; i++)
		packet[i] = c->data[2 + i];
	c->data += 2 + *len;
	c->size -= 2 + *len;
	return packet;
}

#endif
