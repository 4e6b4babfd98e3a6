/* ice.h - ICE by libnice: addresses out, a pair in, datagrams both ways. RFC 8445, RFC 8838. Only net/ice.c includes
 * <nice/agent.h>.
 *
 * Everything, the events included, happens in the thread that runs CTX (the media thread); no event is raised from
 * inside a function of this header (libnice's own signals are posted to CTX), nor after ice_free. */
#ifndef JCALL_NET_ICE_H
#define JCALL_NET_ICE_H

#include <glib.h>
#include "../types.h"

struct ice;

enum ice_state { ICE_GATHERING, ICE_CONNECTING, ICE_CONNECTED, ICE_READY, ICE_FAILED };

struct ice_options {
	gboolean controlling;		/* the Jingle initiator */
	gboolean loopback;		/* also use 127.0.0.1 and ::1: tests, and two jcalls on one machine */
	const char *stun_host;		/* numeric or name; NULL: none */
	guint16 stun_port;
};

struct ice_events {
	void (*candidate)(void *self, const struct ice_cand *local);
	void (*gathered)(void *self, unsigned candidates);
	void (*state)(void *self, enum ice_state state);
	void (*datagram)(void *self, uint8_t *data, size_t len, size_t cap);	/* never STUN; may be changed in place */
	void *self;
};

/* Pays libnice's start-up (about 20 ms) ahead of the first call; any thread. */
void ice_warm_up(void);
struct ice *ice_new(GMainContext *ctx, const struct ice_options *options, const struct ice_events *events,
		    GError **error);
void        ice_free(struct ice *i);

void     ice_local_creds(const struct ice *i, struct ice_creds *out);	/* known at once after ice_new */
gboolean ice_gather(struct ice *i, GError **error);
gboolean ice_set_remote(struct ice *i, const struct ice_creds *creds);	/* before the first candidate */
gboolean ice_add_remote(struct ice *i, const struct ice_cand *cand);	/* FALSE: not usable, or 25 are there; buffered
									 * until the credentials are known */
void     ice_remote_done(struct ice *i);
/* FALSE: it would block or no pair works (yet): drop the packet and count it. */
gboolean ice_send(struct ice *i, const uint8_t *data, size_t len);
gboolean ice_selected(const struct ice *i, struct ice_cand *local, struct ice_cand *remote);

#endif
