#include <opus/opus.h>

#include "../err.h"
#include "codec_priv.h"

enum { FEC_BITRATE = 28000, FEC_LEAST_BITRATE = 24000, MAX_LOSS_PERCENT = 30 };

struct opus_enc {
	struct encoder base;
	OpusEncoder *opus;
	struct media_params params;
	int loss_percent;
	gboolean fec_on;
};

struct opus_dec {
	struct decoder base;
	OpusDecoder *opus;
};

/* ---- encoder ---- */

/* Measured: from 28 kbit/s on FEC pays for any loss; at 24 kbit/s only for much (one whole point of quality at 10 %, none
 * at 5 %); below never. Telling the encoder more loss than there is costs as much. */
static gboolean fec_pays(const struct opus_enc *e)
{
	gboolean rich = e->params.bitrate_bps >= FEC_BITRATE;
	int on = rich ? 2 : 8, off = rich ? 1 : 6;

	return e->params.fec && e->params.bitrate_bps >= FEC_LEAST_BITRATE && e->loss_percent >= (e->fec_on ? off : on);
}

static void apply_loss(struct opus_enc *e)
{
	gboolean fec = fec_pays(e);

	if (fec != e->fec_on)
		opus_encoder_ctl(e->opus, OPUS_SET_INBAND_FEC(fec));
	e->fec_on = fec;
	opus_encoder_ctl(e->opus, OPUS_SET_PACKET_LOSS_PERC(fec ? e->loss_percent : 0));
}

static void enc_params(struct encoder *base, const struct media_params *params)
{
	struct opus_enc *e = (struct opus_enc *)base;

	e->params = *params;
	opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((int)params->bitrate_bps));
	opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY((int)params->complexity));
	opus_encoder_ctl(e->opus, OPUS_SET_DTX(params->dtx));
	apply_loss(e);
}

static void enc_loss(struct encoder *base, double loss)
{
	struct opus_enc *e = (struct opus_enc *)base;
	int percent = (int)(CLAMP(loss, 0, 1) * 100 + 0.5);

	percent = MIN(percent, MAX_LOSS_PERCENT);
	if (percent == e->loss_percent)
		return;
	e->loss_percent = percent;
	apply_loss(e);
}

static bool enc_has_fec(const struct encoder *base)
{
	return ((const struct opus_enc *)base)->fec_on;
}

static int enc_encode(struct encoder *base, const gint16 *pcm, size_t n, uint8_t *out, size_t cap)
{
	struct opus_enc *e = (struct opus_enc *)base;
	int len = opus_encode(e->opus, pcm, (int)n, out, (opus_int32)cap);

	return len >= 0 && len <= 2 && e->params.dtx ? 0 : len;
}

static void enc_free(struct encoder *base)
{
	struct opus_enc *e = (struct opus_enc *)base;

	opus_encoder_destroy(e->opus);
	g_free(e);
}

struct encoder *opus_encoder_start(const struct media_params *params, GError **error)
{
	static const struct encoder_ops ops = {.free = enc_free, .params = enc_params, .loss = enc_loss,
						.has_fec = enc_has_fec, .encode = enc_encode};
	struct opus_enc *e = g_new0(struct opus_enc, 1);
	int err;

	e->base.ops = &ops;
	e->opus = opus_encoder_create(AUDIO_RATE, 1, OPUS_APPLICATION_VOIP, &err);
	if (!e->opus) {
		g_set_error(error, JC_ERROR, JC_INTERNAL, "the Opus encoder does not start (%s)", opus_strerror(err));
		g_free(e);
		return NULL;
	}
	opus_encoder_ctl(e->opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	enc_params(&e->base, params);
	return &e->base;
}

/* ---- decoder ---- */

static size_t duration(const uint8_t *payload, size_t len)
{
	int n = opus_packet_get_nb_samples(payload, (opus_int32)len, AUDIO_RATE);

	return n > 0 ? (size_t)n : 0;
}

static size_t result(int n)
{
	return n > 0 ? (size_t)n : 0;
}

static size_t decode(struct decoder *d, const uint8_t *payload, size_t len, gint16 *pcm)
{
	return result(opus_decode(((struct opus_dec *)d)->opus, payload, (opus_int32)len, pcm, CODEC_MAX_FRAME, 0));
}

static size_t conceal(struct decoder *d, size_t n, gint16 *pcm)
{
	return result(opus_decode(((struct opus_dec *)d)->opus, NULL, 0, pcm, (int)n, 0));
}

/* RFC 6716 4.2.3, 4.2.4: a SILK frame begins with one bit for voice per 20 ms and then one that says whether FEC (LBRR)
 * follows, once more for the side channel of stereo. Without it the library would conceal and call that FEC. */
static gboolean has_fec(const uint8_t *payload, size_t len)
{
	const unsigned char *frames[48];
	opus_int16 sizes[48];
	int voice_bits, samples;
	uint8_t flags;

	if (len < 2 || (payload[0] & 0x80))		/* the top bit: CELT only */
		return FALSE;
	if (opus_packet_parse(payload, (opus_int32)len, NULL, frames, sizes, NULL) <= 0 || sizes[0] < 1)
		return FALSE;
	samples = opus_packet_get_samples_per_frame(payload, AUDIO_RATE);
	voice_bits = MAX(samples / (AUDIO_RATE / 50), 1);
	flags = frames[0][0];
	if (flags >> (7 - voice_bits) & 1)
		return TRUE;
	return opus_packet_get_nb_channels(payload) == 2 && (flags >> (6 - 2 * voice_bits) & 1);
}

static size_t fec(struct decoder *d, const uint8_t *payload, size_t len, size_t n, gint16 *pcm)
{
	return result(opus_decode(((struct opus_dec *)d)->opus, payload, (opus_int32)len, pcm, (int)n, 1));
}

static void dec_free(struct decoder *base)
{
	struct opus_dec *d = (struct opus_dec *)base;

	opus_decoder_destroy(d->opus);
	g_free(d);
}

struct decoder *opus_decoder_start(GError **error)
{
	static const struct decoder_ops ops = {.free = dec_free, .duration = duration, .decode = decode, .conceal = conceal,
					       .has_fec = has_fec, .fec = fec};
	struct opus_dec *d = g_new0(struct opus_dec, 1);
	int err;

	d->base.ops = &ops;
	d->opus = opus_decoder_create(AUDIO_RATE, 1, &err);
	if (d->opus)
		return &d->base;
	g_set_error(error, JC_ERROR, JC_INTERNAL, "the Opus decoder does not start (%s)", opus_strerror(err));
	g_free(d);
	return NULL;
}
