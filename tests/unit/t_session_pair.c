/* Two Jingle sessions against each other over an XMPP made of two queues: every crossing that can happen, by chance with
 * a seed. However it goes, each side hears of its end once and the two agree on what became of the call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jfake.h"
#include "jingle/session.h"
#include "xml.h"

enum { SEEDS = 2000, STEPS = 40, MAX_PACKETS = 2000 };

struct packet {
	struct elem *jingle;		/* NULL: an answer */
	guint tag;
	enum iq_cond cond;
};

struct side {
	struct jingle_session *s;	/* NULL: no offer has come yet */
	struct jfake fake;
	GQueue in;			/* struct packet *, in order, as XMPP delivers */
	struct side *other;
	unsigned ended, accepted, incoming;
	enum jc_err err;
	gboolean by_us;			/* we wished to end it, and that ended it */
	unsigned refused;		/* answers to ours other than OK */
};

struct pair {
	struct side dialer, called;
	GRand *rand;
	unsigned packets;
	unsigned loss_percent;
};

static struct jingle_session *open_session(struct side *side, gboolean initiator)
{
	struct jingle_plugs plugs = jfake_plugs(&side->fake);

	return (initiator ? jingle_dial : jingle_incoming)("s1", "us@here/1", "them@there/2", &plugs);
}

static struct pair *new_pair(guint32 seed)
{
	struct pair *p = g_new0(struct pair, 1);

	p->rand = g_rand_new_with_seed(seed);
	p->dialer.other = &p->called;
	p->called.other = &p->dialer;
	g_queue_init(&p->dialer.in);
	g_queue_init(&p->called.in);
	p->dialer.s = open_session(&p->dialer, TRUE);
	return p;
}

static void free_packet(gpointer data)
{
	struct packet *packet = data;

	elem_free(packet->jingle);
	g_free(packet);
}

static void free_pair(struct pair *p)
{
	g_queue_clear_full(&p->dialer.in, free_packet);
	g_queue_clear_full(&p->called.in, free_packet);
	jingle_free(p->dialer.s);
	jingle_free(p->called.s);
	g_rand_free(p->rand);
	g_free(p);
}

static gboolean chance(struct pair *p, gint percent)
{
	return g_rand_int_range(p->rand, 0, 100) < percent;
}

static void post(struct pair *p, struct side *to, struct elem *jingle, guint tag, enum iq_cond cond)
{
	struct packet *packet = g_new0(struct packet, 1);

	assert_true(++p->packets < MAX_PACKETS);	/* no two sessions talk for ever */
	packet->jingle = jingle;
	packet->tag = tag;
	packet->cond = cond;
	g_queue_push_tail(&to->in, packet);
}

static void pump(struct pair *p, struct side *side)
{
	struct jingle_out out;

	while (side->s && jingle_next(side->s, &out)) {
		assert_int_equal(side->ended, 0);	/* the end is the last of all */
		if (out.kind == JINGLE_OUT_SEND) {
			if (p->loss_percent && chance(p, (gint)p->loss_percent)) {
				elem_free(out.jingle);
				post(p, side, NULL, out.tag, chance(p, 50) ? COND_TIMEOUT : COND_DISCONNECTED);
			} else {
				post(p, side->other, out.jingle, out.tag, COND_OK);
			}
			continue;
		}
		side->incoming += out.event == JINGLE_EV_INCOMING;
		side->accepted += out.event == JINGLE_EV_ACCEPTED;
		if (out.event == JINGLE_EV_ENDED) {
			side->ended++;
			side->err = out.err;
		}
	}
}

/* As on a wire: what arrives was text. */
static enum iq_cond receive(struct side *side, const struct elem *sent)
{
	g_autofree char *text = elem_to_string(sent);
	elem_auto jingle = xml(text);
	struct jingle_msg m;
	enum iq_cond cond = jingle_msg_read(&m, jingle);

	assert_int_equal(cond, COND_OK);		/* we write nothing that we could not read */
	if (!side->s && m.action == JINGLE_SESSION_INITIATE)
		side->s = open_session(side, FALSE);
	return side->s ? jingle_recv(side->s, &m, 0) : COND_UNKNOWN_SESSION;
}

