/* log.h - what jcall says about itself on stderr, when asked to (-v, -vv).
 *
 * Any thread but the audio callback. A line below the level costs one compare. Bytes that came from outside are made
 * visible (text.h) before they are written; secrets are never given to the log. Its threshold, where it goes, and whether its
 * lines replace another are the only globals of jcall, but for the limits that it was started with (script/command.c). */
#ifndef JCALL_LOG_H
#define JCALL_LOG_H

#include <glib.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };	/* shown at: always, always, -v, -vv */

extern enum log_level log_threshold;

/* At the beginning, before there are threads; again with another threshold. */
void log_init(enum log_level threshold);
/* The cursor is at the beginning of a line on the terminal that may be lost: each line from now on erases it first. */
void log_over_line(gboolean is);
void log_write(enum log_level level, const char *area, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* What a line on standard error begins with: where that is the journal, as JOURNAL_STREAM says (systemd.exec(5)), <PRIORITY> by
 * which the journal sorts (sd-daemon(3)); anywhere else, OTHERWISE. Static, or OTHERWISE itself. */
enum journal_priority { JOURNAL_ERROR = 3, JOURNAL_WARNING, JOURNAL_NOTICE, JOURNAL_INFO, JOURNAL_DEBUG };
const char *log_prefix(enum journal_priority priority, const char *otherwise);

#define log_at(level, ...) ((level) <= log_threshold ? log_write((level), __VA_ARGS__) : (void)0)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
