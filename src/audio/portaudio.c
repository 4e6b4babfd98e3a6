#include "audio.h"
#include "ring.h"

#include <fcntl.h>
#include <portaudio.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../err.h"
#include "../log.h"
#include "../text.h"

enum {
	/* [samples] per callback; left open PortAudio gives 1 to 512 at a time. A shorter one for the input only costs wake-ups,
	 * since 20 ms are encoded at a time; a longer one for the output costs 50 ms of delay on PulseAudio. */
	IN_PERIOD = AUDIO_RATE / 50, OUT_PERIOD = AUDIO_RATE / 100,
	RING = AUDIO_RATE,			/* [samples] room for a machine that stalls */
	FIRST_CALL_US = 5 * G_USEC_PER_SEC,	/* a sleeping PulseAudio source takes up to 2 s */
	DEAD_US = 1500 * 1000,			/* a sound server that dies says nothing: the callbacks just stop */
	MARGIN_FIRST = OUT_PERIOD / 4, MARGIN_STEP = OUT_PERIOD / 4, MARGIN_LAST = 4 * OUT_PERIOD,
	POLL_US = 5000,
	LISTEN_US = 700,			/* after a callback is expected its samples are surely in the ring */
};
#define LATENCY_S 0.010

struct device {
	PaStream *stream;
	struct ring *ring;
	atomic_uint calls, underruns;		/* written by the callback */
	/* the user's thread */
	gboolean started;
	unsigned seen_calls, seen_underruns;
	gint64 opened_us, last_call_us, calm_since_us, now_us;
	size_t margin;				/* output: kept beyond the next period */
	GError *fault;
};

/* ---- the library ---- */

static GMutex library_lock;			/* initialisation only */
static gboolean library_up;

/* ALSA and JACK write what they tried to stderr, a hundred lines of it, and no setting stops both: for these moments
 * stderr is a buffer, and the log gets what is in it. */
struct hush { int saved, buffer; };

static struct hush hush_begin(void)
{
	struct hush h = {.saved = -1, .buffer = memfd_create("stderr", MFD_CLOEXEC)};

	if (h.buffer >= 0 && (h.saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) >= 0)
		dup2(h.buffer, STDERR_FILENO);
	return h;
}

static void hush_end(struct hush h)
{
	char text[4000];
	ssize_t n;

	if (h.saved >= 0) {
		dup2(h.saved, STDERR_FILENO);
		close(h.saved);
	}
	if (h.buffer < 0)
		return;
	n = pread(h.buffer, text, sizeof(text) - 1, 0);
	if (n > 0) {
		text[n] = '\0';
		log_debug("portaudio", "%s", text);
	}
	close(h.buffer);
}

void audio_warm_up(void)
{
	struct hush h;

	g_mutex_lock(&library_lock);
	if (!library_up) {
		h = hush_begin();
		library_up = Pa_Initialize() == paNoError;
		hush_end(h);
	}
	g_mutex_unlock(&library_lock);
}

void audio_shut_down(void)
{
	g_mutex_lock(&library_lock);
	if (library_up) {
		struct hush h = hush_begin();

		Pa_Terminate();
		hush_end(h);
	}
	library_up = FALSE;
	g_mutex_unlock(&library_lock);
}

/* ---- finding ---- */

static int channels(const PaDeviceInfo *info, gboolean output)
{
	return output ? info->maxOutputChannels : info->maxInputChannels;
}

static PaDeviceIndex find_by_name(const char *wanted, gboolean output, GError **error)
{
	g_autofree char *folded = g_utf8_casefold(wanted, -1), *clean = text_clean(wanted, TEXT_SHORT);
	PaDeviceIndex found = paNoDevice;
	unsigned matches = 0;

	for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
		const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
		g_autofree char *name = info ? g_utf8_casefold(info->name, -1) : NULL;

		if (!info || channels(info, output) < 1 || !strstr(name, folded))
			continue;
		if (strcmp(name, folded) == 0)
			return i;
		found = i;
		matches++;
	}
	if (matches == 1)
		return found;
	g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, matches ? "several sound devices match '%s'; 'jcall devices' lists them" :
		    "no sound device matches '%s'; 'jcall devices' lists them", clean);
	return paNoDevice;
}

