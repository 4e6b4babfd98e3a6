/* plug.h - the three slots of a Jingle content: the WHAT, the HOW and the security CONDITION (XEP-0166 "Concepts").
 *
 * The session core holds a list of each and never looks inside an element that belongs to one of them. To add video
 * or file transfer is to write another struct jingle_app (tests/unit/t_other_app.c does). All functions are pure with respect to threads and clocks: they read and write elements and the
 * values of their own SELF. They return JC_OK or the outcome that ends the session (err.def names its reason). */
#ifndef JCALL_JINGLE_PLUG_H
#define JCALL_JINGLE_PLUG_H

#include "../cond.h"
#include "../elem.h"
#include "../err.h"
#include "vocab.h"

struct jingle_app {				/* the WHAT: one application namespace */
	const char *ns;
	const char *name;			/* of the content we offer: short, without spaces (rule R17) */
	const char *ringing_ns;			/* of the <ringing/> that tells of an offer waiting for a person; NULL: none does */
	gboolean     (*match)(const struct elem *description);			/* of NS already: is it one of ours? */
	struct elem *(*offer)(void *self);					/* our <description/>; caller owns */
	enum jc_err  (*answer)(void *self, const struct elem *theirs);		/* judge an offer; remember the result */
	struct elem *(*reply)(void *self);					/* our <description/> of the accept */
	enum jc_err  (*agree)(void *self, const struct elem *theirs);		/* judge the answer to our offer */
	enum iq_cond (*description_info)(void *self, const struct elem *theirs);
	/* A session-info payload: COND_OK understood, COND_UNSUPPORTED_INFO not of this application. */
	enum iq_cond (*session_info)(void *self, const struct elem *payload);
	/* What it adds to the reason security-error: its namespace of errors, and the words for keys that are missing and for
	 * such that cannot be used. NULL: nothing. */
	const char *errors_ns, *keys_missing, *keys_invalid;
	/* Why answer or agree has said no, as words for our user; NULL: the outcome says it all. Optional. */
	const char  *(*why)(void *self);
};

struct jingle_transport {			/* the HOW: one transport namespace */
	const char *ns;
	/* Our <transport/> for ACTION with all we know and the other side has not been told (session-initiate and -accept,
	 * transport-replace and -accept), or the next piece of news (transport-info: NULL when there is none left). */
	struct elem *(*write)(void *self, enum jingle_action action);
	/* What the peer says in ACTION; news is kept for the owner of SELF. Unusable candidates are skipped and counted. */
	enum jc_err  (*read)(void *self, enum jingle_action action, const struct elem *theirs);
	/* Did the piece of news written last ask the peer to begin anew? And does THEIRS ask us for that, while there is no answer
	 * to ours? A transport that does not begin anew has neither. */
	gboolean     (*asks)(void *self);					/* optional */
	gboolean     (*crosses)(void *self, const struct elem *theirs);		/* optional */
};

struct jingle_keying {				/* the CONDITION: sees both other slots, since DTLS (XEP-0320) writes
						 * into <transport/> and SDES (XEP-0167) into <description/> */
	const char *name;
	/* Does a message speak of it at all? Either may be NULL. */
	gboolean     (*in)(const struct elem *description, const struct elem *transport);
	/* Where DESCRIPTION is NULL there is none: transport-replace and -accept. */
	void         (*write)(void *self, enum jingle_action action, struct elem *description, struct elem *transport);
	/* Called after app and transport took the same message; either element may be NULL. A downgrade or change is
	 * JC_SECURITY. */
	enum jc_err  (*read)(void *self, enum jingle_action action, const struct elem *description,
			     const struct elem *transport);
	/* Why the last read has said no, as words for our user; NULL: the outcome says it all. Optional. */
	const char  *(*why)(void *self);
};

enum { JINGLE_MAX_PLUGS = 4 };			/* of each kind */

struct jingle_what      { const struct jingle_app *plug; void *self; };
struct jingle_how       { const struct jingle_transport *plug; void *self; };
struct jingle_condition { const struct jingle_keying *plug; void *self; };

/* In our order of preference. The initiator offers the first application by the first transport, with every condition
 * written into it. The responder takes the first content of the peer's which suits, and the first of OUR conditions which
 * it meets. The other transports are there to be fallen back to (transport-replace). */
struct jingle_plugs {
	struct jingle_what apps[JINGLE_MAX_PLUGS];
	struct jingle_how transports[JINGLE_MAX_PLUGS];
	struct jingle_condition keyings[JINGLE_MAX_PLUGS];
	size_t napps, ntransports, nkeyings;
};

#endif
