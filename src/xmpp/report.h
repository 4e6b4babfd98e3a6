/* report.h - what the xmpp thread has to say, carried to the main thread. Posted in the xmpp thread, delivered in main; what
 * comes after the main half has gone is freed. */
#ifndef JCALL_XMPP_REPORT_H
#define JCALL_XMPP_REPORT_H

#include "stream_priv.h"

struct reporter {			/* lives as long as its thread's memory */
	struct stream_link *link;
	struct stream_reports reports;
	void *self;
};

struct report {
	enum { REPORT_PHASE, REPORT_ONLINE, REPORT_OFFLINE, REPORT_STANZA, REPORT_CLOSED, REPORT_TRACE,
	       REPORT_SM, REPORT_UNSENT, REPORT_REFUSED, REPORT_CERTIFICATE } kind;
	const char *phase;		/* static */
	gint64 at_us;
	char *text;			/* taken */
	gboolean flag;
	GError *error;			/* taken */
	struct elem *stanza;		/* taken */
};

void report_post(struct reporter *to, const struct report *r);

#endif
