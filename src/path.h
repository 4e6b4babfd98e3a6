/* path.h - the media half of one call, all of it in the media thread: link (ICE or plain UDP) + keys (DTLS or given) + SRTP + engine,
 * joined.
 *
 *   audio_in -> engine -> wire (SRTP) -> link -> UDP          UDP -> link -> wire -> dtls | engine -> audio_out
 *
 * Functions are called in the main thread and never block; events come in the main thread from its main loop, never
 * after path_close. Media flows only when there are keys - by a DTLS handshake that has proven the peer's fingerprint, or
 * given by path_keys - AND path_go was called: no sound leaves before both sides accepted. Liveness is judged by authenticated packets alone (RFC 7675 in effect):
 * none for 2.5 s is told (path_events.unstable), none for 30 s ends the path. */
#ifndef JCALL_PATH_H
#define JCALL_PATH_H

#include "audio/audio.h"
#include "media_thread.h"
#include "net/dtls.h"
#include "net/link.h"
#include "types.h"

struct path;
struct path_events {
	void (*creds)(void *self, const struct ice_creds *local);	/* ICE only: once per (re)start, before its candidates */
	void (*candidate)(void *self, const struct ice_cand *local);
	void (*gathered)(void *self, unsigned candidates);
	/* A pair works: something came by it. Again when another takes over. */
	void (*connected)(void *self, const struct ice_cand *local, const struct ice_cand *remote);
	void (*secured)(void *self, const char *suite);			/* keys are in place, the way works; SUITE is static */
	void (*flowing)(void *self, gint64 at_us);			/* first authenticated RTP packet came */
	void (*heard)(void *self, gint64 at_us);			/* its sound was handed to the output */
	void (*unstable)(void *self, gboolean silent);			/* nothing authenticated for 2.5 s; FALSE: back */
	void (*digit)(void *self, char digit);				/* a touch tone of the peer's: 0-9 * # A-D */
	void (*voice)(void *self, gboolean speaking);			/* somebody speaks at the other side, or no more */
	/* The source IN has ended and all of it was sent; the output OUT is gone, and what comes is heard nowhere. FAULT: JC_AUDIO_DEVICE,
	 * JC_FILE, JC_READER_GONE; NULL: regularly. The path goes on. */
	void (*in_ended)(void *self, const struct audio_in *in, const GError *fault);
	void (*out_ended)(void *self, const struct audio_out *out, const GError *fault);
	void (*measured)(void *self);				/* path_stats has new figures */
	/* JC_NO_PATH, once per way and only before it was proven: by the handshake, or, with path_keys, by ICE or a packet. The path lives and waits for path_way with another; an owner
	 * that has none ends the call. */
	void (*way_failed)(void *self, const GError *error);
	/* ICE: the way leads nowhere any more, be it that this machine has other addresses now or that nothing comes. It stays in
	 * force meanwhile; path_renew seeks another. Told again as long as that lasts. */
	void (*stale)(void *self);
	void (*failed)(void *self, const GError *error);		/* the path is dead: JC_SECURITY, JC_LOST,
									 * JC_PROTOCOL, JC_INTERNAL */
	void (*peer_left)(void *self);					/* RTCP BYE or DTLS close: the peer is gone */
	void *self;
};

/* Copies OPTIONS and EVENTS; borrows CERT until done. Gathers nothing and opens no socket yet. EVENTS NULL: nobody hears them
 * yet; what gathering finds is kept for path_hear. */
struct path *path_new(struct media_thread *t, const struct link_options *options, const struct dtls_cert *cert,
		      const struct path_events *events);
/* From now on there is somebody; he is told at once what was kept. FALSE, and nothing is told: the way has failed meanwhile, or
 * our network has changed; the path is only fit for path_close. */
gboolean path_hear(struct path *p, const struct path_events *events);
/* Says goodbye (RTCP BYE, DTLS close; for 0.1 s more to a relay that had an address for us), stops everything, then calls
 * done(ctx), if there is one, in the main thread: after it the audio ends may be closed and P is gone. STATS: the final
 * figures, valid inside done only. */
void path_close(struct path *p, void (*done)(void *ctx, const struct media_stats *stats), void *ctx);

/* Which way the datagrams shall go; nothing else of it works before. Again: the last way is closed, what the peer said of it
 * forgotten, and a new handshake goes by the new one (path_secure still holds; keys given stay). The limit of path_go begins anew. */
/* SERVERS are copied. RELAY_ONLY: see net/link.h. */
void path_way(struct path *p, enum transport_kind way, const struct server_list *servers, gboolean relay_only);
void path_gather(struct path *p);				/* opens sockets; creds, candidates and gathered follow */
/* An ICE restart with new sockets: creds and candidates follow, what the peer answers goes to the new way, which takes over
 * without a gap once it works (and is given up 15 s after the answer). Keys stay. Nothing happens where one is under way, before
 * the peer was proven, and with Raw UDP. */
void path_renew(struct path *p, const struct server_list *servers, gboolean relay_only);
void path_remote_creds(struct path *p, const struct ice_creds *creds);
void path_remote_cand(struct path *p, const struct ice_cand *cand);
void path_remote_done(struct path *p);				/* the peer has no more; else taken for granted 10 s after the last */
void path_secure(struct path *p, gboolean client, const struct dtls_fingerprint *peer);	/* DTLS starts when the way works */
/* Instead of path_secure, once: these are the keys, and there is no DTLS. Every copy made of them is wiped; the caller's own are
 * his to wipe. A suite that cannot be used is JC_SECURITY (failed). */
void path_keys(struct path *p, const struct srtp_keys *tx, const struct srtp_keys *rx);
/* Both sides have accepted: the engine starts as soon as the keys are there; 30 s without them fail the way. IN and OUT
 * are borrowed until done. */
void path_go(struct path *p, const struct media_params *params, const struct audio_in *in, const struct audio_out *out);
void path_params(struct path *p, const struct media_params *params);
void path_mute(struct path *p, gboolean muted);
/* As dtmf_queue, for params that name an event; before the engine runs they wait for it. FALSE: too many are waiting. */
gboolean path_dtmf(struct path *p, const char *digits);
void path_hold(struct path *p, gboolean sending, gboolean receiving);
/* Another source, another output from now on (NULL: silence, nowhere); RELEASED(ctx), if there is one,
 * comes in the main thread when the old one is no longer used: always, and before the done of path_close. */
void path_set_in(struct path *p, const struct audio_in *in, void (*released)(void *ctx), void *ctx);
/* TAP (copied; NULL: nobody any more) hears along from now on, across all that happens to the sound; before path_go: from its
 * beginning. RELEASED as above, for the one before. */
void path_record(struct path *p, const struct audio_tap *tap, void (*released)(void *ctx), void *ctx);
void path_volume(struct path *p, guint percent);		/* as engine_volume */
void path_set_out(struct path *p, const struct audio_out *out, void (*released)(void *ctx), void *ctx);
void path_stats(const struct path *p, struct media_stats *out);	/* the last snapshot, at most 0.5 s old while flowing */
void path_watch(struct path *p, gboolean watched);	/* somebody looks on: snapshots come every 0.15 s */
gint64 path_silent_us(const struct path *p);			/* for how long nothing authenticated came, as of the last snapshot */

#endif
