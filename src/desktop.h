/* desktop.h - notifications on the desktop: of a call that rings, with buttons to answer and to decline, taken back when it
 * rings no more; and of what has happened, left to the server. Desktop Notifications Specification 1.2 (categories: 1.3), over
 * D-Bus.
 *
 * Main thread. Nothing here waits, and nothing fails: without a session bus or a notification server, or with one that hangs,
 * goes, or comes back as another, nothing is shown; -v tells why. No bus is ever started; the bus may start the server. The
 * library has a thread of its own for the bus, which sleeps as long as nothing comes from there. */
#ifndef JCALL_DESKTOP_H
#define JCALL_DESKTOP_H

#include <glib.h>

struct desktop;

/* The user has pressed a button of CALL's notification, which is gone. */
typedef void desktop_chosen_fn(void *ctx, guint call, gboolean answer);

struct desktop *desktop_new(desktop_chosen_fn *chosen, void *ctx);
/* Takes back what rings and waits until the bus has it. Runs the main loop for that, LIMIT_MS at most and no longer than needed. */
void            desktop_free(struct desktop *d, guint limit_ms);

/* Connects to the bus, so that the first call is shown at once. Without it, or when the bus was lost, the next call does. */
void            desktop_connect(struct desktop *d);
/* CALL, not 0, rings from now on. SUMMARY and BODY are plain, clean text; escaped here where the server takes markup. */
void            desktop_ring(struct desktop *d, guint call, const char *summary, const char *body);
void            desktop_stop(struct desktop *d, guint call);	/* it rings no more; nothing, unless it was shown */
/* Something has happened. */
void            desktop_leave(struct desktop *d, const char *summary, const char *body);

#endif
