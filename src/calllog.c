#include "calllog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jid.h"
#include "log.h"
#include "state.h"
#include "text.h"

#define WHAT "list of calls"

enum { TRIM_BYTES = 40 * 1024, MAX_ID = 128, LOCK_TRIES = 50, LOCK_US = 4000, COLUMNS = 7 };	/* and one more, "stranger", for those */

struct calllog {
	char *path;
	int lock;			/* a descriptor of the folder; -1: none */
	GPtrArray *entries;
	gint64 until_s;
	gboolean changed;
};

/* ---- entries ---- */

void call_entry_free(gpointer e)
{
	struct call_entry *entry = e;

	g_free(entry->peer);
	g_free(entry->id);
	g_free(entry);
}

gboolean call_entry_is_missed(const struct call_entry *e)
{
	return e->incoming && (e->outcome == JC_NO_ANSWER || e->outcome == JC_BUSY);
}

/* ---- the file ---- */

char *calllog_path(const char *jid)
{
	return state_path(jid, ".calls");
}

static gboolean fail(GError **error, const char *path, const char *what)
{
	g_set_error(error, JC_ERROR, JC_FILE, "the " WHAT " %s %s", path, what);
	return FALSE;
}

/* Whoever holds it has it for some milliseconds; should one of us have been stopped meanwhile, an entry too many or too few is
 * better than to wait for him. */
static int lock_folder(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			break;
		g_usleep(LOCK_US);
	}
	return fd;
}

static gboolean read_outcome(const char *word, enum jc_err *out)
{
	for (int i = 0; i < JC_ERR_COUNT; i++)
		if (strcmp(jc_symbol((enum jc_err)i), word) == 0) {
			*out = (enum jc_err)i;
			return TRUE;
		}
	return FALSE;
}

/* Two ways and no other, so that a line has one meaning. */
static gboolean read_choice(const char *word, const char *yes, const char *no, gboolean *out)
{
	*out = strcmp(word, yes) == 0;
	return *out || strcmp(word, no) == 0;
}

static void read_line(struct calllog *l, char *line)
{
	g_auto(GStrv) column = g_strsplit(line, "\t", COLUMNS + 2);
	struct call_entry e = {0};
	guint64 at, duration;
	g_autofree char *peer = NULL;

	if (g_strv_length(column) == 2 && strcmp(column[0], "until") == 0 && text_uint(column[1], 0, G_MAXINT64, &at)) {
		l->until_s = (gint64)at;
		return;
	}
	e.stranger = g_strv_length(column) == COLUMNS + 1 && strcmp(column[COLUMNS], "stranger") == 0;
	peer = g_strv_length(column) >= COLUMNS ? jid_prepare(column[5]) : NULL;
	if ((g_strv_length(column) != COLUMNS && !e.stranger) || !text_uint(column[0], 0, 253402300799, &at) ||
	    !read_choice(column[1], "in", "out", &e.incoming) || !read_outcome(column[2], &e.outcome) ||
	    !text_uint(column[3], 0, G_MAXUINT, &duration) || !read_choice(column[4], "shown", "new", &e.shown) ||
	    !peer || !*column[6])
		return;
	e.at_s = (gint64)at;
	e.duration_s = (guint)duration;
	e.peer = peer;
	e.id = column[6];
	calllog_add(l, &e);
}

struct calllog *calllog_open(const char *path, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;
	struct calllog *l;

	if (g_mkdir_with_parents(folder, 0700) != 0) {
		fail(error, path, g_strerror(errno));
		return NULL;
	}
	l = g_new0(struct calllog, 1);
	l->path = g_strdup(path);
	l->lock = lock_folder(path);
	l->entries = g_ptr_array_new_with_free_func(call_entry_free);
	if (!state_read(path, WHAT, text, error)) {
		calllog_close(l, NULL);
		return NULL;
	}
	lines = g_strsplit(text->str, "\n", -1);
	for (char **line = lines; *line; line++)
		read_line(l, *line);
	l->changed = FALSE;
	return l;
}

static void write_entry(GString *text, const struct call_entry *e)
{
	g_string_append_printf(text, "%" G_GINT64_FORMAT "\t%s\t%s\t%u\t%s\t%s\t%s%s\n", e->at_s, e->incoming ? "in" : "out",
			       jc_symbol(e->outcome), e->duration_s, e->shown ? "shown" : "new", e->peer, e->id,
			       e->stranger ? "\tstranger" : "");
}

static char *write_text(const struct calllog *l)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "until\t%" G_GINT64_FORMAT "\n", l->until_s);
	for (guint i = 0; i < l->entries->len; i++)
		write_entry(text, l->entries->pdata[i]);
	return g_string_free(text, FALSE);
}

gboolean calllog_close(struct calllog *l, GError **error)
{
	gboolean ok = TRUE;

	if (l->changed) {
		g_autofree char *text = write_text(l);

		ok = state_write(l->path, WHAT, text, error);
	}
	if (l->lock >= 0)
		close(l->lock);
	g_ptr_array_unref(l->entries);
	g_free(l->path);
	g_free(l);
	return ok;
}

