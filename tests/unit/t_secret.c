#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib.h>

#include "process.h"
#include "xmpp/secret.h"

/* How often is the text in what this process can read of itself? It is told by its reverse, which is no find. */
static guint count_in_memory(const char *reverse)
{
	g_autofree char *needle = g_strreverse(g_strdup(reverse));
	size_t len = strlen(needle);
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	guint found = 0;
	char line[1024], mode;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %c", &from, &to, &mode) == 3 && mode == 'r' && !strstr(line, "[v"))
			for (const char *at = (const char *)from; (at = memmem(at, to - (size_t)at, needle, len)); at += len)
				found += at != needle;
	fclose(maps);
	memset(needle, 0, len);
	return found;
}

#define REVERSE "drowssap elbaileb-ton-siht"

static void it_gives_back_what_it_was_given(void **state)
{
	static const char *const texts[] = {"", "x", "pässword", REVERSE};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct secret *s = secret_new(texts[i]);

		for (int again = 0; again < 2; again++) {
			char *text = secret_open(s);

			assert_string_equal(text, texts[i]);
			secret_close(text);
		}
		secret_free(s);
	}
	assert_null(secret_new(NULL));
	secret_close(NULL);
	secret_free(NULL);
}

static void it_is_in_memory_only_while_it_is_open(void **state)
{
	char *text;
	struct secret *s;

	if (process_is_watched)
		skip();			/* the sanitizer has memory of its own that must not be read */
	text = g_strreverse(g_strdup(REVERSE));
	s = secret_new(text);
	assert_int_equal(count_in_memory(REVERSE), 1);
	secret_close(text);
	assert_int_equal(count_in_memory(REVERSE), 0);
	text = secret_open(s);
	assert_int_equal(count_in_memory(REVERSE), 1);
	secret_close(text);
	assert_int_equal(count_in_memory(REVERSE), 0);
	secret_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_back_what_it_was_given),
		cmocka_unit_test(it_is_in_memory_only_while_it_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
