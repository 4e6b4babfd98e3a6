/* socket.h - what the stream's TCP socket is told. Any thread; a socket of -1 is fine. */
#ifndef JCALL_XMPP_SOCKET_H
#define JCALL_XMPP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

void socket_tune(int fd);			/* no delay for small writes; a dead peer is noticed after 20 to 35 s */
void socket_acknowledge_quickly(int fd);	/* before reading: the setting wears off */

/* Has something been taken out of the socket since *TAKEN was noted, or is there something to be taken? Notes it anew; 0 at first.
 * OpenSSL does so inside libstrophe, which does not tell how much it then holds. */
bool socket_was_read(int fd, uint64_t *taken);

#endif
