/* service.h - jcall as a service: what the service manager that started it is told, as sd_notify(3) says, and the watchdog.
 *
 * Main thread. One datagram for each word to the socket that NOTIFY_SOCKET names. Without one, nothing is sent and every
 * function but service_new and service_free does nothing.
 *
 * The watchdog proves more than that the process is there: WATCHDOG=1 goes out only when the main loop turns and the media
 * thread has answered it. It costs two wake-ups in each thread per WATCHDOG_USEC. */
#ifndef JCALL_SERVICE_H
#define JCALL_SERVICE_H

#include <glib.h>

#include "media_thread.h"

struct service;

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child speaks for us: before there
 * are threads and children. */
struct service *service_new(void);
void            service_free(struct service *s);	/* after the media thread has ended */

/* Begins to feed the watchdog, if the service manager has one for us. Once. */
void service_watch(struct service *s, struct media_thread *media);
/* From now on the service does what it is for. Later calls change nothing. */
void service_ready(struct service *s);
/* What is going on, one line for `systemctl status`; what came from outside in it is made harmless here. The same line
 * is sent once only. */
void service_status(struct service *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The end has begun; it may take a while, and the watchdog is fed until it is over. Later calls change nothing. */
void service_stopping(struct service *s);

#endif
