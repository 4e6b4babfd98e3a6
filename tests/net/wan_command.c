/* wan_command.c - the routes, and the commands of wan. */
#include "wan.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>

static const struct { const char *name; size_t offset; double scale; } keys[] = {
	{"delay", G_STRUCT_OFFSET(struct treatment, delay), 1}, {"jitter", G_STRUCT_OFFSET(struct treatment, jitter), 1},
	{"loss", G_STRUCT_OFFSET(struct treatment, loss), 100}, {"burst", G_STRUCT_OFFSET(struct treatment, burst), 100},
	{"burst_len", G_STRUCT_OFFSET(struct treatment, burst_len), 1},
	{"stun_loss", G_STRUCT_OFFSET(struct treatment, stun_loss), 100},
	{"reorder", G_STRUCT_OFFSET(struct treatment, reorder), 100},
	{"reorder_by", G_STRUCT_OFFSET(struct treatment, reorder_by), 1}, {"dup", G_STRUCT_OFFSET(struct treatment, dup), 100},
	{"rate", G_STRUCT_OFFSET(struct treatment, rate), 1}, {"queue", G_STRUCT_OFFSET(struct treatment, queue), 1},
	{"down", G_STRUCT_OFFSET(struct treatment, down), 1},
};

G_GNUC_PRINTF(1, 2) static char *fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = g_strdup_vprintf(format, args), *line = g_strconcat("error ", text, NULL);
	va_end(args);
	g_free(text);
	return line;
}

static char *done(void)
{
	return g_strdup("ok");
}

/* ---- routes ---- */

static gboolean prefix_matches(const struct route *r, const uint8_t *addr)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;
	return !memcmp(r->addr, addr, whole) && (!rest || !((r->addr[whole] ^ addr[whole]) >> (8 - rest)));
}

int wan_route(const struct wan *w, const uint8_t *data, size_t len)
{
	unsigned bytes = len >= 20 && data[0] >> 4 == 4 ? 4 : len >= 40 && data[0] >> 4 == 6 ? 16 : 0;
	const struct route *best = NULL;
	for (unsigned i = 0; i < w->routes && bytes; i++) {
		const struct route *r = &w->route[i];
		if (r->bytes == bytes && (!best || r->bits > best->bits) && prefix_matches(r, data + (bytes == 4 ? 16 : 24)))
			best = r;
	}
	return best ? (int)best->port : -1;
}

static gboolean read_prefix(const char *text, struct route *r)
{
	char **part = g_strsplit(text, "/", 2);
	int family = part[0] && strchr(part[0], ':') ? AF_INET6 : AF_INET;
	r->bytes = family == AF_INET ? 4 : 16;
	r->bits = r->bytes * 8;
	gboolean good = part[0] && inet_pton(family, part[0], r->addr) == 1;
	if (good && part[1])
		good = g_ascii_string_to_unsigned(part[1], 10, 0, r->bytes * 8, &(guint64){0}, NULL);
	if (good && part[1])
		r->bits = (unsigned)g_ascii_strtoull(part[1], NULL, 10);
	g_strfreev(part);
	return good;
}

/* ---- commands ---- */

static int find_port(const struct wan *w, const char *name)
{
	for (unsigned i = 0; i < w->ports; i++)
		if (!strcmp(w->port[i].name, name))
			return (int)i;
	return -1;
}

/* A port, or * for all: the range [*first, *end). */
static gboolean find_ports(const struct wan *w, const char *name, unsigned *first, unsigned *end)
{
	int one = find_port(w, name);
	*first = one >= 0 ? (unsigned)one : 0;
	*end = one >= 0 ? *first + 1 : w->ports;
	return one >= 0 || !strcmp(name, "*");
}

struct pipes {
	unsigned from, from_end, to, to_end;
};

static gboolean find_pipes(const struct wan *w, char **word, struct pipes *p, char **answer)
{
	if (find_ports(w, word[1], &p->from, &p->from_end) && find_ports(w, word[2], &p->to, &p->to_end))
		return TRUE;
	*answer = fail("no such port in '%s'", word[0]);
	return FALSE;
}

#define EACH_PIPE(w, p, var) \
	for (unsigned i_ = (p).from; i_ < (p).from_end; i_++) \
		for (unsigned j_ = (p).to; j_ < (p).to_end; j_++) \
			for (struct pipe *var = &(w)->pipe[i_][j_]; var; var = NULL)

static char *do_port(struct wan *w, char **word)
{
	char *why = NULL;
	if (wan_open_port(w, word[1], word[2], word[3], &why))
		return g_strdup_printf("ok %d", find_port(w, word[1]));
	char *answer = fail("%s", why);
	g_free(why);
	return answer;
}

static char *do_close(struct wan *w, char **word)
{
	int port = find_port(w, word[1]);
	if (port < 0 || w->port[port].fd < 0)
		return fail("no open port %s", word[1]);
	wan_close_port(w, (unsigned)port);
	return done();
}

static char *do_route(struct wan *w, char **word)
{
	struct route r = {.port = 0};
	int port = find_port(w, word[2]);
	if (!read_prefix(word[1], &r) || port < 0)
		return fail("'%s' is no prefix, or there is no such port", word[1]);
	if (w->routes == WAN_ROUTES)
		return fail("too many routes at %s", word[1]);
	r.port = (unsigned)port;
	w->route[w->routes++] = r;
	return done();
}

