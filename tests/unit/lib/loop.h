/* loop.h - the main loop until something is so; a machine that is busy is waited for. */
#ifndef LOOP_H
#define LOOP_H

#include <dirent.h>
#include <glib.h>
#include <signal.h>
#include <string.h>

static inline gboolean loop_tick(gpointer data)
{
	return G_SOURCE_CONTINUE;
}

/* Runs the default main context until CONDITION; gives up after 30 s. */
#define loop_until(condition) \
	do { \
		guint tick_ = g_timeout_add(5, loop_tick, NULL); \
		gint64 end_ = g_get_monotonic_time() + 30 * G_USEC_PER_SEC; \
		while (!(condition)) { \
			if (g_get_monotonic_time() > end_) \
				fail_msg("it never came: %s", #condition); \
			g_main_context_iteration(NULL, TRUE); \
		} \
		g_source_remove(tick_); \
	} while (0)

/* Runs it for so long, for what must not happen. */
static inline void loop_for_ms(guint ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;
	guint tick = g_timeout_add(5, loop_tick, NULL);

	while (g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(tick);
}

/* How many file descriptors are open in this process. */
static inline guint open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	guint n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3;				/* . and .. and its own */
}

static inline guint64 signals_of(const char *status, const char *which)
{
	const char *line = strstr(status, which);

	assert_non_null(line);
	return g_ascii_strtoull(line + strlen(which), NULL, 16);
}

/* STATUS, the lines SigBlk and SigIgn of a child's /proc/self/status: it blocks none, and ignores only what we were started with
 * ignoring; SIGPIPE is ignored by our own wish, and not by it. */
static inline void assert_usual_signals(const char *status)
{
	g_autofree char *ours = NULL;

	assert_true(g_file_get_contents("/proc/self/status", &ours, NULL, NULL));
	assert_int_equal(signals_of(status, "SigBlk:\t"), 0);
	assert_int_equal(signals_of(status, "SigIgn:\t") & ~signals_of(ours, "SigIgn:\t"), 0);
	assert_int_equal(signals_of(status, "SigIgn:\t") & (G_GUINT64_CONSTANT(1) << (SIGPIPE - 1)), 0);
}

#endif
