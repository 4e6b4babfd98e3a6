/* fake_audio.h - sound ends for tests: clocked by injected time, with a clock of their own speed and their own chunks. */
#ifndef TEST_FAKE_AUDIO_H
#define TEST_FAKE_AUDIO_H

#include "audio/audio.h"

/* Speech-like: voiced syllables of moving pitch and formants, pauses, a faint floor of noise. By SEED. Caller frees. */
gint16 *fake_speech(size_t n, guint32 seed);
guint32 fake_random(guint32 *state);			/* 1 .. 2^32-1, never the same for long */

/* Zero it, set the first group, then fake_in_init. */
struct fake_in {
	const gint16 *pcm;
	size_t len;		/* [samples] then it ends */
	double ppm;		/* how much faster than true time its clock runs */
	size_t chunk;		/* [samples] come together, like a device's; 0: one by one */
	gboolean endless;	/* silence after LEN instead of the end */
	size_t loop;		/* [samples] of pcm again and again, endlessly; 0: once */
	gboolean live;

	struct audio_in end;	/* for the engine */
	gint64 start_us;
	size_t taken;		/* [samples] read */
	unsigned calls, starts;
	GError *fault;		/* given out with the end */
};
void fake_in_init(struct fake_in *f);

struct fake_out {
	double ppm;
	size_t chunk;		/* [samples] are asked for together; 0: one by one */
	size_t prefill;		/* [samples] it likes to hold, like a device */
	size_t room;		/* [samples] of pcm */
	gint64 ends_us;		/* when it goes away; 0: never */

	struct audio_out end;
	gint64 start_us;
	gint16 *pcm;		/* all it was given, freed by fake_out_clear, */
	size_t from;		/* [samples] but for the first so many: who has looked at a long call may raise it */
	size_t len;
	unsigned calls, starts, overruns;	/* overruns: more was written than asked for */
	size_t asked;
};
void fake_out_init(struct fake_out *f);
void fake_out_clear(struct fake_out *f);

/* How well OUT from AT on, N samples, follows IN: the best correlation (0..1) over lags in [LEAST, MOST] samples (OUT later
 * than IN), and that lag. Works at 8 kHz: the lag is a multiple of 6. */
double fake_match(const gint16 *in, size_t in_len, const gint16 *out, size_t at, size_t n, long least, long most, long *lag);
double fake_rms(const gint16 *pcm, size_t n);

#endif
