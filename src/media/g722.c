#include "g722.h"

#include <string.h>

/* The names in capitals are those of the blocks in G.722 6.2; numbers are 16 bit wide in there, whence the saturation. */

static const int filter[12] = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};	/* table 11, one half */

/* ---- low band: 6 bits, of which 4 drive the adaptation (tables 14 to 19) ---- */
static const int decision[29] = {35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
				 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};
static const int level4[8] = {0, 20456, 12896, 8968, 6288, 4240, 2584, 1200};
static const int level6[32] = {136, 136, 136, 136, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576,
			       7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728};
static const int weight_low[8] = {-60, 3042, 1198, 538, 334, 172, 58, -30};			/* by level4's index */

/* ---- high band: 2 bits ---- */
static const int level2[4] = {-7408, -1616, 7408, 1616};
static const int weight_high[4] = {798, -214, 798, -214};

static const int power[32] = {2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
			      2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};

static int limit(int v, int least, int most)
{
	return v < least ? least : v > most ? most : v;
}

static int sat(int v)
{
	return limit(v, -32768, 32767);
}

void g722_init(struct g722 *g)
{
	memset(g, 0, sizeof(*g));
	g->low.det = 32;
	g->high.det = 8;
}

/* ---- what both sides do ---- */

/* LOGSCL, SCALEL, LOGSCH, SCALEH */
static void rescale(struct g722_band *b, int weight, int most, int shift)
{
	int mantissa;

	b->nb = limit((b->nb * 127 >> 7) + weight, 0, most);
	mantissa = power[b->nb >> 6 & 31];
	shift -= b->nb >> 11;
	b->det = (shift < 0 ? mantissa << -shift : mantissa >> shift) * 4;
}

/* UPPOL2, UPPOL1: by the signs of the last three partial signals */
static void adapt_poles(struct g722_band *b, int p)
{
	int same1 = (p < 0) == (b->p[0] < 0), same2 = (p < 0) == (b->p[1] < 0);
	int twice = sat(b->a[0] * 4), a2, most;

	a2 = (sat(same1 ? -twice : twice) >> 7) + (same2 ? 128 : -128) + (b->a[1] * 32512 >> 15);
	b->a[1] = limit(a2, -12288, 12288);
	most = sat(15360 - b->a[1]);
	b->a[0] = limit(sat((b->a[0] * 32640 >> 15) + (same1 ? 192 : -192)), -most, most);
}

/* UPZERO and DELAYA of the zeros */
static void adapt_zeros(struct g722_band *b, int d)
{
	int step = d == 0 ? 0 : 128;

	for (int i = 0; i < 6; i++)
		b->b[i] = sat((b->b[i] * 32640 >> 15) + ((d < 0) == (b->d[i] < 0) ? step : -step));
	memmove(b->d + 1, b->d, 5 * sizeof(*b->d));
	b->d[0] = d;
}

/* RECONS, PARREC, the adaptation, FILTEP, FILTEZ, PREDIC. D: the difference as quantized. */
static void predict(struct g722_band *b, int d)
{
	int r = sat(b->s + d), p = sat(b->sz + d);

	adapt_poles(b, p);
	adapt_zeros(b, d);
	b->p[1] = b->p[0];
	b->p[0] = p;
	b->r[1] = b->r[0];
	b->r[0] = r;
	b->sz = 0;
	for (int i = 5; i >= 0; i--)
		b->sz += b->b[i] * sat(2 * b->d[i]) >> 15;
	b->sz = sat(b->sz);
	b->s = sat(sat((b->a[0] * sat(2 * b->r[0]) >> 15) + (b->a[1] * sat(2 * b->r[1]) >> 15)) + b->sz);
}

static void adapt_low(struct g722_band *b, int code)
{
	int at = code >> 2 & 15, index = at < 8 ? at : at == 15 ? 0 : at - 7;

	int level = at < 8 ? -level4[index] : level4[index];

	level = b->det * level >> 15;
	rescale(b, weight_low[index], 18432, 8);
	predict(b, level);
}

