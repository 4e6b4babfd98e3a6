/* jb_jcall.c - jcall's jitter buffer for a trace-driven bench of jitter buffers (jbsim.h: three functions, times in ms).
 *
 * The decisions are jcall's own; time scaling is modelled the way media/playout.c does it: a talker with a pitch period
 * of 3 to 9 ms that wanders, material that is too unlike itself three times in ten, never more than was asked for; in pauses,
 * one second in three, any length can be had.
 * FEC=1 in the environment: every packet carries FEC for the one before.
 *
 *   cc -O2 -Isrc -I$BENCH $(pkg-config --cflags glib-2.0) -o jb_jcall $BENCH/jbsim.c tests/bench/jb/jb_jcall.c \
 *      src/media/jitter.c src/media/jitter_steer.c src/media/lateness.c $(pkg-config --libs glib-2.0) -lm
 *   ./jb_jcall TRACE [PHASE_MS [PPM]] */
#include "jbsim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/jitter.h"

enum { HZ = 48000, TALK_MS = 2000, PAUSE_MS = 1000 };

const char *jb_name = "jcall";

static struct jitter *jitter;
static int frame, fec;
static int queued;			/* [samples] */
static int talked_ms;
static unsigned random_state = 1;
static double pitch_ms = 6;

static double uniform(void)
{
	random_state = random_state * 1103515245u + 12345u;
	return (double)(random_state >> 8 & 0xffff) / 65536;
}

void jb_init(int frame_ms)
{
	frame = frame_ms * HZ / 1000;
	fec = getenv("FEC") && atoi(getenv("FEC"));
	jitter = jitter_new(HZ);
}

static int64_t to_us(double ms)
{
	return (int64_t)(ms * 1000);
}

void jb_put(int seq, double arrive_ms)
{
	struct jitter_packet packet = {.seq = (uint16_t)seq, .ts = (uint32_t)seq * (uint32_t)frame,
				       .duration_ts = (uint32_t)frame, .payload = (const uint8_t *)&seq, .len = sizeof(seq)};

	jitter_put(jitter, &packet, to_us(arrive_ms));
}

static void take(double now_ms, JbOut *o)
{
	struct jitter_step step;

	jitter_get(jitter, to_us(now_ms), (uint32_t)queued, &step);
	if (step.skipped_ts > 0)
		o->scaled = 1;
	switch (step.act) {
	case JITTER_PLAY:
		memcpy(&o->seq[o->n], step.payload, sizeof(o->seq[0]));
		o->ahead[o->n++] = queued * 1000.0 / HZ;
		jitter_fec(jitter, fec);
		break;
	case JITTER_LOST:
		o->concealed = 1;
		if (step.payload && fec)
			o->fec = 1;
		break;
	default:
		o->concealed = 1;
		break;
	}
	queued += step.act == JITTER_WAIT ? frame : (int)step.duration_ts;
}

/* What time scaling would find to do. */
static int change(int wanted)
{
	int period, most = queued - 3 * HZ / 200;
	int sign = wanted < 0 ? -1 : 1;

	if (talked_ms % (TALK_MS + PAUSE_MS) >= TALK_MS)
		return most <= 0 ? 0 : sign * (abs(wanted) < most ? abs(wanted) : most);
	pitch_ms = fmin(9, fmax(3, pitch_ms + (uniform() - 0.5)));
	period = (int)(pitch_ms * HZ / 1000);
	if (abs(wanted) < period || most < period || uniform() < 0.3)
		return 0;
	while (2 * period <= most && 2 * period <= abs(wanted) && 2 * period <= HZ / 100)
		period *= 2;
	return sign * period;
}

static int scale_once(int wanted, double now_ms, JbOut *o)
{
	int done;

	if (wanted < 0 && jitter_ready(jitter) && queued < 3 * HZ / 100 && o->n < 16)
		take(now_ms, o);
	if (wanted < 0 && wanted < frame - queued && !jitter_ready(jitter))
		wanted = frame - queued;
	done = change(wanted);
	queued += done;
	return done;
}

static void scale(double now_ms, JbOut *o)
{
	int wanted = jitter_steer(jitter, to_us(now_ms)), done, more = 1;

	do {
		done = wanted ? scale_once(wanted, now_ms, o) : 0;
		if (done == 0)
			return;
		o->scaled = 1;
		jitter_scaled(jitter, done);
		wanted -= done;
	} while (wanted < -HZ / 100 && more--);
}

void jb_get(double now_ms, JbOut *o)
{
	int took = 0;

	jitter_ask(jitter, to_us(now_ms), (uint32_t)frame);
	for (; queued < frame; took = 1)
		take(now_ms, o);
	if (took && !o->concealed)
		scale(now_ms, o);
	while (queued < frame)
		take(now_ms, o);
	queued -= frame;
	talked_ms += frame * 1000 / HZ;
}
