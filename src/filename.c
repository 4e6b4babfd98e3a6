#include "filename.h"

#include <string.h>

#include "audio/audio.h"
#include "err.h"
#include "text.h"

static void add_peer(GString *s, const char *peer)
{
	g_autofree char *bare = jid_bare(peer);
	size_t len = MIN(strlen(bare), FILENAME_PEER);

	for (size_t i = 0; i < len; i++) {
		gboolean safe = g_ascii_isalnum(bare[i]) || strchr("@._-", bare[i]);

		g_string_append_c(s, safe && (i || g_ascii_isalnum(bare[i])) ? bare[i] : '_');
	}
	if (!len)
		g_string_append_c(s, '_');
}

static void add_moment(GString *s, gint64 at_s)
{
	g_autoptr(GDateTime) at = g_date_time_new_from_unix_local(at_s);
	g_autofree char *text = at ? g_date_time_format(at, "%Y%m%d-%H%M%S") : NULL;

	g_string_append(s, text ? text : "_");
}

/* FALSE: KEY stands for nothing. */
static gboolean add_value(GString *s, char key, const struct filename_values *v)
{
	switch (key) {
	case 'n':
		g_string_append_printf(s, "%u", v->number);
		return TRUE;
	case 'p':
		add_peer(s, v->peer);
		return TRUE;
	case 't':
		add_moment(s, v->at_s);
		return TRUE;
	case '%':
		g_string_append_c(s, '%');
		return TRUE;
	}
	return FALSE;
}

char *filename_expand(const char *template, const struct filename_values *v, GError **error)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (const char *c = template; *c; c++) {
		if (*c != '%') {
			g_string_append_c(s, *c);
		} else if (!add_value(s, *++c, v)) {
			g_autofree char *shown = text_clean(template, TEXT_LONG);

			g_set_error(error, JC_ERROR, JC_USAGE, "in the file name '%s' a %% is followed by neither n, p, t nor %%", shown);
			return NULL;
		}
	}
	return g_strdup(s->str);
}

char *filename_expand_spec(const char *spec, const struct filename_values *v, GError **error)
{
	const char *path;
	g_autofree char *expanded = NULL;

	if (audio_find(spec, TRUE, &path, NULL) != &audio_file)
		return g_strdup(spec);
	expanded = filename_expand(path, v, error);
	return expanded ? g_strconcat("file:", expanded, NULL) : NULL;
}
