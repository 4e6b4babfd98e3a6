#include "random.h"

#include <errno.h>
#include <glib.h>
#include <sys/random.h>

enum {
	ID_BYTES = 16,			/* 128 bits */
	WORD_LETTERS = 26,		/* of 5 bits each */
};

void random_fill(uint8_t *out, size_t len)
{
	while (len) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0 && errno != EINTR)
			g_error("the kernel gives no random numbers: %s", g_strerror(errno));
		if (n > 0) {
			out += n;
			len -= (size_t)n;
		}
	}
}

uint32_t random_u32(void)
{
	uint32_t value;

	random_fill((uint8_t *)&value, sizeof(value));
	return value;
}

void random_ice_chars(char *out, size_t len)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	random_fill((uint8_t *)out, len);
	for (size_t i = 0; i < len; i++)
		out[i] = chars[(uint8_t)out[i] % 64];
	out[len] = '\0';
}

static void append_hex(GString *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		g_string_append_printf(out, "%02x", bytes[i]);
}

char *random_word(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t bytes[WORD_LETTERS];
	char *out = g_malloc(WORD_LETTERS + 1);

	random_fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < WORD_LETTERS; i++)
		out[i] = letters[bytes[i] % 32];
	out[WORD_LETTERS] = '\0';
	return out;
}

char *random_uuid(void)
{
	static const size_t lengths[] = {4, 2, 2, 2, 6};	/* [bytes] of its groups */
	uint8_t bytes[ID_BYTES];
	GString *out = g_string_new(NULL);

	random_fill(bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);		/* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);		/* of the variant that RFC 9562 describes */
	for (size_t group = 0, from = 0; group < G_N_ELEMENTS(lengths); from += lengths[group++]) {
		g_string_append(out, group ? "-" : "");
		append_hex(out, bytes + from, lengths[group]);
	}
	return g_string_free(out, FALSE);
}
