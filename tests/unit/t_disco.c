#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_stream.h"
#include "xmpp/disco.h"

#define INFO   "http://jabber.org/protocol/disco#info"
#define F(var) "<feature var='" var "'/>"
#define CLIENT "<identity category='client' type='phone' name='X'/>"
/* What a client that can take our calls lists. */
#define CALLABLE CLIENT F("urn:xmpp:jingle-message:0") F("urn:xmpp:jingle:1") F("urn:xmpp:jingle:apps:dtls:0") \
	F("urn:xmpp:jingle:apps:rtp:1") F("urn:xmpp:jingle:apps:rtp:audio") F("urn:xmpp:jingle:transports:ice-udp:1")
#define PLAIN_CLIENT CLIENT F("urn:xmpp:ping")
#define SOFTWARE "<x xmlns='jabber:x:data' type='result'><field var='os'><value>Mac</value></field>" \
	"<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" \
	"<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>" \
	"<field var='software_version'><value>0.11</value></field><field var='os_version'><value>10.5.1</value></field>" \
	"<field var='software'><value>Psi</value></field></x>"
#define FORM(inside) "<x xmlns='jabber:x:data' type='result'>" inside "</x>"
#define FORM_TYPE(type) "<field var='FORM_TYPE' type='hidden'><value>" type "</value></field>"
#define QUERY(inside) "<query xmlns='" INFO "'>" inside "</query>"

struct fixture {
	struct stream stream;
	struct disco *disco;
	unsigned answers;		/* how often somebody was told */
	enum iq_cond cond;
	unsigned can, online;
	char *best;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	fake_stream_init(&f->stream, "romeo@montague.lit/orchard");
	f->disco = disco_new(&f->stream);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	disco_free(f->disco);
	fake_stream_clear(&f->stream);
	g_free(f->best);
	g_free(f);
	return 0;
}

static void on_one(void *ctx, enum iq_cond cond, unsigned can)
{
	struct fixture *f = ctx;

	f->answers++;
	f->cond = cond;
	f->can = can;
}

static void on_best(void *ctx, const char *full_jid, unsigned can, unsigned online)
{
	struct fixture *f = ctx;

	f->answers++;
	g_free(f->best);
	f->best = g_strdup(full_jid);
	f->can = can;
	f->online = online;
}

static void run_idle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

/* VER NULL: no caps; TYPE NULL: available. */
static void presence(struct fixture *f, const char *from, const char *type, int priority, const char *ver)
{
	elem_auto p = elem_new("presence", "jabber:client");

	elem_set(p, "from", from);
	elem_set(p, "type", type);
	if (priority) {
		g_autofree char *text = g_strdup_printf("%d", priority);

		elem_set_text(elem_add(p, "priority", NULL), text);
	}
	if (ver) {
		struct elem *c = elem_add(p, "c", "http://jabber.org/protocol/caps");

		elem_set(c, "hash", "sha-1");
		elem_set(c, "node", "urn:x");
		elem_set(c, "ver", ver);
	}
	disco_presence(f->disco, p, TRUE);
}

static char *hash_of(const char *text)
{
	elem_auto query = xml(text);

	return disco_hash(query);
}

/* ---- what we say of ourselves ---- */

static void ask_us(struct fixture *f, struct iq *iq, const char *ns, const char *node)
{
	g_autofree char *text = node ? g_strdup_printf("<query xmlns='%s' node='%s'/>", ns, node) :
		g_strdup_printf("<query xmlns='%s'/>", ns);

	fake_iq_init(iq, "juliet@capulet.lit/balcony", "get", text);
	assert_true(disco_iq(f->disco, iq));
	assert_int_equal(iq->answers, 1);
}

static gboolean lists(const struct elem *info, const char *var)
{
	for (const struct elem *e = elem_child(info, "feature", NULL); e; e = elem_next(e, "feature", NULL))
		if (g_strcmp0(elem_attr(e, "var"), var) == 0)
			return TRUE;
	return FALSE;
}

