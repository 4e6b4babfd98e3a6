#include "recorder.h"

#include <stdatomic.h>
#include <string.h>

#include "../err.h"
#include "../log.h"
#include "../post.h"
#include "../worker.h"
#include "../types.h"
#include "file.h"
#include "ring.h"
#include "timeline.h"

enum {
	PERIOD_US = 250000,			/* so often the thread writes */
	ROOM = 10 * AUDIO_RATE,			/* [samples] per ring */
	PIECE = 60 * AUDIO_RATE / 1000,		/* [samples] most in one block */
	HEAD = 1 + sizeof(gint64) / sizeof(gint16),	/* of a block in the ring: how many samples, and when */
	FRAMES = 4096,				/* written at once */
};

struct recorder {
	struct recorder_events ev;
	struct audio_tap tap;
	char **paths;
	gboolean split;
	struct ring *rings[TIMELINE_SIDES];	/* blocks, each whole or not there */
	atomic_size_t lost;			/* [samples] */
	worker_id thread;
	gboolean has_thread;		/* FALSE: there was none to be had, which is the error */
	GMutex lock;
	GCond wake;
	gboolean stop;				/* under the lock */

	/* ---- media thread ---- */
	gint16 outgoing[HEAD + PIECE];

	/* ---- its own thread ---- */
	struct timeline *timeline;
	struct sound_file *files[TIMELINE_SIDES];
	GError *error;				/* main's after the thread has ended */
	gint16 incoming[PIECE], sides[TIMELINE_SIDES][FRAMES], frames[TIMELINE_SIDES * FRAMES];
};

/* ---- media thread ---- */

static void put_block(struct recorder *r, unsigned side, const gint16 *pcm, size_t n, gint64 at_us)
{
	struct ring *ring = r->rings[side];

	if (ring_capacity(ring) - ring_fill(ring) < HEAD + n) {
		atomic_fetch_add(&r->lost, n);
		return;
	}
	r->outgoing[0] = (gint16)n;
	memcpy(r->outgoing + 1, &at_us, sizeof(at_us));
	memcpy(r->outgoing + HEAD, pcm, n * sizeof(*pcm));
	ring_write(ring, r->outgoing, HEAD + n);
}

static void put(struct recorder *r, unsigned side, const gint16 *pcm, size_t n, gint64 at_us)
{
	while (n > 0) {
		size_t piece = MIN(n, (size_t)PIECE);

		put_block(r, side, pcm, piece, at_us);
		pcm += piece;
		n -= piece;
		at_us += (gint64)piece * G_USEC_PER_SEC / AUDIO_RATE;
	}
}

static void tap_sent(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
	put(self, TIMELINE_SENT, pcm, n, at_us);
}

static void tap_heard(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
	put(self, TIMELINE_HEARD, pcm, n, at_us);
}

/* ---- its own thread ---- */

static void open_files(struct recorder *r)
{
	for (unsigned i = 0; r->paths[i] && !r->error; i++)
		r->files[i] = sound_file_create(r->paths[i], r->split ? 1 : 2, &r->error);
}

static void close_files(struct recorder *r)
{
	for (unsigned i = 0; i < TIMELINE_SIDES; i++)
		sound_file_close(g_steal_pointer(&r->files[i]), r->error ? NULL : &r->error);
}

static void take_blocks(struct recorder *r, unsigned side)
{
	struct ring *ring = r->rings[side];
	gint16 head[HEAD];
	gint64 at_us;

	while (ring_read(ring, head, HEAD) == HEAD) {
		memcpy(&at_us, head + 1, sizeof(at_us));
		timeline_put(r->timeline, side, r->incoming, ring_read(ring, r->incoming, (size_t)head[0]), at_us);
	}
}

static gboolean write_frames(struct recorder *r, size_t n)
{
	if (r->split)
		return sound_file_write(r->files[0], r->sides[0], n, &r->error) &&
			sound_file_write(r->files[1], r->sides[1], n, &r->error);
	for (size_t i = 0; i < n; i++) {
		r->frames[2 * i] = r->sides[TIMELINE_SENT][i];
		r->frames[2 * i + 1] = r->sides[TIMELINE_HEARD][i];
	}
	return sound_file_write(r->files[0], r->frames, n, &r->error);
}

