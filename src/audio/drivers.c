#include "audio.h"

#include <string.h>
#include <sys/stat.h>

#include "../err.h"
#include "../text.h"

/* How a SPEC names a driver: exactly, or by a prefix whose rest is the argument. What fits nothing is a path. */
static const struct {
	const char *word;
	gboolean prefix;
	const struct audio_driver *driver;
} table[] = {
	{"default", FALSE, &audio_device}, {"device:", TRUE, &audio_device}, {"-", FALSE, &audio_pipe},
	{"null", FALSE, &audio_null}, {"tone", FALSE, &audio_tone}, {"tone:", TRUE, &audio_tone},
	{"file:", TRUE, &audio_file},
};

const struct audio_driver *audio_find(const char *spec, gboolean output, const char **arg, GError **error)
{
	const struct audio_driver *driver = &audio_file;
	g_autofree char *shown = NULL;

	*arg = spec;
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		if (!table[i].prefix && strcmp(spec, table[i].word) == 0) {
			driver = table[i].driver;
			*arg = NULL;
			break;
		}
		if (table[i].prefix && g_str_has_prefix(spec, table[i].word)) {
			driver = table[i].driver;
			*arg = spec + strlen(table[i].word);
			break;
		}
	}
	if ((!*arg || **arg) && (output ? driver->open_out != NULL : driver->open_in != NULL))
		return driver;
	shown = text_clean(spec, TEXT_LONG);
	if (*arg && !**arg)
		g_set_error(error, JC_ERROR, JC_USAGE, "'%s' names no sound %s", shown, output ? "output" : "input");
	else
		g_set_error(error, JC_ERROR, JC_USAGE, "'%s' can be an input, but not an output", shown);
	return NULL;
}

gboolean audio_open_in(const char *spec, struct audio_in *in, GError **error)
{
	const char *arg;
	const struct audio_driver *driver = audio_find(spec, FALSE, &arg, error);

	return driver && driver->open_in(in, arg, error);
}

gboolean audio_open_out(const char *spec, struct audio_out *out, GError **error)
{
	const char *arg;
	const struct audio_driver *driver = audio_find(spec, TRUE, &arg, error);

	return driver && driver->open_out(out, arg, error);
}

gboolean audio_is_device(const char *spec)
{
	const char *arg;

	return audio_find(spec, TRUE, &arg, NULL) == &audio_device;
}

gboolean audio_same_file(const char *in_spec, const char *out_spec)
{
	const char *in, *out;
	struct stat a, b;

	return audio_find(in_spec, FALSE, &in, NULL) == &audio_file && audio_find(out_spec, TRUE, &out, NULL) == &audio_file &&
		stat(in, &a) == 0 && stat(out, &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
