#include "log.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { MAX_LINE_CHARS = 16000 };

enum log_level log_threshold = LOG_WARN;
static gboolean to_journal;

/* A service may have its standard error sent elsewhere: the device and inode must be those of what is open there. */
static gboolean is_journal(int fd)
{
	const char *stream = g_getenv("JOURNAL_STREAM");
	g_autofree char *ours = NULL;
	struct stat st;

	if (!stream || fstat(fd, &st) != 0)
		return FALSE;
	ours = g_strdup_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

const char *log_prefix(enum journal_priority priority, const char *otherwise)
{
	static const char *const marks[] = {[JOURNAL_ERROR] = "<3>", [JOURNAL_WARNING] = "<4>", [JOURNAL_NOTICE] = "<5>",
					    [JOURNAL_INFO] = "<6>", [JOURNAL_DEBUG] = "<7>"};

	return to_journal ? marks[priority] : otherwise;
}

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
	static const enum journal_priority priorities[] = {[LOG_ERROR] = JOURNAL_ERROR, [LOG_WARN] = JOURNAL_WARNING,
							   [LOG_INFO] = JOURNAL_INFO, [LOG_DEBUG] = JOURNAL_DEBUG};
	const char *prefix = log_prefix(priorities[level], "jcall: ");
	g_autofree char *raw = NULL, *clean = NULL, *line = NULL;
	const char *erase = g_atomic_int_get(&over_line) ? "\r\033[J" : "";
	va_list ap;

	va_start(ap, format);
	raw = g_strdup_vprintf(format, ap);
	va_end(ap);
	clean = text_clean(raw, MAX_LINE_CHARS);
	if (level <= LOG_WARN)
		line = g_strdup_printf("%s%s%s\n", erase, prefix, clean);
	else
		line = g_strdup_printf("%s%s%s: %s\n", erase, prefix, area, clean);
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
	to_journal = is_journal(STDERR_FILENO);
	if (g_once_init_enter(&once)) {
		g_log_set_writer_func(from_glib, NULL, NULL);
		g_once_init_leave(&once, 1);
	}
}
