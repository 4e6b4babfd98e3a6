/* What a name service says of where a server is: lines of "service name priority port weight" and "name address", as GLib would
 * hand them over. Whatever it says, there are eight targets at most, each with a host, and it ends. */
#include <gio/gio.h>
#include <stdint.h>
#include <string.h>

#include "xmpp/targets.h"

enum { MAX_LINES = 200, MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char **zone;

struct fake_resolver {
	GResolver parent;
};

typedef struct fake_resolver FakeResolver;		/* the names G_DEFINE_TYPE wants */
typedef GResolverClass FakeResolverClass;
static GType fake_resolver_get_type(void);
G_DEFINE_TYPE(FakeResolver, fake_resolver, G_TYPE_RESOLVER)

static guint16 number(const char *word)
{
	return (guint16)g_ascii_strtoull(word, NULL, 10);
}

static GList *lookup_service(GResolver *resolver, const gchar *name, GCancellable *cancel, GError **error)
{
	GList *list = NULL;

	for (char **line = zone; *line; line++) {
		g_auto(GStrv) w = g_strsplit(*line, " ", 5);

		if (g_strv_length(w) != 5 || !strstr(name, w[0]))
			continue;
		if (strcmp(w[1], ".") == 0) {		/* GLib's way to say that there is no such service: no list and no error */
			g_resolver_free_targets(list);
			return NULL;
		}
		list = g_list_append(list, g_srv_target_new(w[1], number(w[3]), number(w[2]), number(w[4])));
	}
	if (!list)
		g_set_error(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no record");
	return g_srv_target_list_sort(list);
}

static GList *lookup_by_name(GResolver *resolver, const gchar *name, GCancellable *cancel, GError **error)
{
	GList *list = NULL;

	for (char **line = zone; *line; line++) {
		g_auto(GStrv) w = g_strsplit(*line, " ", 3);
		GInetAddress *address = g_strv_length(w) == 2 && strcmp(w[0], name) == 0 ? g_inet_address_new_from_string(w[1]) : NULL;

		if (address)
			list = g_list_append(list, address);
	}
	if (!list)
		g_set_error(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no record");
	return list;
}

static void fake_resolver_class_init(FakeResolverClass *class)
{
	class->lookup_service = lookup_service;
	class->lookup_by_name = lookup_by_name;
}

static void fake_resolver_init(FakeResolver *r)
{
}

static void find(const char *bare, const char *host, guint16 port)
{
	GArray *targets = targets_find(bare, host, port);

	g_assert_cmpuint(targets->len, <=, MOST);
	for (guint i = 0; i < targets->len; i++) {
		const struct target *t = &g_array_index(targets, struct target, i);

		g_assert_true(t->host && t->address);
	}
	g_array_unref(targets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static GResolver *resolver;
	g_autofree char *text = g_strndup((const char *)data, size);

	if (!g_utf8_validate(text, -1, NULL))
		return 0;			/* GLib hands on names in ASCII */
	if (!resolver)
		g_resolver_set_default(resolver = g_object_new(fake_resolver_get_type(), NULL));
	zone = g_strsplit(text, "\n", MAX_LINES);
	find("juliet@lab.test", NULL, 0);
	find("juliet@lab.test", "xmpp.lab.test", 443);
	g_clear_pointer(&zone, g_strfreev);
	return 0;
}
