#include "ends.h"

#include "err.h"
#include "post.h"
#include "worker.h"

struct ends_opening {
	char *in_spec, *out_spec;
	void (*done)(void *ctx, struct ends *ends, GError *error);	/* main thread only; NULL: abandoned */
	void *ctx;
	struct ends *ends;
	GError *error;
};

gboolean ends_close(struct ends *ends, GError **error)
{
	gboolean complete = TRUE;

	if (!ends)
		return TRUE;
	if (ends->have_in)
		ends->in.close(ends->in.self);
	if (ends->have_out)
		complete = ends->out.close(ends->out.self, error);
	g_free(ends);
	return complete;
}

void ends_part(struct ends *ends, struct ends **in, struct ends **out)
{
	*in = *out = NULL;
	if (ends->have_in) {
		*in = g_new0(struct ends, 1);
		**in = (struct ends){.in = ends->in, .have_in = TRUE};
	}
	if (ends->have_out) {
		*out = g_new0(struct ends, 1);
		**out = (struct ends){.out = ends->out, .have_out = TRUE};
	}
	g_free(ends);
}

/* ---- closing without waiting ---- */

struct closing {
	struct ends *ends;
	void (*done)(void *ctx, const GError *error);
	void *ctx;
	GError *error;
};

static void closed(void *self, void *arg)
{
	struct closing *c = self;

	c->done(c->ctx, c->error);
	g_clear_error(&c->error);
	g_free(c);
}

static gpointer close_them(gpointer data)
{
	struct closing *c = data;

	ends_close(c->ends, &c->error);
	post_to(NULL, closed, c, NULL, 0);
	return NULL;
}

void ends_close_later(struct ends *ends, void (*done)(void *ctx, const GError *error), void *ctx)
{
	struct closing *c = g_new0(struct closing, 1);
	worker_id id;

	c->ends = ends;
	c->done = done;
	c->ctx = ctx;
	if (worker_start(&id, "audio-close", 0, close_them, c))
		worker_leave(id);
	else
		close_them(c);			/* better late than never */
}

/* ---- opening without waiting ---- */

static void on_unwanted_closed(void *ctx, const GError *error)
{
}

static void opened(void *self, void *arg)
{
	struct ends_opening *o = self;

	if (o->done)
		o->done(o->ctx, o->ends, o->error);
	else if (o->ends)
		ends_close_later(o->ends, on_unwanted_closed, NULL);
	g_clear_error(&o->error);
	g_free(o->in_spec);
	g_free(o->out_spec);
	g_free(o);
}

static gpointer open_both(gpointer data)
{
	struct ends_opening *o = data;
	struct ends *ends = g_new0(struct ends, 1);

	if (o->in_spec)
		ends->have_in = audio_open_in(o->in_spec, &ends->in, &o->error);
	if (o->out_spec && !o->error)
		ends->have_out = audio_open_out(o->out_spec, &ends->out, &o->error);
	if (o->error) {
		ends_close(ends, NULL);
		ends = NULL;
	}
	o->ends = ends;
	post_to(NULL, opened, o, NULL, 0);
	return NULL;
}

struct ends_opening *ends_open(const char *in_spec, const char *out_spec,
			       void (*done)(void *ctx, struct ends *ends, GError *error), void *ctx)
{
	struct ends_opening *o = g_new0(struct ends_opening, 1);
	worker_id id;

	o->in_spec = g_strdup(in_spec);
	o->out_spec = g_strdup(out_spec);
	o->done = done;
	o->ctx = ctx;
	if (worker_start(&id, "audio-open", 0, open_both, o)) {
		worker_leave(id);
	} else {
		g_set_error(&o->error, JC_ERROR, JC_AUDIO_DEVICE, "this machine has no thread left to open the sound with");
		post_to(NULL, opened, o, NULL, 0);
	}
	return o;
}

struct ends_opening *ends_open_ready(struct ends *ends, void (*done)(void *ctx, struct ends *ends, GError *error), void *ctx)
{
	struct ends_opening *o = g_new0(struct ends_opening, 1);

	o->ends = ends;
	o->done = done;
	o->ctx = ctx;
	post_to(NULL, opened, o, NULL, 0);
	return o;
}

void ends_abandon(struct ends_opening *o)
{
	if (o)
		o->done = NULL;
}
