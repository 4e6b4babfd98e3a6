#include "suggest.h"

#include <string.h>

static guint least(guint a, guint b, guint c)
{
	return MIN(a, MIN(b, c));
}

/* The distance of Damerau and Levenshtein in its simple form, where no two letters that were swapped are touched again: three
 * rows of its table are enough. */
guint suggest_distance(const char *a, const char *b)
{
	guint rows[3][SUGGEST_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > SUGGEST_MAX || nb > SUGGEST_MAX)
		return G_MAXUINT;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (guint)j;
	for (size_t i = 1; i <= na; i++) {
		guint *oldest = before;

		before = last;
		last = row;
		row = oldest;
		row[0] = (guint)i;
		for (size_t j = 1; j <= nb; j++) {
			char x = g_ascii_tolower(a[i - 1]), y = g_ascii_tolower(b[j - 1]);

			row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == g_ascii_tolower(b[j - 2]) && y == g_ascii_tolower(a[i - 2]))
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
	}
	return row[nb];
}

/* How far WORD is from what was meant; a beginning is as good as one wrong letter. */
static guint far(const char *wrong, const char *word)
{
	guint distance = suggest_distance(wrong, word);

	return strlen(wrong) > 1 && g_ascii_strncasecmp(word, wrong, strlen(wrong)) == 0 ? MIN(distance, 1) : distance;
}

const char *suggest(const char *wrong, const char *const *words)
{
	guint limit = (guint)MAX(strlen(wrong) / 3, 1), least_far = MIN(limit, SUGGEST_MAX) + 1;
	const char *nearest = NULL;

	for (; *words; words++) {
		guint distance = far(wrong, *words);

		if (distance < least_far && distance < strlen(wrong)) {
			least_far = distance;
			nearest = *words;
		}
	}
	return nearest;
}

/* "  -i, --in=SPEC     Where ...": the words between "--" and what follows a name, of lines that begin with an option. */
static GPtrArray *long_options(const char *help)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

	for (char **line = lines; *line; line++) {
		const char *start = *line + strspn(*line, " ");
		const char *dashes = *start == '-' ? strstr(start, "--") : NULL;

		if (dashes)
			g_ptr_array_add(names, g_strndup(dashes + 2, strcspn(dashes + 2, "=[ ")));
	}
	g_ptr_array_add(names, NULL);
	return names;
}

char *suggest_option(const char *option, const char *help)
{
	g_autoptr(GPtrArray) names = long_options(help);
	const char *name = option + strspn(option, "-");
	g_autofree char *wrong = g_strndup(name, strcspn(name, "="));

	return g_strdup(suggest(wrong, (const char *const *)names->pdata));
}
