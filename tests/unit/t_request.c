#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "media/dtmf.h"
#include "script/request.h"

static gboolean read_it(struct request *r, const char *line, GError **error)
{
	return request_read(r, line, strlen(line), error);
}

static void refused(const char *line, const char *words)
{
	struct request r;
	g_autoptr(GError) error = NULL;

	if (read_it(&r, line, &error))
		fail_msg("taken: %s", line);
	assert_true(g_error_matches(error, JC_ERROR, JC_USAGE));
	if (!strstr(error->message, words))
		fail_msg("%s: %s", line, error->message);
	request_clear(&r);
}

/* Each verb as words, the same as JSON, and what is understood. */
static const struct {
	const char *words, *json;
	enum verb verb;
	const char *text;
	guint percent;
	gboolean output;
} good[] = {
	{"status", "{\"command\":\"status\"}", VERB_STATUS, NULL, 0, FALSE},
	{"answer", "{\"command\":\"answer\"}", VERB_ANSWER, NULL, 0, FALSE},
	{"reject", "{\"command\":\"reject\"}", VERB_REJECT, NULL, 0, FALSE},
	{"hangup", "{\"command\":\"hangup\"}", VERB_HANGUP, NULL, 0, FALSE},
	{"mute", "{\"command\":\"mute\"}", VERB_MUTE, NULL, 0, FALSE},
	{"unmute", "{\"command\":\"unmute\"}", VERB_UNMUTE, NULL, 0, FALSE},
	{"hold", "{\"command\":\"hold\"}", VERB_HOLD, NULL, 0, FALSE},
	{"resume", "{\"command\":\"resume\"}", VERB_RESUME, NULL, 0, FALSE},
	{"dtmf 12*#wA,", "{\"command\":\"dtmf\",\"digits\":\"12*#wA,\"}", VERB_DTMF, "12*#wA,", 0, FALSE},
	{"play 'a b.wav'", "{\"command\":\"play\",\"file\":\"a b.wav\"}", VERB_PLAY, "a b.wav", 0, FALSE},
	{"record /tmp/x.flac", "{\"command\":\"record\",\"file\":\"/tmp/x.flac\"}", VERB_RECORD, "/tmp/x.flac", 0, FALSE},
	{"stop", "{\"command\":\"stop\"}", VERB_STOP, NULL, 0, FALSE},
	{"stop play", "{\"command\":\"stop\",\"what\":\"play\"}", VERB_STOP, "play", 0, FALSE},
	{"stop record", "{\"command\":\"stop\",\"what\":\"record\"}", VERB_STOP, "record", 0, FALSE},
	{"stats", "{\"command\":\"stats\"}", VERB_STATS, NULL, 0, FALSE},
	{"volume 0", "{\"command\":\"volume\",\"percent\":0}", VERB_VOLUME, NULL, 0, FALSE},
	{"volume 200", "{\"command\":\"volume\",\"percent\":200.0}", VERB_VOLUME, NULL, 200, FALSE},
	{"device in \"USB Audio\"", "{\"command\":\"device\",\"direction\":\"in\",\"name\":\"USB Audio\"}", VERB_DEVICE, "USB Audio", 0, FALSE},
	{"device out 3", "{\"command\":\"device\",\"direction\":\"out\",\"name\":\"3\"}", VERB_DEVICE, "3", 0, TRUE},
	{"events", "{\"command\":\"events\"}", VERB_EVENTS, NULL, 0, FALSE},
};

static void check(const struct request *r, gsize i)
{
	if (r->verb != good[i].verb || g_strcmp0(r->text, good[i].text) != 0 || r->percent != good[i].percent || r->output != good[i].output)
		fail_msg("%s: understood as %s %s %u %d", good[i].words, request_word(r->verb), r->text, r->percent, r->output);
}

static void every_verb_is_understood_as_words_and_as_json(void **state)
{
	guint seen = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		const char *const forms[] = {good[i].words, good[i].json};
		g_autofree char *line = NULL;
		struct fields *f;
		struct request r;

		for (gsize k = 0; k < G_N_ELEMENTS(forms); k++) {
			if (!read_it(&r, forms[k], NULL))
				fail_msg("refused: %s", forms[k]);
			check(&r, i);
			if (k == 0)
				request_clear(&r);
		}
		f = request_write(&r);
		request_clear(&r);
		line = fields_write(f);
		fields_free(f);
		assert_true(read_it(&r, line, NULL));	/* what is written is read again */
		check(&r, i);
		request_clear(&r);
		seen |= 1u << good[i].verb;
	}
	assert_int_equal(seen, (1u << VERB_COUNT) - 1);
}

static void every_verb_has_its_help(void **state)
{
	const char *summary;

	for (guint v = 0; v < VERB_COUNT; v++) {
		const char *usage = request_usage((enum verb)v, &summary);

		assert_true(usage && summary && g_str_has_prefix(usage, request_word((enum verb)v)));
	}
	assert_null(request_usage(VERB_COUNT, &summary));
	assert_null(summary);
}

