/* A path with a link of our own making. A hello that comes before our own ICE check has ended: nothing can be sent yet, and the
 * answer is not to wait for a timer. A peer who names addresses without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/dtls.h"
#include "path_priv.h"

struct rig {
	struct media_thread *media;
	struct path *path;
	struct dtls_cert *ours, *theirs;
	struct dtls *peer;
	gboolean up;			/* the link has a pair */
	unsigned sent, lost, addresses;
	gboolean said, closed;
};

static gboolean send_datagram(void *self, const uint8_t *data, size_t len)
{
	struct rig *r = self;

	r->sent += r->up;
	r->lost += !r->up;
	return r->up;
}

static gboolean has_no_pair(void *self, struct ice_cand *local, struct ice_cand *remote)
{
	return FALSE;
}

static void nothing(void *self)
{
}

static void take(void *self, const uint8_t *data, size_t len)
{
	struct rig *r = self;
	uint8_t copy[DATAGRAM_MAX];

	memcpy(copy, data, len);
	wire_input(r->path->wire, copy, len);
}

static gboolean stays_open(void *self)
{
	return FALSE;
}

static void on_said(void *self, void *arg)
{
	((struct rig *)self)->said = TRUE;
}

/* ---- in the media thread, at once: no timer can have its turn in between ---- */

static void say(void *self, void *arg)
{
	struct rig *r = self;
	struct path *p = r->path;

	p->ends[p->current].link = (struct link){.free = stays_open, .send = send_datagram, .selected = has_no_pair,
						 .proven = nothing, .self = r};
	dtls_start(r->peer, g_get_monotonic_time());
	r->up = p->works = TRUE;
	path_start_dtls(p);
	post_to(NULL, on_said, r, NULL, 0);
}

static gboolean add_remote(void *self, const struct ice_cand *cand)
{
	((struct rig *)self)->addresses++;
	return TRUE;
}

static gboolean set_remote(void *self, const struct ice_creds *creds)
{
	return TRUE;
}

static gboolean has_no_creds(void *self, struct ice_creds *out)
{
	return FALSE;
}

static void listen(void *self, void *arg)
{
	struct rig *r = self;
	struct path *p = r->path;

	p->ends[p->current].link = (struct link){.free = stays_open, .set_remote = set_remote, .add_remote = add_remote,
						 .creds = has_no_creds, .self = r};
}

static void tell_said(void *self, void *arg)
{
	post_to(NULL, on_said, self, NULL, 0);
}

static void on_closed(void *ctx, const struct media_stats *stats)
{
	((struct rig *)ctx)->closed = TRUE;
}

/* ---- a path whose owner only counts addresses ---- */

static void on_creds(void *self, const struct ice_creds *local)
{
}

static void on_candidate(void *self, const struct ice_cand *local)
{
	((struct rig *)self)->addresses++;
}

static void on_gathered(void *self, unsigned candidates)
{
}

static void on_connected(void *self, const struct ice_cand *local, const struct ice_cand *remote)
{
}

static void on_secured(void *self, const char *suite)
{
}

static void on_time(void *self, gint64 at_us)
{
}

static void on_unstable(void *self, gboolean silent)
{
}

static void on_digit(void *self, char digit)
{
}

static void on_voice(void *self, gboolean speaking)
{
}

static void on_in_ended(void *self, const struct audio_in *in, const GError *fault)
{
}

static void on_out_ended(void *self, const struct audio_out *out, const GError *fault)
{
}

static void on_nothing(void *self)
{
}

static void on_error(void *self, const GError *error)
{
}

static struct path_events events_of(struct rig *r)
{
	return (struct path_events){
		.creds = on_creds,
		.candidate = on_candidate,
		.gathered = on_gathered,
		.connected = on_connected,
		.secured = on_secured,
		.flowing = on_time,
		.heard = on_time,
		.unstable = on_unstable,
		.digit = on_digit,
		.voice = on_voice,
		.in_ended = on_in_ended,
		.out_ended = on_out_ended,
		.measured = on_nothing,
		.way_failed = on_error,
		.stale = on_nothing,
		.failed = on_error,
		.peer_left = on_nothing,
		.self = r,
	};
}

