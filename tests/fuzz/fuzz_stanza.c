/* A stanza of the peer: parser, bounds, Jingle message, session as responder and as initiator, JMI, disco. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/jmi.h"
#include "jingle/rawudp.h"
#include "jingle/rtp.h"
#include "jingle/sdes.h"
#include "jingle/session.h"
#include "text.h"
#include "xmpp/disco.h"
#include "xmpp/stanza.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct jingle_session *s)
{
	struct jingle_out out;

	while (jingle_next(s, &out))
		if (out.kind == JINGLE_OUT_SEND)
			elem_free(out.jingle);
}

static void no_random(uint8_t *out, size_t len)
{
	memset(out, 42, len);
}

static void talk(const struct jingle_msg *m, gboolean initiator)
{
	struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true};
	struct dtls_fingerprint fp = {.len = 32};
	struct ice_creds creds = {"abcd", "abcdefghijklmnopqrstuvwx"};
	struct rtp_app *app = rtp_app_new(&wishes, 1, "fuzz");
	struct iceudp *ice = iceudp_new();
	struct rawudp *raw = rawudp_new();
	struct dtls_fp *keying = dtls_fp_new(&fp);
	struct sdes *sdes = sdes_new(no_random);
	struct jingle_plugs plugs = {.apps = {{&jingle_rtp, app}}, .napps = 1,
				     .transports = {{&jingle_iceudp, ice}, {&jingle_rawudp, raw}}, .ntransports = 2,
				     .keyings = {{&jingle_dtls_fp, keying}, {&jingle_sdes, sdes}}, .nkeyings = 2};
	struct jingle_session *s;

	iceudp_local_creds(ice, &creds);
	s = (initiator ? jingle_dial : jingle_incoming)(m->sid, "a@b/c", "d@e/f", &plugs);
	if (initiator)
		jingle_start(s, 0);
	jingle_recv(s, m, 1);
	drain(s);
	jingle_accept(s, 2);
	jingle_replace_accept(s, 2);
	if (initiator)
		jingle_replace(s, 2);
	jingle_recv(s, m, 3);
	jingle_end(s, JC_OK, NULL, 4);
	drain(s);
	jingle_free(s);
	rtp_app_free(app);
	iceudp_free(ice);
	rawudp_free(raw);
	dtls_fp_free(keying);
	sdes_free(sdes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size), *clean = text_clean(text, 500), *hash = NULL;
	elem_auto e = elem_parse(text);
	gboolean sent;
	struct jingle_msg j;
	struct jmi_msg m;

	g_assert_true(g_utf8_validate(clean, -1, NULL));
	if (!e)
		return 0;
	if (jingle_msg_read(&j, elem_child(e, "jingle", NULL)) == COND_OK) {
		talk(&j, TRUE);
		talk(&j, FALSE);
	}
	jmi_read(e, &m);
	jmi_unwrap_carbon(e, "a@b", &sent);
	jmi_is_old(e, 1000);
	hash = disco_hash(elem_child(e, "query", NULL));
	return 0;
}
