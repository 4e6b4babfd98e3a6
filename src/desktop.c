#include "desktop.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

#define SERVER "org.freedesktop.Notifications"
#define OBJECT "/org/freedesktop/Notifications"

enum { MAX_NOTES = 32 };		/* at a time; they pile up where a server hangs */
enum urgency { URGENCY_NORMAL = 1, URGENCY_CRITICAL = 2 };
enum { EXPIRES_BY_DEFAULT = -1, EXPIRES_NEVER = 0 };

struct note {				/* a notification, from the wish for it to its end */
	struct desktop *d;
	guint call;			/* which rings; 0: a missed one, which is left to the server once it is shown */
	char *summary, *body;
	GDBusConnection *bus;		/* NULL: not asked for yet */
	/* Its unique name: whoever takes over the well-known one has other notifications by the same ids. */
	char *server;
	guint32 id;			/* 0: not shown */
	guint signals;
	gboolean asking;		/* the server owes us an answer */
	gboolean over;			/* and then this goes */
};

struct desktop {
	desktop_chosen_fn *chosen;
	void *ctx;
	GCancellable *cancel;		/* of what is asked, at the end */
	GDBusConnection *bus;		/* NULL: none */
	gulong closed;
	gboolean connecting;
	guint pending;			/* callbacks that will come */
	GPtrArray *notes;		/* struct note * */
};

static void note_free(gpointer data)
{
	struct note *note = data;

	g_free(note->summary);
	g_free(note->body);
	g_free(note->server);
	g_clear_object(&note->bus);
	g_free(note);
}

static void tell_failure(const char *what, const GError *error)
{
	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		log_info("notify", "%s: %s", what, error->message);
}

/* ---- the end of a notification ---- */

static void unlisten(struct note *note)
{
	if (note->signals)
		g_dbus_connection_signal_unsubscribe(note->bus, note->signals);
	note->signals = 0;
	note->id = 0;
}

/* Nobody waits for an answer. */
static void take_back(struct note *note)
{
	if (note->id)
		g_dbus_connection_call(note->bus, note->server, OBJECT, SERVER, "CloseNotification", g_variant_new("(u)", note->id), NULL,
				       G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
	unlisten(note);
}

static void end_note(struct note *note)
{
	note->over = TRUE;
	take_back(note);
	if (!note->asking)
		g_ptr_array_remove(note->d->notes, note);
}

/* It is not shown, or no longer, whatever we do. */
static void give_up(struct note *note)
{
	unlisten(note);
	g_ptr_array_remove(note->d->notes, note);
}

/* ---- what the user does ---- */

static void act(struct note *note, gboolean answer)
{
	struct desktop *d = note->d;
	guint call = note->call;

	end_note(note);
	d->chosen(d->ctx, call, answer);
}

/* Closed by the user, it is out of the way, and the call rings on. */
static void on_signal(GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface, const gchar *member,
		      GVariant *args, gpointer data)
{
	struct note *note = data;
	const char *key;
	guint32 id, reason;

	if (strcmp(member, "ActionInvoked") == 0 && g_variant_is_of_type(args, G_VARIANT_TYPE("(us)"))) {
		g_variant_get(args, "(u&s)", &id, &key);
		if (note->id && note->id == id && (strcmp(key, "answer") == 0 || strcmp(key, "decline") == 0))
			act(note, strcmp(key, "answer") == 0);
	} else if (strcmp(member, "NotificationClosed") == 0 && g_variant_is_of_type(args, G_VARIANT_TYPE("(uu)"))) {
		g_variant_get(args, "(uu)", &id, &reason);
		if (note->id && note->id == id)
			give_up(note);
	}
}

/* ---- showing ---- */

static void answered(struct note *note)
{
	note->asking = FALSE;
	note->d->pending--;
}

static void on_shown(GObject *source, GAsyncResult *result, gpointer data)
{
	struct note *note = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

	answered(note);
	if (!reply) {
		tell_failure("the notification server does not show a call", error);
		give_up(note);
		return;
	}
	g_variant_get(reply, "(u)", &note->id);
	if (note->over)
		end_note(note);
	else if (!note->call)
		g_ptr_array_remove(note->d->notes, note);
}

static GVariant *actions_of(const struct note *note, const char *const *capabilities)
{
	GVariantBuilder actions = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

	if (note->call && g_strv_contains(capabilities, "actions")) {
		g_variant_builder_add(&actions, "s", "answer");
		g_variant_builder_add(&actions, "s", "Answer");
		g_variant_builder_add(&actions, "s", "decline");
		g_variant_builder_add(&actions, "s", "Decline");
	}
	return g_variant_builder_end(&actions);
}

/* While it rings we make the sound. */
static GVariant *hints_of(const struct note *note)
{
	GVariantBuilder hints = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));

	g_variant_builder_add(&hints, "{sv}", "urgency", g_variant_new_byte(note->call ? URGENCY_CRITICAL : URGENCY_NORMAL));
	g_variant_builder_add(&hints, "{sv}", "category", g_variant_new_string(note->call ? "call.incoming" : "call.unanswered"));
	if (note->call) {
		g_variant_builder_add(&hints, "{sv}", "resident", g_variant_new_boolean(TRUE));
		g_variant_builder_add(&hints, "{sv}", "suppress-sound", g_variant_new_boolean(TRUE));
	}
	return g_variant_builder_end(&hints);
}

