/* Two whole media paths on loopback, joined as two calls join them: by ICE, by plain UDP, and by one after the other. The
 * clock is the real one; what is waited for is an event, never a time. The one with a failing ICE takes 7 s: libnice gives up
 * no sooner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "path.h"

enum { PATIENCE_S = 20 };

struct side {
	struct side *other;
	struct path *path;
	struct dtls_cert *cert;
	struct audio_in in;
	struct audio_out out;
	gboolean deaf;			/* the signalling gives it another password than the peer's: no check succeeds */
	gboolean mute;			/* the signalling loses our candidates */
	char told_ufrag[257];
	gboolean lost;			/* its credentials do not reach the peer */
	gboolean closing;
	unsigned creds, candidates, connected, secured, flowing, heard, voices, way_failed, failed, closed;
	int failure;
	struct ice_cand told;		/* our last candidate */
	struct media_stats stats;	/* the last */
	const char *suite;
};

struct world {
	struct media_thread *media;
	struct side a, b;
};

static void on_creds(void *self, const struct ice_creds *local)
{
	struct side *s = self;
	struct ice_creds creds = *local;

	if (strcmp(s->told_ufrag, local->ufrag) == 0)
		return;			/* those of before, as the plug-in would see */
	g_strlcpy(s->told_ufrag, local->ufrag, sizeof(s->told_ufrag));
	s->creds++;
	if (s->other->deaf)
		g_strlcpy(creds.pwd, "this is not the password", sizeof(creds.pwd));
	if (!s->other->closing && !s->lost)
		path_remote_creds(s->other->path, &creds);
	path_gather(s->path);
}

static void on_candidate(void *self, const struct ice_cand *local)
{
	struct side *s = self;

	s->candidates++;
	s->told = *local;
	if (!s->mute && !s->other->closing)
		path_remote_cand(s->other->path, local);
}

static void on_gathered(void *self, unsigned candidates)
{
	struct side *s = self;

	if (!s->other->closing)
		path_remote_done(s->other->path);
}

static void on_connected(void *self, const struct ice_cand *local, const struct ice_cand *remote)
{
	((struct side *)self)->connected++;
}

static void on_secured(void *self, const char *suite)
{
	struct side *s = self;

	s->secured++;
	s->suite = suite;
}

static void on_flowing(void *self, gint64 at_us)
{
	((struct side *)self)->flowing++;
}

static void on_heard(void *self, gint64 at_us)
{
	((struct side *)self)->heard++;
}

static void on_unstable(void *self, gboolean silent)
{
}

static void on_voice(void *self, gboolean speaking)
{
	((struct side *)self)->voices++;
}

static void on_in_ended(void *self, const struct audio_in *in, const GError *fault)
{
}

static void on_out_ended(void *self, const struct audio_out *out, const GError *fault)
{
}

static void on_way_failed(void *self, const GError *error)
{
	struct side *s = self;

	s->way_failed++;
	s->failure = error->code;
}

static void on_stale(void *self)
{
}

static void on_failed(void *self, const GError *error)
{
	struct side *s = self;

	s->failed++;
	s->failure = error->code;
}

static void on_left(void *self)
{
}

static void on_closed(void *ctx, const struct media_stats *stats)
{
	struct side *s = ctx;

	s->closed++;
	s->stats = *stats;
}

/* ---- two sides ---- */

