#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/jmi.h"
#include "xml.h"

#define J "xmlns='urn:xmpp:jingle-message:0'"
#define STORE "<store xmlns='urn:xmpp:hints'/>"
#define US "romeo@example.net/orchard"
#define BARE "juliet@example.org"
#define PHONE "juliet@example.org/phone"
#define LAPTOP "juliet@example.org/laptop"
#define ID "b5af93f2-345d-483f-b0ba-eaf470cf1556"

enum { START = 1000, FALLBACK = 3000, RING = 45000 };

static int setup(void **state)
{
	*state = jmi_call_new(ID, US, BARE, FALLBACK, RING);
	return 0;
}

static int teardown(void **state)
{
	jmi_call_free(*state);
	return 0;
}

static void assert_quiet(struct jmi_call *c)
{
	struct jmi_out out;

	assert_false(jmi_call_next(c, &out));
}

static void assert_sends(struct jmi_call *c, const char *expected)
{
	struct jmi_out out;

	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.kind, JMI_OUT_SEND);
	assert_elem_equal(expected, out.message);
	elem_free(out.message);
}

static void assert_event(struct jmi_call *c, enum jmi_call_event event, enum jc_err err, const char *peer)
{
	struct jmi_out out;

	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.kind, JMI_OUT_EVENT);
	assert_int_equal(out.event, event);
	assert_int_equal(out.err, err);
	if (peer)
		assert_string_equal(out.peer, peer);
}

#define MESSAGE(to, kind, inner) "<message xmlns='jabber:client' type='chat' to='" to "' id='jm-" kind "-" ID "'><" kind " " J \
	" id='" ID "'>" inner "</" kind ">" STORE "</message>"
#define REASON(r) "<reason xmlns='urn:xmpp:jingle:1'><" r "/></reason>"
#define RETRACT MESSAGE(BARE, "retract", REASON("cancel"))

/* A call that has been proposed. */
static struct jmi_call *begin(void **state)
{
	teardown(state);
	setup(state);
	jmi_call_start(*state, START);
	assert_sends(*state, MESSAGE(BARE, "propose", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"));
	return *state;
}

static gboolean hear(struct jmi_call *c, const char *from, enum jmi_kind kind, enum jingle_reason reason)
{
	struct jmi_msg m = {.kind = kind, .id = ID, .reason = reason};

	return jmi_call_recv(c, from, &m, START + 100);
}

/* ---- the way to a call ---- */

static void the_proposal_goes_to_the_bare_jid_rule_r4(void **state)
{
	struct jmi_call *c = begin(state);

	assert_quiet(c);
	assert_false(jmi_call_ringing(c));
	assert_int_equal(jmi_call_deadline(c), START + FALLBACK);
}

static void nothing_happens_before_the_start(void **state)
{
	struct jmi_call *c = *state;

	assert_int_equal(jmi_call_deadline(c), G_MAXINT64);
	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	jmi_call_expire(c, G_MAXINT64 - 1);
	jmi_call_retract(c, JC_CANCELLED, 0);
	assert_quiet(c);
}

static void it_starts_once(void **state)
{
	struct jmi_call *c = begin(state);

	jmi_call_start(c, START + 1);
	assert_quiet(c);
}

static void the_first_device_that_rings_is_told_and_stops_the_fallback(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_RINGING, REASON_NONE));
	assert_event(c, JMI_CALL_RINGING, JC_OK, PHONE);
	assert_true(jmi_call_ringing(c));
	assert_true(hear(c, LAPTOP, JMI_RINGING, REASON_NONE));
	assert_quiet(c);
	assert_int_equal(jmi_call_deadline(c), START + RING);
	jmi_call_expire(c, START + FALLBACK);
	assert_quiet(c);
}

static void the_device_that_proceeds_has_the_call_and_a_second_one_is_ignored_rule_r10(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_RINGING, REASON_NONE));
	assert_event(c, JMI_CALL_RINGING, JC_OK, PHONE);
	assert_true(hear(c, LAPTOP, JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, LAPTOP);
	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	assert_true(hear(c, PHONE, JMI_REJECT, REASON_NONE));
	assert_true(hear(c, PHONE, JMI_RINGING, REASON_NONE));
	assert_quiet(c);
	assert_int_equal(jmi_call_deadline(c), G_MAXINT64);
	jmi_call_expire(c, START + RING);
	assert_quiet(c);
}

