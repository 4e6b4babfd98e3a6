#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/msg.h"
#include "xml.h"

#define J "xmlns='urn:xmpp:jingle:1'"

/* Reads TEXT; what M borrows lives until the next call. */
static enum iq_cond read_text(struct jingle_msg *m, const char *text)
{
	static struct elem *last;

	elem_free(last);
	last = text ? xml(text) : NULL;
	return jingle_msg_read(m, last);
}

static void an_offer_is_read_whole(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='session-initiate' sid='a' initiator='r@m/o'>"
		"<content creator='initiator' name='voice' senders='initiator'><description xmlns='d'/><transport xmlns='t'/>"
		"<security xmlns='s'/></content><group xmlns='g'/></jingle>"), COND_OK);
	assert_int_equal(m.action, JINGLE_SESSION_INITIATE);
	assert_string_equal(m.sid, "a");
	assert_string_equal(m.initiator, "r@m/o");
	assert_null(m.responder);
	assert_int_equal(m.ncontents, 1);
	assert_string_equal(m.contents[0].name, "voice");
	assert_int_equal(m.contents[0].creator, CREATOR_INITIATOR);
	assert_int_equal(m.contents[0].senders, SENDERS_INITIATOR);
	assert_string_equal(m.contents[0].disposition, "session");
	assert_true(elem_is(m.contents[0].description, "description", "d"));
	assert_true(elem_is(m.contents[0].transport, "transport", "t"));
	assert_true(elem_is(m.contents[0].security, "security", "s"));
}

static void prefixes_do_not_matter(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<j:jingle xmlns:j='urn:xmpp:jingle:1' action='session-terminate' sid='a'>"
				   "<j:reason><j:busy/></j:reason></j:jingle>"), COND_OK);
	assert_int_equal(m.reason, REASON_BUSY);
}

static void a_missing_creator_is_the_initiator_and_missing_senders_are_both(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='content-remove' sid='a'><content name='x'/></jingle>"), COND_OK);
	assert_int_equal(m.contents[0].creator, CREATOR_INITIATOR);
	assert_int_equal(m.contents[0].senders, SENDERS_BOTH);
	assert_false(m.contents[0].senders_given);
}

#define D "<description xmlns='d'/>"
#define T "<transport xmlns='t'/>"
#define OFFER(content) "<jingle " J " action='session-initiate' sid='a'>" content "</jingle>"

static void an_offer_is_sound_when_its_contents_are_whole_and_one_is_of_the_session(void **state)
{
	static const struct {
		const char *text;
		gboolean sound;
	} rows[] = {
		{OFFER("<content name='a' creator='initiator'>" D T "</content>"), TRUE},
		{OFFER("<content name='a' disposition='early-session'>" D T "</content><content name='b'>" D T "</content>"), TRUE},
		{OFFER("<content name='a'>" D "</content>"), FALSE},
		{OFFER("<content name='a'>" T "</content>"), FALSE},
		{OFFER("<content name='a'>" D T "</content><content name='b'/>"), FALSE},
		{OFFER("<content name='a' creator='responder'>" D T "</content>"), FALSE},
		{OFFER("<content name='a' disposition='early-session'>" D T "</content>"), FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct jingle_msg m;

		assert_int_equal(read_text(&m, rows[i].text), COND_OK);
		assert_int_equal(jingle_offer_is_sound(&m), rows[i].sound);
	}
}

static void malformed_messages_are_bad_requests(void **state)
{
	static const char *const bad[] = {
		"<jingle " J " action='session-info'/>",				/* no sid */
		"<jingle " J " action='session-info' sid=''/>",
		"<jingle " J " sid='a'/>",						/* no action */
		"<jingle " J " action='session-hold' sid='a'/>",			/* no such action */
		"<jingle " J " action='session-initiate' sid='a'/>",			/* no content */
		"<jingle " J " action='transport-info' sid='a'/>",
		"<jingle " J " action='content-add' sid='a'><content creator='initiator'/></jingle>",	/* no name */
		"<jingle " J " action='content-add' sid='a'><content creator='initiator' name=''/></jingle>",
		"<jingle " J " action='content-add' sid='a'><content creator='me' name='x'/></jingle>",
		"<jingle " J " action='content-add' sid='a'><content creator='initiator' name='x' senders='all'/></jingle>",
		"<jingle " J " action='content-add' sid='a'><content creator='initiator' name='x'/>"
			"<content creator='initiator' name='x'/></jingle>"};		/* twice the same */
	struct jingle_msg m;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_int_equal(read_text(&m, bad[i]), COND_BAD_REQUEST);
	assert_int_equal(read_text(&m, NULL), COND_BAD_REQUEST);
}

static void the_sid_is_known_even_of_a_malformed_message(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='nonsense' sid='a'/>"), COND_BAD_REQUEST);
	assert_string_equal(m.sid, "a");
}

static void the_same_name_of_two_creators_is_two_contents(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='content-remove' sid='a'><content creator='initiator' name='x'/>"
				   "<content creator='responder' name='x'/></jingle>"), COND_OK);
	assert_int_equal(m.ncontents, 2);
}

