#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
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

int process_ignores_hangup(void)
{
	struct sigaction now;

	return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void catch_signal(int number)
{
	struct sigaction action = {.sa_handler = end_at_once};

	if (number == SIGHUP && process_ignores_hangup())
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

static sig_atomic_t output_lost;

void process_output_lost(void)
{
	output_lost = 1;
}

/* What stdio holds back is written here, and only now it turns out whether it can be. */
static void look_at_stdout(void)
{
	struct stat st;
	bool failed = fflush(stdout) != 0 || ferror(stdout);

	if (!failed || output_lost || (fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))))
		return;			/* all is well, or the reader has gone, as that of "jcall help | head" */
	log_error("main", "standard output cannot be written to: is the disk full?");
	output_lost = 1;
}

/* GLib's option parser ends the process by itself after --help. */
static void on_process_exit(int status, void *unused)
{
	look_at_stdout();
	if (output_lost && status == 0)
		_exit(jc_exit_status(JC_FILE));
}

int process_end(int status)
{
	look_at_stdout();
	if (output_lost && status == 0)
		status = jc_exit_status(JC_FILE);
	if (workers_running()) {
		fflush(stdout);
		_exit(status);
	}
	return status;
}

_Bool process_has_files(unsigned count)
{
	DIR *open = opendir("/proc/self/fd");
	rlim_t used = 0;
	struct rlimit limit;

	if (!open)
		return errno != EMFILE && errno != ENFILE;	/* without /proc nobody can tell */
	while (readdir(open))
		used++;
	closedir(open);
	used -= 3;			/* . and .. and the folder itself */
	return getrlimit(RLIMIT_NOFILE, &limit) != 0 || used + count <= limit.rlim_cur;
}

void process_begin(void)
{
	struct rlimit limit;

	process_catch_signals();
	on_exit(on_process_exit, NULL);
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
