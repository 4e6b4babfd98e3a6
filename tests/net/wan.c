/* wan - a wide area network for tests: carries IP packets between TUN devices, one in each of several network namespaces, and
 * treats them on the way as real networks do. `wan` reads commands on stdin, one a line, and answers each with a line on stdout
 * that begins with "ok" or "error"; it ends with its input. README beside it lists the commands; netlab.py speaks them.
 *
 * A pipe leads from each port to each other (and back to itself), and has its own treatment. What happens to the n-th packet of
 * a pipe is a function of the seed, the pipe and n alone, so that a run can be repeated, and a test can compute it. */
#include "wan.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, MAX_PACKET = 2048, RT_PRIORITY = 10 };

static gint64 now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

double wan_wall_clock(void)
{
	return (double)now_ns(CLOCK_REALTIME) / NS_PER_S;
}

gint64 wan_now(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

/* ---- ports ---- */

/* A TUN device is made in the namespace that its thread is in; it stays there when the thread goes back. */
static int tun_open(const char *device, char **why)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	g_strlcpy(ifr.ifr_name, device, sizeof(ifr.ifr_name));
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0) {
		*why = g_strdup_printf("no TUN device %s: %s", device, g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int tun_open_in(const char *netns, const char *device, char **why)
{
	int fd = -1, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open(netns, O_RDONLY | O_CLOEXEC);
	if (there < 0 || home < 0 || setns(there, CLONE_NEWNET) < 0) {
		*why = g_strdup_printf("cannot enter %s: %s", netns, g_strerror(errno));
	} else {
		fd = tun_open(device, why);
		if (setns(home, CLONE_NEWNET) < 0)
			g_error("cannot come back from %s", netns);
	}
	if (there >= 0)
		close(there);
	if (home >= 0)
		close(home);
	return fd;
}

gboolean wan_open_port(struct wan *w, const char *name, const char *netns, const char *device, char **why)
{
	unsigned i = 0;
	while (i < w->ports && strcmp(w->port[i].name, name))
		i++;
	if (i == WAN_PORTS || w->port[i].fd >= 0) {
		*why = g_strdup(i == WAN_PORTS ? "too many ports" : "there is such a port already");
		return FALSE;
	}
	int fd = tun_open_in(netns, device, why);
	if (fd < 0)
		return FALSE;
	w->port[i].fd = fd;
	g_strlcpy(w->port[i].name, name, sizeof(w->port[i].name));
	w->ports = MAX(w->ports, i + 1);
	return TRUE;
}

void wan_close_port(struct wan *w, unsigned i)
{
	close(w->port[i].fd);
	w->port[i].fd = -1;
}

/* ---- what is on its way: a heap by the time of arrival, then by the order of sending ---- */

static gboolean sooner(const struct packet *a, const struct packet *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void heap_push(GPtrArray *heap, struct packet *p)
{
	g_ptr_array_add(heap, p);
	guint i = heap->len - 1;
	for (; i && sooner(p, heap->pdata[(i - 1) / 2]); i = (i - 1) / 2)
		heap->pdata[i] = heap->pdata[(i - 1) / 2];
	heap->pdata[i] = p;
}

static struct packet *heap_pop(GPtrArray *heap)
{
	struct packet *top = heap->pdata[0], *last = heap->pdata[heap->len - 1];
	guint n = heap->len - 1, i = 0;
	g_ptr_array_set_size(heap, (gint)n);
	for (guint child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && sooner(heap->pdata[child + 1], heap->pdata[child]))
			child++;
		if (!sooner(heap->pdata[child], last))
			break;
		heap->pdata[i] = heap->pdata[child];
	}
	if (n)
		heap->pdata[i] = last;
	return top;
}

static void capture(struct wan *w, const uint8_t *data, size_t len)
{
	if (!w->capture)
		return;
	gint64 t = now_ns(CLOCK_REALTIME);
	guint32 head[4] = {(guint32)(t / NS_PER_S), (guint32)(t % NS_PER_S / 1000), (guint32)len, (guint32)len};
	fwrite(head, sizeof(head), 1, w->capture);
	fwrite(data, len, 1, w->capture);
}

static void packet_came(struct wan *w, unsigned from, const uint8_t *data, size_t len, gint64 now)
{
	capture(w, data, len);
	int to = wan_route(w, data, len);
	if (to < 0 || w->port[to].fd < 0) {
		w->unrouted++;
		return;
	}
	struct pipe *pipe = &w->pipe[from][to];
	gint64 due[2];
	unsigned copies = pipe_treat(pipe, w->seed, from * WAN_PORTS + (unsigned)to, data, len, now, due);
	for (unsigned i = 0; i < copies; i++) {
		struct packet *p = g_malloc(sizeof(*p) + len);
		*p = (struct packet){.due = due[i], .order = w->order++, .from = from, .to = (unsigned)to, .len = len};
		memcpy(p->data, data, len);
		heap_push(w->heap, p);
	}
}

static void port_read(struct wan *w, unsigned i)
{
	uint8_t data[MAX_PACKET];
	for (int n = 0; n < BATCH; n++) {
		ssize_t len = read(w->port[i].fd, data, sizeof(data));
		if (len <= 0)
			return;
		packet_came(w, i, data, (size_t)len, wan_now());
	}
}

static void deliver(struct wan *w, gint64 now)
{
	while (w->heap->len && ((struct packet *)w->heap->pdata[0])->due <= now) {
		struct packet *p = heap_pop(w->heap);
		/* A TUN whose namespace is not up yet refuses; to the sender that is a loss like any other. */
		if (w->port[p->to].fd >= 0 && write(w->port[p->to].fd, p->data, p->len) == (ssize_t)p->len)
			w->pipe[p->from][p->to].count.delivered++;
		g_free(p);
	}
}

/* ---- the loop ---- */

/* FALSE at the end of the input. */
static gboolean commands_read(struct wan *w, GString *line)
{
	char buf[4096];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n') {
			g_string_append_c(line, buf[i]);
			continue;
		}
		char *answer = wan_command(w, line->str);
		printf("%s\n", answer);
		fflush(stdout);
		g_free(answer);
		g_string_truncate(line, 0);
	}
	return TRUE;
}

