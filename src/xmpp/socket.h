/* socket.h - what the stream's TCP socket is told. Any thread; a socket of -1 is fine. */
#ifndef JCALL_XMPP_SOCKET_H
#define JCALL_XMPP_SOCKET_H

void socket_tune(int fd);			/* no delay for small writes; a dead peer is noticed after 20 to 35 s */
void socket_acknowledge_quickly(int fd);	/* before reading: the setting wears off */

#endif
