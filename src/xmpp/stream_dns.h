/* stream_dns.h - where a domain's XMPP servers are: SRV records of XEP-0368 and RFC 6120 3.2. Asynchronous, no state.
 *
 * Runs in the thread-default context of its caller and never blocks. */
#ifndef JCALL_XMPP_STREAM_DNS_H
#define JCALL_XMPP_STREAM_DNS_H

#include <gio/gio.h>

enum { DNS_MAX_TARGETS = 8 };

struct target {
	char *host;
	guint16 port, priority;
	gboolean direct;		/* TLS from the first byte (XEP-0368) */
};

struct target *target_new(const char *host, guint16 port, guint16 priority, gboolean direct);
void           target_free(gpointer target);

/* done(ctx, targets) is called exactly once, later: struct target in the order to try them, taken by done. Without SRV
 * records that is DOMAIN itself at port 5222; empty when the domain says that it has no XMPP service, or when cancelled. */
void dns_find(const char *domain, GCancellable *cancel, void (*done)(void *ctx, GPtrArray *targets), void *ctx);

#endif