static char *do_unroute(struct wan *w, char **word)
{
	struct route r = {.port = 0};
	if (!read_prefix(word[1], &r))
		return fail("'%s' is no prefix", word[1]);
	for (unsigned i = 0; i < w->routes; i++) {
		if (w->route[i].bits == r.bits && w->route[i].bytes == r.bytes && !memcmp(w->route[i].addr, r.addr, r.bytes)) {
			w->route[i] = w->route[--w->routes];
			return done();
		}
	}
	return fail("no route to %s", word[1]);
}

static char *do_seed(struct wan *w, char **word)
{
	w->seed = g_ascii_strtoull(word[1], NULL, 10);
	struct pipes all = {0, WAN_PORTS, 0, WAN_PORTS};
	EACH_PIPE(w, all, p)
		pipe_restart(p);
	return done();
}

static double *find_key(struct treatment *t, const char *name, size_t len, double *scale)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (strlen(keys[i].name) == len && !memcmp(keys[i].name, name, len)) {
			*scale = keys[i].scale;
			return (double *)(void *)((char *)t + keys[i].offset);
		}
	}
	return NULL;
}

static gboolean set_all(struct treatment *t, char **word)
{
	for (; *word; word++) {
		const char *eq = strchr(*word, '=');
		double scale, *value = eq ? find_key(t, *word, (size_t)(eq - *word), &scale) : NULL;
		char *end = NULL;
		double number = value ? g_ascii_strtod(eq + 1, &end) : -1;
		if (!value || end == eq + 1 || *end || !(number >= 0 && number <= 1e9) || (scale > 1 && number > 100))
			return FALSE;
		*value = number / scale;
	}
	return TRUE;
}

static char *do_set(struct wan *w, char **word)
{
	struct pipes pipes;
	struct treatment probe = {0};
	char *answer;
	if (!find_pipes(w, word, &pipes, &answer))
		return answer;
	if (!set_all(&probe, word + 3))
		return fail("wrong key or value after 'set %s'", word[1]);
	EACH_PIPE(w, pipes, p)
		set_all(&p->set, word + 3);
	return done();
}

/* outage FROM TO AFTER FOR, in seconds: answers with the wall-clock times it will begin and end at. */
static char *do_outage(struct wan *w, char **word)
{
	struct pipes pipes;
	char *answer;
	if (!find_pipes(w, word, &pipes, &answer))
		return answer;
	double after = g_ascii_strtod(word[3], NULL), lasts = g_ascii_strtod(word[4], NULL), wall = wan_wall_clock();
	gint64 now = wan_now(), from = now + (gint64)(after * NS_PER_S), to = from + (gint64)(lasts * NS_PER_S);
	EACH_PIPE(w, pipes, p) {
		unsigned i = 0;
		while (i < WAN_OUTAGES - 1 && p->outage[i].to > now)
			i++;
		p->outage[i].from = from;
		p->outage[i].to = to;
	}
	return g_strdup_printf("ok %.6f %.6f", wall + after, wall + after + lasts);
}

static char *do_stats(struct wan *w, char **word)
{
	struct pipes pipes;
	struct pipe_count c = {0};
	char *answer;
	if (!find_pipes(w, word, &pipes, &answer))
		return answer;
	EACH_PIPE(w, pipes, p) {
		for (unsigned i = 0; i < sizeof(c) / sizeof(guint64); i++)
			((guint64 *)&c)[i] += ((guint64 *)&p->count)[i];
	}
	return g_strdup_printf("ok in=%" G_GUINT64_FORMAT " loss=%" G_GUINT64_FORMAT " burst=%" G_GUINT64_FORMAT
			       " stun=%" G_GUINT64_FORMAT " queue=%" G_GUINT64_FORMAT " down=%" G_GUINT64_FORMAT
			       " dup=%" G_GUINT64_FORMAT " reordered=%" G_GUINT64_FORMAT " delivered=%" G_GUINT64_FORMAT
			       " unrouted=%" G_GUINT64_FORMAT,
			       c.in, c.loss, c.burst, c.stun, c.queue, c.down, c.dup, c.reordered, c.delivered, w->unrouted);
}

/* capture FILE: from now on, as pcap of raw IP packets (link type 101). capture off: the file is complete. */
static char *do_capture(struct wan *w, char **word)
{
	if (w->capture)
		fclose(w->capture);
	w->capture = strcmp(word[1], "off") ? fopen(word[1], "wbe") : NULL;
	if (!w->capture)
		return strcmp(word[1], "off") ? fail("cannot write %s", word[1]) : done();
	const guint32 head[6] = {0xa1b2c3d4u, 2u | 4u << 16, 0, 0, 65535, 101};
	fwrite(head, sizeof(head), 1, w->capture);
	return done();
}

static const struct { const char *name; unsigned min, max; char *(*run)(struct wan *w, char **word); } commands[] = {
	{"port", 3, 3, do_port}, {"close", 1, 1, do_close}, {"route", 2, 2, do_route}, {"unroute", 1, 1, do_unroute},
	{"seed", 1, 1, do_seed}, {"set", 2, 64, do_set}, {"outage", 4, 4, do_outage}, {"stats", 2, 2, do_stats},
	{"capture", 1, 1, do_capture},
};

char *wan_command(struct wan *w, const char *line)
{
	char **word = g_strsplit(line, " ", -1), *answer = NULL;
	unsigned n = g_strv_length(word);
	for (unsigned i = 0; i < G_N_ELEMENTS(commands) && n && !answer; i++)
		if (!strcmp(word[0], commands[i].name))
			answer = n - 1 < commands[i].min || n - 1 > commands[i].max ? fail("wrong number of words after %s", word[0])
									      : commands[i].run(w, word);
	if (!answer)
		answer = fail("unknown command '%s'", line);
	g_strfreev(word);
	return answer;
}
