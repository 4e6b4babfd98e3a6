#include "config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "text.h"

enum { MAX_BYTES = 1 << 20 };

/* ---- errors with a place ---- */

/* The next line, without the white space around it; NULL after the last. Caller wipes: it may be a password. */
static char *next_line(const char **at)
{
	size_t len = *at ? strcspn(*at, "\n") : 0;
	char *line = *at ? g_strstrip(g_strndup(*at, len)) : NULL;

	*at = *at && (*at)[len] ? *at + len + 1 : NULL;
	return line;
}

/* GKeyFile has no line numbers: the line is found by reading the text once more. */
static unsigned find_line(const char *text, const char *group, const char *key)
{
	g_autofree char *header = g_strdup_printf("[%s]", group);
	gboolean inside = FALSE, found = FALSE;
	unsigned number = 0;
	char *line;

	while (!found && (line = next_line(&text))) {
		size_t n = key ? strlen(key) : 0;

		number++;
		if (*line == '[')
			inside = strcmp(line, header) == 0;
		found = inside && (!key || (strncmp(line, key, n) == 0 && line[n] && strchr(" \t=", line[n])));
		password_free(line);
	}
	return found ? number : 1;
}

gboolean config_fail(struct reading *r, const char *format, ...)
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

/* ---- the lines ---- */

struct lines {
	GHashTable *groups, *keys;	/* name -> its line */
	const char *path;
	GError **error;
};

static gboolean refuse(struct lines *l, unsigned number, const char *format, ...) G_GNUC_PRINTF(3, 4);
static gboolean refuse(struct lines *l, unsigned number, const char *format, ...)
{
	g_autofree char *raw = NULL, *text = NULL;
	va_list ap;

	va_start(ap, format);
	raw = g_strdup_vprintf(format, ap);
	va_end(ap);
	text = text_clean(raw, TEXT_LONG);
	g_set_error(l->error, JC_ERROR, JC_CONFIG, "%s:%u: %s", l->path, number, text);
	return FALSE;
}

/* NAME (taken) stands on line NUMBER; FALSE: it has been there before. */
static gboolean note(struct lines *l, GHashTable *seen, char *name, const char *what, unsigned number)
{
	gpointer before = g_hash_table_lookup(seen, name);

	if (before) {
		refuse(l, number, "%s is on line %u already", what, GPOINTER_TO_UINT(before));
		g_free(name);
		return FALSE;
	}
	g_hash_table_insert(seen, name, GUINT_TO_POINTER(number));
	return TRUE;
}

/* The line is not repeated in the error: it may be half of a password. */
static gboolean check_line(struct lines *l, const char *line, unsigned number)
{
	const char *equals = strchr(line, '=');
	g_autofree char *what = NULL;

	if (!*line || *line == '#')
		return TRUE;
	if (*line == '[') {
		if (line[strlen(line) - 1] != ']' || line[1] == ']')
			return refuse(l, number, "a group is written [name]");
		g_hash_table_remove_all(l->keys);
		return note(l, l->groups, g_strdup(line), line, number);
	}
	if (!equals || equals == line)
		return refuse(l, number, "this is neither [group] nor key = value nor a comment with #");
	if (!g_hash_table_size(l->groups))
		return refuse(l, number, "a key needs a group like [account home] above it");
	what = g_strchomp(g_strndup(line, (gsize)(equals - line)));
	return note(l, l->keys, g_strdup(what), what, number);
}

/* GKeyFile takes the last of two equal keys without a word, and names no line in its errors. */
static gboolean check_lines(const char *path, const char *text, GError **error)
{
	struct lines l = {.path = path, .error = error,
		.groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	unsigned number = 0;
	gboolean good = TRUE;
	char *line;

	while (good && (line = next_line(&text))) {
		good = check_line(&l, line, ++number);
		password_free(line);
	}
	g_hash_table_unref(l.groups);
	g_hash_table_unref(l.keys);
	return good;
}

/* ---- the groups ---- */

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
	g_free(a->gateway);
	g_free(a);
}

static void contact_free(gpointer data)
{
	struct contact *p = data;

	g_free(p->name);
	g_free(p->jid);
	g_free(p);
}

static void hook_free(gpointer data)
{
	struct config_hook *h = data;

	g_free(h->event);
	g_free(h->command);
	g_free(h);
}

static struct config *defaults(void)
{
	struct config *c = g_new0(struct config, 1);