static void lengths_are_bounded(void **state)
{
	g_autofree char *sid = g_strnfill(JINGLE_MAX_SID + 1, 's'), *name = g_strnfill(JINGLE_MAX_NAME + 1, 'n');
	g_autofree char *long_sid = g_strdup_printf("<jingle " J " action='session-info' sid='%s'/>", sid);
	g_autofree char *fit_sid = g_strdup_printf("<jingle " J " action='session-info' sid='%s'/>", sid + 1);
	g_autofree char *long_name = g_strdup_printf("<jingle " J " action='content-remove' sid='a'><content name='%s'/></jingle>",
						     name);
	struct jingle_msg m;

	assert_int_equal(read_text(&m, long_sid), COND_BAD_REQUEST);
	assert_null(m.sid);
	assert_int_equal(read_text(&m, fit_sid), COND_OK);
	assert_int_equal(read_text(&m, long_name), COND_BAD_REQUEST);
}

static void contents_beyond_the_bound_are_left_out_and_said_to_be(void **state)
{
	GString *text = g_string_new("<jingle " J " action='content-remove' sid='a'>");
	struct jingle_msg m;

	for (int i = 0; i < JINGLE_MAX_CONTENTS + 3; i++)
		g_string_append_printf(text, "<content name='%d'/>", i);
	g_string_append(text, "</jingle>");
	assert_int_equal(read_text(&m, text->str), COND_OK);
	assert_int_equal(m.ncontents, JINGLE_MAX_CONTENTS);
	assert_true(m.too_many_contents);
	g_string_free(text, TRUE);
}

static void a_reason_has_a_condition_words_and_perhaps_a_detail(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='session-terminate' sid='a'><reason><success xmlns='other'/>"
				   "<text>Sorry, gotta go!</text><gone/></reason></jingle>"), COND_OK);
	assert_int_equal(m.reason, REASON_GONE);
	assert_string_equal(m.reason_text, "Sorry, gotta go!");
}

static void an_unknown_reason_or_none_is_no_error(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='session-terminate' sid='a'><reason><bored/></reason></jingle>"),
			 COND_OK);
	assert_int_equal(m.reason, REASON_NONE);
	assert_int_equal(read_text(&m, "<jingle " J " action='session-terminate' sid='a'/>"), COND_OK);
	assert_int_equal(m.reason, REASON_NONE);
	assert_null(m.reason_text);
}

static void an_alternative_session_is_named(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='session-terminate' sid='a'><reason><alternative-session><sid>b</sid>"
				   "</alternative-session></reason></jingle>"), COND_OK);
	assert_int_equal(m.reason, REASON_ALTERNATIVE_SESSION);
	assert_string_equal(m.alternative_sid, "b");
}