static gboolean too_late(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static void wait_for(const unsigned *count, unsigned n)
{
	gboolean late = FALSE;
	guint limit = g_timeout_add_seconds(PATIENCE_S, too_late, &late);

	while (*count < n && !late)
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(limit);
	assert_int_equal(*count, n);
}

static void wait_both(struct world *w, size_t offset, unsigned n)
{
	wait_for((const unsigned *)((const char *)&w->a + offset), n);
	wait_for((const unsigned *)((const char *)&w->b + offset), n);
}

#define WAIT_BOTH(w, what, n) wait_both(w, offsetof(struct side, what), n)

static void on_digit(void *self, char digit)
{
}

static void on_measured(void *self)
{
}

static void open_side(struct world *w, struct side *s, struct side *other, gboolean controlling)
{
	struct path_events events = {
		.creds = on_creds,
		.candidate = on_candidate,
		.gathered = on_gathered,
		.connected = on_connected,
		.secured = on_secured,
		.flowing = on_flowing,
		.heard = on_heard,
		.unstable = on_unstable,
		.digit = on_digit,
		.voice = on_voice,
		.in_ended = on_in_ended,
		.out_ended = on_out_ended,
		.measured = on_measured,
		.way_failed = on_way_failed,
		.stale = on_stale,
		.failed = on_failed,
		.peer_left = on_left,
		.self = s,
	};
	struct link_options options = {.controlling = controlling, .loopback = TRUE};

	s->other = other;
	s->cert = dtls_cert_new(NULL);
	s->path = path_new(w->media, &options, s->cert, &events);
	assert_true(audio_open_in("tone:440", &s->in, NULL) && audio_open_out("null", &s->out, NULL));
}

static int setup(void **state)
{
	struct world *w = g_new0(struct world, 1);

	w->media = media_thread_new();
	open_side(w, &w->a, &w->b, TRUE);
	open_side(w, &w->b, &w->a, FALSE);
	*state = w;
	return 0;
}

static void close_side(struct side *s)
{
	s->closing = TRUE;
	path_close(s->path, on_closed, s);
	wait_for(&s->closed, 1);
	s->in.close(s->in.self);
	s->out.close(s->out.self, NULL);
	dtls_cert_free(s->cert);
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (!w->a.closed)
		close_side(&w->a);
	if (!w->b.closed)
		close_side(&w->b);
	media_thread_free(w->media);
	g_free(w);
	return 0;
}

/* The fingerprints are exchanged: A offers, B is active. */
static void secure(struct world *w)
{
	struct dtls_fingerprint fa, fb;

	dtls_cert_fingerprint(w->a.cert, &fa);
	dtls_cert_fingerprint(w->b.cert, &fb);
	path_secure(w->a.path, FALSE, &fb);
	path_secure(w->b.path, TRUE, &fa);
}

/* Keys as SDES agrees on; A's are of another call when WRONG. */
static void give_keys(struct world *w, gboolean wrong)
{
	struct srtp_keys a = {.suite = SRTP_AES128_CM_SHA1_80, .key = {1, 2, 3}, .salt = {4, 5}};
	struct srtp_keys b = {.suite = SRTP_AES128_CM_SHA1_80, .key = {6, 7, 8}, .salt = {9}};

	path_keys(w->b.path, &b, &a);
	a.key[0] ^= wrong ? 1 : 0;
	path_keys(w->a.path, &a, &b);
}

static void go(struct side *s)
{
	struct media_params params = {.codec = CODEC_OPUS, .tx_pt = 111, .rx = {{111, CODEC_OPUS}}, .rx_count = 1, .ptime_ms = 20, .bitrate_bps = 32000,
				      .complexity = 1, .tx_ssrc = 1, .cname = "test"};

	path_go(s->path, &params, &s->in, &s->out);
}

static void use(struct world *w, enum transport_kind way)
{
	static const struct server_list none;
	path_way(w->a.path, way, &none, FALSE);
	path_way(w->b.path, way, &none, FALSE);
	if (way == TRANSPORT_RAW_UDP) {		/* ICE gathers as soon as it has told its credentials */
		path_gather(w->a.path);
		path_gather(w->b.path);
	}
}

/* ---- tests ---- */

static void sound_goes_by_ice(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_ICE_UDP);
	secure(w);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, heard, 1);
	assert_int_equal(w->a.connected, 1);
	assert_int_equal(w->a.secured, 1);
	assert_int_equal(w->a.failed + w->a.way_failed, 0);
}

static void sound_goes_by_plain_udp(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	secure(w);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, heard, 1);
	assert_int_equal(w->a.creds, 0);
	assert_int_equal(w->a.candidates, 1);
	WAIT_BOTH(w, connected, 1);
	WAIT_BOTH(w, secured, 1);
	assert_int_equal(w->a.failed + w->a.way_failed, 0);
}

static void a_failed_ice_leaves_the_path_alive_for_plain_udp(void **state)
{
	struct world *w = *state;

	w->a.deaf = w->b.deaf = TRUE;
	use(w, TRANSPORT_ICE_UDP);
	secure(w);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, way_failed, 1);
	assert_int_equal(w->a.failure, JC_NO_PATH);
	assert_int_equal(w->a.secured + w->a.failed, 0);
	use(w, TRANSPORT_RAW_UDP);
	WAIT_BOTH(w, heard, 1);
	WAIT_BOTH(w, secured, 1);
	assert_int_equal(w->a.failed + w->b.failed, 0);
}

/* XEP-0166 allows a transport-replace in a call that is up. */
static void a_call_that_is_up_can_change_its_way(void **state)
{
	struct world *w = *state;
	uint64_t before;

	use(w, TRANSPORT_ICE_UDP);
	secure(w);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, heard, 1);
	use(w, TRANSPORT_RAW_UDP);
	WAIT_BOTH(w, secured, 2);
	WAIT_BOTH(w, connected, 2);
	path_stats(w->a.path, &w->a.stats);
	before = w->a.stats.rx_packets;
	while (path_stats(w->a.path, &w->a.stats), w->a.stats.rx_packets < before + 10)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(w->a.failed + w->b.failed, 0);
}

