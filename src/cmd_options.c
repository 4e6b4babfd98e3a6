#include "cmd.h"

#include <string.h>

#include "log.h"
#include "media/dtmf.h"
#include "suggest.h"

enum { MAX_STATS_S = 3600, NOT_GIVEN = G_MININT };

static gboolean more_verbose(const gchar *name, const gchar *value, gpointer data, GError **error)
{
	struct common *o = data;

	o->verbose++;
	return TRUE;
}

static gboolean usage_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
static gboolean usage_error(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	log_error("options", "%s", text);
	return FALSE;
}

void report_options(GOptionContext *context, const GError *error, const char *command)
{
	gboolean unknown = g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION);
	const char *typed = unknown ? strstr(error->message, " -") : NULL;	/* the words around it depend on the language */
	g_autofree char *help = typed ? g_option_context_get_help(context, FALSE, NULL) : NULL;
	g_autofree char *meant = typed ? suggest_option(typed + 1, help) : NULL;

	if (meant)
		usage_error("%s; did you mean --%s? 'jcall %s --help' lists them", error->message, meant, command);
	else
		usage_error("%s; try 'jcall %s --help'", error->message, command);
}

static gboolean check_common(const struct common *o)
{
	g_autoptr(GError) error = NULL;
	struct dtmf_tx tones = {.count = 0};
	const char *arg;

	if (o->at_end && strcmp(o->at_end, "hangup") != 0 && strcmp(o->at_end, "silence") != 0 && strcmp(o->at_end, "device") != 0)
		return usage_error("--at-end is hangup, silence or device, not '%s'", o->at_end);
	if (o->stats_s < 0 || o->stats_s > MAX_STATS_S)
		return usage_error("--stats takes a number of seconds, 1 to %d", MAX_STATS_S);
	if ((o->for_s != NOT_GIVEN && o->for_s < 1) || (o->ring_timeout_s != NOT_GIVEN && o->ring_timeout_s < 1))
		return usage_error("--for and --ring-timeout take a number of seconds, 1 or more");
	if (o->dtmf && !dtmf_queue(&tones, o->dtmf))
		return usage_error("--dtmf takes 0 to 9, *, #, A to D, w (half a second) and commas (two seconds), not more than %d",
				   DTMF_QUEUE);
	if ((o->in && !audio_find(o->in, FALSE, &arg, &error)) || (o->out && !audio_find(o->out, TRUE, &arg, &error)))
		return usage_error("%s", error->message);
	return TRUE;
}

static void add_call_options(GOptionGroup *group, struct common *o)
{
	const GOptionEntry entries[] = {
		{"in", 'i', 0, G_OPTION_ARG_STRING, &o->in, "Where the sound we send comes from", "SPEC"},
		{"out", 'o', 0, G_OPTION_ARG_STRING, &o->out, "Where the sound we hear goes", "SPEC"},
		{"record", 0, 0, G_OPTION_ARG_FILENAME, &o->record, "Record both sides: .wav, .flac, .opus or .ogg", "FILE"},
		{"split", 0, 0, G_OPTION_ARG_NONE, &o->split, "Record each side to a file of its own", NULL},
		{"at-end", 0, 0, G_OPTION_ARG_STRING, &o->at_end, "What follows the end of the input", "hangup|silence|device"},
		{"dtmf", 0, 0, G_OPTION_ARG_STRING, &o->dtmf, "Send these touch tones once the call is up", "DIGITS"},
		{"for", 0, 0, G_OPTION_ARG_INT, &o->for_s, "Hang up after so long a talk", "SECONDS"},
		{"on-event", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->on_event, "Start this whenever something happens", "COMMAND"},
		{"stats", 0, 0, G_OPTION_ARG_INT, &o->stats_s, "Tell how the sound is, every 5 seconds unless said otherwise", "[SECONDS]"},
		{"ring-timeout", 0, 0, G_OPTION_ARG_INT, &o->ring_timeout_s, "Ring no longer than this", "SECONDS"},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};

	g_option_group_add_entries(group, entries);
}

static void add_account_options(GOptionGroup *group, struct common *o)
{
	const GOptionEntry entries[] = {
		{"config", 'c', 0, G_OPTION_ARG_FILENAME, &o->config_path, "Read this configuration file", "FILE"},
		{"account", 'a', 0, G_OPTION_ARG_STRING, &o->account_name, "Use this account of it", "NAME"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &o->json, "Print events as JSON lines", NULL},
		{"events", 0, 0, G_OPTION_ARG_FILENAME, &o->events, "Write events as JSON lines there, beside what is printed", "FD|FILE"},
		{"quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "Print nothing but errors", NULL},
		{"verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, __extension__ (gpointer)more_verbose,
		 "Tell more; twice: everything", NULL},
		{"relay-only", 0, 0, G_OPTION_ARG_NONE, &o->relay_only, "Hide our addresses: sound goes by a relay", NULL},
		{"xml", 0, 0, G_OPTION_ARG_NONE, &o->trace, "Show every stanza", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};

	g_option_group_add_entries(group, entries);
}

static gboolean parse(GOptionGroup *group, struct common *o, const GOptionEntry *extra, const char *usage, const char *summary,
		      int *argc, char ***argv, int *status)
{
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, summary);
	if (extra)
		g_option_group_add_entries(group, extra);
	g_option_context_set_main_group(context, group);
	*status = 0;
	o->for_s = o->ring_timeout_s = NOT_GIVEN;
	if (!g_option_context_parse(context, argc, argv, &error))
		report_options(context, error, (*argv)[0]);
	if (error || !check_common(o)) {
		*status = jc_exit_status(JC_USAGE);
		return FALSE;
	}
	o->for_s = MAX(o->for_s, 0);
	o->ring_timeout_s = MAX(o->ring_timeout_s, 0);
	log_init(o->verbose > 1 ? LOG_DEBUG : o->verbose ? LOG_INFO : LOG_WARN);
	return TRUE;
}

/* The number after --stats may be left out: what follows is taken for it only if it is one. */
static void complete_stats(int argc, char **argv)
{
	static char usual[] = "--stats=5";

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--stats") == 0 && (i + 1 == argc || !*argv[i + 1] || strspn(argv[i + 1], "0123456789") < strlen(argv[i + 1])))
			argv[i] = usual;
}

gboolean common_parse(struct common *o, const GOptionEntry *extra, const char *usage, const char *summary, int *argc,
		      char ***argv, int *status)
{
	GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, o, NULL);

	memset(o, 0, sizeof(*o));
	add_call_options(group, o);
	add_account_options(group, o);
	complete_stats(*argc, *argv);
	return parse(group, o, extra, usage, summary, argc, argv, status);
}

gboolean common_parse_plain(struct common *o, const GOptionEntry *extra, const char *summary, int *argc, char ***argv,
			    int *status)
{
	GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, o, NULL);

	memset(o, 0, sizeof(*o));
	add_account_options(group, o);
	return parse(group, o, extra, NULL, summary, argc, argv, status);
}

void common_free(struct common *o)
{
	g_free(o->config_path);
	g_free(o->account_name);
	g_free(o->in);
	g_free(o->out);
	g_free(o->record);
	g_free(o->at_end);
	g_free(o->dtmf);
	g_free(o->events);
	g_strfreev(o->on_event);
}
