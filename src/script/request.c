#include "request.h"

#include <string.h>

#include "../err.h"
#include "../media/dtmf.h"
#include "../media/volume.h"
#include "../text.h"

enum { MAX_WORDS = 16 };

enum argument { NOTHING, DIGITS, A_FILE, STOP, PERCENT, DEVICE };

static const struct {
	const char *word, *usage, *summary;
	enum argument argument;
} table[VERB_COUNT] = {
	[VERB_STATUS] = {"status", "status", "tell what is going on", NOTHING},
	[VERB_ANSWER] = {"answer", "answer", "take the call that rings", NOTHING},
	[VERB_REJECT] = {"reject", "reject", "decline it", NOTHING},
	[VERB_HANGUP] = {"hangup", "hangup", "end the call", NOTHING},
	[VERB_MUTE] = {"mute", "mute", "send silence", NOTHING},
	[VERB_UNMUTE] = {"unmute", "unmute", "send sound again", NOTHING},
	[VERB_HOLD] = {"hold", "hold", "neither side hears the other", NOTHING},
	[VERB_RESUME] = {"resume", "resume", "go on after that", NOTHING},
	[VERB_DTMF] = {"dtmf", "dtmf DIGITS", "send touch tones", DIGITS},
	[VERB_PLAY] = {"play", "play FILE", "play a sound file to the other side", A_FILE},
	[VERB_RECORD] = {"record", "record FILE", "record both sides", A_FILE},
	[VERB_STOP] = {"stop", "stop [play|record]", "end what plays and records, or one of them", STOP},
	[VERB_STATS] = {"stats", "stats", "tell how the sound is", NOTHING},
	[VERB_VOLUME] = {"volume", "volume PERCENT", "make the other side louder or softer; 100 is as it comes", PERCENT},
	[VERB_DEVICE] = {"device", "device in|out NAME", "go on with another sound device", DEVICE},
	[VERB_EVENTS] = {"events", "events", "follow what happens", NOTHING},
};

const char *request_usage(enum verb verb, const char **summary)
{
	*summary = verb < VERB_COUNT ? table[verb].summary : NULL;
	return verb < VERB_COUNT ? table[verb].usage : NULL;
}

const char *request_word(enum verb verb)
{
	return table[verb].word;
}

void request_clear(struct request *r)
{
	g_clear_pointer(&r->id, g_free);
	g_clear_pointer(&r->text, g_free);
}

static gboolean wrong(GError **error, const struct request *r)
{
	g_set_error(error, JC_ERROR, JC_USAGE, "usage: %s", table[r->verb].usage);
	return FALSE;
}

static gboolean find_verb(struct request *r, const char *word, GError **error)
{
	g_autofree char *clean = NULL;

	for (guint i = 0; word && i < VERB_COUNT; i++)
		if (g_str_equal(table[i].word, word)) {
			r->verb = (enum verb)i;
			return TRUE;
		}
	if (!word || !*word) {
		g_set_error(error, JC_ERROR, JC_USAGE, "a command is expected");
		return FALSE;
	}
	clean = text_clean(word, TEXT_SHORT);
	g_set_error(error, JC_ERROR, JC_USAGE, "there is no command '%s'", clean);
	return FALSE;
}

static gboolean take_digits(struct request *r, const char *digits, GError **error)
{
	struct dtmf_tx tones = {.count = 0};

	if (!digits || !*digits || !dtmf_queue(&tones, digits))
		return wrong(error, r);
	r->text = g_strdup(digits);
	return TRUE;
}

static gboolean take_file(struct request *r, const char *file, GError **error)
{
	if (!file || !*file)
		return wrong(error, r);
	r->text = g_strdup(file);
	return TRUE;
}

static gboolean take_stop(struct request *r, const char *what, GError **error)
{
	if (what && !g_str_equal(what, "play") && !g_str_equal(what, "record"))
		return wrong(error, r);
	r->text = g_strdup(what);
	return TRUE;
}

static gboolean take_percent(struct request *r, gint64 percent, GError **error)
{
	if (percent < 0 || percent > VOLUME_MOST) {
		g_set_error(error, JC_ERROR, JC_USAGE, "the volume is a number from 0 to %d", VOLUME_MOST);
		return FALSE;
	}
	r->percent = (guint)percent;
	return TRUE;
}

static gboolean take_device(struct request *r, const char *direction, const char *name, GError **error)
{
	if (!direction || !name || !*name || (!g_str_equal(direction, "in") && !g_str_equal(direction, "out")))
		return wrong(error, r);
	r->output = g_str_equal(direction, "out");
	r->text = g_strdup(name);
	return TRUE;
}

/* ---- words ---- */

static gboolean percent_word(const char *word, gint64 *out)
{
	guint64 n;

	if (!word || !text_uint(word, 0, G_MAXINT, &n))
		return FALSE;
	*out = (gint64)n;
	return TRUE;
}

