/* A stanza of the peer: parser, bounds, Jingle message, session as responder and as initiator, JMI, disco. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "jingle/dtls_fp.h"
#include "jingle/iceudp.h"
#include "jingle/jmi.h"
#include "jingle/rtp.h"
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

static void talk(const struct elem *jingle, gboolean initiator)
{
	struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000, .complexity = 5, .fec = true};
	struct dtls_fingerprint fp = {.len = 32};
	struct ice_creds creds = {"abcd", "abcdefghijklmnopqrstuvwx"};
	struct jingle_plugs plugs = {.app = &jingle_rtp, .transport = &jingle_iceudp, .keying = &jingle_dtls_fp};
	struct jingle_session *s;
	struct jingle_msg m;

	if (jingle_msg_read(&m, jingle) != COND_OK)
		return;
	plugs.app_self = rtp_app_new(&wishes, 1, "fuzz");
	plugs.transport_self = iceudp_new();
	plugs.keying_self = dtls_fp_new(&fp);
	iceudp_local_creds(plugs.transport_self, &creds);
	s = (initiator ? jingle_dial : jingle_incoming)(m.sid, "a@b/c", "d@e/f", &plugs);
	if (initiator)
		jingle_start(s, 0);
	jingle_recv(s, &m, 1);
	drain(s);
	jingle_accept(s, 2);
	jingle_recv(s, &m, 3);
	jingle_end(s, JC_OK, NULL, 4);
	drain(s);
	jingle_free(s);
	rtp_app_free(plugs.app_self);
	iceudp_free(plugs.transport_self);
	dtls_fp_free(plugs.keying_self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size), *clean = text_clean(text, 500), *hash = NULL;
	elem_auto e = elem_parse(text);
	gboolean sent;
	struct jmi_msg m;

	g_assert_true(g_utf8_validate(clean, -1, NULL));
	if (!e)
		return 0;
	talk(elem_child(e, "jingle", NULL), TRUE);
	talk(elem_child(e, "jingle", NULL), FALSE);
	jmi_read(e, &m);
	jmi_unwrap_carbon(e, "a@b", &sent);
	jmi_is_old(e, 1000);
	hash = disco_hash(elem_child(e, "query", NULL));
	return 0;
}