static void an_empty_session_info_is_a_ping_and_any_other_has_its_payload(void **state)
{
	struct jingle_msg m;

	assert_int_equal(read_text(&m, "<jingle " J " action='session-info' sid='a'/>"), COND_OK);
	assert_null(m.info);
	assert_int_equal(read_text(&m, "<jingle " J " action='session-info' sid='a'><ringing xmlns='i'/></jingle>"), COND_OK);
	assert_true(elem_is(m.info, "ringing", "i"));
	assert_int_equal(read_text(&m, "<jingle " J " action='session-info' sid='a'><dance/></jingle>"), COND_OK);
	assert_true(elem_is(m.info, "dance", NULL));
}

static void messages_are_written_as_in_the_text(void **state)
{
	struct jingle_msg m = {.action = JINGLE_SESSION_INITIATE, .sid = "a", .initiator = "r@m/o", .ncontents = 1};
	elem_auto e = NULL;

	m.contents[0] = (struct jingle_content){.name = "voice", .creator = CREATOR_INITIATOR, .senders = SENDERS_BOTH,
		.senders_given = TRUE, .description = elem_new("description", "d"), .transport = elem_new("transport", "t")};
	e = jingle_msg_write(&m);
	assert_elem_equal("<jingle " J " action='session-initiate' initiator='r@m/o' sid='a'>"
			  "<content creator='initiator' name='voice' senders='both'><description xmlns='d'/><transport xmlns='t'/>"
			  "</content></jingle>", e);
}

static void a_session_terminate_always_has_a_reason(void **state)
{
	struct jingle_msg m = {.action = JINGLE_SESSION_TERMINATE, .sid = "a"};
	elem_auto e = jingle_msg_write(&m);

	assert_elem_equal("<jingle " J " action='session-terminate' sid='a'><reason><success/></reason></jingle>", e);
}

static void what_is_written_reads_back_the_same(void **state)
{
	static const char *const texts[] = {
		"<jingle " J " action='session-terminate' sid='a'><reason><busy/><text>later &amp; &lt;more&gt;</text></reason></jingle>",
		"<jingle " J " action='session-terminate' sid='a'><reason><alternative-session><sid>b</sid></alternative-session>"
			"</reason></jingle>",
		"<jingle " J " action='content-modify' sid='a'><content creator='responder' name='x' senders='none'/></jingle>",
		"<jingle " J " action='session-initiate' sid='a'><content creator='initiator' name='x'/>"
			"<content creator='initiator' name='y' disposition='early-session' senders='responder'/></jingle>",
		"<jingle " J " action='session-info' sid='a'/>",
		"<jingle " J " action='content-reject' sid='a'><content creator='initiator' name='x'/>"
			"<reason><unsupported-applications/></reason></jingle>"};
	struct jingle_msg m;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		elem_auto e = NULL;

		assert_int_equal(read_text(&m, texts[i]), COND_OK);
		e = jingle_msg_write(&m);
		assert_elem_equal(texts[i], e);
	}
	read_text(&m, "<jingle/>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_is_read_whole),
		cmocka_unit_test(prefixes_do_not_matter),
		cmocka_unit_test(a_missing_creator_is_the_initiator_and_missing_senders_are_both),
		cmocka_unit_test(an_offer_is_sound_when_its_contents_are_whole_and_one_is_of_the_session),
		cmocka_unit_test(malformed_messages_are_bad_requests),
		cmocka_unit_test(the_sid_is_known_even_of_a_malformed_message),
		cmocka_unit_test(the_same_name_of_two_creators_is_two_contents),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(contents_beyond_the_bound_are_left_out_and_said_to_be),
		cmocka_unit_test(a_reason_has_a_condition_words_and_perhaps_a_detail),
		cmocka_unit_test(an_unknown_reason_or_none_is_no_error),
		cmocka_unit_test(an_alternative_session_is_named),
		cmocka_unit_test(an_empty_session_info_is_a_ping_and_any_other_has_its_payload),
		cmocka_unit_test(messages_are_written_as_in_the_text),
		cmocka_unit_test(a_session_terminate_always_has_a_reason),
		cmocka_unit_test(what_is_written_reads_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