static void deliver(struct pair *p, struct side *side)
{
	struct packet *packet = g_queue_pop_head(&side->in);

	if (!packet)
		return;
	if (packet->jingle) {
		post(p, side->other, NULL, packet->tag, receive(side, packet->jingle));
	} else {
		side->refused += packet->cond != COND_OK;
		jingle_acked(side->s, packet->tag, packet->cond, 0);
	}
	pump(p, side);
	free_packet(packet);
}

static void drain(struct pair *p)
{
	while (p->dialer.in.length || p->called.in.length) {
		deliver(p, &p->dialer);
		deliver(p, &p->called);
	}
}

static void start(struct pair *p)
{
	jingle_start(p->dialer.s, 0);
	pump(p, &p->dialer);
}

static void accept_call(struct pair *p)
{
	if (p->called.s)
		jingle_accept(p->called.s, 0);
	pump(p, &p->called);
}

/* As a user does it: what ending means depends on how far the call is for this side. */
static void hang_up(struct pair *p, struct side *side)
{
	enum jc_err err = JC_OK;

	if (!side->s || jingle_state(side->s) == JINGLE_ENDED)
		return;
	if (jingle_state(side->s) == JINGLE_PENDING)
		err = side == &p->dialer ? JC_CANCELLED : chance(p, 50) ? JC_DECLINED : JC_BUSY;
	jingle_end(side->s, err, NULL, 0);
	side->by_us = TRUE;
	pump(p, side);
}

static void assert_outcomes(const struct pair *p, enum jc_err dialer, enum jc_err called)
{
	assert_int_equal(p->dialer.ended, 1);
	assert_int_equal(p->called.ended, 1);
	assert_string_equal(jc_symbol(p->dialer.err), jc_symbol(dialer));
	assert_string_equal(jc_symbol(p->called.err), jc_symbol(called));
}

static struct pair *call_up(void)
{
	struct pair *p = new_pair(1);

	start(p);
	drain(p);
	accept_call(p);
	drain(p);
	assert_int_equal(p->dialer.accepted, 1);
	assert_int_equal(p->called.accepted, 1);
	return p;
}

static void a_call_is_offered_accepted_and_hung_up_by_the_dialer(void **state)
{
	struct pair *p = call_up();

	hang_up(p, &p->dialer);
	drain(p);
	assert_outcomes(p, JC_OK, JC_OK);
	free_pair(p);
}

static void a_call_is_hung_up_by_the_called(void **state)
{
	struct pair *p = call_up();

	hang_up(p, &p->called);
	drain(p);
	assert_outcomes(p, JC_OK, JC_OK);
	assert_false(p->dialer.by_us);
	free_pair(p);
}

static void both_may_hang_up_at_once(void **state)
{
	struct pair *p = call_up();

	hang_up(p, &p->dialer);
	hang_up(p, &p->called);
	drain(p);
	assert_outcomes(p, JC_OK, JC_OK);
	free_pair(p);
}

static void candidates_go_both_ways(void **state)
{
	struct pair *p = call_up();

	p->dialer.fake.news = 3;
	p->called.fake.news = 2;
	jingle_trickle(p->dialer.s, 0);
	jingle_trickle(p->called.s, 0);
	pump(p, &p->dialer);
	pump(p, &p->called);
	drain(p);
	assert_int_equal(p->called.fake.transport_reads[JINGLE_TRANSPORT_INFO], 3);
	assert_int_equal(p->dialer.fake.transport_reads[JINGLE_TRANSPORT_INFO], 2);
	assert_int_equal(p->dialer.refused + p->called.refused, 0);
	free_pair(p);
}

static void a_cancel_that_crosses_the_accept_is_a_cancel_for_both(void **state)
{
	struct pair *p = new_pair(1);

	start(p);
	drain(p);
	accept_call(p);
	hang_up(p, &p->dialer);
	drain(p);
	assert_outcomes(p, JC_CANCELLED, JC_CANCELLED);
	assert_int_equal(p->dialer.accepted, 0);
	free_pair(p);
}

static void a_cancel_that_crosses_the_refusal_is_what_each_wanted(void **state)
{
	struct pair *p = new_pair(1);

	start(p);
	drain(p);
	jingle_end(p->called.s, JC_DECLINED, NULL, 0);
	pump(p, &p->called);
	hang_up(p, &p->dialer);
	drain(p);
	assert_outcomes(p, JC_CANCELLED, JC_DECLINED);
	free_pair(p);
}

