/* A session in each of its states, and what a peer may say to it one after the other: the input is cut into messages at its line
 * ends, and the first byte of each says what else happens before it. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/rawudp.h"
#include "jingle/rtp.h"
#include "jingle/session.h"
#include "xmpp/stanza.h"

enum { MAX_MESSAGES = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct jingle_session *s;
	guint tag;			/* of our last request */
	unsigned ended;
};

static void drain(struct state *st)
{
	struct jingle_out out;

	while (jingle_next(st->s, &out)) {
		g_assert_cmpuint(st->ended, ==, 0);		/* nothing comes after the end */
		if (out.kind == JINGLE_OUT_SEND) {
			st->tag = out.tag;
			elem_free(out.jingle);
		} else if (out.event == JINGLE_EV_ENDED) {
			st->ended++;
		}
	}
}

static void happen(struct state *st, uint8_t what, gint64 now_ms)
{
	struct jingle_session *s = st->s;

	switch (what % 12) {
	case 0: jingle_accept(s, now_ms); break;
	case 1: jingle_ring(s, now_ms); break;
	case 2: jingle_acked(s, st->tag, COND_OK, now_ms); break;
	case 3: jingle_acked(s, st->tag, what / 12 % 2 ? COND_TIE_BREAK : COND_OUT_OF_ORDER, now_ms); break;
	case 4: jingle_trickle(s, now_ms); break;
	case 5: jingle_replace(s, now_ms); break;
	case 6: jingle_replace_accept(s, now_ms); break;
	case 7: jingle_senders(s, (enum jingle_senders)(what / 12 % 4), now_ms); break;
	case 8: jingle_ping(s, now_ms); break;
	case 9: jingle_expire(s, now_ms); break;
	default: break;			/* mostly nothing */
	}
	drain(st);
}

static void hear(struct state *st, const char *text, gint64 now_ms)
{
	elem_auto e = elem_parse(text);
	struct jingle_msg m;

	if (e && jingle_msg_read(&m, e) == COND_OK) {
		jingle_recv(st->s, &m, now_ms);
		drain(st);
	}
}

static void run(char **lines, gboolean initiator)
{
	struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true};
	struct dtls_fingerprint fp = {.len = 32};
	struct ice_creds creds = {"abcd", "abcdefghijklmnopqrstuvwx"};
	struct rtp_app *app = rtp_app_new(&wishes, 1, "fuzz");
	struct iceudp *ice = iceudp_new();
	struct rawudp *raw = rawudp_new();
	struct dtls_fp *keying = dtls_fp_new(&fp);
	struct jingle_plugs plugs = {.apps = {{&jingle_rtp, app}}, .napps = 1,
				     .transports = {{&jingle_iceudp, ice}, {&jingle_rawudp, raw}}, .ntransports = 2,
				     .keyings = {{&jingle_dtls_fp, keying}}, .nkeyings = 1};
	struct state st = {.s = (initiator ? jingle_dial : jingle_incoming)("s1", "a@b/c", "d@e/f", &plugs)};

	iceudp_local_creds(ice, &creds);
	if (initiator)
		jingle_start(st.s, 0);
	for (int i = 0; lines[i] && i < MAX_MESSAGES; i++) {
		if (!*lines[i])
			continue;
		happen(&st, (uint8_t)lines[i][0], i * 1000);
		hear(&st, lines[i] + 1, i * 1000 + 500);
	}
	jingle_end(st.s, JC_OK, NULL, 100000);
	drain(&st);
	g_assert_cmpuint(st.ended, ==, 1);			/* and it comes once */
	jingle_free(st.s);
	rtp_app_free(app);
	iceudp_free(ice);
	rawudp_free(raw);
	dtls_fp_free(keying);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = NULL;

	if (!g_utf8_validate(text, -1, NULL))
		return 0;
	lines = g_strsplit(text, "\n", -1);
	run(lines, TRUE);
	run(lines, FALSE);
	return 0;
}
