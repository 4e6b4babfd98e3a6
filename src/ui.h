/* ui.h - what a user or a script sees: calm human lines on stderr, or one JSON object per event; and the keys.
 *
 * Main thread. Knows no protocol. Stdout is touched only by --json, and not at all when it carries audio. Everything
 * that came from the network must have passed text_clean() before it is said; JSON is always valid UTF-8. */
#ifndef JCALL_UI_H
#define JCALL_UI_H

#include <glib.h>

#include "script/events.h"

#include "live.h"

struct ui;

struct ui_options {
	gboolean json;			/* events as JSON lines instead of human lines */
	gboolean stdout_is_audio;	/* then the JSON lines go to stderr */
	gboolean quiet;			/* no human lines; errors are still told */
	gboolean stdin_is_audio;	/* then there are no keys */
	gboolean verbose;		/* other lines come between ours: none is written over */
	void (*dead)(void *ctx);	/* as event_sink_on_dead, for the JSON lines; optional */
	void *dead_ctx;
	gboolean listing;		/* with JSON: nobody calls meanwhile, so that it may wait for a reader as long as it takes */
};

struct ui *ui_new(const struct ui_options *options);
void       ui_free(struct ui *u);			/* gives the terminal back as it was */

/* The same for one call: its events have the member call, CALL (from 1). For events and lines only; freed before U. */
struct ui *ui_of_call(struct ui *u, guint call);
struct events *ui_events(struct ui *u);			/* to listen to; borrowed */

/* A human line; nothing with --json or -q. */
void ui_say(struct ui *u, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The one line that says why something failed: "jcall: …" on stderr, always. */
void ui_error(struct ui *u, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The line of the call OF on a terminal, in the place of the last one; other lines go above it, and it follows the terminal's
 * width. It is of one call at a time: whoever came first, until ui_live_end. L is copied; its strings stay until then. FALSE:
 * it is not shown, since there is no terminal that can be written over, or we are in its background, or nobody wants it (-q, -v,
 * --json). */
gboolean ui_live(struct ui *u, const void *of, const struct live *l);
void     ui_live_end(struct ui *u, const void *of);	/* leaves nothing of it behind */
/* An event, for whoever listens. After NAME come triples of key, type and value, ended by NULL: "s" char * (NULL:
 * left out), "i" gint64, "d" double, "p" double (left out unless > 0), "b" gboolean. "event" and "time" (seconds since 1970) are put first. */
void ui_event(struct ui *u, const char *name, ...) G_GNUC_NULL_TERMINATED;
/* The same with the moment it happened, in monotonic us. */
void ui_event_at(struct ui *u, gint64 at_us, const char *name, ...) G_GNUC_NULL_TERMINATED;

/* Is there a terminal to ask and to type on? */
gboolean ui_has_keys(const struct ui *u);
/* From now on each key typed is reported; the terminal is in cbreak mode until ui_free. No-op without a terminal. */
void ui_keys(struct ui *u, void (*key)(void *ctx, int c), void *ctx);
/* No more keys: the terminal is as it was before ui_keys. */
void ui_keys_end(struct ui *u);
/* Rings the terminal's bell, if stderr is one. */
void ui_bell(struct ui *u);

#endif
