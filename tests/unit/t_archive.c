#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_stream.h"
#include "xml.h"
#include "xmpp/archive.h"

#define US "juliet@capulet.lit"
#define HAS_MAM "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:1'/><feature var='urn:xmpp:mam:2'/></query>"
#define FIN(attrs, set) "<fin xmlns='urn:xmpp:mam:2' " attrs "><set xmlns='http://jabber.org/protocol/rsm'>" set "</set></fin>"
#define SINCE 1763700000		/* 2025-11-21T04:40:00Z */
#define STAMP "2025-11-21T10:00:00Z"
#define STAMP_S 1763719200

struct fixture {
	struct stream stream;
	struct archive *archive;
	struct archive_reader reader;
	unsigned messages, done;
	gint64 at_s;
	char *last_id;			/* of the latest message */
	enum archive_end end;
	enum iq_cond cond;
};

static void on_message(void *ctx, const struct elem *message, gint64 at_s)
{
	struct fixture *f = ctx;

	f->messages++;
	f->at_s = at_s;
	g_free(f->last_id);
	f->last_id = g_strdup(elem_attr(message, "id"));
}

static void on_done(void *ctx, enum archive_end end, enum iq_cond cond)
{
	struct fixture *f = ctx;

	f->done++;
	f->end = end;
	f->cond = cond;
	assert_false(archive_is_reading(f->archive));
}

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	fake_stream_init(&f->stream, US "/balcony");
	f->archive = archive_new(&f->stream);
	f->reader = (struct archive_reader){.message = on_message, .done = on_done, .ctx = f};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	archive_free(f->archive);
	fake_stream_clear(&f->stream);
	g_free(f->last_id);
	g_free(f);
	return 0;
}

/* Until the first page is asked for. */
static void begin(struct fixture *f)
{
	archive_read(f->archive, SINCE, &f->reader);
	fake_stream_reply(&f->stream, 0, COND_OK, HAS_MAM);
}

static const char *query_id(struct fixture *f)
{
	return elem_attr(fake_stream_query(&f->stream, 0)->payload, "queryid");
}

/* A result with these attributes; ID NULL: that of the question at hand. */
static gboolean result_of(struct fixture *f, const char *from, const char *id, const char *stamp)
{
	elem_auto e = elem_new("message", "jabber:client");
	struct elem *result = elem_add(e, "result", "urn:xmpp:mam:2");
	struct elem *forwarded = elem_add(result, "forwarded", "urn:xmpp:forward:0");

	elem_set(e, "from", from);
	elem_set(result, "queryid", id ? id : query_id(f));
	if (stamp)
		elem_set(elem_add(forwarded, "delay", "urn:xmpp:delay"), "stamp", stamp);
	elem_set(elem_add(forwarded, "message", "jabber:client"), "id", "m1");
	return archive_message(f->archive, e);
}

static void the_account_is_asked_for_the_feature_and_then_for_the_latest_page(void **state)
{
	struct fixture *f = *state;
	struct fake_query *q;

	archive_read(f->archive, SINCE, &f->reader);
	q = fake_stream_query(&f->stream, 0);
	assert_string_equal(q->to, US);
	assert_elem_equal("<query xmlns='http://jabber.org/protocol/disco#info'/>", q->payload);
	assert_true(archive_is_reading(f->archive));
	fake_stream_reply(&f->stream, 0, COND_OK, HAS_MAM);
	q = fake_stream_query(&f->stream, 0);
	assert_null(q->to);
	assert_string_equal(q->type, "set");
	assert_elem_equal("<query xmlns='urn:xmpp:mam:2' queryid='*'><x xmlns='jabber:x:data' type='submit'>"
			  "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
			  "<field var='start'><value>2025-11-21T04:40:00Z</value></field></x>"
			  "<set xmlns='http://jabber.org/protocol/rsm'><before/><max>100</max></set></query>", q->payload);
	assert_true(archive_is_reading(f->archive));
}

static void what_was_said_in_rooms_is_left_out_where_the_server_can(void **state)
{
	struct fixture *f = *state;
	const struct elem *field;

	archive_read(f->archive, SINCE, &f->reader);
	fake_stream_reply(&f->stream, 0, COND_OK, "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:2'/>"
			  "<feature var='urn:xmpp:mam:2#groupchat-field'/></query>");
	field = elem_child(elem_child(fake_stream_query(&f->stream, 0)->payload, "x", NULL), "field", NULL);
	while (field && strcmp(elem_attr(field, "var"), "include-groupchat") != 0)
		field = elem_next(field, "field", NULL);
	assert_non_null(field);
	assert_string_equal(elem_text(elem_child(field, "value", NULL)), "false");
}

