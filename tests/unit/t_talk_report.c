/* What --stats and the end of a call tell of its sound: the line that is written over, the sum, and the events. Beside a real ui,
 * whose stderr is a file or a terminal of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-glib/json-glib.h>

#include "log.h"
#include "talk_report.h"

static struct media_stats now;		/* of the call there is */

void call_stats(const struct call *c, struct media_stats *out)
{
	*out = now;
}

static int watched = -1;		/* what call_watch was last told */

void call_watch(struct call *c, gboolean is)
{
	watched = is;
}

struct fixture {
	FILE *file;
	int saved, master;		/* master: of the terminal, -1: none */
	struct ui *ui;
	struct talk_report *report;
};

static void begin(struct fixture *f, int to, struct ui_options options, guint live_s)
{
	f->saved = dup(STDERR_FILENO);
	assert_true(dup2(to, STDERR_FILENO) >= 0);
	options.stdout_is_audio = options.stdin_is_audio = TRUE;	/* events on stderr, no keys */
	f->ui = ui_new(&options);
	f->report = talk_report_new(f->ui, live_s);
	now = (struct media_stats){.rtt_ms = -1, .tx_level_db = -127, .rx_level_db = -127};
}

static void begin_file(struct fixture *f, struct ui_options options, guint live_s)
{
	f->master = -1;
	f->file = tmpfile();
	assert_non_null(f->file);
	begin(f, fileno(f->file), options, live_s);
}

static void begin_terminal(struct fixture *f, unsigned short columns, guint live_s)
{
	struct winsize size = {.ws_row = 25, .ws_col = columns};
	int slave;

	f->file = NULL;
	watched = -1;
	g_setenv("TERM", "xterm", TRUE);
	g_setenv("NO_COLOR", "1", TRUE);
	assert_int_equal(openpty(&f->master, &slave, NULL, NULL, &size), 0);
	begin(f, slave, (struct ui_options){.json = FALSE}, live_s);
	close(slave);
}

static char *all_of_file(struct fixture *f)
{
	off_t size = lseek(fileno(f->file), 0, SEEK_END);
	char *text = g_malloc0((gsize)size + 1);

	assert_int_equal(pread(fileno(f->file), text, (size_t)size, 0), size);
	fclose(f->file);
	return text;
}

static char *all_of_terminal(struct fixture *f)
{
	GString *text = g_string_new(NULL);
	char part[512];
	ssize_t n;

	while ((n = read(f->master, part, sizeof(part))) > 0)
		g_string_append_len(text, part, n);
	close(f->master);
	return g_string_free(text, FALSE);
}

/* What was written. A terminal that nobody writes to any more is read to its end. */
static char *end(struct fixture *f)
{
	talk_report_free(f->report);
	ui_free(f->ui);
	fflush(stderr);
	dup2(f->saved, STDERR_FILENO);
	close(f->saved);
	return f->master >= 0 ? all_of_terminal(f) : all_of_file(f);
}