/* Rules R1 and R2 */
static void we_list_what_other_clients_want_to_see_before_they_call(void **state)
{
	static const char *const wanted[] = {"urn:xmpp:jingle:1", "urn:xmpp:jingle:transports:ice-udp:1",
		"urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio", "urn:xmpp:jingle:apps:dtls:0",
		"urn:xmpp:jingle-message:0", INFO, "http://jabber.org/protocol/caps", "urn:xmpp:ping"};
	static const char *const unwanted[] = {"urn:ietf:rfc:3264", "urn:xmpp:jingle:apps:rtp:video"};
	struct fixture *f = *state;
	struct iq iq;

	ask_us(f, &iq, INFO, NULL);
	assert_int_equal(iq.cond, COND_OK);
	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
		assert_true(lists(iq.answer, wanted[i]));
	for (size_t i = 0; i < G_N_ELEMENTS(unwanted); i++)
		assert_false(lists(iq.answer, unwanted[i]));
	assert_elem_equal("<identity xmlns='" INFO "' category='client' type='console' name='jcall'/>",
			  elem_child(iq.answer, "identity", NULL));
	fake_iq_clear(&iq);
}

static void our_caps_are_the_hash_of_what_we_answer(void **state)
{
	struct fixture *f = *state;
	elem_auto caps = disco_caps_elem(f->disco);
	g_autofree char *hash = NULL, *node = NULL;
	struct iq iq;

	assert_true(elem_is(caps, "c", "http://jabber.org/protocol/caps"));
	assert_string_equal(elem_attr(caps, "hash"), "sha-1");
	assert_string_equal(elem_attr(caps, "ver"), disco_caps_hash(f->disco));
	node = g_strdup_printf("%s#%s", elem_attr(caps, "node"), elem_attr(caps, "ver"));
	ask_us(f, &iq, INFO, node);
	assert_int_equal(iq.cond, COND_OK);
	assert_string_equal(elem_attr(iq.answer, "node"), node);
	hash = disco_hash(iq.answer);
	assert_string_equal(hash, elem_attr(caps, "ver"));
	fake_iq_clear(&iq);
}

static void nodes_we_do_not_have_are_not_found(void **state)
{
	struct fixture *f = *state;
	struct iq iq;

	ask_us(f, &iq, INFO, "urn:jcall#stale");
	assert_int_equal(iq.cond, COND_ITEM_NOT_FOUND);
	fake_iq_clear(&iq);
	ask_us(f, &iq, "http://jabber.org/protocol/disco#items", "x");
	assert_int_equal(iq.cond, COND_ITEM_NOT_FOUND);
	fake_iq_clear(&iq);
}

static void we_have_no_items(void **state)
{
	struct fixture *f = *state;
	struct iq iq;

	ask_us(f, &iq, "http://jabber.org/protocol/disco#items", NULL);
	assert_int_equal(iq.cond, COND_OK);
	assert_elem_equal("<query xmlns='http://jabber.org/protocol/disco#items'/>", iq.answer);
	fake_iq_clear(&iq);
}

static void what_is_no_disco_question_is_left_to_others(void **state)
{
	struct fixture *f = *state;
	struct iq iq;

	fake_iq_init(&iq, "a@b/c", "set", "<query xmlns='" INFO "'/>");
	assert_false(disco_iq(f->disco, &iq));
	assert_int_equal(iq.answers, 0);
	fake_iq_clear(&iq);
	fake_iq_init(&iq, "a@b/c", "get", "<ping xmlns='urn:xmpp:ping'/>");
	assert_false(disco_iq(f->disco, &iq));
	assert_int_equal(iq.answers, 0);
	fake_iq_clear(&iq);
}

/* ---- presence ---- */

