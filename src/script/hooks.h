/* hooks.h - commands that are started when something happens: --on-event and the keys of [hooks]. Main thread.
 *
 * Without a shell. What happened is in the environment, in variables that hold only safe characters (text_safe; the keys * and #
 * are star and hash) unless they are our user's own words (fields_own), and as the event's line of JSON on standard input; standard output goes where our standard error goes, and
 * nothing else of ours is open. They run in the order of the events, one after the other; one that takes longer than HOOK_TURN_S
 * no longer holds up the next. */
#ifndef JCALL_HOOKS_H
#define JCALL_HOOKS_H

#include "events.h"

struct hooks;

enum { HOOK_TURN_S = 10, HOOKS_WAITING = 256 };

struct hooks *hooks_new(struct events *e);
/* COMMAND is started for each event of that NAME, or, with NULL, for every one. FALSE with JC_USAGE: it is no command. */
gboolean      hooks_add(struct hooks *h, const char *name, const char *command, GError **error);
/* Hears no more events. Calls DONE(ctx) once all that wait have had their turn: at once, where none does, else from the main
 * loop. Then hooks_free. */
void          hooks_finish(struct hooks *h, void (*done)(void *ctx), void *ctx);
void          hooks_set_turn(struct hooks *h, guint ms);	/* instead of HOOK_TURN_S */
void          hooks_free(struct hooks *h);	/* what waits is forgotten; what runs goes on by itself */

#endif
