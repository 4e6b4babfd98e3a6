/* heard REF TRACE HEARD IDEAL [BITRATE [LINE_BPS QUEUE_MS]] - one call through a network of a trace, with the real engine on both
 * sides and faster than real time; and the same packets through an ideal buffer.
 *
 * REF, HEARD and IDEAL are raw samples (48 kHz, mono, int16): what is said; what is heard, on the speaker's clock; and what is
 * heard if every packet that arrives at all is waited for, the lost are rebuilt from FEC where the next has it, and the rest is
 * concealed. TRACE has a line per packet: number, time of sending, time of arrival [ms] or "-". Prints figures as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/codec.h"
#include "media/rtp.h"
#include "sim.h"

enum { FRAME = AUDIO_RATE / 50, SETTLE_US = 5000000, BACK_US = 40000 };

struct packet { size_t len; gboolean arrives; guint8 bytes[CODEC_MAX_PAYLOAD]; };

static void keep(void *ctx, const guint8 *pkt, size_t len, gboolean arrives)
{
	struct packet p = {.arrives = arrives};
	struct rtp_header h;
	const uint8_t *payload;

	g_assert(rtp_read(pkt, len, &h, &payload, &p.len) && p.len <= sizeof(p.bytes));
	memcpy(p.bytes, payload, p.len);
	g_array_append_val((GArray *)ctx, p);
}

static GArray *read_trace(const char *path)
{
	GArray *fates = g_array_new(FALSE, FALSE, sizeof(gint64));
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		exit(2);
	lines = g_strsplit(text, "\n", -1);
	for (char **l = lines; *l && **l; l++) {
		g_auto(GStrv) word = g_strsplit(*l, " ", 3);
		gint64 fate = strcmp(word[2], "-") == 0 ? -1 :
			(gint64)((g_ascii_strtod(word[2], NULL) - g_ascii_strtod(word[1], NULL)) * 1000);

		g_array_append_val(fates, fate);
	}
	return fates;
}

static void write_raw(const char *path, const gint16 *pcm, size_t n)
{
	if (!g_file_set_contents(path, (const char *)pcm, (gssize)(n * sizeof(*pcm)), NULL))
		exit(2);
}

/* Returns the share of the packets that is concealed. */
static double ideal(const GArray *packets, const char *path)
{
	struct decoder *d = decoder_new(CODEC_OPUS, NULL);
	gint16 *pcm = g_new0(gint16, packets->len * FRAME + CODEC_MAX_FRAME);
	size_t at = 0, concealed = 0;

	for (guint i = 0; i < packets->len; i++, at += FRAME) {
		const struct packet *p = &g_array_index(packets, struct packet, i);
		const struct packet *next = i + 1 < packets->len ? p + 1 : NULL;
		size_t n = 0;

		if (p->arrives)
			n = decoder_decode(d, p->bytes, p->len, pcm + at);
		else if (next && next->arrives && decoder_has_fec(d, next->bytes, next->len))
			n = decoder_fec(d, next->bytes, next->len, FRAME, pcm + at);
		if (!n)
			concealed += decoder_conceal(d, FRAME, pcm + at) > 0;
	}
	write_raw(path, pcm, at);
	g_free(pcm);
	decoder_free(d);
	return (double)concealed / packets->len;
}

static void print(struct sim_side *juliet, struct sim_side *romeo, const struct media_stats *before, double bound, double seconds)
{
	struct media_stats heard, sent;

	engine_stats(romeo->engine, &heard);
	engine_stats(juliet->engine, &sent);
	printf("{\"concealed\": %.5f, \"bound\": %.5f, \"stretched\": %.5f, \"late\": %d, \"lost\": %d, \"fec\": %d, \"sent\": %d, \"bps\": %.0f, "
	       "\"target_bps\": %u, \"mos\": %.2f}\n",
	       (double)(heard.concealed_ms - before->concealed_ms) / (double)(heard.played_ms - before->played_ms), bound,
	       (double)(heard.stretched_ms - before->stretched_ms) / (double)(heard.played_ms - before->played_ms),
	       (int)heard.rx_late, (int)heard.rx_lost, (int)heard.fec_frames, (int)sent.tx_packets,
	       (double)sent.tx_bytes * 8 / seconds, sent.tx_target_bps, heard.mos);
}

static void set_up(struct sim_side *s, size_t room, gint64 delay_us)
{
	s->in.live = s->in.endless = TRUE;
	s->in.chunk = s->out.chunk = AUDIO_RATE / 100;
	s->out.room = room;
	s->net.delay_us = delay_us;
	s->net.seed = 7;
}

int main(int argc, char **argv)
{
	struct sim_side juliet = {0}, romeo = {0};
	struct media_params params = {.tx_pt = 111, .rx = {{111, CODEC_OPUS}}, .rx_count = 1, .ptime_ms = 20, .bitrate_bps = 32000,
				      .complexity = 10, .fec = true, .tx_ssrc = 0x1000, .cname = "sim"};
	GArray *packets = g_array_new(FALSE, FALSE, sizeof(struct packet)), *fates;
	struct media_stats before;
	g_autofree char *ref = NULL;
	gsize bytes;
	double seconds;

	if (argc < 5 || !g_file_get_contents(argv[1], &ref, &bytes, NULL))
		return 2;
	if (argc > 5)
		params.bitrate_bps = (unsigned)strtoul(argv[5], NULL, 10);
	seconds = (double)bytes / 2 / AUDIO_RATE;
	fates = read_trace(argv[2]);
	set_up(&juliet, bytes / 2 + AUDIO_RATE, 0);
	set_up(&romeo, bytes / 2 + AUDIO_RATE, BACK_US);
	juliet.in.pcm = (const gint16 *)(const void *)ref;
	juliet.in.len = bytes / 2;
	juliet.net.fates = (const gint64 *)(const void *)fates->data;
	juliet.net.nfates = fates->len;
	juliet.net.delay_us = BACK_US;
	juliet.net.tap = keep;
	juliet.net.ctx = packets;
	if (argc > 7) {
		juliet.net.rate_bps = (gint64)strtoul(argv[6], NULL, 10);
		juliet.net.queue_us = (gint64)strtoul(argv[7], NULL, 10) * 1000;
	}
	sim_open(&juliet, &params, 4000);
	params.tx_ssrc = 0x2000;
	sim_open(&romeo, &params, 5000);
	sim_run(&juliet, &romeo, SIM_START + SETTLE_US);
	engine_stats(romeo.engine, &before);
	sim_run(&juliet, &romeo, SIM_START + (gint64)(seconds * 1e6));
	write_raw(argv[3], romeo.out.pcm, romeo.out.len);
	print(&juliet, &romeo, &before, ideal(packets, argv[4]), seconds);
	sim_close(&juliet);
	sim_close(&romeo);
	g_array_free(packets, TRUE);
	g_array_free(fates, TRUE);
	return 0;
}
