/* Lines that somebody sends to a running jcall, and the JSON that they may be. What was understood can be written and is then
 * understood alike. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "err.h"
#include "script/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct request *r)
{
	struct fields *f = request_write(r);
	g_autofree char *line = fields_write(f);
	g_autoptr(GError) error = NULL;
	struct request second;

	g_assert_true(g_utf8_validate(line, -1, NULL) && !strpbrk(line, "\n\r"));
	g_assert_true(request_read(&second, line, strlen(line), &error));
	g_assert_cmpint(second.verb, ==, r->verb);
	g_assert_cmpint(second.call, ==, r->call);
	g_assert_cmpint(second.percent, ==, r->percent);
	g_assert_cmpint(second.output, ==, r->output);
	g_assert_cmpstr(second.text, ==, r->text);
	g_assert_cmpstr(second.id, ==, r->id);
	request_clear(&second);
	fields_free(f);
}

static void ignore(void *ctx, const char *key, const char *value)
{
	g_assert_true(key && value);
}

static void as_json(const char *line, gsize len)
{
	struct fields *f = fields_read(line, len, NULL), *copy = fields_new();
	g_autofree char *out = NULL;

	if (f) {
		fields_each(f, ignore, NULL);
		fields_add_fields(copy, f, "id");
		out = fields_write(f);
		g_assert_true(g_utf8_validate(out, -1, NULL) && !strpbrk(out, "\n\r"));
	}
	fields_free(f);
	fields_free(copy);
}

static void one_line(const char *line, gsize len)
{
	g_autoptr(GError) error = NULL;
	struct request r;

	if (request_read(&r, line, len, &error))
		write_again(&r);
	else
		g_assert_true(error && error->code == JC_USAGE && g_utf8_validate(error->message, -1, NULL));
	request_clear(&r);
	as_json(line, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		gsize len = (gsize)((stop ? stop : end) - at);

		one_line(at, MIN(len, REQUEST_MAX));
		at += len + 1;
	}
	return 0;
}
