#include "playout.h"

#include <math.h>
#include <string.h>

#include "codec.h"
#include "tsm.h"

enum {
	BUFFER = 16384,
	FADE_AFTER = AUDIO_RATE / 10,		/* invention that lasts longer fades to noise, */
	FADE = AUDIO_RATE / 10,			/* over so long, */
	SILENT_AFTER = 2 * AUDIO_RATE,		/* and after so much of it (no pause of DTX is that long) to silence */
	RISE = AUDIO_RATE / 200,
	SPLICE = AUDIO_RATE / 200,		/* what is left out is faded over, for so long */
	MATERIAL = 1440,			/* 30 ms: what shortening needs to find a period in */
	HEAD_START_US = 60000,			/* and so much he is given at the beginning, lest it is wanted later */
	PATIENCE = 80 * AUDIO_RATE / 1000,	/* so much delay that could be saved is borne by who is patient */
	MUCH = AUDIO_RATE / 100,		/* is shortened twice in one go */
};

#define FLOOR_FIRST 100.0
#define FLOOR_MOST 200.0			/* -44 dBFS: louder is no background */
#define FLOOR_RISE 0.001			/* per frame: 20 s */

struct playout {
	struct jitter *jitter;
	struct decoder *decoders[CODEC_SOUNDS];	/* of what we announced */
	enum media_codec codec;			/* of what was played last */
	gint16 buffer[BUFFER];			/* decoded, not played */
	size_t have;
	size_t real;				/* of these the first so many hold the peer's sound in some part */
	size_t invented;			/* [samples] in a row */
	gboolean patient;
	gint64 begin_us;			/* who is patient hears nothing before; 0: nothing has come yet */
	gboolean interrupted;			/* by an event: it is no loss that no sound comes */
	double floor, gain;			/* floor: RMS of the peer's background; gain: of what is invented */
	uint64_t concealed, stretched, played;	/* [samples] so far */
	struct media_stats stats;
};

static struct decoder *decoder(const struct playout *p)
{
	return p->decoders[p->codec];
}

struct playout *playout_new(const struct media_params *params, GError **error)
{
	struct playout *p = g_new0(struct playout, 1);

	p->gain = 1;
	p->floor = FLOOR_FIRST;
	p->jitter = jitter_new(AUDIO_RATE);
	p->codec = params->rx[0].codec;
	for (size_t i = 0; i < params->rx_count; i++) {
		enum media_codec codec = params->rx[i].codec;

		if (codec >= CODEC_SOUNDS)
			continue;
		p->decoders[codec] = decoder_new(codec, error);
		if (!p->decoders[codec]) {
			playout_free(p);
			return NULL;
		}
	}
	return p;
}

void playout_free(struct playout *p)
{
	if (!p)
		return;
	jitter_free(p->jitter);
	for (size_t i = 0; i < CODEC_SOUNDS; i++)
		decoder_free(p->decoders[i]);
	g_free(p);
}

void playout_patient(struct playout *p, gboolean patient)
{
	p->patient = patient;
}

void playout_reset(struct playout *p)
{
	jitter_reset(p->jitter);
}

/* Timestamps of a slower clock are stretched to ours: they wrap where ours do, since the ratio is whole. */
gboolean playout_put(struct playout *p, const struct playout_packet *packet, gint64 now_us)
{
	const struct decoder *d = p->decoders[packet->codec];
	struct jitter_packet kept = {.seq = packet->seq, .ts = packet->ts * (AUDIO_RATE / codec_clock_hz(packet->codec)),
				     .kind = packet->codec, .payload = packet->payload, .len = packet->len};

	kept.duration_ts = d ? (uint32_t)decoder_duration(d, packet->payload, packet->len) : 0;
	if (!kept.duration_ts)
		return FALSE;
	if (jitter_put(p->jitter, &kept, now_us) == JITTER_LATE)
		p->stats.rx_late++;
	return TRUE;
}

void playout_event(struct playout *p, uint16_t seq)
{
	jitter_void(p->jitter, seq);
	p->interrupted = TRUE;
}

