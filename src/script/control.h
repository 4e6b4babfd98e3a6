/* control.h - the control socket of a running jcall: $XDG_RUNTIME_DIR/jcall/PID.sock, in a folder that is its user's alone.
 * Main thread. man/jcall-ctl.1 says what is spoken there. */
#ifndef JCALL_CONTROL_H
#define JCALL_CONTROL_H

#include "client.h"

struct control;

enum { CONTROL_CLIENTS = 16 };	/* whoever comes beyond that is told so */

/* NULL with JC_FILE: there is no place for it, which is no reason not to call. */
struct control *control_new(struct events *events, const struct request_handler *handler, GError **error);
void            control_free(struct control *c);

/* The folder; caller frees. NULL: this user has no place for such things here. */
char           *control_folder(void);
/* Connects to the socket PATH in the folder. Blocks; no longer than TIMEOUT_S, as later reading and writing. -1:
 * nobody listens, and what was left of the socket is removed; with JC_FILE: folder, socket or listener is not this user's. */
int             control_connect(const char *path, guint timeout_s, GError **error);

#endif
