#include "live.h"

#include <string.h>

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

enum { METER_MAX = 12, METER_FAIR = 8, METER_MIN = 4, METER_LEAST = 2 };	/* [columns] */

static const double FLOOR_DB = -60, LOUD_DB = -12, CLIPS_DB = -3;	/* a meter begins there; is yellow, red from there on */

/* What goes as the line gets narrower, one after the other. */
enum cut {
	NO_CUT, NO_PAIR, NO_MADE_UP, NO_LATE, NO_SUITE, SHORT_KEYING, TIGHT, NO_JITTER, NO_BUFFER, NO_RATES, NO_MOS, NO_LABELS, NO_KEYING,
	NO_DELAY, NO_LOSS, ONE_STATE, LEAST_METERS, NO_METERS, NO_STATE, CUTS
};

struct line {
	GString *text;
	unsigned columns, style;
	enum cut cut;
};

static void put(struct line *s, const char *colour, const char *text, unsigned columns)
{
	colour = s->style & LIVE_COLOUR ? colour : NULL;
	g_string_append_printf(s->text, "%s%s%s", colour ? colour : "", text, colour ? PLAIN : "");
	s->columns += columns;
}

static void gap(struct line *s)
{
	if (s->columns)
		put(s, NULL, s->cut < TIGHT ? "  " : " ", s->cut < TIGHT ? 2 : 1);
}

static void add(struct line *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(struct line *s, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	gap(s);
	put(s, NULL, text, (unsigned)strlen(text));
}

/* ---- the parts ---- */

static void add_duration(struct line *s, gint64 us)
{
	unsigned seconds = (unsigned)(MAX(us, 0) / G_USEC_PER_SEC);

	if (seconds >= 3600)
		add(s, "%u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
	else
		add(s, "%u:%02u", seconds / 60, seconds % 60);
}

/* The worst first: of several, a narrow line has one. */
static void add_states(struct line *s, const struct live *l)
{
	const struct { gboolean is; const char *colour, *words, *word; } states[] = {
		{l->silent, RED, "nothing comes", "silence"}, {l->held, YELLOW, "on hold", "on hold"},
		{l->peer_held, YELLOW, "held by peer", "held"}, {l->muted, YELLOW, "muted", "muted"},
		{l->peer_muted, YELLOW, "peer muted", "p.muted"}};

	gboolean first = TRUE;

	for (gsize i = 0; i < G_N_ELEMENTS(states) && s->cut < NO_STATE; i++) {
		const char *words = s->cut < NO_LABELS ? states[i].words : states[i].word;

		if (!states[i].is)
			continue;
		if (first)
			gap(s);
		else
			put(s, NULL, ", ", 2);
		put(s, states[i].colour, words, (unsigned)strlen(words));
		if (s->cut >= ONE_STATE)
			return;
		first = FALSE;
	}
}

static void add_cells(struct line *s, const char *colour, const char *cell, unsigned count)
{
	g_autoptr(GString) cells = g_string_new(NULL);

	for (unsigned i = 0; i < count; i++)
		g_string_append(cells, cell);
	if (count)
		put(s, colour, cells->str, count);
}

static void add_meter(struct line *s, const char *label, double db, unsigned width)
{
	const char *colour = db > CLIPS_DB ? RED : db > LOUD_DB ? YELLOW : GREEN;
	gboolean blocks = (s->style & LIVE_BLOCKS) != 0;
	unsigned per_cell = blocks ? 2 : 1;
	unsigned steps = (unsigned)(CLAMP((db - FLOOR_DB) / -FLOOR_DB, 0, 1) * per_cell * width + 0.5);
	unsigned full = steps / per_cell, half = steps % per_cell;

	if (s->cut < NO_LABELS)
		add(s, "%s ", label);
	else
		gap(s);
	add_cells(s, colour, blocks ? "\u2588" : "#", full);
	add_cells(s, colour, "\u258c", half);
	add_cells(s, NULL, blocks ? "\u2591" : "-", width - full - half);
}

static void add_network(struct line *s, const struct live *l)
{
	if (l->loss >= 0 && s->cut < NO_LOSS)
		add(s, s->cut < TIGHT ? "loss %.1f %%" : "%.1f%%", l->loss * 100);
	if (l->delay_ms >= 0 && s->cut < NO_DELAY)
		add(s, s->cut < TIGHT ? "delay %.0f ms" : "%.0f ms", l->delay_ms);
}

static void add_keying(struct line *s, const struct live *l)
{
	if (!l->keying || s->cut >= NO_KEYING)
		return;
	if (s->cut >= SHORT_KEYING)
		add(s, "%s", l->keying);
	else if (l->servers_read)
		add(s, "%s-SRTP (servers could read)", l->keying);
	else if (l->suite && s->cut < NO_SUITE)
		add(s, "%s-SRTP %s", l->keying, l->suite);
	else
		add(s, "%s-SRTP", l->keying);
}

static void add_figures(struct line *s, const struct live *l)
{
	if (l->mos > 0 && s->cut < NO_MOS)
		add(s, "MOS %.1f", l->mos);
	if (s->cut < NO_RATES)
		add(s, "%.0f/%.0f kbit/s", l->tx_bps / 1000, l->rx_bps / 1000);
	if (s->cut < NO_BUFFER)
		add(s, "buffer %.0f ms", l->buffer_ms);
	if (s->cut < NO_JITTER)
		add(s, "jitter %.0f ms", l->jitter_ms);
	if (l->late >= 0 && s->cut < NO_LATE)
		add(s, "late %.1f %%", l->late * 100);
	if (s->cut < NO_MADE_UP)
		add(s, "made up %.0f ms", l->concealed_ms);
	if (l->local && l->remote && s->cut < NO_PAIR)
		add(s, "%s to %s%s%s", l->local, l->remote, l->protocol ? " by " : "", l->protocol ? l->protocol : "");
}

/* ---- the line ---- */

static void lay_out(struct line *s, const struct live *l, unsigned meter)
{
	g_string_truncate(s->text, 0);
	s->columns = 0;
	add_duration(s, l->lasted_us);
	add_states(s, l);
	if (meter) {
		add_meter(s, "you", l->level_db, meter);
		add_meter(s, "peer", l->peer_level_db, meter);
	}
	add_network(s, l);
	add_keying(s, l);
	if (l->figures)
		add_figures(s, l);
}

static unsigned least_meter(enum cut cut)
{
	if (cut >= LEAST_METERS)
		return cut >= NO_METERS ? 0 : METER_LEAST;
	return cut <= NO_SUITE ? METER_FAIR : METER_MIN;
}

char *live_line(const struct live *l, unsigned width, unsigned style)
{
	struct line s = {.text = g_string_new(NULL), .style = style};

	for (s.cut = NO_CUT; s.cut < CUTS; s.cut++) {
		unsigned meter = least_meter(s.cut);

		lay_out(&s, l, meter);
		if (s.columns > width)
			continue;
		if (meter)
			lay_out(&s, l, MIN(meter + (width - s.columns) / 2, METER_MAX));
		return g_string_free(s.text, FALSE);
	}
	g_string_truncate(s.text, MIN(s.text->len, width));	/* the duration alone, without colours */
	return g_string_free(s.text, FALSE);
}