static void resources_come_and_go_with_their_presence(void **state)
{
	struct fixture *f = *state;

	presence(f, "juliet@capulet.lit/a", NULL, 0, NULL);
	presence(f, "juliet@capulet.lit/b", NULL, 0, NULL);
	presence(f, "juliet@capulet.lit/b", NULL, 5, NULL);
	presence(f, "nurse@capulet.lit/a", NULL, 0, NULL);
	assert_int_equal(disco_online(f->disco, "Juliet@capulet.lit"), 2);
	presence(f, "juliet@capulet.lit/a", "unavailable", 0, NULL);
	assert_int_equal(disco_online(f->disco, "juliet@capulet.lit"), 1);
	disco_reset(f->disco);
	assert_int_equal(disco_online(f->disco, "juliet@capulet.lit"), 0);
}

static void our_own_presence_bare_jids_and_subscriptions_are_no_resources(void **state)
{
	struct fixture *f = *state;

	presence(f, "romeo@montague.lit/orchard", NULL, 0, NULL);
	presence(f, "juliet@capulet.lit", NULL, 0, NULL);
	presence(f, "juliet@capulet.lit/a", "subscribe", 0, NULL);
	presence(f, "juliet@capulet.lit/a", "error", 0, NULL);
	presence(f, NULL, NULL, 0, NULL);
	assert_int_equal(disco_online(f->disco, "romeo@montague.lit"), 0);
	assert_int_equal(disco_online(f->disco, "juliet@capulet.lit"), 0);
}

/* As presence, but of somebody who is on no list. */
static void presence_of_other(struct fixture *f, const char *from)
{
	elem_auto p = elem_new("presence", "jabber:client");

	elem_set(p, "from", from);
	disco_presence(f->disco, p, FALSE);
}

static void at_most_500_resources_of_others_are_kept_and_the_one_seen_longest_ago_goes_first(void **state)
{
	struct fixture *f = *state;

	presence_of_other(f, "juliet@capulet.lit/old");
	presence_of_other(f, "nurse@capulet.lit/kept");
	for (int i = 0; i < 499; i++) {
		g_autofree char *jid = g_strdup_printf("flood@x/%d", i);

		presence_of_other(f, jid);
	}
	assert_int_equal(disco_online(f->disco, "flood@x"), 499);
	assert_int_equal(disco_online(f->disco, "juliet@capulet.lit"), 0);
	assert_int_equal(disco_online(f->disco, "nurse@capulet.lit"), 1);
	presence_of_other(f, "flood@x/7");		/* a change of a known one takes no place */
	assert_int_equal(disco_online(f->disco, "nurse@capulet.lit"), 1);
}

static void others_never_push_out_a_contact(void **state)
{
	struct fixture *f = *state;

	presence(f, "juliet@capulet.lit/a", NULL, 0, NULL);
	for (int i = 0; i < 5000; i++) {
		g_autofree char *jid = g_strdup_printf("m%d@x/y", i);

		presence_of_other(f, jid);
	}
	assert_int_equal(disco_online(f->disco, "juliet@capulet.lit"), 1);
	assert_int_equal(disco_online(f->disco, "m0@x"), 0);
	assert_int_equal(disco_online(f->disco, "m4999@x"), 1);
}

/* Each look at one person must not go through all: with 20,000 that would take minutes, and this program as long. */
static void every_one_of_20000_contacts_is_seen_and_asked(void **state)
{
	struct fixture *f = *state;
	guint *handles = g_new(guint, 20000);

	for (int i = 0; i < 20000; i++) {
		g_autofree char *jid = g_strdup_printf("c%d@x/y", i);

		presence(f, jid, NULL, 0, NULL);
	}
	for (int i = 0; i < 20000; i++) {
		g_autofree char *jid = g_strdup_printf("c%d@x", i);

		assert_int_equal(disco_online(f->disco, jid), 1);
		handles[i] = disco_best(f->disco, jid, CAN_CALL, on_best, f);
	}
	for (int i = 0; i < 20000; i++)
		disco_cancel(f->disco, handles[i]);
	assert_int_equal(f->answers, 0);
	g_free(handles);
}

