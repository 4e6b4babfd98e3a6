/* targets.h - where a domain's XMPP server may be: SRV records of xmpps-client and xmpp-client (RFC 6120 3.2, XEP-0368), or the
 * domain itself. Blocks while it asks the DNS: the xmpp thread, or
 * another that may wait. */
#ifndef JCALL_XMPP_TARGETS_H
#define JCALL_XMPP_TARGETS_H

#include <glib.h>

struct target {
	char *host;			/* as it was named */
	char *address;			/* a number where it could be found, else the name again */
	guint16 port, priority;
	gboolean direct;		/* TLS from the first byte (XEP-0368) */
	gboolean srv;			/* a record names it; else it is the domain, or what the configuration says */
};

/* The struct target to try, in order, one for each address, at most 8; none when the domain says that it has no XMPP service (SRV
 * with the target "."). BARE: our JID. HOST: from the configuration, NULL: by DNS; PORT 0: 5222.
 * Ports 5223 and 443 mean direct TLS. */
GArray *targets_find(const char *bare, const char *host, guint16 port);

/* The same for PLACE, where a server sends us (RFC 6120 4.9.3.19): a name or an IPv4 address, or an IPv6 address in brackets, and a
 * port after a colon. None when it is no such place. */
GArray *targets_elsewhere(const char *bare, const char *place);

#endif
