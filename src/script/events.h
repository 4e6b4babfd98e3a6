/* events.h - what happens, told to programs: one flat JSON object per event, to everybody who listens: a file descriptor
 * (--json, --events), a client of the control socket, the hooks, the command of a call. man/jcall-events.7 lists them.
 * Main thread. */
#ifndef JCALL_EVENTS_H
#define JCALL_EVENTS_H

#include "fields.h"

struct events;

struct event {				/* valid while it is told */
	const char *name;
	guint call;			/* the number of the call in this process; 0: it belongs to none */
	const struct fields *fields;	/* event, time, call (if there is one), and its own */
	const char *json;		/* the same as a line, without its end */
};

typedef void events_fn(void *ctx, const struct event *e);

struct events *events_new(void);
void           events_free(struct events *e);
/* From now on HEARD is called; it may listen and unlisten others, and itself. */
guint          events_listen(struct events *e, events_fn *heard, void *ctx);
void           events_unlisten(struct events *e, guint id);
gboolean       events_have_listeners(const struct events *e);	/* else there is no need to tell */
/* AT_S: when it happened, in seconds since 1970. TRIPLES: as fields_add_all. */
void           events_tell(struct events *e, guint call, double at_s, const char *name, va_list *triples);

#endif
