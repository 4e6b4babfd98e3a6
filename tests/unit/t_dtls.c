/* A handshake and what came of it, while somebody who knows no key sends from the peer's address: nothing of it ends
 * anything, makes us say anything that could, or keeps two honest sides from each other. */
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "net/dtls.h"

enum { LEN_MAX = 40, ROUND_US = 10000, ROUNDS = 3000 /* 30 s */ };

struct end {
	struct dtls_cert *cert;
	struct dtls *dtls;
	GQueue to;			/* datagrams on their way to the other side */
	gboolean leaving;		/* an alert may be sent */
	unsigned sent;
};

struct pair {
	struct end a, b;		/* a: client */
	gint64 now_us;
};

/* No alert ever leaves, whatever came, but for our own goodbye. */
static void send_datagram(void *self, const uint8_t *data, size_t len)
{
	struct end *e = self;

	for (size_t at = 0; at + 13 <= len; at += 13 + ((size_t)data[at + 11] << 8 | data[at + 12]))
		assert_true(data[at] != 21 || e->leaving);
	e->sent++;
	g_queue_push_tail(&e->to, g_bytes_new(data, len));
}

static void begin(struct end *e, gboolean client, const struct end *other, gint64 now_us)
{
	struct dtls_fingerprint expected;

	dtls_cert_fingerprint(other->cert, &expected);
	e->dtls = dtls_new(e->cert, client, &expected, send_datagram, e, NULL);
	dtls_start(e->dtls, now_us);
}

static void pair_new(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	p->now_us = G_USEC_PER_SEC;
	p->a.cert = dtls_cert_new(NULL);
	p->b.cert = dtls_cert_new(NULL);
	begin(&p->a, TRUE, &p->b, p->now_us);
	begin(&p->b, FALSE, &p->a, p->now_us);
}

static void end_free(struct end *e)
{
	GBytes *b;

	dtls_free(e->dtls);
	dtls_cert_free(e->cert);
	while ((b = g_queue_pop_head(&e->to)))
		g_bytes_unref(b);
}

static void pair_free(struct pair *p)
{
	end_free(&p->a);
	end_free(&p->b);
}

static gboolean carry_one(struct pair *p, struct end *from, struct end *to)
{
	GBytes *b = g_queue_pop_head(&from->to);
	gsize n;
	const uint8_t *data;

	if (!b)
		return FALSE;
	data = g_bytes_get_data(b, &n);
	dtls_input(to->dtls, data, n, p->now_us);
	g_bytes_unref(b);
	return TRUE;
}

static void pump(struct pair *p)
{
	while (carry_one(p, &p->a, &p->b) || carry_one(p, &p->b, &p->a))
		;
}

static gboolean is_done(const struct end *e)
{
	struct srtp_keys tx, rx;

	return dtls_keys(e->dtls, &tx, &rx);
}

static void assert_same_keys(struct pair *p)
{
	struct srtp_keys atx, arx, btx, brx;

	assert_true(dtls_keys(p->a.dtls, &atx, &arx) && dtls_keys(p->b.dtls, &btx, &brx));
	assert_memory_equal(atx.key, brx.key, sizeof(atx.key));
	assert_memory_equal(arx.key, btx.key, sizeof(arx.key));
}

/* ---- odd records ---- */

static const uint8_t fillings[][2] = {{0, 0}, {1, 0}, {2, 40}, {0xff, 0xff}, {1, 1}};

static size_t make_record(uint8_t *out, uint8_t type, unsigned epoch, size_t len, size_t filling)
{
	static uint8_t number;

	memset(out, 0, 13);
	out[0] = type;
	out[1] = 0xfe;
	out[2] = 0xfd;
	out[4] = (uint8_t)epoch;
	out[9] = 1;				/* ahead of the true ones */
	out[10] = ++number;
	out[12] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		out[13 + i] = fillings[filling][i % 2];
	return 13 + len;
}

