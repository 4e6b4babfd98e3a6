#include "process.h"

#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "script/command.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
const _Bool process_is_watched = true;
#else
const _Bool process_is_watched = false;
#endif

void process_begin(void)
{
	struct rlimit limit;

	command_keep_limits();
	/* The hard limits stay: with them a command gets back what this process gives up. */
	if (getrlimit(RLIMIT_CORE, &limit) == 0) {
		limit.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* RLIMIT_CORE alone does not hold where the kernel gives cores to a program (core_pattern "|..."), as systemd has it. */
	if (!process_is_watched)
		prctl(PR_SET_DUMPABLE, 0);
}
