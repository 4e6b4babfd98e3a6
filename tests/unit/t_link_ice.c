/* A link by ICE, on loopback, with the real clock: two agents, and what an ICE restart of the other side does to ours (rule R23). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/link.h"

enum { PATIENCE_US = 20 * G_USEC_PER_SEC };

struct end {
	struct link link;
	struct end *other;
	GPtrArray *told;			/* struct ice_cand: all, over every generation */
	unsigned works, failed, datagrams, states;
	gboolean closing;			/* at the next state */
};

struct world {
	GMainContext *ctx;
	struct end ours, theirs, heirs;		/* heirs: theirs, restarted */
};

static void on_candidate(void *self, const struct ice_cand *local)
{
	struct end *e = self;

	g_ptr_array_add(e->told, g_memdup2(local, sizeof(*local)));
	if (e->other)
		e->other->link.add_remote(e->other->link.self, local);
}

static void on_gathered(void *self, unsigned candidates)
{
	assert_true(candidates > 0);
}

static void on_state(void *self, enum link_state state)
{
	struct end *e = self;

	e->works += state == LINK_WORKS;
	e->failed += state == LINK_FAILED;
	e->states++;
	if (e->closing)
		e->link.free(g_steal_pointer(&e->link.self));
}

static void on_datagram(void *self, uint8_t *data, size_t len, size_t cap)
{
	((struct end *)self)->datagrams++;
}

static void open_end(struct world *w, struct end *e, gboolean controlling)
{
	struct link_options options = {.loopback = TRUE, .controlling = controlling};
	struct link_events events = {.candidate = on_candidate, .gathered = on_gathered, .state = on_state,
				     .datagram = on_datagram, .self = e};

	e->told = g_ptr_array_new_with_free_func(g_free);
	assert_true(ice_open(&e->link, w->ctx, &options, &events, NULL));
}

static struct ice_creds creds_of(struct end *e)
{
	struct ice_creds creds;

	assert_true(e->link.creds(e->link.self, &creds));
	return creds;
}

static void tell_creds(struct end *from, struct end *to)
{
	struct ice_creds creds = creds_of(from);

	assert_true(to->link.set_remote(to->link.self, &creds));
}

static gboolean nudge(gpointer data)
{
	return G_SOURCE_REMOVE;
}

/* Runs the loop once, for so long at most. */
static void turn(struct world *w, unsigned ms)
{
	GSource *limit = g_timeout_source_new(ms);

	g_source_set_callback(limit, nudge, NULL, NULL);
	g_source_attach(limit, w->ctx);
	g_main_context_iteration(w->ctx, TRUE);
	g_source_destroy(limit);
	g_source_unref(limit);
}

static void wait_for(struct world *w, const unsigned *count, unsigned n)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	while (*count < n && g_get_monotonic_time() < end)
		turn(w, 100);
	assert_true(*count >= n);
}

/* One after the other, since either side may be the first to know of a way. */
static void assert_arrives(struct world *w, struct end *from, struct end *to)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;
	unsigned n = to->datagrams;

	while (to->datagrams == n && g_get_monotonic_time() < end) {
		from->link.send(from->link.self, (const uint8_t *)"\x80 sound", 8);
		turn(w, 20);
	}
	assert_true(to->datagrams > n);
}

static void connect_ends(struct world *w, struct end *a, struct end *b)
{
	unsigned before = a->works;

	tell_creds(a, b);
	tell_creds(b, a);
	a->other = b;
	b->other = a;
	assert_true(b->link.gather(b->link.self, NULL));
	wait_for(w, &a->works, before + 1);
	wait_for(w, &b->works, 1);
}

static int setup(void **state)
{
	struct world *w = g_new0(struct world, 1);

	w->ctx = g_main_context_new();
	open_end(w, &w->ours, FALSE);
	open_end(w, &w->theirs, TRUE);
	w->ours.other = &w->theirs;
	assert_true(w->ours.link.gather(w->ours.link.self, NULL));
	connect_ends(w, &w->ours, &w->theirs);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct end *all[] = {&w->ours, &w->theirs, &w->heirs};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		if (all[i]->link.self)
			all[i]->link.free(all[i]->link.self);
		if (all[i]->told)
			g_ptr_array_unref(all[i]->told);
		all[i]->link.self = all[i]->told = NULL;
	}
	while (g_main_context_iteration(w->ctx, FALSE))
		;
	g_main_context_unref(w->ctx);
	g_free(w);
	return 0;
}

