/* stanza.h - libstrophe's stanza <-> struct elem, and the bounds on what a peer can make us build.
 *
 * stanza.c and stream.c are the only files that include <strophe.h>. elem_from_stanza and elem_to_stanza run in the
 * xmpp thread (64 MB stack: a nested stanza recurses in libstrophe before it reaches us); elem_parse in any. */
#ifndef JCALL_XMPP_STANZA_H
#define JCALL_XMPP_STANZA_H

#include "../elem.h"

enum {				/* a stanza beyond these is refused whole */
	STANZA_MAX_DEPTH = 24,
	STANZA_MAX_ELEMENTS = 2000,
	STANZA_MAX_ATTRIBUTES = 64,	/* per element */
	STANZA_MAX_BYTES = 256 * 1024,	/* names, values and text together */
};

struct _xmpp_stanza_t;
struct _xmpp_ctx_t;

/* The tree of STANZA (borrowed), or NULL with *WHY (static words) when it exceeds the bounds. */
struct elem *elem_from_stanza(struct _xmpp_stanza_t *stanza, const char **why);
/* Of a request (an iq of type get or set) that was refused, what its answer needs: all but its payload. NULL: there is nothing
 * to answer. */
struct elem *elem_head_of(struct _xmpp_stanza_t *stanza);
/* A new libstrophe stanza of E (borrowed); release with xmpp_stanza_release. */
struct _xmpp_stanza_t *elem_to_stanza(struct _xmpp_ctx_t *ctx, const struct elem *e);
/* A ping to our own server (XEP-0199), with an id of its own; release likewise. */
struct _xmpp_stanza_t *stanza_ping(struct _xmpp_ctx_t *ctx);
/* Parses XML text with libstrophe's own parser, for tests and fuzzers; NULL when malformed or out of bounds. */
struct elem *elem_parse(const char *xml);

#endif
