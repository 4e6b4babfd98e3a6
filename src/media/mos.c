#include "mos.h"

#include <glib.h>
#include <math.h>

/* G.107 table 3 */
#define SLR 8.0
#define RLR 2.0
#define OLR (SLR + RLR)
#define STMR 15.0
#define LSTR (STMR + DR)
#define DS 3.0
#define DR 3.0
#define TELR 65.0
#define WEPL 110.0
#define QDU 1.0
#define NC (-70.0)
#define NFOR (-64.0)
#define PS 35.0
#define PR 35.0
#define ADVANTAGE 0.0
#define MIN_DELAY 100.0			/* [ms] mT: what nobody notices, where conversation is of no special kind (sT = 1): table 1 */

#define MAX_DELAY 5000.0
#define LOOK_AHEAD_MS 6.5		/* Opus */
#define REBUILT_COST 0.1

/* Opus is in no list of G.113. It is given no impairment of its own, since at 12 kbit/s and more it is better than the
 * telephone band that the scale ends with. (The full-band model, G.107.2, comes to the same: with the 10.2 of 148 that rtpengine
 * gives to Opus there, it rates like 93.1 of 100 here.) Of loss it is taken to bear as much as GSM-EFR, the listed codec
 * nearest in kind (ours, assumed; the PESQ-WB that we measured at 32 kbit/s without FEC would make it 8, rtpengine takes 4.3
 * on the full-band scale, where more can be lost). G.722 is listed on the wide-band scale only: on this one it is taken as
 * G.711 (ours, assumed). */
struct mos_codec mos_codec(enum media_codec codec)
{
	switch (codec) {
	case CODEC_G722:
	case CODEC_PCMU:
	case CODEC_PCMA:
		return (struct mos_codec){.ie = 0, .bpl = 25.1};	/* G.711 with concealment, random loss */
	default:
		return (struct mos_codec){.ie = 0, .bpl = 10};
	}
}

/* ---- the terms of R = Ro - Is - Id - Ie,eff + A, clause 7 ---- */

static double power(double db)
{
	return pow(10, db / 10);
}

/* The sum of all noise [dBm0p], 7.2. */
static double noise(void)
{
	double pre = PR + 10 * log10(1 + power(10 - LSTR));
	double nos = PS - SLR - DS - 100 + 0.004 * (PS - OLR - DS - 14) * (PS - OLR - DS - 14);
	double nor = RLR - 121 + pre + 0.008 * (pre - 35) * (pre - 35);

	return 10 * log10(power(NC) + power(nos) + power(nor) + power(NFOR + RLR));
}

static double signal_to_noise(void)
{
	return 15 - 1.5 * (SLR + noise());
}

static double root(double base, double exponent)
{
	return pow(1 + pow(base, exponent), 1 / exponent);
}

/* What comes together with the voice, 7.3: loudness, side tone, quantizing. */
static double simultaneous(double ro, double delay_ms)
{
	double x = OLR + 0.2 * (64 + noise() - RLR);
	double iolr = 20 * (root(x / 8, 8) - x / 8);
	double stmro = -10 * log10(power(-STMR) + exp(-delay_ms / 4) * power(-TELR));
	/* The even and odd powers are the Recommendation's own, and negative bases with them. */
	double ist = 12 * pow(1 + pow((stmro - 13) / 6, 8), 1 / 8.0) - 28 * pow(1 + pow((stmro + 1) / 19.4, 35), 1 / 35.0) -
		     13 * pow(1 + pow((stmro - 3) / 33, 13), 1 / 13.0) + 29;
	double q = 37 - 15 * log10(QDU), g = 1.07 + 0.258 * q + 0.0602 * q * q;
	double iq = 15 * log10(1 + pow(10, (ro - 100) / 15 + 46 / 8.4 - g / 9) + pow(10, 46 / 30.0 - g / 40));

	return iolr + ist + iq;
}

/* What comes after it, 7.4: talker's and listener's echo, and delay as such. */
static double delayed(double ro, double delay_ms)
{
	double t = delay_ms, tr = 2 * t;
	double terv = TELR - 40 * log10((1 + t / 10) / (1 + t / 150)) + 6 * exp(-0.3 * t * t);
	double roe = -1.5 * (noise() - RLR), re = 80 + 2.5 * (terv - 14), rle = 10.5 * (WEPL + 7) * pow(tr + 1, -0.25);
	double idte = ((roe - re) / 2 + sqrt((roe - re) * (roe - re) / 4 + 100) - 1) * (1 - exp(-t));
	double idle = (ro - rle) / 2 + sqrt((ro - rle) * (ro - rle) / 4 + 169);
	double idd = 0, x;

	if (t > MIN_DELAY) {
		x = log2(t / MIN_DELAY);
		idd = 25 * (root(x, 6) - 3 * root(x / 3, 6) + 2);
	}
	return idte + idle + idd;
}

/* What codec and loss cost, 7.5. */
static double equipment(const struct mos_path *path)
{
	struct mos_codec c = mos_codec(path->codec);
	double loss = CLAMP(path->loss, 0, 1), rebuilt = CLAMP(path->rebuilt, 0, loss);
	double percent = 100 * (loss - rebuilt + REBUILT_COST * rebuilt);

	return c.ie + (95 - c.ie) * percent / (percent / MAX(path->burst, 1) + c.bpl);
}

double mos_rating(const struct mos_path *path)
{
	double delay = CLAMP(path->delay_ms, 0, MAX_DELAY), ro = signal_to_noise();

	return ro - simultaneous(ro, delay) - delayed(ro, delay) - equipment(path) + ADVANTAGE;
}

/* Annex B; near 0 its cubic falls below 1, which no opinion does. */
double mos_cqe(double r)
{
	double mos;

	if (r <= 0)
		return 1;
	if (r >= 100)
		return 4.5;
	mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return MAX(mos, 1);
}

/* ---- of a call ---- */

static double delay_ms(const struct media_stats *s, enum media_codec codec, unsigned frame_ms)
{
	return MAX(s->rtt_ms, 0) / 2 + s->buffer_ms + frame_ms + (codec == CODEC_OPUS ? LOOK_AHEAD_MS : 0);
}

static double since(uint64_t now, const uint64_t *before)
{
	return before && *before <= now ? (double)(now - *before) : (double)now;
}

double mos_here(const struct media_stats *now, const struct media_stats *before, enum media_codec codec, unsigned frame_ms)
{
	static const struct media_stats none;
	const struct media_stats *b = before ? before : &none;
	double came = since(now->rx_packets, &b->rx_packets), lost = since(now->rx_lost, &b->rx_lost);
	double late = since(now->rx_late, &b->rx_late), all = came + lost;
	struct mos_path path = {.codec = codec, .burst = 1, .delay_ms = delay_ms(now, codec, frame_ms)};

	if (all > 0) {
		path.loss = (lost + late) / all;
		path.rebuilt = since(now->fec_frames, &b->fec_frames) / all;
	}
	return mos_estimate(&path);
}

/* The peer's buffer is not known: it is taken to be as long as ours. A lost frame is rebuilt when the packet after it has FEC
 * and came. */
double mos_there(const struct media_stats *now, enum media_codec codec, unsigned frame_ms)
{
	struct mos_path path = {.codec = codec, .loss = now->peer_loss, .burst = 1, .delay_ms = delay_ms(now, codec, frame_ms)};

	if (now->tx_fec)
		path.rebuilt = path.loss * (1 - path.loss);
	return mos_estimate(&path);
}
