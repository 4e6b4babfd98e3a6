/* rtp.h - the WHAT: an audio session by RTP, XEP-0167 (with RFC 7587 for Opus, RFC 3551 for the
 * codecs of the telephone, which XEP-0266 asks for; XEP-0181: touch tones by signalling are taken where RTP has no place for them, never sent; XEP-0294/0293/0339 tolerated). */
#ifndef JCALL_JINGLE_RTP_H
#define JCALL_JINGLE_RTP_H

#include "../types.h"
#include "plug.h"

extern const struct jingle_app jingle_rtp;	/* its self: struct rtp_app */

struct rtp_wishes {			/* what our user wants; from the config */
	struct codec_list codecs;	/* offered and taken; none named: all, Opus first */
	unsigned ptime_ms;		/* 10, 20, 40, 60 */
	unsigned bitrate_bps;		/* 6000..128000 */
	unsigned complexity;
	bool fec, dtx;
};

enum rtp_flag { RTP_HELD_BY_PEER = 1, RTP_MUTED_BY_PEER = 2, RTP_PEER_RINGING = 4 };

struct rtp_app;
struct rtp_app *rtp_app_new(const struct rtp_wishes *wishes, uint32_t ssrc, const char *cname);
void            rtp_app_free(struct rtp_app *a);
/* What was agreed: valid after JINGLE_EV_ACCEPTED. We send with the first codec of our list that an offer has, or with the
 * first of an answer, by the peer's number; we receive all we announced, by the offerer's numbers. What we send
 * follows description-info. The peer's ptime, maxptime, maxaveragebitrate, useinbandfec and usedtx restrict our wishes; FEC and DTX are off unless he asks for them. */
void            rtp_app_params(const struct rtp_app *a, struct media_params *out);
/* Touch tones that were signalled (XEP-0181) since it was asked last, in order; returns how many. */
enum { RTP_DIGITS = 16 };
size_t          rtp_app_digits(struct rtp_app *a, char out[RTP_DIGITS]);
unsigned        rtp_app_flags(const struct rtp_app *a);		/* enum rtp_flag, from session-info */

#endif
