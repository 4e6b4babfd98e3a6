/* level.h - how loud sound is, and whether somebody speaks: the meters of our own, and what RFC 6464 tells of each packet.
 * Pure. Levels are in dBov: 0 is the loudest there can be, -127 silence. */
#ifndef JCALL_MEDIA_LEVEL_H
#define JCALL_MEDIA_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SILENCE_DB (-127.0)

struct meter {				/* the peak of each 100 ms; {.db = -127} at first */
	int peak;
	int64_t until_us;
	double db;
};

void   meter_feed(struct meter *m, const int16_t *pcm, size_t n, int64_t now_us);

/* The mean level of these samples, as RFC 6465 Appendix A measures it: -127..0. */
double level_db(const int16_t *pcm, size_t n);

/* Voice against the noise it rises from. {0} at first; times are those of the sound, ascending. */
struct voice {
	double floor_db;
	int64_t loud_us, at_us;
	unsigned run;
	bool begun, speaking;
};

/* A frame of that level: is there voice in it? */
bool   voice_feed(struct voice *v, double db, int64_t now_us);
/* Does somebody speak: for at least 60 ms, until 0.6 s after the last word. */
bool   voice_is_speaking(struct voice *v, int64_t now_us);

/* The octet of RFC 6464 3. */
static inline uint8_t level_octet(double db, bool voice) { return (uint8_t)((voice ? 0x80 : 0) | (int)(-db + 0.5)); }
static inline double  level_of_octet(uint8_t octet)       { return -(double)(octet & 0x7f); }

#endif
