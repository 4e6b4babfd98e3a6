/* Two whole calls, joined by a signalling made of text: which transport and which condition they take, and what follows when it
 * fails. Media go
 * over loopback with the real clock; what is waited for is an event. Where ICE has to fail, libnice takes 7 s to give up: those
 * pairs are started together, before the first test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
	struct keying_list keyings;
	struct call *call;
	struct ends ends;
	struct dtls_cert *cert;
	GString *actions;			/* that it sent, in order */
	unsigned incoming, accepted, secured, heard, ended, closed;
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

static void on_in_ended(void *self, const GError *fault)
{
}

static void on_ended(void *self, enum jc_err err, enum jingle_reason reason, const char *text, gboolean by_peer)
{
	struct side *s = self;

	s->ended++;
	s->err = err;
	s->reason = reason;
}

static struct call_events events_of(struct side *s)
{
	return (struct call_events){.incoming = on_incoming, .delivered = on_nothing, .ringing = on_nothing,
		.accepted = on_accepted, .connected = on_connected, .secured = on_secured, .flowing = on_flowing,
		.heard = on_heard, .unstable = on_unstable, .changed = on_nothing, .in_ended = on_in_ended,
		.ended = on_ended, .self = s};
}

/* ---- the signalling ---- */

static struct elem *tampered(const struct pair *p, const struct elem *jingle)
{
	g_autofree char *text = elem_to_string(jingle);
	g_autoptr(GString) changed = g_string_new(text);

	if (p->ice_blocked) {
		g_string_replace(changed, " pwd='", " pwd='x", 0);
		g_string_replace(changed, " pwd=\"", " pwd=\"x", 0);
	}
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
	enum iq_cond cond;

	if (!q)
		return FALSE;
	jingle = tampered(from->pair, q->payload);
	g_string_append_printf(from->actions, "%s ", elem_attr(jingle, "action"));
	cond = jingle_msg_read(&m, jingle);
	assert_int_equal(cond, COND_OK);
	if (!to->call)
		to->call = call_incoming(&to->env, m.sid, from->jid, &to->keyings, &events);
	cond = call_recv(to->call, &m);
	fake_stream_reply(&from->stream, 0, cond, NULL);
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
				call_ends(p->juliet.call, &p->juliet.ends);
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
	s->keyings = keyings;
	s->ends.have_in = s->ends.have_out = TRUE;
	assert_true(audio_open_in("tone:440", &s->ends.in, NULL) && audio_open_out("null", &s->ends.out, NULL));
}

/* Romeo dials, with transports of OFFERED and conditions of HIS_KEYS in his mind; Juliet accepts what comes. */
static struct pair *start_keyed_pair(struct transport_list offered, struct transport_list hers, gboolean ice_blocked,
				     struct keying_list his_keys, struct keying_list her_keys)
{
	struct pair *p = g_new0(struct pair, 1);
	struct call_events events;

	p->ice_blocked = ice_blocked;
	open_side(&p->romeo, p, &p->juliet, "romeo@montague.lit/orchard", offered, his_keys);
	open_side(&p->juliet, p, &p->romeo, "juliet@capulet.lit/balcony", hers, her_keys);
	events = events_of(&p->romeo);
	p->romeo.call = call_dial(&p->romeo.env, "s1", p->juliet.jid, &offered, &his_keys, &events);
	call_ends(p->romeo.call, &p->romeo.ends);
	call_offer(p->romeo.call);
	g_ptr_array_add(pairs, p);
	return p;
}

static struct pair *start_pair(struct transport_list offered, struct transport_list hers, gboolean ice_blocked)
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

static void assert_heard_by(struct pair *p, enum transport_kind way)
{
	wait_for(&p->romeo.heard);
	wait_for(&p->juliet.heard);
	assert_int_equal(p->romeo.connected_by, way);
	assert_int_equal(p->juliet.connected_by, way);
	assert_true(p->romeo.secured && p->juliet.secured);
	assert_int_equal(p->romeo.ended + p->juliet.ended, 0);
}

