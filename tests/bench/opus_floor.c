/* opus_floor - what bare libopus costs for a minute of call: one encoder and one decoder, nothing else. It is the floor
 * under the CPU figures of jcall, so it uses the library itself and none of our code.
 *
 * opus_floor [-b BIT/S] [-c COMPLEXITY] [-f LOSS%] [-p MS] [-n RUNS] [FILE]
 *   FILE: raw s16 mono 48 kHz, repeated to a minute; without it synthetic speech. -f switches FEC on with that loss told.
 * Prints one line of JSON: CPU seconds per minute of audio, the best of RUNS (3). */
#include <errno.h>
#include <math.h>
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RATE = 48000, SECONDS = 60, SAMPLES = RATE * SECONDS, MAX_FRAME = RATE * 60 / 1000, MAX_PAYLOAD = 1275 };

struct settings {
	int bitrate, complexity, loss, ptime_ms, runs;
	const char *file;
};

struct result {
	double encode_s, decode_s;
	long bytes;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "opus_floor: %s: %s\n", what, why);
	exit(2);
}

static double cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the sound ---- */

static void read_file(const char *path, int16_t *pcm)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		die(path, strerror(errno));
	n = fread(pcm, sizeof(*pcm), SAMPLES, f);
	fclose(f);
	if (n < RATE)
		die(path, "less than a second of sound");
	for (size_t i = n; i < SAMPLES; i++)
		pcm[i] = pcm[i - n];
}

/* Syllables of moving pitch through two resonances, pauses between: enough to make the encoder work as for a voice. */
static void make_speech(int16_t *pcm)
{
	double y[2][2] = {{0}}, hz[2] = {500, 1500}, phase = 0, pitch = 120, gain = 0.5;
	uint32_t seed = 1;
	int left = 0, length = 1;

	for (int i = 0; i < SAMPLES; i++) {
		double x, out = 0;

		seed = seed * 1664525u + 1013904223u;
		if (left-- == 0) {
			length = left = RATE / 10 + (int)(seed >> 8) % (RATE / 5);
			gain = (seed >> 20) % 7 == 0 ? 0 : 0.5;
			pitch = 100 + (seed >> 12) % 90;
			hz[0] = 300 + (seed >> 9) % 500;
			hz[1] = 900 + (seed >> 10) % 1500;
		}
		phase += pitch / RATE;
		x = ((double)(seed >> 8) / (1 << 23) - 1) * 0.02;
		if (phase >= 1) {
			phase -= 1;
			x += 1;
		}
		for (int k = 0; k < 2; k++) {
			double now = x + 1.98 * cos(2 * M_PI * hz[k] / RATE) * y[k][0] - 0.98 * y[k][1];

			y[k][1] = y[k][0];
			y[k][0] = now;
			out += now;
		}
		out *= gain * 6000 * sin(M_PI * left / length);
		pcm[i] = (int16_t)(out > 32000 ? 32000 : out < -32000 ? -32000 : out);
	}
}

/* ---- the measurement ---- */

static OpusEncoder *encoder(const struct settings *s)
{
	int err;
	OpusEncoder *e = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &err);

	if (!e)
		die("the encoder does not start", opus_strerror(err));
	opus_encoder_ctl(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	opus_encoder_ctl(e, OPUS_SET_BITRATE(s->bitrate));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(s->complexity));
	opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(s->loss > 0));
	opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(s->loss));
	return e;
}

/* All is encoded first and then decoded, so that the two clocks are read twice and not in every frame. */
static struct result run(const struct settings *s, const int16_t *pcm)
{
	static unsigned char packets[SECONDS * 100][MAX_PAYLOAD];
	static int lens[SECONDS * 100];
	int16_t out[MAX_FRAME];
	int frame = s->ptime_ms * RATE / 1000, frames = SAMPLES / frame, err;
	OpusEncoder *e = encoder(s);
	OpusDecoder *d = opus_decoder_create(RATE, 1, &err);
	struct result r = {0};
	double t = cpu_now();

	if (!d)
		die("the decoder does not start", opus_strerror(err));
	for (int i = 0; i < frames; i++) {
		lens[i] = opus_encode(e, pcm + (size_t)i * (size_t)frame, frame, packets[i], MAX_PAYLOAD);
		if (lens[i] < 0)
			die("a frame cannot be encoded", opus_strerror(lens[i]));
		r.bytes += lens[i];
	}
	r.encode_s = cpu_now() - t;
	t = cpu_now();
	for (int i = 0; i < frames; i++)
		if (opus_decode(d, packets[i], lens[i], out, frame, 0) != frame)
			die("a frame cannot be decoded", "wrong length");
	r.decode_s = cpu_now() - t;
	opus_encoder_destroy(e);
	opus_decoder_destroy(d);
	return r;
}

static int number(const char *text, int least, int most)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*end || end == text || v < least || v > most)
		die(text, "no number in range");
	return (int)v;
}

static struct settings parse(int argc, char **argv)
{
	struct settings s = {.bitrate = 32000, .complexity = 10, .loss = 0, .ptime_ms = 20, .runs = 3};
	int c;

	while ((c = getopt(argc, argv, "b:c:f:p:n:")) != -1) {
		switch (c) {
		case 'b': s.bitrate = number(optarg, 6000, 510000); break;
		case 'c': s.complexity = number(optarg, 0, 10); break;
		case 'f': s.loss = number(optarg, 0, 100); break;
		case 'p': s.ptime_ms = number(optarg, 10, 60); break;
		case 'n': s.runs = number(optarg, 1, 100); break;
		default: exit(2);
		}
	}
	if (s.ptime_ms != 10 && s.ptime_ms != 20 && s.ptime_ms != 40 && s.ptime_ms != 60)
		die("-p", "10, 20, 40 or 60");
	s.file = argv[optind];
	return s;
}

int main(int argc, char **argv)
{
	struct settings s = parse(argc, argv);
	int16_t *pcm = malloc(SAMPLES * sizeof(*pcm));
	struct result best = {0};

	if (!pcm)
		die("memory", "there is none");
	if (s.file)
		read_file(s.file, pcm);
	else
		make_speech(pcm);
	for (int i = 0; i < s.runs; i++) {
		struct result r = run(&s, pcm);

		if (i == 0 || r.encode_s + r.decode_s < best.encode_s + best.decode_s)
			best = r;
	}
	printf("{\"bitrate\": %d, \"complexity\": %d, \"loss\": %d, \"ptime_ms\": %d, \"kbit_s\": %.1f, "
	       "\"encode_s\": %.3f, \"decode_s\": %.3f, \"cpu_s_per_min\": %.3f}\n", s.bitrate, s.complexity, s.loss, s.ptime_ms,
	       (double)best.bytes * 8 / SECONDS / 1000, best.encode_s, best.decode_s, best.encode_s + best.decode_s);
	free(pcm);
	return 0;
}
