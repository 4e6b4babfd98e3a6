/* net/recheck.h: how often, where to and for how long; and that what is sent is a check of the peer's kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/recheck.h"
#include "net/stun.h"

enum { USERNAME = 0x0006, MESSAGE_INTEGRITY = 0x0008, USE_CANDIDATE = 0x0025, FINGERPRINT = 0x8028, ICE_CONTROLLED = 0x8029,
       ICE_CONTROLLING = 0x802a };

struct fixture {
	GMainContext *ctx;
	struct recheck *recheck;
	unsigned sent, to_a, sockets;	/* to_a: to 192.0.2.1, of one socket */
	uint8_t last[512];
	size_t last_len;
};

static const struct ice_creds ours = {"OURS", "our-password-our-password"}, his = {"HIS", "his-password-his-password"};

static unsigned send_check(void *self, const char *ip, uint16_t port, const uint8_t *data, size_t len)
{
	struct fixture *f = self;

	f->sent += f->sockets;
	f->to_a += strcmp(ip, "192.0.2.1") == 0 && port == 1000;
	assert_in_range(len, 1, sizeof(f->last));
	memcpy(f->last, data, len);
	f->last_len = len;
	return f->sockets;
}

static struct fixture *begin(gboolean controlling)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->ctx = g_main_context_new();
	f->sockets = 1;
	f->recheck = recheck_new(f->ctx, controlling, send_check, f);
	recheck_begin(f->recheck, &ours, &his);
	return f;
}

static void end(struct fixture *f)
{
	recheck_free(f->recheck);
	g_main_context_unref(f->ctx);
	g_free(f);
}

static gboolean on_late(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static void let_pass(struct fixture *f, guint ms)
{
	GSource *limit = g_timeout_source_new(ms);
	gboolean late = FALSE;

	g_source_set_callback(limit, on_late, &late, NULL);
	g_source_attach(limit, f->ctx);
	while (!late)
		g_main_context_iteration(f->ctx, TRUE);
	g_source_unref(limit);
}

static gboolean has(const struct fixture *f, unsigned attribute, const char *text)
{
	size_t size;
	const uint8_t *value = stun_attribute(f->last, f->last_len, attribute, &size);

	return value && (!text || (size == strlen(text) && memcmp(value, text, size) == 0));
}

static void a_line_that_works_is_left_alone(void **state)
{
	struct fixture *f = begin(TRUE);

	recheck_add(f->recheck, "192.0.2.1", 1000);
	let_pass(f, 100);
	recheck_end(f->recheck);
	let_pass(f, 300);
	assert_int_equal(f->sent, 0);
	end(f);
}

static void checks_are_what_the_peer_s_agent_expects(void **state)
{
	struct fixture *f = begin(TRUE);

	recheck_add(f->recheck, "192.0.2.1", 1000);
	while (!f->sent)
		g_main_context_iteration(f->ctx, TRUE);
	assert_int_equal(f->last[0] << 8 | f->last[1], 1);
	assert_true(has(f, USERNAME, "HIS:OURS"));
	assert_true(has(f, ICE_CONTROLLING, NULL) && has(f, USE_CANDIDATE, NULL));
	assert_true(has(f, MESSAGE_INTEGRITY, NULL) && has(f, FINGERPRINT, NULL));
	end(f);
	f = begin(FALSE);
	recheck_add(f->recheck, "192.0.2.1", 1000);
	while (!f->sent)
		g_main_context_iteration(f->ctx, TRUE);
	assert_true(has(f, ICE_CONTROLLED, NULL));
	assert_false(has(f, USE_CANDIDATE, NULL));
	end(f);
}

/* Whatever the peer names: nobody is flooded by us. */
static void so_many_are_sent_and_no_more(void **state)
{
	struct fixture *f = begin(TRUE);

	f->sockets = 7;
	for (uint16_t n = 0; n < 100; n++)
		recheck_add(f->recheck, "192.0.2.1", (uint16_t)(1000 + n));
	let_pass(f, 1500);
	assert_in_range(f->sent, RECHECK_MOST, RECHECK_MOST + 6);
	end(f);
}

static void once_it_works_for_us_only_that_address_is_checked(void **state)
{
	struct fixture *f = begin(TRUE);

	recheck_add(f->recheck, "192.0.2.1", 1000);
	recheck_add(f->recheck, "192.0.2.2", 1000);
	recheck_works(f->recheck, "192.0.2.1", 1000);
	recheck_add(f->recheck, "192.0.2.3", 1000);
	let_pass(f, 1500);
	assert_true(f->sent >= 1);
	assert_int_equal(f->to_a, f->sent);
	end(f);
}

static void a_restart_begins_anew_with_its_own_credentials(void **state)
{
	static const struct ice_creds new_ours = {"NEW1", "x"}, new_his = {"NEW2", "y"};
	struct fixture *f = begin(FALSE);

	recheck_add(f->recheck, "192.0.2.1", 1000);
	recheck_end(f->recheck);
	recheck_begin(f->recheck, &new_ours, &new_his);
	let_pass(f, 400);
	assert_int_equal(f->sent, 0);			/* it has named no address yet */
	recheck_add(f->recheck, "192.0.2.1", 1000);
	while (!f->sent)
		g_main_context_iteration(f->ctx, TRUE);
	assert_true(has(f, USERNAME, "NEW2:NEW1"));
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_works_is_left_alone),
		cmocka_unit_test(checks_are_what_the_peer_s_agent_expects),
		cmocka_unit_test(so_many_are_sent_and_no_more),
		cmocka_unit_test(once_it_works_for_us_only_that_address_is_checked),
		cmocka_unit_test(a_restart_begins_anew_with_its_own_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
