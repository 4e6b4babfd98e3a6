/* DTLS and SRTP joined in memory: keys only for the right certificate, packets only with keys. */
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "err.h"
#include "net/dtls.h"
#include "net/wire.h"

struct end {
	struct dtls_cert *cert;
	struct dtls *dtls;
	GQueue *to;			/* datagrams on their way to the other side */
	unsigned sent;
};

struct link {
	struct end a, b;		/* a: client */
	GRand *rand;
	double loss;
	gint64 now_us;
};

static void send_datagram(void *self, const uint8_t *data, size_t len)
{
	struct end *e = self;

	assert_in_range(len, 1, 1200);
	e->sent++;
	g_queue_push_tail(e->to, g_bytes_new(data, len));
}

static void link_new(struct link *l, const struct dtls_fingerprint *a_expects, const struct dtls_fingerprint *b_expects)
{
	struct dtls_fingerprint fa, fb;

	memset(l, 0, sizeof(*l));
	l->rand = g_rand_new_with_seed(7);
	l->now_us = 1000000;
	l->a.cert = dtls_cert_new(NULL);
	l->b.cert = dtls_cert_new(NULL);
	l->a.to = g_queue_new();
	l->b.to = g_queue_new();
	dtls_cert_fingerprint(l->a.cert, &fa);
	dtls_cert_fingerprint(l->b.cert, &fb);
	l->a.dtls = dtls_new(l->a.cert, TRUE, a_expects ? a_expects : &fb, send_datagram, &l->a, NULL);
	l->b.dtls = dtls_new(l->b.cert, FALSE, b_expects ? b_expects : &fa, send_datagram, &l->b, NULL);
}

static void free_bytes(gpointer data)
{
	g_bytes_unref(data);
}

static void link_free(struct link *l)
{
	dtls_free(l->a.dtls);
	dtls_free(l->b.dtls);
	dtls_cert_free(l->a.cert);
	dtls_cert_free(l->b.cert);
	g_queue_free_full(l->a.to, free_bytes);
	g_queue_free_full(l->b.to, free_bytes);
	g_rand_free(l->rand);
}

static void carry(struct link *l, struct end *from, struct dtls *to)
{
	GBytes *b;

	while ((b = g_queue_pop_head(from->to)) != NULL) {
		gsize n;
		const uint8_t *data = g_bytes_get_data(b, &n);

		if (g_rand_double(l->rand) >= l->loss)
			dtls_input(to, data, n, l->now_us);
		g_bytes_unref(b);
	}
}

static enum dtls_status status(struct dtls *d)
{
	struct srtp_keys tx, rx;

	return dtls_error(d) ? DTLS_FAILED : dtls_keys(d, &tx, &rx) ? DTLS_DONE : DTLS_HANDSHAKING;
}

static void shake(struct link *l)
{
	dtls_start(l->a.dtls, l->now_us);
	dtls_start(l->b.dtls, l->now_us);
	for (int i = 0; i < 10; i++) {
		carry(l, &l->a, l->b.dtls);
		carry(l, &l->b, l->a.dtls);
	}
}

static void both_sides_get_the_same_keys(void **state)
{
	struct link l;
	struct srtp_keys atx, arx, btx, brx;

	link_new(&l, NULL, NULL);
	shake(&l);
	assert_true(dtls_keys(l.a.dtls, &atx, &arx) && dtls_keys(l.b.dtls, &btx, &brx));
	assert_int_equal(atx.suite, SRTP_AEAD_AES_128_GCM);
	assert_memory_equal(atx.key, brx.key, 16);
	assert_memory_equal(atx.salt, brx.salt, 12);
	assert_memory_equal(arx.key, btx.key, 16);
	assert_memory_not_equal(atx.key, arx.key, 16);
	link_free(&l);
}

static void a_certificate_that_was_not_announced_gives_no_keys(void **state)
{
	struct dtls_fingerprint wrong = {.hash = DTLS_SHA256, .len = 32, .value = {1, 2, 3}};
	struct link l;

	link_new(&l, &wrong, NULL);
	shake(&l);
	assert_int_equal(status(l.a.dtls), DTLS_FAILED);
	assert_int_equal(dtls_error(l.a.dtls)->code, JC_SECURITY);
	link_free(&l);
	link_new(&l, NULL, &wrong);
	shake(&l);
	assert_int_equal(status(l.b.dtls), DTLS_FAILED);
	assert_int_equal(dtls_error(l.b.dtls)->code, JC_SECURITY);
	link_free(&l);
}

static void no_common_srtp_profile_gives_no_keys(void **state)
{
	struct link l;

	link_new(&l, NULL, NULL);
	dtls_set_profiles(l.a.dtls, "SRTP_AES128_CM_SHA1_32");
	shake(&l);
	assert_int_not_equal(status(l.a.dtls), DTLS_DONE);
	assert_int_not_equal(status(l.b.dtls), DTLS_DONE);
	link_free(&l);
}

