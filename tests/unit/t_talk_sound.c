/* The sound of a talk: which end is used when, and that each is closed once, not before it was let go of. The call is a fake one,
 * which lets go when the test says so; the ends are real. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <glib/gstdio.h>

#include "err.h"
#include "fake_audio.h"
#include "talk_sound.h"

enum { PATIENCE_S = 30 };

struct release {
	void (*released)(void *ctx);
	void *ctx;
};

struct call {				/* what it was given last */
	const struct audio_in *in;
	const struct audio_out *out;
	unsigned given, ins, outs;
	GQueue held;			/* struct release *, not let go of */
};

struct world {
	char *dir, *input, *music, *output, *other_output;
	struct ui *ui;
	struct media_thread *media;
	struct talk_options options;
	struct talk_sound *sound;
	struct call call;
	GString *events;		/* their names, and what is worth knowing of them */
	unsigned opened, over, failed, closed;
	enum jc_err err;
	char *incomplete;
};

/* ---- the fake call ---- */

static void hold(struct call *c, void (*released)(void *ctx), void *ctx)
{
	struct release *r;

	if (!released)
		return;
	r = g_new(struct release, 1);
	*r = (struct release){released, ctx};
	g_queue_push_tail(&c->held, r);
}

void call_ends(struct call *c, const struct audio_in *in, const struct audio_out *out)
{
	c->in = in;
	c->out = out;
	c->given++;
}

void call_set_in(struct call *c, const struct audio_in *in, void (*released)(void *ctx), void *ctx)
{
	c->in = in;
	c->ins++;
	hold(c, released, ctx);
}

void call_set_out(struct call *c, const struct audio_out *out, void (*released)(void *ctx), void *ctx)
{
	c->out = out;
	c->outs++;
	hold(c, released, ctx);
}

static void let_go(struct call *c)
{
	struct release *r;

	while ((r = g_queue_pop_head(&c->held))) {
		r->released(r->ctx);
		g_free(r);
	}
}

/* ---- events ---- */

static void on_event(void *ctx, const struct event *e)
{
	struct world *w = ctx;
	const char *file = fields_string(e->fields, "file"), *device = fields_string(e->fields, "device");
	g_autofree char *name = file || device ? g_path_get_basename(file ? file : device) : NULL;

	g_string_append_printf(w->events, "%s%s%s%s%s ", e->name, name ? ":" : "", name ? name : "",
			       strstr(e->json, "\"whole\":false") ? ":cut" : "", fields_string(e->fields, "text") ? ":why" : "");
}

static void on_opened(void *self)
{
	((struct world *)self)->opened++;
}

static void on_over(void *self)
{
	((struct world *)self)->over++;
}

static void on_failed(void *self, enum jc_err err, const char *text)
{
	struct world *w = self;

	w->failed++;
	w->err = err;
}

static gboolean too_late(gpointer data)
{
	fail_msg("nothing more happens");
	return G_SOURCE_REMOVE;
}

static void wait_for(const unsigned *count, unsigned wanted)
{
	guint limit = g_timeout_add_seconds(PATIENCE_S, too_late, NULL);

	while (*count < wanted)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(limit);
}

static void wait_event(struct world *w, const char *name)
{
	guint limit = g_timeout_add_seconds(PATIENCE_S, too_late, NULL);

	while (!strstr(w->events->str, name))
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(limit);
}

/* ---- the world ---- */

static void make_wav(const char *path, gint16 value)
{
	struct audio_out out;
	gint16 pcm[4800];

	for (size_t i = 0; i < G_N_ELEMENTS(pcm); i++)
		pcm[i] = value;
	assert_true(audio_open_out(path, &out, NULL));
	out.start(out.self, 0);
	out.write(out.self, pcm, G_N_ELEMENTS(pcm));
	assert_true(out.close(out.self, NULL));
}

static int setup(void **state)
{
	struct world *w = g_new0(struct world, 1);
	struct ui_options ui = {.quiet = TRUE};

	w->dir = g_dir_make_tmp("jcall-talk-XXXXXX", NULL);
	w->input = g_build_filename(w->dir, "input.wav", NULL);
	w->music = g_build_filename(w->dir, "music.wav", NULL);
	w->output = g_build_filename(w->dir, "output.wav", NULL);
	w->other_output = g_build_filename(w->dir, "other.wav", NULL);
	make_wav(w->input, 1000);
	make_wav(w->music, 2000);
	w->ui = ui_new(&ui);
	w->events = g_string_new(NULL);
	events_listen(ui_events(w->ui), on_event, w);
	w->media = media_thread_new();
	w->options = (struct talk_options){.in = w->input, .out = w->output};
	g_queue_init(&w->call.held);
	*state = w;
	return 0;
}

