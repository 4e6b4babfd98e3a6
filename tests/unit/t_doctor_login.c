/* What the doctor says of an account: doctor_login.c over a stream that is the test's, so that the server can lack anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doctor.h"
#include "fake_stream.h"
#include "loop.h"
#include "xmpp/disco.h"

#define US_BARE "juliet@capulet.lit"
#define US      US_BARE "/balcony"
#define DISCO "http://jabber.org/protocol/disco#info"
#define CONFIG "[account capulet]\njid = " US_BARE "\n"

static struct config *config;
static struct ui *ui;
static struct findings *findings;
static struct login *login;
static struct stream *x;
static GHashTable *results;		/* name of a check: its result and its text */
static guint done, told_servers;

static void on_event(void *ctx, const struct event *e)
{
	const char *name = g_str_equal(e->name, "check") ? fields_string(e->fields, "name") : NULL;

	if (name)
		g_hash_table_insert(results, g_strdup(name), g_strdup_printf("%s: %s", fields_string(e->fields, "result"),
									      fields_string(e->fields, "text")));
}

static void on_done(void *ctx)
{
	done++;
}

static void on_servers(void *ctx, const struct server_list *list)
{
	told_servers++;
}

static int set_up(void **state)
{
	struct ui_options options = {.quiet = TRUE};

	config = config_parse("config", CONFIG, strlen(CONFIG), TRUE, NULL);
	ui = ui_new(&options);
	results = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	events_listen(ui_events(ui), on_event, NULL);
	done = told_servers = 0;
	findings = findings_new(ui, TRUE, FALSE, on_done, NULL);
	login = login_begin(findings, config, config_account(config, NULL, NULL), "secret", NULL, FALSE, on_servers, NULL);
	x = fake_stream_last();
	return 0;
}

static int tear_down(void **state)
{
	login_free(login);
	findings_free(findings);
	ui_free(ui);
	config_free(config);
	g_hash_table_unref(results);
	return 0;
}

static void come_online(void)
{
	static const char *const phases[] = {"dns", "tcp", "tls", "auth", "bind"};

	for (size_t i = 0; i < G_N_ELEMENTS(phases); i++)
		x->on.phase(x->on.self, phases[i], g_get_monotonic_time());
	fake_stream_online(x, US, FALSE);
}

/* Every open question is answered so; OUR own features by what we answer ourselves, or by COND. */
static void answer_all(enum iq_cond cond, gboolean with_ours)
{
	while (fake_stream_open(x)) {
		struct fake_query *q = fake_stream_query(x, 0);

		if (with_ours && g_strcmp0(q->to, US) == 0 && g_str_equal(elem_ns(q->payload), DISCO)) {
			elem_auto iq = xml("<iq xmlns='jabber:client' type='get' id='self' from='" US "' to='" US "'>"
					   "<query xmlns='" DISCO "'/></iq>");
			const struct elem *answer;

			fake_stream_hear(x, iq);
			answer = x->sent->pdata[x->sent->len - 1];
			fake_stream_answer(x, 0, COND_OK, answer);
		} else {
			fake_stream_reply(x, 0, cond, NULL);
		}
	}
	loop_until(done);
}

static void assert_found(const char *check, const char *beginning)
{
	const char *found = g_hash_table_lookup(results, check);

	if (!found || !g_str_has_prefix(found, beginning))
		fail_msg("%s: %s", check, found);
}

static void what_the_server_lacks_is_a_warning_and_what_calls_need_a_failure(void **state)
{
	come_online();
	answer_all(COND_SERVICE_UNAVAILABLE, FALSE);
	assert_found("certificate", "ok: ");
	assert_found("login", "ok: logged in as " US);
	assert_found("stream-management", "ok: ");
	assert_found("carbons", "warning: the devices of the account do not hear of each other");
	assert_found("archive", "warning: ");
	assert_found("capabilities", "failed: nobody can ask this device what it can do");
	assert_int_equal(told_servers, 1);
	assert_int_equal(findings_conclude(findings), jc_exit_status(JC_SERVER));
}

static void a_device_that_others_can_ask_is_seen_with_all_it_can(void **state)
{
	come_online();
	answer_all(COND_SERVICE_UNAVAILABLE, TRUE);
	assert_found("capabilities", "ok: others see a device for voice calls: DTLS-SRTP, ICE, Raw UDP, ringing on all devices");
}

static void a_login_that_is_refused_is_the_first_failure_and_the_rest_is_skipped(void **state)
{
	x->on.phase(x->on.self, "dns", 0);
	x->on.phase(x->on.self, "tcp", 0);
	x->on.phase(x->on.self, "tls", 0);
	fake_stream_offline(x, JC_LOGIN, TRUE);
	loop_until(done);
	assert_found("certificate", "ok: ");
	assert_found("login", "failed: ");
	assert_found("carbons", "skipped: there is no login");
	assert_found("capabilities", "skipped: ");
	assert_int_equal(told_servers, 1);
	assert_int_equal(findings_conclude(findings), jc_exit_status(JC_LOGIN));
}

static void a_server_that_is_not_reached_has_no_certificate_to_judge(void **state)
{
	x->on.phase(x->on.self, "dns", 0);
	fake_stream_offline(x, JC_SERVER, TRUE);
	loop_until(done);
	assert_found("certificate", "skipped: the server was not reached");
	assert_found("login", "failed: ");
	assert_false(login_is_online(login));
}

static void a_connection_that_breaks_after_the_login_is_named_as_such(void **state)
{
	come_online();
	assert_true(login_is_online(login));
	fake_stream_offline(x, JC_LOST, TRUE);
	loop_until(done);
	assert_found("login", "ok: ");
	assert_found("stream-management", "failed: ");
	assert_found("archive", "skipped: the connection was lost");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_the_server_lacks_is_a_warning_and_what_calls_need_a_failure),
		T(a_device_that_others_can_ask_is_seen_with_all_it_can),
		T(a_login_that_is_refused_is_the_first_failure_and_the_rest_is_skipped),
		T(a_server_that_is_not_reached_has_no_certificate_to_judge),
		T(a_connection_that_breaks_after_the_login_is_named_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
