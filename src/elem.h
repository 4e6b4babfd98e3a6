/* elem.h - a neutral XML element tree; it knows nothing of XMPP and keeps libstrophe out of every signature.
 *
 * The root owns everything below it; strings are copied in. NULL is a legal element: every getter returns NULL on
 * it, so a chain of look-ups needs one check, at its end. A tree belongs to one thread at a time; it may be handed
 * over whole. No function fails (GLib aborts when out of memory). Trees from the network are bounded before they are
 * built (xmpp/stanza.h). */
#ifndef JCALL_ELEM_H
#define JCALL_ELEM_H

#include <glib.h>

struct elem;

struct elem *elem_new(const char *name, const char *ns);				/* NS NULL: none */
struct elem *elem_add(struct elem *parent, const char *name, const char *ns);	/* NS NULL: the parent's */
struct elem *elem_adopt(struct elem *parent, struct elem *child);			/* takes CHILD (a root); returns it */
void         elem_set(struct elem *e, const char *attr, const char *value);		/* VALUE NULL: remove */
void         elem_setf(struct elem *e, const char *attr, const char *format, ...) G_GNUC_PRINTF(3, 4);
void         elem_set_text(struct elem *e, const char *text);
struct elem *elem_copy(const struct elem *e);
void         elem_free(struct elem *root);						/* NULL is fine */
#define elem_auto __attribute__((cleanup(elem_cleanup))) struct elem *
void         elem_cleanup(struct elem **e);						/* for elem_auto */
struct elem *elem_steal(struct elem **e);						/* *E becomes NULL */

const char *elem_name(const struct elem *e);
const char *elem_ns(const struct elem *e);						/* "" where there is none */
const char *elem_attr(const struct elem *e, const char *attr);			/* NULL: absent */
const char *elem_text(const struct elem *e);						/* own text, "" where none; NULL on NULL */
gboolean    elem_is(const struct elem *e, const char *name, const char *ns);	/* NULL name or ns: any */

/* First child, or next sibling, of that name and namespace (NULL: any). */
const struct elem *elem_child(const struct elem *e, const char *name, const char *ns);
const struct elem *elem_next(const struct elem *sibling, const char *name, const char *ns);
/* All attributes in document order: (*EACH)(ctx, name, value). For serialisers. */
void elem_each_attr(const struct elem *e, void (*each)(void *ctx, const char *name, const char *value), void *ctx);

/* Serialised XML, everything escaped; for --xml traces and tests. Caller frees. */
char *elem_to_string(const struct elem *e);

#endif