/* ---- questions ---- */

static void a_full_jid_is_asked_and_its_features_become_flags(void **state)
{
	struct fixture *f = *state;

	disco_query(f->disco, "juliet@capulet.lit/a", on_one, f);
	assert_int_equal(f->answers, 0);
	assert_string_equal(fake_stream_query(&f->stream, 0)->to, "juliet@capulet.lit/a");
	assert_int_equal(fake_stream_query(&f->stream, 0)->timeout_ms, 5000);
	assert_elem_equal("<query xmlns='" INFO "'/>", fake_stream_query(&f->stream, 0)->payload);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CALLABLE F("urn:ietf:rfc:3264")));
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->cond, COND_OK);
	assert_int_equal(f->can, CAN_CALL | CAN_ICE_UDP | CAN_JMI | CAN_FULL_OFFER);
}

/* XEP-0177 "Determining Support" */
static void only_transports_that_are_switched_on_are_announced(void **state)
{
	struct fixture *f = *state;
	g_autofree char *before = g_strdup(disco_caps_hash(f->disco));
	struct iq iq;

	disco_set_transports(f->disco, CAN_RAW_UDP);
	assert_string_not_equal(disco_caps_hash(f->disco), before);
	fake_iq_init(&iq, "a@x/1", "get", "<query xmlns='" INFO "'/>");
	assert_true(disco_iq(f->disco, &iq));
	assert_true(lists(iq.answer, "urn:xmpp:jingle:transports:raw-udp:1"));
	assert_false(lists(iq.answer, "urn:xmpp:jingle:transports:ice-udp:1"));
	fake_iq_clear(&iq);
	disco_set_transports(f->disco, CAN_ICE_UDP | CAN_RAW_UDP);
	assert_string_equal(disco_caps_hash(f->disco), before);
}

static void a_peer_must_have_one_transport_of_ours(void **state)
{
	struct fixture *f = *state;

	assert_true(disco_fits(f->disco, CAN_CALL | CAN_ICE_UDP, CAN_CALL));
	assert_true(disco_fits(f->disco, CAN_CALL | CAN_RAW_UDP, CAN_CALL));
	assert_false(disco_fits(f->disco, CAN_CALL, CAN_CALL));
	disco_set_transports(f->disco, CAN_RAW_UDP);
	assert_false(disco_fits(f->disco, CAN_CALL | CAN_ICE_UDP, CAN_CALL));
	assert_true(disco_fits(f->disco, CAN_CALL | CAN_ICE_UDP | CAN_RAW_UDP, CAN_CALL));
}

static void dtls_is_asked_for_unless_sdes_will_do(void **state)
{
	struct fixture *f = *state;

	assert_false(disco_fits(f->disco, CAN_CALL_SDES | CAN_ICE_UDP, CAN_CALL));
	assert_true(disco_fits(f->disco, CAN_CALL_SDES | CAN_ICE_UDP, CAN_CALL_SDES));	/* it has no feature: it can only be tried */
	assert_false(disco_fits(f->disco, CAN_RTP_AUDIO | CAN_ICE_UDP, CAN_CALL_SDES));
}

static void dtls_is_announced_as_it_is_switched_on(void **state)
{
	struct fixture *f = *state;
	g_autofree char *before = g_strdup(disco_caps_hash(f->disco));
	struct iq iq;

	disco_set_dtls(f->disco, FALSE);
	assert_string_not_equal(disco_caps_hash(f->disco), before);
	fake_iq_init(&iq, "a@x/1", "get", "<query xmlns='" INFO "'/>");
	assert_true(disco_iq(f->disco, &iq));
	assert_false(lists(iq.answer, "urn:xmpp:jingle:apps:dtls:0"));
	assert_true(lists(iq.answer, "urn:xmpp:jingle:apps:rtp:1"));
	fake_iq_clear(&iq);
	disco_set_dtls(f->disco, TRUE);
	assert_string_equal(disco_caps_hash(f->disco), before);
}

