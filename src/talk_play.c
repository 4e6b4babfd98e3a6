#include "talk_sound_priv.h"

#include "text.h"

/* Each file has one of these, at its end: WHOLE unless it was stopped or cannot be read. */
static void tell_end(struct talk_sound *s, const char *file, gboolean whole, const GError *fault)
{
	ui_event(s->ui, "played", "file", "u", file, "whole", "b", whole, "text", "s", fault ? fault->message : NULL, NULL);
}

static void tell_played(struct talk_sound *s, const char *file, gboolean whole, const GError *fault)
{
	g_autofree char *shown = text_clean(file, TEXT_LONG);

	tell_end(s, file, whole, fault);
	if (fault)
		ui_error(s->ui, "not played: %s", fault->message);
	else
		ui_say(s->ui, whole ? "%s has been played" : "%s is not played any more", shown);
}

gboolean talk_sound_plays(const struct talk_sound *s)
{
	return s->play.ends || s->play.opening;
}

/* The input may have ended meanwhile. */
static void after_all(struct talk_sound *s)
{
	if (s->in_over && !talk_sound_plays(s))
		talk_sound_at_end(s);
}

static void on_opened(void *ctx, struct ends *ends, GError *error)
{
	struct talk_sound *s = ctx;
	g_autofree char *file = g_steal_pointer(&s->play.wanted);
	g_autofree char *shown = text_clean(file, TEXT_LONG);
	struct ends *old = s->play.ends;

	s->play.opening = NULL;
	if (error) {
		tell_played(s, file, FALSE, error);
		after_all(s);
		return;
	}
	if (old)
		tell_played(s, s->play.file, FALSE, NULL);
	g_free(s->play.file);
	s->play.file = g_steal_pointer(&file);
	s->play.ends = ends;
	talk_sound_speak(s, old);
	ui_event(s->ui, "playing", "file", "u", s->play.file, NULL);
	ui_say(s->ui, "Playing %s to the other side", shown);
}

static gboolean stop_opening(struct talk_sound *s)
{
	g_autofree char *file = g_steal_pointer(&s->play.wanted);

	if (!s->play.opening)
		return FALSE;
	ends_abandon(g_steal_pointer(&s->play.opening));
	tell_played(s, file, FALSE, NULL);
	return TRUE;
}

void talk_sound_play(struct talk_sound *s, const char *file)
{
	g_autofree char *spec = g_strconcat("file:", file, NULL);

	if (s->abandoned)
		return;
	stop_opening(s);
	s->play.wanted = g_strdup(file);
	s->play.opening = ends_open(spec, NULL, on_opened, s);
}

static void go_back(struct talk_sound *s, gboolean whole, const GError *fault)
{
	g_autofree char *file = g_steal_pointer(&s->play.file);

	talk_sound_speak(s, g_steal_pointer(&s->play.ends));
	tell_played(s, file, whole, fault);
	after_all(s);
}

gboolean talk_sound_play_stop(struct talk_sound *s)
{
	gboolean stopped = !s->abandoned && stop_opening(s);

	if (s->abandoned)
		return FALSE;
	if (s->play.ends) {
		go_back(s, FALSE, NULL);
		return TRUE;
	}
	if (stopped)
		after_all(s);
	return stopped;
}

void talk_play_ended(struct talk_sound *s, const GError *fault)
{
	go_back(s, !fault, fault);
}

void talk_play_abandon(struct talk_sound *s)
{
	if (s->play.opening)
		tell_end(s, s->play.wanted, FALSE, NULL);
	if (s->play.ends)
		tell_end(s, s->play.file, FALSE, NULL);
	ends_abandon(g_steal_pointer(&s->play.opening));
	g_clear_pointer(&s->play.wanted, g_free);
}
