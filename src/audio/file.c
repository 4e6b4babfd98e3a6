#include "file_priv.h"

#include "ogg_links.h"
#include "pacer.h"
#include "resample.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
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
	int fd;
	gint64 size;			/* [bytes] when it was opened */
	GArray *links;			/* struct ogg_link: the parts that are played one after the other */
	guint link;			/* which of them is open */
	gint64 at;			/* [bytes] in it, as the library has it */
	SNDFILE *file;
	SF_INFO info;
	sf_count_t read;		/* [frames] of this link */
	struct resampler *resampler;	/* NULL: it has our rate */
	float *frames, mono[READ_FRAMES];
	unsigned have, used;		/* of mono */
	unsigned tail;			/* samples the resampler still holds when the link has ended */
	gint16 pcm[READ_FRAMES];	/* at our rate, not handed on */
	unsigned pcm_have, pcm_used;
	gboolean end;
	GError *fault;
};

/* ---- one link of the file, as the library sees it ---- */

static const struct ogg_link *link_of(const struct file_in *f)
{
	return &g_array_index(f->links, struct ogg_link, f->link);
}

static sf_count_t link_length(void *self)
{
	return link_of(self)->length;
}

static sf_count_t link_seek(sf_count_t offset, int whence, void *self)
{
	struct file_in *f = self;
	gint64 from = whence == SEEK_CUR ? f->at : whence == SEEK_END ? link_of(f)->length : 0;

	f->at = CLAMP(from + offset, 0, link_of(f)->length);
	return f->at;
}

static sf_count_t link_tell(void *self)
{
	return ((struct file_in *)self)->at;
}

static sf_count_t link_read(void *to, sf_count_t n, void *self)
{
	struct file_in *f = self;
	sf_count_t done = 0;

	n = MIN(n, link_of(f)->length - f->at);
	while (done < n) {
		ssize_t m = pread(f->fd, (char *)to + done, (size_t)(n - done), link_of(f)->start + f->at);

		if (m < 0 && errno == EINTR)
			continue;
		if (m <= 0)
			break;
		done += m;
		f->at += m;
	}
	return done;
}

