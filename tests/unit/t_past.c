#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/past.h"
#include "xml.h"

#define J "xmlns='urn:xmpp:jingle-message:0'"
#define US "juliet@capulet.lit"
#define PHONE US "/phone"
#define HIM "romeo@montague.lit"
#define HIS HIM "/orchard"
#define AUDIO "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
#define REASON(r) "<reason xmlns='urn:xmpp:jingle:1'><" r "/></reason>"

enum { T0 = 1763719200, LATER = T0 + PAST_RINGS_S };

struct fixture {
	struct past *past;
	GString *missed;		/* "peer id time busy; " of each */
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->past = past_new(US);
	f->missed = g_string_new(NULL);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	past_free(f->past);
	g_string_free(f->missed, TRUE);
	g_free(f);
	return 0;
}

/* A message of AT seconds after T0, with the JMI element NAME of ID and what is INSIDE. */
static void note(struct fixture *f, const char *from, const char *to, const char *name, const char *id, const char *inside, int at)
{
	g_autofree char *text = g_strdup_printf("<message xmlns='jabber:client' type='chat'><%s " J " id='%s'>%s</%s></message>", name, id,
						inside, name);
	elem_auto e = xml(text);
	struct jmi_msg m;

	assert_true(jmi_read(e, &m));
	past_note(f->past, from, to, &m, T0 + at);
}

static void propose(struct fixture *f, const char *from, const char *id, int at)
{
	note(f, from, US, "propose", id, AUDIO, at);
}

static void on_missed(void *ctx, const struct past_call *c)
{
	struct fixture *f = ctx;

	g_string_append_printf(f->missed, "%s %s %d%s; ", c->peer, c->id, (int)(c->at_s - T0), c->busy ? " busy" : "");
}

static gint64 settle(struct fixture *f, gint64 now_s)
{
	g_string_truncate(f->missed, 0);
	return past_settle(f->past, now_s, on_missed, f);
}

#define assert_missed(expected) assert_string_equal(f->missed->str, expected)

static void a_call_that_was_given_up_is_missed(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "a", 0);
	note(f, HIS, US, "retract", "a", "", 10);
	assert_int_equal(settle(f, T0 + 11), G_MAXINT64);
	assert_missed(HIM " a 0; ");
	settle(f, T0 + 12);
	assert_missed("");
}

static void a_call_without_an_end_is_missed_when_no_one_can_be_ringing_any_more(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "a", 3);
	note(f, PHONE, HIS, "ringing", "a", "", 4);
	assert_int_equal(settle(f, T0 + 3 + PAST_RINGS_S - 1), T0 + 3);
	assert_missed("");
	assert_true(past_is_open(f->past, "a"));
	assert_int_equal(settle(f, T0 + 3 + PAST_RINGS_S), G_MAXINT64);
	assert_missed(HIM " a 3; ");
	assert_false(past_is_open(f->past, "a"));
}

static void what_our_devices_took_or_declined_is_not_missed(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "proceed", 0);
	note(f, PHONE, HIS, "proceed", "proceed", "", 5);
	propose(f, HIS, "bare", 0);
	note(f, PHONE, HIM, "proceed", "bare", "", 5);
	propose(f, HIS, "accept", 0);
	note(f, PHONE, US, "accept", "accept", "", 5);
	propose(f, HIS, "accept2", 0);
	note(f, PHONE, NULL, "accept", "accept2", "", 5);
	propose(f, HIS, "reject", 0);
	note(f, PHONE, HIM, "reject", "reject", REASON("decline"), 5);
	propose(f, HIS, "reject2", 0);
	note(f, PHONE, US, "reject", "reject2", "", 5);
	note(f, HIS, US, "retract", "reject2", "", 6);
	propose(f, HIS, "finish", 0);
	note(f, PHONE, HIS, "finish", "finish", REASON("connectivity-error"), 50);
	propose(f, HIS, "finish2", 0);
	note(f, HIS, PHONE, "finish", "finish2", REASON("success"), 50);
	propose(f, HIS, "finish3", 0);
	note(f, HIS, PHONE, "finish", "finish3", REASON("connectivity-error"), 50);
	assert_int_equal(settle(f, LATER), G_MAXINT64);
	assert_missed("");
}

static void a_finish_instead_of_a_retract_is_giving_up(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "a", 0);
	note(f, HIS, US, "finish", "a", REASON("timeout"), 45);
	propose(f, HIS, "b", 1);
	note(f, HIS, US, "finish", "b", REASON("cancel"), 45);
	settle(f, T0 + 46);
	assert_missed(HIM " a 0; " HIM " b 1; ");
}

static void order_does_not_matter(void **state)
{
	struct fixture *f = *state;

	note(f, HIS, US, "retract", "b", "", 20);
	note(f, PHONE, HIS, "proceed", "a", "", 5);
	propose(f, HIS, "b", 10);
	propose(f, HIS, "a", 0);
	settle(f, T0 + 30);
	assert_missed(HIM " b 10; ");
}

