#include "dtls_messages.h"

#include <string.h>

enum {
	RANDOM = 32,			/* [bytes] RFC 5246 7.4.1.2 */
	SESSION_ID_MAX = 32,		/* [bytes] the same */
	NAMED_CURVE = 3,		/* RFC 8422 5.4 */
};

/* ---- reading ---- */

struct reader {
	const uint8_t *at;
	size_t left;			/* [bytes] */
	gboolean short_of;		/* more was asked for than there is */
};

static const uint8_t *skip(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (n > r->left) {
		r->short_of = TRUE;
		r->left = 0;
		return at;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static size_t number(struct reader *r, unsigned bytes)
{
	const uint8_t *p = skip(r, bytes);
	size_t n = 0;

	for (unsigned i = 0; i < bytes && !r->short_of; i++)
		n = n << 8 | p[i];
	return n;
}

/* A vector behind its length, which has so many BYTES. */
static const uint8_t *vector(struct reader *r, unsigned bytes, size_t *len)
{
	*len = number(r, bytes);
	return skip(r, *len);
}

static gboolean is_at_end(const struct reader *r)
{
	return !r->short_of && r->left == 0;
}

static struct reader reader_of(const struct dtls_piece *m)
{
	return (struct reader){.at = m->body, .left = m->len};
}

gboolean dtls_next_record(const uint8_t **at, size_t *left, struct dtls_record *out)
{
	struct reader r = {.at = *at, .left = *left};
	size_t version;

	out->whole = r.at;
	out->type = (uint8_t)number(&r, 1);
	version = number(&r, 2);
	out->epoch = (uint16_t)number(&r, 2);
	skip(&r, 6);
	out->body = vector(&r, 2, &out->len);
	if (r.short_of || version >> 8 != 0xfe)
		return FALSE;
	out->whole_len = DTLS_RECORD_HEAD + out->len;
	*at = r.at;
	*left = r.left;
	return TRUE;
}

gboolean dtls_next_piece(const uint8_t **at, size_t *left, struct dtls_piece *out)
{
	struct reader r = {.at = *at, .left = *left};

	out->type = (uint8_t)number(&r, 1);
	out->total = number(&r, 3);
	out->seq = (uint16_t)number(&r, 2);
	out->offset = number(&r, 3);
	out->body = vector(&r, 3, &out->len);
	if (r.short_of || out->total > DTLS_MESSAGE_MAX || out->offset + out->len > out->total ||
	    (out->len == 0 && out->total > 0))
		return FALSE;
	*at = r.at;
	*left = r.left;
	return TRUE;
}

gboolean dtls_read_client_hello(const struct dtls_piece *m, struct dtls_hello *out)
{
	struct reader r = reader_of(m);
	size_t session, suites, methods, extensions;

	skip(&r, 2);
	out->random = skip(&r, RANDOM);
	vector(&r, 1, &session);
	out->cookie_at = (size_t)(vector(&r, 1, &out->cookie_len) - m->body);
	vector(&r, 2, &suites);
	vector(&r, 1, &methods);
	if (r.left)
		vector(&r, 2, &extensions);
	return is_at_end(&r) && session <= SESSION_ID_MAX && suites >= 2 && suites % 2 == 0 && methods >= 1;
}

gboolean dtls_read_server_hello(const struct dtls_piece *m, const uint8_t **random)
{
	struct reader r = reader_of(m);
	size_t session, extensions;

	skip(&r, 2);
	*random = skip(&r, RANDOM);
	vector(&r, 1, &session);
	skip(&r, 3);
	if (r.left)
		vector(&r, 2, &extensions);
	return is_at_end(&r) && session <= SESSION_ID_MAX;
}

gboolean dtls_read_certificate(const struct dtls_piece *m, const uint8_t **leaf, size_t *len)
{
	struct reader r = reader_of(m);

	if (number(&r, 3) != r.left)
		return FALSE;
	*leaf = vector(&r, 3, len);
	return !r.short_of && *len > 0;
}

/* RFC 5246 7.4.4 */
static gboolean is_certificate_request(const struct dtls_piece *m)
{
	struct reader r = reader_of(m);
	size_t types, schemes, names;

	vector(&r, 1, &types);
	vector(&r, 2, &schemes);
	vector(&r, 2, &names);
	return is_at_end(&r) && types > 0 && schemes >= 2 && schemes % 2 == 0;
}

/* RFC 8422 5.7 */
static gboolean is_client_key(const struct dtls_piece *m)
{
	struct reader r = reader_of(m);
	size_t point;

	vector(&r, 1, &point);
	return is_at_end(&r) && point > 0;
}

static gboolean read_signature(struct reader *r, struct dtls_signed *out)
{
	out->scheme = (uint16_t)number(r, 2);
	out->signature = vector(r, 2, &out->signature_len);
	return is_at_end(r) && out->signature_len > 0;
}

gboolean dtls_read_server_key(const struct dtls_piece *m, struct dtls_signed *out)
{
	struct reader r = reader_of(m);
	size_t kind = number(&r, 1), point;

	skip(&r, 2);
	vector(&r, 1, &point);
	out->content = m->body;
	out->content_len = (size_t)(r.at - m->body);
	return read_signature(&r, out) && kind == NAMED_CURVE && point > 0;
}

gboolean dtls_read_certificate_verify(const struct dtls_piece *m, struct dtls_signed *out)
{
	struct reader r = reader_of(m);

	out->content = NULL;
	out->content_len = 0;
	return read_signature(&r, out);
}

gboolean dtls_read_hello_verify(const struct dtls_piece *m)
{
	struct reader r = reader_of(m);
	size_t cookie;

	skip(&r, 2);
	vector(&r, 1, &cookie);
	return is_at_end(&r) && cookie > 0;
}

gboolean dtls_is_sound(const struct dtls_piece *m)
{
	struct dtls_signed sig;
	const uint8_t *p;
	size_t len;

	switch (m->type) {
	case DTLS_SERVER_HELLO:
		return dtls_read_server_hello(m, &p);
	case DTLS_CERTIFICATE:
		return dtls_read_certificate(m, &p, &len);
	case DTLS_SERVER_KEY:
		return dtls_read_server_key(m, &sig);
	case DTLS_CERTIFICATE_REQUEST:
		return is_certificate_request(m);
	case DTLS_SERVER_DONE:
		return m->len == 0;
	case DTLS_CERTIFICATE_VERIFY:
		return dtls_read_certificate_verify(m, &sig);
	case DTLS_CLIENT_KEY:
		return is_client_key(m);
	default:
		return FALSE;
	}
}

/* ---- writing ---- */

void dtls_put_message(GByteArray *out, const struct dtls_piece *m)
{
	const uint8_t len[3] = {(uint8_t)(m->total >> 16), (uint8_t)(m->total >> 8), (uint8_t)m->total};
	const uint8_t head[DTLS_MESSAGE_HEAD] = {
		m->type, len[0], len[1], len[2], (uint8_t)(m->seq >> 8), (uint8_t)m->seq, 0, 0, 0, len[0], len[1], len[2]};

	g_byte_array_append(out, head, sizeof(head));
	g_byte_array_append(out, m->body, (guint)m->total);
}

/* ---- fragments ---- */

struct part {
	uint8_t type;
	uint16_t seq;
	size_t total, have;		/* [bytes] */
	uint8_t *data, *known;		/* TOTAL bytes each; KNOWN is 1 where DATA has come */
};

struct dtls_parts {
	void (*whole)(void *self, const struct dtls_piece *m);
	void *self;
	struct part part[DTLS_PARTS];	/* free ones have no DATA */
	unsigned oldest;		/* index of the one that gives way next */
};

struct dtls_parts *dtls_parts_new(void (*whole)(void *self, const struct dtls_piece *m), void *self)
{
	struct dtls_parts *p = g_new0(struct dtls_parts, 1);

	p->whole = whole;
	p->self = self;
	return p;
}

static void clear_part(struct part *part)
{
	g_free(part->data);
	g_free(part->known);
	memset(part, 0, sizeof(*part));
}

void dtls_parts_free(struct dtls_parts *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < DTLS_PARTS; i++)
		clear_part(&p->part[i]);
	g_free(p);
}

/* [bytes] of PIECE that PART lacks; -1: it is of another message, or says otherwise somewhere. */
static gssize news_for(const struct part *part, const struct dtls_piece *piece)
{
	gssize news = 0;

	if (!part->data || part->type != piece->type || part->seq != piece->seq || part->total != piece->total)
		return -1;
	for (size_t i = 0; i < piece->len; i++) {
		if (!part->known[piece->offset + i])
			news++;
		else if (part->data[piece->offset + i] != piece->body[i])
			return -1;
	}
	return news;
}

static void lay(struct part *part, const struct dtls_piece *piece, size_t news)
{
	memcpy(part->data + piece->offset, piece->body, piece->len);
	memset(part->known + piece->offset, 1, piece->len);
	part->have += news;
}

static void begin_part(struct dtls_parts *p, const struct dtls_piece *piece)
{
	struct part *part = &p->part[p->oldest];

	p->oldest = (p->oldest + 1) % DTLS_PARTS;
	clear_part(part);
	part->type = piece->type;
	part->seq = piece->seq;
	part->total = piece->total;
	part->data = g_malloc(piece->total);
	part->known = g_malloc0(piece->total);
	lay(part, piece, piece->len);
}

static void tell_completed(struct dtls_parts *p, const struct part *part, const struct dtls_piece *piece)
{
	g_autofree uint8_t *body = g_memdup2(part->data, part->total);
	struct dtls_piece m = {.type = part->type, .seq = part->seq, .total = part->total, .len = part->total, .body = body};

	memcpy(body + piece->offset, piece->body, piece->len);
	p->whole(p->self, &m);
}

/* The piece that completes a message is not laid into it but kept beside it: it may be forged, and then the true one
 * still finds the rest. */
void dtls_parts_add(struct dtls_parts *p, const struct dtls_piece *piece)
{
	gboolean kept = FALSE;

	if (piece->len == piece->total) {
		p->whole(p->self, piece);
		return;
	}
	for (unsigned i = 0; i < DTLS_PARTS; i++) {
		struct part *part = &p->part[i];
		gssize news = news_for(part, piece);

		if (news < 0)
			continue;
		if (part->have + (size_t)news == part->total) {
			tell_completed(p, part, piece);
		} else {
			lay(part, piece, (size_t)news);
			kept = TRUE;
		}
	}
	if (!kept)
		begin_part(p, piece);
}

/* ---- versions ---- */

struct dtls_shelf {
	struct dtls_version version[DTLS_SEQS][DTLS_VERSIONS];	/* the newest first; free ones have no body */
};

struct dtls_shelf *dtls_shelf_new(void)
{
	return g_new0(struct dtls_shelf, 1);
}

void dtls_shelf_free(struct dtls_shelf *s)
{
	if (!s)
		return;
	for (unsigned seq = 0; seq < DTLS_SEQS; seq++)
		for (unsigned i = 0; i < DTLS_VERSIONS; i++)
			g_free((gpointer)s->version[seq][i].m.body);
	g_free(s);
}

static gboolean is_same(const struct dtls_piece *a, const struct dtls_piece *b)
{
	return a->type == b->type && a->total == b->total && memcmp(a->body, b->body, a->total) == 0;
}

/* The oldest gives way, or the oldest that nobody expects. */
static unsigned place_for_new(const struct dtls_version *row)
{
	for (unsigned i = DTLS_VERSIONS; i-- > 0; )
		if (!row[i].m.body || !row[i].expected)
			return i;
	return DTLS_VERSIONS - 1;
}

gboolean dtls_shelf_keep(struct dtls_shelf *s, const struct dtls_piece *m, unsigned datagram, gboolean expected)
{
	struct dtls_version *row, new = {.m = *m, .datagram = datagram, .expected = expected};
	unsigned place;

	if (m->seq >= DTLS_SEQS)
		return FALSE;
	row = s->version[m->seq];
	for (unsigned i = 0; i < DTLS_VERSIONS; i++) {
		if (row[i].m.body && is_same(&row[i].m, m)) {
			row[i].datagram = datagram;
			return FALSE;
		}
	}
	place = place_for_new(row);
	g_free((gpointer)row[place].m.body);
	memmove(row + 1, row, place * sizeof(*row));
	new.m.body = g_malloc(m->total + 1);		/* never NULL, also where a message is empty */
	memcpy((uint8_t *)new.m.body, m->body, m->total);
	row[0] = new;
	return TRUE;
}

const struct dtls_version *dtls_shelf_get(const struct dtls_shelf *s, unsigned seq, enum dtls_type type, unsigned i)
{
	const struct dtls_version *v = seq < DTLS_SEQS ? &s->version[seq][i] : NULL;

	return v && v->m.body && v->m.type == type ? v : NULL;
}