static void begin(struct world *w)
{
	struct talk_sound_events events = {.opened = on_opened, .failed = on_failed, .over = on_over, .self = w};

	w->sound = talk_sound_new(w->media, w->ui, &w->options, &events);
}

/* The call is there and has the ends. */
static void talk(struct world *w)
{
	begin(w);
	talk_sound_use(w->sound, &w->call);
	wait_for(&w->opened, 1);
	assert_int_equal(w->call.given, 1);
}

static void on_closed(void *ctx, const GError *error)
{
	struct world *w = ctx;

	w->closed++;
	w->incomplete = error ? g_strdup(error->message) : NULL;
}

static void finish(struct world *w)
{
	talk_sound_abandon(w->sound);
	talk_sound_use(w->sound, NULL);
	let_go(&w->call);
	talk_sound_close(g_steal_pointer(&w->sound), on_closed, w);
	wait_for(&w->closed, 1);
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *paths[] = {w->input, w->music, w->output, w->other_output};

	if (w->sound)
		finish(w);
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_unlink(paths[i]);
		g_free(paths[i]);
	}
	g_rmdir(w->dir);
	g_free(w->dir);
	g_free(w->incomplete);
	g_string_free(w->events, TRUE);
	ui_free(w->ui);
	media_thread_free(w->media);
	g_free(w);
	return 0;
}

/* The value that the call would speak now, as the engine asks; 0: nothing. */
static gint16 spoken(struct world *w)
{
	gint16 pcm[480] = {0};

	if (!w->call.in)
		return 0;
	w->call.in->start(w->call.in->self, 0);
	w->call.in->read(w->call.in->self, pcm, G_N_ELEMENTS(pcm));
	return pcm[100];
}

/* ---- the ends ---- */

static void a_call_gets_the_ends_when_both_are_there(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_false(talk_sound_is_open(w->sound));
	talk_sound_use(w->sound, &w->call);
	assert_int_equal(w->call.given, 0);
	wait_for(&w->opened, 1);
	assert_true(talk_sound_is_open(w->sound));
	assert_int_equal(spoken(w), 1000);
	finish(w);
	assert_null(w->incomplete);
}

static void ends_that_are_there_need_not_be_opened(void **state)
{
	struct world *w = *state;
	struct ends *ends = g_new0(struct ends, 1);

	ends->have_in = audio_open_in(w->music, &ends->in, NULL);
	assert_true(ends->have_in);
	w->options.ready = ends;
	begin(w);
	talk_sound_use(w->sound, &w->call);
	assert_int_equal(w->opened, 0);
	wait_for(&w->opened, 1);
	assert_int_equal(spoken(w), 2000);
	assert_null(w->call.out);
}

static void a_talk_that_ends_before_they_are_there_closes_them_all_the_same(void **state)
{
	struct world *w = *state;

	begin(w);
	finish(w);
	assert_int_equal(w->opened, 0);
}

struct noting {
	struct fake_in fake;			/* first: its functions know nothing of the rest */
	gpointer closed_by;
};

static void note_thread(void *self)
{
	g_atomic_pointer_set(&((struct noting *)self)->closed_by, g_thread_self());
}

/* Closing a device takes its time, which the main loop has not. */
static void what_is_not_wanted_any_more_is_closed_in_the_background(void **state)
{
	struct world *w = *state;
	struct ends *ends = g_new0(struct ends, 1);
	struct noting noting = {0};
	guint limit = g_timeout_add_seconds(PATIENCE_S, too_late, NULL);

	ends->have_in = TRUE;
	fake_in_init(&noting.fake);
	ends->in = noting.fake.end;
	ends->in.close = note_thread;
	w->options.ready = ends;
	begin(w);
	finish(w);
	while (!g_atomic_pointer_get(&noting.closed_by))
		g_main_context_iteration(NULL, FALSE);
	assert_ptr_not_equal(noting.closed_by, g_thread_self());
	g_source_remove(limit);
}

static void what_cannot_be_opened_is_told_with_its_reason(void **state)
{
	struct world *w = *state;

	w->options.in = "/nonexistent/x.wav";
	begin(w);
	wait_for(&w->failed, 1);
	assert_int_equal(w->err, JC_FILE);
}

/* ---- files ---- */