static void the_proceed_of_a_phone_gateway_needs_no_ringing_rule_r31(void **state)
{
	struct jmi_call *c;
	elem_auto e = xml("<message from='+15551234567@cheogram.com/tel' to='" US "' type='normal' id='jm-proceed-" ID "'>"
			  "<proceed " J " id='" ID "'/></message>");
	struct jmi_msg m;

	teardown(state);
	c = *state = jmi_call_new(ID, US, "+15551234567@cheogram.com", FALLBACK, RING);
	jmi_call_start(c, START);
	assert_sends(c, MESSAGE("+15551234567@cheogram.com", "propose",
				"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"));
	assert_true(jmi_read(e, &m));
	assert_true(jmi_call_recv(c, elem_attr(e, "from"), &m, START + 1));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, "+15551234567@cheogram.com/tel");
}

static void a_proceed_without_resource_leads_nowhere(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, BARE, JMI_PROCEED, REASON_NONE));
	assert_true(hear(c, BARE "/", JMI_PROCEED, REASON_NONE));
	assert_quiet(c);
	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, PHONE);
}

static void nobody_but_the_callee_can_take_or_end_it(void **state)
{
	static const char *const others[] = {"mallory@example.org/phone", "juliet@example.org.evil.example/phone", "example.org",
		"romeo@example.net/other", US, "juliet@example.or/phone"};
	struct jmi_call *c = begin(state);

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		for (int kind = JMI_PROPOSE; kind <= JMI_ACCEPT; kind++)
			assert_false(hear(c, others[i], (enum jmi_kind)kind, REASON_NONE));
	assert_quiet(c);
}

static void another_id_is_another_call(void **state)
{
	struct jmi_call *c = begin(state);
	struct jmi_msg m = {.kind = JMI_PROCEED, .id = "another"};

	assert_false(jmi_call_recv(c, PHONE, &m, START));
	assert_quiet(c);
}

static void an_accept_among_the_callees_devices_is_ignored_rule_r5(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_ACCEPT, REASON_NONE));
	assert_quiet(c);
	assert_int_equal(jmi_call_deadline(c), START + FALLBACK);
}

static void a_call_to_another_device_of_our_own_account_does_not_hear_itself(void **state)
{
	struct jmi_call *c;

	teardown(state);
	c = *state = jmi_call_new(ID, US, "romeo@example.net", FALLBACK, RING);
	jmi_call_start(c, START);
	assert_sends(c, MESSAGE("romeo@example.net", "propose", "*"));
	assert_false(hear(c, US, JMI_PROPOSE, REASON_NONE));
	assert_false(hear(c, US, JMI_RETRACT, REASON_NONE));
	assert_true(jmi_call_tie(c, ID, US, START));
	assert_quiet(c);
	assert_true(hear(c, "romeo@example.net/tablet", JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, "romeo@example.net/tablet");
}

/* ---- the ends ---- */

static void what_a_reject_or_finish_means_follows_from_its_reason(void **state)
{
	static const struct {
		enum jmi_kind kind;
		enum jingle_reason reason;
		enum jc_err err;
	} table[] = {
		{JMI_REJECT, REASON_NONE, JC_DECLINED},			/* Dino gives none */
		{JMI_REJECT, REASON_BUSY, JC_BUSY}, {JMI_REJECT, REASON_DECLINE, JC_DECLINED},
		{JMI_REJECT, REASON_CANCEL, JC_DECLINED}, {JMI_REJECT, REASON_SUCCESS, JC_DECLINED},
		{JMI_REJECT, REASON_SECURITY_ERROR, JC_SECURITY}, {JMI_REJECT, REASON_GONE, JC_UNAVAILABLE},
		{JMI_REJECT, REASON_EXPIRED, JC_NO_ANSWER}, {JMI_FINISH, REASON_NONE, JC_DECLINED},
		{JMI_FINISH, REASON_SUCCESS, JC_DECLINED}, {JMI_FINISH, REASON_EXPIRED, JC_NO_ANSWER},
		{JMI_FINISH, REASON_CONNECTIVITY_ERROR, JC_NO_PATH}, {JMI_RETRACT, REASON_CANCEL, JC_DECLINED}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct jmi_call *c = begin(state);

		assert_true(hear(c, PHONE, table[i].kind, table[i].reason));
		assert_event(c, JMI_CALL_ENDED, table[i].err, NULL);
		assert_true(hear(c, LAPTOP, JMI_PROCEED, REASON_NONE));	/* too late */
		assert_true(hear(c, LAPTOP, JMI_REJECT, REASON_NONE));
		jmi_call_retract(c, JC_CANCELLED, START + 200);
		jmi_call_expire(c, START + RING);
		assert_quiet(c);
		assert_int_equal(jmi_call_deadline(c), G_MAXINT64);
	}
}

static void the_words_of_a_reject_are_handed_on_within_bounds(void **state)
{
	struct jmi_call *c = begin(state);
	g_autofree char *text = g_strnfill(100000, 'x');
	struct jmi_msg m = {.kind = JMI_REJECT, .id = ID, .reason = REASON_BUSY, .text = text};
	struct jmi_out out;

	assert_true(jmi_call_recv(c, PHONE, &m, START));
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(strlen(out.text), 500);
}

static void nobody_reacting_gives_a_fallback_and_the_proposal_stays_open(void **state)
{
	struct jmi_call *c = begin(state);

	jmi_call_expire(c, START + FALLBACK - 1);
	assert_quiet(c);
	jmi_call_expire(c, START + FALLBACK);
	assert_event(c, JMI_CALL_FALLBACK, JC_OK, NULL);
	jmi_call_expire(c, START + FALLBACK + 1);
	assert_quiet(c);
	assert_int_equal(jmi_call_deadline(c), START + RING);
	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, PHONE);
}

