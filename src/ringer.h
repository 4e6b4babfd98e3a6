/* ringer.h - a ring tone on a sound output while nobody has answered yet. Main thread; the tone is made in the media
 * thread. The cadence is that of European exchanges: 425 Hz, one second on, four off. */
#ifndef JCALL_RINGER_H
#define JCALL_RINGER_H

#include "audio/audio.h"
#include "media_thread.h"

struct ringer;

/* Starts at once. OUT is borrowed until done of ringer_stop. */
struct ringer *ringer_start(struct media_thread *media, const struct audio_out *out);
/* Silent at once; done(ctx) comes in the main thread when OUT is no longer used. R is gone. */
void           ringer_stop(struct ringer *r, void (*done)(void *ctx), void *ctx);

#endif
