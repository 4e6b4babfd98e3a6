#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script/events.h"

static struct events *events;
static GString *told;			/* what was heard, by whom, in order */

struct listener {
	const char *name;
	guint id;
	struct listener *drop;		/* whom it unlistens */
	struct listener *bring;		/* whom it lets listen */
	const char *tells;		/* another event, from inside */
};

static void tell(const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	events_tell(events, 1, 2.5, name, &ap);
	va_end(ap);
}

static void hear(void *ctx, const struct event *e)
{
	struct listener *l = ctx;
	const char *tells = g_steal_pointer(&l->tells);

	g_string_append_printf(told, "%s:%s ", l->name, e->name);
	if (l->drop)
		events_unlisten(events, l->drop->id);
	if (l->bring && !l->bring->id)
		l->bring->id = events_listen(events, hear, l->bring);
	if (tells)
		tell(tells, NULL);
}

static void begin(struct listener *l)
{
	l->id = events_listen(events, hear, l);
}

static int set_up(void **state)
{
	events = events_new();
	told = g_string_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	events_free(events);
	g_string_free(told, TRUE);
	return 0;
}

static void everybody_hears_in_the_order_of_coming(void **state)
{
	struct listener a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	assert_false(events_have_listeners(events));
	tell("x", NULL);
	begin(&a);
	begin(&b);
	begin(&c);
	tell("y", NULL);
	events_unlisten(events, b.id);
	events_unlisten(events, b.id);			/* again: nothing */
	tell("z", NULL);
	assert_string_equal(told->str, "a:y b:y c:y a:z c:z ");
	assert_true(events_have_listeners(events));
}

static void one_goes_while_it_hears(void **state)
{
	struct listener a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	b.drop = &b;
	begin(&a);
	begin(&b);
	begin(&c);
	tell("x", NULL);
	tell("y", NULL);
	assert_string_equal(told->str, "a:x b:x c:x a:y c:y ");
}

static void one_sends_others_away_who_have_heard_and_who_have_not(void **state)
{
	struct listener a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, d = {.name = "d"};

	b.drop = &c;
	d.drop = &a;
	begin(&a);
	begin(&b);
	begin(&c);
	begin(&d);
	tell("x", NULL);
	tell("y", NULL);
	assert_string_equal(told->str, "a:x b:x d:x b:y d:y ");
}

static void who_comes_meanwhile_hears_the_next(void **state)
{
	struct listener fresh = {.name = "fresh"}, a = {.name = "a", .bring = &fresh};

	begin(&a);
	tell("x", NULL);
	tell("y", NULL);
	assert_string_equal(told->str, "a:x a:y fresh:y ");
}

static void an_event_from_inside_is_whole(void **state)
{
	struct listener a = {.name = "a", .tells = "inner"}, b = {.name = "b"};

	begin(&a);
	begin(&b);
	tell("outer", NULL);
	assert_string_equal(told->str, "a:outer a:inner b:inner b:outer ");
}

static void check_event(void *ctx, const struct event *e)
{
	char **json = ctx;
	double at = 0;

	assert_string_equal(e->name, fields_string(e->fields, "event"));
	assert_true(fields_double(e->fields, "time", &at) && at == 2.5);
	g_free(*json);
	*json = g_strdup(e->json);
}

static void what_is_told_has_its_time_and_its_call(void **state)
{
	char *json = NULL;

	events_listen(events, check_event, &json);
	tell("mute", "muted", "b", TRUE, NULL);
	assert_string_equal(json, "{\"event\":\"mute\",\"time\":2.5,\"call\":1,\"muted\":true}");
	tell("text", "text", "s", "a\nb\xff", NULL);
	assert_string_equal(json, "{\"event\":\"text\",\"time\":2.5,\"call\":1,\"text\":\"a\\nb\xef\xbf\xbd\"}");
	g_free(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_hears_in_the_order_of_coming),
		TEST(one_goes_while_it_hears),
		TEST(one_sends_others_away_who_have_heard_and_who_have_not),
		TEST(who_comes_meanwhile_hears_the_next),
		TEST(an_event_from_inside_is_whole),
		TEST(what_is_told_has_its_time_and_its_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
