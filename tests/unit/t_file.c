#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "audio/audio.h"
#include "audio/file.h"
#include "err.h"
#include "temp_dir.h"

/* The tests write WAV headers themselves: what they compare with must not come from the library under test. */
enum { FRAME = 960, PCM = 1, FLOAT = 3, DAY = 86400 };

static char *path_of(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void put_le(GByteArray *a, guint32 value, guint bytes)
{
	for (guint i = 0; i < bytes; i++) {
		guint8 byte = (guint8)(value >> 8 * i);

		g_byte_array_append(a, &byte, 1);
	}
}

static void put_wav_head(GByteArray *a, guint format, guint channels, guint rate, guint bits, guint32 data_bytes)
{
	g_byte_array_append(a, (const guint8 *)"RIFF", 4);
	put_le(a, 36 + data_bytes, 4);
	g_byte_array_append(a, (const guint8 *)"WAVEfmt ", 8);
	put_le(a, 16, 4);
	put_le(a, format, 2);
	put_le(a, channels, 2);
	put_le(a, rate, 4);
	put_le(a, rate * channels * bits / 8, 4);
	put_le(a, channels * bits / 8, 2);
	put_le(a, bits, 2);
	g_byte_array_append(a, (const guint8 *)"data", 4);
	put_le(a, data_bytes, 4);
}

static char *save(const char *name, GByteArray *a)
{
	char *path = path_of(name);

	assert_true(g_file_set_contents(path, (const char *)a->data, (gssize)a->len, NULL));
	g_byte_array_unref(a);
	return path;
}

/* N sample points of 16 bit; VALUE tells each. */
static char *make_wav(const char *name, guint channels, guint rate, size_t n, int (*value)(size_t i, guint channel))
{
	GByteArray *a = g_byte_array_new();

	put_wav_head(a, PCM, channels, rate, 16, (guint32)(n * channels * 2));
	for (size_t i = 0; i < n; i++)
		for (guint c = 0; c < channels; c++)
			put_le(a, (guint16)(gint16)value(i, c), 2);
	return save(name, a);
}

static struct audio_in open_in(const char *path)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;

	if (!audio_open_in(path, &in, &error))
		fail_msg("%s", error->message);
	return in;
}

static void assert_in_refused(const char *path, int code, const char *words)
{
	g_autoptr(GError) error = NULL;
	struct audio_in in;

	assert_false(audio_open_in(path, &in, &error));
	assert_true(g_error_matches(error, JC_ERROR, code));
	if (!strstr(error->message, words) || !strstr(error->message, path))
		fail_msg("'%s' lacks '%s' or the name", error->message, words);
}

/* All of it, frame by frame, as the engine does. */
static GArray *read_all(struct audio_in *in)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(gint16));
	gint64 now_us = 0;
	size_t ready;

	in->start(in->self, now_us);
	while ((ready = in->ready(in->self, now_us)) != AUDIO_END) {
		gint16 pcm[FRAME];

		if (ready >= FRAME)
			g_array_append_vals(all, pcm, (guint)in->read(in->self, pcm, FRAME));
		assert_true(now_us < (gint64)DAY * G_USEC_PER_SEC);
		now_us = MAX(in->when(in->self, now_us, FRAME), now_us);
	}
	return all;
}

static gint16 at(const GArray *a, size_t i)
{
	return g_array_index(a, gint16, i);
}

static int ramp(size_t i, guint channel)
{
	return (int)(i % 60000) - 30000;
}

static int left_only(size_t i, guint channel)
{
	return channel == 0 ? 1000 : 0;
}

static int sine_1k_at_8k(size_t i, guint channel)
{
	return (int)lrint(10000 * sin(2 * G_PI * 1000 * (double)i / 8000));
}

static int sine_1k_at_44k(size_t i, guint channel)
{
	return (int)lrint(10000 * sin(2 * G_PI * 1000 * (double)i / 44100));
}

/* ---- reading ---- */

