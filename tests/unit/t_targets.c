/* Where a domain's server may be: xmpp/targets.h, with a name service of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <string.h>

#include "xmpp/targets.h"

/* ---- the name service: a table in text, "service name priority port" and "name address" ---- */

static const char *const *zone;

struct fake_resolver {
	GResolver parent;
};

typedef struct fake_resolver FakeResolver;		/* the names G_DEFINE_TYPE wants */
typedef GResolverClass FakeResolverClass;
static GType fake_resolver_get_type(void);
G_DEFINE_TYPE(FakeResolver, fake_resolver, G_TYPE_RESOLVER)

static GList *lookup_service(GResolver *resolver, const gchar *name, GCancellable *cancel, GError **error)
{
	GList *list = NULL;
	gboolean denied = FALSE;

	for (const char *const *line = zone; *line; line++) {
		g_auto(GStrv) w = g_strsplit(*line, " ", 4);

		if (g_strv_length(w) != 4 || strcmp(w[0], name) != 0)
			continue;
		denied |= strcmp(w[1], ".") == 0;
		list = g_list_append(list, g_srv_target_new(w[1], (guint16)g_ascii_strtoull(w[3], NULL, 10),
							    (guint16)g_ascii_strtoull(w[2], NULL, 10), 0));
	}
	if (!list)
		g_set_error(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no record");
	if (denied)
		g_clear_pointer(&list, g_resolver_free_targets);	/* as GLib does it */
	return g_srv_target_list_sort(list);
}

static GList *lookup_by_name(GResolver *resolver, const gchar *name, GCancellable *cancel, GError **error)
{
	GList *list = NULL;

	for (const char *const *line = zone; *line; line++) {
		g_auto(GStrv) w = g_strsplit(*line, " ", 4);

		if (g_strv_length(w) == 2 && strcmp(w[0], name) == 0)
			list = g_list_append(list, g_inet_address_new_from_string(w[1]));
	}
	if (!list)
		g_set_error(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no record");
	return list;
}

static void fake_resolver_class_init(FakeResolverClass *class)
{
	class->lookup_service = lookup_service;
	class->lookup_by_name = lookup_by_name;
}

static void fake_resolver_init(FakeResolver *r)
{
}

/* The targets as text: "address:port", those with direct TLS marked, in order. */
static void assert_targets(const char *const *records, const char *host, guint16 port, const char *expected)
{
	GString *s = g_string_new(NULL);
	GArray *targets;

	zone = records;
	targets = targets_find("romeo@lab.test", host, port);
	for (guint i = 0; i < targets->len; i++) {
		const struct target *t = &g_array_index(targets, struct target, i);

		g_string_append_printf(s, "%s%s:%u%s", i ? " " : "", t->address, t->port, t->direct ? "+tls" : "");
	}
	g_array_unref(targets);
	assert_string_equal(s->str, expected);
	g_string_free(s, TRUE);
}

static void domain_without_records_is_its_own_server(void **state)
{
	static const char *const records[] = {"lab.test 192.0.2.1", NULL};

	assert_targets(records, NULL, 0, "192.0.2.1:5222");
}

static void direct_tls_is_first_among_equals(void **state)
{
	static const char *const records[] = {"_xmpp-client._tcp.lab.test a 5 5222", "_xmpps-client._tcp.lab.test b 5 443",
					      "a 192.0.2.1", "b 192.0.2.2", NULL};

	assert_targets(records, NULL, 0, "192.0.2.2:443+tls 192.0.2.1:5222");
}

static void priority_goes_before_direct_tls(void **state)
{
	static const char *const records[] = {"_xmpp-client._tcp.lab.test a 1 5222", "_xmpps-client._tcp.lab.test b 5 443",
					      "_xmpp-client._tcp.lab.test c 9 5222", "a 192.0.2.1", "b 192.0.2.2", "c 192.0.2.3", NULL};

	assert_targets(records, NULL, 0, "192.0.2.1:5222 192.0.2.2:443+tls 192.0.2.3:5222");
}

static void service_that_is_denied_is_not_tried(void **state)
{
	static const char *const both[] = {"_xmpp-client._tcp.lab.test . 0 0", "_xmpps-client._tcp.lab.test . 0 0",
					   "lab.test 192.0.2.1", NULL};
	static const char *const direct[] = {"_xmpps-client._tcp.lab.test . 0 0", "lab.test 192.0.2.1", NULL};

	assert_targets(both, NULL, 0, "");
	assert_targets(direct, NULL, 0, "192.0.2.1:5222");
}

static void every_address_of_a_name_is_tried(void **state)
{
	static const char *const records[] = {"lab.test 2001:db8::1", "lab.test 192.0.2.1", NULL};

	assert_targets(records, NULL, 0, "2001:db8::1:5222 192.0.2.1:5222");
}

static void given_server_needs_no_records(void **state)
{
	static const char *const records[] = {"_xmpp-client._tcp.lab.test a 1 5222", "srv 192.0.2.9", NULL};

	assert_targets(records, "srv", 0, "192.0.2.9:5222");
	assert_targets(records, "srv", 5223, "192.0.2.9:5223+tls");
	assert_targets(records, "srv", 443, "192.0.2.9:443+tls");
	assert_targets(records, "srv", 15222, "192.0.2.9:15222");
}

static void name_without_address_is_kept_for_the_error(void **state)
{
	static const char *const records[] = {NULL};

	assert_targets(records, "nowhere", 0, "nowhere:5222");
}

static void number_of_targets_is_bounded(void **state)
{
	static const char *const records[] = {"lab.test 192.0.2.1", "lab.test 192.0.2.2", "lab.test 192.0.2.3", "lab.test 192.0.2.4",
		"lab.test 192.0.2.5", "lab.test 192.0.2.6", "lab.test 192.0.2.7", "lab.test 192.0.2.8", "lab.test 192.0.2.9", NULL};

	assert_targets(records, NULL, 0, "192.0.2.1:5222 192.0.2.2:5222 192.0.2.3:5222 192.0.2.4:5222 192.0.2.5:5222 192.0.2.6:5222 "
		       "192.0.2.7:5222 192.0.2.8:5222");
}

static int set_up(void **state)
{
	GResolver *resolver = g_object_new(fake_resolver_get_type(), NULL);

	g_resolver_set_default(resolver);
	g_object_unref(resolver);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domain_without_records_is_its_own_server),
		cmocka_unit_test(direct_tls_is_first_among_equals),
		cmocka_unit_test(priority_goes_before_direct_tls),
		cmocka_unit_test(service_that_is_denied_is_not_tried),
		cmocka_unit_test(every_address_of_a_name_is_tried),
		cmocka_unit_test(given_server_needs_no_records),
		cmocka_unit_test(name_without_address_is_kept_for_the_error),
		cmocka_unit_test(number_of_targets_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
