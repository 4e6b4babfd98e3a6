/* sim.h - a whole call in memory: two engines, a network between them, ends with clocks of their own, and time that is
 * injected; much faster than real. */
#ifndef TEST_SIM_H
#define TEST_SIM_H

#include "fake_audio.h"
#include "fake_net.h"
#include "media/engine.h"

#define SIM_START 5000000ll		/* [us] when both sides begin */

struct sim_side {
	struct engine *engine;
	struct fake_in in;
	struct fake_out out;
	struct fake_net net;			/* what this side sends */
	gint64 frozen_from, frozen_until;	/* its machine stalls */
	gint64 now;
	unsigned ticks;
};

void sim_open(struct sim_side *s, const struct media_params *params, guint32 seed);	/* its in, out and net are set */
void sim_renew(struct sim_side *s, const struct media_params *params, guint32 seed, gint64 now_us);	/* another engine, the same ends */
void sim_run(struct sim_side *a, struct sim_side *b, gint64 end_us);
void sim_close(struct sim_side *s);

#endif