/* Every length, whatever is in it, and the datagram cut short, too. */
static void rain_odd_records(struct pair *p, struct end *on, uint8_t type, unsigned epoch)
{
	uint8_t record[13 + LEN_MAX];

	for (size_t len = 0; len <= LEN_MAX; len++) {
		for (size_t filling = 0; filling < G_N_ELEMENTS(fillings); filling++) {
			size_t n = make_record(record, type, epoch, len, filling);

			dtls_input(on->dtls, record, n, p->now_us);
			dtls_input(on->dtls, record, n - MIN(n, 3), p->now_us);
		}
	}
}

static void no_odd_record_touches_a_finished_handshake(void **state)
{
	for (unsigned role = 0; role < 2; role++) {
		struct pair p;
		struct end *on = role ? &p.b : &p.a, *other = role ? &p.a : &p.b;
		unsigned before;

		pair_new(&p);
		pump(&p);
		assert_same_keys(&p);
		before = on->sent;
		for (unsigned type = 20; type <= 63; type++)
			for (unsigned epoch = 0; epoch <= 2; epoch++)
				rain_odd_records(&p, on, (uint8_t)type, epoch);
		assert_int_equal(on->sent, before);
		assert_false(dtls_closed(on->dtls));
		assert_same_keys(&p);
		other->leaving = TRUE;		/* and a true goodbye is still heard */
		dtls_bye(other->dtls);
		pump(&p);
		assert_true(dtls_closed(on->dtls));
		pair_free(&p);
	}
}

/* STAGE: so many datagrams have been carried before. No time passes: it is the first handshake that is finished. */
static void odd_records_at(unsigned stage, gboolean server, uint8_t type, unsigned epoch)
{
	struct pair p;

	pair_new(&p);
	for (unsigned i = 0; i < stage; i++)
		(void)(carry_one(&p, &p.a, &p.b) || carry_one(&p, &p.b, &p.a));
	rain_odd_records(&p, server ? &p.b : &p.a, type, epoch);
	pump(&p);
	assert_same_keys(&p);
	pair_free(&p);
}

static void no_odd_record_touches_a_running_handshake(void **state)
{
	for (unsigned stage = 0; stage < 4; stage++)
		for (unsigned type = 20; type <= 26; type++)
			for (unsigned epoch = 0; epoch <= 2; epoch++)
				for (unsigned server = 0; server < 2; server++)
					odd_records_at(stage, server, (uint8_t)type, epoch);
}

/* ---- forged messages: everything that can be known without hearing either side ---- */

struct forger {
	GRand *rand;
};

static void put(GByteArray *out, size_t value, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0; ) {
		uint8_t b = (uint8_t)(value >> (8 * i));

		g_byte_array_append(out, &b, 1);
	}
}

static void put_random(struct forger *f, GByteArray *out, size_t n)
{
	while (n-- > 0)
		put(out, g_rand_int(f->rand) & 0xff, 1);
}

static void put_hello_verify(struct forger *f, GByteArray *out)
{
	put(out, 0xfeff, 2);
	put(out, 16, 1);
	put_random(f, out, 16);
}

static void put_client_hello(struct forger *f, GByteArray *out, gboolean cookie)
{
	static const uint8_t extensions[] = {		/* curves, signatures, use_srtp */
		0, 10, 0, 4, 0, 2, 0, 0x17, 0, 13, 0, 4, 0, 2, 4, 3, 0, 14, 0, 5, 0, 2, 0, 7, 0};

	put(out, 0xfefd, 2);
	put_random(f, out, 32);
	put(out, 0, 1);
	put(out, cookie ? 16 : 0, 1);
	put_random(f, out, cookie ? 16 : 0);
	put(out, 2, 2);
	put(out, 0xc02b, 2);
	put(out, 0x0100, 2);
	put(out, sizeof(extensions), 2);
	g_byte_array_append(out, extensions, sizeof(extensions));
}

static void put_server_hello(struct forger *f, GByteArray *out)
{
	static const uint8_t extensions[] = {0, 14, 0, 5, 0, 2, 0, 7, 0};

	put(out, 0xfefd, 2);
	put_random(f, out, 32);
	put(out, 0, 1);
	put(out, 0xc02b, 2);
	put(out, 0, 1);
	put(out, sizeof(extensions), 2);
	g_byte_array_append(out, extensions, sizeof(extensions));
}

