/* dtls_flight.c - which messages, of all that came in the clear, are the peer's: those that its certificate has signed. */
#include "dtls_priv.h"

/* Signatures cost 0.1 ms each. A flight in one datagram, as clients send theirs, is not kept waiting by messages that came one
 * by one: who forges those does not know the certificate. */
static const struct allowance
	together = {.per_s = 100, .most = 50, .left = 50},
	apart    = {.per_s = 400, .most = 100, .left = 100};

struct flights {
	struct dtls_fingerprint announced;
	gboolean client;
	unsigned datagram;			/* the last one of which something was kept */
	struct dtls_shelf *shelf;
	EVP_PKEY *leaf_key;			/* of the announced certificate, after it has come */
	struct allowance together, apart;
};

/* Three messages in a row: their types, which of them is the certificate, and how a signature is found to fit. */
struct triple {
	enum dtls_type types[3];
	unsigned cert;
	enum flight_result (*judge)(struct flights *f, const struct attempt *a, const struct flight *flight);
};

gboolean dtls_allow(struct allowance *a, gint64 now_us)
{
	double more = (double)MAX(now_us - a->at_us, 0) / G_USEC_PER_SEC * a->per_s;

	a->left = MIN(a->left + more, a->most);
	a->at_us = now_us;
	if (a->left < 1)
		return FALSE;
	a->left--;
	return TRUE;
}

struct flights *flights_new(const struct dtls_fingerprint *announced, gboolean client)
{
	struct flights *f = g_new0(struct flights, 1);

	f->announced = *announced;
	f->shelf = dtls_shelf_new();
	f->client = client;
	f->together = together;
	f->apart = apart;
	return f;
}

void flights_free(struct flights *f)
{
	if (!f)
		return;
	dtls_shelf_free(f->shelf);
	EVP_PKEY_free(f->leaf_key);
	g_free(f);
}

static gboolean is_announced(struct flights *f, const struct dtls_piece *m)
{
	const uint8_t *leaf;
	size_t len;

	if (m->type != DTLS_CERTIFICATE || !dtls_read_certificate(m, &leaf, &len) ||
	    !dtls_leaf_matches(&f->announced, leaf, len))
		return FALSE;
	if (!f->leaf_key)
		f->leaf_key = dtls_leaf_key(leaf, len);
	return f->leaf_key != NULL;
}

static gboolean is_peers_to_say(const struct flights *f, uint8_t type)
{
	gboolean clients = type == DTLS_CLIENT_KEY || type == DTLS_CERTIFICATE_VERIFY;

	return type == DTLS_CERTIFICATE || clients != f->client;
}

gboolean flights_keep(struct flights *f, const struct dtls_piece *m, unsigned datagram)
{
	if (!is_peers_to_say(f, m->type) || !dtls_is_sound(m))
		return FALSE;
	dtls_shelf_keep(f->shelf, m, datagram, is_announced(f, m));
	f->datagram = datagram;
	return TRUE;
}

/* ---- signatures ---- */

static gboolean is_signed_by_another(const struct dtls_version *cert, const struct dtls_signed *s,
				     const GByteArray *content)
{
	EVP_PKEY *key;
	const uint8_t *leaf;
	gboolean good;
	size_t len;

	if (!dtls_read_certificate(&cert->m, &leaf, &len))
		return FALSE;
	key = dtls_leaf_key(leaf, len);
	good = key && dtls_is_signed(key, s, content->data, content->len);
	EVP_PKEY_free(key);
	return good;
}

static enum flight_result check(struct flights *f, const struct dtls_version *cert, const struct dtls_signed *s,
				const GByteArray *content)
{
	if (cert->expected)
		return dtls_is_signed(f->leaf_key, s, content->data, content->len) ? FLIGHT_FOUND : FLIGHT_NONE;
	return is_signed_by_another(cert, s, content) ? FLIGHT_OF_ANOTHER : FLIGHT_NONE;
}

/* RFC 8422 5.4: over both random numbers and the key. */
static enum flight_result judge_server(struct flights *f, const struct attempt *a, const struct flight *flight)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	struct dtls_signed s;
	const uint8_t *random;

	if (!dtls_read_server_hello(&flight->m[0]->m, &random) || !dtls_read_server_key(&flight->m[2]->m, &s))
		return FLIGHT_NONE;
	g_byte_array_append(content, a->random, sizeof(a->random));
	g_byte_array_append(content, random, sizeof(a->random));
	g_byte_array_append(content, s.content, (guint)s.content_len);
	return check(f, flight->m[1], &s, content);
}

/* RFC 5246 7.4.8: over all messages before it. */
static enum flight_result judge_client(struct flights *f, const struct attempt *a, const struct flight *flight)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	struct dtls_signed s;

	if (!a->transcript_ends || !dtls_read_certificate_verify(&flight->m[2]->m, &s))
		return FLIGHT_NONE;
	g_byte_array_append(content, a->transcript->data, a->transcript->len);
	dtls_put_message(content, &flight->m[0]->m);
	dtls_put_message(content, &flight->m[1]->m);
	return check(f, flight->m[0], &s, content);
}

