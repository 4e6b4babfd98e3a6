/* types.h - plain values that cross seams. No functions, no library types.
 *
 * The signalling half (main thread) and the media half (media thread) share nothing but these. All are copied by
 * value; nobody owns anything inside them. Fixed sizes bound what a peer can make us hold. */
#ifndef JCALL_TYPES_H
#define JCALL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AUDIO_RATE = 48000,		/* [Hz] the one rate inside jcall; mono, int16 */
	MAX_REMOTE_CANDIDATES = 25,	/* libnice takes no more per component */
	MAX_PAYLOAD_TYPES = 32,		/* per description that we look at */
	DATAGRAM_MAX = 1500,		/* [bytes] the largest packet we send or take */
};

/* ---- ways for the media to go ---- */
enum transport_kind { TRANSPORT_ICE_UDP, TRANSPORT_RAW_UDP, TRANSPORT_COUNT };	/* XEP-0176; XEP-0177 */

struct transport_list {			/* each at most once, the preferred first */
	enum transport_kind kind[TRANSPORT_COUNT];
	size_t count;
};

/* ---- where the keys of a call come from ---- */
enum keying_kind { KEYING_DTLS, KEYING_SDES, KEYING_COUNT };	/* XEP-0320; XEP-0167 "Negotiation of SRTP" */

struct keying_list {			/* each at most once, the preferred first */
	enum keying_kind kind[KEYING_COUNT];
	size_t count;
};

/* ---- ICE (XEP-0176, RFC 8445) ---- */
enum ice_cand_type { ICE_HOST, ICE_SRFLX, ICE_PRFLX, ICE_RELAY };

/* Servers that help to find a way: RFC 8489, RFC 8656, XEP-0215. */
enum server_kind { SERVER_STUN, SERVER_TURN_UDP, SERVER_TURN_TCP, SERVER_TURN_TLS };

struct ice_cand {
	char foundation[33];
	unsigned component;		/* 1: RTP (and RTCP, muxed) */
	unsigned generation, network;
	char id[64];
	char ip[46];			/* numeric IPv4 or IPv6 */
	uint16_t port;
	uint32_t priority;
	enum ice_cand_type type;
	char rel_ip[46];		/* "" where absent */
	uint16_t rel_port;
	enum server_kind by;		/* how our own relay is reached; SERVER_STUN: it is none, or not known */
};

struct ice_server {
	enum server_kind kind;
	char host[256];			/* a name, or numeric */
	uint16_t port;
	char user[256], password[256];	/* of TURN */
};

enum { MAX_SERVERS = 8 };

struct server_list {
	struct ice_server server[MAX_SERVERS];
	size_t count;
};

struct ice_creds {			/* RFC 8445 5.3: ufrag 4..256, pwd 22..256 characters */
	char ufrag[257], pwd[257];	/* "" where not (yet) known */
};

/* ---- DTLS-SRTP (XEP-0320, RFC 5763, RFC 5764) ---- */
enum dtls_setup { DTLS_SETUP_NONE, DTLS_ACTPASS, DTLS_ACTIVE, DTLS_PASSIVE, DTLS_HOLDCONN };
enum dtls_hash { DTLS_SHA256, DTLS_SHA384, DTLS_SHA512 };

struct dtls_fingerprint {
	enum dtls_hash hash;
	enum dtls_setup setup;
	size_t len;			/* [bytes] 32, 48 or 64; 0: no fingerprint known */
	uint8_t value[64];
};

/* ---- SRTP (RFC 3711, RFC 7714) ---- */
enum srtp_suite { SRTP_AES128_CM_SHA1_80 = 1, SRTP_AES128_CM_SHA1_32 = 2,	/* numbers of RFC 5764, RFC 7714 */
		  SRTP_AEAD_AES_128_GCM = 7, SRTP_AEAD_AES_256_GCM = 8 };

struct srtp_keys {			/* one direction; wiped by whoever holds a copy */
	enum srtp_suite suite;
	uint8_t key[32], salt[14];	/* the lengths follow from the suite */
};

