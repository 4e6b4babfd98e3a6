/* Two whole calls, one of whose sides hides its address behind a name, as browsers do: it is looked up by the system, if that
 * can, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gio/gio.h>

#include "call_pair.h"

#define NAME "0b6b2ea4-54e9-4e0c-9b0f-3d1a5f1c7e11.local"

/* ---- a system that knows one name, or none ---- */

static struct {
	const char *name, *address;
	GPtrArray *asked;		/* char * */
	gboolean silent;		/* it answers nothing until it is cancelled */
	unsigned cancelled;
} names;

typedef GResolver FakeResolver;
typedef GResolverClass FakeResolverClass;
GType fake_resolver_get_type(void);
G_DEFINE_TYPE(FakeResolver, fake_resolver, G_TYPE_RESOLVER)

static void on_cancelled(GCancellable *cancellable, gpointer task)
{
	names.cancelled++;
	g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
	g_object_unref(task);
}

static void fake_lookup(GResolver *resolver, const gchar *name, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(resolver, cancellable, callback, data);

	g_ptr_array_add(names.asked, g_strdup(name));
	if (names.silent) {
		g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), task, NULL);
		return;
	}
	if (g_strcmp0(name, names.name) == 0)
		g_task_return_pointer(task, g_list_append(NULL, g_inet_address_new_from_string(names.address)), NULL);
	else
		g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "nobody knows it");
	g_object_unref(task);
}

static GList *fake_lookup_finish(GResolver *resolver, GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}

static void fake_resolver_class_init(FakeResolverClass *class)
{
	class->lookup_by_name_async = fake_lookup;
	class->lookup_by_name_finish = fake_lookup_finish;
}

static void fake_resolver_init(FakeResolver *resolver)
{
}

static int setup(void **state)
{
	g_autoptr(GResolver) fake = g_object_new(fake_resolver_get_type(), NULL);

	open_all(state);
	g_resolver_set_default(fake);
	memset(&names, 0, sizeof(names));
	names.asked = g_ptr_array_new_with_free_func(g_free);
	return 0;
}

static int teardown(void **state)
{
	g_ptr_array_unref(names.asked);
	return stop_all(state);
}

/* ---- tests ---- */

static struct pair *hidden_pair(const char *name)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);

	p->hidden = name;
	return p;
}

static void a_name_that_the_system_knows_leads_to_a_call(void **state)
{
	struct pair *p = hidden_pair(NAME);

	p->hidden_alone = TRUE;
	names.name = NAME;
	names.address = "127.0.0.1";
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_true(names.asked->len >= 1);
	for (guint i = 0; i < names.asked->len; i++)
		assert_string_equal(names.asked->pdata[i], NAME);
}

/* The other addresses of this machine are told as they are. */
static void a_name_that_nobody_knows_does_no_harm(void **state)
{
	assert_heard_by(hidden_pair(NAME), TRANSPORT_ICE_UDP);
	assert_true(names.asked->len >= 1);
}

static void no_other_name_is_looked_up(void **state)
{
	static const char *const others[] = {"example.org", "printer.local", NAME ".", "0b6b2ea4-54e9-4e0c-9b0f-3d1a5f1c7e1.local",
		"0b6b2ea4-54e9-4e0c-9b0f-3d1a5f1c7e1g.local", "0b6b2ea4-54e9-4e0c-9b0f-3d1a5f1c7e11.lokal", "0b6b2ea4.54e9.4e0c.9b0f.3d1a5f1c7e11.local"};

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		struct pair *p = hidden_pair(others[i]);

		assert_heard_by(p, TRANSPORT_ICE_UDP);
		close_pair(p);
	}
	assert_int_equal(names.asked->len, 0);
}

static void nothing_is_looked_up_before_the_call_is_accepted(void **state)
{
	struct pair *p = hidden_pair(NAME);

	p->undecided = TRUE;
	wait_for(&p->juliet.incoming);
	let_pass(300);
	assert_int_equal(names.asked->len, 0);
}

static void a_call_that_ends_meanwhile_forgets_its_names(void **state)
{
	struct pair *p = hidden_pair(NAME);

	names.silent = TRUE;
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	assert_true(names.asked->len >= 1);
	close_pair(p);
	let_pass(50);
	assert_int_equal(names.cancelled, names.asked->len);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_name_that_the_system_knows_leads_to_a_call),
		T(a_name_that_nobody_knows_does_no_harm),
		T(no_other_name_is_looked_up),
		T(nothing_is_looked_up_before_the_call_is_accepted),
		T(a_call_that_ends_meanwhile_forgets_its_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