static void missed_calls_come_oldest_first_and_once_however_often_they_were_proposed(void **state)
{
	struct fixture *f = *state;

	propose(f, "Paris@Capulet.lit/x", "p", 50);
	propose(f, HIS, "r", 30);
	propose(f, HIS, "r", 20);
	propose(f, HIM "/elsewhere", "r", 40);
	settle(f, T0 + 1000);
	assert_missed(HIM " r 20; paris@capulet.lit p 50; ");
}

static void who_is_not_concerned_decides_nothing(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "a", 0);
	note(f, "paris@capulet.lit/x", US, "retract", "a", "", 1);
	note(f, "paris@capulet.lit/x", US, "proceed", "a", "", 1);
	note(f, HIS, US, "proceed", "a", "", 1);
	note(f, HIS, US, "accept", "a", "", 1);
	note(f, HIS, US, "reject", "a", "", 1);
	note(f, PHONE, "paris@capulet.lit", "proceed", "a", "", 1);
	assert_int_equal(settle(f, T0 + 10), T0);
	assert_missed("");
	settle(f, LATER);
	assert_missed(HIM " a 0; ");
}

static void two_callers_may_use_the_same_id(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "a", 0);
	propose(f, "paris@capulet.lit/x", "a", 1);
	note(f, PHONE, HIS, "proceed", "a", "", 5);
	settle(f, LATER + 1);
	assert_missed("paris@capulet.lit a 1; ");
}

static void our_own_calls_are_not_missed_ones(void **state)
{
	struct fixture *f = *state;

	note(f, PHONE, HIM, "propose", "out", AUDIO, 0);
	note(f, PHONE, US "/other", "propose", "self", AUDIO, 0);
	note(f, PHONE, US, "propose", "self2", AUDIO, 0);
	note(f, HIS, "paris@capulet.lit", "propose", "alien", AUDIO, 0);
	note(f, HIS, US, "propose", "video", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>", 0);
	settle(f, LATER);
	assert_missed("");
}

static void a_caller_who_found_us_busy_was_missed(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "a", 0);
	note(f, PHONE, HIM, "reject", "a", REASON("busy"), 1);
	note(f, PHONE, US, "reject", "a", REASON("busy"), 1);
	settle(f, T0 + 2);
	assert_missed(HIM " a 0 busy; ");
}

static void calls_that_cross_are_one_call_and_not_missed(void **state)
{
	struct fixture *f = *state;

	/* Ours won the tie: his proposal is rejected, or he retracts it himself. */
	propose(f, HIS, "tie", 0);
	note(f, PHONE, HIS, "reject", "tie", REASON("expired") "<tie-break/>", 1);
	propose(f, HIS, "tie2", 0);
	note(f, HIS, US, "retract", "tie2", REASON("expired") "<tie-break/>", 1);
	/* He had taken ours already. */
	note(f, PHONE, HIM, "propose", "ours", AUDIO, 0);
	note(f, HIS, PHONE, "proceed", "ours", "", 2);
	propose(f, HIS, "late", 3);
	note(f, PHONE, HIS, "reject", "late", REASON("busy"), 4);
	settle(f, LATER + 10);
	assert_missed("");
}

static void addresses_that_are_none_are_passed_over(void **state)
{
	struct fixture *f = *state;

	propose(f, "", "a", 0);
	propose(f, "@", "b", 0);
	propose(f, "ro meo@montague.lit", "c", 0);
	propose(f, "romeo@mon\ntague.lit", "d", 0);
	settle(f, LATER);
	assert_missed("");
}

static void what_is_open_is_kept_when_the_rest_is_forgotten(void **state)
{
	struct fixture *f = *state;

	propose(f, HIS, "old", 0);
	propose(f, HIS, "new", 100);
	settle(f, LATER);
	assert_missed(HIM " old 0; ");
	note(f, PHONE, HIS, "proceed", "new", "", 130);
	settle(f, LATER + 1000);
	assert_missed("");
}

static void there_is_room_for_so_many_messages_and_no_more(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;

	for (int i = 0; i < 3 * PAST_NOTES; i++) {
		g_autofree char *from = g_strdup_printf("x%d@flood.example/r", i);

		propose(f, from, "same", i % 50);
	}
	settle(f, LATER + 100);
	for (const char *p = f->missed->str; (p = strchr(p, ';')) != NULL; p++)
		count++;
	assert_int_equal(count, PAST_NOTES);
	propose(f, HIS, "a", 0);
	settle(f, LATER);
	assert_missed(HIM " a 0; ");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_that_was_given_up_is_missed),
		T(a_call_without_an_end_is_missed_when_no_one_can_be_ringing_any_more),
		T(what_our_devices_took_or_declined_is_not_missed),
		T(a_finish_instead_of_a_retract_is_giving_up),
		T(order_does_not_matter),
		T(missed_calls_come_oldest_first_and_once_however_often_they_were_proposed),
		T(who_is_not_concerned_decides_nothing),
		T(two_callers_may_use_the_same_id),
		T(our_own_calls_are_not_missed_ones),
		T(a_caller_who_found_us_busy_was_missed),
		T(calls_that_cross_are_one_call_and_not_missed),
		T(addresses_that_are_none_are_passed_over),
		T(what_is_open_is_kept_when_the_rest_is_forgotten),
		T(there_is_room_for_so_many_messages_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
