#include "conform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char *conform_text(const char *path)
{
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, &error))
		fail_msg("%s (tests run at the top of the source)", error->message);
	return text;
}

char *conform_example(const char *file)
{
	g_autofree char *path = g_build_filename(CONFORM "examples", file, NULL);

	return conform_text(path);
}

static void row_free(gpointer data)
{
	struct row *r = data;

	g_strfreev(r->column);
	g_free(r);
}

GPtrArray *conform_table(const char *path, guint columns)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
	g_autofree char *text = conform_text(path);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++) {
		struct row *r;

		if (!**line || **line == '#')
			continue;
		r = g_new0(struct row, 1);
		r->column = g_strsplit(*line, "\t", -1);
		g_ptr_array_add(rows, r);
		if (g_strv_length(r->column) != columns)
			fail_msg("%s: not %u columns: %s", path, columns, *line);
	}
	return rows;
}
