/* notify.h - calls on the desktop: who calls, for the user to take or to decline the call, and whose calls nobody took.
 *
 * Main thread. It hears of calls by the events of man/jcall-events.7 and needs nothing else of them; how it is shown is
 * desktop.h's. */
#ifndef JCALL_NOTIFY_H
#define JCALL_NOTIFY_H

#include "script/client.h"

struct notify;

/* HANDLER is asked to answer or to reject a call, by its number. */
struct notify *notify_new(struct events *e, const struct request_handler *handler);
void           notify_free(struct notify *n, guint limit_ms);	/* as desktop_free */

#endif
