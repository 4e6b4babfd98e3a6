#include "level.h"

#include <math.h>

enum {
	METER_US = 100000,
	RUN = 3,			/* so many loud frames, one of which is a click, */
	RUN_GAP_US = 200000,		/* not farther apart than this, are speech, */
	HANG_US = 600000,		/* which ends with a pause longer than that between words */
};

static const double ABOVE_DB = 9, LEAST_DB = -55;	/* voice is so far above the noise, and at least so loud */
static const double FLOOR_MIN_DB = -80, FLOOR_MAX_DB = -30, FLOOR_START_DB = -65, RISE_DB_S = 1;

static double db_of(double amplitude)
{
	return amplitude > 0 ? fmax(20 * log10(amplitude / 32768.0), SILENCE_DB) : SILENCE_DB;
}

void meter_feed(struct meter *m, const int16_t *pcm, size_t n, int64_t now_us)
{
	for (size_t i = 0; i < n; i++) {
		int a = pcm[i] < 0 ? -pcm[i] : pcm[i];

		m->peak = a > m->peak ? a : m->peak;
	}
	if (now_us < m->until_us)
		return;
	m->db = db_of(m->peak);
	m->peak = 0;
	m->until_us = now_us + METER_US;
}

double level_db(const int16_t *pcm, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += pcm[i] * pcm[i];
	return n ? db_of(sqrt((double)sum / (double)n)) : SILENCE_DB;
}

/* The floor falls to whatever is quieter at once, and rises slowly: noise that stays becomes the floor, speech has pauses. */
static void follow_floor(struct voice *v, double db, int64_t now_us)
{
	double passed_s = v->begun ? fmin((double)(now_us - v->at_us) / 1e6, 1) : 0;

	if (!v->begun)
		v->floor_db = FLOOR_START_DB;
	v->begun = true;
	v->at_us = now_us;
	v->floor_db = fmin(fmax(fmin(db, v->floor_db + RISE_DB_S * passed_s), FLOOR_MIN_DB), FLOOR_MAX_DB);
}

bool voice_feed(struct voice *v, double db, int64_t now_us)
{
	bool loud;

	follow_floor(v, db, now_us);
	loud = db > LEAST_DB && db > v->floor_db + ABOVE_DB;
	if (!loud)
		return false;
	v->run = now_us - v->loud_us <= RUN_GAP_US ? v->run + 1 : 1;
	v->loud_us = now_us;
	if (v->run >= RUN)
		v->speaking = true;
	return true;
}

bool voice_is_speaking(struct voice *v, int64_t now_us)
{
	if (v->speaking && now_us - v->loud_us > HANG_US) {
		v->speaking = false;
		v->run = 0;
	}
	return v->speaking;
}
