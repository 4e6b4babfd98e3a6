#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "audio/audio.h"
#include "err.h"
#include "text.h"

enum { MAX_BYTES = 1 << 20 };

struct reading {
	struct config *config;
	struct account *account;	/* of the group at hand */
	GKeyFile *file;
	const char *path, *text, *group, *key;
	mode_t mode;
	GError **error;
};

/* ---- errors with a place ---- */

/* GKeyFile has no line numbers: the line is found by reading the text once more. */
static unsigned find_line(const char *text, const char *group, const char *key)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *header = g_strdup_printf("[%s]", group);
	gboolean inside = FALSE;

	for (unsigned i = 0; lines[i]; i++) {
		const char *line = g_strstrip(lines[i]);
		size_t n = key ? strlen(key) : 0;

		if (*line == '[')
			inside = g_str_has_prefix(line, header);
		if (inside && !key)
			return i + 1;
		if (inside && key && strncmp(line, key, n) == 0 && strchr(" \t=", line[n]) && line[n])
			return i + 1;
	}
	return 1;
}

static gboolean fail(struct reading *r, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(struct reading *r, const char *format, ...)
{
	g_autofree char *raw = NULL, *text = NULL;
	va_list ap;

	va_start(ap, format);
	raw = g_strdup_vprintf(format, ap);
	va_end(ap);
	text = text_clean(raw, TEXT_LONG);
	g_set_error(r->error, JC_ERROR, JC_CONFIG, "%s:%u: %s", r->path, find_line(r->text, r->group, r->key), text);
	return FALSE;
}

/* ---- one reader per kind of value ---- */

static gboolean get_number(struct reading *r, const char *value, guint min, guint max, guint *out)
{
	guint64 n;

	if (!text_uint(value, min, max, &n))
		return fail(r, "'%s' is a whole number from %u to %u, not '%s'", r->key, min, max, value);
	*out = (guint)n;
	return TRUE;
}

static gboolean get_switch(struct reading *r, const char *value, gboolean *out)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return fail(r, "'%s' is true or false, not '%s'", r->key, value);
	*out = strcmp(value, "true") == 0;
	return TRUE;
}

static gboolean get_text(struct reading *r, const char *value, char **out)
{
	if (!*value)
		return fail(r, "'%s' is empty", r->key);
	g_free(*out);
	*out = g_strdup(value);
	return TRUE;
}

static gboolean get_path(struct reading *r, const char *value, char **out)
{
	if (!get_text(r, value, out))
		return FALSE;
	if (g_str_has_prefix(value, "~/")) {
		g_free(*out);
		*out = g_build_filename(g_get_home_dir(), value + 2, NULL);
	}
	return TRUE;
}

/* host, host:port or [address]:port */
static gboolean get_host(struct reading *r, const char *value, char **host, guint16 *port)
{
	const char *end = *value == '[' ? strchr(value, ']') : NULL;
	const char *colon = end ? end + 1 : strchr(value, ':');
	guint64 n = 0;

	if (!end && colon && strchr(colon + 1, ':'))
		colon = NULL;				/* a bare IPv6 address */
	if (colon && *colon && (*colon != ':' || !text_uint(colon + 1, 1, 65535, &n)))
		return fail(r, "'%s' is a host or host:port, not '%s'", r->key, value);
	g_free(*host);
	*host = end ? g_strndup(value + 1, (gsize)(end - value - 1)) : colon ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
	*port = (guint16)n;
	return **host ? TRUE : fail(r, "'%s' is empty", r->key);
}

static gboolean get_spec(struct reading *r, const char *value, gboolean output, char **out)
{
	g_autoptr(GError) error = NULL;
	const char *arg;

	if (!audio_find(value, output, &arg, &error))
		return fail(r, "%s", error->message);
	return get_text(r, value, out);
}

/* ---- the keys ---- */

static gboolean read_jid(struct reading *r, const char *v)
{
	if (!jid_valid(v) || !strchr(v, '@'))
		return fail(r, "'%s' is not an address like romeo@montague.lit", v);
	return get_text(r, v, &r->account->jid);
}

static gboolean read_password(struct reading *r, const char *v)
{
	if (r->mode & 077)
		return fail(r, "there is a password in this file, and others may read it: chmod 600 '%s'", r->path);
	return get_text(r, v, &r->account->password);
}

static gboolean read_password_command(struct reading *r, const char *v)
{
	g_auto(GStrv) argv = NULL;

	if (!g_shell_parse_argv(v, NULL, &argv, NULL))
		return fail(r, "'password_command' is not a command line: '%s'", v);
	return get_text(r, v, &r->account->password_command);
}

static gboolean read_server(struct reading *r, const char *v)
{
	return get_host(r, v, &r->account->host, &r->account->port);
}

static gboolean read_ca_file(struct reading *r, const char *v)
{
	if (!get_path(r, v, &r->account->ca_file))
		return FALSE;
	if (!g_file_test(r->account->ca_file, G_FILE_TEST_IS_REGULAR))
		return fail(r, "there is no file '%s'", r->account->ca_file);
	return TRUE;
}