static const struct triple
	of_server = {{DTLS_SERVER_HELLO, DTLS_CERTIFICATE, DTLS_SERVER_KEY}, 1, judge_server},
	of_client = {{DTLS_CERTIFICATE, DTLS_CLIENT_KEY, DTLS_CERTIFICATE_VERIFY}, 0, judge_client};

/* ---- looking ---- */

/* Is one of the three new, or the REST of the flight? What came before has been looked at. */
static gboolean is_worth_a_check(struct flights *f, const struct flight *flight, gboolean in_one, gboolean rest,
				 gint64 now_us)
{
	gboolean is_new = rest, is_apart = FALSE;

	for (unsigned i = 0; i < flight->count; i++) {
		is_new = is_new || flight->m[i]->datagram == f->datagram;
		is_apart = is_apart || flight->m[i]->datagram != flight->m[0]->datagram;
	}
	return is_new && is_apart != in_one && dtls_allow(in_one ? &f->together : &f->apart, now_us);
}

/* Every combination of versions, of one datagram or of several. With the announced certificate at hand no other is of interest. */
static enum flight_result find_triple(struct flights *f, const struct attempt *a, const struct triple *t,
				      gboolean in_one, gboolean rest, gint64 now_us, struct flight *out)
{
	enum { ALL = DTLS_VERSIONS * DTLS_VERSIONS * DTLS_VERSIONS };

	out->count = 3;
	for (unsigned n = 0; n < ALL; n++) {
		const unsigned pick[3] = {n % DTLS_VERSIONS, n / DTLS_VERSIONS % DTLS_VERSIONS,
					  n / DTLS_VERSIONS / DTLS_VERSIONS};
		enum flight_result result;

		for (unsigned i = 0; i < 3; i++)
			out->m[i] = dtls_shelf_get(f->shelf, a->first + i, t->types[i], pick[i]);
		if (!out->m[0] || !out->m[1] || !out->m[2] || (f->leaf_key && !out->m[t->cert]->expected) ||
		    !is_worth_a_check(f, out, in_one, rest, now_us))
			continue;
		result = t->judge(f, a, out);
		if (result != FLIGHT_NONE)
			return result;
	}
	return FLIGHT_NONE;
}

/* No signature covers the CertificateRequest before ours does. It comes with the key that is signed or right behind it:
 * the version nearest to that is taken, none that was there before. */
static const struct dtls_version *find_request(const struct flights *f, unsigned seq, const struct dtls_version *key)
{
	const struct dtls_version *best = NULL;

	for (unsigned i = 0; i < DTLS_VERSIONS; i++) {
		const struct dtls_version *v = dtls_shelf_get(f->shelf, seq, DTLS_CERTIFICATE_REQUEST, i);

		if (v && v->datagram >= key->datagram && (!best || v->datagram < best->datagram))
			best = v;
	}
	return best;
}

static const struct dtls_version *find_done(const struct flights *f, unsigned seq)
{
	for (unsigned i = 0; i < DTLS_VERSIONS; i++) {
		const struct dtls_version *v = dtls_shelf_get(f->shelf, seq, DTLS_SERVER_DONE, i);

		if (v)
			return v;
	}
	return NULL;
}

static gboolean is_rest_new(const struct flights *f, unsigned seq)
{
	for (unsigned i = 0; i < DTLS_VERSIONS; i++) {
		const struct dtls_version *request = dtls_shelf_get(f->shelf, seq, DTLS_CERTIFICATE_REQUEST, i);
		const struct dtls_version *done = dtls_shelf_get(f->shelf, seq + 1, DTLS_SERVER_DONE, i);

		if ((request && request->datagram == f->datagram) || (done && done->datagram == f->datagram))
			return TRUE;
	}
	return FALSE;
}

/* RFC 5763 5: both sides have a certificate, so the server asks for one. */
enum flight_result flights_find(struct flights *f, const struct attempt *a, gint64 now_us, struct flight *out)
{
	const struct triple *t = f->client ? &of_server : &of_client;
	gboolean rest = f->client && is_rest_new(f, a->first + 3);
	enum flight_result result = find_triple(f, a, t, TRUE, rest, now_us, out);

	if (result == FLIGHT_NONE)
		result = find_triple(f, a, t, FALSE, rest, now_us, out);
	if (result != FLIGHT_FOUND || !f->client)
		return result;
	out->m[3] = find_request(f, a->first + 3, out->m[2]);
	out->m[4] = find_done(f, a->first + 4);
	out->count = FLIGHT_MAX;
	return out->m[3] && out->m[4] ? FLIGHT_FOUND : FLIGHT_NONE;
}
