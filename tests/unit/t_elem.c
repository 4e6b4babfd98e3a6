/* elem.h: what is written of a tree, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elem.h"

static void assert_written(const struct elem *e, const char *expected)
{
	g_autofree char *text = elem_to_string(e);

	assert_string_equal(text, expected);
}

static void what_is_empty_has_one_tag(void **state)
{
	elem_auto e = elem_new("active", "urn:x");
	elem_auto plain = elem_new("a", NULL);

	assert_written(e, "<active xmlns='urn:x'/>");
	assert_written(plain, "<a/>");
	assert_written(NULL, "");
	elem_set_text(e, "");
	elem_set(e, "to", "a@b");
	assert_string_equal(elem_text(e), "");
	elem_add(e, "b", NULL);
	assert_non_null(elem_child(e, "b", "urn:x"));
}

static void a_namespace_is_written_where_it_changes(void **state)
{
	elem_auto e = elem_new("iq", "jabber:client");
	struct elem *query = elem_add(e, "query", "jabber:iq:roster");

	elem_add(query, "item", NULL);
	elem_add(e, "again", NULL);
	elem_add(e, "none", "");
	assert_written(e, "<iq xmlns='jabber:client'><query xmlns='jabber:iq:roster'><item/></query><again/><none xmlns=''/></iq>");
}

/* XML 1.0 2.4: neither text nor an attribute can end before its end. */
static void text_and_attributes_are_escaped(void **state)
{
	elem_auto e = elem_new("a", "it's");

	elem_set(e, "b", "<'\"&>");
	elem_set_text(e, "]]><x/>&amp;");
	assert_written(e, "<a xmlns='it&apos;s' b='&lt;&apos;&quot;&amp;&gt;'>]]&gt;&lt;x/&gt;&amp;amp;</a>");
}

static void attributes_keep_their_order_and_are_there_once(void **state)
{
	elem_auto e = elem_new("a", NULL);

	elem_set(e, "z", "1");
	elem_set(e, "b", "2");
	elem_setf(e, "z", "%d", 3);
	assert_written(e, "<a z='3' b='2'/>");
	elem_set(e, "z", NULL);
	assert_written(e, "<a b='2'/>");
}

static void a_copy_is_whole_and_its_own(void **state)
{
	elem_auto e = elem_new("a", "n");
	struct elem *copy;

	elem_set(elem_add(e, "b", NULL), "c", "d");
	elem_set_text(elem_add(e, "e", "m"), "text");
	copy = elem_copy(e);
	elem_set(e, "later", "1");
	assert_written(copy, "<a xmlns='n'><b c='d'/><e xmlns='m'>text</e></a>");
	elem_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_empty_has_one_tag),
		cmocka_unit_test(a_namespace_is_written_where_it_changes),
		cmocka_unit_test(text_and_attributes_are_escaped),
		cmocka_unit_test(attributes_keep_their_order_and_are_there_once),
		cmocka_unit_test(a_copy_is_whole_and_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
