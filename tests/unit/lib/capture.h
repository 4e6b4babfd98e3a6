/* capture.h - what is written to stderr lands in a file between capture_begin and capture_end. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <glib.h>
#include <stdio.h>
#include <unistd.h>

struct capture {
	FILE *file;
	int saved;
};

static inline struct capture capture_begin(void)
{
	struct capture c = {.file = tmpfile(), .saved = dup(STDERR_FILENO)};

	assert_non_null(c.file);
	assert_true(dup2(fileno(c.file), STDERR_FILENO) >= 0);
	return c;
}

/* All that was written, to be freed by the caller. */
static inline char *capture_end(struct capture *c)
{
	long size;
	char *text;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	size = lseek(fileno(c->file), 0, SEEK_END);
	text = g_malloc0((gsize)size + 1);
	assert_int_equal(pread(fileno(c->file), text, (size_t)size, 0), size);
	fclose(c->file);
	return text;
}

#endif
