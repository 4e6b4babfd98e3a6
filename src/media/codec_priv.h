/* codec_priv.h - what a codec is to codec.c. Each has its struct begin with the table of what it can
 * do. An optional function that is missing does nothing and has nothing. */
#ifndef JCALL_MEDIA_CODEC_PRIV_H
#define JCALL_MEDIA_CODEC_PRIV_H

#include "codec.h"

struct encoder_ops {
	void (*free)(struct encoder *e);
	void (*params)(struct encoder *e, const struct media_params *params);	/* optional */
	void (*loss)(struct encoder *e, double loss);		/* optional */
	bool (*has_fec)(const struct encoder *e);		/* optional */
	int (*encode)(struct encoder *e, const gint16 *pcm, size_t n, uint8_t *out, size_t cap);
};

struct encoder { const struct encoder_ops *ops; };

/* As of the functions of codec.h; LEN is 1..CODEC_MAX_PAYLOAD, N a number of whole steps. */
struct decoder_ops {
	void (*free)(struct decoder *d);
	size_t (*duration)(const uint8_t *payload, size_t len);
	size_t (*decode)(struct decoder *d, const uint8_t *payload, size_t len, gint16 *pcm);
	size_t (*conceal)(struct decoder *d, size_t n, gint16 *pcm);
	gboolean (*has_fec)(const uint8_t *payload, size_t len);	/* optional */
	/* Optional where there is no has_fec: called after that has said yes. */
	size_t (*fec)(struct decoder *d, const uint8_t *payload, size_t len, size_t n, gint16 *pcm);
};

struct decoder { const struct decoder_ops *ops; };

enum { CODEC_STEP = AUDIO_RATE / 400 };		/* 2.5 ms: Opus invents in such steps */

struct encoder *opus_encoder_start(const struct media_params *params, GError **error);
struct decoder *opus_decoder_start(GError **error);
struct encoder *wave_encoder_start(const struct media_params *params, GError **error);	/* G.711, G.722 */
struct decoder *wave_decoder_start(enum media_codec codec, GError **error);
struct decoder *comfort_start(GError **error);

#endif
