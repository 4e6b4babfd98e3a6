/* command.h - commands that our user names, to be started when something happens (hooks.h) or for a call (exec.h). Any thread. */
#ifndef JCALL_COMMAND_H
#define JCALL_COMMAND_H

#include <glib.h>

/* The words of TEXT, quoted as for a shell, which is not asked; NULL with JC_USAGE. Caller frees. */
char **command_parse(const char *text, GError **error);
/* Our environment without JCALL_ variables: if we are in a command of another jcall, they tell of its calls. Caller frees. */
char **command_environ(void);

#endif
