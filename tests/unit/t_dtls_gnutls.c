/* Our handshake with another implementation of DTLS-SRTP, GnuTLS, which is Dino's: the keys that it derives (RFC 5764 4.2,
 * RFC 5705) are what ours are compared with, in both roles and with each kind of cipher; and what it says at the end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "err.h"
#include "net/dtls.h"

enum { STEP_US = 10000, STEPS = 3000 /* 30 s */, MTU = 1200, DAYS_S = 86400 };

#define PRIORITY "NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:+GROUP-ALL:+SIGN-ALL:+AEAD:+COMP-NULL:+CTYPE-X509:"

struct pair {
	struct dtls_cert *cert;
	struct dtls *ours;
	gnutls_session_t theirs;
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	GQueue to_ours, to_theirs;	/* GBytes *, a datagram each */
	gint64 now_us;
	gboolean done;			/* GnuTLS's side */
};

static void send_ours(void *self, const uint8_t *data, size_t len)
{
	struct pair *p = self;

	g_queue_push_tail(&p->to_theirs, g_bytes_new(data, len));
}

static ssize_t send_theirs(gnutls_transport_ptr_t self, const void *data, size_t len)
{
	struct pair *p = self;

	g_queue_push_tail(&p->to_ours, g_bytes_new(data, len));
	return (ssize_t)len;
}

static ssize_t receive_theirs(gnutls_transport_ptr_t self, void *data, size_t room)
{
	struct pair *p = self;
	g_autoptr(GBytes) datagram = g_queue_pop_head(&p->to_theirs);
	const void *bytes;
	gsize len;

	if (!datagram) {
		gnutls_transport_set_errno(p->theirs, EAGAIN);
		return -1;
	}
	bytes = g_bytes_get_data(datagram, &len);
	memcpy(data, bytes, MIN(len, room));
	return (ssize_t)MIN(len, room);
}

static int is_there_any(gnutls_transport_ptr_t self, unsigned ms)
{
	struct pair *p = self;

	return !g_queue_is_empty(&p->to_theirs);
}

