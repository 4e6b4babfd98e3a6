/* temp_dir.h - a folder for the files of a test program, and SIGXFSZ ignored, by which a full disk is played. */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>

static char *dir;

static inline int make_dir(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	dir = g_dir_make_tmp("jcall-test-XXXXXX", NULL);
	return dir ? 0 : -1;
}

static inline int remove_dir(void **state)
{
	GDir *d = g_dir_open(dir, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		g_unlink(path);
	}
	g_dir_close(d);
	g_rmdir(dir);
	g_free(dir);
	return 0;
}

#endif
