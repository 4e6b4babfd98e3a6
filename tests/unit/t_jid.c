/* Addresses in the one form in which they are compared: RFC 7622. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib.h>

#include "config.h"
#include "jid.h"
#include "text.h"
#include "xmpp/stanza.h"
#include "xmpp/stream_guard.h"

struct row {
	const char *given, *prepared;	/* NULL: it is no address */
};

static void assert_prepared(char *(*prepare)(const char *), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		g_autofree char *got = prepare(rows[i].given), *again = got ? prepare(got) : NULL;

		if (g_strcmp0(got, rows[i].prepared) != 0)
			fail_msg("%s became %s, not %s", rows[i].given, got ? got : "nothing",
				 rows[i].prepared ? rows[i].prepared : "nothing");
		assert_string_equal(got ? got : "", again ? again : "");	/* what is prepared stays as it is */
	}
}

static void localpart_has_small_composed_letters_of_ordinary_width(void **state)
{
	static const struct row rows[] = {
		{"juliet@capulet.lit", "juliet@capulet.lit"}, {"Juliet@capulet.lit", "juliet@capulet.lit"},
		{"Жульетта@capulet.lit", "жульетта@capulet.lit"}, {"rene\xcc\x81@capulet.lit", "ren\xc3\xa9@capulet.lit"},
		{"RENE\xcc\x81@capulet.lit", "ren\xc3\xa9@capulet.lit"}, {"ｊｕｌｉｅｔ@capulet.lit", "juliet@capulet.lit"},
		{"ＪＵＬＩＥＴ@capulet.lit", "juliet@capulet.lit"}, {"ｶﾞ@capulet.lit", "ガ@capulet.lit"},
		{"ΣΑΣ@capulet.lit", "σασ@capulet.lit"}, {"İ@capulet.lit", "i\xcc\x87@capulet.lit"}};

	assert_prepared(jid_prepare, rows, G_N_ELEMENTS(rows));
	assert_prepared(jid_prepare_typed, rows, G_N_ELEMENTS(rows));
}

static void what_a_server_folds_further_is_folded_where_a_person_typed_it_only(void **state)
{
	static const struct row typed[] = {{"Straße@x.lit", "strasse@x.lit"}, {"STRAẞE@x.lit", "strasse@x.lit"},
					   {"Κόσμος@x.lit", "κόσμοσ@x.lit"}},
		network[] = {{"straße@x.lit", "straße@x.lit"}, {"strasse@x.lit", "strasse@x.lit"}, {"κόσμος@x.lit", "κόσμος@x.lit"}};

	assert_prepared(jid_prepare_typed, typed, G_N_ELEMENTS(typed));
	assert_prepared(jid_prepare, network, G_N_ELEMENTS(network));
}

static void domain_is_unicode_by_idna_2008_without_a_final_dot(void **state)
{
	static const struct row rows[] = {
		{"a@Capulet.LIT", "a@capulet.lit"}, {"a@capulet.lit.", "a@capulet.lit"}, {"a@BÜCHER.example", "a@bücher.example"},
		{"a@bu\xcc\x88" "cher.example", "a@bücher.example"}, {"a@xn--bcher-kva.example", "a@bücher.example"},
		{"a@XN--BCHER-KVA.example", "a@bücher.example"}, {"a@straße.example", "a@straße.example"},
		{"a@ｃａｐｕｌｅｔ。ｌｉｔ", "a@capulet.lit"}, {"a@♥\xef\xbc\x8f.example", NULL}, {"a@xn--0.example", NULL},
		{"capulet.lit", "capulet.lit"}, {"a@127.0.0.1", "a@127.0.0.1"}};

	assert_prepared(jid_prepare, rows, G_N_ELEMENTS(rows));
}

static void resource_keeps_its_large_letters(void **state)
{
	static const struct row rows[] = {{"A@B.lit/Balcony", "a@b.lit/Balcony"}, {"a@b.lit/B\xc3\xbc/ro@x", "a@b.lit/Bü/ro@x"},
		{"a@b.lit/Bu\xcc\x88ro", "a@b.lit/Büro"}, {"a@b.lit/a\xc2\xa0" "b", "a@b.lit/a b"}, {"a@b.lit/ＡＢ", "a@b.lit/ＡＢ"}};

	assert_prepared(jid_prepare, rows, G_N_ELEMENTS(rows));
}