/* ---- what two sides agreed to say to each other (XEP-0167) ---- */
enum media_codec {
	CODEC_OPUS,			/* RFC 7587 */
	CODEC_G722,			/* RFC 3551 4.5.2: sampled at 16 kHz, its RTP clock says 8 */
	CODEC_PCMU, CODEC_PCMA,		/* G.711, RFC 3551 4.5.14 */
	CODEC_CN,			/* comfort noise, RFC 3389: only received, beside one of the three above */
	CODEC_SOUNDS,			/* what follows is none */
	CODEC_EVENT = CODEC_SOUNDS,	/* touch tones, RFC 4733, beside what has a clock of 8 kHz, */
	CODEC_EVENT_48,			/* and of 48 kHz */
	CODEC_COUNT
};

struct codec_list {			/* each at most once, the preferred first; CODEC_CN is never in it */
	enum media_codec kind[CODEC_CN];
	size_t count;
};

struct payload_type {
	uint8_t pt;			/* 0..127 */
	enum media_codec codec;
};

struct media_params {
	enum media_codec codec;		/* of what we send; does not change in a call */
	uint8_t tx_pt;			/* payload type the peer announced for it: we send with it */
	struct payload_type rx[CODEC_COUNT];	/* what we announced: the peer may send any of it, and change in the call */
	size_t rx_count;		/* each number and each codec at most once */
	unsigned ptime_ms;		/* [ms] 10, 20, 40 or 60: duration of the frames we send */
	unsigned bitrate_bps;		/* [bit/s] of what we send; this and the next three: Opus only */
	unsigned complexity;		/* 0..10, of the encoder */
	bool fec;			/* the peer can use in-band FEC (RFC 7587 useinbandfec) */
	bool dtx;			/* the peer would like discontinuous transmission (usedtx) */
	uint8_t event_pt;		/* by which the peer takes touch tones, */
	unsigned event_hz;		/* [Hz] and the clock of their duration; 0: it takes none */
	uint8_t level_id;		/* by which packets tell how loud they are (RFC 6464): 1..14; 0: they do not */
	bool tx_level, rx_level;	/* ours, the peer's */
	uint32_t tx_ssrc;		/* announced in the description */
	char cname[32];			/* RTCP CNAME: random per call, names no machine (RFC 7022) */
};

/* ---- what a call is worth telling: a snapshot the media thread publishes ---- */
struct media_stats {
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
	uint64_t rx_lost;		/* [packets] never came (RFC 3550 A.3) */
	uint64_t rx_late;		/* [packets] came after their time to play */
	uint64_t rx_bad;		/* [packets] refused: forged, replayed, malformed */
	uint64_t tx_dropped;		/* [packets] the socket would not take */
	uint64_t concealed_ms;		/* [ms] invented because its packet was missing */
	uint64_t stretched_ms;		/* [ms] of sound played slower or faster */
	uint64_t fec_frames;		/* lost frames rebuilt from in-band FEC */
	uint64_t played_ms;		/* [ms] handed to the output */
	double rx_jitter_ms;		/* [ms] RFC 3550 interarrival jitter */
	double rtt_ms;			/* [ms] by RTCP; < 0: not known yet */
	double peer_loss;		/* 0..1 fraction lost the peer reports of what we send */
	unsigned tx_target_bps;		/* [bit/s] that our encoder aims at now */
	double tx_bps, rx_bps;		/* [bit/s] of the payloads, over the last seconds */
	/* 1..4.5, estimates by ITU-T G.107 (media/mos.h): of what we hear, in the whole call and in the last 5 to 10 s, and of
	 * what the peer hears now; 0: nothing is known. */
	double mos, mos_now, peer_mos;
	uint64_t tx_digits;		/* touch tones and pauses of ours whose turn has come */
	bool tx_fec;			/* our packets carry in-band FEC now */
	double buffer_ms;		/* [ms] playout delay now */
	double tx_level_db, rx_level_db;	/* [dBov] -127..0, peak of the last 100 ms, for meters */
	int64_t first_rx_us, last_rx_us;	/* [us, monotonic] authenticated packets; 0: none */
	int64_t first_heard_us;		/* [us, monotonic] first decoded remote audio handed to the output; 0: none */
};

#endif
