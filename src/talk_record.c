#include "talk_record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "audio/file.h"
#include "audio/recorder.h"
#include "err.h"
#include "text.h"

struct take {				/* one recording */
	struct talk_recording *owner;
	char *file;
	struct recorder *recorder;	/* NULL: nothing to be heard yet */
	gboolean in_use, leaving;	/* by the media of a call; it is to be finished once it is not */
};

struct talk_recording {
	struct ui *ui;
	const struct talk_options *options;
	const struct filename_values *names;
	struct call *call;		/* accepted */
	GPtrArray *takes;		/* struct take *: those that are not complete */
	struct take *current;		/* of them; NULL: none is running */
	void (*done)(void *ctx, const GError *error);
	void *ctx;
	GError *error;			/* of the first that failed */
};

/* ---- may it be ---- */

static gboolean check_place(const char *file, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(file);
	const char *place = access(file, F_OK) == 0 ? file : folder;
	g_autofree char *name = text_clean(file, TEXT_LONG);

	if (g_file_test(file, G_FILE_TEST_IS_DIR))
		errno = EISDIR;
	else if (access(place, W_OK) == 0)
		return TRUE;
	g_set_error(error, JC_ERROR, JC_FILE, "cannot record to '%s': %s", name, g_strerror(errno));
	return FALSE;
}

/* By their names, too: neither may be there yet. */
static gboolean is_file_of(const char *spec, gboolean output, const char *file)
{
	g_autofree char *as_spec = g_strconcat("file:", file, NULL), *a = g_canonicalize_filename(file, NULL), *b = NULL;
	const char *path;

	if (audio_find(spec, output, &path, NULL) != &audio_file)
		return FALSE;
	b = g_canonicalize_filename(path, NULL);
	return strcmp(a, b) == 0 || audio_same_file(output ? as_spec : spec, output ? spec : as_spec);
}

static gboolean check_file(const struct talk_options *o, const char *out, const char *file, GError **error)
{
	gboolean in_clash = is_file_of(o->in, FALSE, file), out_clash = is_file_of(out, TRUE, file);
	g_autofree char *name = NULL;

	if (!in_clash && !out_clash)
		return check_place(file, error);
	name = text_clean(file, TEXT_LONG);
	g_set_error(error, JC_ERROR, JC_USAGE, "--record and --%s are the same file, '%s'", in_clash ? "in" : "out", name);
	return FALSE;
}

gboolean talk_recording_check(const struct talk_options *o, const char *file, const struct filename_values *names, GError **error)
{
	g_autofree char *path = filename_expand(file, names, error), *out = filename_expand_spec(o->out, names, NULL);
	g_auto(GStrv) files = NULL;

	if (!path || !sound_file_check(path, error))
		return FALSE;
	files = recorder_files(path, o->split);
	for (char **f = files; *f; f++)
		if (!check_file(o, out ? out : o->out, *f, error))
			return FALSE;
	return TRUE;
}

/* ---- what is told ---- */

static void tell_begin(struct talk_recording *r, struct take *t)
{
	g_auto(GStrv) files = recorder_files(t->file, r->options->split);
	g_autofree char *shown = text_clean(files[0], TEXT_LONG), *shown_them = text_clean(files[1], TEXT_LONG);

	ui_event(r->ui, "recording", "file", "u", files[0], "file_them", "u", files[1], NULL);
	ui_say(r->ui, "Recording to %s%s%s", shown, files[1] ? " and " : "", shown_them);
}

static void tell_end(struct talk_recording *r, struct take *t, const GError *error)
{
	g_auto(GStrv) files = recorder_files(t->file, r->options->split);
	g_autofree char *shown = text_clean(files[0], TEXT_LONG), *shown_them = text_clean(files[1], TEXT_LONG);

	ui_event(r->ui, "recorded", "file", "u", files[0], "file_them", "u", files[1], "text", "s", error ? error->message : NULL, NULL);
	if (error)
		ui_error(r->ui, "the recording has ended: %s", error->message);
	else
		ui_say(r->ui, "Recorded %s%s%s", shown, files[1] ? " and " : "", shown_them);
}

/* ---- one recording ---- */

static void free_take(gpointer data)
{
	struct take *t = data;

	g_free(t->file);
	g_free(t);
}

