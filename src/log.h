/* log.h - what jcall says about itself on stderr, when asked to (-v, -vv).
 *
 * Any thread but the audio callback. A line below the level costs one compare. Bytes that came from outside are made
 * visible (text.h) before they are written; secrets are never given to the log. The only globals of jcall: the level, and whether lines replace another. */
#ifndef JCALL_LOG_H
#define JCALL_LOG_H

#include <glib.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };	/* shown at: always, always, -v, -vv */

extern enum log_level log_threshold;

void log_init(enum log_level threshold);
/* The cursor is at the beginning of a line on the terminal that may be lost: each line from now on erases it first. */
void log_over_line(gboolean is);
void log_write(enum log_level level, const char *area, const char *format, ...) G_GNUC_PRINTF(3, 4);

#define log_at(level, ...) ((level) <= log_threshold ? log_write((level), __VA_ARGS__) : (void)0)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
