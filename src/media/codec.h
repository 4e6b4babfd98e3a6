/* codec.h - speech to payloads and back: Opus (RFC 6716, RFC 7587), G.722, G.711 (RFC 3551), comfort noise (RFC 3389,
 * decoded only).
 *
 * Mono, int16, 48 kHz outside, whatever is inside. One thread per struct. Nothing is allocated after _new. */
#ifndef JCALL_MEDIA_CODEC_H
#define JCALL_MEDIA_CODEC_H

#include <glib.h>
#include "../types.h"

enum { CODEC_MAX_FRAME = 120 * AUDIO_RATE / 1000, CODEC_MAX_PAYLOAD = 1275 };

struct encoder;
struct decoder;

const char *codec_name(enum media_codec codec);		/* as RTP calls it */
unsigned    codec_clock_hz(enum media_codec codec);	/* of its RTP timestamps; divides AUDIO_RATE */

/* Fails for CODEC_CN. */
struct encoder *encoder_new(const struct media_params *params, GError **error);
void    encoder_free(struct encoder *e);
void    encoder_params(struct encoder *e, const struct media_params *params);	/* bit rate, complexity, DTX may change */
/* Tells it the loss the peer measured, 0..1. FEC is switched on only where it gains: from 28 kbit/s
 * on for any loss, from 24 on for much. */
void    encoder_loss(struct encoder *e, double loss);
bool    encoder_has_fec(const struct encoder *e);	/* now */
/* N: one frame (ptime: 10, 20, 40 or 60 ms). Returns the payload's length; 0: nothing need be sent (DTX); < 0: N is no
 * such length. */
int     encoder_encode(struct encoder *e, const gint16 *pcm, size_t n, uint8_t *out, size_t cap);

struct decoder *decoder_new(enum media_codec codec, GError **error);
void    decoder_free(struct decoder *d);
/* Duration of a payload [samples]; 0: not a valid packet. */
size_t  decoder_duration(const struct decoder *d, const uint8_t *payload, size_t len);
/* All return the number of samples written to PCM (room for CODEC_MAX_FRAME), 0 when the payload is broken or N is out of
 * range (1..CODEC_MAX_FRAME). Concealment comes in whole steps of 2.5 ms: N is rounded down to them. */
size_t  decoder_decode (struct decoder *d, const uint8_t *payload, size_t len, gint16 *pcm);
size_t  decoder_conceal(struct decoder *d, size_t n, gint16 *pcm);		/* N samples of invention */
/* Whether PAYLOAD carries FEC for what came before it. Looks at its first bytes, decodes nothing. */
gboolean decoder_has_fec(const struct decoder *d, const uint8_t *payload, size_t len);
/* Rebuilds the N samples before PAYLOAD from its in-band FEC; 0: there is none in it, conceal instead. */
size_t  decoder_fec    (struct decoder *d, const uint8_t *payload, size_t len, size_t n, gint16 *pcm);

#endif
