/* path_priv.h - the inside of a path: path.c is its main-thread half; path_media.c (keys, packets, time), path_sound.c (what is
 * wished of the sound) and path_link.c (the way of the datagrams) are the half in the media thread. What each may touch is said in
 * the struct; all else goes by post_to. */
#ifndef JCALL_PATH_PRIV_H
#define JCALL_PATH_PRIV_H

#include "media/dtmf.h"
#include "media/engine.h"
#include "net/link.h"
#include "net/wire.h"
#include "path.h"
#include "post.h"

enum { EARLY_RECORDS = 4 };		/* handshake datagrams kept until the fingerprint is known (rule R15) and the way works */

enum {					/* figures are told so often, */
	SNAPSHOT_US = 500 * 1000, WATCHED_US = 150 * 1000,	/* and while somebody looks on */
};

/* ---- what the commands below carry ---- */
struct secure_arg { gboolean client; struct dtls_fingerprint peer; };
struct keys_arg { struct srtp_keys tx, rx; };	/* wiped by path_do_keys */
struct go_arg { struct media_params params; const struct audio_in *in; const struct audio_out *out; };
struct hold_arg { gboolean sending, receiving; };
struct way_arg { enum transport_kind way; struct server_list servers; gboolean relay_only; };
struct dtmf_arg { char digits[DTMF_QUEUE + 1]; };
struct tap_arg { struct audio_tap tap; gboolean have; void (*released)(void *ctx); void *ctx; };
struct in_arg { const struct audio_in *in; void (*released)(void *ctx); void *ctx; };
struct out_arg { const struct audio_out *out; void (*released)(void *ctx); void *ctx; };

/* ---- what the events below carry ---- */
struct pair { struct ice_cand local, remote; };
struct in_end { const struct audio_in *in; GError *fault; };
struct out_end { const struct audio_out *out; GError *fault; };
struct release { void (*released)(void *ctx); void *ctx; };
struct snapshot { struct media_stats stats; gint64 last_any_us; };

/* One end of the way. There are two for a while, when the machine's addresses have changed: the one in force, and one by which a
 * new way is sought, or the last one, by which packets may still be coming. */
struct way_end {
	struct path *path;
	struct link link;		/* self NULL: not open */
};

struct path {
	/* ---- main thread ---- */
	struct media_thread *media;
	struct path_events ev;
	gboolean closed, spoilt;	/* spoilt: its way, or all of it, has failed */
	GPtrArray *unheard;		/* struct unheard *, of path.c; NULL: there is somebody who hears */
	void (*done)(void *ctx, const struct media_stats *stats);
	void *done_ctx;
	struct media_stats stats;
	gint64 last_alive_us;
	uint64_t digits_given;

	/* ---- media thread ---- */
	struct link_options options;
	const struct dtls_cert *cert;
	enum transport_kind way;
	struct way_end ends[2];
	unsigned current;		/* index in ENDS of the one in force */
	enum { ALONE, RENEWING, RETIRING } other;
	struct netwatch *netwatch;	/* ICE only */
	struct dtls *dtls;
	struct wire *wire;
	struct engine *engine;
	GSource *timer;
	struct dtls_fingerprint peer;
	/* Of this way; reached: something came by it; proven: the peer is at its other end. */
	gboolean works, reached, told_connected, way_lost, proven;
	gboolean muted, peer_known, client, secured, go, dead, told_flowing, told_heard, told_unstable, told_voice, in_done, out_done, left, heard_of;
	struct hold_arg hold;
	struct dtmf_arg digits;			/* that wait until the peer is there */
	struct media_params params;
	const char *suite;		/* of keys that were given, which need no handshake; NULL: there were none */
	const struct audio_in *in;
	const struct audio_out *out;
	struct audio_tap tap;
	gboolean have_tap;
	guint volume;			/* [%] */
	struct { size_t len; uint8_t data[DATAGRAM_MAX]; } early[EARLY_RECORDS];
	unsigned early_count, blind;	/* blind: packets of sound on a way that is not proven */
	uint64_t tx_dropped;
	struct pair told;			/* the one that was told last, if told_connected */
	struct snapshot last;			/* of a path that is closed */
	double addresses;		/* so many of the peer's may be tried, as of addresses_at */
	gint64 addresses_at;
	gint64 other_until, stale_at, remote_done_at, relay_by, secure_by, last_any_us, last_rtp_us, snapshot_at;
	gint64 snapshot_every;
	gint64 due_at, awake_at, asleep_us;	/* when this thread was to run next, and did last; how long the machine slept so far */
};