static void a_file_takes_the_place_of_the_input_which_then_goes_on(void **state)
{
	struct world *w = *state;
	const struct audio_in *input;

	talk(w);
	input = w->call.in;
	talk_sound_play(w->sound, w->music);
	assert_ptr_equal(w->call.in, input);
	wait_event(w, "playing:music.wav");
	assert_int_equal(spoken(w), 2000);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	assert_ptr_equal(w->call.in, input);
	assert_int_equal(spoken(w), 1000);
	assert_string_equal(w->events->str, "playing:music.wav played:music.wav ");
	assert_int_equal(w->over + w->failed, 0);
}

static void a_second_file_takes_the_place_of_the_first(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing:music.wav");
	talk_sound_play(w->sound, w->input);
	wait_event(w, "playing:input.wav");
	assert_int_equal(spoken(w), 1000);
	assert_string_equal(w->events->str, "playing:music.wav played:music.wav:cut playing:input.wav ");
}

static void of_two_that_are_wanted_at_once_the_second_is_played(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, w->input);
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing:music.wav");
	assert_string_equal(w->events->str, "played:input.wav:cut playing:music.wav ");
}

static void a_file_that_is_stopped_gives_way_at_once(void **state)
{
	struct world *w = *state;

	talk(w);
	assert_false(talk_sound_play_stop(w->sound));
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing");
	assert_true(talk_sound_play_stop(w->sound));
	assert_int_equal(spoken(w), 1000);
	talk_sound_play(w->sound, w->music);
	assert_true(talk_sound_play_stop(w->sound));		/* before it was open */
	assert_false(talk_sound_play_stop(w->sound));
	assert_string_equal(w->events->str, "playing:music.wav played:music.wav:cut played:music.wav:cut ");
}

static void a_file_that_cannot_be_played_is_told_and_nothing_changes(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, "/nonexistent/x.wav");
	wait_event(w, "played:x.wav:cut:why");
	assert_int_equal(spoken(w), 1000);
	assert_int_equal(w->call.ins + w->failed, 0);
}

static void a_device_is_no_file(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, "tone");
	wait_event(w, "played:tone:cut:why");
}

static void an_input_that_has_ended_ends_the_talk_after_the_file(void **state)
{
	struct world *w = *state;
	const struct audio_in *input;

	talk(w);
	input = w->call.in;
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing");
	talk_sound_in_ended(w->sound, input, NULL);		/* it had ended just before */
	assert_int_equal(w->over, 0);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	assert_int_equal(w->over, 1);
	assert_null(w->call.in);
}

static void after_the_end_of_the_input_a_file_is_followed_by_silence(void **state)
{
	struct world *w = *state;

	w->options.at_end = AT_END_SILENCE;
	talk(w);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing");
	assert_int_equal(spoken(w), 2000);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	assert_null(w->call.in);
	assert_int_equal(w->over, 0);
}

static void a_file_goes_with_the_talk_to_its_next_call(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing");
	talk_sound_use(w->sound, NULL);
	talk_sound_use(w->sound, &w->call);
	assert_int_equal(spoken(w), 2000);
}

static void a_file_may_be_wanted_before_there_is_a_call(void **state)
{
	struct world *w = *state;

	begin(w);
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing");
	talk_sound_use(w->sound, &w->call);
	wait_for(&w->opened, 1);
	assert_int_equal(spoken(w), 2000);
}

/* ---- other ends ---- */

static void another_output_takes_over_and_the_old_file_is_complete(void **state)
{
	struct world *w = *state;
	gint16 pcm[4800] = {0};
	struct audio_in in;

	talk(w);
	w->call.out->start(w->call.out->self, 0);
	w->call.out->write(w->call.out->self, pcm, G_N_ELEMENTS(pcm));
	talk_sound_device(w->sound, TRUE, w->other_output);
	wait_event(w, "output:");
	assert_int_equal(w->call.outs, 1);
	w->call.out->start(w->call.out->self, 0);
	w->call.out->write(w->call.out->self, pcm, 480);
	let_go(&w->call);
	finish(w);
	assert_null(w->incomplete);
	assert_true(audio_open_in(w->output, &in, NULL));
	in.start(in.self, 0);
	assert_int_equal(in.read(in.self, pcm, G_N_ELEMENTS(pcm)), G_N_ELEMENTS(pcm));
	in.close(in.self);
	assert_true(audio_open_in(w->other_output, &in, NULL));
	in.start(in.self, 0);
	assert_int_equal(in.read(in.self, pcm, G_N_ELEMENTS(pcm)), 480);
	in.close(in.self);
}

static void another_input_takes_over_what_has_ended_too(void **state)
{
	struct world *w = *state;

	w->options.at_end = AT_END_SILENCE;
	talk(w);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	talk_sound_device(w->sound, FALSE, w->music);
	wait_event(w, "input:music");
	assert_int_equal(spoken(w), 2000);
	assert_non_null(strstr(w->events->str, "input-ended"));
}