static void what_was_answered_is_known_until_its_presence_changes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(disco_known(f->disco, "a@x/1"), 0);
	disco_query(f->disco, "a@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CALLABLE));
	assert_int_equal(disco_known(f->disco, "a@x/1"), CAN_CALL | CAN_ICE_UDP | CAN_JMI);
	assert_int_equal(disco_known(f->disco, "a@x/2"), 0);
	presence(f, "a@x/1", NULL, 0, NULL);
	assert_int_equal(disco_known(f->disco, "a@x/1"), 0);
}

static void what_a_verified_hash_says_is_known_without_asking(void **state)
{
	struct fixture *f = *state;
	g_autofree char *ver = hash_of(QUERY(CALLABLE));

	presence(f, "a@x/1", NULL, 0, ver);
	presence(f, "b@y/1", NULL, 0, ver);
	disco_query(f->disco, "a@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CALLABLE));
	assert_int_equal(disco_known(f->disco, "b@y/1"), CAN_CALL | CAN_ICE_UDP | CAN_JMI);
}

static void audio_needs_both_of_its_features(void **state)
{
	struct fixture *f = *state;

	disco_query(f->disco, "a@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CLIENT F("urn:xmpp:jingle:apps:rtp:audio")));
	assert_int_equal(f->can, 0);
	disco_query(f->disco, "a@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CLIENT F("urn:xmpp:jingle:apps:rtp:1")));
	assert_int_equal(f->can, 0);
}

static void errors_are_told_as_they_are_and_give_no_flags(void **state)
{
	static const enum iq_cond conds[] = {COND_TIMEOUT, COND_SERVICE_UNAVAILABLE, COND_DISCONNECTED};
	struct fixture *f = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(conds); i++) {
		disco_query(f->disco, "a@x/1", on_one, f);
		fake_stream_reply(&f->stream, 0, conds[i], NULL);
		assert_int_equal(f->answers, i + 1);
		assert_int_equal(f->cond, conds[i]);
		assert_int_equal(f->can, 0);
	}
}

static void an_answer_without_a_list_gives_no_flags(void **state)
{
	struct fixture *f = *state;

	disco_query(f->disco, "a@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, NULL);
	assert_int_equal(f->cond, COND_OK);
	assert_int_equal(f->can, 0);
}

/* XEP-0115 6.2 */
static void caps_are_asked_by_their_node_and_plainly_if_that_is_unknown(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/1", NULL, 0, "abc=");
	disco_query(f->disco, "a@x/1", on_one, f);
	assert_elem_equal("<query xmlns='" INFO "' node='urn:x#abc='/>", fake_stream_query(&f->stream, 0)->payload);
	fake_stream_reply(&f->stream, 0, COND_ITEM_NOT_FOUND, NULL);
	assert_int_equal(f->answers, 0);
	assert_elem_equal("<query xmlns='" INFO "'/>", fake_stream_query(&f->stream, 0)->payload);
	fake_stream_reply(&f->stream, 0, COND_ITEM_NOT_FOUND, NULL);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->cond, COND_ITEM_NOT_FOUND);
}

static void a_hash_that_fits_is_believed_of_everybody_who_shows_it(void **state)
{
	struct fixture *f = *state;
	g_autofree char *ver = hash_of(QUERY(CALLABLE SOFTWARE));

	presence(f, "a@x/1", NULL, 0, ver);
	presence(f, "b@y/1", NULL, 0, ver);
	disco_query(f->disco, "a@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CALLABLE SOFTWARE));
	disco_query(f->disco, "b@y/1", on_one, f);
	assert_int_equal(fake_stream_open(&f->stream), 0);
	assert_int_equal(f->answers, 1);		/* never from inside the question */
	run_idle();
	assert_int_equal(f->answers, 2);
	assert_int_equal(f->cond, COND_OK);
	assert_int_equal(f->can, CAN_CALL | CAN_ICE_UDP | CAN_JMI);
}

static void a_hash_that_does_not_fit_says_nothing_about_others(void **state)
{
	struct fixture *f = *state;
	g_autofree char *ver = hash_of(QUERY(CALLABLE));

	presence(f, "mallory@x/1", NULL, 0, ver);
	presence(f, "b@y/1", NULL, 0, ver);
	disco_query(f->disco, "mallory@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(PLAIN_CLIENT));
	assert_int_equal(f->can, 0);
	disco_query(f->disco, "b@y/1", on_one, f);
	assert_int_equal(fake_stream_open(&f->stream), 1);
	disco_query(f->disco, "mallory@x/1", on_one, f);
	assert_int_equal(fake_stream_open(&f->stream), 2);
}

static void features_hidden_in_a_form_do_not_poison_the_cache(void **state)
{
	struct fixture *f = *state;
	g_autofree char *honest = hash_of(QUERY(CLIENT F("urn:xmpp:jingle:1") F("urn:xmpp:ping")));
	g_autofree char *forged = hash_of(QUERY(CLIENT F("urn:xmpp:jingle:1") FORM(FORM_TYPE("urn:xmpp:ping"))));

	assert_string_equal(honest, forged);
	presence(f, "mallory@x/1", NULL, 0, honest);
	presence(f, "b@y/1", NULL, 0, honest);
	disco_query(f->disco, "mallory@x/1", on_one, f);
	fake_stream_reply(&f->stream, 0, COND_OK, QUERY(CLIENT F("urn:xmpp:jingle:1") FORM(FORM_TYPE("urn:xmpp:ping"))));
	disco_query(f->disco, "b@y/1", on_one, f);
	assert_int_equal(fake_stream_open(&f->stream), 1);
}

/* XEP-0115 "Caps Optimization" */
static void a_presence_without_caps_leaves_the_known_ones(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/1", NULL, 0, "abc=");
	presence(f, "a@x/1", NULL, 3, NULL);
	disco_query(f->disco, "a@x/1", on_one, f);
	assert_elem_equal("<query xmlns='" INFO "' node='urn:x#abc='/>", fake_stream_query(&f->stream, 0)->payload);
}

/* ---- the best of several ---- */

static struct fake_query *question_to(struct fixture *f, const char *jid, guint *index)
{
	for (guint n = 0; n < fake_stream_open(&f->stream); n++)
		if (strcmp(fake_stream_query(&f->stream, n)->to, jid) == 0) {
			*index = n;
			return fake_stream_query(&f->stream, n);
		}
	return NULL;
}

static void answer(struct fixture *f, const char *jid, const char *payload)
{
	guint n = 0;

	assert_non_null(question_to(f, jid, &n));
	fake_stream_reply(&f->stream, n, payload ? COND_OK : COND_TIMEOUT, payload);
}

static void the_best_resource_is_callable_then_of_highest_priority(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/chat", NULL, 50, NULL);
	presence(f, "a@x/low", NULL, -1, NULL);
	presence(f, "a@x/high", NULL, 10, NULL);
	presence(f, "a@x/middle", NULL, 5, NULL);
	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	assert_int_equal(fake_stream_open(&f->stream), 4);	/* all at once */
	answer(f, "a@x/low", QUERY(CALLABLE));
	answer(f, "a@x/high", QUERY(CALLABLE));
	answer(f, "a@x/middle", QUERY(CALLABLE));
	assert_int_equal(f->answers, 0);
	answer(f, "a@x/chat", QUERY(PLAIN_CLIENT));
	assert_int_equal(f->answers, 1);
	assert_string_equal(f->best, "a@x/high");
	assert_int_equal(f->can, CAN_CALL | CAN_ICE_UDP | CAN_JMI);
	assert_int_equal(f->online, 4);
}

static void of_equal_priority_the_latest_seen_is_best(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/one", NULL, 0, NULL);
	presence(f, "a@x/two", NULL, 0, NULL);
	presence(f, "a@x/one", NULL, 0, NULL);
	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	answer(f, "a@x/one", QUERY(CALLABLE));
	answer(f, "a@x/two", QUERY(CALLABLE));
	assert_string_equal(f->best, "a@x/one");
}

static void a_resource_that_does_not_answer_does_not_spoil_the_others(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/dead", NULL, 50, NULL);
	presence(f, "a@x/good", NULL, 0, NULL);
	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	answer(f, "a@x/good", QUERY(CALLABLE));
	answer(f, "a@x/dead", NULL);
	assert_int_equal(f->answers, 1);
	assert_string_equal(f->best, "a@x/good");
}

static void when_none_can_take_a_call_what_they_can_is_still_told(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/1", NULL, 0, NULL);
	presence(f, "a@x/2", NULL, 0, NULL);
	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	answer(f, "a@x/1", QUERY(CLIENT F("urn:xmpp:jingle:1")));
	answer(f, "a@x/2", QUERY(CLIENT F("urn:xmpp:jingle-message:0")));
	assert_int_equal(f->answers, 1);
	assert_null(f->best);
	assert_int_equal(f->can, CAN_JINGLE | CAN_JMI);
	assert_int_equal(f->online, 2);
}

static void nobody_online_is_told_later_in_the_main_loop(void **state)
{
	struct fixture *f = *state;

	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	assert_int_equal(f->answers, 0);
	run_idle();
	assert_int_equal(f->answers, 1);
	assert_null(f->best);
	assert_int_equal(f->online, 0);
}

static void at_most_ten_are_asked_and_they_are_the_likeliest(void **state)
{
	struct fixture *f = *state;
	guint n;

	presence(f, "a@x/wanted", NULL, 9, NULL);
	for (int i = 0; i < 30; i++) {
		g_autofree char *jid = g_strdup_printf("a@x/%d", i);

		presence(f, jid, NULL, 0, NULL);
	}
	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	assert_int_equal(fake_stream_open(&f->stream), 10);
	assert_non_null(question_to(f, "a@x/wanted", &n));
	assert_non_null(question_to(f, "a@x/29", &n));
	assert_null(question_to(f, "a@x/0", &n));
	while (fake_stream_open(&f->stream))
		fake_stream_reply(&f->stream, 0, COND_TIMEOUT, NULL);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->online, 31);
}

/* ---- asking once ---- */

static void two_who_want_to_know_the_same_are_answered_by_one_question(void **state)
{
	struct fixture *f = *state;
	guint handle;

	presence(f, "a@x/1", NULL, 0, NULL);
	disco_query(f->disco, "a@x/1", on_one, f);
	handle = disco_query(f->disco, "a@x/1", on_one, f);
	disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	assert_int_equal(fake_stream_open(&f->stream), 1);
	disco_cancel(f->disco, handle);
	answer(f, "a@x/1", QUERY(CALLABLE));
	assert_int_equal(f->answers, 2);
	assert_string_equal(f->best, "a@x/1");
	disco_query(f->disco, "a@x/1", on_one, f);		/* it may have changed since */
	assert_int_equal(fake_stream_open(&f->stream), 1);
}

static void another_jcall_is_not_asked(void **state)
{
	struct fixture *f = *state;

	presence(f, "a@x/1", NULL, 0, disco_caps_hash(f->disco));
	assert_true((disco_known(f->disco, "a@x/1") & CAN_CALL) == CAN_CALL);
	disco_query(f->disco, "a@x/1", on_one, f);
	assert_int_equal(fake_stream_open(&f->stream), 0);
	run_idle();
	assert_int_equal(f->answers, 1);
	disco_set_dtls(f->disco, FALSE);			/* but one who can what we no longer can is another */
	assert_false(disco_known(f->disco, "a@x/1"));
}

/* ---- cancelling ---- */

static void a_cancelled_question_is_never_answered(void **state)
{
	struct fixture *f = *state;
	guint handle;

	presence(f, "a@x/1", NULL, 0, NULL);
	presence(f, "a@x/2", NULL, 0, NULL);
	handle = disco_best(f->disco, "a@x", CAN_CALL, on_best, f);
	answer(f, "a@x/1", QUERY(CALLABLE));
	disco_cancel(f->disco, handle);
	assert_int_equal(fake_stream_open(&f->stream), 0);
	handle = disco_best(f->disco, "nobody@x", CAN_CALL, on_best, f);
	disco_cancel(f->disco, handle);
	disco_cancel(f->disco, handle);
	disco_cancel(f->disco, 0);
	run_idle();
	assert_int_equal(f->answers, 0);
}

static void freeing_withdraws_all_questions(void **state)
{
	struct fixture *f = *state;

	disco_query(f->disco, "a@x/1", on_one, f);
	disco_best(f->disco, "nobody@x", CAN_CALL, on_best, f);
	disco_free(f->disco);
	f->disco = NULL;
	assert_int_equal(fake_stream_open(&f->stream), 0);
	run_idle();
	assert_int_equal(f->answers, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(we_list_what_other_clients_want_to_see_before_they_call),
		TEST(our_caps_are_the_hash_of_what_we_answer),
		TEST(nodes_we_do_not_have_are_not_found),
		TEST(we_have_no_items),
		TEST(what_is_no_disco_question_is_left_to_others),
		TEST(resources_come_and_go_with_their_presence),
		TEST(our_own_presence_bare_jids_and_subscriptions_are_no_resources),
		TEST(at_most_500_resources_of_others_are_kept_and_the_one_seen_longest_ago_goes_first),
		TEST(others_never_push_out_a_contact),
		TEST(every_one_of_20000_contacts_is_seen_and_asked),
		TEST(a_full_jid_is_asked_and_its_features_become_flags),
		TEST(only_transports_that_are_switched_on_are_announced),
		TEST(dtls_is_asked_for_unless_sdes_will_do), TEST(dtls_is_announced_as_it_is_switched_on),
		TEST(a_peer_must_have_one_transport_of_ours),
		TEST(what_was_answered_is_known_until_its_presence_changes),
		TEST(what_a_verified_hash_says_is_known_without_asking),
		TEST(audio_needs_both_of_its_features),
		TEST(errors_are_told_as_they_are_and_give_no_flags),
		TEST(an_answer_without_a_list_gives_no_flags),
		TEST(caps_are_asked_by_their_node_and_plainly_if_that_is_unknown),
		TEST(a_hash_that_fits_is_believed_of_everybody_who_shows_it),
		TEST(a_hash_that_does_not_fit_says_nothing_about_others),
		TEST(features_hidden_in_a_form_do_not_poison_the_cache),
		TEST(a_presence_without_caps_leaves_the_known_ones),
		TEST(the_best_resource_is_callable_then_of_highest_priority),
		TEST(of_equal_priority_the_latest_seen_is_best),
		TEST(a_resource_that_does_not_answer_does_not_spoil_the_others),
		TEST(when_none_can_take_a_call_what_they_can_is_still_told),
		TEST(nobody_online_is_told_later_in_the_main_loop),
		TEST(at_most_ten_are_asked_and_they_are_the_likeliest),
		TEST(two_who_want_to_know_the_same_are_answered_by_one_question),
		TEST(another_jcall_is_not_asked),
		TEST(a_cancelled_question_is_never_answered),
		TEST(freeing_withdraws_all_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
