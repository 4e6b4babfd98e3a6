#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xml.h"
#include "xmpp/disco.h"

#define INFO   "http://jabber.org/protocol/disco#info"
#define F(var) "<feature var='" var "'/>"
#define CLIENT "<identity category='client' type='phone' name='X'/>"
#define PLAIN_CLIENT CLIENT F("urn:xmpp:ping")
#define QUERY(inside) "<query xmlns='" INFO "'>" inside "</query>"

static char *hash_of(const char *text)
{
	elem_auto query = xml(text);

	return disco_hash(query);
}

static void assert_hash(const char *text, const char *expected)
{
	g_autofree char *hash = hash_of(text);

	assert_string_equal(hash, expected);
}

static void assert_ill_formed(const char *text)
{
	g_autofree char *hash = hash_of(text);

	assert_null(hash);
}

/* ---- the hash ---- */

/* XEP-0115 5.2 */
static void the_simple_example_of_xep_0115_has_its_hash(void **state)
{
	assert_hash(QUERY("<identity category='client' type='pc' name='Exodus 0.9.1'/>" F("http://jabber.org/protocol/muc")
			  F("http://jabber.org/protocol/disco#info") F("http://jabber.org/protocol/caps")
			  F("http://jabber.org/protocol/disco#items")), "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

#define PSI "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>" \
	"<identity xml:lang='el' category='client' name='&#936; 0.11' type='pc'/>" F("http://jabber.org/protocol/caps") \
	F("http://jabber.org/protocol/disco#info") F("http://jabber.org/protocol/disco#items") F("http://jabber.org/protocol/muc")
#define SOFTWARE "<x xmlns='jabber:x:data' type='result'><field var='os'><value>Mac</value></field>" \
	"<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" \
	"<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>" \
	"<field var='software_version'><value>0.11</value></field><field var='os_version'><value>10.5.1</value></field>" \
	"<field var='software'><value>Psi</value></field></x>"

/* XEP-0115 5.3, its parts in another order */
static void the_complex_example_of_xep_0115_has_its_hash(void **state)
{
	assert_hash(QUERY(SOFTWARE PSI), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

#define FORM(inside) "<x xmlns='jabber:x:data' type='result'>" inside "</x>"
#define FORM_TYPE(type) "<field var='FORM_TYPE' type='hidden'><value>" type "</value></field>"

/* XEP-0115 5.4, 3.6 */
static void forms_without_a_hidden_type_do_not_count(void **state)
{
	g_autofree char *plain = hash_of(QUERY(PLAIN_CLIENT));

	assert_hash(QUERY(PLAIN_CLIENT FORM("<field var='a'><value>b</value></field>")), plain);
	assert_hash(QUERY(PLAIN_CLIENT FORM("<field var='FORM_TYPE'><value>t</value></field>")), plain);
}

static char *sha1(const char *text)
{
	g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA1, text, -1);
	guint8 digest[20];

	for (size_t i = 0; i < sizeof(digest); i++)
		digest[i] = (guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
	return g_base64_encode(digest, sizeof(digest));
}

/* i;octet on the parts, not on the text with its '<' and '/' in it */
static void parts_are_sorted_by_themselves(void **state)
{
	g_autofree char *fields = sha1("client/pc//X<t<os<1<os-x<2<"), *forms = sha1("client/pc//X<urn:a<urn:a:b<"),
			*identities = sha1("a/t//<a-b/t//<");

	assert_hash(QUERY("<identity category='client' type='pc' name='X'/>" FORM(FORM_TYPE("t")
			  "<field var='os-x'><value>2</value></field><field var='os'><value>1</value></field>")), fields);
	assert_hash(QUERY("<identity category='client' type='pc' name='X'/>" FORM(FORM_TYPE("urn:a:b")) FORM(FORM_TYPE("urn:a"))),
		    forms);
	assert_hash(QUERY("<identity category='a-b' type='t'/><identity category='a' type='t'/>"), identities);
}

/* XEP-0115 5.4, 3.3 to 3.5 */
static void lists_with_duplicates_are_ill_formed(void **state)
{
	assert_ill_formed(QUERY(CLIENT CLIENT));
	assert_ill_formed(QUERY(CLIENT F("a") F("b") F("a")));
	assert_ill_formed(QUERY(CLIENT FORM(FORM_TYPE("t") "<field var='a'/>") FORM(FORM_TYPE("t") "<field var='b'/>")));
	assert_ill_formed(QUERY(CLIENT FORM("<field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field>")));
}

static void a_list_that_shares_its_hash_by_a_trick_is_ill_formed(void **state)
{
	assert_ill_formed(QUERY(CLIENT F("a&lt;b")));
	assert_ill_formed(QUERY("<identity category='client' type='pc' name='X&lt;a'/>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_simple_example_of_xep_0115_has_its_hash),
		cmocka_unit_test(the_complex_example_of_xep_0115_has_its_hash),
		cmocka_unit_test(forms_without_a_hidden_type_do_not_count),
		cmocka_unit_test(parts_are_sorted_by_themselves),
		cmocka_unit_test(lists_with_duplicates_are_ill_formed),
		cmocka_unit_test(a_list_that_shares_its_hash_by_a_trick_is_ill_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
