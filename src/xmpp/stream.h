/* stream.h - one XMPP stream: log in, stay logged in, carry stanzas. RFC 6120, XEP-0198, XEP-0199, XEP-0368.
 *
 * libstrophe blocks its thread (DNS, TLS handshake, SCRAM), so it has one of its own inside here, with its own
 * GMainContext, a 64 MB stack and a watchdog. Everything below is called in the main thread and never blocks; every
 * handler is called in the main thread, from its main loop, never from inside one of these functions, and never after
 * stream_free.
 *
 * Policy, not options: TLS is mandatory before any password leaves and the certificate is always verified (system
 * store, plus ca_file; or the pinned hash alone decides); SCRAM only, never PLAIN or DIGEST-MD5; the JID the server
 * binds must be the account's. Nothing periodic wakes an idle stream but the keep-alive (60 s). */
#ifndef JCALL_XMPP_STREAM_H
#define JCALL_XMPP_STREAM_H

#include <glib.h>
#include "../cond.h"
#include "../elem.h"
#include "../err.h"

struct stream;
struct iq;				/* an incoming get or set that waits for its one answer */

struct stream_options {			/* copied by stream_new; the password is kept by secret.h for the next login */
	const char *jid;		/* bare; a resource in it is asked for, else "jcall-" and 128 random bits */
	const char *password;
	const char *host;		/* NULL: SRV look-up (xmpps-client and xmpp-client), then the domain */
	guint16 port;			/* 0: 5222; 5223 and 443 mean direct TLS */
	const char *ca_file;		/* PEM, trusted besides the system store; NULL: none */
	const char *pin;		/* "sha256:HEX" of the server's certificate (DER); NULL: none */
	gboolean reconnect;		/* after the first login: come back for ever, with back-off */
};

struct stream_handlers {
	/* Logged in. RESUMED: XEP-0198 took up the old stream, presence and all. */
	void (*online)(void *self, const char *full_jid, gboolean resumed);
	/* Not logged in (any more). ERROR is JC_LOGIN, JC_SERVER, JC_LOST or JC_CONFIG (ca_file); FINAL: it will not be tried again,
	 * as after another client took the resource (a stream error "conflict"). */
	void (*offline)(void *self, const GError *error, gboolean final);
	/* An iq get or set. The handler calls iq_answer at most once before it returns; what it does not answer is
	 * answered service-unavailable. The answer is queued at once: what the handler sends after it follows it. */
	void (*iq)(void *self, struct iq *iq);
	void (*message)(void *self, const struct elem *message);	/* borrowed; carbons come as they are */
	void (*presence)(void *self, const struct elem *presence);	/* borrowed */
	/* Stages of the login for timing: "dns", "tcp", "tls", "auth", "bind", each when it is done. */
	void (*phase)(void *self, const char *phase, gint64 now_us);
	/* When the certificate that the server shows, good or bad, expires, in the words of OpenSSL: "Nov 21 08:52:47 2027 GMT";
	 * before the phase "tls". Optional. */
	void (*certificate)(void *self, const char *expires);
	/* Every stanza in and out as text, secrets never. Optional. */
	void (*trace)(void *self, gboolean out, const char *xml);
	void *self;
};

struct stream *stream_new(const struct stream_options *options, const struct stream_handlers *handlers);
void         stream_connect(struct stream *x);
/* The addresses of this machine have changed: is the connection still good? Who waits to try again tries now. */
void         stream_network_changed(struct stream *x);
/* Everything queued is sent, the stream is closed in an orderly way, then done(ctx) is called in the main thread;
 * after TIMEOUT_MS without success it is cut and done is called all the same. offline is not called any more. */
void         stream_close(struct stream *x, guint timeout_ms, void (*done)(void *ctx), void *ctx);
/* Cuts what is still open; bounded, at most 1 s. Not from inside a handler. Open questions are not answered any more. */
void         stream_free(struct stream *x);

const char  *stream_jid(const struct stream *x);			/* full once online, else the account's bare JID */
gboolean     stream_is_online(const struct stream *x);
gboolean     stream_has_sm(const struct stream *x);			/* XEP-0198 is on; a moment after online */

/* Sends a message, presence or iq (takes it). An id is added where there is none. While offline: iqs and messages
 * are kept (at most 100) and sent after the next login unless older than 30 s; presence is dropped. */
void         stream_send(struct stream *x, struct elem *stanza);
/* Sends an iq of TYPE "get" or "set" with PAYLOAD (taken) to TO (NULL: our account). done(ctx, cond, reply) is called
 * exactly once: with the answer (matched by id and sender), COND_TOO_LARGE where that is beyond the bounds of stanza.h (reply is
 * without its payload then), COND_TIMEOUT after TIMEOUT_MS, or COND_DISCONNECTED when the stream is given up. reply is the whole iq, borrowed, NULL without one. Returns a handle for stream_query_cancel.
 * An unanswered query survives a reconnect: it is sent again on a fresh stream, so the other side may get it twice. */
guint        stream_query(struct stream *x, const char *to, const char *type, struct elem *payload, guint timeout_ms,
			void (*done)(void *ctx, enum iq_cond cond, const struct elem *reply), void *ctx);
void         stream_query_cancel(struct stream *x, guint handle);	/* done is not called; 0 and unknown are fine */

const struct elem *iq_stanza(const struct iq *iq);	/* the whole <iq/>, borrowed while the iq lives */
const char  *iq_from(const struct iq *iq);		/* never NULL: our bare JID where the server left it out */
const struct elem *iq_payload(const struct iq *iq);	/* first child; NULL: none */
gboolean     iq_is_set(const struct iq *iq);
void         iq_answer(struct iq *iq, enum iq_cond cond, struct elem *payload);	/* takes PAYLOAD (NULL: none) */

#endif
