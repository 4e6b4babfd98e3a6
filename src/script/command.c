#include "command.h"

#include <sys/resource.h>

#include "../err.h"

char **command_parse(const char *text, GError **error)
{
	g_autoptr(GError) why = NULL;
	char **argv = NULL;

	if (g_shell_parse_argv(text, NULL, &argv, &why))
		return argv;
	g_set_error(error, JC_ERROR, JC_USAGE, "'%s' is no command: %s", text, why->message);
	return NULL;
}

char **command_environ(void)
{
	g_auto(GStrv) all = g_get_environ();
	GStrvBuilder *others = g_strv_builder_new();
	char **env;

	for (char **v = all; *v; v++)
		if (!g_str_has_prefix(*v, "JCALL_"))
			g_strv_builder_add(others, *v);
	env = g_strv_builder_end(others);
	g_strv_builder_unref(others);
	return env;
}

/* ---- limits ---- */

/* Written once, before there are threads. */
static struct {
	gboolean kept;
	struct rlimit core, files;
} before;

void command_keep_limits(void)
{
	before.kept = getrlimit(RLIMIT_CORE, &before.core) == 0 && getrlimit(RLIMIT_NOFILE, &before.files) == 0;
}

void command_child(gpointer unused)
{
	if (!before.kept)
		return;
	setrlimit(RLIMIT_CORE, &before.core);
	setrlimit(RLIMIT_NOFILE, &before.files);
}