/* Its time has come, without waiting for it. */
static void tick(struct fixture *f)
{
	GSource *source;

	talk_report_live(f->report, (const struct call *)f);
	source = g_main_context_find_source_by_user_data(NULL, f->report);
	assert_non_null(source);
	g_source_set_ready_time(source, 0);
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void path(struct fixture *f, enum ice_cand_type local, enum ice_cand_type remote, enum server_kind by)
{
	struct ice_cand ours = {.type = local, .by = by}, theirs = {.type = remote, .ip = "192.0.2.7"};

	talk_report_path(f->report, TRANSPORT_ICE_UDP, &ours, &theirs);
}

static struct media_stats good(void)
{
	return (struct media_stats){.tx_packets = 500, .rx_packets = 480, .tx_bytes = 40000, .rx_bytes = 20000, .rx_lost = 20, .rx_late = 5,
		.rx_jitter_ms = 3.4, .rtt_ms = 42.4, .buffer_ms = 60, .concealed_ms = 480, .stretched_ms = 1260, .tx_level_db = -20,
		.rx_level_db = -31, .tx_bps = 32400, .rx_bps = 16000, .mos = 4.21, .mos_now = 4.35, .peer_mos = 4.1, .peer_loss = 0.02,
		.fec_frames = 11, .rx_bad = 1, .tx_target_bps = 32000};
}

static void finish(struct fixture *f, const struct media_stats *stats)
{
	struct talk_end over = {.peer = "juliet@lab.test", .err = JC_OK, .talked = TRUE, .talk_us = 10 * G_USEC_PER_SEC};

	talk_report_rest(f->report);
	if (stats)
		talk_report_add(f->report, stats);
	talk_report_end(f->report, &over);
}

#define HAS(text, words) do { if (!strstr(text, words)) { print_message("no '%s' in: %s\n", words, text); fail(); } } while (0)
#define LACKS(text, words) do { if (strstr(text, words)) { print_message("'%s' is in: %s\n", words, text); fail(); } } while (0)

/* ---- live ---- */

static void the_live_line_has_every_figure(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	path(&f, ICE_HOST, ICE_SRFLX, SERVER_STUN);
	now = good();
	tick(&f);
	text = end(&f);
	assert_string_equal(text, "MOS 4.3 (G.107), we -20 dB, peer -31 dB, 32/16 kbit/s, round trip 42 ms, jitter 3 ms, buffer 60 ms, "
			    "lost 4.0 %, late 1.0 %, made up 480 ms, stretched 1260 ms, host to srflx by udp\n");
}

static void the_live_line_counts_from_the_last_one_on(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	now = good();
	tick(&f);
	now.rx_packets += 95;
	now.rx_lost += 5;
	now.concealed_ms += 100;
	tick(&f);
	now.rx_packets += 100;
	now.rx_lost -= 3;		/* late ones that had been counted as lost */
	now.rx_late += 10;
	tick(&f);
	text = end(&f);
	HAS(text, "lost 4.0 %, late 1.0 %, made up 480 ms, stretched 1260 ms\n");
	HAS(text, "lost 5.0 %, late 0.0 %, made up 100 ms, stretched 0 ms\n");
	HAS(text, "lost 0.0 %, late 10.0 %, made up 0 ms, stretched 0 ms\n");
}

static void another_call_begins_its_figures_anew(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	now = good();
	tick(&f);
	talk_report_rest(f.report);
	assert_null(g_main_context_find_source_by_user_data(NULL, f.report));
	now = (struct media_stats){.rtt_ms = -1, .rx_packets = 50, .rx_lost = 50, .concealed_ms = 90};
	tick(&f);
	text = end(&f);
	HAS(text, "lost 50.0 %, late 0.0 %, made up 90 ms");
}

static void what_is_not_known_is_not_told(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	now = good();
	now.rtt_ms = -1;
	now.mos_now = 0;
	tick(&f);
	text = end(&f);
	assert_true(g_str_has_prefix(text, "we -20 dB"));
	LACKS(text, "round trip");
	LACKS(text, "MOS");
	LACKS(text, " to ");
}

/* On hold, or with a dead line: a loss of 0 % would be said of nothing. */
static void where_nothing_came_there_is_no_share_of_it(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	char **lines;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	tick(&f);
	now = good();
	tick(&f);
	now.rx_bps = now.mos_now = 0;
	tick(&f);
	text = end(&f);
	lines = g_strsplit(text, "\n", -1);
	HAS(lines[0], "nothing came");
	LACKS(lines[0], "lost");
	LACKS(lines[0], "jitter");
	LACKS(lines[1], "nothing came");
	HAS(lines[2], "round trip 42 ms, nothing came, made up 0 ms");
	g_strfreev(lines);
}

static void a_relay_is_told_with_the_way_to_it(void **state)
{
	static const struct { enum server_kind by; const char *words; } cases[] = {
		{SERVER_TURN_UDP, "relay to host by udp\n"}, {SERVER_TURN_TCP, "relay to host by tcp\n"},
		{SERVER_TURN_TLS, "relay to host by tls\n"}, {SERVER_STUN, "relay to host\n"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fixture f;
		g_autofree char *text = NULL;

		begin_file(&f, (struct ui_options){.json = FALSE}, 1);
		path(&f, ICE_RELAY, ICE_HOST, cases[i].by);
		tick(&f);
		text = end(&f);
		HAS(text, cases[i].words);
	}
}

static void raw_udp_is_told_apart_and_a_new_pair_takes_the_place_of_the_last(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	struct ice_cand host = {.type = ICE_HOST};

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	path(&f, ICE_RELAY, ICE_RELAY, SERVER_TURN_TLS);
	talk_report_path(f.report, TRANSPORT_RAW_UDP, &host, &host);
	tick(&f);
	text = end(&f);
	HAS(text, "host to host by raw udp\n");
	LACKS(text, "relay");
}

static void nobody_who_did_not_ask_is_told(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 0);
	talk_report_live(f.report, (const struct call *)&f);
	assert_null(g_main_context_find_source_by_user_data(NULL, f.report));
	now = good();
	finish(&f, &now);
	text = end(&f);
	assert_string_equal(text, "Call with juliet@lab.test ended after 0:10\n");
}

/* ---- on a terminal ---- */

#define ERASE "\r\033[J"
#define DRAWN ERASE "\033[?7l"

static struct call *a_call(struct fixture *f)
{
	return (struct call *)f;
}

/* The figures there are, after so many seconds of talk. */
static void show(struct fixture *f, unsigned seconds)
{
	talk_report_show(f->report, a_call(f), &(struct talk_state){.lasted_us = seconds * G_USEC_PER_SEC, .suite = "AES_CM_128"});
}

/* The live lines that were drawn, without what draws them; NULL at the end. */
static char **drawn(const char *text)
{
	char **parts = g_strsplit(text, DRAWN, -1);

	for (guint i = 0; parts[i]; i++) {
		char *after = strstr(parts[i], "\033[?7h\r");

		if (after)
			*after = '\0';
	}
	return parts;
}

static void one_line_is_written_over_and_leaves_nothing(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	begin_terminal(&f, 80, 0);
	now = good();
	show(&f, 0);
	assert_int_equal(watched, TRUE);
	now.rx_packets += 95;
	now.rx_lost += 5;
	show(&f, 1);
	finish(&f, &now);
	text = end(&f);
	lines = drawn(text);
	assert_int_equal(g_strv_length(lines), 3);
	LACKS(lines[1], "loss");		/* of nothing */
	HAS(lines[1], "0:00  you ####");
	HAS(lines[2], "0:01  you ####");
	HAS(lines[2], "loss 5.0 %  delay 81 ms  DTLS-SRTP");
	assert_true(g_str_has_suffix(text, "\033[?7h\r" ERASE "Call with juliet@lab.test ended after 0:10\r\n"));
}

static void other_lines_stand_whole_above_it(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL, *again = NULL;
	g_auto(GStrv) lines = NULL;

	begin_terminal(&f, 80, 0);
	now = good();
	show(&f, 7);
	ui_say(f.ui, "a human line");
	ui_error(f.ui, "an error");
	log_warn("test", "a warning");
	show(&f, 8);
	talk_report_rest(f.report);
	log_warn("test", "another");
	text = end(&f);
	lines = drawn(text);
	assert_int_equal(g_strv_length(lines), 5);
	again = g_strconcat(DRAWN, lines[1], "\033[?7h\r", NULL);
	{
		g_autofree char *expected = g_strconcat(again, ERASE "a human line\r\n", again, ERASE "jcall: an error\r\n", again,
			ERASE "jcall: a warning\r\n", DRAWN, lines[4], "\033[?7h\r" ERASE "jcall: another\r\n", NULL);

		assert_string_equal(text, expected);
	}
}

static void the_loss_is_that_of_the_last_seconds(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	begin_terminal(&f, 80, 0);
	for (unsigned s = 0; s <= 12; s++) {
		now.rx_packets += s < 4 ? 40 : 50;
		now.rx_lost += s < 4 ? 10 : 0;
		show(&f, s);
	}
	text = end(&f);
	lines = drawn(text);
	HAS(lines[1 + 3], "loss 20.0 %");
	HAS(lines[1 + 12], "loss 0.0 %");
}

static void a_line_has_one_call_at_a_time(void **state)
{
	struct fixture f;
	struct live l = {.lasted_us = 0};
	g_autofree char *text = NULL;

	begin_terminal(&f, 80, 0);
	assert_true(ui_live(f.ui, &f, &l));
	show(&f, 5);
	assert_int_equal(watched, -1);		/* and nobody wakes for one that is not seen */
	ui_live_end(f.ui, f.report);
	assert_true(ui_live(f.ui, &f, &l));
	ui_live_end(f.ui, &f);
	show(&f, 5);
	assert_int_equal(watched, TRUE);
	text = end(&f);
	HAS(text, "0:05");
}

static void figures_join_the_line(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_terminal(&f, 200, 1);
	path(&f, ICE_HOST, ICE_SRFLX, SERVER_STUN);
	now = good();
	show(&f, 1);
	tick(&f);				/* no line of their own */
	text = end(&f);
	HAS(text, "MOS 4.3  32/16 kbit/s  buffer 60 ms  jitter 3 ms");
	HAS(text, "host to srflx by udp\033[?7h\r");
	LACKS(text, "\n");
}

static void where_it_cannot_be_there_are_plain_lines(void **state)
{
	static const struct { const char *term; struct ui_options options; gboolean figures; } cases[] = {
		{"dumb", {.json = FALSE}, TRUE}, {"", {.json = FALSE}, TRUE}, {"xterm", {.verbose = TRUE}, TRUE}, {"xterm", {.quiet = TRUE}, FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fixture f;
		g_autofree char *text = NULL;

		begin_terminal(&f, 80, 1);
		talk_report_free(f.report);
		ui_free(f.ui);
		g_setenv("TERM", cases[i].term, TRUE);
		f.ui = ui_new(&cases[i].options);
		f.report = talk_report_new(f.ui, 1);
		now = good();
		show(&f, 1);
		assert_int_equal(watched, -1);
		tick(&f);
		ui_error(f.ui, "an error");
		text = end(&f);
		LACKS(text, "\033");
		HAS(text, "jcall: an error\r\n");
		assert_int_equal(strstr(text, "we -20 dB, peer -31 dB") != NULL, cases[i].figures);
	}
}

static void colours_are_there_unless_they_are_unwanted(void **state)
{
	static const struct { const char *value; gboolean colours; } cases[] = {{NULL, TRUE}, {"", TRUE}, {"1", FALSE}, {"0", FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fixture f;
		g_autofree char *text = NULL;

		begin_terminal(&f, 80, 0);
		talk_report_free(f.report);
		ui_free(f.ui);
		if (cases[i].value)
			g_setenv("NO_COLOR", cases[i].value, TRUE);
		else
			g_unsetenv("NO_COLOR");
		f.ui = ui_new(&(struct ui_options){.stdin_is_audio = TRUE});
		f.report = talk_report_new(f.ui, 0);
		now = good();
		show(&f, 1);
		text = end(&f);
		assert_int_equal(strstr(text, "\033[32m") != NULL, cases[i].colours);
	}
}

/* ---- the end ---- */

static void the_sum_has_every_figure(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	struct media_stats s = good();

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	path(&f, ICE_RELAY, ICE_SRFLX, SERVER_TURN_TCP);
	finish(&f, &s);
	text = end(&f);
	assert_string_equal(text, "Call with juliet@lab.test ended after 0:10\n"
		"Sound: relay to srflx by tcp, round trip 42 ms, jitter 3 ms, buffer 60 ms, lost 4.0 %, late 1.0 %, "
		"made up 0.5 s, stretched 1.3 s, sent 32 kbit/s, got 16 kbit/s, MOS 4.2 (estimated by the E-model, ITU-T G.107)\n");
}

static void a_call_that_moved_is_one_sum(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	struct media_stats first = good(), second = {.rtt_ms = 10, .rx_packets = 460, .rx_lost = 40, .tx_bytes = 10000, .mos = 3.6,
						     .concealed_ms = 520, .buffer_ms = 20};

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	talk_report_add(f.report, &first);
	finish(&f, &second);
	text = end(&f);
	HAS(text, "round trip 10 ms, jitter 0 ms, buffer 20 ms, lost 6.0 %, late 0.5 %, made up 1.0 s");
	HAS(text, "sent 40 kbit/s, got 16 kbit/s, MOS 3.6");
}

static void a_call_without_a_packet_has_a_sum_of_nothing(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	finish(&f, NULL);
	text = end(&f);
	HAS(text, "Sound: nothing came, made up 0.0 s, stretched 0.0 s, sent 0 kbit/s, got 0 kbit/s\n");
}

static void a_call_that_was_not_talked_in_has_no_words(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;

	begin_file(&f, (struct ui_options){.json = FALSE}, 1);
	talk_report_end(f.report, &(struct talk_end){.peer = "juliet@lab.test", .err = JC_BUSY});
	text = end(&f);
	assert_string_equal(text, "");
}

static void with_v_the_sum_is_in_the_log(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	struct media_stats s = good();

	log_threshold = LOG_INFO;
	begin_file(&f, (struct ui_options){.verbose = TRUE}, 0);
	finish(&f, &s);
	text = end(&f);
	log_threshold = LOG_WARN;
	HAS(text, "sound: round trip 42 ms");
	LACKS(text, "Sound:");
}

/* ---- events ---- */

static JsonObject *event(const char *text, const char *name, JsonParser *parser)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (size_t i = 0; lines[i] && lines[i][0]; i++) {
		JsonObject *o;

		assert_true(json_parser_load_from_data(parser, lines[i], -1, NULL));
		o = json_node_get_object(json_parser_get_root(parser));
		if (strcmp(json_object_get_string_member(o, "event"), name) == 0)
			return o;
	}
	fail_msg("no event %s in: %s", name, text);
	return NULL;
}

static void assert_words(JsonObject *o, const char *key, const char *value)
{
	assert_true(json_object_has_member(o, key));
	assert_string_equal(json_object_get_string_member(o, key), value);
}

static void assert_number(JsonObject *o, const char *key, double value)
{
	assert_true(json_object_has_member(o, key));
	if (json_object_get_double_member(o, key) != value)
		fail_msg("%s is %g, not %g", key, json_object_get_double_member(o, key), value);
}

static void assert_figures(JsonObject *o)
{
	static const struct { const char *key; double value; } figures[] = {
		{"tx_packets", 500}, {"rx_packets", 480}, {"rx_lost", 20}, {"rx_late", 5}, {"rx_bad", 1}, {"fec_frames", 11},
		{"jitter_ms", 3.4}, {"rtt_ms", 42.4}, {"buffer_ms", 60}, {"concealed_ms", 480}, {"stretched_ms", 1260},
		{"peer_mos", 4.1}};

	assert_words(o, "transport", "ice-udp");
	assert_words(o, "local", "relay");
	assert_words(o, "remote", "host");
	assert_words(o, "relay_protocol", "tls");
	for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
		assert_number(o, figures[i].key, figures[i].value);
}

static void the_events_have_every_figure(void **state)
{
	struct fixture f;
	g_autofree char *text = NULL;
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *o;

	begin_file(&f, (struct ui_options){.json = TRUE}, 1);
	path(&f, ICE_RELAY, ICE_HOST, SERVER_TURN_TLS);
	now = good();
	tick(&f);
	finish(&f, &now);
	text = end(&f);
	o = event(text, "stats", parser);
	assert_figures(o);
	assert_number(o, "mos", 4.35);
	assert_number(o, "bitrate_bps", 32400);
	assert_number(o, "rx_bitrate_bps", 16000);
	assert_number(o, "target_bps", 32000);
	assert_number(o, "peer_loss", 0.02);
	o = event(text, "ended", parser);
	assert_figures(o);
	assert_number(o, "mos", 4.21);
	assert_number(o, "bitrate_bps", 32000);
	assert_number(o, "rx_bitrate_bps", 16000);
	assert_number(o, "duration_s", 10);
}

static void events_leave_out_what_is_not_known(void **state)
{
	static const char *const unknown[] = {"mos", "peer_mos", "transport", "local", "remote", "relay_protocol"};
	struct fixture f;
	g_autofree char *text = NULL;
	g_autoptr(JsonParser) parser = json_parser_new();

	begin_file(&f, (struct ui_options){.json = TRUE}, 1);
	tick(&f);
	finish(&f, NULL);
	text = end(&f);
	for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
		assert_false(json_object_has_member(event(text, "stats", parser), unknown[i]));
		assert_false(json_object_has_member(event(text, "ended", parser), unknown[i]));
	}
	assert_number(event(text, "stats", parser), "rtt_ms", -1);
	assert_number(event(text, "ended", parser), "rtt_ms", -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_live_line_has_every_figure),
		cmocka_unit_test(the_live_line_counts_from_the_last_one_on),
		cmocka_unit_test(another_call_begins_its_figures_anew),
		cmocka_unit_test(what_is_not_known_is_not_told),
		cmocka_unit_test(where_nothing_came_there_is_no_share_of_it),
		cmocka_unit_test(a_relay_is_told_with_the_way_to_it),
		cmocka_unit_test(raw_udp_is_told_apart_and_a_new_pair_takes_the_place_of_the_last),
		cmocka_unit_test(nobody_who_did_not_ask_is_told),
		cmocka_unit_test(one_line_is_written_over_and_leaves_nothing),
		cmocka_unit_test(other_lines_stand_whole_above_it),
		cmocka_unit_test(the_loss_is_that_of_the_last_seconds),
		cmocka_unit_test(a_line_has_one_call_at_a_time),
		cmocka_unit_test(figures_join_the_line),
		cmocka_unit_test(where_it_cannot_be_there_are_plain_lines),
		cmocka_unit_test(colours_are_there_unless_they_are_unwanted),
		cmocka_unit_test(the_sum_has_every_figure),
		cmocka_unit_test(a_call_that_moved_is_one_sum),
		cmocka_unit_test(a_call_without_a_packet_has_a_sum_of_nothing),
		cmocka_unit_test(a_call_that_was_not_talked_in_has_no_words),
		cmocka_unit_test(with_v_the_sum_is_in_the_log),
		cmocka_unit_test(the_events_have_every_figure),
		cmocka_unit_test(events_leave_out_what_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
