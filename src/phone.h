/* phone.h - a logged-in account that can call and be called: the stream, who is who, and which stanza belongs to which
 * call. Main thread.
 *
 * It routes: jingle IQs to the call of (peer's full JID, sid), everything else about calls to its owner (dial.h,
 * answer.h). Strangers and those who are blocked (standing.h) learn nothing: whatever they ask, they get the same
 * service-unavailable as from a device that is not there, and their offers are heard by nobody. */
#ifndef JCALL_PHONE_H
#define JCALL_PHONE_H

#include "call.h"
#include "config.h"
#include "jingle/jmi.h"
#include "standing.h"
#include "ui.h"
#include "xmpp/archive.h"
#include "xmpp/disco.h"
#include "xmpp/extdisco.h"
#include "xmpp/roster.h"
#include "xmpp/stream.h"

struct phone;

struct phone_events {
	void (*online)(void *self, gboolean resumed);
	void (*offline)(void *self, const GError *error, gboolean final);
	void (*roster)(void *self);			/* the contact list is known (or cannot be had) */
	void (*blocked)(void *self);			/* optional: the block list is known, cannot be had or has changed */
	/* A JMI message, of nobody who is blocked or behind a room. OURS: sent by our own account (another device of ours; carbons are unwrapped and checked). */
	void (*jmi)(void *self, const struct elem *message, const char *from, const struct jmi_msg *m, gboolean ours);
	/* A message of type error came from FROM, who may be anybody. */
	void (*bounced)(void *self, const char *from, const char *message_id, const char *condition);
	/* A well-formed session-initiate that belongs to no call, of somebody who may know that we are here: answer IQ. */
	void (*offer)(void *self, struct iq *iq, const struct jingle_msg *m);
	/* FROM sent a session-initiate that was refused: it was malformed. Called back behind the refusal; optional. */
	void (*spoilt)(void *self, const char *from);
	void (*here)(void *self, const char *full_jid, int priority);	/* available presence; optional */
	void (*gone)(void *self, const char *full_jid);	/* unavailable presence of a peer of one of our calls */
	void *self;
};

/* CONFIG and ACCOUNT are borrowed. */
struct phone *phone_new(const struct config *config, const struct account *account, const char *password, struct ui *ui,
			gboolean trace, const struct phone_events *events);
void          phone_set_events(struct phone *p, const struct phone_events *events);	/* copied */
void          phone_hide(struct phone *p);		/* no call tells or uses any address of ours but a relay's */
void          phone_free(struct phone *p);
void          phone_connect(struct phone *p);
/* Says unavailable, flushes, closes; done(ctx) in the main loop, within 3 s. */
void          phone_close(struct phone *p, void (*done)(void *ctx), void *ctx);

/* Presence with our capabilities: TO NULL broadcasts, with PRIORITY; else directed (XEP-0353 3.1). */
void          phone_presence(struct phone *p, const char *to, int priority);
void          phone_send(struct phone *p, struct elem *stanza);	/* takes */
void          phone_send_all(struct phone *p, GPtrArray *stanzas);	/* takes: the array and every struct elem in it */

/* Does it depend on features of PEER that are not known yet which keys are offered to it? Then disco_query comes before
 * phone_dial, however long it takes. */
gboolean      phone_should_ask(const struct phone *p, const char *peer);
/* Which of enum disco_can PEER must have for a call with him. */
unsigned      phone_needs(const struct phone *p, const char *peer);
/* Gathers for a call with PEER, which is not there yet. NULL: that cannot be done. */
struct call_ahead *phone_prepare(struct phone *p, const char *peer, gboolean we_call);
/* A new call; the phone routes its stanzas until phone_drop. SID and PEER are copied. */
struct call  *phone_dial(struct phone *p, const char *sid, const char *peer, const struct call_events *events);
/* From inside the offer event: the call of IQ's session-initiate. Answers IQ. */
struct call  *phone_take(struct phone *p, struct iq *iq, const struct jingle_msg *m,
			 const struct call_events *events);
/* Counts a caller who is to hear that we are busy. FALSE: these are too many lately, he gets nothing. */
gboolean      phone_may_refuse(struct phone *p);
/* Acknowledges the session-initiate and ends that session at once with the reason of ERR; JC_BUSY with a call of that very
 * client says which session that is (alternative-session). In a flood (phone_may_refuse) it is a resource-constraint (XEP-0166
 * "Errors"), and FALSE is returned. */
gboolean      phone_refuse(struct phone *p, struct iq *iq, const struct jingle_msg *m, enum jc_err err);
/* Ends the media and forgets the call; done as in call_free. */
void          phone_drop(struct phone *p, struct call *c, void (*done)(void *ctx, const struct media_stats *stats),
			 void *ctx);

const char    *phone_jid(const struct phone *p);		/* full, once online */
/* As what phone_jid is told in an event (fields_add_all): "u", our user's own word, unless the server has chosen a resource that
 * is not harmless in a command's environment. */
const char    *phone_jid_kind(const struct phone *p);
gboolean       phone_is_online(const struct phone *p);
/* Calls DONE(CTX, whatever) in the main loop once all that the server has sent us by now has been dealt with: the answer to a
 * ping follows it; or after 3 s. Not after phone_free. */
void           phone_after(struct phone *p, void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply), void *ctx);
struct disco  *phone_disco(struct phone *p);
struct media_thread *phone_media(struct phone *p);
struct roster *phone_roster(struct phone *p);
struct archive *phone_archive(struct phone *p);
/* The contact list and the block list are known (or cannot be had): from now on nobody is taken for somebody else. */
gboolean       phone_knows_people(const struct phone *p);
/* What JID is to us (standing.h). Whoever has a call with us is no stranger. */
enum standing  phone_standing(const struct phone *p, const char *jid);
gboolean       phone_may_know(const struct phone *p, const char *jid);	/* standing_may_know of that */
void           phone_expose_to(struct phone *p, const char *jid);	/* standings_know: we are calling it, or took its call */
/* standings_allow: ALLOW is borrowed; and standings_is_allowed. */
void           phone_allow(struct phone *p, const GPtrArray *allow, gboolean contacts);
gboolean       phone_is_allowed(const struct phone *p, const char *jid);

gint64 clock_ms(void);			/* the monotonic clock of the signalling side */
gint64 clock_s(void);			/* seconds since 1970 */

#endif