static void a_hello_that_came_before_the_way_worked_is_answered_when_it_does(void **state)
{
	struct rig r = {.media = media_thread_new(), .ours = dtls_cert_new(NULL), .theirs = dtls_cert_new(NULL)};
	struct link_options options = {.controlling = TRUE};
	struct path_events events = events_of(&r);
	struct dtls_fingerprint ours, theirs;

	dtls_cert_fingerprint(r.ours, &ours);
	dtls_cert_fingerprint(r.theirs, &theirs);
	r.path = path_new(r.media, &options, r.ours, &events);
	r.peer = dtls_new(r.theirs, TRUE, &ours, take, &r, NULL);
	path_secure(r.path, FALSE, &theirs);
	post_to(media_thread_context(r.media), say, &r, NULL, 0);
	while (!r.said)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(r.lost, 0);
	assert_int_not_equal(r.sent, 0);

	path_close(r.path, on_closed, &r);
	while (!r.closed)
		g_main_context_iteration(NULL, TRUE);
	dtls_free(r.peer);
	dtls_cert_free(r.ours);
	dtls_cert_free(r.theirs);
	media_thread_free(r.media);
}

/* Each would be sent checks, and need not be his. */
static void however_often_the_peer_begins_anew_his_addresses_are_bounded(void **state)
{
	struct rig r = {.media = media_thread_new(), .ours = dtls_cert_new(NULL)};
	struct link_options options = {.controlling = TRUE};
	struct path_events events = events_of(&r);
	struct ice_cand cand = {.ip = "192.0.2.1", .component = 1};
	struct ice_creds creds = {"abcd", "0123456789012345678901"};

	r.path = path_new(r.media, &options, r.ours, &events);
	post_to(media_thread_context(r.media), listen, &r, NULL, 0);
	for (int restart = 0; restart < 100; restart++) {
		creds.ufrag[0] = (char)('a' + restart % 26);
		path_remote_creds(r.path, &creds);
		for (int n = 0; n < 25; n++) {
			cand.port = (uint16_t)(1000 + n);
			path_remote_cand(r.path, &cand);
		}
	}
	post_to(media_thread_context(r.media), tell_said, &r, NULL, 0);
	while (!r.said)
		g_main_context_iteration(NULL, TRUE);
	assert_in_range(r.addresses, 90, 110);
	path_close(r.path, on_closed, &r);
	while (!r.closed)
		g_main_context_iteration(NULL, TRUE);
	dtls_cert_free(r.ours);
	media_thread_free(r.media);
}

static void tell_cand(void *self, void *arg)
{
	struct rig *r = self;
	struct ice_cand cand = {.ip = "192.0.2.1", .component = 1};

	path_tell(r->path, path_tell_candidate, &cand, sizeof(cand));
	if (r->up)				/* and then the network is another */
		path_tell(r->path, path_tell_moved, NULL, 0);
	post_to(NULL, on_said, r, NULL, 0);
}

/* Gathered ahead of the call: told when there is somebody to hear it, but not if the network has changed since. */
static void what_was_found_before_anybody_listened_is_told_if_it_still_holds(void **state)
{
	for (int moved = 0; moved <= 1; moved++) {
		struct rig r = {.media = media_thread_new(), .ours = dtls_cert_new(NULL), .up = moved};
		struct link_options options = {.controlling = TRUE};
		struct path_events events = events_of(&r);

		r.path = path_new(r.media, &options, r.ours, NULL);
		post_to(media_thread_context(r.media), tell_cand, &r, NULL, 0);
		while (!r.said)
			g_main_context_iteration(NULL, TRUE);
		assert_int_equal(r.addresses, 0);
		assert_int_equal(path_hear(r.path, &events), !moved);
		assert_int_equal(r.addresses, !moved);
		path_close(r.path, on_closed, &r);
		while (!r.closed)
			g_main_context_iteration(NULL, TRUE);
		dtls_cert_free(r.ours);
		media_thread_free(r.media);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_found_before_anybody_listened_is_told_if_it_still_holds),
		cmocka_unit_test(however_often_the_peer_begins_anew_his_addresses_are_bounded),
		cmocka_unit_test(a_hello_that_came_before_the_way_worked_is_answered_when_it_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
