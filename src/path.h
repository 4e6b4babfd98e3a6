/* path.h - the media half of one call, all of it in the media thread: ICE + DTLS + SRTP + engine, joined.
 *
 *   audio_in -> engine -> wire (SRTP) -> ice -> UDP          UDP -> ice -> wire -> dtls | engine -> audio_out
 *
 * Functions are called in the main thread and never block; events come in the main thread from its main loop, never
 * after path_free. Media flows only when the DTLS handshake has proven the peer's fingerprint AND path_go was called:
 * no sound leaves before both sides accepted. */
#ifndef JCALL_PATH_H
#define JCALL_PATH_H

#include "audio/audio.h"
#include "net/dtls.h"
#include "net/ice.h"
#include "types.h"

struct path;
struct media_thread;			/* one per process, serves all calls */

struct media_thread *media_thread_new(void);
void                 media_thread_free(struct media_thread *t);	/* after every path is freed */

struct path_events {
	void (*creds)(void *self, const struct ice_creds *local);	/* once per ICE (re)start, before its candidates */
	void (*candidate)(void *self, const struct ice_cand *local);
	void (*gathered)(void *self, unsigned candidates);
	void (*connected)(void *self, const struct ice_cand *local, const struct ice_cand *remote);	/* a pair works */
	void (*secured)(void *self, const char *suite);			/* keys are in place */
	void (*flowing)(void *self);					/* first authenticated RTP packet came */
	void (*heard)(void *self);					/* its sound was handed to the output */
	void (*unstable)(void *self, gboolean silent);			/* nothing authenticated for 2.5 s; FALSE: back */
	void (*in_ended)(void *self, const GError *fault);		/* the source has ended and all of it was sent */
	void (*failed)(void *self, const GError *error);		/* the path is dead: JC_NO_PATH, JC_SECURITY, JC_LOST,
									 * JC_AUDIO_DEVICE, JC_FILE */
	void (*peer_left)(void *self);					/* RTCP BYE or DTLS close: the peer is gone */
	void *self;
};

struct path *path_new(struct media_thread *t, const struct ice_options *ice, const struct dtls_cert *cert,
		      const struct path_events *events);
/* Stops everything, then calls done(ctx) in the main thread: after it the audio ends may be closed. No event any more. */
void path_close(struct path *p, void (*done)(void *ctx), void *ctx);

void path_gather(struct path *p);
void path_remote_creds(struct path *p, const struct ice_creds *creds);
void path_remote_cand(struct path *p, const struct ice_cand *cand);
void path_remote_done(struct path *p);
void path_secure(struct path *p, gboolean client, const struct dtls_fingerprint *peer);	/* start DTLS when ICE works */
/* Both sides have accepted: start the engine as soon as the keys are there. IN and OUT are borrowed until done. */
void path_go(struct path *p, const struct media_params *params, const struct audio_in *in, const struct audio_out *out);
void path_params(struct path *p, const struct media_params *params);
void path_mute(struct path *p, gboolean muted);
void path_hold(struct path *p, gboolean sending, gboolean receiving);
void path_set_in(struct path *p, const struct audio_in *in);
void path_stats(struct path *p, struct media_stats *out);	/* the last snapshot (at most 500 ms old while flowing) */

#endif
