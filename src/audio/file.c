#include "file_priv.h"

#include "pacer.h"
#include "resample.h"

#include <math.h>
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../err.h"
#include "../text.h"

enum { READ_FRAMES = 2048, MAX_CHANNELS = 32 };

struct file_in {
	struct pacer pacer;
	char *name;			/* clean, for messages */
	SNDFILE *file;
	SF_INFO info;
	struct resampler *resampler;	/* NULL: it has our rate */
	float *frames, mono[READ_FRAMES];
	unsigned have, used;		/* of mono */
	unsigned tail;			/* samples the resampler still holds when the file has ended */
	gint16 pcm[READ_FRAMES];	/* at our rate, not handed on */
	unsigned pcm_have, pcm_used;
	gboolean end;
	GError *fault;
};

static void mix_down(struct file_in *f, unsigned n)
{
	int channels = f->info.channels;

	for (unsigned i = 0; i < n; i++) {
		float sum = 0;

		for (int c = 0; c < channels; c++)
			sum += f->frames[i * (unsigned)channels + (unsigned)c];
		/* A file of floats may hold what is no number. */
		f->mono[i] = isfinite(sum) ? CLAMP(sum / (float)channels, -1.0f, 1.0f) : 0;
	}
	f->have = n;
	f->used = 0;
}

static void read_block(struct file_in *f)
{
	sf_count_t n = sf_readf_float(f->file, f->frames, READ_FRAMES);

	if (n <= 0) {
		if (sf_error(f->file) != SF_ERR_NO_ERROR && !f->fault)
			f->fault = g_error_new(JC_ERROR, JC_FILE, "'%s' breaks off: %s", f->name, sf_strerror(f->file));
		f->end = f->tail == 0;
		f->have = MIN(f->tail, READ_FRAMES);
		f->tail -= f->have;
		f->used = 0;
		memset(f->mono, 0, f->have * sizeof(*f->mono));
		return;
	}
	mix_down(f, (unsigned)n);
}

static void convert(struct file_in *f)
{
	unsigned in = f->have - f->used, out = READ_FRAMES;

	if (f->resampler) {
		resampler_run(f->resampler, f->mono + f->used, &in, f->pcm, &out);
	} else {
		out = in;
		for (unsigned i = 0; i < in; i++) {
			long x = lrintf(f->mono[f->used + i] * 32768);

			f->pcm[i] = (gint16)CLAMP(x, -32768, 32767);
		}
	}
	f->used += in;
	f->pcm_have = out;
	f->pcm_used = 0;
}

/* Makes sure that something lies in pcm, or finds the end. */
static void fill(struct file_in *f)
{
	while (f->pcm_used == f->pcm_have && !f->end) {
		if (f->used == f->have)
			read_block(f);
		if (f->used < f->have)
			convert(f);
	}
}

static void in_start(void *self, gint64 now_us)
{
	struct file_in *f = self;

	pacer_resume(&f->pacer, now_us - PACER_HEAD_START_US);
}

static size_t in_ready(void *self, gint64 now_us)
{
	struct file_in *f = self;

	fill(f);
	if (f->pcm_used == f->pcm_have)
		return AUDIO_END;
	return pacer_due(&f->pacer, now_us);
}

static size_t in_read(void *self, gint16 *pcm, size_t n)
{
	struct file_in *f = self;
	size_t got = 0;

	while (got < n) {
		size_t m;

		fill(f);
		m = MIN(n - got, (size_t)(f->pcm_have - f->pcm_used));
		if (!m)
			break;
		memcpy(pcm + got, f->pcm + f->pcm_used, m * sizeof(*pcm));
		f->pcm_used += (unsigned)m;
		got += m;
	}
	f->pacer.done += n;
	return got;
}

static gint64 in_when(void *self, gint64 now_us, size_t n)
{
	struct file_in *f = self;

	return pacer_when(&f->pacer, now_us, n);
}

static GError *in_fault(void *self)
{
	struct file_in *f = self;

	return g_steal_pointer(&f->fault);
}

static void in_close(void *self)
{
	struct file_in *f = self;

	sf_close(f->file);
	resampler_free(f->resampler);
	g_clear_error(&f->fault);
	g_free(f->frames);
	g_free(f->name);
	g_free(f);
}

/* Of "System error : No such file or directory." what a sentence of ours has room for. */
static char *open_fault(void)
{
	const char *text = sf_strerror(NULL), *colon = strstr(text, " : ");
	size_t len;

	text = colon ? colon + 3 : text;
	len = strlen(text);
	return g_strndup(text, len && text[len - 1] == '.' ? len - 1 : len);
}

/* What is no file on a disk, like a FIFO, may keep whoever opens or reads it waiting: for ever, and in the media thread. */
static SNDFILE *open_regular(const char *path, const char *name, SF_INFO *info, GError **error)
{
	g_autofree char *fault = NULL;
	struct stat st;
	SNDFILE *file;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		g_set_error(error, JC_ERROR, JC_FILE, "cannot read sound from '%s': it is no file (raw sound from a pipe is read by -)", name);
		return NULL;
	}
	file = sf_open(path, SFM_READ, info);
	fault = file ? NULL : open_fault();
	if (fault)
		g_set_error(error, JC_ERROR, JC_FILE, "cannot read sound from '%s': %s", name, fault);
	return file;
}

static gboolean open_in(struct audio_in *in, const char *arg, GError **error)
{
	g_autofree char *name = text_clean(arg, TEXT_LONG);
	SF_INFO info = {0};
	SNDFILE *file = open_regular(arg, name, &info, error);
	struct resampler *resampler = NULL;
	struct file_in *f;

	if (!file)
		return FALSE;
	if (info.channels < 1 || info.channels > MAX_CHANNELS || info.samplerate < 1000 || info.samplerate > 768000) {
		g_set_error(error, JC_ERROR, JC_FILE, "'%s' has %d channels at %d Hz, which is more than jcall can use", name,
			    info.channels, info.samplerate);
		sf_close(file);
		return FALSE;
	}
	if (info.samplerate != AUDIO_RATE) {
		resampler = resampler_new((unsigned)info.samplerate, AUDIO_RATE);
		if (!resampler) {
			g_set_error(error, JC_ERROR, JC_FILE, "'%s' has %d Hz, which cannot be converted", name, info.samplerate);
			sf_close(file);
			return FALSE;
		}
	}
	f = g_new0(struct file_in, 1);
	f->name = g_steal_pointer(&name);
	f->file = file;
	f->info = info;
	f->frames = g_new(float, READ_FRAMES * (size_t)info.channels);
	f->resampler = resampler;
	f->tail = resampler ? resampler_holds(resampler) : 0;
	*in = (struct audio_in){.start = in_start, .ready = in_ready, .read = in_read, .when = in_when, .fault = in_fault,
				.close = in_close, .self = f};
	return TRUE;
}

const struct audio_driver audio_file = {.name = "file", .open_in = open_in, .open_out = file_open_out};