static void show(struct note *note, const char *const *capabilities)
{
	gboolean markup = g_strv_contains(capabilities, "body-markup");
	g_autofree char *body = markup ? g_markup_escape_text(note->body, -1) : g_strdup(note->body);

	if (note->call)
		note->signals = g_dbus_connection_signal_subscribe(note->bus, note->server, SERVER, NULL, OBJECT, NULL,
								   G_DBUS_SIGNAL_FLAGS_NONE, on_signal, note, NULL);
	note->asking = TRUE;
	note->d->pending++;
	g_dbus_connection_call(note->bus, note->server, OBJECT, SERVER, "Notify",
			       g_variant_new("(susss@as@a{sv}i)", "jcall", 0, note->call ? "call-start" : "call-stop", note->summary,
					     body, actions_of(note, capabilities), hints_of(note),
					     note->call ? EXPIRES_NEVER : EXPIRES_BY_DEFAULT),
			       G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, note->d->cancel, on_shown, note);
}

/* What the server is able to do; and who it is. */
static GVariant *read_capabilities(struct note *note, GDBusMessage *reply, GError **error)
{
	GVariant *body;

	if (!reply || g_dbus_message_to_gerror(reply, error))
		return NULL;
	body = g_dbus_message_get_body(reply);
	if (!body || !g_variant_is_of_type(body, G_VARIANT_TYPE("(as)")) || !g_dbus_message_get_sender(reply)) {
		g_set_error(error, JC_ERROR, JC_PROTOCOL, "it does not say what it can do");
		return NULL;
	}
	note->server = g_strdup(g_dbus_message_get_sender(reply));
	return g_variant_get_child_value(body, 0);
}

static void on_capabilities(GObject *source, GAsyncResult *result, gpointer data)
{
	struct note *note = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusMessage) reply = g_dbus_connection_send_message_with_reply_finish(G_DBUS_CONNECTION(source), result, &error);
	g_autoptr(GVariant) list = read_capabilities(note, reply, &error);
	g_autofree const char **capabilities = list ? g_variant_get_strv(list, NULL) : NULL;

	answered(note);
	if (!list) {
		tell_failure("there is no notification server", error);
		give_up(note);
	} else if (note->over) {
		end_note(note);
	} else {
		show(note, capabilities);
	}
}

/* For each notification anew, since it may be another server by now. The bus may start one. */
static void ask(struct note *note)
{
	g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(SERVER, OBJECT, SERVER, "GetCapabilities");

	note->bus = g_object_ref(note->d->bus);
	note->asking = TRUE;
	note->d->pending++;
	g_dbus_connection_send_message_with_reply(note->bus, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, -1, NULL, note->d->cancel,
						  on_capabilities, note);
}

/* ---- the bus ---- */

