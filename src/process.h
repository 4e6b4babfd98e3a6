/* process.h - what this process may do, settled in its first lines, before there are threads. */
#ifndef JCALL_PROCESS_H
#define JCALL_PROCESS_H

/* Nothing of its memory, where keys and the password are, gets into a core file or under the eyes of another process of its
 * user; and it may open as many files as its hard limit allows, since each call takes about a dozen. Commands that it starts
 * have the limits that it was started with (script/command.h). */
void process_begin(void);

/* What one more call opens, of ICE, sound, a recording and GLib's wake-ups, with some to spare; and what a login does, too. Where
 * they are not there GLib ends the process, and all calls with it, so they are asked for before. */
enum { FILES_OF_CALL = 12, FILES_OF_LOGIN = 20 };

/* May this process open COUNT more files? */
_Bool process_has_files(unsigned count);

/* From now on, and until the main loop has handlers of its own, SIGINT, SIGTERM and SIGHUP end the process with 128 + the
 * signal's number. A SIGHUP that is ignored already (nohup) stays ignored. Main thread. */
void process_catch_signals(void);
/* Was jcall started so that a SIGHUP does not end it (nohup)? Nobody may catch it then. */
int  process_ignores_hangup(void);
/* What the process has to say about the call is settled: STATUS. From now on the same signals end it at once, with STATUS. The
 * handlers of the main loop must not be removed after this, since GLib would put the default action back. */
void process_settle(int status);
/* Something that was told could not be written (a full disk), and the log says so: process_end makes of 0 the status of JC_FILE. */
void process_output_lost(void);
/* For the return of main: STATUS, or that of JC_FILE for 0 where output was lost or standard output is no reader who has gone but
 * cannot be written to, which is told here. Where threads are left behind (worker.h) it does not return, but ends the process with STATUS: exit
 * would tear the libraries down under them. */
int  process_end(int status);

/* TRUE in a build with the address or thread sanitizer: their leak checker looks at the process from outside, and so may others. */
extern const _Bool process_is_watched;

#endif
