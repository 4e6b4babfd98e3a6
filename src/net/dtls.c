/* dtls.c - whom a DTLS handshake believes.
 *
 * Until the peer's Finished, everything of a handshake travels in the clear, and whoever can send from the peer's address
 * can forge it. OpenSSL believes what comes first and gives up at the first contradiction. So it is told nothing here
 * before the peer's certificate, which the signalling announced, has signed for it:
 *   as client: the ServerKeyExchange, whose signature covers our random number and the server's;
 *   as server: the CertificateVerify, whose signature covers every message so far.
 * All versions of a message that come are kept (a few of each) until those are found that the signature fits.
 *
 * A ClientHello is signed by nobody before that. The first one is answered at once, as ever. Any other has to show that
 * its sender hears us (RFC 6347 4.2.1: a cookie), and then gets a handshake of its own beside the first. A client that is
 * asked for a cookie begins such another handshake, too, since the question may be forged; the first one goes on.
 *
 * What no handshake can be wrong about is dropped in silence, and nothing in the clear makes us give up: the caller of
 * this module does, after its 30 s. */
#include "dtls_priv.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "../err.h"
#include "../random.h"

#define NOT_ANNOUNCED "the peer's certificate is not the one it announced: somebody may be listening in"

enum {
	ATTEMPTS = 4,				/* handshakes beside each other: the first, and those with a cookie */
	EARLY_RECORDS = 4,			/* encrypted ones kept until their handshake is that far */
	EARLY_MAX = 128,			/* [bytes] of each; a Finished has 61 */
	AGAIN_US = 250 * 1000,			/* after a handshake that failed, */
	STUCK_US = 3 * G_USEC_PER_SEC,		/* or after the peer's flight, if nothing follows, another one begins */
	COOKIE_EVERY_US = 50 * 1000,		/* cookies are believed no more often: each costs a handshake */
};

/* What strangers can make us do. */
static const struct allowance
	hellos = {.per_s = 5, .most = 5, .left = 5},	/* handshakes as server: 0.3 ms and 1 KB sent each */
	heard  = {.per_s = 20, .most = 20, .left = 20},	/* the same with a cookie: nobody else can use these up */
	asks   = {.per_s = 20, .most = 20, .left = 20};	/* questions for a cookie: 44 bytes each */

struct dtls {
	SSL_CTX *ctx;
	gboolean client;
	struct dtls_fingerprint peer;
	void (*send)(void *self, const uint8_t *data, size_t len);
	void *self;
	uint8_t out[DTLS_MTU];			/* a datagram that is being filled */
	size_t out_len;
	enum dtls_status status;
	GError *error;
	const char *trouble;
	struct attempt *attempt[ATTEMPTS];	/* the first: without a cookie */
	struct attempt *asking;			/* as client, one of those: waits for the cookie; NULL: none */
	struct attempt *finished;		/* one of those, the only one left; NULL: none yet */
	unsigned next_place;			/* of those with a cookie */
	struct dtls_parts *parts;
	struct flights *flights;
	struct { size_t len; uint8_t data[EARLY_MAX]; } early[EARLY_RECORDS];
	unsigned next_early;
	unsigned datagram;			/* counts those that came */
	gboolean fresh;				/* messages came that were not looked at */
	struct allowance hellos, heard, asks;
	uint8_t cookie[DTLS_COOKIE];		/* as server: what only the peer's address gets to see */
	uint8_t hello_number[6];		/* of the record at hand */
	uint8_t question[2 + 1 + DTLS_COOKIE_MAX];	/* as client: the body of one HelloVerifyRequest */
	size_t question_len;			/* [bytes] 0: none came */
	unsigned questions;			/* that came since one was believed */
	gint64 now_us, cookie_at, again_at, deadline_us;
};

/* ---- datagrams out: OpenSSL repeats a flight a record at a time, of which five would have to arrive on a line that loses
 * packets: what it writes in one go leaves in one datagram, as the first time ---- */

static void flush(struct dtls *d)
{
	if (d->out_len)
		d->send(d->self, d->out, d->out_len);
	d->out_len = 0;
}

