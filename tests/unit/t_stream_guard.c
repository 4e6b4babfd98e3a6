/* What a server may ask of us in the login: xmpp/stream_guard.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "err.h"
#include "xmpp/stream_guard.h"

#define ME "romeo@lab.test"
#define STREAMS "http://etherx.jabber.org/streams"
#define SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define MECHANISMS(list) "<features xmlns='" STREAMS "'><mechanisms xmlns='" SASL "'>" list "</mechanisms></features>"
#define M(name) "<mechanism>" name "</mechanism>"

static void assert_refused(GError *error, enum jc_err code, const char *word)
{
	assert_non_null(error);
	assert_int_equal(error->code, code);
	assert_non_null(strstr(error->message, word));
	assert_non_null(strstr(error->message, "lab.test"));
	assert_null(strchr(error->message, '\n'));
	assert_true(error->message[strlen(error->message) - 1] != '.');
	g_error_free(error);
}

static void line_is_recognised_by_the_whole_name_of_its_element(void **state)
{
	assert_string_equal(guard_received("RECV: <features xmlns=\"x\"/>", "features"), "<features xmlns=\"x\"/>");
	assert_non_null(guard_received("RECV: <success/>", "success"));
	assert_non_null(guard_received("RECV: <success>v</success>", "success"));
	assert_null(guard_received("RECV: <successful/>", "success"));
	assert_null(guard_received("RECV: <succes", "success"));
	assert_null(guard_received("RECV: <success", "success"));
	assert_null(guard_received("SENT: <success/>", "success"));
	assert_null(guard_received("RECV: <message><success/></message>", "success"));
	assert_null(guard_received("", "success"));
}

static void scram_of_any_length_is_accepted(void **state)
{
	assert_null(guard_features(MECHANISMS(M("PLAIN") M("SCRAM-SHA-1")), GUARD_SECURED, ME));
	assert_null(guard_features(MECHANISMS(M("scram-sha-256")), GUARD_SECURED, ME));
	assert_null(guard_features(MECHANISMS(M("SCRAM-SHA-512") M("SCRAM-SHA-1-PLUS")), GUARD_SECURED, ME));
}

static void server_with_weaker_logins_only_is_refused(void **state)
{
	assert_refused(guard_features(MECHANISMS(M("PLAIN")), GUARD_SECURED, ME), JC_SERVER, "SCRAM");
	assert_refused(guard_features(MECHANISMS(M("DIGEST-MD5") M("PLAIN")), GUARD_SECURED, ME), JC_SERVER, "SCRAM");
	assert_refused(guard_features(MECHANISMS(""), GUARD_SECURED, ME), JC_SERVER, "SCRAM");
}

/* libstrophe 0.12 knows no channel binding: it would pass these over and send the password by PLAIN. */
static void scram_with_channel_binding_only_does_not_count(void **state)
{
	assert_refused(guard_features(MECHANISMS(M("SCRAM-SHA-1-PLUS") M("PLAIN")), GUARD_SECURED, ME), JC_SERVER, "SCRAM");
	assert_refused(guard_features(MECHANISMS(M("X-SCRAM-SHA-1") M("PLAIN")), GUARD_SECURED, ME), JC_SERVER, "SCRAM");
}

static void scram_named_elsewhere_in_the_features_does_not_count(void **state)
{
	assert_refused(guard_features("<features xmlns='" STREAMS "'><x xmlns='y' z='SCRAM-SHA-1'>SCRAM-SHA-1</x>"
				      "<mechanisms xmlns='" SASL "'>" M("PLAIN") "</mechanisms></features>", GUARD_SECURED, ME),
		       JC_SERVER, "SCRAM");
	/* libstrophe reads the first list only */
	assert_refused(guard_features("<features xmlns='" STREAMS "'><mechanisms xmlns='" SASL "'>" M("PLAIN") "</mechanisms>"
				      "<mechanisms xmlns='" SASL "'>" M("SCRAM-SHA-1") "</mechanisms></features>", GUARD_SECURED, ME),
		       JC_SERVER, "SCRAM");
	assert_refused(guard_features("<features xmlns='" STREAMS "'><mechanisms xmlns='other'>" M("SCRAM-SHA-1")
				      "</mechanisms></features>", GUARD_SECURED, ME), JC_SERVER, "SCRAM");
}

static void server_without_starttls_is_refused_before_encryption(void **state)
{
	assert_refused(guard_features(MECHANISMS(M("SCRAM-SHA-1")), GUARD_OPEN, ME), JC_SERVER, "encryption");
	assert_refused(guard_features("<features xmlns='" STREAMS "'><starttls xmlns='other'/></features>", GUARD_OPEN, ME),
		       JC_SERVER, "encryption");
	assert_null(guard_features("<features xmlns='" STREAMS "'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></features>",
				   GUARD_OPEN, ME));
}

static void server_that_binds_nothing_is_refused_after_the_login(void **state)
{
	assert_refused(guard_features("<features xmlns='" STREAMS "'><sm xmlns='urn:xmpp:sm:3'/></features>", GUARD_LOGGED_IN, ME),
		       JC_SERVER, "bind");
	assert_null(guard_features("<features xmlns='" STREAMS "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>",
				   GUARD_LOGGED_IN, ME));
}