static void sixteen_bits_at_our_rate_come_through_bit_by_bit(void **state)
{
	g_autofree char *path = make_wav("ramp.wav", 1, AUDIO_RATE, 100003, ramp);
	struct audio_in in = open_in(path);
	g_autoptr(GArray) all = read_all(&in);

	assert_int_equal(all->len, 100003);
	for (size_t i = 0; i < all->len; i++)
		if (at(all, i) != ramp(i, 0))
			fail_msg("sample %zu is %d, not %d", i, at(all, i), ramp(i, 0));
	assert_null(in.fault(in.self));
	assert_int_equal(in.ready(in.self, 0), AUDIO_END);
	in.close(in.self);
}

static void nothing_is_due_before_the_start_and_a_frame_at_once_after_it(void **state)
{
	g_autofree char *path = make_wav("ramp.wav", 1, AUDIO_RATE, 4800, ramp);
	struct audio_in in = open_in(path);
	gint16 pcm[FRAME];

	assert_false(in.live);
	assert_int_equal(in.ready(in.self, G_USEC_PER_SEC), 0);
	assert_int_equal(in.when(in.self, G_USEC_PER_SEC, FRAME), G_MAXINT64);
	in.start(in.self, G_USEC_PER_SEC);
	assert_int_equal(in.ready(in.self, G_USEC_PER_SEC), FRAME);
	assert_int_equal(in.read(in.self, pcm, FRAME), FRAME);
	assert_int_equal(in.ready(in.self, G_USEC_PER_SEC), 0);
	assert_int_equal(in.when(in.self, G_USEC_PER_SEC, FRAME), G_USEC_PER_SEC + 20000);
	in.close(in.self);
}

static void the_last_frame_is_as_short_as_the_file_left_it(void **state)
{
	g_autofree char *path = make_wav("ramp.wav", 1, AUDIO_RATE, FRAME + 7, ramp);
	struct audio_in in = open_in(path);
	gint16 pcm[FRAME];

	in.start(in.self, 0);
	assert_int_equal(in.read(in.self, pcm, FRAME), FRAME);
	assert_int_equal(in.ready(in.self, 20000), FRAME);
	assert_int_equal(in.read(in.self, pcm, FRAME), 7);
	assert_int_equal(in.ready(in.self, 20000), AUDIO_END);
	in.close(in.self);
}

static void channels_are_mixed_to_one(void **state)
{
	g_autofree char *path = make_wav("stereo.wav", 2, AUDIO_RATE, 5000, left_only);
	struct audio_in in = open_in(path);
	g_autoptr(GArray) all = read_all(&in);

	assert_int_equal(all->len, 5000);
	for (size_t i = 0; i < all->len; i++)
		assert_int_equal(at(all, i), 500);
	in.close(in.self);
}

/* How far ALL is from the sine of 1 kHz it should be, leaving out the edges, where the filter rings. */
static void assert_sine(const GArray *all, size_t expected)
{
	double worst = 0;

	assert_true(ABS((gint64)all->len - (gint64)expected) <= 8);
	for (size_t i = 500; i + 500 < all->len; i++)
		worst = MAX(worst, fabs(at(all, i) - 10000 * sin(2 * G_PI * 1000 * (double)i / AUDIO_RATE)));
	if (worst > 20)
		fail_msg("%.0f of 10000 away from the sine", worst);
}

static void other_rates_are_converted_with_their_length_and_phase(void **state)
{
	g_autofree char *slow = make_wav("8k.wav", 1, 8000, 8000, sine_1k_at_8k);
	g_autofree char *odd = make_wav("44k.wav", 1, 44100, 44100, sine_1k_at_44k);
	struct audio_in a = open_in(slow), b = open_in(odd);
	g_autoptr(GArray) from_8k = read_all(&a), from_44k = read_all(&b);

	assert_sine(from_8k, AUDIO_RATE);
	assert_sine(from_44k, AUDIO_RATE);
	a.close(a.self);
	b.close(b.self);
}

