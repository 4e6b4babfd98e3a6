/* What a server, or whoever is in its place before TLS, says in the login: judged before libstrophe acts upon it. Whatever it says, every
 * verdict is either to go on or an error with words that can be shown. The first byte is the stage. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "xmpp/stream_guard.h"

#define US "juliet@lab.test"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes ERROR. */
static void is_shown(GError *error)
{
	if (error)
		g_assert_true(g_utf8_validate(error->message, -1, NULL) && !strpbrk(error->message, "\n\033"));
	g_clear_error(&error);
}

/* A SCRAM challenge is base64 of text: fuzzers do not find that by themselves. */
static void challenge(const char *text, gsize len)
{
	g_autofree char *base64 = g_base64_encode((const guchar *)text, len);
	g_autofree char *xml = g_strdup_printf("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</challenge>", base64);

	is_shown(guard_challenge(xml, US));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"stream:features", "challenge", "failure", "success"};
	g_autofree char *text = NULL, *pin = NULL;
	GError *failure;
	enum guard_stage stage;

	if (!size)
		return 0;
	stage = (enum guard_stage)(data[0] % 3);
	text = g_strndup((const char *)data + 1, size - 1);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		guard_received(text, names[i]);
	is_shown(guard_features(text, stage, US));
	is_shown(guard_challenge(text, US));
	failure = guard_failure(text, stage, US);
	g_assert_nonnull(failure);
	is_shown(failure);
	challenge(text, strlen(text));
	guard_is_account(text, US);
	pin = guard_pin(text);
	return 0;
}