static sf_count_t link_write(const void *from, sf_count_t n, void *self)
{
	return 0;			/* it is only read */
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

static gboolean check_shape(struct file_in *f, GError **error)
{
	const SF_INFO *i = &f->info;

	if (i->channels >= 1 && i->channels <= MAX_CHANNELS && i->samplerate >= 1000 && i->samplerate <= 768000)
		return TRUE;
	g_set_error(error, JC_ERROR, JC_FILE, "'%s' has %d channels at %d Hz, which is more than jcall can use", f->name, i->channels,
		    i->samplerate);
	return FALSE;
}

static gboolean make_resampler(struct file_in *f, GError **error)
{
	g_clear_pointer(&f->resampler, resampler_free);
	f->tail = 0;
	if (f->info.samplerate == AUDIO_RATE)
		return TRUE;
	f->resampler = resampler_new((unsigned)f->info.samplerate, AUDIO_RATE);
	if (f->resampler) {
		f->tail = resampler_holds(f->resampler);
		return TRUE;
	}
	g_set_error(error, JC_ERROR, JC_FILE, "'%s' has %d Hz, which cannot be converted", f->name, f->info.samplerate);
	return FALSE;
}

/* Opens the link that F->link says. FALSE with JC_FILE. */
static gboolean open_link(struct file_in *f, GError **error)
{
	static SF_VIRTUAL_IO io = {link_length, link_seek, link_read, link_write, link_tell};

	g_clear_pointer(&f->file, sf_close);
	f->at = f->read = 0;
	f->info = (SF_INFO){0};
	f->file = sf_open_virtual(&io, SFM_READ, &f->info, f);
	if (!f->file) {
		g_autofree char *fault = open_fault();

		g_set_error(error, JC_ERROR, JC_FILE, "cannot read sound from '%s': %s", f->name, fault);
		return FALSE;
	}
	if (!check_shape(f, error) || !make_resampler(f, error))
		return FALSE;
	g_free(f->frames);
	f->frames = g_new(float, READ_FRAMES * (size_t)f->info.channels);
	return TRUE;
}

/* ---- reading ---- */

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

/* Somebody may cut a file while it is played, which is an end like any other to the library. */
static gboolean is_cut(const struct file_in *f)
{
	struct stat st;

	return f->read < f->info.frames && fstat(f->fd, &st) == 0 && st.st_size < f->size;
}

static void note_fault(struct file_in *f)
{
	if (f->fault)
		return;
	if (is_cut(f))
		f->fault = g_error_new(JC_ERROR, JC_FILE, "'%s' was cut while it was played", f->name);
	else if (sf_error(f->file) != SF_ERR_NO_ERROR)
		f->fault = g_error_new(JC_ERROR, JC_FILE, "'%s' breaks off: %s", f->name, sf_strerror(f->file));
}

static gboolean open_next(struct file_in *f)
{
	if (f->fault || f->link + 1 >= f->links->len)
		return FALSE;
	f->link++;
	return open_link(f, &f->fault);
}

/* The link has ended: what the resampler holds comes out, pushed by silence, and then the next link. */
static void end_link(struct file_in *f)
{
	note_fault(f);
	f->have = MIN(f->tail, READ_FRAMES);
	f->tail -= f->have;
	f->used = 0;
	memset(f->mono, 0, f->have * sizeof(*f->mono));
	if (!f->have && !open_next(f))
		f->end = TRUE;
}

static void read_block(struct file_in *f)
{
	sf_count_t n = sf_readf_float(f->file, f->frames, READ_FRAMES);

	if (n <= 0) {
		end_link(f);
		return;
	}
	f->read += n;
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

static void in_free(struct file_in *f)
{
	g_clear_pointer(&f->file, sf_close);
	g_clear_pointer(&f->resampler, resampler_free);
	g_clear_pointer(&f->links, g_array_unref);
	g_clear_error(&f->fault);
	if (f->fd >= 0)
		close(f->fd);
	g_free(f->frames);
	g_free(f->name);
	g_free(f);
}

static void in_close(void *self)
{
	in_free(self);
}

/* What is no file on a disk, like a FIFO, may keep whoever opens or reads it waiting: for ever, and in the media thread. */
static gboolean open_regular(struct file_in *f, const char *path, GError **error)
{
	struct stat st;

	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		g_set_error(error, JC_ERROR, JC_FILE, "cannot read sound from '%s': %s", f->name, g_strerror(errno));
	else if (!S_ISREG(st.st_mode))
		g_set_error(error, JC_ERROR, JC_FILE, "cannot read sound from '%s': it is no file (raw sound from a pipe is read by -)",
			    f->name);
	else
		f->size = st.st_size;
	return f->fd >= 0 && S_ISREG(st.st_mode);
}

/* A call to play nothing would ring somebody for nothing: a header of a stream that never came, an empty recording. */
static gboolean check_sound(struct file_in *f, GError **error)
{
	gboolean any = FALSE;

	while (!any && !f->end) {
		read_block(f);
		any = f->read > 0;
	}
	if (any)
		return TRUE;
	if (f->fault)
		g_propagate_error(error, g_steal_pointer(&f->fault));
	else
		g_set_error(error, JC_ERROR, JC_FILE, "'%s' holds no sound", f->name);
	return FALSE;
}

static gboolean open_file(struct file_in *f, const char *path, GError **error)
{
	if (!open_regular(f, path, error))
		return FALSE;
	f->links = ogg_links(f->fd, f->size);
	return open_link(f, error) && check_sound(f, error);
}

static gboolean open_in(struct audio_in *in, const char *arg, GError **error)
{
	struct file_in *f = g_new0(struct file_in, 1);

	f->name = text_clean(arg, TEXT_LONG);
	if (!open_file(f, arg, error)) {
		in_free(f);
		return FALSE;
	}
	*in = (struct audio_in){.start = in_start, .ready = in_ready, .read = in_read, .when = in_when, .fault = in_fault,
				.close = in_close, .self = f};
	return TRUE;
}

const struct audio_driver audio_file = {.name = "file", .open_in = open_in, .open_out = file_open_out};
