#include "talk_report.h"

#include "log.h"

struct talk_report {
	struct ui *ui;
	guint live_s, source;
	const struct call *call;
	struct media_stats last;		/* as told last, of this call */
	struct media_stats sum;
	gboolean shown;				/* there is a live line, */
	struct { uint64_t lost, late, came, concealed_ms; gint64 at_us; } marks[2];	/* whose shares count from the older of these on */
	/* Words of the tables below; NULL: not known. RELAY: how ours is reached, NULL where there is none, too. PROTOCOL: what
	 * carries our datagrams, all the way or to our relay. */
	const char *transport, *local, *remote, *relay, *protocol;
};

struct talk_report *talk_report_new(struct ui *ui, guint live_s)
{
	struct talk_report *r = g_new0(struct talk_report, 1);

	r->ui = ui;
	r->live_s = live_s;
	r->sum.rtt_ms = -1;
	return r;
}

void talk_report_free(struct talk_report *r)
{
	if (!r)
		return;
	talk_report_rest(r);
	g_free(r);
}

void talk_report_path(struct talk_report *r, enum transport_kind transport, const struct ice_cand *local,
		      const struct ice_cand *remote)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};
	static const char *const transports[] = {[TRANSPORT_ICE_UDP] = "ice-udp", [TRANSPORT_RAW_UDP] = "raw-udp"};
	static const char *const protocols[] = {[TRANSPORT_ICE_UDP] = "udp", [TRANSPORT_RAW_UDP] = "raw udp"};
	static const char *const relays[] = {[SERVER_TURN_UDP] = "udp", [SERVER_TURN_TCP] = "tcp", [SERVER_TURN_TLS] = "tls"};

	r->transport = transports[transport];
	r->local = types[local->type];
	r->remote = types[remote->type];
	r->relay = local->type == ICE_RELAY ? relays[local->by] : NULL;
	r->protocol = local->type == ICE_RELAY ? r->relay : protocols[transport];
	ui_event(r->ui, "path", "transport", "s", r->transport, "local", "s", r->local, "remote", "s", r->remote,
		 "relay_protocol", "s", r->relay, "address", "s", remote->ip, NULL);
	log_info("talk", "path by %s: %s to %s at %s", r->transport, r->local, r->remote, remote->ip);
}

/* ---- figures as words ---- */

static double percent(uint64_t part, uint64_t rest)
{
	return part ? 100 * (double)part / (double)(part + rest) : 0;
}

static void add(GString *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GString *s, const char *format, ...)
{
	va_list ap;

	if (s->len)
		g_string_append(s, ", ");
	va_start(ap, format);
	g_string_append_vprintf(s, format, ap);
	va_end(ap);
}

static void add_pair(const struct talk_report *r, GString *s)
{
	if (r->local)
		add(s, "%s to %s%s%s", r->local, r->remote, r->protocol ? " by " : "", r->protocol ? r->protocol : "");
}

static void add_network(const struct media_stats *s, uint64_t lost, uint64_t late, uint64_t came, GString *out)
{
	if (s->rtt_ms >= 0)
		add(out, "round trip %.0f ms", s->rtt_ms);
	if (came + lost == 0) {
		add(out, "nothing came");	/* on hold, or a dead line: there is nothing to take shares of */
		return;
	}
	add(out, "jitter %.0f ms, buffer %.0f ms, lost %.1f %%, late %.1f %%", s->rx_jitter_ms, s->buffer_ms,
	    percent(lost, came), percent(late, came + lost - MIN(late, came + lost)));
}

/* ---- live ---- */

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void say_figures(struct talk_report *r, const struct media_stats *s)
{
	g_autoptr(GString) line = g_string_new(NULL);

	if (s->mos_now > 0)
		add(line, "MOS %.1f (G.107)", s->mos_now);
	add(line, "we %.0f dB, peer %.0f dB, %.0f/%.0f kbit/s", s->tx_level_db, s->rx_level_db, s->tx_bps / 1000, s->rx_bps / 1000);
	add_network(s, since(s->rx_lost, r->last.rx_lost), since(s->rx_late, r->last.rx_late),
		    since(s->rx_packets, r->last.rx_packets), line);
	add(line, "made up %.0f ms, stretched %.0f ms", (double)since(s->concealed_ms, r->last.concealed_ms),
	    (double)since(s->stretched_ms, r->last.stretched_ms));
	add_pair(r, line);
	ui_say(r->ui, "%s", line->str);
}

