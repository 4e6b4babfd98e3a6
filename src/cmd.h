/* cmd.h - the commands: one entry struct each, and what they share: options, login, signals, exit.
 *
 * Main thread. A command returns the exit status of the process (err.def). */
#ifndef JCALL_CMD_H
#define JCALL_CMD_H

#include "config.h"
#include "keeper.h"
#include "script/control.h"
#include "script/event_sink.h"
#include "script/hooks.h"
#include "phone.h"
#include "talk.h"
#include "ui.h"

struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);	/* argv[0] is the command's name */
};

extern const struct command cmd_dial, cmd_answer, cmd_ctl, cmd_contacts, cmd_history, cmd_devices, cmd_doctor;
extern const struct command *const commands[];

/* ---- options that commands share ---- */
struct common {
	char *config_path, *account_name, *in, *out, *record, *at_end, *dtmf, *events;
	char **on_event;
	gint for_s, ring_timeout_s;		/* for_s 0: for ever; ring_timeout_s 0: from the config */
	gint stats_s;				/* 0: no figures */
	gboolean json, quiet, trace, relay_only, split;
	int verbose;				/* -v, -vv */
};

/* Parses ARGV with the common entries and EXTRA (NULL: none); what is left stays in ARGV. FALSE: *STATUS is the exit
 * status: an error was told, or --help was printed. */
gboolean common_parse(struct common *o, const GOptionEntry *extra, const char *usage, const char *summary, int *argc,
		      char ***argv, int *status);
/* The same for a command that calls nobody: without what is about calls and sound. */
gboolean common_parse_plain(struct common *o, const GOptionEntry *extra, const char *summary, int *argc, char ***argv,
			    int *status);
void     common_free(struct common *o);
/* Tells what is wrong with the options of COMMAND, and which one was meant where that can be guessed. */
void     report_options(GOptionContext *context, const GError *error, const char *command);

/* ---- a logged-in process ---- */


struct app_events {
	struct phone_events phone;
	/* The user wants it to end: Ctrl-C, SIGTERM (SIGNUM), or a key. The second time the process leaves at once. */
	void (*interrupted)(void *self, int signum);
	void (*key)(void *self, int c);
	/* Of the control socket. FALSE with an error. Optional: then there is none, and mute is never called. */
	gboolean (*request)(void *self, const struct request *r, struct fields *reply, GError **error);
	void (*mute)(void *self, gboolean muted);	/* SIGUSR1, SIGUSR2; optional where there is no request */
	const char *command;		/* for the status */
	void *self;
};

struct app {
	struct config *config;
	const struct account *account;
	struct ui *ui;
	struct phone *phone;
	struct event_sink *sink;		/* NULL: --events was not given */
	struct keeper *keeper;			/* of the files of the account */
	struct hooks *hooks;			/* NULL: there are none */
	struct control *control;		/* NULL: there is no place for it */
	GMainLoop *loop;
	struct app_events ev;
	struct talk_options talk;		/* from options and config */
	guint ring_timeout_s, interrupts;
	gboolean mute;				/* not even the first event could be written: it ends */
	gboolean ends_with_call;		/* there is one call, and it ends with that */
	int status;
	gboolean settled;		/* the main loop has ended; what is freed now must not be used by a signal */
};

/* Reads the configuration, asks for the password, builds everything. FALSE: told, *STATUS is set. */
gboolean app_init(struct app *a, const struct common *o, int *status);
/* Connects and runs until app_quit; EVENTS must be set by then. Returns the exit status. */
int      app_run(struct app *a, const struct app_events *events);
/* Closes the stream in an orderly way and lets app_run return STATUS. Told once; later calls change nothing. */
void     app_quit(struct app *a, int status);
void     app_free(struct app *a);
/* The contact list has come: keeps whom it names, so that they can be named and completed without a login (known.h). */
void     remember_contacts(const struct app *a);

/* Prints the error and turns it into the exit status. */
int      report_error(const GError *error);
/* The line that tells how a call ended, for every outcome but JC_OK. */
void     report_outcome(struct ui *ui, const char *peer, enum jc_err err, const char *text);

#endif
