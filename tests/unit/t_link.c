/* A link without ICE, on loopback: whose datagrams it takes, and where it sends. The other side is a plain socket. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "net/link.h"

enum { PATIENCE_US = 5 * G_USEC_PER_SEC };
#define RECORD "\x16 a handshake"

struct world {
	GMainContext *ctx;
	struct link link;
	struct ice_cand local;
	unsigned candidates, gathered, works, failed, datagrams;
	size_t last_len;
	gboolean prove;				/* the next datagrams are the peer's, by their keys */
	gboolean closing;			/* the link is closed from inside the event */
};

static void on_candidate(void *self, const struct ice_cand *local)
{
	struct world *w = self;

	w->candidates++;
	w->local = *local;
}

static void on_gathered(void *self, unsigned candidates)
{
	((struct world *)self)->gathered++;
	assert_int_equal(candidates, 1);
}

static void on_state(void *self, enum link_state state)
{
	struct world *w = self;

	w->works += state == LINK_WORKS;
	w->failed += state == LINK_FAILED;
}

static void on_datagram(void *self, uint8_t *data, size_t len, size_t cap)
{
	struct world *w = self;

	assert_true(cap >= len + 32);
	w->datagrams++;
	w->last_len = len;
	if (w->prove)
		w->link.proven(w->link.self);
	if (w->closing) {
		w->link.free(w->link.self);
		w->link.self = NULL;
	}
}

static void open_with(struct world *w, gboolean loopback, const char *stun_host, uint16_t stun_port)
{
	struct link_options options = {.loopback = loopback, .toward = "127.0.0.1"};

	if (stun_host) {
		options.servers.count = 1;
		options.servers.server[0].port = stun_port;
		g_strlcpy(options.servers.server[0].host, stun_host, sizeof(options.servers.server[0].host));
	}
	struct link_events events = {.candidate = on_candidate, .gathered = on_gathered, .state = on_state,
				     .datagram = on_datagram, .self = w};

	assert_true(udp_open(&w->link, w->ctx, &options, &events, NULL));
}

static int setup(void **state)
{
	struct world *w = g_new0(struct world, 1);

	w->ctx = g_main_context_new();
	open_with(w, TRUE, NULL, 0);
	*state = w;
	return 0;
}

static void close_link(struct world *w)
{
	if (w->link.self)
		w->link.free(w->link.self);
	w->link.self = NULL;
	while (g_main_context_iteration(w->ctx, FALSE))
		;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close_link(w);
	g_main_context_unref(w->ctx);
	g_free(w);
	return 0;
}

static gboolean nudge(gpointer data)
{
	return G_SOURCE_REMOVE;
}

/* Runs the loop until *COUNT is N. */
static void wait_for(struct world *w, const unsigned *count, unsigned n)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;
	GSource *limit = g_timeout_source_new_seconds(PATIENCE_US / G_USEC_PER_SEC);

	g_source_set_callback(limit, nudge, NULL, NULL);
	g_source_attach(limit, w->ctx);
	while (*count < n && g_get_monotonic_time() < end)
		g_main_context_iteration(w->ctx, TRUE);
	g_source_destroy(limit);
	g_source_unref(limit);
	assert_int_equal(*count, n);
}

/* ---- the other side ---- */

static int far_socket(const char *ip, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct timeval limit = {.tv_sec = PATIENCE_US / G_USEC_PER_SEC};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, ip, &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void far_send(int fd, const struct world *w, const void *data, size_t len)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(w->local.port)};

	inet_pton(AF_INET, w->local.ip, &a.sin_addr);
	assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&a, sizeof(a)), len);
}

static void assert_far_gets(int fd, struct world *w)
{
	char data[64];

	assert_true(w->link.send(w->link.self, (const uint8_t *)RECORD, sizeof(RECORD)));
	assert_int_equal(recv(fd, data, sizeof(data), 0), sizeof(RECORD));
	assert_string_equal(data, RECORD);
}

static void signal_remote(struct world *w, const char *ip, uint16_t port)
{
	struct ice_cand c = {.component = 1, .port = port, .type = ICE_HOST};

	g_strlcpy(c.ip, ip, sizeof(c.ip));
	assert_true(w->link.add_remote(w->link.self, &c));
}

