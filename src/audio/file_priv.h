/* file_priv.h - the two halves of the driver of sound files: file.c reads them, file_write.c writes them. */
#ifndef JCALL_AUDIO_FILE_PRIV_H
#define JCALL_AUDIO_FILE_PRIV_H

#include "audio.h"

gboolean file_open_out(struct audio_out *out, const char *arg, GError **error);

#endif
