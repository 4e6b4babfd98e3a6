/* plc.h - concealment for codecs without any of their own, in the manner of G.711 appendix I: the last period of the voice goes
 * on for a while, ever softer. At the codec's own rate. Pure, one thread, no allocation. */
#ifndef JCALL_MEDIA_PLC_H
#define JCALL_MEDIA_PLC_H

#include <stddef.h>
#include <stdint.h>

enum { PLC_MOST_HZ = 16000, PLC_PAST = PLC_MOST_HZ / 25, PLC_PERIOD = PLC_MOST_HZ * 3 / 200 };

struct plc {
	unsigned rate_hz;		/* at most PLC_MOST_HZ */
	size_t invented;		/* [samples] in a row */
	size_t period, at;		/* of what goes on, in WAVE */
	int16_t past[PLC_PAST];		/* the last 40 ms heard, the newest last */
	int16_t wave[PLC_PERIOD];
};

void plc_init(struct plc *p, unsigned rate_hz);
void plc_invent(struct plc *p, int16_t *pcm, size_t n);		/* N samples in the place of lost ones */
/* N samples that were decoded: remembered. The first ones after invention are changed, so that it passes into them. */
void plc_hear(struct plc *p, int16_t *pcm, size_t n);

#endif
