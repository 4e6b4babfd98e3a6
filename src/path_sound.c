#include "path_priv.h"

#include <string.h>

#include "log.h"

/* Not before something came from the peer: until his handshake is done, he hears nothing. */
void path_send_digits(struct path *p)
{
	if (!p->engine || !p->heard_of || !*p->digits.digits)
		return;
	if (!engine_dtmf(p->engine, p->digits.digits))
		log_warn("path", "touch tones were not taken");
	p->digits.digits[0] = '\0';
}

void path_do_params(void *self, void *arg)
{
	struct path *p = self;

	p->params = *(struct media_params *)arg;
	if (p->engine)
		engine_params(p->engine, &p->params);
}

void path_do_mute(void *self, void *arg)
{
	struct path *p = self;

	p->muted = *(gboolean *)arg;
	if (p->engine)
		engine_mute(p->engine, p->muted);
}

void path_do_dtmf(void *self, void *arg)
{
	struct path *p = self;

	g_strlcat(p->digits.digits, ((struct dtmf_arg *)arg)->digits, sizeof(p->digits.digits));
	path_send_digits(p);
}

void path_do_hold(void *self, void *arg)
{
	struct path *p = self;

	p->hold = *(struct hold_arg *)arg;
	if (p->engine)
		engine_hold(p->engine, p->hold.sending, p->hold.receiving);
}

void path_do_watch(void *self, void *arg)
{
	struct path *p = self;

	p->snapshot_every = *(gboolean *)arg ? WATCHED_US : SNAPSHOT_US;
	if (p->engine)
		p->snapshot_at = MIN(p->snapshot_at, g_get_monotonic_time() + p->snapshot_every);
	path_schedule(p);
}

static void tell_released(struct path *p, void (*released)(void *ctx), void *ctx)
{
	struct release r = {.released = released, .ctx = ctx};

	if (released)
		path_tell(p, path_tell_released, &r, sizeof(r));
}

void path_do_set_in(void *self, void *arg)
{
	struct path *p = self;
	struct in_arg *a = arg;

	p->in = a->in;
	p->in_done = FALSE;
	if (p->engine)
		engine_set_in(p->engine, p->in, g_get_monotonic_time());
	tell_released(p, a->released, a->ctx);
	path_schedule(p);
}

void path_do_set_out(void *self, void *arg)
{
	struct path *p = self;
	struct out_arg *a = arg;

	p->out = a->out;
	p->out_done = FALSE;
	if (p->engine)
		engine_set_out(p->engine, p->out, g_get_monotonic_time());
	tell_released(p, a->released, a->ctx);
	path_schedule(p);
}

void path_do_record(void *self, void *arg)
{
	struct path *p = self;
	struct tap_arg *a = arg;

	p->tap = a->tap;
	p->have_tap = a->have;
	if (p->engine)
		engine_record(p->engine, a->have ? &p->tap : NULL);
	if (a->released)
		path_tell(p, path_tell_unrecorded, a, sizeof(*a));
}

void path_do_volume(void *self, void *arg)
{
	struct path *p = self;

	p->volume = *(guint *)arg;
	if (p->engine)
		engine_volume(p->engine, p->volume);
}