/* Without a call having come about: the outcome for both. */
static void assert_ended(struct pair *p, enum jc_err romeo, enum jc_err juliet)
{
	wait_for(&p->romeo.ended);
	wait_for(&p->juliet.ended);
	assert_int_equal(p->romeo.err, romeo);
	assert_int_equal(p->juliet.err, juliet);
	assert_int_equal(p->romeo.heard + p->juliet.heard, 0);
	assert_int_equal(p->romeo.secured + p->juliet.secured, 0);
}

/* ---- tests ---- */

static void ice_is_taken_where_both_have_it(void **state)
{
	struct pair *p = start_pair((struct transport_list)BOTH, (struct transport_list)BOTH, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	close_pair(p);
}

static void raw_udp_is_offered_to_one_who_has_nothing_else(void **state)
{
	struct pair *p = start_pair((struct transport_list)RAW, (struct transport_list)BOTH, FALSE);

	assert_heard_by(p, TRANSPORT_RAW_UDP);
	assert_string_equal(p->romeo.actions->str, "session-initiate ");
	close_pair(p);
}

/* XEP-0166 7.4.2 "unsupported-transports" */
static void an_offer_by_a_transport_that_is_switched_off_is_refused(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)RAW, FALSE);

	assert_ended(p, JC_UNSUPPORTED_TRANSPORT, JC_UNSUPPORTED_TRANSPORT);
	assert_int_equal(p->romeo.reason, REASON_UNSUPPORTED_TRANSPORTS);
	close_pair(p);
}

static void say(struct side *to, const char *text)
{
	elem_auto jingle = xml(text);
	struct jingle_msg m;

	assert_int_equal(jingle_msg_read(&m, jingle), COND_OK);
	assert_int_equal(call_recv(to->call, &m), COND_OK);
	call_pump(to->call);
}

static const struct elem *sent_transport(struct side *s, const char *action)
{
	for (guint i = 0; i < s->stream.queries->len; i++) {
		const struct elem *jingle = ((struct fake_query *)s->stream.queries->pdata[i])->payload;

		if (g_strcmp0(elem_attr(jingle, "action"), action) == 0)
			return elem_child(elem_child(jingle, "content", NULL), "transport", NULL);
	}
	return NULL;
}

/* The call rings, and the caller asks for another transport: he does not get an address by that. */
static void no_address_leaves_before_the_accept_by_a_replacement(void **state)
{
	struct pair *p = start_pair((struct transport_list)BOTH, (struct transport_list)BOTH, FALSE);
	struct side *juliet = &p->juliet;

	p->undecided = TRUE;
	wait_for(&juliet->incoming);
	say(juliet, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='transport-replace'><content creator='initiator' "
	    "name='audio'><transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' "
	    "id='a' ip='127.0.0.1' port='9'/></transport></content></jingle>");
	assert_elem_equal("<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'>*</transport>",
			  sent_transport(juliet, "transport-accept"));
	assert_null(elem_child(sent_transport(juliet, "transport-accept"), "candidate", NULL));
	call_accept(juliet->call);
	while (!sent_transport(juliet, "session-accept"))
		g_main_context_iteration(NULL, TRUE);
	assert_elem_equal("<candidate xmlns='urn:xmpp:jingle:transports:raw-udp:1' component='1' generation='0' id='*' ip='*' "
			  "port='*' type='host'/>",
			  elem_child(sent_transport(juliet, "session-accept"), "candidate", NULL));
	close_pair(p);
}

/* Both find out at about the same time; the initiator's transport-replace overrules (XEP-0166 "Tie Breaking"). */
static void when_ice_fails_both_agree_on_raw_udp_and_hear_each_other(void **state)
{
	struct pair *p = ((struct pair **)*state)[0];

	assert_heard_by(p, TRANSPORT_RAW_UDP);
	assert_true(strstr(p->romeo.actions->str, "transport-replace") || strstr(p->juliet.actions->str, "transport-replace"));
	assert_true(strstr(p->romeo.actions->str, "transport-accept") || strstr(p->juliet.actions->str, "transport-accept"));
}

/* XEP-0166 "failed-transport" */
static void when_ice_fails_and_the_peer_rejects_raw_udp_the_call_ends(void **state)
{
	struct pair *p = ((struct pair **)*state)[1];

	assert_ended(p, JC_FAILED_TRANSPORT, JC_FAILED_TRANSPORT);
}