static void on_record(void *self, const uint8_t *record, size_t len)
{
	struct dtls *d = self;

	if (len > sizeof(d->out) - d->out_len)
		flush(d);
	if (len > sizeof(d->out))
		return;			/* no record is larger than the MTU that OpenSSL was told */
	memcpy(d->out + d->out_len, record, len);
	d->out_len += len;
}

/* ---- handshakes beside each other ---- */

static void set_error(struct dtls *d, const char *what, const char *reason)
{
	d->status = DTLS_FAILED;
	if (!d->error)
		d->error = g_error_new(JC_ERROR, JC_SECURITY, "%s%s%s%s", what, reason ? " (" : "", reason ? reason : "",
				       reason ? ")" : "");
}

static void drop_attempt(struct dtls *d, unsigned i)
{
	struct attempt *a = d->attempt[i];

	if (!a)
		return;
	if (a->trouble)
		d->trouble = a->trouble;
	if (d->asking == a)
		d->asking = NULL;
	d->attempt[i] = NULL;
	attempt_free(a);
	if (i == 0)
		d->again_at = d->now_us + AGAIN_US;
}

static void drop_broken(struct dtls *d)
{
	for (unsigned i = 0; i < ATTEMPTS; i++)
		if (d->attempt[i] && d->attempt[i]->state == ATTEMPT_BROKEN)
			drop_attempt(d, i);
}

/* Those with a cookie give way to each other, never the first to them. */
static unsigned free_place(struct dtls *d)
{
	unsigned i = 1 + d->next_place;

	d->next_place = (d->next_place + 1) % (ATTEMPTS - 1);
	drop_attempt(d, i);
	return i;
}

static struct attempt *begin_attempt(struct dtls *d, unsigned place, gboolean with_cookie)
{
	const uint8_t *cookie = with_cookie && !d->client ? d->cookie : NULL;
	struct attempt *a = attempt_new(d->ctx, d->client, cookie, on_record, d);

	d->attempt[place] = a;
	if (a && d->client)
		attempt_begin(a);
	return a;
}

/* The peer's flight was proven, and its Finished may still come. */
static gboolean is_coming_to_its_end(const struct attempt *a, gint64 now_us)
{
	return a && a->state == ATTEMPT_SEALED && now_us < a->sealed_us + STUCK_US;
}

static gboolean is_any_coming_to_its_end(const struct dtls *d)
{
	for (unsigned i = 0; i < ATTEMPTS; i++)
		if (is_coming_to_its_end(d->attempt[i], d->now_us))
			return TRUE;
	return FALSE;
}

static gboolean has_hello(const struct dtls *d, const uint8_t *random)
{
	for (unsigned i = 0; i < ATTEMPTS; i++)
		if (d->attempt[i] && memcmp(d->attempt[i]->random, random, sizeof(d->attempt[i]->random)) == 0)
			return TRUE;
	return FALSE;
}

/* ---- hellos and cookies ---- */

static void ask_for_cookie(struct dtls *d)
{
	uint8_t body[3 + DTLS_COOKIE] = {0xfe, 0xff, DTLS_COOKIE};
	struct dtls_piece m = {.type = DTLS_HELLO_VERIFY, .total = sizeof(body), .len = sizeof(body), .body = body};
	uint8_t head[DTLS_RECORD_HEAD] = {DTLS_HANDSHAKE, 0xfe, 0xff};
	g_autoptr(GByteArray) record = g_byte_array_new();

	memcpy(body + 3, d->cookie, DTLS_COOKIE);
	memcpy(head + 5, d->hello_number, sizeof(d->hello_number));
	head[12] = DTLS_MESSAGE_HEAD + sizeof(body);
	g_byte_array_append(record, head, sizeof(head));
	dtls_put_message(record, &m);
	on_record(d, record->data, record->len);
	flush(d);
}

