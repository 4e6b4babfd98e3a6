/* conform.h - for tests of tests/conformance: its files and tables. They are found from the top of the source, where tests run.
 * All functions fail the test that calls them when a file is missing or wrong. */
#ifndef JCALL_TEST_CONFORM_H
#define JCALL_TEST_CONFORM_H

#include <glib.h>

#define CONFORM "tests/conformance/"

struct row {
	char **column;			/* as many as were asked for */
	gboolean used;			/* for the test */
};

char      *conform_text(const char *path);			/* all of a file; caller frees */
char      *conform_example(const char *file);			/* "xep-0166/01-....xml"; caller frees */
/* The lines of PATH, each of so many columns with tabs between; comments (#) and empty lines are left out. Array of struct row. */
GPtrArray *conform_table(const char *path, guint columns);

#endif
