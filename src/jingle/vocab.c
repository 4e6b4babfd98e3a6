#include "vocab.h"

#include <string.h>

static const char *const actions[JINGLE_ACTION_COUNT] = {
#define X(symbol, text) [JINGLE_##symbol] = text,
	JINGLE_ACTIONS(X)
#undef X
};

static const struct {
	const char *text;
	enum jc_err before, after;
} reasons[REASON_COUNT] = {
#define X(symbol, words, b, a) [REASON_##symbol] = {.text = words, .before = b, .after = a},
	JINGLE_REASONS(X)
#undef X
};

const char *jingle_action_text(enum jingle_action a)
{
	return actions[a];
}

enum jingle_action jingle_action_read(const char *text)
{
	for (int i = 1; text && i < JINGLE_ACTION_COUNT; i++)
		if (strcmp(actions[i], text) == 0)
			return (enum jingle_action)i;
	return JINGLE_ACTION_NONE;
}

const char *jingle_reason_text(enum jingle_reason r)
{
	return reasons[r].text;
}

enum jingle_reason jingle_reason_read(const char *text)
{
	for (int i = 1; text && i < REASON_COUNT; i++)
		if (strcmp(reasons[i].text, text) == 0)
			return (enum jingle_reason)i;
	return REASON_NONE;
}

enum jingle_reason jingle_reason_of(enum jc_err e)
{
	return jingle_reason_read(jc_reason(e));
}

/* QXmpp gives no reason at all, neither for a decline nor for a hang-up: what it means follows from when it came. */
enum jc_err jingle_outcome(enum jingle_reason r, gboolean accepted)
{
	if (r == REASON_NONE)
		return accepted ? JC_OK : JC_DECLINED;
	return accepted ? reasons[r].after : reasons[r].before;
}