static void unintelligible_features_are_refused(void **state)
{
	GString *many = g_string_new("<features xmlns='" STREAMS "'>");

	for (int i = 0; i < 3000; i++)
		g_string_append(many, "<x/>");
	g_string_append(many, "</features>");
	assert_refused(guard_features(many->str, GUARD_SECURED, ME), JC_SERVER, "intelligible");
	assert_refused(guard_features("<features", GUARD_SECURED, ME), JC_SERVER, "intelligible");
	g_string_free(many, TRUE);
}

static GError *challenge(const char *text)
{
	g_autofree char *base64 = g_base64_encode((const guchar *)text, strlen(text));
	g_autofree char *xml = g_strdup_printf("<challenge xmlns='" SASL "'>%s</challenge>", base64);

	return guard_challenge(xml, ME);
}

static void usual_numbers_of_rounds_are_accepted(void **state)
{
	assert_null(challenge("r=abc,s=c2FsdA==,i=4096"));
	assert_null(challenge("r=abc,s=c2FsdA==,i=100000"));
	assert_null(challenge("r=abc,s=c2FsdA==,i=1000000"));
}

static void endless_hashing_is_refused(void **state)
{
	assert_refused(challenge("r=abc,s=c2FsdA==,i=1000001"), JC_SERVER, "1000001");
	assert_refused(challenge("r=abc,s=c2FsdA==,i=2000000000"), JC_SERVER, "times");
	assert_refused(challenge("r=abc,s=c2FsdA==,i=-1"), JC_SERVER, "times");	/* libstrophe takes that for 4,294,967,295 */
	assert_refused(challenge("r=abc,s=c2FsdA==,i=99999999999999999999"), JC_SERVER, "times");
	assert_refused(challenge("i=4096,i=2000000000"), JC_SERVER, "2000000000");	/* the last one counts */
}

static void hidden_number_of_rounds_is_found(void **state)
{
	GString *s = g_string_new("r=x,s=y,i=4096");

	for (int i = 0; i < 500; i++)
		g_string_append(s, ",a=b");
	g_string_append(s, ",i=2000000000");
	assert_refused(challenge(s->str), JC_SERVER, "2000000000");
	g_string_free(s, TRUE);
}

static void challenge_without_rounds_is_refused(void **state)
{
	assert_refused(challenge("r=abc,s=c2FsdA=="), JC_SERVER, "times");
	assert_refused(challenge(""), JC_SERVER, "times");
	assert_refused(guard_challenge("<challenge", ME), JC_SERVER, "times");
}

static void failure_tells_its_cause(void **state)
{
	assert_refused(guard_failure("<failure xmlns='" SASL "'><not-authorized/></failure>", GUARD_SECURED, ME), JC_LOGIN,
		       "does not accept the password");
	assert_refused(guard_failure("<failure xmlns='" SASL "'><account-disabled/></failure>", GUARD_SECURED, ME), JC_LOGIN,
		       "account-disabled");
	assert_refused(guard_failure("<failure xmlns='" SASL "'><temporary-auth-failure/></failure>", GUARD_SECURED, ME), JC_SERVER,
		       "at the moment");
	assert_refused(guard_failure("<failure/>", GUARD_SECURED, ME), JC_LOGIN, "no reason");
	assert_refused(guard_failure("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", GUARD_OPEN, ME), JC_SERVER, "TLS");
}

static void only_our_own_account_may_be_bound(void **state)
{
	assert_true(guard_is_account("romeo@lab.test/x", ME));
	assert_true(guard_is_account("Romeo@LAB.test/x", ME));
	assert_false(guard_is_account("romeo@lab.test", ME));
	assert_false(guard_is_account("victim@bank.example/x", ME));
	assert_false(guard_is_account("romeo@lab.test.evil/x", ME));
	assert_false(guard_is_account("romeo@lab.tes/x", ME));
	assert_false(guard_is_account("lab.test/romeo@lab.test", ME));
	assert_false(guard_is_account(NULL, ME));
}

static void pins_are_compared_without_colons_and_case(void **state)
{
	g_autofree char *a = guard_pin("sha256:AB:cd:01"), *b = guard_pin("abcd01"), *c = guard_pin(NULL);

	assert_string_equal(a, "sha256:abcd01");
	assert_string_equal(b, a);
	assert_string_equal(c, "sha256:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_is_recognised_by_the_whole_name_of_its_element),
		cmocka_unit_test(scram_of_any_length_is_accepted),
		cmocka_unit_test(server_with_weaker_logins_only_is_refused),
		cmocka_unit_test(scram_with_channel_binding_only_does_not_count),
		cmocka_unit_test(scram_named_elsewhere_in_the_features_does_not_count),
		cmocka_unit_test(server_without_starttls_is_refused_before_encryption),
		cmocka_unit_test(server_that_binds_nothing_is_refused_after_the_login),
		cmocka_unit_test(unintelligible_features_are_refused),
		cmocka_unit_test(usual_numbers_of_rounds_are_accepted),
		cmocka_unit_test(endless_hashing_is_refused),
		cmocka_unit_test(hidden_number_of_rounds_is_found),
		cmocka_unit_test(challenge_without_rounds_is_refused),
		cmocka_unit_test(failure_tells_its_cause),
		cmocka_unit_test(only_our_own_account_may_be_bound),
		cmocka_unit_test(pins_are_compared_without_colons_and_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