static void full_scale_is_cut_and_does_not_wrap(void **state)
{
	GByteArray *a = g_byte_array_new();
	const float loud[] = {2.0f, -2.0f, 1.0f, -1.0f, 0.5f};
	g_autofree char *path = NULL;
	struct audio_in in;
	g_autoptr(GArray) all = NULL;

	put_wav_head(a, FLOAT, 1, AUDIO_RATE, 32, sizeof(loud));
	g_byte_array_append(a, (const guint8 *)loud, sizeof(loud));
	path = save("loud.wav", a);
	in = open_in(path);
	all = read_all(&in);
	assert_int_equal(all->len, 5);
	assert_int_equal(at(all, 0), 32767);
	assert_int_equal(at(all, 1), -32768);
	assert_int_equal(at(all, 2), 32767);
	assert_int_equal(at(all, 3), -32768);
	assert_int_equal(at(all, 4), 16384);
	in.close(in.self);
}

static void what_is_no_number_is_silence(void **state)
{
	GByteArray *a = g_byte_array_new();
	float odd[4000] = {NAN, INFINITY, -INFINITY, 1e38f};
	g_autofree char *path = NULL;
	struct audio_in in;
	g_autoptr(GArray) all = NULL;

	put_wav_head(a, FLOAT, 2, 16000, 32, sizeof(odd));
	g_byte_array_append(a, (const guint8 *)odd, sizeof(odd));
	path = save("nan.wav", a);
	in = open_in(path);
	all = read_all(&in);
	assert_true(all->len >= 5990);
	for (size_t i = 3000; i < all->len; i++)
		assert_int_equal(at(all, i), 0);
	in.close(in.self);
}

/* Also one whose header says so, though samples follow: a stream whose length was never filled in. */
static void a_file_without_sound_is_refused(void **state)
{
	g_autofree char *empty = make_wav("empty.wav", 1, AUDIO_RATE, 0, ramp), *other_rate = make_wav("empty-44k.wav", 2, 44100, 0, ramp);
	g_autofree char *streamed = path_of("streamed.wav"), *nothing = path_of("nothing.wav"), *bytes = NULL;
	g_autofree char *whole = make_wav("whole.wav", 1, AUDIO_RATE, 4800, ramp);
	gsize len;

	assert_true(g_file_get_contents(whole, &bytes, &len, NULL));
	memset(bytes + 40, 0, 4);		/* the size of the data */
	assert_true(g_file_set_contents(streamed, bytes, (gssize)len, NULL));
	assert_true(g_file_set_contents(nothing, "", 0, NULL));
	assert_in_refused(empty, JC_FILE, "holds no sound");
	assert_in_refused(other_rate, JC_FILE, "holds no sound");
	assert_in_refused(streamed, JC_FILE, "holds no sound");
	assert_in_refused(nothing, JC_FILE, "cannot read sound");
}

static void a_file_that_is_cut_while_it_plays_says_so(void **state)
{
	g_autofree char *path = make_wav("cut-later.wav", 1, AUDIO_RATE, 3 * AUDIO_RATE, ramp);
	struct audio_in in = open_in(path);
	g_autoptr(GArray) all = NULL;
	g_autoptr(GError) fault = NULL;

	assert_int_equal(truncate(path, 44 + 2 * AUDIO_RATE), 0);
	all = read_all(&in);
	assert_in_range(all->len, AUDIO_RATE, AUDIO_RATE + 4096);
	fault = in.fault(in.self);
	assert_true(g_error_matches(fault, JC_ERROR, JC_FILE));
	assert_non_null(strstr(fault->message, "was cut while it was played"));
	in.close(in.self);
}

