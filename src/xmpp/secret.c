#include "secret.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

#include "../random.h"

/* The text is the one part plus the other: whoever reads one of them, or a piece of each, has nothing. */
struct secret {
	size_t size, len;		/* of all this, a mapping of its own; of the text */
	unsigned char parts[];		/* random, then the text with it added (exclusive or) */
};

/* Hides and shows: the same step. */
static void mask(const unsigned char *by, const unsigned char *from, unsigned char *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] ^ by[i];
}

struct secret *secret_new(const char *text)
{
	size_t len = text ? strlen(text) : 0, size = sizeof(struct secret) + 2 * len;
	struct secret *s;

	if (!text)
		return NULL;
	s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return NULL;
	madvise(s, size, MADV_DONTDUMP);
	madvise(s, size, MADV_WIPEONFORK);
	mlock(s, size);			/* where RLIMIT_MEMLOCK allows */
	s->size = size;
	s->len = len;
	random_fill(s->parts, len);
	mask(s->parts, (const unsigned char *)text, s->parts + len, len);
	return s;
}

char *secret_open(const struct secret *s)
{
	char *text = g_malloc(s->len + 1);

	mask(s->parts, s->parts + s->len, (unsigned char *)text, s->len);
	text[s->len] = '\0';
	return text;
}

void secret_close(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	g_free(text);
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	explicit_bzero(s->parts, 2 * s->len);
	munmap(s, s->size);
}