/* ---- commands: main thread -> media thread, each with its argument ---- */
void path_do_begin(void *self, void *arg);
void path_do_way(void *self, void *arg);		/* enum transport_kind */
void path_do_gather(void *self, void *arg);
void path_do_renew(void *self, void *arg);
void path_do_remote_creds(void *self, void *arg);	/* struct ice_creds */
void path_do_remote_cand(void *self, void *arg);	/* struct ice_cand */
void path_do_remote_done(void *self, void *arg);
void path_do_secure(void *self, void *arg);
void path_do_keys(void *self, void *arg);
void path_do_go(void *self, void *arg);
void path_do_params(void *self, void *arg);		/* struct media_params */
void path_do_mute(void *self, void *arg);		/* gboolean */
void path_do_dtmf(void *self, void *arg);
void path_do_hold(void *self, void *arg);
void path_do_watch(void *self, void *arg);		/* gboolean */
void path_do_set_in(void *self, void *arg);
void path_do_record(void *self, void *arg);
void path_do_volume(void *self, void *arg);		/* guint */
void path_do_set_out(void *self, void *arg);
void path_do_close(void *self, void *arg);

/* ---- within the media thread ---- */
void     path_tell(struct path *p, post_fn *fn, const void *arg, gsize size);
void     path_fail(struct path *p, GError *error);		/* takes ERROR; only the first is told */
void     path_schedule(struct path *p);				/* after whatever may have changed a deadline */
/* At whatever wakes this thread: did the process stand still (stopped, suspended, starved) up to NOW? Then the clocks of the
 * call are put forward by that, before anything is judged by them. */
void     path_awake(struct path *p, gint64 now);
void     path_start_dtls(struct path *p);			/* if it is time */
void     path_send_digits(struct path *p);			/* that wait: if it is time */
void     path_use_keys(struct path *p);				/* that were given: if it is time */
gboolean path_send(struct path *p, const uint8_t *data, size_t len);
void     path_proven(struct path *p);				/* the datagram at hand was the peer's, by its keys */
gboolean path_is_checked(const struct path *p);		/* a way that works is known to lead somewhere */
void     path_limit(struct path *p);				/* from now on there is so much time for the keys */
void     path_link_stale(struct path *p, gint64 now);	/* silence: is a new way to be sought? */
void     path_link_expire(struct path *p, gint64 now);
gboolean path_link_close(struct path *p);			/* TRUE: this thread should run LINK_GOODBYE_MS longer */

/* ---- events: media thread -> main thread, each with its argument ---- */
void path_tell_creds(void *self, void *arg);		/* struct ice_creds */
void path_tell_candidate(void *self, void *arg);	/* struct ice_cand */
void path_tell_gathered(void *self, void *arg);		/* unsigned */
void path_tell_connected(void *self, void *arg);	/* struct pair */
void path_tell_secured(void *self, void *arg);		/* const char * */
void path_tell_flowing(void *self, void *arg);		/* gint64 */
void path_tell_heard(void *self, void *arg);		/* gint64 */
void path_tell_unstable(void *self, void *arg);		/* gboolean */
void path_tell_digit(void *self, void *arg);		/* char */
void path_tell_voice(void *self, void *arg);		/* gboolean */
void path_tell_in_ended(void *self, void *arg);		/* struct in_end, its fault taken */
void path_tell_out_ended(void *self, void *arg);	/* struct out_end, its fault taken */
void path_tell_stale(void *self, void *arg);
void path_tell_moved(void *self, void *arg);
void path_tell_way_failed(void *self, void *arg);	/* GError *, taken */
void path_tell_failed(void *self, void *arg);		/* GError *, taken */
void path_tell_left(void *self, void *arg);
void path_tell_released(void *self, void *arg);		/* struct release */
void path_tell_unrecorded(void *self, void *arg);	/* struct tap_arg */
void path_take_snapshot(void *self, void *arg);
void path_finish(void *self, void *arg);		/* struct snapshot; the last */

#endif