static void without_fallback_there_is_the_ring_timeout_alone(void **state)
{
	struct jmi_call *c;

	teardown(state);
	c = *state = jmi_call_new(ID, US, BARE, G_MAXINT64, RING);
	jmi_call_start(c, START);
	assert_int_equal(jmi_call_deadline(c), START + RING);
}

static void no_answer_in_time_retracts_rule_r12(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_RINGING, REASON_NONE));
	assert_event(c, JMI_CALL_RINGING, JC_OK, PHONE);
	jmi_call_expire(c, START + RING - 1);
	assert_quiet(c);
	jmi_call_expire(c, START + RING);
	assert_sends(c, RETRACT);
	assert_event(c, JMI_CALL_ENDED, JC_NO_ANSWER, NULL);
	assert_quiet(c);
}

static void a_late_wake_up_ends_the_call_and_does_not_fall_back(void **state)
{
	struct jmi_call *c = begin(state);

	jmi_call_expire(c, START + RING + 5000);	/* the machine slept */
	assert_sends(c, RETRACT);
	assert_event(c, JMI_CALL_ENDED, JC_NO_ANSWER, NULL);
	assert_quiet(c);
}

static void the_user_giving_up_retracts_to_the_bare_jid_rules_r4_r12(void **state)
{
	struct jmi_call *c = begin(state);

	jmi_call_retract(c, JC_CANCELLED, START + 100);
	assert_sends(c, RETRACT);
	assert_event(c, JMI_CALL_ENDED, JC_CANCELLED, NULL);
	jmi_call_retract(c, JC_CANCELLED, START + 200);
	assert_quiet(c);
}

static void after_a_proceed_there_is_nothing_to_retract_rule_r12(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, PHONE);
	jmi_call_retract(c, JC_CANCELLED, START + 100);
	assert_quiet(c);
}

static void a_proposal_that_bounces_finds_nobody_rule_r7(void **state)
{
	struct jmi_call *c = begin(state);
	struct jmi_out out;

	jmi_call_bounced(c, "jm-ringing-" ID, "service-unavailable", START);
	jmi_call_bounced(c, "another", "service-unavailable", START);
	assert_quiet(c);
	jmi_call_bounced(c, "jm-propose-" ID, "service-unavailable", START);
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.event, JMI_CALL_ENDED);
	assert_int_equal(out.err, JC_UNAVAILABLE);
	assert_string_equal(out.text, "service-unavailable");
	jmi_call_bounced(c, "jm-propose-" ID, NULL, START);
	assert_quiet(c);
}

static void a_bounce_does_not_speak_for_a_device_that_rings(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_RINGING, REASON_NONE));
	assert_event(c, JMI_CALL_RINGING, JC_OK, PHONE);
	jmi_call_bounced(c, "jm-propose-" ID, "service-unavailable", START);
	assert_quiet(c);
}

/* ---- ties, rule R11 ---- */

#define HIGHER "fecbea35-08d3-404f-9ec7-2b57c566fa74"
#define LOWER "0a3cf894-5325-482f-a412-a6e9f832298d"
#define TIE "<reason xmlns='urn:xmpp:jingle:1'><expired/><text>Tie-Break</text></reason><tie-break/>"

static void a_higher_id_of_the_callee_is_rejected_and_ours_goes_on_rule_r11(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(jmi_call_tie(c, HIGHER, PHONE, START));
	assert_sends(c, "<message xmlns='jabber:client' type='chat' to='" PHONE "' id='jm-reject-" HIGHER "'><reject " J " id='"
		     HIGHER "'>" TIE "</reject>" STORE "</message>");
	assert_quiet(c);
	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, PHONE);
}

static void a_lower_id_of_the_callee_wins_and_ours_is_retracted_rule_r11(void **state)
{
	struct jmi_call *c = begin(state);

	assert_false(jmi_call_tie(c, LOWER, PHONE, START));
	assert_sends(c, MESSAGE(BARE, "retract", TIE));
	assert_event(c, JMI_CALL_TIE_LOST, JC_OK, PHONE);
	assert_true(hear(c, PHONE, JMI_REJECT, REASON_EXPIRED));	/* his, which crossed */
	jmi_call_expire(c, START + RING);
	assert_quiet(c);
}

