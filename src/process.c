#include "process.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "script/command.h"
#include "worker.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
const _Bool process_is_watched = true;
#else
const _Bool process_is_watched = false;
#endif

/* What a signal is answered with; -1: 128 + its number. A handler has no other way to know it. */
static volatile sig_atomic_t settled = -1;

static void end_at_once(int number)
{
	_exit(settled >= 0 ? settled : 128 + number);
}

static void catch_signal(int number)
{
	struct sigaction action = {.sa_handler = end_at_once}, old;

	if (sigaction(number, NULL, &old) == 0 && number == SIGHUP && old.sa_handler == SIG_IGN)
		return;
	sigaction(number, &action, NULL);
}

void process_catch_signals(void)
{
	catch_signal(SIGINT);
	catch_signal(SIGTERM);
	catch_signal(SIGHUP);
}

void process_settle(int status)
{
	settled = status;
	process_catch_signals();
}

int process_end(int status)
{
	if (workers_running()) {
		fflush(stdout);
		_exit(status);
	}
	return status;
}

void process_begin(void)
{
	struct rlimit limit;

	process_catch_signals();
	/* A thread that is left behind may be inside OpenSSL: nothing is torn down there at the end. Before anybody else starts it. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
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
