#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "log.h"

const struct command *const commands[] = {&cmd_dial, &cmd_answer, &cmd_ctl, &cmd_history, &cmd_devices, &cmd_doctor, NULL};

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: jcall COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\n'jcall COMMAND --help' lists the options of a command; the manual is jcall(1).\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Where standard input, output or error is closed, the next socket would take its number, and our words would go there. */
static void open_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			_exit(jc_exit_status(JC_INTERNAL));
}

int main(int argc, char **argv)
{
	const struct command *command;

	open_standard();
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");		/* JSON and figures read the same everywhere */
	signal(SIGPIPE, SIG_IGN);
	g_set_prgname("jcall");
	log_init(LOG_WARN);
	if (argc < 2) {
		print_usage(stderr);
		return jc_exit_status(JC_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("jcall %s\n", JCALL_VERSION);
		return 0;
	}
	command = find_command(argv[1]);
	if (!command) {
		log_error("main", "there is no command '%s'; 'jcall --help' lists them", argv[1]);
		return jc_exit_status(JC_USAGE);
	}
	return command->run(argc - 1, argv + 1);
}
