/* plug.h - the three slots of a Jingle content: the WHAT, the HOW and the security CONDITION (XEP-0166 "Concepts").
 *
 * The session core holds a table of each and never looks inside an element that belongs to one of them. To add video
 * or file transfer is to write another struct jingle_app; Raw UDP another struct jingle_transport; SDES another struct
 * jingle_keying. All functions are pure with respect to threads and clocks: they read and write elements and the
 * values of their own SELF. They return JC_OK or the outcome that ends the session (err.def names its reason). */
#ifndef JCALL_JINGLE_PLUG_H
#define JCALL_JINGLE_PLUG_H

#include "../cond.h"
#include "../elem.h"
#include "../err.h"
#include "vocab.h"

struct jingle_app {				/* the WHAT: one application namespace */
	const char *ns;
	struct elem *(*offer)(void *self);					/* our <description/>; caller owns */
	enum jc_err  (*answer)(void *self, const struct elem *theirs);		/* judge an offer; remember the result */
	struct elem *(*reply)(void *self);					/* our <description/> of the accept */
	enum jc_err  (*agree)(void *self, const struct elem *theirs);		/* judge the answer to our offer */
	enum iq_cond (*description_info)(void *self, const struct elem *theirs);
	/* A session-info payload: COND_OK understood, COND_UNSUPPORTED_INFO not of this application. */
	enum iq_cond (*session_info)(void *self, const struct elem *payload);
};

struct jingle_transport {			/* the HOW: one transport namespace */
	const char *ns;
	/* Our <transport/> for ACTION with all we know and the other side has not been told (initiate, accept), or the
	 * next piece of news (transport-info: NULL when there is none left). */
	struct elem *(*write)(void *self, enum jingle_action action);
	/* What the peer says in ACTION; news is kept for the owner of SELF. Unusable candidates are skipped and counted. */
	enum jc_err  (*read)(void *self, enum jingle_action action, const struct elem *theirs);
};

struct jingle_keying {				/* the CONDITION: sees both other slots, since DTLS (XEP-0320) writes
						 * into <transport/> and SDES (XEP-0167) into <description/> */
	const char *name;
	void         (*write)(void *self, enum jingle_action action, struct elem *description, struct elem *transport);
	/* Called after app and transport took the same message. A downgrade or change is JC_SECURITY. */
	enum jc_err  (*read)(void *self, enum jingle_action action, const struct elem *description,
			     const struct elem *transport);
};

struct jingle_plugs {
	const struct jingle_app *app;		 void *app_self;
	const struct jingle_transport *transport; void *transport_self;
	const struct jingle_keying *keying;	 void *keying_self;
};

#endif
