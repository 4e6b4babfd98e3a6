#include "cmd.h"

#include <stdio.h>

#include "log.h"

struct listing {
	struct ui *ui;
	gboolean json;
	guint count;
};

static void list_one(void *ctx, int number, const char *name, gboolean in, gboolean out, gboolean is_default_in,
		     gboolean is_default_out)
{
	struct listing *l = ctx;

	l->count++;
	ui_event(l->ui, "device", "number", "i", (gint64)number, "name", "s", name, "in", "b", in, "out", "b", out,
		 "default_in", "b", is_default_in, "default_out", "b", is_default_out, NULL);
	if (!l->json)
		printf("%3d  %c%c  %s%s\n", number, in ? 'i' : '-', out ? 'o' : '-', name,
		       is_default_in && is_default_out ? "  (default)" : is_default_in ? "  (default input)" :
		       is_default_out ? "  (default output)" : "");
}

static int list_devices(struct listing *l)
{
	g_autoptr(GError) error = NULL;

	if (!audio_device.list(list_one, l, &error))
		return report_error(error);
	if (!l->count)
		log_error("devices", "there is no sound device; calls work with files and pipes (--in FILE, --out FILE)");
	audio_shut_down();
	return l->count ? 0 : jc_exit_status(JC_AUDIO_DEVICE);
}

static int devices_main(int argc, char **argv)
{
	struct listing l = {0};
	const GOptionEntry entries[] = {
		{"json", 0, 0, G_OPTION_ARG_NONE, &l.json, "One JSON object per device", NULL},
		{NULL, 0, 0, 0, NULL, NULL, NULL}};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	struct ui_options options;
	int status = jc_exit_status(JC_USAGE);

	g_option_context_set_summary(context, "Lists the sound devices: number, i(nput) and o(utput), name.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		report_options(context, error, "devices");
		return status;
	}
	if (argc > 1) {
		log_error("devices", "'%s' is not understood; usage: jcall devices [--json]", argv[1]);
		return status;
	}
	options = (struct ui_options){.json = l.json, .listing = TRUE};
	l.ui = ui_new(&options);
	status = list_devices(&l);
	ui_free(l.ui);
	return status;
}

const struct command cmd_devices = {"devices", "list the sound devices", devices_main};