static void hear_more(struct side *s)
{
	uint64_t before;

	path_stats(s->path, &s->stats);
	before = s->stats.rx_packets;
	while (path_stats(s->path, &s->stats), s->stats.rx_packets < before + 30)
		g_main_context_iteration(NULL, TRUE);
}

static void talk_by_ice(struct world *w)
{
	use(w, TRANSPORT_ICE_UDP);
	secure(w);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, heard, 1);
	WAIT_BOTH(w, connected, 1);
}

/* An ICE restart with new sockets, as after a change of addresses. The keys stay; nothing is lost. */
static void a_new_way_takes_over_without_a_gap(void **state)
{
	static const struct server_list none;
	struct world *w = *state;

	talk_by_ice(w);
	path_renew(w->a.path, &none, FALSE);
	wait_for(&w->a.connected, 2);
	hear_more(&w->a);
	hear_more(&w->b);
	assert_true(w->a.stats.rx_lost + w->b.stats.rx_lost < 5);
	assert_true(w->a.stats.rx_bad + w->b.stats.rx_bad == 0);
	assert_int_equal(w->a.secured, 1);
	path_renew(w->b.path, &none, FALSE);		/* and back */
	wait_for(&w->b.connected, 2);
	hear_more(&w->a);
	hear_more(&w->b);
	assert_int_equal(w->a.failed + w->b.failed, 0);
}

static void both_may_seek_a_new_way_at_once(void **state)
{
	static const struct server_list none;
	struct world *w = *state;

	talk_by_ice(w);
	path_renew(w->a.path, &none, FALSE);
	path_renew(w->b.path, &none, FALSE);
	WAIT_BOTH(w, connected, 2);
	hear_more(&w->a);
	hear_more(&w->b);
	assert_int_equal(w->a.failed + w->b.failed, 0);
}

static void a_new_way_that_leads_nowhere_leaves_the_old_one_in_force(void **state)
{
	static const struct server_list none;
	struct world *w = *state;

	talk_by_ice(w);
	w->a.mute = w->a.lost = TRUE;
	path_renew(w->a.path, &none, FALSE);
	for (int i = 0; i < 4; i++) {
		hear_more(&w->a);
		hear_more(&w->b);
	}
	assert_int_equal(w->a.connected, 1);
	assert_int_equal(w->a.failed + w->b.failed, 0);
}

static void plain_udp_with_another_certificate_gives_no_sound(void **state)
{
	struct world *w = *state;
	struct dtls_fingerprint fa, fb;

	use(w, TRANSPORT_RAW_UDP);
	dtls_cert_fingerprint(w->a.cert, &fa);
	dtls_cert_fingerprint(w->b.cert, &fb);
	fb.value[0] ^= 1;
	path_secure(w->a.path, FALSE, &fb);
	path_secure(w->b.path, TRUE, &fa);
	go(&w->a);
	go(&w->b);
	wait_for(&w->a.failed, 1);
	assert_int_equal(w->a.failure, JC_SECURITY);
	close_side(&w->a);
	assert_int_equal(w->a.secured + w->a.flowing, 0);
	assert_int_equal(w->a.stats.tx_packets, 0);
}

static void without_the_accept_no_sound_leaves_by_plain_udp(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	secure(w);
	go(&w->b);
	WAIT_BOTH(w, secured, 1);
	close_side(&w->a);
	assert_int_equal(w->a.stats.tx_packets, 0);
}

static void wait_packets(struct side *s, uint64_t n, size_t offset)
{
	gboolean late = FALSE;
	guint limit = g_timeout_add_seconds(PATIENCE_S, too_late, &late);
	uint64_t got = 0;

	while (got < n && !late) {
		g_main_context_iteration(NULL, TRUE);
		path_stats(s->path, &s->stats);
		memcpy(&got, (const char *)&s->stats + offset, sizeof(got));
	}
	if (!late)
		g_source_remove(limit);
	assert_true(got >= n);
}

static void given_keys_need_no_handshake(void **state)
{
	static const enum transport_kind ways[] = {TRANSPORT_RAW_UDP, TRANSPORT_ICE_UDP};

	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		struct world *w;

		teardown(state);
		setup(state);
		w = *state;
		use(w, ways[i]);
		give_keys(w, FALSE);
		go(&w->a);
		go(&w->b);
		WAIT_BOTH(w, heard, 1);
		WAIT_BOTH(w, secured, 1);
		WAIT_BOTH(w, connected, 1);
		assert_string_equal(w->a.suite, "AES_CM_128_HMAC_SHA1_80");
		assert_int_equal(w->a.failed + w->a.way_failed, 0);
	}
}

static void other_keys_than_the_peers_give_no_sound(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	give_keys(w, TRUE);
	go(&w->a);
	go(&w->b);
	wait_packets(&w->b, 20, offsetof(struct media_stats, rx_bad));
	assert_int_equal(w->b.flowing + w->b.heard, 0);
}