static gboolean read_pin(struct reading *r, const char *v)
{
	GString *pin = g_string_new("sha256:");
	const char *hex = g_str_has_prefix(v, "sha256:") ? v + 7 : "";

	for (; *hex; hex++)
		if (g_ascii_isxdigit(*hex))
			g_string_append_c(pin, g_ascii_tolower(*hex));
		else if (*hex != ':')
			break;
	g_free(r->account->pin);
	r->account->pin = g_string_free(pin, FALSE);
	if (*hex || strlen(r->account->pin) != 7 + 64)
		return fail(r, "'pin' is sha256: and 64 hexadecimal digits");
	return TRUE;
}

static gboolean read_in(struct reading *r, const char *v)
{
	return get_spec(r, v, FALSE, &r->config->audio_in);
}

static gboolean read_out(struct reading *r, const char *v)
{
	return get_spec(r, v, TRUE, &r->config->audio_out);
}

static gboolean read_ring(struct reading *r, const char *v)
{
	return get_spec(r, v, TRUE, &r->config->audio_ring);
}

static gboolean read_bitrate(struct reading *r, const char *v)
{
	return get_number(r, v, 6000, 128000, &r->config->bitrate_bps);
}

static gboolean read_ptime(struct reading *r, const char *v)
{
	guint ms = 0;

	if (!get_number(r, v, 10, 60, &ms))
		return FALSE;
	if (ms != 10 && ms != 20 && ms != 40 && ms != 60)
		return fail(r, "'ptime' is 10, 20, 40 or 60, not '%s'", v);
	r->config->ptime_ms = ms;
	return TRUE;
}

static gboolean read_complexity(struct reading *r, const char *v)
{
	return get_number(r, v, 0, 10, &r->config->complexity);
}

static gboolean read_fec(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->fec);
}

static gboolean read_dtx(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->dtx);
}

static gboolean read_allow(struct reading *r, const char *v)
{
	g_auto(GStrv) words = g_strsplit_set(v, "; ,\t", -1);

	for (char **w = words; *w; w++) {
		if (!**w)
			continue;
		if (!jid_valid(*w) || strchr(*w, '/'))
			return fail(r, "'%s' is neither an address nor a domain", *w);
		g_ptr_array_add(r->config->answer_allow, g_strdup(*w));
	}
	return TRUE;
}

static gboolean read_allow_contacts(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->answer_allow_contacts);
}

static gboolean read_ring_timeout(struct reading *r, const char *v)
{
	return get_number(r, v, 1, 3600, &r->config->ring_timeout_s);
}

static gboolean read_stun(struct reading *r, const char *v)
{
	return get_host(r, v, &r->config->stun_host, &r->config->stun_port);
}

static gboolean read_loopback(struct reading *r, const char *v)
{
	return get_switch(r, v, &r->config->loopback);
}

/* Every key there is; man/jcall-config.5 and config.example are compared with this table by a test. */
const struct config_key config_keys[] = {
	{"account", "jid", read_jid}, {"account", "password", read_password},
	{"account", "password_command", read_password_command}, {"account", "server", read_server},
	{"account", "ca_file", read_ca_file}, {"account", "pin", read_pin},
	{"audio", "in", read_in}, {"audio", "out", read_out}, {"audio", "ring", read_ring},
	{"audio", "bitrate", read_bitrate}, {"audio", "ptime", read_ptime}, {"audio", "complexity", read_complexity},
	{"audio", "fec", read_fec}, {"audio", "dtx", read_dtx},
	{"answer", "allow", read_allow}, {"answer", "allow_contacts", read_allow_contacts},
	{"call", "ring_timeout", read_ring_timeout},
	{"network", "stun", read_stun}, {"network", "loopback", read_loopback},
	{NULL, NULL, NULL}};

/* ---- the file ---- */

static void account_free(gpointer data)
{
	struct account *a = data;

	g_free(a->name);
	g_free(a->jid);
	password_free(a->password);
	g_free(a->password_command);
	g_free(a->host);
	g_free(a->ca_file);
	g_free(a->pin);
	g_free(a);
}

static struct config *defaults(void)
{
	struct config *c = g_new0(struct config, 1);

	c->accounts = g_ptr_array_new_with_free_func(account_free);
	c->answer_allow = g_ptr_array_new_with_free_func(g_free);
	c->audio_in = g_strdup("default");
	c->audio_out = g_strdup("default");
	c->bitrate_bps = 32000;
	c->ptime_ms = 20;
	c->complexity = 10;
	c->fec = TRUE;
	c->ring_timeout_s = 45;
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	g_ptr_array_unref(c->accounts);
	g_ptr_array_unref(c->answer_allow);
	g_free(c->path);
	g_free(c->audio_in);
	g_free(c->audio_out);
	g_free(c->audio_ring);
	g_free(c->stun_host);
	g_free(c);
}

