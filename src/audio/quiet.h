/* quiet.h - what ALSA, JACK and PortAudio say on stderr goes to the log instead.
 *
 * On a machine without a sound card that is a hundred lines. ALSA and JACK can be told for good; PortAudio cannot, so
 * while it opens things standard error is a buffer: its own lines are taken out, all others written on. The caller
 * sees to it that no two threads are between begin and end. */
#ifndef JCALL_AUDIO_QUIET_H
#define JCALL_AUDIO_QUIET_H

struct quiet { int saved, buffer; };

void         quiet_libraries(void);		/* before their first use; any number of times */
struct quiet quiet_begin(void);
void         quiet_end(struct quiet q);

#endif
