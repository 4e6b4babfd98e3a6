/* audio.h - where sound comes from and goes to: one pull source and one push sink for devices, files, pipes, tones.
 *
 * Mono, int16, AUDIO_RATE. No call blocks or allocates after open, except close, and those of a file, which may wait for its
 * disk. Opened in any thread (opening a device can take 100 ms); then used by one thread at a time (the media thread). Time
 * is CLOCK_MONOTONIC in us, passed in: a device answers from its ring, a file from the time that has passed since start. The engine follows the device:
 * it encodes whole frames as they become ready and decodes what the output wants. */
#ifndef JCALL_AUDIO_H
#define JCALL_AUDIO_H

#include <glib.h>
#include "../types.h"

#define AUDIO_END G_MAXSIZE		/* ready(): there is nothing more, and there will be nothing more */

struct audio_in {
	void   (*start)(void *self, gint64 now_us);			/* media is connected: a file plays from here, a
									 * device drops what it has heard before; again:
									 * after a pause it goes on, from where it was */
	size_t (*ready)(void *self, gint64 now_us);			/* [samples] that can be read now, or AUDIO_END */
	size_t (*read) (void *self, gint16 *pcm, size_t n);		/* <= N; what is missing is the caller's silence */
	gint64 (*when) (void *self, gint64 now_us, size_t n);		/* [us] when N samples are likely ready; >= NOW */
	GError *(*fault)(void *self);					/* why ready() said AUDIO_END: NULL: the regular end.
									 * Caller frees */
	void   (*close)(void *self);
	gboolean live;							/* a device: its backlog after a stall may be dropped */
	void *self;
};

struct audio_out {
	void   (*start)(void *self, gint64 now_us);			/* media is connected: a file's time starts here */
	size_t (*ready)(void *self, gint64 now_us);			/* [samples] wanted now, or AUDIO_END: it is gone */
	void   (*write)(void *self, const gint16 *pcm, size_t n);	/* at most what ready() said */
	gint64 (*when) (void *self, gint64 now_us, size_t n);		/* [us] when N samples will be wanted; >= NOW */
	/* [samples] written, not yet heard, as far as known. Optional: without it an end asks for
	 * what is over already. */
	size_t (*queued)(void *self);
	GError *(*fault)(void *self);
	gboolean (*close)(void *self, GError **error);			/* finishes the file; FALSE: it is not complete */
	gboolean patient;						/* 60 ms of delay are less harm than sound that is
									 * played slower or faster for the least of it */
	void *self;
};

/* Who listens to both sides of a call beside its ends, like a recorder. The media thread calls it: it must not block, nor
 * allocate. AT_US: when the first of the N samples was spoken, or will be heard, as far as known. */
struct audio_tap {
	void (*sent) (void *self, const gint16 *pcm, size_t n, gint64 at_us);	/* what the peer can hear of us */
	void (*heard)(void *self, const gint16 *pcm, size_t n, gint64 at_us);	/* what is heard of him, at its own loudness */
	void *self;
};

struct audio_driver {
	const char *name;						/* "device", "file", "pipe", "tone", "null" */
	gboolean (*open_in) (struct audio_in *in, const char *arg, GError **error);
	gboolean (*open_out)(struct audio_out *out, const char *arg, GError **error);	/* optional: it only speaks */
	/* One call per device: {name, kind of use}. Optional: there is nothing to list. */
	gboolean (*list)(void (*each)(void *ctx, int number, const char *name, gboolean in, gboolean out,
				      gboolean is_default_in, gboolean is_default_out), void *ctx, GError **error);
};

/* SPEC: default | device:NAME (or number, or unique part of the name) | PATH | file:PATH | - | null | tone[:HZ]
 * Finds the driver and its argument (borrowed from SPEC). NULL with a JC_USAGE error when there is no such thing. */
const struct audio_driver *audio_find(const char *spec, gboolean output, const char **arg, GError **error);
gboolean audio_open_in (const char *spec, struct audio_in *in, GError **error);	/* JC_AUDIO_DEVICE, JC_FILE, JC_USAGE */
gboolean audio_open_out(const char *spec, struct audio_out *out, GError **error);
/* Raw sound (signed 16 bits, little-endian, mono, AUDIO_RATE) from or to the pipe, socket or file FD, which is taken over, to be
 * closed with the end; NAME says in messages what it is. SIGPIPE must be ignored. An output keeps 10 s for a reader that stalls,
 * and close waits up to 2 s for him; that he has gone is JC_READER_GONE. HEEDLESS: all that is no fault: what he does not read is
 * left out, and close does not wait, though he still gets it if he reads within 2 s. FALSE with JC_FILE: FD is no open file descriptor. */
gboolean audio_pipe_in (struct audio_in *in, int fd, const char *name, GError **error);
gboolean audio_pipe_out(struct audio_out *out, int fd, const char *name, gboolean heedless, GError **error);
gboolean audio_same_file(const char *in_spec, const char *out_spec);	/* both are one and the same file on disk */
gboolean audio_is_device(const char *spec);		/* would it need PortAudio? */
/* Loads and initialises PortAudio ahead of time (50-150 ms), in any thread, once; harmless when there is no device.
 * Its and ALSA's and JACK's chatter goes to the log at debug level, never to stderr. */
void audio_warm_up(void);
void audio_shut_down(void);				/* at exit, after every close */

extern const struct audio_driver audio_device, audio_file, audio_pipe, audio_tone, audio_null;

#endif
