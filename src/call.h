/* call.h - ONE call: the only place that knows both pipes. It joins a Jingle session (signalling, jingle/) with a path
 * (media, path.h) and a pair of audio ends, and carries what each has to say to the other.
 *
 * Main thread. Events come from the main loop or from inside call_recv's caller's call_pump, never after call_free. A
 * process may hold any number of calls. */
#ifndef JCALL_CALL_H
#define JCALL_CALL_H

#include "ends.h"
#include "jingle/rtp.h"
#include "jingle/session.h"
#include "path.h"
#include "xmpp/stream.h"

struct call;

struct call_env {			/* what a call needs of its process; borrowed, outlives every call */
	struct stream *xmpp;
	struct media_thread *media;
	const struct dtls_cert *cert;
	struct rtp_wishes wishes;
	struct transport_list transports;	/* that may be used, the preferred first */
	struct link_options ice;		/* controlling is set by the call */
	gboolean awaits_servers;		/* ICE.servers will be known soon; then call_servers_known */
	gint64 (*now_ms)(void);
};

enum call_relay {			/* may addresses be told and used that are no relay's? */
	RELAY_FREE, RELAY_IF_THERE,	/* not where there is a relay */
	RELAY_ONLY,			/* never */
};

struct call_terms {			/* of one call; copied */
	struct transport_list transports;	/* those of the environment's which the peer is thought to have; one at least */
	struct keying_list keyings;		/* the conditions that may be used with him; one at least */
	enum call_relay relay;
};

struct call_events {
	void (*incoming)(void *self);			/* responder: a sound offer is here */
	void (*delivered)(void *self);			/* initiator: the peer's client has our offer */
	void (*redirected)(void *self, const char *to);	/* initiator: the offer was refused, TO (raw) is to be called; the
							 * call is over, call_free is the next thing to do */
	void (*ringing)(void *self);			/* initiator: the peer's device rings */
	void (*accepted)(void *self);			/* both sides have accepted */
	void (*connected)(void *self, const struct ice_cand *local, const struct ice_cand *remote);
	void (*secured)(void *self, const char *suite);
	void (*flowing)(void *self, gint64 at_us);
	void (*heard)(void *self, gint64 at_us);
	void (*unstable)(void *self, gboolean silent);
	void (*changed)(void *self);			/* hold, mute of the peer */
	void (*digit)(void *self, char digit);		/* a touch tone of the peer's, by RTP or signalled */
	void (*voice)(void *self, gboolean speaking);	/* of the peer */
	void (*in_ended)(void *self, const struct audio_in *in, const GError *fault);	/* as in path.h: the call goes on */
	void (*out_ended)(void *self, const struct audio_out *out, const GError *fault);
	void (*measured)(void *self);			/* call_stats has new figures */
	/* Last event, once. TEXT: the peer's words or ours, raw; may be NULL. call_free is the next thing to do. */
	void (*ended)(void *self, enum jc_err err, enum jingle_reason reason, const char *text, gboolean by_peer);
	void *self;
};

/* The first transport is offered, and all conditions. */
struct call *call_dial(const struct call_env *env, const char *sid, const char *peer, const struct call_terms *terms,
		       const struct call_events *events);
struct call *call_incoming(const struct call_env *env, const char *sid, const char *peer, const struct call_terms *terms,
			   const struct call_events *events);
/* Closes the media; DONE(ctx, stats), if there is one, comes in the main loop when the audio ends may be closed. No events any
 * more. */
void call_free(struct call *c, void (*done)(void *ctx, const struct media_stats *stats), void *ctx);

/* A path that gathers before there is a call to use it: while the callee's phone rings, or while the caller's offer is under way
 * to us, after our user has said that he takes the call. What it finds is told to nobody until there is that call. NULL: nothing
 * can be done ahead. */