static void put_signature(struct forger *f, GByteArray *out)
{
	put(out, 0x0403, 2);
	put(out, 70, 2);
	put(out, 0x30440220, 4);
	put(out, 1, 1);
	put_random(f, out, 31);
	put(out, 0x0220, 2);
	put(out, 1, 1);
	put_random(f, out, 31);
}

/* A point of P-256 that is one: its generator. */
static void put_point(GByteArray *out)
{
	static const char x[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
				"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

	put(out, 65, 1);
	for (unsigned i = 0; i < 65; i++)
		put(out, (size_t)(g_ascii_xdigit_value(x[2 * i]) << 4 | g_ascii_xdigit_value(x[2 * i + 1])), 1);
}

static void put_body(struct forger *f, GByteArray *out, uint8_t type)
{
	switch (type) {
	case 1:
		put_client_hello(f, out, g_rand_boolean(f->rand));
		break;
	case 2:
		put_server_hello(f, out);
		break;
	case 3:
		put_hello_verify(f, out);
		break;
	case 12:
		put(out, 0x030017, 3);
		put_point(out);
		put_signature(f, out);
		break;
	case 13:
		put(out, 0x0140, 2);
		put(out, 2, 2);
		put(out, 0x0403, 2);
		put(out, 0, 2);
		break;
	case 15:
		put_signature(f, out);
		break;
	case 16:
		put_point(out);
		break;
	default:
		break;
	}
}

/* The number that TYPE has in a handshake without a cookie. */
static unsigned place_of(uint8_t type)
{
	static const uint8_t place[] = {[1] = 0, [2] = 0, [3] = 0, [11] = 1, [12] = 2, [13] = 3, [14] = 4, [15] = 3, [16] = 2};

	return place[type];
}

/* A whole message, or a fragment of it whose other half may be true. */
static GBytes *forge(struct forger *f)
{
	static const uint8_t types[] = {1, 1, 2, 3, 12, 13, 14, 15, 16};
	uint8_t type = types[g_rand_int_range(f->rand, 0, G_N_ELEMENTS(types))];
	unsigned seq = type == 3 ? 0 : place_of(type) + (unsigned)g_rand_int_range(f->rand, 0, 2);
	g_autoptr(GByteArray) body = g_byte_array_new();
	GByteArray *out = g_byte_array_new();
	guint from = 0, len;

	put_body(f, body, type);
	len = body->len;
	if (len > 2 && g_rand_int_range(f->rand, 0, 4) == 0) {
		from = (guint)g_rand_int_range(f->rand, 0, (gint32)len - 1);
		len = (guint)g_rand_int_range(f->rand, 1, (gint32)(len - from) + 1);
	}
	put(out, 22, 1);
	put(out, 0xfefd, 2);
	put(out, 0, 2);
	put(out, (size_t)g_rand_int_range(f->rand, 0, 20), 6);
	put(out, 12 + len, 2);
	put(out, type, 1);
	put(out, body->len, 3);
	put(out, seq, 2);
	put(out, from, 3);
	put(out, len, 3);
	g_byte_array_append(out, body->data + from, len);
	return g_byte_array_free_to_bytes(out);
}

static void rain(struct pair *p, struct forger *f, struct end *on, unsigned drops)
{
	uint8_t record[13 + LEN_MAX];

	for (unsigned i = 0; i < drops; i++) {
		g_autoptr(GBytes) b = forge(f);
		gsize n;
		const uint8_t *data = g_bytes_get_data(b, &n);

		dtls_input(on->dtls, data, n, p->now_us);
		n = make_record(record, (uint8_t)g_rand_int_range(f->rand, 20, 26), (unsigned)g_rand_int_range(f->rand, 0, 3),
				(size_t)g_rand_int_range(f->rand, 0, LEN_MAX + 1), i % G_N_ELEMENTS(fillings));
		dtls_input(on->dtls, record, n, p->now_us);
	}
}

static void expire(struct pair *p, struct end *e)
{
	if (dtls_deadline(e->dtls) <= p->now_us)
		dtls_expire(e->dtls, p->now_us);
}

/* [us] until both have keys; DROPS forged datagrams of each kind come every 10 ms, on both sides, before and between the true
 * ones. */
static gint64 shake_in_the_rain(struct pair *p, struct forger *f, unsigned drops)
{
	gint64 begun_us = p->now_us;

	for (unsigned i = 0; i < ROUNDS && !(is_done(&p->a) && is_done(&p->b)); i++) {
		rain(p, f, &p->b, drops);
		while (carry_one(p, &p->a, &p->b))
			rain(p, f, &p->b, 1);
		rain(p, f, &p->a, drops);
		while (carry_one(p, &p->b, &p->a))
			rain(p, f, &p->a, 1);
		p->now_us += ROUND_US;
		expire(p, &p->a);
		expire(p, &p->b);
	}
	return p->now_us - begun_us;
}

static void all_of_200_handshakes_come_about_while_forged_messages_rain(void **state)
{
	gint64 longest = 0;
	unsigned good = 0;

	for (guint32 seed = 0; seed < 200; seed++) {
		struct forger f = {.rand = g_rand_new_with_seed(seed)};
		struct pair p;
		gint64 took_us;

		pair_new(&p);
		took_us = shake_in_the_rain(&p, &f, 1 + seed % 10);
		longest = MAX(longest, took_us);
		if (is_done(&p.a) && is_done(&p.b)) {
			assert_same_keys(&p);
			good++;
		} else {
			print_message("not under seed %u\n", seed);
		}
		pair_free(&p);
		g_rand_free(f.rand);
	}
	print_message("%u of 200, the longest after %d ms\n", good, (int)(longest / 1000));
	assert_int_equal(good, 200);
}

/* ---- how a flight may come ---- */

static void put_fragment(GByteArray *out, const uint8_t *record, const uint8_t *message, guint total, guint from, guint len)
{
	static uint8_t number;

	g_byte_array_append(out, record, 5);
	put(out, 100 + number++, 6);
	put(out, 12 + len, 2);
	g_byte_array_append(out, message, 6);
	put(out, from, 3);
	put(out, len, 3);
	if (total)
		g_byte_array_append(out, message + 12 + from, len);
}

/* Each record of a datagram as one of its own, its messages in fragments of SIZE; the last fragments first if BACKWARDS. */
static void deliver_in_pieces(struct pair *p, GBytes *datagram, struct end *to, guint size, gboolean backwards)
{
	gsize n;
	const uint8_t *r = g_bytes_get_data(datagram, &n), *end = r + n;

	for (; r < end; r += 13 + ((size_t)r[11] << 8 | r[12])) {
		guint total = (guint)r[14] << 16 | (guint)r[15] << 8 | r[16], count = (total + size - 1) / size;

		if (r[0] != 22 || r[4]) {
			dtls_input(to->dtls, r, 13 + ((size_t)r[11] << 8 | r[12]), p->now_us);
			continue;
		}
		for (guint i = 0; i < MAX(count, 1); i++) {
			g_autoptr(GByteArray) out = g_byte_array_new();
			guint from = (backwards ? MAX(count, 1) - 1 - i : i) * size;

			put_fragment(out, r, r + 13, total, from, MIN(size, total - from));
			dtls_input(to->dtls, out->data, out->len, p->now_us);
		}
	}
}

static void shake_in_pieces(guint size, gboolean backwards)
{
	struct pair p;
	GBytes *b;

	pair_new(&p);
	for (unsigned i = 0; i < 8; i++) {
		struct end *from = i % 2 ? &p.b : &p.a, *to = i % 2 ? &p.a : &p.b;

		while ((b = g_queue_pop_head(&from->to))) {
			deliver_in_pieces(&p, b, to, size, backwards);
			g_bytes_unref(b);
		}
	}
	assert_same_keys(&p);
	pair_free(&p);
}

static void a_flight_may_come_in_pieces_of_any_size_and_order(void **state)
{
	static const guint sizes[] = {3, 50, 100, 1000};

	for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
		shake_in_pieces(sizes[i], FALSE);
		shake_in_pieces(sizes[i], TRUE);
	}
}

