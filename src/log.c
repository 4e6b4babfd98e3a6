#include "log.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { MAX_LINE_CHARS = 16000 };

enum log_level log_threshold = LOG_WARN;
static gint over_line;			/* atomic */

void log_over_line(gboolean is)
{
	g_atomic_int_set(&over_line, is);
}

/* One write per line keeps lines of different threads apart without a lock. */
static void write_line(const char *line)
{
	size_t len = strlen(line);

	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, line, len);

		if (n <= 0)
			return;
		line += n;
		len -= (size_t)n;
	}
}

void log_write(enum log_level level, const char *area, const char *format, ...)
{
	g_autofree char *raw = NULL, *clean = NULL, *line = NULL;
	const char *erase = g_atomic_int_get(&over_line) ? "\r\033[J" : "";
	va_list ap;

	va_start(ap, format);
	raw = g_strdup_vprintf(format, ap);
	va_end(ap);
	clean = text_clean(raw, MAX_LINE_CHARS);
	if (level <= LOG_WARN)
		line = g_strdup_printf("%sjcall: %s\n", erase, clean);
	else
		line = g_strdup_printf("%sjcall: %s: %s\n", erase, area, clean);
	write_line(line);
}

/* What GLib, libnice and their friends have to say is for whoever looks for a fault, not for the user's terminal. */
static GLogWriterOutput from_glib(GLogLevelFlags flags, const GLogField *fields, gsize count, gpointer data)
{
	const char *message = NULL;

	for (gsize i = 0; i < count; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			message = fields[i].value;
	if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		log_error("glib", "%s", message ? message : "?");
	else
		log_debug("glib", "%s", message ? message : "?");
	return G_LOG_WRITER_HANDLED;
}

void log_init(enum log_level threshold)
{
	static gsize once;

	log_threshold = threshold;
	if (g_once_init_enter(&once)) {
		g_log_set_writer_func(from_glib, NULL, NULL);
		g_once_init_leave(&once, 1);
	}
}
