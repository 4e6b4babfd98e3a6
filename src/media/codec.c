#include "codec.h"

#include "../err.h"
#include "codec_priv.h"

const char *codec_name(enum media_codec codec)
{
	static const char *const names[CODEC_COUNT] = {"Opus", "G.722", "PCMU", "PCMA", "CN", "telephone-event", "telephone-event"};

	return names[codec];
}

unsigned codec_clock_hz(enum media_codec codec)
{
	return codec == CODEC_OPUS || codec == CODEC_EVENT_48 ? AUDIO_RATE : 8000;
}

/* ---- encoder ---- */

struct encoder *encoder_new(const struct media_params *params, GError **error)
{
	switch (params->codec) {
	case CODEC_OPUS:
		return opus_encoder_start(params, error);
	case CODEC_G722: case CODEC_PCMU: case CODEC_PCMA:
		return wave_encoder_start(params, error);
	default:
		g_set_error(error, JC_ERROR, JC_INTERNAL, "codec %d cannot be sent", (int)params->codec);
		return NULL;
	}
}

void encoder_free(struct encoder *e)
{
	if (e)
		e->ops->free(e);
}

void encoder_params(struct encoder *e, const struct media_params *params)
{
	if (e->ops->params)
		e->ops->params(e, params);
}

void encoder_loss(struct encoder *e, double loss)
{
	if (e->ops->loss)
		e->ops->loss(e, loss);
}

bool encoder_has_fec(const struct encoder *e)
{
	return e->ops->has_fec && e->ops->has_fec(e);
}

int encoder_encode(struct encoder *e, const gint16 *pcm, size_t n, uint8_t *out, size_t cap)
{
	return e->ops->encode(e, pcm, n, out, cap);
}

/* ---- decoder ---- */

struct decoder *decoder_new(enum media_codec codec, GError **error)
{
	switch (codec) {
	case CODEC_OPUS:
		return opus_decoder_start(error);
	case CODEC_CN:
		return comfort_start(error);
	case CODEC_G722: case CODEC_PCMU: case CODEC_PCMA:
		return wave_decoder_start(codec, error);
	default:
		g_set_error(error, JC_ERROR, JC_INTERNAL, "codec %d is no sound", (int)codec);
		return NULL;
	}
}

void decoder_free(struct decoder *d)
{
	if (d)
		d->ops->free(d);
}

static gboolean fits(size_t len)
{
	return len > 0 && len <= CODEC_MAX_PAYLOAD;
}

size_t decoder_duration(const struct decoder *d, const uint8_t *payload, size_t len)
{
	size_t n = fits(len) ? d->ops->duration(payload, len) : 0;

	return n <= CODEC_MAX_FRAME ? n : 0;
}

size_t decoder_decode(struct decoder *d, const uint8_t *payload, size_t len, gint16 *pcm)
{
	return decoder_duration(d, payload, len) ? d->ops->decode(d, payload, len, pcm) : 0;
}

size_t decoder_conceal(struct decoder *d, size_t n, gint16 *pcm)
{
	n = MIN(n - n % CODEC_STEP, CODEC_MAX_FRAME);
	return n ? d->ops->conceal(d, n, pcm) : 0;
}

gboolean decoder_has_fec(const struct decoder *d, const uint8_t *payload, size_t len)
{
	return d->ops->has_fec && fits(len) && d->ops->has_fec(payload, len);
}

size_t decoder_fec(struct decoder *d, const uint8_t *payload, size_t len, size_t n, gint16 *pcm)
{
	if (n == 0 || n % CODEC_STEP != 0 || n > CODEC_MAX_FRAME || !decoder_has_fec(d, payload, len))
		return 0;
	return d->ops->fec(d, payload, len, n, pcm);
}