static double level(const gint16 *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i += 4)
		sum += (double)pcm[i] * pcm[i];
	return sqrt(sum * 4 / (double)n);
}

/* The peer's background: what its sound falls to between words, rising slowly. */
static void note_floor(struct playout *p, const gint16 *pcm, size_t n)
{
	double now = level(pcm, n);

	p->floor = now < p->floor ? now : MIN(FLOOR_MOST, p->floor + (now - p->floor) * FLOOR_RISE);
}

/* Multiplies by a gain that moves evenly to TO. */
static void ramp(struct playout *p, gint16 *pcm, size_t n, double to)
{
	double from = p->gain;

	if (from == 1 && to == 1)
		return;
	for (size_t i = 0; i < n; i++)
		pcm[i] = (gint16)(pcm[i] * (from + (to - from) * (double)i / (double)n));
	p->gain = to;
}

/* Invention that lasts is no speech any more: it sinks to the peer's background noise and, when nothing comes for long,
 * to silence. Opus' own comfort noise, quiet from the start, stays as it is. */
static void fade(struct playout *p, gint16 *pcm, size_t n)
{
	double now = level(pcm, n), noise = now > p->floor ? p->floor / now : 1, down = (double)n / FADE, to = p->gain;

	if (p->invented >= SILENT_AFTER)
		to = MAX(0, to - down / 4);
	else if (p->invented >= FADE_AFTER)
		to = to > noise ? MAX(noise, to - down) : MIN(noise, to + down);
	ramp(p, pcm, n, to);
}

static size_t invent(struct playout *p, size_t n, gint16 *pcm)
{
	size_t got = 0;

	if (p->gain > 0)
		got = decoder_conceal(decoder(p), n, pcm);
	if (got)
		fade(p, pcm, got);
	else
		memset(pcm, 0, (got = n) * sizeof(*pcm));
	p->invented += got;
	p->concealed += got;
	return got;
}

static void append_real(struct playout *p, size_t n)
{
	note_floor(p, p->buffer + p->have, n);
	ramp(p, p->buffer + p->have, MIN(n, RISE), 1);		/* out of what was faded there is no step */
	p->have += n;
	p->real = p->have;
	p->invented = 0;
}

/* After lost packets that are left out. What would have come next fades into what comes now. */
static size_t decode_spliced(struct playout *p, const struct jitter_step *step, gint16 *pcm)
{
	gint16 next[SPLICE];
	size_t faded = decoder_conceal(decoder(p), SPLICE, next), n;

	n = decoder_decode(decoder(p), step->payload, step->len, pcm);
	for (size_t i = 0; i < MIN(faded, n); i++)
		pcm[i] = (gint16)((next[i] * (gint32)(faded - i) + pcm[i] * (gint32)i) / (gint32)faded);
	return n;
}

static void append_lost(struct playout *p, const struct jitter_step *step)
{
	gint16 *end = p->buffer + p->have;
	gboolean next = step->payload && step->kind == p->codec;
	size_t n = next ? decoder_fec(decoder(p), step->payload, step->len, step->duration_ts, end) : 0;

	if (n) {
		p->stats.fec_frames++;
		append_real(p, n);
	} else {
		p->have += invent(p, step->duration_ts, end);
	}
}

/* The peer is silent and means it. Opus makes the comfort noise of its own DTX; beside the others it comes as a packet. */
static size_t be_quiet(struct playout *p, size_t n, gint16 *pcm)
{
	size_t got = decoder_conceal(decoder(p), n, pcm);

	if (!got)
		memset(pcm, 0, (got = n) * sizeof(*pcm));
	ramp(p, pcm, got, p->gain);
	return got;
}

