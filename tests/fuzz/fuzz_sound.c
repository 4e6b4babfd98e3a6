/* A sound file that somebody gave our user to play: WAV, FLAC, Ogg and whatever else libsndfile knows. It is played for a while of
 * time that does not pass. */
#include <glib.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audio/audio.h"

enum { READS = 200, FRAME = AUDIO_RATE / 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void play(struct audio_in *in)
{
	g_autoptr(GError) fault = NULL;
	gint64 now_us = 1000000;
	gint16 pcm[FRAME];

	in->start(in->self, now_us);
	for (int i = 0; i < READS; i++) {
		size_t ready = in->ready(in->self, now_us += 20000);

		if (ready == AUDIO_END)
			break;
		g_assert_cmpuint(in->read(in->self, pcm, MIN(ready, FRAME)), <=, FRAME);
		g_assert_cmpint(in->when(in->self, now_us, FRAME), >=, now_us);
	}
	fault = in->fault(in->self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	g_autofree char *spec = g_strdup_printf("file:/proc/self/fd/%d", fd);
	g_autoptr(GError) error = NULL;
	struct audio_in in;
	gboolean opened;

	g_assert_true(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	opened = audio_open_in(spec, &in, &error);
	g_assert_true(opened == (error == NULL));
	if (opened) {
		play(&in);
		in.close(in.self);
	}
	close(fd);
	return 0;
}
