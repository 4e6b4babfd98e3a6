/* engine_rig.h - one engine between fake ends, what it sent on record, and time in the test's hand. */
#ifndef TEST_ENGINE_RIG_H
#define TEST_ENGINE_RIG_H

#include "fake_audio.h"
#include "media/codec.h"
#include "media/engine.h"
#include "media/rtp.h"

enum { FRAME = AUDIO_RATE / 50, FRAME_US = 20000, KEPT = 2000 };
#define START 7000000ll
#define S 1000000ll

struct packet {
	struct rtp_header h;
	size_t len;
	gint64 at_us;
};

struct rig {
	struct media_params params;
	struct fake_in in;
	struct fake_out out;
	gboolean no_in, no_out, blocked;
	struct engine *e;
	gint64 now;
	gint16 *speech;
	/* what it sent */
	struct packet rtp[KEPT];
	unsigned rtps, rtcps, ticks;
	uint8_t last_rtcp[256], last_rtp[1500];
	size_t last_rtcp_len, last_rtp_len;
	gint64 first_rtcp_us;
};

int  rig_setup(void **state);			/* of cmocka: *STATE becomes a rig, to be changed before rig_start */
int  rig_teardown(void **state);
void rig_create(struct rig *f);			/* makes the engine, does not start it */
void rig_start(struct rig *f);
void rig_run(struct rig *f, gint64 us);		/* ticks at every deadline */
struct media_stats rig_stats(struct rig *f);
/* A packet of the peer: speech of another encoder. */
void rig_hear(struct rig *f, struct encoder *e, uint32_t ssrc, uint16_t seq, uint8_t pt);
void rig_hear_for(struct rig *f, struct encoder *e, uint32_t ssrc, uint16_t seq, int packets);	/* and time passes */

#endif
