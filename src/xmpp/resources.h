/* resources.h - the devices of other people that are online, as their presence tells it. Main thread.
 *
 * Nothing here goes through all of them to find one: contact lists have 20,000 people. */
#ifndef JCALL_XMPP_RESOURCES_H
#define JCALL_XMPP_RESOURCES_H

#include "../elem.h"

struct resources;
struct home;

/* Whose presence is kept. Anybody can send us some: others must not push out that of contacts. */
enum circle { CIRCLE_CONTACTS, CIRCLE_OTHERS, CIRCLE_COUNT };

struct resource {
	char *jid;			/* full */
	char *hash, *ver, *node;	/* of its caps; NULL: none */
	int priority;
	guint64 seen;
	/* of resources.c */
	enum circle circle;
	struct home *home;
	GList link;			/* in its circle's queue; data is this resource */
};

struct resources *resources_new(void);
void              resources_free(struct resources *all);
void              resources_clear(struct resources *all);
/* The resource FULL_JID of somebody of CIRCLE has just been seen: it is added where it is new, and the one of that circle that was
 * seen longest ago goes where there are too many. Borrowed. */
struct resource  *resources_see(struct resources *all, const char *full_jid, enum circle circle);
void              resources_remove(struct resources *all, const char *full_jid);
struct resource  *resources_find(const struct resources *all, const char *full_jid);		/* borrowed; NULL: none */
/* Those of the bare part of JID, of struct resource *, in no order. Borrowed; NULL: none. */
const GPtrArray  *resources_of(const struct resources *all, const char *jid);
/* What C, a <c xmlns='http://jabber.org/protocol/caps'/>, says of R; what is too long says nothing. */
void              resource_take_caps(struct resource *r, const struct elem *c);

#endif
