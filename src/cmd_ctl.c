#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "script/control.h"
#include "jid.h"
#include "log.h"
#include "suggest.h"
#include "text.h"

enum { PATIENCE_S = 10 };		/* for an answer: a jcall that is stopped gives none */

struct asking {
	gint pid, call;
	char *account;			/* its name, or its address */
	gboolean json;
};

struct peer {				/* a jcall that runs */
	char *path;
	FILE *from;
	int fd;
	struct fields *status;
};

/* ---- those that run ---- */

static void peer_free(gpointer data)
{
	struct peer *p = data;

	if (p->from)
		fclose(p->from);
	fields_free(p->status);
	g_free(p->path);
	g_free(p);
}

static gboolean send_line(int fd, const char *line)
{
	g_autofree char *whole = g_strconcat(line, "\n", NULL);
	gsize len = strlen(whole), at = 0;

	while (at < len) {
		ssize_t n = send(fd, whole + at, len - at, MSG_NOSIGNAL);

		if (n <= 0)
			return FALSE;
		at += (gsize)n;
	}
	return TRUE;
}

static char *read_line(struct peer *p)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, p->from);

	if (n <= 0) {
		free(line);
		return NULL;
	}
	line[n - 1] = '\0';
	return line;
}

/* NULL: nothing, or nothing sensible, came back. LINE: as it came; may be NULL. */
static struct fields *ask(struct peer *p, const struct request *r, char **line)
{
	struct fields *request = request_write(r), *answer = NULL;
	g_autofree char *json = fields_write(request);
	char *got = send_line(p->fd, json) ? read_line(p) : NULL;

	fields_free(request);
	if (got)
		answer = fields_read(got, strlen(got), NULL);
	if (line)
		*line = g_strdup(got);
	free(got);
	return answer;
}

static struct peer *peer_new(const char *path)
{
	struct request status = {.verb = VERB_STATUS};
	g_autoptr(GError) error = NULL;
	struct peer *p;
	int fd = control_connect(path, PATIENCE_S, &error);

	if (error)
		log_warn("ctl", "%s", error->message);
	if (fd < 0)
		return NULL;
	p = g_new0(struct peer, 1);
	p->path = g_strdup(path);
	p->fd = fd;
	p->from = fdopen(fd, "r");
	p->status = ask(p, &status, NULL);
	if (p->status)
		return p;
	log_warn("ctl", "%s gives no answer", path);
	peer_free(p);
	return NULL;
}

static gboolean fits(const struct asking *a, const struct peer *p)
{
	g_autofree char *asked = a->account ? jid_prepare_typed(a->account) : NULL;
	const char *jid = fields_string(p->status, "jid"), *name = fields_string(p->status, "account");
	gint64 pid = 0;

	fields_int(p->status, "pid", &pid);
	return (!a->pid || a->pid == pid) &&
		(!a->account || g_strcmp0(a->account, name) == 0 || jid_same_bare(asked, jid));
}

/* PID 0: of any. Nobody else is waited for who is stopped. */
static gboolean is_socket_of(gint pid, const char *name)
{
	g_autofree char *wanted = g_strdup_printf("%d.sock", pid);

	return pid ? g_str_equal(name, wanted) : g_str_has_suffix(name, ".sock");
}

static GPtrArray *find_peers(const struct asking *a)
{
	g_autofree char *folder = control_folder();
	g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
	GPtrArray *found = g_ptr_array_new_with_free_func(peer_free);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		struct peer *p = is_socket_of(a->pid, name) ? peer_new(path) : NULL;

		if (p && fits(a, p))
			g_ptr_array_add(found, p);
		else if (p)
			peer_free(p);
	}
	return found;
}

static struct peer *the_one(const struct asking *a, const GPtrArray *peers)
{
	g_autoptr(GString) list = g_string_new(NULL);

