/* libstrophe's stanza <-> struct elem and the bounds: xmpp/stanza.h. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "xml.h"
#include "xmpp/stanza.h"

enum { STACK_BYTES = 64 << 20 };	/* what the xmpp thread has */

static char *repeat(const char *head, const char *unit, size_t n, const char *tail)
{
	GString *s = g_string_new(head);

	for (size_t i = 0; i < n; i++)
		g_string_append(s, unit);
	g_string_append(s, tail);
	return g_string_free(s, FALSE);
}

static gboolean is_taken(char *text)		/* takes TEXT */
{
	elem_auto e = elem_parse(text);

	g_free(text);
	return e != NULL;
}

static void names_attributes_text_and_children_are_kept(void **state)
{
	elem_auto e = elem_parse("<message xmlns='jabber:client' to='a@b/c' type='chat'><body>h&lt;i&gt; &amp; &quot;x&quot;</body>"
				 "<x xmlns='y'/></message>");

	assert_elem_equal("<message xmlns='jabber:client' to='a@b/c' type='chat'><body>h&lt;i> &amp; \"x\"</body><x xmlns='y'/></message>",
			  e);
}

static void namespaces_are_inherited_and_prefixes_resolved(void **state)
{
	elem_auto e = elem_parse("<iq xmlns='jabber:client'><p:a xmlns:p='one'><b xmlns='two'><c/></b><p:d/></p:a></iq>");
	const struct elem *a = elem_child(e, "a", "one");

	assert_non_null(a);
	assert_non_null(elem_child(elem_child(a, "b", "two"), "c", "two"));
	assert_non_null(elem_child(a, "d", "one"));
}

static void text_around_children_is_joined(void **state)
{
	elem_auto e = elem_parse("<a xmlns='n'>one<b/>two<c/>three</a>");

	assert_string_equal(elem_text(e), "onetwothree");
}

static void malformed_text_is_refused(void **state)
{
	static const char *const bad[] = {"", "<", "<a", "<a>", "<a></b>", "text", "<a b=c/>", "<a b='1' b='2'/>", "&lt;a/>",
					  "<a>\xff</a>", "<a>\x01</a>", "<a>&nbsp;</a>"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(is_taken(g_strdup(bad[i])));
}

/* The parser that runs is libstrophe's: whether expat or libxml2, an entity bomb must not be expanded. */
static void entities_are_not_expanded(void **state)
{
	elem_auto e = elem_parse("<!DOCTYPE a [<!ENTITY l 'lollollollollol'><!ENTITY m '&l;&l;&l;&l;&l;&l;&l;&l;'>"
				 "<!ENTITY n '&m;&m;&m;&m;&m;&m;&m;&m;'>]><a>&n;</a>");

	assert_true(!e || strlen(elem_text(e)) < 1000);
}

static void depth_is_bounded(void **state)
{
	for (int over = 0; over < 2; over++) {
		g_autofree char *tail = repeat("", "</x>", STANZA_MAX_DEPTH + over, "");

		assert_int_equal(is_taken(repeat("", "<x>", STANZA_MAX_DEPTH + over, tail)), !over);
	}
}

static void number_of_elements_is_bounded(void **state)
{
	assert_true(is_taken(repeat("<a>", "<b/>", STANZA_MAX_ELEMENTS - 1, "</a>")));
	assert_false(is_taken(repeat("<a>", "<b/>", STANZA_MAX_ELEMENTS, "</a>")));
}

static void number_of_attributes_is_bounded(void **state)
{
	for (int over = 0; over < 2; over++) {
		GString *s = g_string_new("<a");

		for (int i = 0; i < STANZA_MAX_ATTRIBUTES + over; i++)
			g_string_append_printf(s, " b%d='1'", i);
		g_string_append(s, "/>");
		assert_int_equal(is_taken(g_string_free(s, FALSE)), !over);
	}
}

static void size_is_bounded_wherever_it_hides(void **state)
{
	size_t all = STANZA_MAX_BYTES - 100, over = STANZA_MAX_BYTES + 1;

	assert_true(is_taken(repeat("<a>", "x", all, "</a>")));
	assert_false(is_taken(repeat("<a>", "x", over, "</a>")));
	assert_true(is_taken(repeat("<a b='", "x", all, "'/>")));
	assert_false(is_taken(repeat("<a b='", "x", over, "'/>")));
	assert_false(is_taken(repeat("<a ", "x", over, "='1'/>")));
	assert_false(is_taken(repeat("<", "x", over, "/>")));
	assert_false(is_taken(repeat("<a xmlns='", "x", over, "'/>")));
	assert_false(is_taken(repeat("<a>", "<b>0123456789012345678901234567890123456789012345678901234567890123456789"
				     "0123456789012345678901234567890123456789012345678901234567890123456789</b>", 1990, "</a>")));
}

static void *parse_bombs(void *unused)
{
	g_autofree char *tail = repeat("", "</x>", 70000, "");
	gboolean any = FALSE;

	any |= is_taken(repeat("", "<x>", 70000, tail));
	any |= is_taken(repeat("<a b='", "y", 1 << 20, "'/>"));
	any |= is_taken(repeat("<a>", "z", 1 << 20, "</a>"));
	any |= is_taken(repeat("<a>", "<b/>", 20000, "</a>"));	/* libstrophe takes quadratic time for these */
	return GINT_TO_POINTER(any);
}

static void bombs_are_survived_on_the_stack_of_the_xmpp_thread(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *any = NULL;

	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, STACK_BYTES), 0);
	assert_int_equal(pthread_create(&thread, &attr, parse_bombs, NULL), 0);
	pthread_attr_destroy(&attr);
	assert_int_equal(pthread_join(thread, &any), 0);
	assert_null(any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_attributes_text_and_children_are_kept),
		cmocka_unit_test(namespaces_are_inherited_and_prefixes_resolved),
		cmocka_unit_test(text_around_children_is_joined),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(entities_are_not_expanded),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(number_of_elements_is_bounded),
		cmocka_unit_test(number_of_attributes_is_bounded),
		cmocka_unit_test(size_is_bounded_wherever_it_hides),
		cmocka_unit_test(bombs_are_survived_on_the_stack_of_the_xmpp_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