static void a_cancel_on_the_heels_of_the_offer_is_a_call_given_up(void **state)
{
	struct pair *p = new_pair(1);

	start(p);
	hang_up(p, &p->dialer);
	drain(p);
	assert_outcomes(p, JC_CANCELLED, JC_CANCELLED);
	assert_int_equal(p->called.incoming, 1);
	free_pair(p);
}

static void an_accept_and_hang_up_at_once_is_a_short_call(void **state)
{
	struct pair *p = new_pair(1);

	start(p);
	drain(p);
	accept_call(p);
	hang_up(p, &p->called);
	drain(p);
	assert_outcomes(p, JC_OK, JC_OK);
	assert_int_equal(p->dialer.accepted, 1);
	free_pair(p);
}

/* ---- by chance ---- */

static void do_something(struct pair *p, struct side *side)
{
	if (!side->s)
		return;
	switch (g_rand_int_range(p->rand, 0, 12)) {
	case 0:
		hang_up(p, side);
		break;
	case 1:
	case 2:
		jingle_accept(side->s, 0);
		break;
	case 3:
		jingle_ring(side->s, 0);
		break;
	case 4:
	case 5:
		side->fake.news = (unsigned)g_rand_int_range(p->rand, 1, 4);
		jingle_trickle(side->s, 0);
		break;
	case 6:
		jingle_info(side->s, NULL, 0);
		break;
	case 7:
		jingle_info(side->s, elem_new("mute", NS_RTP_INFO), 0);
		break;
	case 8:
		jingle_start(side->s, 0);
		break;
	default:
		jingle_senders(side->s, (enum jingle_senders)g_rand_int_range(p->rand, 0, 4), 0);
	}
	pump(p, side);
}

static void step(struct pair *p)
{
	struct side *side = chance(p, 50) ? &p->dialer : &p->called;

	if (chance(p, 60))
		deliver(p, side);
	else
		do_something(p, side);
}

/* Whose wish it was is heard by the other side in its own words. */
static void assert_agreement(const struct pair *p, guint32 seed)
{
	static const struct {
		enum jc_err dialer, called;
		gboolean both_wished;		/* needs both to have hung up at once */
	} allowed[] = {
		{JC_OK, JC_OK, FALSE}, {JC_CANCELLED, JC_CANCELLED, FALSE}, {JC_DECLINED, JC_DECLINED, FALSE},
		{JC_BUSY, JC_BUSY, FALSE}, {JC_CANCELLED, JC_DECLINED, TRUE}, {JC_CANCELLED, JC_BUSY, TRUE},
		{JC_CANCELLED, JC_OK, TRUE}};		/* accepted and hung up while the cancel was on its way */
	enum jc_err d = p->dialer.err, c = p->called.err;

	for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++)
		if (allowed[i].dialer == d && allowed[i].called == c &&
		    (!allowed[i].both_wished || (p->dialer.by_us && p->called.by_us)))
			return;
	fail_msg("seed %u: %s for the dialer, %s for the called", seed, jc_symbol(d), jc_symbol(c));
}

static void whatever_crosses_both_sides_agree(void **state)
{
	unsigned talked = 0, refused = 0;

	for (guint32 seed = 0; seed < SEEDS; seed++) {
		struct pair *p = new_pair(seed);

		start(p);
		for (int i = 0; i < STEPS; i++)
			step(p);
		drain(p);
		if (p->called.s && jingle_state(p->dialer.s) == JINGLE_ACTIVE && jingle_state(p->called.s) == JINGLE_ACTIVE)
			assert_int_equal(jingle_current_senders(p->dialer.s), jingle_current_senders(p->called.s));
		hang_up(p, chance(p, 50) ? &p->dialer : &p->called);
		drain(p);
		assert_int_equal(p->dialer.ended, 1);
		assert_int_equal(p->called.ended, 1);
		assert_true(p->dialer.accepted <= p->called.accepted);
		assert_agreement(p, seed);
		talked += p->dialer.accepted;
		refused += p->dialer.refused + p->called.refused;
		free_pair(p);
	}
	assert_in_range(talked, SEEDS / 10, SEEDS - SEEDS / 10);	/* the dice reach all parts */
	assert_true(refused > 0);
}