static void wrong_arguments_are_told_how_it_is_written(void **state)
{
	static const char *const wrong[] = {
		"status now", "answer 1", "mute x", "dtmf", "dtmf 12x", "dtmf 1 2", "dtmf ''", "play", "play a b", "play ''", "record", "stop it", "stop play record",
		"volume", "volume many", "volume -1", "volume 1.5", "volume 99999999999999999999", "device", "device in", "device up x", "device in ''",
		"device in a b", "events all",
		"{\"command\":\"dtmf\"}", "{\"command\":\"dtmf\",\"digits\":12}", "{\"command\":\"dtmf\",\"digits\":[1]}", "{\"command\":\"dtmf\",\"digits\":\"\"}",
		"{\"command\":\"play\"}", "{\"command\":\"play\",\"file\":null}", "{\"command\":\"stop\",\"what\":\"it\"}",
		"{\"command\":\"volume\"}", "{\"command\":\"volume\",\"percent\":\"50\"}", "{\"command\":\"volume\",\"percent\":1.5}",
		"{\"command\":\"device\",\"name\":\"x\"}", "{\"command\":\"device\",\"direction\":\"in\"}"};

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
		refused(wrong[i], "usage: ");
	refused("volume 201", "from 0 to 200");
	refused("{\"command\":\"volume\",\"percent\":-1}", "from 0 to 200");
	refused("{\"command\":\"volume\",\"percent\":1e9}", "from 0 to 200");
}

static void touch_tones_are_no_comments(void **state)
{
	static const char *const lines[][2] = {{"dtmf #", "#"}, {"dtmf #1#", "#1#"}, {"dtmf '#'", "#"}, {"dtmf \"#2\"", "#2"}, {"dtmf \\#", "#"},
					       {"  dtmf\t1#  ", "1#"}};
	struct request r;

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		if (!read_it(&r, lines[i][0], NULL))
			fail_msg("refused: %s", lines[i][0]);
		assert_string_equal(r.text, lines[i][1]);
		request_clear(&r);
	}
	assert_true(read_it(&r, "play \"it's a #1 hit\\\" #.wav\"", NULL));
	assert_string_equal(r.text, "it's a #1 hit\" #.wav");
	request_clear(&r);
}

static void more_touch_tones_than_there_is_room_for_are_refused(void **state)
{
	g_autofree char *digits = g_strnfill(DTMF_QUEUE + 1, '1'), *line = g_strconcat("dtmf ", digits, NULL);

	refused(line, "usage: ");
}

static void what_is_no_command_is_told(void **state)
{
	refused("dance", "there is no command 'dance'");
	refused("{\"command\":\"dance\"}", "there is no command 'dance'");
	refused("MUTE", "there is no command");
	refused("", "neither a command nor JSON");
	refused("   ", "neither a command nor JSON");
	refused("'unfinished", "neither a command nor JSON");
	refused("''", "a command is expected");
	refused("{}", "a command is expected");
	refused("{\"command\":7}", "a command is expected");
	refused("{\"command\":null}", "a command is expected");
	refused("{", "no JSON");
	refused("\xff", "UTF-8");
	refused("mute a a a a a a a a a a a a a a a a a a a a", "usage: mute");
}

static void what_is_refused_cannot_touch_the_terminal(void **state)
{
	struct request r;
	g_autoptr(GError) error = NULL;
	g_autofree char *long_word = g_strnfill(8000, 'x');

	assert_false(read_it(&r, "\x1b[2J", &error));
	assert_null(strchr(error->message, '\x1b'));
	g_clear_error(&error);
	assert_false(read_it(&r, long_word, &error));
	assert_true(strlen(error->message) < 1000);
}

static void a_nul_ends_nothing(void **state)
{
	struct request r;

	assert_false(request_read(&r, "mute\0x", 6, NULL));
	assert_false(request_read(&r, "mute\0", 5, NULL));
	assert_true(request_read(&r, "mutex", 4, NULL));	/* no more than it was given */
}

static void the_id_is_kept_even_if_the_rest_is_wrong(void **state)
{
	struct request r;

	assert_false(read_it(&r, "{\"command\":\"dance\",\"id\":\"Ω 1\"}", NULL));
	assert_string_equal(r.id, "Ω 1");
	request_clear(&r);
	assert_null(r.id);
	assert_false(read_it(&r, "{\"id\":\"x\",\"call\":0,\"command\":\"mute\"}", NULL));
	assert_string_equal(r.id, "x");
	request_clear(&r);
	refused("{\"command\":\"mute\",\"id\":7}", "id is a string");
}

/* One that is not understood must not become "the only one there is". */
static void the_number_of_a_call_is_a_number_or_the_request_is_refused(void **state)
{
	static const char *const wrong[] = {"0", "-1", "\"1\"", "1.5", "true", "99999999999", "[{}]"};
	struct request r;

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *line = g_strdup_printf("{\"command\":\"hangup\",\"call\":%s}", wrong[i]);

		refused(line, "number of a call");
	}
	assert_true(read_it(&r, "{\"command\":\"hangup\",\"call\":3}", NULL));
	assert_int_equal(r.call, 3);
	request_clear(&r);
	assert_true(read_it(&r, "{\"command\":\"hangup\",\"call\":null}", NULL));
	assert_int_equal(r.call, 0);
	request_clear(&r);
}

static void words_may_be_none(void **state)
{
	struct request r;

	assert_false(request_read_words(&r, 0, NULL, NULL));
	request_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_is_understood_as_words_and_as_json),
		cmocka_unit_test(every_verb_has_its_help),
		cmocka_unit_test(wrong_arguments_are_told_how_it_is_written),
		cmocka_unit_test(touch_tones_are_no_comments),
		cmocka_unit_test(more_touch_tones_than_there_is_room_for_are_refused),
		cmocka_unit_test(what_is_no_command_is_told),
		cmocka_unit_test(what_is_refused_cannot_touch_the_terminal),
		cmocka_unit_test(a_nul_ends_nothing),
		cmocka_unit_test(the_id_is_kept_even_if_the_rest_is_wrong),
		cmocka_unit_test(the_number_of_a_call_is_a_number_or_the_request_is_refused),
		cmocka_unit_test(words_may_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
