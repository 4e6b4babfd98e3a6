#include "file_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "pacer.h"
#include "../err.h"
#include "../text.h"

enum {
	MAX_CHANNELS = 2,		/* of a recording: this side and the peer's */
	NEW_FILE_MODE = 0600,		/* a conversation is nobody else's affair, whatever umask allows */
};

static const double PAGE_MS = 250;			/* of sound in an Ogg page: so much of it is not in the file yet */
static const guint64 WAV_MOST = 0xffffffff - 65536;	/* [bytes] its header counts in 32 bits */

struct sound_file {
	char *name;			/* clean, for messages */
	int fd;				/* holds the lock, by which no other jcall writes to the file meanwhile */
	SNDFILE *file;			/* NULL: not begun, and what the file held before is still in it */
	SF_INFO info;
	guint64 frames;
	int fault;			/* errno of the first write that failed, which the library does not keep */
};

/* ---- the formats ---- */

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

/* A recording of two voices is Opus, whatever an Ogg file of --out is. */
static int recording_format(const char *path)
{
	int format = format_of(path);

	return (format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG ? SF_FORMAT_OGG | SF_FORMAT_OPUS : format;
}

static gboolean is_wav(const struct sound_file *f)
{
	return (f->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV;
}

/* ---- the disk, as the library sees it ---- */

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

/* ---- one file ---- */

/* Opens PATH, which may be there or not, and leaves what it holds as it is. -1 with JC_FILE. */
static int open_locked(const char *path, int flags, GError **error)
{
	g_autofree char *name = text_clean(path, TEXT_LONG);
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, NEW_FILE_MODE);

	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK))
		return fd;
	g_set_error(error, JC_ERROR, JC_FILE, "cannot write to '%s': %s", name,
		    fd < 0 ? g_strerror(errno) : "another recording is being written to it");
	if (fd >= 0)
		close(fd);
	return -1;
}

static void free_sound_file(struct sound_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	g_free(f->name);
	g_free(f);
}

/* NULL with JC_FILE. Not blocking, so that a FIFO that nobody reads fails instead of waiting. */
static struct sound_file *open_sound_file(const char *path, int flags, unsigned channels, int format, GError **error)
{
	struct sound_file *f;
	int fd = open_locked(path, flags | O_NONBLOCK, error);

	if (fd < 0)
		return NULL;
	f = g_new0(struct sound_file, 1);
	f->name = text_clean(path, TEXT_LONG);
	f->fd = fd;
	f->info = (SF_INFO){.samplerate = AUDIO_RATE, .channels = (int)channels, .format = format};
	return f;
}

/* From here on what the file held before is gone. FALSE with JC_FILE. */
static gboolean begin_sound_file(struct sound_file *f, GError **error)
{
	static SF_VIRTUAL_IO disk = {disk_length, disk_seek, disk_read, disk_write, disk_tell};
	double page_ms = PAGE_MS;

	if (ftruncate(f->fd, 0) != 0 && errno != EINVAL) {	/* EINVAL: a device has no length */
		f->fault = errno;
		return disk_fails(f, NULL, error);
	}
	f->file = sf_open_virtual(&disk, SFM_WRITE, &f->info, f);
	if (!f->file)
		return disk_fails(f, sf_strerror(NULL), error);
	/* A killed process leaves a header that fits what was written. An Ogg stream would get a new header each time. */
	if (is_wav(f))
		sf_command(f->file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
	else
		sf_command(f->file, SFC_SET_OGG_PAGE_LATENCY_MS, &page_ms, sizeof(page_ms));
	return TRUE;
}

gboolean sound_file_check(const char *path, GError **error)
{
	g_autofree char *name = text_clean(path, TEXT_LONG);

	if (recording_format(path))
		return TRUE;
	g_set_error(error, JC_ERROR, JC_USAGE, "'%s' has none of the endings that jcall records to: .wav, .flac, .opus, .ogg", name);
	return FALSE;
}

struct sound_file *sound_file_create(const char *path, unsigned channels, GError **error)
{
	struct sound_file *f;

	if (!sound_file_check(path, error))
		return NULL;
	f = open_sound_file(path, O_RDWR, channels, recording_format(path), error);
	if (!f || begin_sound_file(f, error))
		return f;
	free_sound_file(f);
	return NULL;
}

gboolean sound_file_write(struct sound_file *f, const gint16 *pcm, size_t n, GError **error)
{
	guint64 bytes = (f->frames + n) * (guint64)f->info.channels * sizeof(*pcm);

	if (is_wav(f) && bytes > WAV_MOST) {
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

/* ---- the output of a call ---- */

struct file_out {
	struct pacer pacer;
	char *path;
	gboolean existed;
	struct sound_file *file;	/* begun when the call begins: a call that nobody takes leaves the last recording alone */
	GError *fault;			/* of the first write that failed */
};

static gboolean is_begun(struct file_out *f)
{
	return !f->fault && (f->file->file || begin_sound_file(f->file, &f->fault));
}

static void out_start(void *self, gint64 now_us)
{
	struct file_out *f = self;

	is_begun(f);
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

	if (is_begun(f))
		sound_file_write(f->file, pcm, n, &f->fault);
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

static gboolean out_close(void *self, GError **error)
{
	struct file_out *f = self;

	if (f->file->file) {
		sound_file_close(f->file, f->fault ? NULL : &f->fault);
	} else {
		if (!f->existed)
			unlink(f->path);
		free_sound_file(f->file);
	}
	g_free(f->path);
	if (f->fault) {
		g_propagate_error(error, f->fault);
		g_free(f);
		return FALSE;
	}
	g_free(f);
	return TRUE;
}

gboolean file_open_out(struct audio_out *out, const char *arg, GError **error)
{
	struct file_out *f;
	struct sound_file *file;
	gboolean existed = access(arg, F_OK) == 0;

	if (!format_of(arg)) {
		g_autofree char *name = text_clean(arg, TEXT_LONG);

		g_set_error(error, JC_ERROR, JC_USAGE, "'%s' has none of the endings jcall writes: .wav, .flac, .ogg, .opus", name);
		return FALSE;
	}
	file = open_sound_file(arg, O_WRONLY, 1, format_of(arg), error);
	if (!file)
		return FALSE;
	f = g_new0(struct file_out, 1);
	f->path = g_strdup(arg);
	f->existed = existed;
	f->file = file;
	*out = (struct audio_out){.start = out_start, .ready = out_ready, .write = out_write, .when = out_when,
				  .fault = out_fault, .close = out_close, .self = f};
	return TRUE;
}
