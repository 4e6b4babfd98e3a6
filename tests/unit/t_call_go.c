/* What is wished of a call's sound before there is any, as the media thread is told of it: that begins to send as soon as it has
 * heard path_go. The path is a fake one, which notes what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "call_priv.h"

static GString *told;

void path_go(struct path *p, const struct media_params *params, const struct audio_in *in, const struct audio_out *out)
{
	g_string_append(told, "go ");
}

void path_mute(struct path *p, gboolean muted)
{
	g_string_append(told, muted ? "mute " : "unmute ");
}

void path_hold(struct path *p, gboolean sending, gboolean receiving)
{
	g_string_append_printf(told, "%s ", sending ? receiving ? "both" : "send" : receiving ? "receive" : "hold");
}

void path_volume(struct path *p, guint percent)
{
	g_string_append_printf(told, "volume-%u ", percent);
}

void path_record(struct path *p, const struct audio_tap *tap, void (*released)(void *ctx), void *ctx)
{
	g_string_append(told, tap ? "record " : "no-record ");
}

void path_params(struct path *p, const struct media_params *params)
{
}

gboolean path_dtmf(struct path *p, const char *digits)
{
	return FALSE;
}

void path_set_in(struct path *p, const struct audio_in *in, void (*released)(void *ctx), void *ctx)
{
}

void path_set_out(struct path *p, const struct audio_out *out, void (*released)(void *ctx), void *ctx)
{
}

gint64 call_now(const struct call *c)
{
	return 0;
}

void call_pump(struct call *c)
{
}

static int begin(void **state)
{
	struct call *c = g_new0(struct call, 1);
	struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 1};
	struct jingle_plugs plugs = {.napps = 1};

	told = g_string_new(NULL);
	c->volume = 100;
	c->app = rtp_app_new(&wishes, 1, "name");
	plugs.apps[0] = (struct jingle_what){&jingle_rtp, c->app};
	c->session = jingle_dial("s1", "romeo@montague.lit/orchard", "juliet@capulet.lit/balcony", &plugs);
	*state = c;
	return 0;
}

static int end(void **state)
{
	struct call *c = *state;

	jingle_free(c->session);
	rtp_app_free(c->app);
	g_free(c);
	g_string_free(told, TRUE);
	return 0;
}

static void without_wishes_the_sound_just_begins(void **state)
{
	struct call *c = *state;

	call_ends(c, NULL, NULL);
	assert_string_equal(told->str, "");
	c->accepted = TRUE;
	call_sound_go(c);
	assert_string_equal(told->str, "both go ");
}

static void hear_nothing(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
}

static void what_is_muted_held_or_recorded_is_so_before_the_sound_begins(void **state)
{
	const struct audio_tap tap = {.sent = hear_nothing, .heard = hear_nothing, .self = *state};
	struct call *c = *state;

	call_mute(c, TRUE);
	call_hold(c, TRUE);
	call_volume(c, 50);
	call_record(c, &tap, NULL, NULL);
	call_ends(c, NULL, NULL);
	assert_string_equal(told->str, "");
	c->accepted = TRUE;
	call_sound_go(c);
	assert_string_equal(told->str, "record volume-50 mute hold go ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_wishes_the_sound_just_begins, begin, end),
		cmocka_unit_test_setup_teardown(what_is_muted_held_or_recorded_is_so_before_the_sound_begins, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
