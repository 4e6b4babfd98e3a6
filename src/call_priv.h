/* call_priv.h - the inside of a call: call.c joins session, path and user, call_way.c the transports of both,
 * call_names.c candidates that are names, call_keys.c where the keys come from, call_ahead.c what was gathered before. */
#ifndef JCALL_CALL_PRIV_H
#define JCALL_CALL_PRIV_H

#include "call.h"
#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/rawudp.h"
#include "jingle/sdes.h"

struct call {
	const struct call_env *env;
	struct call_events ev;
	struct jingle_session *session;
	struct rtp_app *app;
	struct path *path;
	struct call_ahead *ahead;		/* NULL: nothing, or it is in use */
	const struct audio_in *in;
	const struct audio_out *out;
	gboolean have_ends;
	GPtrArray *queries;			/* struct query *, of call.c */
	guint deadline_source, wait_source, left_source, ping_source;
	gint64 deadline_ms;
	gboolean want_offer, want_accept, offered, accepted, delivered;
	unsigned pumping;			/* call_pump is under way so many times */
	gboolean freed;				/* call_free came meanwhile: the last of them frees the rest */

	/* ---- call_sound.c ---- */
	gboolean going, muted, held;		/* the path has the ends; by our user */
	struct audio_tap tap;
	gboolean have_tap;
	guint volume;				/* [%] */

	/* ---- call_keys.c ---- */
	struct dtls_fp *fingerprint;
	struct sdes *sdes;
	gboolean keyed;				/* the path knows */

	/* ---- call_names.c ---- */
	GPtrArray *lookups;			/* struct lookup *, under way; they free themselves */
	struct _GCancellable *stop_names;
	unsigned names;				/* so many were asked for */
	gboolean names_done;			/* the peer has no more candidates, which the path learns after the last of them */

	/* ---- call_way.c ---- */
	struct iceudp *ice;
	struct rawudp *raw;
	struct transport_list transports;	/* that may be used */
	enum transport_kind way;		/* which the path is on */
	gboolean gathering;			/* it is open */
	enum call_relay relay;
	guint hopeless_source;			/* no relay, where only that may be used: the end is near */
	gboolean wants_way;			/* as soon as the servers are known that help to find it */
	gboolean have_creds, have_address;	/* of ours, by this way */
	gboolean want_all, gathered;		/* the peer would like all addresses at once; there will be no more */
	unsigned tried;				/* 1 << enum transport_kind */
	enum { SETTLED, TO_REPLACE, TO_TAKE } change;	/* what is to be sent once our side of the new way is known:
							 * transport-replace, transport-accept */
};

gint64 call_now(const struct call *c);
struct path_events call_path_events(struct call *c);
void   call_sound_go(struct call *c);		/* once it is accepted and has its ends */
void   call_sound_accepted(struct call *c);	/* just now: the peer is told what was wished before; call_pump is to follow */
void   call_sound_changed(struct call *c);	/* senders, hold, mute or parameters */

/* ---- call_way.c: the transports ---- */
void     call_way_init(struct call *c, const struct transport_list *transports, struct jingle_plugs *plugs);
void     call_way_free(struct call *c);
void     call_way_begin(struct call *c);		/* opens and gathers, unless that is under way */
gboolean call_way_has_relay(const struct call_env *env);
gboolean call_way_hides(const struct call_env *env, enum call_relay relay);	/* may only a relay be used? */
gboolean call_way_ready(const struct call *c);		/* enough of our side is known for an offer or an answer */
void     call_way_pass(struct call *c);			/* what the plug-ins learnt of the peer goes to the path */
void     call_way_send_change(struct call *c);		/* once ready: what CHANGE says; call_pump is to follow */
void     call_way_asked(struct call *c);		/* JINGLE_EV_REPLACE_ASKED */
/* What the path says. */
void     call_way_creds(struct call *c, const struct ice_creds *local);
void     call_way_candidate(struct call *c, const struct ice_cand *local);
void     call_way_failed(struct call *c, const GError *error);
void     call_way_renew(struct call *c);

/* ---- call_ahead.c ---- */
gboolean call_ahead_begin(struct call *c);		/* it becomes the path, and tells what it has found; FALSE: it does not fit */
void     call_ahead_drop(struct call *c);

/* ---- call_names.c: names in the place of addresses ---- */
void     call_names_init(struct call *c);
void     call_names_free(struct call *c);
void     call_names_add(struct call *c, const struct ice_cand *cand);	/* to the path, once it has an address */
void     call_names_settle(struct call *c);		/* tells the path that there are no more, if that is so */

/* ---- call_keys.c: the conditions ---- */
void     call_keys_init(struct call *c, const struct keying_list *keyings, struct jingle_plugs *plugs);
void     call_keys_free(struct call *c);
void     call_keys_pass(struct call *c);		/* what is agreed upon goes to the path */

#endif
