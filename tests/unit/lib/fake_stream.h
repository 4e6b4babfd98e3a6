/* fake_stream.h - xmpp/stream.h without a network or a thread, for tests of what stands upon it.
 *
 * The test plays the server: whatever is sent is kept, questions wait until the test answers them, and the test says when
 * the stream is online and what comes in. Handlers are called from inside fake_stream_online, _offline, _hear, _answer and
 * _reply; the real stream calls its own from the main loop.
 *
 * fake_stream.c stands in for the whole of xmpp/stream.c. The Makefile links it, and helpers that include this header, only
 * into programs that include this header or a helper's header that does. Main thread. */
#ifndef JCALL_TEST_FAKE_STREAM_H
#define JCALL_TEST_FAKE_STREAM_H

#include <string.h>

#include "xml.h"
#include "xmpp/stream.h"

struct fake_query {			/* an iq of ours */
	guint handle, timeout_ms;
	char *id, *to, *type;		/* TO may be NULL: our account */
	struct elem *payload;
	void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply);
	void *ctx;
	gboolean answered, cancelled;
};

struct stream {
	struct stream_handlers on;	/* of its owner; all NULL after fake_stream_init */
	const char *jid;		/* full once online */
	char *bare, *bound;		/* the account; what fake_stream_online said */
	gboolean online;
	guint closing;			/* an idle source, after stream_close */
	void (*closed)(void *ctx);
	void *closed_ctx;
	GPtrArray *queries;		/* struct fake_query, in the order they were asked */
	GPtrArray *sent;		/* struct elem: all that left, in order: whole iqs of questions, answers, and the rest */
	/* Told everything that leaves, just before it is kept. May be NULL. */
	void (*leaves)(void *ctx, const struct elem *stanza);
	void *leaves_ctx;
};

struct iq {
	struct stream *stream;		/* that it came by; NULL: fake_iq_init made it */
	struct elem *stanza;
	unsigned answers;		/* how often it was answered */
	enum iq_cond cond;		/* the latest answer, */
	struct elem *answer;		/* and its payload */
};

/* ---- a stream of the test's own ---- */

/* FULL_JID is borrowed. The stream is online and has no owner who hears of anything. */
void fake_stream_init(struct stream *x, const char *full_jid);
void fake_stream_clear(struct stream *x);

/* ---- a stream that the program opens by stream_new ---- */

/* The one that was opened last; NULL: it is gone, or none was. */
struct stream *fake_stream_last(void);
/* Whoever comes online is called back; FULL_JID is copied. */
void fake_stream_online(struct stream *x, const char *full_jid, gboolean resumed);
void fake_stream_offline(struct stream *x, enum jc_err err, gboolean final);
/* STANZA (borrowed) comes in. A request that has no id is dropped, one that nobody answers is answered service-unavailable; an
 * answer is matched to its question by id and sender, and is dropped where there is none. */
void fake_stream_hear(struct stream *x, const struct elem *stanza);

/* ---- questions that wait ---- */

/* The Nth question that is neither answered nor cancelled; if there is none, the Nth of all. NULL: none. */
struct fake_query *fake_stream_query(struct stream *x, guint n);
/* How many are neither answered nor cancelled. */
guint fake_stream_open(struct stream *x);
/* The Nth open question is answered with COND and IQ (borrowed, whole; NULL for COND_TIMEOUT and COND_DISCONNECTED). */
void fake_stream_answer(struct stream *x, guint n, enum iq_cond cond, const struct elem *iq);
/* The same, and PAYLOAD (XML; NULL: none) goes into the <iq/>. */
G_GNUC_UNUSED static void fake_stream_reply(struct stream *x, guint n, enum iq_cond cond, const char *payload)
{
	elem_auto iq = cond == COND_TIMEOUT || cond == COND_DISCONNECTED ? NULL : elem_new("iq", "jabber:client");

	if (iq)
		elem_set(iq, "type", cond == COND_OK ? "result" : "error");
	if (iq && payload)
		elem_adopt(iq, xml(payload));
	fake_stream_answer(x, n, cond, iq);
}

/* ---- a request that came by no stream ---- */

G_GNUC_UNUSED static void fake_iq_init(struct iq *iq, const char *from, const char *type, const char *payload)
{
	memset(iq, 0, sizeof(*iq));
	iq->stanza = elem_new("iq", "jabber:client");
	elem_set(iq->stanza, "from", from);
	elem_set(iq->stanza, "type", type);
	elem_adopt(iq->stanza, xml(payload));
}

void fake_iq_clear(struct iq *iq);

#endif
