#include "wire.h"

#include <srtp2/srtp.h>
#include <string.h>

#include "../err.h"

enum { EARLY = 8, MAX_SSRCS = 8, REPLAY_WINDOW = 1024 };

struct wire {
	struct wire_events ev;
	struct wire_counts counts;
	srtp_t tx, rx;
	struct { size_t len; uint8_t data[DATAGRAM_MAX]; } early[EARLY];
	unsigned early_count, ssrc_count;
	uint32_t ssrcs[MAX_SSRCS];
};

static const struct suite {
	enum srtp_suite suite;
	const char *name;
	size_t key_len, salt_len;
	void (*rtp)(srtp_crypto_policy_t *);
	void (*rtcp)(srtp_crypto_policy_t *);
} suites[] = {
	{SRTP_AES128_CM_SHA1_80, "AES_CM_128_HMAC_SHA1_80", 16, 14, srtp_crypto_policy_set_rtp_default,
	 srtp_crypto_policy_set_rtcp_default},
	{SRTP_AES128_CM_SHA1_32, "AES_CM_128_HMAC_SHA1_32", 16, 14, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
	 srtp_crypto_policy_set_rtcp_default},	/* RFC 5764 4.1.2: RTCP keeps the 80-bit tag */
	{SRTP_AEAD_AES_128_GCM, "AEAD_AES_128_GCM", 16, 12, srtp_crypto_policy_set_aes_gcm_128_16_auth,
	 srtp_crypto_policy_set_aes_gcm_128_16_auth},
	{SRTP_AEAD_AES_256_GCM, "AEAD_AES_256_GCM", 32, 12, srtp_crypto_policy_set_aes_gcm_256_16_auth,
	 srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

static const struct suite *find_suite(enum srtp_suite suite)
{
	for (size_t i = 0; i < G_N_ELEMENTS(suites); i++)
		if (suites[i].suite == suite)
			return &suites[i];
	return NULL;
}

const char *wire_suite_name(enum srtp_suite suite)
{
	const struct suite *s = find_suite(suite);

	return s ? s->name : "unknown";
}

static void init_library(void)
{
	static gsize once;

	if (g_once_init_enter(&once)) {
		if (srtp_init() != srtp_err_status_ok)
			g_error("libsrtp does not start");
		g_once_init_leave(&once, 1);
	}
}

void wire_warm_up(void)
{
	init_library();
}

struct wire *wire_new(const struct wire_events *events)
{
	struct wire *w = g_new0(struct wire, 1);

	init_library();
	w->ev = *events;
	return w;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	if (w->tx)
		srtp_dealloc(w->tx);
	if (w->rx)
		srtp_dealloc(w->rx);
	g_free(w);
}

static gboolean make(srtp_t *out, const struct srtp_keys *keys, srtp_ssrc_type_t direction, GError **error)
{
	const struct suite *s = find_suite(keys->suite);
	uint8_t material[46];
	srtp_policy_t policy;
	srtp_err_status_t status = srtp_err_status_bad_param;

	memset(&policy, 0, sizeof(policy));
	if (s) {
		s->rtp(&policy.rtp);
		s->rtcp(&policy.rtcp);
		policy.ssrc.type = direction;
		policy.window_size = REPLAY_WINDOW;
		policy.key = material;
		memcpy(material, keys->key, s->key_len);
		memcpy(material + s->key_len, keys->salt, s->salt_len);
		status = srtp_create(out, &policy);
		explicit_bzero(material, sizeof(material));
	}
	if (status == srtp_err_status_ok)
		return TRUE;
	g_set_error(error, JC_ERROR, JC_SECURITY, "the encryption suite %d cannot be used (libsrtp says %d)", (int)keys->suite,
		    (int)status);
	*out = NULL;
	return FALSE;
}

static gboolean looks_like_rtcp(const uint8_t *pkt)
{
	return pkt[1] >= 192 && pkt[1] <= 223;		/* RFC 5761 4 */
}

/* libsrtp makes a stream for each new SSRC of an authenticated packet: bounded here, since a peer may send any number. */
static gboolean ssrc_allowed(struct wire *w, const uint8_t *pkt, gboolean rtcp)
{
	uint32_t ssrc;

	memcpy(&ssrc, pkt + (rtcp ? 4 : 8), sizeof(ssrc));
	for (unsigned i = 0; i < w->ssrc_count; i++)
		if (w->ssrcs[i] == ssrc)
			return TRUE;
	if (w->ssrc_count == MAX_SSRCS)
		return FALSE;
	return TRUE;
}

static void remember_ssrc(struct wire *w, uint32_t ssrc)
{
	for (unsigned i = 0; i < w->ssrc_count; i++)
		if (w->ssrcs[i] == ssrc)
			return;
	if (w->ssrc_count < MAX_SSRCS)
		w->ssrcs[w->ssrc_count++] = ssrc;
}

static void count_failure(struct wire *w, srtp_err_status_t status)
{
	if (status == srtp_err_status_auth_fail)
		w->counts.auth_failed++;
	else if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
		w->counts.replayed++;
	else
		w->counts.malformed++;
}

static void take_srtp(struct wire *w, uint8_t *pkt, size_t len)
{
	gboolean rtcp = looks_like_rtcp(pkt);
	srtp_err_status_t status;
	int n = (int)len;
	uint32_t ssrc;

	if (len < (rtcp ? 8u : 12u) || len > DATAGRAM_MAX || !ssrc_allowed(w, pkt, rtcp)) {
		w->counts.malformed++;
		return;
	}
	memcpy(&ssrc, pkt + (rtcp ? 4 : 8), sizeof(ssrc));
	status = rtcp ? srtp_unprotect_rtcp(w->rx, pkt, &n) : srtp_unprotect(w->rx, pkt, &n);
	if (status != srtp_err_status_ok) {
		count_failure(w, status);
		return;
	}
	remember_ssrc(w, ssrc);
	if (rtcp)
		w->ev.rtcp(w->ev.self, pkt, (size_t)n);
	else
		w->ev.rtp(w->ev.self, pkt, (size_t)n);
}

gboolean wire_set_keys(struct wire *w, const struct srtp_keys *tx, const struct srtp_keys *rx, GError **error)
{
	srtp_t new_tx = NULL, new_rx = NULL;

	if (!make(&new_tx, tx, ssrc_any_outbound, error))
		return FALSE;
	if (!make(&new_rx, rx, ssrc_any_inbound, error)) {
		srtp_dealloc(new_tx);
		return FALSE;
	}
	if (w->tx)
		srtp_dealloc(w->tx);
	if (w->rx)
		srtp_dealloc(w->rx);
	w->tx = new_tx;
	w->rx = new_rx;
	w->ssrc_count = 0;
	for (unsigned i = 0; i < w->early_count; i++)
		take_srtp(w, w->early[i].data, w->early[i].len);
	w->early_count = 0;
	return TRUE;
}

static void keep_early(struct wire *w, const uint8_t *pkt, size_t len)
{
	w->counts.early++;
	if (w->early_count == EARLY || len > DATAGRAM_MAX)
		return;
	memcpy(w->early[w->early_count].data, pkt, len);
	w->early[w->early_count++].len = len;
}

/* RFC 7983: 0-3 STUN (libnice keeps it), 20-63 DTLS, 128-191 RTP and RTCP. */
void wire_input(struct wire *w, uint8_t *pkt, size_t len)
{
	if (len < 2)
		w->counts.malformed++;
	else if (pkt[0] >= 20 && pkt[0] <= 63)
		w->ev.handshake(w->ev.self, pkt, len);
	else if (pkt[0] < 128 || pkt[0] > 191)
		w->counts.other++;
	else if (w->rx)
		take_srtp(w, pkt, len);
	else
		keep_early(w, pkt, len);
}

size_t wire_protect_rtp(struct wire *w, uint8_t *pkt, size_t len, size_t cap)
{
	int n = (int)len;

	if (!w->tx || len < 12 || cap < len + WIRE_OVERHEAD || srtp_protect(w->tx, pkt, &n) != srtp_err_status_ok)
		return 0;
	return (size_t)n;
}

size_t wire_protect_rtcp(struct wire *w, uint8_t *pkt, size_t len, size_t cap)
{
	int n = (int)len;

	if (!w->tx || len < 8 || cap < len + WIRE_OVERHEAD || srtp_protect_rtcp(w->tx, pkt, &n) != srtp_err_status_ok)
		return 0;
	return (size_t)n;
}

const struct wire_counts *wire_counts(const struct wire *w)
{
	return &w->counts;
}
