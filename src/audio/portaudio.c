#include "audio.h"
#include "quiet.h"
#include "ring.h"

#include <portaudio.h>
#include <stdatomic.h>
#include <string.h>

#include "../err.h"
#include "../log.h"
#include "../text.h"

enum {
	/* [samples] per callback; left open PortAudio gives 1 to 512 at a time. A shorter one for the input only costs wake-ups,
	 * since 20 ms are encoded at a time; a longer one for the output costs 50 ms of delay on PulseAudio. */
	IN_PERIOD = AUDIO_RATE / 50, OUT_PERIOD = AUDIO_RATE / 100,
	RING = AUDIO_RATE,			/* [samples] room for a machine that stalls */
	FIRST_CALL_US = 5 * G_USEC_PER_SEC,	/* a sleeping PulseAudio source takes up to 2 s */
	DEAD_US = 1500 * 1000,			/* streams that are moved to another device pause for less */
	STRIDE_US = 100 * 1000,			/* no single look counts for more */
	MARGIN_FIRST = OUT_PERIOD / 4, MARGIN_STEP = OUT_PERIOD / 4, MARGIN_LAST = 4 * OUT_PERIOD,
	EARLIER_US = 20, LATER_US = 500,
	LISTED = 5,				/* devices named in one message */
};
#define LATENCY_S 0.010

struct device {
	PaStream *stream;
	struct ring *ring;
	atomic_uint calls, underruns;		/* written by the callback */
	size_t period;				/* [samples] per callback */
	gint64 period_us;
	/* the user's thread */
	gboolean alive;				/* has called back */
	unsigned seen_calls, seen_underruns;
	gint64 looked_us, silent_us, calm_since_us;
	gint64 next_us;				/* when the next callback has surely been */
	size_t margin;				/* [samples] output: kept beyond the next period */
	GError *fault;
};

/* ---- the library ---- */

static GMutex library_lock;
static gboolean library_up;
static unsigned library_streams;	/* open */

/* PortAudio is not made for threads: whatever calls it but for the callbacks holds the lock. */
static void start_library(void)
{
	if (library_up)
		return;
	quiet_libraries();
	library_up = Pa_Initialize() == paNoError;
}

void audio_warm_up(void)
{
	g_mutex_lock(&library_lock);
	start_library();
	g_mutex_unlock(&library_lock);
}

void audio_shut_down(void)
{
	g_mutex_lock(&library_lock);
	if (library_up)
		Pa_Terminate();
	library_up = FALSE;
	g_mutex_unlock(&library_lock);
}

/* ---- finding ---- */

static int channels(const PaDeviceInfo *info, gboolean output)
{
	return output ? info->maxOutputChannels : info->maxInputChannels;
}

static char *shown_name(PaDeviceIndex i)
{
	const PaDeviceInfo *info = Pa_GetDeviceInfo(i);

	return info ? text_clean(info->name, TEXT_SHORT) : g_strdup("");
}

static gboolean can_do(PaDeviceIndex i, gboolean output)
{
	const PaDeviceInfo *info = Pa_GetDeviceInfo(i);

	return info && channels(info, output) > 0;
}

/* Names are compared as 'jcall devices' shows them. */
static PaDeviceIndex find_by_name(const char *wanted, gboolean output, GError **error)
{
	g_autofree char *shown = text_clean(wanted, TEXT_SHORT), *part = g_utf8_casefold(shown, -1);
	g_autoptr(GString) matches = g_string_new(NULL);
	PaDeviceIndex found = paNoDevice;
	unsigned n = 0;

	for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
		g_autofree char *name = shown_name(i), *whole = g_utf8_casefold(name, -1);

		if (!can_do(i, output) || !strstr(whole, part))
			continue;
		if (strcmp(whole, part) == 0)
			return i;
		if (n++ < LISTED)
			g_string_append_printf(matches, "%s%d '%s'", n > 1 ? ", " : "", i, name);
		found = i;
	}
	if (n == 1)
		return found;
	if (n > 1)
		g_set_error(error, JC_ERROR, JC_USAGE, "'%s' is part of several names: %s%s", shown, matches->str,
			    n > LISTED ? ", ..." : "");
	else
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "there is no sound %s named '%s'; 'jcall devices' lists them",
			    output ? "output" : "input", shown);
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
	if (i >= 0 && i < Pa_GetDeviceCount() && can_do(i, output))
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
	PaError err = Pa_OpenStream(&d->stream, output ? NULL : &p, output ? &p : NULL, AUDIO_RATE, d->period,
				    paClipOff | paDitherOff, output ? playback : capture, d);

	if (err == paNoError) {
		err = Pa_StartStream(d->stream);
		if (err != paNoError)
			Pa_CloseStream(d->stream);
	}
	return err;
}

/* PortAudio knows what was there when it started. If that was nothing, as where the sound server was not up yet, it starts again. */
static void start_for(gboolean output)
{
	PaDeviceIndex usual = paNoDevice;

	if (library_up)
		usual = output ? Pa_GetDefaultOutputDevice() : Pa_GetDefaultInputDevice();
	if (library_up && usual == paNoDevice && !library_streams)
		library_up = Pa_Terminate() != paNoError;
	start_library();
}

