/* addr.h - which addresses a peer may send us to: pure, any thread. */
#ifndef JCALL_JINGLE_ADDR_H
#define JCALL_JINGLE_ADDR_H

#include <glib.h>

/* Is IP a numeric address at which a single host can be reached? Not a name (rule R25: *.local), 0/8, multicast, broadcast,
 * reserved, fe80::, nor IPv4 dressed as IPv6; loopback only where LOOPBACK is set. NULL is none. */
gboolean addr_usable(const char *ip, gboolean loopback);
/* Is it a name that a browser gives to an address it hides: a random number and ".local" (RFC 6762)? No other name is ever
 * looked up for a peer. */
gboolean addr_is_mdns(const char *name);

#endif