/* That of the session, or else of the user. GDBus would start one with dbus-launch where there is none. Caller frees. */
static char *bus_address(void)
{
	const char *address = g_getenv("DBUS_SESSION_BUS_ADDRESS"), *folder = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *path = folder ? g_build_filename(folder, "bus", NULL) : NULL, *escaped = NULL;
	struct stat st;

	if (address && *address)
		return strstr(address, "autolaunch:") ? NULL : g_strdup(address);
	if (!path || stat(path, &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return NULL;
	escaped = g_dbus_address_escape_value(path);
	return g_strconcat("unix:path=", escaped, NULL);
}

static void on_closed(GDBusConnection *bus, gboolean remote_vanished, GError *error, gpointer data)
{
	struct desktop *d = data;

	log_info("notify", "the session bus is gone");
	for (guint i = d->notes->len; i-- > 0;) {
		struct note *note = d->notes->pdata[i];

		if (note->id)			/* the others are told that there is no answer */
			give_up(note);
	}
	g_clear_signal_handler(&d->closed, d->bus);
	g_clear_object(&d->bus);
}

static gboolean waits_for_bus(const struct note *note)
{
	return !note->asking && !note->bus;
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	struct desktop *d = data;
	g_autoptr(GError) error = NULL;

	d->connecting = FALSE;
	d->pending--;
	d->bus = g_dbus_connection_new_for_address_finish(result, &error);
	if (d->bus)
		d->closed = g_signal_connect(d->bus, "closed", G_CALLBACK(on_closed), d);
	else
		tell_failure("there is no session bus", error);
	for (guint i = d->notes->len; i-- > 0;) {
		struct note *note = d->notes->pdata[i];

		if (d->bus && waits_for_bus(note))
			ask(note);
		else if (waits_for_bus(note))
			give_up(note);
	}
}

/* FALSE: there is nothing to connect to. */
static gboolean connect_bus(struct desktop *d)
{
	g_autofree char *address = NULL;

	if (d->bus || d->connecting)
		return TRUE;
	address = bus_address();
	if (!address) {
		log_info("notify", "there is no session bus: calls are not shown on the desktop");
		return FALSE;
	}
	d->connecting = TRUE;
	d->pending++;
	g_dbus_connection_new_for_address(address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
					  G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, d->cancel, on_connected, d);
	return TRUE;
}

/* ---- for the owner ---- */

static void add(struct desktop *d, guint call, const char *summary, const char *body)
{
	struct note *note = g_new0(struct note, 1);

	*note = (struct note){.d = d, .call = call, .summary = g_strdup(summary), .body = g_strdup(body)};
	g_ptr_array_add(d->notes, note);
	if (d->notes->len > MAX_NOTES || !connect_bus(d))
		give_up(note);
	else if (d->bus)
		ask(note);
}

static struct note *find(const struct desktop *d, guint call)
{
	for (guint i = 0; i < d->notes->len; i++) {
		struct note *note = d->notes->pdata[i];

		if (call && note->call == call && !note->over)
			return note;
	}
	return NULL;
}

struct desktop *desktop_new(desktop_chosen_fn *chosen, void *ctx)
{
	struct desktop *d = g_new0(struct desktop, 1);

	d->chosen = chosen;
	d->ctx = ctx;
	d->cancel = g_cancellable_new();
	d->notes = g_ptr_array_new_with_free_func(note_free);
	return d;
}

void desktop_connect(struct desktop *d)
{
	connect_bus(d);
}

void desktop_ring(struct desktop *d, guint call, const char *summary, const char *body)
{
	add(d, call, summary, body);
}

void desktop_stop(struct desktop *d, guint call)
{
	struct note *note = find(d, call);

	if (note)
		end_note(note);
}

void desktop_leave(struct desktop *d, const char *summary, const char *body)
{
	add(d, 0, summary, body);
}

/* ---- the end ---- */

static void on_flushed(GObject *source, GAsyncResult *result, gpointer data)
{
	struct desktop *d = data;

	g_dbus_connection_flush_finish(G_DBUS_CONNECTION(source), result, NULL);
	d->pending--;
}

static gboolean on_limit(gpointer data)
{
	g_cancellable_cancel(data);
	return G_SOURCE_CONTINUE;
}

/* What was asked is answered, which may be followed by taking back what is shown too late; and then all of it is on its way. */
static void settle(struct desktop *d, guint limit_ms)
{
	guint limit = g_timeout_add(limit_ms, on_limit, d->cancel);

	while (d->pending)
		g_main_context_iteration(NULL, TRUE);
	if (d->bus) {
		d->pending++;
		g_dbus_connection_flush(d->bus, d->cancel, on_flushed, d);
	}
	while (d->pending)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(limit);
}

static void end_all_that_ring(struct desktop *d)
{
	for (guint i = d->notes->len; i-- > 0;) {
		struct note *note = d->notes->pdata[i];

		if (note->call)
			end_note(note);
	}
}

void desktop_free(struct desktop *d, guint limit_ms)
{
	if (!d)
		return;
	end_all_that_ring(d);
	settle(d, limit_ms);
	if (d->closed)
		g_clear_signal_handler(&d->closed, d->bus);
	g_clear_object(&d->bus);
	g_object_unref(d->cancel);
	g_ptr_array_unref(d->notes);
	g_free(d);
}