static void a_peer_without_gcm_gets_aes_cm(void **state)
{
	struct srtp_keys tx, rx;
	struct link l;

	link_new(&l, NULL, NULL);
	dtls_set_profiles(l.b.dtls, "SRTP_AES128_CM_SHA1_80");
	shake(&l);
	assert_true(dtls_keys(l.a.dtls, &tx, &rx));
	assert_int_equal(tx.suite, SRTP_AES128_CM_SHA1_80);
	link_free(&l);
}

static gint64 patience_ms(struct link *l, struct dtls *d)
{
	return (dtls_deadline(d) - l->now_us) / 1000;
}

/* Dino takes 204 ms for a flight of five messages, and 50 ms for each that is repeated meanwhile. */
static void a_hello_is_repeated_soon_and_a_whole_flight_when_a_slow_peer_had_time_for_it(void **state)
{
	struct link l;

	link_new(&l, NULL, NULL);
	dtls_start(l.b.dtls, l.now_us);
	dtls_start(l.a.dtls, l.now_us);
	assert_in_range(patience_ms(&l, l.a.dtls), 1, 100);
	carry(&l, &l.a, l.b.dtls);
	assert_in_range(patience_ms(&l, l.b.dtls), 101, 300);
	carry(&l, &l.b, l.a.dtls);
	assert_in_range(patience_ms(&l, l.a.dtls), 101, 300);
	link_free(&l);
}

/* Five datagrams would have to arrive, each of them. */
static void a_flight_is_one_datagram_also_when_it_is_repeated(void **state)
{
	struct link l;

	link_new(&l, NULL, NULL);
	dtls_start(l.b.dtls, l.now_us);
	dtls_start(l.a.dtls, l.now_us);
	carry(&l, &l.a, l.b.dtls);
	assert_int_equal(l.b.sent, 1);
	g_usleep((gulong)(dtls_deadline(l.b.dtls) - l.now_us) + 10000);		/* OpenSSL's clock is its own */
	dtls_expire(l.b.dtls, dtls_deadline(l.b.dtls));
	assert_int_equal(l.b.sent, 2);
	g_bytes_unref(g_queue_pop_head(l.b.to));				/* the first was lost */
	carry(&l, &l.b, l.a.dtls);
	carry(&l, &l.a, l.b.dtls);		/* its hello once more, too: that took it so long */
	carry(&l, &l.b, l.a.dtls);
	assert_int_equal(status(l.a.dtls), DTLS_DONE);
	link_free(&l);
}

static void garbage_does_not_end_a_handshake(void **state)
{
	uint8_t junk[100];
	struct link l;

	link_new(&l, NULL, NULL);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(22 + i * 7);
	for (size_t n = 0; n <= sizeof(junk); n++)
		dtls_input(l.b.dtls, junk, n, l.now_us);
	shake(&l);
	assert_int_equal(status(l.a.dtls), DTLS_DONE);
	link_free(&l);
}

static void goodbye_is_noticed(void **state)
{
	struct link l;

	link_new(&l, NULL, NULL);
	shake(&l);
	assert_false(dtls_closed(l.b.dtls));
	dtls_bye(l.a.dtls);
	carry(&l, &l.a, l.b.dtls);
	assert_true(dtls_closed(l.b.dtls));
	link_free(&l);
}

/* ---- SRTP ---- */

struct heard { unsigned rtp, rtcp, handshake; size_t last; };

static void on_rtp(void *self, uint8_t *pkt, size_t len)
{
	struct heard *h = self;

	h->rtp++;
	h->last = len;
}

static void on_rtcp(void *self, uint8_t *pkt, size_t len)
{
	((struct heard *)self)->rtcp++;
}

static void on_handshake(void *self, const uint8_t *rec, size_t len)
{
	((struct heard *)self)->handshake++;
}

static struct wire *listener(struct heard *h)
{
	struct wire_events ev = {.rtp = on_rtp, .rtcp = on_rtcp, .handshake = on_handshake, .self = h};

	memset(h, 0, sizeof(*h));
	return wire_new(&ev);
}

static size_t make_rtp(uint8_t *pkt, uint16_t seq, uint8_t ssrc)
{
	memset(pkt, 0, 60);
	pkt[0] = 0x80;
	pkt[1] = 111;
	pkt[2] = (uint8_t)(seq >> 8);
	pkt[3] = (uint8_t)seq;
	pkt[11] = ssrc;
	return 60;
}

static void keys(struct srtp_keys *tx, struct srtp_keys *rx, enum srtp_suite suite)
{
	memset(tx, 0, sizeof(*tx));
	memset(rx, 0, sizeof(*rx));
	tx->suite = rx->suite = suite;
	memset(tx->key, 3, 16);
	memset(rx->key, 5, 16);
}

static void nothing_passes_without_keys(void **state)
{
	struct heard h;
	struct wire *w = listener(&h);
	uint8_t pkt[200];

	assert_int_equal(wire_protect_rtp(w, pkt, make_rtp(pkt, 1, 1), sizeof(pkt)), 0);
	wire_input(w, pkt, make_rtp(pkt, 1, 1));
	assert_int_equal(h.rtp, 0);
	wire_free(w);
}

