#include "client.h"

#include <string.h>

#include "channel.h"
#include "../err.h"

struct client {
	struct client_options options;
	struct channel *channel;
	guint listener;
};

static void on_event(void *ctx, const struct event *e)
{
	struct client *c = ctx;
	guint call = c->options.call;

	/* Half of the room is for the answers to a command that reads nothing, and asks for something at last. */
	if (!call || (e->call == call && channel_waiting(c->channel) + strlen(e->json) < CHANNEL_ROOM / 2))
		channel_send(c->channel, e->json);
}

static void listen_to(struct client *c)
{
	if (!c->listener)
		c->listener = events_listen(c->options.events, on_event, c);
}

/* Takes REPLY and ERROR. */
static void reply(struct client *c, const struct request *r, struct fields *reply, GError *error)
{
	struct fields *f = reply;
	g_autofree char *line = NULL;

	if (error) {			/* what was gathered before it failed is no answer */
		fields_free(reply);
		f = fields_new();
	}
	fields_add_bool(f, "ok", !error);
	fields_add_string(f, "error", error ? error->message : NULL);
	fields_add_string(f, "id", r->id);
	line = fields_write(f);
	channel_send(c->channel, line);
	fields_free(f);
	g_clear_error(&error);
}

static gboolean aim(const struct client *c, struct request *r, GError **error)
{
	if (!c->options.call)
		return TRUE;
	if (r->call && r->call != c->options.call) {
		g_set_error(error, JC_ERROR, JC_REFUSED, "this is call %u, and no other can be reached from here", c->options.call);
		return FALSE;
	}
	r->call = c->options.call;
	return TRUE;
}

static void on_line(void *self, const char *line, gsize len)
{
	struct client *c = self;
	struct request r;
	struct fields *answer = fields_new();
	GError *error = NULL;

	if (request_read(&r, line, len, &error) && aim(c, &r, &error)) {
		if (r.verb == VERB_EVENTS)
			listen_to(c);
		else
			c->options.handler.request(c->options.handler.self, &r, answer, &error);
	}
	reply(c, &r, answer, error);
	request_clear(&r);
}

static void on_too_long(void *self)
{
	struct client *c = self;
	struct request none = {.id = NULL};

	reply(c, &none, fields_new(), g_error_new(JC_ERROR, JC_USAGE, "a line may have %d bytes", REQUEST_MAX));
}

static void on_closed(void *self)
{
	struct client *c = self;

	c->options.gone(c->options.ctx, c);
}

struct client *client_new(int fd, const struct client_options *options)
{
	struct client *c = g_new0(struct client, 1);
	struct channel_events events = {.line = on_line, .too_long = on_too_long, .closed = on_closed, .self = c};

	c->options = *options;
	c->channel = channel_new(fd, &events);
	if (options->call)
		listen_to(c);
	return c;
}

void client_free(struct client *c, int limit_ms)
{
	if (!c)
		return;
	if (c->listener)
		events_unlisten(c->options.events, c->listener);
	channel_flush(c->channel, limit_ms);
	channel_free(c->channel);
	g_free(c);
}
