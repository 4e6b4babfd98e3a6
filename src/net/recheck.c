#include "recheck.h"

#include <stdbool.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>
#include <string.h>

#include "../post.h"

enum {
	FIRST_MS = 200, OFTEN_MS = 150, SELDOM_MS = 500,
	WORKS_MS = 400,				/* an undisturbed handshake is over by then, or nearly */
	OFTEN = 10, LAST = 30,			/* rounds */
	MAX_TARGETS = 25, MAX_CHECK = 1024,
};
#define PRIORITY 0x6effffffu			/* of a peer-reflexive address (RFC 8445 5.1.2), if one comes of it */

struct target {
	char ip[46];
	uint16_t port;
};

struct recheck {
	GMainContext *ctx;
	gboolean controlling;
	unsigned (*send)(void *self, const char *ip, uint16_t port, const uint8_t *data, size_t len);
	void *self;
	uint64_t tie;
	char user[2 * sizeof(((struct ice_creds *)0)->ufrag)];
	char password[sizeof(((struct ice_creds *)0)->pwd)];
	struct target targets[MAX_TARGETS];
	unsigned count, rounds, sent;
	gboolean works, over;
	GSource *timer;
};

struct recheck *recheck_new(GMainContext *ctx, gboolean controlling,
			    unsigned (*send)(void *self, const char *ip, uint16_t port, const uint8_t *data, size_t len), void *self)
{
	struct recheck *r = g_new0(struct recheck, 1);

	r->ctx = ctx;
	r->controlling = controlling;
	r->send = send;
	r->self = self;
	/* libnice keeps its own tie-breaker and, after a conflict, its role to itself: ours never wins one (RFC 8445 7.3.1.1). */
	r->tie = controlling ? 0 : UINT64_MAX;
	r->over = TRUE;
	return r;
}

void recheck_free(struct recheck *r)
{
	if (!r)
		return;
	recheck_end(r);
	explicit_bzero(r->password, sizeof(r->password));
	g_free(r);
}

static void check(struct recheck *r, const struct target *t)
{
	uint8_t packet[MAX_CHECK];
	StunAgent agent;
	StunMessage message;
	size_t size;

	/* A new agent for each: it would remember every request that is not answered. */
	stun_agent_init(&agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	size = stun_usage_ice_conncheck_create(&agent, &message, packet, sizeof(packet), (const uint8_t *)r->user, strlen(r->user),
					       (const uint8_t *)r->password, strlen(r->password), r->controlling, r->controlling,
					       PRIORITY, r->tie, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	if (size)
		r->sent += r->send(r->self, t->ip, t->port, packet, size);
}

static gboolean on_timer(gpointer data);

static void schedule(struct recheck *r, guint ms)
{
	source_drop(&r->timer);
	if (r->over || !r->count || r->rounds >= LAST || r->sent >= RECHECK_MOST)
		return;
	r->timer = g_timeout_source_new(ms);
	g_source_set_callback(r->timer, on_timer, r, NULL);
	g_source_attach(r->timer, r->ctx);
}

static gboolean on_timer(gpointer data)
{
	struct recheck *r = data;

	for (unsigned i = 0; i < r->count && r->sent < RECHECK_MOST; i++)
		check(r, &r->targets[i]);
	r->rounds++;
	schedule(r, r->works || r->rounds >= OFTEN ? SELDOM_MS : OFTEN_MS);
	return G_SOURCE_REMOVE;
}

void recheck_begin(struct recheck *r, const struct ice_creds *local, const struct ice_creds *remote)
{
	g_snprintf(r->user, sizeof(r->user), "%s:%s", remote->ufrag, local->ufrag);
	g_strlcpy(r->password, remote->pwd, sizeof(r->password));
	r->count = r->rounds = r->sent = 0;
	r->works = r->over = FALSE;
	source_drop(&r->timer);
}

static void put(struct recheck *r, const char *ip, uint16_t port)
{
	struct target *t = &r->targets[r->count++];

	g_strlcpy(t->ip, ip, sizeof(t->ip));
	t->port = port;
}

void recheck_add(struct recheck *r, const char *ip, uint16_t port)
{
	if (r->works || r->count >= MAX_TARGETS)
		return;
	put(r, ip, port);
	if (!r->timer)
		schedule(r, FIRST_MS);
}

void recheck_works(struct recheck *r, const char *ip, uint16_t port)
{
	if (r->works || r->over)
		return;
	r->works = TRUE;
	r->count = 0;
	put(r, ip, port);
	schedule(r, WORKS_MS);
}

void recheck_end(struct recheck *r)
{
	r->over = TRUE;
	source_drop(&r->timer);
}
