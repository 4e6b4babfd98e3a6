/* g711.h - ITU-T G.711: 14 or 13 of 16 bits of a sample in one byte, by the law of America and Japan or of the rest. */
#ifndef JCALL_MEDIA_G711_H
#define JCALL_MEDIA_G711_H

#include <stdint.h>

uint8_t g711_to_mu(int16_t sample);
int16_t g711_from_mu(uint8_t code);
uint8_t g711_to_a(int16_t sample);
int16_t g711_from_a(uint8_t code);

#endif
