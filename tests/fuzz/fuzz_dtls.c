/* Datagrams of anybody in the midst of a DTLS handshake. The first byte says in which role we are, and how many flights of a real
 * peer come first: none; all, so that the handshake is done; or some. Whatever comes then, there are never keys unless the real peer has
 * made them with us, what is done stays done, and only the real peer ends it. */
#include <glib.h>
#include <stdint.h>

#include "cut.h"
#include "log.h"
#include "net/dtls.h"

enum { MAX_PACKETS = 60, STEP_US = 90000, DONE_AFTER = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
	struct dtls *dtls;
	GQueue *to;			/* GBytes: what it has sent */
};

static void on_send(void *self, const uint8_t *data, size_t len)
{
	g_queue_push_tail(((struct side *)self)->to, g_bytes_new(data, len));
}

/* One datagram of FROM reaches TO; FALSE: there is none. */
static gboolean pass(struct side *from, struct side *to, gint64 now_us)
{
	GBytes *datagram = g_queue_pop_head(from->to);
	gsize len;
	const uint8_t *data;

	if (!datagram)
		return FALSE;
	data = g_bytes_get_data(datagram, &len);
	dtls_input(to->dtls, data, len, now_us);
	g_bytes_unref(datagram);
	return TRUE;
}

static void open_side(struct side *s, const struct dtls_cert *cert, gboolean client)
{
	struct dtls_fingerprint print = {.len = 0};

	dtls_cert_fingerprint(cert, &print);
	s->to = g_queue_new();
	s->dtls = dtls_new(cert, client, &print, on_send, s, NULL);
	dtls_start(s->dtls, 1);
}

static void close_side(struct side *s)
{
	dtls_free(s->dtls);
	g_queue_free_full(s->to, (GDestroyNotify)g_bytes_unref);
}

/* What forged datagrams made us say must not be taken for our goodbye either. */
static void is_unimpressed(struct side *peer, struct side *us, gint64 now_us)
{
	struct srtp_keys tx, rx;
	gboolean done = dtls_keys(peer->dtls, &tx, &rx);

	while (pass(us, peer, now_us))
		;
	g_assert_true(!done || (dtls_keys(peer->dtls, &tx, &rx) && !dtls_closed(peer->dtls)));
}

static void flood(struct side *us, struct cut *cut, gint64 now_us)
{
	struct srtp_keys tx, rx;
	gboolean done = dtls_keys(us->dtls, &tx, &rx);
	uint8_t *packet;
	size_t len;

	for (unsigned i = 0; i < MAX_PACKETS && (packet = cut_next(cut, &len)) != NULL; i++) {
		enum dtls_status status = dtls_input(us->dtls, packet, len, now_us += STEP_US);

		g_free(packet);
		g_assert_true(!done || status == DTLS_DONE);
		g_assert_true(done == dtls_keys(us->dtls, &tx, &rx));
		g_assert_false(dtls_closed(us->dtls));
		if (dtls_deadline(us->dtls) <= now_us)
			dtls_expire(us->dtls, now_us);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dtls_cert *cert;
	struct side us, peer;
	struct cut cut = {data + 1, size - 1};
	gint64 now_us = 1;

	if (!size)
		return 0;
	if (!cert)
		cert = dtls_cert_new(NULL);
	log_threshold = LOG_ERROR;
	open_side(&us, cert, data[0] & 1);
	open_side(&peer, cert, !(data[0] & 1));
	for (unsigned i = 0; i < (data[0] >> 1) % (DONE_AFTER + 1); i++) {
		now_us += STEP_US / 10;
		pass(&us, &peer, now_us);
		pass(&peer, &us, now_us);
	}
	flood(&us, &cut, now_us);
	is_unimpressed(&peer, &us, now_us + MAX_PACKETS * STEP_US);
	dtls_bye(us.dtls);
	close_side(&us);
	close_side(&peer);
	return 0;
}