/* ---- what is begun anew, and what it costs ---- */

/* The peer's machine has lost its half: without a new hello it would never answer again. */
static void a_handshake_that_is_stuck_begins_anew_with_the_same_certificate(void **state)
{
	struct pair p;

	pair_new(&p);
	carry_one(&p, &p.a, &p.b);
	carry_one(&p, &p.b, &p.a);
	dtls_free(p.b.dtls);
	begin(&p.b, FALSE, &p.a, p.now_us);
	pump(&p);
	assert_false(is_done(&p.a));
	p.now_us = dtls_deadline(p.a.dtls);
	for (unsigned i = 0; i < 20 && !is_done(&p.a); i++) {
		p.now_us += G_USEC_PER_SEC;
		dtls_expire(p.a.dtls, p.now_us);
		pump(&p);
	}
	assert_same_keys(&p);
	pair_free(&p);
}

/* Each hello that is answered by a flight costs a signature and a kilobyte towards whoever is the peer. */
static void a_flood_of_hellos_is_answered_by_few_flights_and_small_questions(void **state)
{
	struct forger f = {.rand = g_rand_new_with_seed(1)};
	struct pair p;
	size_t bytes = 0;
	GBytes *b;

	pair_new(&p);
	for (unsigned i = 0; i < 10000; i++) {
		g_autoptr(GByteArray) body = g_byte_array_new(), out = g_byte_array_new();

		put_client_hello(&f, body, FALSE);
		put(out, 22, 1);
		put(out, 0xfeff, 2);
		put(out, i, 8);
		put(out, 12 + body->len, 2);
		put(out, 1, 1);
		put(out, body->len, 3);
		put(out, 0, 5);
		put(out, body->len, 3);
		g_byte_array_append(out, body->data, body->len);
		dtls_input(p.b.dtls, out->data, out->len, p.now_us);
		p.now_us += 1000;				/* 10 s of it */
	}
	while ((b = g_queue_pop_head(&p.b.to))) {
		bytes += g_bytes_get_size(b);
		g_bytes_unref(b);
	}
	assert_in_range(bytes, 1, 20000);
	p.now_us += G_USEC_PER_SEC;				/* it is over; the client's hello comes once more */
	carry_one(&p, &p.a, &p.b);
	for (unsigned i = 0; i < 100 && !is_done(&p.a); i++) {
		p.now_us += ROUND_US;
		expire(&p, &p.a);
		pump(&p);
	}
	assert_same_keys(&p);
	pair_free(&p);
	g_rand_free(f.rand);
}