static void take_client_hello(struct dtls *d, const struct dtls_piece *m)
{
	struct dtls_hello hello;
	struct attempt *a;
	gboolean proven;

	if (m->seq > 1 || !dtls_read_client_hello(m, &hello) || has_hello(d, hello.random))
		return;
	proven = m->seq == 1 && hello.cookie_len == DTLS_COOKIE &&
		 CRYPTO_memcmp(m->body + hello.cookie_at, d->cookie, DTLS_COOKIE) == 0;
	if (!proven && (m->seq == 1 || hello.cookie_len || d->attempt[0])) {
		if (dtls_allow(&d->asks, d->now_us))
			ask_for_cookie(d);
		return;
	}
	if (!dtls_allow(proven ? &d->heard : &d->hellos, d->now_us))
		return;
	a = begin_attempt(d, proven ? free_place(d) : 0, proven);
	if (a)
		attempt_hear_hello(a, m, &hello);
	drop_broken(d);
}

/* Of all that came since one was believed each is as likely to be so next. */
static void take_question(struct dtls *d, const struct dtls_piece *m)
{
	if (m->seq != 0 || m->len > sizeof(d->question) || !dtls_read_hello_verify(m) || is_any_coming_to_its_end(d))
		return;
	d->questions++;
	if (random_u32() % d->questions > 0)
		return;
	memcpy(d->question, m->body, m->len);
	d->question_len = m->len;
	d->cookie_at = MAX(d->cookie_at, d->now_us);
}

/* The first handshake goes on without a cookie. Another one asks for it, and then repeats its own hello with it: a cookie
 * may be for no other (RFC 6347 4.2.1). */
static void believe_question(struct dtls *d)
{
	struct dtls_piece m = {.type = DTLS_HELLO_VERIFY, .total = d->question_len, .len = d->question_len, .body = d->question};
	struct attempt *a = d->asking;

	if (a) {
		d->asking = NULL;
		a->first = 1;
		attempt_hear(a, &m);
	} else {
		d->asking = begin_attempt(d, free_place(d), TRUE);
	}
	d->questions = 0;
	d->question_len = 0;
	d->cookie_at = d->now_us + COOKIE_EVERY_US;
	drop_broken(d);
}

/* ---- flights ---- */

static void hear_sealed(struct dtls *d, const uint8_t *record, size_t len);

static void hear_flight(struct dtls *d, struct attempt *a, const struct flight *f)
{
	for (unsigned i = 0; i < f->count; i++)
		attempt_hear(a, &f->m[i]->m);
	attempt_seal(a, d->now_us);
	for (unsigned i = 0; i < EARLY_RECORDS && d->status == DTLS_HANDSHAKING; i++)
		hear_sealed(d, d->early[i].data, d->early[i].len);
}

/* Who signed with another certificate than the announced one has heard what we sent: that is no blind forgery. */
static void look_for_flights(struct dtls *d)
{
	struct flight f;

	d->fresh = FALSE;
	for (unsigned i = 0; i < ATTEMPTS && d->status == DTLS_HANDSHAKING; i++) {
		struct attempt *a = d->attempt[i];

		if (!a || a->state != ATTEMPT_OPEN)
			continue;
		switch (flights_find(d->flights, a, d->now_us, &f)) {
		case FLIGHT_FOUND:
			hear_flight(d, a, &f);
			break;
		case FLIGHT_OF_ANOTHER:
			set_error(d, NOT_ANNOUNCED, NULL);
			break;
		case FLIGHT_NONE:
			break;
		}
	}
	drop_broken(d);
}

/* ---- what comes ---- */

static void on_message(void *self, const struct dtls_piece *m)
{
	struct dtls *d = self;

	if (m->type == DTLS_CLIENT_HELLO && !d->client)
		take_client_hello(d, m);
	else if (m->type == DTLS_HELLO_VERIFY && d->client)
		take_question(d, m);
	else if (flights_keep(d->flights, m, d->datagram))
		d->fresh = TRUE;
}

static void free_rest(struct dtls *d)
{
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (d->attempt[i] != d->finished)
			attempt_free(d->attempt[i]);
		d->attempt[i] = NULL;
	}
	d->asking = NULL;
	g_clear_pointer(&d->parts, dtls_parts_free);
	g_clear_pointer(&d->flights, flights_free);
}

static void judge(struct dtls *d, struct attempt *a)
{
	d->finished = a;
	if (!attempt_is_with(a, &d->peer))
		set_error(d, NOT_ANNOUNCED, NULL);
	else if (!SSL_get_selected_srtp_profile(a->ssl))	/* the handshake succeeds all the same without one */
		set_error(d, "the peer's client knows no common way of media encryption", NULL);
	else
		d->status = DTLS_DONE;
}

