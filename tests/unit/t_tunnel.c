#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tunnel.h"
#include "loop.h"

enum { PATIENCE_MS = 10000 };

static int server;			/* where the tunnel leads to; nobody speaks TLS there */
static struct tunnel *tunnel;

static struct sockaddr_in loopback(guint16 port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int set_up(void **state)
{
	struct sockaddr_in here = loopback(0);
	socklen_t size = sizeof(here);

	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(server, (struct sockaddr *)&here, size) != 0 || listen(server, 8) != 0 ||
	    getsockname(server, (struct sockaddr *)&here, &size) != 0)
		return -1;
	tunnel = tunnel_open(NULL, "127.0.0.1", ntohs(here.sin_port), NULL, NULL);
	return tunnel ? 0 : -1;
}

static int tear_down(void **state)
{
	tunnel_free(tunnel);
	close(server);
	return 0;
}

static int connect_near(void)
{
	struct sockaddr_in near = loopback(tunnel_port(tunnel));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&near, sizeof(near)) == 0 ? fd : -1;
}

/* Connects from a process of its own. Its exit status: 0: it was turned away; 1: it was served, or left waiting. */
static pid_t connect_from_elsewhere(void)
{
	pid_t child = fork();

	if (child == 0) {
		int fd = connect_near();
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		char byte;

		_exit(fd >= 0 && poll(&wait, 1, PATIENCE_MS) == 1 && recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
	}
	return child;
}

static gboolean has_ended(pid_t child, int *status)
{
	return waitpid(child, status, WNOHANG) == child;
}

static gboolean has_connection(int *fd)
{
	*fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	return *fd >= 0;
}

static void a_connection_of_this_process_reaches_the_server(void **state)
{
	int near = connect_near(), far;
	guint8 first = 0;

	assert_true(near >= 0);
	loop_until(has_connection(&far));
	loop_until(recv(far, &first, 1, MSG_DONTWAIT) == 1);
	assert_int_equal(first, 22);		/* a handshake of TLS */
	close(near);
	close(far);
}

static void a_connection_of_another_process_is_closed_and_the_server_hears_nothing(void **state)
{
	int near, far, none, status = -1;

	for (int i = 0; i < 12; i++) {		/* more than there is room for */
		pid_t child = connect_from_elsewhere();

		assert_true(child > 0);
		loop_until(has_ended(child, &status));
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	near = connect_near();			/* the one whom there must be room for, and the first to reach the server */
	loop_until(has_connection(&far));
	assert_false(has_connection(&none));
	close(near);
	close(far);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_of_this_process_reaches_the_server),
		TEST(a_connection_of_another_process_is_closed_and_the_server_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
