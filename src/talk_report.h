/* talk_report.h - what is told of a call's sound: its path, the live line of a terminal, figures (--stats), and the sum at the
 * end. Main thread. */
#ifndef JCALL_TALK_REPORT_H
#define JCALL_TALK_REPORT_H

#include "call.h"
#include "ui.h"

struct talk_report;

/* UI is borrowed, and outlives it. LIVE_S: how often figures are told while a call is up; 0: never. */
struct talk_report *talk_report_new(struct ui *ui, guint live_s);
void talk_report_free(struct talk_report *r);

/* The call goes by this pair. */
void talk_report_path(struct talk_report *r, enum transport_kind transport, const struct ice_cand *local,
		      const struct ice_cand *remote);
/* What the live line tells beside the figures. SUITE: static, or NULL. */
struct talk_state {
	gint64 lasted_us;
	gboolean muted, held, peer_muted, peer_held, silent;
	enum keying_kind keying;
	const char *suite;
};

/* There are new figures of CALL: the live line, if there is one, shows them until talk_report_rest. */
void talk_report_show(struct talk_report *r, struct call *call, const struct talk_state *state);
/* Figures of this call from now on, until talk_report_rest. */
void talk_report_live(struct talk_report *r, const struct call *call);
void talk_report_rest(struct talk_report *r);
void talk_report_now(struct talk_report *r, const struct call *call);	/* the event stats, once */
void talk_report_say(struct talk_report *r, const struct call *call);	/* the figures as a human line, once */
/* A call is over: its counters join those before, the rest is of the last one. */
void talk_report_add(struct talk_report *r, const struct media_stats *stats);

struct talk_end {
	const char *peer, *text;	/* clean; TEXT may be NULL */
	enum jc_err err;
	gboolean talked;		/* it had been accepted, */
	gint64 talk_us;			/* and lasted so long */
};

/* All is over: the event ended, and the human lines. */
void talk_report_end(struct talk_report *r, const struct talk_end *end);

#endif