/* A record of another handshake, or a forged one, does not decrypt. */
static void hear_sealed(struct dtls *d, const uint8_t *record, size_t len)
{
	for (unsigned i = 0; i < ATTEMPTS && d->status == DTLS_HANDSHAKING; i++) {
		struct attempt *a = d->attempt[i];

		if (!a || a->state != ATTEMPT_SEALED)
			continue;
		attempt_hear_sealed(a, record, len);
		if (a->state == ATTEMPT_FINISHED)
			judge(d, a);
	}
}

static void hear_finished(struct dtls *d, const struct dtls_record *r)
{
	attempt_hear_sealed(d->finished, r->whole, r->whole_len);
	if (d->finished->alert >= 0)
		set_error(d, "the peer's client has broken the encryption off",
			  SSL_alert_desc_string_long(d->finished->alert));
}

static void keep_early(struct dtls *d, const struct dtls_record *r)
{
	if (r->whole_len > EARLY_MAX)
		return;
	memcpy(d->early[d->next_early].data, r->whole, r->whole_len);
	d->early[d->next_early].len = r->whole_len;
	d->next_early = (d->next_early + 1) % EARLY_RECORDS;
}

static void take_clear(struct dtls *d, const struct dtls_record *r)
{
	const uint8_t *at = r->body;
	size_t left = r->len;
	struct dtls_piece piece;

	if (d->status != DTLS_HANDSHAKING)
		return;
	if (r->type == DTLS_ALERT && r->len == 2)
		d->trouble = SSL_alert_desc_string_long(r->body[1]);	/* it may be forged: words for the end alone */
	if (r->type != DTLS_HANDSHAKE)
		return;
	memcpy(d->hello_number, r->whole + 5, sizeof(d->hello_number));
	while (left && dtls_next_piece(&at, &left, &piece))
		dtls_parts_add(d->parts, &piece);
}

static void take_record(struct dtls *d, const struct dtls_record *r)
{
	if (r->epoch == 0) {
		take_clear(d, r);
	} else if (r->epoch == 1 && d->status == DTLS_DONE) {
		hear_finished(d, r);
	} else if (r->epoch == 1 && d->status == DTLS_HANDSHAKING) {
		keep_early(d, r);
		hear_sealed(d, r->whole, r->whole_len);
	}
}

/* ---- time ---- */

/* OpenSSL would do so from inside the next thing it hears, and what it repeats would share a datagram with what it says next. It drops
 * itself what follows a message that it had before. */
static void repeat_if_due(struct dtls *d)
{
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (!d->attempt[i])
			continue;
		attempt_expire(d->attempt[i]);
		flush(d);
	}
	drop_broken(d);
}

/* The client begins anew. Whoever waits as server has nothing to begin. */
static void begin_again(struct dtls *d)
{
	struct attempt *a = d->attempt[0];

	if (!a && d->now_us >= d->again_at) {
		begin_attempt(d, 0, FALSE);
	} else if (a && a->state == ATTEMPT_SEALED && !is_coming_to_its_end(a, d->now_us)) {
		unsigned place = free_place(d);

		d->attempt[place] = a;			/* it may still come to its end */
		begin_attempt(d, 0, FALSE);
	}
}

static void catch_up(struct dtls *d)
{
	if (d->status != DTLS_HANDSHAKING)
		return;
	if (d->fresh)
		look_for_flights(d);
	if (d->status != DTLS_HANDSHAKING || !d->client)
		return;
	if (d->question_len && d->now_us >= d->cookie_at)
		believe_question(d);
	begin_again(d);
}

static gint64 next_beginning(const struct dtls *d)
{
	const struct attempt *a = d->attempt[0];

	if (!a)
		return d->again_at;
	return a->state == ATTEMPT_SEALED ? a->sealed_us + STUCK_US : G_MAXINT64;
}

