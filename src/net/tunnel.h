/* tunnel.h - TLS for a library that has none: a port of this machine whose bytes go to a server inside TLS. For TURN over TLS
 * (RFC 8656 "turns:"), which libnice does not know; it speaks TURN over TCP into the tunnel.
 *
 * Everything happens in the thread that runs CTX. The server's certificate must be valid for HOST by the authorities that the
 * system trusts, or those in CA_FILE; not a byte goes to one that is not. Only connections of this
 * process are served; those of others on this machine are closed, and no connection to the server is made for them. Several connections may come at once, one per address of this machine. */
#ifndef JCALL_NET_TUNNEL_H
#define JCALL_NET_TUNNEL_H

#include <glib.h>

struct tunnel;
/* HOST: name or number; connected to when somebody comes. CA_FILE: PEM, read at once; NULL: none. ERROR: JC_CONFIG (CA_FILE
 * cannot be read), JC_INTERNAL. */
struct tunnel *tunnel_open(GMainContext *ctx, const char *host, guint16 port, const char *ca_file, GError **error);
void           tunnel_free(struct tunnel *t);
guint16        tunnel_port(const struct tunnel *t);		/* of 127.0.0.1 */
/* Why the last connection that failed did so, borrowed; NULL: none has. REACHED: it was the server's certificate or its TLS. */
const char    *tunnel_problem(const struct tunnel *t, gboolean *reached);

#endif
