/* phone_rig.h - an account of the test's own that can call and be called: a phone over a fake stream, and what it did on record.
 *
 * Everybody else is played by text (rig_hear), and what leaves is looked at in the order it left (rig_expect). The account is US;
 * ROMEO is a contact who sees our presence, PARIS one who does not, NURSE nobody we know. Main thread, the real clock. */
#ifndef JCALL_TEST_PHONE_RIG_H
#define JCALL_TEST_PHONE_RIG_H

#include "answer.h"
#include "dial.h"
#include "fake_stream.h"

#define US_BARE "juliet@capulet.lit"
#define US      US_BARE "/balcony"
#define ROMEO_BARE "romeo@montague.lit"
#define ROMEO   ROMEO_BARE "/orchard"
#define ROMEO_2 ROMEO_BARE "/street"
#define PARIS   "paris@verona.lit/court"
#define NURSE   "nurse@elsewhere.lit/kitchen"

#define JMI(kind, id) "<" kind " xmlns='urn:xmpp:jingle-message:0' id='" id "'/>"
#define JMI_WITH(kind, id, inside) "<" kind " xmlns='urn:xmpp:jingle-message:0' id='" id "'>" inside "</" kind ">"
#define SOUND "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
#define PROPOSE(id) JMI_WITH("propose", id, SOUND)
#define REASON(word) "<reason xmlns='urn:xmpp:jingle:1'><" word "/></reason>"
/* What a client of today offers and accepts; its fingerprint is nobody's, so no sound can come of it. */
#define JINGLE(action, sid, inside) "<jingle xmlns='urn:xmpp:jingle:1' action='" action "' sid='" sid "'>" inside "</jingle>"
#define CONTENT(setup) "<content creator='initiator' name='audio' senders='both'>" \
	"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>" \
	"<payload-type id='111' name='opus' clockrate='48000' channels='2'/><rtcp-mux/></description>" \
	"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'>" \
	"<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='" setup "'>" \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF</fingerprint>" \
	"</transport></content>"
#define OFFER(sid) JINGLE("session-initiate", sid, CONTENT("actpass"))

struct phone_rig {
	struct config *config;
	struct ui *ui;
	struct stream *x;
	struct phone *phone;
	struct answer *answer;			/* who hears of what comes: the one of these that is there */
	struct dial *dial;
	GPtrArray *allow;			/* for the options of answer */
	GString *told;				/* the program's events, "NAME PEER; " each, a volume "volume PERCENT; " */
	GString *kept;				/* for the list of calls: "ID OUTCOME; ", and " over" where that is said */
	guint durations_s;			/* of all that were kept */
	guint seen;				/* of what has left */
	guint iqs;				/* that came so far, for their ids */
	guint done;				/* calls that are over */
	enum jc_err err;			/* of the last, */
	char *text;				/* what was said of it, */
	char *peer;				/* and of whom (answer only) */
};

/* Logged in, with the contact list. MORE: further lines of configuration, or NULL. The rig is the caller's memory. */
void rig_open(struct phone_rig *r, const char *more);
void rig_close(struct phone_rig *r);		/* ends what is there */
struct answer_options rig_answer_options(struct phone_rig *r);		/* manual, one call at a time, no devices */
void rig_answer(struct phone_rig *r, const struct answer_options *options);
void rig_dial(struct phone_rig *r, const char *callee, guint ring_timeout_s);

/* A message from FROM with INSIDE in it; ID: of the stanza. */
void rig_message(struct phone_rig *r, const char *from, const char *inside);
/* The same as a carbon of what another device of ours has sent. */
void rig_carbon_sent(struct phone_rig *r, const char *to, const char *inside);
void rig_bounce(struct phone_rig *r, const char *from, const char *message_id);
/* A request of FROM; how it was answered. */
enum iq_cond rig_iq(struct phone_rig *r, const char *from, const char *type, const char *payload);
void rig_presence(struct phone_rig *r, const char *from, const char *type);

/* The next stanza that left, and is taken off; waits for it. Fails unless it is PATTERN (xml.h). */
const struct elem *rig_expect(struct phone_rig *r, const char *pattern);
/* The next is a JMI message of that KIND to TO about call ID; PATTERN of its inside may be NULL. */
void rig_expect_jmi(struct phone_rig *r, const char *to, const char *kind, const char *id);
/* The next is a <jingle/> of that ACTION to TO; borrowed. */
const struct elem *rig_expect_jingle(struct phone_rig *r, const char *to, const char *action);
/* Answers the oldest open question to TO whose payload is in NS (and, of a <jingle/>, of ACTION); waits for it. PAYLOAD may be NULL. */
void rig_reply(struct phone_rig *r, const char *to, const char *ns, const char *action, enum iq_cond cond, const char *payload);
gboolean rig_is_asked(struct phone_rig *r, const char *to, const char *ns);
/* TO can take calls: by jingle message initiation, too, or not. */
#define DISCO "http://jabber.org/protocol/disco#info"
#define FEATURE(var) "<feature var='" var "'/>"
#define CALLABLE FEATURE("urn:xmpp:jingle:1") FEATURE("urn:xmpp:jingle:apps:rtp:1") FEATURE("urn:xmpp:jingle:apps:rtp:audio") \
	FEATURE("urn:xmpp:jingle:transports:ice-udp:1") FEATURE("urn:xmpp:jingle:apps:dtls:0")
#define FEATURES(inside) "<query xmlns='" DISCO "'><identity category='client' type='phone'/>" inside "</query>"
/* Nothing but answers to requests, questions about features, and more addresses for an offer or accept that has left. */
void rig_expect_nothing(struct phone_rig *r);
gboolean rig_request(struct phone_rig *r, enum verb verb, guint call, char **words);	/* WORDS: the reply, or why not; freed by the caller */

#endif