static gboolean words_of(struct request *r, int n, char *const *words, GError **error)
{
	const char *first = n > 1 ? words[1] : NULL, *second = n > 2 ? words[2] : NULL;
	enum argument argument = table[r->verb].argument;
	gint64 percent;

	if (n > (argument == DEVICE ? 3 : argument == NOTHING ? 1 : 2))
		return wrong(error, r);
	switch (argument) {
	case NOTHING:
		return TRUE;
	case DIGITS:
		return take_digits(r, first, error);
	case A_FILE:
		return take_file(r, first, error);
	case STOP:
		return take_stop(r, first, error);
	case PERCENT:
		return percent_word(first, &percent) ? take_percent(r, percent, error) : wrong(error, r);
	case DEVICE:
		return take_device(r, first, second, error);
	}
	return FALSE;
}

gboolean request_read_words(struct request *r, int n, char *const *words, GError **error)
{
	memset(r, 0, sizeof(*r));
	return find_verb(r, n > 0 ? words[0] : "", error) && words_of(r, n, words, error);
}

/* To the shell a # begins a comment; here it is a touch tone. */
static char *without_comments(const char *text)
{
	GString *s = g_string_new(NULL);
	char quote = '\0';

	for (const char *p = text; *p; p++) {
		if (*p == '#' && !quote)
			g_string_append_c(s, '\\');
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? '\0' : *p;
		g_string_append_c(s, *p);
		if (*p == '\\' && quote != '\'' && p[1])
			g_string_append_c(s, *++p);
	}
	return g_string_free(s, FALSE);
}

static gboolean read_text(struct request *r, const char *text, GError **error)
{
	g_autofree char *plain = without_comments(text);
	g_auto(GStrv) words = NULL;
	int n;

	if (!g_shell_parse_argv(plain, &n, &words, NULL)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "this is neither a command nor JSON");
		return FALSE;
	}
	return request_read_words(r, MIN(n, MAX_WORDS), words, error);
}

/* ---- JSON ---- */

static gboolean read_call(struct request *r, const struct fields *f, GError **error)
{
	gint64 call = 0;

	if (fields_has(f, "call") && (!fields_int(f, "call", &call) || call < 1 || call > G_MAXINT)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "call is the number of a call, from 1");
		return FALSE;
	}
	r->call = (guint)call;
	return TRUE;
}

static gboolean read_members(struct request *r, const struct fields *f, GError **error)
{
	gint64 percent;

	switch (table[r->verb].argument) {
	case NOTHING:
		return TRUE;
	case DIGITS:
		return take_digits(r, fields_string(f, "digits"), error);
	case A_FILE:
		return take_file(r, fields_string(f, "file"), error);
	case STOP:
		return take_stop(r, fields_string(f, "what"), error);
	case PERCENT:
		return fields_int(f, "percent", &percent) ? take_percent(r, percent, error) : wrong(error, r);
	case DEVICE:
		return take_device(r, fields_string(f, "direction"), fields_string(f, "name"), error);
	}
	return FALSE;
}

static gboolean read_json(struct request *r, const struct fields *f, GError **error)
{
	r->id = g_strdup(fields_string(f, "id"));
	if (fields_has(f, "id") && !r->id) {
		g_set_error(error, JC_ERROR, JC_USAGE, "id is a string");
		return FALSE;
	}
	return read_call(r, f, error) && find_verb(r, fields_string(f, "command"), error) && read_members(r, f, error);
}

gboolean request_read(struct request *r, const char *line, gsize len, GError **error)
{
	g_autofree char *text = NULL;
	struct fields *f;
	gboolean ok;

	memset(r, 0, sizeof(*r));
	if (memchr(line, '\0', len) || !g_utf8_validate(line, (gssize)len, NULL)) {
		g_set_error(error, JC_ERROR, JC_USAGE, "this is no text in UTF-8");
		return FALSE;
	}
	text = g_strndup(line, len);
	g_strstrip(text);
	if (*text != '{')
		return read_text(r, text, error);
	f = fields_read(text, strlen(text), error);
	ok = f && read_json(r, f, error);
	fields_free(f);
	return ok;
}

struct fields *request_write(const struct request *r)
{
	static const char *const keys[] = {[DIGITS] = "digits", [A_FILE] = "file", [STOP] = "what", [DEVICE] = "name"};
	enum argument argument = table[r->verb].argument;
	struct fields *f = fields_new();

	fields_add_string(f, "command", table[r->verb].word);
	if (r->call)
		fields_add_int(f, "call", r->call);
	fields_add_string(f, "id", r->id);
	if (argument == PERCENT)
		fields_add_int(f, "percent", r->percent);
	else if (argument != NOTHING)
		fields_add_string(f, keys[argument], r->text);
	if (argument == DEVICE)
		fields_add_string(f, "direction", r->output ? "out" : "in");
	return f;
}
