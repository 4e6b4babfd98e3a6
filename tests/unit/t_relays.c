/* net/relays.h: when relays are asked, and under which addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/relays.h"

enum { PATIENCE_S = 20 };

struct fixture {
	GMainContext *ctx;
	GPtrArray *added;		/* char *: kind and host */
	unsigned settled;
	struct relays *relays;
};

static void add(void *self, const struct ice_server *s)
{
	struct fixture *f = self;

	assert_int_equal(s->port, 3478);
	assert_string_equal(s->user, "romeo");
	g_ptr_array_add(f->added, g_strdup_printf("%d %s", s->kind, s->host));
}

static void settled(void *self)
{
	((struct fixture *)self)->settled++;
}

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->ctx = g_main_context_new();
	f->added = g_ptr_array_new_with_free_func(g_free);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	relays_free(f->relays);
	while (g_main_context_iteration(f->ctx, FALSE))
		;
	g_ptr_array_unref(f->added);
	g_main_context_unref(f->ctx);
	g_free(f);
	return 0;
}

static void use(struct fixture *f, enum server_kind kind, const char *host)
{
	struct server_list list = {.count = 2, .server = {{.kind = SERVER_STUN, .host = "192.0.2.9", .port = 3478},
							  {.kind = kind, .port = 3478, .user = "romeo", .password = "secret"}}};

	g_strlcpy(list.server[1].host, host, sizeof(list.server[1].host));
	f->relays = relays_new(f->ctx, &list, add, settled, f);
}

static gboolean has(const struct fixture *f, enum server_kind kind, const char *host)
{
	g_autofree char *text = g_strdup_printf("%d %s", kind, host);

	return g_ptr_array_find_with_equal_func(f->added, text, g_str_equal, NULL);
}

static gboolean on_late(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static void run_until(struct fixture *f, gboolean (*done)(const struct fixture *f), guint ms)
{
	GSource *limit = g_timeout_source_new(ms);
	gboolean late = FALSE;

	g_source_set_callback(limit, on_late, &late, NULL);
	g_source_attach(limit, f->ctx);
	while (!late && !(done && done(f)))
		g_main_context_iteration(f->ctx, TRUE);
	g_source_destroy(limit);
	g_source_unref(limit);
	assert_true(!done || done(f));
}

static gboolean is_settled(const struct fixture *f)
{
	return f->settled;
}

static gboolean has_any(const struct fixture *f)
{
	return f->added->len > 0;
}

static void a_number_is_asked_at_once_and_once(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_UDP, "192.0.2.1");
	assert_false(relays_are_settled(f->relays));
	relays_begin(f->relays);
	relays_begin(f->relays);
	relays_begin_soon(f->relays);
	assert_true(has(f, SERVER_TURN_UDP, "192.0.2.1"));
	assert_int_equal(f->added->len, 1);
	assert_true(relays_are_settled(f->relays));
	assert_int_equal(f->settled, 0);
}

/* libnice would use the first with its port, the second with none. */
static void a_name_stands_for_an_address_of_each_family(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_TCP, "localhost");
	relays_begin(f->relays);
	assert_int_equal(f->added->len, 0);
	assert_false(relays_are_settled(f->relays));
	run_until(f, is_settled, PATIENCE_S * 1000);
	assert_true(has(f, SERVER_TURN_TCP, "127.0.0.1"));
	assert_true(has(f, SERVER_TURN_TCP, "::1"));
	assert_true(relays_are_settled(f->relays));
}

static void a_name_that_is_not_there_is_settled_too(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_UDP, "nobody.invalid");
	relays_begin(f->relays);
	run_until(f, is_settled, PATIENCE_S * 1000);
	assert_int_equal(f->added->len, 0);
}

/* Its certificate is for that name. */
static void by_tls_a_relay_keeps_its_name(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_TLS, "localhost");
	relays_begin(f->relays);
	assert_true(has(f, SERVER_TURN_TLS, "localhost"));
	assert_true(relays_are_settled(f->relays));
}

static void stun_has_a_moment_to_answer_first(void **state)
{
	struct fixture *f = *state;
	gint64 begin = g_get_monotonic_time();

	use(f, SERVER_TURN_UDP, "192.0.2.1");
	relays_begin_soon(f->relays);
	assert_int_equal(f->added->len, 0);
	run_until(f, has_any, PATIENCE_S * 1000);
	assert_true(g_get_monotonic_time() - begin > 200000);
	assert_int_equal(f->added->len, 1);
}

static void who_is_reached_by_tls_need_not_wait_for_stun(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_TLS, "localhost");
	relays_begin_soon(f->relays);
	assert_true(has(f, SERVER_TURN_TLS, "localhost"));
	relays_begin(f->relays);
	assert_int_equal(f->added->len, 1);
}

static void being_told_twice_to_begin_soon_is_being_told_once(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_UDP, "192.0.2.1");
	relays_begin_soon(f->relays);
	relays_begin_soon(f->relays);
	relays_begin(f->relays);
	relays_begin_soon(f->relays);
	assert_null(g_main_context_find_source_by_user_data(f->ctx, f->relays));	/* no timer is left behind */
	assert_int_equal(f->added->len, 1);
}

static void after_free_nothing_comes_any_more(void **state)
{
	struct fixture *f = *state;

	use(f, SERVER_TURN_UDP, "localhost");
	relays_begin(f->relays);
	relays_free(g_steal_pointer(&f->relays));
	use(f, SERVER_TURN_UDP, "192.0.2.1");
	relays_begin_soon(f->relays);
	relays_free(g_steal_pointer(&f->relays));
	run_until(f, NULL, 400);
	assert_int_equal(f->added->len + f->settled, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_number_is_asked_at_once_and_once),
		TEST(a_name_stands_for_an_address_of_each_family),
		TEST(a_name_that_is_not_there_is_settled_too),
		TEST(by_tls_a_relay_keeps_its_name),
		TEST(stun_has_a_moment_to_answer_first),
		TEST(who_is_reached_by_tls_need_not_wait_for_stun),
		TEST(being_told_twice_to_begin_soon_is_being_told_once),
		TEST(after_free_nothing_comes_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
