/* RTP headers: frozen bytes, and every length a hostile packet can lie about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "media/rtp.h"

static const uint8_t plain[] = {0x80, 0x6f, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04, 'a', 'b', 'c'};

struct parsed {
	struct rtp_header h;
	const uint8_t *payload;
	size_t len;
};

static bool parse(const uint8_t *pkt, size_t len, struct parsed *p)
{
	memset(p, 0, sizeof(*p));
	return rtp_read(pkt, len, &p->h, &p->payload, &p->len);
}

static void a_header_is_written_as_in_the_rfc(void **state)
{
	struct rtp_header h = {.marker = false, .pt = 111, .seq = 0x1234, .ts = 0xdeadbeef, .ssrc = 0x01020304};
	uint8_t out[RTP_HEADER];

	rtp_write(out, &h);
	assert_memory_equal(out, plain, RTP_HEADER);
	h.marker = true;
	rtp_write(out, &h);
	assert_int_equal(out[1], 0xef);
}

static void a_level_is_one_more_extension_of_one_byte_rfc6464_3(void **state)
{
	static const uint8_t ext[] = {0xbe, 0xde, 0, 1, 0x50, 0x80 | 37, 0, 0};
	struct rtp_header h = {.pt = 111, .seq = 0x1234, .ts = 0xdeadbeef, .ssrc = 0x01020304, .level_id = 5, .level = 0x80 | 37};
	uint8_t out[RTP_HEADER_MAX + 3] = {0};
	struct parsed p;
	const uint8_t *octet;
	size_t len;

	assert_int_equal(rtp_write(out, &h), RTP_HEADER_MAX);
	assert_int_equal(out[0], 0x90);
	assert_memory_equal(out + 1, plain + 1, RTP_HEADER - 1);
	assert_memory_equal(out + RTP_HEADER, ext, sizeof(ext));
	assert_true(parse(out, sizeof(out), &p));
	assert_int_equal(p.len, 3);
	octet = rtp_extension(&p.h, 5, &len);
	assert_non_null(octet);
	assert_int_equal(len, 1);
	assert_int_equal(*octet, 0x80 | 37);
	assert_null(rtp_extension(&p.h, 4, &len));
	assert_null(rtp_extension(&p.h, 0, &len));		/* that is padding */
}