static PaDeviceIndex find_device(const char *arg, gboolean output, GError **error)
{
	PaDeviceIndex i = output ? Pa_GetDefaultOutputDevice() : Pa_GetDefaultInputDevice();
	guint64 number;

	if (arg && !text_uint(arg, 0, 9999, &number))
		return find_by_name(arg, output, error);
	if (arg)
		i = (PaDeviceIndex)number;
	if (i >= 0 && i < Pa_GetDeviceCount() && channels(Pa_GetDeviceInfo(i), output) > 0)
		return i;
	if (arg)
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "there is no sound %s number %s; 'jcall devices' lists them",
			    output ? "output" : "input", arg);
	else
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "there is no sound %s on this machine; files and pipes work "
			    "without one (--in FILE, --out FILE)", output ? "output" : "input");
	return paNoDevice;
}

/* ---- the callbacks: nothing but the ring and two counters ---- */

static int capture(const void *in, void *out, unsigned long n, const PaStreamCallbackTimeInfo *time,
		   PaStreamCallbackFlags flags, void *user)
{
	struct device *d = user;

	if (in)
		ring_write(d->ring, in, n);
	atomic_fetch_add_explicit(&d->calls, 1, memory_order_release);
	return paContinue;
}

static int playback(const void *in, void *out, unsigned long n, const PaStreamCallbackTimeInfo *time,
		    PaStreamCallbackFlags flags, void *user)
{
	struct device *d = user;
	size_t got = ring_read(d->ring, out, n);

	if (got < n) {
		memset((gint16 *)out + got, 0, (n - got) * sizeof(gint16));
		atomic_fetch_add_explicit(&d->underruns, 1, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&d->calls, 1, memory_order_release);
	return paContinue;
}

/* ---- opening ---- */

static PaError open_stream(struct device *d, PaDeviceIndex index, gboolean output)
{
	PaStreamParameters p = {.device = index, .channelCount = 1, .sampleFormat = paInt16, .suggestedLatency = LATENCY_S};
	struct hush h = hush_begin();
	PaError err = Pa_OpenStream(&d->stream, output ? NULL : &p, output ? &p : NULL, AUDIO_RATE, output ? OUT_PERIOD : IN_PERIOD,
				    paClipOff | paDitherOff, output ? playback : capture, d);

	if (err == paNoError) {
		err = Pa_StartStream(d->stream);
		if (err != paNoError)
			Pa_CloseStream(d->stream);
	}
	hush_end(h);
	return err;
}

static struct device *open_device(const char *arg, gboolean output, GError **error)
{
	struct device *d;
	PaDeviceIndex index;
	PaError err;

	audio_warm_up();
	if (!library_up) {
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "PortAudio does not start on this machine");
		return NULL;
	}
	index = find_device(arg, output, error);
	if (index == paNoDevice)
		return NULL;
	d = g_new0(struct device, 1);
	d->ring = ring_new(RING);
	d->margin = MARGIN_FIRST;
	d->opened_us = d->last_call_us = d->now_us = g_get_monotonic_time();
	err = open_stream(d, index, output);
	if (err == paNoError)
		return d;
	g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "the sound device '%s' cannot be used: %s",
		    Pa_GetDeviceInfo(index)->name, Pa_GetErrorText(err));
	ring_free(d->ring);
	g_free(d);
	return NULL;
}

/* Pa_StopStream hangs for ever when the sound server has died; Pa_AbortStream does not. */
static void close_device(struct device *d)
{
	Pa_AbortStream(d->stream);
	Pa_CloseStream(d->stream);
	ring_free(d->ring);
	g_clear_error(&d->fault);
	g_free(d);
}

/* ---- what both directions share ---- */

/* Notes when callbacks come, and whether they still do. */
static void look(struct device *d, gint64 now_us)
{
	unsigned calls = atomic_load_explicit(&d->calls, memory_order_acquire);
	gint64 limit = d->seen_calls ? DEAD_US : FIRST_CALL_US;

	d->now_us = now_us;
	if (calls != d->seen_calls) {
		d->seen_calls = calls;
		d->last_call_us = now_us;
	} else if (now_us - d->last_call_us > limit && !d->fault) {
		d->fault = g_error_new(JC_ERROR, JC_AUDIO_DEVICE, d->seen_calls ? "the sound device has stopped" :
				       "the sound device was opened, but never started");
	}
}

static GError *device_fault(void *self)
{
	struct device *d = self;

	return d->fault ? g_error_copy(d->fault) : NULL;
}

/* ---- input ---- */

static void in_start(void *self, gint64 now_us)
{
	struct device *d = self;

	ring_skip(d->ring, ring_fill(d->ring));		/* nothing said before both sides accepted */
	d->started = TRUE;
	d->last_call_us = now_us;
}

