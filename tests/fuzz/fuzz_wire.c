/* Datagrams of anybody to the socket of a call: taken apart, kept until there are keys, refused. The first byte chooses the suite
 * and when the keys come. Without the keys nothing can be authentic, so that nothing may be passed on as sound. */
#include <glib.h>
#include <stdint.h>

#include "cut.h"
#include "net/wire.h"

enum { MAX_PACKETS = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_authentic(void *self, uint8_t *pkt, size_t len)
{
	g_assert_not_reached();
}

static void on_handshake(void *self, const uint8_t *rec, size_t len)
{
	g_assert_true(len > 0 && rec[0] >= 20 && rec[0] <= 63);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum srtp_suite suites[] = {SRTP_AES128_CM_SHA1_80, SRTP_AES128_CM_SHA1_32, SRTP_AEAD_AES_128_GCM,
						 SRTP_AEAD_AES_256_GCM};
	struct wire_events events = {.rtp = on_authentic, .rtcp = on_authentic, .handshake = on_handshake};
	struct srtp_keys keys = {.key = {1, 2, 3}, .salt = {4, 5, 6}};
	struct cut cut = {data + 1, size - 1};
	struct wire *w;
	uint8_t *packet;
	size_t len;

	if (!size)
		return 0;
	w = wire_new(&events);
	keys.suite = suites[data[0] % G_N_ELEMENTS(suites)];
	for (unsigned i = 0; i < MAX_PACKETS && (packet = cut_next(&cut, &len)) != NULL; i++) {
		if (i == data[0] >> 4)
			g_assert_true(wire_set_keys(w, &keys, &keys, NULL));
		wire_input(w, packet, len);
		g_free(packet);
	}
	wire_free(w);
	return 0;
}
