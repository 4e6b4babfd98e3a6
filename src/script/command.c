#include "command.h"

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