static void a_server_without_the_feature_keeps_none(void **state)
{
	struct fixture *f = *state;

	archive_read(f->archive, SINCE, &f->reader);
	fake_stream_reply(&f->stream, 0, COND_OK, "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:1'/></query>");
	assert_int_equal(f->done, 1);
	assert_int_equal(f->end, ARCHIVE_NONE);
	assert_int_equal(fake_stream_open(&f->stream), 0);
}

static void refusals_and_silence_are_failures(void **state)
{
	struct fixture *f = *state;

	archive_read(f->archive, SINCE, &f->reader);
	fake_stream_reply(&f->stream, 0, COND_TIMEOUT, NULL);
	assert_int_equal(f->end, ARCHIVE_FAILED);
	assert_int_equal(f->cond, COND_TIMEOUT);
	begin(f);
	fake_stream_reply(&f->stream, 0, COND_FORBIDDEN, NULL);
	assert_int_equal(f->cond, COND_FORBIDDEN);
	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, "<other xmlns='urn:xmpp:mam:2'/>");
	assert_int_equal(f->end, ARCHIVE_FAILED);
	assert_int_equal(f->done, 3);
}

static void results_of_our_account_are_read_with_their_time(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_true(result_of(f, US, NULL, STAMP));
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->at_s, STAMP_S);
	assert_string_equal(f->last_id, "m1");
	assert_true(result_of(f, NULL, NULL, "2025-11-21T12:00:00.5+02:00"));
	assert_int_equal(f->messages, 2);
	assert_int_equal(f->at_s, STAMP_S);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='true'", "<first>a</first><last>b</last>"));
	assert_int_equal(f->end, ARCHIVE_DONE);
}

static void forged_results_are_taken_away_and_not_believed(void **state)
{
	static const char *const others[] = {"romeo@montague.lit", "romeo@montague.lit/orchard", "capulet.lit", US "/other",
					     US "/balcony", "juliet@capulet.lit.evil.example", "", NULL};
	struct fixture *f = *state;

	assert_true(result_of(f, US, "x", STAMP));		/* nothing was asked */
	begin(f);
	for (size_t i = 0; others[i]; i++)
		assert_true(result_of(f, others[i], NULL, STAMP));
	assert_true(result_of(f, US, "x", STAMP));
	assert_int_equal(f->messages, 0);
	assert_int_equal(f->done, 0);
}

static void a_result_of_an_earlier_page_does_not_count_for_the_next(void **state)
{
	struct fixture *f = *state;
	g_autofree char *first = NULL;

	begin(f);
	first = g_strdup(query_id(f));
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("", "<first>a</first>"));
	assert_string_not_equal(query_id(f), first);
	result_of(f, US, first, STAMP);
	assert_int_equal(f->messages, 0);
}

static void other_messages_are_left_to_others(void **state)
{
	struct fixture *f = *state;
	elem_auto e = xml("<message xmlns='jabber:client' from='" US "'><result xmlns='urn:xmpp:mam:1'/><body>hello</body></message>");

	begin(f);
	assert_false(archive_message(f->archive, e));
}

static void times_that_are_none_or_before_those_asked_for_are_not_read(void **state)
{
	static const char *const stamps[] = {"yesterday", "", "2025-11-21T10:00:00", "2025-11-21", "1969-12-31T23:59:59Z",
					     "2025-11-21T04:39:59Z", "99999-01-01T00:00:00Z", "2025-13-41T10:00:00Z", NULL};
	struct fixture *f = *state;

	begin(f);
	for (size_t i = 0; stamps[i]; i++)
		assert_true(result_of(f, US, NULL, stamps[i]));
	assert_true(result_of(f, US, NULL, NULL));
	assert_int_equal(f->messages, 0);
}

static void hollow_results_do_no_harm(void **state)
{
	static const char *const inside[] = {
		"", "<forwarded xmlns='urn:xmpp:forward:0'/>", "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay'/></forwarded>",
		"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='" STAMP "'/></forwarded>",
		"<forwarded xmlns='other'><delay xmlns='urn:xmpp:delay' stamp='" STAMP "'/><message/></forwarded>", NULL};
	struct fixture *f = *state;

	begin(f);
	for (size_t i = 0; inside[i]; i++) {
		g_autofree char *text = g_strdup_printf("<message xmlns='jabber:client' from='" US "'><result xmlns='urn:xmpp:mam:2' queryid='%s'>%s"
							"</result></message>", query_id(f), inside[i]);
		elem_auto e = xml(text);

		assert_true(archive_message(f->archive, e));
	}
	assert_int_equal(f->messages, 0);
}

