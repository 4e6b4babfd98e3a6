/* command.h - commands that our user names, to be started when something happens (hooks.h) for a call (exec.h) or a
 * password (config.h). Any thread. */
#ifndef JCALL_COMMAND_H
#define JCALL_COMMAND_H

#include <glib.h>

/* The words of TEXT, quoted as for a shell, which is not asked; NULL with JC_USAGE. Caller frees. */
char **command_parse(const char *text, GError **error);
/* Our environment without JCALL_ variables: if we are in a command of another jcall, they tell of its calls. Caller frees. */
char **command_environ(void);

/* Keeps the limits of this process (core files, file descriptors) for its commands, before it changes its own: once, before
 * there are threads. */
void   command_keep_limits(void);
/* In the child, before it becomes the command: gives it the limits that were kept; none were: it has those of this process.
 * Safe after fork. A GSpawnChildSetupFunc; UNUSED is for that. */
void   command_child(gpointer unused);

#endif