/* ---- what is in it ---- */

GPtrArray *calllog_entries(struct calllog *l)
{
	return l->entries;
}

static gboolean has(const struct calllog *l, const struct call_entry *e)
{
	for (guint i = 0; i < l->entries->len; i++) {
		const struct call_entry *other = l->entries->pdata[i];

		if (other->incoming == e->incoming && strcmp(other->id, e->id) == 0 && strcmp(other->peer, e->peer) == 0)
			return TRUE;
	}
	return FALSE;
}

/* What a caller has put into an id must not look like another line of the file. */
static struct call_entry *make_entry(const struct call_entry *e)
{
	g_autofree char *bare = jid_bare(e->peer);
	struct call_entry *entry = g_new0(struct call_entry, 1);

	*entry = *e;
	entry->peer = g_ascii_strdown(bare, -1);
	entry->id = text_clean(e->id, MAX_ID);
	return entry;
}

static gboolean is_sound(const struct call_entry *e)
{
	return jid_valid(e->peer) && *e->id;
}

/* Of the calls of strangers, or of all others, the latest MOST are left. */
static void bound(struct calllog *l, gboolean stranger, guint most)
{
	guint count = 0;

	for (guint i = l->entries->len; i-- > 0;) {
		const struct call_entry *e = l->entries->pdata[i];

		if (e->stranger == stranger && ++count > most)
			g_ptr_array_remove_index(l->entries, i);
	}
}

gboolean calllog_add(struct calllog *l, const struct call_entry *e)
{
	struct call_entry *entry = make_entry(e);
	guint place = l->entries->len;

	if (!is_sound(entry) || has(l, entry)) {
		call_entry_free(entry);
		return FALSE;
	}
	while (place > 0 && ((struct call_entry *)l->entries->pdata[place - 1])->at_s > e->at_s)
		place--;
	g_ptr_array_insert(l->entries, (gint)place, entry);
	bound(l, entry->stranger, entry->stranger ? CALLLOG_STRANGERS : CALLLOG_MAX);
	l->changed = TRUE;
	return TRUE;
}

void calllog_show(struct calllog *l, struct call_entry *e)
{
	l->changed |= !e->shown;
	e->shown = TRUE;
}

gint64 calllog_until(const struct calllog *l)
{
	return l->until_s;
}

void calllog_set_until(struct calllog *l, gint64 until_s)
{
	l->changed |= l->until_s != until_s;
	l->until_s = until_s;
}

/* ---- one call more ---- */

static gboolean keep_whole(const char *path, const struct call_entry *e, GError **error)
{
	struct calllog *l = calllog_open(path, error);

	if (!l)
		return FALSE;
	calllog_add(l, e);
	return calllog_close(l, error);
}

/* What has grown line by line is written anew, with the calls that are left of it. */
static void trim(const char *path)
{
	struct calllog *l = calllog_open(path, NULL);

	if (!l)
		return;
	l->changed = TRUE;
	calllog_close(l, NULL);
}

/* *LARGE: the file has become so large that it is worth a look at what is in it. */
static gboolean append_line(const char *path, const GString *line, gboolean *large)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	gboolean ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		write(fd, line->str, line->len) == (ssize_t)line->len;

	if (fd >= 0)
		close(fd);
	*large = ok && st.st_size >= TRIM_BYTES;
	return ok;
}

/* FALSE: it takes more than a line at the end. */
static gboolean append(const char *path, const struct call_entry *e)
{
	g_autoptr(GString) line = g_string_new(NULL);
	struct call_entry *entry = make_entry(e);
	int lock = lock_folder(path);
	gboolean ok, large;

	if (is_sound(entry))
		write_entry(line, entry);
	ok = append_line(path, line, &large);
	if (lock >= 0)
		close(lock);
	if (large)			/* which locks it by itself */
		trim(path);
	call_entry_free(entry);
	return ok;
}

gboolean calllog_keep(const char *path, const struct call_entry *e, GError **error)
{
	return append(path, e) || keep_whole(path, e, error);
}

/* ---- the same by a keeper ---- */

struct keeping {
	char *path;
	struct call_entry *entry;
};

static void keep(void *data)
{
	struct keeping *job = data;
	g_autoptr(GError) error = NULL;

	if (!calllog_keep(job->path, job->entry, &error))
		log_warn("calls", "%s", error->message);
	call_entry_free(job->entry);
	g_free(job->path);
	g_free(job);
}

void calllog_keep_by(struct keeper *k, const char *path, const struct call_entry *e)
{
	struct keeping *job = g_new(struct keeping, 1);

	*job = (struct keeping){.path = g_strdup(path), .entry = make_entry(e)};
	keeper_do(k, WHAT, keep, NULL, job);
}
