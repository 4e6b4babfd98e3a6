/* link.h - what carries a call's datagrams between the two machines, whichever way it does that: by ICE (net/ice.c), or
 * plainly from one UDP port to another (net/udp.c).
 *
 * Everything, the events included, happens in the thread that runs CTX (the media thread). No event but datagram is raised
 * from inside a function of a link, none after free. */
#ifndef JCALL_NET_LINK_H
#define JCALL_NET_LINK_H

#include <glib.h>
#include "../types.h"

enum { LINK_GOODBYE_MS = 100 };

enum link_state {
	LINK_TRYING,
	LINK_WORKS,		/* datagrams can be sent; CHECKED says whether they are known to arrive */
	LINK_FAILED,		/* this way leads nowhere */
};

struct link_options {
	gboolean controlling;	/* the Jingle initiator */
	gboolean loopback;	/* also use 127.0.0.1 and ::1: tests, and two jcalls on one machine */
	struct server_list servers;
	gboolean relay_only;	/* no address of ours but those at relays is told or used (ICE only) */
	const char *ca_file;	/* PEM, besides the system's: by whom relays by TLS are trusted; outlives the link; NULL: none */
	struct ice_creds creds;	/* ours, which the peer knows already; ufrag "": new ones (ICE only) */
	char toward[46];	/* an address of the peer that is known already, by which ours may be chosen; "": none */
};

struct link_events {
	void (*candidate)(void *self, const struct ice_cand *local);
	void (*gathered)(void *self, unsigned candidates);
	void (*state)(void *self, enum link_state state);
	void (*datagram)(void *self, uint8_t *data, size_t len, size_t cap);	/* never STUN; may be changed in place */
	void *self;
};

struct link {
	/* TRUE: a relay is to be told that it is not needed any more, for which this thread should run LINK_GOODBYE_MS longer. */
	gboolean (*free)(void *self);
	gboolean (*creds)(void *self, struct ice_creds *out);		/* ours, as they are now; FALSE: this way needs none */
	gboolean (*gather)(void *self, GError **error);			/* opens sockets; candidates and gathered follow */
	/* FALSE: not usable. New ones are a restart of the peer's (RFC 8445 9): ours are new ones then, too, and all our candidates
	 * are told again. What works goes on working until something better is found. */
	gboolean (*set_remote)(void *self, const struct ice_creds *creds);
	gboolean (*add_remote)(void *self, const struct ice_cand *cand);	/* FALSE: not usable, or too many are there */
	void     (*remote_done)(void *self);				/* the peer has no more candidates */
	/* FALSE: it would block or nothing works (yet): drop the packet and count it. */
	gboolean (*send)(void *self, const uint8_t *data, size_t len);
	gboolean (*selected)(void *self, struct ice_cand *local, struct ice_cand *remote);
	/* From inside the datagram event: this one was the peer's beyond doubt, by its keys. */
	void     (*proven)(void *self);
	gboolean checked;		/* LINK_WORKS means that datagrams went both ways */
	void *self;
};

/* Both fill L; what is opened is closed by its free. */
gboolean ice_open(struct link *l, GMainContext *ctx, const struct link_options *options, const struct link_events *events,
		  GError **error);
gboolean udp_open(struct link *l, GMainContext *ctx, const struct link_options *options, const struct link_events *events,
		  GError **error);
/* Pays libnice's start-up (about 20 ms) ahead of the first call; any thread. */
void     ice_warm_up(void);

#endif
