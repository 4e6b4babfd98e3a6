#include "sim.h"

static gboolean put(struct sim_side *s, uint8_t *pkt, size_t len, size_t cap, gboolean rtcp)
{
	g_assert(cap >= len + 32);
	fake_net_send(&s->net, pkt, len, rtcp, s->now);
	return TRUE;
}

static gboolean put_rtp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	return put(self, pkt, len, cap, FALSE);
}

static gboolean put_rtcp(void *self, uint8_t *pkt, size_t len, size_t cap)
{
	return put(self, pkt, len, cap, TRUE);
}

static void begin(struct sim_side *s, const struct media_params *params, guint32 seed, gint64 now_us)
{
	struct media_out net = {.rtp = put_rtp, .rtcp = put_rtcp, .self = s};

	s->now = now_us;
	s->engine = engine_new(params, &s->in.end, &s->out.end, &net, seed, NULL);
	g_assert(s->engine);
	engine_start(s->engine, now_us);
}

void sim_open(struct sim_side *s, const struct media_params *params, guint32 seed)
{
	fake_in_init(&s->in);
	fake_out_init(&s->out);
	begin(s, params, seed, SIM_START);
}

void sim_renew(struct sim_side *s, const struct media_params *params, guint32 seed, gint64 now_us)
{
	size_t taken = s->in.taken;

	engine_free(s->engine);
	begin(s, params, seed, now_us);
	s->in.start_us = s->out.start_us = SIM_START;		/* the same devices go on */
	s->in.taken = taken;
}

void sim_close(struct sim_side *s)
{
	engine_free(s->engine);
	fake_net_clear(&s->net);
	fake_out_clear(&s->out);
}

static gint64 thaw(const struct sim_side *s, gint64 at)
{
	return at >= s->frozen_from && at < s->frozen_until ? s->frozen_until : at;
}

static gint64 next_of(const struct sim_side *s, const struct sim_side *peer)
{
	return thaw(s, MIN(engine_deadline(s->engine), fake_net_next(&peer->net)));
}

static void step(struct sim_side *s, struct sim_side *peer, gint64 now)
{
	guint8 pkt[DATAGRAM_MAX];
	gboolean rtcp;
	size_t len;

	s->now = now;
	if (next_of(s, peer) > now)
		return;
	while (fake_net_take(&peer->net, pkt, &len, &rtcp, now)) {
		if (rtcp)
			engine_rtcp(s->engine, pkt, len, now);
		else
			engine_rtp(s->engine, pkt, len, now);
	}
	if (engine_deadline(s->engine) <= now) {
		engine_tick(s->engine, now);
		s->ticks++;
	}
}

void sim_run(struct sim_side *a, struct sim_side *b, gint64 end)
{
	gint64 now;

	while ((now = MIN(next_of(a, b), next_of(b, a))) < end) {
		g_assert(now >= SIM_START);
		step(a, b, now);
		step(b, a, now);
	}
}
