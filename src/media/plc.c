#include "plc.h"

#include <math.h>
#include <string.h>

#define VOICED 0.5			/* what is less like itself has no period */

static size_t ms(const struct plc *p, double n)
{
	return (size_t)(n * p->rate_hz / 1000);
}

void plc_init(struct plc *p, unsigned rate_hz)
{
	*p = (struct plc){.rate_hz = rate_hz};
}

/* How much the last 10 ms are like those LAG samples earlier. */
static double similarity(const struct plc *p, size_t lag)
{
	const int16_t *a = p->past + PLC_PAST - ms(p, 10), *b = a - lag;
	double ab = 0, aa = 1, bb = 1;

	for (size_t i = 0; i < ms(p, 10); i++) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

/* [samples] 66 to 400 Hz; noise is repeated as seldom as may be, or it would hum. */
static size_t find_period(const struct plc *p)
{
	size_t best = ms(p, 15);
	double most = VOICED;

	for (size_t lag = ms(p, 2.5); lag <= ms(p, 15); lag++) {
		double s = similarity(p, lag);

		if (s > most) {
			most = s;
			best = lag;
		}
	}
	return best;
}

/* The last period, its last quarter passing into what came before its first sample: so it can go round. */
static void begin(struct plc *p)
{
	size_t n = find_period(p), fade = n / 4;
	const int16_t *last = p->past + PLC_PAST - n, *before = last - fade;

	p->period = n;
	p->at = 0;
	memcpy(p->wave, last, n * sizeof(*p->wave));
	for (size_t i = 0; i < fade; i++) {
		int to = (int)(i + 1), of = (int)fade;

		p->wave[n - fade + i] = (int16_t)((last[n - fade + i] * (of - to) + before[i] * to) / of);
	}
}

static int16_t next(struct plc *p)
{
	size_t full = ms(p, 20), over = ms(p, 100);
	double gain = p->invented < full ? 1 : p->invented >= over ? 0 : (double)(over - p->invented) / (double)(over - full);
	int16_t v = (int16_t)lrint(p->wave[p->at] * gain);

	p->at = (p->at + 1) % p->period;
	p->invented++;
	return v;
}

void plc_invent(struct plc *p, int16_t *pcm, size_t n)
{
	if (!p->invented)
		begin(p);
	for (size_t i = 0; i < n; i++)
		pcm[i] = next(p);
}

static void join(struct plc *p, int16_t *pcm, size_t n)
{
	size_t fade = ms(p, 5);

	for (size_t i = 0; i < n && i < fade; i++)
		pcm[i] = (int16_t)((pcm[i] * (int)i + next(p) * (int)(fade - i)) / (int)fade);
	p->invented = 0;
}

void plc_hear(struct plc *p, int16_t *pcm, size_t n)
{
	if (p->invented)
		join(p, pcm, n);
	if (n >= PLC_PAST) {
		memcpy(p->past, pcm + n - PLC_PAST, sizeof(p->past));
		return;
	}
	memmove(p->past, p->past + n, (PLC_PAST - n) * sizeof(*p->past));
	memcpy(p->past + PLC_PAST - n, pcm, n * sizeof(*p->past));
}
