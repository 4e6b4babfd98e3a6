/* mos.h - an estimate of how a conversation is rated: the E-model of ITU-T G.107 (06/2015), with the defaults of its table 3
 * for all that a network does not tell (loudness, noise, echo), its delay sensitivity class "default" (table 1), and MOS-CQE by
 * its annex B. Codecs by ITU-T G.113 appendix I. Pure.
 *
 * The equations have been compared with two other programs that have all of them (OpenBACH's voip_qoe; loom's core/quality/emodel,
 * whose published values are in t_mos.c) and with the reduction of Cole and Rosenbluth (2001) that many use instead,
 * Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3), which is never 1 off up to 300 ms. Delays above 500 ms and losses above 20 % are
 * beyond what table 3 permits: the same equations, with less to back them.
 *
 * It is the narrow-band model: 4.5 is its most, whatever the codec. It says what the network costs, not how good a
 * microphone is. */
#ifndef JCALL_MEDIA_MOS_H
#define JCALL_MEDIA_MOS_H

#include "../types.h"

struct mos_codec {
	double ie;		/* equipment impairment factor without loss */
	double bpl;		/* [%] robustness against random loss */
};

/* G.113 appendix I, table I.4, where it has them; what is ours is said in mos.c. */
struct mos_codec mos_codec(enum media_codec codec);

struct mos_path {		/* one direction */
	enum media_codec codec;
	double loss;		/* 0..1 of the frames: lost, or too late */
	double rebuilt;		/* 0..1 of the frames: of these, rebuilt from in-band FEC */
	double burst;		/* BurstR: mean length of a burst over that of random loss; 1: random */
	double delay_ms;	/* from mouth to ear, one way; < 0: unknown, taken as 0 */
};

/* The rating factor R, of what is out of range as of the nearest that is not. */
double mos_rating(const struct mos_path *path);
double mos_cqe(double rating);				/* 1..4.5 */
static inline double mos_estimate(const struct mos_path *path) { return mos_cqe(mos_rating(path)); }

/* What a call's counters come to: the sound we hear, and, as far as its reports tell, what the peer hears. BEFORE: counters of
 * an earlier moment, whose time is not to count, or NULL. FRAME_MS: of the packets. */
double mos_here (const struct media_stats *now, const struct media_stats *before, enum media_codec codec, unsigned frame_ms);
double mos_there(const struct media_stats *now, enum media_codec codec, unsigned frame_ms);

#endif
