/* fields.h - one line of JSON: a flat object of strings, numbers and truth values, and lists of such objects. What events,
 * requests and answers are made of. Pure, any thread; whoever made a struct fields frees it.
 *
 * What is written is always valid UTF-8 on one line, whatever was put in. What is read is bounded by its caller. */
#ifndef JCALL_FIELDS_H
#define JCALL_FIELDS_H

#include <glib.h>
#include <stdarg.h>

struct fields;

struct fields *fields_new(void);
void           fields_free(struct fields *f);

void fields_add_string(struct fields *f, const char *key, const char *value);	/* NULL: left out */
void fields_add_int(struct fields *f, const char *key, gint64 value);
void fields_add_double(struct fields *f, const char *key, double value);
void fields_add_bool(struct fields *f, const char *key, gboolean value);
void fields_add_list(struct fields *f, const char *key, GPtrArray *objects);	/* struct fields *; takes the array over */
/* Triples of key, type and value, ended by NULL: "s" char * (NULL: left out), "u" the same in our user's own words (a path
 * that was typed, the account), "i" gint64, "d" double, "p" double (left out unless > 0), "b" gboolean. */
void fields_add_all(struct fields *f, va_list *triples);

/* Copies all of FROM but the member EXCEPT. */
void fields_add_fields(struct fields *f, const struct fields *from, const char *except);

char *fields_write(const struct fields *f);			/* without a line's end; caller frees */
/* NULL with JC_USAGE: it is no JSON object. What is in it and is none of the above is left out. */
struct fields *fields_read(const char *line, gsize len, GError **error);

const char *fields_string(const struct fields *f, const char *key);	/* borrowed; NULL: there is no such string */
/* What was added as "u" by that key, to the byte, also where that is no UTF-8; borrowed. NULL: nothing was. */
const char *fields_own(const struct fields *f, const char *key);
gboolean    fields_has(const struct fields *f, const char *key);	/* whatever it is */
gboolean    fields_int(const struct fields *f, const char *key, gint64 *out);	/* FALSE: no such number, or not whole */
gboolean    fields_double(const struct fields *f, const char *key, double *out);
gboolean    fields_bool(const struct fields *f, const char *key);	/* FALSE also where there is none */
const GPtrArray *fields_list(const struct fields *f, const char *key);	/* struct fields *; borrowed; NULL: none */
/* Every member but lists, in order, its value as text. */
void        fields_each(const struct fields *f, void (*each)(void *ctx, const char *key, const char *value), void *ctx);

#endif
