#include "audio.h"
#include "file.h"
#include "pacer.h"
#include "resample.h"

#include <math.h>
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../err.h"
#include "../text.h"

enum { READ_FRAMES = 2048, MAX_CHANNELS = 32 };

static const double PAGE_MS = 250;			/* of sound in an Ogg page: so much of it is not in the file yet */
static const guint64 WAV_MOST = 0xffffffff - 65536;	/* [bytes] its header counts in 32 bits */

/* ---- reading ---- */

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

/* ---- writing ---- */

/* What is there stays as it is. -1 with JC_FILE; the lock goes with the descriptor. */
static int open_locked(const char *path, int flags, GError **error)
{
	g_autofree char *name = text_clean(path, TEXT_LONG);
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);

	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK))
		return fd;
	g_set_error(error, JC_ERROR, JC_FILE, "cannot write to '%s': %s", name,
		    fd < 0 ? g_strerror(errno) : "another recording is being written to it");
	if (fd >= 0)
		close(fd);
	return -1;
}

struct file_out {
	struct pacer pacer;
	char *path, *name;
	gboolean existed;
	int fd;				/* holds the lock, by which nobody else of us writes to it meanwhile */
	SF_INFO info;
	SNDFILE *file;			/* NULL until the call begins: a call that nobody takes leaves the last recording alone */
	GError *fault;
};

