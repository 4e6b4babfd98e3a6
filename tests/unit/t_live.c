/* The live line of a call: what it tells in which width, and that it never takes more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "live.h"

static struct live usual(void)
{
	return (struct live){.lasted_us = 83 * G_USEC_PER_SEC, .level_db = -20, .peer_level_db = -30, .loss = 0.012, .delay_ms = 84,
		.keying = "DTLS", .suite = "AES_CM_128", .mos = 4.3, .tx_bps = 32000, .rx_bps = 16000, .jitter_ms = 3, .buffer_ms = 60, .late = 0,
		.concealed_ms = 20, .local = "host", .remote = "srflx", .protocol = "udp"};
}

static void assert_line(const struct live *l, unsigned width, unsigned style, const char *expected)
{
	g_autofree char *line = live_line(l, width, style);

	assert_string_equal(line, expected);
}

/* As a terminal shows it: without what begins with ESC. */
static unsigned columns_of(const char *line)
{
	g_autoptr(GString) seen = g_string_new(NULL);

	for (const char *p = line; *p; p++) {
		if (*p == '\033')
			p = strchr(p, 'm');
		else
			g_string_append_c(seen, *p);
	}
	assert_true(g_utf8_validate(seen->str, -1, NULL));
	return (unsigned)g_utf8_strlen(seen->str, -1);
}

static void the_width_says_how_much_is_told(void **state)
{
	struct live l = usual();

	assert_line(&l, 19, 0, "1:23 ###- ##-- 1.2%");
	assert_line(&l, 20, 0, "1:23 ###- ##-- 1.2%");
	assert_line(&l, 40, 0, "1:23 you ###- peer ##-- 1.2% 84 ms DTLS");
	assert_line(&l, 60, 0, "1:23  you ####--  peer ###---  loss 1.2 %  delay 84 ms  DTLS");
	assert_line(&l, 80, 0, "1:23  you #####---  peer ####----  loss 1.2 %  delay 84 ms  DTLS-SRTP AES_CM_128");
	assert_line(&l, 79, 0, "1:23  you ########----  peer ######------  loss 1.2 %  delay 84 ms  DTLS-SRTP");
	assert_line(&l, 200, 0, "1:23  you ########----  peer ######------  loss 1.2 %  delay 84 ms  DTLS-SRTP AES_CM_128");
}

static void figures_are_told_where_they_fit_if_they_are_wanted(void **state)
{
	struct live l = usual();

	l.figures = TRUE;
	assert_line(&l, 40, 0, "1:23 you ###- peer ##-- 1.2% 84 ms DTLS");
	assert_line(&l, 80, 0, "1:23 you #####-- peer ####--- 1.2% 84 ms DTLS MOS 4.3 32/16 kbit/s buffer 60 ms");
	assert_line(&l, 200, 0, "1:23  you ########----  peer ######------  loss 1.2 %  delay 84 ms  DTLS-SRTP AES_CM_128  MOS 4.3  "
		    "32/16 kbit/s  buffer 60 ms  jitter 3 ms  late 0.0 %  made up 20 ms  host to srflx by udp");
}

static void what_is_not_known_is_not_told(void **state)
{
	struct live l = {.loss = -1, .late = -1, .delay_ms = -1, .level_db = -127, .peer_level_db = -127, .figures = TRUE};

	assert_line(&l, 200, 0, "0:00  you ------------  peer ------------  0/0 kbit/s  buffer 0 ms  jitter 0 ms  made up 0 ms");
}

static void keys_that_the_servers_could_read_are_no_secret(void **state)
{
	struct live l = usual();
	g_autofree char *wide = NULL, *narrow = NULL;

	l.keying = "SDES";
	l.servers_read = TRUE;
	wide = live_line(&l, 120, 0);
	assert_non_null(strstr(wide, "SDES-SRTP (servers could read)"));
	narrow = live_line(&l, 60, 0);
	assert_true(g_str_has_suffix(narrow, "SDES"));
}

static void long_calls_have_hours(void **state)
{
	struct live l = usual();
	g_autofree char *line = NULL;

	l.lasted_us = (3600 * 12 + 61) * (gint64)G_USEC_PER_SEC;
	line = live_line(&l, 80, 0);
	assert_true(g_str_has_prefix(line, "12:01:01  you "));
	l.lasted_us = -5;
	g_free(line);
	line = live_line(&l, 80, 0);
	assert_true(g_str_has_prefix(line, "0:00  you "));
}