/* ---- tests ---- */

static void datagrams_go_both_ways(void **state)
{
	struct world *w = *state;

	assert_arrives(w, &w->ours, &w->theirs);
	assert_arrives(w, &w->theirs, &w->ours);
}

/* libnice's own have four characters and 22, drawn from GLib's Mersenne Twister. */
static void credentials_are_drawn_by_jcall_and_nobody_guesses_them(void **state)
{
	struct world *w = *state;
	struct ice_creds ours = creds_of(&w->ours), theirs = creds_of(&w->theirs);

	assert_int_equal(strlen(ours.ufrag), 8);
	assert_int_equal(strlen(ours.pwd), 24);
	assert_string_not_equal(ours.ufrag, theirs.ufrag);
	assert_string_not_equal(ours.pwd, theirs.pwd);
}

static void the_same_credentials_again_are_no_restart(void **state)
{
	struct world *w = *state;
	struct ice_creds before = creds_of(&w->ours), after;

	tell_creds(&w->theirs, &w->ours);
	after = creds_of(&w->ours);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_arrives(w, &w->ours, &w->theirs);
}

static void new_credentials_of_the_peer_give_new_ones_of_ours_and_all_our_candidates_again_rule_r23(void **state)
{
	struct world *w = *state;
	struct ice_creds before = creds_of(&w->ours), after;
	static const struct ice_creds anew = {.ufrag = "4B5T", .pwd = "po9Cm9x0QKpkV0EDKjWEy25f"};
	guint told = w->ours.told->len;

	w->ours.other = NULL;
	assert_true(w->ours.link.set_remote(w->ours.link.self, &anew));
	after = creds_of(&w->ours);
	assert_string_not_equal(before.ufrag, after.ufrag);
	assert_string_not_equal(before.pwd, after.pwd);
	assert_int_equal(w->ours.told->len, told);		/* never from inside */
	while (g_main_context_iteration(w->ctx, FALSE))
		;
	assert_int_equal(w->ours.told->len, 2 * told);
	assert_int_equal(w->ours.failed, 0);
}

static void what_works_goes_on_working_until_the_restarted_peer_is_found_rule_r23(void **state)
{
	struct world *w = *state;

	open_end(w, &w->heirs, TRUE);
	w->ours.other = NULL;
	tell_creds(&w->heirs, &w->ours);
	assert_arrives(w, &w->ours, &w->theirs);		/* still where it was */
	w->ours.other = &w->heirs;
	w->heirs.other = &w->ours;
	tell_creds(&w->ours, &w->heirs);
	for (guint i = 0; i < w->ours.told->len; i++)
		w->heirs.link.add_remote(w->heirs.link.self, w->ours.told->pdata[i]);
	assert_true(w->heirs.link.gather(w->heirs.link.self, NULL));
	wait_for(w, &w->heirs.works, 1);
	assert_arrives(w, &w->heirs, &w->ours);
	assert_arrives(w, &w->ours, &w->heirs);
	assert_int_equal(w->ours.failed, 0);
}

/* libnice's threads may have posted more of them by then. */
static void a_link_that_was_closed_tells_no_state(void **state)
{
	struct world *w = *state;
	unsigned told;

	open_end(w, &w->heirs, TRUE);
	w->heirs.other = &w->ours;
	w->ours.other = NULL;
	w->heirs.closing = TRUE;
	tell_creds(&w->ours, &w->heirs);
	assert_true(w->heirs.link.gather(w->heirs.link.self, NULL));
	for (guint i = 0; i < w->ours.told->len; i++)
		w->heirs.link.add_remote(w->heirs.link.self, w->ours.told->pdata[i]);
	wait_for(w, &w->heirs.states, 1);
	told = w->heirs.states;
	for (int i = 0; i < 20; i++)
		turn(w, 20);
	assert_int_equal(w->heirs.states, told);
}

#define LINKED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINKED(datagrams_go_both_ways),
		LINKED(credentials_are_drawn_by_jcall_and_nobody_guesses_them),
		LINKED(the_same_credentials_again_are_no_restart),
		LINKED(new_credentials_of_the_peer_give_new_ones_of_ours_and_all_our_candidates_again_rule_r23),
		LINKED(what_works_goes_on_working_until_the_restarted_peer_is_found_rule_r23),
		LINKED(a_link_that_was_closed_tells_no_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