/* As in RFC 8285 4.2 and 4.3, with padding between; what lies is where it stops. */
static void extensions_are_found_among_others_in_both_forms(void **state)
{
	static const struct {
		uint16_t profile;
		uint8_t data[12];
		unsigned id;
		int at;				/* in data; -1: not there */
		size_t len;
	} table[] = {
		{0xbede, {0x10, 1, 0x21, 2, 3, 0, 0, 0x32, 4, 5, 6, 0}, 3, 8, 3}, {0xbede, {0x10, 1, 0x21, 2, 3, 0, 0, 0x32, 4, 5, 6, 0}, 2, 3, 2},
		{0xbede, {0x10, 1, 0xf0, 2, 0x30, 7, 0, 0, 0, 0, 0, 0}, 3, -1, 0},	/* 15: stop */
		{0xbede, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 9}, 1, -1, 0},		/* two bytes, one is there */
		{0xbede, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}, 1, -1, 0},
		{0x1000, {1, 1, 9, 0, 2, 0, 3, 2, 8, 7, 0, 0}, 3, 8, 2}, {0x100f, {1, 1, 9, 0, 2, 0, 3, 2, 8, 7, 0, 0}, 1, 2, 1},
		{0x1000, {1, 1, 9, 0, 2, 0, 3, 2, 8, 7, 0, 0}, 2, -1, 0},		/* of no length */
		{0x1000, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}, 4, -1, 0}, {0x1000, {4, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 4, -1, 0},
		{0x1000, {4, 10, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 4, 2, 10}, {0xabcd, {0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, -1, 0}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t *pkt = test_malloc(28);		/* to its last byte: the sanitizers see a step beyond */
		struct parsed p;
		const uint8_t *found;
		size_t len = 0;

		memcpy(pkt, (uint8_t[]){0x90, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12);
		memcpy(pkt + 12, (uint8_t[]){(uint8_t)(table[i].profile >> 8), (uint8_t)table[i].profile, 0, 3}, 4);
		memcpy(pkt + 16, table[i].data, 12);
		assert_true(parse(pkt, 28, &p));
		found = rtp_extension(&p.h, table[i].id, &len);
		assert_int_equal(found ? found - (pkt + 16) : -1, table[i].at);
		if (found)
			assert_int_equal(len, table[i].len);
		test_free(pkt);
	}
}

static void a_payload_type_never_spills_into_the_marker(void **state)
{
	struct rtp_header h = {.pt = 0xff};
	uint8_t out[RTP_HEADER];

	rtp_write(out, &h);
	assert_int_equal(out[1], 0x7f);
}

static void a_plain_packet_is_read(void **state)
{
	struct parsed p;

	assert_true(parse(plain, sizeof(plain), &p));
	assert_false(p.h.marker);
	assert_int_equal(p.h.pt, 111);
	assert_int_equal(p.h.seq, 0x1234);
	assert_int_equal(p.h.ts, 0xdeadbeef);
	assert_int_equal(p.h.ssrc, 0x01020304);
	assert_ptr_equal(p.payload, plain + 12);
	assert_int_equal(p.len, 3);
}

static void other_versions_are_refused(void **state)
{
	static const uint8_t first[] = {0x00, 0x40, 0xc0};
	uint8_t pkt[sizeof(plain)];
	struct parsed p;

	for (size_t i = 0; i < sizeof(first); i++) {
		memcpy(pkt, plain, sizeof(pkt));
		pkt[0] = first[i];
		assert_false(parse(pkt, sizeof(pkt), &p));
	}
}

static void sources_and_an_extension_are_stepped_over(void **state)
{
	/* two CSRCs, a one-byte-header extension of one word, four bytes of payload, three of padding */
	static const uint8_t pkt[] = {0xb2, 0xef, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 1, 1, 2, 2, 2, 2,
				      0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0, 'd', 'a', 't', 'a', 0, 0, 3};
	struct parsed p;

	assert_true(parse(pkt, sizeof(pkt), &p));
	assert_true(p.h.marker);
	assert_int_equal(p.len, 4);
	assert_memory_equal(p.payload, "data", 4);
}

/* The bytes lie at the very end of a page's worth of heap: the sanitizers see any step beyond. */
static void every_truncation_is_refused_or_stays_inside(void **state)
{
	static const uint8_t whole[] = {0x92, 0xef, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 1, 1, 2, 2, 2, 2,
					0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0, 'd', 'a', 't', 'a'};

	for (size_t len = 0; len <= sizeof(whole); len++) {
		uint8_t *pkt = test_malloc(len + 1);
		struct parsed p;
		bool ok;

		memcpy(pkt + 1, whole, len);
		ok = parse(pkt + 1, len, &p);
		assert_int_equal(ok, len >= 28);
		if (ok)
			assert_true(p.payload + p.len == pkt + 1 + len);
		test_free(pkt);
	}
}

static void padding_must_fit_and_count_itself(void **state)
{
	uint8_t pkt[sizeof(plain)];
	struct parsed p;

	memcpy(pkt, plain, sizeof(pkt));
	pkt[0] |= 0x20;
	pkt[14] = 0;
	assert_false(parse(pkt, sizeof(pkt), &p));
	pkt[14] = 4;
	assert_false(parse(pkt, sizeof(pkt), &p));
	pkt[14] = 3;
	assert_true(parse(pkt, sizeof(pkt), &p));
	assert_int_equal(p.len, 0);
	pkt[14] = 1;
	assert_true(parse(pkt, sizeof(pkt), &p));
	assert_int_equal(p.len, 2);
	assert_false(parse(pkt, RTP_HEADER, &p));	/* no room even for the count */
}

static void an_extension_longer_than_the_packet_is_refused(void **state)
{
	uint8_t pkt[16] = {0x90, 0x6f};
	struct parsed p;

	assert_true(parse(pkt, sizeof(pkt), &p));
	assert_int_equal(p.len, 0);
	pkt[15] = 1;
	assert_false(parse(pkt, sizeof(pkt), &p));
	pkt[14] = 0xff;
	pkt[15] = 0xff;
	assert_false(parse(pkt, sizeof(pkt), &p));
}

static void numbers_are_compared_across_their_wrap(void **state)
{
	assert_int_equal(rtp_seq_after(0, 65535), 1);
	assert_int_equal(rtp_seq_after(65535, 0), -1);
	assert_int_equal(rtp_seq_after(5, 5), 0);
	assert_int_equal(rtp_seq_after(32767, 0), 32767);
	assert_int_equal(rtp_ts_after(100, 0xffffffff), 101);
	assert_int_equal(rtp_ts_after(0xffffffff, 100), -101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_written_as_in_the_rfc),
		cmocka_unit_test(a_level_is_one_more_extension_of_one_byte_rfc6464_3),
		cmocka_unit_test(extensions_are_found_among_others_in_both_forms),
		cmocka_unit_test(a_payload_type_never_spills_into_the_marker),
		cmocka_unit_test(a_plain_packet_is_read),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(sources_and_an_extension_are_stepped_over),
		cmocka_unit_test(every_truncation_is_refused_or_stays_inside),
		cmocka_unit_test(padding_must_fit_and_count_itself),
		cmocka_unit_test(an_extension_longer_than_the_packet_is_refused),
		cmocka_unit_test(numbers_are_compared_across_their_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