static void when_ice_fails_and_there_is_nothing_else_the_call_ends(void **state)
{
	struct pair *p = ((struct pair **)*state)[2];

	assert_ended(p, JC_FAILED_TRANSPORT, JC_FAILED_TRANSPORT);
	assert_null(strstr(p->romeo.actions->str, "transport-replace"));
	assert_null(strstr(p->juliet.actions->str, "transport-replace"));
}

/* ---- conditions ---- */

static void assert_keyed(struct pair *p, enum keying_kind kind)
{
	assert_heard_by(p, TRANSPORT_RAW_UDP);
	assert_int_equal(p->romeo.keyed_by, kind);
	assert_int_equal(p->juliet.keyed_by, kind);
	assert_string_equal(p->romeo.suite, p->juliet.suite);
	assert_int_equal(p->romeo.secured + p->juliet.secured, 2);
	close_pair(p);
}

static struct pair *raw_pair(struct keying_list his, struct keying_list hers)
{
	return start_keyed_pair((struct transport_list)RAW, (struct transport_list)RAW, FALSE, his, hers);
}

static void sdes_is_taken_where_both_have_switched_it_on(void **state)
{
	struct pair *p = raw_pair((struct keying_list)SDES, (struct keying_list)SDES);

	wait_for(&p->romeo.secured);
	assert_string_equal(p->romeo.suite, "AEAD_AES_256_GCM");
	assert_keyed(p, KEYING_SDES);
}

static void sdes_goes_by_ice_too(void **state)
{
	struct pair *p = start_keyed_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE, (struct keying_list)SDES,
					  (struct keying_list)DTLS_SDES);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_int_equal(p->romeo.keyed_by, KEYING_SDES);
	assert_int_equal(p->juliet.keyed_by, KEYING_SDES);
	close_pair(p);
}

static void dtls_is_preferred_where_both_have_both(void **state)
{
	assert_keyed(raw_pair((struct keying_list)DTLS_SDES, (struct keying_list)DTLS_SDES), KEYING_DTLS);
}

static void whoever_has_both_meets_one_who_has_one(void **state)
{
	assert_keyed(raw_pair((struct keying_list)DTLS_SDES, (struct keying_list)SDES), KEYING_SDES);
	assert_keyed(raw_pair((struct keying_list)SDES, (struct keying_list)DTLS_SDES), KEYING_SDES);
	assert_keyed(raw_pair((struct keying_list)DTLS_SDES, (struct keying_list)DTLS), KEYING_DTLS);
	assert_keyed(raw_pair((struct keying_list)DTLS, (struct keying_list)DTLS_SDES), KEYING_DTLS);
}

static void sdes_on_one_side_only_is_a_security_error(void **state)
{
	struct pair *p = raw_pair((struct keying_list)SDES, (struct keying_list)DTLS);

	assert_ended(p, JC_SECURITY, JC_SECURITY);
	assert_int_equal(p->romeo.reason, REASON_SECURITY_ERROR);
	close_pair(p);
	p = raw_pair((struct keying_list)DTLS, (struct keying_list)SDES);
	assert_ended(p, JC_SECURITY, JC_SECURITY);
	close_pair(p);
}