	if (peers->len == 1)
		return peers->pdata[0];
	for (guint i = 0; i < peers->len; i++) {
		struct peer *p = peers->pdata[i];
		gint64 pid = 0;

		fields_int(p->status, "pid", &pid);
		g_string_append_printf(list, "%s--pid %d (%s)", i ? ", " : "", (int)pid, fields_string(p->status, "jid"));
	}
	if (peers->len)
		log_error("ctl", "several are running; say which one: %s", list->str);
	else
		log_error("ctl", a->pid || a->account ? "no such jcall is running" : "no jcall is running");
	return NULL;
}

/* ---- what came back ---- */

static void print_member(void *ctx, const char *key, const char *value)
{
	g_autofree char *clean = text_clean(value, G_MAXSIZE), *name = text_clean(key, TEXT_SHORT);
	char *end;
	double number = g_ascii_strtod(value, &end);

	if (g_str_equal(key, "ok") || g_str_equal(key, "time") || g_str_equal(key, "id"))
		return;
	if (strchr(value, '.') && end > value && !*end)
		printf("%s: %.6g\n", name, number);		/* nobody reads the picoseconds of a jitter */
	else
		printf("%s: %s\n", name, clean);
}

static void print_calls(const GPtrArray *calls)
{
	for (guint i = 0; calls && i < calls->len; i++) {
		const struct fields *c = calls->pdata[i];
		g_autofree char *direction = text_clean(fields_string(c, "direction"), TEXT_SHORT);
		g_autofree char *peer = text_clean(fields_string(c, "peer"), TEXT_LONG), *state = text_clean(fields_string(c, "state"), TEXT_SHORT);
		gint64 number = 0;
		double s = 0;

		fields_int(c, "call", &number);
		fields_double(c, "duration_s", &s);
		printf("call %d: %s %s, %s%s, %u:%02u\n", (int)number, direction, peer,
		       state, fields_bool(c, "muted") ? ", muted" : "", (unsigned)s / 60, (unsigned)s % 60);
	}
}

static void print_json(const char *line)
{
	g_autofree char *clean = text_clean_json(line);

	printf("%s\n", clean);
}

static void print_answer(const struct asking *a, const struct request *r, const struct fields *answer, const char *line)
{
	const GPtrArray *calls = fields_list(answer, "calls");

	if (a->json) {
		print_json(line);
		return;
	}
	fields_each(answer, print_member, NULL);
	print_calls(calls);
	if (r->verb == VERB_STATUS && calls && !calls->len)
		printf("no calls\n");
}

static int follow_events(struct peer *p)
{
	struct timeval for_ever = {.tv_sec = 0};
	char *line;

	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof(for_ever));
	while ((line = read_line(p)) != NULL) {
		gboolean told;

		print_json(line);
		told = fflush(stdout) == 0 && !ferror(stdout);
		free(line);
		if (!told)
			break;
	}
	return 0;
}

static int request(const struct asking *a, struct peer *p, const struct request *r)
{
	g_autofree char *line = NULL;
	struct fields *answer = ask(p, r, &line);
	int status = 0;

	if (!answer) {
		log_error("ctl", "it gave no answer");
		return jc_exit_status(JC_REFUSED);
	}
	if (fields_bool(answer, "ok")) {
		if (r->verb != VERB_EVENTS)
			print_answer(a, r, answer, line);
		else
			status = follow_events(p);
	} else {
		if (a->json)
			print_json(line);
		log_error("ctl", "%s", fields_string(answer, "error") ? fields_string(answer, "error") : "refused");
		status = jc_exit_status(JC_REFUSED);
	}
	fields_free(answer);
	return status;
}

/* ---- the command ---- */

/* The name of a recording has placeholders; our folder has none, whatever it is called. */
static char *absolute_template(const char *file)
{
	g_autofree char *folder = g_get_current_dir();
	g_auto(GStrv) parts = g_strsplit(folder, "%", -1);
	g_autofree char *escaped = g_strjoinv("%%", parts);

	return g_canonicalize_filename(file, escaped);
}

