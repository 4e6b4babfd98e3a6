#include "g711.h"

enum { MU_BIAS = 132, MU_MOST = 32635 };

/* A code is sign, segment, step: each segment is twice as wide as the one before, and has 16 steps. */
static int segment_of(int magnitude)
{
	int segment = 0;

	while (segment < 7 && magnitude >= 256 << segment)
		segment++;
	return segment;
}

uint8_t g711_to_mu(int16_t sample)
{
	int size = sample < 0 ? -sample : sample, segment;

	size = (size < MU_MOST ? size : MU_MOST) + MU_BIAS;
	segment = segment_of(size);
	return (uint8_t)~((sample < 0 ? 0x80 : 0) | segment << 4 | (size >> (segment + 3) & 15));
}

int16_t g711_from_mu(uint8_t code)
{
	int c = ~code, size = (((c & 15) << 3) + MU_BIAS) << (c >> 4 & 7);

	return (int16_t)(c & 0x80 ? MU_BIAS - size : size - MU_BIAS);
}

/* The first two segments are of one width. */
uint8_t g711_to_a(int16_t sample)
{
	int size = sample < 0 ? -1 - sample : sample, segment = segment_of(size);
	int step = size >> (segment ? segment + 3 : 4) & 15;

	return (uint8_t)(((sample < 0 ? 0 : 0x80) | segment << 4 | step) ^ 0x55);
}

int16_t g711_from_a(uint8_t code)
{
	int c = code ^ 0x55, segment = c >> 4 & 7, size = ((c & 15) << 4) + 8;

	if (segment)
		size = (size + 256) << (segment - 1);
	return (int16_t)(c & 0x80 ? size : -size);
}
