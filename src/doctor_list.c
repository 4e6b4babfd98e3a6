#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "phone.h"

struct finding {
	struct findings *owner;
	enum check check;
	enum result result;
	enum jc_err err;
	gboolean open;
	gint64 begun_ms, took_ms;
	char *text, *fix;
};

struct findings {
	struct ui *ui;
	gboolean json, quiet, marks, colours;
	GPtrArray *all;			/* struct finding, in the order of their checks */
	guint told, idle;
	void (*done)(void *ctx);
	void *ctx;
};

static const struct { const char *name, *title; } checks[CHECK_COUNT] = {
	[CHECK_CONFIGURATION] = {"configuration", "configuration"}, [CHECK_DNS] = {"dns", "names (DNS)"},
	[CHECK_SERVER] = {"server", "server"}, [CHECK_CERTIFICATE] = {"certificate", "certificate"},
	[CHECK_LOGIN] = {"login", "login"}, [CHECK_STREAM_MANAGEMENT] = {"stream-management", "stream resumption"},
	[CHECK_CARBONS] = {"carbons", "message carbons"}, [CHECK_ARCHIVE] = {"archive", "message archive"},
	[CHECK_CAPABILITIES] = {"capabilities", "seen by others"}, [CHECK_SERVICES] = {"services", "STUN/TURN list"},
	[CHECK_STUN] = {"stun", "STUN"}, [CHECK_NAT] = {"nat", "NAT"}, [CHECK_TURN] = {"turn", "TURN relay"},
	[CHECK_MICROPHONE] = {"microphone", "microphone"}, [CHECK_LOUDSPEAKER] = {"loudspeaker", "loudspeaker"},
	[CHECK_PEER] = {"peer", "peer"}, [CHECK_ECHO] = {"echo", "echo"}};

static const struct { const char *name, *word, *mark, *colour; } results[] = {
	[RESULT_OK] = {"ok", "ok     ", "\u2713", "\033[32m"}, [RESULT_SKIPPED] = {"skipped", "skipped", "\u2013", "\033[2m"},
	[RESULT_WARNING] = {"warning", "warning", "!", "\033[33m"}, [RESULT_FAILED] = {"failed", "FAILED ", "\u2717", "\033[31m"}};

/* ---- telling ---- */

static void print_mark(const struct findings *f, enum result result)
{
	const char *text = f->marks ? results[result].mark : results[result].word;

	printf("%s%s%s  ", f->colours ? results[result].colour : "", text, f->colours ? "\033[0m" : "");
}

static void tell(struct findings *f, const struct finding *g)
{
	ui_event(f->ui, "check", "name", "s", checks[g->check].name, "result", "s", results[g->result].name, "text", "s", g->text,
		 "fix", "s", g->fix, "ms", "i", g->took_ms, NULL);
	if (f->json || (f->quiet && g->result != RESULT_FAILED))
		return;
	print_mark(f, g->result);
	printf("%-18s %s\n", checks[g->check].title, g->text);
	if (g->fix)
		printf("%*s-> %s\n", f->marks ? 22 : 28, "", g->fix);
	fflush(stdout);
}

static gboolean on_idle(gpointer data)
{
	struct findings *f = data;

	f->idle = 0;
	if (f->told == f->all->len)
		f->done(f->ctx);
	return G_SOURCE_REMOVE;
}

static void tell_on(struct findings *f)
{
	while (f->told < f->all->len && !((struct finding *)f->all->pdata[f->told])->open)
		tell(f, f->all->pdata[f->told++]);
	if (f->told == f->all->len && !f->idle)
		f->idle = g_idle_add(on_idle, f);
}

/* ---- the list ---- */

static void finding_free(gpointer data)
{
	struct finding *g = data;

	g_free(g->text);
	g_free(g->fix);
	g_free(g);
}

struct findings *findings_new(struct ui *ui, gboolean json, gboolean quiet, void (*done)(void *ctx), void *ctx)
{
	struct findings *f = g_new0(struct findings, 1);
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	gboolean able = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;

