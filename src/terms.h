/* terms.h - on what terms a call with somebody is made or taken: which transports, which keys, whether our addresses are hidden.
 * Pure: from the configuration, from what his client is known to be able to do, and from who he is. */
#ifndef JCALL_TERMS_H
#define JCALL_TERMS_H

#include "call.h"
#include "config.h"

struct terms_of {
	const struct config *config;
	const char *peer;
	unsigned can;			/* enum disco_can of xmpp/disco.h; 0: not known */
	gboolean we_call, is_friend;	/* is_friend: ourselves, or on the contact list */
	gboolean relay_only;		/* with everybody */
};

void     terms_make(struct call_terms *out, const struct terms_of *of);
/* Which of enum disco_can he must have. */
unsigned terms_need(const struct config *config, const char *peer);
/* Would more than one kind of keys be offered to him? Then his features are worth knowing. */
gboolean terms_are_open(const struct config *config, const char *peer);
unsigned terms_transports(const struct transport_list *list);	/* as enum disco_can */

#endif