static void tell_figures(struct talk_report *r, const struct media_stats *now)
{
	struct media_stats s = *now;

	ui_event(r->ui, "stats", "transport", "s", r->transport, "local", "s", r->local, "remote", "s", r->remote, "relay_protocol", "s", r->relay,
		 "tx_packets", "i", (gint64)s.tx_packets, "rx_packets", "i", (gint64)s.rx_packets,
		 "rx_lost", "i", (gint64)s.rx_lost, "rx_late", "i", (gint64)s.rx_late, "rx_bad", "i", (gint64)s.rx_bad,
		 "fec_frames", "i", (gint64)s.fec_frames, "jitter_ms", "d", s.rx_jitter_ms, "rtt_ms", "d", s.rtt_ms,
		 "buffer_ms", "d", s.buffer_ms, "concealed_ms", "i", (gint64)s.concealed_ms,
		 "stretched_ms", "i", (gint64)s.stretched_ms, "target_bps", "i", (gint64)s.tx_target_bps,
		 "bitrate_bps", "d", s.tx_bps, "rx_bitrate_bps", "d", s.rx_bps,
		 "peer_loss", "d", s.peer_loss, "mos", "p", s.mos_now, "peer_mos", "p", s.peer_mos,
		 "level_db", "d", s.tx_level_db, "peer_level_db", "d", s.rx_level_db, NULL);
}

void talk_report_now(struct talk_report *r, const struct call *call)
{
	struct media_stats s;

	call_stats(call, &s);
	tell_figures(r, &s);
}

void talk_report_say(struct talk_report *r, const struct call *call)
{
	struct media_stats s;

	call_stats(call, &s);
	say_figures(r, &s);
}

static gboolean on_time(gpointer data)
{
	struct talk_report *r = data;
	struct media_stats s;

	call_stats(r->call, &s);
	tell_figures(r, &s);
	if (!r->shown)
		say_figures(r, &s);
	r->last = s;
	return G_SOURCE_CONTINUE;
}

void talk_report_live(struct talk_report *r, const struct call *call)
{
	if (!r->live_s || r->source)
		return;
	r->call = call;
	r->source = g_timeout_add_seconds(r->live_s, on_time, r);
}

/* ---- on a terminal ---- */

enum { MARK_US = 4 * G_USEC_PER_SEC };

static void mark(struct talk_report *r, const struct media_stats *s, gint64 now_us)
{
	if (r->shown && now_us - r->marks[0].at_us < MARK_US)
		return;
	r->marks[1] = r->marks[0];
	r->marks[0].lost = s->rx_lost;
	r->marks[0].late = s->rx_late;
	r->marks[0].came = s->rx_packets;
	r->marks[0].concealed_ms = s->concealed_ms;
	r->marks[0].at_us = now_us;
	if (!r->shown)
		r->marks[1] = r->marks[0];
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)MIN(part, whole) / (double)whole : -1;
}

static void add_figures(const struct talk_report *r, const struct media_stats *s, struct live *l)
{
	uint64_t lost = since(s->rx_lost, r->marks[1].lost), came = since(s->rx_packets, r->marks[1].came);

	l->level_db = s->tx_level_db;
	l->peer_level_db = s->rx_level_db;
	l->loss = share(lost, came + lost);
	l->late = share(since(s->rx_late, r->marks[1].late), came + lost);
	l->delay_ms = s->rtt_ms >= 0 ? s->rtt_ms / 2 + s->buffer_ms : -1;
	l->mos = s->mos_now;
	l->tx_bps = s->tx_bps;
	l->rx_bps = s->rx_bps;
	l->jitter_ms = s->rx_jitter_ms;
	l->buffer_ms = s->buffer_ms;
	l->concealed_ms = (double)since(s->concealed_ms, r->marks[1].concealed_ms);
}

