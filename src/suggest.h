/* suggest.h - "did you mean": the word that somebody has mistyped most likely.
 *
 * Pure functions, any thread. Words are compared byte by byte, small and capital ASCII letters alike. */
#ifndef JCALL_SUGGEST_H
#define JCALL_SUGGEST_H

#include <glib.h>

/* How many letters must be left out, put in, replaced or swapped with the next to make B of A; texts of more than
 * SUGGEST_MAX bytes are G_MAXUINT apart from everything. */
enum { SUGGEST_MAX = 64 };
guint suggest_distance(const char *a, const char *b);

/* The one of WORDS (ended by NULL) that is nearest to WRONG, the first of several; NULL: none is near. Near is what differs
 * in a third of the letters of WRONG at most (in one at least), or begins with it. Borrowed from WORDS. */
const char *suggest(const char *wrong, const char *const *words);

/* The same for OPTION as it was typed (--recrod, -recrod, --recrod=FILE), among the long options that HELP lists, a text as
 * GOption prints it for --help. Caller frees: the name without dashes; NULL: none is near. */
char *suggest_option(const char *option, const char *help);

#endif