static void adapt_high(struct g722_band *b, int code)
{
	int level = b->det * level2[code] >> 15;

	rescale(b, weight_high[code], 22528, 10);
	predict(b, level);
}

/* ---- encoder ---- */

/* QUANTL: 4..31 are negative, 32..61 positive; the two smallest negative ones stand at 62 and 63. */
static int quantize_low(const struct g722_band *b, int e)
{
	int size = e < 0 ? -(e + 1) : e, i = 0;

	while (i < 29 && size >= decision[i] * b->det >> 12)
		i++;
	if (e >= 0)
		return 61 - i;
	return i < 2 ? 63 - i : 33 - i;
}

/* QUANTH */
static int quantize_high(const struct g722_band *b, int e)
{
	int size = e < 0 ? -(e + 1) : e, large = size >= 564 * b->det >> 12;

	return (e < 0 ? 0 : 2) + !large;
}

static void split(struct g722 *g, const int16_t *pcm, int *low, int *high)
{
	int odd = 0, even = 0;

	memmove(g->x, g->x + 2, 22 * sizeof(*g->x));
	g->x[22] = pcm[0];
	g->x[23] = pcm[1];
	for (int i = 0; i < 12; i++) {
		odd += g->x[2 * i] * filter[i];
		even += g->x[2 * i + 1] * filter[11 - i];
	}
	*low = (even + odd) >> 14;
	*high = (even - odd) >> 14;
}

/* One byte for two samples: BANDS are adapted, the mirror filter is G's. */
static int encode_pair(struct g722 *g, struct g722 *bands, const int16_t *pcm)
{
	int low, high, code_low, code_high;

	split(g, pcm, &low, &high);
	code_low = quantize_low(&bands->low, sat(low - bands->low.s));
	code_high = quantize_high(&bands->high, sat(high - bands->high.s));
	adapt_low(&bands->low, code_low);
	adapt_high(&bands->high, code_high);
	return code_high << 6 | code_low;
}

void g722_encode(struct g722 *g, const int16_t *pcm, size_t n, uint8_t *out)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		out[i / 2] = (uint8_t)encode_pair(g, g, pcm + i);
}

void g722_follow(struct g722 *g, struct g722 *qmf, const int16_t *pcm, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		encode_pair(qmf, g, pcm + i);
}

/* ---- decoder ---- */

static void join(struct g722 *g, int low, int high, int16_t *pcm)
{
	int first = 0, second = 0;

	memmove(g->x, g->x + 2, 22 * sizeof(*g->x));
	g->x[22] = low + high;
	g->x[23] = low - high;
	for (int i = 0; i < 12; i++) {
		second += g->x[2 * i] * filter[i];
		first += g->x[2 * i + 1] * filter[11 - i];
	}
	pcm[0] = (int16_t)sat(first >> 11);
	pcm[1] = (int16_t)sat(second >> 11);
}

/* INVQBL: all 6 bits count for what is heard */
static int fine_level(int code)
{
	static const int near_zero[4] = {432, 136, -432, -136};

	return code < 32 ? -level6[code] : code < 60 ? level6[code - 28] : near_zero[code - 60];
}

void g722_decode(struct g722 *g, const uint8_t *in, size_t len, int16_t *pcm)
{
	for (size_t i = 0; i < len; i++) {
		int code_low = in[i] & 63, code_high = in[i] >> 6;
		int low = g->low.s + (g->low.det * fine_level(code_low) >> 15);
		int high = g->high.s + (g->high.det * level2[code_high] >> 15);

		adapt_low(&g->low, code_low);
		adapt_high(&g->high, code_high);
		join(g, limit(low, -16384, 16383), limit(high, -16384, 16383), pcm + 2 * i);
	}
}
