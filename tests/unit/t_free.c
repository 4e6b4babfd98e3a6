/* What was never made can be given back: every owner relies on that where a half-built thing is taken down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer.h"
#include "busy.h"
#include "desktop.h"
#include "dial.h"
#include "doctor.h"
#include "exec.h"
#include "missed.h"
#include "net/allocation.h"
#include "net/netwatch.h"
#include "net/relays.h"
#include "notify.h"
#include "script/control.h"
#include "script/event_sink.h"
#include "script/hooks.h"
#include "service.h"

static void giving_nothing_back_does_nothing(void **state)
{
	answer_free(NULL);
	busy_free(NULL);
	dial_free(NULL);
	talk_free(NULL);
	phone_free(NULL);
	missed_free(NULL);
	exec_free(NULL);
	notify_free(NULL, 10);
	desktop_free(NULL, 10);
	service_free(NULL);
	control_free(NULL);
	hooks_free(NULL);
	event_sink_free(NULL, 10);
	reach_free(NULL);
	login_free(NULL);
	ways_free(NULL);
	sound_check_free(NULL);
	peer_check_free(NULL);
	echo_check_free(NULL);
	allocation_free(NULL);
	netwatch_free(NULL);
	relays_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(giving_nothing_back_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