static void while_a_file_is_played_another_input_waits(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, w->music);
	wait_event(w, "playing");
	talk_sound_device(w->sound, FALSE, "null");
	wait_event(w, "input:null");
	assert_int_equal(spoken(w), 2000);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	assert_non_null(w->call.in);
	assert_int_equal(spoken(w), 0);
}

static void what_cannot_be_used_leaves_all_as_it_was(void **state)
{
	struct world *w = *state;
	const struct audio_in *in;
	const struct audio_out *out;

	talk(w);
	in = w->call.in;
	out = w->call.out;
	talk_sound_device(w->sound, FALSE, "/nonexistent/in.wav");
	wait_event(w, "input:in.wav:why");
	talk_sound_device(w->sound, TRUE, "tone");
	wait_event(w, "output:tone:why");
	assert_ptr_equal(w->call.in, in);
	assert_ptr_equal(w->call.out, out);
	assert_int_equal(w->call.ins + w->call.outs + w->failed, 0);
}

static void the_word_of_an_end_that_was_replaced_means_nothing(void **state)
{
	struct world *w = *state;
	const struct audio_in *old;

	talk(w);
	old = w->call.in;
	talk_sound_device(w->sound, FALSE, "null");
	wait_event(w, "input:null");
	talk_sound_in_ended(w->sound, old, NULL);
	assert_int_equal(w->over, 0);
}

/* ---- the input ends while a file is on its way ---- */

static void a_file_that_is_about_to_be_played_is_heard_before_the_end(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, w->music);
	talk_sound_in_ended(w->sound, w->call.in, NULL);	/* a command that asks for it and ends at once */
	assert_true(talk_sound_plays(w->sound));
	assert_int_equal(w->over, 0);
	wait_event(w, "playing:music.wav");
	assert_int_equal(w->over, 0);
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	assert_false(talk_sound_plays(w->sound));
	assert_int_equal(w->over, 1);
}

static void the_end_does_not_wait_for_a_file_that_is_none(void **state)
{
	struct world *w = *state;

	talk(w);
	talk_sound_play(w->sound, "/nonexistent/x.wav");
	talk_sound_in_ended(w->sound, w->call.in, NULL);
	assert_int_equal(w->over, 0);
	wait_event(w, "played:x.wav");
	assert_int_equal(w->over, 1);
	talk_sound_play(w->sound, w->music);
	assert_true(talk_sound_play_stop(w->sound));
	assert_int_equal(w->over, 2);
}

/* ---- what breaks ---- */

static void a_device_that_is_lost_is_looked_for_and_used_again(void **state)
{
	g_autoptr(GError) fault = g_error_new(JC_ERROR, JC_AUDIO_DEVICE, "it is gone");
	struct world *w = *state;

	talk(w);
	talk_sound_in_ended(w->sound, w->call.in, fault);
	assert_null(w->call.in);				/* silence meanwhile */
	talk_sound_out_ended(w->sound, w->call.out, fault);
	assert_null(w->call.out);
	let_go(&w->call);
	g_string_truncate(w->events, 0);
	wait_for(&w->call.ins, 2);
	wait_for(&w->call.outs, 2);
	assert_int_equal(spoken(w), 1000);
	assert_non_null(w->call.out);
	assert_non_null(strstr(w->events->str, "input:input.wav "));
	assert_non_null(strstr(w->events->str, "output:output.wav "));
	assert_int_equal(w->failed, 0);
}

static void another_device_may_be_named_while_one_is_looked_for(void **state)
{
	g_autoptr(GError) fault = g_error_new(JC_ERROR, JC_AUDIO_DEVICE, "it is gone");
	struct world *w = *state;

	talk(w);
	talk_sound_in_ended(w->sound, w->call.in, fault);
	talk_sound_device(w->sound, FALSE, w->music);
	wait_event(w, "input:music.wav ");
	assert_int_equal(spoken(w), 2000);
}

static void a_file_that_breaks_ends_the_talk(void **state)
{
	g_autoptr(GError) fault = g_error_new(JC_ERROR, JC_FILE, "it broke");
	g_autoptr(GError) gone = g_error_new(JC_ERROR, JC_READER_GONE, "nobody reads");
	struct world *w = *state;

	talk(w);
	talk_sound_in_ended(w->sound, w->call.in, fault);
	assert_int_equal(w->err, JC_FILE);
	talk_sound_out_ended(w->sound, w->call.out, gone);
	assert_int_equal(w->err, JC_READER_GONE);
	assert_int_equal(w->failed, 2);
}

