/* live.h - the line that a terminal shows of a call, written over again and again: how it is laid out in the room there is.
 *
 * Pure: values in, one line out; it knows no terminal, clock or locale (ui.c does). Any thread. */
#ifndef JCALL_LIVE_H
#define JCALL_LIVE_H

#include <glib.h>

enum live_style { LIVE_COLOUR = 1, LIVE_BLOCKS = 2 };	/* the terminal has colours; meters of UTF-8 blocks, else of # and - */

struct live {				/* strings are plain ASCII of ours, never the peer's; NULL: not known */
	gint64 lasted_us;		/* since both sides had accepted */
	gboolean muted, held, peer_muted, peer_held;
	gboolean silent;		/* nothing comes, though it should */
	double level_db, peer_level_db;	/* [dBov] -127..0 */
	double loss;			/* 0..1 of what the peer sent in the last seconds; < 0: not known */
	double delay_ms;		/* from the peer's microphone to our ear; < 0: not known */
	const char *keying, *suite;	/* where the keys come from, and what they are for */
	gboolean servers_read;		/* these keys were told to the servers */

	gboolean figures;		/* --stats: what follows is wanted, too */
	double mos;			/* 1..4.5; 0: not known */
	double tx_bps, rx_bps;
	double jitter_ms, buffer_ms;
	double late;			/* 0..1; < 0: not known */
	double concealed_ms;		/* made up in the last seconds */
	const char *local, *remote, *protocol;	/* the pair of addresses in use */
};

/* At most WIDTH columns, without an end of line; the caller frees it. The narrower, the less is told, the least useful first;
 * from 19 columns on there are the duration, what is wrong or switched off, and both meters. Where STYLE has colours, there are
 * escape sequences in it: SGR 0, 31, 32, 33. */
char *live_line(const struct live *l, unsigned width, unsigned style);

#endif
