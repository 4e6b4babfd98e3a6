/* stanza.h - libstrophe's stanza <-> struct elem, and the bounds on what a peer can make us build.
 *
 * stanza.c and stream.c are the only files that include <strophe.h>. elem_from_stanza and elem_to_stanza run in the
 * xmpp thread (64 MB stack: a nested stanza recurses in libstrophe before it reaches us); elem_parse in any. */
#ifndef JCALL_XMPP_STANZA_H
#define JCALL_XMPP_STANZA_H

#include "../elem.h"

enum {				/* a stanza beyond these is refused whole */
	STANZA_MAX_DEPTH = 24,
	STANZA_MAX_ATTRIBUTES = 64,	/* per element */
	STANZA_MAX_ELEMENTS = 2000,	/* of what anybody may have sent */
	STANZA_MAX_BYTES = 256 * 1024,	/* [bytes] of it: names, values and text together */
	ANSWER_MAX_ELEMENTS = 200000,	/* of what our own server answers: a contact list of 50,000, each in three groups */
	ANSWER_MAX_BYTES = 16 << 20,	/* [bytes] of it: 50,000 contacts of 300 bytes */
};

enum stanza_of { STANZA_OF_ANYBODY, STANZA_OF_OUR_SERVER };	/* by which bounds it is judged */

struct _xmpp_stanza_t;
struct _xmpp_ctx_t;

/* Is STANZA the answer of our own server to a question of ours? It speaks for our account (FULL_JID, or its bare JID) and for our
 * domain, and it lets nobody else do so (RFC 6120 8.1.2.1). Messages never count: what it keeps or forwards, strangers wrote. */
enum stanza_of stanza_source(struct _xmpp_stanza_t *stanza, const char *full_jid);
/* The tree of STANZA (borrowed), or NULL with *WHY (static words) when it exceeds the bounds of OF. */
struct elem *elem_from_stanza(struct _xmpp_stanza_t *stanza, enum stanza_of of, const char **why);
/* Of an iq that was refused, all but its payload: what the answer to a request needs, or who asked to know that the answer was
 * refused. NULL: it is no iq. */
struct elem *elem_head_of(struct _xmpp_stanza_t *stanza);
/* A new libstrophe stanza of E (borrowed); release with xmpp_stanza_release. */
struct _xmpp_stanza_t *elem_to_stanza(struct _xmpp_ctx_t *ctx, const struct elem *e);
/* A ping to our own server (XEP-0199), with an id of its own; release likewise. */
struct _xmpp_stanza_t *stanza_ping(struct _xmpp_ctx_t *ctx);
/* Parses XML text with libstrophe's own parser, for tests and fuzzers; NULL when malformed or out of bounds. */
struct elem *elem_parse(const char *xml);

#endif
