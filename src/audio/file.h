/* file.h - a sound file that is being written, so that what is in it at any moment can be played: a process that is killed
 * leaves all but the last second (WAV: a header that fits after each write; FLAC and Ogg: whole frames and short pages).
 *
 * One thread at a time; writing may block on the disk. The ending of the name chooses the format: .wav, .flac, and .opus, .ogg
 * or .oga, which are Ogg/Opus. AUDIO_RATE, 16 bits. A new file is its user's alone (0600); one that was there keeps its mode. */
#ifndef JCALL_AUDIO_FILE_H
#define JCALL_AUDIO_FILE_H

#include <glib.h>

struct sound_file;

/* FALSE with JC_USAGE: no format has such an ending. */
gboolean sound_file_check(const char *path, GError **error);
/* Replaces what is there, unless that is being written by another. NULL with JC_FILE or JC_USAGE. */
struct sound_file *sound_file_create(const char *path, unsigned channels, GError **error);
/* N frames of CHANNELS samples. FALSE with JC_FILE: it could not be written whole. */
gboolean sound_file_write(struct sound_file *f, const gint16 *pcm, size_t n, GError **error);
/* Finishes and frees it; NULL is fine. FALSE with JC_FILE: it is not complete. */
gboolean sound_file_close(struct sound_file *f, GError **error);

#endif
