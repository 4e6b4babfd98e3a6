#include "quiet.h"

#include <dlfcn.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
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

#ifdef __GLIBC__
static gboolean is_portaudio(const char *text, size_t len)
{
	return len > 12 && memcmp(text, "Expression '", 12) == 0 && memmem(text, len, "' failed in '", 13);
}

static ssize_t filter(void *cookie, const char *text, size_t len)
{
	if (!is_portaudio(text, len))
		return write(STDERR_FILENO, text, len);
	log_debug("portaudio", "%.*s", (int)(len - (text[len - 1] == '\n')), text);
	return (ssize_t)len;
}

void quiet_begin(void)
{
	FILE *filtered = fopencookie(NULL, "w", (cookie_io_functions_t){.write = filter});

	if (!filtered)
		return;
	setvbuf(filtered, NULL, _IONBF, 0);
	fflush(stderr);
	stderr = filtered;
}
#else
void quiet_begin(void)
{
}
#endif