	c->accounts = g_ptr_array_new_with_free_func(account_free);
	c->contacts = g_ptr_array_new_with_free_func(contact_free);
	c->answer_allow = g_ptr_array_new_with_free_func(g_free);
	c->answer_max_calls = 1;
	c->answer_migrate = TRUE;
	c->answer_notify = TRUE;
	c->answer_strangers = TRUE;
	c->hooks = g_ptr_array_new_with_free_func(hook_free);
	c->audio_in = g_strdup("default");
	c->audio_out = g_strdup("default");
	c->codecs = (struct codec_list){.kind = {CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA}, .count = 4};
	c->bitrate_bps = 32000;
	c->ptime_ms = 20;
	c->complexity = 10;
	c->fec = TRUE;
	c->ring_timeout_s = 45;
	c->keyings = (struct keying_list){.kind = {KEYING_DTLS}, .count = 1};
	c->transports = (struct transport_list){.kind = {TRANSPORT_ICE_UDP, TRANSPORT_RAW_UDP}, .count = 2};
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	g_ptr_array_unref(c->accounts);
	g_ptr_array_unref(c->contacts);
	g_ptr_array_unref(c->answer_allow);
	g_free(c->answer_exec);
	g_ptr_array_unref(c->hooks);
	g_free(c->path);
	g_free(c->audio_in);
	g_free(c->audio_out);
	g_free(c->audio_ring);
	explicit_bzero(&c->servers, sizeof(c->servers));
	password_free(c->turn_password);
	g_free(c->turn_user);
	g_free(c);
}

static gboolean unknown_key(struct reading *r, const char *kind)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (const struct config_key *k = config_keys; k->key; k++)
		if (strcmp(k->group, kind) == 0)
			g_string_append_printf(known, "%s%s", known->len ? ", " : "", k->key);
	return config_fail(r, "unknown key '%s' in [%s]; there are: %s", r->key, r->group, known->str);
}

static gboolean read_key(struct reading *r, const char *kind)
{
	const struct config_key *k = config_keys;
	g_autoptr(GError) why = NULL;
	gboolean good;
	char *value;

	while (k->key && (strcmp(k->group, kind) != 0 || strcmp(k->key, r->key) != 0))
		k++;
	if (!k->key)
		return unknown_key(r, kind);
	value = g_key_file_get_string(r->file, r->group, r->key, &why);
	if (!value || why) {
		password_free(value);
		return config_fail(r, "the value of '%s' has a wrong escape; a backslash is written \\\\", r->key);
	}
	good = k->read(r, g_strstrip(value));
	password_free(value);			/* it may be one */
	return good;
}

static gboolean read_group(struct reading *r, const char *kind)
{
	g_auto(GStrv) keys = g_key_file_get_keys(r->file, r->group, NULL, NULL);

	for (char **key = keys; key && *key; key++) {
		r->key = *key;
		if (!read_key(r, kind))
			return FALSE;
	}
	r->key = NULL;
	return TRUE;
}

static gboolean read_account(struct reading *r)
{
	const char *name = strcmp(r->group, "account") == 0 ? "default" : r->group + strlen("account ");

	r->account = g_new0(struct account, 1);
	r->account->name = g_strstrip(g_strdup(name));
	for (guint i = 0; i < r->config->accounts->len; i++)
		if (strcmp(((struct account *)r->config->accounts->pdata[i])->name, r->account->name) == 0)
			r->account->name[0] = '\0';
	g_ptr_array_add(r->config->accounts, r->account);
	if (!r->account->name[0])
		return config_fail(r, "[%s] needs a name of its own", r->group);
	if (!read_group(r, "account"))
		return FALSE;
	return r->account->jid ? TRUE : config_fail(r, "[%s] has no 'jid'", r->group);
}

/* The name stands where an address could: none that looks like one, or like a phone number. */
static gboolean read_contact(struct reading *r)
{
	g_autofree char *name = g_strstrip(g_strdup(r->group + strlen("contact ")));

	if (!jid_valid(name) || strpbrk(name, "@/+") || config_contact_named(r->config, name))
		return config_fail(r, "[%s] needs a name of its own: one word, without @, /, : and +", r->group);
	r->contact = g_new0(struct contact, 1);
	r->contact->name = g_steal_pointer(&name);
	g_ptr_array_add(r->config->contacts, r->contact);
	if (!read_group(r, "contact"))
		return FALSE;
	return r->contact->jid ? TRUE : config_fail(r, "[%s] has no 'jid'", r->group);
}

static gboolean read_plain_group(struct reading *r)
{
	const struct config_key *k = config_keys;

	while (k->key && strcmp(k->group, r->group) != 0)
		k++;
	if (!k->key || strcmp(r->group, "contact") == 0)
		return config_fail(r, "unknown group [%s]; there are [account NAME], [contact NAME], [audio], [answer], [call] and "
				   "[network]", r->group);
	return read_group(r, r->group);
}

static gboolean read_groups(struct reading *r)
{
	g_auto(GStrv) groups = g_key_file_get_groups(r->file, NULL);

	for (char **g = groups; *g; g++) {
		gboolean good;

		r->group = *g;
		r->key = NULL;
		if (strcmp(*g, "account") == 0 || g_str_has_prefix(*g, "account "))
			good = read_account(r);
		else if (g_str_has_prefix(*g, "contact "))
			good = read_contact(r);
		else
			good = read_plain_group(r);
		if (!good)
			return FALSE;
	}
	return TRUE;
}