	f->ui = ui;
	f->json = json;
	f->quiet = quiet;
	f->marks = able && g_get_charset(NULL);
	f->colours = able && !(no_colour && *no_colour);
	f->done = done;
	f->ctx = ctx;
	f->all = g_ptr_array_new_with_free_func(finding_free);
	return f;
}

void findings_free(struct findings *f)
{
	if (!f)
		return;
	g_clear_handle_id(&f->idle, g_source_remove);
	g_ptr_array_unref(f->all);
	g_free(f);
}

struct finding *finding_open(struct findings *f, enum check check)
{
	struct finding *g = g_new0(struct finding, 1);
	guint at = f->all->len;

	g->owner = f;
	g->check = check;
	g->open = TRUE;
	g->begun_ms = clock_ms();
	while (at > f->told && ((struct finding *)f->all->pdata[at - 1])->check > check)
		at--;
	g_ptr_array_insert(f->all, (gint)at, g);
	return g;
}

void finding_restart(struct finding *g)
{
	g->begun_ms = clock_ms();
}

gboolean finding_is_open(const struct finding *g)
{
	return g->open;
}

static void close_as(struct finding *g, enum result result, const char *fix, const char *format, va_list ap)
{
	if (!g->open)
		return;
	g->open = FALSE;
	g->result = result;
	g->took_ms = clock_ms() - g->begun_ms;
	g->text = g_strdup_vprintf(format, ap);
	g->fix = g_strdup(fix);
	tell_on(g->owner);
}

void finding_ok(struct finding *g, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	close_as(g, RESULT_OK, NULL, format, ap);
	va_end(ap);
}

void finding_skipped(struct finding *g, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	close_as(g, RESULT_SKIPPED, NULL, format, ap);
	va_end(ap);
}

void finding_warn(struct finding *g, const char *fix, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	close_as(g, RESULT_WARNING, fix, format, ap);
	va_end(ap);
}

void finding_fail(struct finding *g, enum jc_err err, const char *fix, const char *format, ...)
{
	va_list ap;

	g->err = g->open ? err : g->err;
	va_start(ap, format);
	close_as(g, RESULT_FAILED, fix, format, ap);
	va_end(ap);
}

void findings_give_up(struct findings *f)
{
	for (guint i = 0; i < f->all->len; i++)
		finding_fail(f->all->pdata[i], JC_SERVER, NULL, "it took too long, and was given up");
}

/* ---- the whole ---- */

static guint count(const struct findings *f, enum result result)
{
	guint n = 0;

	for (guint i = 0; i < f->all->len; i++)
		n += ((struct finding *)f->all->pdata[i])->result == result;
	return n;
}

static const struct finding *first_failure(const struct findings *f)
{
	for (guint i = 0; i < f->all->len; i++)
		if (((struct finding *)f->all->pdata[i])->result == RESULT_FAILED)
			return f->all->pdata[i];
	return NULL;
}

int findings_conclude(struct findings *f)
{
	guint failed = count(f, RESULT_FAILED), warnings = count(f, RESULT_WARNING);
	enum result result = failed ? RESULT_FAILED : warnings ? RESULT_WARNING : RESULT_OK;
	const struct finding *first = first_failure(f);
	int status = first ? jc_exit_status(first->err) : 0;

	ui_event(f->ui, "diagnosis", "result", "s", results[result].name, "failed", "i", (gint64)failed, "warnings", "i",
		 (gint64)warnings, "status", "i", (gint64)status, NULL);
	if (f->json || f->quiet)
		return status;
	if (first)
		printf("\n%u of %u checks failed; first: %s\n", failed, f->all->len, checks[first->check].title);
	else if (warnings)
		printf("\nCalls can be made; %u of %u checks have a warning\n", warnings, f->all->len);
	else
		printf("\nAll that calls need is there\n");
	fflush(stdout);
	return status;
}