static gboolean open_locked(struct device *d, const char *arg, gboolean output, GError **error)
{
	g_autofree char *name = NULL;
	PaDeviceIndex index;
	PaError err;

	start_for(output);
	if (!library_up) {
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "PortAudio does not start on this machine");
		return FALSE;
	}
	index = find_device(arg, output, error);
	if (index == paNoDevice)
		return FALSE;
	err = open_stream(d, index, output);
	if (err == paNoError) {
		library_streams++;
		return TRUE;
	}
	name = shown_name(index);
	g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "the sound device '%s' cannot be used: %s", name, Pa_GetErrorText(err));
	return FALSE;
}

static struct device *open_device(const char *arg, gboolean output, GError **error)
{
	struct device *d = g_new0(struct device, 1);
	gboolean good;

	d->ring = ring_new(RING);
	d->period = output ? OUT_PERIOD : IN_PERIOD;
	d->period_us = (gint64)d->period * G_USEC_PER_SEC / AUDIO_RATE;
	d->margin = MARGIN_FIRST;
	g_mutex_lock(&library_lock);
	good = open_locked(d, arg, output, error);
	g_mutex_unlock(&library_lock);
	if (good)
		return d;
	ring_free(d->ring);
	g_free(d);
	return NULL;
}

/* Pa_StopStream hangs for ever when the sound server has died; Pa_AbortStream does not. */
static void close_device(struct device *d)
{
	g_mutex_lock(&library_lock);
	Pa_AbortStream(d->stream);
	Pa_CloseStream(d->stream);
	library_streams--;
	g_mutex_unlock(&library_lock);
	log_debug("portaudio", "%u callbacks, %u underruns, margin %zu", atomic_load(&d->calls), atomic_load(&d->underruns),
		  d->margin);
	ring_free(d->ring);
	g_clear_error(&d->fault);
	g_free(d);
}

/* ---- what both directions share ---- */

static void begin(struct device *d, gint64 now_us)
{
	d->seen_calls = atomic_load_explicit(&d->calls, memory_order_acquire);
	d->looked_us = now_us;
	d->next_us = now_us + d->period_us;
	d->silent_us = 0;
}

/* A sound server that dies says nothing: the callbacks just stop. Time in which we did not run does not count: after a
 * stall of the whole machine the callbacks need a moment, too. */
static void watch(struct device *d, gint64 passed_us)
{
	d->silent_us += MIN(passed_us, STRIDE_US);
	if (d->fault || d->silent_us <= (d->alive ? DEAD_US : FIRST_CALL_US))
		return;
	d->fault = g_error_new(JC_ERROR, JC_AUDIO_DEVICE, d->alive ? "the sound device has stopped" :
			       "the sound device was opened, but never started");
}

/* Learns the phase of the callbacks, which come evenly: the next look is planned ever a bit earlier, and later again
 * when one came too early. So samples wait for us half a millisecond instead of half a period, without a clock in the
 * callback. */
static void look(struct device *d, gint64 now_us)
{
	unsigned calls = atomic_load_explicit(&d->calls, memory_order_acquire), came = calls - d->seen_calls;
	gint64 passed_us = now_us - d->looked_us;

	d->looked_us = now_us;
	if (came == 0) {
		if (now_us >= d->next_us)
			d->next_us = now_us + LATER_US;
		watch(d, passed_us);
		return;
	}
	d->seen_calls = calls;
	d->alive = TRUE;
	d->silent_us = 0;
	d->next_us = MIN(d->next_us - EARLIER_US + (gint64)came * d->period_us, now_us + d->period_us);
	if (d->next_us <= now_us)		/* out of step: begin anew */
		d->next_us = now_us + d->period_us;
}

/* When N more callbacks will have been. */
static gint64 after_callbacks(const struct device *d, gint64 now_us, size_t n)
{
	gint64 at = d->next_us + (gint64)(n - 1) * d->period_us;

	return MAX(at, now_us + LATER_US);
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
	begin(d, now_us);
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

static gint64 in_when(void *self, gint64 now_us, size_t n)
{
	struct device *d = self;
	size_t fill = ring_fill(d->ring);

	return fill >= n ? now_us : after_callbacks(d, now_us, (n - fill + d->period - 1) / d->period);
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

	begin(d, now_us);
	d->calm_since_us = now_us;
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
	wanted = d->period + d->margin;
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

	return after_callbacks(d, now_us, 1);
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

static void list_locked(void (*each)(void *ctx, int number, const char *name, gboolean in, gboolean out,
				     gboolean is_default_in, gboolean is_default_out), void *ctx)
{
	for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); i++) {
		g_autofree char *name = shown_name(i);

		each(ctx, i, name, can_do(i, FALSE), can_do(i, TRUE), i == Pa_GetDefaultInputDevice(),
		     i == Pa_GetDefaultOutputDevice());
	}
}

static gboolean list(void (*each)(void *ctx, int number, const char *name, gboolean in, gboolean out,
				  gboolean is_default_in, gboolean is_default_out), void *ctx, GError **error)
{
	gboolean up;

	g_mutex_lock(&library_lock);
	start_library();
	up = library_up;
	if (up)
		list_locked(each, ctx);
	else
		g_set_error(error, JC_ERROR, JC_AUDIO_DEVICE, "PortAudio does not start on this machine");
	g_mutex_unlock(&library_lock);
	return up;
}

const struct audio_driver audio_device = {.name = "device", .open_in = open_in, .open_out = open_out, .list = list};