static void a_file_that_cannot_be_read_is_named_with_the_reason(void **state)
{
	g_autofree char *missing = path_of("missing.wav"), *garbage = path_of("garbage.wav");

	assert_true(g_file_set_contents(garbage, "RIFF\xff\xff\xff\xffWAVEgarbage", 19, NULL));
	assert_in_refused(missing, JC_FILE, "No such file");
	assert_in_refused(garbage, JC_FILE, "cannot read sound from");
	assert_in_refused(dir, JC_FILE, "cannot read sound from");
	assert_in_refused("/dev/null", JC_FILE, "cannot read sound from");
}

static void every_beginning_of_a_file_ends_or_is_refused(void **state)
{
	g_autofree char *path = make_wav("whole.wav", 2, 44100, 50, left_only), *cut = path_of("cut.wav");
	g_autofree char *bytes = NULL;
	gsize len;

	assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	for (gsize n = 0; n < len; n++) {
		struct audio_in in;

		assert_true(g_file_set_contents(cut, bytes, (gssize)n, NULL));
		if (audio_open_in(cut, &in, NULL)) {
			g_autoptr(GArray) all = read_all(&in);

			assert_true(all->len <= 60);
			in.close(in.self);
		}
	}
}

static void a_header_with_any_byte_changed_neither_hangs_nor_crashes(void **state)
{
	g_autofree char *path = make_wav("whole.wav", 2, 44100, 50, left_only), *odd = path_of("odd.wav");
	static const guint8 values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	g_autofree char *bytes = NULL;
	gsize len;

	assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	for (gsize i = 0; i < 44 * G_N_ELEMENTS(values); i++) {
		gsize where = i / G_N_ELEMENTS(values);
		char before = bytes[where];
		struct audio_in in;

		bytes[where] = (char)values[i % G_N_ELEMENTS(values)];
		assert_true(g_file_set_contents(odd, bytes, (gssize)len, NULL));
		if (audio_open_in(odd, &in, NULL)) {
			g_autoptr(GArray) all = read_all(&in);

			assert_true(all->len < 2 * AUDIO_RATE);
			in.close(in.self);
		}
		bytes[where] = before;
	}
}

/* ---- writing ---- */

static struct audio_out open_out(const char *path)
{
	g_autoptr(GError) error = NULL;
	struct audio_out out;

	if (!audio_open_out(path, &out, &error))
		fail_msg("%s", error->message);
	return out;
}

static void write_sine(struct audio_out *out, size_t from, size_t n)
{
	gint16 pcm[480];

	for (size_t i = 0; i < n; i += G_N_ELEMENTS(pcm)) {
		for (size_t k = 0; k < G_N_ELEMENTS(pcm); k++)
			pcm[k] = (gint16)lrint(8000 * sin(2 * G_PI * 300 * (double)(from + i + k) / AUDIO_RATE));
		out->write(out->self, pcm, G_N_ELEMENTS(pcm));
	}
}

static double power(const GArray *all)
{
	double sum = 0;

	for (size_t i = 0; i < all->len; i++)
		sum += (double)at(all, i) * at(all, i);
	return sqrt(sum / MAX(all->len, 1));
}

static void what_is_written_can_be_read_again_in_each_format(void **state)
{
	static const char *const names[] = {"x.wav", "x.WAV", "x.flac", "x.ogg", "x.oga", "x.opus"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = path_of(names[i]);
		g_autoptr(GError) error = NULL;
		struct audio_out out = open_out(path);
		g_autoptr(GArray) all = NULL;
		struct audio_in in;

		out.start(out.self, 0);
		write_sine(&out, 0, AUDIO_RATE);
		if (!out.close(out.self, &error))
			fail_msg("%s: %s", names[i], error->message);
		in = open_in(path);
		all = read_all(&in);
		if (all->len != AUDIO_RATE || fabs(power(all) - 8000 / G_SQRT2) > 200)
			fail_msg("%s: %u samples, power %.0f", names[i], all->len, power(all));
		in.close(in.self);
	}
}

