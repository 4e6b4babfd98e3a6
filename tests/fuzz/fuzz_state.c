/* The small files that jcall keeps, as somebody else may have left them: who is on the contact list, which calls there were. What
 * is read can be written, is then read alike, and is as harmless as its header says. The first byte says which file it is. */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "calllog.h"
#include "known.h"
#include "state.h"
#include "text.h"

#define US "juliet@lab.test"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_harmless(const char *jid, const char *words)
{
	g_assert_true(jid_valid(jid) && !jid_resource(jid));
	g_assert_true(g_utf8_validate(words, -1, NULL) && !strpbrk(words, "\t\n\r\033"));
}

static void as_known(void)
{
	g_autoptr(GPtrArray) people = known_load(US), again = NULL;

	g_assert_cmpuint(people->len, <=, KNOWN_MAX);
	g_assert_true(known_keep(US, people, NULL));
	again = known_load(US);
	g_assert_cmpuint(again->len, ==, people->len);
	for (guint i = 0; i < people->len; i++) {
		const struct known *k = people->pdata[i], *l = again->pdata[i];

		is_harmless(k->jid, k->name);
		g_assert_cmpstr(k->jid, ==, l->jid);
		g_assert_cmpstr(k->name, ==, l->name);
	}
}

static void is_call(const struct call_entry *e, const struct call_entry *again)
{
	is_harmless(e->peer, e->id);
	g_assert_cmpstr(e->peer, ==, again->peer);
	g_assert_cmpstr(e->id, ==, again->id);
	g_assert_cmpint(e->at_s, ==, again->at_s);
	g_assert_cmpint(e->outcome, ==, again->outcome);
	g_assert_cmpuint(e->duration_s, ==, again->duration_s);
	g_assert_true(e->incoming == again->incoming && e->shown == again->shown);
}

/* Reads the list, and writes it if it SAVES; the next to open it need not wait for this one. Caller unrefs. */
static GPtrArray *read_calls(const char *path, gboolean saves)
{
	struct calllog *l = calllog_open(path, NULL);
	GPtrArray *entries;

	g_assert_nonnull(l);
	if (saves)
		calllog_set_until(l, calllog_until(l) + 1);
	entries = g_ptr_array_ref(calllog_entries(l));
	g_assert_cmpuint(entries->len, <=, CALLLOG_MAX);
	g_assert_true(calllog_close(l, NULL));
	return entries;
}

static void as_calls(const char *path)
{
	struct call_entry one = {.at_s = 1763719200, .incoming = TRUE, .outcome = JC_NO_ANSWER, .peer = (char *)"romeo@lab.test",
				 .id = (char *)"of this run"};
	g_autoptr(GPtrArray) first = NULL, second = NULL;

	g_assert_true(calllog_keep(path, &one, NULL));
	first = read_calls(path, TRUE);
	second = read_calls(path, FALSE);
	g_assert_cmpuint(first->len, ==, second->len);
	for (guint i = 0; i < first->len; i++)
		is_call(first->pdata[i], second->pdata[i]);
}

/* Nobody's own files are touched. In memory where that can be: lists are on the disk before they count as written. */
static void go_to_folder_of_our_own(void)
{
	const char *root = g_file_test("/dev/shm", G_FILE_TEST_IS_DIR) ? "/dev/shm" : g_get_tmp_dir();
	g_autofree char *folder = g_strdup_printf("%s/jcall-fuzz-%d", root, (int)getpid());

	g_assert_true(g_setenv("XDG_STATE_HOME", folder, TRUE));
}

/* PATH, its folder and the folder above, which is ours. */
static void remove_all(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);

	g_remove(path);
	g_rmdir(folder);
	g_rmdir(g_get_user_state_dir());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *path = NULL, *text = NULL;

	if (!size)
		return 0;
	go_to_folder_of_our_own();
	text = g_strndup((const char *)data + 1, size - 1);
	path = data[0] & 1 ? calllog_path(US) : state_path(US, ".contacts");
	g_assert_true(state_write(path, "list", text, NULL));
	if (data[0] & 1)
		as_calls(path);
	else
		as_known();
	remove_all(path);
	return 0;
}