static void pages_are_read_backwards_until_there_are_no_more(void **state)
{
	struct fixture *f = *state;
	const struct elem *set;

	begin(f);
	result_of(f, US, NULL, STAMP);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("", "<first index='100'>page&lt;2</first><last>z</last><count>150</count>"));
	assert_int_equal(f->done, 0);
	set = elem_child(fake_stream_query(&f->stream, 0)->payload, "set", NULL);
	assert_string_equal(elem_text(elem_child(set, "before", NULL)), "page<2");
	result_of(f, US, NULL, STAMP);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='1'", "<first>a</first>"));
	assert_int_equal(f->messages, 2);
	assert_int_equal(f->end, ARCHIVE_DONE);
}

/* XML Schema has two words for true (XEP-0313 4.4.2 shows one); whatever else is said, there is more. */
static void either_word_for_true_ends_the_reading(void **state)
{
	struct fixture *f = *state;

	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='1'", "<first>a</first>"));
	assert_int_equal(f->done, 1);
	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='true'", "<first>a</first>"));
	assert_int_equal(f->done, 2);
	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='false'", "<first>a</first>"));
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='0'", "<first>b</first>"));
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='TRUE'", "<first>c</first>"));
	assert_int_equal(f->done, 2);
	assert_true(archive_is_reading(f->archive));
}

static void a_server_that_turns_in_circles_is_left(void **state)
{
	struct fixture *f = *state;

	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("", "<first>a</first>"));
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("", "<first>a</first>"));
	assert_int_equal(f->end, ARCHIVE_DONE);
	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("complete='false'", ""));
	assert_int_equal(f->end, ARCHIVE_DONE);
	begin(f);
	for (int i = 0; f->done < 3 && i < 1000; i++)
		fake_stream_reply(&f->stream, 0, COND_OK, i % 2 ? FIN("", "<first>b</first>") : FIN("", "<first>a</first>"));
	assert_int_equal(f->end, ARCHIVE_CUT);
	assert_int_equal(fake_stream_open(&f->stream), 0);
	assert_true(f->stream.queries->len <= ARCHIVE_PAGES + 6);
}

static void no_more_messages_are_read_than_there_is_room_for(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (int i = 0; i < ARCHIVE_MAX + 500; i++)
		result_of(f, US, NULL, STAMP);
	assert_int_equal(f->messages, ARCHIVE_MAX);
	fake_stream_reply(&f->stream, 0, COND_OK, FIN("", "<first>a</first>"));
	assert_int_equal(f->end, ARCHIVE_CUT);
	begin(f);				/* and then anew */
	result_of(f, US, NULL, STAMP);
	assert_int_equal(f->messages, ARCHIVE_MAX + 1);
}

static void an_endless_place_in_the_archive_is_not_sent_back(void **state)
{
	struct fixture *f = *state;
	g_autofree char *place = g_strnfill(5000, 'x');
	g_autofree char *fin = g_strdup_printf(FIN("", "<first>%s</first>"), place);

	begin(f);
	fake_stream_reply(&f->stream, 0, COND_OK, fin);
	assert_int_equal(f->end, ARCHIVE_CUT);
}

static void a_new_reading_stops_the_one_before(void **state)
{
	struct fixture *f = *state;

	begin(f);
	archive_read(f->archive, SINCE, &f->reader);
	assert_int_equal(fake_stream_open(&f->stream), 1);
	assert_int_equal(f->done, 0);
	archive_stop(f->archive);
	assert_int_equal(fake_stream_open(&f->stream), 0);
	assert_false(archive_is_reading(f->archive));
	assert_int_equal(f->done, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_account_is_asked_for_the_feature_and_then_for_the_latest_page),
		T(what_was_said_in_rooms_is_left_out_where_the_server_can),
		T(a_server_without_the_feature_keeps_none),
		T(refusals_and_silence_are_failures),
		T(results_of_our_account_are_read_with_their_time),
		T(forged_results_are_taken_away_and_not_believed),
		T(a_result_of_an_earlier_page_does_not_count_for_the_next),
		T(other_messages_are_left_to_others),
		T(times_that_are_none_or_before_those_asked_for_are_not_read),
		T(hollow_results_do_no_harm),
		T(pages_are_read_backwards_until_there_are_no_more),
		T(either_word_for_true_ends_the_reading),
		T(a_server_that_turns_in_circles_is_left),
		T(no_more_messages_are_read_than_there_is_room_for),
		T(an_endless_place_in_the_archive_is_not_sent_back),
		T(a_new_reading_stops_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