/* A self-signed certificate of P-256; its sha-256 is what our side expects. */
static void make_certificate(struct pair *p, struct dtls_fingerprint *out)
{
	static const uint8_t serial[] = {1};
	size_t len = sizeof(out->value);

	assert_int_equal(gnutls_x509_privkey_init(&p->key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
						      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&p->crt), 0);
	gnutls_x509_crt_set_version(p->crt, 3);
	gnutls_x509_crt_set_serial(p->crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(p->crt, time(NULL) - DAYS_S);
	gnutls_x509_crt_set_expiration_time(p->crt, time(NULL) + DAYS_S);
	gnutls_x509_crt_set_key(p->crt, p->key);
	assert_int_equal(gnutls_x509_crt_sign2(p->crt, p->crt, p->key, GNUTLS_DIG_SHA256, 0), 0);
	*out = (struct dtls_fingerprint){.hash = DTLS_SHA256, .setup = DTLS_ACTPASS};
	assert_int_equal(gnutls_x509_crt_get_fingerprint(p->crt, GNUTLS_DIG_SHA256, out->value, &len), 0);
	out->len = len;
}

static void begin_theirs(struct pair *p, gboolean server, const char *ciphers, gnutls_srtp_profile_t profile)
{
	g_autofree char *priority = g_strconcat(PRIORITY, ciphers, NULL);

	assert_int_equal(gnutls_certificate_allocate_credentials(&p->credentials), 0);
	assert_int_equal(gnutls_certificate_set_x509_key(p->credentials, &p->crt, 1, p->key), 0);
	assert_int_equal(gnutls_init(&p->theirs, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_priority_set_direct(p->theirs, priority, NULL), 0);
	assert_int_equal(gnutls_credentials_set(p->theirs, GNUTLS_CRD_CERTIFICATE, p->credentials), 0);
	if (server)
		gnutls_certificate_server_set_request(p->theirs, GNUTLS_CERT_REQUIRE);
	assert_int_equal(gnutls_srtp_set_profile(p->theirs, profile), 0);
	gnutls_dtls_set_mtu(p->theirs, MTU);
	gnutls_transport_set_ptr(p->theirs, p);
	gnutls_transport_set_push_function(p->theirs, send_theirs);
	gnutls_transport_set_pull_function(p->theirs, receive_theirs);
	gnutls_transport_set_pull_timeout_function(p->theirs, is_there_any);
}

static void deliver_to_ours(struct pair *p)
{
	GBytes *datagram;

	while ((datagram = g_queue_pop_head(&p->to_ours))) {
		gsize len;
		const uint8_t *bytes = g_bytes_get_data(datagram, &len);

		dtls_input(p->ours, bytes, len, p->now_us);
		g_bytes_unref(datagram);
	}
}

static gboolean ours_is_done(const struct pair *p)
{
	struct srtp_keys tx, rx;

	return dtls_keys(p->ours, &tx, &rx);
}

static void pair_new(struct pair *p, gboolean we_are_client, const char *ciphers, gnutls_srtp_profile_t profile)
{
	struct dtls_fingerprint theirs;

	memset(p, 0, sizeof(*p));
	p->now_us = G_USEC_PER_SEC;
	make_certificate(p, &theirs);
	begin_theirs(p, we_are_client, ciphers, profile);
	p->cert = dtls_cert_new(NULL);
	p->ours = dtls_new(p->cert, we_are_client, &theirs, send_ours, p, NULL);
	dtls_start(p->ours, p->now_us);
	for (int i = 0; i < STEPS && !(p->done && ours_is_done(p)); i++) {
		if (!p->done)
			p->done = gnutls_handshake(p->theirs) == GNUTLS_E_SUCCESS;
		deliver_to_ours(p);
		p->now_us += STEP_US;
		if (p->now_us >= dtls_deadline(p->ours))
			dtls_expire(p->ours, p->now_us);
	}
	assert_true(p->done);
	assert_true(ours_is_done(p));
}

static void pair_free(struct pair *p)
{
	gnutls_deinit(p->theirs);
	gnutls_certificate_free_credentials(p->credentials);
	gnutls_x509_crt_deinit(p->crt);
	gnutls_x509_privkey_deinit(p->key);
	dtls_free(p->ours);
	dtls_cert_free(p->cert);
	g_queue_clear_full(&p->to_ours, (GDestroyNotify)g_bytes_unref);
	g_queue_clear_full(&p->to_theirs, (GDestroyNotify)g_bytes_unref);
}

static void assert_keys(const struct srtp_keys *ours, const gnutls_datum_t *key, const gnutls_datum_t *salt)
{
	assert_int_equal(key->size, 16);
	assert_memory_equal(ours->key, key->data, key->size);
	assert_memory_equal(ours->salt, salt->data, salt->size);
}

/* ---- the tests ---- */

static const struct { gnutls_srtp_profile_t theirs; enum srtp_suite ours; unsigned salt_len; } profiles[] = {
	{GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AES128_CM_SHA1_80, 14},
};
static const char *const ciphers[] = {"+AES-128-GCM", "+AES-256-GCM", "+CHACHA20-POLY1305"};

static void check_keys(gboolean we_are_client, const char *cipher, size_t n)
{
	gnutls_datum_t client_key, client_salt, server_key, server_salt;
	uint8_t material[128];
	struct srtp_keys tx, rx;
	struct pair p;

	pair_new(&p, we_are_client, cipher, profiles[n].theirs);
	assert_true(gnutls_srtp_get_keys(p.theirs, material, sizeof(material), &client_key, &client_salt, &server_key,
					 &server_salt) > 0);
	assert_true(dtls_keys(p.ours, &tx, &rx));
	assert_int_equal(tx.suite, profiles[n].ours);
	assert_int_equal(client_salt.size, profiles[n].salt_len);
	assert_keys(we_are_client ? &tx : &rx, &client_key, &client_salt);
	assert_keys(we_are_client ? &rx : &tx, &server_key, &server_salt);
	pair_free(&p);
}

static void keys_are_those_that_another_implementation_derives(void **state)
{
	for (size_t n = 0; n < G_N_ELEMENTS(profiles); n++)
		for (size_t i = 0; i < G_N_ELEMENTS(ciphers); i++) {
			check_keys(TRUE, ciphers[i], n);
			check_keys(FALSE, ciphers[i], n);
		}
}

static void a_goodbye_of_another_implementation_is_heard_as_one(void **state)
{
	for (int client = 0; client <= 1; client++) {
		struct pair p;

		pair_new(&p, client, ciphers[0], GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80);
		assert_false(dtls_closed(p.ours));
		gnutls_bye(p.theirs, GNUTLS_SHUT_WR);
		deliver_to_ours(&p);
		assert_true(dtls_closed(p.ours));
		assert_null(dtls_error(p.ours));
		pair_free(&p);
	}
}

static void a_fatal_alert_that_is_encrypted_is_an_outcome_of_its_own(void **state)
{
	for (int client = 0; client <= 1; client++) {
		struct pair p;

		pair_new(&p, client, ciphers[0], GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80);
		assert_int_equal(gnutls_alert_send(p.theirs, GNUTLS_AL_FATAL, GNUTLS_A_INTERNAL_ERROR), 0);
		deliver_to_ours(&p);
		assert_false(dtls_closed(p.ours));
		assert_true(g_error_matches(dtls_error(p.ours), JC_ERROR, JC_SECURITY));
		pair_free(&p);
	}
}

static void another_implementation_hears_our_goodbye(void **state)
{
	char byte;
	struct pair p;

	pair_new(&p, TRUE, ciphers[0], GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80);
	dtls_bye(p.ours);
	assert_int_equal(gnutls_record_recv(p.theirs, &byte, 1), 0);		/* the end of the stream, no error */
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_that_another_implementation_derives),
		cmocka_unit_test(a_goodbye_of_another_implementation_is_heard_as_one),
		cmocka_unit_test(a_fatal_alert_that_is_encrypted_is_an_outcome_of_its_own),
		cmocka_unit_test(another_implementation_hears_our_goodbye),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