static void open_file(struct file_out *f)
{
	g_autofree char *fault = NULL;

	f->file = sf_open(f->path, SFM_WRITE, &f->info);
	fault = f->file ? NULL : open_fault();
	if (fault)
		f->fault = g_error_new(JC_ERROR, JC_FILE, "cannot write sound to '%s': %s", f->name, fault);
	/* A killed process leaves a header that fits what was written. An Ogg stream would get a new header each time. */
	else if ((f->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV)
		sf_command(f->file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
}

static void out_start(void *self, gint64 now_us)
{
	struct file_out *f = self;

	if (!f->file && !f->fault)
		open_file(f);
	pacer_start(&f->pacer, now_us);
}

static size_t out_ready(void *self, gint64 now_us)
{
	struct file_out *f = self;

	return f->fault ? AUDIO_END : pacer_due(&f->pacer, now_us);
}

static void out_write(void *self, const gint16 *pcm, size_t n)
{
	struct file_out *f = self;

	if (!f->file && !f->fault)
		open_file(f);
	if (!f->fault && sf_writef_short(f->file, pcm, (sf_count_t)n) != (sf_count_t)n)
		f->fault = g_error_new(JC_ERROR, JC_FILE, "cannot write to '%s': %s", f->name, sf_strerror(f->file));
	f->pacer.done += n;
}

static gint64 out_when(void *self, gint64 now_us, size_t n)
{
	struct file_out *f = self;

	return pacer_when(&f->pacer, now_us, MAX(n, AUDIO_RATE / 100));
}

static GError *out_fault(void *self)
{
	struct file_out *f = self;

	return f->fault ? g_error_copy(f->fault) : NULL;
}

static void free_out(struct file_out *f)
{
	close(f->fd);
	g_clear_error(&f->fault);
	g_free(f->path);
	g_free(f->name);
	g_free(f);
}

static gboolean out_close(void *self, GError **error)
{
	struct file_out *f = self;
	gboolean complete;
	int failed;

	if (!f->file) {
		if (!f->existed)
			unlink(f->path);
		free_out(f);
		return TRUE;
	}
	if (f->pacer.done == 0)
		out_write(f, &(gint16){0}, 1);		/* without a sample a FLAC file would lack even its header */
	failed = sf_close(f->file);
	complete = !failed && !f->fault;
	if (f->fault)
		g_propagate_error(error, g_steal_pointer(&f->fault));
	else if (failed)
		g_set_error(error, JC_ERROR, JC_FILE, "'%s' is not complete: %s", f->name, sf_error_number(failed));
	free_out(f);
	return complete;
}

static int format_of(const char *path)
{
	static const struct { const char *suffix; int format; } formats[] = {
		{".wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16}, {".flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
		{".ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS}, {".oga", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
		{".opus", SF_FORMAT_OGG | SF_FORMAT_OPUS}};
	size_t len = strlen(path);

	for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
		size_t n = strlen(formats[i].suffix);

		if (len > n && g_ascii_strcasecmp(path + len - n, formats[i].suffix) == 0)
			return formats[i].format;
	}
	return 0;
}

static gboolean open_out(struct audio_out *out, const char *arg, GError **error)
{
	g_autofree char *name = text_clean(arg, TEXT_LONG);
	SF_INFO info = {.samplerate = AUDIO_RATE, .channels = 1, .format = format_of(arg)};
	struct file_out *f;
	gboolean existed;
	int fd;

	if (!info.format) {
		g_set_error(error, JC_ERROR, JC_USAGE, "'%s' has none of the endings jcall writes: .wav, .flac, .ogg, .opus", name);
		return FALSE;
	}
	existed = access(arg, F_OK) == 0;
	fd = open_locked(arg, O_WRONLY, error);		/* can it be written? Not cut before the call begins */
	if (fd < 0)
		return FALSE;
	f = g_new0(struct file_out, 1);
	f->path = g_strdup(arg);
	f->name = g_steal_pointer(&name);
	f->existed = existed;
	f->fd = fd;
	f->info = info;
	*out = (struct audio_out){.start = out_start, .ready = out_ready, .write = out_write, .when = out_when,
				  .fault = out_fault, .close = out_close, .self = f};
	return TRUE;
}

/* ---- written while it can be killed ---- */

struct sound_file {
	char *name;			/* clean, for messages */
	SNDFILE *file;
	SF_INFO info;
	guint64 frames;
	int fd, fault;			/* fault: errno of the first write that failed, which the library would not tell */
};

static sf_count_t disk_length(void *self)
{
	struct stat st;

	return fstat(((struct sound_file *)self)->fd, &st) == 0 ? st.st_size : -1;
}

static sf_count_t disk_seek(sf_count_t offset, int whence, void *self)
{
	return lseek(((struct sound_file *)self)->fd, offset, whence);
}

static sf_count_t disk_tell(void *self)
{
	return disk_seek(0, SEEK_CUR, self);
}

static sf_count_t disk_read(void *to, sf_count_t n, void *self)
{
	return read(((struct sound_file *)self)->fd, to, (size_t)n);
}

static sf_count_t disk_write(const void *from, sf_count_t n, void *self)
{
	struct sound_file *f = self;
	sf_count_t done = 0;

	while (done < n && !f->fault) {
		ssize_t m = write(f->fd, (const char *)from + done, (size_t)(n - done));

		if (m > 0)
			done += m;
		else if (m == 0 || errno != EINTR)
			f->fault = m ? errno : ENOSPC;
	}
	return done;
}

static gboolean disk_fails(const struct sound_file *f, const char *otherwise, GError **error)
{
	g_set_error(error, JC_ERROR, JC_FILE, "cannot write to '%s': %s", f->name, f->fault ? g_strerror(f->fault) : otherwise);
	return FALSE;
}

/* A recording of two voices is Opus, whatever an Ogg file of --out is. */
static int recording_format(const char *path)
{
	int format = format_of(path);

	return (format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG ? SF_FORMAT_OGG | SF_FORMAT_OPUS : format;
}

gboolean sound_file_check(const char *path, GError **error)
{
	g_autofree char *name = text_clean(path, TEXT_LONG);

	if (recording_format(path))
		return TRUE;
	g_set_error(error, JC_ERROR, JC_USAGE, "'%s' has none of the endings that jcall records to: .wav, .flac, .opus, .ogg", name);
	return FALSE;
}

static void free_sound_file(struct sound_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	g_free(f->name);
	g_free(f);
}

static gboolean open_sound_file(struct sound_file *f, const char *path, GError **error)
{
	static SF_VIRTUAL_IO disk = {disk_length, disk_seek, disk_read, disk_write, disk_tell};
	double page_ms = PAGE_MS;

	/* A FIFO that nobody reads fails instead of waiting. */
	f->fd = open_locked(path, O_RDWR | O_NONBLOCK, error);
	if (f->fd < 0)
		return FALSE;
	if (ftruncate(f->fd, 0) != 0 && errno != EINVAL) {			/* a device has no length */
		f->fault = errno;
		return disk_fails(f, NULL, error);
	}
	f->file = sf_open_virtual(&disk, SFM_WRITE, &f->info, f);
	if (!f->file)
		return disk_fails(f, sf_strerror(NULL), error);
	if ((f->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV)
		sf_command(f->file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
	else
		sf_command(f->file, SFC_SET_OGG_PAGE_LATENCY_MS, &page_ms, sizeof(page_ms));
	return TRUE;
}

struct sound_file *sound_file_create(const char *path, unsigned channels, GError **error)
{
	struct sound_file *f;

	if (!sound_file_check(path, error))
		return NULL;
	f = g_new0(struct sound_file, 1);
	f->name = text_clean(path, TEXT_LONG);
	f->info = (SF_INFO){.samplerate = AUDIO_RATE, .channels = (int)channels, .format = recording_format(path)};
	if (open_sound_file(f, path, error))
		return f;
	free_sound_file(f);
	return NULL;
}

gboolean sound_file_write(struct sound_file *f, const gint16 *pcm, size_t n, GError **error)
{
	guint64 bytes = (f->frames + n) * (guint64)f->info.channels * sizeof(*pcm);

	if ((f->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV && bytes > WAV_MOST) {
		g_set_error(error, JC_ERROR, JC_FILE, "'%s' is as long as a WAV file can be", f->name);
		return FALSE;
	}
	if (sf_writef_short(f->file, pcm, (sf_count_t)n) != (sf_count_t)n || f->fault)
		return disk_fails(f, sf_strerror(f->file), error);
	f->frames += n;
	return TRUE;
}

gboolean sound_file_close(struct sound_file *f, GError **error)
{
	static const gint16 nothing[MAX_CHANNELS];
	int failed;

	if (!f)
		return TRUE;
	if (!f->frames)
		sf_writef_short(f->file, nothing, 1);	/* without a sample a FLAC file would lack even its header */
	failed = sf_close(f->file);
	if (failed || f->fault)
		disk_fails(f, sf_error_number(failed), error);
	failed = failed || f->fault;
	free_sound_file(f);
	return !failed;
}

const struct audio_driver audio_file = {.name = "file", .open_in = open_in, .open_out = open_out};
