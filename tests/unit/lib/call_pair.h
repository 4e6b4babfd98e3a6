/* call_pair.h - two whole calls, joined by a signalling made of text. Media go over loopback with the real clock; what is waited
 * for is an event. OPEN_ALL and STOP_ALL are the setup and teardown of a group.
 *
 * It has fake_stream.h, which only programs that include it are linked with, and so belongs to a test program itself. */
#ifndef JCALL_TEST_CALL_PAIR_H
#define JCALL_TEST_CALL_PAIR_H

#include "call.h"
#include "fake_stream.h"

enum { PATIENCE_S = 40 };

#define ICE  {.kind = {TRANSPORT_ICE_UDP}, .count = 1}
#define RAW  {.kind = {TRANSPORT_RAW_UDP}, .count = 1}
#define BOTH {.kind = {TRANSPORT_ICE_UDP, TRANSPORT_RAW_UDP}, .count = 2}
#define DTLS      {.kind = {KEYING_DTLS}, .count = 1}
#define SDES      {.kind = {KEYING_SDES}, .count = 1}
#define DTLS_SDES {.kind = {KEYING_DTLS, KEYING_SDES}, .count = 2}

struct side {
	const char *jid;
	struct pair *pair;
	struct side *other;
	struct stream stream;
	struct call_env env;
	struct call_terms terms;
	struct call *call;
	struct call_ahead *ahead;		/* Juliet's, to be used when she accepts */
	struct ends ends;
	struct dtls_cert *cert;
	GString *actions;			/* that it sent, in order */
	char digits[64];			/* of the other's, as they were told */
	unsigned incoming, redirected, accepted, secured, heard, voices, ended, closed;
	enum transport_kind connected_by;
	enum keying_kind keyed_by;
	const char *suite;
	enum jc_err err;
	enum jingle_reason reason;
	struct transport_list transports;
};

struct pair {
	struct side romeo, juliet;
	gboolean undecided;			/* Juliet does not accept by herself */
	gboolean ice_blocked;			/* the signalling gives each side a password that is not the other's */
	gboolean forged;			/* it gives each side a fingerprint that is not the other's */
	const char *hidden;			/* the signalling puts this in the place of 127.0.0.1, */
	gboolean hidden_alone;			/* and leaves all other addresses out */
	const char *redirect_action;		/* every message of this action is answered with */
	const char *redirect;			/* this <error/> (XML), COND_REDIRECT; */
	unsigned redirections;			/* so often */
	gboolean offer_unanswered;		/* the offer arrives, but its answer is up to the test */
};

static struct media_thread *media;
static GPtrArray *pairs;			/* all that run */

static gint64 clock_now(void)
{
	return g_get_monotonic_time() / 1000;
}

/* ---- events ---- */

static void on_nothing(void *self)
{
}

static void on_incoming(void *self)
{
	((struct side *)self)->incoming++;
}

static void on_redirected(void *self, const char *to)
{
	((struct side *)self)->redirected++;
}

static void on_accepted(void *self)
{
	((struct side *)self)->accepted++;
}

static void on_connected(void *self, const struct ice_cand *local, const struct ice_cand *remote)
{
	struct side *s = self;

	s->connected_by = call_transport(s->call);
}

static void on_secured(void *self, const char *suite)
{
	struct side *s = self;

	s->secured++;
	s->suite = suite;
	s->keyed_by = call_keying(s->call);
}

static void on_flowing(void *self, gint64 at_us)
{
}

static void on_heard(void *self, gint64 at_us)
{
	((struct side *)self)->heard++;
}

static void on_unstable(void *self, gboolean silent)
{
}

static void on_in_ended(void *self, const struct audio_in *in, const GError *fault)
{
}

static void on_out_ended(void *self, const struct audio_out *out, const GError *fault)
{
}

static void on_ended(void *self, enum jc_err err, enum jingle_reason reason, const char *text, gboolean by_peer)
{
	struct side *s = self;

	s->ended++;
	s->err = err;
	s->reason = reason;
}

static void on_voice(void *self, gboolean speaking)
{
	((struct side *)self)->voices++;
}

static void on_digit(void *self, char digit)
{
	struct side *s = self;
	size_t n = strlen(s->digits);

	assert_true(n + 1 < sizeof(s->digits));
	s->digits[n] = digit;
}

static struct call_events events_of(struct side *s)
{
	return (struct call_events){
		.incoming = on_incoming,
		.delivered = on_nothing,
		.redirected = on_redirected,
		.ringing = on_nothing,
		.accepted = on_accepted,
		.connected = on_connected,
		.secured = on_secured,
		.flowing = on_flowing,
		.heard = on_heard,
		.unstable = on_unstable,
		.changed = on_nothing,
		.digit = on_digit,
		.voice = on_voice,
		.in_ended = on_in_ended,
		.out_ended = on_out_ended,
		.measured = on_nothing,
		.ended = on_ended,
		.self = s,
	};
}

