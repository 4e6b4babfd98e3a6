#include "report.h"

#include "../post.h"

static void deliver(void *self, void *arg)
{
	struct reporter *to = self;
	struct report *r = arg;
	gboolean gone = g_atomic_int_get(&to->link->abandoned);

	if (gone) {
		g_clear_error(&r->error);
		elem_free(r->stanza);
		g_free(r->text);
		return;
	}
	switch (r->kind) {
	case REPORT_PHASE:
		to->reports.phase(to->self, r->phase, r->at_us);
		break;
	case REPORT_CERTIFICATE:
		to->reports.certificate(to->self, r->text);
		g_free(r->text);
		break;
	case REPORT_ONLINE:
		to->reports.online(to->self, r->text, r->flag);
		g_free(r->text);
		break;
	case REPORT_OFFLINE:
		to->reports.offline(to->self, r->error, r->flag);
		break;
	case REPORT_STANZA:
		to->reports.stanza(to->self, r->stanza);
		break;
	case REPORT_REFUSED:
		to->reports.refused(to->self, r->stanza);
		break;
	case REPORT_CLOSED:
		to->reports.closed(to->self);
		break;
	case REPORT_TRACE:
		to->reports.trace(to->self, r->flag, r->text);
		break;
	case REPORT_SM:
		to->reports.sm(to->self);
		break;
	case REPORT_UNSENT:
		to->reports.unsent(to->self, r->stanza);
		break;
	}
}

void report_post(struct reporter *to, const struct report *r)
{
	post_to(NULL, deliver, to, r, sizeof(*r));
}
