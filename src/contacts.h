/* contacts.h - the people of an account, a row each: those of its contact list and those of the configuration. Main thread.
 *
 * Values only: who asks for what is found out about them is cmd_contacts.c. */
#ifndef JCALL_CONTACTS_H
#define JCALL_CONTACTS_H

#include "config.h"

enum contact_state {			/* in the order in which they are shown */
	CONTACT_CALLABLE,		/* one of his devices can take a call of ours */
	CONTACT_ONLINE,			/* none of his devices can */
	CONTACT_SILENT,			/* his devices do not tell what they can do */
	CONTACT_OFFLINE,
	CONTACT_HIDDEN,			/* we may not see whether he is there */
};

struct contact_row {
	char *jid;			/* bare, or a domain; raw */
	char *name, *alias;		/* that of the contact list, clean; that of the configuration. NULL: none */
	enum contact_state state;
	guint devices;			/* online, as far as we may see */
};

/* A row for each of KNOWN (struct known) and each contact of CONFIG, one for who is both. All hidden. Caller unrefs. */
GPtrArray  *contacts_rows(const struct config *config, const GPtrArray *known);
/* By state, then by what he is called, then by address. */
void        contacts_sort(GPtrArray *rows);
/* What the user calls him: alias, else name, else address. Borrowed. */
const char *contact_called(const struct contact_row *row);
const char *contact_state_symbol(enum contact_state state);	/* for JSON: "callable" */
const char *contact_state_words(enum contact_state state);	/* for people: "can be called" */

#endif