static gboolean turn(struct wan *w, GString *line)
{
	struct pollfd fds[WAN_PORTS + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	for (unsigned i = 0; i < w->ports; i++)
		fds[i + 1] = (struct pollfd){.fd = w->port[i].fd, .events = POLLIN};
	struct timespec wait = {0};
	if (w->heap->len) {
		gint64 left = ((struct packet *)w->heap->pdata[0])->due - wan_now();
		left = MAX(left, 0);
		wait = (struct timespec){.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
	}
	if (ppoll(fds, w->ports + 1, w->heap->len ? &wait : NULL, NULL) < 0 && errno != EINTR)
		g_error("poll: %s", g_strerror(errno));
	for (unsigned i = 0; i < w->ports; i++)
		if (fds[i + 1].fd >= 0 && fds[i + 1].revents)
			port_read(w, i);
	deliver(w, wan_now());
	return !fds[0].revents || commands_read(w, line);
}

int main(void)
{
	struct wan *w = g_new0(struct wan, 1);
	GString *line = g_string_new(NULL);
	/* To keep the time on a loaded machine; without the right to it, it goes on as any process. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = RT_PRIORITY});
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	w->heap = g_ptr_array_new();
	w->seed = 1;
	for (unsigned i = 0; i < WAN_PORTS; i++)
		w->port[i].fd = -1;
	while (turn(w, line))
		;
	if (w->capture)
		fclose(w->capture);
	for (unsigned i = 0; i < w->heap->len; i++)
		g_free(w->heap->pdata[i]);
	g_ptr_array_free(w->heap, TRUE);
	g_string_free(line, TRUE);
	g_free(w);
	return 0;
}