/* N seconds of a sine into a file of that NAME; its bytes are added to ALL. */
static void add_file(GByteArray *all, const char *name, int seconds)
{
	g_autofree char *path = path_of(name), *bytes = NULL;
	struct audio_out out = open_out(path);
	gsize len;

	out.start(out.self, 0);
	for (int i = 0; i < seconds; i++)
		write_sine(&out, 0, AUDIO_RATE);
	assert_true(out.close(out.self, NULL));
	assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	g_byte_array_append(all, (const guint8 *)bytes, (guint)len);
}

static double loudness(const GArray *a, size_t from, size_t n)
{
	double sum = 0;

	for (size_t i = from; i < from + n; i++)
		sum += (double)at(a, i) * at(a, i);
	return sqrt(sum / (double)n);
}

/* One Ogg file behind the other is one, too (RFC 3533 4), also where the codecs differ, and whatever comes of the last. */
static void a_chained_ogg_file_plays_whole(void **state)
{
	static const char *const parts[][3] = {{"a.ogg", "b.ogg", "c.ogg"}, {"a.opus", "b.opus", "c.opus"}, {"a.ogg", "b.opus", "c.ogg"}};

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		GByteArray *all = g_byte_array_new();
		g_autofree char *path = NULL;
		g_autoptr(GArray) heard = NULL;
		struct audio_in in;

		for (int k = 0; k < 3; k++)
			add_file(all, parts[i][k], 1 + k);
		path = save("chained.ogg", all);
		in = open_in(path);
		heard = read_all(&in);
		assert_null(in.fault(in.self));
		in.close(in.self);
		assert_in_range(heard->len, 6 * AUDIO_RATE - 4800, 6 * AUDIO_RATE + 4800);
		for (size_t s = 0; s < 11; s++)		/* half a second each, none of them silent */
			assert_true(loudness(heard, s * AUDIO_RATE / 2, AUDIO_RATE / 2) > 1000);
	}
}

static void a_recording_without_a_sample_is_a_valid_file(void **state)
{
	static const char *const names[] = {"x.wav", "x.flac", "x.ogg", "x.opus"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = path_of(names[i]);
		g_autoptr(GArray) all = NULL;
		struct audio_out out = open_out(path);
		struct audio_in in;

		out.start(out.self, 0);
		assert_true(out.close(out.self, NULL));
		in = open_in(path);
		all = read_all(&in);
		assert_true(all->len <= 1);
		in.close(in.self);
	}
}

static void the_file_wants_what_time_demands(void **state)
{
	g_autofree char *path = path_of("paced.wav");
	struct audio_out out = open_out(path);

	assert_int_equal(out.ready(out.self, 5), 0);
	out.start(out.self, 1000);
	assert_int_equal(out.ready(out.self, 21000), FRAME);
	write_sine(&out, 0, FRAME);
	assert_int_equal(out.ready(out.self, 21000), 0);
	assert_int_equal(out.when(out.self, 21000, FRAME), 41000);
	assert_true(out.close(out.self, NULL));
}

static void an_older_recording_is_replaced_whole(void **state)
{
	g_autofree char *path = path_of("twice.wav");
	struct audio_out out = open_out(path);
	struct audio_in in;
	g_autoptr(GArray) all = NULL;

	out.start(out.self, 0);
	write_sine(&out, 0, 4800);
	assert_true(out.close(out.self, NULL));
	out = open_out(path);
	out.start(out.self, 0);
	write_sine(&out, 0, 480);
	assert_true(out.close(out.self, NULL));
	in = open_in(path);
	all = read_all(&in);
	assert_int_equal(all->len, 480);
	in.close(in.self);
}

static void a_call_that_never_begins_leaves_the_last_recording_alone(void **state)
{
	g_autofree char *path = path_of("kept.wav"), *fresh = path_of("fresh.wav");
	struct audio_out out = open_out(path);
	struct audio_in in;
	g_autoptr(GArray) all = NULL;

	out.start(out.self, 0);
	write_sine(&out, 0, 4800);
	assert_true(out.close(out.self, NULL));
	out = open_out(path);
	assert_true(out.close(out.self, NULL));
	in = open_in(path);
	all = read_all(&in);
	assert_int_equal(all->len, 4800);
	in.close(in.self);
	out = open_out(fresh);
	assert_true(out.close(out.self, NULL));
	assert_false(g_file_test(fresh, G_FILE_TEST_EXISTS));
}

