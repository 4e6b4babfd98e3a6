#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { MAX_BYTES = 4 * 1024 * 1024, MAX_NAME = 200 };

char *state_path(const char *jid, const char *ending)
{
	g_autofree char *bare = jid_bare(jid), *lower = g_ascii_strdown(bare, -1);
	g_autofree char *name = g_uri_escape_string(lower, "@", FALSE), *file = NULL;

	if (strlen(name) > MAX_NAME) {
		char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, lower, -1);

		g_free(name);
		name = hash;
	}
	file = g_strconcat(name, ending, NULL);
	return g_build_filename(g_get_user_state_dir(), "jcall", file, NULL);
}

static gboolean fail(GError **error, const char *path, const char *what, const char *why)
{
	g_set_error(error, JC_ERROR, JC_FILE, "the %s %s %s", what, path, why);
	return FALSE;
}

static gboolean read_all(int fd, GString *text)
{
	char buffer[16 * 1024];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0 && text->len + (gsize)n <= MAX_BYTES)
		g_string_append_len(text, buffer, n);
	return n == 0;
}

gboolean state_read(const char *path, const char *what, GString *text, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	gboolean ok;

	if (fd < 0)
		return errno == ENOENT || fail(error, path, what, g_strerror(errno));
	ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_all(fd, text);
	close(fd);
	return ok || fail(error, path, what, "is not one that jcall has written");
}

static gboolean write_all(int fd, const char *text)
{
	gsize len = strlen(text), at = 0;

	while (at < len) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno != EINTR)
			return FALSE;
		at += n > 0 ? (gsize)n : 0;
	}
	return TRUE;
}

/* The old file or the new one is there at any time. Nothing waits for the disk (no fsync), which may take seconds: calls go on
 * meanwhile, and what a power cut could lose is not worth that. */
gboolean state_write(const char *path, const char *what, const char *text, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path), *next = g_strconcat(path, ".XXXXXX", NULL);
	gboolean written;
	int fd, why;

	if (g_mkdir_with_parents(folder, 0700) != 0)
		return fail(error, path, what, g_strerror(errno));
	fd = g_mkstemp_full(next, O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(error, path, what, g_strerror(errno));
	written = write_all(fd, text);
	why = errno;
	written = close(fd) == 0 && written;
	if (written && rename(next, path) == 0)
		return TRUE;
	if (written)
		why = errno;
	unlink(next);
	return fail(error, path, what, g_strerror(why));
}