static void fullwidth_characters_do_not_part_an_address(void **state)
{
	static const struct row rows[] = {{"victim＠bank.lit@evil.lit", NULL}, {"bank.lit／x@evil.lit", NULL}, {"a：b@c.lit", NULL},
		{"a@bank.lit／x", NULL}, {"a\xe3\x80\x80" "b@c.lit", NULL}, {"", NULL}, {"@", NULL}, {"a@", NULL}, {"@b", NULL},
		{"a@b/", NULL}, {"\xff@b", NULL}, {"a@.", NULL}};

	assert_prepared(jid_prepare, rows, G_N_ELEMENTS(rows));
	assert_prepared(jid_prepare_typed, rows, G_N_ELEMENTS(rows));
}

static void what_is_typed_and_what_a_server_says_of_it_are_the_same_bytes(void **state)
{
	g_autofree char *uri = jid_read("xmpp:%D0%96%D1%83%D0%BB%D1%8C%D0%B5%D1%82%D1%82%D0%B0@Capulet.lit?call");

	assert_string_equal(uri, "жульетта@capulet.lit");
	assert_true(allow_matches(uri, "жульетта@capulet.lit/x"));
	assert_true(guard_is_account("жульетта@capulet.lit/x", uri));
}

/* Whatever carries one: the stanza itself, what was forwarded in it, an item of a list. */
static void every_address_of_a_stanza_is_prepared_as_it_comes_in(void **state)
{
	elem_auto e = elem_parse("<message xmlns='jabber:client' from='Жульетта@Capulet.LIT/Дом' to='A@B'><item jid='Rene\xcc\x81@x'/>"
				 "<note from='not an address'/></message>");

	assert_string_equal(elem_attr(e, "from"), "жульетта@capulet.lit/Дом");
	assert_string_equal(elem_attr(e, "to"), "a@b");
	assert_string_equal(elem_attr(elem_child(e, "item", NULL), "jid"), "ren\xc3\xa9@x");
	assert_string_equal(elem_attr(elem_child(e, "note", NULL), "from"), "not an address");
}

static void the_dns_is_asked_for_ascii(void **state)
{
	g_autofree char *a = jid_domain_ascii("bücher.example"), *b = jid_domain_ascii("straße.example"), *c = jid_domain_ascii("x.lit");

	assert_string_equal(a, "xn--bcher-kva.example");
	assert_string_equal(b, "xn--strae-oqa.example");
	assert_string_equal(c, "x.lit");
}

/* Not even with the rules of a Turkish keyboard, nor with bytes that are no text. */
static void random_bytes_are_prepared_or_refused(void **state)
{
	GRand *rand = g_rand_new_with_seed(7622);

	for (int round = 0; round < 20000; round++) {
		char in[48];
		size_t len = (size_t)g_rand_int_range(rand, 0, sizeof(in) - 1);
		g_autofree char *out = NULL, *again = NULL;

		for (size_t i = 0; i < len; i++)
			in[i] = round % 2 ? (char)g_rand_int_range(rand, 1, 256) : "aA@/.x\xc3\x9f-"[g_rand_int_range(rand, 0, 9)];
		in[len] = '\0';
		out = jid_prepare_typed(in);
		again = out ? jid_prepare(out) : NULL;
		assert_true(!out || jid_valid(out));
		assert_int_equal(g_strcmp0(out, again), 0);
	}
	g_rand_free(rand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(localpart_has_small_composed_letters_of_ordinary_width),
		cmocka_unit_test(what_a_server_folds_further_is_folded_where_a_person_typed_it_only),
		cmocka_unit_test(domain_is_unicode_by_idna_2008_without_a_final_dot),
		cmocka_unit_test(resource_keeps_its_large_letters),
		cmocka_unit_test(fullwidth_characters_do_not_part_an_address),
		cmocka_unit_test(what_is_typed_and_what_a_server_says_of_it_are_the_same_bytes),
		cmocka_unit_test(every_address_of_a_stanza_is_prepared_as_it_comes_in),
		cmocka_unit_test(the_dns_is_asked_for_ascii),
		cmocka_unit_test(random_bytes_are_prepared_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