static void assert_out_refused(const char *path, int code, const char *words)
{
	g_autoptr(GError) error = NULL;
	struct audio_out out;

	assert_false(audio_open_out(path, &out, &error));
	assert_true(g_error_matches(error, JC_ERROR, code));
	if (!strstr(error->message, words))
		fail_msg("'%s' lacks '%s'", error->message, words);
}

static void a_file_is_written_by_one_at_a_time(void **state)
{
	g_autofree char *path = path_of("shared.wav");
	g_autoptr(GError) error = NULL, recording = NULL;
	struct audio_out out, other;

	assert_true(audio_open_out(path, &out, NULL));
	assert_false(audio_open_out(path, &other, &error));
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
	assert_null(sound_file_create(path, 1, &recording));
	assert_true(g_error_matches(recording, JC_ERROR, JC_FILE));
	assert_true(out.close(out.self, NULL));
	assert_true(audio_open_out(path, &other, NULL));
	assert_true(other.close(other.self, NULL));
}

/* Whatever umask allows, here everything. */
static void a_new_file_is_its_users_alone_and_an_older_one_keeps_its_mode(void **state)
{
	static const char *const names[] = {"alone.wav", "alone.flac", "alone.ogg", "alone.opus"};
	mode_t before = umask(0);

	for (size_t i = 0; i < 2 * G_N_ELEMENTS(names); i++) {
		g_autofree char *path = path_of(names[i / 2]);
		struct audio_out out = open_out(path);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);		/* before a sample is in it, too */
		assert_int_equal(st.st_mode & 0777, i % 2 ? 0640 : 0600);
		out.start(out.self, 0);
		write_sine(&out, 0, 4800);
		assert_true(out.close(out.self, NULL));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, i % 2 ? 0640 : 0600);
		assert_int_equal(chmod(path, 0640), 0);
	}
	umask(before);
}

static void what_may_keep_us_waiting_is_no_file(void **state)
{
	g_autofree char *fifo = g_build_filename(dir, "fifo.wav", NULL);
	const char *const places[] = {fifo, dir, "/dev/zero"};
	struct audio_in in;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(GError) error = NULL;

		assert_false(audio_open_in(places[i], &in, &error));
		assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
		assert_non_null(strstr(error->message, "it is no file"));
	}
}

static void an_ending_we_do_not_write_is_wrong_usage_and_names_those_we_do(void **state)
{
	static const char *const names[] = {"x", "x.mp3", "wav", ".wav", "x.wav.txt", "/tmp/x.d/y"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		assert_out_refused(names[i], JC_USAGE, ".wav, .flac, .ogg, .opus");
		assert_false(g_file_test(names[i], G_FILE_TEST_EXISTS));
	}
}

static void a_place_that_cannot_be_written_is_named_with_the_reason(void **state)
{
	assert_out_refused("/nonexistent/x.wav", JC_FILE, "'/nonexistent/x.wav'");
}

/* A recording runs into a limit of size: as good as a full disk. Tells whether write or close said so. */
static void assert_full_disk_is_told(const char *name)
{
	g_autofree char *path = path_of(name);
	struct rlimit before, limit;
	struct audio_out out = open_out(path);
	g_autoptr(GError) error = NULL, fault = NULL;
	gboolean complete;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){.rlim_cur = 5000, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	out.start(out.self, 0);
	for (int second = 0; second < 3 && out.ready(out.self, (second + 1) * G_USEC_PER_SEC) != AUDIO_END; second++)
		write_sine(&out, 0, AUDIO_RATE);
	fault = out.fault(out.self);
	complete = out.close(out.self, &error);
	setrlimit(RLIMIT_FSIZE, &before);
	if (complete)
		fail_msg("%s: nobody was told", name);
	assert_true(g_error_matches(error, JC_ERROR, JC_FILE));
	assert_non_null(strstr(error->message, path));
	if (!strstr(error->message, g_strerror(EFBIG)))
		fail_msg("%s: '%s' does not say what is wrong", name, error->message);
	if (fault)
		assert_true(g_error_matches(fault, JC_ERROR, JC_FILE));
}

