/* xml.h - XML text in tests: struct elem from text, and comparison of an element with text.
 *
 * Namespaces are resolved (default ones are inherited, prefixes looked up); blank text between elements is dropped, so
 * tests may indent. All functions fail the test that calls them when TEXT is not well-formed. */
#ifndef JCALL_TEST_XML_H
#define JCALL_TEST_XML_H

#include "elem.h"

/* The tree of TEXT; caller owns. ' may be used for attribute values. */
struct elem *xml(const char *text);

/* Fails the test, showing both, unless ACTUAL is what EXPECTED says: names, namespaces, text and children in order,
 * attributes in any order. In EXPECTED the value '*' of an attribute stands for any value (but the attribute must be
 * there), and the text * of an element for any text, children and further attributes. */
#define assert_elem_equal(expected, actual) assert_elem_equal_at(expected, actual, __FILE__, __LINE__)
void assert_elem_equal_at(const char *expected, const struct elem *actual, const char *file, int line);

/* The same comparison as a question, e.g. to look through a queue. */
gboolean elem_matches(const char *expected, const struct elem *actual);

#endif
