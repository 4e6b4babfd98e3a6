/* engine.h - the pump of one call: sound -> Opus -> RTP, and RTP -> jitter buffer -> Opus -> sound.
 *
 * Pure and steppable: no thread, no clock, no socket. Packets go out by struct media_out, unprotected (net/wire protects
 * them); packets in have been authenticated. One thread; nothing is allocated after engine_new but what a jump of the
 * peer's stream needs. Nothing is sent before engine_start. */
#ifndef JCALL_MEDIA_ENGINE_H
#define JCALL_MEDIA_ENGINE_H

#include "../audio/audio.h"
#include "../types.h"

struct engine;

struct media_out {
	/* CAP bytes are at PKT, at least WIRE_OVERHEAD more than LEN. FALSE: it was dropped. */
	gboolean (*rtp) (void *self, uint8_t *pkt, size_t len, size_t cap);
	gboolean (*rtcp)(void *self, uint8_t *pkt, size_t len, size_t cap);
	void *self;
};

/* Borrows IN and OUT (either may be NULL: silence, nowhere). SEED: first sequence number and timestamp. */
struct engine *engine_new(const struct media_params *params, const struct audio_in *in, const struct audio_out *out,
			  const struct media_out *net, uint32_t seed, GError **error);
void           engine_free(struct engine *e);

void     engine_start(struct engine *e, gint64 now_us);	/* media is connected and accepted by both */
gboolean engine_rtp (struct engine *e, const uint8_t *pkt, size_t len, gint64 now_us);	/* FALSE: malformed, ignored */
gboolean engine_rtcp(struct engine *e, const uint8_t *pkt, size_t len, gint64 now_us);
void     engine_tick(struct engine *e, gint64 now_us);	/* at or after the deadline; early is harmless */
gint64   engine_deadline(const struct engine *e);			/* absolute us */
/* The process stood still up to now, for STOOD_US, or, which the clock does not count, for SLEPT_US: it was stopped, or the
 * machine was busy, or suspended. A source that can wait goes on from where
 * it was, and what was not sent meanwhile is not sent in a rush; the stream's time has passed all the same. What the peer
 * sent meanwhile, and what lies in the socket now, is not played after a stop that is longer than a hiccup. */
void     engine_wake(struct engine *e, gint64 stood_us, gint64 slept_us, gint64 now_us);
void     engine_bye (struct engine *e, gint64 now_us);	/* RTCP BYE; nothing is sent after it */

void     engine_mute(struct engine *e, gboolean muted);			/* sends silence */
void     engine_hold(struct engine *e, gboolean sending, gboolean receiving);	/* FALSE: nothing in that direction but RTCP */
/* Sends touch tones (media/dtmf.h) in the place of sound. FALSE: the peer takes none, or these are no digits, or too many. */
gboolean engine_dtmf(struct engine *e, const char *digits);
void     engine_set_in(struct engine *e, const struct audio_in *in, gint64 now_us);	/* another source; NULL: silence */
/* From now on TAP (copied; NULL: nobody) hears along: each frame as the peer can hear it - what is muted or held is silence, and so
 * is a touch tone of ours, which may be a secret - and each block as it is played, before our own volume. */
void     engine_record(struct engine *e, const struct audio_tap *tap);
void     engine_volume(struct engine *e, unsigned percent);		/* of what is heard, 0 to VOLUME_MOST (media/volume.h); 100 */
/* Another output; NULL: nowhere. What the old one was given it keeps; what is in the jitter buffer goes to the new one. */
void     engine_set_out(struct engine *e, const struct audio_out *out, gint64 now_us);
void     engine_params(struct engine *e, const struct media_params *params);	/* ptime, bit rate, FEC may change in a call */

/* The source has ended (TRUE once everything it gave was sent), regularly or with *FAULT (owned by the caller). */
gboolean engine_in_ended(struct engine *e, GError **fault);
gboolean engine_out_ended(struct engine *e, GError **fault);
size_t   engine_digits(struct engine *e, char *out, size_t cap);	/* those that came since; how many */
/* Does the other side speak? By the levels it tells of (RFC 6464), else by its sound. */
gboolean engine_is_spoken_to(struct engine *e, gint64 now_us);
gboolean engine_peer_left(const struct engine *e);			/* RTCP BYE came */
void     engine_stats(const struct engine *e, struct media_stats *out);

#endif