static gboolean read_group(struct reading *r, const char *kind)
{
	g_auto(GStrv) keys = g_key_file_get_keys(r->file, r->group, NULL, NULL);

	for (char **key = keys; key && *key; key++) {
		const struct config_key *k = config_keys;
		g_autofree char *value = NULL;

		r->key = *key;
		while (k->key && (strcmp(k->group, kind) != 0 || strcmp(k->key, *key) != 0))
			k++;
		if (!k->key)
			return fail(r, "there is no key '%s' in [%s]", *key, r->group);
		value = g_key_file_get_string(r->file, r->group, *key, NULL);
		if (!value)
			return fail(r, "the value of '%s' cannot be read", *key);
		if (!k->read(r, g_strstrip(value)))
			return FALSE;
	}
	r->key = NULL;
	return TRUE;
}

static gboolean read_account(struct reading *r)
{
	const char *name = g_strcmp0(r->group, "account") == 0 ? "default" : r->group + strlen("account ");

	r->account = g_new0(struct account, 1);
	r->account->name = g_strstrip(g_strdup(name));
	g_ptr_array_add(r->config->accounts, r->account);
	if (!read_group(r, "account"))
		return FALSE;
	return r->account->jid ? TRUE : fail(r, "[%s] has no jid", r->group);
}

static gboolean read_groups(struct reading *r)
{
	g_auto(GStrv) groups = g_key_file_get_groups(r->file, NULL);

	for (char **g = groups; *g; g++) {
		const struct config_key *k = config_keys;

		r->group = *g;
		r->key = NULL;
		if (strcmp(*g, "account") == 0 || g_str_has_prefix(*g, "account ")) {
			if (!read_account(r))
				return FALSE;
			continue;
		}
		while (k->key && strcmp(k->group, *g) != 0)
			k++;
		if (!k->key)
			return fail(r, "there is no group [%s]; there are [account NAME], [audio], [answer], [call] and [network]", *g);
		if (!read_group(r, *g))
			return FALSE;
	}
	return TRUE;
}

char *config_default_path(void)
{
	return g_build_filename(g_get_user_config_dir(), "jcall", "config", NULL);
}

static gboolean parse(struct config *c, const char *text, gsize len, mode_t mode, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) why = NULL;
	struct reading r = {.config = c, .file = file, .path = c->path, .text = text, .mode = mode, .error = error};

	if (len > MAX_BYTES || !g_utf8_validate(text, (gssize)len, NULL)) {
		g_set_error(error, JC_ERROR, JC_CONFIG, "%s: it is no configuration file", c->path);
		return FALSE;
	}
	if (!g_key_file_load_from_data(file, text, len, G_KEY_FILE_NONE, &why)) {
		g_autofree char *clean = text_clean(why->message, TEXT_LONG);

		g_set_error(error, JC_ERROR, JC_CONFIG, "%s: %s", c->path, clean);
		return FALSE;
	}
	return read_groups(&r);
}

struct config *config_load(const char *path, GError **error)
{
	struct config *c = defaults();
	g_autofree char *text = NULL;
	struct stat st;
	gsize len;

	c->path = path ? g_strdup(path) : config_default_path();
	if (stat(c->path, &st) != 0) {
		if (!path && errno == ENOENT) {
			g_clear_pointer(&c->path, g_free);
			return c;
		}
		g_set_error(error, JC_ERROR, JC_CONFIG, "cannot read the configuration '%s': %s", c->path, g_strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > MAX_BYTES || !g_file_get_contents(c->path, &text, &len, NULL)) {
		g_set_error(error, JC_ERROR, JC_CONFIG, "cannot read the configuration '%s'", c->path);
	} else if (parse(c, text, len, st.st_mode, error)) {
		return c;
	}
	config_free(c);
	return NULL;
}

const struct account *config_account(const struct config *c, const char *name, GError **error)
{
	g_autofree char *place = c->path ? g_strdup(c->path) : config_default_path();
	GString *names;

	if (!c->accounts->len) {
		g_set_error(error, JC_ERROR, JC_CONFIG, "there is no account yet; write into %s: [account home], and below it "
			    "jid = you@example.org (and password_command, or be asked for the password)", place);
		return NULL;
	}
	if (!name)
		return c->accounts->pdata[0];
	names = g_string_new(NULL);
	for (guint i = 0; i < c->accounts->len; i++) {
		struct account *a = c->accounts->pdata[i];

		if (strcmp(a->name, name) == 0) {
			g_string_free(names, TRUE);
			return a;
		}
		g_string_append_printf(names, "%s%s", i ? ", " : "", a->name);
	}
	g_set_error(error, JC_ERROR, JC_CONFIG, "there is no account '%s' in %s; there are: %s", name, place, names->str);
	g_string_free(names, TRUE);
	return NULL;
}

gboolean allow_matches(const char *entry, const char *from)
{
	const char *at = strchr(from, '@'), *domain = at ? at + 1 : from;
	size_t len = strcspn(domain, "/");

	if (strchr(entry, '@'))
		return jid_same_bare(entry, from);
	return strlen(entry) == len && g_ascii_strncasecmp(entry, domain, len) == 0;
}
