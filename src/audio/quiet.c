#include "quiet.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../log.h"

static void alsa_says(const char *file, int line, const char *function, int err, const char *format, ...)
{
	va_list args;
	g_autofree char *text = NULL;

	if (log_threshold < LOG_DEBUG)
		return;
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	log_debug("alsa", "%s: %s%s%s", function, text, err ? ": " : "", err ? g_strerror(err) : "");
}

static void jack_says(const char *text)
{
	log_debug("jack", "%s", text);
}

/* PortAudio brings both libraries in. They are looked for, not linked: it can be built without either. */
void quiet_libraries(void)
{
	int (*alsa)(void (*)(const char *, int, const char *, int, const char *, ...));
	void (*jack)(void (*)(const char *));

	*(void **)&alsa = dlsym(RTLD_DEFAULT, "snd_lib_error_set_handler");
	if (alsa)
		alsa(alsa_says);
	*(void **)&jack = dlsym(RTLD_DEFAULT, "jack_set_error_function");
	if (jack)
		jack(jack_says);
	*(void **)&jack = dlsym(RTLD_DEFAULT, "jack_set_info_function");
	if (jack)
		jack(jack_says);
}

struct quiet quiet_begin(void)
{
	struct quiet q = {.saved = -1, .buffer = memfd_create("stderr", MFD_CLOEXEC)};

	if (q.buffer >= 0 && (q.saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) >= 0)
		dup3(q.buffer, STDERR_FILENO, 0);
	return q;
}

static void pass_on(const char *line)
{
	size_t len = strlen(line);

	if (g_str_has_prefix(line, "Expression '") && strstr(line, "' failed in '"))
		log_debug("portaudio", "%.*s", (int)strcspn(line, "\n"), line);
	else if (len > 0 && write(STDERR_FILENO, line, len) < 0)
		return;			/* who would be told? */
}

void quiet_end(struct quiet q)
{
	off_t size;
	char *text;

	if (q.saved >= 0) {
		dup3(q.saved, STDERR_FILENO, 0);
		close(q.saved);
	}
	if (q.buffer < 0)
		return;
	size = lseek(q.buffer, 0, SEEK_END);
	text = g_malloc0((gsize)MAX(size, 0) + 1);
	if (size > 0 && pread(q.buffer, text, (size_t)size, 0) > 0) {
		for (char *line = text, *end; *line; line = end) {
			char *next = strchr(line, '\n');
			g_autofree char *one = NULL;

			end = next ? next + 1 : line + strlen(line);
			one = g_strndup(line, (gsize)(end - line));
			pass_on(one);
		}
	}
	g_free(text);
	close(q.buffer);
}
