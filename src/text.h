/* text.h - text from outside made harmless, and the few string helpers every part needs.
 *
 * Pure functions, any thread. */
#ifndef JCALL_TEXT_H
#define JCALL_TEXT_H

#include <glib.h>

/* A copy of S that is safe on a terminal, in a log line and as an environment value: valid UTF-8 on one line. Control
 * and escape characters (C0, C1, DEL), bidirectional overrides, zero-width and other invisible characters become
 * \xNN or \u{NNNN}, invalid bytes \xNN; of that at most MAX_CHARS characters are kept, then "…". What is clean already stays as it
 * is. NULL gives "". Caller frees. */
char *text_clean(const char *s, size_t max_chars);
enum { TEXT_SHORT = 120, TEXT_LONG = 500 };

/* A copy of S for the environment of a command, whatever a careless script does with it: letters, digits and @._+:/=- of ASCII;
 * anything else becomes '_', and so do "..", a second '/', and '/', '.' or '-' at the beginning, so that the value is no option
 * and leads out of no folder; at most 200 bytes are kept. NULL gives "". Caller frees. */
char *text_safe(const char *s);
/* A copy of LINE, a line of JSON, that is safe on a terminal and says the same: characters that text_clean would not show, which
 * JSON has in strings only, are escaped (\uNNNN); invalid bytes become U+FFFD. Caller frees. */
char *text_clean_json(const char *line);

/* The bare part of a JID ("a@b" of "a@b/c"). Caller frees. */
char *jid_bare(const char *jid);
/* The resource ("c" of "a@b/c"), borrowed from JID; NULL where there is none. */
const char *jid_resource(const char *jid);
/* Is it shaped like a JID jcall may send to: non-empty domain, at most 3071 bytes, no control characters or spaces
 * outside the resource, parts at most 1023 bytes (RFC 7622)? */
gboolean jid_valid(const char *jid);
/* The address in TEXT, which is a JID or an xmpp: URI (RFC 5122; of xmpp:juliet@capulet.lit?call only the address counts), prepared as typed by a person (jid.h);
 * NULL: it is neither. Caller frees. */
char *jid_read(const char *text);
/* A phone number as people write it - +1 (555) 123-4567, or tel:+15551234567 - as +15551234567 (E.164); NULL: it is none. */
char *phone_number_read(const char *text);
/* Do two JIDs, prepared (jid.h), have the same bare part? NULL equals nothing. */
gboolean jid_same_bare(const char *a, const char *b);

/* By which the bare part of JID is found in a table: two that are jid_same_bare have the same. Caller frees. */
char *jid_key(const char *jid);

/* Digits only, no sign, within [min, max]: FALSE and *OUT untouched otherwise. For attributes of stanzas. */
gboolean text_uint(const char *s, guint64 min, guint64 max, guint64 *out);

/* A moment as XMPP writes it (XEP-0082: "2026-11-21T14:03:05Z", a zone is needed), in seconds since 1970. FALSE and *AT_S
 * untouched: it is none, or before 1970. */
gboolean text_stamp(const char *s, gint64 *at_s);

#endif
