/* resample.h - from one sampling rate to another, mono float in, int16 out; streaming. Only resample.c includes speexdsp. */
#ifndef JCALL_AUDIO_RESAMPLE_H
#define JCALL_AUDIO_RESAMPLE_H

#include <glib.h>

struct resampler;

struct resampler *resampler_new(unsigned from_hz, unsigned to_hz);	/* NULL: such rates cannot be had */
/* For rates of which one divides the other: 4 ms late at most, and N samples always give N * TO / FROM at once. */
struct resampler *resampler_new_live(unsigned from_hz, unsigned to_hz);
void resampler_free(struct resampler *r);
/* [samples of input] that must follow the last one for all of it to come out. */
unsigned resampler_holds(struct resampler *r);
/* Consumes up to *IN_LEN of IN and writes up to *OUT_LEN to OUT; both are set to what was used. */
void resampler_run(struct resampler *r, const float *in, unsigned *in_len, gint16 *out, unsigned *out_len);

#endif