static void ids_are_compared_byte_by_byte(void **state)
{
	assert_false(jmi_call_tie(begin(state), "B5AF93F2-345D-483F-B0BA-EAF470CF1556", PHONE, START));
	assert_true(jmi_call_tie(begin(state), ID "0", PHONE, START));
	assert_false(jmi_call_tie(begin(state), "b", PHONE, START));
}

static void of_equal_ids_the_lower_jid_wins_rule_r11(void **state)
{
	struct jmi_call *c = begin(state);

	assert_false(jmi_call_tie(c, ID, PHONE, START));		/* juliet@ before romeo@ */
	teardown(state);
	c = *state = jmi_call_new(ID, "abel@example.net/a", BARE, FALLBACK, RING);
	jmi_call_start(c, START);
	assert_true(jmi_call_tie(c, ID, PHONE, START));
}

static void after_a_proceed_a_second_call_finds_us_busy(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_PROCEED, REASON_NONE));
	assert_event(c, JMI_CALL_PROCEED, JC_OK, PHONE);
	assert_true(jmi_call_tie(c, LOWER, PHONE, START));
	assert_sends(c, "<message xmlns='jabber:client' type='chat' to='" PHONE "' id='jm-reject-" LOWER "'><reject " J " id='"
		     LOWER "'>" REASON("busy") "</reject>" STORE "</message>");
	assert_quiet(c);
}

static void a_call_that_is_over_stands_in_nobodys_way(void **state)
{
	struct jmi_call *c = begin(state);

	assert_true(hear(c, PHONE, JMI_REJECT, REASON_NONE));
	assert_event(c, JMI_CALL_ENDED, JC_DECLINED, NULL);
	assert_false(jmi_call_tie(c, HIGHER, PHONE, START));
	assert_quiet(c);
}

static void a_reject_for_a_tie_tells_that_he_is_calling_rule_r11(void **state)
{
	struct jmi_call *c = begin(state);
	struct jmi_msg m = {.kind = JMI_REJECT, .id = ID, .reason = REASON_EXPIRED, .tie_break = TRUE, .text = "Tie-Break"};
	struct jmi_out out;

	assert_true(jmi_call_recv(c, PHONE, &m, START));
	assert_true(jmi_call_next(c, &out));
	assert_int_equal(out.event, JMI_CALL_ENDED);
	assert_int_equal(out.err, JC_BUSY);
	assert_string_equal(out.text, "is calling you at this very moment");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_proposal_goes_to_the_bare_jid_rule_r4),
		T(nothing_happens_before_the_start),
		T(it_starts_once),
		T(the_first_device_that_rings_is_told_and_stops_the_fallback),
		T(the_device_that_proceeds_has_the_call_and_a_second_one_is_ignored_rule_r10),
		T(the_proceed_of_a_phone_gateway_needs_no_ringing_rule_r31),
		T(a_proceed_without_resource_leads_nowhere),
		T(nobody_but_the_callee_can_take_or_end_it),
		T(another_id_is_another_call),
		T(an_accept_among_the_callees_devices_is_ignored_rule_r5),
		T(a_call_to_another_device_of_our_own_account_does_not_hear_itself),
		T(what_a_reject_or_finish_means_follows_from_its_reason),
		T(the_words_of_a_reject_are_handed_on_within_bounds),
		T(nobody_reacting_gives_a_fallback_and_the_proposal_stays_open),
		T(without_fallback_there_is_the_ring_timeout_alone),
		T(no_answer_in_time_retracts_rule_r12),
		T(a_late_wake_up_ends_the_call_and_does_not_fall_back),
		T(the_user_giving_up_retracts_to_the_bare_jid_rules_r4_r12),
		T(after_a_proceed_there_is_nothing_to_retract_rule_r12),
		T(a_proposal_that_bounces_finds_nobody_rule_r7),
		T(a_bounce_does_not_speak_for_a_device_that_rings),
		T(a_higher_id_of_the_callee_is_rejected_and_ours_goes_on_rule_r11),
		T(a_lower_id_of_the_callee_wins_and_ours_is_retracted_rule_r11),
		T(ids_are_compared_byte_by_byte),
		T(of_equal_ids_the_lower_jid_wins_rule_r11),
		T(after_a_proceed_a_second_call_finds_us_busy),
		T(a_call_that_is_over_stands_in_nobodys_way),
		T(a_reject_for_a_tie_tells_that_he_is_calling_rule_r11),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
