/* doctor.h - `jcall doctor`: what calls need, checked one by one, each with a result, a sentence and what to do about it.
 *
 * Main thread; nothing blocks it but the reading of the configuration and the password. The parts open findings and close each of
 * them exactly once; they know nothing of each other. What is found out side by side is told in the order of enum check. */
#ifndef JCALL_DOCTOR_H
#define JCALL_DOCTOR_H

#include "config.h"
#include "err.h"
#include "ui.h"

enum check {				/* in the order in which they are told; names and words are in doctor_list.c */
	CHECK_CONFIGURATION, CHECK_DNS, CHECK_SERVER, CHECK_CERTIFICATE, CHECK_LOGIN, CHECK_STREAM_MANAGEMENT, CHECK_CARBONS,
	CHECK_ARCHIVE, CHECK_CAPABILITIES, CHECK_SERVICES, CHECK_STUN, CHECK_NAT, CHECK_TURN, CHECK_MICROPHONE, CHECK_LOUDSPEAKER,
	CHECK_PEER, CHECK_ECHO, CHECK_COUNT
};

enum result { RESULT_OK, RESULT_SKIPPED, RESULT_WARNING, RESULT_FAILED };	/* the worse the higher */

/* ---- doctor_list.c: the findings, and how they are told ---- */

struct findings;
struct finding;				/* lives as long as its list */


/* DONE(ctx) comes, from the main loop, when every finding is closed. UI is borrowed. */
struct findings *findings_new(struct ui *ui, gboolean json, gboolean quiet, void (*done)(void *ctx), void *ctx);
void             findings_free(struct findings *f);
/* Its time begins. What comes after it in the order is not told before it is closed. */
struct finding  *finding_open(struct findings *f, enum check check);
/* FIX: one line, NULL: there is nothing to do. ERR is the exit status of a failure, else unused. Text from the network must have
 * passed text_clean(). */
void             finding_ok(struct finding *g, const char *format, ...) G_GNUC_PRINTF(2, 3);
void             finding_skipped(struct finding *g, const char *format, ...) G_GNUC_PRINTF(2, 3);
void             finding_warn(struct finding *g, const char *fix, const char *format, ...) G_GNUC_PRINTF(3, 4);
void             finding_fail(struct finding *g, enum jc_err err, const char *fix, const char *format, ...) G_GNUC_PRINTF(4, 5);
void             finding_restart(struct finding *g);		/* its time begins now */
gboolean         finding_is_open(const struct finding *g);
/* Closes what is still open: it has taken too long. */
void             findings_give_up(struct findings *f);
/* Tells the whole: the last line or event. Returns the exit status: that of the first failure in the order. */
int              findings_conclude(struct findings *f);

/* ---- doctor_reach.c: names and addresses of the server ---- */

struct reach;
struct reach *reach_begin(struct findings *f, const struct account *account);	/* CHECK_DNS, CHECK_SERVER */
void          reach_free(struct reach *r);

/* ---- doctor_login.c: the account ---- */

struct login;
/* From CHECK_CERTIFICATE to CHECK_SERVICES, and CHECK_PEER if PEER (bare or full; borrowed) is given. SERVERS(ctx) comes once, when
 * it is known which STUN and TURN servers there are, or that the login fails. CONFIG is borrowed. */
struct login *login_begin(struct findings *f, const struct config *config, const struct account *account, const char *password,
			  const char *peer, gboolean trace, void (*servers)(void *ctx, const struct server_list *list), void *ctx);
gboolean      login_is_online(const struct login *l);
void          login_close(struct login *l, void (*done)(void *ctx), void *ctx);	/* done within 1 s */
void          login_free(struct login *l);
/* When a certificate ends: "Nov 21 08:52:47 2027 GMT", as OpenSSL writes it, in seconds since 1970. FALSE: it is no such text. */
gboolean      certificate_time(const char *text, gint64 *at_s);

/* doctor_peer.c: whether somebody can be called. */
struct disco;
struct peer_check;
struct peer_check *peer_check_begin(struct finding *g, struct disco *disco, const char *peer, unsigned needed);
void               peer_check_free(struct peer_check *p);

/* doctor_echo.c: a real call to somebody who sends back what he hears; HIDE: by a relay. Borrows all but the password. */
struct echo_check;
struct echo_check *echo_check_new(struct findings *f, const struct config *config, const struct account *account, const char *password,
				  const char *peer, gboolean hide);
void               echo_check_begin(struct echo_check *e, gboolean possible);	/* once; not POSSIBLE: there is no login */
/* Ends the call if there is one; done comes at once or later, and before it nothing may be freed. */
void               echo_check_close(struct echo_check *e, void (*done)(void *ctx), void *ctx);
void               echo_check_free(struct echo_check *e);

/* ---- doctor_ways.c: STUN, NAT and TURN ---- */

struct ways;
/* CHECK_STUN to CHECK_TURN. HIDES: there is no call without a relay. SERVERS are copied. CA_FILE: whom relays by TLS are trusted by
 * besides the system store; may be NULL. */
struct ways *ways_begin(struct findings *f, const struct server_list *servers, const char *ca_file, gboolean hides);
void         ways_free(struct ways *w);

/* ---- doctor_sound.c: the devices ---- */

struct sound_check;
struct sound_check *sound_check_begin(struct findings *f, const char *in_spec, const char *out_spec);	/* borrowed */
void                sound_check_free(struct sound_check *s);

#endif