static size_t in_ready(void *self, gint64 now_us)
{
	struct device *d = self;

	look(d, now_us);
	return d->fault ? AUDIO_END : ring_fill(d->ring);
}

static size_t in_read(void *self, gint16 *pcm, size_t n)
{
	struct device *d = self;

	return ring_read(d->ring, pcm, n);
}

/* The callbacks come evenly: the one that completes N samples is expected so many periods after the last one seen. */
static gint64 in_when(void *self, gint64 now_us, size_t n)
{
	struct device *d = self;
	size_t fill = ring_fill(d->ring), periods;
	gint64 at;

	if (fill >= n)
		return now_us;
	periods = (n - fill + IN_PERIOD - 1) / IN_PERIOD;
	at = d->last_call_us + (gint64)periods * IN_PERIOD * G_USEC_PER_SEC / AUDIO_RATE + LISTEN_US;
	return at > now_us ? at : now_us + POLL_US / 2;
}

static void in_close(void *self)
{
	close_device(self);
}

static gboolean open_in(struct audio_in *in, const char *arg, GError **error)
{
	struct device *d = open_device(arg, FALSE, error);

	if (!d)
		return FALSE;
	*in = (struct audio_in){.start = in_start, .ready = in_ready, .read = in_read, .when = in_when,
				.fault = device_fault, .close = in_close, .live = TRUE, .self = d};
	return TRUE;
}

/* ---- output ---- */

static void out_start(void *self, gint64 now_us)
{
	struct device *d = self;

	d->started = TRUE;
	d->last_call_us = now_us;
	d->seen_underruns = atomic_load(&d->underruns);
}

/* One period for the next callback and a margin, which grows when it was too small and shrinks again in time. */
static void adapt_margin(struct device *d, gint64 now_us)
{
	unsigned underruns = atomic_load_explicit(&d->underruns, memory_order_relaxed);

	if (underruns != d->seen_underruns) {
		d->margin = MIN(d->margin + MARGIN_STEP, MARGIN_LAST);
		d->calm_since_us = now_us;
		d->seen_underruns = underruns;
	} else if (now_us - d->calm_since_us > 30 * G_USEC_PER_SEC && d->margin > MARGIN_FIRST) {
		d->margin -= MARGIN_STEP;
		d->calm_since_us = now_us;
	}
}

static size_t out_ready(void *self, gint64 now_us)
{
	struct device *d = self;
	size_t fill = ring_fill(d->ring), wanted;

	look(d, now_us);
	adapt_margin(d, now_us);
	wanted = OUT_PERIOD + d->margin;
	if (d->fault)
		return AUDIO_END;
	return fill < wanted ? wanted - fill : 0;
}

static void out_write(void *self, const gint16 *pcm, size_t n)
{
	struct device *d = self;

	ring_write(d->ring, pcm, n);
}

static gint64 out_when(void *self, gint64 now_us, size_t n)
{
	struct device *d = self;
	gint64 at = d->last_call_us + (gint64)OUT_PERIOD * G_USEC_PER_SEC / AUDIO_RATE + LISTEN_US;

	return at > now_us ? at : now_us + POLL_US / 2;
}

static size_t out_queued(void *self)
{
	struct device *d = self;

	return ring_fill(d->ring);
}

static gboolean out_close(void *self, GError **error)
{
	close_device(self);
	return TRUE;
}

static gboolean open_out(struct audio_out *out, const char *arg, GError **error)
{
	struct device *d = open_device(arg, TRUE, error);

	if (!d)
		return FALSE;
	*out = (struct audio_out){.start = out_start, .ready = out_ready, .write = out_write, .when = out_when,
				  .queued = out_queued, .fault = device_fault, .close = out_close, .self = d};
	return TRUE;
}

static gboolean list(void (*each)(void *ctx, int number, const char *name, gboolean in, gboolean out,
				  gboolean is_default_in, gboolean is_default_out), void *ctx, GError **error)
{
	audio_warm_up();
	if (!library_up) {
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "PortAudio does not start on this machine");
		return FALSE;
	}
	for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
		const PaDeviceInfo *info = Pa_GetDeviceInfo(i);
		g_autofree char *name = info ? text_clean(info->name, TEXT_SHORT) : NULL;

		if (info)
			each(ctx, i, name, info->maxInputChannels > 0, info->maxOutputChannels > 0,
			     i == Pa_GetDefaultInputDevice(), i == Pa_GetDefaultOutputDevice());
	}
	return TRUE;
}

const struct audio_driver audio_device = {.name = "device", .open_in = open_in, .open_out = open_out, .list = list};