/* A link that has told its address and knows the peer's: his socket. */
static int joined(struct world *w, uint16_t *port)
{
	int fd = far_socket("127.0.0.1", port);

	assert_true(w->link.gather(w->link.self, NULL));
	signal_remote(w, "127.0.0.1", *port);
	wait_for(w, &w->works, 1);
	return fd;
}

/* Sends from FD, then from AFTER, from which it is taken: what came before has been seen by then. */
static void assert_refused(struct world *w, int fd, int after)
{
	unsigned n = w->datagrams;

	far_send(fd, w, RECORD, sizeof(RECORD));
	far_send(after, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, n + 1);
	g_main_context_iteration(w->ctx, FALSE);
	assert_int_equal(w->datagrams, n + 1);
}

/* ---- tests ---- */

static void one_host_address_is_told_and_never_from_inside(void **state)
{
	struct world *w = *state;
	struct ice_creds creds;

	assert_false(w->link.creds(w->link.self, &creds));
	assert_false(w->link.checked);
	assert_true(w->link.gather(w->link.self, NULL));
	assert_int_equal(w->candidates, 0);
	wait_for(w, &w->gathered, 1);
	assert_int_equal(w->candidates, 1);
	assert_string_equal(w->local.ip, "127.0.0.1");
	assert_true(w->local.port > 0);
	assert_int_equal(w->local.type, ICE_HOST);
	assert_true(g_ascii_isalpha(w->local.id[0]));		/* an NCName */
	assert_int_equal(w->works, 0);
}

static void loopback_is_told_only_where_it_is_allowed(void **state)
{
	struct world *w = *state;

	close_link(w);
	open_with(w, FALSE, NULL, 0);
	if (w->link.gather(w->link.self, NULL)) {
		wait_for(w, &w->gathered, 1);
		assert_false(g_str_has_prefix(w->local.ip, "127."));
	}
}

static void it_works_once_both_addresses_are_known_in_either_order(void **state)
{
	struct world *w = *state;
	uint16_t port;
	int fd = far_socket("127.0.0.1", &port);

	assert_false(w->link.send(w->link.self, (const uint8_t *)RECORD, sizeof(RECORD)));
	signal_remote(w, "127.0.0.1", port);
	assert_true(w->link.gather(w->link.self, NULL));
	wait_for(w, &w->works, 1);
	assert_far_gets(fd, w);
	close(fd);
}