char *config_default_path(void)
{
	return g_build_filename(g_get_user_config_dir(), "jcall", "config", NULL);
}

struct config *config_parse(const char *path, const char *text, gsize len, gboolean is_private, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) why = NULL;
	struct config *c = defaults();
	struct reading r = {.config = c, .file = file, .path = path, .text = text, .is_private = is_private, .error = error};
	const char *end;

	c->path = g_strdup(path);
	if (!g_utf8_validate(text, (gssize)len, &end)) {
		unsigned line = 1;

		for (const char *p = text; p < end; p++)
			line += *p == '\n' ? 1 : 0;
		g_set_error(error, JC_ERROR, JC_CONFIG, "%s:%u: this is not UTF-8 text", path, line);
	} else if (!check_lines(path, text, error)) {
		;
	} else if (!g_key_file_load_from_data(file, text, len, G_KEY_FILE_NONE, &why)) {
		g_autofree char *clean = text_clean(why->message, TEXT_LONG);

		g_set_error(error, JC_ERROR, JC_CONFIG, "%s: %s", path, clean);
	} else if (read_groups(&r) && config_finish_servers(&r)) {
		return c;
	}
	config_free(c);
	return NULL;
}

/* ---- the file ---- */

/* All of the file, at most MAX_BYTES + 1 bytes and a '\0'; NULL with errno. Caller wipes and frees. */
static char *read_all(int fd, gsize *len)
{
	char *text = g_malloc(MAX_BYTES + 2);
	ssize_t n;

	*len = 0;
	while (*len <= MAX_BYTES && (n = read(fd, text + *len, MAX_BYTES + 1 - *len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			g_free(text);
			return NULL;
		}
		*len += (gsize)n;
	}
	text[*len] = '\0';
	return text;
}

static struct config *load_fd(const char *path, int fd, GError **error)
{
	struct config *c = NULL;
	char *text = NULL;
	struct stat st;
	gsize len = 0;

	if (fstat(fd, &st) != 0 || !(text = read_all(fd, &len)))
		g_set_error(error, JC_ERROR, JC_CONFIG, "cannot read the configuration '%s': %s", path, g_strerror(errno));
	else if (len > MAX_BYTES)
		g_set_error(error, JC_ERROR, JC_CONFIG, "the configuration '%s' is larger than 1 MiB", path);
	else
		c = config_parse(path, text, len, (st.st_mode & 077) == 0, error);
	if (text)
		explicit_bzero(text, len);
	g_free(text);
	return c;
}

struct config *config_load(const char *path, GError **error)
{
	g_autofree char *place = path ? g_strdup(path) : config_default_path();
	struct config *c = NULL;
	int fd = open(place, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && !path && errno == ENOENT)
		return defaults();
	if (fd < 0)
		g_set_error(error, JC_ERROR, JC_CONFIG, "cannot read the configuration '%s': %s", place, g_strerror(errno));
	else
		c = load_fd(place, fd, error);
	if (fd >= 0)
		close(fd);
	return c;
}

void config_forget_passwords(struct config *c)
{
	for (guint i = 0; i < c->accounts->len; i++) {
		struct account *a = c->accounts->pdata[i];

		password_free(g_steal_pointer(&a->password));
	}
}

const struct account *config_account(const struct config *c, const char *name, GError **error)
{
	g_autofree char *place = c->path ? g_strdup(c->path) : config_default_path();
	GString *names;

	if (!c->accounts->len) {
		g_set_error(error, JC_ERROR, JC_CONFIG, "there is no account yet; write into '%s' (chmod 600) the lines "
			    "'[account home]', 'jid = you@example.org' and 'password = ...' (without the last one you are asked)",
			    place);
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
	g_set_error(error, JC_ERROR, JC_CONFIG, "there is no account '%s' in '%s'; there are: %s", name, place, names->str);
	g_string_free(names, TRUE);
	return NULL;
}

gboolean allow_matches(const char *entry, const char *from)
{
	size_t bare = strcspn(from, "/");		/* there may be an '@' in a resource, which says nothing */
	const char *at = memchr(from, '@', bare), *domain = at ? at + 1 : from;
	size_t len = bare - (size_t)(domain - from);

	if (strchr(entry, '@'))
		return jid_same_bare(entry, from);
	return strlen(entry) == len && g_ascii_strncasecmp(entry, domain, len) == 0;
}

const struct contact *config_contact_named(const struct config *c, const char *name)
{
	for (guint i = 0; i < c->contacts->len; i++)
		if (strcmp(((struct contact *)c->contacts->pdata[i])->name, name) == 0)
			return c->contacts->pdata[i];
	return NULL;
}

const struct contact *config_contact(const struct config *c, const char *jid)
{
	const struct contact *found = NULL;

	for (guint i = 0; i < c->contacts->len; i++) {
		const struct contact *p = c->contacts->pdata[i];

		if (allow_matches(p->jid, jid) && (!found || strchr(p->jid, '@')))
			found = p;
	}
	return found;
}
