#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audio/quiet.h"
#include "cmd.h"
#include "log.h"
#include "process.h"
#include "suggest.h"

enum { MAX_COMMANDS = 32 };

const struct command *const commands[] = {&cmd_dial, &cmd_answer, &cmd_ctl, &cmd_contacts, &cmd_history, &cmd_devices, &cmd_doctor,
					  NULL};

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: jcall COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "  %-10s %s\n", "help", "list the commands, or the options of one");
	fprintf(to, "\n'jcall help COMMAND' lists the options of a command; the manual is jcall(1).\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int report_unknown(const char *name)
{
	const char *names[MAX_COMMANDS + 4] = {"help", "--help", "--version"};
	const char *kind = *name == '-' ? "option" : "command", *meant;

	for (size_t i = 0; commands[i] && i < MAX_COMMANDS; i++)
		names[i + 3] = commands[i]->name;
	meant = suggest(name, names);
	if (meant)
		log_error("main", "there is no %s '%s'; did you mean '%s'? 'jcall help' lists them", kind, name, meant);
	else
		log_error("main", "there is no %s '%s'; 'jcall help' lists them", kind, name);
	return jc_exit_status(JC_USAGE);
}

static int run(const char *name, int argc, char **argv)
{
	const struct command *command = find_command(name);
	g_autofree char *shown = g_strdup_printf("jcall %s", name);

	if (!command)
		return report_unknown(name);
	g_set_prgname(shown);			/* what --help shows in its first line */
	return command->run(argc, argv);
}

/* `jcall help COMMAND` is `jcall COMMAND --help`. */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	char *asked[] = {argc > 1 ? argv[1] : NULL, option, NULL};

	if (argc > 2) {
		log_error("main", "help is given for one command at a time: jcall help [COMMAND]");
		return jc_exit_status(JC_USAGE);
	}
	if (argc > 1 && strcmp(argv[1], "help") != 0)
		return run(argv[1], 2, asked);
	print_usage(stdout);
	return 0;
}

/* Where standard input, output or error is closed, the next socket would take its number, and our words would go there. */
static void open_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			_exit(jc_exit_status(JC_INTERNAL));
}

static int run_main(int argc, char **argv)
{
	open_standard();
	quiet_begin();
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");		/* JSON and figures read the same everywhere */
	signal(SIGPIPE, SIG_IGN);
	g_set_prgname("jcall");
	log_init(LOG_WARN);
	if (argc < 2) {
		print_usage(stderr);
		return jc_exit_status(JC_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("jcall %s\n", JCALL_VERSION);
		return 0;
	}
	return run(argv[1], argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	process_begin();
	return process_end(run_main(argc, argv));
}
