#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { MAX_NAME = 200 };		/* [bytes] file systems take 255, with the ending */

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

	while ((n = read(fd, buffer, sizeof(buffer))) > 0 && text->len + (gsize)n <= STATE_MAX_BYTES)
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

gboolean state_write(const char *path, const char *what, const char *text, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autoptr(GError) cause = NULL;

	if (g_mkdir_with_parents(folder, 0700) != 0)
		return fail(error, path, what, g_strerror(errno));
	return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &cause) ||
		fail(error, path, what, cause->message);
}
