/* quiet.h - what ALSA, JACK and PortAudio say on stderr goes to the log instead.
 *
 * On a machine without a sound card that is a hundred lines, and some more when a sound server dies. ALSA and JACK let
 * themselves be told. PortAudio does not: with glibc the stream stderr becomes one that sends PortAudio's lines to the
 * log and all others on to the same descriptor, unbuffered as before (but fileno(stderr) has no answer any more). */
#ifndef JCALL_AUDIO_QUIET_H
#define JCALL_AUDIO_QUIET_H

/* Puts the filter before stderr. Once, before there is a second thread: whoever writes to stderr meanwhile would do so to a stream
 * that is being replaced. */
void quiet_begin(void);
void quiet_libraries(void);		/* before their first use, by one thread at a time; any number of times */

#endif