static void packets_pass_once_and_only_unharmed(void **state)
{
	static const enum srtp_suite suites[] = {SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80};

	for (size_t s = 0; s < 2; s++) {
		struct heard ha, hb;
		struct wire *a = listener(&ha), *b = listener(&hb);
		struct srtp_keys tx, rx;
		uint8_t pkt[200], copy[200];
		size_t n;

		keys(&tx, &rx, suites[s]);
		assert_true(wire_set_keys(a, &tx, &rx, NULL) && wire_set_keys(b, &rx, &tx, NULL));
		n = wire_protect_rtp(a, pkt, make_rtp(pkt, 65535, 1), sizeof(pkt));
		assert_true(n > 60);
		memcpy(copy, pkt, n);
		wire_input(b, pkt, n);
		assert_int_equal(hb.rtp, 1);
		assert_int_equal(hb.last, 60);
		wire_input(b, copy, n);			/* replayed */
		assert_int_equal(hb.rtp, 1);
		assert_int_equal(wire_counts(b)->replayed, 1);
		n = wire_protect_rtp(a, pkt, make_rtp(pkt, 0, 1), sizeof(pkt));
		pkt[30] ^= 1;				/* forged */
		wire_input(b, pkt, n);
		assert_int_equal(hb.rtp, 1);
		assert_int_equal(wire_counts(b)->auth_failed, 1);
		wire_free(a);
		wire_free(b);
	}
}

static void early_packets_are_kept_for_their_keys(void **state)
{
	struct heard ha, hb;
	struct wire *a = listener(&ha), *b = listener(&hb);
	struct srtp_keys tx, rx;
	uint8_t pkt[200];

	keys(&tx, &rx, SRTP_AEAD_AES_128_GCM);
	assert_true(wire_set_keys(a, &tx, &rx, NULL));
	for (uint16_t i = 0; i < 20; i++) {
		size_t n = wire_protect_rtp(a, pkt, make_rtp(pkt, i, 1), sizeof(pkt));

		wire_input(b, pkt, n);
	}
	assert_int_equal(hb.rtp, 0);
	assert_true(wire_set_keys(b, &rx, &tx, NULL));
	assert_int_equal(hb.rtp, 8);
	wire_free(a);
	wire_free(b);
}

static void a_peer_cannot_open_any_number_of_sources(void **state)
{
	struct heard ha, hb;
	struct wire *a = listener(&ha), *b = listener(&hb);
	struct srtp_keys tx, rx;
	uint8_t pkt[200];

	keys(&tx, &rx, SRTP_AEAD_AES_128_GCM);
	assert_true(wire_set_keys(a, &tx, &rx, NULL) && wire_set_keys(b, &rx, &tx, NULL));
	for (uint8_t ssrc = 1; ssrc <= 20; ssrc++) {
		size_t n = wire_protect_rtp(a, pkt, make_rtp(pkt, 1, ssrc), sizeof(pkt));

		wire_input(b, pkt, n);
	}
	assert_int_equal(hb.rtp, 8);
	wire_free(a);
	wire_free(b);
}

static void every_length_and_first_byte_is_survived(void **state)
{
	struct heard h;
	struct wire *w = listener(&h);
	struct srtp_keys tx, rx;
	uint8_t pkt[200];

	keys(&tx, &rx, SRTP_AEAD_AES_128_GCM);
	assert_true(wire_set_keys(w, &tx, &rx, NULL));
	for (unsigned first = 0; first < 256; first++)
		for (size_t n = 0; n <= 64; n++) {
			memset(pkt, 200, sizeof(pkt));
			pkt[0] = (uint8_t)first;
			wire_input(w, pkt, n);
		}
	assert_int_equal(h.rtp + h.rtcp, 0);
	assert_int_equal(h.handshake, 44 * 63);		/* 20..63, from two bytes on */
	wire_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_get_the_same_keys),
		cmocka_unit_test(a_certificate_that_was_not_announced_gives_no_keys),
		cmocka_unit_test(no_common_srtp_profile_gives_no_keys),
		cmocka_unit_test(a_peer_without_gcm_gets_aes_cm),
		cmocka_unit_test(a_flight_is_one_datagram_also_when_it_is_repeated),
		cmocka_unit_test(a_hello_is_repeated_soon_and_a_whole_flight_when_a_slow_peer_had_time_for_it),
		cmocka_unit_test(garbage_does_not_end_a_handshake),
		cmocka_unit_test(goodbye_is_noticed),
		cmocka_unit_test(nothing_passes_without_keys),
		cmocka_unit_test(packets_pass_once_and_only_unharmed),
		cmocka_unit_test(early_packets_are_kept_for_their_keys),
		cmocka_unit_test(a_peer_cannot_open_any_number_of_sources),
		cmocka_unit_test(every_length_and_first_byte_is_survived)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