struct call_ahead;
struct call_ahead *call_ahead_new(const struct call_env *env, const struct call_terms *terms, gboolean initiator);
/* It was not wanted after all; DONE as in call_free. */
void               call_ahead_free(struct call_ahead *a, void (*done)(void *ctx, const struct media_stats *stats), void *ctx);
/* Before anything is gathered: C takes A (NULL: there is none), and uses it if it fits. */
void         call_use_ahead(struct call *c, struct call_ahead *a);
/* Initiator: gathers addresses; the offer goes out as soon as the first are known (or after 0.5 s without any). Call it
 * as early as the user's wish to call is certain. */
void         call_prepare(struct call *c);
void         call_servers_known(struct call *c);	/* what waited for the servers goes on */
void         call_offer(struct call *c);		/* send the session-initiate (now, or once prepared) */
/* Before the offer or the accept: it shall have all our addresses in it, and waits for them for 2 s at most (XEP-0176 "SDP
 * Offer / Answer Support"). */
void         call_want_all(struct call *c);
/* A message of the peer. Answer the IQ with what it returns, then call call_pump. */
enum iq_cond call_recv(struct call *c, const struct jingle_msg *m);
void         call_pump(struct call *c);
void         call_ring(struct call *c);			/* responder: tell the peer that we ring */
void         call_accept(struct call *c);		/* responder: addresses are gathered and revealed only now */
void         call_hangup(struct call *c, enum jc_err err, const char *text);
/* The ends the sound shall use (NULL: silence, nowhere); borrowed until done. May come before or after the accept. */
void         call_ends(struct call *c, const struct audio_in *in, const struct audio_out *out);
/* Others from now on, in whatever state. RELEASED(ctx), if there is one, comes in the main loop once the old one is not used any
 * more: always, and before DONE of call_free. */
void         call_set_in(struct call *c, const struct audio_in *in, void (*released)(void *ctx), void *ctx);
/* TAP (copied; NULL: nobody any more) hears along, now or as soon as sound flows. RELEASED(ctx), if there is one, comes in the main
 * loop, before call_free's done, when the one before is no longer used. */
void         call_record(struct call *c, const struct audio_tap *tap, void (*released)(void *ctx), void *ctx);
void         call_volume(struct call *c, guint percent);	/* of what we hear: 0 to VOLUME_MOST (media/volume.h) */
void         call_set_out(struct call *c, const struct audio_out *out, void (*released)(void *ctx), void *ctx);
/* In whatever state: before the accept it holds from the first sound on, and the peer is told once he has accepted (XEP-0167
 * "Informational Messages"). */
void         call_mute(struct call *c, gboolean muted);
void         call_hold(struct call *c, gboolean held);	/* nothing goes either way but RTCP; likewise */
/* Sends touch tones, one after the other and after those that wait: 0-9 * # A-D, w for half a second, a comma for two. After the
 * accept only. FALSE, and none is sent: the peer takes none, or too many are waiting. */
gboolean     call_dtmf(struct call *c, const char *digits);
gboolean     call_takes_dtmf(const struct call *c);		/* the peer does; valid from the accept on */

const char  *call_sid(const struct call *c);
const char  *call_peer(const struct call *c);		/* full JID */
enum transport_kind call_transport(const struct call *c);	/* by which the media go, or are tried to go */
enum keying_kind call_keying(const struct call *c);		/* which the peer chose; valid from the accept on */
const char  *call_codec(const struct call *c);			/* name of what we send; valid from the accept on */
gboolean     call_is_accepted(const struct call *c);
gboolean call_awaits(const struct call *c, const char *peer);	/* we have offered it, and PEER has not accepted */
gboolean     call_was_offered(const struct call *c);		/* initiator: the session-initiate is out */
gboolean     call_was_delivered(const struct call *c);
unsigned     call_peer_flags(const struct call *c);	/* enum rtp_flag */
void         call_stats(const struct call *c, struct media_stats *out);
void         call_watch(struct call *c, gboolean watched);	/* somebody looks on: figures come every 0.15 s, else every 0.5 s */
gint64       call_silent_us(const struct call *c);

#endif