static void complete(struct talk_recording *r)
{
	if (!r->done || r->takes->len)
		return;
	r->done(r->ctx, r->error);
	g_clear_error(&r->error);
	g_ptr_array_unref(r->takes);
	g_free(r);
}

static void on_done(void *self, const GError *error)
{
	struct take *t = self;
	struct talk_recording *r = t->owner;

	tell_end(r, t, error);
	if (error && !r->error)
		r->error = g_error_copy(error);
	g_ptr_array_remove_fast(r->takes, t);
	complete(r);
}

static void on_failed(void *self)
{
	struct take *t = self;

	if (t->owner->current == t)
		talk_recording_stop(t->owner);
}

static void on_released(void *ctx)
{
	struct take *t = ctx;

	t->in_use = FALSE;
	recorder_finish(t->recorder);
}

/* It is not to be heard by any call any more. NEXT takes its place; NULL: nobody. */
static void leave(struct talk_recording *r, struct take *t, struct take *next)
{
	t->leaving = TRUE;
	if (!t->recorder)
		g_ptr_array_remove_fast(r->takes, t);
	else if (!t->in_use)
		recorder_finish(t->recorder);
	else if (r->call)
		call_record(r->call, next ? recorder_tap(next->recorder) : NULL, on_released, t);
}

/* There is a call to be heard. */
static void run(struct talk_recording *r, struct take *t)
{
	struct recorder_events ev = {.failed = on_failed, .done = on_done, .self = t};

	if (!t->recorder) {
		t->recorder = recorder_new(t->file, r->options->split, &ev);
		tell_begin(r, t);
	}
	t->in_use = TRUE;
}

/* ---- for the talk ---- */

struct talk_recording *talk_recording_new(struct ui *ui, const struct talk_options *options, const struct filename_values *names)
{
	struct talk_recording *r = g_new0(struct talk_recording, 1);

	r->ui = ui;
	r->options = options;
	r->names = names;
	r->takes = g_ptr_array_new_with_free_func(free_take);
	return r;
}

static struct take *new_take(struct talk_recording *r, const char *file, GError **error)
{
	struct take *t;
	g_autofree char *path = NULL;

	if (!talk_recording_check(r->options, file, r->names, error))
		return NULL;
	path = filename_expand(file, r->names, NULL);
	for (guint i = 0; i < r->takes->len; i++)
		if (strcmp(((struct take *)r->takes->pdata[i])->file, path) == 0) {
			g_autofree char *name = text_clean(path, TEXT_LONG);

			g_set_error(error, JC_ERROR, JC_USAGE, "'%s' is being recorded to already", name);
			return NULL;
		}
	t = g_new0(struct take, 1);
	t->owner = r;
	t->file = g_steal_pointer(&path);
	g_ptr_array_add(r->takes, t);
	return t;
}

gboolean talk_recording_start(struct talk_recording *r, const char *file, GError **error)
{
	struct take *before = r->current, *t = new_take(r, file, error);
	gboolean replaced = before && before->in_use;

	if (!t)
		return FALSE;
	r->current = t;
	if (r->call)
		run(r, t);
	if (before)
		leave(r, before, t);
	if (r->call && !replaced)
		call_record(r->call, recorder_tap(t->recorder), NULL, NULL);
	return TRUE;
}

gboolean talk_recording_stop(struct talk_recording *r)
{
	struct take *t = g_steal_pointer(&r->current);

	if (t)
		leave(r, t, NULL);
	return t != NULL;
}

void talk_recording_on(struct talk_recording *r, struct call *c)
{
	r->call = c;
	if (!r->current)
		return;
	run(r, r->current);
	call_record(c, recorder_tap(r->current->recorder), NULL, NULL);
}

void talk_recording_off(struct talk_recording *r)
{
	r->call = NULL;
}

void talk_recording_unused(struct talk_recording *r)
{
	for (guint i = 0; i < r->takes->len; i++) {
		struct take *t = r->takes->pdata[i];

		if (t->in_use && t->leaving)
			recorder_finish(t->recorder);
		t->in_use = FALSE;
	}
}

void talk_recording_close(struct talk_recording *r, void (*done)(void *ctx, const GError *error), void *ctx)
{
	talk_recording_off(r);
	talk_recording_unused(r);
	talk_recording_stop(r);
	r->done = done;
	r->ctx = ctx;
	complete(r);
}