/* ---- the signalling ---- */

/* Another first digit. */
static void forge(GString *jingle)
{
	char *at = strstr(jingle->str, "<fingerprint");

	at = at ? strchr(at, '>') : NULL;
	if (at)
		at[1] = at[1] == '0' ? '1' : '0';
}

static struct elem *tampered(const struct pair *p, const struct elem *jingle)
{
	g_autofree char *text = elem_to_string(jingle);
	g_autoptr(GString) changed = g_string_new(text);

	if (p->hidden)
		g_string_replace(changed, "127.0.0.1", p->hidden, 0);
	if (p->hidden_alone) {
		g_autofree char *pattern = g_strdup_printf("<candidate(?![^>]*%s)[^>]*/>", p->hidden);
		g_autoptr(GRegex) others = g_regex_new(pattern, 0, 0, NULL);
		g_autofree char *rest = g_regex_replace_literal(others, changed->str, -1, 0, "", 0, NULL);

		g_string_assign(changed, rest);
	}
	if (p->ice_blocked) {
		g_string_replace(changed, " pwd='", " pwd='x", 0);
		g_string_replace(changed, " pwd=\"", " pwd=\"x", 0);
	}
	if (p->forged)
		forge(changed);
	return xml(changed->str);
}

/* Delivers the oldest unanswered question of FROM; FALSE: there is none. */
static gboolean deliver(struct side *from)
{
	struct fake_query *q = fake_stream_open(&from->stream) ? fake_stream_query(&from->stream, 0) : NULL;
	struct side *to = from->other;
	struct call_events events = events_of(to);
	elem_auto jingle = NULL;
	struct jingle_msg m;
	const char *redirect = NULL;
	enum iq_cond cond;

	if (!q)
		return FALSE;
	jingle = tampered(from->pair, q->payload);
	g_string_append_printf(from->actions, "%s ", elem_attr(jingle, "action"));
	cond = jingle_msg_read(&m, jingle);
	assert_int_equal(cond, COND_OK);
	if (!to->call)
		to->call = call_incoming(&to->env, m.sid, from->jid, &to->terms, &events);
	cond = call_recv(to->call, &m);
	if (g_strcmp0(elem_attr(jingle, "action"), from->pair->redirect_action) == 0) {
		redirect = from->pair->redirect;
		cond = COND_REDIRECT;
		from->pair->redirections++;
	}
	if (from->pair->offer_unanswered && m.action == JINGLE_SESSION_INITIATE)
		q->answered = TRUE;
	else
		fake_stream_reply(&from->stream, 0, cond, redirect);
	call_pump(to->call);
	return TRUE;
}

static void carry_all(void)
{
	gboolean any = TRUE;

	while (any) {
		any = FALSE;
		for (guint i = 0; i < pairs->len; i++) {
			struct pair *p = pairs->pdata[i];

			any |= deliver(&p->romeo);
			any |= deliver(&p->juliet);
			if (p->juliet.incoming == 1 && !p->undecided) {
				p->juliet.incoming++;
				call_ends(p->juliet.call, &p->juliet.ends.in, &p->juliet.ends.out);
				call_use_ahead(p->juliet.call, g_steal_pointer(&p->juliet.ahead));
				call_accept(p->juliet.call);
			}
		}
	}
}

static gboolean too_late(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static void wait_for(const unsigned *count)
{
	gboolean late = FALSE;
	guint limit = g_timeout_add_seconds(PATIENCE_S, too_late, &late);

	carry_all();
	while (!*count && !late) {
		g_main_context_iteration(NULL, TRUE);
		carry_all();
	}
	if (!late)
		g_source_remove(limit);
	assert_true(*count > 0);
}

/* ---- two sides ---- */

static void open_side(struct side *s, struct pair *p, struct side *other, const char *jid, struct transport_list transports,
		      struct keying_list keyings)
{
	s->jid = jid;
	s->pair = p;
	s->other = other;
	s->actions = g_string_new(NULL);
	s->cert = dtls_cert_new(NULL);
	s->transports = transports;
	fake_stream_init(&s->stream, jid);
	s->env = (struct call_env){.xmpp = &s->stream, .media = media, .cert = s->cert, .now_ms = clock_now,
		.wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 1}, .transports = transports,
		.ice = {.loopback = TRUE}};
	s->terms = (struct call_terms){.transports = transports, .keyings = keyings};
	s->ends.have_in = s->ends.have_out = TRUE;
	assert_true(audio_open_in("tone:440", &s->ends.in, NULL) && audio_open_out("null", &s->ends.out, NULL));
}

