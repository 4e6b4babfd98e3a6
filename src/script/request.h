/* request.h - what can be asked of a running jcall: by a client of the control socket (jcall ctl), by the command of a call
 * (answer --exec), by a key. One table of words, whoever asks. Pure, any thread.
 *
 * As a line it is JSON - {"command":"dtmf","digits":"12","call":2,"id":"x"} - or the same as words: dtmf 12. An answer is a
 * JSON object on one line: ok, and error where that is false. man/jcall-ctl.1 */
#ifndef JCALL_REQUEST_H
#define JCALL_REQUEST_H

#include "fields.h"

enum verb {
	VERB_STATUS, VERB_ANSWER, VERB_REJECT, VERB_HANGUP, VERB_MUTE, VERB_UNMUTE, VERB_HOLD, VERB_RESUME, VERB_DTMF, VERB_PLAY,
	VERB_RECORD, VERB_STOP, VERB_STATS, VERB_VOLUME, VERB_DEVICE, VERB_EVENTS, VERB_COUNT
};

enum { REQUEST_MAX = 8192 };		/* [bytes] of a line */

struct request {
	enum verb verb;
	guint call;			/* 0: the one there is */
	char *id;			/* the asker's own, sent back; NULL: none */
	char *text;			/* digits, a file, the name of a device, play or record to be stopped; NULL: none */
	guint percent;			/* of volume */
	gboolean output;		/* of device */
};

/* One line. FALSE with JC_USAGE; what was understood of R (its id) is there all the same. request_clear in either case. */
gboolean request_read(struct request *r, const char *line, gsize len, GError **error);
gboolean request_read_words(struct request *r, int n, char *const *words, GError **error);
void     request_clear(struct request *r);
/* The request as JSON; caller frees. */
struct fields *request_write(const struct request *r);

/* How a request is written: "device in|out NAME", and what it does; for help. NULL after the last. */
const char *request_usage(enum verb verb, const char **summary);
const char *request_word(enum verb verb);

#endif