static void datagrams_go_both_ways(void **state)
{
	struct world *w = *state;
	struct ice_cand local, remote;
	uint16_t port;
	int fd = joined(w, &port);

	assert_far_gets(fd, w);
	far_send(fd, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	assert_int_equal(w->last_len, sizeof(RECORD));
	assert_true(w->link.selected(w->link.self, &local, &remote));
	assert_int_equal(local.port, w->local.port);
	assert_int_equal(remote.port, port);
	assert_int_equal(remote.type, ICE_HOST);
	close(fd);
}

static void another_ip_is_never_heard(void **state)
{
	struct world *w = *state;
	uint16_t port, other_port;
	int fd = joined(w, &port), other = far_socket("127.0.0.2", &other_port);

	assert_refused(w, other, fd);
	assert_far_gets(fd, w);
	close(fd);
	close(other);
}

/* The peer's NAT has given him another port than the one he knows of. */
static void another_port_of_the_same_ip_is_answered_there(void **state)
{
	struct world *w = *state;
	struct ice_cand local, remote;
	uint16_t port, mapped_port;
	int fd = joined(w, &port), mapped = far_socket("127.0.0.1", &mapped_port);

	far_send(mapped, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	assert_far_gets(mapped, w);
	assert_true(w->link.selected(w->link.self, &local, &remote));
	assert_int_equal(remote.port, mapped_port);
	assert_int_equal(remote.type, ICE_PRFLX);
	close(fd);
	close(mapped);
}

static void once_the_very_address_was_heard_no_other_port_is(void **state)
{
	struct world *w = *state;
	uint16_t port, other_port;
	int fd = joined(w, &port), other = far_socket("127.0.0.1", &other_port);

	far_send(other, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	far_send(fd, w, RECORD, sizeof(RECORD));		/* takes it back */
	wait_for(w, &w->datagrams, 2);
	assert_refused(w, other, fd);
	assert_far_gets(fd, w);
	close(fd);
	close(other);
}

static void keys_settle_it_and_nothing_moves_any_more(void **state)
{
	struct world *w = *state;
	uint16_t port, mapped_port;
	int fd = joined(w, &port), mapped = far_socket("127.0.0.1", &mapped_port);

	w->prove = TRUE;
	far_send(mapped, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	w->prove = FALSE;
	assert_refused(w, fd, mapped);			/* not even what was signalled */
	assert_far_gets(mapped, w);
	close(fd);
	close(mapped);
}

/* What was kept from earlier may be proven later, when another datagram was the last. */
static void only_the_datagram_at_hand_can_be_proven(void **state)
{
	struct world *w = *state;
	uint16_t port, other_port;
	int fd = joined(w, &port), other = far_socket("127.0.0.1", &other_port);

	far_send(other, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	w->link.proven(w->link.self);
	far_send(fd, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 2);
	assert_far_gets(fd, w);
	close(fd);
	close(other);
}

static void the_peer_may_move_by_signalling(void **state)
{
	struct world *w = *state;
	uint16_t port, new_port;
	int fd = joined(w, &port), new = far_socket("127.0.0.1", &new_port);

	w->prove = TRUE;
	far_send(fd, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	signal_remote(w, "127.0.0.1", new_port);
	assert_far_gets(new, w);
	assert_refused(w, fd, new);
	close(fd);
	close(new);
}

static void what_is_neither_dtls_nor_srtp_is_dropped_and_moves_nothing(void **state)
{
	static const uint8_t first[] = {0, 3, 19, 64, 127, 192, 255};
	struct world *w = *state;
	uint16_t port, other_port;
	int fd = joined(w, &port), other = far_socket("127.0.0.1", &other_port);
	uint8_t big[DATAGRAM_MAX + 1] = {0x80};

	for (size_t i = 0; i < sizeof(first); i++)
		far_send(other, w, &first[i], 1);
	far_send(other, w, big, sizeof(big));
	far_send(other, w, big, 0);
	far_send(fd, w, big, DATAGRAM_MAX);
	wait_for(w, &w->datagrams, 1);
	assert_int_equal(w->last_len, DATAGRAM_MAX);
	assert_far_gets(fd, w);
	close(fd);
	close(other);
}

static void an_address_of_the_other_ip_version_fails_the_way(void **state)
{
	struct world *w = *state;

	assert_true(w->link.gather(w->link.self, NULL));
	signal_remote(w, "2001:db8::1", 9);
	wait_for(w, &w->failed, 1);
	assert_int_equal(w->works, 0);
	assert_false(w->link.send(w->link.self, (const uint8_t *)RECORD, sizeof(RECORD)));
}

static void a_name_is_no_address(void **state)
{
	struct world *w = *state;
	struct ice_cand c = {.component = 1, .port = 9, .ip = "example.org"};

	assert_false(w->link.add_remote(w->link.self, &c));
	g_strlcpy(c.ip, "127.0.0.1", sizeof(c.ip));
	c.port = 0;
	assert_false(w->link.add_remote(w->link.self, &c));
}

/* ---- a STUN server ---- */

/* A link whose STUN server is the socket that is returned. */
static int ask_server(struct world *w)
{
	uint16_t port;
	int fd = far_socket("127.0.0.1", &port);

	close_link(w);
	open_with(w, TRUE, "127.0.0.1", port);
	assert_true(w->link.gather(w->link.self, NULL));
	return fd;
}

/* Takes a question, answers it with 203.0.113.9 port 4097 from each of so many sockets, in that order. */
static void serve_by(int fd, const int *answer, size_t answers)
{
	uint8_t data[32] = {0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42, [20] = 0x00, 0x20, 0x00, 0x08, 0x00, 0x01,
			    0x10 ^ 0x21, 0x01 ^ 0x12, 203 ^ 0x21, 0 ^ 0x12, 113 ^ 0xa4, 9 ^ 0x42};
	uint8_t question[64];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);

	assert_int_equal(recvfrom(fd, question, sizeof(question), 0, (struct sockaddr *)&from, &size), 20);
	memcpy(data + 8, question + 8, 12);
	for (size_t i = 0; i < answers; i++) {
		data[23 + 4] ^= (uint8_t)i;			/* each another port: 4097, 4096, 4098 ... */
		assert_int_equal(sendto(answer[i], data, sizeof(data), 0, (struct sockaddr *)&from, size), sizeof(data));
	}
}

static void serve(int fd, gboolean answer)
{
	serve_by(fd, &fd, answer ? 1 : 0);
}

/* XEP-0177 "Transport Initiation": behind a permissive NAT the server reflexive candidate. */
static void the_address_that_a_stun_server_sees_is_told(void **state)
{
	struct world *w = *state;
	int fd = ask_server(w);

	serve(fd, TRUE);
	wait_for(w, &w->gathered, 1);
	assert_int_equal(w->candidates, 1);
	assert_int_equal(w->local.type, ICE_SRFLX);
	assert_string_equal(w->local.ip, "203.0.113.9");
	assert_int_equal(w->local.port, 4097);
	assert_string_equal(w->local.rel_ip, "127.0.0.1");
	close(fd);
}

/* Its id is no secret on the way, so it counts only from where it was asked for, and once. */
static void an_answer_counts_from_the_server_alone_and_once(void **state)
{
	struct world *w = *state;
	uint16_t port;
	int fd = ask_server(w), stranger = far_socket("127.0.0.1", &port), by[] = {stranger, fd, fd, stranger};

	serve_by(fd, by, G_N_ELEMENTS(by));
	wait_for(w, &w->gathered, 1);
	while (g_main_context_iteration(w->ctx, FALSE))
		;
	assert_int_equal(w->candidates, 1);
	assert_int_equal(w->gathered, 1);
	assert_int_equal(w->local.port, 4096);
	close(stranger);
	close(fd);
}

static void a_lost_question_is_asked_again(void **state)
{
	struct world *w = *state;
	int fd = ask_server(w);
	char byte;

	serve(fd, FALSE);
	while (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		g_main_context_iteration(w->ctx, TRUE);
	serve(fd, TRUE);
	wait_for(w, &w->gathered, 1);
	assert_int_equal(w->local.type, ICE_SRFLX);
	close(fd);
}

static void without_a_reachable_stun_server_the_host_address_is_told(void **state)
{
	struct world *w = *state;

	close_link(w);
	open_with(w, TRUE, "2001:db8::1", 0);
	assert_true(w->link.gather(w->link.self, NULL));
	wait_for(w, &w->gathered, 1);
	assert_int_equal(w->local.type, ICE_HOST);
	assert_string_equal(w->local.ip, "127.0.0.1");
}

static void closing_while_it_asks_is_safe(void **state)
{
	struct world *w = *state;
	int fd = ask_server(w);

	close_link(w);
	assert_int_equal(w->candidates, 0);
	close(fd);
}

static void closing_inside_the_event_is_safe_and_ends_all_events(void **state)
{
	struct world *w = *state;
	uint16_t port;
	int fd = joined(w, &port);

	w->closing = TRUE;
	far_send(fd, w, RECORD, sizeof(RECORD));
	far_send(fd, w, RECORD, sizeof(RECORD));
	wait_for(w, &w->datagrams, 1);
	close_link(w);
	assert_int_equal(w->datagrams, 1);
	close(fd);
}

static void closing_at_once_tells_nothing(void **state)
{
	struct world *w = *state;

	assert_true(w->link.gather(w->link.self, NULL));
	signal_remote(w, "127.0.0.1", 9);
	close_link(w);
	assert_int_equal(w->candidates + w->gathered + w->works, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_host_address_is_told_and_never_from_inside),
		TEST(loopback_is_told_only_where_it_is_allowed),
		TEST(it_works_once_both_addresses_are_known_in_either_order),
		TEST(datagrams_go_both_ways),
		TEST(another_ip_is_never_heard),
		TEST(another_port_of_the_same_ip_is_answered_there),
		TEST(once_the_very_address_was_heard_no_other_port_is),
		TEST(keys_settle_it_and_nothing_moves_any_more),
		TEST(only_the_datagram_at_hand_can_be_proven),
		TEST(the_peer_may_move_by_signalling),
		TEST(what_is_neither_dtls_nor_srtp_is_dropped_and_moves_nothing),
		TEST(an_address_of_the_other_ip_version_fails_the_way),
		TEST(a_name_is_no_address),
		TEST(the_address_that_a_stun_server_sees_is_told),
		TEST(an_answer_counts_from_the_server_alone_and_once),
		TEST(a_lost_question_is_asked_again),
		TEST(without_a_reachable_stun_server_the_host_address_is_told),
		TEST(closing_while_it_asks_is_safe),
		TEST(closing_inside_the_event_is_safe_and_ends_all_events),
		TEST(closing_at_once_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