static void what_a_reader_did_not_take_is_told_at_the_close(void **state)
{
	struct world *w = *state;
	struct ends *ends = g_new0(struct ends, 1);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	ends->have_out = audio_pipe_out(&ends->out, fds[1], "the pipe", FALSE, NULL);
	w->options.ready = ends;
	begin(w);
	wait_for(&w->opened, 1);
	ends = NULL;
	talk_sound_use(w->sound, &w->call);
	w->call.out->start(w->call.out->self, 0);
	close(fds[0]);
	w->call.out->write(w->call.out->self, (gint16[480]){0}, 480);
	finish(w);
	assert_string_equal(w->incomplete, "the pipe was closed by whoever read it");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Whoever opened it would fail, for it is not there; it is another one by the time the user accepts. */
static void the_input_is_not_opened_before_the_user_accepts(void **state)
{
	struct world *w = *state;

	w->options.in = "/no/such/microphone";
	w->options.late_in = TRUE;
	begin(w);
	talk_sound_use(w->sound, &w->call);
	while (access(w->output, F_OK) != 0)		/* the output is opened, and nothing more */
		g_main_context_iteration(NULL, FALSE);
	talk_sound_device(w->sound, FALSE, w->input);
	assert_int_equal(w->opened, 0);
	assert_int_equal(w->failed, 0);
	assert_int_equal(w->call.given, 0);
	talk_sound_open_in(w->sound);
	talk_sound_open_in(w->sound);
	wait_for(&w->opened, 1);
	assert_int_equal(w->call.given, 1);
	assert_non_null(w->call.in);
	assert_non_null(w->call.out);
	finish(w);
	assert_int_equal(w->opened, 1);
	assert_int_equal(w->failed, 0);
}

static void an_input_that_cannot_be_opened_fails_when_the_user_accepts(void **state)
{
	struct world *w = *state;

	w->options.in = "/no/such/file.wav";
	w->options.late_in = TRUE;
	begin(w);
	while (access(w->output, F_OK) != 0)
		g_main_context_iteration(NULL, FALSE);
	assert_int_equal(w->failed, 0);
	talk_sound_open_in(w->sound);
	wait_for(&w->failed, 1);
	assert_int_equal(w->err, JC_FILE);
	assert_int_equal(w->opened, 0);
}

static void whoever_never_accepts_never_opens_the_input(void **state)
{
	struct world *w = *state;

	w->options.late_in = TRUE;
	begin(w);
	talk_sound_abandon(w->sound);
	talk_sound_open_in(w->sound);
	finish(w);
	assert_int_equal(w->opened, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_gets_the_ends_when_both_are_there),
		TEST(ends_that_are_there_need_not_be_opened),
		TEST(a_talk_that_ends_before_they_are_there_closes_them_all_the_same),
		TEST(what_is_not_wanted_any_more_is_closed_in_the_background),
		TEST(what_cannot_be_opened_is_told_with_its_reason),
		TEST(a_file_takes_the_place_of_the_input_which_then_goes_on),
		TEST(a_second_file_takes_the_place_of_the_first),
		TEST(of_two_that_are_wanted_at_once_the_second_is_played),
		TEST(the_input_is_not_opened_before_the_user_accepts),
		TEST(an_input_that_cannot_be_opened_fails_when_the_user_accepts),
		TEST(whoever_never_accepts_never_opens_the_input),
		TEST(a_file_that_is_stopped_gives_way_at_once),
		TEST(a_file_that_cannot_be_played_is_told_and_nothing_changes),
		TEST(a_device_is_no_file),
		TEST(an_input_that_has_ended_ends_the_talk_after_the_file),
		TEST(a_file_that_is_about_to_be_played_is_heard_before_the_end),
		TEST(the_end_does_not_wait_for_a_file_that_is_none),
		TEST(after_the_end_of_the_input_a_file_is_followed_by_silence),
		TEST(a_file_goes_with_the_talk_to_its_next_call),
		TEST(a_file_may_be_wanted_before_there_is_a_call),
		TEST(another_output_takes_over_and_the_old_file_is_complete),
		TEST(another_input_takes_over_what_has_ended_too),
		TEST(while_a_file_is_played_another_input_waits),
		TEST(what_cannot_be_used_leaves_all_as_it_was),
		TEST(the_word_of_an_end_that_was_replaced_means_nothing),
		TEST(a_device_that_is_lost_is_looked_for_and_used_again),
		TEST(another_device_may_be_named_while_one_is_looked_for),
		TEST(a_file_that_breaks_ends_the_talk),
		TEST(what_a_reader_did_not_take_is_told_at_the_close),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(120);		/* what hangs is to fail */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