/* Romeo has transports of OFFERED and conditions of HIS_KEYS in his mind, and has not dialled yet. */
static struct pair *new_keyed_pair(struct transport_list offered, struct transport_list hers, gboolean ice_blocked,
				     struct keying_list his_keys, struct keying_list her_keys)
{
	struct pair *p = g_new0(struct pair, 1);

	p->ice_blocked = ice_blocked;
	open_side(&p->romeo, p, &p->juliet, "romeo@montague.lit/orchard", offered, his_keys);
	open_side(&p->juliet, p, &p->romeo, "juliet@capulet.lit/balcony", hers, her_keys);
	g_ptr_array_add(pairs, p);
	return p;
}

static void dial(struct pair *p, struct call_ahead *ahead)
{
	struct call_events events = events_of(&p->romeo);

	p->romeo.call = call_dial(&p->romeo.env, "s1", p->juliet.jid, &p->romeo.terms, &events);
	call_ends(p->romeo.call, &p->romeo.ends.in, &p->romeo.ends.out);
	call_use_ahead(p->romeo.call, ahead);
	call_offer(p->romeo.call);
}

/* He dials; Juliet accepts what comes. */
static G_GNUC_UNUSED struct pair *start_keyed_pair(struct transport_list offered, struct transport_list hers, gboolean ice_blocked,
				     struct keying_list his_keys, struct keying_list her_keys)
{
	struct pair *p = new_keyed_pair(offered, hers, ice_blocked, his_keys, her_keys);

	dial(p, NULL);
	return p;
}

static G_GNUC_UNUSED struct pair *start_pair(struct transport_list offered, struct transport_list hers, gboolean ice_blocked)
{
	return start_keyed_pair(offered, hers, ice_blocked, (struct keying_list)DTLS, (struct keying_list)DTLS);
}

static void on_closed(void *ctx, const struct media_stats *stats)
{
	((struct side *)ctx)->closed++;
}

static void close_side(struct side *s)
{
	if (s->call) {
		call_free(s->call, on_closed, s);
		while (!s->closed)
			g_main_context_iteration(NULL, TRUE);
	}
	s->ends.in.close(s->ends.in.self);
	s->ends.out.close(s->ends.out.self, NULL);
	g_string_free(s->actions, TRUE);
	dtls_cert_free(s->cert);
	fake_stream_clear(&s->stream);
}

static void close_pair(struct pair *p)
{
	g_ptr_array_remove(pairs, p);
	close_side(&p->romeo);
	close_side(&p->juliet);
	g_free(p);
}

static G_GNUC_UNUSED void assert_heard_by(struct pair *p, enum transport_kind way)
{
	wait_for(&p->romeo.heard);
	wait_for(&p->juliet.heard);
	assert_int_equal(p->romeo.connected_by, way);
	assert_int_equal(p->juliet.connected_by, way);
	assert_true(p->romeo.secured && p->juliet.secured);
	assert_int_equal(p->romeo.ended + p->juliet.ended, 0);
}

/* Without a call having come about: the outcome for both. */
static G_GNUC_UNUSED void assert_ended(struct pair *p, enum jc_err romeo, enum jc_err juliet)
{
	wait_for(&p->romeo.ended);
	wait_for(&p->juliet.ended);
	assert_int_equal(p->romeo.err, romeo);
	assert_int_equal(p->juliet.err, juliet);
	assert_int_equal(p->romeo.heard + p->juliet.heard, 0);
	assert_int_equal(p->romeo.secured + p->juliet.secured, 0);
}

/* The peer says TEXT. */
static G_GNUC_UNUSED void say(struct side *to, const char *text)
{
	elem_auto jingle = xml(text);
	struct jingle_msg m;

	assert_int_equal(jingle_msg_read(&m, jingle), COND_OK);
	assert_int_equal(call_recv(to->call, &m), COND_OK);
	call_pump(to->call);
}

/* The transport of what S has sent. */
static G_GNUC_UNUSED const struct elem *sent_transport(struct side *s, const char *action)
{
	for (guint i = 0; i < s->stream.queries->len; i++) {
		const struct elem *jingle = ((struct fake_query *)s->stream.queries->pdata[i])->payload;

		if (g_strcmp0(elem_attr(jingle, "action"), action) == 0)
			return elem_child(elem_child(jingle, "content", NULL), "transport", NULL);
	}
	return NULL;
}

static G_GNUC_UNUSED void let_pass(guint ms)
{
	gboolean over = FALSE;

	g_timeout_add(ms, too_late, &over);
	while (!over) {
		g_main_context_iteration(NULL, TRUE);
		carry_all();
	}
}

static int open_all(void **state)
{
	media = media_thread_new();
	pairs = g_ptr_array_new();
	return 0;
}

static int stop_all(void **state)
{
	while (pairs->len)
		close_pair(pairs->pdata[0]);
	g_ptr_array_unref(pairs);
	media_thread_free(media);
	return 0;
}

#endif
