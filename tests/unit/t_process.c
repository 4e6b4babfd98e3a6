#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process.h"
#include "script/command.h"

enum { SOFT = 64, HARD = 512 };

/* Runs LOOK in a child, whose limits are nobody else's; its answer is the exit status. */
static int in_a_child(int (*look)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){SOFT, HARD});
		setrlimit(RLIMIT_CORE, &(struct rlimit){4096, 8192});
		process_begin();
		_exit(look());
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static gboolean is_limit(int which, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	return getrlimit((__rlimit_resource_t)which, &now) == 0 && now.rlim_cur == soft && now.rlim_max == hard;
}

static int is_closed(void)
{
	return prctl(PR_GET_DUMPABLE) == (process_is_watched ? 1 : 0) && is_limit(RLIMIT_CORE, 0, 8192);
}

static void it_leaves_no_core_file_and_lets_nobody_look(void **state)
{
	assert_true(in_a_child(is_closed));
}

static int has_all_files(void)
{
	return is_limit(RLIMIT_NOFILE, HARD, HARD);
}

static void it_may_open_all_the_files_that_the_hard_limit_allows(void **state)
{
	assert_true(in_a_child(has_all_files));
}

static int gets_the_old(void)
{
	command_child(NULL);
	return is_limit(RLIMIT_NOFILE, SOFT, HARD) && is_limit(RLIMIT_CORE, 4096, 8192);
}

static void a_command_has_the_limits_from_before(void **state)
{
	assert_true(in_a_child(gets_the_old));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_leaves_no_core_file_and_lets_nobody_look),
		cmocka_unit_test(it_may_open_all_the_files_that_the_hard_limit_allows),
		cmocka_unit_test(a_command_has_the_limits_from_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