/* It has another working directory. */
static void make_absolute(struct request *r)
{
	gboolean device = r->verb == VERB_DEVICE && strchr(r->text, '/') && !strchr(r->text, ':');
	char *absolute;

	if (r->verb != VERB_PLAY && r->verb != VERB_RECORD && !device)
		return;
	absolute = r->verb == VERB_RECORD ? absolute_template(r->text) : g_canonicalize_filename(r->text, NULL);
	g_free(r->text);
	r->text = absolute;
}

/* What is played is opened later, when nobody waits for the answer any more. */
static gboolean is_there(const struct request *r)
{
	if (r->verb != VERB_PLAY || access(r->text, R_OK) == 0)
		return TRUE;
	log_error("ctl", "cannot read '%s': %s", r->text, g_strerror(errno));
	return FALSE;
}

/* Of all that run: nothing is done, so there is nothing to choose. */
static int tell_all(const struct asking *a, const GPtrArray *peers, const struct request *r)
{
	int status = 0;

	for (guint i = 0; i < peers->len; i++) {
		int one;

		if (i && !a->json)
			printf("\n");
		one = request(a, peers->pdata[i], r);
		status = status ? status : one;
	}
	return status;
}

static void report_words(const GError *error, const char *word)
{
	const char *verbs[VERB_COUNT + 1] = {NULL}, *meant;

	for (guint i = 0; i < VERB_COUNT; i++)
		verbs[i] = request_word((enum verb)i);
	meant = g_strv_contains(verbs, word) ? NULL : suggest(word, verbs);
	if (meant)
		log_error("ctl", "%s; did you mean '%s'? 'jcall ctl --help' lists them", error->message, meant);
	else
		log_error("ctl", "%s; 'jcall ctl --help' lists what there is", error->message);
}

static int run_ctl(const struct asking *a, int n, char **words)
{
	g_autoptr(GPtrArray) peers = NULL;
	g_autoptr(GError) error = NULL;
	struct request r;
	struct peer *p;
	int status = jc_exit_status(JC_USAGE);

	if (request_read_words(&r, n, words, &error)) {
		make_absolute(&r);
		r.call = (guint)a->call;
		peers = find_peers(a);
		if (r.verb == VERB_STATUS && peers->len > 1) {
			status = tell_all(a, peers, &r);
		} else {
			p = is_there(&r) ? the_one(a, peers) : NULL;
			status = p ? request(a, p, &r) : jc_exit_status(JC_REFUSED);
		}
	} else {
		report_words(error, words[0]);
	}
	request_clear(&r);
	return status;
}

static char *list_verbs(void)
{
	GString *s = g_string_new("Tells a running jcall what to do:\n");
	const char *usage, *summary;

	for (guint i = 0; (usage = request_usage((enum verb)i, &summary)) != NULL; i++)
		g_string_append_printf(s, "  %-20s %s\n", usage, summary);
	return g_string_free(s, FALSE);
}

static int ctl_main(int argc, char **argv)
{
	struct asking a = {0};
	const GOptionEntry entries[] = {
		{"pid", 'p', 0, G_OPTION_ARG_INT, &a.pid, "The jcall with this process number", "PID"},
		{"account", 'a', 0, G_OPTION_ARG_STRING, &a.account, "The jcall of this account: its name, or its address", "NAME"},
		{"call", 0, 0, G_OPTION_ARG_INT, &a.call, "Where it has several calls: this one", "N"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &a.json, "Print the answer as it came", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};
	g_autoptr(GOptionContext) context = g_option_context_new("REQUEST");
	g_autoptr(GError) error = NULL;
	g_autofree char *summary = list_verbs();
	int status = jc_exit_status(JC_USAGE);

	g_option_context_set_summary(context, summary);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		report_options(context, error, "ctl");
	else if (a.pid < 0 || a.call < 0)
		log_error("ctl", "--pid and --call take numbers from 1");
	else if (argc < 2)
		log_error("ctl", "what shall it do? 'jcall ctl --help' lists what there is");
	else
		status = run_ctl(&a, argc - 1, argv + 1);
	g_free(a.account);
	return status;
}

const struct command cmd_ctl = {"ctl", "tell a running jcall what to do", ctl_main};