/* One step: something more in the buffer. FALSE: nothing has come yet at all. */
static gboolean decode_more(struct playout *p, gint64 now_us)
{
	gint16 *end = p->buffer + p->have;
	struct jitter_step step;
	size_t n;

	jitter_get(p->jitter, now_us, (uint32_t)p->have, &step);
	p->stats.rx_late += step.dropped;
	p->stretched += step.skipped_ts;
	switch (step.act) {
	case JITTER_WAIT:
		return FALSE;
	case JITTER_PLAY:
		p->codec = step.kind;
		p->interrupted = FALSE;
		jitter_fec(p->jitter, decoder_has_fec(decoder(p), step.payload, step.len));
		n = step.skipped_ts ? decode_spliced(p, &step, end) : decoder_decode(decoder(p), step.payload, step.len, end);
		if (n)
			append_real(p, n);
		else
			p->have += invent(p, step.duration_ts, end);
		break;
	case JITTER_LOST:
		append_lost(p, &step);
		break;
	case JITTER_STARVED:
		p->have += p->codec == CODEC_CN || p->interrupted ? be_quiet(p, step.duration_ts, end) : invent(p, step.duration_ts, end);
		break;
	case JITTER_PAUSE:
		p->have += be_quiet(p, step.duration_ts, end);
		break;
	}
	return TRUE;
}

/* Returns the change made. N samples are wanted now: never shorter. */
static int scale_once(struct playout *p, size_t n, int wanted, gint64 now_us)
{
	while (wanted < 0 && p->have < MATERIAL && jitter_ready(p->jitter))	/* shortening needs something to shorten */
		decode_more(p, now_us);
	if (wanted < 0 && !jitter_ready(p->jitter))
		wanted = MAX(wanted, (int)n - (int)p->have);
	return tsm_change(p->buffer, p->have, BUFFER, wanted);
}

/* Lengthens or shortens what is to be played as the jitter buffer wants it. */
static void scale(struct playout *p, size_t n, gint64 now_us)
{
	int wanted, done, more = 1;

	if (p->invented)				/* a loss is no change of mind */
		return;
	wanted = jitter_steer(p->jitter, now_us);
	if (p->patient && wanted < 0 && wanted >= -PATIENCE)
		return;
	do {
		done = wanted ? scale_once(p, n, wanted, now_us) : 0;
		if (done == 0)
			return;
		jitter_scaled(p->jitter, done);
		p->have = (size_t)((gint64)p->have + done);
		p->real = MIN(p->real, p->have);
		p->stretched += (size_t)ABS(done);
		wanted -= done;
	} while (wanted < -MUCH && more--);
}

static gboolean waits(struct playout *p, gint64 now_us)
{
	if (!p->patient || p->played)
		return FALSE;
	if (!p->begin_us && jitter_ready(p->jitter))
		p->begin_us = now_us + HEAD_START_US;
	return now_us < p->begin_us;
}

gboolean playout_get(struct playout *p, gint16 *pcm, size_t n, gint64 now_us)
{
	gboolean decoded = FALSE, heard;

	if (waits(p, now_us)) {
		memset(pcm, 0, n * sizeof(*pcm));
		return FALSE;
	}
	jitter_ask(p->jitter, now_us, (uint32_t)n);
	while (p->have < n) {
		if (!decode_more(p, now_us)) {
			memset(pcm, 0, n * sizeof(*pcm));
			return FALSE;
		}
		decoded = TRUE;
	}
	if (decoded)
		scale(p, n, now_us);
	while (p->have < n)				/* shortened below what is wanted now */
		decode_more(p, now_us);
	heard = p->real > 0;
	memcpy(pcm, p->buffer, n * sizeof(*pcm));
	p->have -= n;
	p->real -= MIN(p->real, n);
	memmove(p->buffer, p->buffer + n, p->have * sizeof(*pcm));
	p->played += n;
	if (heard)				/* what is made up while nothing comes is no delay */
		p->stats.buffer_ms = jitter_delay_ms(p->jitter, now_us, (uint32_t)(p->have + n));
	return heard;
}

void playout_stats(const struct playout *p, struct media_stats *out)
{
	out->rx_late = p->stats.rx_late;
	out->concealed_ms = p->concealed * 1000 / AUDIO_RATE;
	out->stretched_ms = p->stretched * 1000 / AUDIO_RATE;
	out->fec_frames = p->stats.fec_frames;
	out->played_ms = p->played * 1000 / AUDIO_RATE;
	out->buffer_ms = p->stats.buffer_ms;
}
