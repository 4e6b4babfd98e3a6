#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jingle/vocab.h"

/* From the XML schema of XEP-0166 1.1.2, in its order. */
static const char *const schema_actions[] = {
	"content-accept", "content-add", "content-modify", "content-reject", "content-remove", "description-info",
	"security-info", "session-accept", "session-info", "session-initiate", "session-terminate", "transport-accept",
	"transport-info", "transport-reject", "transport-replace"};
static const char *const schema_reasons[] = {
	"alternative-session", "busy", "cancel", "connectivity-error", "decline", "expired", "failed-application",
	"failed-transport", "general-error", "gone", "incompatible-parameters", "media-error", "security-error", "success",
	"timeout", "unsupported-applications", "unsupported-transports"};

static void the_actions_are_those_of_the_schema(void **state)
{
	assert_int_equal(JINGLE_ACTION_COUNT - 1, G_N_ELEMENTS(schema_actions));
	for (size_t i = 0; i < G_N_ELEMENTS(schema_actions); i++) {
		enum jingle_action a = jingle_action_read(schema_actions[i]);

		assert_int_not_equal(a, JINGLE_ACTION_NONE);
		assert_string_equal(jingle_action_text(a), schema_actions[i]);
	}
}

static void the_reasons_are_those_of_the_schema(void **state)
{
	assert_int_equal(REASON_COUNT - 1, G_N_ELEMENTS(schema_reasons));
	for (size_t i = 0; i < G_N_ELEMENTS(schema_reasons); i++) {
		enum jingle_reason r = jingle_reason_read(schema_reasons[i]);

		assert_int_not_equal(r, REASON_NONE);
		assert_string_equal(jingle_reason_text(r), schema_reasons[i]);
	}
}

static void unknown_words_are_none(void **state)
{
	assert_int_equal(jingle_action_read(NULL), JINGLE_ACTION_NONE);
	assert_int_equal(jingle_action_read(""), JINGLE_ACTION_NONE);
	assert_int_equal(jingle_action_read("Session-Initiate"), JINGLE_ACTION_NONE);
	assert_int_equal(jingle_reason_read(NULL), REASON_NONE);
	assert_int_equal(jingle_reason_read("text"), REASON_NONE);
	assert_null(jingle_reason_text(REASON_NONE));
}

static void every_reason_of_the_outcome_table_is_one_of_jingle(void **state)
{
	for (int i = 0; i < JC_ERR_COUNT; i++)
		if (jc_reason((enum jc_err)i))
			assert_int_not_equal(jingle_reason_of((enum jc_err)i), REASON_NONE);
	assert_int_equal(jingle_reason_of(JC_BUSY), REASON_BUSY);
	assert_int_equal(jingle_reason_of(JC_LOGIN), REASON_NONE);
}

static void an_end_without_reason_is_a_decline_first_and_a_hangup_later(void **state)
{
	assert_int_equal(jingle_outcome(REASON_NONE, FALSE), JC_DECLINED);
	assert_int_equal(jingle_outcome(REASON_NONE, TRUE), JC_OK);
}

static void the_caller_learns_busy_declined_and_no_answer(void **state)
{
	assert_int_equal(jingle_outcome(REASON_BUSY, FALSE), JC_BUSY);
	assert_int_equal(jingle_outcome(REASON_DECLINE, FALSE), JC_DECLINED);
	assert_int_equal(jingle_outcome(REASON_TIMEOUT, FALSE), JC_NO_ANSWER);
	assert_int_equal(jingle_outcome(REASON_UNSUPPORTED_TRANSPORTS, FALSE), JC_UNSUPPORTED_TRANSPORT);
}

static void failures_stay_failures_after_the_accept(void **state)
{
	assert_int_equal(jingle_outcome(REASON_SECURITY_ERROR, TRUE), JC_SECURITY);
	assert_int_equal(jingle_outcome(REASON_CONNECTIVITY_ERROR, TRUE), JC_LOST);
	assert_int_equal(jingle_outcome(REASON_MEDIA_ERROR, TRUE), JC_LOST);
	assert_int_equal(jingle_outcome(REASON_FAILED_TRANSPORT, TRUE), JC_FAILED_TRANSPORT);
	assert_int_equal(jingle_outcome(REASON_SUCCESS, TRUE), JC_OK);
}

/* Whoever hears the reason we send must come to an outcome with the same exit status, where the outcome is a shared one. */
static void two_jcalls_agree_on_an_outcome_before_the_accept(void **state)
{
	static const enum jc_err shared[] = {JC_BUSY, JC_DECLINED, JC_NO_ANSWER, JC_UNAVAILABLE, JC_NO_PATH,
					     JC_FAILED_TRANSPORT, JC_SECURITY, JC_NO_CODEC, JC_UNSUPPORTED_APP,
					     JC_UNSUPPORTED_TRANSPORT, JC_PROTOCOL};

	for (size_t i = 0; i < G_N_ELEMENTS(shared); i++)
		assert_int_equal(jc_exit_status(jingle_outcome(jingle_reason_of(shared[i]), FALSE)),
				 jc_exit_status(shared[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_actions_are_those_of_the_schema),
		cmocka_unit_test(the_reasons_are_those_of_the_schema),
		cmocka_unit_test(unknown_words_are_none),
		cmocka_unit_test(every_reason_of_the_outcome_table_is_one_of_jingle),
		cmocka_unit_test(an_end_without_reason_is_a_decline_first_and_a_hangup_later),
		cmocka_unit_test(the_caller_learns_busy_declined_and_no_answer),
		cmocka_unit_test(failures_stay_failures_after_the_accept),
		cmocka_unit_test(two_jcalls_agree_on_an_outcome_before_the_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
