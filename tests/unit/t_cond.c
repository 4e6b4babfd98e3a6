#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cond.h"
#include "xml.h"

#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define ERRORS  "urn:xmpp:jingle:errors:1"

static gboolean has_an_error_element(enum iq_cond c)
{
	return c != COND_OK && c != COND_TOO_LARGE && c != COND_TIMEOUT && c != COND_DISCONNECTED;
}

static enum iq_cond read_text(const char *text)
{
	elem_auto iq = xml(text);

	return cond_read(iq);
}

static void every_condition_reads_back_as_itself(void **state)
{
	for (int i = 0; i < COND_COUNT; i++) {
		elem_auto iq = elem_new("iq", "jabber:client");

		if (!has_an_error_element((enum iq_cond)i))
			continue;
		elem_set(iq, "type", "error");
		cond_write(iq, (enum iq_cond)i);
		assert_int_equal(cond_read(iq), i);
	}
}

static void errors_look_as_in_the_text(void **state)
{
	elem_auto iq = xml("<iq xmlns='jabber:client' type='error'/>");

	cond_write(iq, COND_TIE_BREAK);
	assert_elem_equal("<iq xmlns='jabber:client' type='error'><error type='cancel'><conflict xmlns='" STANZAS "'/>"
			  "<tie-break xmlns='" ERRORS "'/></error></iq>", iq);
}

static void unsupported_info_is_of_type_modify(void **state)
{
	elem_auto iq = xml("<iq xmlns='jabber:client' type='error'/>");

	cond_write(iq, COND_UNSUPPORTED_INFO);
	assert_elem_equal("<iq xmlns='jabber:client' type='error'><error type='modify'>"
			  "<feature-not-implemented xmlns='" STANZAS "'/><unsupported-info xmlns='" ERRORS "'/></error></iq>",
			  iq);
}

static void a_result_is_ok(void **state)
{
	assert_int_equal(read_text("<iq type='result'/>"), COND_OK);
}

static void an_error_without_condition_is_undefined(void **state)
{
	assert_int_equal(read_text("<iq type='error'><error type='cancel'/></iq>"), COND_UNDEFINED);
	assert_int_equal(read_text("<iq type='error'/>"), COND_UNDEFINED);
	assert_int_equal(read_text("<iq/>"), COND_UNDEFINED);
	assert_int_equal(cond_read(NULL), COND_UNDEFINED);
}

static void an_unknown_condition_is_undefined(void **state)
{
	assert_int_equal(read_text("<iq type='error'><error><no-such xmlns='" STANZAS "'/></error></iq>"), COND_UNDEFINED);
}

static void words_beside_the_condition_are_skipped(void **state)
{
	assert_int_equal(read_text("<iq type='error'><error><text xmlns='" STANZAS "'>gone</text>"
				   "<service-unavailable xmlns='" STANZAS "'/></error></iq>"), COND_SERVICE_UNAVAILABLE);
}

static void a_condition_of_jingle_counts_beside_any_plain_one(void **state)
{
	assert_int_equal(read_text("<iq type='error'><error><bad-request xmlns='" STANZAS "'/>"
				   "<out-of-order xmlns='" ERRORS "'/></error></iq>"), COND_OUT_OF_ORDER);
	assert_int_equal(read_text("<iq type='error'><error><unknown-session xmlns='" ERRORS "'/></error></iq>"),
			 COND_UNKNOWN_SESSION);
}

static void a_condition_of_another_namespace_does_not_count(void **state)
{
	assert_int_equal(read_text("<iq type='error'><error><conflict xmlns='" STANZAS "'/><tie-break xmlns='x'/></error></iq>"),
			 COND_CONFLICT);
	assert_int_equal(read_text("<iq type='error'><error><conflict xmlns='x'/></error></iq>"), COND_UNDEFINED);
}

static void every_condition_has_words(void **state)
{
	for (int i = 0; i < COND_COUNT; i++)
		assert_true(cond_words((enum iq_cond)i) && *cond_words((enum iq_cond)i));
	assert_string_equal(cond_words(COND_UNKNOWN_SESSION), "unknown-session");
	assert_string_equal(cond_words(COND_SERVICE_UNAVAILABLE), "service-unavailable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_condition_reads_back_as_itself),
		cmocka_unit_test(errors_look_as_in_the_text),
		cmocka_unit_test(unsupported_info_is_of_type_modify),
		cmocka_unit_test(a_result_is_ok),
		cmocka_unit_test(an_error_without_condition_is_undefined),
		cmocka_unit_test(an_unknown_condition_is_undefined),
		cmocka_unit_test(words_beside_the_condition_are_skipped),
		cmocka_unit_test(a_condition_of_jingle_counts_beside_any_plain_one),
		cmocka_unit_test(a_condition_of_another_namespace_does_not_count),
		cmocka_unit_test(every_condition_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
