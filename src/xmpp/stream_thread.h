/* stream_thread.h - the xmpp thread's state, and what its two files do for each other: stream_thread.c holds libstrophe,
 * stream_attempt.c decides what is tried next, when a connection is dead, and starts and ends the thread. Nobody else includes
 * this. */
#ifndef JCALL_XMPP_STREAM_THREAD_H
#define JCALL_XMPP_STREAM_THREAD_H

#include "report.h"
#include "secret.h"
#include "stream_priv.h"
#include "targets.h"

struct _xmpp_ctx_t;
struct _xmpp_conn_t;

enum { KEEPALIVE_S = 60, BACKOFF_FIRST_MS = 200 };

struct stream_thread {
	struct stream_link link;
	struct reporter reporter;
	/* options */
	char *jid, *bare, *host, *ca_file, *pin;
	struct secret *password;	/* NULL: none was given */
	guint16 port;
	gboolean reconnect;
	/* libstrophe */
	struct _xmpp_ctx_t *ctx;
	struct _xmpp_conn_t *conn;
	GSource *source, *tick, *keepalive, *retry;
	gpointer fd_tag;
	GIOCondition wanted;
	int fd;				/* libstrophe's socket; -1: none */
	/* this attempt */
	GArray *targets;
	guint next_target, backoff_ms;
	gboolean connecting, online, ever_online, closing, tcp_up, secured, verified, logged_in, resumed, pinging;
	gboolean proceeding;		/* <proceed/> came, but no word by TLS yet */
	char *cert_words;		/* what is wrong with the certificate; NULL: nothing so far */
	gint64 last_heard_us;
	GError *why;			/* the first thing that went wrong in this attempt */
	gboolean resumable, stale;	/* XEP-0198: the next connection may take up this stream; the server knows it no more */
	gboolean passing;		/* the login failed for a cause that may pass */
	gboolean ended, conflict;	/* libstrophe let go of the connection; because another client took our resource */
	char *words;			/* what the server said to that, cleaned: its text, or the condition */
	char *other_host;		/* where it sends us (see-other-host, RFC 6120 4.9.3.19), as it was said; NULL: nowhere */
	unsigned redirections;		/* followed since the last login or the last failure */
};

/* ---- stream_thread.c ---- */

void    *thread_run(void *t);					/* the whole life of the thread */
gboolean thread_try_next(struct stream_thread *t);			/* begins with the next target; FALSE: there is none */
void     thread_pump(struct stream_thread *t);			/* never from inside a handler of libstrophe */
void     thread_ping(struct stream_thread *t);
void     thread_unwatch(struct stream_thread *t);			/* the socket is gone */
/* Ends the connection; whatever libstrophe does next, the password is not with it any more. Takes ERROR. */
void     thread_refuse(struct stream_thread *t, GError *error);
void     thread_send(void *t, void *arg);				/* of type post_fn: ARG points at a GPtrArray * of struct elem *, taken */
void     thread_close(void *t, void *arg);				/* of type post_fn */

/* ---- stream_attempt.c ---- */

void     thread_report(struct stream_thread *t, struct report r);
void     thread_phase(struct stream_thread *t, const char *phase);	/* static word */
void     thread_timer(struct stream_thread *t, GSource **slot, guint ms, GSourceFunc fn);	/* FN NULL: none any more */
void     attempt_network(void *t, void *arg);				/* of type post_fn */
void     attempt_settle(struct stream_thread *t);			/* after the end of a connection: what now? */
gboolean attempt_keepalive(gpointer t);				/* GSourceFunc of t->keepalive */

#endif