static void update_deadline(struct dtls *d)
{
	d->deadline_us = G_MAXINT64;
	if (d->status != DTLS_HANDSHAKING)
		return;
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		gint64 wait = d->attempt[i] ? attempt_wait_us(d->attempt[i]) : G_MAXINT64;

		if (wait < G_MAXINT64)
			d->deadline_us = MIN(d->deadline_us, d->now_us + wait);
	}
	if (d->client)
		d->deadline_us = MIN(d->deadline_us, next_beginning(d));
	if (d->question_len)
		d->deadline_us = MIN(d->deadline_us, d->cookie_at);
}

static enum dtls_status settle(struct dtls *d)
{
	catch_up(d);
	flush(d);
	if (d->status != DTLS_HANDSHAKING && d->parts)
		free_rest(d);
	update_deadline(d);
	return d->status;
}

/* ---- the module ---- */

struct dtls *dtls_new(const struct dtls_cert *cert, gboolean client, const struct dtls_fingerprint *peer,
		      void (*send)(void *self, const uint8_t *data, size_t len), void *self, GError **error)
{
	struct dtls *d = g_new0(struct dtls, 1);

	d->client = client;
	d->peer = *peer;
	d->send = send;
	d->self = self;
	d->deadline_us = G_MAXINT64;
	d->parts = dtls_parts_new(on_message, d);
	d->flights = flights_new(peer, client);
	d->hellos = hellos;
	d->heard = heard;
	d->asks = asks;
	d->ctx = dtls_ctx_new(cert);
	if (d->ctx && RAND_bytes(d->cookie, sizeof(d->cookie)) == 1)
		return d;
	ERR_clear_error();
	g_set_error(error, JC_ERROR, JC_INTERNAL, "OpenSSL cannot do DTLS-SRTP here");
	dtls_free(d);
	return NULL;
}

void dtls_set_profiles(struct dtls *d, const char *profiles)
{
	SSL_CTX_set_tlsext_use_srtp(d->ctx, profiles);
}

void dtls_free(struct dtls *d)
{
	if (!d)
		return;
	free_rest(d);
	attempt_free(d->finished);
	SSL_CTX_free(d->ctx);
	g_clear_error(&d->error);
	g_free(d);
}

gboolean dtls_may_begin(const uint8_t *data, size_t len)
{
	struct dtls_record r;

	while (dtls_next_record(&data, &len, &r))
		if (r.type == DTLS_HANDSHAKE && r.epoch == 0 && r.len >= DTLS_MESSAGE_HEAD &&
		    r.body[0] == DTLS_CLIENT_HELLO)
			return TRUE;
	return FALSE;
}

enum dtls_status dtls_start(struct dtls *d, gint64 now_us)
{
	d->now_us = d->again_at = now_us;
	return settle(d);
}

enum dtls_status dtls_input(struct dtls *d, const uint8_t *data, size_t len, gint64 now_us)
{
	struct dtls_record r;

	if (d->status == DTLS_FAILED || len > G_MAXINT)
		return d->status;
	d->now_us = now_us;
	d->datagram++;
	if (d->status == DTLS_HANDSHAKING)
		repeat_if_due(d);
	while (d->status != DTLS_FAILED && dtls_next_record(&data, &len, &r))
		take_record(d, &r);
	return settle(d);
}

enum dtls_status dtls_expire(struct dtls *d, gint64 now_us)
{
	d->now_us = now_us;
	if (d->status == DTLS_HANDSHAKING)
		repeat_if_due(d);
	settle(d);
	/* OpenSSL's clock may be a little behind ours: never ask for the same moment again. */
	if (d->deadline_us <= now_us)
		d->deadline_us = now_us + 5000;
	return d->status;
}

gint64 dtls_deadline(const struct dtls *d)
{
	return d->deadline_us;
}

const GError *dtls_error(const struct dtls *d)
{
	return d->error;
}

const char *dtls_trouble(const struct dtls *d)
{
	return d->trouble;
}

gboolean dtls_closed(const struct dtls *d)
{
	return d->finished && d->finished->closed;
}

gboolean dtls_keys(const struct dtls *d, struct srtp_keys *tx, struct srtp_keys *rx)
{
	return d->status == DTLS_DONE && attempt_keys(d->finished, tx, rx);
}

void dtls_bye(struct dtls *d)
{
	if (d->status == DTLS_DONE)
		attempt_bye(d->finished);
	flush(d);
}