static int start_all(void **state)
{
	static struct pair *failing[3];

	media = media_thread_new();
	pairs = g_ptr_array_new();
	failing[0] = start_pair((struct transport_list)BOTH, (struct transport_list)BOTH, TRUE);
	failing[1] = start_pair((struct transport_list)BOTH, (struct transport_list)ICE, TRUE);
	failing[2] = start_pair((struct transport_list)ICE, (struct transport_list)ICE, TRUE);
	*state = failing;
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

/* ---- who sends: XEP-0167 "Hold", and the directions of a content ---- */

static void let_pass(guint ms)
{
	gboolean over = FALSE;

	g_timeout_add(ms, too_late, &over);
	while (!over) {
		g_main_context_iteration(NULL, TRUE);
		carry_all();
	}
}

/* Of the packets of sound in 300 ms: does S send any, does it get any? What was under way is waited for. */
static void assert_flow(struct side *s, gboolean sends, gboolean gets)
{
	struct media_stats before, after;
	gboolean sent = !sends, got = !gets;

	for (int i = 0; i < 20 && (sent != sends || got != gets); i++) {
		call_stats(s->call, &before);
		let_pass(300);
		call_stats(s->call, &after);
		sent = after.tx_packets > before.tx_packets;
		got = after.rx_packets > before.rx_packets + 5;		/* more than reports */
	}
	assert_int_equal(sent, sends);
	assert_int_equal(got, gets);
}

#define INFO(name) "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='session-info'><" name \
	" xmlns='urn:xmpp:jingle:apps:rtp:info:1'/></jingle>"
#define DIRECTION(senders) "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='content-modify'><content creator='initiator' " \
	"name='audio' senders='" senders "'/></jingle>"

static void who_is_held_stops_sending_and_keeps_listening(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, INFO("hold"));
	assert_flow(&p->juliet, FALSE, TRUE);		/* the holder may go on sending: music */
	say(&p->juliet, INFO("unhold"));
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, INFO("hold"));
	assert_flow(&p->juliet, FALSE, TRUE);
	say(&p->juliet, INFO("active"));
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, INFO("mute"));
	assert_flow(&p->juliet, TRUE, TRUE);		/* he who mutes goes on listening */
	close_pair(p);
}

static void whom_we_hold_is_told_and_nothing_is_said_or_heard_meanwhile(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	call_hold(p->romeo.call, TRUE);
	assert_flow(&p->juliet, FALSE, FALSE);		/* she obeys, and hears nothing of him */
	assert_int_equal(call_peer_flags(p->juliet.call), RTP_HELD_BY_PEER);
	call_hold(p->romeo.call, TRUE);
	call_hold(p->romeo.call, FALSE);
	assert_flow(&p->juliet, TRUE, TRUE);
	assert_int_equal(call_peer_flags(p->juliet.call), 0);
	close_pair(p);
}

static void each_side_sends_in_the_directions_that_were_agreed(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	say(&p->juliet, DIRECTION("initiator"));
	assert_flow(&p->juliet, FALSE, TRUE);
	say(&p->juliet, DIRECTION("responder"));
	say(&p->romeo, DIRECTION("responder"));
	assert_flow(&p->juliet, TRUE, FALSE);
	say(&p->juliet, DIRECTION("both"));
	say(&p->romeo, DIRECTION("both"));
	assert_flow(&p->juliet, TRUE, TRUE);
	say(&p->juliet, DIRECTION("none"));
	say(&p->romeo, DIRECTION("none"));
	assert_flow(&p->juliet, FALSE, FALSE);
	close_pair(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_held_stops_sending_and_keeps_listening),
		cmocka_unit_test(whom_we_hold_is_told_and_nothing_is_said_or_heard_meanwhile),
		cmocka_unit_test(each_side_sends_in_the_directions_that_were_agreed),
		cmocka_unit_test(ice_is_taken_where_both_have_it),
		cmocka_unit_test(raw_udp_is_offered_to_one_who_has_nothing_else),
		cmocka_unit_test(an_offer_by_a_transport_that_is_switched_off_is_refused),
		cmocka_unit_test(sdes_is_taken_where_both_have_switched_it_on),
		cmocka_unit_test(sdes_goes_by_ice_too),
		cmocka_unit_test(dtls_is_preferred_where_both_have_both),
		cmocka_unit_test(whoever_has_both_meets_one_who_has_one),
		cmocka_unit_test(sdes_on_one_side_only_is_a_security_error),
		cmocka_unit_test(no_address_leaves_before_the_accept_by_a_replacement),
		cmocka_unit_test(when_ice_fails_both_agree_on_raw_udp_and_hear_each_other),
		cmocka_unit_test(when_ice_fails_and_the_peer_rejects_raw_udp_the_call_ends),
		cmocka_unit_test(when_ice_fails_and_there_is_nothing_else_the_call_ends),
	};

	return cmocka_run_group_tests(tests, start_all, stop_all);
}