static void a_full_disk_is_told(void **state)
{
	assert_full_disk_is_told("full.wav");
	assert_full_disk_is_told("full.flac");
	assert_full_disk_is_told("full.ogg");
	assert_full_disk_is_told("full.opus");
}

static void a_full_disk_ends_a_wav_at_once(void **state)
{
	g_autofree char *path = path_of("full.wav");
	struct rlimit before, limit;
	struct audio_out out = open_out(path);
	g_autoptr(GError) fault = NULL;

	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){.rlim_cur = 5000, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &limit);
	out.start(out.self, 0);
	write_sine(&out, 0, 4800);
	assert_int_equal(out.ready(out.self, G_USEC_PER_SEC), AUDIO_END);
	fault = out.fault(out.self);
	assert_true(g_error_matches(fault, JC_ERROR, JC_FILE));
	assert_false(out.close(out.self, NULL));
	setrlimit(RLIMIT_FSIZE, &before);
}

static void a_killed_process_leaves_a_wav_that_plays(void **state)
{
	g_autofree char *path = path_of("killed.wav");
	int status;
	pid_t child = fork();
	struct audio_in in;
	g_autoptr(GArray) all = NULL;

	if (child == 0) {
		struct audio_out out = open_out(path);

		out.start(out.self, 0);
		write_sine(&out, 0, AUDIO_RATE);
		raise(SIGKILL);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	in = open_in(path);
	all = read_all(&in);
	assert_int_equal(all->len, AUDIO_RATE);
	in.close(in.self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixteen_bits_at_our_rate_come_through_bit_by_bit),
		cmocka_unit_test(nothing_is_due_before_the_start_and_a_frame_at_once_after_it),
		cmocka_unit_test(the_last_frame_is_as_short_as_the_file_left_it),
		cmocka_unit_test(channels_are_mixed_to_one),
		cmocka_unit_test(other_rates_are_converted_with_their_length_and_phase),
		cmocka_unit_test(full_scale_is_cut_and_does_not_wrap),
		cmocka_unit_test(what_is_no_number_is_silence),
		cmocka_unit_test(a_file_without_sound_is_refused),
		cmocka_unit_test(a_file_that_is_cut_while_it_plays_says_so),
		cmocka_unit_test(a_chained_ogg_file_plays_whole),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named_with_the_reason),
		cmocka_unit_test(every_beginning_of_a_file_ends_or_is_refused),
		cmocka_unit_test(a_header_with_any_byte_changed_neither_hangs_nor_crashes),
		cmocka_unit_test(what_is_written_can_be_read_again_in_each_format),
		cmocka_unit_test(a_recording_without_a_sample_is_a_valid_file),
		cmocka_unit_test(the_file_wants_what_time_demands),
		cmocka_unit_test(an_older_recording_is_replaced_whole),
		cmocka_unit_test(a_call_that_never_begins_leaves_the_last_recording_alone),
		cmocka_unit_test(an_ending_we_do_not_write_is_wrong_usage_and_names_those_we_do),
		cmocka_unit_test(a_file_is_written_by_one_at_a_time),
		cmocka_unit_test(a_new_file_is_its_users_alone_and_an_older_one_keeps_its_mode),
		cmocka_unit_test(what_may_keep_us_waiting_is_no_file),
		cmocka_unit_test(a_place_that_cannot_be_written_is_named_with_the_reason),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_full_disk_ends_a_wav_at_once),
		cmocka_unit_test(a_killed_process_leaves_a_wav_that_plays),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