void talk_report_show(struct talk_report *r, struct call *call, const struct talk_state *t)
{
	gboolean sdes = t->keying == KEYING_SDES, shown;
	struct live l = {.lasted_us = t->lasted_us, .muted = t->muted, .held = t->held, .peer_muted = t->peer_muted,
		.peer_held = t->peer_held, .silent = t->silent, .keying = t->suite ? sdes ? "SDES" : "DTLS" : NULL, .suite = t->suite,
		.servers_read = sdes, .figures = r->live_s > 0, .local = r->local, .remote = r->remote, .protocol = r->protocol};
	struct media_stats s;

	call_stats(call, &s);
	mark(r, &s, t->lasted_us);
	add_figures(r, &s, &l);
	shown = ui_live(r->ui, r, &l);
	if (shown != r->shown)
		call_watch(call, shown);
	r->shown = shown;
}

void talk_report_rest(struct talk_report *r)
{
	ui_live_end(r->ui, r);
	r->shown = FALSE;
	g_clear_handle_id(&r->source, g_source_remove);
	r->call = NULL;
	r->last = (struct media_stats){.rtt_ms = -1};
}

/* ---- the end ---- */

void talk_report_add(struct talk_report *r, const struct media_stats *more)
{
	struct media_stats sum = *more;

	sum.tx_packets += r->sum.tx_packets;
	sum.tx_bytes += r->sum.tx_bytes;
	sum.rx_packets += r->sum.rx_packets;
	sum.rx_bytes += r->sum.rx_bytes;
	sum.rx_lost += r->sum.rx_lost;
	sum.rx_late += r->sum.rx_late;
	sum.rx_bad += r->sum.rx_bad;
	sum.fec_frames += r->sum.fec_frames;
	sum.concealed_ms += r->sum.concealed_ms;
	sum.stretched_ms += r->sum.stretched_ms;
	r->sum = sum;
}

static double mean_bps(uint64_t bytes, gint64 us)
{
	return us > 0 ? (double)bytes * 8e6 / (double)us : 0;
}

static void say_sum(struct talk_report *r, gint64 talk_us)
{
	const struct media_stats *s = &r->sum;
	g_autoptr(GString) line = g_string_new(NULL);

	add_pair(r, line);
	add_network(s, s->rx_lost, s->rx_late, s->rx_packets, line);
	add(line, "made up %.1f s, stretched %.1f s, sent %.0f kbit/s, got %.0f kbit/s", (double)s->concealed_ms / 1e3,
	    (double)s->stretched_ms / 1e3, mean_bps(s->tx_bytes, talk_us) / 1000, mean_bps(s->rx_bytes, talk_us) / 1000);
	if (s->mos > 0)
		add(line, "MOS %.1f (estimated by the E-model, ITU-T G.107)", s->mos);
	if (r->live_s)
		ui_say(r->ui, "Sound: %s", line->str);
	else
		log_info("talk", "sound: %s", line->str);
}

void talk_report_end(struct talk_report *r, const struct talk_end *end)
{
	const struct media_stats *s = &r->sum;
	double seconds = (double)end->talk_us / 1e6;

	ui_event(r->ui, "ended", "peer", "s", end->peer, "status", "i", (gint64)jc_exit_status(end->err),
		 "reason", "s", jc_symbol(end->err), "text", "s", end->text, "duration_s", "d", seconds,
		 "transport", "s", r->transport, "local", "s", r->local, "remote", "s", r->remote, "relay_protocol", "s", r->relay,
		 "tx_packets", "i", (gint64)s->tx_packets, "rx_packets", "i", (gint64)s->rx_packets,
		 "rx_lost", "i", (gint64)s->rx_lost, "rx_late", "i", (gint64)s->rx_late, "rx_bad", "i", (gint64)s->rx_bad,
		 "fec_frames", "i", (gint64)s->fec_frames, "jitter_ms", "d", s->rx_jitter_ms, "rtt_ms", "d", s->rtt_ms,
		 "buffer_ms", "d", s->buffer_ms, "concealed_ms", "i", (gint64)s->concealed_ms,
		 "stretched_ms", "i", (gint64)s->stretched_ms, "bitrate_bps", "d", mean_bps(s->tx_bytes, end->talk_us),
		 "rx_bitrate_bps", "d", mean_bps(s->rx_bytes, end->talk_us), "mos", "p", s->mos, "peer_mos", "p", s->peer_mos, NULL);
	if (!end->talked)
		return;
	ui_say(r->ui, "Call with %s ended after %u:%02u", end->peer, (unsigned)seconds / 60, (unsigned)seconds % 60);
	say_sum(r, end->talk_us);
}
