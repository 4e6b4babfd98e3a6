/* process.h - what this process may do, settled in its first lines, before there are threads. */
#ifndef JCALL_PROCESS_H
#define JCALL_PROCESS_H

/* Nothing of its memory, where keys and the password are, gets into a core file or under the eyes of another process of its
 * user; and it may open as many files as its hard limit allows, since each call takes about a dozen. Commands that it starts
 * have the limits that it was started with (script/command.h). */
void process_begin(void);

/* TRUE in a build with the address or thread sanitizer: their leak checker looks at the process from outside, and so may others. */
extern const _Bool process_is_watched;

#endif