static void write_settled(struct recorder *r, gint64 now_us)
{
	size_t n;

	for (unsigned i = 0; i < TIMELINE_SIDES; i++)
		take_blocks(r, i);
	while (!r->error && (n = timeline_get(r->timeline, now_us, r->sides[0], r->sides[1], FRAMES)) > 0)
		write_frames(r, n);
}

/* TRUE: nothing will come any more. */
static gboolean wait_for_sound(struct recorder *r)
{
	gint64 until = g_get_monotonic_time() + PERIOD_US;
	gboolean stop, in_time = TRUE;

	g_mutex_lock(&r->lock);
	while (!r->stop && in_time) {
		if (r->error)
			g_cond_wait(&r->wake, &r->lock);
		else
			in_time = g_cond_wait_until(&r->wake, &r->lock, until);
	}
	stop = r->stop;
	g_mutex_unlock(&r->lock);
	return stop;
}

static void on_failed(void *self, void *arg)
{
	struct recorder *r = self;

	r->ev.failed(r->ev.self);
}

static void on_done(void *self, void *arg)
{
	struct recorder *r = self;

	if (r->has_thread)
		worker_join(r->thread, G_MAXUINT);	/* this is the last thing that it has posted */
	if (r->lost && !r->error)
		log_warn("recorder", "the disk was too slow: %zu ms of sound are silence in the recording",
			 (size_t)r->lost * 1000 / AUDIO_RATE);
	r->ev.done(r->ev.self, r->error);
	g_clear_error(&r->error);
	timeline_free(r->timeline);
	for (unsigned i = 0; i < TIMELINE_SIDES; i++)
		ring_free(r->rings[i]);
	g_mutex_clear(&r->lock);
	g_cond_clear(&r->wake);
	g_strfreev(r->paths);
	g_free(r);
}

static gpointer run(gpointer data)
{
	struct recorder *r = data;
	gboolean stop = FALSE, told = FALSE;

	open_files(r);
	while (!stop) {
		if (r->error && !told)
			post_to(NULL, on_failed, r, NULL, 0);
		told = r->error != NULL;
		stop = wait_for_sound(r);
		if (r->error)
			continue;
		if (stop)
			timeline_end(r->timeline);
		write_settled(r, g_get_monotonic_time());
	}
	close_files(r);
	post_to(NULL, on_done, r, NULL, 0);
	return NULL;
}

/* ---- main thread ---- */

char **recorder_files(const char *path, gboolean split)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	char **files = g_new0(char *, TIMELINE_SIDES + 1);
	int stem = dot ? (int)(dot - path) : (int)strlen(path);

	if (split) {
		files[TIMELINE_SENT] = g_strdup_printf("%.*s-us%s", stem, path, path + stem);
		files[TIMELINE_HEARD] = g_strdup_printf("%.*s-them%s", stem, path, path + stem);
	} else {
		files[0] = g_strdup(path);
	}
	return files;
}

struct recorder *recorder_new(const char *path, gboolean split, const struct recorder_events *events)
{
	struct recorder *r = g_new0(struct recorder, 1);

	r->ev = *events;
	r->tap = (struct audio_tap){.sent = tap_sent, .heard = tap_heard, .self = r};
	r->paths = recorder_files(path, split);
	r->split = split;
	r->timeline = timeline_new();
	for (unsigned i = 0; i < TIMELINE_SIDES; i++)
		r->rings[i] = ring_new(ROOM);
	g_mutex_init(&r->lock);
	g_cond_init(&r->wake);
	r->has_thread = worker_start(&r->thread, "recorder", 0, run, r);
	if (!r->has_thread) {
		g_set_error(&r->error, JC_ERROR, JC_FILE, "this machine has no thread left to write %s", path);
		post_to(NULL, on_failed, r, NULL, 0);
	}
	return r;
}

const struct audio_tap *recorder_tap(struct recorder *r)
{
	return &r->tap;
}

void recorder_finish(struct recorder *r)
{
	g_mutex_lock(&r->lock);
	r->stop = TRUE;
	g_cond_signal(&r->wake);
	g_mutex_unlock(&r->lock);
	if (!r->has_thread)
		post_to(NULL, on_done, r, NULL, 0);
}