static void whatever_is_lost_each_side_ends_once(void **state)
{
	for (guint32 seed = 0; seed < SEEDS; seed++) {
		struct pair *p = new_pair(seed);

		p->loss_percent = 10;
		start(p);
		for (int i = 0; i < STEPS; i++)
			step(p);
		drain(p);
		hang_up(p, &p->dialer);
		hang_up(p, &p->called);
		drain(p);
		assert_int_equal(p->dialer.ended, 1);
		assert_int_equal(p->called.ended, p->called.s ? 1 : 0);
		free_pair(p);
	}
}

/* ---- a peer without manners ---- */

static const char *const parts[] = {
	"", "<content/>", "<content name='audio'/>", "<content creator='initiator' name='audio' senders='none'/>",
	"<content creator='initiator' name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
		"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>",
	"<content creator='initiator' name='v'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>"
		"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>",
	"<content creator='responder' name='audio'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>",
	"<content creator='initiator' name='audio'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>",
	"<content creator='initiator' name='audio'><description xmlns='x'/><transport xmlns='x'/></content>",
	"<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>", "<x xmlns='y'/>", "<reason/>", "<reason><busy/></reason>",
	"<reason><cancel/><text>*</text></reason>", "<reason><reason><reason/></reason></reason>"};

static struct elem *nonsense(GRand *rand)
{
	GString *text = g_string_new(NULL);
	int count = g_rand_int_range(rand, 0, 5);
	struct elem *e;

	g_string_printf(text, "<jingle xmlns='urn:xmpp:jingle:1' sid='s1' action='%s'>",
			jingle_action_text((enum jingle_action)g_rand_int_range(rand, 1, JINGLE_ACTION_COUNT)));
	while (count-- > 0)
		g_string_append(text, parts[g_rand_int_range(rand, 0, G_N_ELEMENTS(parts))]);
	g_string_append(text, "</jingle>");
	e = xml(text->str);
	g_string_free(text, TRUE);
	return e;
}

static void a_peer_without_manners_gets_answers_and_one_end(void **state)
{
	for (guint32 seed = 0; seed < SEEDS; seed++) {
		struct pair *p = new_pair(seed);
		struct side *side = &p->dialer;

		if (seed % 2) {			/* as the called */
			jingle_free(side->s);
			side->s = open_session(side, FALSE);
		}
		for (int i = 0; i < STEPS; i++) {
			elem_auto e = nonsense(p->rand);
			struct jingle_msg m;

			side->fake.answer = side->fake.agree = chance(p, 10) ? JC_NO_CODEC : JC_OK;
			side->fake.keying_read = chance(p, 5) ? JC_SECURITY : JC_OK;
			side->fake.transport_read = chance(p, 10) ? JC_PROTOCOL : JC_OK;
			if (chance(p, 60) && jingle_msg_read(&m, e) == COND_OK) {
				enum iq_cond cond = jingle_recv(side->s, &m, i);

				assert_true(!side->ended || cond == COND_UNKNOWN_SESSION);
			} else if (chance(p, 50)) {
				do_something(p, side);
			} else {
				jingle_acked(side->s, (guint)g_rand_int_range(p->rand, 0, 8),
					     (enum iq_cond)g_rand_int_range(p->rand, 0, COND_COUNT), i);
				jingle_expire(side->s, i * 1000);
			}
			pump(p, side);
		}
		hang_up(p, side);
		assert_int_equal(side->ended, 1);
		assert_true(jingle_deadline(side->s) == G_MAXINT64);
		free_pair(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_offered_accepted_and_hung_up_by_the_dialer),
		cmocka_unit_test(a_call_is_hung_up_by_the_called),
		cmocka_unit_test(both_may_hang_up_at_once),
		cmocka_unit_test(candidates_go_both_ways),
		cmocka_unit_test(a_cancel_that_crosses_the_accept_is_a_cancel_for_both),
		cmocka_unit_test(a_cancel_that_crosses_the_refusal_is_what_each_wanted),
		cmocka_unit_test(a_cancel_on_the_heels_of_the_offer_is_a_call_given_up),
		cmocka_unit_test(an_accept_and_hang_up_at_once_is_a_short_call),
		cmocka_unit_test(whatever_crosses_both_sides_agree),
		cmocka_unit_test(whatever_is_lost_each_side_ends_once),
		cmocka_unit_test(a_peer_without_manners_gets_answers_and_one_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
