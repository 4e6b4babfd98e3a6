/* msg.h - a <jingle/> element as a typed value and back (XEP-0166 7). Pure; what it reads is checked and bounded. */
#ifndef JCALL_JINGLE_MSG_H
#define JCALL_JINGLE_MSG_H

#include "../cond.h"
#include "../elem.h"
#include "vocab.h"

enum { JINGLE_MAX_CONTENTS = 4, JINGLE_MAX_SID = 128, JINGLE_MAX_NAME = 256 };	/* the last two in bytes */

struct jingle_content {
	const char *name;
	enum jingle_creator creator;
	enum jingle_senders senders;
	gboolean senders_given;
	const char *disposition;		/* "session" where absent */
	gboolean bundled;			/* in the <group/> BUNDLE of an offer or answer (XEP-0338) */
	/* The slots. In a message that was read they borrow from its element; in one to be written they are taken.
	 * The core never looks inside them. */
	struct elem *description, *transport, *security;
};

struct jingle_msg {
	enum jingle_action action;
	const char *sid, *initiator, *responder;
	struct jingle_content contents[JINGLE_MAX_CONTENTS];
	size_t ncontents;
	gboolean too_many_contents;		/* there were more; the rest was left out */
	enum jingle_reason reason;		/* REASON_NONE: none given, or unknown */
	const char *reason_text, *alternative_sid;
	const char *reason_detail, *reason_detail_ns;	/* for writing: an application's own element beside the reason; NULL: none */
	const struct elem *info;		/* payload of session-info; NULL: a ping. Borrowed, or taken, as the slots */
};

/* Reads JINGLE (borrowed; *M borrows from it). COND_BAD_REQUEST when malformed: no sid, unknown action, a content
 * without name, … (XEP-0166 "Errors"), else COND_OK. M->sid is set whenever it was legible. */
enum iq_cond jingle_msg_read(struct jingle_msg *m, const struct elem *jingle);
/* Is M, read as a session-initiate, whole: each content with description and transport and of its creator, one at least of the
 * session ("session-initiate", "disposition")? What is not is a bad-request. */
gboolean jingle_offer_is_sound(const struct jingle_msg *m);
/* A new <jingle/> of M (takes the slots and info); caller owns. A session-terminate without reason says success. */
struct elem *jingle_msg_write(const struct jingle_msg *m);
/* A <reason/> of R with TEXT (NULL: none) added to PARENT: session-terminate and XEP-0353. */
void jingle_reason_write(struct elem *parent, enum jingle_reason r, const char *text);
/* Reads the <reason/> child of PARENT; FALSE and untouched outputs where there is none. TEXT is borrowed, may be NULL. */
gboolean jingle_reason_child(const struct elem *parent, enum jingle_reason *r, const char **text);

#endif