/* Whatever was true once is true no more the second time, and harms nothing. */
static void every_datagram_of_a_call_can_be_replayed_to_either_side(void **state)
{
	g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	struct pair p;

	pair_new(&p);
	for (unsigned round = 0; round < 8; round++) {
		struct end *from = round % 2 ? &p.b : &p.a, *to = round % 2 ? &p.a : &p.b;
		GBytes *b = g_queue_peek_head(&from->to);

		if (b)
			g_ptr_array_add(seen, g_bytes_ref(b));
		carry_one(&p, from, to);
		for (unsigned i = 0; i < seen->len; i++) {
			gsize n;
			const uint8_t *data = g_bytes_get_data(seen->pdata[i], &n);

			dtls_input(p.a.dtls, data, n, p.now_us);
			dtls_input(p.b.dtls, data, n, p.now_us);
		}
	}
	assert_true(seen->len >= 4);
	assert_same_keys(&p);
	assert_false(dtls_closed(p.a.dtls) || dtls_closed(p.b.dtls));
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_odd_record_touches_a_finished_handshake),
		cmocka_unit_test(no_odd_record_touches_a_running_handshake),
		cmocka_unit_test(all_of_200_handshakes_come_about_while_forged_messages_rain),
		cmocka_unit_test(a_flight_may_come_in_pieces_of_any_size_and_order),
		cmocka_unit_test(a_handshake_that_is_stuck_begins_anew_with_the_same_certificate),
		cmocka_unit_test(a_flood_of_hellos_is_answered_by_few_flights_and_small_questions),
		cmocka_unit_test(every_datagram_of_a_call_can_be_replayed_to_either_side)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