static void an_address_from_which_nothing_comes_gets_no_stream(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	give_keys(w, TRUE);			/* nothing that comes to B is of its peer */
	go(&w->a);
	go(&w->b);
	wait_packets(&w->b, 60, offsetof(struct media_stats, tx_dropped));
	assert_in_range(w->b.stats.tx_packets, 50, 56);
}

static void without_the_accept_no_sound_leaves_with_given_keys(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	give_keys(w, FALSE);
	go(&w->b);
	WAIT_BOTH(w, secured, 1);
	close_side(&w->a);
	assert_int_equal(w->a.stats.tx_packets, 0);
	assert_int_equal(w->a.flowing, 0);
}

/* Keys that are there from the start say nothing of the way: a candidate of the other family cannot be reached. */
static void given_keys_do_not_prove_a_way_and_stay_for_the_next(void **state)
{
	struct world *w = *state;
	struct ice_cand nowhere = {.component = 1, .ip = "2001:db8::1", .port = 9};

	w->a.mute = w->b.mute = TRUE;
	use(w, TRANSPORT_RAW_UDP);
	give_keys(w, FALSE);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, candidates, 1);
	path_remote_cand(w->a.path, &nowhere);
	path_remote_cand(w->b.path, &nowhere);
	WAIT_BOTH(w, way_failed, 1);
	assert_int_equal(w->a.failure, JC_NO_PATH);
	assert_int_equal(w->a.secured + w->a.failed, 0);
	w->a.mute = w->b.mute = FALSE;
	use(w, TRANSPORT_ICE_UDP);
	WAIT_BOTH(w, heard, 1);
	WAIT_BOTH(w, secured, 1);
	use(w, TRANSPORT_RAW_UDP);		/* and in a call that is up */
	WAIT_BOTH(w, secured, 2);
	path_stats(w->a.path, &w->a.stats);
	wait_packets(&w->a, w->a.stats.rx_packets + 50, offsetof(struct media_stats, rx_packets));
	assert_int_equal(w->a.failed + w->b.failed, 0);
	assert_int_equal(w->a.stats.rx_bad, 0);
}

static void a_second_set_of_keys_is_not_taken(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	give_keys(w, FALSE);
	give_keys(w, TRUE);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, heard, 1);
}

static void keys_of_no_known_suite_end_the_path(void **state)
{
	struct world *w = *state;
	struct srtp_keys none = {.suite = (enum srtp_suite)99};

	use(w, TRANSPORT_RAW_UDP);
	path_keys(w->a.path, &none, &none);
	wait_for(&w->a.failed, 1);
	assert_int_equal(w->a.failure, JC_SECURITY);
}

/* The peer's first flight comes before the signalling has told his address: it is sent again. */
static void an_address_that_comes_late_harms_nothing(void **state)
{
	struct world *w = *state;

	w->b.mute = TRUE;
	use(w, TRANSPORT_RAW_UDP);
	secure(w);
	go(&w->a);
	go(&w->b);
	WAIT_BOTH(w, candidates, 1);
	assert_int_equal(w->a.connected, 0);
	path_remote_cand(w->a.path, &w->b.told);
	WAIT_BOTH(w, heard, 1);
}

static void closing_at_any_time_is_safe(void **state)
{
	struct world *w = *state;

	use(w, TRANSPORT_RAW_UDP);
	use(w, TRANSPORT_ICE_UDP);
	use(w, TRANSPORT_RAW_UDP);
	secure(w);
	close_side(&w->a);
	assert_int_equal(w->a.failed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sound_goes_by_ice),
		TEST(sound_goes_by_plain_udp),
		TEST(a_failed_ice_leaves_the_path_alive_for_plain_udp),
		TEST(a_call_that_is_up_can_change_its_way),
		TEST(a_new_way_takes_over_without_a_gap),
		TEST(both_may_seek_a_new_way_at_once),
		TEST(a_new_way_that_leads_nowhere_leaves_the_old_one_in_force),
		TEST(plain_udp_with_another_certificate_gives_no_sound),
		TEST(without_the_accept_no_sound_leaves_by_plain_udp),
		TEST(given_keys_need_no_handshake),
		TEST(other_keys_than_the_peers_give_no_sound),
		TEST(an_address_from_which_nothing_comes_gets_no_stream),
		TEST(without_the_accept_no_sound_leaves_with_given_keys),
		TEST(given_keys_do_not_prove_a_way_and_stay_for_the_next),
		TEST(a_second_set_of_keys_is_not_taken),
		TEST(keys_of_no_known_suite_end_the_path),
		TEST(an_address_that_comes_late_harms_nothing),
		TEST(closing_at_any_time_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