static void what_is_wrong_or_off_stands_first_and_stays_longest(void **state)
{
	struct live l = usual();

	l.muted = l.held = l.peer_held = l.peer_muted = l.silent = TRUE;
	assert_line(&l, 120, 0, "1:23  nothing comes, on hold, held by peer, muted, peer muted  you #####--  peer ####---  "
		    "loss 1.2 %  delay 84 ms  DTLS");
	assert_line(&l, 19, 0, "1:23 silence #- #-");
	l = usual();
	l.muted = TRUE;
	assert_line(&l, 39, 0, "1:23 muted ###-- ###-- 1.2% 84 ms DTLS");
	assert_line(&l, 19, 0, "1:23 muted ##- ##-");
	l = usual();
	l.held = TRUE;
	assert_line(&l, 19, 0, "1:23 on hold #- #-");
}

static void blocks_have_halves(void **state)
{
	struct live l = {.loss = -1, .delay_ms = -1, .level_db = -60 + 60 * 5 / 24.0, .peer_level_db = 0};

	assert_line(&l, 60, LIVE_BLOCKS, "0:00  you \u2588\u2588\u258c\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591  peer "
		    "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588");
}

static void colours_tell_how_loud_it_is_and_what_is_wrong(void **state)
{
	static const struct { double db; const char *colour; } levels[] = {{-40, "\033[32m"}, {-10, "\033[33m"}, {-1, "\033[31m"}};
	struct live l = usual();

	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
		g_autofree char *line = NULL, *cells = g_strconcat("you ", levels[i].colour, "#", NULL);

		l.level_db = levels[i].db;
		line = live_line(&l, 80, LIVE_COLOUR);
		assert_non_null(strstr(line, cells));
	}
	l.silent = l.muted = TRUE;
	{
		g_autofree char *line = live_line(&l, 80, LIVE_COLOUR);

		assert_non_null(strstr(line, "\033[31mnothing comes\033[0m, \033[33mmuted\033[0m"));
	}
}

/* Only SGR 0, 31, 32, 33, and each is taken back. */
static void assert_harmless(const char *line)
{
	static const char *const known[] = {"\033[0m", "\033[31m", "\033[32m", "\033[33m"};
	const char *last = known[0];

	for (const char *p = strchr(line, '\033'); p; p = strchr(p + 1, '\033')) {
		const char *is = NULL;

		for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
			if (g_str_has_prefix(p, known[i]))
				is = known[i];
		assert_non_null(is);
		last = is;
	}
	assert_ptr_equal(last, known[0]);
	assert_null(strpbrk(line, "\r\n\t\a"));
}

static void no_line_is_wider_than_the_room_there_is(void **state)
{
	for (unsigned width = 1; width <= 260; width++)
		for (unsigned i = 0; i < 32 * 4 * 2; i++) {
			struct live l = usual();
			g_autofree char *line = NULL;

			l.muted = i & 1;
			l.held = (i & 2) != 0;
			l.silent = (i & 4) != 0;
			l.peer_held = (i & 8) != 0;
			l.peer_muted = (i & 16) != 0;
			l.figures = (i & 32) != 0;
			l.lasted_us *= i & 64 ? 5000 : 1;
			l.loss = i & 128 ? 1 : 0;
			l.level_db = 20 - 1.3 * i;
			line = live_line(&l, width, i % 4);
			assert_true(columns_of(line) <= width);
			assert_harmless(line);
		}
}

static void the_wider_the_more_is_told(void **state)
{
	static const char *const parts[] = {"1:23", "DTLS", "84 ms", "1.2", "peer", "AES"};
	struct live l = usual();

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		gboolean had = FALSE;

		for (unsigned width = 4; width <= 200; width++) {
			g_autofree char *line = live_line(&l, width, 0);
			gboolean has = strstr(line, parts[i]) != NULL;

			assert_true(has || !had);
			had = has;
		}
		assert_true(had);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_width_says_how_much_is_told),
		cmocka_unit_test(figures_are_told_where_they_fit_if_they_are_wanted),
		cmocka_unit_test(what_is_not_known_is_not_told),
		cmocka_unit_test(keys_that_the_servers_could_read_are_no_secret),
		cmocka_unit_test(long_calls_have_hours),
		cmocka_unit_test(what_is_wrong_or_off_stands_first_and_stays_longest),
		cmocka_unit_test(blocks_have_halves),
		cmocka_unit_test(colours_tell_how_loud_it_is_and_what_is_wrong),
		cmocka_unit_test(no_line_is_wider_than_the_room_there_is),
		cmocka_unit_test(the_wider_the_more_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
