/* exec.h - the command of a call (answer --exec): the caller's sound on its standard input, its standard output sent to the
 * caller, requests and events on its file descriptor 3. Started without a shell. Main thread.
 *
 * The call's end is told to it by the ends of these; it may go on for EXEC_GRACE_S, to store what it has heard, before it is
 * told to end by SIGTERM, and killed EXEC_KILL_S later. All its process group is, of which it is the first. Nothing of ours but these
 * and standard error is open in it, and no JCALL_ variable set but those that jcall(1) names. */
#ifndef JCALL_EXEC_H
#define JCALL_EXEC_H

#include "script/client.h"
#include "ends.h"
#include "ui.h"

struct exec;

enum { EXEC_GRACE_S = 60, EXEC_KILL_S = 5 };

struct exec_options {			/* strings are copied */
	char *const *argv;		/* borrowed until exec_start */
	const char *peer, *name;	/* raw; the name may be NULL */
	guint call;
	struct ui *ui;			/* of the whole process */
	struct request_handler handler;
	guint grace_ms, kill_ms;	/* instead of EXEC_GRACE_S, EXEC_KILL_S; 0: these */
};

/* Makes what the command will read from and write to. ENDS is our half of it, the caller's to close. NULL with JC_FILE. */
struct exec *exec_new(const struct exec_options *options, struct ends **ends, GError **error);
/* Starts the command. FALSE with JC_FILE. */
gboolean     exec_start(struct exec *e, GError **error);
/* The call is over. What was started is looked after until it has ended. */
void         exec_free(struct exec *e);

#endif
