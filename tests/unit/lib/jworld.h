/* jworld.h - one side of a Jingle session with fake plug-ins; the other side is played by text. */
#ifndef JCALL_TEST_JWORLD_H
#define JCALL_TEST_JWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jfake.h"
#include "jingle/session.h"
#include "xml.h"

#define US   "juliet@capulet.lit/balcony"
#define PEER "romeo@montague.lit/orchard"

#define J(action, inside) "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='" action "'>" inside "</jingle>"
#define DESCRIPTION "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
#define TRANSPORT   "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>"
#define KEYED       "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>" \
		    "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'/></transport>"
#define CONTENT(name, inside) "<content creator='initiator' name='" name "'>" inside "</content>"
#define AUDIO(inside) CONTENT("audio", inside)
#define VIDEO CONTENT("video", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>" TRANSPORT)
#define TERMINATE(reason) J("session-terminate", "<reason><" reason "/></reason>")

#define GROUP(semantics, inside) "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='" semantics "'>" inside "</group>"
#define BUNDLE GROUP("BUNDLE", "<content name='audio'/>")

#define MODIFY(senders) J("content-modify", "<content creator='initiator' name='audio' senders='" senders "'/>")

struct world {
	struct jfake fake;
	struct jingle_session *s;
	struct jingle_out out;		/* the last event expected */
	char *text;			/* its text */
	unsigned ended;
};

struct world *new_world(gboolean initiator);
int setup_dialer(void **state);
int setup_called(void **state);
int teardown(void **state);

enum iq_cond recv_text(struct world *w, const char *text);		/* the peer sends this; how it was answered */
guint expect_send(struct world *w, const char *text);		/* the next output is this <jingle/>; its tag */
void  expect_event(struct world *w, enum jingle_event event);	/* the next output is this; kept in w->out */
void  expect_nothing(struct world *w);
/* The session ends, this is the last it says, and it knows nothing of itself after. */
void  expect_ended(struct world *w, enum jc_err err, gboolean by_peer);

/* Steps of a call, each with its outputs expected; offers and accepts return their tag, unanswered. */
guint offer_ours(struct world *w);
void  offer_delivered(struct world *w);
void  accepted_by_peer(struct world *w);
void  offer_theirs(struct world *w);
guint accept_ours(struct world *w);
guint accept_with(struct world *w, const char *group);		/* and there is this <group/> in it; "": none */
void  accepted_by_us(struct world *w);

enum { DIALLED, RINGING, UP_DIALER, UP_CALLED, NSTATES };
struct world *world_in(int where);				/* free with teardown() */

#define DIALER(test) cmocka_unit_test_setup_teardown(test, setup_dialer, teardown)
#define CALLED(test) cmocka_unit_test_setup_teardown(test, setup_called, teardown)

#endif
